/* Batches, read and packed beside the loop, but where they are small: one that is on its way, and
 * meanwhile, where it is full, the one that follows on it. Everything is called on the loop. */
#ifndef POLLUX_POOL_PACKING_H
#define POLLUX_POOL_PACKING_H

#include "base/workers.h"
#include "core/batch.h"
#include "store/store.h"

struct packing;

/* What to pack. */
struct packing_order {
    struct batch_head head; /* but for what the store says when it is read */
    uint64_t goal;          /* so far the home has changed, at least */
    uint64_t bytes_max;     /* of items, uncompressed */
    uint64_t content_max;   /* of the files whose manifests are in it */
    bool tells_others;      /* it says what it means for the home's other modules */
    bool last;              /* none follows at once, even if it is full */
};

/* What became of it; the thread's from the next order on, until that is told. */
struct packed {
    struct error error;
    struct batch_head head;
    struct bytes bytes;
    uint64_t items;
    uint64_t filled;  /* bytes of them, uncompressed */
    uint64_t content; /* bytes of the files whose manifests are in it */
    uint64_t read_at; /* the home's head when it was read */
    bool tells_others;
    bool full;
};

/* Told on the loop; within packing_order() if it is there already. */
typedef void packing_done(const struct packed *packed, void *context);

enum {
    /* So few changes, and bytes, are packed at once where they are ordered: to hand them to a
     * thread and back would take longer. They were made just now, and lie in memory. If it turns
     * out that there is more, a thread packs it after all. */
    PACKING_HERE_CHANGES = 64,
    PACKING_HERE_CHANGES_MAX = 2 * PACKING_HERE_CHANGES,
    PACKING_HERE_BYTES = 64 << 10,
    /* A batch that was begun with before it was known how much the link can do may be larger than
     * that, but not by more: as long as nothing fails, the next ones follow. */
    PACKING_EXCESS_TIMES = 2,
};

struct packing *packing_new(struct workers *workers, packing_done *done, void *context);
void packing_free(struct packing *p);
/* False if there are too many jobs: then nothing is told. One at a time. */
bool packing_order(struct packing *p, struct store *store, const struct packing_order *order);
/* What was packed last is on its way: what follows on it at once, if anything does, is begun with,
 * and is there when it is ordered. `read_ms`: as in its head. */
void packing_go_ahead(struct packing *p, struct store *store, uint64_t read_ms);
/* Nothing follows at once any more: what is ordered some time is read then. */
void packing_forget_ahead(struct packing *p);
/* Nothing is worked on. */
bool packing_is_idle(const struct packing *p);

#endif
