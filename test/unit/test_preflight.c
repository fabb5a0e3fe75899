/* When a planned failover is not begun because of the copy that would be taken. */
#include "unit.h"

#include <string.h>

#include "admin/preflight.h"

static const char self[] = "redmond-cs-001.litwareinc.com", home[] = "atl-cs-001.litwareinc.com";

static void must_say(const struct error *e, const char *what)
{
    assert_int_equal(e->kind, FAIL_REFUSED);
    assert_non_null(strstr(e->what, what));
    assert_string_equal(e->kept, "Nothing was changed.");
    assert_non_null(strstr(e->next, "Invoke-CsPoolFailOver -PoolFqdn atl-cs-001.litwareinc.com "
                                    "-WaitTime"));
    assert_non_null(strstr(e->next, "Get-CsBackupServiceStatus -PoolFqdn redmond-cs-001"));
}

/* `rate`: of changes of 100 bytes. */
static enum failure judge_by(uint64_t rate, uint64_t head, uint64_t copied,
                             const struct error *trouble, struct error *e)
{
    const struct preflight found = {
        .answered = true,
        .head = head,
        .own = {.usn = copied},
        .trouble = trouble,
        .outlook = {.uncopied_bytes = 100 * (head - copied), .bytes_each_s = 100 * rate}};
    *e = (struct error){0};
    return preflight_judge_copy(&found, self, home,
                                "Invoke-CsPoolFailOver -PoolFqdn atl-cs-001.litwareinc.com", e);
}

static enum failure judge(uint64_t head, uint64_t copied, const struct error *trouble,
                          struct error *e)
{
    return judge_by(20000, head, copied, trouble, e);
}

static void a_copy_that_can_be_brought_up_to_date_at_once_is_no_reason(void **state)
{
    (void)state;
    struct error e;
    assert_int_equal(judge(100, 100, NULL, &e), OK);
    assert_int_equal(judge(100, 120, NULL, &e), OK); /* it came while the holder was asked */
    assert_int_equal(judge(PREFLIGHT_CHANGES_MAX, 0, NULL, &e), OK);
}

static void a_copy_in_a_long_catch_up_is_one_with_how_much_is_left(void **state)
{
    (void)state;
    struct error e;
    assert_int_equal(judge(8000000, 2000000, NULL, &e), FAIL_REFUSED);
    must_say(&e, "long catch-up: 6000000 changes of atl-cs-001.litwareinc.com are not there yet; "
                 "copying them takes about 5 minutes.");
    assert_int_equal(judge_by(0, 8000000, 2000000, NULL, &e), FAIL_REFUSED);
    must_say(&e, "are not there yet; how long copying them takes is not known.");
}

static void how_long_it_takes_follows_from_what_went_last_or_is_not_known(void **state)
{
    (void)state;
    const struct operation_options now = {0}, day = {.close_ms = 86400000};
    struct preflight found = {.answered = true, .mode = MODE_SERVING, .keeps = true};
    uint64_t ms;
    found.outlook = (struct handover_outlook){.uncopied_bytes = 1200000, .bytes_each_s = 40000};
    assert_true(preflight_ms(&found, &now, &ms));
    assert_int_equal(ms, 30000 + PREFLIGHT_STEPS_MS);
    assert_true(preflight_ms(&found, &day, &ms));
    assert_int_equal(ms, 86400000 + 30000 + PREFLIGHT_STEPS_MS);
    found.outlook.bytes_each_s = 0;
    assert_false(preflight_ms(&found, &day, &ms));
    assert_int_equal(ms, 86400000 + PREFLIGHT_STEPS_MS);
    found.outlook.uncopied_bytes = 2000; /* one batch */
    assert_true(preflight_ms(&found, &now, &ms));
    assert_in_range(ms, PREFLIGHT_STEPS_MS + 1, PREFLIGHT_STEPS_MS + 100);
    found.outlook.uncopied_bytes = 0;
    assert_true(preflight_ms(&found, &now, &ms));
    assert_int_equal(ms, PREFLIGHT_STEPS_MS);
    found = (struct preflight){.outlook.uncopied_bytes = 1200000}; /* nobody copies then */
    assert_true(preflight_ms(&found, &day, &ms));
    assert_int_equal(ms, PREFLIGHT_STEPS_MS);
}

static void a_copy_that_gets_nothing_is_one_if_anything_is_missing_and_says_why(void **state)
{
    (void)state;
    struct error e, why;
    fail(&why, FAIL_FULL, "The disk is full.");
    assert_int_equal(judge(100, 100, &why, &e), OK);
    assert_int_equal(judge(100, 99, &why, &e), FAIL_REFUSED);
    must_say(&e, "does not go on: 1 change of atl-cs-001.litwareinc.com is not there yet: The "
                 "disk is full.");
}

static void a_rehearsal_says_what_comes_of_a_copy_in_a_long_catch_up(void **state)
{
    (void)state;
    const struct operation_options alone = {.disaster = true}, knowingly = {.incomplete = true},
                                   central = {.disaster = true, .replicas = true};
    struct preflight found = {.whole = true};
    assert_null(preflight_catch_up(&found, &alone));
    found.whole = false;
    assert_non_null(strstr(preflight_catch_up(&found, &alone), "not be taken without -Skip"));
    assert_non_null(strstr(preflight_catch_up(&found, &central), "only if a replica"));
    assert_non_null(strstr(preflight_catch_up(&found, &knowingly), "would be taken as it is"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_copy_that_can_be_brought_up_to_date_at_once_is_no_reason),
        cmocka_unit_test(a_copy_in_a_long_catch_up_is_one_with_how_much_is_left),
        cmocka_unit_test(how_long_it_takes_follows_from_what_went_last_or_is_not_known),
        cmocka_unit_test(a_copy_that_gets_nothing_is_one_if_anything_is_missing_and_says_why),
        cmocka_unit_test(a_rehearsal_says_what_comes_of_a_copy_in_a_long_catch_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
