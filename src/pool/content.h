/* The files of conferences at this pool: for each home a keeper (content_inside.h) that compares
 * the file store with the manifests, takes changes up where the home is served, and brings back
 * what is missing. Everything is called on the loop but for what says otherwise. */
#ifndef POLLUX_POOL_CONTENT_H
#define POLLUX_POOL_CONTENT_H

#include <stdatomic.h>

#include "content/file_store.h"
#include "core/batch.h"
#include "pool/front_end.h"

struct content;

enum {
    CONTENT_TICK_MS = 100,
    /* How long somebody is left alone who writes a file and does not close it; and how often a file
     * that is written again and again is taken up. */
    CONTENT_QUIET_MS = 1000,
    /* A file that changed less than that ago may change again under the same time. */
    CONTENT_YOUNG_MS = 50,
    /* Where the kernel does not tell of changes, everything is looked at so often. */
    CONTENT_BLIND_MS = 30000,
    /* The file store itself: is it still there, with its marker? */
    CONTENT_CHECK_MS = 1000,
    CONTENT_RETRY_MS = 2000, /* after something went wrong */
    /* One turn of a keeper; whoever waits for it waits no longer than for two of them. */
    CONTENT_TURN_MS = 3000,
    CONTENT_KEYS_MAX = 200000, /* to be looked at, or fetched; what is more is found by a scan */
    CONTENT_LENDERS_MAX = 2,   /* threads that read chunks for the partner */
    /* Of files in one batch, so that each is there in a moment and its cookie moves. */
    CONTENT_BATCH_BYTES = 64 << 20,
};

struct content *content_new(struct front_end *fe);
void content_start(struct content *content);
/* After the link was stopped, while the store is still there. */
void content_stop(struct content *content);
void content_free(struct content *content);

struct content *front_end_content(const struct front_end *fe);
/* NULL: this pool has no file store. Any thread may use it. */
const struct file_store *content_files(const struct content *content);
/* The explicit act that makes the configured folder this pool's file store: with its home. */
void content_create(const struct content *content);
/* Manifests of this home were committed: they are to be copied now, not with the next tick. */
void content_changed(struct content *content, const char *home);

/* Any thread. Manifests came into this home that neither its users wrote nor a batch brought: what
 * they speak of is looked for. */
void content_look(const struct content *content, const char *home);

/* What is still to be done, of a home or (NULL) of all. It has looked at what the kernel told until
 * now. */
struct content_left content_left(struct content *content, const char *home);
/* How many files of it are not where their manifests say, or are others: they came without their
 * files, or these were lost since. */
#define CONTENT_UNKNOWN UINT64_MAX /* they are still to be looked at */
uint64_t content_missing(const struct content *content, const char *home);
/* A scan since this pool has been what it is to the home is at its end, or there is nothing that
 * could be scanned: the home's head may be spoken of (protocol, rule 16). */
bool content_may_export(struct content *content, const char *home);
/* Why not everything is in order; `kind` OK: nothing is wrong. `home` NULL: of any. */
struct error content_trouble(struct content *content, const char *home);

/* Since this process began. */
struct content_counts {
    uint64_t taken_up; /* files that others changed */
    uint64_t fetched;  /* files that came from the other pool, or were put together anew */
    uint64_t bytes_fetched, bytes_found; /* their chunks: from the other pool; found here */
    uint64_t aside;
};
struct content_counts content_counts(const struct content *content, const char *home);

/* A batch of manifests arrived: their files are brought here first. `done` is told, on the loop, up
 * to which usn everything is in its place and durable, and if that is not all of it, why (`kind`
 * OK: it takes longer, or changes meanwhile). The bytes are lent until then. */
typedef void content_ready(uint64_t upto, const struct error *e, void *context);
void content_prepare(struct content *content, const char *home, struct bytes batch,
                     content_ready *done, void *context);

/* Any thread. Of a copy: everything that its exporter had has come; or something more is on its
 * way.
 */
/* No more turns for this home. False: one is under way. On the loop. */
bool content_retire(const struct content *content, const char *home);
void content_complete(const struct content *content, const char *home, bool complete);

/* The partner asks for chunks: a handler of the link, whose context is the front end. */
void content_on_chunks(const struct machine *from, struct bytes request, struct link_reply *reply,
                       void *context);
void content_configure(struct content *content, size_t calls_max);

/* For the scrub, on its thread: reads every file of the home against its hashes, at a bounded rate,
 * and has what is damaged brought back. `goes_on` false ends it. */
enum failure content_scrub(struct content *content, const char *home, atomic_bool *stopping,
                           uint64_t *damaged, struct error *e);

#endif
