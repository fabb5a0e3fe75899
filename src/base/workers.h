/* Work that may block, beside a loop: on threads of its own, and its end is told on the loop.
 *
 * Jobs that wait for other machines and jobs that only wait for this one belong to different
 * workers: otherwise two machines could keep each other waiting for ever. */
#ifndef POLLUX_BASE_WORKERS_H
#define POLLUX_BASE_WORKERS_H

#include <stdbool.h>

#include "base/loop.h"

enum {
    WORKERS_WAITING_MAX = 1024, /* jobs that wait for a thread; a further one is refused */
    /* A thread that has nothing to do stays so long: starting one costs as much as a small job. */
    WORKERS_LINGER_MS = 1000,
};

struct workers;

/* At most so many threads of this name, which is lent, and none while there has been nothing to do
 * for a while. */
struct workers *workers_new(struct loop *loop, const char *name, unsigned max);
/* On the loop's thread: waits until everything is done; what it has still to say lies in the loop
 * then. NULL does nothing. */
void workers_free(struct workers *workers);

/* `work` on a thread, then `done` on the loop's; NULL: `work` has passed it on itself. False if too
 * many wait already; then neither is called. From the loop's thread. */
bool workers_run(struct workers *workers, loop_call *work, loop_call *done, void *context);

#endif
