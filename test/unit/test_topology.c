/* The topology: what a good one becomes, and each way in which one can be wrong. */
#include "faults_expected.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/memory.h"
#include "conf/conf.h"
#include "topology/topology.h"

/* --- telling the story --- */

#define HEAD "sip_domain = litwareinc.com\ncentral = atl.l.com\n" /* lines 1 and 2 */
#define ATL                                                                                        \
    "pool \"atl.l.com\" {\n"                                                                       \
    "database = 'atl.l.com\\RTC'\n"                                                                \
    "backup_pool = red.l.com\n"                                                                    \
    "machine atl.l.com { address = 10.0.0.1 }\n"                                                   \
    "}\n" /* 5 lines */
#define RED                                                                                        \
    "pool \"red.l.com\" {\n"                                                                       \
    "database = 'red.l.com\\RTC'\n"                                                                \
    "backup_pool = atl.l.com\n"                                                                    \
    "machine red.l.com { address = 10.0.0.2 }\n"                                                   \
    "}\n"

static void expect(const char *text, const struct expected *expected, size_t count)
{
    OWNED(faults_free) struct faults f = {0};
    OWNED(topology_free) struct topology *t = topology_read(text, "t.conf", &f);
    assert_faults(&f, expected, count);
    assert_true((t == NULL) == (count > 0));
    for (size_t i = 0; i < f.count; i++)
        assert_string_equal(f.list[i].file, "t.conf");
}

#define EXPECT(text, ...)                                                                          \
    expect(text, (const struct expected[]){__VA_ARGS__},                                           \
           sizeof((const struct expected[]){__VA_ARGS__}) / sizeof(struct expected))
#define EXPECT_GOOD(text) expect(text, NULL, 0)

/* The two pools of HEAD, with `inside` added to the pool atl.l.com in line 5 and after. */
#define IN_ATL(inside)                                                                             \
    HEAD "pool \"atl.l.com\" {\nmachine atl.l.com { address = 10.0.0.1 }\n" inside "\n}\n"
#define DATABASE "database = 'atl.l.com\\RTC'"
/* With `inside` in the machine, in line 5. */
#define IN_MACHINE(inside)                                                                         \
    HEAD "pool \"atl.l.com\" {\n" DATABASE " machine atl.l.com {\n" inside "\n}\n}\n"

/* --- good ones --- */

static char *example(const char *path)
{
    struct error e;
    char *text;
    assert_int_equal(conf_file_text(path, TOPOLOGY_TEXT_MAX, &text, &e), OK);
    return text;
}

static void the_larger_example_is_read(void **state)
{
    (void)state;
    OWNED(free_memory) char *text = example(DEMO "/topology-five.conf");
    OWNED(faults_free) struct faults f = {0};
    OWNED(topology_free) struct topology *t = topology_read(text, "topology-five.conf", &f);
    assert_faults(&f, NULL, 0);
    assert_int_equal(t->pool_count, 5);
    assert_int_equal(topology_machine_count(t), 5);
    assert_ptr_equal(topology_pool(t, "oslo-cs-001.litwareinc.com")->backup,
                     topology_pool(t, "tokyo-cs-001.litwareinc.com"));
    assert_null(topology_pool(t, "quito-cs-001.litwareinc.com")->backup);
}

static void the_example_is_read(void **state)
{
    (void)state;
    OWNED(free_memory) char *text = example(DEMO "/topology.conf");
    OWNED(faults_free) struct faults f = {0};
    OWNED(topology_free) struct topology *t = topology_read(text, "topology.conf", &f);
    assert_faults(&f, NULL, 0);
    assert_string_equal(t->text, text);
    assert_string_equal(t->sip_domain, "litwareinc.com");
    assert_int_equal(t->failure_detection_ms, 30000);
    assert_int_equal(t->pool_count, 2);
    assert_int_equal(topology_machine_count(t), 2);

    const struct pool *atl = topology_pool(t, "ATL-cs-001.litwareinc.com");
    const struct pool *redmond = topology_pool(t, "redmond-cs-001.litwareinc.com");
    assert_non_null(atl);
    assert_non_null(redmond);
    assert_ptr_equal(t->central, atl);
    assert_ptr_equal(atl->backup, redmond);
    assert_ptr_equal(redmond->backup, atl);
    assert_string_equal(atl->site, "Atlanta");
    assert_string_equal(atl->database, "atl-cs-001.litwareinc.com\\RTC");
    assert_null(atl->mirror);

    const struct machine *m = topology_machine(t, "Redmond-CS-001.litwareinc.com");
    assert_ptr_equal(m->pool, redmond);
    assert_string_equal(m->address, "127.0.0.1");
    assert_int_equal(m->link_port, 7444);
    assert_int_equal(m->users_port, 8444);
    assert_null(topology_machine(t, "nobody.litwareinc.com"));
    assert_null(topology_pool(t, "nobody.litwareinc.com"));
}

static void pools_are_sorted_and_names_are_in_lower_case(void **state)
{
    (void)state;
    OWNED(faults_free) struct faults f = {0};
    OWNED(topology_free)
    struct topology *t =
        topology_read("central = ATL.l.com sip_domain = L.Com\n"
                      "pool RED.l.com { database = 'Red.l.com\\rtc' machine m1.l.com { } }\n"
                      "pool Atl.l.com { database = 'atl.l.com\\RTC' mirror = 'x.l.com\\RTC'\n"
                      "  machine M2.l.com { address = '2001:DB8::0:1' } }\n",
                      "t.conf", &f);
    assert_faults(&f, NULL, 0);
    assert_string_equal(t->pools[0].fqdn, "atl.l.com");
    assert_string_equal(t->pools[1].fqdn, "red.l.com");
    assert_string_equal(t->pools[1].database, "red.l.com\\RTC");
    assert_string_equal(t->pools[0].mirror, "x.l.com\\RTC");
    assert_string_equal(t->pools[0].machines[0].fqdn, "m2.l.com");
    assert_string_equal(t->pools[0].machines[0].address, "2001:db8::1");
    assert_int_equal(t->pools[0].machines[0].link_port, 7443);
    assert_int_equal(t->pools[0].machines[0].users_port, 8443);
    assert_null(t->pools[1].machines[0].address);
    assert_null(t->pools[1].backup);
    assert_string_equal(t->sip_domain, "l.com");
    assert_ptr_equal(topology_pool_of_database(t, "X.l.com\\rtc"), &t->pools[0]);
    assert_null(topology_pool_of_database(t, "y.l.com\\rtc"));
}

static void a_pair_is_good(void **state)
{
    (void)state;
    EXPECT_GOOD(HEAD ATL RED);
}

static void lines_may_end_as_on_windows(void **state)
{
    (void)state;
    EXPECT_GOOD(
        "sip_domain = l.com\r\ncentral = \"atl.l.com\"\r\n# x\r\npool atl.l.com {\r\n" DATABASE
        "\r\nmachine atl.l.com { }\r\n}");
}

/* --- what libconfuse would let pass --- */

static void a_brace_missing_at_the_end_is_told_with_the_line_that_opened(void **state)
{
    (void)state;
    EXPECT(HEAD ATL "pool red.l.com {\nsite = Redmond\n", {8, "pool \"red.l.com\" that is opened"});
    EXPECT(HEAD "pool red.l.com {\nmachine red.l.com {\n}\n", {3, "never closed"});
    EXPECT(HEAD "pool red.l.com {\nmachine red.l.com {\n", {4, "machine \"red.l.com\""});
}

static void a_brace_missing_in_the_middle_is_told_with_both_lines(void **state)
{
    (void)state;
    EXPECT(HEAD "pool atl.l.com {\n" DATABASE "\n" RED, {5, "opened in line 3"});
}

static void a_brace_too_many_is_told(void **state)
{
    (void)state;
    EXPECT(HEAD ATL "}\n", {8, "closing brace"});
}

static void an_option_given_twice_is_told_with_both_lines(void **state)
{
    (void)state;
    EXPECT(HEAD ATL RED "central = atl.l.com\n", {13, "line 2"});
    EXPECT(IN_ATL(DATABASE "\nsite = A\nsite = B"), {7, "site is given a second time; line 6"});
    EXPECT(IN_MACHINE("link_port = 1\nlink_port = 2"), {6, "line 5"});
}

static void a_pool_given_twice_is_told_with_both_lines(void **state)
{
    (void)state;
    EXPECT(HEAD ATL RED "pool ATL.l.com {\nmachine m.l.com {}\ndatabase = 'm.l.com\\RTC' }\n",
           {13, "atl.l.com is already taken in line 3"});
    EXPECT(HEAD ATL RED "pool \"atl.l.com\" {\nmachine m.l.com {}\ndatabase = 'm.l.com\\RTC' }\n",
           {13, "atl.l.com is already taken in line 3"});
}

static void the_environment_is_not_read(void **state)
{
    (void)state;
    EXPECT(IN_ATL(DATABASE " site = \"${HOME}\""), {5, "environment"});
    EXPECT(IN_ATL(DATABASE " site = ${HOME}"), {5, "environment"});
    EXPECT(IN_ATL(DATABASE " site = x${HOME}"), {5, "environment"});
    EXPECT_GOOD(IN_ATL(DATABASE " site = '${HOME}'"));
    EXPECT_GOOD(IN_ATL(DATABASE " site = \"$HOME\""));
}

static void a_backslash_in_double_quotes_is_told_with_the_right_spelling(void **state)
{
    (void)state;
    EXPECT(IN_ATL("database = \"atl.l.com\\RTC\""), {5, "'redmond-cs-001.litwareinc.com\\RTC'"});
    EXPECT_GOOD(IN_ATL("database = atl.l.com\\RTC"));
    EXPECT_GOOD(IN_ATL("database = 'atl.l.com\\\\RTC'"));
}

static void a_quote_that_is_not_closed_is_told_where_it_opens(void **state)
{
    (void)state;
    EXPECT(IN_ATL("site = \"Atlanta\n" DATABASE), {5, "quote (\") is opened"});
    EXPECT(IN_ATL("site = 'Atlanta\\'\n" DATABASE), {5, "quote (') is opened"});
    EXPECT(HEAD "pool \"", {3, "quote"});
}

static void comments_of_other_languages_are_refused(void **state)
{
    (void)state;
    EXPECT(HEAD "/* a\n" ATL RED, {3, "Comments start with '#'"});
    EXPECT(HEAD "// a\n" ATL RED, {3, "Comments start with '#'"});
    EXPECT(HEAD ATL RED "site = a/*\n", {13, "character *"});
}

static void lines_are_right_behind_comments(void **state)
{
    (void)state;
    EXPECT("# one\n\n# two \"'${X} \xc3\xbc\n" HEAD ATL RED "# three\nbad = 1 # four\n",
           {17, "no option \"bad\""});
}

static void include_does_not_work(void **state)
{
    (void)state;
    EXPECT(HEAD "include(\"/etc/passwd\")\n", {3, "character ("});
    EXPECT(HEAD "include \"/etc/passwd\"\n", {3, "no option \"include\""});
}

static void signs_that_would_be_skipped_are_told_all_at_once(void **state)
{
    (void)state;
    EXPECT("* = 1\nsite += 2\nsite = a,b\nsite = \xc3\xbc\n\x01 = .\nsite = \"\x07\"\n",
           {1, "character *"}, {2, "character +"}, {3, "character ,"}, {4, "ASCII"}, {5, "ASCII"},
           {6, "control character"});
}

static void what_is_not_utf8_is_told(void **state)
{
    (void)state;
    EXPECT("# caf\xe9\nsite = \"\xc0\xaf\"\nsite = \"\xed\xa0\x80\"\nsite = \"\xf4\x90\x80\x80\"\n",
           {1, "UTF-8"}, {2, "UTF-8"}, {3, "UTF-8"}, {4, "UTF-8"});
    EXPECT_GOOD(IN_ATL(DATABASE " site = \"Z\xc3\xbcrich \xe2\x82\xac \xf0\x9f\x8c\x8d\""));
}

static void an_option_of_another_section_cant_be_reached(void **state)
{
    (void)state;
    EXPECT(HEAD ATL RED "'pool|site' = x\n", {13, "Quoted text"});
    EXPECT(HEAD ATL RED "pool|site = x\n", {13, "character |"});
    EXPECT(HEAD ATL RED "\"pool=atl.l.com|site\" = x\n", {13, "Quoted text"});
}

static void a_text_that_ends_too_early_is_told_at_its_last_line(void **state)
{
    (void)state;
    EXPECT(HEAD "pool", {3, "ends in the middle"});
    EXPECT(HEAD "pool atl.l.com\n", {3, "ends in the middle"});
    EXPECT("sip_domain", {1, "ends in the middle"});
    EXPECT("sip_domain =\n", {1, "ends in the middle"});
}

static void an_unknown_option_is_told_with_the_nearest_one(void **state)
{
    (void)state;
    EXPECT(IN_ATL("backup_pol = x"), {5, "Is backup_pool meant?"});
    EXPECT(IN_MACHINE("linkport = 1"), {5, "Is link_port meant?"});
    EXPECT(HEAD "zebra = 1\n",
           {3, "here. Valid: sip_domain, failure_detection_interval, central, pool, "
               "conference_file_max_mb, conference_content_max_mb."});
    EXPECT(HEAD "Central = 1\n", {3, "Is central meant?"});
}

static void a_missing_equal_sign_is_told(void **state)
{
    (void)state;
    EXPECT("sip_domain litwareinc.com\n", {1, "missing equal sign after option 'sip_domain'"});
    EXPECT(HEAD "pool = x\n", {3, "missing title"});
}

static void too_many_sections_are_told(void **state)
{
    (void)state;
    OWNED(buffer_free) struct buffer b = {0};
    for (int i = 0; i <= CONF_SECTIONS_MAX; i++)
        buffer_printf(&b, "pool p%d.l {}\n", i);
    OWNED(free_memory) char *text = buffer_take_text(&b);
    EXPECT(text, {CONF_SECTIONS_MAX + 1, "more than 4096 sections"});
}

/* --- what a topology must be --- */

static void an_empty_text_lacks_everything(void **state)
{
    (void)state;
    EXPECT("", {0, "sip_domain"}, {0, "no pool"}, {0, "central"});
}

static void the_sip_domain_must_be_a_domain(void **state)
{
    (void)state;
    EXPECT("sip_domain = litware\ncentral = atl.l.com\n" ATL RED, {1, "sip_domain: \"litware\""});
}

static void conferences_have_bounds_for_their_files(void **state)
{
    (void)state;
    EXPECT(HEAD ATL RED "conference_file_max_mb = 0", {13, "a number of MB (1 to 30000)"});
    EXPECT(HEAD ATL RED "conference_file_max_mb = 30001", {13, "1 to 30000"});
    EXPECT(HEAD ATL RED "conference_file_max_mb = -1", {13, "1 to 30000"});
    EXPECT(HEAD ATL RED "conference_content_max_mb = lots", {13, "1 to 10000000"});
    EXPECT(HEAD ATL RED "conference_content_max_mb = 99999999999999999999", {13, "1 to"});
    EXPECT_GOOD(HEAD ATL RED "conference_file_max_mb = 30000");
    OWNED(faults_free) struct faults faults = {0};
    OWNED(topology_free)
    struct topology *t =
        topology_read(HEAD ATL RED "conference_content_max_mb = 7", "t.conf", &faults);
    assert_non_null(t);
    assert_int_equal(t->file_max_mb, TOPOLOGY_FILE_MB);
    assert_int_equal(t->conference_max_mb, 7);
}

static void the_failure_detection_interval_has_bounds(void **state)
{
    (void)state;
    EXPECT(HEAD ATL RED "failure_detection_interval = soon", {13, "\"soon\" is not a time span"});
    EXPECT(HEAD ATL RED "failure_detection_interval = 0", {13, "00:00:01 to 01:00:00"});
    EXPECT(HEAD ATL RED "failure_detection_interval = 00:00:00.9", {13, "outside"});
    EXPECT(HEAD ATL RED "failure_detection_interval = 01:00:01", {13, "outside"});
    EXPECT_GOOD(HEAD ATL RED "failure_detection_interval = 01:00:00");
    EXPECT_GOOD(HEAD ATL RED "failure_detection_interval = 1");
}

static void central_must_be_a_pool_of_the_file(void **state)
{
    (void)state;
    EXPECT("sip_domain = l.com central = ny.l.com\n" ATL RED, {1, "no pool \"ny.l.com\""});
    EXPECT("sip_domain = l.com\n" ATL RED, {0, "central = "});
}

static void names_must_be_valid(void **state)
{
    (void)state;
    EXPECT(HEAD ATL RED "pool ny {\nmachine 'm 1' {}\ndatabase = 'ny.l.com\\RTC' }\n",
           {13, "pool's name \"ny\""}, {14, "machine's name \"m 1\""});
}

static void a_machine_stands_in_one_pool_only(void **state)
{
    (void)state;
    EXPECT(HEAD ATL RED "pool ny.l.com {\nmachine M.l.com {}\nmachine m.l.com {}\n"
                        "database = 'ny.l.com\\RTC' }\n",
           {15, "machine name m.l.com is already taken in line 14"});
    EXPECT(HEAD ATL RED "pool ny.l.com {\nmachine atl.l.com {}\ndatabase = 'ny.l.com\\RTC' }\n",
           {14, "already taken in line 6"}, {14, "name of another pool (line 3)"});
}

static void a_pool_needs_a_machine_and_a_database(void **state)
{
    (void)state;
    EXPECT(HEAD ATL RED "pool ny.l.com { }\n", {13, "database"}, {13, "no machine"});
}

static void a_pool_cant_back_itself_up(void **state)
{
    (void)state;
    EXPECT(IN_ATL(DATABASE "\nbackup_pool = ATL.l.com"), {6, "its own backup"});
}

static void a_backup_must_be_a_pool_of_the_file(void **state)
{
    (void)state;
    EXPECT(IN_ATL(DATABASE "\nbackup_pool = ny.l.com"), {6, "no pool \"ny.l.com\""});
    EXPECT(IN_ATL(DATABASE "\nbackup_pool = ny"), {6, "not a valid FQDN"});
}

static void both_pools_of_a_pair_must_say_so(void **state)
{
    (void)state;
    EXPECT(HEAD ATL "pool red.l.com {\ndatabase = 'red.l.com\\RTC'\nmachine red.l.com {}\n}\n",
           {8, "lacks backup_pool = \"atl.l.com\": that pool names it as its backup in line 5"});
}

static void a_pool_backs_up_one_other_only(void **state)
{
    (void)state;
    EXPECT(HEAD ATL RED "pool ny.l.com {\ndatabase = 'ny.l.com\\RTC'\nmachine ny.l.com {}\n"
                        "backup_pool = red.l.com }\n",
           {16, "can't be the backup of ny.l.com: it is paired with atl.l.com in line 10"});
}

static void in_a_ring_of_three_each_side_is_told(void **state)
{
    (void)state;
    EXPECT(HEAD
           "pool atl.l.com { database = 'a.l.com\\A' machine a.l.com {} backup_pool = b.l.com }\n"
           "pool b.l.com { database = 'b.l.com\\A' machine b.l.com {} backup_pool = c.l.com }\n"
           "pool c.l.com { database = 'c.l.com\\A' machine c.l.com {} backup_pool = atl.l.com "
           "}\n",
           {3, "in line 4"}, {4, "in line 5"}, {5, "in line 3"});
}

static void a_database_is_server_and_instance(void **state)
{
    (void)state;
    static const char *const wrong[] = {"",       "atl.l.com",        "atl\\RTC",
                                        "\\RTC",  "atl.l.com\\\\",    "atl.l.com\\RT C",
                                        "a.b\\1", "atl.l.com\\R\\TC", "a.b\\R234567890123456x",
                                        "a.b/RTC"};
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        OWNED(free_memory) char *text = xasprintf(IN_ATL("database = '%s'"), wrong[i]);
        EXPECT(text, {5, "not the name of a database"});
    }
    EXPECT(IN_ATL(DATABASE "\nmirror = x"), {6, "mirror: \"x\" is not the name"});
    EXPECT_GOOD(IN_ATL("database = 'a.b\\R23456789012345_'"));
}

static void a_database_belongs_to_one_pool_and_is_no_mirror_of_itself(void **state)
{
    (void)state;
    EXPECT(IN_ATL(DATABASE "\nmirror = 'ATL.l.com\\rtc'"),
           {6, "atl.l.com\\RTC is already taken in line 5"});
    EXPECT(HEAD ATL RED "pool ny.l.com {\ndatabase = 'red.l.com\\RTC'\nmachine ny.l.com {}\n}\n",
           {14, "already taken in line 9"});
    EXPECT_GOOD(IN_ATL(DATABASE "\nmirror = 'm.l.com\\RTC'"));
}

static void an_address_is_written_in_figures(void **state)
{
    (void)state;
    EXPECT(IN_MACHINE("address = localhost"), {5, "\"localhost\" is not an IPv4 or IPv6"});
    EXPECT(IN_MACHINE("address = 10.0.0"), {5, "not an IPv4"});
    EXPECT(IN_MACHINE("address = ''"), {5, "not an IPv4"});
    EXPECT(IN_MACHINE("address = 0.0.0.0"), {5, "all addresses"});
    EXPECT(IN_MACHINE("address = ::"), {5, "all addresses"});
    EXPECT_GOOD(IN_MACHINE("address = fe80::1"));
}

static void a_port_is_a_number_from_1_to_65535(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "0", "65536", "-1", "https", "''", "7443x", "0x10", "99999999999999999999", "' 1'"};
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        OWNED(free_memory) char *text = xasprintf(IN_MACHINE("link_port = %s"), wrong[i]);
        EXPECT(text, {5, "is not a port (1 to 65535)"});
    }
    EXPECT_GOOD(IN_MACHINE("link_port = 1"));
    EXPECT_GOOD(IN_MACHINE("link_port = 65535"));
    EXPECT(IN_MACHINE("users_port = x"), {5, "users_port: \"x\" is not a port (1 to 65535)"});
    EXPECT_GOOD(IN_MACHINE("users_port = 443"));
}

static void two_machines_cant_share_address_and_port(void **state)
{
    (void)state;
    EXPECT(IN_ATL(DATABASE "\nmachine b.l.com { address = 10.0.0.1 }"),
           {6, "10.0.0.1 port 7443 is already taken in line 4"},
           {6, "10.0.0.1 port 8443 is already taken in line 4"});
    EXPECT_GOOD(
        IN_ATL(DATABASE "\nmachine b.l.com { address = 10.0.0.1 link_port = 1 users_port = 2 }"));
    EXPECT(IN_ATL(DATABASE "\nmachine b.l.com { address = 10.0.0.1 link_port = x users_port = 2 }"),
           {6, "not a port"});
    EXPECT(IN_ATL(DATABASE "\nmachine b.l.com { address = 10.0.0.2 link_port = 5 users_port = 5 }"),
           {6, "10.0.0.2 port 5 is already taken in line 6"});
    EXPECT(IN_ATL(DATABASE "\nmachine b.l.com { address = ::1 }\n"
                           "machine c.l.com { address = 0:0:0::1 }"),
           {7, "::1 port 7443 is already taken in line 6"},
           {7, "::1 port 8443 is already taken in line 6"});
}

static void a_site_is_neither_empty_nor_endless(void **state)
{
    (void)state;
    EXPECT(IN_ATL(DATABASE " site = ''"), {5, "site"});
    char site[TOPOLOGY_SITE_MAX + 2];
    memset(site, 'x', sizeof site);
    site[sizeof site - 1] = '\0';
    OWNED(free_memory) char *text = xasprintf(IN_ATL(DATABASE " site = %s"), site);
    EXPECT(text, {5, "1 to 128 bytes"});
}

static void limits_are_told(void **state)
{
    (void)state;
    OWNED(buffer_free) struct buffer b = {0};
    buffer_printf(&b, HEAD "pool atl.l.com {" DATABASE "\n");
    for (int i = 0; i <= TOPOLOGY_MACHINES_PER_POOL_MAX; i++)
        buffer_printf(&b, "machine m%d.l.com {}\n", i);
    buffer_printf(&b, "}\n");
    OWNED(free_memory) char *machines = buffer_take_text(&b);
    EXPECT(machines, {4 + TOPOLOGY_MACHINES_PER_POOL_MAX, "has 17 machines; a pool can have 16"});

    buffer_printf(&b, HEAD ATL RED);
    for (int i = 2; i <= TOPOLOGY_POOLS_MAX; i++)
        buffer_printf(&b, "pool p%d.l.com { database = 'p%d.l.com\\R' machine m%d.l.com {} }\n", i,
                      i, i);
    OWNED(free_memory) char *pools = buffer_take_text(&b);
    EXPECT(pools,
           {12 + TOPOLOGY_POOLS_MAX - 1, "129 pools in this file; a deployment can have 128"});

    OWNED(free_memory) char *large = xmalloc(TOPOLOGY_TEXT_MAX + 2);
    memset(large, ' ', TOPOLOGY_TEXT_MAX + 1);
    large[TOPOLOGY_TEXT_MAX + 1] = '\0';
    EXPECT(large, {0, "more than 524288 bytes"});
}

static void everything_wrong_is_told_at_once_in_the_order_of_lines(void **state)
{
    (void)state;
    EXPECT("sip_domain = x\nfailure_detection_interval = x\ncentral = x.y\n"
           "pool atl.l.com {\ndatabase = x\nmachine m.l.com {\naddress = x\nlink_port = x\n}\n"
           "backup_pool = x\n}\n",
           {1, "sip_domain"}, {2, "failure"}, {3, "central"}, {5, "database"}, {7, "address"},
           {8, "link_port"}, {10, "backup_pool"});
}

/* --- whatever is thrown at it --- */

/* A topology or faults, never both, never neither. */
static void throw_at_it(const char *text)
{
    OWNED(faults_free) struct faults f = {0};
    OWNED(topology_free) struct topology *t = topology_read(text, "t.conf", &f);
    assert_true((t == NULL) == (f.count > 0));
    for (size_t i = 0; i < f.count; i++)
        assert_true(f.list[i].line <= 200);
}

static void every_beginning_of_the_example_is_read_or_told(void **state)
{
    (void)state;
    OWNED(free_memory) char *text = example(DEMO "/topology.conf");
    for (size_t size = strlen(text); size-- > 0;) {
        text[size] = '\0';
        throw_at_it(text);
    }
}

static void every_change_of_one_byte_is_read_or_told(void **state)
{
    (void)state;
    static const char small[] = "central=a.b\nsip_domain=\"a.b\"\n"
                                "pool 'a.b' {# c\ndatabase='a.b\\R' machine a.c{link_port=1}}\n";
    for (size_t i = 0; i < sizeof small - 1; i++) {
        for (int byte = 1; byte < 256; byte++) {
            char text[sizeof small];
            memcpy(text, small, sizeof small);
            text[i] = (char)byte;
            throw_at_it(text);
        }
    }
    EXPECT_GOOD(small);
}

/* The same with two neighbours, from the signs that mean something, and with each byte left out. */
static void every_pair_of_signs_is_read_or_told(void **state)
{
    (void)state;
    static const char small[] = "central=a.b\nsip_domain=\"a.b\"\n"
                                "pool 'a.b' {# c\ndatabase='a.b\\R' machine a.c{link_port=1}}\n";
    static const char signs[] = "\"'\\${}=#/*|\n\x01 +(a";
    for (size_t i = 0; i + 1 < sizeof small - 1; i++) {
        char text[sizeof small];
        for (const char *a = signs; *a; a++) {
            for (const char *b = signs; *b; b++) {
                memcpy(text, small, sizeof small);
                text[i] = *a;
                text[i + 1] = *b;
                throw_at_it(text);
            }
        }
        memcpy(text, small, i);
        memcpy(text + i, small + i + 1, sizeof small - i - 1);
        throw_at_it(text);
    }
}

/* libconfuse keeps its state in globals: without the lock this ends in nonsense or a crash. */
static void *read_again_and_again(void *good)
{
    for (int i = 0; i < 200; i++)
        throw_at_it(good ? HEAD ATL RED : HEAD ATL "pool x { bad");
    return NULL;
}

static void several_threads_can_read_at_once(void **state)
{
    (void)state;
    pthread_t threads[4];
    for (size_t i = 0; i < COUNT_OF(threads); i++)
        assert_int_equal(
            pthread_create(&threads[i], NULL, read_again_and_again, i % 2 ? state : NULL), 0);
    for (size_t i = 0; i < COUNT_OF(threads); i++)
        pthread_join(threads[i], NULL);
}

/* libconfuse has its own ideas about stderr and stdout; nothing may reach them. */
static int saved_out, saved_err;
static FILE *caught;

static int catch_output(void **state)
{
    (void)state;
    fflush(stdout), fflush(stderr);
    caught = tmpfile();
    saved_out = dup(STDOUT_FILENO);
    saved_err = dup(STDERR_FILENO);
    return dup2(fileno(caught), STDOUT_FILENO) < 0 || dup2(fileno(caught), STDERR_FILENO) < 0;
}

static int nothing_was_printed(void **state)
{
    (void)state;
    fflush(stdout), fflush(stderr);
    long size = lseek(fileno(caught), 0, SEEK_END);
    dup2(saved_out, STDOUT_FILENO);
    dup2(saved_err, STDERR_FILENO);
    close(saved_out), close(saved_err);
    fclose(caught);
    return size != 0;
}

#define quiet_test(f) cmocka_unit_test_setup_teardown(f, catch_output, nothing_was_printed)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_example_is_read),
        cmocka_unit_test(the_larger_example_is_read),
        cmocka_unit_test(pools_are_sorted_and_names_are_in_lower_case),
        cmocka_unit_test(a_pair_is_good),
        cmocka_unit_test(lines_may_end_as_on_windows),
        cmocka_unit_test(a_brace_missing_at_the_end_is_told_with_the_line_that_opened),
        cmocka_unit_test(a_brace_missing_in_the_middle_is_told_with_both_lines),
        cmocka_unit_test(a_brace_too_many_is_told),
        cmocka_unit_test(an_option_given_twice_is_told_with_both_lines),
        cmocka_unit_test(a_pool_given_twice_is_told_with_both_lines),
        cmocka_unit_test(the_environment_is_not_read),
        cmocka_unit_test(a_backslash_in_double_quotes_is_told_with_the_right_spelling),
        cmocka_unit_test(a_quote_that_is_not_closed_is_told_where_it_opens),
        cmocka_unit_test(comments_of_other_languages_are_refused),
        cmocka_unit_test(lines_are_right_behind_comments),
        cmocka_unit_test(include_does_not_work),
        cmocka_unit_test(signs_that_would_be_skipped_are_told_all_at_once),
        cmocka_unit_test(what_is_not_utf8_is_told),
        cmocka_unit_test(an_option_of_another_section_cant_be_reached),
        cmocka_unit_test(a_text_that_ends_too_early_is_told_at_its_last_line),
        cmocka_unit_test(an_unknown_option_is_told_with_the_nearest_one),
        cmocka_unit_test(a_missing_equal_sign_is_told),
        cmocka_unit_test(too_many_sections_are_told),
        cmocka_unit_test(an_empty_text_lacks_everything),
        cmocka_unit_test(the_sip_domain_must_be_a_domain),
        cmocka_unit_test(the_failure_detection_interval_has_bounds),
        cmocka_unit_test(conferences_have_bounds_for_their_files),
        cmocka_unit_test(central_must_be_a_pool_of_the_file),
        cmocka_unit_test(names_must_be_valid),
        cmocka_unit_test(a_machine_stands_in_one_pool_only),
        cmocka_unit_test(a_pool_needs_a_machine_and_a_database),
        cmocka_unit_test(a_pool_cant_back_itself_up),
        cmocka_unit_test(a_backup_must_be_a_pool_of_the_file),
        cmocka_unit_test(both_pools_of_a_pair_must_say_so),
        cmocka_unit_test(a_pool_backs_up_one_other_only),
        cmocka_unit_test(in_a_ring_of_three_each_side_is_told),
        cmocka_unit_test(a_database_is_server_and_instance),
        cmocka_unit_test(a_database_belongs_to_one_pool_and_is_no_mirror_of_itself),
        cmocka_unit_test(an_address_is_written_in_figures),
        cmocka_unit_test(a_port_is_a_number_from_1_to_65535),
        cmocka_unit_test(two_machines_cant_share_address_and_port),
        cmocka_unit_test(a_site_is_neither_empty_nor_endless),
        cmocka_unit_test(limits_are_told),
        cmocka_unit_test(everything_wrong_is_told_at_once_in_the_order_of_lines),
        quiet_test(every_beginning_of_the_example_is_read_or_told),
        quiet_test(every_change_of_one_byte_is_read_or_told),
        quiet_test(every_pair_of_signs_is_read_or_told),
        cmocka_unit_test(several_threads_can_read_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
