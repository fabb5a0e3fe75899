#include "pool/heartbeats.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <xxhash.h>

#include "base/clock.h"
#include "base/random.h"
#include "pool/backup_service.h"

struct heartbeats {
    struct front_end *fe;
    struct peers *peers;
    struct heard heard;
    uint64_t started;
    uint64_t topology_hash;
};

/* --- what is said --- */

/* Whether a machine of the pool that holds this home answers us: whoever is about to take it alone
 * asks everybody. */
static bool hears_holder(const struct heartbeats *hb, const char *home)
{
    const struct pool *holder = front_end_holder(hb->fe, home);
    return holder && holder != front_end_config(hb->fe)->self->pool &&
           front_end_reaches(hb->fe, holder->fqdn);
}

static void say_own_homes(const struct heartbeats *hb, struct heartbeat *h)
{
    struct hosted_home *homes[HOSTED_HOMES_MAX];
    size_t count = front_end_homes(hb->fe, homes);
    for (size_t i = 0; i < count; i++) {
        const struct home *core = hosted_home_core(homes[i]);
        struct heartbeat_home *said = &h->homes[h->count++];
        memcpy(said->home, home_name(core), strlen(home_name(core)) + 1);
        said->term = home_current(core)->term;
        said->seen = home_seen(core);
        said->own = true;
        said->mode = home_mode(core);
        said->hears = hears_holder(hb, home_name(core));
        said->lacks = importing_lacks(backup_service_importing(front_end_backup_service(hb->fe)),
                                      home_name(core));
    }
}

/* And what others said of the rest: every machine passes on the highest term that it knows. */
static void say_what_was_heard(const struct heartbeats *hb, struct heartbeat *h)
{
    for (size_t i = 0; i < hb->heard.count && h->count < HEARD_HOMES_MAX; i++) {
        const struct heard_home *heard = &hb->heard.list[i];
        if (front_end_home(hb->fe, heard->home))
            continue;
        struct heartbeat_home *said = &h->homes[h->count++];
        memcpy(said->home, heard->home, sizeof said->home);
        said->term = heard->term;
        said->seen = heard->seen;
        said->hears = hears_holder(hb, heard->home);
    }
}

static struct heartbeat *heartbeat_now(const struct heartbeats *hb)
{
    struct heartbeat *h = xcalloc(1, sizeof *h);
    h->sender = *link_sender(front_end_link(hb->fe));
    h->started = hb->started;
    h->wall_ms = clock_wall_ms();
    h->topology = hb->topology_hash;
    snprintf(h->engine, sizeof h->engine, "%s", config_engine(front_end_config(hb->fe)));
    say_own_homes(hb, h);
    say_what_was_heard(hb, h);
    return h;
}

/* --- what is heard --- */

static void note_witness(struct heartbeats *hb, const struct heartbeat *theirs,
                         const struct heartbeat_home *said)
{
    struct peer *peer = peers_find(hb->peers, theirs->sender.machine);
    struct hosted_home *homes[HOSTED_HOMES_MAX];
    size_t count = front_end_homes(hb->fe, homes);
    for (size_t i = 0; peer && i < count; i++) {
        unsigned bit = 1u << i;
        if (strcmp(home_name(hosted_home_core(homes[i])), said->home) == 0)
            peer->hears = said->hears ? peer->hears | bit : peer->hears & ~bit;
    }
}

static void take_heartbeat(struct heartbeats *hb, const struct heartbeat *theirs)
{
    const struct peer *peer = peers_find(hb->peers, theirs->sender.machine);
    bool restarted = peer && peer->started != theirs->started;
    peers_heard(hb->peers, theirs, clock_ms(), clock_wall_ms(), hb->topology_hash);
    for (size_t i = 0; i < theirs->count; i++) {
        const struct heartbeat_home *said = &theirs->homes[i];
        /* Only homes that exist: whoever invents some must not crowd these out. */
        if (strcmp(said->home, HOME_CENTRAL) != 0 &&
            !topology_pool(front_end_config(hb->fe)->topology, said->home))
            continue;
        heard_note(&hb->heard, said->home, said->term, said->seen);
        struct hosted_home *home = front_end_home(hb->fe, said->home);
        note_witness(hb, theirs, said);
        if (home)
            hosted_home_heard(home, theirs->sender.pool, said);
        if (home && said->own)
            backup_service_heard(front_end_backup_service(hb->fe), said->home, theirs->sender.pool,
                                 said->term);
        if (home && said->lacks)
            backup_service_ask(front_end_backup_service(hb->fe), said->home, theirs->sender.pool);
    }
    if (restarted)
        backup_service_look(front_end_backup_service(hb->fe));
}

/* --- to everybody --- */

static void call_peer(struct heartbeats *hb, struct peer *peer, const struct heartbeat *ours);

static void on_heartbeat_done(const char *to, const struct heartbeat *theirs, const struct error *e,
                              void *context)
{
    struct heartbeats *hb = context;
    struct peer *peer = peers_find(hb->peers, to);
    if (!peer)
        return; /* no longer in the topology */
    peer->calling = false;
    if (theirs) {
        peers_answered(peer);
        take_heartbeat(hb, theirs);
    } else {
        peers_failed(peer, e);
    }
    if (peer->again && !peer->calling) {
        OWNED(free_memory) struct heartbeat *ours = heartbeat_now(hb);
        call_peer(hb, peer, ours);
    }
}

static void call_peer(struct heartbeats *hb, struct peer *peer, const struct heartbeat *ours)
{
    const struct machine *machine =
        topology_machine(front_end_config(hb->fe)->topology, peer->machine);
    peer->again = peer->calling; /* one at a time, and then the newest word */
    if (peer->calling || !machine)
        return;
    peer->calling = true;
    link_heartbeat(front_end_link(hb->fe), machine, ours, on_heartbeat_done, hb);
}

void heartbeats_tell(struct heartbeats *hb)
{
    OWNED(free_memory) struct heartbeat *ours = heartbeat_now(hb);
    for (size_t i = 0; i < peers_count(hb->peers); i++)
        call_peer(hb, peers_at(hb->peers, i), ours);
}

static uint32_t period_ms(const struct topology *topology)
{
    uint32_t ms = topology->failure_detection_ms / HEARTBEATS_EACH_INTERVAL;
    return ms < HEARTBEAT_MS ? ms : HEARTBEAT_MS;
}

void heartbeats_heard(struct heartbeats *hb, const struct heartbeat *theirs,
                      struct link_reply *reply)
{
    take_heartbeat(hb, theirs);
    OWNED(free_memory) struct heartbeat *ours = heartbeat_now(hb);
    link_reply_heartbeat(reply, ours);
}

/* --- around it --- */

static uint64_t hash_of(const struct topology *topology)
{
    return XXH3_64bits(topology->text, strlen(topology->text));
}

void heartbeats_follow(struct heartbeats *hb)
{
    const struct config *config = front_end_config(hb->fe);
    hb->topology_hash = hash_of(config->topology);
    peers_follow(hb->peers, config->topology, config->self);
}

struct heartbeats *heartbeats_new(struct front_end *fe)
{
    const struct config *config = front_end_config(fe);
    struct heartbeats *hb = xcalloc(1, sizeof *hb);
    hb->fe = fe;
    hb->started = random_u64();
    hb->topology_hash = hash_of(config->topology);
    hb->peers = peers_new(config->topology, config->self);
    return hb;
}

void heartbeats_free(struct heartbeats *hb)
{
    if (!hb)
        return;
    peers_free(hb->peers);
    free(hb);
}

static void on_timer(void *context)
{
    heartbeats_tell(context);
}

void heartbeats_start(struct heartbeats *hb)
{
    loop_every(front_end_loop(hb->fe), period_ms(front_end_config(hb->fe)->topology), on_timer, hb);
    heartbeats_tell(hb);
}

void heartbeats_note(struct heartbeats *hb, const struct home *home)
{
    heard_note(&hb->heard, home_name(home), home_hold(home)->term, home_seen(home));
}

struct peers *heartbeats_peers(struct heartbeats *hb)
{
    return hb->peers;
}

const struct heard *heartbeats_table(const struct heartbeats *hb)
{
    return &hb->heard;
}
