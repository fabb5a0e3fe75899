#include "cmdlet/language/reader.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmdlet/language/syntax.h"

enum {
    EXCERPT_LETTERS = 32, /* enough to find the place, short enough to be read */
    EXCERPT_SIZE = EXCERPT_LETTERS * 4 + 32,
    SENTENCE_SIZE = ERROR_TEXT_MAX - EXCERPT_SIZE - 64,
};

/* --- what went wrong --- */

unsigned place_column(struct place p)
{
    return (unsigned)(p.at - p.line_start) + 1;
}

/* What stands there, up to the end of the line; in quotes that it rarely has itself. */
static const char *excerpt(struct place p, char text[EXCERPT_SIZE])
{
    if (*p.at == 0 || *p.at == '\n')
        return *p.at ? "at the end of the line" : "at the end";
    struct buffer b = {0};
    size_t n = 0;
    for (; n < EXCERPT_LETTERS && p.at[n] && p.at[n] != '\n'; n++)
        letter_write(&b, p.at[n] == '\t' ? ' ' : p.at[n]);
    bool cut = n == EXCERPT_LETTERS && p.at[n] && p.at[n] != '\n';
    snprintf(text, EXCERPT_SIZE, "at “%.*s%s”", (int)b.size, (const char *)b.at, cut ? "…" : "");
    buffer_free(&b);
    return text;
}

static void set_error(struct reader *r, struct place p, const char *next, const char *what,
                      va_list args)
{
    char near[EXCERPT_SIZE], sentence[SENTENCE_SIZE];
    vsnprintf(sentence, sizeof sentence, what, args);
    r->failed = true;
    if (r->discreet)
        fail(&r->error, FAIL_INVALID, "%s", sentence);
    else
        fail(&r->error, FAIL_INVALID, "Line %u, column %u, %s: %s", p.line, place_column(p),
             excerpt(p, near), sentence);
    error_kept(&r->error, "Nothing was done.");
    error_next(&r->error, "%s", next);
}

void reader_fail(struct reader *r, struct place p, const char *next, const char *what, ...)
{
    if (r->failed)
        return;
    va_list args;
    va_start(args, what);
    set_error(r, p, next, what, args);
    va_end(args);
}

void reader_fail_open(struct reader *r, struct place p, const char *next, const char *what, ...)
{
    if (r->failed)
        return;
    va_list args;
    va_start(args, what);
    set_error(r, p, next, what, args);
    va_end(args);
    r->unfinished = true;
}

void reader_fail_limit(struct reader *r, struct place p, const char *of_what, int limit)
{
    reader_fail(r, p, "Split it into smaller ones.", "There are more than %d %s.", limit, of_what);
}

/* --- the text as a whole --- */

static bool refuse_text(struct reader *r, const char *next, const char *what)
{
    r->failed = true;
    fail(&r->error, FAIL_INVALID, "%s", what);
    error_kept(&r->error, "Nothing was done.");
    error_next(&r->error, "%s", next);
    return false;
}

static bool refuse_byte(struct reader *r, unsigned line, unsigned column, unsigned byte,
                        const char *why, const char *next)
{
    char what[128];
    snprintf(what, sizeof what, "Line %u, column %u, at the byte 0x%02x: %s", line, column, byte,
             why);
    return refuse_text(r, next, what);
}

/* CR LF is one end of a line, CR alone is one as well. */
static size_t end_of_line(struct bytes text, uint32_t *letter)
{
    bool both = *letter == '\r' && text.size > 1 && text.at[1] == '\n';
    *letter = '\n';
    return both ? 1 : 0;
}

static bool decode(struct reader *r, struct bytes text)
{
    unsigned line = 1, column = 1;
    uint32_t *out = r->letters;
    for (size_t size; text.size; text = bytes_of(text.at + size, text.size - size), column++) {
        size = letter_read(text, out);
        if (!size)
            return refuse_byte(r, line, column, text.at[0], "this is not UTF-8.",
                               "Save the text as UTF-8, and type that letter anew.");
        enum letter_kind kind = letter_kind(*out);
        if (kind == LETTER_CONTROL)
            return refuse_byte(r, line, column, text.at[0], "this is a control character.",
                               "Take it out: most editors don't show it.");
        if (kind == LETTER_LINE_END) {
            size += end_of_line(text, out);
            line++;
            column = 0;
        }
        out++;
    }
    *out = 0;
    return true;
}

bool reader_open(struct reader *r, struct bytes text)
{
    *r = (struct reader){0};
    if (text.size > SCRIPT_BYTES_MAX)
        return refuse_text(r, "Split it into smaller ones.", "The text is longer than 1 MiB.");
    if (bytes_start_with(text, bytes_of("\xff\xfe", 2)) ||
        bytes_start_with(text, bytes_of("\xfe\xff", 2)))
        return refuse_text(r, "Save it as UTF-8.", "Line 1, column 1: the text is UTF-16.");
    if (bytes_start_with(text, bytes_of("\xef\xbb\xbf", 3)))
        text = bytes_of(text.at + 3, text.size - 3);
    r->letters = xmalloc((text.size + 1) * sizeof *r->letters);
    r->place = (struct place){.at = r->letters, .line_start = r->letters, .line = 1};
    return decode(r, text);
}

void reader_close(struct reader *r)
{
    free(r->letters);
    r->letters = NULL;
}

/* --- letter by letter --- */

uint32_t reader_raw(const struct reader *r)
{
    return *r->place.at;
}

uint32_t reader_peek(struct reader *r)
{
    while (letter_kind(*r->place.at) == LETTER_INVISIBLE)
        r->place.at++;
    return *r->place.at;
}

uint32_t reader_next(struct reader *r)
{
    uint32_t letter = *r->place.at;
    if (letter)
        r->place.at++;
    if (letter == '\n') {
        r->place.line++;
        r->place.line_start = r->place.at;
    }
    return letter;
}

bool reader_take(struct reader *r, uint32_t letter)
{
    if (reader_peek(r) != letter)
        return false;
    reader_next(r);
    return true;
}

bool reader_at(struct reader *r, const char *ascii)
{
    reader_peek(r);
    for (size_t i = 0; ascii[i]; i++) {
        if (r->place.at[i] != (unsigned char)ascii[i])
            return false;
    }
    return true;
}

uint32_t reader_ahead(const struct reader *r, size_t n)
{
    const uint32_t *at = r->place.at;
    while (n-- > 0 && *at)
        at++;
    return *at;
}

/* --- between words --- */

static void skip_comment(struct reader *r)
{
    struct place start = r->place;
    reader_next(r);
    while (reader_raw(r) && !reader_at(r, "#>"))
        reader_next(r);
    if (!reader_take(r, '#'))
        reader_fail_open(r, start, "Close it with #>.", "This comment is not closed.");
    reader_next(r);
}

/* Blanks behind the backtick are forgiven: nobody can see them. */
bool reader_at_continuation(const struct reader *r)
{
    const uint32_t *at = r->place.at;
    if (*at++ != '`')
        return false;
    while (letter_kind(*at) == LETTER_BLANK || letter_kind(*at) == LETTER_INVISIBLE)
        at++;
    return *at == '\n' || *at == 0;
}

static void skip_continuation(struct reader *r)
{
    struct place start = r->place;
    while (reader_raw(r) && reader_next(r) != '\n')
        continue;
    if (!reader_raw(r))
        reader_fail_open(r, start, "Type the rest of the command, or leave the backtick out.",
                         "The line goes on behind this backtick, but there is no further one.");
}

static void skip(struct reader *r, bool lines)
{
    for (;;) {
        uint32_t c = reader_peek(r);
        if (letter_kind(c) == LETTER_BLANK || (c == '\n' && lines)) {
            reader_next(r);
        } else if (c == '#') {
            while (reader_raw(r) && reader_raw(r) != '\n')
                reader_next(r);
        } else if (reader_at(r, "<#")) {
            skip_comment(r);
        } else if (reader_at_continuation(r)) {
            skip_continuation(r);
        } else {
            return;
        }
    }
}

void reader_skip_blanks(struct reader *r)
{
    skip(r, r->innermost.free_lines);
}

void reader_skip_lines(struct reader *r)
{
    skip(r, true);
}

/* --- brackets --- */

struct opening reader_open_bracket(struct reader *r, unsigned size, bool free_lines)
{
    struct opening outer = r->innermost;
    if (++r->depth > NESTING_MAX)
        reader_fail_limit(r, r->place, "brackets within brackets", NESTING_MAX);
    r->innermost = (struct opening){.place = r->place, .open = true, .free_lines = free_lines};
    while (size-- > 0)
        reader_next(r);
    return outer;
}

bool reader_close_bracket(struct reader *r, struct opening outer, uint32_t sign)
{
    char next[64];
    snprintf(next, sizeof next, "Close it with %c.", (char)sign);
    if (!r->failed && !reader_take(r, sign)) {
        if (reader_raw(r))
            reader_fail(r, r->place, next,
                        "This does not belong into the bracket that line %u, column %u opened.",
                        r->innermost.place.line, place_column(r->innermost.place));
        else
            reader_fail_open(r, r->innermost.place, next, "This bracket is not closed.");
    }
    r->depth--;
    r->innermost = outer;
    return !r->failed;
}
