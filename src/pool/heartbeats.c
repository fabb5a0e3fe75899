#include "pool/heartbeats.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <xxhash.h>

#include "base/clock.h"
#include "base/random.h"
#include "core/beats.h"
#include "pool/backup_service.h"
#include "pool/hearsay.h"
#include "pool/operating.h"

enum {
    /* Of those that do not answer. A connection is the dearest part of a heartbeat, some ms of
     * processor at either end: where many machines start at once, or come back, nobody would be
     * done in time if all called all. */
    HEARTBEAT_TRIES_MAX = 4,
};

struct heartbeats {
    struct front_end *fe;
    struct peers *peers;
    uint64_t beats;
    size_t turn; /* among the peers that don't answer: who is tried next */
    struct hearsay *hearsay;
    uint64_t started;
    uint64_t topology_hash;
    /* What was heard of homes that are not here, as it is passed on. */
    struct heartbeat_home rest[HEARD_HOMES_MAX];
    size_t rest_count;
    uint64_t rest_sum; /* over all of it: who was told this knows all of it */
    bool rest_is_old;
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
        const struct operation_report *r =
            operating_of(front_end_operating(hb->fe), home_name(core));
        if (r && operating_is_under_way(r))
            said->operation = operating_summary(r);
        else if (r)
            said->last = operating_summary(r);
        said->lacks = importing_lacks(backup_service_importing(front_end_backup_service(hb->fe)),
                                      home_name(core));
    }
}

/* And what others said of the rest: every machine passes on the highest term that it knows. That is
 * gathered once for all whom it is told. */
static void gather_rest(struct heartbeats *hb)
{
    OWNED(buffer_free) struct buffer bytes = {0};
    hb->rest_count = 0;
    const struct heard *all = hearsay_table(hb->hearsay);
    for (size_t i = 0; i < all->count; i++) {
        const struct heard_home *heard = &all->list[i];
        if (front_end_home(hb->fe, heard->home))
            continue;
        struct heartbeat_home *said = &hb->rest[hb->rest_count++];
        *said = (struct heartbeat_home){
            .term = heard->term, .seen = heard->seen, .hears = hears_holder(hb, heard->home)};
        memcpy(said->home, heard->home, sizeof said->home);
        buffer_text(&bytes, said->home);
        buffer_u64(&bytes, said->term.number);
        buffer_u64(&bytes, said->term.tag);
        buffer_u64(&bytes, said->seen);
        buffer_u8(&bytes, said->hears);
    }
    hb->rest_sum = XXH3_64bits(bytes.at, bytes.size) | 1; /* 0: nothing is known */
    hb->rest_is_old = false;
}

/* Has the pool of this machine a part in the home? Who has is told each time: what it could not do
 * when it heard of it, because it was deciding something else, it does when it hears it again. */
static bool concerns(const struct heartbeats *hb, const char *home, const struct peer *to)
{
    const struct topology *topology = front_end_config(hb->fe)->topology;
    const struct pool *pool = topology_pool(topology, home);
    if (!pool)
        return strcmp(home, HOME_CENTRAL) == 0;
    return strcmp(home, to->pool) == 0 ||
           (pool->backup && strcmp(pool->backup->fqdn, to->pool) == 0);
}

/* All of it, to whoever does not know it as it is now; and now and then to everybody: should
 * anything of it have been lost, it does not stay so. */
static void say_rest(const struct heartbeats *hb, struct peer *to, struct heartbeat *h)
{
    uint64_t now_ms = clock_ms();
    bool knows = to && to->knows == hb->rest_sum && now_ms - to->whole_ms < HEARTBEAT_WHOLE_MS;
    h->rest = hb->rest_sum;
    h->whole = !knows;
    if (to && h->whole)
        to->whole_ms = now_ms;
    for (size_t i = 0; i < hb->rest_count && h->count < HEARD_HOMES_MAX; i++) {
        if (h->whole || concerns(hb, hb->rest[i].home, to))
            h->homes[h->count++] = hb->rest[i];
    }
}

static struct heartbeat *heartbeat_for(struct heartbeats *hb, struct peer *to)
{
    struct heartbeat *h = xcalloc(1, sizeof *h);
    h->sender = *link_sender(front_end_link(hb->fe));
    h->started = hb->started;
    h->wall_ms = clock_wall_ms();
    h->topology = hb->topology_hash;
    h->knows = to ? to->rest : 0;
    snprintf(h->engine, sizeof h->engine, "%s", config_engine(front_end_config(hb->fe)));
    if (hb->rest_is_old)
        gather_rest(hb);
    say_own_homes(hb, h);
    say_rest(hb, to, h);
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

void heartbeats_forget_witnesses(struct heartbeats *hb, size_t from)
{
    for (size_t i = 0; i < peers_count(hb->peers); i++)
        peers_at(hb->peers, i)->hears &= (1u << from) - 1;
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
        if (hearsay_note(hb->hearsay, said->home, said->term, said->seen))
            hb->rest_is_old = true;
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

static uint32_t period_ms(const struct topology *topology)
{
    uint32_t ms = topology->failure_detection_ms / HEARTBEATS_EACH_INTERVAL;
    return ms < HEARTBEAT_MS ? ms : HEARTBEAT_MS;
}

/* Has a part in one of our homes, or in `central`: it waits for no other's turn. */
static bool is_near(const struct heartbeats *hb, const struct peer *peer)
{
    struct hosted_home *homes[HOSTED_HOMES_MAX];
    size_t count = front_end_homes(hb->fe, homes);
    const struct pool *central = front_end_config(hb->fe)->topology->central;
    if (strcmp(central->fqdn, peer->pool) == 0 ||
        (central->backup && strcmp(central->backup->fqdn, peer->pool) == 0))
        return true;
    for (size_t i = 0; i < count; i++) {
        if (strcmp(home_partner(hosted_home_core(homes[i])), peer->pool) == 0)
            return true;
    }
    return false;
}

/* Of one that does not answer: at the pace of the beats, and of those that are not near a few at a
 * time. *(A refusal comes at once, and whoever is near was tried again for it, without an end: a
 * machine that was lost had all others do nothing else.)* */
static bool may_be_tried(const struct heartbeats *hb, const struct peer *peer)
{
    const struct topology *topology = front_end_config(hb->fe)->topology;
    size_t trying = 0;
    if (clock_ms() - peer->called_ms < period_ms(topology) / 2)
        return false;
    for (size_t i = 0; i < peers_count(hb->peers); i++) {
        const struct peer *other = peers_at(hb->peers, i);
        trying += other->calling && !other->reachable;
    }
    return trying < HEARTBEAT_TRIES_MAX || is_near(hb, peer);
}

static void on_heartbeat_done(const char *to, const struct heartbeat *theirs, const struct error *e,
                              void *context);

static void call_peer(struct heartbeats *hb, struct peer *peer)
{
    const struct machine *machine =
        topology_machine(front_end_config(hb->fe)->topology, peer->machine);
    peer->again = peer->calling; /* one at a time, and then the newest word */
    if (peer->calling || !machine)
        return;
    if (!peer->reachable && !may_be_tried(hb, peer))
        return;
    peer->calling = true;
    peer->called_ms = clock_ms();
    OWNED(free_memory) struct heartbeat *ours = heartbeat_for(hb, peer);
    link_heartbeat(front_end_link(hb->fe), machine, ours, on_heartbeat_done, hb);
}

/* Those who did not answer, one after the other, so that each has its turn. False: nobody can be
 * tried now. */
static bool try_next(struct heartbeats *hb)
{
    size_t count = peers_count(hb->peers);
    for (size_t i = 0; i < count; i++) {
        struct peer *peer = peers_at(hb->peers, (hb->turn + i) % count);
        if (peer->reachable || peer->calling)
            continue;
        call_peer(hb, peer);
        if (!peer->calling)
            continue;
        hb->turn = (hb->turn + i + 1) % count;
        return true;
    }
    return false;
}

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
    if (!front_end_link(hb->fe))
        return; /* this machine is stopping */
    if (peer->again && !peer->calling)
        call_peer(hb, peer);
    try_next(hb);
}

static bool may_hold_central(const struct config *config)
{
    const struct pool *central = config->topology->central, *self = config->self->pool;
    return self == central || self == central->backup;
}

/* Whoever is near; of the others some each time, and who does not know yet what is known here,
 * unless they are too many. */
static bool is_due(const struct heartbeats *hb, size_t i)
{
    const struct peer *peer = peers_at(hb->peers, i);
    uint64_t each =
        beats_between(peers_count(hb->peers), may_hold_central(front_end_config(hb->fe)));
    bool lacks = each == BEATS_FAR && peer->knows != hb->rest_sum;
    return lacks || (hb->beats + i) % each == 0 || is_near(hb, peer);
}

static void call_all(struct heartbeats *hb, bool those_due)
{
    gather_rest(hb); /* whom this machine hears may have changed, too */
    for (size_t i = 0; i < peers_count(hb->peers); i++) {
        struct peer *peer = peers_at(hb->peers, i);
        bool due = !those_due || is_due(hb, i);
        if (due && (peer->reachable || peer->calling))
            call_peer(hb, peer);
    }
    for (size_t i = 0; i < peers_count(hb->peers) && try_next(hb); i++)
        ;
}

void heartbeats_tell(struct heartbeats *hb)
{
    call_all(hb, false);
}

void heartbeats_heard(struct heartbeats *hb, const struct heartbeat *theirs,
                      struct link_reply *reply)
{
    take_heartbeat(hb, theirs);
    struct peer *peer = peers_find(hb->peers, theirs->sender.machine);
    OWNED(free_memory) struct heartbeat *ours = heartbeat_for(hb, peer);
    link_reply_heartbeat(reply, ours);
    if (peer && !peer->reachable && is_near(hb, peer)) {
        peer->called_ms = 0; /* it is there, and need not wait for the next beat */
        call_peer(hb, peer);
    }
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
    hb->hearsay = hearsay_new(fe);
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
    hearsay_free(hb->hearsay);
    free(hb);
}

static void on_timer(void *context)
{
    struct heartbeats *hb = context;
    hb->beats++;
    call_all(hb, true);
}

void heartbeats_start(struct heartbeats *hb)
{
    hearsay_start(hb->hearsay);
    hb->rest_is_old = true;
    loop_every(front_end_loop(hb->fe), period_ms(front_end_config(hb->fe)->topology), on_timer, hb);
    heartbeats_tell(hb);
}

void heartbeats_note(struct heartbeats *hb, const struct home *home)
{
    hearsay_note(hb->hearsay, home_name(home), home_hold(home)->term, home_seen(home));
}

void heartbeats_keep(const struct heartbeats *hb, const char *home)
{
    hearsay_keep(hb->hearsay, home);
}

struct peers *heartbeats_peers(struct heartbeats *hb)
{
    return hb->peers;
}

const struct heard *heartbeats_table(const struct heartbeats *hb)
{
    return hearsay_table(hb->hearsay);
}
