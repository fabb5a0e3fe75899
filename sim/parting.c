#include "parting.h"

#include "checks.h"
#include "client.h"
#include "pool.h"

/* What a store has of a key, at least as late as `wanted`; 0: nothing. Whoever has no such item has
 * deleted it, if somebody tried to. */
static uint64_t has_of(const struct pool *pool, const struct hosted *h,
                       const struct known_key *known, uint64_t wanted, size_t module, unsigned k)
{
    OWNED(view_close) struct view *view = NULL;
    char key[16];
    struct item item;
    store_view(pool->store, &view, NULL);
    bool live =
        view_item(view, home_of(h), modules[module], client_key(k, key), &item, NULL) == OK &&
        !item.deleted;
    uint64_t last = known->deletion_count ? known->deletions[known->deletion_count - 1] : 0;
    uint64_t has = live ? client_attempt(item.value) : last;
    return has >= wanted ? has : 0;
}

/* Taken without the holder; from a holder that released less than it had; or against one that had
 * taken without this one. Everything else loses nothing. */
static bool may_part(const struct hosted *h, const struct hold *hold)
{
    const struct pool *other = partner_of(h);
    struct home_state state;
    struct hold theirs;
    read_hold(other, home_of(h), &theirs);
    read_state(other, home_of(h), &state);
    bool short_release = theirs.mode == MODE_RELEASED && theirs.released < state.head;
    bool unknown = theirs.term.number && !lineage_has(&hold->lineage, theirs.term);
    return h->pool->world->options.disasters && (hold->alone || short_release || unknown);
}

void parting_opened(struct pool *pool, const struct hosted *h, const struct hold *hold)
{
    struct world *w = pool->world;
    struct known_home *known = &w->homes[h->home];
    struct pool *other = partner_of(h);
    bool may = may_part(h, hold);
    known->top = hold->term.number > known->top ? hold->term.number : known->top;
    if (may) {
        other->may_fork = true;
        for (size_t i = 0; i < COUNT_OF(known->history); i++)
            known->history[i].known = false;
    }
    for (size_t m = 0; m < SIM_MODULES; m++) {
        for (unsigned k = 0; k < KEYS; k++) {
            struct known_key *key = &known->keys[m][k];
            uint64_t *ours = &key->aside[pool->number], *theirs = &key->aside[other->number];
            uint64_t has = has_of(pool, h, key, 0, m, k);
            if (*ours && has < *ours)
                broken(w, "%s lost what only it had of %s: key%u in module %zu", pool->name,
                       home_of(h), k, m);
            if (*ours) { /* from here on it is the home's */
                *ours = 0;
                if (key->acked <= has)
                    key->acked = has;
            }
            if (!may || key->acked <= has)
                continue;
            if (!has_of(other, h, key, key->acked, m, k))
                broken(w, "nobody has what was acknowledged of %s: key%u in module %zu", home_of(h),
                       k, m);
            *theirs = key->acked;
            key->acked = has;
        }
    }
}

void parting_acknowledged(struct pool *pool, const struct hosted *h, struct known_key *known,
                          uint64_t attempt, uint64_t term, size_t module, unsigned key)
{
    struct world *w = pool->world;
    bool superseded = term < w->homes[h->home].top;
    if (!superseded) {
        known->acked = attempt;
        return;
    }
    if (has_of(partner_of(h), h, known, attempt, module, key)) /* told late, and not lost */
        return;
    if (!w->options.disasters)
        broken(w, "%s acknowledges a change of %s in a term that it gave away", pool->name,
               home_of(h));
    known->aside[pool->number] = attempt;
    pool->may_fork = true;
}

void parting_is_kept(const struct hosted *h)
{
    struct pool *pool = h->pool;
    for (size_t m = 0; m < SIM_MODULES; m++) {
        for (unsigned k = 0; k < KEYS; k++) {
            struct known_key *key = &pool->world->homes[h->home].keys[m][k];
            uint64_t *aside = &key->aside[pool->number];
            if (*aside && !has_of(pool, h, key, *aside, m, k))
                broken(pool->world, "%s lost what only it had of %s before it was kept", pool->name,
                       home_of(h));
            pool->world->counts.kept += *aside != 0;
            *aside = 0;
        }
    }
}

void parting_check_end(struct world *w, size_t home)
{
    for (size_t m = 0; m < SIM_MODULES; m++) {
        for (unsigned k = 0; k < KEYS; k++) {
            for (size_t i = 0; i < w->options.pools; i++) {
                if (w->homes[home].keys[m][k].aside[i])
                    broken(w,
                           "key%u in module %zu of %s, which only %s had, is neither kept nor "
                           "in the data",
                           k, m, w->pools[home].name, w->pools[i].name);
            }
        }
    }
}
