/* Adding up what a module of a copy has, where a comparison ends or something was damaged, beside
 * the loop and in nobody's way: at a million items it takes seconds. */
#ifndef POLLUX_POOL_RECOUNTING_H
#define POLLUX_POOL_RECOUNTING_H

#include "base/workers.h"
#include "pool/front_end.h"

/* The copy's digest is not what it should be by the offer: something was changed meanwhile, or it
 * was wrong before. Only adding it up tells. */
bool recounting_is_due(const struct home_state *state, const struct sync_offer *offer);

/* What the module has in a view of its own, and what its digest is there. On any thread. */
enum failure recounting_add_up(struct store *store, const char *home, enum module module,
                               struct recount *recount, struct error *e);

/* On the loop, and `done` as well, while the home is hosted; else, and where it can't be done, the
 * reply is given here. */
typedef void recounting_done(const struct recount *recount, const struct sync_offer *offer,
                             struct link_reply *reply, void *context);
void recounting_start(struct front_end *fe, struct workers *workers, const struct sync_offer *offer,
                      recounting_done *done, void *context, struct link_reply *reply);

#endif
