#include "faults.h"

#include <stdlib.h>

#include "checks.h"
#include "copying.h"
#include "operating.h"
#include "pool.h"
#include "scheduler.h"

enum {
    PAUSE_MS = 2500,
    LONGEST_MS = 15000,
    LOST_IN_THOUSAND = 500,
    LEFT_BEHIND_MS = 8000, /* from one time that copies of `central` are left behind to the next */
};

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

static void take_alone(void *context)
{
    operating_take_alone(*(struct hosted **)context);
}

static void lose(void *context)
{
    struct hosted *h = *(struct hosted **)context;
    struct pool *holder = partner_of(h);
    struct world *w = holder->world;
    if (w->quiet || !holder->up)
        return;
    say(w, "%s is lost in the middle of a catch-up", holder->name);
    pool_crash(holder);
    w->counts.crashes++;
    plan(w, LONGEST_MS, start_again, xmemdup(&holder, sizeof holder));
    plan(w, PAUSE_MS, take_alone, xmemdup(&h, sizeof h));
}

void faults_in_catch_up(struct hosted *h)
{
    struct world *w = h->pool->world;
    if (!w->options.disasters || h->home != CENTRAL || !h->core || !chance(w, LOST_IN_THOUSAND))
        return;
    plan(w, 1, lose, xmemdup(&h, sizeof h));
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

static void cut_now(void *context)
{
    const struct cut *cut = context;
    if (cut->w->quiet)
        return;
    set_cut(cut->w, cut->a, cut->b, true);
    plan(cut->w, a_while(cut->w), mend, xmemdup(cut, sizeof *cut));
}

static void cut_off(struct world *w)
{
    struct cut cut = {.w = w, .a = pick(w, w->options.pools)};
    cut.b = (cut.a + 1 + pick(w, w->options.pools - 1)) % w->options.pools;
    cut_now(&cut);
}

static void make_room(void *context)
{
    struct pool *pool = *(struct pool **)context;
    memory_engine_fill(pool->engine, false);
}

/* What has to come together for a replica to be ahead of a copy that is catching up, and behind its
 * holder: the copy is away, and its replica is cut off a moment before it is back. */
static void leave_behind(void *context)
{
    struct world *w = *(struct world **)context;
    uint64_t away = PAUSE_MS + pick(w, LEFT_BEHIND_MS - PAUSE_MS);
    if (w->quiet)
        return;
    for (size_t i = 0; i < w->options.pools; i++) {
        struct hosted *h = hosted_of(&w->pools[i], CENTRAL);
        struct pool *copy = h && serves(h) ? partner_of(h) : NULL;
        if (!copy || !copy->up)
            continue;
        struct cut cut = {.w = w, .a = i, .b = REPLICA};
        pool_crash(copy);
        w->counts.crashes++;
        plan(w, away - pick(w, PAUSE_MS), cut_now, xmemdup(&cut, sizeof cut));
        plan(w, away, start_again, xmemdup(&copy, sizeof copy));
        break;
    }
    plan(w, away + LEFT_BEHIND_MS, leave_behind, xmemdup(&w, sizeof w));
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
        struct home_state state, own;
        if (!h || !serves(h))
            continue;
        const struct hold *hold = home_hold(h->core);
        bool whole = true;
        read_state(h->pool, home_of(h), &own);
        read_state(partner_of(h), home_of(h), &state);
        /* A copy that is compared, or has to be because deletions were forgotten that it was never
         * told of, has lost something already. */
        for (size_t m = 0; m < SIM_MODULES; m++)
            whole &= state.modules[module_of(home, m)].cookie.term == hold->term.number &&
                     state.modules[module_of(home, m)].cookie.usn >= own.horizon &&
                     !state.modules[module_of(home, m)].comparing;
        struct hold theirs;
        read_hold(partner_of(h), home_of(h), &theirs);
        whole &= state.tails == 0 && lineage_has(&theirs.lineage, hold->term);
        return whole;
    }
    return false;
}

/* Does it serve one, or has it given one away that nobody has taken yet? */
static bool holds_something(const struct pool *pool)
{
    for (size_t i = 0; i < pool->hosts; i++) {
        struct hold hold;
        read_hold(pool, home_of(&pool->hosted[i]), &hold);
        if (hold.revision && (mode_rights(hold.mode)->holder || hold.mode == MODE_RELEASED))
            return true;
    }
    return false;
}

static bool may_be_put_back(struct pool *pool)
{
    const struct options *options = &pool->world->options;
    if (options->disasters || (holds_something(pool) && !options->put_back_holders))
        return false;
    for (size_t i = 0; i < pool->hosts; i++) {
        size_t home = pool->hosted[i].home;
        if (is_used(pool->world, home) && !is_whole(pool->world, home))
            return false;
    }
    return true;
}

static void replace(struct world *w, struct pool *pool, const struct backup *backup)
{
    pool_crash(pool);
    memory_engine_put_back(pool->engine, backup->tree);
    pool->put_back_ms = w->now;
    pool->may_fork = false;
    for (size_t i = 0; i < pool->hosts; i++)
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

/* What the product would drop, if it kept none longer than it must. */
static uint64_t droppable(const struct hosted *h, const struct home_state *state)
{
    const struct exporter *list[SIM_MODULES];
    for (size_t m = 0; m < SIM_MODULES; m++)
        list[m] = h->exporting[m].core;
    return export_horizon(list, SIM_MODULES, state->head, state->horizon, 0, 1);
}

/* Tombstones that the copy has are dropped; now and then those that it does not have, too. Not by a
 * holder that may have been superseded: what it deleted meanwhile would come back. */
static void collect(struct world *w)
{
    struct pool *pool = some_pool(w);
    struct hosted *h = &pool->hosted[pick(w, pool->hosts)];
    if (!pool->up || !serves(h))
        return;
    struct home_state state;
    read_state(pool, home_of(h), &state);
    bool too_early = chance(w, 200) && !w->options.disasters;
    uint64_t upto = too_early ? state.head : droppable(h, &state);
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
        copying_wanted(&pool->hosted[pick(w, pool->hosts)]);
}

/* What is missing in its store is given up: what the partner has of it comes back as its tail. */
static void force(struct world *w)
{
    struct pool *pool = some_pool(w);
    for (size_t i = 0; i < pool->hosts && w->options.forces; i++) {
        struct hosted *h = &pool->hosted[i];
        if (!pool->up || !is_used(w, h->home) || home_mode(h->core) != MODE_REJOINING)
            continue;
        if (step_home(h, (struct home_event){.kind = HOME_FORCE}) == OK) {
            h->forced = true;
            say(w, "%s is forced to serve %s", pool->name, home_of(h));
        }
    }
}

static void (*const kinds[])(struct world *) = {
    crash,   crash,    stop_for_a_while, cut_off, cut_off,         fill, back_up,
    back_up, put_back, collect,          collect, ask_for_a_cycle, force};

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
    plan(w, PAUSE_MS, something, xmemdup(&w, sizeof w));
    if (w->options.central && w->options.disasters)
        plan(w, LEFT_BEHIND_MS, leave_behind, xmemdup(&w, sizeof w));
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
