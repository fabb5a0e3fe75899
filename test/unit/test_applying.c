/* Batches as they come to a copy: what is gathered, and when the copy is whole. */
#include "unit.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "core/lineage.h"
#include "pool/applying.h"
#include "pool/copy_mark.h"
#include "store/memory.h"
#include "store_check.h"

static struct store *store;
static struct applying *applying;

/* A copy of the partner's term, of which nothing has come yet. */
static int begin(void **state)
{
    (void)state;
    struct hold hold = a_hold(MODE_STANDBY, FOLLOWED_TERM, 1);
    hold.lineage = (struct lineage){0};
    lineage_open(&hold.lineage, hold.term, 0);
    struct engine *engine = memory_engine_open();
    gate_install(engine);
    assert_int_equal(store_open(engine, &store, NULL), OK);
    assert_int_equal(keep_hold(store, &hold, NULL), OK);
    applying = applying_new();
    return 0;
}

static int end(void **state)
{
    (void)state;
    applying_free(applying);
    store_close(store);
    return 0;
}

/* One change behind `after`, as somebody sends it who had come as far as `head`. */
static enum failure try_to_send(uint64_t after, uint64_t upto, uint64_t head, bool more,
                                struct applied *applied, struct error *e)
{
    OWNED(batch_writer_free) struct batch_writer *writer = batch_writer_new();
    struct hold hold;
    char key[32];
    state_of(store, HOME, &hold);
    struct batch_head of = {.module = MODULE, .term = hold.term, .after = after, .head = head};
    snprintf(of.home, sizeof of.home, "%s", HOME);
    snprintf(key, sizeof key, "key-%llu", (unsigned long long)upto);
    struct item item = an_item(upto, key, "value");
    item.version.term = hold.term.number;
    batch_begin(writer, &of);
    assert_true(batch_add(writer, &item));
    const struct applying_sent bytes = {
        .from = PARTNER, .bytes = batch_finish(writer, upto, more), .limit = UINT64_MAX};
    return applying_take(applying, store, &bytes, applied, e);
}

static struct applied sent(uint64_t after, uint64_t upto, uint64_t head, bool more)
{
    struct error e = {0};
    struct applied applied = {0};
    if (try_to_send(after, upto, head, more, &applied, &e))
        fail_msg("%s", e.what);
    assert_int_equal(applied.answer.verdict, COPY_GO_ON);
    return applied;
}

static void stands(uint64_t cookie, uint64_t whole_at)
{
    struct hold hold;
    struct home_state state = state_of(store, HOME, &hold);
    assert_int_equal(state.modules[MODULE].cookie.usn, cookie);
    assert_int_equal(state.modules[MODULE].whole_at.usn, whole_at);
}

static void a_copy_is_whole_where_its_catch_up_ends(void **state)
{
    (void)state;
    assert_false(sent(0, 5, 10, false).complete[MODULE]);
    stands(5, 10);
    assert_false(sent(5, 8, 11, false).complete[MODULE]);
    stands(8, 11);
    assert_true(sent(8, 11, 11, false).complete[MODULE]);
    stands(11, 11);
}

/* The holder left out what it had changed once more by change 10. A replica that has come to change
 * 9 has that as it was before, below where it is asked from: nothing of it comes (rule 19). */
static void whoever_came_less_far_makes_no_copy_whole(void **state)
{
    (void)state;
    assert_false(sent(0, 5, 10, false).complete[MODULE]);
    assert_false(sent(5, 9, 9, false).complete[MODULE]);
    stands(9, 10);
    assert_true(sent(9, 12, 12, false).complete[MODULE]);
    stands(12, 12);
}

static void nor_when_it_is_gathered_with_what_came_before(void **state)
{
    (void)state;
    assert_false(sent(0, 5, 10, true).complete[MODULE]);
    assert_false(sent(5, 9, 9, false).complete[MODULE]);
    stands(9, 10);
}

/* --- other modules go along --- */

/* A batch without items, up to `head`; the last thing of another module is met at `others`. */
static struct applied tells_read_at(uint64_t after, uint64_t head, uint64_t others,
                                    uint64_t read_ms)
{
    OWNED(batch_writer_free) struct batch_writer *writer = batch_writer_new();
    struct applied applied = {0};
    struct error e = {0};
    struct hold hold;
    state_of(store, HOME, &hold);
    struct batch_head of = {
        .module = MODULE, .term = hold.term, .after = after, .head = head, .read_ms = read_ms};
    snprintf(of.home, sizeof of.home, "%s", HOME);
    batch_begin(writer, &of);
    batch_others_upto(writer, others);
    const struct applying_sent bytes = {
        .from = PARTNER, .bytes = batch_finish(writer, head, false), .limit = UINT64_MAX};
    if (applying_take(applying, store, &bytes, &applied, &e))
        fail_msg("%s", e.what);
    return applied;
}

static struct applied tells(uint64_t after, uint64_t head, uint64_t others)
{
    return tells_read_at(after, head, others, 0);
}

static uint64_t complete_until(enum module module)
{
    struct view *view = NULL;
    assert_int_equal(store_view(store, &view, NULL), OK);
    uint64_t moment = copy_mark_read(view, HOME, module);
    view_close(view);
    return moment;
}

static uint64_t other_cookie(void)
{
    struct hold hold;
    return state_of(store, HOME, &hold).modules[MODULE_DATA_CONF].cookie.usn;
}

static void other_comes_to(uint64_t usn)
{
    struct store_outcome outcome;
    struct hold hold;
    struct home_state state = state_of(store, HOME, &hold);
    struct txn *txn = txn_new(HOME);
    txn_as_copy(txn, hold.term.number);
    txn_cookie(txn, MODULE_DATA_CONF, state.modules[MODULE_DATA_CONF].cookie,
               (struct version){.term = hold.term.number, .usn = usn});
    assert_int_equal(store_commit_wait(store, txn, &outcome), OK);
}

static void rule_20_another_module_goes_along_in_the_same_transaction(void **state)
{
    (void)state;
    assert_false(tells(0, 10, 0).answer.carried); /* of the other one nothing has come yet */
    other_comes_to(10);
    struct applied applied = tells(10, 20, 10);
    assert_true(applied.answer.carried);
    assert_true(applied.complete[MODULE] && applied.complete[MODULE_DATA_CONF]);
    assert_int_equal(other_cookie(), 20);
    applied = tells(20, 30, 25); /* it has something at 25, which is on its way */
    assert_false(applied.answer.carried || applied.complete[MODULE_DATA_CONF]);
    assert_int_equal(other_cookie(), 20);
    other_comes_to(26);
    assert_false(tells(30, 40, 30).answer.carried); /* it lacks what 27 to 30 have of it */
    other_comes_to(40);
    assert_true(tells(40, 50, 40).answer.carried);
    stands(50, 50);
    assert_int_equal(other_cookie(), 50);
}

static void rule_20_nothing_is_said_of_it_unless_the_sender_did(void **state)
{
    (void)state;
    tells(0, 10, 10);
    other_comes_to(10);
    assert_false(tells(10, 20, 20).answer.carried);
    assert_int_equal(other_cookie(), 10);
}

/* Not when it was stored: changes may have been acknowledged since it was read. */
static void a_copy_had_everything_until_what_completes_it_was_read(void **state)
{
    (void)state;
    other_comes_to(5);
    assert_true(tells_read_at(0, 10, 0, 4000).complete[MODULE]);
    assert_int_equal(complete_until(MODULE), 4000);
    assert_int_equal(complete_until(MODULE_DATA_CONF), 4000);
    assert_true(tells(10, 20, 20).complete[MODULE]); /* when this was read, nobody knows */
    assert_int_equal(complete_until(MODULE), 4000);
    uint64_t before_ms = clock_wall_ms();
    tells_read_at(20, 30, 30, UINT64_MAX / 2); /* a clock that is ahead */
    assert_in_range(complete_until(MODULE), before_ms, clock_wall_ms());
    assert_int_equal(complete_until(MODULE_DATA_CONF), 4000);
}

/* --- many at once --- */

/* So many changes behind `after`, in the order of their keys or in none, each of so many bytes. */
struct many {
    uint64_t after, count, head;
    size_t bytes;
    bool in_order;
    bool more; /* though it comes up to the head */
};

static struct item one_of(const struct many *many, uint64_t usn, const char *value, char key[32])
{
    snprintf(key, 32, "key-%08llu",
             (unsigned long long)(many->in_order ? usn : usn * 618033 % 1000003));
    return an_item(usn, key, value);
}

/* `answered`, or NULL, is told before the end. */
static void send_many(struct many many, applying_answered *answered)
{
    OWNED(batch_writer_free) struct batch_writer *writer = batch_writer_new();
    OWNED(free_memory) char *value = xcalloc(1, many.bytes + 1);
    memset(value, 'v', many.bytes);
    struct hold hold;
    state_of(store, HOME, &hold);
    struct batch_head of = {
        .module = MODULE, .term = hold.term, .after = many.after, .head = many.head};
    snprintf(of.home, sizeof of.home, "%s", HOME);
    batch_begin(writer, &of);
    uint64_t upto = many.after + many.count;
    for (uint64_t usn = many.after + 1; usn <= upto; usn++) {
        char key[32];
        struct item item = one_of(&many, usn, value, key);
        item.version.term = hold.term.number;
        assert_true(batch_add(writer, &item));
    }
    const struct applying_sent bytes = {
        .from = PARTNER,
        .bytes = batch_finish(writer, upto, many.more || upto < many.head),
        .limit = UINT64_MAX,
        .answered = answered};
    struct applied applied = {0};
    struct error e = {0};
    if (applying_take(applying, store, &bytes, &applied, &e))
        fail_msg("%s", e.what);
    assert_int_equal(applied.answer.verdict, COPY_GO_ON);
    assert_int_equal(applied.answer.taken, upto);
}

/* Enough for a copy that has next to nothing. */
enum { ENOUGH = APPLYING_BYTES_ENOUGH / 1000 + 1 };

static void send_enough(uint64_t after, applying_answered *answered)
{
    send_many((struct many){after, ENOUGH, after + 2 * ENOUGH, 1000, true, false}, answered);
}

/* --- what was gathered is not stored --- */

/* It is taken, and counts for nothing yet. */
static void gathered(uint64_t after, uint64_t upto, uint64_t head)
{
    struct applied applied = sent(after, upto, head, true);
    assert_int_equal(applied.answer.taken, upto);
    assert_false(applied.complete[MODULE]);
    stands(0, 0);
}

/* Whoever goes on behind it is told that it came to nothing, … */
static void next_is_told(uint64_t after, enum failure kind)
{
    struct error e = {0};
    struct applied applied = {0};
    assert_int_equal(try_to_send(after, after + 3, after + 20, true, &applied, &e), kind);
    assert_int_equal(applied.answer.at.usn, 0);
    stands(0, 0);
}

/* … and begins again where the copy stands. */
static void all_is_sent_again(void)
{
    assert_true(sent(0, 20, 20, false).complete[MODULE]);
    stands(20, 20);
    assert_sound(store, HOME);
}

static void what_was_gathered_and_found_no_room_is_sent_again(void **state)
{
    (void)state;
    gathered(0, 5, 20);
    gathered(5, 8, 20);
    gate_fail_after(0, FAIL_FULL);
    send_enough(8, NULL);
    next_is_told(8 + ENOUGH, FAIL_FULL);
    all_is_sent_again();
}

static void *send_what_is_enough(void *unused)
{
    send_enough(5, NULL);
    return unused;
}

static void what_was_gathered_behind_that_goes_with_it(void **state)
{
    (void)state;
    pthread_t thread;
    gathered(0, 5, 20);
    gate_close();
    pthread_create(&thread, NULL, send_what_is_enough, NULL);
    gate_wait_for_flush();
    gathered(5 + ENOUGH, 8 + ENOUGH, 20 + ENOUGH); /* behind what is being stored */
    gate_fail_after(0, FAIL_FULL);
    gate_open();
    pthread_join(thread, NULL);
    next_is_told(8 + ENOUGH, FAIL_FULL);
    all_is_sent_again();
}

/* Whoever sent a batch may send the next one before this one is gathered, or stored; and the copy
 * may be told of another term meanwhile. */
static void another_term_begins(void *context)
{
    (void)context;
    stands(0, 0);
    struct hold hold = a_hold(MODE_STANDBY, FOLLOWED_TERM + 2, 2);
    hold.lineage = (struct lineage){0};
    lineage_open(&hold.lineage, a_hold(MODE_STANDBY, FOLLOWED_TERM, 1).term, 0);
    lineage_open(&hold.lineage, hold.term, 3); /* change 5 of the term before was given up */
    assert_int_equal(keep_hold(store, &hold, NULL), OK);
}

static void what_was_gathered_in_a_term_that_is_over_is_not_stored(void **state)
{
    (void)state;
    gathered(0, 5, 20);
    send_enough(5, another_term_begins);
    next_is_told(5 + ENOUGH, FAIL_REFUSED);
    all_is_sent_again();
}

static void *send_all_there_is(void *unused)
{
    send_many((struct many){.after = 5,
                            .count = ENOUGH,
                            .head = 5 + ENOUGH,
                            .bytes = 1000,
                            .in_order = true,
                            .more = true},
              NULL);
    return unused;
}

static atomic_bool was_answered;

static void note_answered(void *context)
{
    (void)context;
    atomic_store(&was_answered, true);
}

static uint64_t fill(uint64_t after)
{
    enum { SIZE = 1000, STEP = 2000 };
    for (size_t bytes = 0; bytes < APPLYING_BYTES_MAX; bytes += SIZE * STEP, after += STEP)
        send_many((struct many){after, STEP, 1000000, SIZE, true, false}, NULL);
    return after;
}

static void *send_one_too_many(void *after)
{
    send_many((struct many){*(uint64_t *)after, 10, 1000000, 10, true, false}, note_answered);
    return NULL;
}

static void whoever_sends_more_than_is_gathered_is_not_answered_before_it_is_stored(void **state)
{
    (void)state;
    pthread_t first, last;
    gathered(0, 5, 20);
    gate_close();
    pthread_create(&first, NULL, send_what_is_enough, NULL);
    gate_wait_for_flush();
    uint64_t full = fill(5 + ENOUGH); /* by one thread, which waits for nothing */
    atomic_store(&was_answered, false);
    pthread_create(&last, NULL, send_one_too_many, &full);
    usleep(20000); /* time to go wrong in */
    assert_false(atomic_load(&was_answered));
    stands(0, 0);
    gate_open();
    pthread_join(first, NULL);
    pthread_join(last, NULL);
    assert_true(atomic_load(&was_answered));
    stands(full, 1000000);
    assert_true(sent(full + 10, 1000000, 1000000, false).complete[MODULE]);
    assert_sound(store, HOME);
}

/* Nothing is left behind what is being stored: only then it is there. */
static void *ask_for_the_rest(void *after)
{
    uint64_t upto = *(uint64_t *)after;
    struct applied applied = tells(upto, upto, upto);
    atomic_store(&was_answered, true);
    assert_true(applied.complete[MODULE]);
    assert_int_equal(applied.answer.at.usn, upto);
    stands(upto, upto);
    return NULL;
}

static void what_is_being_stored_is_not_said_to_be_there(void **state)
{
    (void)state;
    pthread_t first, last;
    uint64_t upto = 5 + ENOUGH;
    gathered(0, 5, 20);
    gate_close();
    pthread_create(&first, NULL, send_all_there_is, NULL);
    gate_wait_for_flush();
    atomic_store(&was_answered, false);
    pthread_create(&last, NULL, ask_for_the_rest, &upto);
    usleep(20000); /* time to go wrong in */
    assert_false(atomic_load(&was_answered));
    gate_open();
    pthread_join(first, NULL);
    pthread_join(last, NULL);
    assert_true(atomic_load(&was_answered));
}

static void unexpected(void *context)
{
    (void)context;
    fail_msg("it was answered before it was stored");
}

/* What is to be durable when it is answered. */
static void the_last_one_is_not_answered_before_the_end(void **state)
{
    (void)state;
    gathered(0, 5, 20);
    send_many((struct many){5, 15, 20, 10, true, false}, unexpected);
    stands(20, 20);
}

/* Nobody sends the rest, as when the other pool stops in the middle: nothing of it is kept. */
static void what_was_gathered_and_is_begun_again_elsewhere_counts_for_nothing(void **state)
{
    (void)state;
    gathered(0, 5, 20);
    gathered(5, 8, 20);
    gathered(0, 4, 20); /* the other pool asked where the copy stands, and goes on from there */
    assert_true(sent(4, 20, 20, false).complete[MODULE]);
    stands(20, 20);
    assert_sound(store, HOME);
}

/* --- when what was gathered is stored --- */

static bool is_stored(struct many many)
{
    struct hold hold;
    send_many(many, NULL);
    return state_of(store, HOME, &hold).modules[MODULE].cookie.usn == many.after + many.count;
}

/* A copy that has so many items already, most of whose pages a few in no order would touch. */
static void has_many(uint64_t count)
{
    for (uint64_t usn = 0; usn < count; usn += 5000)
        is_stored((struct many){usn, 5000, count, 10, true, false});
    stands(count, count);
}

static void what_comes_in_the_order_of_its_keys_is_stored_soon(void **state)
{
    (void)state;
    has_many(25000);
    assert_false(is_stored((struct many){25000, 1000, 90000, 300, true, false}));
    assert_true(is_stored((struct many){26000, 3000, 90000, 300, true, false}));
}

static void what_comes_in_no_order_waits_until_it_is_many(void **state)
{
    (void)state;
    has_many(25000);
    assert_false(is_stored((struct many){25000, 4000, 90000, 300, false, false}));
    assert_true(
        is_stored((struct many){29000, 4000, 90000, 300, false, false})); /* a quarter of all */
}

/* Of 16 MiB in no order; what is left behind it is a little, or is not. */
static bool is_stored_when_it_is_full(uint64_t left)
{
    enum { SIZE = 1000, STEP = 2000, FULL = APPLYING_BYTES_MAX / SIZE / STEP + 1, THERE = 100000 };
    bool stored = false;
    has_many(THERE);
    for (uint64_t n = 0; n < FULL; n++) {
        assert_false(stored);
        stored = is_stored(
            (struct many){THERE + n * STEP, STEP, THERE + FULL * STEP + left, SIZE, false, false});
    }
    return stored;
}

static void what_is_gathered_is_stored_when_it_is_full(void **state)
{
    (void)state;
    assert_true(is_stored_when_it_is_full(APPLYING_BYTES_REST / 1000 * 2));
}

static void a_little_that_is_left_then_comes_as_well(void **state)
{
    (void)state;
    assert_false(is_stored_when_it_is_full(APPLYING_BYTES_REST / 1000 / 2));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_copy_is_whole_where_its_catch_up_ends),
        TEST(whoever_came_less_far_makes_no_copy_whole),
        TEST(nor_when_it_is_gathered_with_what_came_before),
        TEST(rule_20_another_module_goes_along_in_the_same_transaction),
        TEST(rule_20_nothing_is_said_of_it_unless_the_sender_did),
        TEST(a_copy_had_everything_until_what_completes_it_was_read),
        TEST(what_was_gathered_and_found_no_room_is_sent_again),
        TEST(what_was_gathered_behind_that_goes_with_it),
        TEST(what_was_gathered_in_a_term_that_is_over_is_not_stored),
        TEST(whoever_sends_more_than_is_gathered_is_not_answered_before_it_is_stored),
        TEST(what_is_being_stored_is_not_said_to_be_there),
        TEST(the_last_one_is_not_answered_before_the_end),
        TEST(what_was_gathered_and_is_begun_again_elsewhere_counts_for_nothing),
        TEST(what_comes_in_the_order_of_its_keys_is_stored_soon),
        TEST(what_comes_in_no_order_waits_until_it_is_many),
        TEST(what_is_gathered_is_stored_when_it_is_full),
        TEST(a_little_that_is_left_then_comes_as_well),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
