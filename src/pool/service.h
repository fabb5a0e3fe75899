/* Whether this pool serves at all: Stop-CsPool and Start-CsPool. What an administrator said last is
 * kept in the store, so that it outlives restarts; the homes obey it (core/home.h). */
#ifndef POLLUX_POOL_SERVICE_H
#define POLLUX_POOL_SERVICE_H

#include "pool/front_end.h"

/* Read at the start, before the homes are opened. */
enum failure service_stopped(struct store *store, bool *stopped, struct error *e);

/* `done` is called once, with NULL when it is durable and the homes know. */
void service_set(struct front_end *fe, bool stopped, hosted_home_done *done, void *context);

#endif
