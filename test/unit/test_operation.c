/* An operation: the steps of whoever takes a home over, told as what the holder says and what comes
 * of it. There is no holder here: a story says what it answers, and when. */
#include "unit.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "core/limits.h"
#include "core/operation.h"
#include "core/operation_ending.h"

enum { PATIENCE_MS = 15000, STORE_MS = 20000, CLOSE_MS = 3000, BEGINS_MS = 1000000 };

struct scene {
    struct operation *op;
    struct operation_words words;
    uint64_t now;
    struct home_point own;
    bool whole, silent, serves, stopped;
    bool late;                   /* the store here keeps nothing meanwhile */
    struct home_standing holder; /* as it would say */
    struct operation_replicas replicas;
    uint64_t files_left;
    const struct error *trouble;
    struct operation_actions last;
    struct home_demanded demanded; /* the last one */
    unsigned demands, opens, tells, ends, flushes, asks, brings;
    struct term opened;
    bool alone;
    struct operation_status status;
};

static void scene_free(struct scene *s)
{
    operation_free(s->op);
    free(s);
}
DEFINE_OWNED(struct scene *, scene_free)

static struct home_point at(uint64_t usn)
{
    struct home_point point = {.usn = usn};
    point.digests[0].items = usn;
    return point;
}

static enum failure happens(struct scene *s, struct operation_event event)
{
    struct error e = {0};
    event.now_ms = s->now;
    event.next = (struct term){.number = 3, .tag = 0x33};
    event.own = s->own;
    event.whole = s->whole;
    event.silent = s->silent;
    event.serves = s->serves;
    event.stopped = s->stopped;
    event.holder = s->holder;
    event.replicas = s->replicas;
    event.trouble = s->trouble;
    event.files_left = s->files_left;
    enum failure bad = operation_step(s->op, &event, &s->last, &e);
    unsigned tells = 0;
    for (size_t i = 0; i < s->last.count; i++) {
        const struct operation_action *a = &s->last.list[i];
        if (a->kind == OPERATION_DEMAND) {
            s->demanded = a->demanded;
            s->demands++;
        } else if (a->kind == OPERATION_OPEN) {
            s->opened = a->to;
            s->alone = a->alone;
            s->opens++;
        }
        tells += a->kind == OPERATION_TELL;
        s->ends += a->kind == OPERATION_ENDED;
        s->flushes += a->kind == OPERATION_ASK_FLUSH;
        s->asks += a->kind == OPERATION_ASK_REPLICAS;
        s->brings += a->kind == OPERATION_BRING_REPLICAS;
        if (a->kind == OPERATION_ASK_REPLICAS || a->kind == OPERATION_BRING_REPLICAS)
            s->replicas.asked = false; /* they are still to answer */
    }
    s->tells += tells;
    operation_status(s->op, &s->status);
    if (tells && !s->late)
        happens(s, (struct operation_event){.kind = OPERATION_KEPT, .step = s->status.step});
    return bad;
}

static void tick(struct scene *s, uint64_t ms)
{
    s->now += ms;
    happens(s, (struct operation_event){.kind = OPERATION_TICK});
}

/* It answers what it was asked last. */
static void says(struct scene *s, enum mode mode)
{
    s->holder.mode = mode;
    happens(s, (struct operation_event){.kind = OPERATION_SAID});
}

static void says_not(struct scene *s, enum operation_event_kind kind, enum failure failure)
{
    struct error e = {0};
    fail(&e, failure, "that is so");
    happens(s, (struct operation_event){.kind = kind, .error = &e});
}

static void refuses(struct scene *s, enum failure failure)
{
    says_not(s, OPERATION_REFUSED, failure);
}

static void answers_nothing(struct scene *s, enum failure failure)
{
    says_not(s, OPERATION_UNANSWERED, failure);
}

static void is_taken(struct scene *s)
{
    happens(s, (struct operation_event){.kind = OPERATION_TAKEN});
}

static enum failure cancel(struct scene *s)
{
    return happens(s, (struct operation_event){.kind = OPERATION_CANCELLED});
}

static const struct operation_words
    of_a_pool = {.home = "atl-cs-001.litwareinc.com",
                 .holder = "atl-cs-001.litwareinc.com",
                 .taker = "redmond-cs-001.litwareinc.com",
                 .again = "Invoke-CsPoolFailOver -PoolFqdn atl-cs-001.litwareinc.com",
                 .alone =
                     "Invoke-CsPoolFailOver -PoolFqdn atl-cs-001.litwareinc.com -DisasterMode"},
    of_central = {.home = HOME_CENTRAL,
                  .holder = "atl-cs-001.litwareinc.com",
                  .taker = "redmond-cs-001.litwareinc.com",
                  .again = "Invoke-CsManagementServerFailover",
                  .alone =
                      "Invoke-CsManagementServerFailover -BackupSqlServerFqdn "
                      "\"redmond-cs-001.litwareinc.com\" -BackupSqlInstanceName \"RTC\" -Force",
                  .central = true};

static struct scene *begin(struct operation_options options)
{
    struct scene *s = xcalloc(1, sizeof *s);
    s->now = BEGINS_MS;
    s->words = options.replicas ? of_central : of_a_pool;
    options.patience_ms = PATIENCE_MS;
    options.store_ms = STORE_MS;
    s->own = at(10);
    s->whole = true;
    s->holder = (struct home_standing){
        .mode = MODE_SERVING, .term = {2, 2}, .seen = 2, .durable = true, .point = at(10)};
    s->op = operation_new(&options, &s->words, s->now);
    tick(s, 0);
    assert_int_equal(s->demanded.demand, DEMAND_LOOK);
    return s;
}

static void assert_at(const struct scene *s, enum operation_step step)
{
    assert_string_equal(operation_step_name(s->status.step), operation_step_name(step));
}

/* That is what is pasted: a command, with the names in it. */
static void assert_says_what_to_type(const struct scene *s, const struct error *e)
{
    OWNED(free_memory)
    char *status = xasprintf("Get-CsPoolFailOverStatus -PoolFqdn %s", s->words.home);
    assert_true(e->what[0] && e->kept[0]);
    assert_true(strstr(e->next, s->words.again) || strstr(e->next, s->words.alone) ||
                strstr(e->next, status));
}

static void assert_failed(const struct scene *s, enum operation_step at_step)
{
    assert_at(s, OPERATION_FAILED);
    assert_string_equal(operation_step_name(s->status.failed_at), operation_step_name(at_step));
    assert_int_equal(s->ends, 1);
    assert_says_what_to_type(s, &s->status.error);
}

static void assert_done(const struct scene *s)
{
    assert_at(s, OPERATION_DONE);
    assert_int_equal(s->ends, 1);
    assert_int_equal(s->status.error.kind, OK);
}

static void replicas_say(struct scene *s, uint64_t least, uint64_t most)
{
    s->replicas = (struct operation_replicas){
        .asked = true, .least = least, .most = most, .behind = "lonely-cs-001.litwareinc.com"};
    tick(s, OPERATION_TICK_MS);
}

/* Brings it to a step by what a good holder says. */
static void reach(struct scene *s, enum operation_step step)
{
    if (s->status.step == OPERATION_COPY && step > OPERATION_COPY)
        says(s, MODE_SERVING);
    if (s->status.step == OPERATION_REPLICAS && step > OPERATION_REPLICAS)
        replicas_say(s, 11, 11);
    if (s->status.step == OPERATION_FLUSH && step > OPERATION_FLUSH)
        happens(s, (struct operation_event){.kind = OPERATION_FLUSHED});
    if (s->status.step == OPERATION_CLOSE && step > OPERATION_CLOSE) {
        says(s, MODE_CLOSING);
        tick(s, CLOSE_MS);
        says(s, MODE_CLOSING); /* to what was under way when it went on */
    }
    if (s->status.step == OPERATION_DRAIN && step == OPERATION_REST) {
        s->holder.point = at(11);
        says(s, MODE_DRAINING);
    }
    if (s->status.step == OPERATION_DRAIN && step > OPERATION_REST)
        says(s, MODE_DRAINING);
    if (s->status.step == OPERATION_RELEASE && step > OPERATION_RELEASE)
        says(s, MODE_RELEASED);
    if (s->status.step == OPERATION_TAKE && step > OPERATION_TAKE)
        is_taken(s);
    assert_at(s, step);
}

/* --- a planned one --- */

static void a_planned_operation_goes_through_its_steps_and_ends(void **state)
{
    (void)state;
    OWNED(scene_free)
    struct scene *s = begin((struct operation_options){.flush = true, .close_ms = CLOSE_MS});
    says(s, MODE_SERVING);
    assert_at(s, OPERATION_FLUSH);
    assert_int_equal(s->flushes, 1);
    happens(s, (struct operation_event){.kind = OPERATION_FLUSHED});
    assert_at(s, OPERATION_CLOSE);
    says(s, MODE_CLOSING);
    assert_int_equal(s->demanded.demand, DEMAND_CLOSE);
    tick(s, CLOSE_MS);
    assert_at(s, OPERATION_DRAIN);
    assert_int_equal(s->demanded.demand, DEMAND_CLOSE); /* the other answer is still to come */
    says(s, MODE_CLOSING);
    assert_int_equal(s->demanded.demand, DEMAND_DRAIN);
    assert_true(term_equal(s->demanded.to, (struct term){3, 0x33}));
    s->holder.point = at(14); /* changed until the last moment */
    says(s, MODE_DRAINING);
    assert_at(s, OPERATION_REST);
    s->own = at(14);
    tick(s, 20);
    assert_at(s, OPERATION_RELEASE);
    says(s, MODE_DRAINING); /* to what was said at the step before */
    assert_int_equal(s->demanded.demand, DEMAND_RELEASE);
    assert_true(s->demanded.whole);
    assert_int_equal(s->demanded.point.usn, 14);
    says(s, MODE_RELEASED);
    assert_at(s, OPERATION_TAKE);
    assert_int_equal(s->opens, 1);
    assert_false(s->alone);
    assert_int_equal(s->opened.number, 3);
    is_taken(s);
    assert_at(s, OPERATION_TURN);
    says(s, MODE_STANDBY);
    assert_done(s);
    assert_true(s->status.verified && s->status.turned && !s->status.alone);
    assert_true(s->status.refused_ms > 0 && s->status.refused_ms < 1000);
    assert_int_equal(s->status.ended_ms, s->now);
}

static void without_flush_and_time_for_sessions_it_takes_four_answers(void **state)
{
    (void)state;
    OWNED(scene_free) struct scene *s = begin((struct operation_options){0});
    says(s, MODE_SERVING);
    says(s, MODE_DRAINING);
    says(s, MODE_RELEASED);
    is_taken(s);
    says(s, MODE_STANDBY);
    assert_done(s);
    assert_int_equal(s->now, BEGINS_MS);
}

static void the_term_that_it_opens_is_above_all_that_the_holder_has_seen(void **state)
{
    (void)state;
    OWNED(scene_free) struct scene *s = begin((struct operation_options){0});
    s->holder.seen = 8;
    says(s, MODE_SERVING);
    assert_int_equal(s->demanded.to.number, 9);
}

static void one_demand_is_under_way_at_a_time(void **state)
{
    (void)state;
    OWNED(scene_free) struct scene *s = begin((struct operation_options){0});
    for (unsigned i = 0; i < 30; i++)
        tick(s, OPERATION_TICK_MS);
    assert_int_equal(s->demands, 1);
}

static void what_the_holder_was_told_is_said_again_before_its_deadline(void **state)
{
    (void)state;
    OWNED(scene_free) struct scene *s = begin((struct operation_options){0});
    reach(s, OPERATION_REST);
    unsigned before = s->demands;
    for (unsigned i = 0; i < 50; i++) {
        s->own = at(10);
        tick(s, OPERATION_TICK_MS);
        s->holder.point = at(11);
        says(s, MODE_DRAINING);
    }
    assert_true(s->demands - before >= 3);
    assert_int_equal(s->demanded.demand, DEMAND_DRAIN);
}

/* --- waiting for the copy --- */

static void it_copies_until_one_batch_is_left(void **state)
{
    (void)state;
    OWNED(scene_free) struct scene *s = begin((struct operation_options){0});
    s->own = at(0);
    s->holder.point = at(BATCH_ITEMS_MAX + 1);
    says(s, MODE_SERVING);
    assert_at(s, OPERATION_COPY);
    s->own = at(BATCH_ITEMS_MAX + 1);
    s->holder.point = at(2 * BATCH_ITEMS_MAX + 2); /* what there was has come, and more came up */
    says(s, MODE_SERVING);
    assert_at(s, OPERATION_COPY);
    s->own = at(BATCH_ITEMS_MAX + 2);
    tick(s, OPERATION_TICK_MS);
    assert_at(s, OPERATION_DRAIN);
}

/* The holder goes on to answer. */
static void time_passes(struct scene *s, uint64_t ms)
{
    for (uint64_t end = s->now + ms; !s->ends && s->now < end;) {
        tick(s, OPERATION_TICK_MS);
        if (!s->ends)
            says(s, MODE_SERVING);
    }
}

/* Over a slow link one file can take longer than anybody waits for nothing. */
static void a_large_file_that_is_on_its_way_is_progress(void **state)
{
    (void)state;
    OWNED(scene_free) struct scene *s = begin((struct operation_options){0});
    s->holder.point = at(11); /* the file */
    for (s->files_left = 100; s->files_left; s->files_left--) {
        time_passes(s, PATIENCE_MS / 2);
        assert_at(s, OPERATION_COPY);
    }
    s->own = at(11);
    says(s, MODE_SERVING);
    assert_at(s, OPERATION_DRAIN);
}

static void a_file_of_which_nothing_comes_is_none(void **state)
{
    (void)state;
    OWNED(scene_free) struct scene *s = begin((struct operation_options){0});
    s->holder.point = at(11);
    s->files_left = 100;
    time_passes(s, PATIENCE_MS + 3 * OPERATION_TICK_MS);
    assert_failed(s, OPERATION_COPY);
}

/* The last of those that there were is here, and the next one comes, and so on. */
static void nor_are_files_that_others_go_on_to_add(void **state)
{
    (void)state;
    OWNED(scene_free) struct scene *s = begin((struct operation_options){0});
    s->whole = false; /* it does not go on for another reason */
    for (uint64_t usn = 11; usn < 20; usn++) {
        s->holder.point = at(usn);
        for (s->files_left = 3; s->files_left; s->files_left--)
            time_passes(s, PATIENCE_MS / 3);
        s->own = at(usn);
    }
    assert_failed(s, OPERATION_COPY);
}

/* It was drained, and changes refused until patience ended, for a copy that had stopped for long.
 */
static void changes_are_not_stopped_for_a_copy_that_does_not_go_on(void **state)
{
    (void)state;
    struct error full = {0};
    fail(&full, FAIL_FULL, "The disk is full.");
    OWNED(scene_free) struct scene *s = begin((struct operation_options){0});
    s->trouble = &full;
    s->holder.point = at(11); /* far less than a batch */
    says(s, MODE_SERVING);
    for (uint64_t ms = 0; !s->ends && ms <= PATIENCE_MS; ms += OPERATION_TICK_MS) {
        tick(s, OPERATION_TICK_MS);
        assert_at(s, s->ends ? OPERATION_FAILED : OPERATION_COPY);
        s->holder.point.usn++; /* changed all the time */
        if (!s->ends)
            says(s, MODE_SERVING);
    }
    assert_failed(s, OPERATION_COPY);
    assert_int_equal(s->demanded.demand, DEMAND_LOOK);
    assert_int_equal(s->status.refused_ms, 0);
    assert_non_null(strstr(s->status.error.what, full.what));
}

/* Its disk filled up just behind the last look: nothing comes of waiting, and users wait, too. */
static void changes_are_not_refused_for_long_where_the_disk_of_the_copy_is_full(void **state)
{
    (void)state;
    struct error full = {0};
    fail(&full, FAIL_FULL, "The disk is full.");
    error_next(&full, "Make room there.");
    OWNED(scene_free) struct scene *s = begin((struct operation_options){0});
    reach(s, OPERATION_REST);
    s->holder.point = at(s->own.usn + 1);
    says(s, MODE_DRAINING);
    assert_at(s, OPERATION_REST);
    s->trouble = &full;
    tick(s, OPERATION_TICK_MS);
    assert_at(s, OPERATION_CALL_OFF);
    says(s, MODE_SERVING);
    assert_failed(s, OPERATION_REST);
    assert_non_null(strstr(s->status.error.what, "does not go on: 1 change is not"));
    assert_non_null(strstr(s->status.error.what, full.what));
    assert_non_null(strstr(s->status.error.next, full.next));
}

/* Somebody who writes all the time does not keep it from that: it need not have what came later. */
static void a_copy_that_goes_on_a_little_behind_is_good_enough(void **state)
{
    (void)state;
    OWNED(scene_free) struct scene *s = begin((struct operation_options){0});
    s->holder.point = at(11);
    says(s, MODE_SERVING);
    s->holder.point = at(20);
    says(s, MODE_SERVING);
    assert_at(s, OPERATION_COPY);
    s->own = at(11);
    tick(s, 20);
    assert_at(s, OPERATION_DRAIN);
}

/* After a disaster every change that the holder still takes is one more that may be lost with it.
 */
static void in_a_disaster_and_unverified_nobody_waits_for_the_copy_to_go_on(void **state)
{
    (void)state;
    for (int disaster = 0; disaster < 2; disaster++) {
        OWNED(scene_free)
        struct scene *s =
            begin((struct operation_options){.disaster = disaster, .skip_verification = !disaster});
        s->holder.point = at(11);
        says(s, MODE_SERVING);
        assert_at(s, OPERATION_DRAIN);
    }
}

static void it_waits_for_a_copy_that_stands_at_a_point_that_existed(void **state)
{
    (void)state;
    OWNED(scene_free) struct scene *s = begin((struct operation_options){0});
    s->whole = false;
    says(s, MODE_SERVING);
    assert_at(s, OPERATION_COPY);
    s->whole = true;
    tick(s, OPERATION_TICK_MS);
    assert_at(s, OPERATION_DRAIN);
}

static void copying_without_progress_is_given_up_and_says_what_is_left(void **state)
{
    (void)state;
    OWNED(scene_free) struct scene *s = begin((struct operation_options){0});
    s->holder.point = at(50000);
    says(s, MODE_SERVING);
    for (uint64_t ms = 0; ms < PATIENCE_MS + 2 * OPERATION_TICK_MS; ms += OPERATION_TICK_MS) {
        tick(s, OPERATION_TICK_MS);
        if (s->status.step == OPERATION_COPY)
            says(s, MODE_SERVING);
    }
    assert_failed(s, OPERATION_COPY);
    assert_non_null(strstr(s->status.error.what, "49990 changes are not copied"));
    assert_int_equal(s->status.to.number, 0); /* the holder was told nothing */
}

static void a_holder_that_writes_faster_than_it_is_copied_does_not_keep_it_for_ever(void **state)
{
    (void)state;
    OWNED(scene_free) struct scene *s = begin((struct operation_options){0});
    for (uint64_t i = 1; i < 1000 && !s->ends; i++) {
        s->own = at(1000 * i);
        s->holder.point = at(50000 + 1001 * i);
        tick(s, OPERATION_TICK_MS);
        says(s, MODE_SERVING);
    }
    assert_failed(s, OPERATION_COPY);
}

static void copying_that_goes_on_may_take_as_long_as_it_takes(void **state)
{
    (void)state;
    OWNED(scene_free) struct scene *s = begin((struct operation_options){0});
    s->holder.point = at(1000000);
    for (uint64_t i = 1; i < 900; i++) {
        s->own = at(1000 * i);
        tick(s, OPERATION_TICK_MS);
        says(s, MODE_SERVING);
        assert_at(s, OPERATION_COPY);
    }
}

static void the_rest_that_does_not_come_is_given_up_and_the_holder_serves_on(void **state)
{
    (void)state;
    OWNED(scene_free) struct scene *s = begin((struct operation_options){0});
    reach(s, OPERATION_REST);
    s->own = at(9);
    while (s->status.step == OPERATION_REST) {
        tick(s, OPERATION_TICK_MS);
        s->holder.point = at(11);
        says(s, MODE_DRAINING);
        assert_true(s->now < BEGINS_MS + 2 * PATIENCE_MS);
    }
    assert_at(s, OPERATION_CALL_OFF);
    tick(s, OPERATION_LOOK_MS);
    assert_int_equal(s->demanded.demand, DEMAND_CANCEL);
    says(s, MODE_SERVING);
    assert_failed(s, OPERATION_REST);
    assert_true(s->status.refused_ms > 0);
}

/* --- verifying --- */

static void copies_that_differ_are_not_taken(void **state)
{
    (void)state;
    OWNED(scene_free) struct scene *s = begin((struct operation_options){0});
    s->own.digests[1].items = 77;
    says(s, MODE_SERVING);
    says(s, MODE_DRAINING);
    assert_at(s, OPERATION_CALL_OFF);
    says(s, MODE_SERVING);
    says(s, MODE_SERVING);
    assert_failed(s, OPERATION_VERIFY);
    assert_non_null(strstr(s->status.error.next, "-SkipDataVerification"));
}

static void whoever_skips_the_verification_takes_them_and_the_release_says_so(void **state)
{
    (void)state;
    OWNED(scene_free)
    struct scene *s = begin((struct operation_options){.skip_verification = true});
    s->own.digests[1].items = 77;
    says(s, MODE_SERVING);
    says(s, MODE_DRAINING);
    assert_at(s, OPERATION_RELEASE);
    assert_false(s->demanded.whole);
    assert_false(s->status.verified);
}

static void whoever_skips_it_waits_for_the_rest_all_the_same_but_not_for_ever(void **state)
{
    (void)state;
    OWNED(scene_free)
    struct scene *s = begin((struct operation_options){.skip_verification = true});
    reach(s, OPERATION_REST);
    tick(s, OPERATION_TICK_MS);
    assert_at(s, OPERATION_REST);
    while (s->status.step == OPERATION_REST) {
        tick(s, OPERATION_TICK_MS);
        says(s, MODE_DRAINING);
        assert_true(s->now < BEGINS_MS + 2 * PATIENCE_MS);
    }
    assert_at(s, OPERATION_RELEASE);
    assert_int_equal(s->demanded.point.usn, 10); /* what there is */
    assert_false(s->demanded.whole);
}

/* --- flushing --- */

static void a_flush_that_fails_is_not_hidden(void **state)
{
    (void)state;
    for (int disaster = 0; disaster < 2; disaster++) {
        OWNED(scene_free)
        struct scene *s = begin((struct operation_options){.flush = true, .disaster = disaster});
        reach(s, OPERATION_FLUSH);
        says_not(s, OPERATION_FLUSHED, FAIL_IO);
        if (disaster)
            assert_at(s, OPERATION_DRAIN);
        else
            assert_at(s, OPERATION_FAILED);
    }
}

static void a_flush_that_never_ends_does_not_keep_it_for_ever(void **state)
{
    (void)state;
    OWNED(scene_free) struct scene *s = begin((struct operation_options){.flush = true});
    reach(s, OPERATION_FLUSH);
    while (!s->ends) {
        tick(s, OPERATION_TICK_MS);
        says(s, MODE_SERVING);
        assert_true(s->now <= BEGINS_MS + OPERATION_FLUSH_MS + OPERATION_TICK_MS);
    }
    assert_int_equal(s->status.failed_at, OPERATION_FLUSH);
    assert_non_null(strstr(s->status.error.next, "To go on without that: "));
}

/* --- calling off --- */

static void cancel_it(struct scene *s, bool open)
{
    assert_int_equal(cancel(s), open ? OK : FAIL_REFUSED);
}

static void stop_its_taker(struct scene *s, bool open)
{
    s->stopped = true;
    tick(s, 0);
    assert_int_equal(strstr(s->status.error.what, "An administrator stopped") != NULL, open);
}

/* At every step up to the holder's release, and at none behind it. */
static void ends_where_it_can_be_called_off(void (*end)(struct scene *s, bool open))
{
    for (int step = OPERATION_COPY; step <= OPERATION_TURN; step++) {
        if (step == OPERATION_VERIFY ||
            step == OPERATION_GATHER) /* lasts no time; is not planned */
            continue;
        OWNED(scene_free)
        struct scene *s = begin(
            (struct operation_options){.flush = true, .close_ms = CLOSE_MS, .replicas = true});
        reach(s, (enum operation_step)step);
        bool open = operation_step_is_open((enum operation_step)step);
        if (open && step >= OPERATION_CLOSE)
            says(s, s->holder.mode); /* to what it was asked before: now it is told to stop */
        end(s, open);
        if (!open) {
            assert_at(s, (enum operation_step)step);
            continue;
        }
        for (unsigned i = 0; i < 4 && !s->ends; i++) {
            tick(s, OPERATION_LOOK_MS);
            says(s, MODE_SERVING);
        }
        assert_failed(s, (enum operation_step)step);
        assert_int_equal(s->opens, 0);
        assert_int_equal(s->demanded.demand == DEMAND_CANCEL, step >= OPERATION_CLOSE);
    }
}

static void it_can_be_called_off_at_every_open_step(void **state)
{
    (void)state;
    ends_where_it_can_be_called_off(cancel_it);
}

static void a_taker_that_is_stopped_calls_it_off(void **state)
{
    (void)state;
    ends_where_it_can_be_called_off(stop_its_taker);
}

/* The store of whoever takes is locked or full: users must not wait for that, nor a home be given
 * away for it. */
static void nothing_is_stopped_before_the_store_here_has_kept_that_it_will_be(void **state)
{
    (void)state;
    static const enum operation_step steps[] = {OPERATION_CLOSE, OPERATION_DRAIN};
    for (size_t i = 0; i < 4; i++) {
        enum operation_step step = steps[i / 2];
        bool comes = i % 2;
        OWNED(scene_free)
        struct scene *s = begin((struct operation_options){
            .disaster = comes, .close_ms = step == OPERATION_CLOSE ? CLOSE_MS : 0});
        s->late = true;
        says(s, MODE_SERVING);
        while (!s->ends && s->now < BEGINS_MS + STORE_MS) {
            assert_at(s, step);
            assert_int_equal(s->demanded.demand, DEMAND_LOOK);
            tick(s, OPERATION_TICK_MS);
            says(s, MODE_SERVING);
            if (comes && s->now >= BEGINS_MS + STORE_MS / 2)
                break;
        }
        if (!comes) {
            assert_failed(s, step);
            assert_non_null(strstr(s->status.error.what, s->words.taker));
            assert_int_equal(s->status.error.kind, FAIL_DEADLINE);
            assert_int_equal(s->now, BEGINS_MS + STORE_MS);
            assert_int_equal(s->demanded.demand, DEMAND_LOOK); /* and there is nothing to cancel */
            assert_int_equal(s->status.refused_ms, 0);
            continue;
        }
        s->late = false;
        happens(s, (struct operation_event){.kind = OPERATION_KEPT, .step = OPERATION_COPY});
        says(s, MODE_SERVING);
        assert_int_equal(s->demanded.demand, DEMAND_LOOK); /* that was of the step before */
        happens(s, (struct operation_event){.kind = OPERATION_KEPT, .step = step});
        says(s, MODE_SERVING);
        assert_int_equal(s->demanded.demand, operation_rule(step)->says);
        if (step == OPERATION_CLOSE) { /* and the sessions have all their time */
            says(s, MODE_CLOSING);
            tick(s, CLOSE_MS - 1);
            assert_at(s, OPERATION_CLOSE);
        }
    }
}

/* Else it would serve on after a while, and could not be asked for this hand-over any more. */
static void a_holder_that_was_told_to_close_is_told_so_while_the_store_here_is_late(void **state)
{
    (void)state;
    OWNED(scene_free)
    struct scene *s = begin((struct operation_options){.close_ms = CLOSE_MS});
    says(s, MODE_SERVING);
    says(s, MODE_SERVING);
    assert_int_equal(s->demanded.demand, DEMAND_CLOSE);
    s->late = true;
    says(s, MODE_CLOSING);
    tick(s, CLOSE_MS);
    says(s, MODE_CLOSING);
    assert_at(s, OPERATION_DRAIN);
    unsigned before = s->demands;
    for (unsigned i = 0; i < HANDOVER_HOLD_MS / OPERATION_TICK_MS; i++) {
        tick(s, OPERATION_TICK_MS);
        says(s, MODE_CLOSING);
    }
    assert_true(s->demands - before >= 3);
    assert_int_equal(s->demanded.demand, DEMAND_CLOSE);
    assert_int_equal(s->demanded.to.number, 3);
    happens(s, (struct operation_event){.kind = OPERATION_KEPT, .step = OPERATION_DRAIN});
    says(s, MODE_CLOSING);
    assert_int_equal(s->demanded.demand, DEMAND_DRAIN);
}

static void what_to_type_has_the_other_parameters_that_were_given(void **state)
{
    (void)state;
    OWNED(scene_free) struct scene *s = begin((struct operation_options){0});
    s->words.again = "Invoke-CsPoolFailOver -PoolFqdn atl -WaitTime 00:00:15 "
                     "-DatabaseCommandTimeoutInSeconds 20 -FlushStorageService";
    struct error e = {0}, why = {0};
    fail(&why, FAIL_BUSY, "It is busy.");
    ending_late_here(&e, &s->words, STORE_MS);
    assert_non_null(strstr(e.next, ": Invoke-CsPoolFailOver -PoolFqdn atl -WaitTime 00:00:15 "
                                   "-FlushStorageService -DatabaseCommandTimeoutInSeconds 40"));
    ending_stuck(&e, &s->words, 15000, 1, NULL);
    assert_non_null(strstr(e.next, "-PoolFqdn atl -DatabaseCommandTimeoutInSeconds 20 "
                                   "-FlushStorageService -WaitTime 00:00:30"));
    ending_not_flushed(&e, &s->words, &why);
    assert_non_null(strstr(e.next, "-WaitTime 00:00:15 -DatabaseCommandTimeoutInSeconds 20"));
    assert_null(strstr(e.next, "Flush"));
}

static void a_store_here_that_keeps_nothing_ends_it_before_anything_is_stopped(void **state)
{
    (void)state;
    for (int disaster = 0; disaster < 2; disaster++) {
        OWNED(scene_free)
        struct scene *s = begin((struct operation_options){.disaster = disaster});
        struct error e = {0};
        fail(&e, FAIL_FULL, "The disk is full.");
        s->late = true;
        says(s, MODE_SERVING);
        happens(s, (struct operation_event){
                       .kind = OPERATION_KEPT, .step = OPERATION_DRAIN, .error = &e});
        assert_failed(s, OPERATION_DRAIN);
        assert_int_equal(s->status.error.kind, FAIL_FULL);
        assert_int_equal(s->demanded.demand, DEMAND_LOOK);
    }
}

static void a_holder_that_is_not_reached_goes_on_by_itself(void **state)
{
    (void)state;
    OWNED(scene_free) struct scene *s = begin((struct operation_options){0});
    reach(s, OPERATION_REST);
    cancel(s);
    answers_nothing(s, FAIL_DEADLINE);
    assert_int_equal(s->demanded.demand, DEMAND_CANCEL);
    while (!s->ends) {
        answers_nothing(s, FAIL_DEADLINE);
        tick(s, OPERATION_TICK_MS);
        assert_true(s->now <= BEGINS_MS + HANDOVER_HOLD_MS + OPERATION_TICK_MS);
    }
    assert_failed(s, OPERATION_REST);
}

static void a_holder_that_has_nothing_to_call_off_ends_it(void **state)
{
    (void)state;
    OWNED(scene_free) struct scene *s = begin((struct operation_options){0});
    reach(s, OPERATION_REST);
    cancel(s);
    says(s, MODE_DRAINING);
    refuses(s, FAIL_REFUSED);
    assert_failed(s, OPERATION_REST);
}

/* --- a holder that says no --- */

static void a_refusal_calls_a_planned_one_off_and_says_why(void **state)
{
    (void)state;
    OWNED(scene_free) struct scene *s = begin((struct operation_options){0});
    reach(s, OPERATION_DRAIN);
    refuses(s, FAIL_CONFLICT);
    assert_at(s, OPERATION_CALL_OFF);
    assert_int_equal(s->demanded.demand, DEMAND_CANCEL);
    says(s, MODE_SERVING);
    assert_at(s, OPERATION_FAILED);
    assert_string_equal(s->status.error.what, "that is so");
    assert_string_equal(s->status.error.kept, "The home is served where it was.");
}

static void what_breaks_on_the_way_is_no_word_of_the_holders(void **state)
{
    (void)state;
    for (enum failure kind = FAIL_INVALID; kind < FAILURES; kind++) {
        bool silence = kind == FAIL_UNREACHABLE || kind == FAIL_DEADLINE || kind == FAIL_IO;
        assert_int_equal(operation_is_silence(kind), silence);
        assert_int_equal(operation_is_passing(kind), kind == FAIL_BUSY || kind == FAIL_STOPPING);
    }
}

static void a_holder_that_is_busy_is_asked_again(void **state)
{
    (void)state;
    OWNED(scene_free) struct scene *s = begin((struct operation_options){0});
    reach(s, OPERATION_DRAIN);
    refuses(s, FAIL_BUSY);
    assert_at(s, OPERATION_DRAIN);
    unsigned before = s->demands;
    tick(s, OPERATION_LOOK_MS);
    assert_int_equal(s->demands, before + 1);
    says(s, MODE_DRAINING);
    assert_at(s, OPERATION_RELEASE);
}

/* Its store never comes back: each demand is answered at once, by "busy". */
static void a_holder_that_is_busy_for_ever_does_not_keep_it_for_ever(void **state)
{
    (void)state;
    static const enum operation_step steps[] = {OPERATION_DRAIN, OPERATION_RELEASE};
    for (int i = 0; i < 4; i++) {
        bool disaster = i % 2;
        enum operation_step step = steps[i / 2];
        OWNED(scene_free) struct scene *s = begin((struct operation_options){.disaster = disaster});
        reach(s, step);
        uint64_t limit = s->now + STORE_MS + HANDOVER_HOLD_MS + 1000;
        while (!s->ends && !s->opens) {
            tick(s, OPERATION_TICK_MS);
            refuses(s, FAIL_BUSY);
            assert_true(s->now < limit);
        }
        if (disaster)
            assert_true(s->alone);
        else
            assert_failed(s, step);
    }
}

static void a_holder_that_never_keeps_the_release_serves_on(void **state)
{
    (void)state;
    OWNED(scene_free) struct scene *s = begin((struct operation_options){0});
    reach(s, OPERATION_RELEASE);
    while (s->status.step == OPERATION_RELEASE) {
        tick(s, OPERATION_TICK_MS);
        says(s, MODE_DRAINING); /* what was agreed is not what is there any more */
        assert_true(s->now <= BEGINS_MS + STORE_MS + 1000);
    }
    assert_at(s, OPERATION_CALL_OFF);
    tick(s, OPERATION_LOOK_MS);
    says(s, MODE_SERVING);
    assert_failed(s, OPERATION_RELEASE);
}

static void a_holder_that_serves_again_after_a_restart_is_waited_for(void **state)
{
    (void)state;
    OWNED(scene_free) struct scene *s = begin((struct operation_options){0});
    s->own = at(0);
    s->holder.point = at(20000);
    for (unsigned i = 0; i < 100; i++) { /* copying for ten seconds, and then it restarts */
        s->own = at(i);
        tick(s, OPERATION_TICK_MS);
        says(s, MODE_SERVING);
    }
    for (unsigned i = 0; i < 20; i++) {
        tick(s, OPERATION_TICK_MS);
        says(s, MODE_REJOINING);
    }
    assert_at(s, OPERATION_COPY);
    s->own = at(20000);
    tick(s, OPERATION_LOOK_MS);
    says(s, MODE_SERVING);
    assert_at(s, OPERATION_DRAIN);
}

static void
a_holder_that_does_not_serve_ends_a_planned_one_and_is_taken_from_in_a_disaster(void **state)
{
    (void)state;
    for (int disaster = 0; disaster < 2; disaster++) {
        OWNED(scene_free) struct scene *s = begin((struct operation_options){.disaster = disaster});
        while (s->status.step == OPERATION_COPY) {
            tick(s, OPERATION_TICK_MS);
            says(s, MODE_REJOINING);
            assert_true(s->now <= BEGINS_MS + OPERATION_SERVES_MS + 1000);
        }
        if (disaster) {
            assert_true(s->opens == 1 && s->alone);
        } else {
            assert_failed(s, OPERATION_COPY);
            assert_non_null(strstr(s->status.error.what, "Rejoining"));
        }
    }
}

/* It never does that by itself: who waits for seconds learns nothing by it. */
static void a_holder_that_an_administrator_stopped_is_not_waited_for(void **state)
{
    (void)state;
    for (int disaster = 0; disaster < 2; disaster++) {
        OWNED(scene_free) struct scene *s = begin((struct operation_options){.disaster = disaster});
        s->holder.stopped = true;
        says(s, MODE_REJOINING);
        if (disaster) {
            assert_true(s->opens == 1 && s->alone);
            continue;
        }
        assert_failed(s, OPERATION_COPY);
        assert_non_null(strstr(s->status.error.what, "an administrator stopped"));
        OWNED(free_memory) char *start = xasprintf("Start-CsPool -PoolFqdn %s", s->words.holder);
        assert_ptr_equal(strstr(s->status.error.next, start), s->status.error.next);
    }
}

/* One that has given the home away does not serve it when it is started, either. */
static void one_that_was_stopped_and_has_released_is_waited_for(void **state)
{
    (void)state;
    OWNED(scene_free) struct scene *s = begin((struct operation_options){0});
    s->holder.stopped = true;
    says(s, MODE_RELEASED);
    assert_at(s, OPERATION_COPY);
}

/* --- a holder that says nothing --- */

static void silence_ends_a_planned_one_where_nothing_was_released(void **state)
{
    (void)state;
    static const enum operation_step steps[] = {OPERATION_COPY, OPERATION_FLUSH, OPERATION_CLOSE,
                                                OPERATION_DRAIN, OPERATION_REST};
    for (size_t i = 0; i < COUNT_OF(steps); i++) {
        OWNED(scene_free)
        struct scene *s = begin((struct operation_options){.flush = true, .close_ms = 60000});
        if (steps[i] >= OPERATION_DRAIN) {
            operation_free(s->op);
            memset(s, 0, sizeof *s);
            struct scene *fresh = begin((struct operation_options){0});
            *s = *fresh;
            free(fresh);
        }
        reach(s, steps[i]);
        while (!s->ends) {
            tick(s, OPERATION_TICK_MS);
            answers_nothing(s, FAIL_DEADLINE);
            assert_true(s->now < BEGINS_MS + OPERATION_SILENCE_MS + HANDOVER_HOLD_MS + 1000);
        }
        assert_failed(s, steps[i]);
        assert_int_equal(s->opens, 0);
        assert_non_null(strstr(s->status.error.next, "-DisasterMode"));
    }
}

static void rule_13_a_release_in_doubt_is_waited_for(void **state)
{
    (void)state;
    OWNED(scene_free) struct scene *s = begin((struct operation_options){0});
    reach(s, OPERATION_RELEASE);
    for (unsigned i = 0; i < 100; i++) {
        tick(s, OPERATION_TICK_MS);
        answers_nothing(s, FAIL_DEADLINE);
    }
    assert_at(s, OPERATION_RELEASE);
    tick(s, OPERATION_LOOK_MS);
    says(s, MODE_RELEASED);
    assert_at(s, OPERATION_TAKE);
    is_taken(s);
    says(s, MODE_STANDBY);
    assert_done(s);
}

static void a_release_in_doubt_for_too_long_ends_it_and_says_what_is_not_known(void **state)
{
    (void)state;
    OWNED(scene_free) struct scene *s = begin((struct operation_options){0});
    reach(s, OPERATION_RELEASE);
    while (!s->ends) {
        tick(s, OPERATION_TICK_MS);
        answers_nothing(s, FAIL_DEADLINE);
        assert_true(s->now <= BEGINS_MS + OPERATION_DOUBT_MS + 1000);
    }
    assert_failed(s, OPERATION_RELEASE);
    assert_non_null(strstr(s->status.error.what, "does not say whether"));
    assert_int_equal(s->opens, 0);
}

static void what_was_slept_through_is_no_silence_of_the_holder(void **state)
{
    (void)state;
    for (int disaster = 0; disaster < 2; disaster++) {
        OWNED(scene_free) struct scene *s = begin((struct operation_options){.disaster = disaster});
        reach(s, OPERATION_REST);
        tick(s, 60000);
        assert_at(s, OPERATION_REST);
    }
}

/* --- told by itself --- */

/* The answer to the release was lost, and the holder's own question came first. */
static void a_home_that_is_taken_by_itself_is_taken(void **state)
{
    (void)state;
    static const enum operation_step steps[] = {OPERATION_COPY, OPERATION_RELEASE, OPERATION_TAKE,
                                                OPERATION_CALL_OFF};
    for (size_t i = 0; i < COUNT_OF(steps); i++) {
        OWNED(scene_free) struct scene *s = begin((struct operation_options){0});
        if (steps[i] == OPERATION_CALL_OFF) {
            reach(s, OPERATION_RELEASE);
            refuses(s, FAIL_REFUSED);
        } else {
            reach(s, steps[i]);
        }
        assert_at(s, steps[i]);
        s->serves = true;
        tick(s, OPERATION_TICK_MS);
        assert_at(s, OPERATION_TURN);
        refuses(s, FAIL_REFUSED); /* it stands by: there is nothing to release */
        tick(s, OPERATION_LOOK_MS);
        says(s, MODE_STANDBY);
        assert_done(s);
    }
}

static void the_answer_that_tells_of_it_is_not_lost(void **state)
{
    (void)state;
    OWNED(scene_free) struct scene *s = begin((struct operation_options){0});
    reach(s, OPERATION_RELEASE);
    s->serves = true;
    refuses(s, FAIL_REFUSED);
    assert_at(s, OPERATION_TURN);
    assert_int_equal(s->demanded.demand, DEMAND_LOOK);
}

static void it_is_done_even_if_the_old_holder_is_not_heard_any_more(void **state)
{
    (void)state;
    OWNED(scene_free) struct scene *s = begin((struct operation_options){0});
    reach(s, OPERATION_TURN);
    while (!s->ends) {
        answers_nothing(s, FAIL_DEADLINE);
        tick(s, OPERATION_TICK_MS);
        assert_true(s->now <= BEGINS_MS + OPERATION_TURN_MS + 1000);
    }
    assert_done(s);
    assert_false(s->status.turned);
}

/* --- taking --- */

static void not_taken(struct scene *s, enum failure failure)
{
    says_not(s, OPERATION_NOT_TAKEN, failure);
}

static void what_was_not_taken_is_tried_again(void **state)
{
    (void)state;
    OWNED(scene_free) struct scene *s = begin((struct operation_options){0});
    reach(s, OPERATION_TAKE);
    for (unsigned i = 1; i < 5; i++) {
        not_taken(s, i % 2 ? FAIL_FULL : FAIL_BUSY);
        assert_int_equal(s->opens, i);
        tick(s, OPERATION_TICK_MS);
        assert_int_equal(s->opens, i + 1);
    }
    is_taken(s);
    says(s, MODE_STANDBY);
    assert_done(s);
}

/* It was verified, and released to this pool; then a word that was late began to compare it. */
static void rule_10_a_copy_that_is_being_compared_is_not_taken_before_that_ends(void **state)
{
    (void)state;
    OWNED(scene_free) struct scene *s = begin((struct operation_options){0});
    reach(s, OPERATION_RELEASE);
    s->whole = false;
    says(s, MODE_RELEASED);
    tick(s, OPERATION_TICK_MS);
    assert_at(s, OPERATION_TAKE);
    assert_int_equal(s->opens, 0);
    s->whole = true;
    tick(s, OPERATION_TICK_MS);
    assert_int_equal(s->opens, 1);
    is_taken(s);
    assert_at(s, OPERATION_TURN);
}

static void a_comparison_that_never_ends_ends_the_operation_and_says_so(void **state)
{
    (void)state;
    OWNED(scene_free) struct scene *s = begin((struct operation_options){0});
    reach(s, OPERATION_RELEASE);
    s->whole = false;
    says(s, MODE_RELEASED);
    tick(s, STORE_MS);
    assert_failed(s, OPERATION_TAKE);
    assert_non_null(strstr(s->status.error.what, "compared"));
    assert_int_equal(s->opens, 0);
}

static void what_can_not_be_taken_ends_it_and_says_what_the_holder_does_then(void **state)
{
    (void)state;
    static const enum failure kinds[] = {FAIL_REFUSED, FAIL_CONFLICT};
    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        OWNED(scene_free) struct scene *s = begin((struct operation_options){0});
        reach(s, OPERATION_TAKE);
        not_taken(s, kinds[i]);
        assert_failed(s, OPERATION_TAKE);
        assert_non_null(
            strstr(s->status.error.kept, "asks redmond-cs-001.litwareinc.com until it takes it"));
    }
}

static void a_store_that_never_keeps_the_take_ends_it(void **state)
{
    (void)state;
    for (int answers = 0; answers < 2; answers++) {
        OWNED(scene_free) struct scene *s = begin((struct operation_options){0});
        reach(s, OPERATION_TAKE);
        while (!s->ends) {
            tick(s, OPERATION_TICK_MS);
            if (answers && !s->ends)
                not_taken(s, FAIL_FULL);
            assert_true(s->now <= BEGINS_MS + STORE_MS + 1000);
        }
        assert_failed(s, OPERATION_TAKE);
    }
}

/* --- in a disaster --- */

static void rule_13_in_a_disaster_a_holder_that_answers_is_drained_and_released(void **state)
{
    (void)state;
    OWNED(scene_free) struct scene *s = begin((struct operation_options){.disaster = true});
    says(s, MODE_SERVING);
    says(s, MODE_DRAINING);
    assert_int_equal(s->demanded.demand, DEMAND_RELEASE);
    says(s, MODE_RELEASED);
    is_taken(s);
    says(s, MODE_STANDBY);
    assert_done(s);
    assert_true(s->status.verified && !s->status.alone);
}

static void rule_13_even_if_it_was_not_heard_for_long(void **state)
{
    (void)state;
    OWNED(scene_free) struct scene *s = begin((struct operation_options){.disaster = true});
    s->silent = true; /* the wire has just been mended */
    tick(s, OPERATION_TICK_MS);
    assert_at(s, OPERATION_COPY);
    says(s, MODE_SERVING);
    assert_at(s, OPERATION_DRAIN);
    tick(s, OPERATION_TICK_MS);
    says(s, MODE_DRAINING);
    assert_at(s, OPERATION_RELEASE);
}

static void a_lost_holder_is_taken_from_at_once(void **state)
{
    (void)state;
    for (int silent = 0; silent < 2; silent++) {
        OWNED(scene_free) struct scene *s = begin((struct operation_options){.disaster = true});
        s->silent = silent;
        if (silent) /* its machine is off: no answer at all */
            tick(s, OPERATION_HELLO_MS);
        else
            answers_nothing(s, FAIL_UNREACHABLE);
        assert_int_equal(s->opens, 1);
        assert_true(s->alone && s->status.alone);
        is_taken(s);
        assert_done(s);
        assert_false(s->status.heard);
    }
}

static void a_holder_that_falls_silent_is_taken_from_alone(void **state)
{
    (void)state;
    static const enum operation_step steps[] = {OPERATION_COPY, OPERATION_DRAIN, OPERATION_REST,
                                                OPERATION_RELEASE};
    for (size_t i = 0; i < COUNT_OF(steps); i++) {
        OWNED(scene_free) struct scene *s = begin((struct operation_options){.disaster = true});
        s->whole = steps[i] != OPERATION_COPY;
        reach(s, steps[i]);
        if (steps[i] == OPERATION_COPY)
            says(s, MODE_SERVING);
        s->whole = true;
        s->own = at(0);
        s->holder.point = at(BATCH_ITEMS_MAX * 3);
        while (!s->opens) {
            tick(s, OPERATION_TICK_MS);
            answers_nothing(s, FAIL_DEADLINE);
            assert_true(s->now < BEGINS_MS + OPERATION_SILENCE_MS + 1000);
        }
        assert_true(s->alone);
        is_taken(s);
        assert_done(s);
    }
}

/* It answers, and its store keeps nothing. */
static void a_holder_whose_store_fails_stops_and_is_taken_from_alone(void **state)
{
    (void)state;
    for (int disaster = 0; disaster < 2; disaster++) {
        OWNED(scene_free) struct scene *s = begin((struct operation_options){.disaster = disaster});
        reach(s, OPERATION_DRAIN);
        s->holder.durable = false;
        says(s, MODE_DRAINING);
        if (!disaster) {
            assert_at(s, OPERATION_CALL_OFF);
            assert_int_equal(s->opens, 0);
            continue;
        }
        assert_at(s, OPERATION_RELEASE); /* all is copied; it may be able to write by now */
        says(s, MODE_DRAINING);
        assert_int_equal(s->opens, 1);
        assert_true(s->alone);
    }
}

static void a_holder_that_lost_its_store_in_the_middle_is_looked_at_again(void **state)
{
    (void)state;
    OWNED(scene_free) struct scene *s = begin((struct operation_options){.disaster = true});
    reach(s, OPERATION_DRAIN);
    refuses(s, FAIL_REFUSED); /* "Rejoining here" */
    assert_at(s, OPERATION_COPY);
    assert_int_equal(s->demanded.demand, DEMAND_LOOK);
    while (!s->opens) {
        says(s, MODE_REJOINING);
        tick(s, OPERATION_TICK_MS);
        assert_true(s->now < BEGINS_MS + OPERATION_SERVES_MS + 1000);
    }
    assert_true(s->alone);

    /* Called off by then, it is told so all the same: it may be refusing changes still. */
    OWNED(scene_free) struct scene *off = begin((struct operation_options){.disaster = true});
    reach(off, OPERATION_DRAIN);
    const struct term told = off->demanded.to;
    assert_false(term_is_none(told));
    refuses(off, FAIL_REFUSED);
    says(off, MODE_DRAINING);
    assert_at(off, OPERATION_COPY);
    assert_int_equal(cancel(off), OK);
    assert_at(off, OPERATION_CALL_OFF);
    tick(off, OPERATION_TICK_MS);
    assert_int_equal(off->demanded.demand, DEMAND_CANCEL);
    assert_true(term_equal(off->demanded.to, told)); /* what that did not begin, it refuses */

    /* Once is enough: what is refused again is refused for good. */
    OWNED(scene_free) struct scene *again = begin((struct operation_options){.disaster = true});
    for (unsigned i = 0; i < 2; i++) {
        reach(again, OPERATION_DRAIN);
        refuses(again, FAIL_CONFLICT);
    }
    assert_at(again, OPERATION_CALL_OFF);
}

static void in_a_disaster_the_rest_that_does_not_come_is_left_to_salvage(void **state)
{
    (void)state;
    OWNED(scene_free) struct scene *s = begin((struct operation_options){.disaster = true});
    reach(s, OPERATION_REST);
    while (s->status.step == OPERATION_REST) {
        tick(s, OPERATION_TICK_MS);
        says(s, MODE_DRAINING);
        assert_true(s->now <= BEGINS_MS + 2 * PATIENCE_MS);
    }
    assert_at(s, OPERATION_RELEASE);
    assert_false(s->demanded.whole);
}

/* Nor is it taken so from a holder that answers: of the rest even the copy can't tell what is
 * missing. */
static void a_copy_in_a_long_catch_up_is_released_to_only_knowingly(void **state)
{
    (void)state;
    for (int knowingly = 0; knowingly < 2; knowingly++) {
        OWNED(scene_free)
        struct scene *s =
            begin((struct operation_options){.disaster = true, .incomplete = knowingly});
        reach(s, OPERATION_REST);
        s->whole = false;
        while (s->status.step == OPERATION_REST) {
            tick(s, OPERATION_TICK_MS);
            says(s, MODE_DRAINING);
            assert_true(s->now <= BEGINS_MS + 2 * PATIENCE_MS);
        }
        assert_at(s, knowingly ? OPERATION_RELEASE : OPERATION_CALL_OFF);
    }
}

static void a_copy_in_a_long_catch_up_is_taken_alone_only_knowingly(void **state)
{
    (void)state;
    for (int knowingly = 0; knowingly < 2; knowingly++) {
        OWNED(scene_free)
        struct scene *s =
            begin((struct operation_options){.disaster = true, .incomplete = knowingly});
        s->whole = false;
        answers_nothing(s, FAIL_UNREACHABLE);
        if (knowingly)
            assert_int_equal(s->opens, 1);
        else
            assert_failed(s, OPERATION_COPY);
    }
}

static void taken_alone_it_takes_a_later_number_where_one_is_known_by_then(void **state)
{
    (void)state;
    OWNED(scene_free) struct scene *s = begin((struct operation_options){.disaster = true});
    answers_nothing(s, FAIL_UNREACHABLE);
    not_taken(s, FAIL_BUSY); /* a grant may be on its way */
    assert_at(s, OPERATION_TAKE);
    tick(s, OPERATION_TICK_MS);
    not_taken(s, FAIL_CONFLICT);
    assert_at(s, OPERATION_TAKE);
    tick(s, OPERATION_TICK_MS);
    assert_int_equal(s->opens, 3);
    not_taken(s, FAIL_REFUSED); /* stopped */
    assert_failed(s, OPERATION_TAKE);
}

/* --- replicas --- */

static void a_planned_one_waits_for_the_replicas_that_answer(void **state)
{
    (void)state;
    OWNED(scene_free) struct scene *s = begin((struct operation_options){.replicas = true});
    s->replicas = (struct operation_replicas){.asked = true, .least = 10}; /* of an earlier one */
    says(s, MODE_SERVING);
    assert_at(s, OPERATION_REPLICAS);
    assert_int_equal(s->asks, 1);
    tick(s, OPERATION_TICK_MS);
    assert_at(s, OPERATION_REPLICAS);
    replicas_say(s, 7, 10);
    assert_at(s, OPERATION_REPLICAS);
    assert_int_equal(s->status.replicas_usn, 7);
    assert_int_equal(s->status.replicas_goal, 10);
    says(s, MODE_SERVING);
    assert_true(operation_step_is_open(s->status.step));
    s->holder.point = at(12); /* what comes later is not waited for */
    replicas_say(s, 10, 10);
    assert_at(s, OPERATION_DRAIN);
    assert_true(s->asks > 1);
}

static void where_none_answers_it_goes_on(void **state)
{
    (void)state;
    OWNED(scene_free) struct scene *s = begin((struct operation_options){.replicas = true});
    says(s, MODE_SERVING);
    replicas_say(s, UINT64_MAX, 0);
    assert_at(s, OPERATION_DRAIN);
}

static void replicas_without_progress_end_a_planned_one_and_are_named(void **state)
{
    (void)state;
    OWNED(scene_free) struct scene *s = begin((struct operation_options){.replicas = true});
    says(s, MODE_SERVING);
    uint64_t least = 0, moved = s->now;
    while (!s->ends) {
        least += s->now - moved >= PATIENCE_MS / 2 && least < 9; /* it waits as long as they move */
        moved = least > s->status.replicas_usn ? s->now : moved;
        says(s, MODE_SERVING);
        replicas_say(s, least, 10);
        assert_true(s->now <= moved + PATIENCE_MS + OPERATION_TICK_MS);
    }
    assert_true(s->now > BEGINS_MS + 5 * PATIENCE_MS);
    assert_failed(s, OPERATION_REPLICAS);
    assert_non_null(strstr(s->status.error.what, "1 change is not there yet: lonely-cs-001"));
}

static void in_a_disaster_nobody_waits_for_replicas_while_the_holder_answers(void **state)
{
    (void)state;
    OWNED(scene_free)
    struct scene *s = begin((struct operation_options){.replicas = true, .disaster = true});
    reach(s, OPERATION_TURN);
    assert_int_equal(s->asks + s->brings, 0);
}

/* A lost holder, and a replica that may have more. */
static struct scene *is_lost(void)
{
    struct scene *s = begin((struct operation_options){.replicas = true, .disaster = true});
    answers_nothing(s, FAIL_UNREACHABLE);
    assert_at(s, OPERATION_GATHER);
    assert_int_equal(s->brings, 1);
    return s;
}

static void rule_19_what_a_replica_has_more_is_brought_before_it_is_taken_alone(void **state)
{
    (void)state;
    OWNED(scene_free) struct scene *s = is_lost();
    replicas_say(s, 3, 14);
    for (uint64_t usn = 11; usn < 14; usn++) {
        tick(s, OPERATION_GATHER_MS - 1);
        assert_int_equal(s->opens, 0);
        s->own = at(usn);
        tick(s, 1);
    }
    s->own = at(14);
    replicas_say(s, 3, 20); /* a holder that only it hears goes on */
    assert_int_equal(s->opens, 1);
    assert_true(s->alone && s->status.alone);
    assert_int_equal(s->status.point.usn, 14);
    is_taken(s);
    assert_done(s);
}

static void rule_19_with_nothing_to_bring_it_is_taken_at_once(void **state)
{
    (void)state;
    for (int any = 0; any < 2; any++) {
        OWNED(scene_free) struct scene *s = is_lost();
        replicas_say(s, any ? 10 : UINT64_MAX, any ? 10 : 0);
        assert_int_equal(s->opens, 1);
    }
}

static void rule_19_a_replica_that_sends_nothing_does_not_keep_it_for_ever(void **state)
{
    (void)state;
    OWNED(scene_free) struct scene *s = is_lost();
    uint64_t limit = s->now + OPERATION_GATHER_MS + OPERATION_TICK_MS;
    while (!s->opens) {
        replicas_say(s, 3, 14);
        assert_true(s->now <= limit);
    }
}

static void rule_19_a_copy_in_a_long_catch_up_may_become_whole_by_that(void **state)
{
    (void)state;
    OWNED(scene_free)
    struct scene *s = begin((struct operation_options){.replicas = true, .disaster = true});
    s->whole = false;
    answers_nothing(s, FAIL_UNREACHABLE);
    replicas_say(s, 3, 14);
    s->whole = true;
    s->own = at(14);
    replicas_say(s, 3, 14);
    assert_int_equal(s->opens, 1);
}

/* Nobody has all of it any more: then it is as much as there will ever be. */
static void rule_19_without_such_a_replica_it_is_taken_only_knowingly(void **state)
{
    (void)state;
    for (int knowingly = 0; knowingly < 2; knowingly++) {
        OWNED(scene_free)
        struct scene *s = begin((struct operation_options){
            .replicas = true, .disaster = true, .incomplete = knowingly});
        s->whole = false;
        answers_nothing(s, FAIL_UNREACHABLE);
        assert_int_equal(s->brings, 1); /* they are asked in any case */
        replicas_say(s, UINT64_MAX, 0);
        if (knowingly) {
            assert_int_equal(s->opens, 1);
        } else {
            assert_failed(s, OPERATION_GATHER);
            assert_non_null(strstr(s->status.error.next, "-SkipDataVerification"));
        }
    }
}

/* --- whatever happens --- */

/* What the command of `central` does not have, it does not tell to type. */
static void assert_can_be_typed(const struct scene *s, bool central, bool disaster)
{
    static const char *const of_pools[] = {"-DisasterMode", "-WaitTime",
                                           "-DatabaseCommandTimeoutInSeconds"};
    for (size_t i = 0; central && i < COUNT_OF(of_pools); i++)
        assert_null(strstr(s->status.error.next, of_pools[i]));
    if (central && !disaster)
        assert_null(strstr(s->status.error.next, "-SkipDataVerification"));
}

/* Every operation ends, whatever the holder says, and says at most what there is room for. */
static void every_operation_ends(void **state)
{
    (void)state;
    enum { STEPS = 100000 };
    uint64_t dice = 88172645463325252u;
    for (unsigned round = 0; round < 3000; round++) {
        bool on = true;
        OWNED(scene_free)
        struct scene *s = begin((struct operation_options){.disaster = round % 2,
                                                           .skip_verification = round % 3 == 0,
                                                           .flush = round % 5 == 0,
                                                           .close_ms = round % 7 ? 0 : CLOSE_MS,
                                                           .incomplete = round % 11 == 0,
                                                           .replicas = round % 13 < 6});
        uint64_t mostly = dice % 12; /* one answer is given more often than others */
        for (unsigned i = 0; i < STEPS && !s->ends; i++) {
            dice ^= dice << 13;
            dice ^= dice >> 7;
            dice ^= dice << 17;
            uint64_t what = dice % 3 ? mostly : (dice >> 8) % 12;
            s->holder.durable = (dice >> 16) % 8 != 0;
            s->holder.seen = 2 + (dice >> 20) % 3;
            s->whole = (dice >> 24) % 8 != 0;
            s->holder.stopped = (dice >> 26) % 8 == 0;
            s->replicas = (struct operation_replicas){
                .asked = (dice >> 40) % 2, .least = (dice >> 42) % 20, .most = (dice >> 50) % 20};
            switch (what) {
            case 0: says(s, (enum mode)((dice >> 30) % MODES)); break;
            case 1: refuses(s, FAIL_BUSY); break;
            case 2: refuses(s, (dice >> 30) % 8 ? FAIL_STOPPING : FAIL_REFUSED); break;
            case 3: answers_nothing(s, FAIL_DEADLINE); break;
            case 4: says(s, MODE_DRAINING); break;
            case 5: says(s, MODE_SERVING); break;
            case 6: says(s, MODE_RELEASED); break;
            case 7:
                if (s->status.step == OPERATION_TAKE)
                    not_taken(s, (dice >> 30) % 8 ? FAIL_BUSY : FAIL_FULL);
                break;
            case 8:
                s->own.usn += (dice >> 30) % 3;
                s->holder.point.usn += (dice >> 34) % 3;
                break;
            case 9: on = !on; break;
            default: break;
            }
            if (on && !s->ends)
                tick(s, OPERATION_TICK_MS);
            else
                s->now += OPERATION_TICK_MS;
        }
        assert_int_equal(s->ends, 1);
        unsigned demands = s->demands, opens = s->opens;
        tick(s, 1000000);
        says(s, MODE_RELEASED);
        is_taken(s);
        assert_true(s->demands == demands && s->opens == opens && s->ends == 1);
        assert_can_be_typed(s, round % 13 < 6, round % 2);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_planned_operation_goes_through_its_steps_and_ends),
        cmocka_unit_test(without_flush_and_time_for_sessions_it_takes_four_answers),
        cmocka_unit_test(the_term_that_it_opens_is_above_all_that_the_holder_has_seen),
        cmocka_unit_test(one_demand_is_under_way_at_a_time),
        cmocka_unit_test(what_the_holder_was_told_is_said_again_before_its_deadline),
        cmocka_unit_test(it_copies_until_one_batch_is_left),
        cmocka_unit_test(a_large_file_that_is_on_its_way_is_progress),
        cmocka_unit_test(a_file_of_which_nothing_comes_is_none),
        cmocka_unit_test(nor_are_files_that_others_go_on_to_add),
        cmocka_unit_test(changes_are_not_stopped_for_a_copy_that_does_not_go_on),
        cmocka_unit_test(changes_are_not_refused_for_long_where_the_disk_of_the_copy_is_full),
        cmocka_unit_test(a_copy_that_goes_on_a_little_behind_is_good_enough),
        cmocka_unit_test(in_a_disaster_and_unverified_nobody_waits_for_the_copy_to_go_on),
        cmocka_unit_test(it_waits_for_a_copy_that_stands_at_a_point_that_existed),
        cmocka_unit_test(copying_without_progress_is_given_up_and_says_what_is_left),
        cmocka_unit_test(a_holder_that_writes_faster_than_it_is_copied_does_not_keep_it_for_ever),
        cmocka_unit_test(copying_that_goes_on_may_take_as_long_as_it_takes),
        cmocka_unit_test(the_rest_that_does_not_come_is_given_up_and_the_holder_serves_on),
        cmocka_unit_test(copies_that_differ_are_not_taken),
        cmocka_unit_test(whoever_skips_the_verification_takes_them_and_the_release_says_so),
        cmocka_unit_test(whoever_skips_it_waits_for_the_rest_all_the_same_but_not_for_ever),
        cmocka_unit_test(a_flush_that_fails_is_not_hidden),
        cmocka_unit_test(a_flush_that_never_ends_does_not_keep_it_for_ever),
        cmocka_unit_test(it_can_be_called_off_at_every_open_step),
        cmocka_unit_test(a_taker_that_is_stopped_calls_it_off),
        cmocka_unit_test(nothing_is_stopped_before_the_store_here_has_kept_that_it_will_be),
        cmocka_unit_test(a_holder_that_was_told_to_close_is_told_so_while_the_store_here_is_late),
        cmocka_unit_test(what_to_type_has_the_other_parameters_that_were_given),
        cmocka_unit_test(a_store_here_that_keeps_nothing_ends_it_before_anything_is_stopped),
        cmocka_unit_test(a_holder_that_is_not_reached_goes_on_by_itself),
        cmocka_unit_test(a_holder_that_has_nothing_to_call_off_ends_it),
        cmocka_unit_test(a_refusal_calls_a_planned_one_off_and_says_why),
        cmocka_unit_test(what_breaks_on_the_way_is_no_word_of_the_holders),
        cmocka_unit_test(a_holder_that_is_busy_is_asked_again),
        cmocka_unit_test(a_holder_that_is_busy_for_ever_does_not_keep_it_for_ever),
        cmocka_unit_test(a_holder_that_never_keeps_the_release_serves_on),
        cmocka_unit_test(a_holder_that_serves_again_after_a_restart_is_waited_for),
        cmocka_unit_test(
            a_holder_that_does_not_serve_ends_a_planned_one_and_is_taken_from_in_a_disaster),
        cmocka_unit_test(a_holder_that_an_administrator_stopped_is_not_waited_for),
        cmocka_unit_test(one_that_was_stopped_and_has_released_is_waited_for),
        cmocka_unit_test(silence_ends_a_planned_one_where_nothing_was_released),
        cmocka_unit_test(rule_13_a_release_in_doubt_is_waited_for),
        cmocka_unit_test(a_release_in_doubt_for_too_long_ends_it_and_says_what_is_not_known),
        cmocka_unit_test(what_was_slept_through_is_no_silence_of_the_holder),
        cmocka_unit_test(a_home_that_is_taken_by_itself_is_taken),
        cmocka_unit_test(the_answer_that_tells_of_it_is_not_lost),
        cmocka_unit_test(it_is_done_even_if_the_old_holder_is_not_heard_any_more),
        cmocka_unit_test(what_was_not_taken_is_tried_again),
        cmocka_unit_test(rule_10_a_copy_that_is_being_compared_is_not_taken_before_that_ends),
        cmocka_unit_test(a_comparison_that_never_ends_ends_the_operation_and_says_so),
        cmocka_unit_test(what_can_not_be_taken_ends_it_and_says_what_the_holder_does_then),
        cmocka_unit_test(a_store_that_never_keeps_the_take_ends_it),
        cmocka_unit_test(rule_13_in_a_disaster_a_holder_that_answers_is_drained_and_released),
        cmocka_unit_test(rule_13_even_if_it_was_not_heard_for_long),
        cmocka_unit_test(a_lost_holder_is_taken_from_at_once),
        cmocka_unit_test(a_holder_that_falls_silent_is_taken_from_alone),
        cmocka_unit_test(a_holder_whose_store_fails_stops_and_is_taken_from_alone),
        cmocka_unit_test(a_holder_that_lost_its_store_in_the_middle_is_looked_at_again),
        cmocka_unit_test(in_a_disaster_the_rest_that_does_not_come_is_left_to_salvage),
        cmocka_unit_test(a_copy_in_a_long_catch_up_is_released_to_only_knowingly),
        cmocka_unit_test(a_copy_in_a_long_catch_up_is_taken_alone_only_knowingly),
        cmocka_unit_test(taken_alone_it_takes_a_later_number_where_one_is_known_by_then),
        cmocka_unit_test(a_planned_one_waits_for_the_replicas_that_answer),
        cmocka_unit_test(where_none_answers_it_goes_on),
        cmocka_unit_test(replicas_without_progress_end_a_planned_one_and_are_named),
        cmocka_unit_test(in_a_disaster_nobody_waits_for_replicas_while_the_holder_answers),
        cmocka_unit_test(rule_19_what_a_replica_has_more_is_brought_before_it_is_taken_alone),
        cmocka_unit_test(rule_19_with_nothing_to_bring_it_is_taken_at_once),
        cmocka_unit_test(rule_19_a_replica_that_sends_nothing_does_not_keep_it_for_ever),
        cmocka_unit_test(rule_19_a_copy_in_a_long_catch_up_may_become_whole_by_that),
        cmocka_unit_test(rule_19_without_such_a_replica_it_is_taken_only_knowingly),
        cmocka_unit_test(every_operation_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
