/* One exporter, told as stories. A desk holds it, a clock that moves when told, and the copy's
 * position as the copy itself would tell it. */
#include "unit.h"

#include <stdio.h>
#include <string.h>

#include "core/export.h"
#include "core/pace.h"

enum { INTERVAL_MS = 10000, BATCHES_MAX = 3, START_MS = 1000000, HELD_MS = 1000 };

struct desk {
    struct exporter *x;
    struct export_options options;
    uint64_t now, head;
    struct term term;            /* in which the home is exported */
    struct export_action action; /* what came of the last event */
};

static void desk_close(struct desk *d)
{
    exporter_free(d->x);
}
static void owned_desk_close(struct desk *d)
{
    desk_close(d);
}

static struct desk a_desk(bool continuous)
{
    struct desk d = {.options = {.interval_ms = INTERVAL_MS,
                                 .continuous = continuous,
                                 .batches_max = BATCHES_MAX},
                     .now = START_MS};
    d.x = exporter_new(&d.options);
    return d;
}

static enum export_action_kind tell(struct desk *d, struct export_event event)
{
    event.now_ms = d->now;
    d->action = export_step(d->x, &event);
    return d->action.kind;
}

static enum export_action_kind opens(struct desk *d, uint64_t number, uint64_t head)
{
    d->head = head;
    d->term = (struct term){.number = number, .tag = number + 7};
    return tell(d, (struct export_event){.kind = EXPORT_OPENED, .term = d->term, .head = head});
}

static enum export_action_kind changes(struct desk *d, uint64_t count)
{
    d->head += count;
    return tell(d, (struct export_event){.kind = EXPORT_CHANGED, .head = d->head});
}

static enum export_action_kind answers(struct desk *d, enum copy_verdict verdict, uint64_t usn)
{
    return tell(d, (struct export_event){
                       .kind = EXPORT_ANSWERED,
                       .answer = {.verdict = verdict, .at = {.term = usn ? 2 : 0, .usn = usn}}});
}

static enum export_action_kind stands_at(struct desk *d, uint64_t usn)
{
    return answers(d, COPY_GO_ON, usn);
}

/* The copy has taken a batch up to there, but not stored it. */
static enum export_action_kind took(struct desk *d, uint64_t upto, uint64_t stored)
{
    return tell(d, (struct export_event){.kind = EXPORT_ANSWERED,
                                         .answer = {.verdict = COPY_GO_ON,
                                                    .at = {.term = stored ? 2 : 0, .usn = stored},
                                                    .taken = upto}});
}

static enum export_action_kind fails(struct desk *d)
{
    return tell(d, (struct export_event){.kind = EXPORT_FAILED});
}

static enum export_action_kind is_wanted(struct desk *d)
{
    return tell(d, (struct export_event){.kind = EXPORT_WANTED});
}

static enum export_action_kind wants_compared(struct desk *d)
{
    return tell(d, (struct export_event){.kind = EXPORT_WANTED_COMPARED});
}

static enum export_action_kind looks(struct desk *d)
{
    return tell(d, (struct export_event){.kind = EXPORT_LOOKED});
}

static enum export_action_kind closes(struct desk *d)
{
    return tell(d, (struct export_event){.kind = EXPORT_CLOSED});
}

static enum export_action_kind tick(struct desk *d)
{
    return tell(d, (struct export_event){.kind = EXPORT_TICK});
}

/* Time passes tick by tick, and nothing may be sent meanwhile. */
static void quiet_for(struct desk *d, uint64_t ms)
{
    for (uint64_t end = d->now + ms; d->now < end;) {
        d->now += EXPORT_TICK_MS;
        assert_int_equal(tick(d), EXPORT_NOTHING);
    }
}

/* … until something is sent. */
static enum export_action_kind waits(struct desk *d, uint64_t ms)
{
    for (uint64_t end = d->now + ms; d->now < end;) {
        d->now += EXPORT_TICK_MS;
        if (tick(d) != EXPORT_NOTHING)
            break;
    }
    return d->action.kind;
}

/* The copy answers everything at once, and takes it all: time passes so. */
static void in_health_for(struct desk *d, uint64_t ms)
{
    for (uint64_t end = d->now + ms; d->now < end;) {
        d->now += EXPORT_TICK_MS;
        tick(d);
        while (d->action.kind != EXPORT_NOTHING)
            stands_at(d, d->head);
    }
}

static struct export_status status(const struct desk *d)
{
    struct export_status s;
    export_status(d->x, &s);
    return s;
}

#define ASSERT_WORD(d, expected)                                                                   \
    assert_string_equal(export_word_name(export_word((d)->x, (d)->term, (d)->now)), expected)

static void assert_batch(const struct desk *d, uint64_t after, uint64_t goal)
{
    assert_int_equal(d->action.kind, EXPORT_BATCH);
    assert_int_equal(d->action.after, after);
    assert_int_equal(d->action.goal, goal);
}

/* A copy that has everything up to `head`, in term 2. */
static struct desk in_step(bool continuous, uint64_t head)
{
    struct desk d = a_desk(continuous);
    opens(&d, 2, head);
    stands_at(&d, head);
    return d;
}

/* --- copying --- */

static void the_copy_is_asked_where_it_stands_before_anything_is_sent(void **state)
{
    (void)state;
    OWNED(desk_close) struct desk d = a_desk(true);
    assert_int_equal(tick(&d), EXPORT_NOTHING);
    ASSERT_WORD(&d, "NotInitialized");
    assert_int_equal(opens(&d, 2, 500), EXPORT_OFFER);
    ASSERT_WORD(&d, "NotInitialized");
    quiet_for(&d, 5000); /* one thing at a time: whoever carries it says when it ended */
}

static void a_first_copy_is_sent_batch_by_batch(void **state)
{
    (void)state;
    OWNED(desk_close) struct desk d = a_desk(true);
    opens(&d, 2, 500);
    stands_at(&d, 0);
    assert_batch(&d, 0, 500);
    stands_at(&d, 200);
    assert_batch(&d, 200, 500);
    ASSERT_WORD(&d, "SteadyState");
    assert_int_equal(stands_at(&d, 500), EXPORT_NOTHING);
    assert_int_equal(status(&d).copied.usn, 500);
    assert_int_equal(status(&d).cycles, 1);
    assert_int_equal(status(&d).oldest_ms, 0);
}

static void the_next_batch_follows_on_what_is_taken_and_only_what_is_stored_is_copied(void **state)
{
    (void)state;
    OWNED(desk_close) struct desk d = a_desk(true);
    opens(&d, 2, 500);
    stands_at(&d, 0);
    took(&d, 200, 0);
    assert_batch(&d, 200, 500);
    assert_int_equal(status(&d).copied.usn, 0);
    assert_true(status(&d).oldest_ms > 0);
    assert_false(d.action.last);
    took(&d, 400, 200);
    assert_batch(&d, 400, 500);
    assert_int_equal(status(&d).copied.usn, 200);
    assert_true(d.action.last); /* by the limit: it is not to wait for another one */
    assert_int_equal(stands_at(&d, 500), EXPORT_NOTHING);
    assert_int_equal(status(&d).copied.usn, 500);
}

static void what_was_taken_and_not_stored_is_sent_again_after_a_failure(void **state)
{
    (void)state;
    OWNED(desk_close) struct desk d = a_desk(true);
    opens(&d, 2, 500);
    stands_at(&d, 0);
    took(&d, 200, 100);
    fails(&d);
    assert_int_equal(waits(&d, EXPORT_RETRY_MS), EXPORT_OFFER);
    stands_at(&d, 100);
    assert_batch(&d, 100, 500);
    took(&d, 900, 100); /* which can't be */
    assert_batch(&d, 100, 500);
}

static void a_cycle_does_not_end_while_something_is_taken_and_not_stored(void **state)
{
    (void)state;
    OWNED(desk_close) struct desk d = a_desk(false);
    opens(&d, 2, 500);
    stands_at(&d, 0);
    d.now++;
    changes(&d, 300);
    took(&d, 700, 600); /* beyond the head as it was when the cycle began */
    assert_batch(&d, 700, 500);
    assert_int_equal(stands_at(&d, 800), EXPORT_NOTHING);
    assert_int_equal(status(&d).cycles, 1);
}

static void while_nothing_changes_the_copy_is_asked_now_and_then(void **state)
{
    (void)state;
    OWNED(desk_close) struct desk d = in_step(true, 500);
    for (int i = 0; i < 3; i++) {
        quiet_for(&d, EXPORT_ASK_MS - EXPORT_TICK_MS);
        assert_int_equal(waits(&d, EXPORT_TICK_MS), EXPORT_OFFER);
        assert_int_equal(stands_at(&d, 500), EXPORT_NOTHING);
    }
}

static void a_change_is_sent_at_once(void **state)
{
    (void)state;
    OWNED(desk_close) struct desk d = in_step(true, 500);
    assert_int_equal(changes(&d, 1), EXPORT_BATCH);
    assert_batch(&d, 500, 501);
    assert_int_equal(stands_at(&d, 501), EXPORT_NOTHING);
}

static void changes_made_while_a_batch_is_under_way_share_the_next_one(void **state)
{
    (void)state;
    OWNED(desk_close) struct desk d = in_step(true, 500);
    changes(&d, 1);
    assert_int_equal(changes(&d, 1), EXPORT_NOTHING);
    assert_int_equal(changes(&d, 3), EXPORT_NOTHING);
    stands_at(&d, 501);
    assert_batch(&d, 501, 505);
    assert_int_equal(stands_at(&d, 505), EXPORT_NOTHING);
    assert_int_equal(status(&d).cycles, 2);
}

/* A batch is read later than it is decided on, and takes along what came in between. */
static void a_batch_may_bring_more_than_was_known_when_its_cycle_began(void **state)
{
    (void)state;
    OWNED(desk_close) struct desk d = in_step(true, 500);
    changes(&d, 1);
    changes(&d, 4);
    assert_int_equal(stands_at(&d, 505), EXPORT_NOTHING);
    assert_int_equal(status(&d).copied.usn, 505);
}

static void a_head_told_late_or_twice_changes_nothing(void **state)
{
    (void)state;
    OWNED(desk_close) struct desk d = in_step(true, 500);
    assert_int_equal(tell(&d, (struct export_event){.kind = EXPORT_CHANGED, .head = 400}),
                     EXPORT_NOTHING);
    assert_int_equal(tell(&d, (struct export_event){.kind = EXPORT_CHANGED, .head = 500}),
                     EXPORT_NOTHING);
    assert_int_equal(status(&d).head, 500);
}

/* --- heads that are held back --- */

static struct desk in_step_and_holding_heads_back(void)
{
    struct desk d = in_step(true, 500);
    changes(&d, 1); /* the first is never held back */
    stands_at(&d, 501);
    d.options.held_ms = HELD_MS;
    exporter_configure(d.x, &d.options);
    d.now += HELD_MS;
    return d;
}

static enum export_action_kind was_read_at(struct desk *d, uint64_t head)
{
    return tell(d, (struct export_event){.kind = EXPORT_READ, .head = head});
}

static void a_head_that_others_move_again_and_again_costs_one_batch_in_a_while(void **state)
{
    (void)state;
    OWNED(desk_close) struct desk d = in_step_and_holding_heads_back();
    assert_int_equal(changes(&d, 1), EXPORT_NOTHING);
    quiet_for(&d, HELD_MS - EXPORT_TICK_MS);
    assert_int_equal(changes(&d, 1), EXPORT_NOTHING);
    d.now += EXPORT_TICK_MS;
    assert_int_equal(tick(&d), EXPORT_BATCH);
    assert_int_equal(d.action.goal, 503);
}

static void a_change_of_its_own_and_somebody_who_waits_are_not_held_back(void **state)
{
    (void)state;
    OWNED(desk_close) struct desk d = in_step_and_holding_heads_back();
    changes(&d, 1);
    assert_int_equal(tell(&d, (struct export_event){.kind = EXPORT_OWN_CHANGED}), EXPORT_BATCH);
    stands_at(&d, 502);
    changes(&d, 1);
    assert_int_equal(is_wanted(&d), EXPORT_BATCH);
    assert_int_equal(d.action.goal, 503);
}

/* A batch was read at 501, and the home closed at 502 before that was known: without the last
 * change a handover would wait in vain. */
static void what_was_read_hides_no_news_of_what_came_after_it(void **state)
{
    (void)state;
    OWNED(desk_close) struct desk d = in_step_and_holding_heads_back();
    changes(&d, 1);
    tell(&d, (struct export_event){.kind = EXPORT_OWN_CHANGED});
    changes(&d, 1);
    was_read_at(&d, 502);
    assert_int_equal(stands_at(&d, 502), EXPORT_NOTHING);
    quiet_for(&d, HELD_MS - EXPORT_TICK_MS);
    d.now += EXPORT_TICK_MS;
    assert_int_equal(tick(&d), EXPORT_BATCH);
    assert_int_equal(d.action.goal, 503);
}

static enum export_action_kind is_carried_to(struct desk *d, uint64_t usn)
{
    return tell(d, (struct export_event){.kind = EXPORT_CARRIED, .answer.at = {2, usn}});
}

static void rule_20_whoever_was_carried_has_nothing_to_send(void **state)
{
    (void)state;
    OWNED(desk_close) struct desk d = in_step_and_holding_heads_back();
    for (unsigned i = 0; i < 9; i++) {
        changes(&d, 1);
        assert_int_equal(is_carried_to(&d, d.head), EXPORT_NOTHING);
        d.now += 2 * HELD_MS;
        assert_int_equal(tick(&d), EXPORT_NOTHING);
        assert_true(status(&d).copied.usn == d.head && status(&d).head == d.head);
    }
    is_carried_to(&d, d.head - 5); /* that comes late */
    assert_int_equal(status(&d).copied.usn, d.head);
    is_carried_to(&d, d.head + 1); /* or before the news of it */
    changes(&d, 1);
    d.now += 2 * HELD_MS;
    assert_int_equal(tick(&d), EXPORT_NOTHING);
}

static void rule_20_a_batch_that_finds_its_copy_carried_goes_on_from_there_at_once(void **state)
{
    (void)state;
    OWNED(desk_close) struct desk d = in_step_and_holding_heads_back();
    assert_true(exporter_may_be_carried(d.x));
    changes(&d, 1);
    assert_int_equal(tell(&d, (struct export_event){.kind = EXPORT_OWN_CHANGED}), EXPORT_BATCH);
    assert_false(exporter_may_be_carried(d.x));
    uint64_t before = status(&d).copied.usn;
    is_carried_to(&d, d.head + 7); /* its own answer says it */
    assert_int_equal(status(&d).copied.usn, before);
    d.head += 7;
    assert_int_equal(answers(&d, COPY_EARLY, d.head - 1), EXPORT_OFFER);
    ASSERT_WORD(&d, "SteadyState"); /* nobody is alerted by that */
    assert_int_equal(stands_at(&d, d.head - 8), EXPORT_BATCH);
    assert_int_equal(answers(&d, COPY_EARLY, before), EXPORT_NOTHING); /* for another reason */
}

static void rule_20_where_it_was_carried_while_it_was_asked_is_no_error(void **state)
{
    (void)state;
    OWNED(desk_close) struct desk d = in_step_and_holding_heads_back();
    assert_int_equal(looks(&d), EXPORT_OFFER);
    changes(&d, 3);
    assert_int_equal(stands_at(&d, d.head), EXPORT_NOTHING);
    ASSERT_WORD(&d, "SteadyState");
    assert_true(status(&d).copied.usn == d.head && !status(&d).failing);
    looks(&d);
    stands_at(&d, d.head + 1); /* that nobody told of */
    ASSERT_WORD(&d, "ErrorState");
}

static void what_nobody_takes_along_goes_by_itself(void **state)
{
    (void)state;
    OWNED(desk_close) struct desk d = in_step_and_holding_heads_back();
    assert_true(exporter_rests(d.x));
    assert_int_equal(tell(&d, (struct export_event){.kind = EXPORT_ALONE}), EXPORT_NOTHING);
    assert_int_equal(changes(&d, 2), EXPORT_NOTHING);
    assert_false(exporter_rests(d.x));
    assert_int_equal(status(&d).head - status(&d).copied.usn, 2); /* it is said that they wait */
    assert_int_equal(tell(&d, (struct export_event){.kind = EXPORT_ALONE}), EXPORT_BATCH);
}

static void a_held_head_is_not_final_and_ends_with_its_term(void **state)
{
    (void)state;
    OWNED(desk_close) struct desk d = in_step_and_holding_heads_back();
    changes(&d, 1);
    tell(&d, (struct export_event){.kind = EXPORT_OWN_CHANGED});
    stands_at(&d, 502);
    d.now += 2 * INTERVAL_MS;
    is_wanted(&d);
    stands_at(&d, 502);
    assert_int_equal(export_word(d.x, d.term, d.now), WORD_FINAL);
    d.options.held_ms = 5 * INTERVAL_MS;
    exporter_configure(d.x, &d.options);
    changes(&d, 9);
    assert_int_equal(export_word(d.x, d.term, d.now), WORD_STEADY);
    opens(&d, 3, 502); /* another term, which has lost the changes */
    stands_at(&d, 502);
    is_wanted(&d);
    stands_at(&d, 502);
    assert_int_equal(status(&d).head, 502);
}

static void in_interval_mode_changes_wait_for_the_end_of_the_interval(void **state)
{
    (void)state;
    OWNED(desk_close) struct desk d = a_desk(false);
    opens(&d, 2, 500);
    stands_at(&d, 0);
    assert_batch(&d, 0, 500); /* the first cycle does not wait */
    stands_at(&d, 500);
    d.now += 1000;
    assert_int_equal(changes(&d, 1), EXPORT_NOTHING);
    quiet_for(&d, INTERVAL_MS - 1000 - EXPORT_TICK_MS);
    assert_int_equal(changes(&d, 1), EXPORT_NOTHING);
    ASSERT_WORD(&d, "SteadyState");
    d.now += EXPORT_TICK_MS;
    tick(&d);
    assert_batch(&d, 500, 502);
    stands_at(&d, 502);
    ASSERT_WORD(&d, "SteadyState");
}

static void in_interval_mode_changes_are_sent_at_once_where_somebody_waits(void **state)
{
    (void)state;
    OWNED(desk_close) struct desk d = a_desk(false);
    opens(&d, 2, 500);
    stands_at(&d, 0);
    stands_at(&d, 500);
    changes(&d, 1);
    assert_int_equal(is_wanted(&d), EXPORT_BATCH);
    /* What comes after the wish is not meant by it, so it ends under load, too. */
    changes(&d, 1);
    assert_int_equal(stands_at(&d, 501), EXPORT_NOTHING);
    assert_int_equal(waits(&d, INTERVAL_MS), EXPORT_BATCH);
}

static void the_mode_can_be_changed_at_any_time(void **state)
{
    (void)state;
    OWNED(desk_close) struct desk d = a_desk(false);
    opens(&d, 2, 500);
    stands_at(&d, 0);
    stands_at(&d, 500);
    assert_int_equal(changes(&d, 1), EXPORT_NOTHING);
    d.options.continuous = true;
    exporter_configure(d.x, &d.options);
    assert_int_equal(tick(&d), EXPORT_BATCH);
}

/* --- as much as the link takes --- */

/* The copy answers a batch of so many bytes after so long, and is still far behind. */
static uint64_t batch_takes(struct desk *d, uint64_t bytes, uint64_t ms)
{
    for (uint64_t end = d->now + ms; d->now < end;) {
        d->now += EXPORT_TICK_MS;
        tick(d);
    }
    uint64_t usn = d->action.after + 1;
    tell(d, (struct export_event){.kind = EXPORT_ANSWERED,
                                  .answer = {.verdict = COPY_GO_ON, .at = {.term = 2, .usn = usn}},
                                  .bytes = bytes});
    assert_int_equal(d->action.kind, EXPORT_BATCH);
    return d->action.bytes_max;
}

static struct desk in_a_long_catch_up(void)
{
    struct desk d = a_desk(true);
    d.options.batches_max = 1000;
    exporter_configure(d.x, &d.options);
    opens(&d, 2, 100000);
    stands_at(&d, 0);
    assert_int_equal(d.action.kind, EXPORT_BATCH);
    return d;
}

static void over_a_fast_link_batches_grow_to_their_full_size(void **state)
{
    (void)state;
    OWNED(desk_close) struct desk d = in_a_long_catch_up();
    uint64_t bytes = d.action.bytes_max;
    assert_int_equal(bytes, PACE_FIRST_BYTES);
    for (; bytes < BATCH_BYTES_MAX; bytes = d.action.bytes_max)
        assert_int_equal(batch_takes(&d, bytes, EXPORT_TICK_MS), 2 * bytes);
    assert_int_equal(batch_takes(&d, bytes, EXPORT_TICK_MS), BATCH_BYTES_MAX);
}

static void over_a_slow_link_a_batch_is_what_arrives_in_a_moment(void **state)
{
    (void)state;
    OWNED(desk_close) struct desk d = in_a_long_catch_up();
    uint64_t bytes = d.action.bytes_max, rate = 64; /* in a millisecond */
    for (int i = 0; i < 3; i++)
        bytes = batch_takes(&d, bytes, bytes / rate / EXPORT_TICK_MS * EXPORT_TICK_MS);
    assert_in_range(bytes, rate * PACE_AIM_MS * 3 / 4, rate * PACE_AIM_MS * 5 / 4);
    /* One item is larger than that: it says as much. */
    assert_in_range(batch_takes(&d, ITEM_VALUE_MAX, ITEM_VALUE_MAX / rate), rate * PACE_AIM_MS / 2,
                    rate * PACE_AIM_MS);
}

static void a_small_batch_says_nothing_of_the_link(void **state)
{
    (void)state;
    OWNED(desk_close) struct desk d = in_a_long_catch_up();
    assert_int_equal(batch_takes(&d, 100, 10 * EXPORT_TICK_MS), PACE_FIRST_BYTES);
    assert_int_equal(export_rate(d.x, d.now), 0);
}

static void how_fast_it_went_last_is_known_and_what_is_under_way_is_no_faster(void **state)
{
    (void)state;
    OWNED(desk_close) struct desk d = in_a_long_catch_up();
    assert_int_equal(export_rate(d.x, d.now), 0);
    uint64_t bytes = batch_takes(&d, d.action.bytes_max, 2 * EXPORT_TICK_MS);
    assert_int_equal(export_rate(d.x, d.now), PACE_FIRST_BYTES * 1000 / (2 * EXPORT_TICK_MS));
    assert_int_equal(export_rate(d.x, d.now + 20000), bytes / 20); /* the link got slow */
    fails(&d);
    assert_int_equal(export_rate(d.x, d.now), 0);
}

/* A deadline that is met once is met again by as much, for ever. */
static void what_was_too_much_is_not_sent_again_as_it_was(void **state)
{
    (void)state;
    OWNED(desk_close) struct desk d = in_a_long_catch_up();
    uint64_t before = d.action.bytes_max;
    for (int i = 0; i < 10; i++) {
        fails(&d);
        assert_int_equal(waits(&d, EXPORT_RETRY_MS), EXPORT_OFFER);
        assert_int_equal(stands_at(&d, 0), EXPORT_BATCH);
        assert_true(d.action.bytes_max < before || before == PACE_LEAST_BYTES);
        before = d.action.bytes_max;
    }
    assert_int_equal(before, PACE_LEAST_BYTES);
}

/* --- limits --- */

/* A cycle of more batches than are allowed; the copy stands at 300 of 1000 then. */
static struct desk limit_met(void)
{
    struct desk d = a_desk(true);
    opens(&d, 2, 1000);
    stands_at(&d, 0);
    stands_at(&d, 100);
    stands_at(&d, 200);
    assert_int_equal(d.action.kind, EXPORT_BATCH);
    assert_int_equal(stands_at(&d, 300), EXPORT_NOTHING);
    return d;
}

static void a_cycle_that_meets_its_limit_goes_on_at_the_end_of_the_interval(void **state)
{
    (void)state;
    OWNED(desk_close) struct desk d = limit_met();
    ASSERT_WORD(&d, "NonSteadyState");
    quiet_for(&d, INTERVAL_MS - EXPORT_TICK_MS);
    assert_int_equal(waits(&d, EXPORT_TICK_MS), EXPORT_BATCH);
    assert_batch(&d, 300, 1000);
    ASSERT_WORD(&d, "NonSteadyState"); /* until a cycle has got through */
    stands_at(&d, 1000);
    ASSERT_WORD(&d, "FinalState");
}

static void a_cycle_that_meets_its_limit_goes_on_at_once_where_somebody_waits(void **state)
{
    (void)state;
    OWNED(desk_close) struct desk d = limit_met();
    assert_int_equal(is_wanted(&d), EXPORT_BATCH);
    for (uint64_t usn = 400; usn < 1000; usn += 100)
        assert_int_equal(stands_at(&d, usn), EXPORT_BATCH);
    assert_int_equal(stands_at(&d, 1000), EXPORT_NOTHING);
    ASSERT_WORD(&d, "SteadyState");
}

static void the_last_batch_that_is_allowed_may_be_the_last_that_is_needed(void **state)
{
    (void)state;
    OWNED(desk_close) struct desk d = a_desk(true);
    opens(&d, 2, 300);
    stands_at(&d, 0);
    stands_at(&d, 100);
    stands_at(&d, 200);
    stands_at(&d, 300);
    ASSERT_WORD(&d, "SteadyState");
}

static void a_limit_that_was_met_is_forgotten_once_a_comparison_brought_everything(void **state)
{
    (void)state;
    OWNED(desk_close) struct desk d = limit_met();
    fails(&d); /* to nothing that was sent: counts for nothing */
    is_wanted(&d);
    assert_int_equal(answers(&d, COPY_COMPARE, 300), EXPORT_COMPARE);
    stands_at(&d, 1000);
    ASSERT_WORD(&d, "SteadyState");
}

/* --- what goes wrong --- */

static void a_failure_is_tried_again_after_a_moment_and_begins_with_a_question(void **state)
{
    (void)state;
    OWNED(desk_close) struct desk d = in_step(true, 500);
    changes(&d, 1);
    assert_int_equal(fails(&d), EXPORT_NOTHING);
    ASSERT_WORD(&d, "ErrorState");
    assert_true(status(&d).failing);
    quiet_for(&d, EXPORT_RETRY_MS - EXPORT_TICK_MS);
    assert_int_equal(waits(&d, EXPORT_TICK_MS), EXPORT_OFFER);
    ASSERT_WORD(&d, "ErrorState");
    assert_int_equal(stands_at(&d, 500), EXPORT_BATCH);
    ASSERT_WORD(&d, "ErrorState"); /* nothing went right yet */
    assert_int_equal(stands_at(&d, 501), EXPORT_NOTHING);
    ASSERT_WORD(&d, "SteadyState");
}

/* A full disk at the copy: it answers each question, and keeps nothing. */
static void a_copy_that_answers_and_keeps_nothing_stays_in_error(void **state)
{
    (void)state;
    for (int continuous = 0; continuous < 2; continuous++) {
        OWNED(desk_close) struct desk d = in_step(continuous, 500);
        assert_int_equal(changes(&d, 1), EXPORT_BATCH); /* the first cycle does not wait */
        for (int i = 0; i < 5; i++) {
            assert_int_equal(fails(&d), EXPORT_NOTHING);
            assert_int_equal(waits(&d, EXPORT_RETRY_MS), EXPORT_OFFER);
            ASSERT_WORD(&d, "ErrorState");
            assert_int_equal(stands_at(&d, 500), EXPORT_BATCH);
            ASSERT_WORD(&d, "ErrorState");
        }
        stands_at(&d, 501);
        ASSERT_WORD(&d, "SteadyState");
    }
}

/* The same, of a backlog: it takes a batch, and fails when it is to store that with the next one.
 */
static void a_copy_that_takes_and_keeps_nothing_stays_in_error(void **state)
{
    (void)state;
    OWNED(desk_close) struct desk d = in_step(true, 500);
    changes(&d, 1000);
    took(&d, 900, 500);
    ASSERT_WORD(&d, "SteadyState");
    for (int i = 0; i < 5; i++) {
        fails(&d);
        assert_int_equal(waits(&d, EXPORT_RETRY_MS), EXPORT_OFFER);
        assert_int_equal(stands_at(&d, 500), EXPORT_BATCH);
        assert_int_equal(took(&d, 900, 500), EXPORT_BATCH);
        ASSERT_WORD(&d, "ErrorState");
    }
    assert_int_equal(took(&d, 1400, 900), EXPORT_BATCH);
    ASSERT_WORD(&d, "SteadyState");
}

/* Nobody knows yet whether it can keep it, and nothing says that it can't. */
static void a_copy_that_takes_again_after_it_was_gone_is_no_error(void **state)
{
    (void)state;
    OWNED(desk_close) struct desk d = in_step(true, 500);
    is_wanted(&d);
    fails(&d); /* to be heard */
    changes(&d, 1000);
    assert_int_equal(waits(&d, EXPORT_RETRY_MS), EXPORT_OFFER);
    assert_int_equal(stands_at(&d, 500), EXPORT_BATCH);
    ASSERT_WORD(&d, "ErrorState");
    assert_int_equal(took(&d, 900, 500), EXPORT_BATCH);
    ASSERT_WORD(&d, "SteadyState");
}

static void a_copy_that_is_to_be_compared_after_a_failure_stays_in_error(void **state)
{
    (void)state;
    OWNED(desk_close) struct desk d = in_step(true, 500);
    changes(&d, 1);
    fails(&d);
    assert_int_equal(waits(&d, EXPORT_RETRY_MS), EXPORT_OFFER);
    assert_int_equal(answers(&d, COPY_COMPARE, 300), EXPORT_COMPARE);
    ASSERT_WORD(&d, "ErrorState");
    stands_at(&d, 501);
    ASSERT_WORD(&d, "SteadyState");
}

/* Get-CsBackupServiceStatus must not change what it shows. */
static void looking_asks_and_hurries_nothing(void **state)
{
    (void)state;
    OWNED(desk_close) struct desk d = in_step(false, 500);
    changes(&d, 1);
    stands_at(&d, 501); /* the first cycle does not wait */
    assert_int_equal(looks(&d), EXPORT_OFFER);
    assert_int_equal(stands_at(&d, 501), EXPORT_NOTHING);
    quiet_for(&d, 1000);
    assert_int_equal(changes(&d, 3), EXPORT_NOTHING);
    assert_int_equal(looks(&d), EXPORT_OFFER);
    assert_int_equal(stands_at(&d, 501), EXPORT_NOTHING);
    assert_int_equal(looks(&d), EXPORT_OFFER);
    assert_int_equal(fails(&d), EXPORT_NOTHING);
    assert_int_equal(looks(&d), EXPORT_OFFER); /* at once, though it failed just now */
    ASSERT_WORD(&d, "ErrorState");
}

static void what_was_carried_out_although_its_answer_was_lost_is_not_sent_again(void **state)
{
    (void)state;
    OWNED(desk_close) struct desk d = in_step(true, 500);
    changes(&d, 1);
    fails(&d);
    waits(&d, EXPORT_RETRY_MS);
    assert_int_equal(stands_at(&d, 501), EXPORT_NOTHING);
}

static void changes_do_not_hurry_a_retry_but_whoever_waits_does(void **state)
{
    (void)state;
    OWNED(desk_close) struct desk d = in_step(true, 500);
    changes(&d, 1);
    fails(&d);
    assert_int_equal(changes(&d, 1), EXPORT_NOTHING);
    assert_int_equal(is_wanted(&d), EXPORT_OFFER);
}

static void in_interval_mode_a_cycle_that_failed_does_not_wait_for_another_interval(void **state)
{
    (void)state;
    OWNED(desk_close) struct desk d = a_desk(false);
    opens(&d, 2, 500);
    stands_at(&d, 0);
    stands_at(&d, 500);
    changes(&d, 1);
    assert_int_equal(waits(&d, INTERVAL_MS), EXPORT_BATCH);
    fails(&d);
    assert_int_equal(waits(&d, EXPORT_RETRY_MS), EXPORT_OFFER);
    assert_int_equal(stands_at(&d, 500), EXPORT_BATCH);
}

static void a_cycle_that_was_broken_off_leaves_nothing_of_its_limit_to_the_next(void **state)
{
    (void)state;
    OWNED(desk_close) struct desk d = a_desk(true);
    opens(&d, 2, 1000);
    stands_at(&d, 0);
    stands_at(&d, 100);
    fails(&d);
    waits(&d, EXPORT_RETRY_MS);
    assert_batch((stands_at(&d, 200), &d), 200, 1000);
    assert_batch((stands_at(&d, 250), &d), 250, 1000);
    answers(&d, COPY_EARLY, 0);
    waits(&d, EXPORT_RETRY_MS);
    assert_batch((stands_at(&d, 200), &d), 200, 1000);
    assert_batch((stands_at(&d, 300), &d), 300, 1000);
    assert_batch((stands_at(&d, 400), &d), 400, 1000);
    assert_int_equal(stands_at(&d, 500), EXPORT_NOTHING);
}

static void a_copy_that_stands_further_back_than_before_is_sent_the_rest_again(void **state)
{
    (void)state;
    OWNED(desk_close) struct desk d = in_step(true, 500);
    changes(&d, 1);
    stands_at(&d, 450); /* its store was put back */
    assert_batch(&d, 450, 501);
    assert_int_equal(status(&d).copied.usn, 450);
    assert_int_equal(stands_at(&d, 501), EXPORT_NOTHING);
}

static void a_copy_that_is_put_back_while_nothing_changes_is_noticed(void **state)
{
    (void)state;
    OWNED(desk_close) struct desk d = in_step(true, 500);
    in_health_for(&d, 3 * INTERVAL_MS);
    ASSERT_WORD(&d, "FinalState");
    assert_int_equal(waits(&d, INTERVAL_MS + EXPORT_TICK_MS), EXPORT_OFFER);
    stands_at(&d, 450);
    assert_batch(&d, 450, 500);
    ASSERT_WORD(&d, "NonSteadyState");
}

static void a_copy_that_is_lost_while_nothing_changes_is_noticed(void **state)
{
    (void)state;
    OWNED(desk_close) struct desk d = in_step(true, 500);
    in_health_for(&d, 3 * INTERVAL_MS);
    waits(&d, 2 * INTERVAL_MS);
    fails(&d);
    ASSERT_WORD(&d, "ErrorState");
}

static void a_position_that_can_not_be_is_not_believed(void **state)
{
    (void)state;
    OWNED(desk_close) struct desk d = in_step(true, 500);
    changes(&d, 1);
    assert_int_equal(stands_at(&d, 900), EXPORT_NOTHING);
    ASSERT_WORD(&d, "ErrorState");
    assert_int_equal(status(&d).copied.usn, 500);
    assert_int_equal(waits(&d, EXPORT_RETRY_MS), EXPORT_OFFER);
}

static void a_copy_without_a_common_point_is_compared_at_once(void **state)
{
    (void)state;
    OWNED(desk_close) struct desk d = a_desk(true);
    opens(&d, 2, 500);
    assert_int_equal(answers(&d, COPY_COMPARE, 100), EXPORT_COMPARE);
    assert_int_equal(d.action.goal, 500);
    ASSERT_WORD(&d, "NonSteadyState");
    changes(&d, 2);
    stands_at(&d, 500);
    assert_batch(&d, 500, 502);
}

static void a_comparison_that_changed_nothing_is_not_repeated_at_once(void **state)
{
    (void)state;
    OWNED(desk_close) struct desk d = a_desk(true);
    opens(&d, 2, 500);
    answers(&d, COPY_COMPARE, 0);
    assert_int_equal(answers(&d, COPY_COMPARE, 0), EXPORT_NOTHING);
    ASSERT_WORD(&d, "ErrorState");
    quiet_for(&d, EXPORT_COMPARE_RETRY_MS - EXPORT_TICK_MS);
    assert_int_equal(waits(&d, EXPORT_TICK_MS), EXPORT_COMPARE);
}

static void a_copy_that_differs_again_right_after_a_comparison_is_an_error(void **state)
{
    (void)state;
    OWNED(desk_close) struct desk d = a_desk(true);
    opens(&d, 2, 500);
    answers(&d, COPY_COMPARE, 0);
    answers(&d, COPY_GO_ON, 500);
    ASSERT_WORD(&d, "SteadyState");
    looks(&d);
    assert_int_equal(answers(&d, COPY_COMPARE, 500), EXPORT_NOTHING);
    ASSERT_WORD(&d, "ErrorState");
}

static void whoever_slept_asks_again_instead_of_believing_what_it_was_told_before(void **state)
{
    (void)state;
    OWNED(desk_close) struct desk d = a_desk(true);
    opens(&d, 2, 500);
    answers(&d, COPY_GO_ON, 500);
    looks(&d);
    d.now += EXPORT_SLEPT_MS; /* stopped, and continued: the answer lay there for all the time */
    assert_int_equal(answers(&d, COPY_GO_ON, 500), EXPORT_OFFER);
    assert_true(status(&d).confirmed_ms < d.now);
    assert_int_equal(answers(&d, COPY_GO_ON, 300), EXPORT_BATCH); /* it was put back meanwhile */
}

static void tombstones_go_when_every_copy_has_confirmed_them(void **state)
{
    (void)state;
    OWNED(desk_close) struct desk a = a_desk(true);
    OWNED(desk_close) struct desk b = a_desk(true);
    const struct exporter *both[] = {a.x, b.x};
    enum { KEPT = 100, HEAD = 10000 };
    opens(&a, 2, HEAD);
    opens(&b, 2, HEAD);
    assert_int_equal(export_horizon(both, 2, HEAD, 0, KEPT, TOMBSTONES_STEP),
                     0); /* nobody has said anything */
    answers(&a, COPY_GO_ON, HEAD);
    assert_int_equal(export_horizon(both, 2, HEAD, 0, KEPT, TOMBSTONES_STEP), 0);
    answers(&b, COPY_GO_ON, 7000);
    assert_int_equal(export_horizon(both, 2, HEAD, 0, KEPT, TOMBSTONES_STEP), 7000 - KEPT);
    assert_int_equal(export_horizon(both, 2, HEAD, 6500, KEPT, TOMBSTONES_STEP),
                     6500); /* too little to do */
    assert_int_equal(export_horizon(both, 1, HEAD, 0, KEPT, TOMBSTONES_STEP), HEAD - KEPT);
    assert_int_equal(export_horizon(both, 0, HEAD, 0, KEPT, TOMBSTONES_STEP),
                     HEAD - KEPT); /* no copies at all */
    const uint64_t far = HEAD + (uint64_t)3 * TOMBSTONES_AT_ONCE;
    assert_int_equal(export_horizon(both, 0, far, 500, KEPT, TOMBSTONES_STEP),
                     500 + TOMBSTONES_AT_ONCE);
    fails(&b); /* it may have been put back meanwhile */
    assert_int_equal(export_horizon(both, 2, HEAD, 0, KEPT, TOMBSTONES_STEP), 0);
    opens(&a, 4, HEAD); /* what it said in the last term counts no more */
    assert_int_equal(export_horizon(both, 1, HEAD, 0, KEPT, TOMBSTONES_STEP), 0);
    answers(&a, COPY_FORKED, 9000);
    assert_int_equal(export_horizon(both, 1, HEAD, 0, KEPT, TOMBSTONES_STEP), 0);
}

static void whoever_does_not_trust_the_cookie_has_everything_compared(void **state)
{
    (void)state;
    OWNED(desk_close) struct desk d = a_desk(true);
    opens(&d, 2, 500);
    answers(&d, COPY_GO_ON, 500);
    assert_int_equal(wants_compared(&d), EXPORT_COMPARE);
    assert_true(status(&d).comparing);
    ASSERT_WORD(&d, "NonSteadyState"); /* nobody knows what the copy has */
    assert_int_equal(answers(&d, COPY_GO_ON, 500), EXPORT_NOTHING);
    ASSERT_WORD(&d, "SteadyState");
    assert_false(status(&d).comparing);
    quiet_for(&d, EXPORT_RETRY_MS); /* once */
    /* What fails is told to whoever waited, and not repeated for him. */
    assert_int_equal(wants_compared(&d), EXPORT_COMPARE);
    fails(&d);
    assert_false(status(&d).comparing);
    assert_int_equal(waits(&d, EXPORT_RETRY_MS), EXPORT_OFFER);
    assert_int_equal(answers(&d, COPY_GO_ON, 500), EXPORT_NOTHING);
}

static void a_comparison_that_failed_begins_with_the_question(void **state)
{
    (void)state;
    OWNED(desk_close) struct desk d = a_desk(true);
    opens(&d, 2, 500);
    answers(&d, COPY_COMPARE, 0);
    fails(&d);
    assert_int_equal(waits(&d, EXPORT_RETRY_MS), EXPORT_OFFER);
}

static void a_copy_that_has_not_heard_of_the_term_is_asked_again(void **state)
{
    (void)state;
    OWNED(desk_close) struct desk d = a_desk(true);
    opens(&d, 2, 500);
    assert_int_equal(answers(&d, COPY_EARLY, 0), EXPORT_NOTHING);
    ASSERT_WORD(&d, "NotInitialized"); /* that is no error */
    assert_int_equal(tick(&d), EXPORT_NOTHING);
    assert_int_equal(waits(&d, EXPORT_TICK_MS), EXPORT_OFFER);
}

static void refusals_are_errors_and_asked_about_again(void **state)
{
    (void)state;
    const enum copy_verdict refusals[] = {COPY_FORKED, COPY_LATE, COPY_HOLDS};
    for (size_t i = 0; i < COUNT_OF(refusals); i++) {
        OWNED(desk_close) struct desk d = in_step(true, 500);
        changes(&d, 1);
        assert_int_equal(answers(&d, refusals[i], 400), EXPORT_NOTHING);
        ASSERT_WORD(&d, "ErrorState");
        assert_int_equal(status(&d).verdict, refusals[i]);
        quiet_for(&d, EXPORT_RETRY_MS - EXPORT_TICK_MS);
        assert_int_equal(waits(&d, EXPORT_TICK_MS), EXPORT_OFFER);
        assert_int_equal(stands_at(&d, 500), EXPORT_BATCH);
        ASSERT_WORD(&d, "ErrorState");
        stands_at(&d, 501);
        ASSERT_WORD(&d, "SteadyState");
    }
}

static void an_answer_to_nothing_counts_for_nothing(void **state)
{
    (void)state;
    OWNED(desk_close) struct desk d = in_step(true, 500);
    stands_at(&d, 100);
    assert_int_equal(status(&d).copied.usn, 500);
    assert_int_equal(fails(&d), EXPORT_NOTHING);
    assert_false(status(&d).failing);
}

/* --- wanted --- */

static void whoever_waits_gets_a_live_answer_even_if_nothing_changed(void **state)
{
    (void)state;
    OWNED(desk_close) struct desk d = in_step(true, 500);
    d.now += 5000;
    uint64_t before = status(&d).confirmed_ms;
    assert_int_equal(is_wanted(&d), EXPORT_OFFER);
    d.now += 10;
    assert_int_equal(stands_at(&d, 500), EXPORT_NOTHING);
    assert_int_equal(status(&d).confirmed_ms, before + 5010);
}

static void an_answer_of_the_same_millisecond_is_not_taken_for_a_later_one(void **state)
{
    (void)state;
    OWNED(desk_close) struct desk d = in_step(true, 500);
    is_wanted(&d);
    stands_at(&d, 500);
    struct export_status before = status(&d), now;
    is_wanted(&d);
    assert_false(export_confirmed_since(&before, before.heard));
    stands_at(&d, 500);
    now = status(&d);
    assert_true(export_confirmed_since(&now, before.heard));
    assert_int_equal(now.confirmed_ms, before.confirmed_ms);
    is_wanted(&d);
    fails(&d);
    before = status(&d);
    assert_true(export_failed_since(&before, now.heard));
    assert_false(export_failed_since(&before, before.heard));
    assert_false(export_confirmed_since(&before, now.heard));
}

static void a_wish_outlasts_failures(void **state)
{
    (void)state;
    OWNED(desk_close) struct desk d = a_desk(false);
    opens(&d, 2, 500);
    stands_at(&d, 0);
    stands_at(&d, 500);
    changes(&d, 1);
    is_wanted(&d);
    fails(&d);
    waits(&d, EXPORT_RETRY_MS);
    fails(&d);
    waits(&d, EXPORT_RETRY_MS);
    assert_int_equal(stands_at(&d, 500), EXPORT_BATCH);
}

/* --- terms --- */

static void whoever_is_closed_sends_nothing(void **state)
{
    (void)state;
    OWNED(desk_close) struct desk d = in_step(true, 500);
    changes(&d, 1);
    is_wanted(&d);
    closes(&d);
    ASSERT_WORD(&d, "NotInitialized");
    assert_int_equal(stands_at(&d, 501), EXPORT_NOTHING);
    assert_int_equal(changes(&d, 1), EXPORT_NOTHING);
    assert_int_equal(is_wanted(&d), EXPORT_NOTHING);
    quiet_for(&d, 3 * INTERVAL_MS);
    assert_false(status(&d).open);
}

static void a_wish_ends_with_the_term(void **state)
{
    (void)state;
    OWNED(desk_close) struct desk d = in_step(false, 500);
    changes(&d, 100);
    is_wanted(&d);
    closes(&d);
    opens(&d, 4, 600);
    stands_at(&d, 500);
    stands_at(&d, 600); /* the first cycle of the term */
    changes(&d, 1);
    assert_int_equal(tick(&d), EXPORT_NOTHING);
}

/* Its head may be lower than what somebody waited for in the term before. */
static void a_wish_while_nothing_is_exported_is_for_the_term_that_comes(void **state)
{
    (void)state;
    OWNED(desk_close) struct desk d = in_step(true, 500);
    closes(&d);
    is_wanted(&d);
    opens(&d, 4, 80);
    assert_int_equal(stands_at(&d, 80), EXPORT_NOTHING);
}

static void what_was_under_way_in_the_term_before_holds_nothing_up(void **state)
{
    (void)state;
    OWNED(desk_close) struct desk d = in_step(true, 500);
    changes(&d, 1);
    assert_int_equal(opens(&d, 4, 501), EXPORT_OFFER);
    changes(&d, 1);
    assert_int_equal(closes(&d), EXPORT_NOTHING);
    assert_int_equal(stands_at(&d, 502), EXPORT_NOTHING);
    assert_int_equal(status(&d).copied.usn, 0); /* it came too late */
    stands_at(&d, 502);
}

static void each_term_has_a_first_cycle_that_does_not_wait(void **state)
{
    (void)state;
    OWNED(desk_close) struct desk d = a_desk(false);
    opens(&d, 2, 500);
    stands_at(&d, 0);
    stands_at(&d, 500);
    d.now += 1000;
    closes(&d);
    opens(&d, 4, 501);
    assert_int_equal(stands_at(&d, 500), EXPORT_BATCH);
    assert_int_equal(status(&d).cycles, 0);
}

static void a_cycle_of_the_term_before_does_not_go_on(void **state)
{
    (void)state;
    OWNED(desk_close) struct desk d = a_desk(false);
    opens(&d, 2, 500);
    stands_at(&d, 0);
    stands_at(&d, 100); /* in the middle of it */
    opens(&d, 4, 80);
    assert_int_equal(stands_at(&d, 80), EXPORT_NOTHING);
    assert_int_equal(status(&d).cycles, 0);
}

static void the_ages_of_the_term_before_are_forgotten(void **state)
{
    (void)state;
    OWNED(desk_close) struct desk d = in_step(true, 500);
    changes(&d, 1);
    d.now += 5000;
    opens(&d, 4, 501);
    stands_at(&d, 500);
    assert_int_equal(status(&d).oldest_ms, d.now);
}

static void a_new_term_begins_with_the_question(void **state)
{
    (void)state;
    OWNED(desk_close) struct desk d = limit_met();
    closes(&d);
    d.now += 5000;
    assert_int_equal(opens(&d, 4, 1000), EXPORT_OFFER);
    ASSERT_WORD(&d, "NotInitialized"); /* what was confirmed was another term's */
    assert_int_equal(status(&d).copied.usn, 0);
    stands_at(&d, 300);
    assert_batch(&d, 300, 1000);
    ASSERT_WORD(&d, "SteadyState");
}

static void a_term_may_follow_on_the_last_one_without_a_pause(void **state)
{
    (void)state;
    OWNED(desk_close) struct desk d = in_step(true, 500);
    changes(&d, 1);
    fails(&d);
    assert_int_equal(opens(&d, 4, 501), EXPORT_OFFER); /* without waiting for the retry */
    stands_at(&d, 500);
    assert_batch(&d, 500, 501);
}

/* What is under way must come back before it is closed, or opened in the next term. */
static void rule_18_nothing_is_said_of_a_term_that_is_over(void **state)
{
    (void)state;
    OWNED(desk_close) struct desk d = in_step(true, 500);
    d.now += 2 * INTERVAL_MS;
    is_wanted(&d);
    stands_at(&d, 500);
    ASSERT_WORD(&d, "FinalState");
    assert_int_equal(looks(&d), EXPORT_OFFER);
    const struct term over = d.term;
    d.term.tag++;
    ASSERT_WORD(&d, "NotInitialized");
    d.term = TERM_NONE;
    ASSERT_WORD(&d, "NotInitialized");
    d.term = over;
    ASSERT_WORD(&d, "FinalState");
}

static void a_store_that_was_put_back_opens_its_term_with_a_lower_head(void **state)
{
    (void)state;
    OWNED(desk_close) struct desk d = in_step(true, 500);
    closes(&d);
    opens(&d, 4, 80);
    assert_int_equal(status(&d).head, 80);
    stands_at(&d, 80);
    assert_int_equal(status(&d).copied.usn, 80);
    assert_int_equal(changes(&d, 1), EXPORT_BATCH);
}

/* --- words --- */

static void final_is_said_after_an_interval_without_changes(void **state)
{
    (void)state;
    OWNED(desk_close) struct desk d = in_step(true, 500);
    changes(&d, 1);
    ASSERT_WORD(&d, "SteadyState");
    d.now += 10;
    stands_at(&d, 501);
    ASSERT_WORD(&d, "SteadyState");
    in_health_for(&d, INTERVAL_MS - EXPORT_TICK_MS);
    ASSERT_WORD(&d, "SteadyState");
    in_health_for(&d, EXPORT_TICK_MS);
    ASSERT_WORD(&d, "FinalState");
    changes(&d, 1);
    ASSERT_WORD(&d, "SteadyState");
}

static void final_is_not_said_of_what_is_not_confirmed(void **state)
{
    (void)state;
    OWNED(desk_close) struct desk d = in_step(true, 500);
    changes(&d, 1);
    quiet_for(&d, INTERVAL_MS + EXPORT_GRACE_MS);
    ASSERT_WORD(&d, "SteadyState"); /* it is under way, and not too old yet */
    quiet_for(&d, EXPORT_TICK_MS);
    ASSERT_WORD(&d, "NonSteadyState");
}

static void final_is_not_said_on_an_answer_of_long_ago(void **state)
{
    (void)state;
    OWNED(desk_close) struct desk d = in_step(true, 500);
    in_health_for(&d, 2 * INTERVAL_MS);
    ASSERT_WORD(&d, "FinalState");
    waits(&d, 2 * INTERVAL_MS); /* asked, and no answer yet */
    quiet_for(&d, 2 * INTERVAL_MS);
    ASSERT_WORD(&d, "SteadyState");
    stands_at(&d, 500);
    ASSERT_WORD(&d, "FinalState");
}

static void final_is_not_said_of_a_copy_that_must_be_compared(void **state)
{
    (void)state;
    OWNED(desk_close) struct desk d = in_step(true, 500);
    in_health_for(&d, 2 * INTERVAL_MS);
    is_wanted(&d);
    assert_int_equal(answers(&d, COPY_COMPARE, 300), EXPORT_COMPARE);
    ASSERT_WORD(&d, "NonSteadyState");
    assert_int_equal(status(&d).copied.usn, 300);
}

static void final_is_not_said_of_a_copy_that_has_forgotten_the_term(void **state)
{
    (void)state;
    OWNED(desk_close) struct desk d = in_step(true, 500);
    in_health_for(&d, 2 * INTERVAL_MS);
    is_wanted(&d);
    answers(&d, COPY_EARLY, 0);
    ASSERT_WORD(&d, "NonSteadyState");
}

static void final_is_not_said_while_something_is_on_its_way_into_the_home(void **state)
{
    (void)state;
    OWNED(desk_close) struct desk d = in_step(true, 500);
    in_health_for(&d, 2 * INTERVAL_MS);
    exporter_expects(d.x, true);
    ASSERT_WORD(&d, "SteadyState");
    exporter_expects(d.x, false);
    ASSERT_WORD(&d, "FinalState");
}

static void a_home_in_which_nothing_was_ever_changed_becomes_final(void **state)
{
    (void)state;
    OWNED(desk_close) struct desk d = in_step(true, 0);
    in_health_for(&d, INTERVAL_MS);
    ASSERT_WORD(&d, "FinalState");
}

static void steady_is_said_while_changes_keep_coming(void **state)
{
    (void)state;
    OWNED(desk_close) struct desk d = in_step(true, 500);
    for (int i = 0; i < 200; i++) {
        changes(&d, 1);
        d.now += 200;
        ASSERT_WORD(&d, "SteadyState");
        if (d.action.kind == EXPORT_NOTHING)
            stands_at(&d, status(&d).head);
    }
}

/* --- ages --- */

static void the_age_is_that_of_the_oldest_change_without_a_copy(void **state)
{
    (void)state;
    OWNED(desk_close) struct desk d = in_step(true, 500);
    uint64_t made[10];
    for (uint64_t i = 0; i < 10; i++) {
        d.now += 100;
        made[i] = d.now;
        changes(&d, 2); /* 501 and 502, 503 and 504, … */
    }
    assert_int_equal(status(&d).oldest_ms, made[0]);
    stands_at(&d, 503); /* the second mark is half done */
    assert_int_equal(status(&d).oldest_ms, made[1]);
    stands_at(&d, 506);
    assert_int_equal(status(&d).oldest_ms, made[3]);
    stands_at(&d, 520);
    assert_int_equal(status(&d).oldest_ms, 0);
}

static void
the_copy_has_everything_up_to_its_word_or_to_the_oldest_change_that_it_lacks(void **state)
{
    (void)state;
    OWNED(desk_close) struct desk d = a_desk(true);
    opens(&d, 2, 500);
    assert_int_equal(status(&d).consistent_ms, 0);
    d.now += 100;
    stands_at(&d, 200); /* how old the others are is not known */
    assert_int_equal(status(&d).consistent_ms, 0);
    d.now += 100;
    stands_at(&d, 500);
    uint64_t said = d.now;
    assert_int_equal(status(&d).consistent_ms, said);
    d.now += 100;
    changes(&d, 1);
    uint64_t changed = d.now;
    assert_int_equal(status(&d).consistent_ms, said);
    d.now += 100;
    changes(&d, 1);
    stands_at(&d, 500); /* as it did before both */
    assert_int_equal(status(&d).consistent_ms, changed);
    stands_at(&d, 502);
    assert_int_equal(status(&d).consistent_ms, d.now);
    changes(&d, 1);
    stands_at(&d, 300); /* it was put back: what it lost is of any age */
    assert_int_equal(status(&d).consistent_ms, 0);
}

static void the_age_of_many_changes_may_be_too_old_but_never_too_young(void **state)
{
    (void)state;
    enum { CHANGES = 40 * EXPORT_MARKS_MAX };
    static uint64_t made[CHANGES + 1];
    OWNED(desk_close) struct desk d = a_desk(true);
    opens(&d, 2, 0);
    stands_at(&d, 0);
    for (uint64_t usn = 1; usn <= CHANGES; usn++) {
        d.now += 1 + usn % 7;
        made[usn] = d.now;
        changes(&d, 1);
    }
    for (uint64_t copied = 1; copied < CHANGES; copied += 13) {
        if (status(&d).copied.usn) /* the cycle's limit may have ended it */
            is_wanted(&d);
        stands_at(&d, copied);
        uint64_t oldest = status(&d).oldest_ms;
        assert_true(oldest > 0 && oldest <= made[copied + 1]);
    }
    for (int i = 0; i < 4 && status(&d).oldest_ms; i++) {
        is_wanted(&d);
        stands_at(&d, CHANGES);
    }
    assert_int_equal(status(&d).oldest_ms, 0);
}

/* The newest keep their own age: only what is thinned out shares one. */
static void what_waited_before_a_restart_is_as_old_as_it_is(void **state)
{
    (void)state;
    enum { AGE_MS = 7200000 };
    OWNED(desk_close) struct desk d = a_desk(true);
    d.now += 10 * AGE_MS;
    d.head = 500;
    d.term = (struct term){.number = 2, .tag = 9};
    const struct export_backlog backlog = {.copied = 300, .head = 480, .oldest_ms = d.now - AGE_MS};
    struct export_event opened = {
        .kind = EXPORT_OPENED, .term = d.term, .head = 500, .backlog = backlog};
    tell(&d, opened);
    d.now += 1000;
    fails(&d); /* it is not there to be asked */
    assert_true(status(&d).copied.usn == 300 && status(&d).head == 500);
    assert_int_equal(d.now - status(&d).oldest_ms, AGE_MS + 1000);
    d.now += EXPORT_RETRY_MS;
    tick(&d);
    stands_at(&d, 290); /* a copy that was put back, too */
    assert_int_equal(d.now - status(&d).oldest_ms, AGE_MS + 1000 + EXPORT_RETRY_MS);
    stands_at(&d, 480); /* it had got further meanwhile */
    assert_int_equal(d.now - status(&d).oldest_ms, 1000 + EXPORT_RETRY_MS);
    stands_at(&d, 500);
    assert_int_equal(status(&d).oldest_ms, 0);
    opened.head = 400; /* a store that was put back */
    tell(&d, opened);
    assert_int_equal(status(&d).copied.usn, 0);
    assert_int_equal(status(&d).oldest_ms, d.now);
}

static void marks_are_thinned_out_evenly(void **state)
{
    (void)state;
    OWNED(desk_close) struct desk d = in_step(true, 500);
    uint64_t first = 0, third = 0;
    for (int i = 0; i < EXPORT_MARKS_MAX + 1; i++) {
        d.now += 100;
        changes(&d, 1);
        first = i == 0 ? d.now : first;
        third = i == 2 ? d.now : third;
    }
    assert_int_equal(status(&d).oldest_ms, first);
    stands_at(&d, 501); /* the second change shares the age of the first */
    assert_int_equal(status(&d).oldest_ms, first);
    stands_at(&d, 502);
    assert_int_equal(status(&d).oldest_ms, third);
    stands_at(&d, 500 + EXPORT_MARKS_MAX);
    assert_int_equal(status(&d).oldest_ms, d.now); /* the last one's own */
}

static void the_age_of_what_a_copy_lost_again_is_not_too_young(void **state)
{
    (void)state;
    OWNED(desk_close) struct desk d = in_step(true, 500);
    for (int i = 0; i < 5; i++) {
        d.now += 1000;
        changes(&d, 1);
        stands_at(&d, d.head);
    }
    d.now += 1000;
    changes(&d, 1);
    stands_at(&d, 502);
    uint64_t made_503 = START_MS + 3000;
    assert_true(status(&d).oldest_ms > 0 && status(&d).oldest_ms <= made_503);
    stands_at(&d, 506);
    assert_int_equal(status(&d).oldest_ms, 0);
}

/* --- content --- */

static void answers_with_files_left(struct desk *d, struct content_left left)
{
    tell(d, (struct export_event){.kind = EXPORT_LOOKED});
    tell(d, (struct export_event){.kind = EXPORT_ANSWERED,
                                  .answer = {.verdict = COPY_GO_ON,
                                             .at = {.term = 4, .usn = d->head},
                                             .content = left}});
}

static void final_is_not_said_while_files_are_missing_on_either_side(void **state)
{
    (void)state;
    OWNED(desk_close) struct desk d = in_step(true, 500);
    const struct content_left none = {0}, some = {.files = 3}, unsure = {.unsure = true};
    d.now += 2 * INTERVAL_MS;
    answers_with_files_left(&d, none);
    assert_int_equal(export_word(d.x, d.term, d.now), WORD_FINAL);
    answers_with_files_left(&d, some);
    assert_int_equal(export_word(d.x, d.term, d.now), WORD_NON_STEADY);
    answers_with_files_left(&d, none);
    exporter_note_content(d.x, &unsure);
    assert_int_equal(export_word(d.x, d.term, d.now), WORD_NON_STEADY);
    exporter_note_content(d.x, &none);
    assert_int_equal(export_word(d.x, d.term, d.now), WORD_FINAL);
}

static void a_file_store_that_cant_be_used_is_an_error_on_either_side(void **state)
{
    (void)state;
    OWNED(desk_close) struct desk d = in_step(true, 500);
    const struct content_left none = {0}, broken = {.broken = true};
    exporter_note_content(d.x, &broken);
    assert_int_equal(export_word(d.x, d.term, d.now), WORD_ERROR);
    exporter_note_content(d.x, &none);
    answers_with_files_left(&d, broken);
    assert_int_equal(export_word(d.x, d.term, d.now), WORD_ERROR);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_copy_is_asked_where_it_stands_before_anything_is_sent),
        cmocka_unit_test(a_first_copy_is_sent_batch_by_batch),
        cmocka_unit_test(the_next_batch_follows_on_what_is_taken_and_only_what_is_stored_is_copied),
        cmocka_unit_test(what_was_taken_and_not_stored_is_sent_again_after_a_failure),
        cmocka_unit_test(a_cycle_does_not_end_while_something_is_taken_and_not_stored),
        cmocka_unit_test(while_nothing_changes_the_copy_is_asked_now_and_then),
        cmocka_unit_test(a_change_is_sent_at_once),
        cmocka_unit_test(changes_made_while_a_batch_is_under_way_share_the_next_one),
        cmocka_unit_test(a_batch_may_bring_more_than_was_known_when_its_cycle_began),
        cmocka_unit_test(a_head_told_late_or_twice_changes_nothing),
        cmocka_unit_test(a_head_that_others_move_again_and_again_costs_one_batch_in_a_while),
        cmocka_unit_test(a_change_of_its_own_and_somebody_who_waits_are_not_held_back),
        cmocka_unit_test(what_was_read_hides_no_news_of_what_came_after_it),
        cmocka_unit_test(rule_20_whoever_was_carried_has_nothing_to_send),
        cmocka_unit_test(rule_20_a_batch_that_finds_its_copy_carried_goes_on_from_there_at_once),
        cmocka_unit_test(rule_20_where_it_was_carried_while_it_was_asked_is_no_error),
        cmocka_unit_test(what_nobody_takes_along_goes_by_itself),
        cmocka_unit_test(a_held_head_is_not_final_and_ends_with_its_term),
        cmocka_unit_test(in_interval_mode_changes_wait_for_the_end_of_the_interval),
        cmocka_unit_test(in_interval_mode_changes_are_sent_at_once_where_somebody_waits),
        cmocka_unit_test(the_mode_can_be_changed_at_any_time),
        cmocka_unit_test(a_cycle_that_meets_its_limit_goes_on_at_the_end_of_the_interval),
        cmocka_unit_test(a_cycle_that_meets_its_limit_goes_on_at_once_where_somebody_waits),
        cmocka_unit_test(the_last_batch_that_is_allowed_may_be_the_last_that_is_needed),
        cmocka_unit_test(a_limit_that_was_met_is_forgotten_once_a_comparison_brought_everything),
        cmocka_unit_test(a_failure_is_tried_again_after_a_moment_and_begins_with_a_question),
        cmocka_unit_test(a_copy_that_answers_and_keeps_nothing_stays_in_error),
        cmocka_unit_test(a_copy_that_takes_and_keeps_nothing_stays_in_error),
        cmocka_unit_test(a_copy_that_takes_again_after_it_was_gone_is_no_error),
        cmocka_unit_test(a_copy_that_is_to_be_compared_after_a_failure_stays_in_error),
        cmocka_unit_test(looking_asks_and_hurries_nothing),
        cmocka_unit_test(over_a_fast_link_batches_grow_to_their_full_size),
        cmocka_unit_test(over_a_slow_link_a_batch_is_what_arrives_in_a_moment),
        cmocka_unit_test(a_small_batch_says_nothing_of_the_link),
        cmocka_unit_test(how_fast_it_went_last_is_known_and_what_is_under_way_is_no_faster),
        cmocka_unit_test(what_was_too_much_is_not_sent_again_as_it_was),
        cmocka_unit_test(what_was_carried_out_although_its_answer_was_lost_is_not_sent_again),
        cmocka_unit_test(changes_do_not_hurry_a_retry_but_whoever_waits_does),
        cmocka_unit_test(in_interval_mode_a_cycle_that_failed_does_not_wait_for_another_interval),
        cmocka_unit_test(a_cycle_that_was_broken_off_leaves_nothing_of_its_limit_to_the_next),
        cmocka_unit_test(a_copy_that_stands_further_back_than_before_is_sent_the_rest_again),
        cmocka_unit_test(a_copy_that_is_put_back_while_nothing_changes_is_noticed),
        cmocka_unit_test(a_copy_that_is_lost_while_nothing_changes_is_noticed),
        cmocka_unit_test(a_position_that_can_not_be_is_not_believed),
        cmocka_unit_test(a_copy_without_a_common_point_is_compared_at_once),
        cmocka_unit_test(a_comparison_that_changed_nothing_is_not_repeated_at_once),
        cmocka_unit_test(a_comparison_that_failed_begins_with_the_question),
        cmocka_unit_test(a_copy_that_differs_again_right_after_a_comparison_is_an_error),
        cmocka_unit_test(whoever_slept_asks_again_instead_of_believing_what_it_was_told_before),
        cmocka_unit_test(tombstones_go_when_every_copy_has_confirmed_them),
        cmocka_unit_test(whoever_does_not_trust_the_cookie_has_everything_compared),
        cmocka_unit_test(a_copy_that_has_not_heard_of_the_term_is_asked_again),
        cmocka_unit_test(refusals_are_errors_and_asked_about_again),
        cmocka_unit_test(an_answer_to_nothing_counts_for_nothing),
        cmocka_unit_test(whoever_waits_gets_a_live_answer_even_if_nothing_changed),
        cmocka_unit_test(an_answer_of_the_same_millisecond_is_not_taken_for_a_later_one),
        cmocka_unit_test(a_wish_outlasts_failures),
        cmocka_unit_test(whoever_is_closed_sends_nothing),
        cmocka_unit_test(a_wish_ends_with_the_term),
        cmocka_unit_test(a_wish_while_nothing_is_exported_is_for_the_term_that_comes),
        cmocka_unit_test(what_was_under_way_in_the_term_before_holds_nothing_up),
        cmocka_unit_test(each_term_has_a_first_cycle_that_does_not_wait),
        cmocka_unit_test(a_cycle_of_the_term_before_does_not_go_on),
        cmocka_unit_test(the_ages_of_the_term_before_are_forgotten),
        cmocka_unit_test(a_new_term_begins_with_the_question),
        cmocka_unit_test(a_term_may_follow_on_the_last_one_without_a_pause),
        cmocka_unit_test(rule_18_nothing_is_said_of_a_term_that_is_over),
        cmocka_unit_test(a_store_that_was_put_back_opens_its_term_with_a_lower_head),
        cmocka_unit_test(final_is_said_after_an_interval_without_changes),
        cmocka_unit_test(final_is_not_said_of_what_is_not_confirmed),
        cmocka_unit_test(final_is_not_said_on_an_answer_of_long_ago),
        cmocka_unit_test(final_is_not_said_of_a_copy_that_must_be_compared),
        cmocka_unit_test(final_is_not_said_of_a_copy_that_has_forgotten_the_term),
        cmocka_unit_test(final_is_not_said_while_something_is_on_its_way_into_the_home),
        cmocka_unit_test(a_home_in_which_nothing_was_ever_changed_becomes_final),
        cmocka_unit_test(steady_is_said_while_changes_keep_coming),
        cmocka_unit_test(the_age_is_that_of_the_oldest_change_without_a_copy),
        cmocka_unit_test(
            the_copy_has_everything_up_to_its_word_or_to_the_oldest_change_that_it_lacks),
        cmocka_unit_test(the_age_of_many_changes_may_be_too_old_but_never_too_young),
        cmocka_unit_test(what_waited_before_a_restart_is_as_old_as_it_is),
        cmocka_unit_test(marks_are_thinned_out_evenly),
        cmocka_unit_test(the_age_of_what_a_copy_lost_again_is_not_too_young),
        cmocka_unit_test(final_is_not_said_while_files_are_missing_on_either_side),
        cmocka_unit_test(a_file_store_that_cant_be_used_is_an_error_on_either_side),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
