/* Which homes a pool takes part in: those that the topology gives it, and those that the records of
 * its store still name it in (protocol, rule 12). What it is no longer wanted for, and holds
 * nothing of its own of, it gives up when it starts. */
#ifndef POLLUX_POOL_TAKING_PART_H
#define POLLUX_POOL_TAKING_PART_H

#include "pool/config.h"
#include "pool/front_end.h"
#include "store/store.h"

/* Gives up what may be given up; before the homes are opened. */
enum failure taking_part_settle(const struct config *config, struct store *store, struct error *e);

struct taking_part {
    struct home_options options; /* its texts are lent */
    const struct hold *hold;     /* NULL: the store knows nothing of the home */
};

typedef enum failure taking_part_visit(const struct taking_part *part, void *context,
                                       struct error *e);
/* The pool's own home comes first. */
enum failure taking_part_each(const struct config *config, struct store *store,
                              taking_part_visit *visit, void *context, struct error *e);

/* Does the topology give it this home? */
bool taking_part_is_assigned(const struct config *config, const char *home);

enum { TAKING_PART_LOOK_MS = 1000 };
/* Gives up what could not be given up before, and closes it. */
void taking_part_look(void *fe);

/* What a pool answers whose part in the home was given up, or that never had one. */
enum failure taking_part_answer(const struct front_end *fe, const char *home,
                                const struct home_question *question, struct home_answer *answer,
                                struct error *e);

/* Fails for a copy that has changes of this pool's own, which the home pool need not have. */
enum failure taking_part_check_copy(const struct hold *hold, enum side side,
                                    const struct home_state *state, struct error *e);

#endif
