/* Texts on a screen: nothing in them is obeyed, and their columns are those that are seen. */
#include "unit.h"

#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "cmdlet/answer/text.h"

static void what_a_terminal_would_obey_is_a_question_mark(void **state)
{
    (void)state;
    static const struct {
        const char *text, *shown;
    } texts[] = {
        {"Ada", "Ada"},
        {"", ""},
        {"\033[2Jgone", "?[2Jgone"},
        {"a\tb\ac\rd\177", "a b?c?d?"},
        {"one\ntwo\r\nthree", "one\ntwo\nthree"},
        {"\xc2\x9b"
         "2J",
         "?2J"}, /* ESC [ in one character */
        {"abc\xe2\x80\xae"
         "fed",
         "abc?fed"}, /* from here on right to left */
        {"Zoë 東京 😀", "Zoë 東京 😀"},
    };
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        OWNED(free_memory) char *shown = text_harmless(texts[i].text);
        assert_string_equal(shown, texts[i].shown);
    }
}

static void what_is_no_utf_8_is_a_question_mark_for_each_byte(void **state)
{
    (void)state;
    static const struct {
        const char *text, *shown;
    } texts[] = {
        {"\xff\xfe", "??"},
        {"caf\xe9", "caf?"},          /* Latin 1, and the text ends in the middle */
        {"\xc0\xaf", "??"},           /* a longer form than needed */
        {"\xed\xa0\x80", "???"},      /* half of a pair */
        {"\xf4\x90\x80\x80", "????"}, /* beyond the last one */
        {"\xe2\x82 \xe2\x82\xac", "?? €"},
    };
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        OWNED(free_memory) char *shown = text_harmless(texts[i].text);
        assert_string_equal(shown, texts[i].shown);
    }
}

static void newlines_can_be_blanks(void **state)
{
    (void)state;
    OWNED(free_memory) char *shown = text_one_line("one\ntwo\r\nthree");
    assert_string_equal(shown, "one two three");
}

static void columns_are_those_that_are_seen(void **state)
{
    (void)state;
    assert_int_equal(text_columns(""), 0);
    assert_int_equal(text_columns("Zoë"), 3);
    assert_int_equal(text_columns("Zoe\xcc\x88"), 3); /* the dots are a character of their own */
    assert_int_equal(text_columns("東京"), 4);
}

static void a_text_is_cut_to_its_columns(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t columns;
        const char *cut;
    } texts[] = {
        {"Berlin", 6, "Berlin"}, {"Berlin", 5, "Berl…"}, {"Berlin", 1, "…"},   {"Berlin", 0, ""},
        {"東京都", 6, "東京都"}, {"東京都", 5, "東京…"}, {"東京都", 4, "東…"}, /* no half ones */
    };
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        OWNED(free_memory) char *cut = text_cut(texts[i].text, texts[i].columns);
        assert_string_equal(cut, texts[i].cut);
    }
}

static void expect_lines(const char *text, size_t indent, const char *lines)
{
    char *shown = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&shown, &size);
    text_put_lines(out, text, indent);
    fclose(out);
    assert_string_equal(shown, lines);
    free(shown);
}

static void further_lines_are_indented(void **state)
{
    (void)state;
    expect_lines("", 4, "\n");
    expect_lines("one", 4, "one\n");
    expect_lines("one\ntwo\n\nthree", 4, "one\n    two\n\n    three\n");
    expect_lines("one\n", 4, "one\n");
    expect_lines("\none", 0, "\none\n");
}

static void expect_wrapped(const char *text, size_t indent, size_t width, const char *lines)
{
    char *shown = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&shown, &size);
    text_put_wrapped(out, text, indent, width);
    fclose(out);
    assert_string_equal(shown, lines);
    free(shown);
}

static void paragraphs_break_between_words(void **state)
{
    (void)state;
    expect_wrapped("Moves the users of a pool to its backup.", 2, 24,
                   "  Moves the users of a\n"
                   "  pool to its backup.\n");
    expect_wrapped("One.\n\nTwo.", 2, 24, "  One.\n\n  Two.\n");
    expect_wrapped("to /a/path/that/is/long at once", 2, 12,
                   "  to\n"
                   "  /a/path/that/is/long\n"
                   "  at once\n");
    expect_wrapped("For example:\n  Get-CsPool  -Identity north.example.com", 2, 20,
                   "  For example:\n"
                   "    Get-CsPool  -Identity north.example.com\n");
    expect_wrapped("", 2, 20, "");
}

int main(void)
{
    setlocale(LC_ALL, "C.UTF-8");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_a_terminal_would_obey_is_a_question_mark),
        cmocka_unit_test(what_is_no_utf_8_is_a_question_mark_for_each_byte),
        cmocka_unit_test(newlines_can_be_blanks),
        cmocka_unit_test(columns_are_those_that_are_seen),
        cmocka_unit_test(a_text_is_cut_to_its_columns),
        cmocka_unit_test(further_lines_are_indented),
        cmocka_unit_test(paragraphs_break_between_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
