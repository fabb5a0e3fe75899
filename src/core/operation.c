#include "core/operation_inside.h"

#include <assert.h>
#include <stdlib.h>

#include "base/memory.h"
#include "core/operation_ending.h"

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

struct operation_action *operation_act(struct operation_actions *actions,
                                       enum operation_action_kind kind)
{
    assert(actions->count < OPERATION_ACTIONS_MAX);
    struct operation_action *a = &actions->list[actions->count++];
    *a = (struct operation_action){.kind = kind};
    return a;
}

void operation_go_to(struct operation *op, enum operation_step step, uint64_t now_ms,
                     struct operation_actions *actions)
{
    struct operation_status *s = &op->status;
    bool told = actions->count && actions->list[actions->count - 1].kind == OPERATION_TELL;
    s->step_end_ms[s->step] = now_ms;
    s->step = step;
    s->step_ms[step] = now_ms;
    op->said_ms = s->kept_ms = 0;
    progress_begin(&op->progress, now_ms);
    op->idle_ms = 0;
    op->replicas_asked_ms = 0;
    if (!told)
        operation_act(actions, OPERATION_TELL);
}

void operation_end(struct operation *op, enum operation_step step, uint64_t now_ms,
                   struct operation_actions *actions)
{
    operation_go_to(op, step, now_ms, actions);
    op->status.ended_ms = now_ms;
    operation_act(actions, OPERATION_ENDED);
}

/* The home is served by somebody again, or was all the time. */
void operation_changes_go_on(struct operation *op, uint64_t now_ms)
{
    if (op->drained_ms && !op->status.refused_ms)
        op->status.refused_ms = now_ms - op->drained_ms ? now_ms - op->drained_ms : 1;
}

/* With `op->status.error` filled in. What the holder was not told yet, it need not be told to
 * forget. */
void operation_call_off(struct operation *op, uint64_t now_ms, struct operation_actions *actions)
{
    op->status.failed_at = op->status.step;
    if (!term_is_none(op->told))
        operation_go_to(op, OPERATION_CALL_OFF, now_ms, actions);
    else
        operation_end(op, OPERATION_FAILED, now_ms, actions);
}

void operation_take_alone(struct operation *op, const struct operation_event *event,
                          struct operation_actions *actions)
{
    if (op->options.replicas && op->status.step != OPERATION_GATHER) { /* first of all */
        operation_go_to(op, OPERATION_GATHER, event->now_ms, actions);
        return;
    }
    if (!event->whole && !op->options.incomplete) {
        ending_not_whole(&op->status.error, &op->words);
        operation_call_off(op, event->now_ms, actions);
        return;
    }
    op->status.alone = true;
    op->opening = false;
    operation_go_to(op, OPERATION_TAKE, event->now_ms, actions);
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
    op->status.heard = false;
    operation_go_to(op, OPERATION_COPY, now_ms, actions);
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
        operation_changes_go_on(op, event->now_ms);
        operation_end(op, OPERATION_FAILED, event->now_ms, actions);
        return;
    }
    if (begin_again(op, event->now_ms, actions))
        return;
    ending_refused(&op->status.error, &op->words, event->error);
    operation_call_off(op, event->now_ms, actions);
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
        operation_leave_in_doubt(op, event->now_ms, actions);
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
        operation_take_alone(op, event, actions);
    } else if (step == OPERATION_RELEASE) {
        wait_in_doubt(op, event, actions);
    } else {
        ending_silent(&op->status.error, &op->words, &op->trouble);
        operation_call_off(op, event->now_ms, actions);
    }
}

static void say_something(struct operation *op, const struct operation_event *event,
                          struct operation_actions *actions)
{
    const struct operation_rule *rule = operation_rule(op->status.step);
    /* For a moment, as a rule, without a word; but what was told already, it is told again. */
    bool waits = rule->kept && !op->status.kept_ms;
    bool told = !term_is_none(op->told) && term_equal(op->told, op->status.to);
    enum home_demand says = !waits ? rule->says : told ? DEMAND_CLOSE : DEMAND_LOOK;
    uint32_t each_ms = !waits ? rule->each_ms
                       : told ? (uint32_t)OPERATION_RENEW_MS
                              : (uint32_t)OPERATION_LOOK_MS;
    uint64_t since_ms = waits && !op->said_ms ? op->status.step_ms[op->status.step] : op->said_ms;
    if (!each_ms || op->asked || (since_ms && event->now_ms - since_ms < each_ms))
        return;
    op->said_ms = event->now_ms;
    op->asked = true;
    struct home_demanded *d = &operation_act(actions, OPERATION_DEMAND)->demanded;
    *d = (struct home_demanded){.demand = says};
    if (says == DEMAND_CANCEL) { /* it was begun again since, perhaps */
        d->to = op->told;
    } else if (says != DEMAND_LOOK) {
        d->to = op->told = op->status.to;
    }
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
    operation_act(actions, bring ? OPERATION_BRING_REPLICAS : OPERATION_ASK_REPLICAS);
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
        progress_note(&op->progress, operation_left(op, event), event->now_ms);
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
    operation_call_off(op, event->now_ms, actions);
    return OK;
}

/* Else sessions would end, and changes stop, for somebody who declines the home. */
static void on_stopped(struct operation *op, const struct operation_event *event,
                       struct operation_actions *actions)
{
    if (!event->stopped || !operation_step_is_open(op->status.step))
        return;
    ending_taker_stopped(&op->status.error, &op->words);
    operation_call_off(op, event->now_ms, actions);
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
        operation_on_served(op, event, actions);
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
    case OPERATION_FLUSHED: operation_on_flushed(op, event, actions); break;
    case OPERATION_KEPT: operation_on_kept(op, event, actions); break;
    case OPERATION_CANCELLED: bad = on_cancelled(op, event, actions, e); break;
    }
    on_stopped(op, event, actions);
    on_silence(op, &now, actions);
    do { /* what needs nobody's word goes on at once */
        before = op->status.step;
        operation_look(op, &now, actions);
        now.kind = OPERATION_TICK;
    } while (op->status.step != before && !has_ended(op));
    op->status.copied = event->own.usn;
    say_something(op, event, actions);
    ask_replicas(op, event->now_ms, actions);
    return bad;
}
