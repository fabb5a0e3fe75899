/* What a scrub found damaged in one home, and how that is mended.
 *
 * From a copy it is taken away, and comes again with a comparison, which the exporter is asked for.
 * A holder asks the other pool for it, by usn, and believes it if everything adds up again; what
 * the other pool does not have either was never written, if everything adds up without it. */
#ifndef POLLUX_POOL_MENDING_H
#define POLLUX_POOL_MENDING_H

#include "base/workers.h"
#include "pool/front_end.h"

enum {
    /* Rows of one home: so many of a copy are taken away in one go, and the rest in the next. Where
     * more is wrong at a holder, the other pool had better hold it. */
    DAMAGE_MAX = 50000,
    /* They are taken away in parts, so that nobody waits for the writer long. */
    MENDING_PART = 10000,
    MENDING_TRIES = 5, /* to begin a comparison, while its exporter begins others */
    /* What a holder puts back in one transaction. */
    MENDING_BYTES_MAX = STORE_QUEUE_BYTES_MAX,
};

/* Usns of rows that are not what was written. */
struct damage {
    uint64_t *usns; /* ascending, once it is settled */
    size_t count, room;
    bool more; /* than are noted */
    bool keys; /* what leads to rows is damaged as well: it is made anew from those */
};
bool damage_is_any(const struct damage *damage);
/* 0: the keys. */
void damage_note(struct damage *damage, uint64_t usn);
/* A row and its key may both have shown it: each is there once. */
void damage_settle(struct damage *damage);
void damage_free(struct damage *damage);

struct mending;
/* `why` is NULL, or what could not be mended and why. Once, on the loop. */
typedef void mending_done(const struct error *why, void *context);
/* Takes what is in `damage`; none: nothing adds up, though no row is wrong. A copy is mended on one
 * of the workers. */
struct mending *mending_start(struct front_end *fe, struct workers *workers, const char *home,
                              struct damage *damage, mending_done *done, void *context);
/* After it was done, or when link, workers and store are stopped and the loop is settled. */
void mending_free(struct mending *mending);

#endif
