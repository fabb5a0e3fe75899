/* The last tail of a home that was salvaged (core/salvage.h), as the pool that had it and the one
 * that took it remember it for people: which it was, and when. What became of it is not written
 * down twice: the marks say it, which travel with the home. */
#ifndef POLLUX_STORE_LAST_TAIL_H
#define POLLUX_STORE_LAST_TAIL_H

#include "core/salvage.h"
#include "store/store.h"

struct last_tail {
    struct tail tail;
    uint64_t salvaged_ms; /* since 1970 */
    struct salvage_mark modules[MODULES], sum;
};

/* With the transaction that salvages it, or forgets it because it is. */
void last_tail_keep(struct txn *txn, const char *home, const struct tail *tail, uint64_t now_ms);
/* FAIL_NOT_FOUND: there was none, or what became of it is not known here. */
enum failure last_tail_read(struct view *view, const char *home, struct last_tail *last,
                            struct error *e);

#endif
