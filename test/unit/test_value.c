/* JSON values, as people and as programs read them. */
#include "unit.h"

#include "base/memory.h"
#include "cmdlet/answer/value.h"

DEFINE_OWNED(json_t *, json_decref)

static void expect_text(const char *json, const char *expected)
{
    OWNED(json_decref) json_t *value = json_loads(json, JSON_DECODE_ANY, NULL);
    assert_non_null(value);
    OWNED(free_memory) char *text = value_text(value);
    assert_string_equal(text, expected);
}

static void expect_json(const char *json, const char *expected)
{
    OWNED(json_decref) json_t *value = json_loads(json, JSON_DECODE_ANY, NULL);
    assert_non_null(value);
    OWNED(free_memory) char *text = value_json(value);
    assert_string_equal(text, expected);
}

static void simple_values_are_as_powershell_shows_them(void **state)
{
    (void)state;
    expect_text("\"North pool\"", "North pool");
    expect_text("\"\"", "");
    expect_text("true", "True");
    expect_text("false", "False");
    expect_text("null", "");
    expect_text("-12", "-12");
    expect_text("0.1", "0.1");
    expect_text("9007199254740993", "9007199254740993");
}

static void a_list_has_braces(void **state)
{
    (void)state;
    expect_text("[]", "{}");
    expect_text("[\"a\"]", "{a}");
    expect_text("[\"a\", 2, true, null]", "{a, 2, True, }");
    expect_text("[[1, 2], [3]]", "{{1, 2}, {3}}");
}

static void an_object_is_its_first_property_with_the_others_in_brackets(void **state)
{
    (void)state;
    expect_text("{\"Identity\":\"UserServices.PresenceFocus\",\"ExportStatus\":\"FinalState\","
                "\"ImportStatus\":\"NormalState\"}",
                "UserServices.PresenceFocus:[FinalState,NormalState]");
    expect_text("[{\"Name\":\"a\",\"On\":true},{\"Name\":\"b\",\"On\":false}]",
                "{a:[True], b:[False]}");
    expect_text("{\"Name\":\"a\",\"Of\":{\"Pool\":\"p\",\"Site\":\"s\"},\"In\":[1,2]}",
                "a:[p:[s],{1, 2}]");
}

static void a_lone_property_keeps_its_name(void **state)
{
    (void)state;
    expect_text("{\"Add\":\"x\"}", "@{Add=x}");
    expect_text("{\"Add\":[\"x\",\"y\"]}", "@{Add={x, y}}");
    expect_text("{}", "@{}");
}

static void what_is_nested_too_deep_is_left_out(void **state)
{
    (void)state;
    expect_text("[[[[[[[[1]]]]]]]]", "{{{{{{{{1}}}}}}}}");
    expect_text("[[[[[[[[[1]]]]]]]]]", "{{{{{{{{…}}}}}}}}");
}

static void nothing_in_a_value_reaches_the_terminal_as_an_order(void **state)
{
    (void)state;
    expect_text("\"\\u001b]0;owned\\u0007\"", "?]0;owned?");
    expect_text("{\"\\u001b[2J\":1}", "@{?[2J=1}");
    expect_text("\"two\\nlines\"", "two\nlines"); /* whoever shows it finds a place for them */
    expect_json("{\"\\u001b\":\"\\u009b2J\\u202e\\u007f\"}",
                "{\"\\u001B\":\"\\u009B2J\\u202E\\u007F\"}");
}

static void json_is_compact_and_comes_back_as_it_was(void **state)
{
    (void)state;
    expect_json("{ \"b\": [1, 0.1, null], \"a\": \"Zoë\\n\" }",
                "{\"b\":[1,0.1,null],\"a\":\"Zoë\\n\"}");
    expect_json("\"text\"", "\"text\"");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(simple_values_are_as_powershell_shows_them),
        cmocka_unit_test(a_list_has_braces),
        cmocka_unit_test(an_object_is_its_first_property_with_the_others_in_brackets),
        cmocka_unit_test(a_lone_property_keeps_its_name),
        cmocka_unit_test(what_is_nested_too_deep_is_left_out),
        cmocka_unit_test(nothing_in_a_value_reaches_the_terminal_as_an_order),
        cmocka_unit_test(json_is_compact_and_comes_back_as_it_was),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
