/* Views of a store: readers that share a few sessions of its engine. What is read from one is in
 * store.h. */
#ifndef POLLUX_STORE_VIEWS_H
#define POLLUX_STORE_VIEWS_H

#include "store/engine.h"

struct views;

struct views *views_new(struct engine *engine);
/* Once all are closed. */
void views_free(struct views *views);

/* One too many waits until another one is closed. Where not even a session is to be opened for it,
 * it is refused, as busy. */
enum views_patience { VIEWS_WAIT, VIEWS_REFUSE };
enum failure views_open(struct views *views, enum views_patience patience, struct view **view,
                        struct error *e);

/* Does nobody read, and did nobody since this was asked last? The writer's alone. */
bool views_rested(struct views *views);

#endif
