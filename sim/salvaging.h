/* Tails: what a copy had of its own moves aside, is told to whoever holds the home, and goes when
 * the copy shows what became of it. As in src/pool. */
#ifndef POLLUX_SIM_SALVAGING_H
#define POLLUX_SIM_SALVAGING_H

#include "network.h"
#include "world.h"

void salvaging_start(struct hosted *h);
void salvaging_stop(struct hosted *h);
void salvaging_tick(struct hosted *h);

/* Goes a forked copy back? Then `h->tail` says where to, and the record that is stored next takes
 * it there. */
bool salvaging_goes_back(struct hosted *h, const struct hold *hold, const struct call *call,
                         const struct copy_answer *answer);
void salvaging_write(struct hosted *h, const struct call *call, struct txn *txn);
/* What else goes into the transaction of that record, and into one that opens a term. */
void salvaging_enrich(struct hosted *h, struct txn *txn);

void salvaging_called(struct hosted *h, struct call *call);
void salvaging_answered(struct hosted *h, const struct copy_answer *position);

#endif
