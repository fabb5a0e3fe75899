/* Coming back: the question of a pool that may serve no more until its partner says so, and how the
 * partner answers it (protocol, rules 6 and 8 to 11). */
#include "core/home_inside.h"

/* --- asking --- */

void home_ask_anew(struct home *h, uint64_t dice)
{
    h->nonce = dice;
    h->asked_ms = 0;
}

void home_ask_partner(struct home *h, const struct home_event *event, struct home_actions *actions)
{
    if (h->asked_ms) {
        if (event->now_ms - h->asked_ms <= HOME_ANSWER_MS_MAX)
            return;
        home_ask_anew(h, event->dice); /* what comes to the old one now is too old */
    }
    h->asked_ms = event->now_ms;
    bool released = h->mode == MODE_RELEASED, named = home_is_named(h);
    struct home_action *a = home_act(actions, ACTION_ASK);
    a->question = (struct home_question){.nonce = h->nonce,
                                         .term = named ? h->hold.term : TERM_NONE,
                                         .seen = h->seen,
                                         .lineage = h->hold.lineage,
                                         .head = h->hold.released,
                                         .to = released ? h->hold.to : TERM_NONE,
                                         .parts = h->mode == MODE_SERVING};
}

void home_seek_grant(struct home *h, const struct home_event *event, struct home_actions *actions)
{
    uint64_t silence = event->now_ms - h->partner_heard_ms;
    if (!home_is_paired(h) && home_is_known(h))
        home_open_term(h, CAUSE_UNPAIRED, home_next_term(h, event->dice), actions);
    else if (h->hold.alone && !h->met && silence >= h->failure_detection_ms)
        home_open_term(h, CAUSE_ALONE, home_next_term(h, event->dice), actions);
    else if (home_is_paired(h))
        home_ask_partner(h, event, actions);
}

/* --- answering --- */

static void answer(struct home_actions *actions, struct home_answer text)
{
    home_act(actions, ACTION_ANSWER)->answer = text;
}

/* Nobody takes alone here while it may be on its way (rule 8). */
void home_answer_granted(struct home *h, uint64_t now_ms, struct home_actions *actions)
{
    h->grant_out_until_ms = now_ms + HOME_ANSWER_MS_MAX;
    answer(actions, h->granted);
}

/* The number is durable here before the partner hears of it (rule 8). */
static void grant(struct home *h, const struct home_event *event, struct home_actions *actions)
{
    const struct home_question *asked = &event->asked.question;
    if (asked->nonce == h->granted.nonce && h->hold.revision == h->granted_revision) {
        home_answer_granted(h, event->now_ms, actions);
        return;
    }
    uint64_t number = term_number_above(side_other(h->side), h->seen);
    h->refills = false;
    struct hold *wanted = home_step_down(h, asked->term, actions);
    wanted->seen = number;
    h->decision.answer_due = true;
    h->granted =
        (struct home_answer){.nonce = asked->nonce, .verdict = VERDICT_GRANTED, .number = number};
    h->granted_revision = wanted->revision;
}

/* Its store does not know the term that is known here. An empty store can't be refilled from a copy
 * to which nothing was ever sent, be it the word that there is nothing: a pool that lost its own
 * disk, too, follows a term that it only heard of. */
static enum home_verdict verdict_on_loss(const struct home *h, bool asker_knows, uint64_t own_head)
{
    if (term_side(h->hold.term) == h->side)
        return VERDICT_SUPERSEDED;
    bool something = asker_knows || h->hold.lineage.count || own_head;
    return something ? VERDICT_REFILL : VERDICT_UNKNOWN;
}

/* A term that it opened, and that was never followed here, took nothing from it: the rest was given
 * up, or none was. */
bool home_asker_lacks(const struct lineage *ours, const struct home_question *asked,
                      uint64_t own_head)
{
    bool opened = term_equal(lineage_last(&asked->lineage), asked->term);
    return (!opened || lineage_has(ours, asked->term)) &&
           !lineage_covers(&asked->lineage, asked->head, ours, own_head);
}

static void on_released(struct home *h, const struct home_event *event,
                        struct home_actions *actions)
{
    const struct home_question *asked = &event->asked.question;
    switch (home_weigh_released(h, event)) {
    case RELEASED_DECLINE: grant(h, event, actions); return;
    case RELEASED_TAKE: home_take_released(h, event, actions); break;
    case RELEASED_FOLLOW: home_step_down(h, asked->term, actions); break;
    case RELEASED_WAIT: break;
    }
    answer(actions, (struct home_answer){.nonce = asked->nonce, .verdict = VERDICT_WAIT});
}

enum failure home_on_asked(struct home *h, const struct home_event *event,
                           struct home_actions *actions, struct error *e)
{
    const struct home_question *asked = &event->asked.question;
    struct home_answer reply = {.nonce = asked->nonce, .verdict = VERDICT_WAIT};
    struct term mine = h->hold.term;
    bool released = !term_is_none(asked->to);
    if (!home_believes(h, asked->term, larger(asked->seen, asked->to.number)) ||
        (released && !home_may_be_released_to(h, asked))) {
        answer(actions, reply);
        return home_disbelieve(h, home_partner(h), asked->term, asked->seen, e);
    }
    bool asker_knows = !term_is_none(asked->term);
    bool asker_held = asker_knows && term_side(asked->term) != h->side;
    if (asker_held && !released)
        h->over = asked->term; /* rule 2: every start of serving opens a new one */
    bool asker_lost = term_equal(asked->term, mine) &&
                      home_asker_lacks(&h->hold.lineage, asked, event->asked.own_head);
    home_see(h, larger(larger(asked->seen, asked->to.number), asked->term.number));
    home_meet(h, event->now_ms, actions);

    if (h->decision.under_way || h->store_lost || event->asked.applying) {
        answer(actions, reply);
    } else if (released && asked->term.number >= mine.number) {
        on_released(h, event, actions);
    } else if (asked->term.number < mine.number || (asker_lost && asker_held && !home_holds(h))) {
        reply.verdict = verdict_on_loss(h, asker_knows, event->asked.own_head);
        reply.term = reply.verdict == VERDICT_UNKNOWN ? TERM_NONE : mine;
        h->refills = reply.verdict == VERDICT_REFILL;
        answer(actions, reply);
    } else if (!asker_knows) {
        reply.verdict = VERDICT_UNKNOWN;
        answer(actions, reply);
    } else if (asker_held && !home_holds(h)) {
        if (h->intends)
            answer(actions, reply);
        else
            grant(h, event, actions);
    } else {
        if (asker_held && asked->term.number > mine.number)
            home_weigh(h, asked->term, false, event->dice, actions);
        answer(actions, reply);
    }
    return OK;
}

/* It becomes a copy of what its partner still knows of `term`, until that has sent everything; then
 * it asks again (rule 10). */
static void be_refilled(struct home *h, struct term term, struct home_actions *actions)
{
    bool ready =
        home_is_known(h) && h->hold.mode == MODE_REJOINING && term_equal(h->hold.term, term);
    if (ready || term.number < h->hold.term.number)
        return;
    struct hold *wanted = home_decide(h, MODE_REJOINING, CAUSE_RESTARTED, actions);
    wanted->term = term;
    wanted->seen = larger(wanted->seen, term.number);
    h->decision.keeps_mode = true;
}

enum failure home_on_answered(struct home *h, const struct home_event *event,
                              struct home_actions *actions, struct error *e)
{
    const struct home_answer *got = &event->answered;
    if (got->nonce != h->nonce || h->asked_ms == 0)
        return OK;
    bool late = event->now_ms - h->asked_ms > HOME_ANSWER_MS_MAX;
    h->asked_ms = 0;
    bool parted = got->verdict == VERDICT_PARTED && h->mode == MODE_SERVING;
    if (late || (h->mode != MODE_REJOINING && h->mode != MODE_RELEASED && !parted))
        return OK;
    if (!home_believes(h, got->term, got->number))
        return home_disbelieve(h, home_partner(h), got->term, got->number, e);
    h->verdict = got->verdict;
    home_see(h, got->term.number);
    if (got->verdict != VERDICT_GRANTED) /* which is one to be opened, and not one that was */
        home_see(h, got->number);
    if (h->decision.under_way || h->store_lost)
        return OK;
    bool newer = got->term.number > h->hold.term.number ||
                 (!home_is_named(h) && got->term.number == h->hold.term.number);
    bool ours = got->number && term_side((struct term){.number = got->number}) == h->side;
    if (got->verdict == VERDICT_GRANTED && home_is_known(h) && ours &&
        got->number > h->hold.term.number)
        home_open_term(h, h->mode == MODE_RELEASED ? CAUSE_DECLINED : CAUSE_GRANTED,
                       (struct term){got->number, event->dice}, actions);
    else if (got->verdict == VERDICT_PARTED)
        home_on_parted(h, event, actions);
    else if (got->verdict == VERDICT_SUPERSEDED && newer && term_side(got->term) != h->side)
        home_step_down(h, got->term, actions);
    else if (got->verdict == VERDICT_REFILL && term_side(got->term) == h->side &&
             h->mode == MODE_REJOINING)
        be_refilled(h, got->term, actions);
    return OK;
}
