/* What each type of parameter takes, in which form it comes out, and what is said of the rest. */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "cmdlet/parameter.h"

DEFINE_OWNED(json_t *, json_decref)

/* JSON with ' for ", so that it can be read here. */
static json_t *json_of(const char *text)
{
    OWNED(free_memory) char *copy = xstrdup(text);
    for (char *at = copy; *at; at++)
        *at = *at == '\'' ? '"' : *at;
    json_t *value = json_loads(copy, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
    assert_non_null(value);
    return value;
}

static const struct parameter text = {"Name", "", TEXT, 0, "1 to 5", ""};
static const struct parameter pool = {"PoolFqdn", "", FQDN, 0, "pool", ""};
static const struct parameter home = {"PoolFqdn", "", FQDN, 0, "home", ""};
static const struct parameter flag = {"Force", "", SWITCH, 0, "", ""};
static const struct parameter truth = {"Enabled", "", BOOLEAN, 0, "", ""};
static const struct parameter number = {"Count", "", INTEGER, 0, "-1 to 100", ""};
static const struct parameter span = {"SyncInterval", "", TIME_SPAN, 0, "00:00:05 to 03:00:00", ""};
static const struct parameter choice = {"Mode", "", CHOICE, 0, "Continuous, Interval", ""};
static const struct parameter list = {"Groups", "", LIST, CHANGEABLE, "0 to 3", ""};
static const struct parameter plain_list = {"Property", "", LIST, 0, "1 to 3", ""};
static const struct parameter file = {"FileName", "", FILE_TEXT, 0, "", ""};
static const struct parameter secret = {"Pin", "", SECRET, 0, "5 to 8", ""};
static const struct parameter descriptor = {"Fd", "", DESCRIPTOR, 0, "0 to 1023", ""};
static const struct parameter variable = {"OutVariable", "", VARIABLE, 0, "", ""};
static const struct parameter object = {"InputObject", "", OBJECT, 0, "", ""};

/* Checked twice: what came out is in its one form already. */
static void becomes_json(const struct parameter *p, const json_t *value, const json_t *expected)
{
    OWNED(json_decref) json_t *checked = NULL, *again = NULL;
    struct error e = {0};
    if (parameter_check(p, value, &checked, &e))
        fail_msg("%s: %s", p->name, e.what);
    if (!json_equal(checked, expected))
        fail_msg("%s: %s", p->name, json_dumps(checked, JSON_ENCODE_ANY));
    assert_int_equal(parameter_check(p, checked, &again, &e), OK);
    assert_true(json_equal(checked, again));
}

static void becomes(const struct parameter *p, const char *given, const char *expected)
{
    OWNED(json_decref) json_t *value = json_of(given), *wanted = json_of(expected);
    becomes_json(p, value, wanted);
}

static void refused(const struct parameter *p, const char *given, const char *sentence)
{
    OWNED(json_decref) json_t *value = json_of(given), *checked = NULL;
    struct error e = {0};
    if (parameter_check(p, value, &checked, &e) != FAIL_INVALID || checked)
        fail_msg("%s takes %s", p->name, given);
    if (!strstr(e.what, sentence) && !strstr(e.next, sentence))
        fail_msg("%s: \"%s\" is not in \"%s\" \"%s\"", given, sentence, e.what, e.next);
    OWNED(free_memory) char *named = xasprintf("-%s", p->name);
    assert_non_null(strstr(e.what, named));
    assert_string_equal(e.kept, "Nothing was done.");
    assert_true(strlen(e.what) < 400);
}

/* --- texts --- */

static void a_text_has_so_many_characters(void **state)
{
    (void)state;
    becomes(&text, "'a'", "'a'");
    becomes(&text, "'abcde'", "'abcde'");
    becomes(&text, "'äöüßé'", "'äöüßé'");
    becomes(&text, "5", "'5'");
    refused(&text, "''", "a text of 1 to 5 characters");
    refused(&text, "'abcdef'", "a text of 1 to 5 characters");
    refused(&text, "'äöüßéà'", "1 to 5 characters");
}

static void a_text_stands_on_one_line(void **state)
{
    (void)state;
    refused(&text, "'a\\nb'", "on one line");
    refused(&text, "'a\\u001b'", "control characters");
    refused(&text, "'a\\u007f'", "control characters");
    refused(&text, "'a\\u0000b'", "NUL");
}

static void a_name_is_fully_qualified_and_in_lower_case(void **state)
{
    (void)state;
    becomes(&pool, "'ATL-cs-001.LitwareInc.com'", "'atl-cs-001.litwareinc.com'");
    static const char *const wrong[] = {
        "''",     "'atl'",     "'a b.c'",      "'-a.com'",  "'a..com'",     "'<pool-FQDN>'",
        "'é.de'", "'a.com/x'", "'C:\\\\Logs'", "'central'", "'a.com,b.com'"};
    for (size_t i = 0; i < COUNT_OF(wrong); i++)
        refused(&pool, wrong[i], "a fully qualified domain name");
    refused(&pool, "'atl'", "-PoolFqdn atl-cs-001.litwareinc.com");
    refused(&pool, "'Central'", "Invoke-CsManagementServerFailover");
    becomes(&home, "'CENTRAL'", "'central'");
    becomes(&home, "'Atl.Example.Com'", "'atl.example.com'");
}

static void a_wrong_value_is_quoted_as_far_as_it_helps(void **state)
{
    (void)state;
    OWNED(free_memory) char *endless = xmalloc(300003);
    memset(endless, 'x', 300002);
    endless[0] = endless[300001] = '\'';
    endless[300002] = '\0';
    refused(&pool, endless, "xxx…\"");
    refused(&text, endless, "1 to 5 characters");
    refused(&number, endless, "xxx…\"");
    refused(&choice, endless, "one of");
    refused(&span, endless, "hh:mm:ss");
    refused(&flag, endless, "$true or $false");
    /* Not in the middle of a character. */
    refused(&number, "'äääääääääääääääääääääääääääääääääääääääääääääääääääää'", "ää…\"");
}

static void a_value_has_a_limit_in_bytes(void **state)
{
    (void)state;
    OWNED(free_memory) char *big = xcalloc(1, PARAMETER_TEXT_MAX + 2);
    memset(big, 'x', PARAMETER_TEXT_MAX);
    OWNED(json_decref) json_t *most = json_string(big);
    becomes_json(&file, most, most);
    big[PARAMETER_TEXT_MAX] = 'x';
    OWNED(json_decref) json_t *more = json_string(big), *checked = NULL;
    struct error e = {0};
    assert_int_equal(parameter_check(&file, more, &checked, &e), FAIL_INVALID);
    assert_null(checked);
    assert_non_null(strstr(e.what, "not one so long"));
}

/* --- truths --- */

static void a_switch_is_there_or_not(void **state)
{
    (void)state;
    const struct parameter *both[] = {&flag, &truth};
    for (size_t i = 0; i < COUNT_OF(both); i++) {
        static const char *const yes[] = {"true", "'$true'", "'$TRUE'", "'True'", "'1'", "1"};
        static const char *const no[] = {"false", "'$false'", "'False'", "'0'", "0"};
        for (size_t n = 0; n < COUNT_OF(yes); n++)
            becomes(both[i], yes[n], "true");
        for (size_t n = 0; n < COUNT_OF(no); n++)
            becomes(both[i], no[n], "false");
        refused(both[i], "'yes'", "$true or $false");
        refused(both[i], "2", "$true or $false");
        refused(both[i], "null", "not $null");
        refused(both[i], "[true]", "not a list");
    }
}

/* --- numbers --- */

static void a_number_is_whole_and_within_its_limits(void **state)
{
    (void)state;
    becomes(&number, "-1", "-1");
    becomes(&number, "'100'", "100");
    becomes(&number, "'007'", "7");
    static const char *const wrong[] = {"-2",    "101",  "''",     "' 5'",
                                        "'5 '",  "'+5'", "'0x5'",  "'5.0'",
                                        "'1e1'", "'-'",  "'five'", "'99999999999999999999'"};
    for (size_t i = 0; i < COUNT_OF(wrong); i++)
        refused(&number, wrong[i], "a whole number from -1 to 100");
    refused(&number, "5.5", "not a number with a fraction");
    refused(&number, "true", "not $true or $false");
    becomes(&descriptor, "'3'", "3");
    refused(&descriptor, "1024", "0 to 1023");
}

static void a_time_span_has_one_form(void **state)
{
    (void)state;
    becomes(&span, "'00:03:00'", "'00:03:00'");
    becomes(&span, "'0:3:0'", "'00:03:00'");
    becomes(&span, "180", "'00:03:00'");
    becomes(&span, "'180'", "'00:03:00'");
    becomes(&span, "'0.00:03:00'", "'00:03:00'");
    becomes(&span, "5", "'00:00:05'");
    becomes(&span, "'03:00:00'", "'03:00:00'");
    becomes(&span, "'00:00:05.5'", "'00:00:05.500'");
    static const char *const wrong[] = {
        "4",  "'00:00:04.999'", "'03:00:00.001'", "10801", "'3:00'", "'interval'", "''",
        "-5", "'00:60:00'"};
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        refused(&span, wrong[i], "a time span from 00:00:05 to 03:00:00");
        refused(&span, wrong[i], "hh:mm:ss");
    }
}

/* --- words --- */

static void a_word_is_spelled_as_in_the_table(void **state)
{
    (void)state;
    becomes(&choice, "'CONTINUOUS'", "'Continuous'");
    becomes(&choice, "'interval'", "'Interval'");
    refused(&choice, "'Intervall'", "Was Interval meant?");
    refused(&choice, "'x'", "one of: Continuous, Interval");
    refused(&choice, "''", "one of: Continuous, Interval");
    refused(&choice, "'Continuous, Interval'", "one of");
    char words[CHOICES_MAX][CHOICE_SIZE];
    assert_int_equal(parameter_choices(&choice, words), 2);
    assert_string_equal(words[1], "Interval");
}

/* --- lists --- */

static void a_list_has_so_many_entries(void **state)
{
    (void)state;
    becomes(&list, "['a','b']", "['a','b']");
    becomes(&list, "'a'", "['a']");
    becomes(&list, "[]", "[]");
    becomes(&list, "null", "[]");
    becomes(&list, "['a','b','c']", "['a','b','c']");
    refused(&list, "['a','b','c','d']", "0 to 3 entries, not 4");
    refused(&plain_list, "[]", "1 to 3 entries, not 0");
    refused(&list, "['a','']", "texts of 1 to 256");
    refused(&list, "['a',['b']]", "texts of 1 to 256");
    refused(&list, "['a\\u0000']", "texts of 1 to 256");
    refused(&list, "['a\\n']", "texts of 1 to 256");
    refused(&list, "5", "texts");
    OWNED(free_memory) char *entry = xcalloc(1, LIST_TEXT_MAX + 4);
    memset(entry, 'x', LIST_TEXT_MAX + 3);
    entry[0] = entry[LIST_TEXT_MAX + 2] = '\'';
    refused(&list, entry, "texts of 1 to 256");
    entry[LIST_TEXT_MAX + 1] = '\'';
    entry[LIST_TEXT_MAX + 2] = '\0';
    OWNED(free_memory) char *expected = xasprintf("[%s]", entry);
    becomes(&list, entry, expected);
}

static void a_list_can_be_changed(void **state)
{
    (void)state;
    becomes(&list, "{'Add':'a'}", "{'Add':['a']}");
    becomes(&list, "{'add':['a'],'REMOVE':['b','c']}", "{'Add':['a'],'Remove':['b','c']}");
    becomes(&list, "{'Replace':[]}", "{'Replace':[]}");
    refused(&list, "{}", "@{Add=…} and @{Remove=…}");
    refused(&list, "{'Replace':'a','Add':'b'}", "@{Replace=…} alone");
    refused(&list, "{'Insert':'a'}", "Add, Remove and Replace");
    refused(&list, "{'Insert':'a'}", "'@{Add=\"x\",\"y\"}'");
    refused(&list, "{'Add':{'Add':'a'}}", "texts of 1 to 256");
    refused(&list, "{'Add':'a','add':'b'}", "Add stands there twice");
}

/* @{…} changes what is kept; a list of properties to show is kept nowhere. */
static void a_list_that_is_not_kept_can_not_be_changed(void **state)
{
    (void)state;
    becomes(&plain_list, "['a']", "['a']");
    refused(&plain_list, "{'Add':'a'}", "not an object");
}

/* --- secrets --- */

static void a_secret_is_never_quoted(void **state)
{
    (void)state;
    becomes(&secret, "'12345'", "'12345'");
    static const char *const wrong[] = {"'4711'",     "'471147114711'",   "'4711\\n4711'",
                                        "4711",       "['47114711']",     "{'a':'47114711'}",
                                        "47114711.5", "'4711\\u00004711'"};
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        OWNED(json_decref) json_t *value = json_of(wrong[i]), *checked = NULL;
        struct error e = {0};
        assert_int_equal(parameter_check(&secret, value, &checked, &e), FAIL_INVALID);
        assert_null(checked);
        if (strstr(e.what, "4711") || strstr(e.kept, "4711") || strstr(e.next, "4711"))
            fail_msg("%s", e.what);
    }
}

/* --- variables, objects --- */

static void a_variable_has_a_name_that_can_be_typed(void **state)
{
    (void)state;
    becomes(&variable, "'errors'", "'errors'");
    becomes(&variable, "'+Errors_2'", "'+Errors_2'");
    static const char *const wrong[] = {"''", "'+'", "'a b'", "'$a'", "'a.b'", "'++a'", "'é'"};
    for (size_t i = 0; i < COUNT_OF(wrong); i++)
        refused(&variable, wrong[i], "the name of a variable, without $");
    OWNED(free_memory) char *name = xcalloc(1, 140);
    memset(name, 'x', 131);
    name[0] = name[130] = '\'';
    name[131] = '\0';
    refused(&variable, name, "the name of a variable");
}

static void an_object_is_whatever_comes(void **state)
{
    (void)state;
    static const char *const any[] = {"null", "true", "'x'", "1.5", "[1]", "{'a':{'b':null}}"};
    for (size_t i = 0; i < COUNT_OF(any); i++)
        becomes(&object, any[i], any[i]);
}

static void one_value_is_no_list_and_no_object(void **state)
{
    (void)state;
    const struct parameter *all[] = {&text,   &pool,   &flag,       &truth,    &number, &span,
                                     &choice, &secret, &descriptor, &variable, &file};
    for (size_t i = 0; i < COUNT_OF(all); i++) {
        refused(all[i], "['a']", "not a list");
        refused(all[i], "{'a':1}", "not an object");
        refused(all[i], "null", "not $null");
        refused(all[i], "0.5", "not a number with a fraction");
    }
    refused(&text, "true", "not $true or $false");
}

static void every_type_has_a_name(void **state)
{
    (void)state;
    for (int type = 0; type < PARAMETER_TYPES; type++) {
        struct parameter p = {.type = (enum parameter_type)type};
        assert_int_equal(*parameter_kind(&p) == '\0', type == SWITCH);
    }
}

/* --- once more --- */

static void typed(const char *name, const char *given, const char *expected)
{
    OWNED(json_decref) json_t *parameters = json_of(given);
    OWNED(free_memory)
    char *line = parameters_typed(command_at((size_t)command_find(name)), parameters);
    assert_string_equal(line, expected);
}

static void a_command_is_told_as_it_can_be_typed_once_more(void **state)
{
    (void)state;
    typed("Restore-CsBackupServiceConflict",
          "{'PoolFqdn': 'atl.example.com', 'Identity': '00c0ffee00c0ffee-812', 'Force': true}",
          "Restore-CsBackupServiceConflict -Identity 00c0ffee00c0ffee-812 -PoolFqdn "
          "atl.example.com -Force");
    typed("Invoke-CsPoolFailOver",
          "{'WhatIf': true, 'PoolFqdn': 'atl.example.com', 'DisasterMode': false, 'WaitTime': "
          "'00:01:00', 'ServicesStopDelayMins': 5, 'Report': '/root/x.html'}",
          "Invoke-CsPoolFailOver -PoolFqdn atl.example.com -WaitTime 00:01:00 "
          "-ServicesStopDelayMins 5 -WhatIf");
    typed("Invoke-CsBackupServiceSync", "{'PoolFqdn': 'a.b', 'BypassDualWrite': true}",
          "Invoke-CsBackupServiceSync -PoolFqdn a.b -BypassDualWrite true");
    typed("Set-CsClientPin", "{'Identity': 'Ken Myer', 'Pin': 'Open, sesame'}",
          "Set-CsClientPin -Identity 'Ken Myer'");
    typed("Publish-CsTopology", "{'FileName': 'pool …'}", "Publish-CsTopology -FileName FILE");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_text_has_so_many_characters),
        cmocka_unit_test(a_text_stands_on_one_line),
        cmocka_unit_test(a_command_is_told_as_it_can_be_typed_once_more),
        cmocka_unit_test(a_name_is_fully_qualified_and_in_lower_case),
        cmocka_unit_test(a_wrong_value_is_quoted_as_far_as_it_helps),
        cmocka_unit_test(a_value_has_a_limit_in_bytes),
        cmocka_unit_test(a_switch_is_there_or_not),
        cmocka_unit_test(a_number_is_whole_and_within_its_limits),
        cmocka_unit_test(a_time_span_has_one_form),
        cmocka_unit_test(a_word_is_spelled_as_in_the_table),
        cmocka_unit_test(a_list_has_so_many_entries),
        cmocka_unit_test(a_list_can_be_changed),
        cmocka_unit_test(a_list_that_is_not_kept_can_not_be_changed),
        cmocka_unit_test(a_secret_is_never_quoted),
        cmocka_unit_test(a_variable_has_a_name_that_can_be_typed),
        cmocka_unit_test(an_object_is_whatever_comes),
        cmocka_unit_test(one_value_is_no_list_and_no_object),
        cmocka_unit_test(every_type_has_a_name),
    };
    return cmocka_run_group_tests_name("parameter", tests, NULL, NULL);
}
