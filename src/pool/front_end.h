/* A front end: one machine of a pool, running. Ties the store, the homes and the link together. */
#ifndef POLLUX_POOL_FRONT_END_H
#define POLLUX_POOL_FRONT_END_H

#include "base/loop.h"
#include "pool/config.h"
#include "pool/hosted_home.h"
#include "pool/peers.h"

struct front_end;

enum {
    /* Each machine tells each other this often, or more often if the failure-detection interval is
     * short: so many heartbeats must be lost before a pool counts as gone. A change is told at once
     * besides. */
    HEARTBEAT_MS = 1000,
    HEARTBEATS_EACH_INTERVAL = 4,
    /* How often creations that were not confirmed are tried again, and certificates looked at. */
    CREATE_RETRY_MS = 1000,
    CERTIFICATE_CHECK_MS = 3600 * 1000,
    CERTIFICATE_WARN_DAYS = 30,
    /* Its own home, its partner's, and central. */
    HOSTED_HOMES_MAX = 3,
};

/* Takes the configuration over. */
struct front_end *front_end_start(struct config *config, struct loop *loop, struct error *e);
void front_end_stop(struct front_end *fe);
/* Reads the configuration and the certificates anew; what can't change while running stays, and
 * the events say so. */
void front_end_reload(struct front_end *fe);

const struct config *front_end_config(const struct front_end *fe);
struct store *front_end_store(const struct front_end *fe);
struct peers *front_end_peers(const struct front_end *fe);
const struct heard *front_end_heard(const struct front_end *fe);
/* NULL: this pool is neither of the two that hold this home. */
struct hosted_home *front_end_home(const struct front_end *fe, const char *name);
size_t front_end_homes(const struct front_end *fe, struct hosted_home *list[HOSTED_HOMES_MAX]);

/* Publishes the topology: creates `central` here if it was never created, and has every pool create
 * its home. `done` is called once, NULL when it is durable here. */
void front_end_publish(struct front_end *fe, struct topology *topology, hosted_home_done *done,
                       void *context);

#endif
