/* Sweeps away what dropped homes left in the store, a little at a time: changes of homes that are
 * served go in between. */
#ifndef POLLUX_POOL_SWEEP_H
#define POLLUX_POOL_SWEEP_H

#include "pool/front_end.h"

enum {
    SWEEP_ITEMS = 2000, /* in one transaction: some milliseconds */
};

/* `done` on the loop, once nothing is left, or with what went wrong; the rest is then swept away
 * after the next start. It may be NULL. */
typedef void sweep_done(const struct error *e, void *context);
void sweep_begin(struct front_end *fe, sweep_done *done, void *context);
/* Goes on with what was interrupted, if anything was. */
void sweep_resume(struct front_end *fe);

#endif
