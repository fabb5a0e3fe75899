#include "pool/offer.h"

#include <stdio.h>

static enum failure read_home(struct front_end *fe, const char *home, struct home_state *state,
                              struct error *e)
{
    OWNED(view_close) struct view *view = NULL;
    enum failure bad = store_view(front_end_store(fe), &view, e);
    return bad ? bad : view_home(view, home, state, e);
}

enum failure offer_read_shared(struct view *view, const char *home, const char *pool,
                               struct hold *hold, struct home_state *state, struct error *e)
{
    enum side side;
    enum failure bad = view_hold(view, home, hold, e);
    if (bad)
        return bad;
    if (!hold_side(hold, pool, &side))
        return fail(e, FAIL_REFUSED, "The home %s is nothing of %s's.", home, pool);
    return view_home(view, home, state, e);
}

struct copy_state offer_copy(const struct hold *hold, const struct home_state *state,
                             enum module module)
{
    return (struct copy_state){.hold = hold,
                               .head = home_reach(state),
                               .cookie = state->modules[module].cookie,
                               .whole_at = state->modules[module].whole_at,
                               .digest = state->modules[module].digest,
                               .comparing = state->modules[module].comparing,
                               .tail = state->tails > 0,
                               .going_back = state->going_back};
}

static struct copy_offer what_is_offered(const struct sync_offer *offer)
{
    return (struct copy_offer){.term = offer->term,
                               .lineage = &offer->lineage,
                               .head = offer->whole ? offer->head : offer->head + 1,
                               .horizon = offer->horizon,
                               .digest = offer->digest};
}

struct copy_answer offer_judge(const struct hold *hold, const struct home_state *state,
                               const struct sync_offer *offer)
{
    const struct copy_state copy = offer_copy(hold, state, offer->module);
    const struct copy_offer asked = what_is_offered(offer);
    return copy_judge(&copy, &asked);
}

struct version offer_compared_at(const struct hold *hold, const struct home_state *state,
                                 const struct sync_offer *offer)
{
    const struct copy_state copy = offer_copy(hold, state, offer->module);
    const struct copy_offer asked = what_is_offered(offer);
    return copy_compared_at(&copy, &asked, offer->head);
}

bool offer_goes_back(const struct hold *hold, const struct home_state *state,
                     const struct sync_offer *offer, const struct copy_answer *answer, uint64_t id,
                     struct tail *tail)
{
    const struct copy_state copy = offer_copy(hold, state, offer->module);
    const struct copy_offer asked = what_is_offered(offer);
    if (!copy_goes_back(&copy, &asked, offer->head, answer, tail))
        return false;
    tail->id = id;
    return true;
}

enum failure offer_shorten(struct view *view, const char *home, struct tail *tail, struct error *e)
{
    uint64_t usn = 0;
    enum failure bad = view_newest(view, home, STORE_MOVE_MAX, &usn, e);
    if (!bad)
        tail_shorten(tail, usn);
    return bad;
}

enum failure offer_read(struct front_end *fe, const char *home, enum module module,
                        struct term term, const char *to, struct sync_offer *offer, struct error *e)
{
    struct home_state state;
    uint64_t read_ms = front_end_clock_of(fe, to); /* before it is read */
    struct hosted_home *hosted = front_end_home(fe, home);
    if (!hosted)
        return fail(e, FAIL_NOT_FOUND, "%s has no home %s.", front_end_pool(fe), home);
    enum failure bad = read_home(fe, home, &state, e);
    if (bad)
        return bad;
    const struct hold *hold = home_hold(hosted_home_core(hosted));
    const struct copy_state copy = offer_copy(hold, &state, module);
    *offer = (struct sync_offer){.module = module,
                                 .term = term,
                                 .head = copy.head,
                                 .horizon = copy_horizon(&copy, state.horizon),
                                 .whole = copy_head(&copy) == copy.head,
                                 .read_ms = read_ms,
                                 .digest = state.modules[module].digest,
                                 .lineage = hold->lineage};
    snprintf(offer->home, sizeof offer->home, "%s", home);
    return OK;
}

void offer_explain(const struct copy_answer *at, const char *home, const char *target,
                   struct error *e)
{
    switch (at->verdict) {
    case COPY_GO_ON:
    case COPY_EARLY: *e = (struct error){0}; break;
    case COPY_COMPARE:
        fail(e, FAIL_REFUSED, "The copy at %s can't go on from where it stands, or is not equal.",
             target);
        error_next(e, "It is compared, and what differs is sent.");
        break;
    case COPY_FORKED:
        fail(e, FAIL_REFUSED,
             "The copy at %s has changes of its own behind change %llu, which are not known here.",
             target, (unsigned long long)at->at.usn);
        error_kept(e, "Nothing is copied over them.");
        break;
    case COPY_LATE:
        fail(e, FAIL_REFUSED, "%s follows another term of the home %s.", target, home);
        break;
    case COPY_HOLDS: fail(e, FAIL_REFUSED, "%s holds the home %s itself.", target, home); break;
    }
}
