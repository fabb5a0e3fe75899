/* Batches as they come to a copy: what is gathered, and when the copy is whole. */
#include "unit.h"

#include <stdio.h>

#include "core/lineage.h"
#include "pool/applying.h"
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
    assert_int_equal(store_open(memory_engine_open(), &store, NULL), OK);
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
static struct applied sent(uint64_t after, uint64_t upto, uint64_t head, bool more)
{
    OWNED(batch_writer_free) struct batch_writer *writer = batch_writer_new();
    struct hold hold;
    struct error e = {0};
    struct applied applied = {0};
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
    if (applying_take(applying, store, &bytes, &applied, &e))
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
    assert_false(sent(0, 5, 10, false).complete);
    stands(5, 10);
    assert_false(sent(5, 8, 11, false).complete);
    stands(8, 11);
    assert_true(sent(8, 11, 11, false).complete);
    stands(11, 11);
}

/* The holder left out what it had changed once more by change 10. A replica that has come to change
 * 9 has that as it was before, below where it is asked from: nothing of it comes (rule 19). */
static void whoever_came_less_far_makes_no_copy_whole(void **state)
{
    (void)state;
    assert_false(sent(0, 5, 10, false).complete);
    assert_false(sent(5, 9, 9, false).complete);
    stands(9, 10);
    assert_true(sent(9, 12, 12, false).complete);
    stands(12, 12);
}

static void nor_when_it_is_gathered_with_what_came_before(void **state)
{
    (void)state;
    assert_false(sent(0, 5, 10, true).complete);
    assert_false(sent(5, 9, 9, false).complete);
    stands(9, 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_copy_is_whole_where_its_catch_up_ends, begin, end),
        cmocka_unit_test_setup_teardown(whoever_came_less_far_makes_no_copy_whole, begin, end),
        cmocka_unit_test_setup_teardown(nor_when_it_is_gathered_with_what_came_before, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
