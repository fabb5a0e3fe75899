#include "core/home_inside.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *home_name(const struct home *h)
{
    return h->name;
}

enum mode home_mode(const struct home *h)
{
    return h->mode;
}

enum side home_side(const struct home *h)
{
    return h->side;
}

const struct hold *home_hold(const struct home *h)
{
    return &h->hold;
}

const struct hold *home_wanted(const struct home *h)
{
    return h->decision.under_way ? &h->decision.wanted : &h->hold;
}

const struct hold *home_current(const struct home *h)
{
    return h->decision.under_way && h->decision.announced ? &h->decision.wanted : &h->hold;
}

bool home_deciding(const struct home *h)
{
    return h->decision.under_way;
}

bool home_stopped(const struct home *h)
{
    return h->stopped;
}

const char *home_partner(const struct home *h)
{
    return h->hold.pools[side_other(h->side)];
}

uint64_t home_seen(const struct home *h)
{
    return h->seen;
}

bool home_is_paired(const struct home *h)
{
    return home_partner(h)[0] != '\0';
}

bool home_is_known(const struct home *h)
{
    return h->hold.revision > 0;
}

bool home_holds(const struct home *h)
{
    return mode_rights(h->mode)->holder;
}

bool home_refills(const struct home *h)
{
    return h->refills && !home_holds(h) && h->mode != MODE_REJOINING;
}

struct term home_exports(const struct home *h, bool to_replica)
{
    bool exports = home_holds(h) || h->mode == MODE_RELEASED || (home_refills(h) && !to_replica);
    return exports ? h->hold.term : TERM_NONE;
}

bool home_takes(const struct home *h, struct term term)
{
    return !home_refills(h) && !(h->over.number && term_equal(h->over, term));
}

static bool is_partner(const struct home *h, const char *pool)
{
    return home_is_paired(h) && strcmp(pool, home_partner(h)) == 0;
}

void home_see(struct home *h, uint64_t number)
{
    h->seen = larger(h->seen, number);
}

uint64_t home_next_number(const struct home *h)
{
    return term_number_above(h->side, h->seen);
}

uint64_t home_lease_ms(const struct home *h)
{
    if (!mode_rights(h->mode)->changes)
        return 0;
    return home_is_paired(h) ? h->tick_ms + h->failure_detection_ms : UINT64_MAX;
}

bool home_drains(const struct home *h)
{
    return h->mode == MODE_DRAINING;
}

struct home *home_new(const struct home_options *options, const struct hold *hold, uint64_t now_ms,
                      uint64_t dice)
{
    assert(dice != 0 && options->failure_detection_ms > HOME_TICK_MS);
    struct home *h = xcalloc(1, sizeof *h);
    snprintf(h->name, sizeof h->name, "%s", options->name);
    h->side = options->side;
    h->failure_detection_ms = options->failure_detection_ms;
    h->stopped = options->stopped;
    for (int i = 0; i < SIDES; i++)
        snprintf(h->assigned[i], FQDN_SIZE, "%s", options->pools[i] ? options->pools[i] : "");
    if (hold) {
        assert(hold->revision > 0 && strcmp(hold->home, options->name) == 0);
        h->hold = *hold;
        bool legal = mode_after(hold->mode, CAUSE_RESTARTED, &h->mode);
        assert(legal);
    } else {
        snprintf(h->hold.home, sizeof h->hold.home, "%s", options->name);
        memcpy(h->hold.pools, h->assigned, sizeof h->hold.pools);
    }
    if (!hold || !home_is_named(h))
        h->mode = MODE_REJOINING; /* rules 11 and 12 */
    h->seen = h->hold.seen;
    h->demanded.to = h->hold.to;
    /* Did it grant that number just before it stopped? */
    if (h->hold.seen > h->hold.term.number)
        h->grant_out_until_ms = now_ms + HOME_ANSWER_MS_MAX;
    h->nonce = dice;
    h->tick_ms = h->partner_heard_ms = h->holder_heard_ms = now_ms;
    return h;
}

void home_free(struct home *h)
{
    free(h);
}

/* --- changing --- */

struct home_action *home_act(struct home_actions *actions, enum home_action_kind kind)
{
    assert(actions->count < HOME_ACTIONS_MAX);
    struct home_action *a = &actions->list[actions->count++];
    a->kind = kind;
    return a;
}

void home_announce(struct home_actions *actions, enum mode from, enum cause cause)
{
    struct home_action *a = home_act(actions, ACTION_CHANGED);
    a->changed.from = from;
    a->changed.cause = cause;
}

enum mode home_after(const struct home *h, enum cause cause)
{
    enum mode to = h->mode;
    bool legal = mode_after(h->mode, cause, &to);
    assert(legal);
    return to;
}

void home_change_mode(struct home *h, enum cause cause, struct home_actions *actions)
{
    enum mode from = h->mode;
    h->mode = home_after(h, cause);
    home_announce(actions, from, cause);
}

struct hold *home_decide(struct home *h, enum mode mode, enum cause cause,
                         struct home_actions *actions)
{
    assert(!h->decision.under_way);
    memset(&h->decision, 0, sizeof h->decision);
    h->decision.under_way = true;
    h->decision.cause = cause;
    struct hold *wanted = &h->decision.wanted;
    *wanted = h->hold;
    wanted->mode = mode;
    wanted->seen = h->seen;
    wanted->alone = false;
    if (!hold_is_handed_over(wanted)) {
        wanted->to = TERM_NONE;
        wanted->released = 0;
    }
    wanted->revision++;
    home_act(actions, ACTION_PERSIST);
    return wanted;
}

/* Whoever was not asked, or is named only now, can't have taken the home before it is met. */
static bool opens_alone(enum cause cause)
{
    return cause == CAUSE_FORCED || cause == CAUSE_ALONE || cause == CAUSE_PAIRED ||
           cause == CAUSE_UNPAIRED;
}

void home_open_term(struct home *h, enum cause cause, struct term term,
                    struct home_actions *actions)
{
    assert(term.number > h->hold.term.number);
    struct hold *wanted = home_decide(h, home_after(h, cause), cause, actions);
    home_name_pools(h, cause, wanted);
    wanted->term = term;
    wanted->seen = larger(wanted->seen, term.number);
    wanted->alone = opens_alone(cause) && wanted->pools[side_other(h->side)][0];
    assert(term_side(wanted->term) == h->side);
}

struct hold *home_step_down(struct home *h, struct term term, struct home_actions *actions)
{
    bool taken = h->mode == MODE_RELEASED && term.number == h->hold.to.number;
    enum cause cause = taken ? CAUSE_TAKEN : CAUSE_SUPERSEDED;
    struct hold *wanted = home_decide(h, MODE_STANDBY, cause, actions);
    home_name_pools(h, cause, wanted);
    wanted->term = term;
    wanted->seen = larger(wanted->seen, term.number);
    h->decision.announced = h->mode != MODE_STANDBY;
    if (h->decision.announced)
        home_change_mode(h, cause, actions);
    return wanted;
}

void home_rejoin(struct home *h, enum cause cause, uint64_t dice, struct home_actions *actions)
{
    home_ask_anew(h, dice);
    h->verdict = VERDICT_WAIT;
    if (h->mode != MODE_REJOINING)
        home_change_mode(h, cause, actions);
}

void home_meet(struct home *h, uint64_t now_ms, struct home_actions *actions)
{
    h->met = true;
    h->partner_heard_ms = now_ms;
    if (!h->hold.alone || h->decision.under_way)
        return;
    home_decide(h, h->hold.mode, CAUSE_HEARD, actions);
    h->decision.keeps_mode = true;
}

/* --- time --- */

/* We did not run: silence that we slept through was no silence of the others, what we asked before
 * is of another time, and whoever held the home may have lost it. */
static void wake_up(struct home *h, const struct home_event *event, struct home_actions *actions)
{
    h->partner_heard_ms = h->holder_heard_ms = event->now_ms;
    h->decision.overtaken = h->decision.under_way;
    if (home_is_paired(h) && (home_holds(h) || h->mode == MODE_REJOINING))
        home_rejoin(h, CAUSE_RESTARTED, event->dice, actions);
}

static void on_tick(struct home *h, const struct home_event *event, struct home_actions *actions)
{
    uint64_t gap = event->now_ms - h->tick_ms;
    h->tick_ms = event->now_ms;
    if (gap >= h->failure_detection_ms)
        wake_up(h, event, actions);
    if (h->decision.under_way || h->store_lost || event->now_ms < h->retry_ms)
        return;
    if (h->mode == MODE_REJOINING) {
        if (!h->stopped)
            home_seek_grant(h, event, actions);
    } else if (h->mode == MODE_RELEASED) {
        home_ask_partner(h, event, actions);
    } else if (h->mode == MODE_STANDBY && home_is_named(h) &&
               event->now_ms - h->holder_heard_ms >= h->failure_detection_ms) {
        home_change_mode(h, CAUSE_SILENCE, actions);
    } else if (h->mode == MODE_SERVING && home_pairs_anew(h)) {
        home_ask_to_part(h, event, actions);
    } else {
        home_end_handover(h, event->now_ms, actions);
    }
}

/* --- what others say --- */

bool home_believes(const struct home *h, struct term term, uint64_t seen)
{
    uint64_t highest = larger(term.number, seen);
    if (highest > h->seen && highest - h->seen > HOME_LEAP_MAX)
        return false;
    return term_is_none(term) || h->hold.pools[term_side(term)][0];
}

enum failure home_disbelieve(const struct home *h, const char *who, struct term term, uint64_t seen,
                             struct error *e)
{
    return fail(e, FAIL_INVALID,
                "%s speaks of term %" PRIu64 " and number %" PRIu64
                " of the home %s, which can't be: the highest known here is %" PRIu64 ".",
                who, term.number, seen, h->name, h->seen);
}

static void note_holder(struct home *h, const char *pool, uint64_t now_ms,
                        struct home_actions *actions)
{
    if (strcmp(pool, hold_holder(&h->hold)) != 0)
        return;
    h->holder_heard_ms = now_ms;
    if (h->mode == MODE_RESILIENCY)
        home_change_mode(h, CAUSE_HEARD, actions);
}

void home_weigh(struct home *h, struct term heard, bool elsewhere, uint64_t dice,
                struct home_actions *actions)
{
    assert(heard.number > h->hold.term.number);
    if (term_side(heard) == h->side) {
        if (h->mode != MODE_REJOINING)
            home_rejoin(h, CAUSE_FORGOTTEN, dice, actions); /* rule 10 */
    } else if (elsewhere || !home_holds(h)) {
        home_step_down(h, heard, actions);
    } else if (h->mode == MODE_SERVING) {
        home_open_term(h, CAUSE_MET, home_next_term(h, dice), actions); /* rule 9 */
    }
}

static enum failure on_heard(struct home *h, const struct home_event *event,
                             struct home_actions *actions, struct error *e)
{
    const char *pool = event->heard.pool;
    struct term term = event->heard.term;
    if (!home_believes(h, term, event->heard.seen))
        return home_disbelieve(h, pool, term, event->heard.seen, e);
    bool partner = is_partner(h, pool);
    home_see(h, larger(event->heard.seen, term.number));
    note_holder(h, pool, event->now_ms, actions);
    if (partner && event->heard.serves)
        h->refills = false; /* the question that began it was an old one */
    if (partner)
        home_meet(h, event->now_ms, actions);
    if (h->decision.under_way || h->store_lost || !home_is_named(h))
        return OK;
    /* Only the partner itself can say that it does not serve, … */
    if (term.number > h->hold.term.number)
        home_weigh(h, term, event->heard.serves || !partner, event->dice, actions);
    /* … and only the holder that it opened the same number anew. */
    else if (term.number == h->hold.term.number && term.tag != h->hold.term.tag && partner &&
             event->heard.serves && term_side(term) != h->side)
        home_step_down(h, term, actions);
    return OK;
}

/* --- what people ask for --- */

static enum failure refuse(enum failure kind, struct error *e)
{
    if (e)
        error_kept(e, "Nothing was changed.");
    return kind;
}

static enum failure on_create(struct home *h, const struct home_event *event,
                              struct home_actions *actions, struct error *e)
{
    if (h->decision.under_way)
        return refuse(
            fail(e, FAIL_BUSY, "The home %s is being decided on right now; try again.", h->name),
            e);
    if (home_is_known(h) || h->seen > 0) {
        fail(e, FAIL_REFUSED,
             "The home %s exists already: term %" PRIu64 " is known of it, and a home is created "
             "once.",
             h->name, h->seen);
        return refuse(FAIL_REFUSED, e);
    }
    home_open_term(h, CAUSE_CREATED, home_next_term(h, event->dice), actions);
    return OK;
}

static void explain_unforced(const struct home *h, struct error *e)
{
    if (h->mode == MODE_REJOINING || h->mode == MODE_RELEASED || home_pairs_anew(h))
        home_explain(h, e);
    else
        fail(e, FAIL_REFUSED, "The home %s is %s at %s, not Rejoining.", h->name,
             mode_name(h->mode), home_self(h));
}

/* What a term is opened by on an administrator's word; or why that is not enough. */
static enum failure weigh_force(const struct home *h, uint64_t now_ms, enum cause *cause,
                                struct error *e)
{
    bool silent = now_ms - h->partner_heard_ms >= h->failure_detection_ms;
    bool able = !h->store_lost && !h->stopped;
    if (h->decision.under_way)
        return refuse(
            fail(e, FAIL_BUSY, "The home %s is being decided on right now; try again.", h->name),
            e);
    if (h->mode == MODE_SERVING && home_pairs_anew(h) && silent && !h->store_lost) {
        *cause = CAUSE_PAIRED;
    } else if (h->mode == MODE_RELEASED && silent && able) {
        *cause = CAUSE_TAKES;
    } else if (h->mode == MODE_REJOINING && able && (home_is_known(h) || h->seen > 0)) {
        *cause = CAUSE_FORCED;
    } else {
        if (e)
            explain_unforced(h, e);
        return refuse(FAIL_REFUSED, e);
    }
    return OK;
}

enum failure home_check_force(const struct home *h, bool started, uint64_t now_ms, struct error *e)
{
    struct home as_if = *h;
    enum cause cause;
    if (started)
        as_if.stopped = false;
    return weigh_force(&as_if, now_ms, &cause, e);
}

static enum failure on_force(struct home *h, const struct home_event *event,
                             struct home_actions *actions, struct error *e)
{
    enum cause cause;
    enum failure bad = weigh_force(h, event->now_ms, &cause, e);
    if (bad)
        return bad;
    home_open_term(h, cause, home_next_term(h, event->dice), actions);
    if (cause == CAUSE_TAKES)
        h->decision.wanted.alone = true;
    return OK;
}

/* Only a copy follows anybody's lineage; a holder makes its own. */
static enum failure on_follow(struct home *h, const struct home_event *event,
                              struct home_actions *actions, struct error *e)
{
    if (h->decision.under_way || h->store_lost)
        return fail(e, FAIL_BUSY, "The home %s is being decided on right now.", h->name);
    if (!home_is_known(h) || mode_rights(h->hold.mode)->holder)
        return fail(e, FAIL_REFUSED, "The home %s follows nobody here.", h->name);
    struct hold *wanted = home_decide(h, h->hold.mode, CAUSE_HEARD, actions);
    wanted->alone = h->hold.alone;
    wanted->lineage = *event->lineage;
    h->decision.keeps_mode = true;
    home_ask_anew(h, event->dice); /* it is another copy than the one that asked */
    return OK;
}

/* What it holds it goes on holding, as after a restart: only the partner's take ends that. */
static void on_stop(struct home *h, const struct home_event *event, struct home_actions *actions)
{
    h->stopped = true;
    if (home_holds(h) || h->mode == MODE_REJOINING)
        home_rejoin(h, CAUSE_STOPPED, event->dice, actions);
}

/* --- what the store says --- */

static void on_stored(struct home *h, const struct home_event *event, struct home_actions *actions)
{
    assert(h->decision.under_way);
    struct term before = h->hold.term;
    bool opens = hold_opens_term(before, &h->decision.wanted);
    h->hold = h->decision.wanted;
    h->decision.under_way = false;
    h->retry_ms = 0;
    home_see(h, h->hold.seen);
    if (opens)
        lineage_open(&h->hold.lineage, h->hold.term, event->began);
    /* A right to serve comes too late after a sleep or a stop, or on a store that is lost. */
    bool serves = mode_rights(h->hold.mode)->holder;
    bool late =
        serves && (h->store_lost || h->stopped || (h->decision.overtaken && home_is_paired(h)));
    if (late) {
        if (h->mode != MODE_REJOINING)
            h->mode = h->hold.mode; /* for no moment that anybody sees */
        home_rejoin(h, CAUSE_RESTARTED, event->dice, actions);
    } else if (!h->decision.keeps_mode) {
        enum mode from = h->mode;
        h->mode = h->hold.mode;
        if (h->mode == MODE_RELEASED && from != MODE_RELEASED)
            home_ask_anew(h, event->dice);
        if (!h->decision.announced && (h->mode != from || !term_equal(before, h->hold.term)))
            home_announce(actions, from, h->decision.cause);
    }
    if (h->decision.answer_due)
        home_answer_granted(h, event->now_ms, actions);
    if (h->decision.comply_due)
        home_comply(h, actions);
}

static void on_not_stored(struct home *h, const struct home_event *event,
                          struct home_actions *actions)
{
    assert(h->decision.under_way);
    h->decision.under_way = false;
    h->retry_ms = event->now_ms + HOME_RETRY_MS;
    if (h->decision.answer_due) {
        home_act(actions, ACTION_ANSWER)->answer =
            (struct home_answer){.nonce = h->granted.nonce, .verdict = VERDICT_WAIT};
        h->granted = (struct home_answer){0};
    }
    if (h->decision.comply_due)
        home_comply(h, actions);
    if (h->mode == MODE_STANDBY && mode_rights(h->hold.mode)->holder)
        home_rejoin(h, CAUSE_NOT_STORED, event->dice, actions);
}

static void on_store_lost(struct home *h, struct home_actions *actions)
{
    h->store_lost = true;
    if (home_holds(h))
        home_change_mode(h, CAUSE_STORE_FAILED, actions);
}

enum failure home_step(struct home *h, const struct home_event *event, struct home_actions *actions,
                       struct error *e)
{
    assert(event->now_ms >= h->tick_ms && event->dice != 0);
    actions->count = 0;
    enum failure bad = OK;
    switch (event->kind) {
    case HOME_TICK: on_tick(h, event, actions); break;
    case HOME_HEARD: bad = on_heard(h, event, actions, e); break;
    case HOME_ASKED: bad = home_on_asked(h, event, actions, e); break;
    case HOME_ANSWERED: bad = home_on_answered(h, event, actions, e); break;
    case HOME_CREATE: bad = on_create(h, event, actions, e); break;
    case HOME_FORCE: bad = on_force(h, event, actions, e); break;
    case HOME_STOP: on_stop(h, event, actions); break;
    case HOME_START: h->stopped = false; break;
    case HOME_PART: bad = home_on_part(h, actions, e); break;
    case HOME_FOLLOW: bad = on_follow(h, event, actions, e); break;
    case HOME_DEMANDED: bad = home_on_demanded(h, event, actions, e); break;
    case HOME_TAKE: bad = home_on_take(h, event, actions, e); break;
    case HOME_STORED: on_stored(h, event, actions); break;
    case HOME_NOT_STORED: on_not_stored(h, event, actions); break;
    case HOME_STORE_LOST: on_store_lost(h, actions); break;
    }
    assert(!home_holds(h) || mode_rights(h->hold.mode)->holder);
    return bad;
}
