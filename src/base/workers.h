/* Work that may block, beside a loop: each job has a thread of its own for as long as it runs, and
 * its end is told on the loop. */
#ifndef POLLUX_BASE_WORKERS_H
#define POLLUX_BASE_WORKERS_H

#include <stdbool.h>

#include "base/loop.h"

struct workers;

struct workers *workers_new(struct loop *loop, unsigned max);
/* On the loop's thread: waits for what runs; what it has still to say lies in the loop then. NULL
 * does nothing. */
void workers_free(struct workers *workers);

/* `work` on a thread, then `done` on the loop's. False if as many as there may be run already; then
 * neither is called. From the loop's thread. */
bool workers_run(struct workers *workers, loop_call *work, loop_call *done, void *context);

#endif
