#include "replica.h"

#include <stdio.h>

#include "comparing.h"
#include "copying.h"
#include "pool.h"
#include "salvaging.h"

void replica_start(struct hosted *h, struct pool *pool)
{
    *h = (struct hosted){.pool = pool, .home = CENTRAL};
    salvaging_start(h);
}

void replica_stop(struct hosted *h)
{
    copying_stop(h);
}

/* What is kept of it, or the beginning of it. */
static void read_record(const struct hosted *h, struct hold *hold)
{
    const char *pools[SIDES];
    read_hold(h->pool, home_of(h), hold);
    if (hold->revision)
        return;
    hold->mode = MODE_STANDBY;
    snprintf(hold->home, sizeof hold->home, "%s", home_of(h));
    pools_of(h->pool->world, h->home, pools);
    for (int i = 0; i < SIDES; i++)
        snprintf(hold->pools[i], FQDN_SIZE, "%s", pools[i]);
}

struct pool *replica_follows(const struct hosted *h)
{
    struct hold hold;
    read_hold(h->pool, home_of(h), &hold);
    return &h->pool->world->pools[term_side(hold.term)]; /* the first two may hold it */
}

static void keep(struct txn *txn, struct hold *hold, const struct call *call)
{
    hold->seen = hold->seen > call->offer.term.number ? hold->seen : call->offer.term.number;
    txn_hold(txn, hold);
}

/* From where it stood when it was judged: a late batch may be on its way to the store. */
static void follow(struct txn *txn, struct hold *hold, const struct call *call, uint64_t head)
{
    hold->lineage = *call->lineage;
    txn_expect_head(txn, head);
    keep(txn, hold, call);
}

/* What becomes durable before the answer is given. */
static bool prepare(struct hosted *h, struct txn *txn, struct hold *hold, const struct call *call,
                    struct copy_answer *answer)
{
    struct home_state state;
    read_state(h->pool, home_of(h), &state);
    bool follows = answer->verdict == COPY_GO_ON, compares = answer->verdict == COPY_COMPARE;
    bool current = state.modules[module_of(h->home, call->module)].comparing == call->comparison;
    bool ends = call->kind == CALL_COMPARED && compares && current;
    if (salvaging_goes_back(h, hold, call, answer)) {
        if (h->salvage.tail.open)
            keep(txn, hold, call);
        else
            follow(txn, hold, call, state.head);
        salvaging_write(h, call, txn);
        answer->verdict = COPY_EARLY; /* to be asked again */
        return true;
    }
    if (ends) {
        answer->verdict = COPY_GO_ON;
        answer->at = comparing_end_of(h, hold, call);
    } else if (call->kind == CALL_COMPARE && (follows || compares)) {
        answer->verdict = COPY_COMPARE;
    } else if (!follows) {
        return false;
    }
    follow(txn, hold, call, state.head);
    if (ends || call->kind == CALL_COMPARE)
        comparing_write(h, call, answer->at, txn);
    return true;
}

struct offered {
    struct call *call;
    struct copy_answer answer;
};

static void kept(struct pool *pool, const struct store_outcome *outcome, void *context)
{
    const struct offered *o = context;
    struct copy_answer answer = o->answer;
    if (outcome->error.kind)
        say(pool->world, "%s could not follow: %s", pool->name, outcome->error.what);
    bool early = outcome->error.kind == FAIL_CONFLICT; /* to be asked again */
    if (early)
        answer.verdict = COPY_EARLY;
    call_answer(o->call, NULL, outcome->error.kind && !early ? NULL : &answer);
}

static void offered(struct hosted *h, struct call *call)
{
    struct hold hold;
    struct home_state state;
    read_record(h, &hold);
    read_state(h->pool, home_of(h), &state);
    if (copy_replica_follows(&hold, call->offer.term))
        hold.term = call->offer.term;
    hold.revision++;
    const struct copy_state copy = copying_copy_of(h, &hold, call->module, &state);
    struct offered o = {call, copy_judge(&copy, &call->offer)};
    copying_note_fork(h, call, &o.answer);
    OWNED(txn_free) struct txn *txn = txn_new(home_of(h));
    if (prepare(h, txn, &hold, call, &o.answer))
        commit(h->pool, TAKE(txn), kept, xmemdup(&o, sizeof o));
    else
        call_answer(call, NULL, &o.answer);
}

void replica_called(struct hosted *h, struct call *call)
{
    bool offers =
        call->kind == CALL_OFFER || call->kind == CALL_COMPARE || call->kind == CALL_COMPARED;
    if (offers)
        offered(h, call);
    else
        copying_called(h, call);
}
