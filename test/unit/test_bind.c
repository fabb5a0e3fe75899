/* Which value belongs to which parameter: typed in the shell, or on a Unix shell. A binding is
 * shown as JSON with ' for ", its names in order. */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/bytes.h"
#include "cmdlet/bind.h"
#include "cmdlet/language/words.h"
#include "cmdlet/parameter.h"

DEFINE_OWNED(json_t *, json_decref)

static const struct bind_options on_unix = {0}, in_shell = {.in_shell = true},
                                 behind_a_pipe = {.in_shell = true, .piped = true};

/* What an expression of a Unix shell's word comes to; there are no variables in it. */
static json_t *value_of(const struct expression *x)
{
    if (x->kind == EXPRESSION_TEXT)
        return json_string(x->text);
    json_t *all = x->kind == EXPRESSION_TABLE ? json_object() : json_array();
    for (size_t i = 0; i < x->count; i++) {
        if (x->kind == EXPRESSION_TABLE)
            json_object_set_new(all, x->names[i], value_of(x->children[i]));
        else
            json_array_append_new(all, value_of(x->children[i]));
    }
    return all;
}

/* The command and its words, as a Unix shell hands them over: with blanks between, which no word
 * has here. */
static enum failure bind_line(struct binding *b, const char *line,
                              const struct bind_options *options, struct error *e)
{
    enum { WORDS = 1000 };
    static char *words[WORDS];
    OWNED(free_memory) char *copy = xstrdup(line);
    OWNED(invocation_free) struct invocation *typed = NULL;
    char *rest = copy, *name = strsep(&rest, " ");
    int count = 0;
    for (char *word; count < WORDS && (word = strsep(&rest, " "));)
        words[count++] = word;
    int which = command_find(name);
    assert_true(which >= 0);
    if (parse_words(name, count, words, &typed, e))
        return e->kind;
    struct word *list = xcalloc(typed->count + 1, sizeof *list);
    for (size_t i = 0; i < typed->count; i++) {
        const struct element *element = &typed->elements[i];
        list[i] = (struct word){
            .parameter = element->parameter,
            .colon = element->colon,
            .gap = element->gap,
            .bare = element->value && element->value->bare,
            .value = element->value ? value_of(element->value) : NULL,
        };
    }
    enum failure bad = bind_words(b, command_at((size_t)which), list, typed->count, options, e);
    for (size_t i = 0; i < typed->count; i++)
        json_decref((json_t *)(uintptr_t)list[i].value);
    free(list);
    return bad;
}

static void shown(const struct binding *b, const char *expected)
{
    OWNED(free_memory) char *text = json_dumps(b->bound, JSON_SORT_KEYS | JSON_COMPACT);
    for (char *at = text; *at; at++)
        *at = *at == '"' ? '\'' : *at;
    assert_string_equal(text, expected);
}

static void bound_with(const struct bind_options *options, const char *line, const char *expected)
{
    OWNED(binding_free) struct binding b = {0};
    struct error e = {0};
    if (bind_line(&b, line, options, &e))
        fail_msg("%s: %s", line, e.what);
    shown(&b, expected);
    assert_int_equal(b.warning_count, 0);
}

static void bound(const char *line, const char *expected)
{
    bound_with(&on_unix, line, expected);
    bound_with(&in_shell, line, expected);
}

/* The sentence stands in one of the three; nothing is bound, and it is still known what was
 * typed. */
static void refused_with(const struct bind_options *options, const char *line, const char *sentence)
{
    struct binding b = {0};
    struct error e = {0};
    assert_int_not_equal(bind_line(&b, line, options, &e), OK);
    if (!strstr(e.what, sentence) && !strstr(e.next, sentence))
        fail_msg("%s: \"%s\" is not in \"%s\" \"%s\"", line, sentence, e.what, e.next);
    assert_string_equal(e.kept, "Nothing was done.");
    assert_int_equal(json_object_size(b.bound), 0);
    assert_int_equal(b.warning_count, 0);
    binding_free(&b);
}

static void refused(const char *line, const char *sentence)
{
    refused_with(&on_unix, line, sentence);
    refused_with(&in_shell, line, sentence);
}

#define SET      "Set-CsBackupServiceConfiguration "
#define RELATION "Get-CsPoolBackupRelationship "

/* --- names and values --- */

static void names_are_taken_as_powershell_takes_them(void **state)
{
    (void)state;
    const char *pool = "{'PoolFqdn':'atl.example.com'}";
    bound(RELATION "-PoolFqdn atl.example.com", pool);
    bound(RELATION "-PoolFQDN ATL.example.com", pool);
    bound(RELATION "-pool:atl.example.com", pool);
    bound(RELATION "\u2013PoolFqdn atl.example.com", pool);
    bound(RELATION "\u2014PoolFqdn:atl.example.com", pool);
    bound(RELATION "atl.example.com", pool);
    bound(SET "-Sync 0:3:0", "{'SyncInterval':'00:03:00'}");
    bound(SET "-SyncI 180", "{'SyncInterval':'00:03:00'}");
    bound(SET "-syncm interval", "{'SyncMode':'Interval'}");
    bound("Stop-CsPool -PoolFqdn a.b -wi -cf:$false",
          "{'Confirm':false,'PoolFqdn':'a.b','WhatIf':true}");
}

static void a_switch_takes_a_value_behind_a_colon_only(void **state)
{
    (void)state;
    bound(SET "-Force", "{'Force':true}");
    bound(SET "-Force:$false", "{'Force':false}");
    bound(SET "-Force global", "{'Force':true,'Identity':'global'}");
    refused(SET "-Force:maybe", "$true or $false");
}

static void a_dash_apart_is_understood_and_told(void **state)
{
    (void)state;
    OWNED(binding_free) struct binding b = {0};
    struct error e = {0};
    assert_int_equal(bind_line(&b, SET "- SyncInterval 00:03:00", &on_unix, &e), OK);
    shown(&b, "{'SyncInterval':'00:03:00'}");
    assert_int_equal(b.warning_count, 1);
    assert_non_null(strstr(b.warnings[0], "-SyncInterval"));
}

static void warnings_have_a_limit(void **state)
{
    (void)state;
    OWNED(binding_free) struct binding b = {0};
    struct error e = {0};
    enum failure bad = bind_line(
        &b,
        SET
        "- SyncInterval 5 - SyncMode interval - MaxConcurrentCalls 1 - Force - WhatIf - Verbose "
        "- Debug - Confirm - Identity global - MaxBatchesPerCmsSync 1",
        &on_unix, &e);
    assert_int_equal(bad, OK);
    assert_int_equal(b.warning_count, BIND_WARNINGS_MAX);
}

static void values_without_a_name_have_places(void **state)
{
    (void)state;
    bound_with(&in_shell, "Where-Object Reachable -eq $false",
               "{'EQ':true,'Property':'Reachable','Value':'$false'}");
    /* What is named already is not waited for. */
    bound_with(&in_shell, "Where-Object -Property Reachable -eq $false",
               "{'EQ':true,'Property':'Reachable','Value':'$false'}");
    refused(RELATION "a.b c.d", "\"c.d\" belongs to no parameter of Get-CsPoolBackupRelationship");
    refused("Get-CsManagementConnection x", "Get-CsManagementConnection -?");
    refused_with(&in_shell, "Where-Object a b c", "\"c\" belongs to no parameter");
}

static void lists_are_parted_at_commas(void **state)
{
    (void)state;
    const char *two = "{'AuthorizedUniversalGroups':['a','b']}";
    bound(SET "-AuthorizedUniversalGroups a,b", two);
    bound(SET "-AuthorizedUniversalGroups a, b", two);
    bound(SET "-AuthorizedUniversalGroups:a,b", two);
    bound(SET "-AuthorizedUniversalGroups @(\"a\",\"b\")", two);
    bound(SET "-AuthorizedUniversalGroups @{Add=\"a\",\"b\"}",
          "{'AuthorizedUniversalGroups':{'Add':['a','b']}}");
    bound(SET "-AuthorizedUniversalGroups \u201ca,b\u201d",
          "{'AuthorizedUniversalGroups':['a,b']}");
    refused(SET "-AuthorizedUniversalGroups a,,b", "texts of 1 to 256");
    /* Only lists are. */
    refused(RELATION "a.b,c.d", "a fully qualified domain name, not \"a.b,c.d\"");
}

/* --- mistakes --- */

static void a_word_of_another_parameter_is_told_to_be_that(void **state)
{
    (void)state;
    refused("Get-CsBackupServiceStatus a.b -BackupModule cms", "-Category cms");
    refused("Get-CsBackupServiceStatus a.b -Category PresenceFocus", "-BackupModule PresenceFocus");
    refused("Get-CsBackupServiceStatus a.b -Category Presence", "one of: All, CMS, UserData, RGS");
}

static void an_unknown_name_gets_the_nearest(void **state)
{
    (void)state;
    refused(RELATION "-PolFqdn a.b", "Was -PoolFqdn meant?");
    refused(RELATION "-Xyzzy a.b", "Get-CsPoolBackupRelationship -? shows them all.");
    refused("Get-CsPool -WhatIf", "no parameter -WhatIf of Get-CsPool");
    OWNED(free_memory) char *line = xasprintf("%s-%0*d", RELATION, 100000, 0);
    refused(line, "a fully qualified domain name, not \"-000"); /* a value: it is a number */
    memset(line + strlen(RELATION) + 1, 'x', 100000);
    refused(line, "There is no parameter -xxx");
}

static void an_ambiguous_name_gets_all_that_it_could_be(void **state)
{
    (void)state;
    refused("Stop-CsPool a.b -W", "-WhatIf, -WarningAction, -WarningVariable");
    refused(SET "-M 5", "-MaxConcurrentCalls, -MaxBatchesPerCmsSync, -MaxBatchesPerUserStoreSync, "
                        "-MaxDataConfPackageSizeKB");
}

static void a_value_is_missing(void **state)
{
    (void)state;
    refused(SET "-SyncInterval", "-SyncInterval lacks its value: <time span>");
    refused(SET "-SyncInterval -Force", "-SyncInterval lacks its value");
    refused(SET "-SyncInterval:", "-SyncInterval lacks its value");
}

static void a_value_is_given_twice(void **state)
{
    (void)state;
    refused(SET "-Sync 5 -SyncInterval 6", "-SyncInterval was given twice");
    refused(SET "-Force -Force", "-Force was given twice");
    refused(RELATION "a.b -PoolFqdn c.d", "-PoolFqdn was given twice");
}

static void what_must_be_given_is_shown_in_an_example(void **state)
{
    (void)state;
    refused("Start-CsPool", "Start-CsPool -PoolFqdn atl-cs-001.litwareinc.com");
    refused("Start-CsPool -Force", "The parameter -PoolFqdn is missing");
}

/* $false and the like are gone before the program starts. */
static void what_a_unix_shell_eats_is_explained(void **state)
{
    (void)state;
    refused_with(&on_unix, SET "-Force:", "'-Force:$false', in single quotes");
    refused_with(&on_unix, "Set-CsUser ken -Enabled", "'-Enabled:$false', in single quotes");
    refused_with(&on_unix, "Set-CsUser ken -Enabled:", "'-Enabled:$false', in single quotes");
    refused_with(&on_unix, "Invoke-CsBackupServiceSync a.b -BypassDualWrite",
                 "write '-BypassDualWrite:$true' or '-BypassDualWrite:$false', in single quotes");
}

/* In our own shell nobody has eaten anything. */
static void in_the_shell_nothing_was_eaten(void **state)
{
    (void)state;
    struct binding b = {0};
    struct error e = {0};
    const char *const lines[] = {SET "-Force:", "Set-CsUser ken -Enabled"};
    for (size_t i = 0; i < COUNT_OF(lines); i++) {
        assert_int_equal(bind_line(&b, lines[i], &in_shell, &e), FAIL_INVALID);
        assert_null(strstr(e.next, "eat"));
        assert_null(strstr(e.next, "single quotes"));
        assert_non_null(strstr(e.what, "$true"));
    }
}

static void what_needs_a_shell_of_objects_is_refused_on_unix(void **state)
{
    (void)state;
    refused_with(&on_unix, "Get-CsPool -OutVariable x", "`pollux`");
    bound_with(&in_shell, "Get-CsPool -ov x -ob 3", "{'OutBuffer':3,'OutVariable':'x'}");
    bound_with(&in_shell, "Get-CsPool -ev +x", "{'ErrorVariable':'+x'}");
}

/* --- pipes --- */

static const struct command *command_named(const char *name)
{
    return command_at((size_t)command_find(name));
}

static void what_comes_through_the_pipe_need_not_be_typed(void **state)
{
    (void)state;
    bound_with(&behind_a_pipe, "Get-CsPoolBackupRelationship", "{}");
    bound_with(&behind_a_pipe, RELATION "-Force", "{'Force':true}");
    refused_with(&behind_a_pipe, RELATION "a.b", "comes through the pipe as well");
    refused_with(&behind_a_pipe, "Get-CsManagementConnection", "takes nothing through a pipe");
}

static void what_takes_nothing_through_a_pipe_is_typed_for_each(void **state)
{
    (void)state;
    refused_with(&behind_a_pipe, "Invoke-CsPoolFailOver -DisasterMode -WhatIf",
                 "Invoke-CsPoolFailOver takes nothing through a pipe");
    refused_with(&behind_a_pipe, "Invoke-CsPoolFailOver -DisasterMode -WhatIf",
                 "behind the pipe: ForEach-Object { Invoke-CsPoolFailOver -PoolFqdn $_.Identity "
                 "-DisasterMode -WhatIf }");
}

static void piped(const char *object, const char *expected)
{
    OWNED(binding_free) struct binding b = {0};
    OWNED(free_memory) char *text = xstrdup(object);
    for (char *at = text; *at; at++)
        *at = *at == '\'' ? '"' : *at;
    OWNED(json_decref) json_t *value = json_loads(text, JSON_DECODE_ANY, NULL);
    struct error e = {0};
    assert_int_equal(
        bind_words(&b, command_named("Get-CsPoolBackupRelationship"), NULL, 0, &behind_a_pipe, &e),
        OK);
    for (int round = 0; round < 2; round++) { /* the one before is replaced */
        if (bind_piped(&b, value, &e))
            assert_non_null(strstr(e.what, expected));
        else
            shown(&b, expected);
    }
}

static void a_text_or_a_property_is_taken_from_the_pipe(void **state)
{
    (void)state;
    piped("'ATL.example.com'", "{'PoolFqdn':'atl.example.com'}");
    piped("{'poolfqdn':'a.b','Identity':'c.d'}", "{'PoolFqdn':'a.b'}");
    piped("{'Identity':'c.d'}", "{'PoolFqdn':'c.d'}");
    piped("{'Name':'c.d'}", "neither PoolFqdn nor Identity");
    piped("'atl'", "fully qualified");
    piped("null", "not $null");
    piped("['a.b']", "not a list");
    piped("5", "fully qualified");
}

/* --- files --- */

static void with_file(const char *content, size_t size, const char *expected, const char *sentence)
{
    char path[] = "/tmp/pollux-bind-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, content, size), size);
    close(fd);
    OWNED(free_memory) char *line = xasprintf("Test-CsTopology -FileName %s", path);
    if (expected)
        bound(line, expected);
    else
        refused(line, sentence);
    unlink(path);
}

static void a_file_is_read_and_its_text_bound(void **state)
{
    (void)state;
    with_file("pool\n", 5, "{'FileName':'pool\\n'}", NULL);
    with_file("", 0, "{'FileName':''}", NULL);
    with_file("a\xff", 2, NULL, "not a text in UTF-8");
    with_file("a\0b", 3, NULL, "NUL");
    OWNED(free_memory) char *big = xcalloc(1, PARAMETER_TEXT_MAX + 1);
    memset(big, 'x', PARAMETER_TEXT_MAX + 1);
    with_file(big, PARAMETER_TEXT_MAX + 1, NULL, "larger than 524288 bytes");
}

static void a_file_that_can_not_be_read_is_named(void **state)
{
    (void)state;
    refused("Test-CsTopology -FileName /nowhere/topology.conf",
            "/nowhere/topology.conf can't be read: No such file or directory");
    refused("Test-CsTopology -FileName /tmp", "Is a directory");
    refused("Test-CsTopology -FileName C:\\Logs\\topology.conf", "a path on this machine");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_taken_as_powershell_takes_them),
        cmocka_unit_test(a_switch_takes_a_value_behind_a_colon_only),
        cmocka_unit_test(a_dash_apart_is_understood_and_told),
        cmocka_unit_test(warnings_have_a_limit),
        cmocka_unit_test(values_without_a_name_have_places),
        cmocka_unit_test(lists_are_parted_at_commas),
        cmocka_unit_test(a_word_of_another_parameter_is_told_to_be_that),
        cmocka_unit_test(an_unknown_name_gets_the_nearest),
        cmocka_unit_test(an_ambiguous_name_gets_all_that_it_could_be),
        cmocka_unit_test(a_value_is_missing),
        cmocka_unit_test(a_value_is_given_twice),
        cmocka_unit_test(what_must_be_given_is_shown_in_an_example),
        cmocka_unit_test(what_a_unix_shell_eats_is_explained),
        cmocka_unit_test(in_the_shell_nothing_was_eaten),
        cmocka_unit_test(what_needs_a_shell_of_objects_is_refused_on_unix),
        cmocka_unit_test(what_comes_through_the_pipe_need_not_be_typed),
        cmocka_unit_test(what_takes_nothing_through_a_pipe_is_typed_for_each),
        cmocka_unit_test(a_text_or_a_property_is_taken_from_the_pipe),
        cmocka_unit_test(a_file_is_read_and_its_text_bound),
        cmocka_unit_test(a_file_that_can_not_be_read_is_named),
    };
    return cmocka_run_group_tests_name("bind", tests, NULL, NULL);
}
