/* Heads of requests: what is said in them, and which are refused. */
#include "unit.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "http/head.h"

static void a_header_in_several_lines_is_one_list(void **state)
{
    (void)state;
    struct head_pairs headers = {0};
    head_add_header(&headers, "If-None-Match", " \"1-1\" ");
    head_add_header(&headers, "Accept", "a");
    head_add_header(&headers, "if-none-match", "\"1-2\"\t");
    assert_int_equal(headers.count, 2);
    assert_string_equal(head_header(&headers, "IF-NONE-MATCH"), "\"1-1\", \"1-2\"");
    assert_null(head_header(&headers, "If-Match"));
    head_free(&headers);
}

static void blanks_around_a_value_are_none_of_it(void **state)
{
    (void)state;
    static const char *const values[][2] = {
        {"* ", "*"}, {"\t*\t ", "*"}, {"", ""}, {" \t ", ""}, {"a b", "a b"}};
    for (size_t i = 0; i < COUNT_OF(values); i++) {
        struct head_pairs headers = {0};
        head_add_header(&headers, "X", values[i][0]);
        assert_string_equal(head_header(&headers, "x"), values[i][1]);
        head_free(&headers);
    }
}

static void of_a_parameter_the_first_counts(void **state)
{
    (void)state;
    struct head_pairs query = {0};
    head_add(&query, "size", "1 ");
    head_add(&query, "size", "2");
    assert_string_equal(head_parameter(&query, "size"), "1 ");
    assert_null(head_parameter(&query, "Size"));
    head_free(&query);
}

static void a_target_may_name_the_host(void **state)
{
    (void)state;
    assert_string_equal(head_origin_form("/v1/x?a"), "/v1/x?a");
    assert_string_equal(head_origin_form("https://h:1/v1/x"), "/v1/x");
    assert_string_equal(head_origin_form("HTTP://h/"), "/");
    assert_string_equal(head_origin_form("https://h"), "");
    assert_string_equal(head_origin_form("*"), "*");
}

static unsigned refusal(const char *lines, const char *version, const char *target)
{
    OWNED(free_memory) char *copy = xstrdup(lines);
    struct head_pairs headers = {0};
    struct error e = {0};
    char *rest = copy, *line;
    while ((line = strsep(&rest, "\n"))) {
        char *value = strchr(line, ':');
        if (value) {
            *value++ = '\0';
            head_add_header(&headers, line, value);
        }
    }
    unsigned status = head_refusal(&headers, version, target, &e);
    assert_int_equal(status != 0, e.kind == FAIL_INVALID && e.what[0] && e.next[0]);
    head_free(&headers);
    return status;
}

static void what_has_no_meaning_or_two_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *lines;
        unsigned status;
    } cases[] = {
        {"Host: x", 0},
        {"Host: x\nContent-Length: 5", 0},
        {"Host: x\nTransfer-Encoding: Chunked ", 0},
        {"Host: x\nContent-Encoding: identity", 0},
        {"Host: x\nAccept: a\nAccept: b\nCookie: a\nCookie: b", 0},
        {"Accept: a", 400},
        {"Host: x\nHost: x", 400},
        {"Host: x\nContent-Length: 5\nContent-Length: 5", 400},
        {"Host: x\nContent-Length: 5, 5", 400},
        {"Host: x\nContent-Length: +5", 400},
        {"Host: x\nContent-Length:", 400},
        {"Host: x\nContent-Length: 5\nTransfer-Encoding: chunked", 400},
        {"Host: x\nTransfer-Encoding: gzip, chunked", 501},
        {"Host: x\nTransfer-Encoding: chunked\nTransfer-Encoding: chunked", 400},
        {"Host: x\nTransfer-Encoding:", 501},
        {"Host: x\nContent-Length : 5", 400},
        {"Host: x\n\tX: 5", 400},
        {"Host: x\nContent-Range: bytes 5-9/10", 400},
        {"Host: x\nContent-Encoding: gzip", 415},
        {"Host: x\nAuthorization: Basic a\nAuthorization: Basic b", 400},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        unsigned status = refusal(cases[i].lines, "HTTP/1.1", "/");
        if (status != cases[i].status)
            fail_msg("%s: %u", cases[i].lines, status);
    }
    assert_int_equal(refusal("Accept: a", "HTTP/1.0", "/"), 0); /* which knows no Host */
}

static void a_target_has_a_limit(void **state)
{
    (void)state;
    OWNED(free_memory) char *target = xcalloc(1, HTTP_TARGET_MAX + 2);
    memset(target, '/', HTTP_TARGET_MAX);
    assert_int_equal(refusal("Host: x", "HTTP/1.1", target), 0);
    target[HTTP_TARGET_MAX] = '/';
    assert_int_equal(refusal("Host: x", "HTTP/1.1", target), 414);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_header_in_several_lines_is_one_list),
        cmocka_unit_test(blanks_around_a_value_are_none_of_it),
        cmocka_unit_test(of_a_parameter_the_first_counts),
        cmocka_unit_test(a_target_may_name_the_host),
        cmocka_unit_test(what_has_no_meaning_or_two_is_refused),
        cmocka_unit_test(a_target_has_a_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
