/* What an exporter says of itself, one point of its store in its term; and what a copy makes of
 * it. */
#ifndef POLLUX_POOL_OFFER_H
#define POLLUX_POOL_OFFER_H

#include "pool/front_end.h"

/* To a pool. */
enum failure offer_read(struct front_end *fe, const char *home, enum module module,
                        struct term term, const char *to, struct sync_offer *offer,
                        struct error *e);

/* The record and the state of a home that `pool` has a part in: whoever has none neither writes to
 * the copy here nor is told what stands in it. */
enum failure offer_read_shared(struct view *view, const char *home, const char *pool,
                               struct hold *hold, struct home_state *state, struct error *e);

/* What the store says of a copy. */
struct copy_state offer_copy(const struct hold *hold, const struct home_state *state,
                             enum module module);
/* A forked copy that goes back (copy_goes_back()): where to, under this id. */
bool offer_goes_back(const struct hold *hold, const struct home_state *state,
                     const struct sync_offer *offer, const struct copy_answer *answer, uint64_t id,
                     struct tail *tail);
/* No further at once than nobody minds who waits for the store's writer. */
enum failure offer_shorten(struct view *view, const char *home, struct tail *tail, struct error *e);
struct version offer_compared_at(const struct hold *hold, const struct home_state *state,
                                 const struct sync_offer *offer);
struct copy_answer offer_judge(const struct hold *hold, const struct home_state *state,
                               const struct sync_offer *offer);
/* What keeps the copy at `target` from going on, in words; OK: nothing does. */
void offer_explain(const struct copy_answer *at, const char *home, const char *target,
                   struct error *e);

#endif
