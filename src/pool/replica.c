#include "pool/replica.h"

#include <stdio.h>

#include "base/random.h"
#include "pool/compared.h"
#include "pool/offer.h"

/* What is kept of it, or the beginning of it: and whose it is by now. */
static enum failure read_hold(struct view *view, const char *const pools[SIDES], struct hold *hold,
                              struct error *e)
{
    enum failure bad = view_hold(view, HOME_CENTRAL, hold, e);
    if (bad && bad != FAIL_NOT_FOUND)
        return bad;
    if (bad)
        *hold = (struct hold){.mode = MODE_STANDBY};
    snprintf(hold->home, sizeof hold->home, "%s", HOME_CENTRAL);
    for (int i = 0; i < SIDES; i++)
        snprintf(hold->pools[i], FQDN_SIZE, "%s", pools[i] ? pools[i] : "");
    return OK;
}

static enum failure read_state(struct view *view, struct home_state *state, struct error *e)
{
    *state = (struct home_state){0};
    enum failure bad = view_home(view, HOME_CENTRAL, state, e);
    return bad == FAIL_NOT_FOUND ? OK : bad;
}

static void keep(struct txn *txn, struct hold *hold, const struct sync_offer *offer)
{
    hold->seen = hold->seen > offer->term.number ? hold->seen : offer->term.number;
    txn_hold(txn, hold);
}

/* From where it stood when it was judged: a late batch of the term before may be on its way to the
 * store, and would be taken for a part of the next one's history. */
static void follow(struct txn *txn, struct hold *hold, const struct home_state *state,
                   const struct sync_offer *offer)
{
    hold->lineage = offer->lineage;
    txn_expect_head(txn, state->head);
    keep(txn, hold, offer);
}

/* A step of it, when it is asked next the next one; until the last it is its own history. */
static void go_back(struct txn *txn, struct hold *hold, const struct home_state *state,
                    const struct sync_offer *offer, const struct tail *tail)
{
    if (tail->open)
        keep(txn, hold, offer);
    else
        follow(txn, hold, state, offer);
    txn_as_copy(txn, offer->term.number);
    txn_rewind(txn, tail);
}

/* What becomes durable before the answer is given, by what the offer is for. */
static enum failure prepare(struct txn *txn, struct view *view, struct hold *hold,
                            const struct home_state *state, const struct sync_offer *offer,
                            struct copy_answer *answer, bool *writes, struct error *e)
{
    bool follows = answer->verdict == COPY_GO_ON, compares = answer->verdict == COPY_COMPARE;
    struct tail tail;
    enum failure bad = OK;
    *writes = true;
    if (offer->purpose == OFFER_COMPARE && (follows || compares)) {
        answer->verdict = COPY_COMPARE;
        follow(txn, hold, state, offer);
        compared_begin(txn, offer, state);
    } else if (offer->purpose == OFFER_COMPARED && compares && compared_is_current(offer, state)) {
        answer->verdict = COPY_GO_ON;
        answer->at = offer_compared_at(hold, state, offer);
        follow(txn, hold, state, offer);
        compared_end(txn, offer, state, answer->at, NULL);
    } else if (offer_goes_back(hold, state, offer, answer, random_u64(), &tail)) {
        bad = offer_shorten(view, HOME_CENTRAL, &tail, e);
        answer->verdict = COPY_EARLY; /* to be asked again */
        answer->tail = true;
        go_back(txn, hold, state, offer, &tail);
    } else if (follows) {
        follow(txn, hold, state, offer);
    } else {
        *writes = false;
    }
    return bad;
}

enum failure replica_judge(struct store *store, const struct sync_offer *offer,
                           const char *const pools[SIDES], struct copy_answer *answer,
                           struct txn **result, struct error *e)
{
    OWNED(view_close) struct view *view = NULL;
    OWNED(free_memory) struct hold *hold = xmalloc(sizeof *hold);
    OWNED(txn_free) struct txn *txn = txn_new(HOME_CENTRAL);
    struct home_state state;
    bool writes;
    *result = NULL;
    enum failure bad = store_view(store, &view, e);
    if (!bad)
        bad = read_hold(view, pools, hold, e);
    if (!bad)
        bad = read_state(view, &state, e);
    if (bad)
        return bad;
    if (copy_replica_follows(hold, offer->term))
        hold->term = offer->term;
    hold->revision++;
    *answer = offer_judge(hold, &state, offer);
    bad = prepare(txn, view, hold, &state, offer, answer, &writes, e);
    if (!bad && writes)
        *result = TAKE(txn);
    return bad;
}

enum failure replica_offered(struct store *store, const struct sync_offer *offer,
                             const char *const pools[SIDES], struct copy_answer *answer,
                             struct error *e)
{
    struct txn *txn;
    struct store_outcome outcome;
    enum failure bad = replica_judge(store, offer, pools, answer, &txn, e);
    if (bad || !txn)
        return bad;
    bad = store_commit_wait(store, txn, &outcome);
    if (bad == FAIL_CONFLICT) { /* it went on meanwhile: to be asked again */
        answer->verdict = COPY_EARLY;
        return OK;
    }
    if (bad)
        *e = outcome.error;
    return bad;
}
