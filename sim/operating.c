#include "operating.h"

#include <stdlib.h>
#include <string.h>

#include "checks.h"
#include "copying.h"
#include "gathering.h"
#include "pool.h"
#include "scheduler.h"

enum {
    PATIENCE_MS = 5000,
    STORE_MS = 8000,
    CLOSE_MS = 1000,
    OPERATOR_MS = 6000, /* between two commands */
    /* All that an operation may take, its process stopped for a while and its bounds one after the
     * other; in the worst case each step runs into its own. */
    ENDS_MS = 120000,
};

/* --- what there is --- */

bool operating_is_whole(const struct hosted *h)
{
    struct home_state state;
    read_state(h->pool, home_of(h), &state);
    const struct hold *hold = home_hold(h->core);
    bool whole = hold->lineage.count > 0 && !mode_rights(hold->mode)->holder;
    for (size_t m = 0; m < SIM_MODULES; m++)
        whole = whole && !state.modules[module_of(h->home, m)].comparing &&
                state.modules[module_of(h->home, m)].whole_at.usn <=
                    state.modules[module_of(h->home, m)].cookie.usn;
    return whole;
}

static struct home_point point_of(struct hosted *h)
{
    struct home_state state;
    read_state(h->pool, home_of(h), &state);
    struct home_point point = {.usn = complete_upto(h)};
    for (int m = 0; m < MODULES; m++)
        point.digests[m] = state.modules[m].digest;
    return point;
}

/* --- the holder's part --- */

void operating_expect(const struct hosted *h, struct txn *txn)
{
    const struct home_demanded *release = home_releasing(h->core);
    if (!release || !release->whole)
        return;
    txn_expect_head(txn, release->point.usn);
    for (int m = 0; m < MODULES; m++)
        txn_expect_digest(txn, (enum module)m, &release->point.digests[m]);
}

void operating_demanded(struct hosted *h, struct call *call)
{
    if (h->demanded) {
        call_say(call, NULL, FAIL_BUSY);
        return;
    }
    struct home_state state;
    read_state(h->pool, home_of(h), &state);
    h->demanded = call;
    enum failure bad = step_home(
        h,
        (struct home_event){.kind = HOME_DEMANDED, .head = state.head, .demanded = call->demanded});
    if (bad && h->demanded)
        call_say(TAKE(h->demanded), NULL, bad);
    if (home_mode(h->core) == MODE_DRAINING)
        copying_wanted(h);
}

void operating_complied(struct hosted *h, bool durable)
{
    struct call *call = TAKE(h->demanded);
    const struct hold *hold = home_hold(h->core);
    if (!call)
        return;
    const struct home_standing standing = {.mode = home_mode(h->core),
                                           .term = hold->term,
                                           .to = hold->to,
                                           .seen = home_seen(h->core),
                                           .durable = durable,
                                           .point = point_of(h)};
    call_say(call, &standing, OK);
}

/* --- the taker's part --- */

static void step_operation(struct hosted *h, struct operation_event event, enum failure failure);

static void tick(void *context)
{
    struct hosted *h = *(struct hosted **)context;
    if (!h->operation)
        return;
    plan_at(h->pool, OPERATION_TICK_MS, tick, xmemdup(&h, sizeof h));
    operating_look(h);
}

static void end(struct hosted *h)
{
    struct world *w = h->pool->world;
    struct operation_status status;
    operation_status(h->operation, &status);
    bool done = status.step == OPERATION_DONE;
    say(w, "%s: the operation with %s is %s%s%s", h->pool->name, home_of(h),
        done ? "done" : "given up at ", done ? "" : operation_step_name(status.failed_at),
        status.alone ? ", alone" : "");
    w->counts.taken += done;
    w->counts.alone += done && status.alone;
    w->counts.called_off += !done;
    operation_free(TAKE(h->operation));
}

static void demand(struct hosted *h, const struct home_demanded *demanded)
{
    struct call *call = call_new(h->pool, partner_of(h), CALL_DEMAND, h->home);
    call->demanded = *demanded;
    call_send(call, CALL_DEADLINE_MS);
}

static void open_term(struct hosted *h, struct term to, bool alone)
{
    h->taking = true;
    enum failure bad =
        step_home(h, (struct home_event){.kind = HOME_TAKE, .take = {.to = to, .alone = alone}});
    if (!bad)
        return;
    h->taking = false;
    step_operation(h, (struct operation_event){.kind = OPERATION_NOT_TAKEN}, bad);
}

/* What a commit of the journal comes back to: by then another operation may be under way. */
struct keeping {
    struct hosted *h;
    uint64_t began_ms;
    enum operation_step step;
};

static void journal_kept(struct pool *pool, const struct store_outcome *outcome, void *context)
{
    const struct keeping *k = context;
    (void)pool;
    if (k->h->operation && k->h->began_ms == k->began_ms)
        step_operation(k->h, (struct operation_event){.kind = OPERATION_KEPT, .step = k->step},
                       outcome->error.kind);
}

static void keep_journal(struct hosted *h, enum operation_step step)
{
    const struct keeping k = {.h = h, .began_ms = h->began_ms, .step = step};
    struct txn *txn = txn_new(home_of(h));
    uint8_t value = (uint8_t)step;
    txn_record(txn, "operation", (struct bytes){&value, sizeof value});
    commit(h->pool, txn, journal_kept, xmemdup(&k, sizeof k));
}

static void tell(struct hosted *h)
{
    struct operation_status status;
    operation_status(h->operation, &status);
    keep_journal(h, status.step);
    home_intend(h->core, status.step >= OPERATION_CLOSE && status.step <= OPERATION_TAKE);
    say(h->pool->world, "%s: the operation with %s is at \"%s\"", h->pool->name, home_of(h),
        operation_step_name(status.step));
}

static void carry_out(struct hosted *h, const struct operation_action *action)
{
    switch (action->kind) {
    case OPERATION_DEMAND: demand(h, &action->demanded); break;
    case OPERATION_ASK_FLUSH:
        step_operation(h, (struct operation_event){.kind = OPERATION_FLUSHED}, OK);
        break;
    case OPERATION_ASK_REPLICAS: gathering_ask(h); break;
    case OPERATION_BRING_REPLICAS: gathering_bring(h); break;
    case OPERATION_OPEN: open_term(h, action->to, action->alone); break;
    case OPERATION_TELL: tell(h); break;
    case OPERATION_ENDED: end(h); break;
    }
}

static void step_operation(struct hosted *h, struct operation_event event, enum failure failure)
{
    struct world *w = h->pool->world;
    struct operation_actions actions;
    struct error e = {0};
    if (failure)
        fail(&e, failure, "It was so.");
    event.now_ms = w->now;
    event.next = home_next_term(h->core, roll(w));
    event.own = point_of(h);
    event.whole = operating_is_whole(h);
    event.serves = home_mode(h->core) == MODE_SERVING;
    event.silent = home_mode(h->core) == MODE_RESILIENCY;
    event.stopped = home_stopped(h->core);
    event.error = &e;
    event.replicas = gathering_standing(h);
    operation_step(h->operation, &event, &actions, NULL);
    for (size_t i = 0; i < actions.count && h->operation; i++)
        carry_out(h, &actions.list[i]);
    if (h->operation && w->now - h->began_ms > ENDS_MS)
        broken(w, "the operation of %s with %s does not end", h->pool->name, home_of(h));
}

void operating_look(struct hosted *h)
{
    if (h->operation)
        step_operation(h, (struct operation_event){.kind = OPERATION_TICK}, OK);
}

void operating_answered(struct hosted *h, const struct home_standing *standing,
                        enum failure failure)
{
    struct operation_event event = {.kind = OPERATION_SAID};
    if (!h->operation)
        return;
    if (standing)
        event.holder = *standing;
    else if (operation_is_silence(failure))
        event.kind = OPERATION_UNANSWERED;
    else
        event.kind = OPERATION_REFUSED;
    step_operation(h, event, failure);
}

void operating_stored(struct hosted *h, bool good)
{
    bool ours = h->taking;
    h->taking = false;
    if (ours && h->operation)
        step_operation(
            h, (struct operation_event){.kind = good ? OPERATION_TAKEN : OPERATION_NOT_TAKEN},
            good ? OK : FAIL_FULL);
}

void operating_stop(struct hosted *h)
{
    operation_free(TAKE(h->operation));
    gathering_forget(h);
    h->taking = false;
    h->demanded = NULL;
}

/* --- people --- */

static void start(struct hosted *h, const struct operation_options *options)
{
    struct world *w = h->pool->world;
    gathering_forget(h);
    const struct operation_words words = {.home = home_of(h),
                                          .holder = "its holder",
                                          .taker = h->pool->name,
                                          .again = "the same",
                                          .alone = "to take it alone"};
    h->operation = operation_new(options, &words, w->now);
    h->began_ms = w->now;
    w->counts.operations++;
    say(w, "%s is told to take %s%s", h->pool->name, home_of(h),
        options->disaster ? ", come what may" : "");
    plan_at(h->pool, OPERATION_TICK_MS, tick, xmemdup(&h, sizeof h));
    operating_look(h);
}

void operating_take(struct hosted *h)
{
    start(h, &(struct operation_options){
                 .replicas = h->home == CENTRAL, .patience_ms = PATIENCE_MS, .store_ms = STORE_MS});
}

void operating_take_alone(struct hosted *h)
{
    struct world *w = h->pool->world;
    bool runs = h->pool->up && h->pool->paused_until <= w->now;
    if (!w->quiet && runs && !h->operation && !mode_rights(home_mode(h->core))->holder)
        start(h, &(struct operation_options){.disaster = true,
                                             .replicas = h->home == CENTRAL,
                                             .incomplete = chance(w, 300),
                                             .patience_ms = PATIENCE_MS,
                                             .store_ms = STORE_MS});
}

static void begin(struct hosted *h)
{
    struct world *w = h->pool->world;
    bool disaster = w->options.disasters && chance(w, 400);
    const struct operation_options options = {.disaster = disaster,
                                              .flush = chance(w, 200),
                                              .skip_verification = disaster && chance(w, 200),
                                              .replicas = h->home == CENTRAL,
                                              .patience_ms = PATIENCE_MS,
                                              .store_ms = STORE_MS,
                                              .close_ms = chance(w, 300) ? CLOSE_MS : 0};
    start(h, &options);
}

/* Whoever holds it already says so, and there is nothing to do. */
static void type_a_command(void *context)
{
    struct world *w = *(struct world **)context;
    if (w->quiet)
        return;
    struct pool *pool = &w->pools[pick(w, w->options.pools)];
    struct hosted *h = &pool->hosted[pick(w, pool->hosts)];
    bool runs = pool->up && pool->paused_until <= w->now && is_used(w, h->home);
    if (runs && h->operation && chance(w, 300))
        step_operation(h, (struct operation_event){.kind = OPERATION_CANCELLED}, OK);
    else if (runs && !h->operation && !mode_rights(home_mode(h->core))->holder)
        begin(h);
    plan(w, 1 + pick(w, OPERATOR_MS), type_a_command, xmemdup(&w, sizeof w));
}

void operators_start(struct world *w)
{
    plan(w, OPERATOR_MS, type_a_command, xmemdup(&w, sizeof w));
}
