/* What a holder lost of its rows by damage, out of the copy here: items by their usns. */
#ifndef POLLUX_POOL_LEND_H
#define POLLUX_POOL_LEND_H

#include "link/message.h"
#include "store/store.h"

/* Beside the loop. Appends a batch with those that there are. `to` is the pool that asks. */
enum failure lend_items(struct store *store, const char *to, const struct items_wanted *wanted,
                        struct buffer *batch, struct error *e);

#endif
