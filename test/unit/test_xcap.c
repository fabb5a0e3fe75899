/* Documents: their paths, their versions, and what may be in them. */
#include "unit.h"

#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "base/utf8.h"
#include "user/xml.h"
#include "web/etag.h"
#include "web/xcap_path.h"

static void a_path_names_application_user_and_document(void **state)
{
    (void)state;
    struct xcap_path p;
    struct error e;
    assert_int_equal(xcap_path_read("resource-lists/users/sip:ken@l.com/index", &p, &e), OK);
    assert_string_equal(p.application->auid, "resource-lists");
    assert_string_equal(p.application->type, "application/resource-lists+xml");
    assert_string_equal(p.user, "sip:ken@l.com");
    assert_string_equal(p.name, "index");
    assert_int_equal(xcap_path_read("pres-rules/users/ken@l.com/größe 1.xml", &p, &e), OK);
    assert_string_equal(p.application->type, "application/auth-policy+xml");
    assert_int_equal(xcap_path_read("rls-services/users/k/...", &p, &e), OK);
    assert_string_equal(p.application->type, "application/rls-services+xml");
}

static void what_is_no_path_is_not_found(void **state)
{
    (void)state;
    static const char *const wrong[] = {"",
                                        "/",
                                        "resource-lists",
                                        "resource-lists/",
                                        "resource-lists/users",
                                        "resource-lists/users/",
                                        "resource-lists/users/k",
                                        "resource-lists/users/k/",
                                        "resource-lists/global/index",
                                        "resource-lists/Users/k/index",
                                        "Resource-lists/users/k/i",
                                        "resource-list/users/k/index",
                                        "resource-lists//users/k/index",
                                        "resource-lists/users//index",
                                        "resource-lists/users/k/a/b",
                                        "resource-lists/users/k/i/",
                                        "resource-lists/users/k/.",
                                        "resource-lists/users/k/..",
                                        "resource-lists/users/k/a\nb",
                                        "resource-lists/users/k/a\x7f",
                                        "resource-lists/users/k/a\\b",
                                        "resource-lists/users/k/\xff",
                                        "resource-lists/users/k/\xc0\xaf",
                                        "resource-lists/users/k/~~",
                                        "../resource-lists/users/k/i",
                                        "resource-lists/users/k/../i"};
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        struct xcap_path p;
        struct error e = {0};
        if (xcap_path_read(wrong[i], &p, &e) != FAIL_NOT_FOUND)
            fail_msg("this was taken: %s", wrong[i]);
        assert_true(e.what[0] && e.kept[0] && e.next[0]);
    }
}

static void names_have_a_limit_and_parts_cant_be_asked_for(void **state)
{
    (void)state;
    struct xcap_path p;
    struct error e;
    char text[1024] = "resource-lists/users/k/";
    size_t start = strlen(text);
    memset(text + start, 'x', DOCUMENT_NAME_MAX);
    text[start + DOCUMENT_NAME_MAX] = '\0';
    assert_int_equal(xcap_path_read(text, &p, &e), OK);
    strcat(text, "x");
    assert_int_equal(xcap_path_read(text, &p, &e), FAIL_NOT_FOUND);
    assert_int_equal(xcap_path_read("resource-lists/users/k/i/~~/resource-lists", &p, &e),
                     FAIL_INVALID);
    assert_int_equal(xcap_path_read("resource-lists/users/k/i/~~", &p, &e), FAIL_INVALID);
}

/* --- conditions --- */

static const struct version version = {.term = 2, .usn = 17};
#define TAG "\"2-17\""

static void an_etag_is_the_version(void **state)
{
    (void)state;
    char text[ETAG_SIZE];
    assert_string_equal(etag_text(version, text), TAG);
    etag_text((struct version){UINT64_MAX, UINT64_MAX}, text);
    assert_int_equal(strlen(text), 43);
}

static void conditions_are_judged_as_the_standard_has_them(void **state)
{
    (void)state;
    static const struct {
        const char *match, *none;
        bool exists, reads;
        enum etag_verdict verdict;
    } cases[] = {
        {NULL, NULL, true, true, ETAG_GO_ON},
        {NULL, NULL, false, false, ETAG_GO_ON},
        {TAG, NULL, true, false, ETAG_GO_ON},
        {"\"2-16\"", NULL, true, false, ETAG_FAILED},
        {"\"x\", " TAG, NULL, true, false, ETAG_GO_ON},
        {"\"a,b\" ,," TAG, NULL, true, false, ETAG_GO_ON},
        {"W/" TAG, NULL, true, false, ETAG_FAILED}, /* weak is not enough */
        {TAG, NULL, false, false, ETAG_FAILED},
        {"*", NULL, true, false, ETAG_GO_ON},
        {"*", NULL, false, false, ETAG_FAILED},
        {"", NULL, true, false, ETAG_FAILED},
        {"2-17", NULL, true, false, ETAG_UNREADABLE},
        {"\"2-17", NULL, true, false, ETAG_UNREADABLE},
        {TAG ", 2-17", NULL, true, false, ETAG_UNREADABLE},
        {NULL, "2-17", true, false, ETAG_UNREADABLE}, /* what may not be overwritten? */
        {NULL, "*, x", false, false, ETAG_UNREADABLE},
        {NULL, "2-17", true, true, ETAG_GO_ON}, /* reading does no harm */
        {NULL, "\"x\", " TAG " ,", true, false, ETAG_FAILED},
        {NULL, "*", true, false, ETAG_FAILED},
        {NULL, "*", false, false, ETAG_GO_ON},
        {NULL, "*", true, true, ETAG_NOT_MODIFIED},
        {NULL, TAG, true, true, ETAG_NOT_MODIFIED},
        {NULL, "W/" TAG, true, true, ETAG_NOT_MODIFIED},
        {NULL, TAG, true, false, ETAG_FAILED},
        {NULL, "\"2-16\"", true, true, ETAG_GO_ON},
        {NULL, TAG, false, true, ETAG_GO_ON},
        {TAG, TAG, true, true, ETAG_NOT_MODIFIED},
        {"\"1-1\"", TAG, true, true, ETAG_FAILED},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        if (etag_judge(cases[i].match, cases[i].none, cases[i].exists ? &version : NULL,
                       cases[i].reads) != cases[i].verdict)
            fail_msg("case %zu", i);
    }
}

/* --- XML --- */

static enum xml_verdict check(const char *text, const char *phrase_has)
{
    char phrase[XML_PHRASE_SIZE];
    enum xml_verdict verdict = xml_check(bytes_of_text(text), phrase);
    if (!strstr(phrase, phrase_has) || (verdict == XML_GOOD) != (phrase[0] == '\0'))
        fail_msg("%s: %s", text, phrase);
    return verdict;
}

static void xml_is_well_formed_or_the_line_is_told(void **state)
{
    (void)state;
    assert_int_equal(check("<a/>", ""), XML_GOOD);
    assert_int_equal(check("<?xml version='1.0' encoding='UTF-8'?>\n<a xmlns='urn:x'><b c='&lt;'>"
                           "größe &#169;</b><!-- --></a>\n",
                           ""),
                     XML_GOOD);
    assert_int_equal(check("", "Line 1"), XML_NOT_WELL_FORMED);
    assert_int_equal(check("<a>\n<b>\n</a>", "Line 3: mismatched tag"), XML_NOT_WELL_FORMED);
    assert_int_equal(check("<a/><b/>", "Line 1"), XML_NOT_WELL_FORMED);
    assert_int_equal(check("<a b='1' b='2'/>", "duplicate"), XML_NOT_WELL_FORMED);
    assert_int_equal(check("<x:a/>", "unbound prefix"), XML_NOT_WELL_FORMED);
    assert_int_equal(check("<a>&undefined;</a>", "Line 1"), XML_NOT_WELL_FORMED);
    assert_int_equal(check("<a>\xff</a>", "UTF-8"), XML_NOT_UTF8);
    assert_int_equal(check("<a>\xed\xa0\x80</a>", "UTF-8"), XML_NOT_UTF8);
}

static void what_could_hurt_a_reader_is_refused(void **state)
{
    (void)state;
    assert_int_equal(check("<!DOCTYPE a [<!ENTITY x 'y'>]><a>&x;</a>", "document type"),
                     XML_NOT_WELL_FORMED);
    assert_int_equal(check("<!DOCTYPE a SYSTEM 'file:///etc/passwd'><a/>", "document type"),
                     XML_NOT_WELL_FORMED);
    OWNED(buffer_free) struct buffer deep = {0};
    for (int i = 0; i <= XML_DEPTH_MAX; i++)
        buffer_printf(&deep, "<a>");
    OWNED(free_memory) char *text = buffer_take_text(&deep);
    assert_int_equal(check(text, "too deep"), XML_NOT_WELL_FORMED);
}

static void utf8_has_one_form(void **state)
{
    (void)state;
    static const char *const good[] = {"", "a", "ä", "€", "\xf0\x9f\x98\x80", "\xf4\x8f\xbf\xbf"};
    static const char *const bad[] = {"\x80",
                                      "\xc0\x80",
                                      "\xc3",
                                      "\xc3(",
                                      "\xe0\x80\xaf",
                                      "\xed\xbf\xbf",
                                      "\xf4\x90\x80\x80",
                                      "\xf8\x88\x80\x80\x80"};
    for (size_t i = 0; i < COUNT_OF(good); i++)
        assert_true(utf8_valid(good[i], strlen(good[i])));
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        assert_false(utf8_valid(bad[i], strlen(bad[i])));
    assert_false(utf8_valid("a\0b", 3));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_path_names_application_user_and_document),
        cmocka_unit_test(what_is_no_path_is_not_found),
        cmocka_unit_test(names_have_a_limit_and_parts_cant_be_asked_for),
        cmocka_unit_test(an_etag_is_the_version),
        cmocka_unit_test(conditions_are_judged_as_the_standard_has_them),
        cmocka_unit_test(xml_is_well_formed_or_the_line_is_told),
        cmocka_unit_test(what_could_hurt_a_reader_is_refused),
        cmocka_unit_test(utf8_has_one_form),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
