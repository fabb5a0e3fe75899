/* The replica of `central`: the read-only copy of a pool that is neither of the two which may hold
 * it. It has no say in who holds it, and follows whoever exports the highest term; as
 * src/pool/replica.c does. */
#ifndef POLLUX_SIM_REPLICA_H
#define POLLUX_SIM_REPLICA_H

#include "network.h"
#include "world.h"

void replica_start(struct hosted *h, struct pool *pool);
void replica_stop(struct hosted *h);
void replica_called(struct hosted *h, struct call *call);
/* Who held it in the term that is followed. */
struct pool *replica_follows(const struct hosted *h);

#endif
