/* What lies in `central`, and under which keys: the topology as published, which homes were already
 * created, the configuration, the accounts and what users sign on with. */
#ifndef POLLUX_POOL_CENTRAL_H
#define POLLUX_POOL_CENTRAL_H

#include "store/store.h"
#include "topology/topology.h"

/* "topology" -> the text as published.
 * "home/<pool>" -> "new" until the pool has confirmed that it created its home, then "created". A
 * home is created once, and this is where that is remembered.
 * "config/<name>" -> the configuration of that name, as JSON.
 * "account/<SIP address>" -> the account: pool/account.h.
 * "credential/<SIP address>" -> the hashes of its secret: pool/credential.h.
 * "departed/<Id>" -> whose account was taken away: pool/departed.h. */
#define CENTRAL_TOPOLOGY    "topology"
#define CENTRAL_HOMES       "home/"
#define CENTRAL_CONFIG      "config/"
#define CENTRAL_ACCOUNTS    "account/"
#define CENTRAL_CREDENTIALS "credential/"
#define CENTRAL_DEPARTED    "departed/"

/* Adds a publication: the text, and a "new" for each pool that has no entry yet. `view` may be NULL
 * when `central` is only just being created. */
enum failure central_publish(struct txn *txn, struct view *view, const struct topology *topology,
                             struct error *e);
void central_mark_created(struct txn *txn, const char *pool);

/* Calls for each pool whose home is still to be created. */
enum failure central_uncreated(struct view *view, view_visit_name *visit, void *context,
                               struct error *e);
#endif
