/* What is to happen, in the order in which it will. Things of the same moment keep the order in
 * which they were planned. */
#ifndef POLLUX_SIM_SCHEDULER_H
#define POLLUX_SIM_SCHEDULER_H

#include "world.h"

typedef void task_run(void *context);

struct scheduler *scheduler_new(void);
void scheduler_free(struct scheduler *s);

/* In so many ms, `run` is called, and then `context` freed. */
void plan(struct world *w, uint64_t in_ms, task_run *run, void *context);
/* The same for the process of a pool: it does not happen if that has ended by then, and waits while
 * it is stopped. */
void plan_at(struct pool *pool, uint64_t in_ms, task_run *run, void *context);
/* Does what comes next. False: there is nothing more. */
bool step_world(struct world *w);

#endif
