/* "Did you mean …?": a slip is recognised, another word is not. */
#include "unit.h"

#include "base/memory.h"
#include "base/nearest.h"

static void a_slip_of_the_hand_is_near(void **state)
{
    (void)state;
    assert_int_equal(nearest_distance("site", "site"), 0);
    assert_int_equal(nearest_distance("Site", "sITE"), 0);
    assert_int_equal(nearest_distance("backup_pol", "backup_pool"), 1);
    assert_int_equal(nearest_distance("macihne", "machine"), 2);
    assert_int_equal(nearest_distance("mirrors", "mirror"), 1);
    assert_int_equal(nearest_distance("Invoke-CsPoolFialOver", "Invoke-CsPoolFailOver"), 2);
    assert_int_equal(nearest_distance("Invoke-CsPoolFailver", "Invoke-CsPoolFailOver"), 1);
    assert_int_equal(nearest_distance("alt-cs-001.litwareinc.com", "atl-cs-001.litwareinc.com"), 2);
}

static void another_word_is_not_near(void **state)
{
    (void)state;
    assert_int_equal(nearest_distance("zebra", "site"), NEAREST_NOT);
    assert_int_equal(nearest_distance("", "site"), NEAREST_NOT);
    assert_int_equal(nearest_distance("pool", "machine"), NEAREST_NOT);
    assert_int_equal(nearest_distance("Invoke-CsDatabaseFailover", "Invoke-CsPoolFailOver"),
                     NEAREST_NOT);
    assert_int_equal(nearest_distance("Move-CsUser", "Get-CsUser"), NEAREST_NOT);
    assert_int_equal(nearest_distance("nosuch.litwareinc.com", "atl-cs-001.litwareinc.com"),
                     NEAREST_NOT);
}

static void endless_words_are_not_compared(void **state)
{
    (void)state;
    char word[NEAREST_WORD_MAX + 2] = "";
    for (size_t i = 0; i < NEAREST_WORD_MAX; i++)
        word[i] = 'x';
    assert_int_equal(nearest_distance(word, word), 0);
    word[NEAREST_WORD_MAX] = 'x';
    assert_int_equal(nearest_distance(word, word), NEAREST_NOT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_slip_of_the_hand_is_near),
        cmocka_unit_test(another_word_is_not_near),
        cmocka_unit_test(endless_words_are_not_compared),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
