/* A front end: one machine of a pool, running. Ties the store, the homes and the link together. */
#ifndef POLLUX_POOL_FRONT_END_H
#define POLLUX_POOL_FRONT_END_H

#include "base/loop.h"
#include "pool/config.h"
#include "pool/hosted_home.h"
#include "pool/peers.h"

struct scrub;
struct backup_service;
struct file_store;
struct front_end;
struct http_request;
struct publisher;
struct storage_service;
struct operating;

enum {
    /* Each machine tells each other this often, or more often if the failure-detection interval is
     * short: so many heartbeats must be lost before a pool counts as gone. A change is told at once
     * besides. */
    HEARTBEAT_MS = 1000,
    HEARTBEATS_EACH_INTERVAL = 4,
    /* So often each machine tells each other all that it has heard of others, changed or not. */
    HEARTBEAT_WHOLE_MS = 30000,
    /* Its own home, its partner's, and central; and some that it was the backup pool of, and must
     * hand back first. */
    HOSTED_HOMES_MAX = 6,
};

/* Takes the configuration over. */
struct front_end *front_end_start(struct config *config, struct loop *loop, struct error *e);
void front_end_stop(struct front_end *fe);
/* Reads the configuration and the certificates anew; what can't change while running stays, and
 * the events say so. */
bool front_end_reload(struct front_end *fe); /* false: it was refused as a whole */

/* Who carries out what arrives by the link, as in `struct link_handlers`. Until it is said, and
 * after NULL, everybody is told to try again. Copied. */
struct front_end_commands {
    void (*command)(const struct machine *from, const char *payload, struct http_request *request,
                    void *context);
    void (*person)(struct http_request *request, void *context);
    void *context;
};
void front_end_on_commands(struct front_end *fe, const struct front_end_commands *commands);

/* Ends the loop, so that all of this is stopped and started again: what the store has must be read
 * anew. And whether that was asked for. */
void front_end_begin_anew(struct front_end *fe);
/* With the configuration that its file has now: false, and what is to be waited for, if that is
 * not good, or is another one in what nobody has asked to take effect. */
bool front_end_can_begin_anew(const struct front_end *fe, struct error *e);
bool front_end_begins_anew(const struct front_end *fe);

/* Told whenever a home's mode or term changed here. One listener; NULL: nobody any more. */
typedef void front_end_home_changed(const char *home, void *context);
void front_end_on_home_changed(struct front_end *fe, front_end_home_changed *changed,
                               void *context);

const struct config *front_end_config(const struct front_end *fe);
const char *front_end_pool(const struct front_end *fe); /* its name */
struct loop *front_end_loop(const struct front_end *fe);
struct store *front_end_store(const struct front_end *fe);
struct link *front_end_link(const struct front_end *fe); /* NULL while it stops */
const struct scrub *front_end_scrub(const struct front_end *fe);
struct backup_service *front_end_backup_service(const struct front_end *fe);
/* Where the files of its conferences lie; NULL: it has none. Any thread. */
const struct file_store *front_end_files(const struct front_end *fe);
struct storage_service *front_end_storage_service(const struct front_end *fe);
struct publisher *front_end_publisher(const struct front_end *fe);
/* What follows from other items, by those who know it: a salvage keeps it in step
 * (store/salvage.h). */
struct salvage_derived;
void front_end_on_salvage(struct front_end *fe, const struct salvage_derived *derived);
const struct salvage_derived *front_end_derived(const struct front_end *fe);
struct operating *front_end_operating(const struct front_end *fe);
struct peers *front_end_peers(const struct front_end *fe);
const struct heard *front_end_heard(const struct front_end *fe);
/* NULL: this pool is neither of the two that hold this home. */
struct hosted_home *front_end_home(const struct front_end *fe, const char *name);
size_t front_end_homes(const struct front_end *fe, struct hosted_home *list[HOSTED_HOMES_MAX]);
/* One that was given up, as if this machine had started again since. False: not
 * yet, something is under way with it. */
bool front_end_close_home(struct front_end *fe, struct hosted_home *home);

/* Has every other machine hear at once what is new here. */
void front_end_tell(const struct front_end *fe);

/* --- who is where (whereabouts.c) --- */

/* The pool that holds the home, as far as this machine has heard; NULL: nobody does, or none of
 * this topology. */
const struct pool *front_end_holder(const struct front_end *fe, const char *home);
/* The same, but NULL if it is known that the pool does not serve it now: it is stopped, or its
 * partner has not confirmed yet. */
const struct pool *front_end_server(const struct front_end *fe, const char *home);
/* Has this other pool a replica of `central`? Not who may hold it: by the topology, or by the
 * record of this pool, if that is one of them. */
bool front_end_has_replica(const struct front_end *fe, const struct pool *pool);
/* What the home is at this pool: here, or as a machine of it that answers us said last. False:
 * nothing is known of it, or the pool has no part in it. */
bool front_end_mode_at(const struct front_end *fe, const struct pool *pool, const char *home,
                       enum mode *mode);
/* By which operation another pool takes the home over right now, as a machine of it that answers us
 * said last; NULL: none says so. `*pool` is that pool. */
const struct heartbeat_operation *front_end_operation_at(const struct front_end *fe,
                                                         const char *home, const char **pool);
/* The last one that another pool ended, as it said when it was heard last. */
const struct heartbeat_operation *front_end_last_operation_at(const struct front_end *fe,
                                                              const char *home, const char **pool);
/* Does this pool accept changes of the home now? Then `*term` is what they must name. */
enum failure front_end_serves(const struct front_end *fe, const char *home, uint64_t *term,
                              struct error *e);

/* A machine of this pool to talk to: one that answers, or else the first. NULL: no such pool. */
const struct machine *front_end_machine_of(const struct front_end *fe, const char *pool);
/* The wall clock of that machine, or some time before; 0: not known. */
uint64_t front_end_clock_of(const struct front_end *fe, const char *pool);

/* The machines, by name and with commas, that answer us and say that they hear the home's holder.
 */
void front_end_witnesses(const struct front_end *fe, const char *home, char *names, size_t size);

/* Whether this machine answers us: it is this one, or the last call of it was answered. */
bool front_end_answers(const struct front_end *fe, const struct machine *machine);
/* Whether a machine of this other pool answers us. */
bool front_end_reaches(const struct front_end *fe, const char *pool);
/* Whether it is known that none does, and if `why` is given, why; lent. Of whoever was not called
 * yet since our start, nothing is known. */
bool front_end_is_silent(const struct front_end *fe, const char *pool, const struct error **why);

#endif
