/* The memory engine's own: what the simulator does to a store besides using it. */
#ifndef POLLUX_STORE_MEMORY_H
#define POLLUX_STORE_MEMORY_H

#include "store/store.h"

/* A disk that fills up: commits fail with FAIL_FULL while set. Any thread. */
void memory_engine_fill(struct engine *engine, bool full);

#endif
