#include "faults.h"

#include <stdlib.h>

#include "checks.h"
#include "copying.h"
#include "parting.h"
#include "pool.h"
#include "scheduler.h"

enum { PAUSE_MS = 2500, LONGEST_MS = 15000 };

static uint64_t a_while(struct world *w)
{
    return 200 + pick(w, chance(w, 300) ? LONGEST_MS : 2000);
}

static struct pool *some_pool(struct world *w)
{
    return &w->pools[pick(w, w->options.pools)];
}

static void start_again(void *context)
{
    struct pool *pool = *(struct pool **)context;
    if (!pool->up)
        pool_start(pool);
}

static void crash(struct world *w)
{
    struct pool *pool = some_pool(w);
    pool_crash(pool);
    w->counts.crashes++;
    plan(w, a_while(w), start_again, xmemdup(&pool, sizeof pool));
}

static void stop_for_a_while(struct world *w)
{
    struct pool *pool = some_pool(w);
    if (!pool->up)
        return;
    pool->paused_until = w->now + a_while(w);
    say(w, "%s does not run for %llu ms", pool->name,
        (unsigned long long)(pool->paused_until - w->now));
}

struct cut {
    struct world *w;
    size_t a, b;
};

static void set_cut(struct world *w, size_t a, size_t b, bool cut)
{
    w->cut[a][b] = w->cut[b][a] = cut;
    say(w, "%s and %s are %s", w->pools[a].name, w->pools[b].name, cut ? "cut off" : "connected");
}

static void mend(void *context)
{
    const struct cut *cut = context;
    set_cut(cut->w, cut->a, cut->b, false);
}

static void cut_off(struct world *w)
{
    struct cut cut = {.w = w, .a = pick(w, w->options.pools)};
    cut.b = (cut.a + 1 + pick(w, w->options.pools - 1)) % w->options.pools;
    set_cut(w, cut.a, cut.b, true);
    plan(w, a_while(w), mend, xmemdup(&cut, sizeof cut));
}

static void make_room(void *context)
{
    struct pool *pool = *(struct pool **)context;
    memory_engine_fill(pool->engine, false);
}

static void fill(struct world *w)
{
    struct pool *pool = some_pool(w);
    memory_engine_fill(pool->engine, true);
    say(w, "the disk of %s is full", pool->name);
    plan(w, a_while(w), make_room, xmemdup(&pool, sizeof pool));
}

static void back_up(struct world *w)
{
    struct pool *pool = some_pool(w);
    if (pool->backup_count < BACKUPS_MAX)
        pool->backups[pool->backup_count++] =
            (struct backup){memory_engine_back_up(pool->engine), w->now};
}

/* One loss at a time: the home is served, and its copy has come as far as the present term. */
static bool is_whole(struct world *w, size_t home)
{
    for (size_t i = 0; i < w->options.pools; i++) {
        struct hosted *h = hosted_of(&w->pools[i], home);
        struct home_state state;
        if (!h || !serves(h))
            continue;
        const struct hold *hold = home_hold(h->core);
        bool whole = true;
        read_state(partner_of(h), home_of(h), &state);
        for (size_t m = 0; m < SIM_MODULES; m++)
            whole &= state.modules[modules[m]].cookie.term == hold->term.number;
        return whole;
    }
    return false;
}

/* Does it serve one, or has it given one away that nobody has taken yet? */
static bool holds_something(const struct pool *pool)
{
    for (size_t i = 0; i < HOSTED; i++) {
        struct hold hold;
        read_hold(pool, home_of(&pool->hosted[i]), &hold);
        if (hold.revision && (mode_rights(hold.mode)->holder || hold.mode == MODE_RELEASED))
            return true;
    }
    return false;
}

/* Nothing is lost if its disk is: what it serves has been copied, and nobody asks it for more. */
static bool can_do_without(struct pool *pool)
{
    for (size_t i = 0; i < HOSTED; i++) {
        const struct hosted *h = &pool->hosted[i];
        const struct pool *partner = partner_of(h);
        const struct hosted *other = hosted_of(&pool->world->pools[partner->number], h->home);
        if (h->home >= pool->world->options.homes)
            continue;
        if (!partner->up || (pool->up && serves(h) && !is_whole(pool->world, h->home)) ||
            home_mode(other->core) == MODE_REJOINING)
            return false;
    }
    return true;
}

static bool may_be_put_back(struct pool *pool)
{
    const struct options *options = &pool->world->options;
    if (options->disasters || (holds_something(pool) && !options->put_back_holders))
        return false;
    for (size_t i = 0; i < HOSTED; i++) {
        size_t home = pool->hosted[i].home;
        if (home < options->homes && !is_whole(pool->world, home))
            return false;
    }
    return true;
}

static void replace(struct world *w, struct pool *pool, const struct backup *backup)
{
    pool_crash(pool);
    memory_engine_put_back(pool->engine, backup->tree);
    pool->may_fork = pool->forked = false;
    for (size_t i = 0; i < HOSTED; i++)
        pool->may_fork |= w->homes[pool->hosted[i].home].put_back_ms > backup->taken_ms;
    forgive(w, pool);
    plan(w, a_while(w), start_again, xmemdup(&pool, sizeof pool));
}

static void put_back(struct world *w)
{
    struct pool *pool = some_pool(w);
    if (!may_be_put_back(pool))
        return;
    replace(w, pool, &pool->backups[pick(w, pool->backup_count)]);
    w->counts.put_backs++;
    say(w, "the store of %s is put back", pool->name);
}

/* A copy goes, and is filled anew; what else is in that store stays. */
static void give_up_copy(struct hosted *h)
{
    struct pool *pool = h->pool;
    struct world *w = pool->world;
    struct store_outcome outcome;
    struct hold here;
    read_hold(pool, home_of(h), &here);
    parting_is_kept(h);
    struct txn *txn = txn_new(home_of(h));
    txn_drop_home(txn, here.revision);
    store_commit_wait(pool->store, txn, &outcome);
    if (outcome.error.kind)
        return; /* a full disk: next time */
    pool->forks[h->home] = false;
    w->homes[h->home].put_back_ms = w->now;
    w->counts.forks++;
    say(w, "%s gives up its copy of %s", pool->name, home_of(h));
}

/* Or may somebody come to need it? Where it was taken from meanwhile, it is the home itself. */
static bool is_needed(struct hosted *h)
{
    struct hold here, there;
    bool *forked = &h->pool->forks[h->home];
    read_hold(h->pool, home_of(h), &here);
    read_hold(partner_of(h), home_of(h), &there);
    bool holds = mode_rights(here.mode)->holder || here.mode == MODE_RELEASED;
    bool exports = mode_rights(there.mode)->holder || there.mode == MODE_RELEASED;
    *forked = *forked && !holds;
    return !*forked || !exports || there.term.number < here.term.number;
}

static void give_up_copies(struct pool *pool)
{
    bool any = false;
    for (size_t i = 0; i < HOSTED; i++)
        any |= !is_needed(&pool->hosted[i]);
    if (!any)
        return;
    pool_crash(pool);
    pool->forked = false;
    for (size_t i = 0; i < HOSTED; i++) {
        if (!is_needed(&pool->hosted[i]))
            give_up_copy(&pool->hosted[i]);
        pool->forked |= pool->forks[pool->hosted[i].home];
    }
    plan(pool->world, a_while(pool->world), start_again, xmemdup(&pool, sizeof pool));
}

/* A store with changes of its own is not written to. Whoever put it back gives it up, for an empty
 * one, once nothing else depends on it. After a disaster only the copy goes, when what is in it was
 * seen: here it counts as kept. */
static void administrate(void *context)
{
    struct world *w = *(struct world **)context;
    for (size_t i = 0; i < w->options.pools; i++) {
        struct pool *pool = &w->pools[i];
        if (!pool->forked)
            continue;
        if (w->options.disasters) {
            give_up_copies(pool);
        } else if (can_do_without(pool)) {
            replace(w, pool, &pool->backups[0]); /* the first one is of an empty store */
            w->counts.forks++;
            say(w, "the disk of %s is replaced", pool->name);
        }
    }
    plan(w, PAUSE_MS, administrate, xmemdup(&w, sizeof w));
}

/* Tombstones that the copy has are dropped; now and then those that it does not have, too. */
static void collect(struct world *w)
{
    struct pool *pool = some_pool(w);
    struct hosted *h = &pool->hosted[pick(w, HOSTED)];
    if (!pool->up || !serves(h))
        return;
    struct home_state state;
    read_state(pool, home_of(h), &state);
    uint64_t upto = state.head;
    for (size_t m = 0; m < SIM_MODULES && !chance(w, 200); m++) {
        struct export_status status;
        export_status(h->exporting[m].core, &status);
        upto = status.copied.usn < upto ? status.copied.usn : upto;
    }
    struct txn *txn = txn_new(home_of(h));
    txn_horizon(txn, upto);
    commit(pool, txn, NULL, NULL);
    say(w, "%s drops tombstones of %s up to %llu", pool->name, home_of(h),
        (unsigned long long)upto);
}

static void ask_for_a_cycle(struct world *w)
{
    struct pool *pool = some_pool(w);
    if (pool->up)
        copying_wanted(&pool->hosted[pick(w, HOSTED)]);
}

static void (*const kinds[])(struct world *) = {
    crash,   crash,   stop_for_a_while, cut_off, cut_off, fill,
    back_up, back_up, put_back,         collect, collect, ask_for_a_cycle};

static void something(void *context)
{
    struct world *w = *(struct world **)context;
    if (w->quiet)
        return;
    kinds[pick(w, COUNT_OF(kinds))](w);
    plan(w, 1 + pick(w, PAUSE_MS), something, xmemdup(&w, sizeof w));
}

void faults_start(struct world *w)
{
    for (size_t i = 0; i < w->options.pools; i++) {
        struct pool *pool = &w->pools[i];
        pool->backups[pool->backup_count++] =
            (struct backup){memory_engine_back_up(pool->engine), w->now};
    }
    plan(w, PAUSE_MS, administrate, xmemdup(&w, sizeof w));
    plan(w, PAUSE_MS, something, xmemdup(&w, sizeof w));
}

void faults_end(struct world *w)
{
    w->quiet = true;
    for (size_t i = 0; i < w->options.pools; i++) {
        struct pool *pool = &w->pools[i];
        memory_engine_fill(pool->engine, false);
        pool->paused_until = 0;
        for (size_t j = 0; j < w->options.pools; j++)
            w->cut[i][j] = false;
        if (!pool->up)
            pool_start(pool);
    }
    say(w, "from here on nothing goes wrong");
}
