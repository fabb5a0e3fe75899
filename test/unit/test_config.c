/* A machine's configuration, together with the topology and the files that it names. */
#include "faults_expected.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/memory.h"
#include "conf/conf.h"
#include "pool/config.h"

/* --- a folder with everything that a good configuration needs --- */

static char folder[] = "/tmp/pollux-config-XXXXXX";
static char conf_path[64];

static char *in_folder(const char *name)
{
    return xasprintf("%s/%s", folder, name);
}

static void write_file(const char *name, mode_t mode, const char *text)
{
    OWNED(free_memory) char *path = in_folder(name);
    unlink(path);
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL, mode);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    assert_int_equal(fchmod(fd, mode), 0); /* whatever the umask is */
    close(fd);
}

static void make_folder(const char *name)
{
    OWNED(free_memory) char *path = in_folder(name);
    assert_int_equal(mkdir(path, 0700), 0);
}

static const char good_topology[] = "sip_domain = l.com\n"
                                    "central = red.l.com\n"
                                    "pool atl.l.com {\n"
                                    "site = Atlanta backup_pool = red.l.com\n"
                                    "database = 'atl.l.com\\RTC' mirror = 'm.l.com\\RTC'\n"
                                    "machine atl.l.com { address = 10.0.0.1 } }\n"
                                    "pool red.l.com {\n"
                                    "backup_pool = atl.l.com\n"
                                    "database = 'red.l.com\\RTC'\n"
                                    "machine red.l.com { } }\n";

enum { MACHINE = 1, TOPOLOGY, SOCKET, AUDIT, CERTIFICATE, KEY, AUTHORITY, LISTEN, LEVEL, DATABASE };
static const char *const good_lines[] = {
    [MACHINE] = "machine = \"ATL.l.com\"",
    [TOPOLOGY] = "topology = \"topology.conf\"",
    [SOCKET] = "admin_socket = \"atl/admin.sock\"",
    [AUDIT] = "audit_log = \"atl/audit.log\"",
    [CERTIFICATE] = "certificate = \"pki/a.pem\"",
    [KEY] = "private_key = \"pki/a.key\"",
    [AUTHORITY] = "authority = \"pki/authority.pem\"",
    [LISTEN] = "listen_address = \"0.0.0.0\"",
    [LEVEL] = "log_level = \"debug\"",
    [DATABASE] = "database 'atl.l.com\\rtc' { path = \"atl/rtc.db\" }",
};

static int make_everything(void **state)
{
    (void)state;
    assert_non_null(mkdtemp(folder));
    snprintf(conf_path, sizeof conf_path, "%s/atl.conf", folder);
    make_folder("pki");
    make_folder("atl");
    write_file("pki/a.pem", 0644, "x");
    write_file("pki/a.key", 0600, "x");
    write_file("pki/shared.key", 0640, "x");
    write_file("pki/authority.pem", 0644, "x");
    write_file("topology.conf", 0644, good_topology);
    return 0;
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *where)
{
    (void)st, (void)kind, (void)where;
    return remove(path);
}

static int remove_everything(void **state)
{
    (void)state;
    return nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

/* --- telling the story --- */

/* Writes the good configuration with one line replaced (0: with none). */
static void write_with(unsigned line, const char *replacement)
{
    OWNED(buffer_free) struct buffer b = {0};
    for (unsigned i = 1; i < COUNT_OF(good_lines); i++)
        buffer_printf(&b, "%s\n", i == line ? replacement : good_lines[i]);
    OWNED(free_memory) char *text = buffer_take_text(&b);
    write_file("atl.conf", 0644, text);
}

static void expect(const struct expected *expected, size_t count)
{
    OWNED(faults_free) struct faults f = {0};
    OWNED(config_free) struct config *c = config_load(conf_path, &f);
    assert_faults(&f, expected, count);
    assert_true((c == NULL) == (count > 0));
}

static void expect_with(unsigned line, const char *replacement, unsigned fault_line,
                        const char *part)
{
    write_with(line, replacement);
    expect(&(struct expected){fault_line, part}, part ? 1 : 0);
}

/* --- good ones --- */

static void a_good_one_is_read(void **state)
{
    (void)state;
    write_with(0, NULL);
    OWNED(faults_free) struct faults f = {0};
    OWNED(config_free) struct config *c = config_load(conf_path, &f);
    assert_faults(&f, NULL, 0);
    assert_string_equal(c->file, conf_path);
    assert_string_equal(c->machine, "atl.l.com");
    assert_non_null(c->audit_log);
    assert_string_equal(c->listen_address, "0.0.0.0");
    assert_int_equal(c->log_level, LOG_EVENT_DEBUG);
    assert_int_equal(c->database_count, 1);
    assert_string_equal(c->databases[0].name, "atl.l.com\\RTC");
    assert_string_equal(c->self->fqdn, "atl.l.com");
    assert_ptr_equal(c->self->pool, topology_pool(c->topology, "atl.l.com"));
}

static void paths_are_seen_from_the_folder_of_the_file(void **state)
{
    (void)state;
    OWNED(free_memory) char *absolute = xasprintf("authority = %s/pki/a.pem", folder);
    write_with(AUTHORITY, absolute);
    OWNED(faults_free) struct faults f = {0};
    OWNED(config_free) struct config *c = config_load(conf_path, &f);
    assert_faults(&f, NULL, 0);
    OWNED(free_memory) char *socket = in_folder("atl/admin.sock");
    OWNED(free_memory) char *database = in_folder("atl/rtc.db");
    OWNED(free_memory) char *certificate = in_folder("pki/a.pem");
    assert_string_equal(c->admin_socket, socket);
    assert_string_equal(c->database_path, database);
    OWNED(free_memory) char *audit = in_folder("atl/audit.log");
    assert_string_equal(c->audit_log, audit);
    assert_string_equal(c->certificate, certificate);
    assert_string_equal(c->authority, certificate);
}

static void without_a_folder_in_its_name_paths_stay_as_they_are(void **state)
{
    (void)state;
    write_with(0, NULL);
    OWNED(free_memory) char *before = getcwd(NULL, 0);
    assert_int_equal(chdir(folder), 0);
    OWNED(faults_free) struct faults f = {0};
    OWNED(config_free) struct config *c = config_load("atl.conf", &f);
    assert_int_equal(chdir(before), 0);
    assert_faults(&f, NULL, 0);
    assert_string_equal(c->admin_socket, "atl/admin.sock");
}

static void what_is_optional_can_be_left_out(void **state)
{
    (void)state;
    expect_with(AUDIT, "", 0, NULL);
    expect_with(LISTEN, "", 0, NULL);
    write_with(LEVEL, "");
    OWNED(faults_free) struct faults f = {0};
    OWNED(config_free) struct config *c = config_load(conf_path, &f);
    assert_non_null(c);
    assert_int_equal(c->log_level, LOG_EVENT_INFO);
}

static void a_database_that_the_topology_knows_may_be_there_too(void **state)
{
    (void)state;
    expect_with(AUDIT, "database 'red.l.com\\RTC' { path = red.db }", 0, NULL);
    expect_with(AUDIT, "database 'm.l.com\\RTC' { path = mirror.db }", 0, NULL);
}

static void it_is_described_in_a_few_lines(void **state)
{
    (void)state;
    write_with(AUDIT, "audit_log = audit.log");
    OWNED(faults_free) struct faults f = {0};
    OWNED(config_free) struct config *c = config_load(conf_path, &f);
    assert_non_null(c);
    char *text;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    config_describe(c, out);
    fclose(out);
    OWNED(free_memory)
    char *expected = xasprintf("Machine   atl.l.com\n"
                               "Pool      atl.l.com, Atlanta\n"
                               "Backup    red.l.com\n"
                               "Central   red.l.com\n"
                               "Database  atl.l.com\\RTC in %s/atl/rtc.db\n"
                               "Link      0.0.0.0, port 7443\n"
                               "Users     0.0.0.0, port 8443\n"
                               "Admin     %s/atl/admin.sock\n"
                               "Audit     %s/audit.log\n"
                               "Topology  %s/topology.conf: 2 pools, 2 machines\n",
                               folder, folder, folder, folder);
    assert_string_equal(text, expected);
    free(text);
}

/* The example names files that `pki/` gets only when the demonstration is set up. */
static void the_example_lacks_nothing_but_what_is_made_later(void **state)
{
    (void)state;
    OWNED(faults_free) struct faults f = {0};
    OWNED(config_free) struct config *c = config_load(DEMO "/atl.conf", &f);
    assert_null(c);
    assert_faults(&f,
                  (const struct expected[]){{14, "certificate: "},
                                            {15, "private_key: "},
                                            {16, "authority: "},
                                            {19, "admin_socket: "},
                                            {32, "path: "}},
                  5);
    assert_non_null(strstr(f.list[0].sentence, "atl-cs-001.litwareinc.com"));
    assert_non_null(strstr(f.list[0].sentence, "No such file or directory"));
}

/* --- the file itself --- */

static void a_file_that_cant_be_read_is_told_with_the_reason(void **state)
{
    (void)state;
    OWNED(free_memory) char *path = in_folder("atl.conf");
    unlink(path);
    expect(&(struct expected){0, "can't be read: No such file or directory."}, 1);
    assert_int_equal(mkdir(path, 0700), 0);
    expect(&(struct expected){0, "not a regular file"}, 1);
    rmdir(path);
    assert_int_equal(mkfifo(path, 0600), 0);
    expect(&(struct expected){0, "not a regular file"}, 1); /* and nobody waits */
    unlink(path);
}

static void a_file_that_is_too_large_is_not_read(void **state)
{
    (void)state;
    OWNED(free_memory) char *text = xmalloc(CONFIG_TEXT_MAX + 2);
    memset(text, '\n', CONFIG_TEXT_MAX + 1);
    text[CONFIG_TEXT_MAX + 1] = '\0';
    write_file("atl.conf", 0644, text);
    expect(&(struct expected){0, "more than the 65536 bytes"}, 1);
}

static void a_file_with_a_nul_inside_is_not_read(void **state)
{
    (void)state;
    write_with(0, NULL);
    int fd = open(conf_path, O_WRONLY | O_APPEND);
    assert_int_equal(write(fd, "\0x", 2), 2);
    close(fd);
    expect(&(struct expected){0, "NUL byte"}, 1);
}

static void what_cant_be_understood_is_told_with_its_line(void **state)
{
    (void)state;
    expect_with(DATABASE, "database 'atl.l.com\\RTC' { path = x", DATABASE, "never closed");
    expect_with(AUDIT, "audit_lock = x", AUDIT, "Is audit_log meant?");
    expect_with(AUDIT, "admin_group = root", AUDIT, "no option \"admin_group\"");
    expect_with(AUDIT, "machine = \"atl.l.com\"", AUDIT, "machine is given a second time; line 1");
}

/* --- each option --- */

static void an_option_that_must_be_there_is_asked_for_with_an_example(void **state)
{
    (void)state;
    expect_with(MACHINE, "", 0, "machine = \"atl-cs-001");
    expect_with(TOPOLOGY, "", 0, "topology = \"topology.conf\"");
    expect_with(SOCKET, "", 0, "admin_socket = ");
    expect_with(CERTIFICATE, "", 0, "certificate = ");
    expect_with(KEY, "", 0, "private_key = ");
    expect_with(AUTHORITY, "", 0, "authority = ");
    expect_with(DATABASE, "", 0, "database 'atl.l.com\\RTC' { path = ");
    expect_with(DATABASE, "database 'atl.l.com\\RTC' { }", DATABASE, "path = ");
}

static void an_empty_path_is_none(void **state)
{
    (void)state;
    expect_with(TOPOLOGY, "topology = ''", TOPOLOGY, "topology is empty");
    expect_with(SOCKET, "admin_socket = ''", SOCKET, "admin_socket is empty");
    expect_with(AUDIT, "audit_log = ''", AUDIT, "audit_log is empty");
}

static void the_machine_must_be_in_the_topology(void **state)
{
    (void)state;
    expect_with(MACHINE, "machine = ny.l.com", MACHINE, "no machine \"ny.l.com\" in ");
    expect_with(MACHINE, "machine = ny", MACHINE, "not a valid FQDN");
}

static void another_machines_database_is_not_ones_own(void **state)
{
    (void)state;
    expect_with(MACHINE, "machine = red.l.com", 0, "database of the pool red.l.com");
}

/* Each would open a store of its own, and both would be that pool. */
static void a_database_in_a_file_is_had_by_one_machine(void **state)
{
    (void)state;
    const char *machine = strstr(good_topology, "machine atl");
    OWNED(free_memory)
    char *two = xasprintf("%.*smachine fe2.l.com { address = 10.0.0.2 }\n%s",
                          (int)(machine - good_topology), good_topology, machine);
    write_with(0, NULL);
    write_file("topology.conf", 0644, two);
    expect(&(struct expected){0, "The pool atl.l.com has 2 machines"}, 1);
    write_file("topology.conf", 0644, good_topology);
    expect(NULL, 0);
}

static void a_database_must_be_in_the_topology(void **state)
{
    (void)state;
    expect_with(AUDIT, "database 'ny.l.com\\RTC' { path = x }", AUDIT, "belongs to no pool");
    expect_with(AUDIT, "database 'ny' { path = x }", AUDIT, "not the name of a database");
}

static void two_databases_share_neither_name_nor_file(void **state)
{
    (void)state;
    expect_with(LEVEL, "database 'ATL.l.com\\RTC' { path = x }", DATABASE, "line 9 has it already");
    expect_with(LEVEL, "database 'red.l.com\\RTC' { path = atl/rtc.db }", DATABASE,
                "of the database in line 9 already");
}

static void a_topology_that_cant_be_read_is_told_where_it_is_named(void **state)
{
    (void)state;
    expect_with(TOPOLOGY, "topology = nowhere.conf", TOPOLOGY, "No such file or directory");
    expect_with(TOPOLOGY, "topology = pki", TOPOLOGY, "not a regular file");
}

static void files_must_be_there(void **state)
{
    (void)state;
    expect_with(CERTIFICATE, "certificate = pki/b.pem", CERTIFICATE, "No such file or directory");
    expect_with(CERTIFICATE, "certificate = pki", CERTIFICATE, "is not a regular file");
    expect_with(KEY, "private_key = pki/b.key", KEY, "No such file or directory");
    expect_with(AUTHORITY, "authority = pki/a.pem/x", AUTHORITY, "Not a directory");
}

static void a_key_is_nobody_elses_business(void **state)
{
    (void)state;
    expect_with(KEY, "private_key = pki/shared.key", KEY, "chmod 600 /tmp/");
}

static void a_socket_path_has_a_limit(void **state)
{
    (void)state;
    char line[160];
    int room = 107 - (int)strlen(folder) - 1;
    snprintf(line, sizeof line, "admin_socket = %0*d", room, 0);
    expect_with(SOCKET, line, 0, NULL);
    snprintf(line, sizeof line, "admin_socket = %0*d", room + 1, 0);
    expect_with(SOCKET, line, SOCKET, "108 bytes; the kernel takes 107");
}

static void the_folder_of_what_is_made_later_must_be_there(void **state)
{
    (void)state;
    expect_with(SOCKET, "admin_socket = new/admin.sock", SOCKET, "does not exist");
    expect_with(SOCKET, "admin_socket = pki/a.pem/admin.sock", SOCKET, "is not a folder");
    expect_with(SOCKET, "admin_socket = atl", SOCKET, "is a folder");
    expect_with(DATABASE, "database 'atl.l.com\\RTC' { path = new/x.db }", DATABASE,
                "does not exist");
    expect_with(AUDIT, "audit_log = new/audit.log", AUDIT, "does not exist");
    expect_with(AUDIT, "audit_log = atl", AUDIT, "is a folder");
}

static void the_listen_address_is_written_in_figures(void **state)
{
    (void)state;
    expect_with(LISTEN, "listen_address = localhost", LISTEN, "\"localhost\" is not an IPv4");
    expect_with(LISTEN, "listen_address = ::", 0, NULL);
}

static void the_log_level_is_one_of_five(void **state)
{
    (void)state;
    expect_with(LEVEL, "log_level = loud", LEVEL, "none of debug, info, notice, warning, error");
}

static void what_is_wrong_in_both_files_is_told_at_once(void **state)
{
    (void)state;
    write_file("wrong.conf", 0644, "central = x.y\nsip_domain = l.com\n");
    write_file("atl.conf", 0644,
               "topology = wrong.conf\nlog_level = loud\nlisten_address = x\n"
               "private_key = pki/shared.key\n");
    static const struct expected all[] = {
        {0, "machine = "},   {0, "admin_socket = "}, {0, "certificate = "},
        {0, "authority = "}, {2, "log_level"},       {3, "listen_address"},
        {4, "chmod 600"},    {0, "no pool"},         {1, "central: there is no pool"},
    };
    expect(all, COUNT_OF(all));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_good_one_is_read),
        cmocka_unit_test(paths_are_seen_from_the_folder_of_the_file),
        cmocka_unit_test(without_a_folder_in_its_name_paths_stay_as_they_are),
        cmocka_unit_test(what_is_optional_can_be_left_out),
        cmocka_unit_test(a_database_that_the_topology_knows_may_be_there_too),
        cmocka_unit_test(it_is_described_in_a_few_lines),
        cmocka_unit_test(the_example_lacks_nothing_but_what_is_made_later),
        cmocka_unit_test(a_file_that_cant_be_read_is_told_with_the_reason),
        cmocka_unit_test(a_file_that_is_too_large_is_not_read),
        cmocka_unit_test(a_file_with_a_nul_inside_is_not_read),
        cmocka_unit_test(what_cant_be_understood_is_told_with_its_line),
        cmocka_unit_test(an_option_that_must_be_there_is_asked_for_with_an_example),
        cmocka_unit_test(an_empty_path_is_none),
        cmocka_unit_test(the_machine_must_be_in_the_topology),
        cmocka_unit_test(another_machines_database_is_not_ones_own),
        cmocka_unit_test(a_database_in_a_file_is_had_by_one_machine),
        cmocka_unit_test(a_database_must_be_in_the_topology),
        cmocka_unit_test(two_databases_share_neither_name_nor_file),
        cmocka_unit_test(a_topology_that_cant_be_read_is_told_where_it_is_named),
        cmocka_unit_test(files_must_be_there),
        cmocka_unit_test(a_key_is_nobody_elses_business),
        cmocka_unit_test(a_socket_path_has_a_limit),
        cmocka_unit_test(the_folder_of_what_is_made_later_must_be_there),
        cmocka_unit_test(the_listen_address_is_written_in_figures),
        cmocka_unit_test(the_log_level_is_one_of_five),
        cmocka_unit_test(what_is_wrong_in_both_files_is_told_at_once),
    };
    return cmocka_run_group_tests(tests, make_everything, remove_everything);
}
