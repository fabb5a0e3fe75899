/* A replica of `central`: the read-only copy of a pool that is neither of the two which may hold
 * it. It has no say in who holds it, and follows whoever exports the highest term. */
#ifndef POLLUX_POOL_REPLICA_H
#define POLLUX_POOL_REPLICA_H

#include "link/message.h"
#include "store/store.h"

/* What becomes durable before the answer is given; `*txn` NULL: nothing. It is refused as a
 * conflict if the replica does not stand any more where it was judged. */
enum failure replica_judge(struct store *store, const struct sync_offer *offer,
                           const char *const pools[SIDES], struct copy_answer *answer,
                           struct txn **txn, struct error *e);

/* Beside the loop. What the replica makes of an offer; a term or lineage that is new to it is kept
 * before it answers. `pools` are the two that may hold it, as far as is known: whoever offers among
 * them. */
enum failure replica_offered(struct store *store, const struct sync_offer *offer,
                             const char *const pools[SIDES], struct copy_answer *answer,
                             struct error *e);

#endif
