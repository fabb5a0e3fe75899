/* The holder's side of a salvage (core/salvage.h): takes what copies send of their tails, each
 * packet in one transaction, on a thread. */
#ifndef POLLUX_POOL_SALVAGED_H
#define POLLUX_POOL_SALVAGED_H

#include "pool/front_end.h"
#include "store/salvage.h"

/* The link's handler; the context is the front end. Answers when it is durable; the bytes are lent
 * until then. */
void salvaged_on_packet(const struct machine *from, struct bytes packet, struct link_reply *reply,
                        void *context);

/* Any thread but the loop's: salvages one packet in a term that is held here; FAIL_CONFLICT: what
 * it is about was changed meanwhile, again. */
enum failure salvaged_take(struct store *store, const struct salvage_derived *derived,
                           uint64_t term, bool own, struct tail_packet *packet, uint64_t *upto,
                           struct error *e);

#endif
