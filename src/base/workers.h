/* Work that may block, beside a loop: each job has a thread for itself for as long as it runs, and
 * its end is told on the loop. What finds all threads busy waits for its turn. */
#ifndef POLLUX_BASE_WORKERS_H
#define POLLUX_BASE_WORKERS_H

#include <stdbool.h>

#include "base/loop.h"

struct workers;

/* So many run at once, and so many more wait. */
struct workers *workers_new(struct loop *loop, unsigned running_max, unsigned waiting_max);
/* On the loop's thread: waits for what runs and for what waits; what they have still to say lies in
 * the loop then. NULL does nothing. */
void workers_free(struct workers *workers);

/* `work` on a thread, then `done` on the loop's. False if as many as there may be run and wait
 * already; then neither is called. From the loop's thread. */
bool workers_run(struct workers *workers, loop_call *work, loop_call *done, void *context);

#endif
