/* The table of an operation's steps: what the rest relies on. */
#include "unit.h"

#include "core/operation_step.h"

static void each_step_and_each_kind_is_found_by_its_name(void **state)
{
    (void)state;
    for (int i = 0; i < OPERATION_STEPS; i++) {
        enum operation_step step = OPERATION_FAILED;
        assert_true(operation_step_named(operation_step_name((enum operation_step)i), &step));
        assert_int_equal(step, i);
    }
    for (int i = 0; i < OPERATION_KINDS; i++) {
        enum operation_kind kind = OPERATION_FAIL_OVER;
        assert_true(operation_kind_named(operation_kind_name((enum operation_kind)i), &kind));
        assert_int_equal(kind, i);
    }
    enum operation_step step;
    enum operation_kind kind;
    assert_false(operation_step_named("Dancing", &step));
    assert_false(operation_kind_named("", &kind));
}

static void it_can_be_called_off_until_the_holder_is_told_to_give_it_away(void **state)
{
    (void)state;
    for (int i = 0; i < OPERATION_STEPS; i++)
        assert_int_equal(operation_step_is_open((enum operation_step)i), i < OPERATION_RELEASE);
}

/* A holder that hears nothing for HANDOVER_HOLD_MS serves on. */
static void whoever_waits_is_told_to_often_enough(void **state)
{
    (void)state;
    for (int i = OPERATION_CLOSE; i < OPERATION_RELEASE; i++) {
        const struct operation_rule *rule = operation_rule((enum operation_step)i);
        assert_true(rule->says == DEMAND_CLOSE || rule->says == DEMAND_DRAIN);
        assert_in_range(rule->each_ms, 1, HANDOVER_HOLD_MS / 3);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_step_and_each_kind_is_found_by_its_name),
        cmocka_unit_test(it_can_be_called_off_until_the_holder_is_told_to_give_it_away),
        cmocka_unit_test(whoever_waits_is_told_to_often_enough),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
