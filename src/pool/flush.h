/* -FlushStorageService: whoever is about to take a home has each machine of its holder write down
 * what waits there for it (storage_service.h). */
#ifndef POLLUX_POOL_FLUSH_H
#define POLLUX_POOL_FLUSH_H

#include "pool/front_end.h"

/* The one end: asks every machine of the pool. `done` is called once, on the loop, perhaps before
 * flush_pool() returns, with the first thing that went wrong or NULL; not once the link was
 * stopped. Whoever made it frees it, in `done` at the earliest. */
struct flush;
typedef void flush_done(const struct error *e, void *context);
struct flush *flush_new(flush_done *done, void *context);
void flush_pool(struct flush *flush, struct front_end *fe, const char *pool, const char *home);
void flush_free(struct flush *flush); /* NULL does nothing */

/* The other end: answers when nothing waits here for the home. */
void flush_asked(struct front_end *fe, const char *home, struct link_reply *reply);

#endif
