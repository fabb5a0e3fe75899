/* Who holds and serves which home, and who answers, as far as this machine has heard: what others
 * ask of a front end (front_end.h). */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "pool/front_end.h"

const struct machine *front_end_machine_of(const struct front_end *fe, const char *pool_name)
{
    const struct pool *pool = topology_pool(front_end_config(fe)->topology, pool_name);
    if (!pool)
        return NULL;
    for (size_t i = 0; i < pool->machine_count; i++) {
        const struct peer *peer = peers_find(front_end_peers(fe), pool->machines[i].fqdn);
        if (peer && peer->reachable)
            return &pool->machines[i];
    }
    return &pool->machines[0];
}

uint64_t front_end_clock_of(const struct front_end *fe, const char *pool)
{
    const struct machine *machine = front_end_machine_of(fe, pool);
    const struct peer *peer = machine ? peers_find(front_end_peers(fe), machine->fqdn) : NULL;
    return peer ? peer_clock(peer, clock_ms()) : 0;
}

bool front_end_answers(const struct front_end *fe, const struct machine *machine)
{
    const struct peer *peer = peers_find(front_end_peers(fe), machine->fqdn);
    return machine == front_end_config(fe)->self || (peer && peer->reachable);
}

bool front_end_reaches(const struct front_end *fe, const char *pool)
{
    const struct machine *machine = front_end_machine_of(fe, pool);
    return machine && machine != front_end_config(fe)->self && front_end_answers(fe, machine);
}

bool front_end_is_silent(const struct front_end *fe, const char *name, const struct error **why)
{
    const struct pool *pool = topology_pool(front_end_config(fe)->topology, name);
    for (size_t i = 0; pool && i < pool->machine_count; i++) {
        const struct peer *peer = peers_find(front_end_peers(fe), pool->machines[i].fqdn);
        if (!peer || peer->reachable || !peer->tried)
            return false;
        if (why)
            *why = &peer->trouble;
    }
    return pool != NULL;
}

/* The place of a home among those of this pool, by which its peers' words are noted; or the count.
 */
static size_t index_of(const struct front_end *fe, const char *home)
{
    struct hosted_home *homes[HOSTED_HOMES_MAX];
    size_t count = front_end_homes(fe, homes), i = 0;
    while (i < count && strcmp(home_name(hosted_home_core(homes[i])), home) != 0)
        i++;
    return i < count ? i : HOSTED_HOMES_MAX;
}

void front_end_witnesses(const struct front_end *fe, const char *home, char *names, size_t size)
{
    struct peers *peers = front_end_peers(fe);
    size_t used = 0, at = index_of(fe, home);
    names[0] = '\0';
    for (size_t i = 0; at < HOSTED_HOMES_MAX && i < peers_count(peers); i++) {
        const struct peer *peer = peers_at(peers, i);
        if (!peer->reachable || !(peer->hears & 1u << at))
            continue;
        int more = snprintf(names + used, size - used, "%s%s", used ? ", " : "", peer->machine);
        if (more < 0 || (size_t)more >= size - used)
            return; /* these will do */
        used += (size_t)more;
    }
}

/* What a machine said of the home when it was heard last; NULL: it has no part in it. */
static const struct peer_home *said_once(const struct peer *peer, const char *name)
{
    for (size_t i = 0; i < peer->home_count; i++) {
        if (strcmp(peer->homes[i].home, name) == 0)
            return &peer->homes[i];
    }
    return NULL;
}

/* The same, of one that answers us. */
static const struct peer_home *said_of(const struct peer *peer, const char *name)
{
    return peer && peer->reachable ? said_once(peer, name) : NULL;
}

/* Who says that he holds it in that term. As long as a former backup pool has it, that is another
 * one than the topology names (protocol, rule 12). */
static const struct pool *holder_by_word(const struct front_end *fe, const struct heard_home *heard)
{
    struct peers *peers = front_end_peers(fe);
    for (size_t i = 0; i < peers_count(peers); i++) {
        const struct peer_home *said = said_of(peers_at(peers, i), heard->home);
        if (said && term_equal(said->term, heard->term) && mode_rights(said->mode)->holder)
            return topology_pool(front_end_config(fe)->topology, peers_at(peers, i)->pool);
    }
    return NULL;
}

const struct pool *front_end_holder(const struct front_end *fe, const char *name)
{
    const struct topology *topology = front_end_config(fe)->topology;
    const struct hosted_home *home = front_end_home(fe, name);
    const struct heard_home *heard = heard_of(front_end_heard(fe), name);
    if (home) {
        const struct hold *hold = home_current(hosted_home_core(home));
        if (hold_holder(hold)[0])
            return topology_pool(topology, hold_holder(hold));
    }
    bool central = strcmp(name, HOME_CENTRAL) == 0;
    const struct pool *pool = central ? topology->central : topology_pool(topology, name);
    if (!pool || !heard || term_is_none(heard->term))
        return NULL;
    if (term_side(heard->term) == SIDE_HOME)
        return pool;
    const struct pool *says = holder_by_word(fe, heard);
    return says ? says : pool->backup;
}

bool front_end_has_replica(const struct front_end *fe, const struct pool *pool)
{
    const struct config *config = front_end_config(fe);
    const struct hosted_home *home = front_end_home(fe, HOME_CENTRAL);
    return pool && pool != config->self->pool && topology_has_replica(config->topology, pool) &&
           !(home && strcmp(home_partner(hosted_home_core(home)), pool->fqdn) == 0);
}

bool front_end_mode_at(const struct front_end *fe, const struct pool *pool, const char *name,
                       enum mode *mode)
{
    const struct hosted_home *here = front_end_home(fe, name);
    const struct machine *machine = front_end_machine_of(fe, pool->fqdn);
    if (pool == front_end_config(fe)->self->pool && here) {
        *mode = home_mode(hosted_home_core(here));
        return true;
    }
    const struct peer_home *said = said_of(peers_find(front_end_peers(fe), machine->fqdn), name);
    if (said)
        *mode = said->mode;
    return said;
}

const struct heartbeat_operation *front_end_operation_at(const struct front_end *fe,
                                                         const char *home, const char **pool)
{
    struct peers *peers = front_end_peers(fe);
    for (size_t i = 0; i < peers_count(peers); i++) {
        const struct peer_home *said = said_of(peers_at(peers, i), home);
        if (said && said->operation.began_wall_ms) {
            *pool = peers_at(peers, i)->pool;
            return &said->operation;
        }
    }
    return NULL;
}

const struct heartbeat_operation *front_end_last_operation_at(const struct front_end *fe,
                                                              const char *home, const char **pool)
{
    const struct heartbeat_operation *last = NULL;
    struct peers *peers = front_end_peers(fe);
    for (size_t i = 0; i < peers_count(peers); i++) {
        const struct peer_home *said = said_once(peers_at(peers, i), home);
        if (said && said->last.began_wall_ms > (last ? last->began_wall_ms : 0)) {
            *pool = peers_at(peers, i)->pool;
            last = &said->last;
        }
    }
    return last;
}

const struct pool *front_end_server(const struct front_end *fe, const char *name)
{
    const struct pool *holder = front_end_holder(fe, name);
    enum mode mode;
    bool waits = holder && front_end_mode_at(fe, holder, name, &mode) && mode == MODE_REJOINING;
    return waits ? NULL : holder;
}

enum failure front_end_serves(const struct front_end *fe, const char *name, uint64_t *term,
                              struct error *e)
{
    const struct hosted_home *home = front_end_home(fe, name);
    const struct home *core = home ? hosted_home_core(home) : NULL;
    *term = core ? home_hold(core)->term.number : 0;
    if (core && mode_rights(home_mode(core))->changes)
        return OK;
    const struct pool *holder = front_end_holder(fe, name);
    if (core && (!holder || holder == front_end_config(fe)->self->pool)) {
        home_explain(core, e);
    } else {
        fail(e, FAIL_REFUSED, "%s does not serve the home %s%s%s.", front_end_pool(fe), name,
             core ? ": it is " : "", core ? mode_name(home_mode(core)) : "");
        if (holder)
            error_next(e, "Its holder is %s.", holder->fqdn);
    }
    error_kept(e, "Nothing was changed.");
    return e->kind;
}
