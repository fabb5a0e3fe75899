/* The copy's side of a comparison (core/compare.h): what it writes into its store when one begins,
 * for each part, and at the end. */
#ifndef POLLUX_POOL_COMPARED_H
#define POLLUX_POOL_COMPARED_H

#include "base/workers.h"
#include "pool/front_end.h"

/* What the store must know before it answers that the comparison may begin, and with it the lineage
 * that what comes is of; … */
void compared_begin(struct txn *txn, const struct sync_offer *offer,
                    const struct home_state *state);
/* … and once all parts were answered: the copy stands `at` a point of the exporter's history
 * (offer_compared_at()). The lineage that says so must be kept in the same transaction. */
void compared_end(struct txn *txn, const struct sync_offer *offer, const struct home_state *state,
                  struct version at, const struct recount *known);
/* Did this offer begin the comparison that is under way? */
bool compared_is_current(const struct sync_offer *offer, const struct home_state *state);

/* On the loop: makes the copy equal where the part says how, on a thread, and answers when that is
 * durable. The bytes are lent until then. */
void compared_told(struct front_end *fe, struct workers *workers, const struct machine *from,
                   struct bytes part, struct link_reply *reply);

#endif
