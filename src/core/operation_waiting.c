/* What each step of an operation waits for, and where it goes from there: one function for each
 * step. */
#include "core/limits.h"
#include "core/operation_ending.h"
#include "core/operation_inside.h"

uint64_t operation_left(const struct operation *op, const struct operation_event *event)
{
    uint64_t head = op->holder.point.usn;
    return head > event->own.usn ? head - event->own.usn : 0;
}

/* The holder can't hand over now: it waits for a grant itself, or its store has failed. */
static void wait_until_it_serves(struct operation *op, const struct operation_event *event,
                                 struct operation_actions *actions)
{
    bool in_vain = home_waits_for_start(&op->holder);
    if (!op->idle_ms)
        op->idle_ms = event->now_ms;
    if (!in_vain && event->now_ms - op->idle_ms < OPERATION_SERVES_MS)
        return;
    if (op->options.disaster) {
        operation_take_alone(op, event, actions);
        return;
    }
    if (in_vain)
        ending_holder_stopped(&op->status.error, &op->words);
    else
        ending_not_served(&op->status.error, &op->words, op->holder.mode);
    operation_call_off(op, event->now_ms, actions);
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
        operation_go_to(op, OPERATION_REPLICAS, event->now_ms, actions);
        return;
    }
    if (op->options.flush && op->status.step <= OPERATION_REPLICAS) {
        operation_go_to(op, OPERATION_FLUSH, event->now_ms, actions);
        operation_act(actions, OPERATION_ASK_FLUSH);
        return;
    }
    uint64_t seen = op->holder.seen;
    op->status.to = event->next;
    if (op->status.to.number <= seen)
        op->status.to.number = term_number_above(term_side(event->next), seen);
    operation_go_to(op, op->options.close_ms ? OPERATION_CLOSE : OPERATION_DRAIN, event->now_ms,
                    actions);
}

static void end_stuck(struct operation *op, const struct operation_event *event,
                      struct operation_actions *actions)
{
    ending_stuck(&op->status.error, &op->words, op->options.patience_ms, operation_left(op, event),
                 event->trouble);
    operation_call_off(op, event->now_ms, actions);
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
    if (goes_on && event->whole && operation_left(op, event) <= BATCH_ITEMS_MAX)
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
        operation_call_off(op, event->now_ms, actions);
    }
}

/* Its end is an event; what would never come to one must not keep the operation for ever. */
static void on_flush(struct operation *op, const struct operation_event *event,
                     struct operation_actions *actions)
{
    if (event->now_ms - op->status.step_ms[OPERATION_FLUSH] < OPERATION_FLUSH_MS)
        return;
    ending_flush_late(&op->status.error, &op->words, OPERATION_FLUSH_MS);
    operation_call_off(op, event->now_ms, actions);
}

/* In a disaster what can't be flushed stays there, and goes to whoever holds the home then. */
void operation_on_flushed(struct operation *op, const struct operation_event *event,
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
    operation_call_off(op, event->now_ms, actions);
}

/* What stops users is asked for by a pool that has just shown that it can keep what it will have
 * to: else they would wait for its store, and the home be given away for it. */
static bool waits_for_own_store(struct operation *op, const struct operation_event *event,
                                struct operation_actions *actions)
{
    enum operation_step step = op->status.step;
    if (!operation_rule(step)->kept || op->status.kept_ms)
        return false;
    if (event->now_ms - op->status.step_ms[step] >= op->options.store_ms) {
        ending_late_here(&op->status.error, &op->words, op->options.store_ms);
        operation_call_off(op, event->now_ms, actions);
    }
    return true;
}

void operation_on_kept(struct operation *op, const struct operation_event *event,
                       struct operation_actions *actions)
{
    if (event->step != op->status.step || !operation_rule(event->step)->kept)
        return; /* of a step before, or nobody waits for it */
    if (event->error && event->error->kind) {
        ending_not_kept_here(&op->status.error, &op->words, event->error);
        operation_call_off(op, event->now_ms, actions);
        return;
    }
    op->status.kept_ms = event->now_ms;
    op->said_ms = 0; /* and now what the step is about */
}

static void on_close(struct operation *op, const struct operation_event *event,
                     struct operation_actions *actions)
{
    if (event->now_ms - op->status.kept_ms >= op->options.close_ms)
        operation_go_to(op, OPERATION_DRAIN, event->now_ms, actions);
}

static void stop_waiting_for_store(struct operation *op, const struct operation_event *event,
                                   struct operation_actions *actions)
{
    if (op->options.disaster) {
        operation_take_alone(op, event, actions);
        return;
    }
    ending_not_stopped(&op->status.error, &op->words, op->options.store_ms);
    operation_call_off(op, event->now_ms, actions);
}

static void on_drain(struct operation *op, const struct operation_event *event,
                     struct operation_actions *actions)
{
    bool drained = op->holder.mode == MODE_DRAINING && event->kind == OPERATION_SAID;
    if (!op->drained_ms && op->said_ms)
        op->drained_ms = op->said_ms;
    if (!drained) {
        if (event->now_ms - op->status.kept_ms >= op->options.store_ms)
            stop_waiting_for_store(op, event, actions);
        return;
    }
    if (op->holder.durable || op->options.disaster) {
        operation_go_to(op, OPERATION_REST, event->now_ms, actions);
        return;
    }
    ending_store_full(&op->status.error, &op->words);
    operation_call_off(op, event->now_ms, actions);
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
        operation_go_to(op, verify ? OPERATION_VERIFY : OPERATION_RELEASE, event->now_ms, actions);
    } else if (is_impatient(op, event->now_ms)) {
        end_stuck(op, event, actions);
    } else if (full) { /* changes are refused: nobody waits for room on a disk */
        ending_full(&op->status.error, &op->words, operation_left(op, event), event->trouble);
        operation_call_off(op, event->now_ms, actions);
    }
}

static void on_verify(struct operation *op, const struct operation_event *event,
                      struct operation_actions *actions)
{
    op->status.verified = home_point_equal(&op->status.point, &op->holder.point);
    if (op->status.verified) {
        operation_go_to(op, OPERATION_RELEASE, event->now_ms, actions);
        return;
    }
    ending_unequal(&op->status.error, &op->words);
    operation_call_off(op, event->now_ms, actions);
}

/* What is busy with it for so long may still come to an end; whoever says that it did not keep it
 * has not. */
void operation_leave_in_doubt(struct operation *op, uint64_t now_ms,
                              struct operation_actions *actions)
{
    ending_in_doubt(&op->status.error, &op->words);
    op->status.failed_at = OPERATION_RELEASE;
    operation_end(op, OPERATION_FAILED, now_ms, actions);
}

static void on_release(struct operation *op, const struct operation_event *event,
                       struct operation_actions *actions)
{
    bool said = event->kind == OPERATION_SAID, refused = event->kind == OPERATION_REFUSED;
    bool late = event->now_ms - op->status.step_ms[OPERATION_RELEASE] >= op->options.store_ms;
    bool stopped = said && !op->holder.durable; /* and it can't write that down */
    if (said && op->holder.mode == MODE_RELEASED) {
        operation_go_to(op, OPERATION_TAKE, event->now_ms, actions);
    } else if (op->options.disaster && (stopped || (late && (said || refused)))) {
        operation_take_alone(op, event, actions);
    } else if (late && said) {
        ending_not_released(&op->status.error, &op->words, op->options.store_ms);
        operation_call_off(op, event->now_ms, actions);
    } else if (late && refused) {
        operation_leave_in_doubt(op, event->now_ms, actions);
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
        operation_take_alone(op, event, actions);
}

static void fail_to_take(struct operation *op, uint64_t now_ms, struct operation_actions *actions)
{
    ending_not_taken(&op->status.error, &op->words, op->status.alone);
    op->status.failed_at = OPERATION_TAKE;
    operation_end(op, OPERATION_FAILED, now_ms, actions);
}

/* This pool serves: what was wanted, whoever brought it about. */
void operation_on_served(struct operation *op, const struct operation_event *event,
                         struct operation_actions *actions)
{
    operation_changes_go_on(op, event->now_ms);
    op->status.error = (struct error){0};
    op->status.failed_at = OPERATION_COPY;
    if (op->status.alone)
        operation_end(op, OPERATION_DONE, event->now_ms, actions);
    else
        operation_go_to(op, OPERATION_TURN, event->now_ms, actions);
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
    struct operation_action *a = operation_act(actions, OPERATION_OPEN);
    a->to = op->status.to;
    a->alone = op->status.alone;
}

static void on_turn(struct operation *op, const struct operation_event *event,
                    struct operation_actions *actions)
{
    op->status.turned = event->kind == OPERATION_SAID && op->holder.mode == MODE_STANDBY;
    bool late = event->now_ms - op->status.step_ms[OPERATION_TURN] >= OPERATION_TURN_MS;
    if (op->status.turned || late)
        operation_end(op, OPERATION_DONE, event->now_ms, actions);
}

static void on_call_off(struct operation *op, const struct operation_event *event,
                        struct operation_actions *actions)
{
    bool serves = event->kind == OPERATION_SAID && op->holder.mode != MODE_CLOSING &&
                  op->holder.mode != MODE_DRAINING;
    bool by_itself = event->now_ms - op->status.step_ms[OPERATION_CALL_OFF] >= HANDOVER_HOLD_MS;
    if (!serves && !by_itself)
        return;
    operation_changes_go_on(op, event->now_ms);
    operation_end(op, OPERATION_FAILED, event->now_ms, actions);
}

void operation_look(struct operation *op, const struct operation_event *event,
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
