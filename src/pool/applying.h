/* What is sent for the copies here is checked, and put into the store.
 *
 * A long catch-up comes in many batches. They are gathered, and stored many at once, because that
 * costs a fraction of storing each (store/run.h), and while they are stored, the next ones are
 * taken. Only what is stored is told to be copied: what was gathered when a process ends is sent
 * again. */
#ifndef POLLUX_POOL_APPLYING_H
#define POLLUX_POOL_APPLYING_H

#include "core/batch.h"
#include "core/copy.h"
#include "pool/front_end.h"

enum {
    /* What is stored at once, in bytes of keys and values: enough that most pages of a large home's
     * keys are written for more than one of them; and others wait to write meanwhile, some tenths
     * of a second. As much again is gathered. */
    APPLYING_BYTES_MAX = 16 << 20,
    APPLYING_ITEMS_MAX = 90000,
    /* If no more than so much is left then, it comes as well: a few items that come in no order
     * touch nearly as many pages as many do. */
    APPLYING_BYTES_REST = APPLYING_BYTES_MAX / 4,
    APPLYING_ITEMS_REST = APPLYING_ITEMS_MAX / 4,
    /* While nothing is being stored, less is enough: so much, if it touches few pages. That is so
     * if the copy has not more than so many times as many items, or if all but one in so many came
     * in the order of their keys. Then the rest comes meanwhile. */
    APPLYING_BYTES_ENOUGH = 1 << 20,
    APPLYING_TIMES_ENOUGH = 4,
    APPLYING_ASTRAY_ENOUGH = 16,
    /* Where batches come slowly, they are stored after that time: whatever interrupts a catch-up
     * costs no more than that. */
    APPLYING_GATHER_MS = 2000,
    /* Of whoever sent no more for so long, nothing is kept: it gave up by then, or is gone. */
    APPLYING_IDLE_MS = 2 * LINK_BATCH_DEADLINE_MS,
    /* Copies that are gathered at the same time, so that memory stays bounded. Others are stored
     * batch by batch. */
    APPLYING_GATHERED_MAX = 2,
    APPLYING_COPIES_MAX = HOSTED_HOMES_MAX * MODULES,
};
_Static_assert(APPLYING_ITEMS_MAX + APPLYING_ITEMS_REST + BATCH_ITEMS_MAX + 10 <= TXN_ITEMS_MAX,
               "one batch more, and what moves the cookie, still fit into a transaction");

struct applying;
struct content;

struct applying *applying_new(void);
void applying_free(struct applying *applying);

struct applied {
    char home[HOME_NAME_SIZE]; /* once it is known */
    enum module module;
    struct copy_answer answer;
    /* The copy has everything now that there was when the batch was packed: its module, and those
     * that went along. */
    bool complete[MODULES];
};

/* On the thread that takes it. */
typedef void applying_answered(void *context);

/* A batch as it was sent by a pool. */
struct applying_sent {
    const char *from;
    struct bytes bytes;
    const struct content *content;
    uint64_t limit;  /* nothing beyond that usn is applied: its files are not here (content.h) */
    bool files_lack; /* of what was applied before some are not in their places either */
    /* Told before the end where nothing that is left to do changes what was made of it: it may be
     * answered, and the next batch come meanwhile. Or NULL. */
    applying_answered *answered;
    void *context;
};
/* On a thread that may wait for the disk. What the batch says is checked, and whether it may be
 * applied; then it is stored, or gathered if more follow. Where enough is gathered, that is stored:
 * how it ends, the next batch is told. */
enum failure applying_take(struct applying *applying, struct store *store,
                           const struct applying_sent *sent, struct applied *applied,
                           struct error *e);

/* On the loop, now and then. */
void applying_tick(struct applying *applying);

#endif
