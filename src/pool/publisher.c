#include "pool/publisher.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "pool/central.h"
#include "pool/commit.h"
#include "pool/content.h"

struct publisher {
    struct front_end *fe;
    bool ordering;             /* an order to another pool is under way */
    bool store_trouble;        /* told once */
    char told[ERROR_TEXT_MAX]; /* the last trouble with a home's creation, told once as well */
};

/* The term in which this pool serves `central`; 0: it does not. */
static uint64_t central_term(const struct front_end *fe)
{
    const struct hosted_home *central = front_end_home(fe, HOME_CENTRAL);
    if (!central || home_mode(hosted_home_core(central)) != MODE_SERVING)
        return 0;
    return home_hold(hosted_home_core(central))->term.number;
}

/* --- creating homes --- */

struct creation {
    struct publisher *publisher;
    char pool[FQDN_SIZE];
    struct link_reply *reply; /* who ordered it; NULL: we ourselves */
};

static void on_marked(const struct store_outcome *outcome, void *context)
{
    struct creation *c = context;
    if (outcome->error.kind)
        log_error(LOG_EVENT_WARNING, "creation-not-noted", &outcome->error,
                  "That %s has its home could not be noted; it will be noted later.", c->pool);
    free(c);
}

/* The pool has its home: never to be ordered again. */
static void note_created(struct front_end *fe, const char *pool)
{
    uint64_t term = central_term(fe);
    if (term == 0)
        return;
    struct creation *c = xcalloc(1, sizeof *c);
    snprintf(c->pool, sizeof c->pool, "%s", pool);
    struct txn *txn = txn_new(HOME_CENTRAL);
    txn_as_holder(txn, term);
    central_mark_created(txn, pool);
    store_commit(front_end_store(fe), txn, on_marked, c);
}

bool publisher_has_home(const struct front_end *fe, const char *pool)
{
    const struct heard_home *heard = heard_of(front_end_heard(fe), pool);
    return heard && heard->term.number > 0;
}

static void tell_trouble(struct publisher *publisher, const char *pool, const struct error *e)
{
    if (strcmp(publisher->told, e->what) == 0)
        return;
    log_error(LOG_EVENT_WARNING, "home-not-created", e,
              "%s has not created its home; it will be tried again.", pool);
    snprintf(publisher->told, sizeof publisher->told, "%s", e->what);
}

static void on_created_here(const struct error *e, void *context)
{
    struct creation *c = context;
    struct front_end *fe = c->publisher->fe;
    bool exists = !e || publisher_has_home(fe, c->pool);
    if (c->reply && exists)
        link_reply_created(c->reply, c->pool);
    else if (c->reply)
        link_reply_error(c->reply, e);
    if (!exists)
        tell_trouble(c->publisher, c->pool, e);
    else if (!c->reply)
        note_created(fe, c->pool);
    free(c);
}

static void create_here(struct publisher *publisher, struct link_reply *reply)
{
    struct front_end *fe = publisher->fe;
    struct creation *c = xcalloc(1, sizeof *c);
    c->publisher = publisher;
    c->reply = reply;
    snprintf(c->pool, sizeof c->pool, "%s", front_end_pool(fe));
    if (!publisher_has_home(fe, front_end_pool(fe)))
        content_create(front_end_content(fe));
    hosted_home_create(front_end_home(fe, front_end_pool(fe)), NULL, NULL, on_created_here, c);
}

void publisher_ordered(struct publisher *publisher, const struct machine *from, const char *name,
                       struct link_reply *reply)
{
    struct front_end *fe = publisher->fe;
    struct error e;
    if (strcmp(name, front_end_pool(fe)) != 0 || front_end_holder(fe, HOME_CENTRAL) != from->pool) {
        fail(&e, FAIL_REFUSED, "%s takes no order from %s to create the home %s.",
             front_end_pool(fe), from->fqdn, name);
        error_next(&e, "The holder of the Central Management Store orders each pool to create its "
                       "own home; check that the topology files agree.");
        link_reply_error(reply, &e);
        return;
    }
    create_here(publisher, reply);
}

static void on_create_done(const char *to, const char *home, const struct error *e, void *context)
{
    struct publisher *publisher = context;
    publisher->ordering = false;
    if (!e)
        note_created(publisher->fe, home);
    else if (e->kind != FAIL_UNREACHABLE) /* that, its heartbeats tell */
        tell_trouble(publisher, to, e);
}

static bool order_creation(const char *pool, void *context)
{
    struct publisher *publisher = context;
    struct front_end *fe = publisher->fe;
    if (publisher_has_home(fe, pool)) {
        note_created(fe, pool);
        return true;
    }
    if (strcmp(pool, front_end_pool(fe)) == 0) {
        if (!home_deciding(hosted_home_core(front_end_home(fe, pool))))
            create_here(publisher, NULL);
        return true;
    }
    const struct machine *to = front_end_machine_of(fe, pool);
    const struct peer *peer = to ? peers_find(front_end_peers(fe), to->fqdn) : NULL;
    if (!peer || !peer->reachable || publisher->ordering)
        return true;
    publisher->ordering = true;
    link_create(front_end_link(fe), to, pool, on_create_done, publisher);
    return true;
}

static void order_creations(void *context)
{
    struct publisher *publisher = context;
    if (central_term(publisher->fe) == 0)
        return;
    OWNED(view_close) struct view *view = NULL;
    struct error e = {0};
    enum failure bad = store_view(front_end_store(publisher->fe), &view, &e);
    if (!bad)
        bad = central_uncreated(view, order_creation, publisher, &e);
    if (bad && !publisher->store_trouble)
        log_error(LOG_EVENT_ERROR, "store-trouble", &e, "The store can't be read.");
    publisher->store_trouble = bad != OK;
}

/* --- publishing --- */

struct publication {
    struct publisher *publisher;
    struct topology *topology;
    hosted_home_done *done;
    void *context;
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
        order_creations(p->publisher);
    publication_end(p, e);
}

static void on_republished(const struct store_outcome *outcome, void *context)
{
    struct publication *p = context;
    if (!outcome->error.kind)
        order_creations(p->publisher);
    publication_end(p, outcome->error.kind ? &outcome->error : NULL);
}

static enum failure republish(struct publication *p, uint64_t term_number, struct error *e)
{
    struct store *store = front_end_store(p->publisher->fe);
    OWNED(view_close) struct view *view = NULL;
    OWNED(txn_free) struct txn *txn = txn_new(HOME_CENTRAL);
    txn_as_holder(txn, term_number);
    enum failure bad = store_view(store, &view, e);
    if (!bad)
        bad = central_publish(txn, view, p->topology, e);
    if (!bad)
        commit_on_loop(store, front_end_loop(p->publisher->fe), TAKE(txn), on_republished, p);
    return bad;
}

/* `central` exists, or is not this pool's to create, and is not served here now. */
static void refuse_to_publish(const struct front_end *fe, struct error *e)
{
    uint64_t term;
    front_end_serves(fe, HOME_CENTRAL, &term, e);
    error_kept(e, "Nothing was published.");
}

void publisher_publish(struct publisher *publisher, struct topology *topology,
                       hosted_home_done *done, void *context)
{
    struct front_end *fe = publisher->fe;
    struct publication *p = xcalloc(1, sizeof *p);
    *p = (struct publication){publisher, topology, done, context};
    struct error e = {0};
    struct hosted_home *central = front_end_home(fe, HOME_CENTRAL);
    const struct home *core = central ? hosted_home_core(central) : NULL;
    uint64_t term = central_term(fe);
    if (term) {
        if (republish(p, term, &e))
            publication_end(p, &e);
    } else if (!core || home_hold(core)->revision || home_side(core) != SIDE_HOME) {
        refuse_to_publish(fe, &e);
        publication_end(p, &e);
    } else {
        hosted_home_create(central, publish_enrich, p, on_central_created, p);
    }
}

/* --- the publisher --- */

struct publisher *publisher_new(struct front_end *fe)
{
    struct publisher *publisher = xcalloc(1, sizeof *publisher);
    publisher->fe = fe;
    return publisher;
}

void publisher_free(struct publisher *publisher)
{
    free(publisher);
}

void publisher_start(struct publisher *publisher)
{
    loop_every(front_end_loop(publisher->fe), CREATE_RETRY_MS, order_creations, publisher);
}
