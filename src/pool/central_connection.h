/* Where an administrator told this machine to look for the Central Management Store first:
 * Set-CsManagementConnection. Kept in the machine's own store, so that it outlives restarts. */
#ifndef POLLUX_POOL_CENTRAL_CONNECTION_H
#define POLLUX_POOL_CENTRAL_CONNECTION_H

#include "pool/front_end.h"

struct central_connection {
    char database[DATABASE_NAME_SIZE];  /* as the topology names it */
    char provider[MESSAGE_ENGINE_SIZE]; /* as it was typed */
    bool caching; /* where nobody reaches the store, the replica here answers what only reads */
};

/* False: there is none, or none that the topology has; then this machine goes by what it hears. */
bool central_connection_read(struct front_end *fe, struct central_connection *connection);
/* The pool that has that database; NULL: none of the two that may hold the store. */
const struct pool *central_connection_pool(const struct front_end *fe, const char *database);
/* NULL takes it away. `done` is called once, with NULL when it is durable. */
void central_connection_set(struct front_end *fe, const struct central_connection *connection,
                            hosted_home_done *done, void *context);

#endif
