/* Which polluxd a command is for: what the environment says, and what it lacks. */
#include "unit.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "cmdlet/server.h"

static const char *const names[] = {"POLLUX_SERVER", "POLLUX_CERTIFICATE", "POLLUX_KEY",
                                    "POLLUX_AUTHORITY", "POLLUX_ADDRESS"};

/* Nothing is set but the server, and for another machine the three files. */
static int set_up(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(names); i++)
        unsetenv(names[i]);
    return 0;
}

static void set_files(void)
{
    setenv("POLLUX_CERTIFICATE", "ann.pem", 1);
    setenv("POLLUX_KEY", "ann.key", 1);
    setenv("POLLUX_AUTHORITY", "authority.pem", 1);
}

static char host[FQDN_SIZE];

static struct http_place read_place(const char *server)
{
    struct http_place place;
    struct error e;
    if (server)
        setenv("POLLUX_SERVER", server, 1);
    if (server_from_environment(&place, host, &e))
        fail_msg("%s", e.what);
    return place;
}

static struct error refuse(const char *server)
{
    struct http_place place;
    struct error e;
    setenv("POLLUX_SERVER", server, 1);
    if (server_from_environment(&place, host, &e) != FAIL_INVALID)
        fail_msg("\"%s\" was not refused", server);
    return e;
}

static void without_a_word_it_is_the_usual_socket(void **state)
{
    (void)state;
    struct http_place place = read_place(NULL);
    assert_string_equal(place.socket_path, "/run/pollux/admin.sock");
    assert_null(place.host);
    place = read_place(""); /* as if it were not set */
    assert_string_equal(place.socket_path, "/run/pollux/admin.sock");
}

static void a_path_is_a_socket(void **state)
{
    (void)state;
    set_files(); /* of no concern */
    const char *const paths[] = {"/run/other.sock", "atl/admin.sock", "x", "https", "https:/x"};
    for (size_t i = 0; i < COUNT_OF(paths); i++) {
        struct http_place place = read_place(paths[i]);
        assert_string_equal(place.socket_path, paths[i]);
        assert_null(place.host);
    }
}

static void a_machine_is_named_with_its_port_or_without(void **state)
{
    (void)state;
    set_files();
    struct http_place place = read_place("https://ATL-cs-001.litwareinc.com");
    assert_null(place.socket_path);
    assert_string_equal(place.host, "atl-cs-001.litwareinc.com");
    assert_int_equal(place.port, 7443);
    assert_null(place.address);
    assert_string_equal(place.certificate_file, "ann.pem");
    assert_string_equal(place.private_key_file, "ann.key");
    assert_string_equal(place.authority_file, "authority.pem");
    setenv("POLLUX_ADDRESS", "192.0.2.7", 1);
    place = read_place("https://red.l.test:65535");
    assert_string_equal(place.host, "red.l.test");
    assert_int_equal(place.port, 65535);
    assert_string_equal(place.address, "192.0.2.7");
}

static void what_names_no_machine_is_refused_with_an_example(void **state)
{
    (void)state;
    const char *const wrong[] = {
        "https://",           "https://:7443",  "https://localhost",    "https://a.b/",
        "https://a.b:",       "https://a.b:0",  "https://a.b:65536",    "https://a.b:7443/",
        "https://a.b:-1",     "https://a.b: 1", "https://a.b:99999999", "https://u@a.b",
        "https://[::1]:7443", "https://a b.c",  "https://a.b:https",    "https://a.b:7443x"};
    set_files();
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        struct error e = refuse(wrong[i]);
        assert_non_null(strstr(e.what, wrong[i]));
        assert_non_null(strstr(e.next, "https://atl-cs-001.litwareinc.com"));
    }
    char long_name[1024] = "https://";
    memset(long_name + 8, 'a', 1000);
    refuse(long_name);
}

static void nothing_but_https_is_spoken_to_machines(void **state)
{
    (void)state;
    set_files();
    const char *const wrong[] = {"http://a.b", "HTTPS://a.b", "ldap://a.b:7443", "://a.b"};
    for (size_t i = 0; i < COUNT_OF(wrong); i++)
        assert_non_null(strstr(refuse(wrong[i]).what, "https only"));
}

static void a_file_that_is_not_named_is_asked_for(void **state)
{
    (void)state;
    for (size_t i = 1; i <= 3; i++) {
        set_files();
        unsetenv(names[i]);
        struct error e = refuse("https://a.b");
        assert_true(bytes_start_with(bytes_of_text(e.what), bytes_of_text(names[i])));
        OWNED(free_memory) char *example = xasprintf("export %s=", names[i]);
        assert_non_null(strstr(e.next, example));
    }
}

#define WITH_NOTHING_SET(test) cmocka_unit_test_setup(test, set_up)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_NOTHING_SET(without_a_word_it_is_the_usual_socket),
        WITH_NOTHING_SET(a_path_is_a_socket),
        WITH_NOTHING_SET(a_machine_is_named_with_its_port_or_without),
        WITH_NOTHING_SET(what_names_no_machine_is_refused_with_an_example),
        WITH_NOTHING_SET(nothing_but_https_is_spoken_to_machines),
        WITH_NOTHING_SET(a_file_that_is_not_named_is_asked_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
