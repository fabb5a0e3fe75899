/* The table of an operation's steps: what the rest relies on, and what people are told of it. */
#include "unit.h"

#include "core/operation_plan.h"

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

static void expect_plan(const struct operation_options *options,
                        const struct operation_status *status, unsigned step, unsigned steps)
{
    struct operation_plan plan = operation_plan(options, status);
    assert_int_equal(plan.step, step);
    assert_int_equal(plan.steps, steps);
}

static void whoever_watches_is_told_which_step_of_how_many_it_is_at(void **state)
{
    (void)state;
    struct operation_options o = {.patience_ms = 1};
    struct operation_status s = {.step = OPERATION_COPY, .step_ms[OPERATION_COPY] = 7};
    expect_plan(&o, &s, 1, 7);
    o.flush = true;
    o.close_ms = 60000;
    expect_plan(&o, &s, 1, 9);
    o.skip_verification = true;
    expect_plan(&o, &s, 1, 8);
    for (int step = OPERATION_FLUSH; step < OPERATION_VERIFY; step++)
        s.step_ms[step] = 8;
    s.step = OPERATION_REST;
    expect_plan(&o, &s, 5, 8);
    s.step = OPERATION_TURN;
    s.step_ms[OPERATION_RELEASE] = s.step_ms[OPERATION_TAKE] = 9;
    expect_plan(&o, &s, 8, 8);
    /* What leads nowhere has no number. */
    s.step = OPERATION_CALL_OFF;
    expect_plan(&o, &s, 0, 0);
}

static void what_only_the_holder_could_do_is_no_step_without_it(void **state)
{
    (void)state;
    struct operation_options o = {.disaster = true, .replicas = true};
    struct operation_status s = {.step = OPERATION_GATHER, .step_ms[OPERATION_COPY] = 7};
    expect_plan(&o, &s, 2, 3);
    s.step_ms[OPERATION_GATHER] = 8;
    s.step = OPERATION_TAKE;
    s.alone = true;
    expect_plan(&o, &s, 3, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_step_and_each_kind_is_found_by_its_name),
        cmocka_unit_test(it_can_be_called_off_until_the_holder_is_told_to_give_it_away),
        cmocka_unit_test(whoever_waits_is_told_to_often_enough),
        cmocka_unit_test(whoever_watches_is_told_which_step_of_how_many_it_is_at),
        cmocka_unit_test(what_only_the_holder_could_do_is_no_step_without_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
