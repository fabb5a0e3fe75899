/* What an expression comes to: variables, properties, lists, tables and texts, without any daemon.
 */
#include "unit.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "cmdlet/language/parse.h"
#include "cmdlet/shell/evaluate.h"

DEFINE_OWNED(json_t *, json_decref)

static json_t *json_of(const char *text)
{
    OWNED(free_memory) char *copy = xstrdup(text);
    for (char *at = copy; *at; at++)
        *at = *at == '\'' ? '"' : *at;
    json_t *value = json_loads(copy, JSON_DECODE_ANY, NULL);
    assert_non_null(value);
    return value;
}

/* $pools, two objects; $one, an object; $text; $none, an empty list. */
static int set_up(void **state)
{
    static struct session s;
    static const char *const given[][2] = {
        {"pools", "[{'Identity':'a.b','Hosts':['x','y']},{'Identity':'c.d','Hosts':['z']}]"},
        {"one", "{'Identity':'a.b','Inner':{'Name':'n'}}"},
        {"text", "'hello'"},
        {"none", "[]"},
    };
    struct error e;
    session_begin(&s, true);
    for (size_t i = 0; i < COUNT_OF(given); i++)
        assert_int_equal(session_set(&s, given[i][0], json_of(given[i][1]), &e), OK);
    *state = &s;
    return 0;
}

static int tear_down(void **state)
{
    session_end(*state);
    return 0;
}

static enum failure value_of(struct session *s, const char *text, json_t **value, struct error *e)
{
    OWNED(script_free) struct script *script = NULL;
    assert_int_equal(parse_script(bytes_of_text(text), &script, NULL, e), OK);
    assert_int_equal(script->count, 1);
    assert_non_null(script->statements[0].pipeline->input);
    return evaluate(s, script->statements[0].pipeline->input, value, e);
}

static void is(void **state, const char *text, const char *expected)
{
    OWNED(json_decref) json_t *value = NULL, *wanted = json_of(expected);
    struct error e = {0};
    if (value_of(*state, text, &value, &e))
        fail_msg("%s: %s", text, e.what);
    if (!json_equal(value, wanted))
        fail_msg("%s is %s", text, json_dumps(value, JSON_ENCODE_ANY));
}

static void is_refused(void **state, const char *text, const char *sentence)
{
    OWNED(json_decref) json_t *value = NULL;
    struct error e = {0};
    assert_int_equal(value_of(*state, text, &value, &e), FAIL_INVALID);
    assert_null(value);
    if (!strstr(e.what, sentence) && !strstr(e.next, sentence))
        fail_msg("%s: %s %s", text, e.what, e.next);
    assert_string_equal(e.kept, "Nothing was done.");
}

static void variables_are_found_in_any_case(void **state)
{
    is(state, "$text", "'hello'");
    is(state, "$TEXT", "'hello'");
    is(state, "$true", "true");
    is(state, "$Null", "null");
    is_refused(state, "$texts", "Was $text meant?");
    is_refused(state, "$xyzzy", "Make it first: $xyzzy = …");
}

static void members_lead_into_objects(void **state)
{
    is(state, "$one.identity", "'a.b'");
    is(state, "$one.Inner.Name", "'n'");
    is(state, "$pools.Identity", "['a.b','c.d']");
    is(state, "$pools[1].Hosts", "['z']");
    is(state, "$pools[-1].Identity", "'c.d'");
    is(state, "$text[0]", "'hello'");
    is_refused(state, "$one.Identiti", "Was Identity meant?");
    is_refused(state, "$text.Name", "The value has no property Name");
    is_refused(state, "$none.Name", "no property Name");
    is_refused(state, "$pools[2]", "there are 2, from [0] on");
    is_refused(state, "$pools[-3]", "There is no entry [-3]");
    is_refused(state, "$pools[99999999999999999999]", "There is no entry");
    is_refused(state, "$pools['x']", "[x] is no number of an entry");
}

static void everything_can_be_counted(void **state)
{
    is(state, "$pools.Count", "2");
    is(state, "$pools.length", "2");
    is(state, "$one.Count", "1");
    is(state, "$none.Count", "0");
    is(state, "$null.Count", "0");
}

static void lists_and_tables_take_what_stands_in_them(void **state)
{
    is(state, "'a','b'", "['a','b']");
    is(state, "@($pools, 'x').Count", "3"); /* what a list contributes are its entries */
    is(state, "@()", "[]");
    is(state, "@{Add='a','b'; Remove=$text}", "{'Add':['a','b'],'Remove':'hello'}");
    is_refused(state, "@{Add='a'; add='b'}", "add stands twice");
    is_refused(state, "@{Add=$nothing}", "no variable $nothing");
    is_refused(state, "'a',$nothing", "no variable $nothing");
}

static void texts_are_joined(void **state)
{
    is(state, "\"say $text to $($one.Identity)\"", "'say hello to a.b'");
    is(state, "\"$($pools.Count) pools, $true\"", "'2 pools, True'");
    is(state, "'say $text'", "'say $text'");
    is(state, "\"`$text\"", "'$text'");
    is_refused(state, "\"$nothing\"", "no variable $nothing");
}

static void a_name_in_a_message_is_bounded(void **state)
{
    OWNED(free_memory) char *text = xcalloc(1, 10002);
    memset(text, 'x', 10001);
    text[0] = '$';
    OWNED(json_decref) json_t *value = NULL;
    struct error e = {0};
    assert_int_equal(value_of(*state, text, &value, &e), FAIL_INVALID);
    assert_true(strlen(e.what) < 200 && strlen(e.next) < 200);
}

/* --- variables --- */

static void what_is_there_always_stays(void **state)
{
    struct error e = {0};
    assert_int_equal(session_set(*state, "True", json_integer(5), &e), FAIL_INVALID);
    assert_non_null(strstr(e.what, "$true always stays"));
    is(state, "$true", "true");
}

static void preferences_take_only_what_makes_sense(void **state)
{
    struct session *s = *state;
    struct error e = {0};
    assert_int_equal(session_set(s, "ErrorActionPreference", json_string("Sotp"), &e),
                     FAIL_INVALID);
    assert_string_equal(e.kept, "It was not changed.");
    assert_int_equal(session_preference(s, "ErrorActionPreference", ACTION_CONTINUE),
                     ACTION_CONTINUE);
    assert_int_equal(session_set(s, "erroractionpreference", json_string("stop"), &e), OK);
    assert_int_equal(session_preference(s, "ErrorActionPreference", ACTION_CONTINUE), ACTION_STOP);
}

static void variables_have_a_limit(void **state)
{
    struct session *s = *state;
    struct error e = {0};
    enum failure bad = OK;
    int made = 0;
    for (; !bad && made <= VARIABLES_MAX; made++) {
        OWNED(free_memory) char *name = xasprintf("v%d", made);
        bad = session_set(s, name, json_null(), &e);
    }
    assert_int_equal(bad, FAIL_INVALID);
    assert_int_equal(json_object_size(s->variables), VARIABLES_MAX);
    assert_int_equal(session_set(s, "v0", json_true(), &e), OK); /* an old one still changes */
}

static void a_status_says_what_kind_of_failure_it_was(void **state)
{
    (void)state;
    assert_int_equal(status_of_failure(OK), STATUS_DONE);
    assert_int_equal(status_of_failure(FAIL_INVALID), STATUS_MISUSED);
    assert_int_equal(status_of_failure(FAIL_DENIED), STATUS_NOT_PERMITTED);
    for (int kind = FAIL_NOT_FOUND; kind < FAILURES; kind++) {
        if (kind != FAIL_DENIED)
            assert_int_equal(status_of_failure((enum failure)kind), STATUS_FAILED);
    }
}

int main(void)
{
#define SCENE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        SCENE(variables_are_found_in_any_case),
        SCENE(members_lead_into_objects),
        SCENE(everything_can_be_counted),
        SCENE(lists_and_tables_take_what_stands_in_them),
        SCENE(texts_are_joined),
        SCENE(a_name_in_a_message_is_bounded),
        SCENE(what_is_there_always_stays),
        SCENE(preferences_take_only_what_makes_sense),
        SCENE(variables_have_a_limit),
        cmocka_unit_test(a_status_says_what_kind_of_failure_it_was),
    };
    return cmocka_run_group_tests_name("evaluate", tests, NULL, NULL);
}
