/* Of `central`: the replica, as the pool that is about to take it meets it: how far it is, and what
 * it has more is brought (protocol, rule 19); as src/pool/replicas.c and src/pool/lend.c do. */
#ifndef POLLUX_SIM_GATHERING_H
#define POLLUX_SIM_GATHERING_H

#include "network.h"
#include "world.h"

/* An operation begins, or the process ends: what was known of it counts no more. */
void gathering_forget(struct hosted *h);
void gathering_ask(struct hosted *h);
/* The same; and what it was found to have more is brought. */
void gathering_bring(struct hosted *h);
struct operation_replicas gathering_standing(struct hosted *h);

/* At the replica: how far it is, or what it has behind a change. */
void gathering_called(struct hosted *replica, struct call *call);
/* At the pool that asked; NULL: no, or nothing was said. */
void gathering_answered(struct hosted *h, struct call *call, const struct copy_answer *position);

#endif
