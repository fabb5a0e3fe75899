#include "core/handover.h"

#include <inttypes.h>
#include <string.h>

#include "core/home_inside.h"
#include "core/pace.h"

static const char *const names[DEMANDS] = {
    [DEMAND_LOOK] = "look",   [DEMAND_REHEARSE] = "rehearse", [DEMAND_CLOSE] = "close",
    [DEMAND_DRAIN] = "drain", [DEMAND_RELEASE] = "release",   [DEMAND_CANCEL] = "cancel",
};

/* clang-format off */
static const struct handover_rule rules[] = {
    {DEMAND_CLOSE,   MODE_SERVING,  false, CAUSE_CLOSED},
    {DEMAND_CLOSE,   MODE_CLOSING,  true,  CAUSE_CLOSED},
    {DEMAND_DRAIN,   MODE_SERVING,  false, CAUSE_DRAINED},
    {DEMAND_DRAIN,   MODE_CLOSING,  false, CAUSE_DRAINED},
    {DEMAND_DRAIN,   MODE_DRAINING, true,  CAUSE_DRAINED},
    {DEMAND_RELEASE, MODE_DRAINING, false, CAUSE_RELEASED},
    {DEMAND_RELEASE, MODE_RELEASED, true,  CAUSE_RELEASED},
    {DEMAND_CANCEL,  MODE_CLOSING,  false, CAUSE_ROLLED_BACK},
    {DEMAND_CANCEL,  MODE_DRAINING, false, CAUSE_ROLLED_BACK},
    {DEMAND_CANCEL,  MODE_SERVING,  true,  CAUSE_ROLLED_BACK},
};
/* clang-format on */

const char *demand_name(enum home_demand demand)
{
    return names[demand];
}

bool demand_named(const char *name, enum home_demand *demand)
{
    for (int i = 0; i < DEMANDS; i++) {
        if (strcmp(name, names[i]) == 0) {
            *demand = (enum home_demand)i;
            return true;
        }
    }
    return false;
}

bool home_waits_for_start(const struct home_standing *standing)
{
    return standing->mode == MODE_REJOINING && standing->stopped;
}

bool home_point_equal(const struct home_point *a, const struct home_point *b)
{
    bool equal = a->usn == b->usn;
    for (int m = 0; m < MODULES; m++)
        equal = equal && digest_equal(&a->digests[m], &b->digests[m]);
    return equal;
}

/* Where nothing is known, the first batch trusts in a careful rate (core/pace.h), and so may we for
 * what fits into it. */
bool handover_copy_ms(const struct handover_outlook *outlook, uint64_t *ms)
{
    uint64_t bytes = outlook->uncopied_bytes, rate = outlook->bytes_each_s;
    bool known = rate || bytes <= PACE_FIRST_BYTES;
    if (!rate)
        rate = (uint64_t)PACE_FIRST_BYTES * 1000 / PACE_AIM_MS;
    *ms = bytes / rate * 1000 + bytes % rate * 1000 / rate;
    return known;
}

const struct handover_rule *handover_rule(enum home_demand demand, enum mode from)
{
    for (size_t i = 0; i < COUNT_OF(rules); i++) {
        if (rules[i].demand == demand && rules[i].from == from)
            return &rules[i];
    }
    return NULL;
}

/* --- the holder --- */

void home_comply(const struct home *h, struct home_actions *actions)
{
    home_act(actions, ACTION_COMPLIED)->durable = h->hold.mode == h->mode;
}

static enum failure refuse(struct error *e, enum failure kind)
{
    if (e)
        error_kept(e, "Nothing was changed there.");
    return kind;
}

static bool is_under_way(const struct home *h)
{
    return h->mode == MODE_CLOSING || h->mode == MODE_DRAINING || h->mode == MODE_RELEASED;
}

/* The one question of rule 5: is it the hand-over that is under way, or a new one? */
static enum failure check_name(const struct home *h, const struct home_demanded *asked,
                               struct error *e)
{
    struct term to = asked->to;
    if (term_is_none(to) || term_side(to) == h->side || !home_believes(h, to, 0))
        return fail(e, FAIL_INVALID, "No other pool can open that term of the home %s.", h->name);
    if (is_under_way(h) && !term_equal(to, h->demanded.to))
        return fail(e, FAIL_REFUSED, "Another hand-over of the home %s is under way.", h->name);
    bool begins = asked->demand == DEMAND_CLOSE || asked->demand == DEMAND_DRAIN;
    if (!is_under_way(h) && begins && to.number <= h->seen)
        return fail(e, FAIL_CONFLICT,
                    "Term %" PRIu64 " of the home %s can't be opened: number %" PRIu64 " is known.",
                    to.number, h->name, h->seen);
    return OK;
}

/* Called off, or over: whoever was to take says nothing any more, and has not been released to. A
 * store that never kept that changes stop, a full one, need not keep that they go on. */
static void roll_back(struct home *h, struct home_actions *actions)
{
    bool may_serve = mode_rights(h->hold.mode)->changes;
    home_decide(h, MODE_SERVING, CAUSE_ROLLED_BACK, actions);
    h->decision.announced = may_serve;
    if (may_serve)
        home_change_mode(h, CAUSE_ROLLED_BACK, actions);
}

static void go_on(struct home *h, const struct home_demanded *asked, enum cause cause,
                  struct home_actions *actions)
{
    if (asked->demand == DEMAND_CANCEL) {
        roll_back(h, actions);
        return;
    }
    struct hold *wanted = home_decide(h, home_after(h, cause), cause, actions);
    wanted->to = asked->to;
    if (asked->to.number > wanted->seen)
        wanted->seen = asked->to.number;
    wanted->released = asked->demand == DEMAND_RELEASE ? asked->point.usn : 0;
    h->demanded = *asked;
    if (asked->demand == DEMAND_DRAIN) { /* rights end here, whatever the store says */
        home_see(h, asked->to.number);
        h->decision.announced = true;
        home_change_mode(h, cause, actions);
    }
}

enum failure home_on_demanded(struct home *h, const struct home_event *event,
                              struct home_actions *actions, struct error *e)
{
    const struct home_demanded *asked = &event->demanded;
    if (asked->demand == DEMAND_LOOK || asked->demand == DEMAND_REHEARSE) {
        home_comply(h, actions);
        return OK;
    }
    if (h->decision.under_way) {
        fail(e, FAIL_BUSY, "The home %s is being decided on right now.", h->name);
        return refuse(e, FAIL_BUSY);
    }
    const struct handover_rule *rule = handover_rule(asked->demand, h->mode);
    if (!rule) {
        fail(e, FAIL_REFUSED, "The home %s is %s at %s: there is nothing to %s.", h->name,
             mode_name(h->mode), home_self(h), demand_name(asked->demand));
        if (e && h->stopped) /* in the middle of it, perhaps */
            home_explain(h, e);
        return refuse(e, FAIL_REFUSED);
    }
    enum failure bad = check_name(h, asked, e);
    if (bad)
        return refuse(e, bad);
    h->handed_until_ms = event->now_ms + HANDOVER_HOLD_MS;
    if (asked->demand == DEMAND_CANCEL)
        home_see(h, asked->to.number); /* a Drain that is still on its way comes too late */
    if (rule->again) {
        home_comply(h, actions);
        return OK;
    }
    if (asked->demand == DEMAND_RELEASE && asked->point.usn > event->head) {
        fail(e, FAIL_REFUSED,
             "The home %s has come to change %" PRIu64 " here, not to %" PRIu64 ".", h->name,
             event->head, asked->point.usn);
        return refuse(e, FAIL_REFUSED);
    }
    go_on(h, asked, rule->cause, actions);
    h->decision.comply_due = true;
    return OK;
}

void home_end_handover(struct home *h, uint64_t now_ms, struct home_actions *actions)
{
    bool waits = h->mode == MODE_CLOSING || h->mode == MODE_DRAINING;
    if (waits && now_ms >= h->handed_until_ms)
        roll_back(h, actions);
}

const struct home_demanded *home_releasing(const struct home *h)
{
    bool releases = h->decision.under_way && h->decision.wanted.mode == MODE_RELEASED;
    return releases ? &h->demanded : NULL;
}

/* --- the taker --- */

void home_intend(struct home *h, bool intends)
{
    h->intends = intends;
}

struct term home_next_term(const struct home *h, uint64_t dice)
{
    return (struct term){.number = home_next_number(h), .tag = dice};
}

/* A grant that is still on its way would let the partner serve beside us (rule 8). */
static bool grant_may_be_out(const struct home *h, uint64_t now_ms)
{
    return now_ms <= h->grant_out_until_ms;
}

static enum failure check_take(const struct home *h, const struct home_event *event,
                               struct error *e)
{
    struct term to = event->take.to;
    enum mode mode;
    if (h->decision.under_way)
        return fail(e, FAIL_BUSY, "The home %s is being decided on right now.", h->name);
    if (h->stopped || h->store_lost) {
        const char *self = h->hold.pools[h->side];
        fail(e, FAIL_REFUSED, "%s can't serve the home %s: %s.", self, h->name,
             h->stopped ? "it was stopped" : "its store keeps nothing");
        if (e && h->stopped)
            error_next(e, "Start-CsPool -PoolFqdn %s", self);
        return FAIL_REFUSED;
    }
    if (!home_is_known(h) || !mode_after(h->mode, CAUSE_TAKES, &mode))
        return fail(e, FAIL_REFUSED, "The home %s is %s at %s, and can't be taken so.", h->name,
                    mode_name(h->mode), home_self(h));
    if (term_is_none(to) || !home_believes(h, to, 0) || term_side(to) != h->side ||
        to.number < h->seen || to.number <= h->hold.term.number)
        return fail(e, FAIL_CONFLICT, "A later number of the home %s is known by now: %" PRIu64 ".",
                    h->name, h->seen);
    if (event->take.alone && grant_may_be_out(h, event->now_ms))
        return fail(e, FAIL_BUSY,
                    "The partner was told a moment ago that it may serve the home %s.", h->name);
    return OK;
}

/* The number is what was agreed on, and the tag a new one: a store that forgets that it took may
 * come to take once more (rule 2). */
static void take(struct home *h, const struct home_event *event, uint64_t number, bool alone,
                 struct home_actions *actions)
{
    home_open_term(h, CAUSE_TAKES, (struct term){.number = number, .tag = event->dice}, actions);
    h->decision.wanted.alone = alone;
}

enum failure home_on_take(struct home *h, const struct home_event *event,
                          struct home_actions *actions, struct error *e)
{
    enum failure bad = check_take(h, event, e);
    if (bad)
        return bad;
    take(h, event, event->take.to.number, event->take.alone, actions);
    return OK;
}

bool home_may_be_released_to(const struct home *h, const struct home_question *asked)
{
    return !term_is_none(asked->term) && term_side(asked->term) != h->side &&
           term_side(asked->to) == h->side && asked->to.number > asked->term.number;
}

/* Of the history that the partner gave away, and not of another one that came as far. */
static bool has_what_was_released(const struct home *h, const struct home_event *event)
{
    const struct home_question *asked = &event->asked.question;
    return event->asked.own_upto >= asked->head &&
           lineage_covers(&h->hold.lineage, event->asked.own_upto, &asked->lineage, asked->head);
}

/* The partner has released, and says so until it is answered (rule 6). Whatever this pool's own
 * journal says, it takes once its copy has all of it; what it was told meanwhile, or its
 * administrator, may be against it: then it declines, durably, by granting another number. So does
 * a pool that has forgotten a term of its own, and would wait for a grant itself (rule 10). */
enum released_verdict home_weigh_released(const struct home *h, const struct home_event *event)
{
    const struct home_question *asked = &event->asked.question;
    bool follows = term_equal(h->hold.term, asked->term);
    enum mode mode;
    if (home_holds(h))
        return RELEASED_WAIT; /* two that meet: heartbeats decide that (rule 9) */
    if (h->stopped || asked->to.number < h->seen || (follows && h->mode == MODE_REJOINING))
        return RELEASED_DECLINE;
    if (!follows)
        return RELEASED_FOLLOW; /* the same number with another tag, too: it is the holder's word */
    bool may = mode_after(h->mode, CAUSE_TAKES, &mode);
    return may && has_what_was_released(h, event) ? RELEASED_TAKE : RELEASED_WAIT;
}

void home_take_released(struct home *h, const struct home_event *event,
                        struct home_actions *actions)
{
    take(h, event, event->asked.question.to.number, false, actions);
}
