#include "pool.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "checks.h"
#include "comparing.h"
#include "gathering.h"
#include "operating.h"
#include "replica.h"
#include "salvaging.h"
#include "scheduler.h"

enum { COMMIT_MS = 20, HEARTBEAT_MS = 1000 };

static const char *const names[POOLS_MAX] = {"atl.example.com", "por.example.com",
                                             "syd.example.com"};

const char *home_of(const struct hosted *h)
{
    return h->home == CENTRAL ? HOME_CENTRAL : names[h->home];
}

struct hosted *hosted_of(struct pool *pool, size_t home)
{
    for (size_t i = 0; i < pool->hosts; i++) {
        if (pool->hosted[i].home == home)
            return &pool->hosted[i];
    }
    return NULL;
}

/* The pools stand in a ring: each is the backup of the one before it. `central` is the first one's.
 */
static size_t pool_of(const struct world *w, size_t home, enum side side)
{
    size_t own = home == CENTRAL ? 0 : home;
    return side == SIDE_HOME ? own : (own + 1) % w->options.pools;
}

struct pool *partner_of(const struct hosted *h)
{
    struct world *w = h->pool->world;
    return &w->pools[pool_of(w, h->home, side_other(h->side))];
}

void pools_of(const struct world *w, size_t home, const char *pools[SIDES])
{
    for (int side = 0; side < SIDES; side++)
        pools[side] = names[pool_of(w, home, (enum side)side)];
}

struct pool *target_of(const struct hosted *h, size_t number)
{
    bool to_replica = h->home == CENTRAL && number > 0;
    return to_replica ? &h->pool->world->pools[REPLICA] : partner_of(h);
}

/* It can't know it: what it accepts meanwhile is its tail. */
bool is_superseded(const struct hosted *h)
{
    struct hold theirs;
    read_hold(partner_of(h), home_of(h), &theirs);
    return mode_rights(theirs.mode)->holder && theirs.term.number > home_hold(h->core)->term.number;
}

bool serves(const struct hosted *h)
{
    return h->pool->up && mode_rights(home_mode(h->core))->changes &&
           home_lease_ms(h->core) > h->pool->world->now;
}

void read_state(const struct pool *pool, const char *home, struct home_state *state)
{
    OWNED(view_close) struct view *view = NULL;
    *state = (struct home_state){0};
    store_view(pool->store, &view, NULL);
    view_home(view, home, state, NULL);
}

void read_hold(const struct pool *pool, const char *home, struct hold *hold)
{
    OWNED(view_close) struct view *view = NULL;
    memset(hold, 0, sizeof *hold);
    store_view(pool->store, &view, NULL);
    if (view_hold(view, home, hold, NULL))
        memset(hold, 0, sizeof *hold);
}

/* --- commits --- */

struct waiting_commit {
    struct waiting_commit *next; /* of all that there were: the process may end before they do */
    struct pool *pool;
    struct txn *txn;
    commit_done *done;
    void *context;
    struct store_outcome outcome;
};

static void commit_is_told(void *context)
{
    struct waiting_commit *c = *(struct waiting_commit **)context;
    if (c->done)
        c->done(c->pool, &c->outcome, c->context);
}

static void commit_is_done(void *context)
{
    struct waiting_commit *c = *(struct waiting_commit **)context;
    struct pool *pool = c->pool;
    for (size_t i = 0; i < pool->hosts; i++) {
        const struct hosted *h = &pool->hosted[i];
        bool leased = home_lease_ms(h->core) > pool->world->now;
        if (home_drains(h->core))
            store_lease_drains(pool->store, home_of(h));
        else
            store_lease(pool->store, home_of(h), leased ? UINT64_MAX : 0);
    }
    struct term before[HOSTED_MAX];
    note_terms(pool, before);
    store_commit_wait(pool->store, TAKE(c->txn), &c->outcome);
    check_store(pool, before);
    plan_at(pool, pick(pool->world, 3), commit_is_told, xmemdup(&c, sizeof c));
}

void commit(struct pool *pool, struct txn *txn, commit_done *done, void *context)
{
    struct world *w = pool->world;
    struct waiting_commit *c = xcalloc(1, sizeof *c);
    *c = (struct waiting_commit){.pool = pool, .txn = txn, .done = done, .context = context};
    c->next = w->commits;
    w->commits = c;
    uint64_t at = w->now + 1 + pick(w, COMMIT_MS);
    pool->commit_at = at > pool->commit_at ? at : pool->commit_at; /* one after the other */
    plan_at(pool, pool->commit_at - w->now, commit_is_done, xmemdup(&c, sizeof c));
}

void commits_free(struct world *w)
{
    while (w->commits) {
        struct waiting_commit *c = w->commits;
        w->commits = c->next;
        txn_free(c->txn);
        free(c->context);
        free(c);
    }
}

/* --- homes --- */

static void record_stored(struct pool *pool, const struct store_outcome *outcome, void *context)
{
    struct hosted *h = *(struct hosted **)context;
    bool good = outcome->error.kind == OK;
    struct home_event event = {.kind = good ? HOME_STORED : HOME_NOT_STORED,
                               .began = outcome->began};
    if (!good)
        say(pool->world, "%s could not store its record of %s: %s", pool->name, home_of(h),
            outcome->error.what);
    step_home(h, event);
    copying_followed(h, good);
    operating_stored(h, good);
}

/* A copy, as far as its last module got. */
uint64_t complete_upto(struct hosted *h)
{
    struct home_state state;
    read_state(h->pool, home_of(h), &state);
    uint64_t upto = state.head;
    for (size_t m = 0; m < SIM_MODULES && !mode_rights(home_hold(h->core)->mode)->holder; m++) {
        bool compared = state.modules[module_of(h->home, m)].comparing; /* it may lack anything */
        uint64_t at =
            compared ? 0
                     : copy_upto(home_hold(h->core), state.modules[module_of(h->home, m)].cookie);
        upto = at < upto ? at : upto;
    }
    return upto;
}

static void persist(struct hosted *h)
{
    struct txn *txn = txn_new(home_of(h));
    txn_hold(txn, home_wanted(h->core));
    if (hold_opens_term(home_hold(h->core)->term, home_wanted(h->core)) &&
        !mode_rights(home_hold(h->core)->mode)->holder)
        txn_complete_upto(txn, complete_upto(h));
    if (h->follower)
        comparing_write(h, h->follower, h->follow_answer.at, txn);
    salvaging_enrich(h, txn);
    operating_expect(h, txn);
    commit(h->pool, txn, record_stored, xmemdup(&h, sizeof h));
}

static void ask(struct hosted *h, const struct home_question *question)
{
    struct call *call = call_new(h->pool, partner_of(h), CALL_QUESTION, h->home);
    call->question = *question;
    if (term_is_none(question->to))
        call->question.head = complete_upto(h);
    call_send(call, CALL_DEADLINE_MS);
}

static void tell_change(struct hosted *h, enum mode from, enum cause cause)
{
    char text[TERM_TEXT_SIZE];
    say(h->pool->world, "%s: %s goes from %s to %s (%s), term %s", h->pool->name, home_of(h),
        mode_name(from), mode_name(home_mode(h->core)), cause_name(cause),
        term_text(home_current(h->core)->term, text));
    heartbeat(h->pool);
}

static void carry_out(struct hosted *h, const struct home_action *action)
{
    struct call *call;
    switch (action->kind) {
    case ACTION_PERSIST: persist(h); break;
    case ACTION_ASK: ask(h, &action->question); break;
    case ACTION_ANSWER:
        call = TAKE(h->waiting);
        if (call)
            call_answer(call, &action->answer, NULL);
        if (call && action->answer.verdict == VERDICT_REFILL)
            h->pool->world->counts.refills++;
        break;
    case ACTION_COMPLIED: operating_complied(h, action->durable); break;
    case ACTION_CHANGED: tell_change(h, action->changed.from, action->changed.cause); break;
    }
}

enum failure step_home(struct hosted *h, struct home_event event)
{
    struct home_actions actions;
    event.now_ms = h->pool->world->now;
    event.dice = roll(h->pool->world);
    enum failure bad = home_step(h->core, &event, &actions, NULL);
    for (size_t i = 0; i < actions.count; i++)
        carry_out(h, &actions.list[i]);
    check_holders(h->pool->world, h->home);
    return bad;
}

/* --- what arrives --- */

void pool_heard(struct pool *pool, const char *from, size_t home, struct term term, uint64_t seen,
                bool holds)
{
    struct hosted *h = hosted_of(pool, home);
    if (!h)
        return;
    struct home_event event = {.kind = HOME_HEARD};
    event.heard.pool = from;
    event.heard.term = term;
    event.heard.seen = seen;
    event.heard.serves = holds;
    step_home(h, event);
}

static void question_arrives(struct hosted *h, struct call *call)
{
    struct home_state state;
    if (h->waiting) /* a second one is a repetition */
        call_answer(TAKE(h->waiting),
                    &(struct home_answer){.nonce = call->question.nonce, .verdict = VERDICT_WAIT},
                    NULL);
    h->waiting = call;
    read_state(h->pool, home_of(h), &state);
    struct home_event event = {.kind = HOME_ASKED};
    event.asked.question = call->question;
    event.asked.own_head = home_reach(&state);
    event.asked.own_upto = operating_is_whole(h) ? complete_upto(h) : 0;
    event.asked.applying = h->applying > 0;
    step_home(h, event);
}

void pool_called(struct pool *pool, struct call *call)
{
    struct hosted *h = hosted_of(pool, call->home);
    if (call->kind == CALL_STANDING || call->kind == CALL_WANTED)
        gathering_called(&pool->replica, call);
    else if (!h)
        replica_called(&pool->replica, call);
    else if (call->kind == CALL_QUESTION)
        question_arrives(h, call);
    else if (call->kind == CALL_DEMAND)
        operating_demanded(h, call);
    else
        copying_called(h, call);
}

void pool_stands(struct pool *pool, struct call *call, const struct home_standing *standing,
                 enum failure failure)
{
    operating_answered(hosted_of(pool, call->home), standing, failure);
}

void pool_answered(struct pool *pool, struct call *call, const struct home_answer *answer,
                   const struct copy_answer *position)
{
    struct hosted *h = hosted_of(pool, call->home);
    if (call->kind == CALL_SALVAGE) {
        salvaging_answered(h ? h : &pool->replica, position);
        return;
    }
    if (call->kind >= CALL_STANDING) {
        gathering_answered(h, call, position);
        return;
    }
    if (call->kind != CALL_QUESTION) {
        copying_answered(h, call, position);
        return;
    }
    struct home_event event = {.kind = HOME_ANSWERED};
    event.answered = (struct home_answer){.nonce = call->question.nonce, .verdict = VERDICT_WAIT};
    if (answer)
        event.answered = *answer;
    step_home(h, event);
}

/* --- the process --- */

static void tick(void *context)
{
    struct pool *pool = *(struct pool **)context;
    plan_at(pool, HOME_TICK_MS, tick, xmemdup(&pool, sizeof pool));
    for (size_t i = 0; i < pool->hosts; i++) {
        struct hosted *h = &pool->hosted[i];
        step_home(h, (struct home_event){.kind = HOME_TICK});
        if (h->side == SIDE_HOME && is_used(pool->world, h->home) &&
            home_hold(h->core)->revision == 0 && home_seen(h->core) == 0 &&
            pool->world->homes[h->home].opened_count == 0 && !home_deciding(h->core))
            step_home(h, (struct home_event){.kind = HOME_CREATE});
        copying_tick(h);
    }
    if (pool->replica.pool)
        salvaging_tick(&pool->replica);
}

static void beat(void *context)
{
    struct pool *pool = *(struct pool **)context;
    plan_at(pool, HEARTBEAT_MS, beat, xmemdup(&pool, sizeof pool));
    heartbeat(pool);
}

static void host(struct hosted *h, struct pool *pool, size_t home, enum side side)
{
    struct world *w = pool->world;
    struct hold hold;
    *h = (struct hosted){.pool = pool, .home = home, .side = side};
    read_hold(pool, home_of(h), &hold);
    struct home_options options = {
        .name = home_of(h), .side = h->side, .failure_detection_ms = FAILURE_DETECTION_MS};
    pools_of(w, home, options.pools);
    h->core = home_new(&options, hold.revision ? &hold : NULL, w->now, roll(w));
    copying_start(h);
}

void pool_start(struct pool *pool)
{
    struct world *w = pool->world;
    size_t before = (pool->number + w->options.pools - 1) % w->options.pools;
    pool->up = true;
    pool->life++;
    pool->commit_at = 0;
    pool->hosts = 0;
    host(&pool->hosted[pool->hosts++], pool, pool->number, SIDE_HOME);
    host(&pool->hosted[pool->hosts++], pool, before, SIDE_BACKUP);
    if (w->options.central && pool->number != REPLICA)
        host(&pool->hosted[pool->hosts++], pool, CENTRAL, (enum side)pool->number);
    else if (w->options.central)
        replica_start(&pool->replica, pool);
    plan_at(pool, 1 + pick(w, HOME_TICK_MS), tick, xmemdup(&pool, sizeof pool));
    plan_at(pool, 1 + pick(w, HEARTBEAT_MS), beat, xmemdup(&pool, sizeof pool));
    say(w, "%s starts", pool->name);
}

void pool_crash(struct pool *pool)
{
    if (!pool->up)
        return;
    say(pool->world, "%s crashes", pool->name);
    pool->up = false;
    pool->life++; /* whatever it had under way is gone */
    pool->paused_until = 0;
    if (pool->replica.pool)
        replica_stop(&pool->replica);
    for (size_t i = 0; i < pool->hosts; i++) {
        copying_stop(&pool->hosted[i]);
        operating_stop(&pool->hosted[i]);
        home_free(pool->hosted[i].core);
        pool->hosted[i].core = NULL;
    }
}

void pool_open(struct world *w, size_t number)
{
    struct pool *pool = &w->pools[number];
    pool->world = w;
    pool->number = number;
    snprintf(pool->name, sizeof pool->name, "%s", names[number]);
    pool->engine = memory_engine_open();
    store_open(pool->engine, &pool->store, NULL);
}

void pool_close(struct pool *pool)
{
    pool_crash(pool);
    store_close(pool->store);
    for (size_t i = 0; i < pool->backup_count; i++)
        memory_backup_free(pool->backups[i].tree);
}
