/* A commit whose outcome comes back to the loop. */
#ifndef POLLUX_POOL_COMMIT_H
#define POLLUX_POOL_COMMIT_H

#include "base/loop.h"
#include "store/store.h"

/* Any thread. Takes the transaction over. `done` is called once, on the loop. */
void commit_on_loop(struct store *store, struct loop *loop, struct txn *txn, store_done *done,
                    void *context);

#endif
