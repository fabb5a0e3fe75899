/* The page that -Report writes: what stands in it is what happened, whatever it contains. How it
 * comes about and where it goes: test/system/test_backup_pool.py. */
#include "unit.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "cmdlet/answer/report.h"
#include "cmdlet/path.h"

DEFINE_OWNED(json_t *, json_decref)

static json_t *facts_with(const char *text)
{
    return json_pack(
        "{s:i, s:s, s:s, s:s, s:{s:s}, s:f, s:[{s:s, s:s, s:f, s:s}], s:[{s:s, s:I}], s:[s], "
        "s:[{s:s, s:s, s:s}], s:[s]}",
        "PolluxReport", 1, "Command", "Backup-CsPool", "Result", "failed", "GivenBy", text,
        "Parameters", "PoolFqdn", text, "Seconds", 1.5, "Steps", "Name", text, "Began", text,
        "Seconds", 0.25, "Result", "failed", "Figures", "Name", text, "Value", (json_int_t)7,
        "Warnings", text, "Errors", "what", text, "kept", text, "next", text, "WhatIf", text);
}

/* The JSON in the page, as whoever looks for it finds it. */
static json_t *facts_in(const char *page)
{
    static const char begin[] = "<script type=\"application/json\" id=\"facts\">";
    const char *at = strstr(page, begin);
    assert_non_null(at);
    at += strlen(begin);
    const char *end = strstr(at, "</script>");
    assert_non_null(end);
    assert_string_equal(end, "</script>\n</body></html>\n"); /* the first is the last */
    json_t *facts = json_loadb(at, (size_t)(end - at), 0, NULL);
    assert_non_null(facts);
    return facts;
}

static void the_facts_stand_in_the_page_as_they_are(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "Zoë & Ada <ada@example.com>",
        "</script><script>alert(1)</script>",
        "<!-- ]]> -->",
        "\" onload='x'",
        "tab\tline\nend",
        "😀",
        "\\u003c",
    };
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        OWNED(json_decref) json_t *facts = facts_with(texts[i]);
        OWNED(free_memory) char *page = report_page(facts);
        OWNED(json_decref) json_t *found = facts_in(page);
        assert_true(json_equal(found, facts));
    }
}

static void nothing_in_a_name_is_markup(void **state)
{
    (void)state;
    OWNED(json_decref) json_t *facts = facts_with("<b onload='x' id=\"y\">&amp;\033[2J");
    OWNED(free_memory) char *page = report_page(facts);
    assert_null(strstr(page, "<b "));
    assert_null(strchr(page, '\033'));
    const char *shown = "&lt;b onload=&#39;x&#39; id=&quot;y&quot;&gt;&amp;amp;?[2J";
    size_t times = 0;
    for (const char *at = page; (at = strstr(at, shown)); at++)
        times++;
    assert_int_equal(times, 11); /* each of them; the pool in the heading and as a parameter */
}

static void it_needs_nothing_from_elsewhere(void **state)
{
    (void)state;
    OWNED(json_decref) json_t *facts = facts_with("x");
    OWNED(free_memory) char *page = report_page(facts);
    static const char *const outside[] = {"src=", "href=", "url(", "@import", "<link", "https:"};
    for (size_t i = 0; i < COUNT_OF(outside); i++)
        assert_null(strstr(page, outside[i]));
    assert_non_null(strstr(page, "default-src 'none'"));
    assert_non_null(strstr(page, "charset=\"utf-8\""));
    assert_non_null(strstr(page, "@media print"));
}

static void what_is_missing_is_left_out(void **state)
{
    (void)state;
    OWNED(json_decref) json_t *none = json_object();
    OWNED(free_memory) char *page = report_page(none);
    assert_null(strstr(page, "<h2>Errors"));
    assert_null(strstr(page, "<h2>Steps"));
    assert_non_null(strstr(page, "failed")); /* nobody said that it was done */
    OWNED(json_decref)
    json_t *wrong = json_pack("{s:i, s:s, s:[i, n, [], s], s:{s:i}, s:[i]}", "Command", 7, "Result",
                              "done", "Errors", 1, "x", "Steps", "Name", 1, "Warnings", 3);
    OWNED(free_memory) char *other = report_page(wrong);
    assert_non_null(strstr(other, "It was done."));
}

static void the_first_line_says_all_that_somebody_in_a_hurry_needs(void **state)
{
    (void)state;
    static const struct {
        const char *facts, *line;
    } lines[] = {
        {"{'Result': 'done', 'Seconds': 1.5}", "\"result done\">It was done. It took 1.500 s.</p>"},
        {"{'Result': 'done', 'Seconds': 0.25, 'Warnings': ['x']}",
         "\"result warned\">It was done. It took 0.250 s. 1 warning stands below.</p>"},
        {"{'Result': 'done', 'Seconds': 0.25, 'Warnings': ['x', 'y']}",
         "\"result warned\">It was done. It took 0.250 s. 2 warnings stand below.</p>"},
        {"{'Result': 'done', 'Seconds': 0.25, 'Parameters': {'WhatIf': true}}",
         "\"result done\">Nothing was done: this says what would be done.</p>"},
        {"{'Result': 'failed', 'Seconds': 0.25, 'Warnings': ['x']}",
         "\"result failed\">It failed. What went wrong stands below.</p>"},
    };
    for (size_t i = 0; i < COUNT_OF(lines); i++) {
        OWNED(free_memory) char *text = xasprintf("%s", lines[i].facts);
        for (char *at = text; *at; at++)
            *at = *at == '\'' ? '"' : *at;
        OWNED(json_decref) json_t *facts = json_loads(text, 0, NULL);
        OWNED(free_memory) char *page = report_page(facts);
        assert_non_null(strstr(page, lines[i].line));
    }
}

static void a_page_is_known_by_its_beginning(void **state)
{
    (void)state;
    OWNED(json_decref) json_t *facts = facts_with("x");
    OWNED(free_memory) char *page = report_page(facts);
    assert_true(report_is_page(bytes_of_text(page)));
    assert_true(report_is_page(bytes_of(page, REPORT_MARK_BYTES)));
    assert_false(report_is_page(bytes_of_text("<!DOCTYPE html><html><head></head></html>")));
    assert_false(report_is_page(BYTES_NONE));
}

static void a_path_from_elsewhere_becomes_the_name_of_its_file(void **state)
{
    (void)state;
    static const struct {
        const char *path, *name;
    } paths[] = {
        {"C:\\Logs\\x.html", "x.html"},
        {"c:x.html", "x.html"},
        {"D:/Logs/x.html", "x.html"},
        {"\\\\server\\share\\x", "x"},
        {"C:\\Logs\\", ""},
        {"/var/log/x.html", NULL},
        {"x.html", NULL},
        {"../Logs/back\\slash", NULL},
        {"", NULL},
        {"1:x", NULL},
    };
    for (size_t i = 0; i < COUNT_OF(paths); i++) {
        const char *name = path_from_elsewhere(paths[i].path);
        assert_int_equal(name == NULL, paths[i].name == NULL);
        if (name)
            assert_string_equal(name, paths[i].name);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_facts_stand_in_the_page_as_they_are),
        cmocka_unit_test(nothing_in_a_name_is_markup),
        cmocka_unit_test(it_needs_nothing_from_elsewhere),
        cmocka_unit_test(what_is_missing_is_left_out),
        cmocka_unit_test(the_first_line_says_all_that_somebody_in_a_hurry_needs),
        cmocka_unit_test(a_page_is_known_by_its_beginning),
        cmocka_unit_test(a_path_from_elsewhere_becomes_the_name_of_its_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
