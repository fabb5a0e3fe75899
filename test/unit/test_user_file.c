/* Users' data as lines of a file: what is written is read again as it was, and what no service
 * would keep is no line. */
#include <stdlib.h>
#include <string.h>

#include "unit.h"

#include "admin/user_file.h"
#include "cmdlet/shell/data_file.h"

DEFINE_OWNED(json_t *, json_decref)

static const char domain[] = "litwareinc.com", ken[] = "kenmyer@litwareinc.com";

static json_t *written(const char *rest, const char *value, bool *derived)
{
    return user_file_line(ken, bytes_of_text(rest), bytes_of_text(value), derived);
}

static void what_is_written_is_read_as_it_was(void **state)
{
    (void)state;
    static const struct {
        const char *rest, *value, *kind, *name;
    } items[] = {
        {"presence", "{\"availability\":\"Busy\",\"time\":\"2026-11-21T09:00:00.000Z\"}",
         "presence", ""},
        {"settings", "{\"b\":1e300,\"a\":[null,\"\\u0001ü\"]}", "settings", ""},
        {"xcap/pres-rules/my rules", "<a>\r\n\"&lt;\"</a>", "xcap", "pres-rules/my rules"},
    };
    for (size_t i = 0; i < COUNT_OF(items); i++) {
        bool derived;
        char address[SIP_ADDRESS_SIZE];
        struct user_entry entry;
        struct error e;
        OWNED(json_decref) json_t *line = written(items[i].rest, items[i].value, &derived);
        assert_non_null(line);
        assert_int_equal(user_file_read(line, domain, address, &entry, &e), OK);
        assert_string_equal(address, ken);
        assert_string_equal(entry.kind, items[i].kind);
        assert_string_equal(entry.name, items[i].name);
        if (strcmp(entry.kind, "settings") != 0) /* 1e300 has another spelling; once */
            assert_string_equal(entry.text, items[i].value);
        OWNED(json_decref) json_t *again = written(items[i].rest, entry.text, &derived);
        assert_true(json_equal(line, again));
        user_entry_free(&entry);
    }
}

static void a_conference_travels_without_what_means_nothing_elsewhere(void **state)
{
    (void)state;
    static const char value[] =
        "{\"id\":\"00000000000000000000000000000001\",\"organiser\":\"sip:x\","
        "\"subject\":\"s\",\"participants\":[\"sip:kim\"],\"ids\":[\"1\"]}";
    bool derived;
    OWNED(json_decref) json_t *kept = json_loads(value, 0, NULL);
    OWNED(json_decref)
    json_t *line = written("conference/00000000000000000000000000000001", value, &derived);
    json_t *given = json_object_get(line, "conference");
    assert_non_null(given);
    assert_null(json_object_get(given, "ids"));
    assert_null(json_object_get(given, "organiser"));
    assert_true(user_file_same_conference(given, kept));
    json_object_set_new(kept, "subject", json_string("another"));
    assert_false(user_file_same_conference(given, kept));
}

static void what_follows_from_other_items_is_not_written_and_what_is_unknown_is_told(void **state)
{
    (void)state;
    bool derived;
    assert_null(written("usage", "{}", &derived));
    assert_true(derived);
    assert_null(written("invited/1", "x", &derived));
    assert_true(derived);
    assert_null(written("history/1", "{}", &derived)); /* nobody can do it again */
    assert_true(derived);
    assert_null(written("avatar", "{}", &derived));
    assert_false(derived);
    assert_null(written("settings", "nonsense", &derived));
    assert_false(derived);
}

static void what_no_service_would_keep_is_no_line(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        bool known; /* whose it is */
    } wrong[] = {
        {"{}", false},
        {"{\"user\":1,\"settings\":{}}", false},
        {"{\"user\":\"sip:a@elsewhere.example\",\"settings\":{}}", false},
        {"{\"user\":\"kenmyer\"}", true},
        {"{\"user\":\"kenmyer\",\"settings\":[]}", true},
        {"{\"user\":\"kenmyer\",\"settings\":{},\"presence\":{}}", true},
        {"{\"user\":\"kenmyer\",\"presence\":{\"availability\":\"Busy\"}}", true},
        {"{\"user\":\"kenmyer\",\"presence\":{\"availability\":\"Busy\",\"time\":\"now\"}}", true},
        {"{\"user\":\"kenmyer\",\"document\":\"index\",\"text\":\"<a/>\"}", true},
        {"{\"user\":\"kenmyer\",\"document\":\"pres-rules/a/b\",\"text\":\"<a/>\"}", true},
        {"{\"user\":\"kenmyer\",\"document\":\"pres-rules/a\",\"text\":\"<a>\"}", true},
        {"{\"user\":\"kenmyer\",\"document\":\"pres-rules/a\",\"text\":1}", true},
        {"{\"user\":\"kenmyer\",\"conference\":{\"id\":\"../x\"}}", true},
        {"{\"user\":\"kenmyer\",\"usage\":{}}", true},
    };
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        char address[SIP_ADDRESS_SIZE];
        struct user_entry entry;
        struct error e = {0};
        OWNED(json_decref) json_t *line = json_loads(wrong[i].line, 0, NULL);
        assert_non_null(line);
        if (user_file_read(line, domain, address, &entry, &e) == OK)
            fail_msg("%s", wrong[i].line);
        assert_true(e.what[0]);
        assert_int_equal(address[0] != '\0', wrong[i].known);
        user_entry_free(&entry);
    }
}

static void a_drive_is_the_current_folder(void **state)
{
    (void)state;
    static const struct {
        const char *typed, *meant;
        bool moved;
    } paths[] = {{"C:\\Logs\\x.json", "x.json", true},
                 {"d:x.zst", "x.zst", true},
                 {"C:/a/b.json", "b.json", true},
                 {"/srv/x.json", "/srv/x.json", false},
                 {"a:b/c", "c", true},
                 {"x.json", "x.json", false}};
    for (size_t i = 0; i < COUNT_OF(paths); i++) {
        bool moved;
        OWNED(free_memory) char *meant = data_file_path(paths[i].typed, &moved);
        assert_string_equal(meant, paths[i].meant);
        assert_int_equal(moved, paths[i].moved);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read_as_it_was),
        cmocka_unit_test(a_conference_travels_without_what_means_nothing_elsewhere),
        cmocka_unit_test(what_follows_from_other_items_is_not_written_and_what_is_unknown_is_told),
        cmocka_unit_test(what_no_service_would_keep_is_no_line),
        cmocka_unit_test(a_drive_is_the_current_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
