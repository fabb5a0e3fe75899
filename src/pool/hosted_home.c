#include "pool/hosted_home.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/random.h"
#include "core/copy.h"
#include "pool/backup_service.h"
#include "pool/commit.h"

/* What carries an answer must give up before the answer stops to count (protocol, rule 8). */
_Static_assert((int)LINK_DEADLINE_MS < (int)HOME_ANSWER_MS_MAX, "an answer could come too late");

struct hosted_home {
    struct hosted_home_around around;
    struct home *core;
    struct link_reply *waiting;  /* the partner's question waits for the store */
    struct link_reply *demanded; /* … or its demand */
    hosted_home_done *done;      /* an administrator waits for the store */
    void *done_context;
    hosted_home_enrich *enrich;
    void *enrich_context;
    size_t applying; /* batches that were taken, on their way to the store */
    bool storing;
    bool closed; /* lives on only for the record on its way */
    /* What was told already, so that what goes on is not told again. */
    char store_trouble[ERROR_TEXT_MAX];
    char disbelieved[FQDN_SIZE];
};

const struct home *hosted_home_core(const struct hosted_home *home)
{
    return home->core;
}

static void step(struct hosted_home *home, struct home_event event, struct error *e);

/* --- storing the record --- */

static void tell_done(struct hosted_home *home, const struct error *e)
{
    hosted_home_done *done = TAKE(home->done);
    home->enrich = NULL;
    if (done)
        done(e, home->done_context);
}

/* Whether another pool was faster, the core decides (core/handover.c), and for good. A transaction
 * that met another one was made of what is not so any more: made anew, it may pass. */
static void tell_outcome(struct hosted_home *home, const struct error *e)
{
    struct error told = *e;
    if (e->kind == FAIL_CONFLICT) {
        told.kind = FAIL_BUSY;
        error_next(&told, "Try again in a moment.");
    }
    tell_done(home, e->kind ? &told : NULL);
}

static void on_stored(const struct store_outcome *outcome, void *context)
{
    struct hosted_home *home = context;
    const struct error *e = &outcome->error;
    home->storing = false;
    if (home->closed) {
        free(home);
        return;
    }
    if (e->kind && strcmp(e->what, home->store_trouble) != 0)
        log_error(LOG_EVENT_ERROR, "hold-record-not-stored", e,
                  "What was decided about the home %s could not be stored.", home_name(home->core));
    snprintf(home->store_trouble, sizeof home->store_trouble, "%s", e->kind ? e->what : "");
    step(home,
         (struct home_event){.kind = e->kind ? HOME_NOT_STORED : HOME_STORED,
                             .began = outcome->began},
         NULL);
    tell_outcome(home, e);
}

static enum failure read_state(const struct hosted_home *home, struct home_state *state)
{
    OWNED(view_close) struct view *view = NULL;
    struct error e;
    *state = (struct home_state){0};
    enum failure bad = store_view(home->around.store, &view, &e);
    if (!bad)
        bad = view_home(view, home_name(home->core), state, &e);
    return bad == FAIL_NOT_FOUND ? OK : bad;
}

/* Up to where the store has everything: of a copy, as far as its last module got. */
static uint64_t complete_upto(const struct hold *hold, const struct home_state *state)
{
    uint64_t upto = state->head;
    for (int m = 0; m < MODULES && !mode_rights(hold->mode)->holder; m++) {
        bool compared = state->modules[m].comparing; /* it may lack anything */
        uint64_t at = compared ? 0 : copy_upto(hold, state->modules[m].cookie);
        if (backup_service_copies(hold->home, (enum module)m) && at < upto)
            upto = at;
    }
    return upto;
}

/* A term opens with it. */
static void prepare_opening(struct hosted_home *home, struct txn *txn, const struct hold *wanted)
{
    struct home_state state;
    if (!mode_rights(home_hold(home->core)->mode)->holder && !read_state(home, &state))
        txn_complete_upto(txn, complete_upto(home_hold(home->core), &state));
    home->around.opens(txn, wanted, home->around.context);
}

/* A release gives away exactly what was agreed, or nothing (protocol, rule 5). */
static void expect_point(const struct hosted_home *home, struct txn *txn)
{
    const struct home_demanded *release = home_releasing(home->core);
    if (!release || !release->whole)
        return;
    txn_expect_head(txn, release->point.usn);
    for (int m = 0; m < MODULES; m++)
        txn_expect_digest(txn, (enum module)m, &release->point.digests[m]);
}

static void persist(struct hosted_home *home)
{
    const struct hold *wanted = home_wanted(home->core);
    struct txn *txn = txn_new(wanted->home);
    txn_hold(txn, wanted);
    if (hold_opens_term(home_hold(home->core)->term, wanted))
        prepare_opening(home, txn, wanted);
    expect_point(home, txn);
    if (home->enrich)
        home->enrich(txn, wanted->term.number, home->enrich_context);
    home->storing = true;
    commit_on_loop(home->around.store, home->around.loop, txn, on_stored, home);
}

/* --- carrying out --- */

static void tell_change(struct hosted_home *home, enum mode from, enum cause cause)
{
    const struct hold *hold = home_current(home->core);
    enum mode to = home_mode(home->core);
    char term[TERM_TEXT_SIZE];
    if (from == to)
        log_event(LOG_EVENT_NOTICE, "term-changed", "The home %s is %s here, now of term %s (%s).",
                  home_name(home->core), mode_name(to), term_text(hold->term, term),
                  cause_name(cause));
    else
        log_event(to == MODE_RESILIENCY ? LOG_EVENT_WARNING : LOG_EVENT_NOTICE, "mode-changed",
                  "The home %s went from %s to %s here (%s), in term %s; its holder is %s.",
                  home_name(home->core), mode_name(from), mode_name(to), cause_name(cause),
                  term_text(hold->term, term), hold_holder(hold)[0] ? hold_holder(hold) : "nobody");
    home->around.changed(home, home->around.context);
}

static void answer_waiting(struct hosted_home *home, const struct home_answer *answer)
{
    struct link_reply *reply = TAKE(home->waiting);
    if (reply)
        link_reply_answer(reply, answer);
}

/* Does the copy stand at a point that existed? Not before it was told of any; and what this pool
 * served itself is no copy of what its partner has, until it has stepped down durably. */
static bool is_whole(const struct hold *hold, const struct home_state *state)
{
    /* Its own tail comes first when it takes. */
    bool whole = hold->lineage.count > 0 && !mode_rights(hold->mode)->holder;
    for (int m = 0; m < MODULES; m++)
        whole = whole && !state->modules[m].comparing &&
                state->modules[m].whole_at.usn <= state->modules[m].cookie.usn;
    return whole;
}

static struct home_point point_of(const struct hosted_home *home, const struct home_state *state)
{
    struct home_point point = {.usn = complete_upto(home_hold(home->core), state)};
    for (int m = 0; m < MODULES; m++)
        point.digests[m] = state->modules[m].digest;
    return point;
}

static enum failure unreadable(const struct hosted_home *home, struct error *e)
{
    return fail(e, FAIL_IO, "The store of %s can't be read.", home_name(home->core));
}

enum failure hosted_home_standing(const struct hosted_home *home, bool durable,
                                  struct home_standing *standing, struct error *e)
{
    struct home_state state;
    if (read_state(home, &state))
        return unreadable(home, e);
    const struct hold *hold = home_hold(home->core);
    *standing = (struct home_standing){.mode = home_mode(home->core),
                                       .term = hold->term,
                                       .to = hold->to,
                                       .seen = home_seen(home->core),
                                       .durable = durable,
                                       .stopped = home_stopped(home->core),
                                       .point = point_of(home, &state)};
    return OK;
}

/* Its answer says what is true now, and not before. */
static void answer_demand(struct hosted_home *home, bool durable)
{
    struct link_reply *reply = TAKE(home->demanded);
    struct home_standing standing;
    struct error e;
    if (!reply)
        return;
    if (hosted_home_standing(home, durable, &standing, &e))
        link_reply_error(reply, &e);
    else
        link_reply_standing(reply, &standing);
}

static void ask(struct hosted_home *home, struct home_question question)
{
    struct home_state state;
    if (read_state(home, &state)) { /* as if nobody answered: it is asked again */
        hosted_home_answered(home, &question, NULL);
        return;
    }
    if (term_is_none(question.to))
        question.head = complete_upto(home_hold(home->core), &state);
    home->around.ask(home, &question, home->around.context);
}

static void carry_out(struct hosted_home *home, const struct home_action *action)
{
    switch (action->kind) {
    case ACTION_PERSIST: persist(home); break;
    case ACTION_ASK: ask(home, action->question); break;
    case ACTION_ANSWER: answer_waiting(home, &action->answer); break;
    case ACTION_COMPLIED: answer_demand(home, action->durable); break;
    case ACTION_CHANGED: tell_change(home, action->changed.from, action->changed.cause); break;
    }
}

static void renew_lease(const struct hosted_home *home)
{
    const char *name = home_name(home->core);
    if (home_drains(home->core))
        store_lease_drains(home->around.store, name);
    else
        store_lease(home->around.store, name, home_lease_ms(home->core));
}

static void step(struct hosted_home *home, struct home_event event, struct error *e)
{
    struct home_actions actions;
    event.now_ms = clock_ms();
    event.dice = random_u64();
    enum failure bad = home_step(home->core, &event, &actions, e);
    renew_lease(home); /* first: rights end when the decision is made */
    for (size_t i = 0; i < actions.count; i++) {
        assert(!bad || actions.list[i].kind == ACTION_ANSWER); /* whoever asked waits for one */
        carry_out(home, &actions.list[i]);
    }
}

/* --- from outside --- */

struct hosted_home *hosted_home_open(const struct hosted_home_around *around,
                                     const struct home_options *options, const struct hold *hold)
{
    struct hosted_home *home = xcalloc(1, sizeof *home);
    home->around = *around;
    home->core = home_new(options, hold, clock_ms(), random_u64());
    return home;
}

void hosted_home_close(struct hosted_home *home)
{
    struct error e;
    fail(&e, FAIL_STOPPING, "This machine is stopping.");
    if (home->storing)
        error_kept(&e, "Whether it was still done is not known.");
    struct link_reply *reply = TAKE(home->waiting);
    if (reply)
        link_reply_error(reply, &e);
    struct link_reply *demanded = TAKE(home->demanded);
    if (demanded)
        link_reply_error(demanded, &e);
    tell_done(home, &e);
    store_lease(home->around.store, home_name(home->core), 0);
    home_free(home->core);
    home->closed = true;
    if (!home->storing)
        free(home);
}

bool hosted_home_rests(const struct hosted_home *home)
{
    return !home->storing && !home->applying && !home->waiting && !home->demanded && !home->done;
}

/* Said once for each pool that says it, until another one does. */
static void log_disbelief(struct hosted_home *home, const char *pool, const struct error *e)
{
    if (strcmp(home->disbelieved, pool) == 0)
        return;
    log_error(LOG_EVENT_WARNING, "message-disbelieved", e, "A message was not believed.");
    snprintf(home->disbelieved, sizeof home->disbelieved, "%s", pool);
}

void hosted_home_tick(struct hosted_home *home)
{
    if (store_failed(home->around.store, NULL))
        step(home, (struct home_event){.kind = HOME_STORE_LOST}, NULL);
    step(home, (struct home_event){.kind = HOME_TICK}, NULL);
}

void hosted_home_heard(struct hosted_home *home, const char *pool,
                       const struct heartbeat_home *said)
{
    struct error e = {0};
    step(home,
         (struct home_event){.kind = HOME_HEARD,
                             .heard = {.pool = pool,
                                       .term = said->term,
                                       .seen = said->seen,
                                       .serves = said->own && mode_rights(said->mode)->holder}},
         &e);
    if (e.kind)
        log_disbelief(home, pool, &e);
}

void hosted_home_applies(struct hosted_home *home, bool applying)
{
    assert(applying || home->applying > 0);
    home->applying += applying ? 1 : -1;
}

void hosted_home_asked(struct hosted_home *home, const struct home_question *question,
                       struct link_reply *reply)
{
    struct error e = {0};
    /* One question at a time: a second one is a repetition, and the first one's asker is gone. */
    answer_waiting(home, &(struct home_answer){.verdict = VERDICT_WAIT});
    home->waiting = reply;
    struct home_event event = {
        .kind = HOME_ASKED,
        .asked = {.question = *question, .applying = home->applying > 0},
    };
    struct home_state state;
    if (read_state(home, &state)) {
        answer_waiting(home, &(struct home_answer){.verdict = VERDICT_WAIT});
        return;
    }
    event.asked.own_head = home_reach(&state);
    bool whole = is_whole(home_hold(home->core), &state);
    event.asked.own_upto = whole ? point_of(home, &state).usn : 0;
    step(home, event, &e);
    if (e.kind)
        log_disbelief(home, home_partner(home->core), &e);
}

void hosted_home_answered(struct hosted_home *home, const struct home_question *question,
                          const struct home_answer *answer)
{
    struct error e = {0};
    struct home_event event = {.kind = HOME_ANSWERED,
                               .answered = {.nonce = question->nonce, .verdict = VERDICT_WAIT}};
    if (answer)
        event.answered = *answer;
    step(home, event, &e);
    if (e.kind)
        log_disbelief(home, home_partner(home->core), &e);
}

static void ask_for(struct hosted_home *home, struct home_event event, hosted_home_enrich *enrich,
                    void *enrich_context, hosted_home_done *done, void *context)
{
    struct error e = {0};
    if (home->done) {
        fail(&e, FAIL_BUSY, "Another command about the home %s is under way.",
             home_name(home->core));
        done(&e, context);
        return;
    }
    home->done = done;
    home->done_context = context;
    home->enrich = enrich;
    home->enrich_context = enrich_context;
    step(home, event, &e);
    if (e.kind)
        tell_done(home, &e);
}

void hosted_home_create(struct hosted_home *home, hosted_home_enrich *enrich, void *enrich_context,
                        hosted_home_done *done, void *context)
{
    ask_for(home, (struct home_event){.kind = HOME_CREATE}, enrich, enrich_context, done, context);
}

void hosted_home_demanded(struct hosted_home *home, const struct home_demanded *demanded,
                          struct link_reply *reply)
{
    struct error e = {0};
    struct home_state state;
    if (home->demanded) {
        fail(&e, FAIL_BUSY, "Another demand about the home %s is under way.",
             home_name(home->core));
        link_reply_error(reply, &e);
        return;
    }
    if (read_state(home, &state)) {
        unreadable(home, &e);
        link_reply_error(reply, &e);
        return;
    }
    home->demanded = reply;
    step(home,
         (struct home_event){.kind = HOME_DEMANDED, .head = state.head, .demanded = *demanded}, &e);
    if (e.kind && home->demanded)
        link_reply_error(TAKE(home->demanded), &e);
}

enum failure hosted_home_point(const struct hosted_home *home, struct home_point *point,
                               bool *whole, struct error *e)
{
    struct home_state state;
    if (read_state(home, &state))
        return fail(e, FAIL_IO, "The store can't be read.");
    *point = point_of(home, &state);
    *whole = is_whole(home_hold(home->core), &state);
    return OK;
}

void hosted_home_take(struct hosted_home *home, struct term to, bool alone,
                      hosted_home_enrich *enrich, void *enrich_context, hosted_home_done *done,
                      void *context)
{
    ask_for(home, (struct home_event){.kind = HOME_TAKE, .take = {.to = to, .alone = alone}},
            enrich, enrich_context, done, context);
}

void hosted_home_intend(struct hosted_home *home, bool intends)
{
    home_intend(home->core, intends);
}

void hosted_home_stop(struct hosted_home *home, bool stopped)
{
    step(home, (struct home_event){.kind = stopped ? HOME_STOP : HOME_START}, NULL);
}

void hosted_home_follow(struct hosted_home *home, const struct lineage *lineage,
                        hosted_home_enrich *enrich, void *enrich_context, hosted_home_done *done,
                        void *context)
{
    ask_for(home, (struct home_event){.kind = HOME_FOLLOW, .lineage = lineage}, enrich,
            enrich_context, done, context);
}

void hosted_home_part(struct hosted_home *home, hosted_home_done *done, void *context)
{
    ask_for(home, (struct home_event){.kind = HOME_PART}, NULL, NULL, done, context);
}

void hosted_home_force(struct hosted_home *home, hosted_home_done *done, void *context)
{
    ask_for(home, (struct home_event){.kind = HOME_FORCE}, NULL, NULL, done, context);
}

enum failure hosted_home_check_force(const struct hosted_home *home, bool started, struct error *e)
{
    return home_check_force(home->core, started, clock_ms(), e);
}
