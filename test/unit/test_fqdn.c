/* Names: what is accepted, and in which spelling. */
#include "unit.h"

#include <string.h>

#include "base/fqdn.h"
#include "base/memory.h"

static void a_name_comes_back_in_lower_case(void **state)
{
    (void)state;
    char lower[FQDN_SIZE];
    assert_true(fqdn_valid("ATL-cs-001.LitwareInc.com", lower));
    assert_string_equal(lower, "atl-cs-001.litwareinc.com");
    assert_true(fqdn_valid("a.b", lower));
    assert_true(fqdn_valid("3com.0", lower));
}

static void what_is_no_name_is_refused(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "",        ".",      "atl",          "atl.",          ".atl.com", "atl..com",
        "-a.com",  "a-.com", "a_b.com",      "a b.com",       "a.com ",   "atl.com\\RTC",
        "a.com\n", "a/b.c",  "z\xc3\xbc.de", "*.litware.com", "a.com:80",
    };
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        char lower[FQDN_SIZE] = "x";
        assert_false(fqdn_valid(wrong[i], lower));
        assert_string_equal(lower, "");
    }
}

static void a_label_has_at_most_63_characters(void **state)
{
    (void)state;
    char lower[FQDN_SIZE], name[80];
    memset(name, 'a', sizeof name);
    strcpy(name + 63, ".com");
    assert_true(fqdn_valid(name, lower));
    memset(name, 'a', sizeof name);
    strcpy(name + 64, ".com");
    assert_false(fqdn_valid(name, lower));
}

static void a_name_has_at_most_253_characters(void **state)
{
    (void)state;
    char lower[FQDN_SIZE], name[300];
    for (size_t i = 0; i < sizeof name; i++)
        name[i] = i % 50 == 49 ? '.' : 'a';
    name[253] = '\0';
    assert_true(fqdn_valid(name, lower));
    assert_int_equal(strlen(lower), 253);
    name[253] = 'a';
    name[254] = '\0';
    assert_false(fqdn_valid(name, lower));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_name_comes_back_in_lower_case),
        cmocka_unit_test(what_is_no_name_is_refused),
        cmocka_unit_test(a_label_has_at_most_63_characters),
        cmocka_unit_test(a_name_has_at_most_253_characters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
