/* The table of commands itself: whoever adds a row is told here what it lacks. */
#include "unit.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "base/bytes.h"
#include "cmdlet/commands.h"
#include "cmdlet/parameter.h"

DEFINE_OWNED(json_t *, json_decref)

static const struct command *named(const char *name)
{
    int which = command_find(name);
    assert_in_range(which, 0, COMMANDS - 1);
    return command_at((size_t)which);
}

static const struct parameter *means(const char *command, const char *typed)
{
    bool ambiguous;
    const struct parameter *p = command_parameter(named(command), typed, &ambiguous);
    assert_false(ambiguous);
    assert_non_null(p);
    return p;
}

#define EACH_COMMAND(c)                                                                            \
    for (size_t i_ = 0; i_ < COMMANDS; i_++)                                                       \
        for (const struct command *c = command_at(i_); c; c = NULL)
#define EACH_PARAMETER(p, command)                                                                 \
    for (const struct parameter *p = command_parameter_at(command, 0); p;                          \
         p = next_parameter(command, p))

static const struct parameter *next_parameter(const struct command *command,
                                              const struct parameter *p)
{
    for (size_t i = 0;; i++) {
        if (command_parameter_at(command, i) == p)
            return command_parameter_at(command, i + 1);
    }
}

/* --- names --- */

static bool is_capital_word(const char *word, size_t size)
{
    if (size == 0 || !isupper((unsigned char)word[0]))
        return false;
    for (size_t i = 0; i < size; i++) {
        if (!isalnum((unsigned char)word[i]))
            return false;
    }
    return true;
}

static void a_command_is_a_verb_and_a_thing(void **state)
{
    (void)state;
    EACH_COMMAND(c)
    {
        size_t verb = strcspn(c->name, "-");
        if (!is_capital_word(c->name, verb) ||
            !is_capital_word(c->name + verb + 1, strlen(c->name + verb + 1)))
            fail_msg("%s", c->name);
        if (command_is_remote(c) && strncmp(c->name + verb + 1, "Cs", 2) != 0)
            fail_msg("%s is carried out by polluxd: its thing begins with Cs", c->name);
    }
}

static void names_are_unique_in_any_case(void **state)
{
    (void)state;
    EACH_COMMAND(c)
    {
        if (command_at((size_t)command_find(c->name)) != c)
            fail_msg("%s stands there twice", c->name);
        EACH_PARAMETER(p, c)
        {
            if (!is_capital_word(p->name, strlen(p->name)))
                fail_msg("%s -%s", c->name, p->name);
            if (means(c->name, p->name) != p || (*p->alias && means(c->name, p->alias) != p))
                fail_msg("%s -%s stands there twice", c->name, p->name);
        }
    }
}

static bool is_sentence(const char *text)
{
    size_t size = strlen(text);
    bool ends = size > 3 && (text[size - 1] == '.' || strcmp(text + size - 3, "…") == 0);
    return ends && isupper((unsigned char)text[0]) && !strstr(text, "  ");
}

static void everything_is_explained_in_sentences(void **state)
{
    (void)state;
    EACH_COMMAND(c)
    {
        if (!is_sentence(c->synopsis) || !is_sentence(c->description))
            fail_msg("%s", c->name);
        EACH_PARAMETER(p, c)
        {
            if (!is_sentence(p->help))
                fail_msg("%s -%s: %s", c->name, p->name, p->help);
        }
        for (size_t i = 0; i < c->example_count; i++) {
            if (!is_sentence(c->examples[i].explanation))
                fail_msg("%s: %s", c->name, c->examples[i].explanation);
        }
    }
}

/* --- traits --- */

static void at_most_one_is_first_second_and_piped(void **state)
{
    (void)state;
    static const unsigned alone[] = {FIRST, SECOND, PIPED};
    EACH_COMMAND(c)
    {
        for (size_t n = 0; n < COUNT_OF(alone); n++) {
            unsigned count = 0;
            EACH_PARAMETER(p, c) count += (p->traits & alone[n]) != 0;
            if (count > 1)
                fail_msg("%s has %u of one kind", c->name, count);
        }
        if (command_positional(c, SECOND) && !command_positional(c, FIRST))
            fail_msg("%s has a second value and no first", c->name);
    }
}

static void a_command_at_a_pool_asks_which(void **state)
{
    (void)state;
    EACH_COMMAND(c)
    {
        if (c->place < AT_POOL || c->place > AT_TAKER)
            continue;
        const struct parameter *p = means(c->name, "PoolFqdn");
        assert_int_equal(p->type, FQDN);
        /* Where any copy will do, the machine that is asked may have it. */
        assert_true(p->traits & REQUIRED || c->place == AT_HOLDER);
    }
}

static void another_pool_answers_only_where_nothing_is_changed(void **state)
{
    (void)state;
    EACH_COMMAND(c)
    {
        if (c->place == FOR_POOL || c->place == FOR_HOME || c->place == FOR_CENTRAL)
            assert_int_equal(c->effect, READS);
    }
}

static void only_changes_can_be_rehearsed(void **state)
{
    (void)state;
    bool ambiguous;
    EACH_COMMAND(c)
    {
        assert_int_equal(command_parameter(c, "WhatIf", &ambiguous) != NULL, command_changes(c));
        assert_int_equal(command_parameter(c, "Confirm", &ambiguous) != NULL, command_changes(c));
    }
}

/* --- limits --- */

/* A value of which it is not known whether it fits: the check must be able to say, and not fall
 * over limits that can't be read. */
static void limits_can_be_read(void **state)
{
    (void)state;
    static const char *const values[] = {"", "1", "00:01:00", "$true", "a.example.com", "-1"};
    EACH_COMMAND(c)
    {
        EACH_PARAMETER(p, c)
        {
            for (size_t i = 0; i < COUNT_OF(values); i++) {
                OWNED(json_decref) json_t *value = json_string(values[i]), *checked = NULL;
                struct error e = {0};
                enum failure bad = parameter_check(p, value, &checked, &e);
                if (!bad != (checked != NULL) || (bad && (!e.what[0] || !e.kept[0])))
                    fail_msg("%s -%s %s", c->name, p->name, values[i]);
            }
        }
    }
}

static void what_a_name_stands_for_is_known(void **state)
{
    (void)state;
    EACH_COMMAND(c)
    {
        EACH_PARAMETER(p, c)
        {
            if (p->type == FQDN && strcmp(p->limits, "pool") != 0 &&
                strcmp(p->limits, "machine") != 0 && strcmp(p->limits, "home") != 0 &&
                strcmp(p->limits, "server") != 0)
                fail_msg("%s -%s: %s", c->name, p->name, p->limits);
        }
    }
}

static void choices_differ_in_more_than_case(void **state)
{
    (void)state;
    char words[CHOICES_MAX][CHOICE_SIZE];
    EACH_COMMAND(c)
    {
        EACH_PARAMETER(p, c)
        {
            size_t count = p->type == CHOICE ? parameter_choices(p, words) : 0;
            assert_true(p->type != CHOICE || count > 1);
            for (size_t i = 0; i < count; i++) {
                for (size_t j = 0; j < i; j++)
                    assert_int_not_equal(strcasecmp(words[i], words[j]), 0);
            }
        }
    }
}

static bool has_parameter(const struct command *c, const char *name)
{
    for (size_t i = 0; i < c->parameter_count; i++) {
        if (strcmp(c->parameters[i].name, name) == 0)
            return true;
    }
    return false;
}

static void what_goes_together_is_the_commands_own_and_said_in_sentences(void **state)
{
    (void)state;
    size_t rules = 0;
    for (size_t n = 0; n < COMMANDS; n++) {
        const struct command *c = command_at(n);
        for (size_t i = 0; i < c->rule_count; i++, rules++) {
            const struct parameter_rule *rule = &c->rules[i];
            if (!has_parameter(c, rule->name) || !has_parameter(c, rule->other))
                fail_msg("%s: -%s and -%s", c->name, rule->name, rule->other);
            bool ends = rule->what[strlen(rule->what) - 1] == '.'; /* it may begin with a name */
            if (!ends || !is_sentence(rule->next))
                fail_msg("%s: %s %s", c->name, rule->what, rule->next);
        }
    }
    assert_true(rules > 0);
}

/* --- examples --- */

static bool stands_in(const char *line, const struct parameter *p)
{
    OWNED(free_memory) char *name = xasprintf("-%s", p->name);
    return strcasestr(line, name) || (p->traits & (FIRST | PIPED));
}

static void an_example_shows_all_that_must_be_given(void **state)
{
    (void)state;
    EACH_COMMAND(c)
    {
        if (c->example_count == 0)
            fail_msg("%s has no example", c->name);
        bool begins = false;
        for (size_t i = 0; i < c->example_count; i++)
            begins |= strcasestr(c->examples[i].line, c->name) != NULL;
        assert_true(begins);
        EACH_PARAMETER(p, c)
        {
            if ((p->traits & REQUIRED) && !stands_in(c->examples[0].line, p))
                fail_msg("%s: -%s is missing in its first example", c->name, p->name);
        }
    }
}

/* --- finding --- */

static void a_command_is_found_in_any_case_and_behind_a_folder(void **state)
{
    (void)state;
    assert_ptr_equal(named("get-cspool"), named("Get-CsPool"));
    assert_ptr_equal(named("/usr/bin/GET-CSPOOL"), named("Get-CsPool"));
    assert_int_equal(command_find("Get-CsPoo"), -1);
    assert_int_equal(command_find(""), -1);
    assert_int_equal(command_find("/"), -1);
    assert_string_equal(command_nearest("Get-CsPol"), "Get-CsPool");
    assert_string_equal(command_nearest("Get-CsBackupServiceConfi"),
                        "Get-CsBackupServiceConfiguration");
    assert_null(command_nearest("ls"));
    assert_null(command_nearest(""));
}

static void a_beginning_that_fits_one_means_it(void **state)
{
    (void)state;
    assert_string_equal(means("Get-CsPool", "id")->name, "Identity");
    assert_string_equal(means("Start-CsPool", "POOL")->name, "PoolFqdn");
    assert_string_equal(means("Get-CsPool", "s")->name, "Site");
}

/* SyncMode begins so too, but what the original understands goes before what we added. */
static void the_originals_name_goes_before_ours(void **state)
{
    (void)state;
    const char *set = "Set-CsBackupServiceConfiguration";
    assert_string_equal(means(set, "Sync")->name, "SyncInterval");
    assert_string_equal(means(set, "S")->name, "SyncInterval");
    assert_string_equal(means(set, "SyncM")->name, "SyncMode");
    assert_string_equal(means("Get-CsPool", "Output")->name, "Output");
    assert_string_equal(means("Set-CsClientPin", "Pin")->name, "Pin");
}

static void a_beginning_that_fits_several_is_none(void **state)
{
    (void)state;
    bool ambiguous;
    assert_null(command_parameter(named("Stop-CsPool"), "W", &ambiguous));
    assert_true(ambiguous);
    assert_null(command_parameter(named("Stop-CsPool"), "Nothing", &ambiguous));
    assert_false(ambiguous);
    assert_null(command_parameter(named("Stop-CsPool"), "", &ambiguous));
    assert_false(ambiguous);
}

static void short_names_are_those_of_powershell(void **state)
{
    (void)state;
    static const char *const pairs[][2] = {
        {"wi", "WhatIf"},
        {"cf", "Confirm"},
        {"vb", "Verbose"},
        {"db", "Debug"},
        {"ea", "ErrorAction"},
        {"wa", "WarningAction"},
        {"infa", "InformationAction"},
        {"ev", "ErrorVariable"},
        {"wv", "WarningVariable"},
        {"iv", "InformationVariable"},
        {"ov", "OutVariable"},
        {"pv", "PipelineVariable"},
        {"ob", "OutBuffer"},
    };
    for (size_t i = 0; i < COUNT_OF(pairs); i++)
        assert_string_equal(means("Stop-CsPool", pairs[i][0])->name, pairs[i][1]);
}

static void the_nearest_parameter_is_named(void **state)
{
    (void)state;
    assert_string_equal(command_nearest_parameter(named("Start-CsPool"), "PolFqdn"), "PoolFqdn");
    assert_string_equal(command_nearest_parameter(named("Start-CsPool"), "wahtif"), "WhatIf");
    assert_null(command_nearest_parameter(named("Start-CsPool"), "xyzzy"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_command_is_a_verb_and_a_thing),
        cmocka_unit_test(names_are_unique_in_any_case),
        cmocka_unit_test(everything_is_explained_in_sentences),
        cmocka_unit_test(at_most_one_is_first_second_and_piped),
        cmocka_unit_test(a_command_at_a_pool_asks_which),
        cmocka_unit_test(another_pool_answers_only_where_nothing_is_changed),
        cmocka_unit_test(only_changes_can_be_rehearsed),
        cmocka_unit_test(limits_can_be_read),
        cmocka_unit_test(what_a_name_stands_for_is_known),
        cmocka_unit_test(choices_differ_in_more_than_case),
        cmocka_unit_test(what_goes_together_is_the_commands_own_and_said_in_sentences),
        cmocka_unit_test(an_example_shows_all_that_must_be_given),
        cmocka_unit_test(a_command_is_found_in_any_case_and_behind_a_folder),
        cmocka_unit_test(a_beginning_that_fits_one_means_it),
        cmocka_unit_test(the_originals_name_goes_before_ours),
        cmocka_unit_test(a_beginning_that_fits_several_is_none),
        cmocka_unit_test(short_names_are_those_of_powershell),
        cmocka_unit_test(the_nearest_parameter_is_named),
    };
    return cmocka_run_group_tests_name("commands", tests, NULL, NULL);
}
