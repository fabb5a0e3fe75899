#include "pool/peers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"

struct peers {
    struct peer *list;
    size_t count;
};

struct peers *peers_new(const struct topology *topology, const struct machine *self)
{
    struct peers *peers = xcalloc(1, sizeof *peers);
    peers_follow(peers, topology, self);
    return peers;
}

void peers_free(struct peers *peers)
{
    if (!peers)
        return;
    free(peers->list);
    free(peers);
}

void peers_follow(struct peers *peers, const struct topology *topology, const struct machine *self)
{
    struct peers old = *peers;
    peers->count = 0;
    peers->list = xcalloc(topology_machine_count(topology), sizeof *peers->list);
    for (size_t i = 0; i < topology->pool_count; i++) {
        const struct pool *pool = &topology->pools[i];
        for (size_t j = 0; j < pool->machine_count; j++) {
            const struct machine *machine = &pool->machines[j];
            if (strcmp(machine->fqdn, self->fqdn) == 0)
                continue;
            struct peer *peer = &peers->list[peers->count++];
            const struct peer *known = peers_find(&old, machine->fqdn);
            if (known)
                *peer = *known;
            peer->rest = 0; /* of homes that are new in it nothing was taken before */
            snprintf(peer->machine, sizeof peer->machine, "%s", machine->fqdn);
            snprintf(peer->pool, sizeof peer->pool, "%s", pool->fqdn);
        }
    }
    free(old.list);
}

size_t peers_count(const struct peers *peers)
{
    return peers->count;
}

struct peer *peers_at(struct peers *peers, size_t i)
{
    return &peers->list[i];
}

struct peer *peers_find(struct peers *peers, const char *machine)
{
    for (size_t i = 0; i < peers->count; i++) {
        if (strcmp(peers->list[i].machine, machine) == 0)
            return &peers->list[i];
    }
    return NULL;
}

bool peer_clock_differs(const struct peer *peer)
{
    return peer->clock_words == CLOCK_DIFFERENCE_WORDS;
}

uint64_t peer_clock(const struct peer *peer, uint64_t now_ms)
{
    uint64_t since_ms = now_ms - peer->heard_ms;
    return peer->heard_ms ? peer->clock_ms + since_ms - since_ms / CLOCK_DRIFT_PARTS : 0;
}

static void compare_clocks(struct peer *peer, uint64_t theirs, uint64_t ours)
{
    uint64_t apart = theirs > ours ? theirs - ours : ours - theirs;
    if (apart < CLOCK_DIFFERENCE_WARNS_MS) {
        peer->clock_words = 0;
        return;
    }
    if (peer_clock_differs(peer))
        return;
    peer->clock_words++;
    if (peer_clock_differs(peer))
        log_event(LOG_EVENT_WARNING, "clocks-differ",
                  "The clock of %s is %llu s %s ours. Nothing depends on it but the times in logs "
                  "and certificates; check both machines' time service.",
                  peer->machine, (unsigned long long)(apart / 1000),
                  theirs > ours ? "ahead of" : "behind");
}

static void compare_topologies(struct peer *peer, uint64_t ours)
{
    if (peer->topology == ours) {
        peer->topology_warned = false;
        return;
    }
    if (!peer->topology_warned)
        log_event(LOG_EVENT_WARNING, "topologies-differ",
                  "%s runs by another topology file than this machine. Put the same file on both, "
                  "then reload (SIGHUP).",
                  peer->machine);
    peer->topology_warned = true;
}

static void note_homes(struct peer *peer, const struct heartbeat *theirs)
{
    peer->home_count = 0;
    for (size_t i = 0; i < theirs->count && peer->home_count < PEER_HOMES_MAX; i++) {
        if (!theirs->homes[i].own)
            continue;
        struct peer_home *noted = &peer->homes[peer->home_count++];
        memcpy(noted->home, theirs->homes[i].home, sizeof noted->home);
        noted->term = theirs->homes[i].term;
        noted->mode = theirs->homes[i].mode;
        noted->operation = theirs->homes[i].operation;
        noted->last = theirs->homes[i].last;
    }
}

void peers_heard(struct peers *peers, const struct heartbeat *theirs, uint64_t now_ms,
                 uint64_t our_wall_ms, uint64_t our_topology)
{
    struct peer *peer = peers_find(peers, theirs->sender.machine);
    if (!peer)
        return;
    if (peer->started && peer->started != theirs->started)
        log_event(LOG_EVENT_NOTICE, "machine-restarted", "%s was restarted.", peer->machine);
    peer->heard_ms = now_ms;
    peer->clock_ms = theirs->wall_ms;
    peer->started = theirs->started;
    peer->topology = theirs->topology;
    memcpy(peer->engine, theirs->engine, sizeof peer->engine);
    peer->knows = theirs->knows;
    peer->rest = theirs->whole ? theirs->rest : peer->rest;
    note_homes(peer, theirs);
    compare_clocks(peer, theirs->wall_ms, our_wall_ms);
    compare_topologies(peer, our_topology);
}

void peers_answered(struct peer *peer)
{
    if (!peer->reachable)
        log_event(LOG_EVENT_NOTICE, "machine-reachable", "%s answers%s.", peer->machine,
                  peer->tried ? " again" : "");
    peer->reachable = peer->tried = true;
    peer->trouble = (struct error){0};
}

void peers_failed(struct peer *peer, const struct error *e)
{
    /* The same trouble is told once; another kind of it is news. */
    bool news = peer->reachable || !peer->tried || strcmp(peer->trouble.what, e->what) != 0;
    if (news)
        log_error(LOG_EVENT_WARNING, "machine-unreachable", e, "%s does not answer us.",
                  peer->machine);
    peer->reachable = false;
    peer->tried = true;
    peer->trouble = *e;
}
