/* Of one thing people speak in the singular. */
#include "unit.h"

#include <stdio.h>

#include "base/count.h"

static void one_is_one_and_all_others_are_more(void **state)
{
    (void)state;
    char text[COUNT_TEXT_MAX];
    assert_string_equal(count_text(0, "change", text), "0 changes");
    assert_string_equal(count_text(1, "change", text), "1 change");
    assert_string_equal(count_text(2, "change", text), "2 changes");
    assert_string_equal(count_text(UINT64_MAX, "more fault", text),
                        "18446744073709551615 more faults");
    assert_string_equal(count_word(0, "is", "are"), "are");
    assert_string_equal(count_word(1, "is", "are"), "is");
    assert_string_equal(count_word(2, "is", "are"), "are");
}

static void several_stand_in_one_sentence(void **state)
{
    (void)state;
    char sentence[100];
    snprintf(sentence, sizeof sentence, "%s and %s", COUNTED(1, "pool"), COUNTED(2, "machine"));
    assert_string_equal(sentence, "1 pool and 2 machines");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_is_one_and_all_others_are_more),
        cmocka_unit_test(several_stand_in_one_sentence),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
