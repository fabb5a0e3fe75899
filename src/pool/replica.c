#include "pool/replica.h"

#include <stdio.h>
#include <string.h>

/* What is kept of it, or the beginning of it. */
static enum failure read_hold(struct view *view, const char *const pools[SIDES], struct hold *hold,
                              struct error *e)
{
    enum failure bad = view_hold(view, HOME_CENTRAL, hold, e);
    if (bad != FAIL_NOT_FOUND)
        return bad;
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

static enum failure keep(struct store *store, const struct hold *hold, struct error *e)
{
    struct txn *txn = txn_new(HOME_CENTRAL);
    struct store_outcome outcome;
    txn_hold(txn, hold);
    if (store_commit_wait(store, txn, &outcome))
        *e = outcome.error;
    return outcome.error.kind;
}

enum failure replica_offered(struct store *store, const struct sync_offer *offer,
                             const char *const pools[SIDES], struct copy_answer *answer,
                             struct error *e)
{
    OWNED(view_close) struct view *view = NULL;
    OWNED(free_memory) struct hold *hold = xmalloc(sizeof *hold);
    struct home_state state;
    enum failure bad = store_view(store, &view, e);
    if (!bad)
        bad = read_hold(view, pools, hold, e);
    if (!bad)
        bad = read_state(view, &state, e);
    if (bad)
        return bad;
    if (offer->term.number > hold->term.number) /* it follows at the first word */
        hold->term = offer->term;
    hold->revision++;
    const struct copy_state copy = {
        .hold = hold, .head = state.head, .cookie = state.modules[MODULE_CMS_MASTER].cookie};
    const struct copy_offer asked = {.term = offer->term,
                                     .lineage = &offer->lineage,
                                     .head = offer->head,
                                     .horizon = offer->horizon};
    *answer = copy_judge(&copy, &asked);
    if (answer->verdict != COPY_GO_ON)
        return OK;
    hold->lineage = offer->lineage;
    hold->seen = hold->seen > offer->term.number ? hold->seen : offer->term.number;
    view_close(TAKE(view));
    return keep(store, hold, e);
}
