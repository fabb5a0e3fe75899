/* Files that belong here by their manifests, assembled from what is here already and what the other
 * pool has, durable, and in their places. On a thread that may wait; knows nothing of why they are
 * missing. */
#ifndef POLLUX_POOL_CONTENT_FETCH_H
#define POLLUX_POOL_CONTENT_FETCH_H

#include <stdatomic.h>

#include "content/incoming.h"
#include "content/seeds.h"
#include "core/pace.h"
#include "pool/content_calls.h"

enum {
    FETCH_CALLS = 2, /* under way at once, so that the disk and the link work at the same time */
    /* Files whose contents become durable one by one; more of them by one round for all. */
    FETCH_SINGLY_MAX = 8,
    /* A chunk that was changed is looked for between those that were not; further away there is
     * more than a small change. */
    FETCH_NEAR = 8,
    FETCH_FILES_MAX = 2000, /* in one round: they wait beside their places until all are whole */
};

enum fetch_state {
    FETCH_WANTED,
    FETCH_WHOLE,  /* assembled, not in its place yet */
    FETCH_PLACED, /* and durable */
    FETCH_ABSENT, /* the other pool does not have what the manifest says (any more) */
    FETCH_PASSED, /* it was changed or deleted while it was fetched */
};

struct fetch_file {
    struct file_name name;
    struct bytes key; /* lent */
    struct manifest manifest;
    bool had_stamp;        /* a version was here before, by our own manifest, … */
    struct file_stamp had; /* … under this stamp: anything else in its place is somebody's */
    bool aside;            /* the version that is wanted was set aside here */
    enum fetch_state state;
    /* While it is assembled. */
    struct incoming *incoming;
    size_t asked, written; /* chunks */
    uint8_t *sources;
    uint64_t *offsets;
    uint32_t *same; /* for each chunk, the first one in the file with that content */
};

/* Each begins where it stopped, whatever the other one is about. */
enum fetch_for { FETCH_FOR_BATCH, FETCH_FOR_REPAIR, FETCH_FORS };

struct fetch {
    const struct file_store *files;
    struct content_calls *calls;
    struct seeds *seeds;
    char home[HOME_NAME_SIZE];
    char pool[FQDN_SIZE]; /* the other one; "" if there is none */
    atomic_bool *stopping;
    atomic_ullong *bytes_fetched, *bytes_found;
    struct pace pace; /* of questions for chunks */
    /* One that took longer than its turn; it goes on where it stopped. */
    struct fetch_file *half[FETCH_FORS];
};

/* Where their order does not matter: only the first of a list goes on where it stopped. */
void fetch_half_first(const struct fetch_file *half, struct fetch_file *list, size_t count);
/* As many of them as are whole by `until_ms`. What fails as a whole (nobody answers, no room) is
 * told; that one file is absent is not. */
enum failure fetch_files(struct fetch *f, enum fetch_for why, struct fetch_file *list, size_t count,
                         uint64_t until_ms, struct error *e);
/* Those that are whole: made durable, set in their places. `still` is asked right before (NULL: all
 * are wanted): to fetch something takes a while, and what its users did to it meanwhile counts. */
typedef bool fetch_still(const struct fetch_file *file, void *context);
enum failure fetch_place(struct fetch *f, struct fetch_file *list, size_t count, fetch_still *still,
                         void *context, struct error *e);
/* Of the one that is not whole yet, so much is here. */
uint64_t fetch_half_bytes(const struct fetch *f, enum fetch_for why);
void fetch_let_go_of_half(struct fetch *f, enum fetch_for why);
/* What is in it, not itself. */
void fetch_file_clear(struct fetch_file *file);
void fetch_clear(struct fetch *f);

#endif
