#include "core/operation.h"

#include <assert.h>
#include <stdlib.h>

#include "base/memory.h"
#include "core/limits.h"
#include "core/operation_ending.h"
#include "core/progress.h"

struct operation {
    struct operation_options options;
    struct operation_words words;
    struct operation_status status;
    struct home_standing holder; /* as it said last */
    uint64_t said_ms;            /* when it was told something last; 0: not at this step */
    bool asked;                  /* … and has not answered yet */
    uint64_t answered_ms;        /* when it last did; or the beginning */
    struct progress progress;
    uint64_t goal;    /* where the holder was when it was first heard to serve */
    uint64_t idle_ms; /* since when the holder answers and does not serve; 0: it does */
    uint64_t stepped_ms;
    bool began_again;    /* after a refusal, in a disaster: once is enough */
    uint64_t kept_ms;    /* since when the journal has it that this is the step; 0: not yet */
    bool told;           /* the holder, to stop something */
    uint64_t drained_ms; /* from then on changes were refused */
    bool opening;
    uint64_t replicas_asked_ms; /* when the replicas were asked last; 0: not at this step */
    struct error trouble;       /* why it did not answer last */
};

struct operation *operation_new(const struct operation_options *options,
                                const struct operation_words *words, uint64_t now_ms)
{
    struct operation *op = xcalloc(1, sizeof *op);
    *op = (struct operation){.options = *options, .words = *words};
    op->status.began_ms = op->answered_ms = op->stepped_ms = now_ms;
    progress_begin(&op->progress, now_ms);
    op->goal = UINT64_MAX;
    op->status.step_ms[OPERATION_COPY] = now_ms;
    return op;
}

void operation_free(struct operation *op)
{
    free(op);
}

void operation_status(const struct operation *op, struct operation_status *status)
{
    *status = op->status;
}

/* --- going from step to step --- */

static struct operation_action *act(struct operation_actions *actions,
                                    enum operation_action_kind kind)
{
    assert(actions->count < OPERATION_ACTIONS_MAX);
    struct operation_action *a = &actions->list[actions->count++];
    *a = (struct operation_action){.kind = kind};
    return a;
}

static void go_to(struct operation *op, enum operation_step step, uint64_t now_ms,
                  struct operation_actions *actions)
{
    struct operation_status *s = &op->status;
    bool told = actions->count && actions->list[actions->count - 1].kind == OPERATION_TELL;
    s->step_end_ms[s->step] = now_ms;
    s->step = step;
    s->step_ms[step] = now_ms;
    op->said_ms = op->kept_ms = 0;
    progress_begin(&op->progress, now_ms);
    op->idle_ms = 0;
    op->replicas_asked_ms = 0;
    if (!told)
        act(actions, OPERATION_TELL);
}

static void end(struct operation *op, enum operation_step step, uint64_t now_ms,
                struct operation_actions *actions)
{
    go_to(op, step, now_ms, actions);
    op->status.ended_ms = now_ms;
    act(actions, OPERATION_ENDED);
}

/* The home is served by somebody again, or was all the time. */
static void changes_go_on(struct operation *op, uint64_t now_ms)
{
    if (op->drained_ms && !op->status.refused_ms)
        op->status.refused_ms = now_ms - op->drained_ms ? now_ms - op->drained_ms : 1;
}

/* With `op->status.error` filled in. What the holder was not told yet, it need not be told to
 * forget. */
static void call_off(struct operation *op, uint64_t now_ms, struct operation_actions *actions)
{
    op->status.failed_at = op->status.step;
    if (op->told)
        go_to(op, OPERATION_CALL_OFF, now_ms, actions);
    else
        end(op, OPERATION_FAILED, now_ms, actions);
}

static void take_alone(struct operation *op, const struct operation_event *event,
                       struct operation_actions *actions)
{
    if (op->options.replicas && op->status.step != OPERATION_GATHER) { /* first of all */
        go_to(op, OPERATION_GATHER, event->now_ms, actions);
        return;
    }
    if (!event->whole && !op->options.incomplete) {
        ending_not_whole(&op->status.error, &op->words);
        call_off(op, event->now_ms, actions);
        return;
    }
    op->status.alone = true;
    op->opening = false;
    go_to(op, OPERATION_TAKE, event->now_ms, actions);
}

/* --- what each step waits for --- */

static uint64_t left(const struct operation *op, const struct operation_event *event)
{
    uint64_t head = op->holder.point.usn;
    return head > event->own.usn ? head - event->own.usn : 0;
}

/* The holder can't hand over now: it waits for a grant itself, or its store has failed. */
static void wait_until_it_serves(struct operation *op, const struct operation_event *event,
                                 struct operation_actions *actions)
{
    if (!op->idle_ms)
        op->idle_ms = event->now_ms;
    if (event->now_ms - op->idle_ms < OPERATION_SERVES_MS)
        return;
    if (op->options.disaster) {
        take_alone(op, event, actions);
        return;
    }
    ending_not_served(&op->status.error, &op->words, op->holder.mode);
    call_off(op, event->now_ms, actions);
}

static bool is_impatient(const struct operation *op, uint64_t now_ms)
{
    return now_ms - op->progress.moved_ms >= op->options.patience_ms;
}

static void after_copying(struct operation *op, const struct operation_event *event,
                          struct operation_actions *actions)
{
    bool planned = !op->options.disaster;
    if (op->options.replicas && planned && op->status.step == OPERATION_COPY) {
        op->status.replicas_goal = op->holder.point.usn;
        go_to(op, OPERATION_REPLICAS, event->now_ms, actions);
        return;
    }
    if (op->options.flush && op->status.step <= OPERATION_REPLICAS) {
        go_to(op, OPERATION_FLUSH, event->now_ms, actions);
        act(actions, OPERATION_ASK_FLUSH);
        return;
    }
    uint64_t seen = op->holder.seen;
    op->status.to = event->next;
    if (op->status.to.number <= seen)
        op->status.to.number = term_number_above(term_side(event->next), seen);
    go_to(op, op->options.close_ms ? OPERATION_CLOSE : OPERATION_DRAIN, event->now_ms, actions);
}

static void end_stuck(struct operation *op, const struct operation_event *event,
                      struct operation_actions *actions)
{
    ending_stuck(&op->status.error, &op->words, op->options.patience_ms, left(op, event),
                 event->trouble);
    call_off(op, event->now_ms, actions);
}

/* What there was when this began has come: into a copy that gets nothing more, changes would be
 * stopped for the last batch and refused until patience ends. Whoever takes what there is need not
 * wait for that. */
static bool copy_goes_on(struct operation *op, const struct operation_event *event)
{
    if (op->goal == UINT64_MAX)
        op->goal = op->holder.point.usn;
    return event->own.usn >= op->goal || op->options.disaster || op->options.skip_verification;
}

static void on_copy(struct operation *op, const struct operation_event *event,
                    struct operation_actions *actions)
{
    if (!op->status.heard)
        return;
    if (op->holder.mode != MODE_SERVING) {
        wait_until_it_serves(op, event, actions);
        return;
    }
    op->idle_ms = 0;
    bool goes_on = copy_goes_on(op, event);
    if (goes_on && event->whole && left(op, event) <= BATCH_ITEMS_MAX)
        after_copying(op, event, actions);
    else if (is_impatient(op, event->now_ms))
        end_stuck(op, event, actions);
}

/* Up to where the home was when it was first asked for: what is changed since, the new holder has,
 * and sends. Those that don't answer catch up at their first word. */
static void on_replicas(struct operation *op, const struct operation_event *event,
                        struct operation_actions *actions)
{
    struct operation_status *s = &op->status;
    uint64_t least = event->replicas.least;
    bool known = op->replicas_asked_ms && event->replicas.asked;
    if (known && least > s->replicas_usn) {
        s->replicas_usn = least < s->replicas_goal ? least : s->replicas_goal;
        op->progress.moved_ms = event->now_ms;
    }
    if (known && least >= s->replicas_goal) {
        after_copying(op, event, actions);
    } else if (is_impatient(op, event->now_ms)) {
        ending_replicas_behind(&s->error, &op->words, event->replicas.behind,
                               op->options.patience_ms, s->replicas_goal - s->replicas_usn);
        call_off(op, event->now_ms, actions);
    }
}

/* Its end is an event; what would never come to one must not keep the operation for ever. */
static void on_flush(struct operation *op, const struct operation_event *event,
                     struct operation_actions *actions)
{
    if (event->now_ms - op->status.step_ms[OPERATION_FLUSH] < OPERATION_FLUSH_MS)
        return;
    ending_flush_late(&op->status.error, &op->words, OPERATION_FLUSH_MS);
    call_off(op, event->now_ms, actions);
}

/* In a disaster what can't be flushed stays there, and goes to whoever holds the home then. */
static void on_flushed(struct operation *op, const struct operation_event *event,
                       struct operation_actions *actions)
{
    bool good = !event->error || event->error->kind == OK || op->options.disaster;
    if (op->status.step != OPERATION_FLUSH)
        return;
    if (good) {
        after_copying(op, event, actions);
        return;
    }
    ending_not_flushed(&op->status.error, &op->words, event->error);
    call_off(op, event->now_ms, actions);
}

/* What stops users is asked for by a pool that has just shown that it can keep what it will have
 * to: else they would wait for its store, and the home be given away for it. */
static bool waits_for_own_store(struct operation *op, const struct operation_event *event,
                                struct operation_actions *actions)
{
    enum operation_step step = op->status.step;
    if (!operation_rule(step)->kept || op->kept_ms)
        return false;
    if (event->now_ms - op->status.step_ms[step] >= op->options.store_ms) {
        ending_late_here(&op->status.error, &op->words, op->options.store_ms);
        call_off(op, event->now_ms, actions);
    }
    return true;
}

static void on_kept(struct operation *op, const struct operation_event *event,
                    struct operation_actions *actions)
{
    if (event->step != op->status.step || !operation_rule(event->step)->kept)
        return; /* of a step before, or nobody waits for it */
    if (event->error && event->error->kind) {
        ending_not_kept_here(&op->status.error, &op->words, event->error);
        call_off(op, event->now_ms, actions);
        return;
    }
    op->kept_ms = event->now_ms;
    op->said_ms = 0; /* and now what the step is about */
}

static void on_close(struct operation *op, const struct operation_event *event,
                     struct operation_actions *actions)
{
    if (event->now_ms - op->kept_ms >= op->options.close_ms)
        go_to(op, OPERATION_DRAIN, event->now_ms, actions);
}

static void stop_waiting_for_store(struct operation *op, const struct operation_event *event,
                                   struct operation_actions *actions)
{
    if (op->options.disaster) {
        take_alone(op, event, actions);
        return;
    }
    ending_not_stopped(&op->status.error, &op->words, op->options.store_ms);
    call_off(op, event->now_ms, actions);
}

static void on_drain(struct operation *op, const struct operation_event *event,
                     struct operation_actions *actions)
{
    bool drained = op->holder.mode == MODE_DRAINING && event->kind == OPERATION_SAID;
    if (!op->drained_ms && op->said_ms)
        op->drained_ms = op->said_ms;
    if (!drained) {
        if (event->now_ms - op->kept_ms >= op->options.store_ms)
            stop_waiting_for_store(op, event, actions);
        return;
    }
    if (op->holder.durable || op->options.disaster) {
        go_to(op, OPERATION_REST, event->now_ms, actions);
        return;
    }
    ending_store_full(&op->status.error, &op->words);
    call_off(op, event->now_ms, actions);
}

/* In a disaster, or where nobody wants to know, what can be had in time is better than nothing; the
 * rest is salvaged later. From a copy in the middle of a catch-up that is more than it seems: it
 * must be wanted. */
static bool takes_what_is_there(const struct operation *op, const struct operation_event *event)
{
    return (op->options.skip_verification || op->options.disaster) &&
           (event->whole || op->options.incomplete) && is_impatient(op, event->now_ms);
}

static void on_rest(struct operation *op, const struct operation_event *event,
                    struct operation_actions *actions)
{
    bool all = event->whole && op->holder.point.usn == event->own.usn;
    bool full = event->trouble && event->trouble->kind == FAIL_FULL &&
                !op->options.skip_verification && !op->options.disaster;
    if (all || takes_what_is_there(op, event)) {
        bool verify = all && !op->options.skip_verification;
        op->status.point = event->own;
        go_to(op, verify ? OPERATION_VERIFY : OPERATION_RELEASE, event->now_ms, actions);
    } else if (is_impatient(op, event->now_ms)) {
        end_stuck(op, event, actions);
    } else if (full) { /* changes are refused: nobody waits for room on a disk */
        ending_full(&op->status.error, &op->words, left(op, event), event->trouble);
        call_off(op, event->now_ms, actions);
    }
}

static void on_verify(struct operation *op, const struct operation_event *event,
                      struct operation_actions *actions)
{
    op->status.verified = home_point_equal(&op->status.point, &op->holder.point);
    if (op->status.verified) {
        go_to(op, OPERATION_RELEASE, event->now_ms, actions);
        return;
    }
    ending_unequal(&op->status.error, &op->words);
    call_off(op, event->now_ms, actions);
}

/* What is busy with it for so long may still come to an end; whoever says that it did not keep it
 * has not. */
static void leave_in_doubt(struct operation *op, uint64_t now_ms, struct operation_actions *actions)
{
    ending_in_doubt(&op->status.error, &op->words);
    op->status.failed_at = OPERATION_RELEASE;
    end(op, OPERATION_FAILED, now_ms, actions);
}

static void on_release(struct operation *op, const struct operation_event *event,
                       struct operation_actions *actions)
{
    bool said = event->kind == OPERATION_SAID, refused = event->kind == OPERATION_REFUSED;
    bool late = event->now_ms - op->status.step_ms[OPERATION_RELEASE] >= op->options.store_ms;
    bool stopped = said && !op->holder.durable; /* and it can't write that down */
    if (said && op->holder.mode == MODE_RELEASED) {
        go_to(op, OPERATION_TAKE, event->now_ms, actions);
    } else if (op->options.disaster && (stopped || (late && (said || refused)))) {
        take_alone(op, event, actions);
    } else if (late && said) {
        ending_not_released(&op->status.error, &op->words, op->options.store_ms);
        call_off(op, event->now_ms, actions);
    } else if (late && refused) {
        leave_in_doubt(op, event->now_ms, actions);
    }
}

/* What a replica has more is brought before the home is taken: later it would be a tail. Up to what
 * it had when it was asked first: a holder that only it hears may go on for ever. */
static void on_gather(struct operation *op, const struct operation_event *event,
                      struct operation_actions *actions)
{
    struct operation_status *s = &op->status;
    uint64_t most = event->replicas.most, own = event->own.usn;
    bool known = op->replicas_asked_ms && event->replicas.asked;
    if (known && !s->replicas_goal)
        s->replicas_goal = most;
    if (own > s->copied)
        op->progress.moved_ms = event->now_ms;
    bool all = own >= s->replicas_goal || own >= most;
    if ((known && all) || event->now_ms - op->progress.moved_ms >= OPERATION_GATHER_MS)
        take_alone(op, event, actions);
}

static void fail_to_take(struct operation *op, uint64_t now_ms, struct operation_actions *actions)
{
    ending_not_taken(&op->status.error, &op->words, op->status.alone);
    op->status.failed_at = OPERATION_TAKE;
    end(op, OPERATION_FAILED, now_ms, actions);
}

/* This pool serves: what was wanted, whoever brought it about. */
static void on_served(struct operation *op, const struct operation_event *event,
                      struct operation_actions *actions)
{
    changes_go_on(op, event->now_ms);
    op->status.error = (struct error){0};
    op->status.failed_at = OPERATION_COPY;
    if (op->status.alone)
        end(op, OPERATION_DONE, event->now_ms, actions);
    else
        go_to(op, OPERATION_TURN, event->now_ms, actions);
}

/* A store may have had a bad moment, and a grant may be on its way for one: again, then. */
static bool is_for_good(const struct operation *op, const struct error *e)
{
    return e->kind == FAIL_REFUSED || (e->kind == FAIL_CONFLICT && !op->status.alone);
}

/* A comparison that a late word began leaves nothing sure of the copy: its term would begin as one
 * of which nothing is known, and all that the old holder has would go aside. */
static void on_take(struct operation *op, const struct operation_event *event,
                    struct operation_actions *actions)
{
    bool ready = event->whole || op->options.incomplete;
    bool not_taken = event->kind == OPERATION_NOT_TAKEN;
    bool late = event->now_ms - op->status.step_ms[OPERATION_TAKE] >= op->options.store_ms;
    if (not_taken) {
        op->opening = false;
        op->status.error = *event->error;
    }
    if (late && !op->status.error.kind)
        ending_late(&op->status.error, ready, op->options.store_ms);
    if (late || (not_taken && is_for_good(op, event->error))) {
        fail_to_take(op, event->now_ms, actions);
        return;
    }
    if (op->opening || not_taken || !ready) /* again at the next tick */
        return;
    op->opening = true;
    if (op->status.alone) {
        op->status.to = event->next;
        op->status.point = event->own;
    }
    struct operation_action *a = act(actions, OPERATION_OPEN);
    a->to = op->status.to;
    a->alone = op->status.alone;
}

static void on_turn(struct operation *op, const struct operation_event *event,
                    struct operation_actions *actions)
{
    op->status.turned = event->kind == OPERATION_SAID && op->holder.mode == MODE_STANDBY;
    bool late = event->now_ms - op->status.step_ms[OPERATION_TURN] >= OPERATION_TURN_MS;
    if (op->status.turned || late)
        end(op, OPERATION_DONE, event->now_ms, actions);
}

static void on_call_off(struct operation *op, const struct operation_event *event,
                        struct operation_actions *actions)
{
    bool serves = event->kind == OPERATION_SAID && op->holder.mode != MODE_CLOSING &&
                  op->holder.mode != MODE_DRAINING;
    bool by_itself = event->now_ms - op->status.step_ms[OPERATION_CALL_OFF] >= HANDOVER_HOLD_MS;
    if (!serves && !by_itself)
        return;
    changes_go_on(op, event->now_ms);
    end(op, OPERATION_FAILED, event->now_ms, actions);
}

static void look(struct operation *op, const struct operation_event *event,
                 struct operation_actions *actions)
{
    if (waits_for_own_store(op, event, actions))
        return;
    switch (op->status.step) {
    case OPERATION_COPY: on_copy(op, event, actions); break;
    case OPERATION_REPLICAS: on_replicas(op, event, actions); break;
    case OPERATION_FLUSH: on_flush(op, event, actions); break;
    case OPERATION_CLOSE: on_close(op, event, actions); break;
    case OPERATION_DRAIN: on_drain(op, event, actions); break;
    case OPERATION_REST: on_rest(op, event, actions); break;
    case OPERATION_VERIFY: on_verify(op, event, actions); break;
    case OPERATION_RELEASE: on_release(op, event, actions); break;
    case OPERATION_GATHER: on_gather(op, event, actions); break;
    case OPERATION_TAKE: on_take(op, event, actions); break;
    case OPERATION_TURN: on_turn(op, event, actions); break;
    case OPERATION_CALL_OFF: on_call_off(op, event, actions); break;
    case OPERATION_DONE:
    case OPERATION_FAILED: break;
    }
}

/* --- a holder that says no, or nothing --- */

static bool has_ended(const struct operation *op)
{
    return op->status.step == OPERATION_DONE || op->status.step == OPERATION_FAILED;
}

/* In a disaster it is looked at once more what the holder is: it may have come back just now, or
 * its store may have failed. */
static bool begin_again(struct operation *op, uint64_t now_ms, struct operation_actions *actions)
{
    if (!op->options.disaster || op->began_again || op->status.step == OPERATION_COPY)
        return false;
    op->began_again = true;
    op->status.to = TERM_NONE;
    op->told = false;
    op->status.heard = false;
    go_to(op, OPERATION_COPY, now_ms, actions);
    return true;
}

/* Is what was refused now refused for good? One that is busy is asked again. */
static void on_refused(struct operation *op, const struct operation_event *event,
                       struct operation_actions *actions)
{
    bool again = operation_is_passing(event->error->kind);
    enum operation_step step = op->status.step;
    if (again || step == OPERATION_TURN || step == OPERATION_TAKE)
        return;
    if (step == OPERATION_CALL_OFF) { /* there is nothing that it would go on with */
        changes_go_on(op, event->now_ms);
        end(op, OPERATION_FAILED, event->now_ms, actions);
        return;
    }
    if (begin_again(op, event->now_ms, actions))
        return;
    ending_refused(&op->status.error, &op->words, event->error);
    call_off(op, event->now_ms, actions);
}

static bool is_given_up(const struct operation *op, const struct operation_event *event)
{
    uint64_t waited_ms = event->now_ms - op->answered_ms;
    bool failed = event->kind == OPERATION_UNANSWERED;
    if (op->options.disaster && !op->status.heard) {
        if (failed && event->error->kind == FAIL_UNREACHABLE)
            return true; /* its machine says that nobody is there */
        if (event->silent && (failed || waited_ms >= OPERATION_HELLO_MS))
            return true;
    }
    return waited_ms >= OPERATION_SILENCE_MS;
}

/* It is asked until it says which. */
static void wait_in_doubt(struct operation *op, const struct operation_event *event,
                          struct operation_actions *actions)
{
    if (event->now_ms - op->answered_ms >= OPERATION_DOUBT_MS)
        leave_in_doubt(op, event->now_ms, actions);
    else
        ending_in_doubt(&op->status.error, &op->words);
}

static void on_silence(struct operation *op, const struct operation_event *event,
                       struct operation_actions *actions)
{
    enum operation_step step = op->status.step;
    bool matters =
        operation_rule(step)->each_ms && step != OPERATION_CALL_OFF && step != OPERATION_TURN;
    if (!matters || !is_given_up(op, event))
        return;
    if (op->options.disaster) {
        take_alone(op, event, actions);
    } else if (step == OPERATION_RELEASE) {
        wait_in_doubt(op, event, actions);
    } else {
        ending_silent(&op->status.error, &op->words, &op->trouble);
        call_off(op, event->now_ms, actions);
    }
}

static void say_something(struct operation *op, const struct operation_event *event,
                          struct operation_actions *actions)
{
    const struct operation_rule *rule = operation_rule(op->status.step);
    bool waits = rule->kept && !op->kept_ms; /* for a moment, as a rule, without a word */
    uint32_t each_ms = waits ? OPERATION_LOOK_MS : rule->each_ms;
    uint64_t since_ms = waits && !op->said_ms ? op->status.step_ms[op->status.step] : op->said_ms;
    if (!each_ms || op->asked || (since_ms && event->now_ms - since_ms < each_ms))
        return;
    op->said_ms = event->now_ms;
    op->asked = true;
    struct home_demanded *d = &act(actions, OPERATION_DEMAND)->demanded;
    *d = (struct home_demanded){.demand = waits ? DEMAND_LOOK : rule->says, .to = op->status.to};
    if (d->demand == DEMAND_LOOK)
        d->to = TERM_NONE;
    else
        op->told = true;
    if (d->demand == DEMAND_RELEASE) {
        d->point = op->status.point;
        d->whole = op->status.verified;
    }
}

static void ask_replicas(struct operation *op, uint64_t now_ms, struct operation_actions *actions)
{
    bool bring = op->status.step == OPERATION_GATHER;
    if ((!bring && op->status.step != OPERATION_REPLICAS) ||
        (op->replicas_asked_ms && now_ms - op->replicas_asked_ms < OPERATION_LOOK_MS))
        return;
    op->replicas_asked_ms = now_ms;
    act(actions, bring ? OPERATION_BRING_REPLICAS : OPERATION_ASK_REPLICAS);
}

/* What was asked at an earlier step says nothing about this one. */
static bool note_answer(struct operation *op, const struct operation_event *event)
{
    op->asked = false;
    if (event->kind != OPERATION_UNANSWERED) {
        op->answered_ms = event->now_ms;
        op->status.heard = true;
    } else {
        op->trouble = *event->error;
    }
    if (event->kind == OPERATION_SAID) {
        op->holder = event->holder;
        op->status.holder_usn = event->holder.point.usn;
    }
    return op->said_ms != 0;
}

static void note_progress(struct operation *op, const struct operation_event *event)
{
    if (op->status.heard)
        progress_note(&op->progress, left(op, event), event->now_ms);
    if (op->goal != UINT64_MAX && event->own.usn < op->goal)
        progress_note_files(&op->progress, event->own.usn, event->files_left, event->now_ms);
}

/* Silence that was slept through was no silence of the holder's. */
static void note_time(struct operation *op, uint64_t now_ms)
{
    if (now_ms - op->stepped_ms >= OPERATION_SLEPT_MS)
        op->answered_ms = op->progress.moved_ms = now_ms;
    op->stepped_ms = now_ms;
}

enum failure operation_check_cancel(const struct operation *op, struct error *e)
{
    if (operation_step_is_open(op->status.step))
        return OK;
    return ending_too_late(e, &op->words, operation_step_name(op->status.step));
}

static enum failure on_cancelled(struct operation *op, const struct operation_event *event,
                                 struct operation_actions *actions, struct error *e)
{
    enum failure bad = operation_check_cancel(op, e);
    if (bad)
        return bad;
    ending_called_off(&op->status.error, &op->words);
    call_off(op, event->now_ms, actions);
    return OK;
}

enum failure operation_step(struct operation *op, const struct operation_event *event,
                            struct operation_actions *actions, struct error *e)
{
    enum failure bad = OK;
    enum operation_step before;
    struct operation_event now = *event;
    actions->count = 0;
    if (has_ended(op))
        return OK;
    note_time(op, event->now_ms);
    note_progress(op, event);
    if ((event->serves || event->kind == OPERATION_TAKEN) && op->status.step != OPERATION_TURN)
        on_served(op, event, actions);
    switch (event->kind) {
    case OPERATION_TICK:
    case OPERATION_TAKEN:
    case OPERATION_NOT_TAKEN: break;
    case OPERATION_SAID:
        if (!note_answer(op, event))
            now.kind = OPERATION_TICK;
        break;
    case OPERATION_REFUSED:
        if (note_answer(op, event))
            on_refused(op, event, actions);
        break;
    case OPERATION_UNANSWERED: note_answer(op, event); break;
    case OPERATION_FLUSHED: on_flushed(op, event, actions); break;
    case OPERATION_KEPT: on_kept(op, event, actions); break;
    case OPERATION_CANCELLED: bad = on_cancelled(op, event, actions, e); break;
    }
    on_silence(op, &now, actions);
    do { /* what needs nobody's word goes on at once */
        before = op->status.step;
        look(op, &now, actions);
        now.kind = OPERATION_TICK;
    } while (op->status.step != before && !has_ended(op));
    op->status.copied = event->own.usn;
    say_something(op, event, actions);
    ask_replicas(op, event->now_ms, actions);
    return bad;
}
