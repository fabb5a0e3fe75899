/* What TAB offers at each place of a line. */
#include "unit.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/bytes.h"
#include "cmdlet/shell/complete.h"

DEFINE_OWNED(json_t *, json_decref)

static json_t *names(const char *what, void *context)
{
    if (context)
        return NULL; /* nobody answers */
    return strcmp(what, "pool") == 0 ? json_pack("[s,s]", "atl.example.com", "redmond.example.com")
                                     : json_pack("[s]", "fe01.example.com");
}

static void offers_if(bool answers, bool in_shell, const char *line, const char *expected)
{
    struct session s = {.in_shell = in_shell, .variables = json_object()};
    json_object_set_new(s.variables, "pools", json_null());
    json_object_set_new(s.variables, "true", json_true());
    struct completion c;
    complete(&s, line, names, answers ? NULL : &s, &c);
    OWNED(buffer_free) struct buffer all = {0};
    for (size_t i = 0; i < c.count; i++)
        buffer_printf(&all, "%s%s", i ? " " : "", c.list[i]);
    buffer_u8(&all, 0);
    if (strcmp((const char *)all.at, expected) != 0)
        fail_msg("%s| offers %s", line, (const char *)all.at);
    assert_true(c.begun <= strlen(line));
    completion_clear(&c);
    json_decref(s.variables);
}

static void offers(const char *line, const char *expected)
{
    offers_if(true, true, line, expected);
}

static void commands_at_the_beginning(void **state)
{
    (void)state;
    offers("Get-CsPool", "Get-CsPool Get-CsPoolBackupRelationship Get-CsPoolFailOverStatus");
    offers("  start-", "Start-CsPool Start-Sleep");
    offers("$x = start-", "Start-CsPool Start-Sleep");
    offers("$x=start-", "Start-CsPool Start-Sleep");
    offers("Get-CsPool; stop-", "Stop-CsPool Stop-CsPoolFailOver");
    offers("Get-CsPool|where", "Where-Object");
    offers("Get-CsPool | Meas", "Measure-Object");
    offers("(start-", "Start-CsPool Start-Sleep");
    offers("Xyzzy", "");
    offers_if(true, false, "Where", "");
}

static void parameters_behind_a_command(void **state)
{
    (void)state;
    offers("Get-CsPool -I", "-Identity -InformationAction -InformationVariable");
    offers("get-cspool -si", "-Site");
    offers("Get-CsPool -Site x -Id", "-Identity");
    offers("Get-CsPool | Where-Object -Filter", "-FilterScript");
    offers("? -Filter", "-FilterScript");
    offers("Nothing -I", "");
}

static void names_that_polluxd_knows(void **state)
{
    (void)state;
    offers("Get-CsPool ", "atl.example.com redmond.example.com");
    offers("Get-CsPool -Identity red", "redmond.example.com");
    offers("Get-CsPool -Id RED", "redmond.example.com");
    offers("Get-CsPool -Identity:red", "redmond.example.com");
    offers("Get-CsComputer -Identity ", "fe01.example.com");
    offers("Get-CsPoolFailOverStatus -PoolFqdn c", "central");
    offers("Start-CsPool -Force at", "atl.example.com");
    offers("Start-CsPool -PoolFqdn \"at", "atl.example.com");
    offers("Start-CsPool -PoolFqdn 'at", "atl.example.com");
    offers_if(false, true, "Get-CsPool -Identity ", "");
}

static void values_of_the_table(void **state)
{
    (void)state;
    offers("Set-CsBackupServiceConfiguration -SyncMode ", "Continuous Interval");
    offers("Set-CsBackupServiceConfiguration -SyncMode:i", "Interval");
    offers("Get-CsPool -Output j", "Json");
    offers("Get-CsPool -ea s", "SilentlyContinue Stop");
    offers("Set-CsUser ken -Enabled ", "$false $true");
    offers("Get-Help Start-", "Start-CsPool Start-Sleep");
}

static void variables_behind_a_dollar(void **state)
{
    (void)state;
    offers("$p", "$pools");
    offers("Get-CsPool $", "$pools $true");
    offers("Start-CsPool a.b -Force:$t", "$true");
}

static void files_where_one_is_asked_for(void **state)
{
    (void)state;
    char folder[] = "/tmp/pollux-complete-XXXXXX";
    assert_non_null(mkdtemp(folder));
    OWNED(free_memory) char *path = xasprintf("%s/topology.conf", folder);
    OWNED(free_memory) char *line = xasprintf("Publish-CsTopology -FileName %s/top", folder);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fclose(file);
    offers(line, path);
    unlink(path);
    rmdir(folder);
}

static void what_all_begin_with_is_common(void **state)
{
    (void)state;
    struct completion c = {.list = {(char[]){"Start-CsPool"}, (char[]){"starT-CsX"}}, .count = 2};
    assert_int_equal(completion_common(&c), strlen("Start-Cs"));
    c.count = 1;
    assert_int_equal(completion_common(&c), strlen("Start-CsPool"));
    c.count = 0;
    assert_int_equal(completion_common(&c), 0);
}

static void a_line_of_any_length_is_borne(void **state)
{
    (void)state;
    OWNED(buffer_free) struct buffer line = {0};
    buffer_printf(&line, "Get-CsPool");
    for (int i = 0; i < 1000; i++)
        buffer_printf(&line, " -Site x");
    buffer_printf(&line, " -Ide");
    OWNED(free_memory) char *text = buffer_take_text(&line);
    offers(text, "-Identity");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(commands_at_the_beginning),
        cmocka_unit_test(parameters_behind_a_command),
        cmocka_unit_test(names_that_polluxd_knows),
        cmocka_unit_test(values_of_the_table),
        cmocka_unit_test(variables_behind_a_dollar),
        cmocka_unit_test(files_where_one_is_asked_for),
        cmocka_unit_test(what_all_begin_with_is_common),
        cmocka_unit_test(a_line_of_any_length_is_borne),
    };
    return cmocka_run_group_tests_name("complete", tests, NULL, NULL);
}
