/* Two pools that went on without each other: a home was taken without its holder, and what that had
 * acknowledged and not copied is at first only in its store. It is followed from there: until it is
 * kept, or in the data again, it must be where it was.
 *
 * A store with changes of its own says so (COPY_FORKED) and is not written to; that counts as
 * kept. With the tail (protocol, rule 14) it is to be looked for there instead, and among the
 * conflicts: in parting_is_kept(), and nowhere else. */
#ifndef POLLUX_SIM_PARTING_H
#define POLLUX_SIM_PARTING_H

#include "world.h"

/* A term is opened here: what may be missing is noted as the other pool's. */
void parting_opened(struct pool *pool, const struct hosted *h, const struct hold *hold);
/* A change was acknowledged in this term. */
void parting_acknowledged(struct pool *pool, const struct hosted *h, struct known_key *known,
                          uint64_t attempt, uint64_t term, size_t module, unsigned key);
/* This copy calls itself forked, and is given up now. */
void parting_is_kept(const struct hosted *h);
/* In the end nothing may be left that is neither kept nor in the data. */
void parting_check_end(struct world *w, size_t home);

#endif
