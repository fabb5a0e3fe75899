/* Operations: a pool takes a home over from its partner, by core/operation.h, and does there what
 * it is asked for by its partner; as src/pool/operating.c and hosted_home.c do. */
#ifndef POLLUX_SIM_OPERATING_H
#define POLLUX_SIM_OPERATING_H

#include "network.h"
#include "world.h"

/* People type commands, at the worst moment. */
void operators_start(struct world *w);

void operating_stop(struct hosted *h); /* with its process */

/* What arrives. */
void operating_demanded(struct hosted *h, struct call *call);
void operating_complied(struct hosted *h, bool durable);
/* `standing`: NULL if it said no, or nothing. */
void operating_answered(struct hosted *h, const struct home_standing *standing,
                        enum failure failure);
/* The record under way is stored, or not. */
void operating_stored(struct hosted *h, bool good);
/* The copy moved. */
void operating_look(struct hosted *h);

/* A release on its way to the store names what was agreed (rule 5). */
void operating_expect(const struct hosted *h, struct txn *txn);
/* Does the copy stand at a point that existed? */
bool operating_is_whole(const struct hosted *h);

/* As an administrator has it taken who wants nothing else. */
void operating_take(struct hosted *h);
/* Told to take it, come what may, if it can be told anything. */
void operating_take_alone(struct hosted *h);

#endif
