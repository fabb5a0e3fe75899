/* What lies in `central`, and under which keys: the topology as published, which homes were already
 * created, later the configuration and the accounts. */
#ifndef POLLUX_POOL_CENTRAL_H
#define POLLUX_POOL_CENTRAL_H

#include "store/store.h"
#include "topology/topology.h"

/* "topology" -> the text as published.
 * "home/<pool>" -> "new" until the pool has confirmed that it created its home, then "created". A
 * home is created once, and this is where that is remembered.
 * "config/<name>" and "account/<SIP address>" are for the configuration and the accounts. */
#define CENTRAL_TOPOLOGY "topology"
#define CENTRAL_HOMES    "home/"
#define CENTRAL_CONFIG   "config/"
#define CENTRAL_ACCOUNTS "account/"

/* Adds a publication: the text, and a "new" for each pool that has no entry yet. `view` may be NULL
 * when `central` is only just being created. */
enum failure central_publish(struct txn *txn, struct view *view, const struct topology *topology,
                             struct error *e);
void central_mark_created(struct txn *txn, const char *pool);

/* Calls for each pool whose home is still to be created. */
enum failure central_uncreated(struct view *view, view_visit_name *visit, void *context,
                               struct error *e);
#endif
