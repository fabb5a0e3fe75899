/* What a holder lost of its rows by damage, out of the copy here: items by their usns. */
#ifndef POLLUX_POOL_LEND_H
#define POLLUX_POOL_LEND_H

#include "base/workers.h"
#include "pool/front_end.h"

/* On the loop; answers with a batch of those that there are, read on a thread. */
void lend_wanted(struct front_end *fe, struct workers *workers, const struct machine *from,
                 const struct items_wanted *wanted, struct link_reply *reply);

#endif
