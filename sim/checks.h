/* What must be true: after each step, and in the end. The first thing that is not ends the world.
 */
#ifndef POLLUX_SIM_CHECKS_H
#define POLLUX_SIM_CHECKS_H

#include "world.h"

/* No two serve a home in one term. */
void check_holders(struct world *w, size_t home);
/* Around a commit: a term is opened once; whoever opens one has all that was acknowledged; what the
 * home is at its holder is remembered. */
void note_terms(const struct pool *pool, struct term before[HOSTED_MAX]);
void check_store(struct pool *pool, const struct term before[HOSTED_MAX]);
/* FinalState is said only when it is true. */
void check_word(const struct hosted *h, size_t module);
/* A copy that has everything up to this change is what the home was then. */
void check_point(const struct hosted *h, size_t module, uint64_t usn);
/* A copy that calls itself forked has changes of its own beyond this point. */
void check_fork(const struct hosted *h, const struct pool *exporter, uint64_t usn);
/* What was acknowledged is not in what the home goes on with: it must come back, or be among the
 * conflicts, in the end. */
void note_given_up(const struct hosted *h, size_t module, unsigned key, uint64_t attempt);
/* A tail is about to be made. */
void note_tail(const struct hosted *h, const struct tail *tail);
/* Whatever is in this tail, which is to go, is in the home, or among its conflicts; or was changed
 * by somebody since it was made. */
void check_salvaged(const struct hosted *h, struct view *view, const struct tail *tail);
/* A store was put back: what nobody has any more is nobody's fault. */
void forgive(struct world *w, struct pool *pool);
/* Nothing is under way any more, and everything is as it was meant to be. */
bool has_settled(struct world *w);
void check_end(struct world *w);
/* Each home is to be taken by the other pool of its two, as planned: returns how many. */
size_t hand_everything_over(struct world *w);

#endif
