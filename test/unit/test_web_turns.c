/* Who lost to somebody faster goes on one after the other. */
#include "unit.h"

#include "web/turns.h"

static struct turns *turns;
static int gone, went[8];

static void go(void *context)
{
    went[gone++] = (int)(intptr_t)context;
}

static void wait_as(int number, const char *user, struct turn *turn)
{
    turns_wait(turns, user, turn, go, (void *)(intptr_t)number);
}

static int begin(void **state)
{
    (void)state;
    turns = turns_new();
    gone = 0;
    return 0;
}

static int end(void **state)
{
    (void)state;
    turns_free(turns);
    return 0;
}

static void one_of_a_user_goes_at_a_time_in_the_order_of_coming(void **state)
{
    (void)state;
    struct turn a = {0}, b = {0}, c = {0};
    assert_false(turn_has_come(&a));
    wait_as(1, "00aa", &a);
    wait_as(2, "00aa", &b);
    wait_as(3, "00aa", &c);
    assert_int_equal(gone, 1);
    assert_true(turn_has_come(&a));
    assert_false(turn_has_come(&b));
    turn_end(&a);
    assert_int_equal(gone, 2);
    assert_true(turn_has_come(&b));
    wait_as(4, "00aa", &a);
    turn_end(&b);
    turn_end(&c);
    turn_end(&a);
    const int order[] = {1, 2, 3, 4};
    assert_int_equal(gone, 4);
    assert_memory_equal(went, order, sizeof order);
    turn_end(&b); /* without a turn: nothing */
    wait_as(5, "00aa", &b);
    assert_int_equal(gone, 5);
    turn_end(&b);
}

static void users_do_not_wait_for_each_other(void **state)
{
    (void)state;
    struct turn a = {0}, b = {0};
    wait_as(1, "00aa", &a);
    wait_as(2, "01aa", &b);
    assert_int_equal(gone, 2);
    turn_end(&a);
    turn_end(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(one_of_a_user_goes_at_a_time_in_the_order_of_coming, begin,
                                        end),
        cmocka_unit_test_setup_teardown(users_do_not_wait_for_each_other, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
