#include "checks.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client.h"
#include "copying.h"
#include "core/salvage.h"
#include "operating.h"
#include "pool.h"

void check_holders(struct world *w, size_t home)
{
    const struct hosted *first = NULL;
    for (size_t i = 0; i < w->options.pools; i++) {
        const struct hosted *h = hosted_of(&w->pools[i], home);
        if (!h || !w->pools[i].up || !mode_rights(home_mode(h->core))->changes)
            continue;
        w->homes[home].served_ms = w->now;
        if (!w->homes[home].put_back && w->homes[home].gave[i].number &&
            term_equal(home_hold(h->core)->term, w->homes[home].gave[i]))
            broken(w, "%s serves %s in a term that it released", h->pool->name, home_of(h));
        if (first && home_hold(first->core)->term.number == home_hold(h->core)->term.number)
            broken(w, "%s and %s serve %s in one term", first->pool->name, h->pool->name,
                   home_of(h));
        first = h;
    }
}

static const struct hosted *holder_of(struct world *w, size_t home)
{
    for (size_t i = 0; i < w->options.pools; i++) {
        const struct hosted *h = hosted_of(&w->pools[i], home);
        if (h && serves(h))
            return h;
    }
    return NULL;
}

/* --- commits --- */

void note_terms(const struct pool *pool, struct term before[HOSTED_MAX])
{
    for (size_t i = 0; i < pool->hosts; i++) {
        struct hold hold;
        read_hold(pool, home_of(&pool->hosted[i]), &hold);
        before[i] = hold.term;
    }
}

/* --- conflicts --- */

struct search {
    struct view *view; /* not the one that is walked */
    const char *home;
    struct bytes key;
    uint64_t attempt;
    bool found;
};

static bool is_it(const struct item *item, struct item_hash hash, void *context)
{
    (void)hash;
    struct search *s = context;
    struct salvage_conflict conflict;
    struct item value;
    char text[SALVAGE_KEY_SIZE];
    if (!salvage_is_conflict(item->key) || salvage_conflict_decode(&conflict, item->value, NULL) ||
        !bytes_equal(conflict.key, s->key))
        return true;
    struct bytes key = salvage_value_key(conflict.tag, conflict.version.usn, text);
    bool live =
        !conflict.deleted && view_item(s->view, s->home, item->module, key, &value, NULL) == OK;
    s->found = conflict.deleted || (live && client_attempt(value.value) >= s->attempt);
    return !s->found;
}

/* This attempt of a key, or a later one that replaced it where it was made. */
static bool is_kept_beside(const struct pool *pool, const char *home, enum module module,
                           struct bytes key, uint64_t attempt)
{
    OWNED(view_close) struct view *walked = NULL;
    OWNED(view_close) struct view *asked = NULL;
    store_view(pool->store, &walked, NULL);
    store_view(pool->store, &asked, NULL);
    struct search s = {.view = asked, .home = home, .key = key, .attempt = attempt};
    view_keys(walked, home, module, bytes_of_text(SALVAGE_CONFLICTS), is_it, &s, NULL);
    return s.found;
}

struct rivals {
    const struct hosted *h;
    size_t module;
    struct view *view; /* not the one that is walked */
};

/* Whoever took alone may have items of a term that began beyond what it has whole: its record does
 * not tell any more which one of that number it was. */
static bool still_knows(const struct hosted *h, uint64_t tag)
{
    struct hold hold;
    bool knows = false;
    read_hold(h->pool, home_of(h), &hold);
    for (size_t i = 0; i < hold.lineage.count; i++)
        knows |= hold.lineage.entries[i].term.tag == tag;
    return knows;
}

/* Of two changes of one term the later one was made on top of the other: no conflict. */
static bool must_be_rivals(const struct item *item, struct item_hash hash, void *context)
{
    (void)hash;
    struct rivals *r = context;
    struct world *w = r->h->pool->world;
    enum module module = module_of(r->h->home, r->module);
    struct salvage_conflict conflict;
    char text[SALVAGE_KEY_SIZE];
    struct item lost, stays;
    if (!salvage_is_conflict(item->key) || salvage_conflict_decode(&conflict, item->value, NULL) ||
        conflict.deleted)
        return true;
    struct bytes beside = salvage_value_key(conflict.tag, conflict.version.usn, text);
    if (view_item(r->view, home_of(r->h), module, beside, &lost, NULL) || lost.deleted)
        return true;
    uint64_t attempt = client_attempt(lost.value);
    if (view_item(r->view, home_of(r->h), module, conflict.key, &stays, NULL) || stays.deleted)
        return true;
    uint64_t live = client_attempt(stays.value);
    bool known = live + HISTORY_MAX > w->attempts && attempt + HISTORY_MAX > w->attempts &&
                 still_knows(r->h, conflict.tag);
    if (known && live < attempt &&
        w->made_in[live % HISTORY_MAX] == w->made_in[attempt % HISTORY_MAX])
        broken(w, "%llu of %s is kept as a conflict, and %llu stays, which was before it",
               (unsigned long long)attempt, home_of(r->h), (unsigned long long)live);
    return true;
}

/* What is not of `central`: there, much is kept for people that stands for itself elsewhere. */
static void check_conflicts(const struct hosted *h)
{
    OWNED(view_close) struct view *walked = NULL;
    OWNED(view_close) struct view *asked = NULL;
    store_view(h->pool->store, &walked, NULL);
    store_view(h->pool->store, &asked, NULL);
    for (size_t m = 0; h->home != CENTRAL && m < SIM_MODULES; m++) {
        struct rivals r = {.h = h, .module = m, .view = asked};
        view_keys(walked, home_of(h), module_of(h->home, m), bytes_of_text(SALVAGE_CONFLICTS),
                  must_be_rivals, &r, NULL);
    }
}

/* Has it everything that was acknowledged, and nothing that nobody asked for? */
static void check_acknowledged(struct pool *pool, const struct hosted *h)
{
    OWNED(view_close) struct view *view = NULL;
    struct world *w = pool->world;
    store_view(pool->store, &view, NULL);
    for (size_t m = 0; m < SIM_MODULES; m++) {
        for (unsigned k = 0; k < KEYS; k++) {
            struct known_key *known = &w->homes[h->home].keys[m][k];
            char key[16];
            struct item item;
            bool live = view_item(view, home_of(h), module_of(h->home, m), client_key(k, key),
                                  &item, NULL) == OK &&
                        !item.deleted;
            uint64_t has = live ? client_attempt(item.value) : client_deletion_after(known);
            bool missing = !live && known->acked && !has;
            bool older = missing || (live && has < known->acked);
            if (older && gives_up(w) &&
                is_kept_beside(pool, home_of(h), module_of(h->home, m), client_key(k, key),
                               known->acked))
                known->acked = has; /* a pool was served from without what its partner had */
            else if (older || (live && has > w->attempts))
                broken(w,
                       "%s lost an acknowledged change of %s: %s in module %zu should be %llu, "
                       "is %llu",
                       pool->name, home_of(h), key, m, (unsigned long long)known->acked,
                       (unsigned long long)has);
        }
    }
}

/* What a store has of a key: the number of the attempt that wrote it; 0: it is not there. */
static uint64_t attempt_at(struct pool *pool, size_t home, size_t module, unsigned k, bool *deleted)
{
    const char *name = home_of(hosted_of(pool, home));
    enum module of = module_of(home, module);
    OWNED(view_close) struct view *view = NULL;
    struct item item;
    char key[16];
    store_view(pool->store, &view, NULL);
    *deleted = view_item(view, name, of, client_key(k, key), &item, NULL) == OK && item.deleted;
    bool live = view_item(view, name, of, client_key(k, key), &item, NULL) == OK && !item.deleted;
    return live ? client_attempt(item.value) : 0;
}

void note_given_up(const struct hosted *h, size_t module, unsigned key, uint64_t attempt)
{
    struct world *w = h->pool->world;
    if (w->given_up_count == COUNT_OF(w->given_up))
        return;
    w->given_up[w->given_up_count++] = (struct given_up){h->home, module, key, attempt};
    w->counts.given_up++;
}

static void give_up(struct world *w, const struct hosted *h, size_t module, unsigned k)
{
    struct known_key *known = &w->homes[h->home].keys[module][k];
    bool deleted, deleted_there;
    uint64_t has = attempt_at(h->pool, h->home, module, k, &deleted);
    uint64_t there = attempt_at(partner_of(h), h->home, module, k, &deleted_there);
    has = has ? has : client_deletion_after(known);
    if (has >= known->acked)
        return;
    if (there >= known->acked || deleted_there)
        note_given_up(h, module, k, known->acked);
    known->acked = has;
}

/* An administrator has it served as it is. */
static void note_all_given_up(struct pool *pool, const struct hosted *h)
{
    struct known_home *known = &pool->world->homes[h->home];
    memset(known->history, 0, sizeof known->history); /* there will be others of that number */
    for (size_t m = 0; m < SIM_MODULES; m++) {
        for (unsigned k = 0; k < KEYS; k++)
            give_up(pool->world, h, m, k);
    }
}

/* Of two that an administrator made serve, one gives way where they meet: its changes are a tail.
 */
static bool meets_another_holder(const struct hosted *h)
{
    struct hold theirs;
    read_hold(partner_of(h), home_of(h), &theirs);
    return gives_up(h->pool->world) && theirs.revision && mode_rights(theirs.mode)->holder;
}

static void check_opened(struct pool *pool, const struct hosted *h, const struct hold *hold)
{
    struct term term = hold->term;
    struct known_home *known = &pool->world->homes[h->home];
    for (size_t i = 0; i < known->opened_count; i++) {
        if (known->opened[i].number == term.number &&
            (!known->put_back || known->opened[i].tag == term.tag))
            broken(pool->world, "%s opens term %llu of %s again", pool->name,
                   (unsigned long long)term.number, home_of(h));
    }
    if (known->opened_count < COUNT_OF(known->opened)) {
        known->lineages[known->opened_count] = hold->lineage;
        known->opened[known->opened_count++] = term;
    }
    known->top = term.number > known->top ? term.number : known->top;
    /* Rule 9: the word of an administrator holds on until the partner is met, in a store that is
     * put back, too. */
    if (h->forced || (hold->alone && gives_up(pool->world)) || pool->world->options.disasters ||
        meets_another_holder(h))
        note_all_given_up(pool, h);
    check_acknowledged(pool, h);
}

static void remember_point(struct pool *pool, const struct hosted *h, struct term term)
{
    struct home_state state;
    read_state(pool, home_of(h), &state);
    if (state.head >= HISTORY_MAX || is_superseded(h)) /* then it is of another history */
        return;
    struct point *point = &pool->world->homes[h->home].history[state.head];
    point->known = true;
    point->term = term;
    for (size_t m = 0; m < SIM_MODULES; m++)
        point->digests[m] = state.modules[module_of(h->home, m)].digest;
}

void check_store(struct pool *pool, const struct term before[HOSTED_MAX])
{
    for (size_t i = 0; i < pool->hosts; i++) {
        const struct hosted *h = &pool->hosted[i];
        struct hold hold;
        read_hold(pool, home_of(h), &hold);
        if (hold.revision && hold.mode == MODE_RELEASED)
            pool->world->homes[h->home].gave[pool->number] = hold.term;
        if (!hold.revision || !mode_rights(hold.mode)->holder)
            continue;
        if (!term_equal(hold.term, before[i]))
            check_opened(pool, h, &hold);
        remember_point(pool, h, hold.term);
    }
}

/* --- copies --- */

static bool same_module(const struct home_state *a, const struct home_state *b, enum module module)
{
    return digest_equal(&a->modules[module].digest, &b->modules[module].digest);
}

void check_word(const struct hosted *h, size_t module)
{
    struct world *w = h->pool->world;
    const struct exporter *x = h->exporting[module].core;
    /* Whoever refills a holder may lack, of one module, what that still has. */
    if (copying_word(h, module) != WORD_FINAL || !mode_rights(home_mode(h->core))->holder)
        return;
    /* Nor does whoever was superseded know it before the next answer. */
    if (gives_up(w) && is_superseded(h))
        return;
    /* That a store was put back a moment ago, the next question shows. */
    const struct known_home *known = &w->homes[h->home];
    if (home_hold(h->core)->term.number < known->top)
        return; /* it is cut off, and can't know: that is what the age of a word is for */
    uint64_t put_back_ms = target_of(h, module)->put_back_ms;
    put_back_ms = known->put_back_ms > put_back_ms ? known->put_back_ms : put_back_ms;
    if (put_back_ms && w->now - put_back_ms < 2 * INTERVAL_MS + BATCH_DEADLINE_MS)
        return;
    struct home_state here, there;
    struct export_status status;
    read_state(h->pool, home_of(h), &here);
    read_state(target_of(h, module), home_of(h), &there);
    export_status(x, &status);
    w->counts.finals++;
    enum module of = module_of(h->home, module);
    bool more = here.head > status.head; /* committed, and not told to anybody yet */
    if (there.modules[of].cookie.usn < status.head || (!more && !same_module(&here, &there, of)))
        broken(w,
               "%s says FinalState of %s (module %zu) and it is not true: the copy is at %llu "
               "of %llu, with %llu of %llu items",
               h->pool->name, home_of(h), module, (unsigned long long)there.modules[of].cookie.usn,
               (unsigned long long)status.head, (unsigned long long)there.modules[of].digest.items,
               (unsigned long long)here.modules[of].digest.items);
}

void check_point(const struct hosted *h, size_t module, uint64_t usn)
{
    enum module of = module_of(h->home, module);
    struct home_state state;
    struct hold hold;
    read_state(h->pool, home_of(h), &state);
    read_hold(h->pool, home_of(h), &hold);
    /* It may have gone on since, or taken the home: a holder's cookie stays where it took. */
    if (usn >= HISTORY_MAX || state.modules[of].cookie.usn != usn || mode_rights(hold.mode)->holder)
        return;
    /* A late batch may be of another history than the one that has such a point by now. */
    const struct point *point = &h->pool->world->homes[h->home].history[usn];
    if (point->known && lineage_has(&hold.lineage, point->term) &&
        !digest_equal(&point->digests[module], &state.modules[of].digest))
        broken(h->pool->world,
               "the copy of %s (module %zu) at %s stands at %llu and is not what "
               "the home was then",
               home_of(h), module, h->pool->name, (unsigned long long)usn);
}

/* --- stores that were put back --- */

/* The later version of a key, of two stores; whoever forgot what was deleted has it deleted. A
 * store of a time that was given up has nothing that anybody still counts on. */
static bool latest(struct pool *pool, struct pool *other, const char *home, enum module module,
                   struct bytes key, uint64_t *attempt)
{
    OWNED(view_close) struct view *a = NULL;
    OWNED(view_close) struct view *b = NULL;
    struct item x, y;
    struct home_state of_a, of_b;
    store_view(pool->store, &a, NULL);
    store_view(other->store, &b, NULL);
    read_state(pool, home, &of_a);
    read_state(other, home, &of_b);
    bool in_a = !pool->may_fork && view_item(a, home, module, key, &x, NULL) == OK;
    bool in_b = view_item(b, home, module, key, &y, NULL) == OK;
    if (in_a && in_b)
        in_a = x.version.usn >= y.version.usn;
    if (in_a && of_b.horizon >= x.version.usn && !in_b)
        return false;
    if (!in_a && in_b && of_a.horizon >= y.version.usn &&
        view_item(a, home, module, key, &x, NULL) != OK)
        return false;
    const struct item *item = in_a ? &x : in_b ? &y : NULL;
    if (!item || item->deleted)
        return false;
    *attempt = client_attempt(item->value);
    return true;
}

void forgive(struct world *w, struct pool *pool)
{
    for (size_t i = 0; i < pool->hosts; i++) {
        const struct hosted *h = &pool->hosted[i];
        struct known_home *known = &w->homes[h->home];
        known->put_back = true;
        known->put_back_ms = w->now;
        memset(known->history, 0, sizeof known->history); /* what nobody has any more */
        for (size_t m = 0; m < SIM_MODULES; m++) {
            for (unsigned k = 0; k < KEYS; k++) {
                struct known_key *key = &known->keys[m][k];
                char text[16];
                uint64_t attempt;
                if (!latest(pool, partner_of(h), home_of(h), module_of(h->home, m),
                            client_key(k, text), &attempt))
                    key->acked = 0; /* there may be none */
                else if (attempt < key->acked)
                    key->acked = attempt;
            }
        }
    }
}

/* --- forks --- */

struct twin {
    struct view *other;
    const char *home;
    size_t different;
    char first[64]; /* which of them, for whoever looks into it */
};

static bool compare_twin(const struct item *item, struct item_hash hash, void *context)
{
    struct twin *twin = context;
    struct item there;
    bool same = view_item(twin->other, twin->home, item->module, item->key, &there, NULL) == OK &&
                item_hash_equal(hash, item_hash(&there));
    if (!same && !twin->different++)
        snprintf(twin->first, sizeof twin->first, "%.*s of module %d, usn %llu",
                 (int)item->key.size, (const char *)item->key.at, (int)item->module,
                 (unsigned long long)item->version.usn);
    return true;
}

/* What was changed beyond this point, deletions as well. */
static size_t own_changes(const struct pool *pool, const struct pool *other, const char *home,
                          uint64_t usn)
{
    OWNED(view_close) struct view *ours = NULL;
    OWNED(view_close) struct view *theirs = NULL;
    store_view(pool->store, &ours, NULL);
    store_view(other->store, &theirs, NULL);
    struct twin twin = {.other = theirs, .home = home};
    view_changes(ours, home, usn, compare_twin, &twin, NULL);
    return twin.different;
}

void check_fork(const struct hosted *h, const struct pool *exporter, uint64_t usn)
{
    struct home_state state;
    read_state(h->pool, home_of(h), &state);
    bool excused = state.horizon > usn; /* what it deleted, and that it did */
    /* What it is compared with may reach further than what has come of that yet. */
    for (int m = 0; m < MODULES; m++)
        excused |= state.modules[m].compare_goal > usn;
    /* A replica may have come further than the copy that a holder was refilled from. */
    bool may = h->core ? h->pool->may_fork : h->pool->world->homes[h->home].put_back;
    if (!may && !gives_up(h->pool->world))
        broken(h->pool->world, "%s calls its copy of %s forked, and nobody had given it up",
               h->pool->name, home_of(h));
    if (!excused && !gives_up(h->pool->world) && !own_changes(h->pool, exporter, home_of(h), usn))
        broken(h->pool->world, "%s calls its copy of %s forked, but has nothing of its own",
               h->pool->name, home_of(h));
}

/* --- what is salvaged --- */

struct salvage_check {
    const struct hosted *h;
    struct view *view;
    const struct tail *tail;
    uint64_t base;
    char wrong[128];
};

static struct known_key *key_of(const struct hosted *h, const struct item *item)
{
    char key[16];
    for (unsigned k = 0; k < KEYS; k++) {
        if (bytes_equal(client_key(k, key), item->key))
            return &h->pool->world->homes[h->home].keys[item->module == MODULE_DATA_CONF][k];
    }
    return NULL;
}

/* How many changes had been tried when this was set aside first: a store that is put back may have
 * the same once more. */
static uint64_t attempts_at(const struct world *w, uint64_t tag)
{
    size_t i = 0;
    while (i < w->tail_count && w->tails[i].tag != tag)
        i++;
    return i < w->tail_count ? w->tails[i].attempts : 0;
}

/* Did who made changes in the term with this tag have that one of another term? */
static bool saw(const struct known_home *known, uint64_t tag, struct term term, uint64_t usn)
{
    for (size_t i = 0; i < known->opened_count; i++) {
        const struct lineage *l = &known->lineages[i];
        if (known->opened[i].tag == tag)
            return lineage_has(l, term) && lineage_term_of(l, usn) == term.number;
    }
    return false;
}

/* By whoever saw it. A deletion does not say which attempt it was: in its term it was no earlier
 * than the first that was tried. */
static bool changed_in_its_history(const struct salvage_check *c, const struct known_key *key,
                                   const struct item *entry, const struct item *here)
{
    const struct world *w = c->h->pool->world;
    const struct known_home *known = &w->homes[c->h->home];
    struct term term = tail_term_of(c->tail, entry->version.usn);
    uint64_t was = entry->deleted ? UINT64_MAX : client_attempt(entry->value);
    uint64_t is = here ? client_attempt(here->value) : 0;
    for (size_t i = 0; i < key->deletion_count; i++) {
        uint64_t deletion = key->deletions[i], tag = w->made_in[deletion % HISTORY_MAX];
        if (entry->deleted && tag == term.tag && deletion < was)
            was = deletion;
        if (!here && deletion > is && saw(known, tag, term, entry->version.usn))
            is = deletion;
    }
    return is > was && saw(known, w->made_in[is % HISTORY_MAX], term, entry->version.usn);
}

/* It was salvaged, and changed once more, by a client who could see it; or it had been changed in
 * its own history already, and that is what became of the home. `here`: NULL, if it is deleted. */
static bool changed_since(const struct salvage_check *c, const struct item *entry,
                          const struct item *here)
{
    const struct world *w = c->h->pool->world;
    const struct known_key *known = key_of(c->h, entry);
    uint64_t deleted = known->deletion_count ? known->deletions[known->deletion_count - 1] : 0;
    uint64_t attempt = here ? client_attempt(here->value) : deleted;
    return attempt > attempts_at(w, tail_term_of(c->tail, entry->version.usn).tag) ||
           changed_in_its_history(c, known, entry, here);
}

static bool check_entry(const struct item *entry, struct item_hash hash, void *context)
{
    (void)hash;
    struct salvage_check *c = context;
    struct item here;
    if (!key_of(c->h, entry) || entry->version.usn <= c->base)
        return true;
    bool live = view_item(c->view, home_of(c->h), entry->module, entry->key, &here, NULL) == OK &&
                !here.deleted;
    bool same = live ? !entry->deleted && bytes_equal(here.value, entry->value) : entry->deleted;
    if (!same && !changed_since(c, entry, live ? &here : NULL) &&
        !is_kept_beside(c->h->pool, home_of(c->h), entry->module, entry->key,
                        client_attempt(entry->value)))
        snprintf(c->wrong, sizeof c->wrong, "%.*s of module %d, usn %llu", (int)entry->key.size,
                 (const char *)entry->key.at, (int)entry->module,
                 (unsigned long long)entry->version.usn);
    return !c->wrong[0];
}

static bool note_entry(const struct item *entry, struct item_hash hash, void *context)
{
    (void)hash;
    struct salvage_check *c = context;
    struct world *w = c->h->pool->world;
    uint64_t tag = tail_term_of(c->tail, entry->version.usn).tag;
    if (!attempts_at(w, tag) && w->tail_count < COUNT_OF(w->tails))
        w->tails[w->tail_count++] = (struct made_tail){tag, w->attempts};
    return true;
}

void note_tail(const struct hosted *h, const struct tail *tail)
{
    OWNED(view_close) struct view *view = NULL;
    struct salvage_check c = {.h = h, .tail = tail};
    store_view(h->pool->store, &view, NULL);
    view_changes(view, home_of(h), tail->base.usn, note_entry, &c, NULL);
}

void check_salvaged(const struct hosted *h, struct view *view, const struct tail *tail)
{
    OWNED(view_close) struct view *of_tail = NULL;
    struct salvage_check c = {.h = h, .view = view, .tail = tail};
    struct home_state state;
    struct hold hold;
    struct version common = {0};
    read_state(h->pool, home_of(h), &state);
    read_hold(h->pool, home_of(h), &hold);
    lineage_common(&tail->lineage, tail->head, &hold.lineage, state.head, &common);
    c.base = common.usn;
    store_view(h->pool->store, &of_tail, NULL);
    view_tail(of_tail, tail->id, 0, check_entry, &c, NULL);
    if (c.wrong[0])
        broken(h->pool->world, "a tail of %s at %s goes, and this of it is nowhere: %s", home_of(h),
               h->pool->name, c.wrong);
}

/* --- the end --- */

/* FinalState speaks of what the exporter was told of. What is committed a moment before is told a
 * moment later, or never, which must then show as a difference. */
static bool is_final(const struct hosted *h, size_t module)
{
    struct home_state state;
    struct export_status status;
    read_state(h->pool, home_of(h), &state);
    export_status(h->exporting[module].core, &status);
    return copying_word(h, module) == WORD_FINAL && status.head == state.head;
}

bool has_settled(struct world *w)
{
    for (size_t home = 0; home < HOMES_MAX; home++) {
        if (!is_used(w, home))
            continue;
        const struct hosted *h = holder_of(w, home);
        if (!h || h->operation || hosted_of(partner_of(h), home)->operation)
            return false;
        for (size_t m = 0; m < SIM_MODULES; m++) {
            if (!is_final(h, m))
                return false;
        }
    }
    return true;
}

struct sum {
    struct digest digests[MODULES];
    uint64_t last_usn;
};

static bool add(const struct item *item, struct item_hash hash, void *context)
{
    struct sum *sum = context;
    digest_add(&sum->digests[item->module], item, hash);
    sum->last_usn = item->version.usn;
    return true;
}

/* The digests are what a walk computes. */
static void check_sums(const struct hosted *h)
{
    OWNED(view_close) struct view *view = NULL;
    struct home_state state;
    struct sum sum = {0};
    store_view(h->pool->store, &view, NULL);
    view_home(view, home_of(h), &state, NULL);
    if (view_changes(view, home_of(h), 0, add, &sum, NULL) || sum.last_usn > state.head)
        broken(h->pool->world, "the rows of %s at %s do not add up", home_of(h), h->pool->name);
    for (size_t m = 0; m < SIM_MODULES; m++) {
        if (!digest_equal(&sum.digests[module_of(h->home, m)],
                          &state.modules[module_of(h->home, m)].digest))
            broken(h->pool->world, "a digest of %s at %s is wrong", home_of(h), h->pool->name);
    }
}

static void check_twin(const struct hosted *h, const struct pool *b)
{
    const struct pool *a = h->pool;
    const char *home = home_of(h);
    OWNED(view_close) struct view *x = NULL;
    OWNED(view_close) struct view *y = NULL;
    store_view(a->store, &x, NULL);
    store_view(b->store, &y, NULL);
    struct twin twin = {.other = y, .home = home};
    for (size_t m = 0; m < SIM_MODULES; m++)
        view_keys(x, home, module_of(h->home, m), BYTES_NONE, compare_twin, &twin, NULL);
    if (twin.different)
        broken(a->world, "%zu items of %s at %s differ from those of its partner in the end: %s, …",
               twin.different, home, a->name, twin.first);
}

/* In the home, written over by somebody who saw it, or among the conflicts. */
static void check_given_up(const struct hosted *h, const struct given_up *g)
{
    char key[16];
    bool deleted;
    uint64_t has = attempt_at(h->pool, h->home, g->module, g->key, &deleted);
    const struct known_key *known = &h->pool->world->homes[g->home].keys[g->module][g->key];
    uint64_t last = known->deletion_count ? known->deletions[known->deletion_count - 1] : 0;
    if (has >= g->attempt || (!has && last >= g->attempt))
        return;
    if (!is_kept_beside(h->pool, home_of(h), module_of(g->home, g->module), client_key(g->key, key),
                        g->attempt))
        broken(h->pool->world,
               "what was given up of %s, key%u in module %zu, %llu, is neither there nor among the "
               "conflicts",
               home_of(h), g->key, g->module, (unsigned long long)g->attempt);
}

static void check_replica(const struct hosted *holder, const struct hosted *replica)
{
    check_sums(replica);
    check_acknowledged(replica->pool, replica);
    check_twin(holder, replica->pool);
    check_twin(replica, holder->pool);
}

size_t hand_everything_over(struct world *w)
{
    size_t count = 0;
    for (size_t home = 0; home < HOMES_MAX; home++) {
        if (!is_used(w, home))
            continue;
        operating_take(hosted_of(partner_of(holder_of(w, home)), home));
        count++;
    }
    return count;
}

void check_end(struct world *w)
{
    for (size_t home = 0; home < HOMES_MAX; home++) {
        if (!is_used(w, home))
            continue;
        const struct hosted *h = holder_of(w, home);
        if (!h) {
            broken(w, "nobody serves home %zu in the end", home);
            continue;
        }
        const struct hosted *copy = hosted_of(partner_of(h), home);
        for (size_t m = 0; m < SIM_MODULES; m++) {
            enum export_word word = copying_word(h, m);
            struct export_status status;
            export_status(h->exporting[m].core, &status);
            if (word != WORD_FINAL)
                broken(w, "%s says %s of %s (module %zu) in the end: %s", h->pool->name,
                       export_word_name(word), home_of(h), m, copy_verdict_name(status.verdict));
        }
        check_sums(h);
        check_sums(copy);
        check_acknowledged(h->pool, h);
        check_acknowledged(copy->pool, copy);
        check_conflicts(h);
        check_twin(h, copy->pool);
        check_twin(copy, h->pool);
        if (home == CENTRAL)
            check_replica(h, &w->pools[REPLICA].replica);
        for (size_t i = 0; i < w->given_up_count; i++) {
            if (w->given_up[i].home == home)
                check_given_up(h, &w->given_up[i]);
        }
    }
}
