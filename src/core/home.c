#include "core/home.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct home {
    char name[HOME_NAME_SIZE];
    enum side side;
    uint32_t failure_detection_ms;

    struct hold hold; /* durable; revision 0: none */
    enum mode mode;   /* now: never more than the durable record allows */

    bool deciding; /* `wanted` is on its way to the store */
    struct hold wanted;
    enum cause cause; /* why */
    bool announced;   /* rights ended with the decision, and that is told already */
    bool answer_due;  /* … and the partner gets `answer` once it is durable */
    struct home_answer answer;

    uint64_t nonce;            /* of this start */
    enum home_verdict verdict; /* the partner's last */
    uint64_t seen;
    uint64_t tick_ms;          /* the last tick */
    uint64_t partner_heard_ms; /* or when we started to listen */
    uint64_t holder_heard_ms;  /* the same */
};

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
    return h->deciding ? &h->wanted : &h->hold;
}

bool home_deciding(const struct home *h)
{
    return h->deciding;
}

const char *home_partner(const struct home *h)
{
    return h->hold.pools[side_other(h->side)];
}

uint64_t home_seen(const struct home *h)
{
    return h->seen;
}

static bool paired(const struct home *h)
{
    return home_partner(h)[0] != '\0';
}

static bool known(const struct home *h)
{
    return h->hold.revision > 0;
}

static uint64_t larger(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

static void see(struct home *h, uint64_t number)
{
    h->seen = larger(h->seen, number);
}

uint64_t home_lease_ms(const struct home *h)
{
    if (!mode_rights(h->mode)->changes)
        return 0;
    return paired(h) ? h->tick_ms + h->failure_detection_ms : UINT64_MAX;
}

struct home *home_new(const struct home_options *options, const struct hold *hold, uint64_t now_ms,
                      uint64_t dice)
{
    assert(dice != 0 && options->failure_detection_ms > HOME_TICK_MS);
    struct home *h = xcalloc(1, sizeof *h);
    snprintf(h->name, sizeof h->name, "%s", options->name);
    h->side = options->side;
    h->failure_detection_ms = options->failure_detection_ms;
    if (hold) {
        assert(hold->revision > 0 && strcmp(hold->home, options->name) == 0);
        h->hold = *hold;
        bool legal = mode_after(hold->mode, CAUSE_RESTARTED, &h->mode);
        assert(legal);
    } else {
        h->mode = MODE_REJOINING; /* rule 11 */
        snprintf(h->hold.home, sizeof h->hold.home, "%s", options->name);
        for (int i = 0; i < SIDES; i++)
            snprintf(h->hold.pools[i], FQDN_SIZE, "%s", options->pools[i] ? options->pools[i] : "");
    }
    h->seen = h->hold.seen;
    h->nonce = dice;
    h->tick_ms = h->partner_heard_ms = h->holder_heard_ms = now_ms;
    return h;
}

void home_free(struct home *h)
{
    free(h);
}

static struct home_action *act(struct home_actions *actions, enum home_action_kind kind)
{
    assert(actions->count < HOME_ACTIONS_MAX);
    struct home_action *a = &actions->list[actions->count++];
    a->kind = kind;
    return a;
}

static void change_mode(struct home *h, enum cause cause, struct home_actions *actions)
{
    enum mode from = h->mode;
    bool legal = mode_after(from, cause, &h->mode);
    assert(legal);
    struct home_action *a = act(actions, ACTION_CHANGED);
    a->changed.from = from;
    a->changed.cause = cause;
}

/* Starts a decision; the caller goes on to fill in what the record shall say. */
static struct hold *decide(struct home *h, enum mode mode, enum cause cause,
                           struct home_actions *actions)
{
    assert(!h->deciding);
    h->wanted = h->hold;
    h->wanted.mode = mode;
    h->wanted.seen = h->seen;
    h->wanted.alone = false;
    h->wanted.revision++;
    h->cause = cause;
    h->deciding = true;
    h->announced = h->answer_due = false;
    act(actions, ACTION_PERSIST);
    return &h->wanted;
}

static enum mode after(const struct home *h, enum cause cause)
{
    enum mode to = h->mode;
    bool legal = mode_after(h->mode, cause, &to);
    assert(legal);
    return to;
}

/* Every start of serving opens a new term (rule 2). Where it begins, only the store can say. */
static void open_term(struct home *h, enum cause cause, uint64_t number, uint64_t dice,
                      struct home_actions *actions)
{
    assert(number > h->hold.term.number);
    see(h, number);
    struct hold *wanted = decide(h, after(h, cause), cause, actions);
    wanted->term = (struct term){.number = number, .tag = dice};
    assert(term_side(wanted->term) == h->side);
    wanted->alone = (cause == CAUSE_FORCED || cause == CAUSE_ALONE) && paired(h);
}

static uint64_t next_number(const struct home *h)
{
    return term_number_above(h->side, h->seen);
}

/* Rights end here, the record follows. */
static void step_down(struct home *h, struct term term, struct home_actions *actions)
{
    decide(h, MODE_STANDBY, CAUSE_SUPERSEDED, actions)->term = term;
    h->announced = h->mode != MODE_STANDBY;
    if (h->announced)
        change_mode(h, CAUSE_SUPERSEDED, actions);
}

/* Somebody else holds `term`. */
static void stand_by(struct home *h, struct term term, struct home_actions *actions)
{
    assert(term_side(term) != h->side);
    see(h, term.number);
    step_down(h, term, actions);
}

/* This process may have been superseded without hearing of it, so it asks (rules 7 and 8). */
static void rejoin(struct home *h, uint64_t dice, struct home_actions *actions)
{
    h->nonce = dice;
    h->verdict = VERDICT_WAIT;
    if (h->mode != MODE_REJOINING)
        change_mode(h, CAUSE_RESTARTED, actions);
}

static void seek_grant(struct home *h, const struct home_event *event, struct home_actions *actions)
{
    if (!paired(h)) {
        if (known(h))
            open_term(h, CAUSE_UNPAIRED, next_number(h), event->dice, actions);
        return;
    }
    if (h->hold.alone && event->now_ms - h->partner_heard_ms >= h->failure_detection_ms) {
        open_term(h, CAUSE_ALONE, next_number(h), event->dice, actions);
        return;
    }
    struct home_action *a = act(actions, ACTION_ASK);
    a->question = (struct home_question){.nonce = h->nonce, .term = h->hold.term, .seen = h->seen};
}

static void on_tick(struct home *h, const struct home_event *event, struct home_actions *actions)
{
    uint64_t gap = event->now_ms - h->tick_ms;
    h->tick_ms = event->now_ms;
    if (gap >= h->failure_detection_ms) {
        /* Silence that we slept through was no silence of the others. */
        h->partner_heard_ms = h->holder_heard_ms = event->now_ms;
        if (mode_rights(h->mode)->holder && paired(h))
            rejoin(h, event->dice, actions);
    }
    if (h->deciding)
        return;
    if (h->mode == MODE_REJOINING)
        seek_grant(h, event, actions);
    else if (h->mode == MODE_STANDBY &&
             event->now_ms - h->holder_heard_ms >= h->failure_detection_ms)
        change_mode(h, CAUSE_SILENCE, actions);
}

static void note_who_is_there(struct home *h, const char *pool, uint64_t now_ms,
                              struct home_actions *actions)
{
    if (strcmp(pool, home_partner(h)) != 0)
        return;
    h->partner_heard_ms = now_ms;
    if (strcmp(pool, hold_holder(&h->hold)) == 0) {
        h->holder_heard_ms = now_ms;
        if (h->mode == MODE_RESILIENCY)
            change_mode(h, CAUSE_HEARD, actions);
    }
}

/* Compares what we hold with a term that somebody knows. `elsewhere`: it may be served there. */
static void weigh(struct home *h, struct term heard, bool elsewhere, uint64_t dice,
                  struct home_actions *actions)
{
    struct term mine = h->hold.term;
    if (heard.number < mine.number || term_equal(heard, mine))
        return;
    if (term_side(heard) == h->side) {
        /* We opened it once, and our store has forgotten: it is not what the partner knows. */
        if (mode_rights(h->mode)->holder)
            rejoin(h, dice, actions);
    } else if (elsewhere || !mode_rights(h->mode)->holder) {
        stand_by(h, heard, actions);
    } else if (h->mode == MODE_SERVING) {
        open_term(h, CAUSE_MET, next_number(h), dice, actions); /* rule 9 */
    }
}

static void on_heard(struct home *h, const struct home_event *event, struct home_actions *actions)
{
    bool partner = strcmp(event->heard.pool, home_partner(h)) == 0;
    see(h, larger(event->heard.seen, event->heard.term.number));
    note_who_is_there(h, event->heard.pool, event->now_ms, actions);
    if (h->deciding || term_is_none(event->heard.term))
        return;
    /* Only the partner itself can say that it does not serve. */
    weigh(h, event->heard.term, event->heard.serves || !partner, event->dice, actions);
    if (!h->deciding && h->hold.alone && partner && mode_rights(h->mode)->holder)
        decide(h, h->mode, CAUSE_HEARD, actions); /* they have met: no longer alone */
}

static void answer(struct home_actions *actions, struct home_answer text)
{
    act(actions, ACTION_ANSWER)->answer = text;
}

/* The number is durable here before the partner hears of it (rule 8). */
static void grant(struct home *h, const struct home_question *asked, struct home_actions *actions)
{
    enum side asker = side_other(h->side);
    see(h, larger(asked->seen, asked->term.number));
    uint64_t number = term_number_above(asker, h->seen);
    see(h, number);
    step_down(h, asked->term, actions);
    h->answer_due = true;
    h->answer =
        (struct home_answer){.nonce = asked->nonce, .verdict = VERDICT_GRANTED, .number = number};
    if (h->mode != MODE_STANDBY)
        change_mode(h, CAUSE_SUPERSEDED, actions);
}

static void on_asked(struct home *h, const struct home_event *event, struct home_actions *actions)
{
    const struct home_question *asked = &event->asked;
    struct home_answer reply = {.nonce = asked->nonce, .verdict = VERDICT_WAIT};
    bool asker_knows = !term_is_none(asked->term);
    note_who_is_there(h, home_partner(h), event->now_ms, actions);
    see(h, asked->seen);

    bool serves = mode_rights(h->mode)->holder;
    if (h->deciding || (asker_knows && term_side(asked->term) == h->side)) {
        answer(actions, reply);
    } else if (serves && asked->term.number > h->hold.term.number) {
        weigh(h, asked->term, false, event->dice, actions);
        answer(actions, reply);
    } else if (!known(h) && !asker_knows) {
        reply.verdict = VERDICT_UNKNOWN;
        answer(actions, reply);
    } else if (asked->term.number >= h->hold.term.number) {
        grant(h, asked, actions);
    } else {
        bool mine = term_side(h->hold.term) == h->side;
        reply.verdict = mine ? VERDICT_SUPERSEDED : VERDICT_REFILL;
        reply.term = h->hold.term;
        answer(actions, reply);
    }
}

static void on_answered(struct home *h, const struct home_event *event,
                        struct home_actions *actions)
{
    const struct home_answer *got = &event->answered;
    if (got->nonce != h->nonce || h->mode != MODE_REJOINING || h->deciding)
        return;
    h->partner_heard_ms = event->now_ms;
    h->verdict = got->verdict;
    if (got->verdict == VERDICT_GRANTED && known(h)) {
        if (got->number > h->hold.term.number && got->number % 2 == (h->side == SIDE_HOME ? 0 : 1))
            open_term(h, CAUSE_GRANTED, got->number, event->dice, actions);
    } else if (got->verdict == VERDICT_SUPERSEDED) {
        if (got->term.number > h->hold.term.number && term_side(got->term) != h->side)
            stand_by(h, got->term, actions);
    }
}

static enum failure on_create(struct home *h, const struct home_event *event,
                              struct home_actions *actions, struct error *e)
{
    if (h->deciding || known(h) || h->seen > 0) {
        fail(e, FAIL_REFUSED, "The home %s exists already: term %" PRIu64 " is known of it.",
             h->name, larger(h->seen, h->wanted.term.number));
        if (e)
            error_kept(e, "It was left as it is: a home is created once.");
        return FAIL_REFUSED;
    }
    open_term(h, CAUSE_CREATED, next_number(h), event->dice, actions);
    return OK;
}

static enum failure on_force(struct home *h, const struct home_event *event,
                             struct home_actions *actions, struct error *e)
{
    if (h->deciding)
        return fail(e, FAIL_BUSY, "The home %s is being decided on right now; try again.", h->name);
    if (h->mode != MODE_REJOINING) {
        fail(e, FAIL_REFUSED, "The home %s is %s here, not Rejoining.", h->name,
             mode_name(h->mode));
        if (e)
            error_kept(e, "Nothing was changed.");
        return FAIL_REFUSED;
    }
    if (!known(h) && h->seen == 0) {
        fail(e, FAIL_REFUSED, "Nobody that can be reached knows of a home %s.", h->name);
        if (e) {
            error_kept(e, "Nothing was changed.");
            error_next(e, "A home comes into being when the topology is published: "
                          "Publish-CsTopology -FileName FILE");
        }
        return FAIL_REFUSED;
    }
    open_term(h, CAUSE_FORCED, next_number(h), event->dice, actions);
    return OK;
}

static void on_stored(struct home *h, uint64_t head, struct home_actions *actions)
{
    assert(h->deciding);
    struct term before = h->hold.term;
    bool opens = hold_opens_term(before, &h->wanted);
    h->hold = h->wanted;
    h->deciding = false;
    if (opens)
        lineage_open(&h->hold.lineage, h->hold.term, head);
    enum mode from = h->mode;
    h->mode = h->wanted.mode;
    if (!h->announced && (h->mode != from || !term_equal(before, h->hold.term))) {
        struct home_action *a = act(actions, ACTION_CHANGED);
        a->changed.from = from;
        a->changed.cause = h->cause;
    }
    if (h->answer_due)
        answer(actions, h->answer);
    h->answer_due = false;
}

static void on_not_stored(struct home *h, struct home_actions *actions)
{
    assert(h->deciding);
    h->deciding = false;
    if (h->answer_due)
        answer(actions, (struct home_answer){.nonce = h->answer.nonce, .verdict = VERDICT_WAIT});
    h->answer_due = false;
}

enum failure home_step(struct home *h, const struct home_event *event, struct home_actions *actions,
                       struct error *e)
{
    assert(event->now_ms >= h->tick_ms && event->dice != 0);
    actions->count = 0;
    switch (event->kind) {
    case HOME_TICK: on_tick(h, event, actions); break;
    case HOME_HEARD: on_heard(h, event, actions); break;
    case HOME_ASKED: on_asked(h, event, actions); break;
    case HOME_ANSWERED: on_answered(h, event, actions); break;
    case HOME_CREATE: return on_create(h, event, actions, e);
    case HOME_FORCE: return on_force(h, event, actions, e);
    case HOME_STORED: on_stored(h, event->head, actions); break;
    case HOME_NOT_STORED: on_not_stored(h, actions); break;
    }
    assert(!mode_rights(h->mode)->holder || mode_rights(h->hold.mode)->holder);
    return OK;
}

void home_explain(const struct home *h, struct error *e)
{
    const char *partner = home_partner(h);
    if (!known(h) && h->seen == 0) {
        fail(e, FAIL_NOT_FOUND, "The home %s was never created, as far as anybody here knows.",
             h->name);
        error_next(e, "Publish the topology on the pool that is to hold the Central Management "
                      "Store: Publish-CsTopology -FileName FILE");
    } else if (!known(h) || h->verdict == VERDICT_REFILL) {
        fail(e, FAIL_REFUSED,
             "This store knows %s of the home %s than its partner does: it is empty or was "
             "restored from an older copy, and is not served from.",
             known(h) ? "less" : "nothing, and so less,", h->name);
        error_next(e,
                   "Put the right store back; or, to serve what is here and give up the rest: "
                   "Start-CsPool -PoolFqdn %s -Force",
                   h->hold.pools[h->side]);
    } else {
        fail(e, FAIL_REFUSED,
             "The home %s waits for %s to confirm that it has not taken it over meanwhile.",
             h->name, partner);
        error_next(e,
                   "This ends by itself once %s answers. If it is lost, and nobody else serves "
                   "this home: Start-CsPool -PoolFqdn %s -Force",
                   partner, h->hold.pools[h->side]);
    }
}
