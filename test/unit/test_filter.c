/* Filters: what fits, what does not, and what is said of a wrong one. */
#include "unit.h"

#include <string.h>

#include "base/bytes.h"
#include "cmdlet/any_case.h"
#include "cmdlet/filter.h"

DEFINE_OWNED(json_t *, json_decref)

static json_t *ken(void)
{
    return json_pack("{s:s, s:s, s:b, s:i, s:[s, s], s:n, s:f}", "Identity",
                     "kenmyer@litwareinc.com", "DisplayName", "Ken Müller", "Enabled", 1, "Count",
                     30, "Computers", "a.example.com", "b.example.com", "Backup", "Load", 1.5);
}

static bool fits(const char *text)
{
    OWNED(filter_free) struct filter *filter = NULL;
    OWNED(json_decref) json_t *object = ken();
    struct error e = {0};
    if (filter_parse(text, &filter, &e))
        fail_msg("%s: %s", text, e.what);
    return filter_fits(filter, object);
}

static void assert_fits(const char *const *texts, size_t count, bool expected)
{
    for (size_t i = 0; i < count; i++) {
        if (fits(texts[i]) != expected)
            fail_msg("%s: expected %d", texts[i], expected);
    }
}

static void a_pattern_is_for_the_identity_in_any_case(void **state)
{
    (void)state;
    static const char *const good[] = {
        "*",         "k*",        "K*",    "*LITWARE*", "kenmyer@litwareinc.com",
        "?enmyer@*", "*k*e*n*m*", "*.com", "*com*"};
    static const char *const bad[] = {"", "k", "ken?", "Ken M*", "?", "*.org", "enmyer*", "**x"};
    assert_fits(good, COUNT_OF(good), true);
    assert_fits(bad, COUNT_OF(bad), false);
}

static void every_comparison_compares(void **state)
{
    (void)state;
    static const char *const good[] = {
        "Identity -eq KENMYER@litwareinc.com",
        "identity -EQ 'kenmyer@litwareinc.com'",
        "DisplayName -eq \"ken MÜLLER\"",
        "DisplayName -ne Ken",
        "DisplayName -like 'ken m*'",
        "DisplayName -like *ÜLL?R",
        "DisplayName -notlike a*",
        "DisplayName -gt Alice",
        "DisplayName -lt zoe",
        "Enabled -eq $true",
        "Enabled -eq $TRUE",
        "Enabled -eq true",
        "Enabled -ne $false",
        "Count -eq 30",
        "Count -eq 30.0",
        "Count -gt 4",
        "Count -ge 30",
        "Count -lt 200",
        "Count -le '30'",
        "Count -like 3*",
        "Load -gt 1",
        "Load -lt 10",
        "Backup -eq $null",
        "Missing -eq $null",
        "Count -ne $null",
        "Computers -eq B.example.com",
        "Computers -like a.*",
        "Computers -ne c.example.com",
        "$_.Count -eq 30",
        "{ $_.Enabled -eq $true }",
    };
    static const char *const bad[] = {
        "Identity -eq k*",
        "DisplayName -ne 'ken müller'",
        "DisplayName -like k",
        "DisplayName -notlike *",
        "Enabled -eq $false",
        "Enabled -ne $true",
        "Count -eq 3",
        "Count -gt 30",
        "Count -lt 4",
        "Count -ge 31",
        "Count -le 29",
        "Backup -ne $null",
        "Backup -gt 0",
        "Backup -lt 1",
        "Count -eq $null",
        "Computers -eq c",
        "Computers -ne a.example.com",
        "Backup -eq x",
    };
    assert_fits(good, COUNT_OF(good), true);
    assert_fits(bad, COUNT_OF(bad), false);
}

static void and_binds_more_than_or(void **state)
{
    (void)state;
    static const char *const good[] = {
        "{Count -eq 30 -and Enabled -eq $true}",
        "{Count -eq 30 -or Count -eq 31 -and Enabled -eq $false}",
        "{Count -eq 1 -and Count -eq 2 -or Count -eq 30}",
        "(Count -eq 1) -or (Count -eq 30)",
        "{(Count -eq 1 -or Count -eq 30) -and (Enabled -eq $true)}",
        "  {\n Count -eq 30\n -and Enabled -eq $true\n}  ",
        "((((Count -eq 30))))",
        "Count -eq 1 -OR Count -eq 2 -Or Count -eq 30",
    };
    static const char *const bad[] = {
        "{(Count -eq 30 -or Count -eq 31) -and Enabled -eq $false}",
        "{Count -eq 30 -and Count -eq 31}",
        "Count -eq 1 -or Count -eq 2",
    };
    assert_fits(good, COUNT_OF(good), true);
    assert_fits(bad, COUNT_OF(bad), false);
}

static void letters_of_web_pages_are_understood(void **state)
{
    (void)state;
    assert_true(fits("{DisplayName –like “Ken*” —and Enabled ‑eq $true}"));
    assert_true(fits("{DisplayName -like ‘Ken*’}"));
    assert_true(fits("{Count\u00a0-eq\u00a030}"));
}

static void quotes_hold_everything(void **state)
{
    (void)state;
    OWNED(json_decref) json_t *object = json_pack("{s:s}", "Name", "O'Neil \"-and\" {x} $true");
    OWNED(filter_free) struct filter *filter = NULL;
    struct error e;
    assert_int_equal(filter_parse("{Name -eq 'O''Neil \"-and\" {x} $true'}", &filter, &e), OK);
    assert_true(filter_fits(filter, object));
    filter_free(TAKE(filter));
    assert_int_equal(filter_parse("Name -eq \"O'Neil \"\"-and\"\" {x} $true\"", &filter, &e), OK);
    assert_true(filter_fits(filter, object));
}

static void what_is_wrong_is_said_with_its_place(void **state)
{
    (void)state;
    static const struct {
        const char *text, *said, *next;
    } wrong[] = {
        {"DisplayName -lik Ken", "column 13", NULL},
        {"DisplayName -lik Ken", "Was -like meant?", "-notlike"},
        {"DisplayName -frobnicate Ken", "There is no -frobnicate.", "-eq"},
        {"{DisplayName}", "column 13", "For example"},
        {"{DisplayName}", "A comparison is expected", NULL},
        {"{}", "A property's name is expected", "For example"},
        {"{k*}", "A comparison is expected", "For example"},
        {"(Count -eq 30", "not closed", "Close it with )."},
        {"{Count -eq 30", "not closed", "Close it with }."},
        {"Count -eq 30)", "Only -and or -or", "For example"},
        {"{Count -eq 30} x", "Only -and or -or", NULL},
        {"DisplayName -eq Ken Myer", "column 21", NULL},
        {"DisplayName -eq Ken Myer", "stands in quotes", NULL},
        {"DisplayName -eq 'Ken", "quote is not closed", NULL},
        {"DisplayName -eq", "A value is expected", NULL},
        {"{DisplayName -eq }", "A value is expected", NULL},
        {"{Enabled -eq $yes}", "$true, $false and $null", "single quotes"},
        {"{Count -eq 30 -and}", "A property's name is expected", NULL},
        {"{Count -eq 30 -and -eq 3}", "A property's name is expected", NULL},
        {"{Count -eq 30 -xor Count -eq 3}", "does not belong", NULL},
    };
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        struct filter *filter;
        struct error e = {0};
        assert_int_equal(filter_parse(wrong[i].text, &filter, &e), FAIL_INVALID);
        assert_null(filter);
        assert_string_equal(e.kept, "Nothing was done.");
        if (!strstr(e.what, wrong[i].said))
            fail_msg("%s: %s", wrong[i].text, e.what);
        if (wrong[i].next && !strstr(e.next, wrong[i].next))
            fail_msg("%s: %s", wrong[i].text, e.next);
    }
}

static void endless_filters_are_refused(void **state)
{
    (void)state;
    struct filter *filter;
    struct error e;
    OWNED(buffer_free) struct buffer many = {0}, deep = {0}, wide = {0};
    for (size_t i = 0; i < FILTER_COMPARISONS_MAX + 1; i++)
        buffer_printf(&many, "%sCount -eq 30", i ? " -or " : "");
    for (size_t i = 0; i < 5000; i++)
        buffer_u8(&deep, '(');
    buffer_printf(&wide, "Count -eq ");
    for (size_t i = 0; i < FILTER_VALUE_LETTERS_MAX + 1; i++)
        buffer_u8(&wide, 'x');
    OWNED(free_memory) char *a = buffer_take_text(&many);
    OWNED(free_memory) char *b = buffer_take_text(&deep);
    OWNED(free_memory) char *c = buffer_take_text(&wide);
    assert_int_equal(filter_parse(a, &filter, &e), FAIL_INVALID);
    assert_non_null(strstr(e.what, "more than 64 comparisons"));
    assert_int_equal(filter_parse(b, &filter, &e), FAIL_INVALID);
    assert_int_equal(filter_parse(c, &filter, &e), FAIL_INVALID);
    assert_int_equal(filter_parse("Count -eq \xff", &filter, &e), FAIL_INVALID);
    a[strlen("Count -eq 30 -or ") * FILTER_COMPARISONS_MAX - strlen(" -or ")] = '\0';
    assert_true(fits(a));
}

static void a_property_that_nobody_has_is_found(void **state)
{
    (void)state;
    OWNED(json_decref) json_t *object = ken();
    OWNED(filter_free) struct filter *filter = NULL;
    struct error e;
    assert_int_equal(filter_parse("count -eq 1 -and (Pool -eq x -or Y -eq z)", &filter, &e), OK);
    assert_string_equal(filter_stranger(filter, object), "Pool");
    filter_free(TAKE(filter));
    assert_int_equal(filter_parse("k*", &filter, &e), OK);
    assert_null(filter_stranger(filter, object));
}

static void case_is_that_of_all_languages(void **state)
{
    (void)state;
    assert_int_equal(any_case_compare("ÄÖÜ ЖУК ΣΟΦ", "äöü жук σοφ"), 0);
    assert_true(any_case_compare("a", "B") < 0 && any_case_compare("b", "A") > 0);
    assert_true(any_case_compare("a", "ab") < 0 && any_case_compare("", "") == 0);
    assert_true(any_case_compare("@", "`") != 0 && any_case_compare("[", "{") != 0);
    assert_true(any_case_compare("\xff", "\xfe") > 0 && any_case_compare("\xff", "\xff") == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_pattern_is_for_the_identity_in_any_case),
        cmocka_unit_test(every_comparison_compares),
        cmocka_unit_test(and_binds_more_than_or),
        cmocka_unit_test(letters_of_web_pages_are_understood),
        cmocka_unit_test(quotes_hold_everything),
        cmocka_unit_test(what_is_wrong_is_said_with_its_place),
        cmocka_unit_test(endless_filters_are_refused),
        cmocka_unit_test(a_property_that_nobody_has_is_found),
        cmocka_unit_test(case_is_that_of_all_languages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
