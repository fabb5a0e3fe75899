/* Who may give which command: every command of the table, asked by everybody. */
#include "unit.h"

#include <stdlib.h>
#include <string.h>

#include "admin/permission.h"
#include "base/bytes.h"

DEFINE_OWNED(json_t *, json_decref)

/* --- what the design says, in its own words --- */

/* These need more than their names say. Whatever is not here follows from its name. */
static const char *const for_the_supreme_alone[] = {
    "Remove-CsBackupServiceConfiguration", /* it takes grants back */
    "Invoke-CsManagementServerFailover",
};
static const char *const by_grant[] = {"Get-CsBackupServiceStatus", "Invoke-CsBackupServiceSync",
                                       "Backup-CsPool"};

static bool is_one_of(const char *name, const char *const *list, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(name, list[i]) == 0)
            return true;
    }
    return false;
}

static enum command_right right_of(const char *name)
{
    if (is_one_of(name, by_grant, COUNT_OF(by_grant)))
        return RIGHT_BACKUP;
    if (is_one_of(name, for_the_supreme_alone, COUNT_OF(for_the_supreme_alone)))
        return RIGHT_SUPREME;
    return strncmp(name, "Get-", 4) == 0 ? RIGHT_READ : RIGHT_ADMINISTER;
}

static const struct {
    const char *groups; /* as JSON, of the caller */
    bool read, administer, backup, supreme;
} people[] = {
    {"[]", false, false, false, false},
    {"['users', 'sudo', 'wheel', 'adm', 'root', 'pollux']", false, false, false, false},
    {"['CSViewOnlyAdministrator']", true, false, false, false},
    {"['CSAdministrator']", true, true, false, false},
    {"['RTCUniversalServerAdmins']", true, true, true, true},
    /* Several: the most of each. */
    {"['CSViewOnlyAdministrator', 'CSAdministrator']", true, true, false, false},
    {"['RTCUniversalServerAdmins', 'CSViewOnlyAdministrator']", true, true, true, true},
    {"['users', 'CSAdministrator', 'RTCUniversalServerAdmins', 'x']", true, true, true, true},
    /* Directories that Windows shares write groups in any case. */
    {"['csviewonlyadministrator']", true, false, false, false},
    {"['CSADMINISTRATOR']", true, true, false, false},
    {"['rtcuniversalSERVERadmins']", true, true, true, true},
    /* Almost a role is none. */
    {"['CSAdministrators', 'CSAdministrato', ' CSAdministrator', 'xRTCUniversalServerAdmins']",
     false, false, false, false},
    {"['CSAdministrator\\n', 'RTCUniversalServerAdmins,CSAdministrator', '']", false, false, false,
     false},
};

static bool may(size_t person, enum command_right right)
{
    switch (right) {
    case RIGHT_READ: return people[person].read;
    case RIGHT_ADMINISTER: return people[person].administer;
    case RIGHT_BACKUP: return people[person].backup;
    case RIGHT_SUPREME: return people[person].supreme;
    }
    return false;
}

/* --- telling the story --- */

/* ' for ", so that a test can be read. */
static json_t *json(const char *text)
{
    OWNED(free_memory) char *copy = xstrdup(text);
    for (char *c = copy; *c; c++)
        *c = *c == '\'' ? '"' : *c;
    json_t *value = json_loads(copy, JSON_DECODE_ANY, NULL);
    assert_non_null(value);
    return value;
}

static struct caller *caller(const char *name, const char *groups)
{
    OWNED(json_decref)
    json_t *text =
        json_pack("{s:s, s:s, s:o}", "name", name, "from", "here", "groups", json(groups));
    struct caller *made = caller_from_json(text);
    assert_non_null(made);
    return made;
}

static const struct command *command(const char *name)
{
    int which = command_find(name);
    assert_true(which >= 0);
    return command_at((size_t)which);
}

/* May somebody of these groups, where this was granted? */
static bool allowed(const struct command *command, const char *parameters, const char *name,
                    const char *groups, const char *granted_groups, const char *granted_accounts)
{
    OWNED(caller_free) struct caller *who = caller(name, groups);
    OWNED(json_decref) json_t *given = json(parameters);
    OWNED(json_decref) json_t *to_groups = json(granted_groups);
    OWNED(json_decref) json_t *to_accounts = json(granted_accounts);
    struct error e = {0};
    enum failure bad = permission_check(
        command, given, who, &(struct grants){.groups = to_groups, .accounts = to_accounts}, &e);
    assert_true(bad == OK || bad == FAIL_DENIED);
    if (bad) {
        assert_non_null(strstr(e.what, name));
        assert_non_null(strstr(e.what, command->name));
        assert_string_equal(e.kept, "Nothing was done.");
        assert_non_null(strstr(e.next, ROLE_SUPREME));
    }
    return bad == OK;
}

static bool simply_allowed(const char *name, const char *parameters, const char *groups)
{
    return allowed(command(name), parameters, "alice", groups, "[]", "[]");
}

/* --- rights follow from names --- */

static void reading_is_what_commands_that_begin_with_get_need(void **state)
{
    (void)state;
    for (size_t i = 0; i < COMMANDS; i++) {
        const struct command *c = command_at(i);
        if (!command_is_remote(c))
            continue;
        if (c->right != right_of(c->name))
            fail_msg("%s needs another right than its name says\n", c->name);
        bool get = strncmp(c->name, "Get-", 4) == 0;
        if ((c->right == RIGHT_READ) != (get && c->right != RIGHT_BACKUP))
            fail_msg("%s: who may only look may run what begins with Get-\n", c->name);
        /* Nobody who may only look can change anything. */
        if (c->right == RIGHT_READ && c->effect != READS)
            fail_msg("%s changes something\n", c->name);
    }
}

static void what_authorises_is_a_parameter_of_a_command_that_changes(void **state)
{
    (void)state;
    size_t count = 0;
    for (size_t i = 0; i < COMMANDS; i++) {
        const struct command *c = command_at(i);
        for (size_t j = 0; j < c->parameter_count; j++) {
            bool says_so = strncmp(c->parameters[j].name, "Authorized", 10) == 0;
            bool does = (c->parameters[j].traits & AUTHORISES) != 0;
            if (says_so != does || (does && !command_changes(c)))
                fail_msg("%s -%s\n", c->name, c->parameters[j].name);
            count += does;
        }
    }
    assert_int_equal(count, 2);
}

/* --- roles --- */

static void every_role_may_what_the_design_gives_it_and_nothing_else(void **state)
{
    (void)state;
    for (size_t i = 0; i < COMMANDS; i++) {
        const struct command *c = command_at(i);
        for (size_t p = 0; p < COUNT_OF(people) && command_is_remote(c); p++) {
            bool is = allowed(c, "{}", "alice", people[p].groups, "[]", "[]");
            if (is != may(p, right_of(c->name)))
                fail_msg("%s by %s: %s\n", c->name, people[p].groups, is ? "allowed" : "refused");
        }
    }
}

static void granting_takes_the_highest_role_whatever_else_is_changed(void **state)
{
    (void)state;
    for (size_t i = 0; i < COMMANDS; i++) {
        const struct command *c = command_at(i);
        for (size_t j = 0; j < c->parameter_count; j++) {
            if (!(c->parameters[j].traits & AUTHORISES))
                continue;
            OWNED(free_memory)
            char *with = xasprintf("{'SyncInterval': '00:01:00', '%s': []}", c->parameters[j].name);
            OWNED(free_memory)
            char *what_if =
                xasprintf("{'WhatIf': true, '%s': {'Add': ['x']}}", c->parameters[j].name);
            for (size_t p = 0; p < COUNT_OF(people); p++) {
                const char *groups = people[p].groups;
                assert_int_equal(allowed(c, with, "alice", groups, "[]", "[]"),
                                 may(p, RIGHT_SUPREME));
                assert_int_equal(allowed(c, what_if, "alice", groups, "['users']", "['alice']"),
                                 may(p, RIGHT_SUPREME));
            }
        }
    }
    assert_true(simply_allowed("Set-CsBackupServiceConfiguration", "{'SyncInterval': '00:01:00'}",
                               "['CSAdministrator']"));
}

static void a_name_is_no_role(void **state)
{
    (void)state;
    const struct command *get = command("Get-CsPool");
    assert_false(allowed(get, "{}", "RTCUniversalServerAdmins", "[]", "[]", "[]"));
    assert_false(allowed(get, "{}", "root", "['root']", "[]", "[]"));
    assert_false(allowed(get, "{}", "", "[]", "[]", "[]"));
}

static void a_refusal_says_whose_groups_count(void **state)
{
    (void)state;
    OWNED(caller_free) struct caller *who = caller("alice", "[]");
    static const struct {
        const char *command, *parameters, *says;
    } refusals[] = {
        {"Get-CsPool", "{}", "CSViewOnlyAdministrator, CSAdministrator or"},
        {"Stop-CsPool", "{}", "of CSAdministrator or"},
        {"Get-CsBackupServiceStatus", "{}", "Set-CsBackupServiceConfiguration grants"},
        {"Remove-CsBackupServiceConfiguration", "{}", "of RTCUniversalServerAdmins."},
        {"Set-CsBackupServiceConfiguration", "{'AuthorizedLocalAccounts': []}",
         "of RTCUniversalServerAdmins."},
    };
    for (size_t i = 0; i < COUNT_OF(refusals); i++) {
        OWNED(json_decref) json_t *given = json(refusals[i].parameters);
        struct error e;
        assert_int_equal(
            permission_check(command(refusals[i].command), given, who, &(struct grants){0}, &e),
            FAIL_DENIED);
        if (!strstr(e.next, refusals[i].says))
            fail_msg("%s: %s\n", refusals[i].command, e.next);
        assert_non_null(strstr(e.next, "groups of the machine that is asked"));
        assert_int_equal(strstr(e.what, "with these parameters") != NULL,
                         json_object_size(given) > 0);
    }
}

/* --- grants --- */

static bool sees_status(const char *name, const char *groups, const char *granted_groups,
                        const char *granted_accounts)
{
    return allowed(command("Get-CsBackupServiceStatus"), "{}", name, groups, granted_groups,
                   granted_accounts);
}

static void what_is_granted_to_a_group_its_members_may(void **state)
{
    (void)state;
    assert_false(sees_status("alice", "['CSAdministrator']", "[]", "[]"));
    assert_true(sees_status("alice", "['CSAdministrator']", "['CSAdministrator']", "[]"));
    assert_true(sees_status("alice", "['users', 'helpdesk']", "['x', 'HelpDesk']", "[]"));
    assert_false(sees_status("alice", "['users']", "['helpdesk']", "[]"));
    assert_false(sees_status("alice", "[]", "['helpdesk', '']", "['']"));
    /* A user of the same name is no member. */
    assert_false(sees_status("helpdesk", "[]", "['helpdesk']", "[]"));
}

static void what_is_granted_to_an_account_the_user_or_the_groups_members_may(void **state)
{
    (void)state;
    assert_true(sees_status("bob", "[]", "[]", "['alice', 'bob']"));
    assert_true(sees_status("bob", "['helpdesk']", "[]", "['helpdesk']"));
    assert_false(sees_status("bob", "['users']", "[]", "['bobby', 'bo', 'alice']"));
    assert_true(sees_status("müller", "[]", "[]", "['müller']"));
    /* On Unix, users whose names differ in case are two. */
    assert_false(sees_status("bob", "[]", "[]", "['Bob']"));
}

static void a_grant_gives_nothing_else(void **state)
{
    (void)state;
    for (size_t i = 0; i < COMMANDS; i++) {
        const struct command *c = command_at(i);
        for (size_t p = 0; p < COUNT_OF(people) && command_is_remote(c); p++) {
            bool is = allowed(c, "{}", "alice", people[p].groups,
                              "['users', 'CSViewOnlyAdministrator']", "['alice']");
            enum command_right right = right_of(c->name);
            if (is != (right == RIGHT_BACKUP || may(p, right)))
                fail_msg("%s by %s\n", c->name, people[p].groups);
        }
    }
}

static void a_list_that_makes_no_sense_grants_nothing(void **state)
{
    (void)state;
    static const char *const lists[] = {"{}", "[1, null, true, ['alice'], {'a': 1}]",
                                        "{'alice': 'alice'}"};
    for (size_t i = 0; i < COUNT_OF(lists); i++)
        assert_false(sees_status("alice", "['users']", lists[i], lists[i]));
    OWNED(caller_free) struct caller *who = caller("alice", "['users']");
    struct error e;
    assert_int_equal(
        permission_check(command("Get-CsBackupServiceStatus"), NULL, who, &(struct grants){0}, &e),
        FAIL_DENIED);
}

/* --- who gives a command, as another machine says it --- */

static void a_caller_comes_out_as_he_went_in(void **state)
{
    (void)state;
    OWNED(caller_free) struct caller *in = caller("alice", "['users', 'CSAdministrator']");
    OWNED(json_decref) json_t *text = caller_to_json(in);
    OWNED(caller_free) struct caller *out = caller_from_json(text);
    assert_string_equal(out->name, "alice");
    assert_string_equal(out->from, "here");
    assert_int_equal(out->group_count, 2);
    assert_true(caller_in(out, "csadministrator"));
    /* Logs show no letters but plain ones; what is granted is compared with the name itself. */
    OWNED(caller_free) struct caller *exotic = caller("müller", "[]");
    OWNED(json_decref) json_t *passed_on = caller_to_json(exotic);
    OWNED(caller_free) struct caller *met = caller_from_json(passed_on);
    assert_string_equal(met->name, "m??ller");
    assert_string_equal(met->account, "müller");
}

static void a_caller_that_makes_no_sense_is_nobody(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "null",
        "[]",
        "{}",
        "{'name': 'a', 'from': 'b'}",
        "{'name': 'a', 'groups': []}",
        "{'from': 'a', 'groups': []}",
        "{'name': 1, 'from': 'b', 'groups': []}",
        "{'name': 'a', 'from': 'b', 'groups': {}}",
        "{'name': 'a', 'from': 'b', 'groups': 'c'}",
    };
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        OWNED(json_decref) json_t *text = json(wrong[i]);
        assert_null(caller_from_json(text));
    }
    json_t *many = json_array();
    for (int i = 0; i <= CALLER_GROUPS_MAX; i++)
        json_array_append_new(many, json_sprintf("group%d", i));
    OWNED(json_decref)
    json_t *text = json_pack("{s:s, s:s, s:o}", "name", "a", "from", "b", "groups", many);
    assert_null(caller_from_json(text));
    json_array_remove(many, 0);
    OWNED(caller_free) struct caller *most = caller_from_json(text);
    assert_int_equal(most->group_count, CALLER_GROUPS_MAX);
}

/* Names go into logs: nothing in them may look like the next line. */
static void what_is_no_plain_letter_in_a_name_is_none(void **state)
{
    (void)state;
    OWNED(caller_free) struct caller *who = caller("a\nb\x1b[31m\xc3\xa9\x7f", "[]");
    assert_string_equal(who->name, "a?b?[31m???");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reading_is_what_commands_that_begin_with_get_need),
        cmocka_unit_test(what_authorises_is_a_parameter_of_a_command_that_changes),
        cmocka_unit_test(every_role_may_what_the_design_gives_it_and_nothing_else),
        cmocka_unit_test(granting_takes_the_highest_role_whatever_else_is_changed),
        cmocka_unit_test(a_name_is_no_role),
        cmocka_unit_test(a_refusal_says_whose_groups_count),
        cmocka_unit_test(what_is_granted_to_a_group_its_members_may),
        cmocka_unit_test(what_is_granted_to_an_account_the_user_or_the_groups_members_may),
        cmocka_unit_test(a_grant_gives_nothing_else),
        cmocka_unit_test(a_list_that_makes_no_sense_grants_nothing),
        cmocka_unit_test(a_caller_comes_out_as_he_went_in),
        cmocka_unit_test(a_caller_that_makes_no_sense_is_nobody),
        cmocka_unit_test(what_is_no_plain_letter_in_a_name_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
