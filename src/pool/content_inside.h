/* What the files of this part share: a keeper, one for each home.
 *
 * It works in turns, on a thread of its own, one turn at a time. The loop gives it its role before
 * each turn; what both touch is behind the lock. */
#ifndef POLLUX_POOL_CONTENT_INSIDE_H
#define POLLUX_POOL_CONTENT_INSIDE_H

#include <pthread.h>

#include "base/workers.h"
#include "content/keys.h"
#include "content/watch.h"
#include "pool/content.h"
#include "pool/content_fetch.h"

/* A file that no pool has: polluxd can't know whether somebody else does. */
#define CONTENT_LOST_NEXT                                                                          \
    "It is looked for again and again. If no pool has it any more: put it back from a backup, or " \
    "write it anew, or have its users delete it."

/* What this pool may do about a difference between a file and its manifest. */
enum content_role {
    CONTENT_WAITS,   /* nothing: it may be the holder again in a moment, or not */
    CONTENT_CHANGES, /* it serves the home: what others did to its files are changes */
    CONTENT_FOLLOWS, /* it keeps a copy: whatever differs is wrong */
};

struct keeper {
    struct content *content;
    char home[HOME_NAME_SIZE];
    struct workers *workers; /* of one thread */
    bool working;            /* the loop's: a turn is under way */
    uint64_t worked_ms;

    pthread_mutex_t lock;
    enum content_role next_role; /* of the next turn: the loop says so */
    uint64_t next_term;
    char next_partner[FQDN_SIZE];
    struct keys *dirty;   /* to be looked at */
    struct keys *missing; /* to be fetched */
    uint64_t missing_bytes;
    uint64_t batch_bytes; /* of the batch that was brought last, still to come */
    struct watch *watch;
    size_t wrong;    /* how many of `dirty` are */
    size_t in_hand;  /* taken out of `dirty`, and not done with */
    bool retired;    /* this pool has no part in the home any more */
    bool complete;   /* of a copy: everything that its exporter had has come */
    bool lost_sight; /* more happened than was told: scan */
    bool scanned;
    enum content_role scanned_as;
    struct error trouble;
    struct content_counts counts;

    /* The keeper's thread alone. */
    enum content_role role;
    uint64_t term;
    struct fetch fetch;      /* from the other pool that the home's record names */
    struct reading *reading; /* a large file that was not read to its end yet */
    uint64_t identity;       /* of the file store that was scanned */
    bool blind;              /* the kernel does not tell everything */
    uint64_t scanned_ms;
    uint64_t absent_upto, absent_ms;   /* a batch waits there for a file, since when */
    uint64_t retry_ms;                 /* fetching went wrong: not before then */
    char no_folder[CONTENT_NAME_SIZE]; /* what was told last to be none */
    atomic_ullong bytes_fetched, bytes_found;
};

struct content {
    struct front_end *fe;
    const struct file_store *files; /* NULL: none is configured */
    uint64_t tidied;                /* which file store was; in `turn` */
    struct {
        pthread_mutex_t turn, lock;
        pthread_cond_t changed;
        bool over; /* the first time */
    } tidying;
    struct workers *lenders;
    struct content_calls *calls;
    struct keeper *keepers[HOSTED_HOMES_MAX];
    size_t count;
    size_t lending, lending_max;
    atomic_bool stopping;
};

/* NULL: there is none for this home. */
struct keeper *content_keeper(const struct content *content, const char *home);
struct store *keeper_store(const struct keeper *k);
enum {
    /* A file store that does not answer (one on a network, say) must not keep polluxd from
       starting. */
    CONTENT_TIDY_S = 5,
};
/* Before anything is changed or copied, if it is there: what a process left in the middle is put
 * right by the manifests as it left them. */
void content_tidy(struct content *content);
/* On the loop: what the pool is to the home by now. What comes for it must not be taken by what it
 * was. */
void keeper_note_role(struct keeper *k);
/* On the keeper's thread: what it may do from here on; and one turn. */
void keeper_begin(struct keeper *k);
void keeper_turn(struct keeper *k);

/* content_look.c: one file, or all of them. */
void keeper_scan(struct keeper *k, struct error *e);
void keeper_look_at_dirty(struct keeper *k, uint64_t until_ms, struct error *e);
/* The manifest, by the store; `*usn` is that of the item, 0 if there never was one. FAIL_NOT_FOUND,
 * without words: there is none, or it is deleted. */
enum failure keeper_manifest(struct view *view, const char *home, struct bytes key,
                             struct manifest *manifest, uint64_t *usn, struct error *e);

/* content_read.c: the bytes of what lies there. `stable`: nothing changed while it was read, and
 * its stamp is that of what was read. */
enum failure keeper_read_file(struct keeper *k, const struct file_name *name,
                              struct manifest *manifest, bool *stable, struct error *e);
/* The same, but of a large one no more than others wait for gladly. FAIL_BUSY, without words: it is
 * not at its end yet; look again. */
enum failure keeper_read_in_turns(struct keeper *k, const struct file_name *name,
                                  struct manifest *manifest, bool *stable, struct error *e);
void keeper_forget_reading(struct keeper *k);

/* content_adopt.c: what somebody changed. */
struct adoption;
struct adoption *adoption_new(struct keeper *k);
enum failure adoption_add(struct adoption *a, const struct file_name *name, struct error *e);
/* Commits what was added; NULL does nothing. */
enum failure adoption_end(struct adoption *a, struct error *e);

/* content_repair.c: what is missing. */
void keeper_repair(struct keeper *k, uint64_t until_ms, struct error *e);

void keeper_note_wrong(struct keeper *k, struct bytes key, bool wrong);
void keeper_note_dirty(struct keeper *k, struct bytes key, uint64_t due_ms);
void keeper_note_missing(struct keeper *k, struct bytes key, uint64_t bytes);
/* The same of one that only its hashes tell from a sound one: no look at its stamp takes that back.
 */
void keeper_note_damaged(struct keeper *k, struct bytes key, uint64_t bytes);
void keeper_note_sound(struct keeper *k, struct bytes key);
void keeper_forget_missing(struct keeper *k, struct bytes key);

#endif
