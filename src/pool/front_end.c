#include "pool/front_end.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <xxhash.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/random.h"
#include "pki/pki.h"
#include "pool/central.h"

struct front_end {
    struct config *config;
    struct loop *loop;
    struct store *store;
    struct link *link;
    struct peers *peers;
    struct heard heard;
    struct hosted_home *homes[HOSTED_HOMES_MAX];
    size_t home_count;
    uint64_t started;
    uint64_t topology_hash;
    bool creating; /* an order to create a home is under way */
    bool store_trouble;
};

const struct config *front_end_config(const struct front_end *fe)
{
    return fe->config;
}

struct store *front_end_store(const struct front_end *fe)
{
    return fe->store;
}

struct peers *front_end_peers(const struct front_end *fe)
{
    return fe->peers;
}

const struct heard *front_end_heard(const struct front_end *fe)
{
    return &fe->heard;
}

struct hosted_home *front_end_home(const struct front_end *fe, const char *name)
{
    for (size_t i = 0; i < fe->home_count; i++) {
        if (strcmp(home_name(hosted_home_core(fe->homes[i])), name) == 0)
            return fe->homes[i];
    }
    return NULL;
}

size_t front_end_homes(const struct front_end *fe, struct hosted_home *list[HOSTED_HOMES_MAX])
{
    memcpy(list, fe->homes, fe->home_count * sizeof *list);
    return fe->home_count;
}

static const char *own_pool(const struct front_end *fe)
{
    return fe->config->self->pool->fqdn;
}

/* --- heartbeats --- */

static void say_own_homes(const struct front_end *fe, struct heartbeat *h)
{
    for (size_t i = 0; i < fe->home_count; i++) {
        const struct home *core = hosted_home_core(fe->homes[i]);
        struct heartbeat_home *said = &h->homes[h->count++];
        memcpy(said->home, home_name(core), strlen(home_name(core)) + 1);
        said->term = home_hold(core)->term;
        said->seen = home_seen(core);
        said->own = true;
        said->mode = home_mode(core);
    }
}

/* And what others said of the rest: every machine passes on the highest term that it knows. */
static void say_what_was_heard(const struct front_end *fe, struct heartbeat *h)
{
    for (size_t i = 0; i < fe->heard.count && h->count < HEARD_HOMES_MAX; i++) {
        const struct heard_home *heard = &fe->heard.list[i];
        if (front_end_home(fe, heard->home))
            continue;
        struct heartbeat_home *said = &h->homes[h->count++];
        memcpy(said->home, heard->home, sizeof said->home);
        said->term = heard->term;
        said->seen = heard->seen;
    }
}

static struct heartbeat *heartbeat_now(const struct front_end *fe)
{
    struct heartbeat *h = xcalloc(1, sizeof *h);
    h->sender = *link_sender(fe->link);
    h->started = fe->started;
    h->wall_ms = clock_wall_ms();
    h->topology = fe->topology_hash;
    say_own_homes(fe, h);
    say_what_was_heard(fe, h);
    return h;
}

static void take_heartbeat(struct front_end *fe, const struct heartbeat *theirs)
{
    peers_heard(fe->peers, theirs, clock_ms(), clock_wall_ms(), fe->topology_hash);
    for (size_t i = 0; i < theirs->count; i++) {
        const struct heartbeat_home *said = &theirs->homes[i];
        heard_note(&fe->heard, said->home, said->term, said->seen);
        struct hosted_home *home = front_end_home(fe, said->home);
        if (home)
            hosted_home_heard(home, theirs->sender.pool, said);
    }
}

static void call_peer(struct front_end *fe, struct peer *peer, const struct heartbeat *ours);

static void on_heartbeat_done(const char *to, const struct heartbeat *theirs, const struct error *e,
                              void *context)
{
    struct front_end *fe = context;
    struct peer *peer = peers_find(fe->peers, to);
    if (!peer)
        return; /* no longer in the topology */
    peer->calling = false;
    if (theirs) {
        peers_answered(peer);
        take_heartbeat(fe, theirs);
    } else {
        peers_failed(peer, e);
    }
    if (peer->again && !peer->calling) {
        OWNED(free_memory) struct heartbeat *ours = heartbeat_now(fe);
        call_peer(fe, peer, ours);
    }
}

static void call_peer(struct front_end *fe, struct peer *peer, const struct heartbeat *ours)
{
    const struct machine *machine = topology_machine(fe->config->topology, peer->machine);
    peer->again = peer->calling; /* one at a time, and then the newest word */
    if (peer->calling || !machine)
        return;
    peer->calling = true;
    link_heartbeat(fe->link, machine, ours, on_heartbeat_done, fe);
}

static void call_everybody(struct front_end *fe)
{
    OWNED(free_memory) struct heartbeat *ours = heartbeat_now(fe);
    for (size_t i = 0; i < peers_count(fe->peers); i++)
        call_peer(fe, peers_at(fe->peers, i), ours);
}

static void on_heartbeat_timer(void *context)
{
    call_everybody(context);
}

static uint32_t heartbeat_period_ms(const struct topology *topology)
{
    uint32_t ms = topology->failure_detection_ms / HEARTBEATS_EACH_INTERVAL;
    return ms < HEARTBEAT_MS ? ms : HEARTBEAT_MS;
}

static void on_heartbeat(const struct machine *from, const struct heartbeat *theirs,
                         struct link_reply *reply, void *context)
{
    (void)from;
    struct front_end *fe = context;
    take_heartbeat(fe, theirs);
    OWNED(free_memory) struct heartbeat *ours = heartbeat_now(fe);
    link_reply_heartbeat(reply, ours);
}

/* --- homes --- */

static void on_home_changed(struct hosted_home *home, void *context)
{
    struct front_end *fe = context;
    const struct home *core = hosted_home_core(home);
    heard_note(&fe->heard, home_name(core), home_hold(core)->term, home_seen(core));
    call_everybody(fe);
}

static void on_answer(const char *to, const char *home_name, const struct home_answer *answer,
                      const struct error *e, void *context)
{
    (void)to;
    (void)e; /* that a machine can't be reached, its heartbeats tell */
    struct hosted_home *home = front_end_home(context, home_name);
    if (home)
        hosted_home_answered(home, answer);
}

/* The machine of the partner to ask: one that answers, or else the first. */
static const struct machine *machine_of(const struct front_end *fe, const char *pool_name)
{
    const struct pool *pool = topology_pool(fe->config->topology, pool_name);
    if (!pool)
        return NULL;
    for (size_t i = 0; i < pool->machine_count; i++) {
        const struct peer *peer = peers_find(fe->peers, pool->machines[i].fqdn);
        if (peer && peer->reachable)
            return &pool->machines[i];
    }
    return &pool->machines[0];
}

static void ask_partner(struct hosted_home *home, const struct home_question *question,
                        void *context)
{
    struct front_end *fe = context;
    const struct home *core = hosted_home_core(home);
    const struct machine *to = machine_of(fe, home_partner(core));
    if (to)
        link_question(fe->link, to, home_name(core), question, on_answer, fe);
    else
        hosted_home_answered(home, NULL);
}

static void on_question(const struct machine *from, const char *name,
                        const struct home_question *question, struct link_reply *reply,
                        void *context)
{
    struct front_end *fe = context;
    struct hosted_home *home = front_end_home(fe, name);
    if (home && strcmp(home_partner(hosted_home_core(home)), from->pool->fqdn) == 0) {
        hosted_home_asked(home, question, reply);
        return;
    }
    struct error e;
    fail(&e, FAIL_REFUSED, "%s is not the partner of %s for the home %s.", own_pool(fe),
         from->pool->fqdn, name);
    error_next(&e, "Use the same topology file on both.");
    link_reply_error(reply, &e);
}

static enum failure open_home(struct front_end *fe, const char *name, const struct pool *pool,
                              struct error *e)
{
    const struct pool *backup = pool->backup;
    bool is_home = strcmp(pool->fqdn, own_pool(fe)) == 0;
    struct home_options options = {
        .name = name,
        .pools = {pool->fqdn, backup ? backup->fqdn : NULL},
        .side = is_home ? SIDE_HOME : SIDE_BACKUP,
        .failure_detection_ms = fe->config->topology->failure_detection_ms,
    };
    OWNED(view_close) struct view *view = NULL;
    OWNED(free_memory) struct hold *hold = xmalloc(sizeof *hold);
    enum failure bad = store_view(fe->store, &view, e);
    if (!bad)
        bad = view_hold(view, name, hold, e);
    if (bad && bad != FAIL_NOT_FOUND)
        return bad;
    if (!bad && !hold_side(hold, own_pool(fe), &options.side)) {
        fail(e, FAIL_REFUSED,
             "The store's record of the home %s names %s and %s, not this pool %s.", name,
             hold->pools[SIDE_HOME], hold->pools[SIDE_BACKUP], own_pool(fe));
        return error_next(e, "Check which store the configuration names for this pool.");
    }
    struct hosted_home_around around = {.loop = fe->loop,
                                        .store = fe->store,
                                        .ask = ask_partner,
                                        .changed = on_home_changed,
                                        .context = fe};
    assert(fe->home_count < HOSTED_HOMES_MAX);
    struct hosted_home *home = hosted_home_open(&around, &options, bad ? NULL : hold);
    fe->homes[fe->home_count++] = home;
    const struct home *core = hosted_home_core(home);
    heard_note(&fe->heard, name, home_hold(core)->term, home_seen(core));
    log_event(LOG_EVENT_NOTICE, "home-opened", "The home %s is %s here.", name,
              mode_name(home_mode(core)));
    return OK;
}

static enum failure open_homes(struct front_end *fe, struct error *e)
{
    const struct pool *self = fe->config->self->pool;
    const struct pool *central = fe->config->topology->central;
    enum failure bad = open_home(fe, self->fqdn, self, e);
    if (!bad && self->backup)
        bad = open_home(fe, self->backup->fqdn, self->backup, e);
    if (!bad && (central == self || central->backup == self))
        bad = open_home(fe, HOME_CENTRAL, central, e);
    return bad;
}

static void on_tick(void *context)
{
    struct front_end *fe = context;
    for (size_t i = 0; i < fe->home_count; i++)
        hosted_home_tick(fe->homes[i]);
}

/* --- creating homes: the holder of `central` orders it, until it is confirmed --- */

struct creation {
    struct front_end *fe;
    char pool[FQDN_SIZE];
    struct link_reply *reply; /* who ordered it; NULL: we ourselves */
};

static void on_marked(const struct store_outcome *outcome, void *context)
{
    struct creation *c = context;
    if (outcome->error.kind)
        log_error(LOG_EVENT_WARNING, "creation-not-noted", &outcome->error,
                  "That %s has its home could not be noted; it will be asked again.", c->pool);
    free(c);
}

/* The pool has its home: never to be ordered again. */
static void note_created(struct front_end *fe, const char *pool)
{
    const struct hosted_home *central = front_end_home(fe, HOME_CENTRAL);
    if (!central || home_mode(hosted_home_core(central)) != MODE_SERVING)
        return;
    struct creation *c = xcalloc(1, sizeof *c);
    snprintf(c->pool, sizeof c->pool, "%s", pool);
    struct txn *txn = txn_new(HOME_CENTRAL);
    txn_as_holder(txn, home_hold(hosted_home_core(central))->term.number);
    central_mark_created(txn, pool);
    store_commit(fe->store, txn, on_marked, c);
}

static bool has_home(const struct front_end *fe, const char *pool)
{
    const struct heard_home *heard = heard_of(&fe->heard, pool);
    return heard && heard->term.number > 0;
}

static void on_created_here(const struct error *e, void *context)
{
    struct creation *c = context;
    bool exists = !e || has_home(c->fe, c->pool);
    if (c->reply && exists)
        link_reply_created(c->reply, c->pool);
    else if (c->reply)
        link_reply_error(c->reply, e);
    if (!exists)
        log_error(LOG_EVENT_WARNING, "home-not-created", e, "The home %s was not created.",
                  c->pool);
    else if (!c->reply)
        note_created(c->fe, c->pool);
    free(c);
}

static void create_here(struct front_end *fe, struct link_reply *reply)
{
    struct creation *c = xcalloc(1, sizeof *c);
    c->fe = fe;
    c->reply = reply;
    snprintf(c->pool, sizeof c->pool, "%s", own_pool(fe));
    hosted_home_create(front_end_home(fe, own_pool(fe)), NULL, NULL, on_created_here, c);
}

static void on_create(const struct machine *from, const char *name, struct link_reply *reply,
                      void *context)
{
    struct front_end *fe = context;
    struct error e;
    const struct heard_home *central = heard_of(&fe->heard, HOME_CENTRAL);
    const struct pool *first = fe->config->topology->central;
    bool may = strcmp(from->pool->fqdn, first->fqdn) == 0 ||
               (first->backup && strcmp(from->pool->fqdn, first->backup->fqdn) == 0);
    if (strcmp(name, own_pool(fe)) != 0 || !may || !central) {
        fail(&e, FAIL_REFUSED, "%s takes no order from %s to create the home %s.", own_pool(fe),
             from->fqdn, name);
        error_next(&e, "The holder of the Central Management Store orders each pool to create its "
                       "own home; check that the topology files agree.");
        link_reply_error(reply, &e);
        return;
    }
    create_here(fe, reply);
}

static void on_create_done(const char *to, const char *home, const struct error *e, void *context)
{
    struct front_end *fe = context;
    fe->creating = false;
    if (!e)
        note_created(fe, home);
    else if (e->kind != FAIL_UNREACHABLE) /* that, its heartbeats tell */
        log_error(LOG_EVENT_WARNING, "home-not-created", e,
                  "%s did not create its home; it will be asked again.", to);
}

static bool create_first(const char *pool, void *context)
{
    struct front_end *fe = context;
    if (has_home(fe, pool)) {
        note_created(fe, pool);
        return true;
    }
    if (strcmp(pool, own_pool(fe)) == 0) {
        if (!home_deciding(hosted_home_core(front_end_home(fe, pool))))
            create_here(fe, NULL);
        return true;
    }
    const struct machine *to = machine_of(fe, pool);
    const struct peer *peer = to ? peers_find(fe->peers, to->fqdn) : NULL;
    if (!peer || !peer->reachable || fe->creating)
        return true;
    fe->creating = true;
    link_create(fe->link, to, pool, on_create_done, fe);
    return true;
}

static void on_create_timer(void *context)
{
    struct front_end *fe = context;
    const struct hosted_home *central = front_end_home(fe, HOME_CENTRAL);
    if (!central || home_mode(hosted_home_core(central)) != MODE_SERVING)
        return;
    OWNED(view_close) struct view *view = NULL;
    struct error e = {0};
    enum failure bad = store_view(fe->store, &view, &e);
    if (!bad)
        bad = central_uncreated(view, create_first, fe, &e);
    if (bad && !fe->store_trouble)
        log_error(LOG_EVENT_ERROR, "store-trouble", &e, "The store can't be read.");
    fe->store_trouble = bad != OK;
}

/* --- publishing --- */

struct publication {
    struct front_end *fe;
    struct topology *topology;
    hosted_home_done *done;
    void *context;
    struct error error;
};

static void publication_end(struct publication *p, const struct error *e)
{
    if (!e)
        log_event(LOG_EVENT_NOTICE, "topology-published", "The topology was published.");
    p->done(e, p->context);
    topology_free(p->topology);
    free(p);
}

static void publish_enrich(struct txn *txn, uint64_t term_number, void *context)
{
    struct publication *p = context;
    txn_as_holder(txn, term_number);
    central_publish(txn, NULL, p->topology, NULL);
}

static void on_central_created(const struct error *e, void *context)
{
    struct publication *p = context;
    if (!e)
        on_create_timer(p->fe);
    publication_end(p, e);
}

static void on_republished(void *context)
{
    struct publication *p = context;
    if (!p->error.kind)
        on_create_timer(p->fe);
    publication_end(p, p->error.kind ? &p->error : NULL);
}

/* On the store's thread. */
static void on_publication_stored(const struct store_outcome *outcome, void *context)
{
    struct publication *p = context;
    p->error = outcome->error;
    loop_post_surely(p->fe->loop, on_republished, p);
}

static enum failure republish(struct publication *p, uint64_t term_number, struct error *e)
{
    struct front_end *fe = p->fe;
    OWNED(view_close) struct view *view = NULL;
    OWNED(txn_free) struct txn *txn = txn_new(HOME_CENTRAL);
    txn_as_holder(txn, term_number);
    enum failure bad = store_view(fe->store, &view, e);
    if (!bad)
        bad = central_publish(txn, view, p->topology, e);
    if (!bad)
        store_commit(fe->store, TAKE(txn), on_publication_stored, p);
    return bad;
}

static enum failure check_publication(const struct front_end *fe, const struct topology *topology,
                                      struct error *e)
{
    const struct pool *central = topology->central;
    if (strcmp(topology->text, fe->config->topology->text) != 0) {
        fail(e, FAIL_REFUSED, "This is not the topology that %s runs by (%s).",
             fe->config->self->fqdn, fe->config->topology_file);
        error_kept(e, "Nothing was published.");
        return error_next(e, "Put the file on each machine, have each reload it (SIGHUP), then "
                             "publish it.");
    }
    if (!front_end_home(fe, HOME_CENTRAL)) {
        fail(e, FAIL_REFUSED, "%s does not hold the Central Management Store.", own_pool(fe));
        error_kept(e, "Nothing was published.");
        return error_next(e, "Run this on a machine of %s.", central->fqdn);
    }
    return OK;
}

void front_end_publish(struct front_end *fe, struct topology *topology, hosted_home_done *done,
                       void *context)
{
    struct publication *p = xcalloc(1, sizeof *p);
    *p = (struct publication){fe, topology, done, context, {0}};
    struct error e = {0};
    if (check_publication(fe, topology, &e)) {
        publication_end(p, &e);
        return;
    }
    struct hosted_home *central = front_end_home(fe, HOME_CENTRAL);
    const struct home *core = hosted_home_core(central);
    if (home_mode(core) == MODE_SERVING) {
        if (republish(p, home_hold(core)->term.number, &e))
            publication_end(p, &e);
    } else if (home_hold(core)->revision || home_side(core) != SIDE_HOME) {
        const char *holder = hold_holder(home_hold(core));
        fail(&e, FAIL_REFUSED, "%s does not serve the Central Management Store: it is %s here.",
             own_pool(fe), mode_name(home_mode(core)));
        error_kept(&e, "Nothing was published.");
        error_next(&e, "Run this on a machine of %s.",
                   holder[0] ? holder : topology->central->fqdn);
        publication_end(p, &e);
    } else {
        hosted_home_create(central, publish_enrich, p, on_central_created, p);
    }
}

/* --- certificates --- */

static void check_certificate(struct front_end *fe, const char *file)
{
    struct pki_certificate certificate;
    struct error e;
    if (pki_read_certificate(file, &certificate, &e)) {
        log_error(LOG_EVENT_ERROR, "certificate-unreadable", &e, "A certificate can't be read.");
        return;
    }
    char until[PKI_TIME_TEXT_SIZE];
    long long left = (long long)certificate.not_after - (long long)time(NULL);
    pki_time_text(certificate.not_after, until);
    if (left <= 0)
        log_event(LOG_EVENT_ERROR, "certificate-expired",
                  "%s expired at %s: no other machine talks to %s any more. Type: pollux pki renew "
                  "%s, then reload (SIGHUP).",
                  file, until, fe->config->machine, fe->config->machine);
    else if (left < CERTIFICATE_WARN_DAYS * 86400LL)
        log_event(
            LOG_EVENT_WARNING, "certificate-expires",
            "%s expires at %s, in %lld days. Type: pollux pki renew %s, then reload (SIGHUP).",
            file, until, left / 86400, fe->config->machine);
}

static void on_certificate_timer(void *context)
{
    struct front_end *fe = context;
    check_certificate(fe, fe->config->certificate);
    check_certificate(fe, fe->config->authority);
}

/* --- start, reload, stop --- */

static uint64_t hash_of(const struct topology *topology)
{
    return XXH3_64bits(topology->text, strlen(topology->text));
}

static enum failure open_store(struct front_end *fe, struct error *e)
{
    struct engine *engine;
    enum failure bad = sqlite_engine_open(fe->config->database_path, own_pool(fe), &engine, e);
    return bad ? bad : store_open(engine, &fe->store, e);
}

static enum failure open_link(struct front_end *fe, struct error *e)
{
    const struct config *config = fe->config;
    const struct link_handlers handlers = {
        .heartbeat = on_heartbeat, .question = on_question, .create = on_create, .context = fe};
    const struct link_options options = {.loop = fe->loop,
                                         .topology = config->topology,
                                         .self = config->self,
                                         .listen_address = config->listen_address,
                                         .certificate_file = config->certificate,
                                         .private_key_file = config->private_key,
                                         .authority_file = config->authority,
                                         .handlers = &handlers};
    fe->link = link_start(&options, e);
    return fe->link ? OK : e->kind;
}

struct front_end *front_end_start(struct config *config, struct loop *loop, struct error *e)
{
    struct front_end *fe = xcalloc(1, sizeof *fe);
    fe->config = config;
    fe->loop = loop;
    fe->started = random_u64();
    fe->topology_hash = hash_of(config->topology);
    fe->peers = peers_new(config->topology, config->self);
    if (open_store(fe, e) || open_homes(fe, e) || open_link(fe, e)) {
        front_end_stop(fe);
        return NULL;
    }
    loop_every(loop, HOME_TICK_MS, on_tick, fe);
    loop_every(loop, heartbeat_period_ms(config->topology), on_heartbeat_timer, fe);
    loop_every(loop, CREATE_RETRY_MS, on_create_timer, fe);
    loop_every(loop, CERTIFICATE_CHECK_MS, on_certificate_timer, fe);
    on_certificate_timer(fe);
    call_everybody(fe);
    return fe;
}

/* What can't change while running, by name; NULL if nothing of that changed. */
static const char *fixed_change(const struct config *a, const struct config *b)
{
    const struct pool *x = a->self->pool, *y = b->self->pool;
    const char *x_backup = x->backup ? x->backup->fqdn : "",
               *y_backup = y->backup ? y->backup->fqdn : "";
    const char *x_listen = a->listen_address ? a->listen_address : "";
    const char *y_listen = b->listen_address ? b->listen_address : "";
    if (strcmp(a->machine, b->machine) != 0 || strcmp(x->fqdn, y->fqdn) != 0)
        return "which machine this is";
    if (strcmp(a->database_path, b->database_path) != 0)
        return "where its database is";
    if (strcmp(a->admin_socket, b->admin_socket) != 0)
        return "where its socket is";
    if (strcmp(x_listen, y_listen) != 0 || a->self->link_port != b->self->link_port)
        return "where it listens";
    if (strcmp(a->certificate, b->certificate) != 0 ||
        strcmp(a->private_key, b->private_key) != 0 || strcmp(a->authority, b->authority) != 0)
        return "where its certificates are";
    if (strcmp(x_backup, y_backup) != 0 ||
        strcmp(a->topology->central->fqdn, b->topology->central->fqdn) != 0)
        return "which homes it takes part in";
    if (a->topology->failure_detection_ms != b->topology->failure_detection_ms)
        return "the failure-detection interval";
    return NULL;
}

void front_end_reload(struct front_end *fe)
{
    OWNED(faults_free) struct faults faults = {0};
    struct config *config = config_load(fe->config->file, &faults);
    struct error e;
    if (!config) {
        for (size_t i = 0; i < faults.count; i++)
            log_event(LOG_EVENT_ERROR, "reload-refused", "%s:%u: %s", faults.list[i].file,
                      faults.list[i].line, faults.list[i].sentence);
        log_event(LOG_EVENT_ERROR, "reload-refused", "Nothing was reloaded; mend the files first.");
        return;
    }
    const char *fixed = fixed_change(fe->config, config);
    if (fixed) {
        log_event(LOG_EVENT_ERROR, "reload-refused",
                  "The new configuration changes %s: that takes a restart. Nothing was reloaded.",
                  fixed);
        config_free(config);
        return;
    }
    if (link_reload(fe->link, config->topology, config->self, &e)) {
        log_error(LOG_EVENT_ERROR, "reload-refused", &e, "The certificates were not reloaded.");
        config_free(config);
        return;
    }
    peers_follow(fe->peers, config->topology, config->self);
    config_free(fe->config);
    fe->config = config;
    fe->topology_hash = hash_of(config->topology);
    log_set_level(config->log_level);
    log_event(LOG_EVENT_NOTICE, "reloaded",
              "Configuration, topology and certificates were "
              "reloaded.");
    on_certificate_timer(fe);
    call_everybody(fe);
}

void front_end_stop(struct front_end *fe)
{
    if (!fe)
        return;
    link_stop(fe->link);
    for (size_t i = 0; i < fe->home_count; i++)
        hosted_home_close(fe->homes[i]);
    fe->home_count = 0;
    store_close(fe->store);
    /* What the store had still to say lies in the loop: it is told, and finds everything closed. */
    loop_settle(fe->loop);
    peers_free(fe->peers);
    config_free(fe->config);
    free(fe);
}
