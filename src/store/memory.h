/* The memory engine's own: what the simulator does to a store besides using it. */
#ifndef POLLUX_STORE_MEMORY_H
#define POLLUX_STORE_MEMORY_H

#include "store/store.h"

/* A disk that fills up: commits fail with FAIL_FULL while set. Any thread. */
void memory_engine_fill(struct engine *engine, bool full);

/* A backup of everything that is committed, for the cost of a pointer; and putting it back, between
 * two transactions and while nobody begins a view: whoever has one open goes on seeing what it saw.
 * NULL is an empty store. */
struct tree;
struct tree *memory_engine_back_up(struct engine *engine);
void memory_engine_put_back(struct engine *engine, struct tree *backup);
void memory_backup_free(struct tree *backup);

#endif
