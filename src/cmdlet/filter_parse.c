/* Reading a filter: from its text to the tree of filter_tree.h. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/nearest.h"
#include "cmdlet/filter_tree.h"
#include "cmdlet/language/reader.h"

enum { OPERATOR_SIZE = 16 };

static const char example[] = "For example: {DisplayName -like \"Ken*\" -and Enabled -eq $true}";
static const char operators_known[] = "There are -eq, -ne, -like, -notlike, -gt, -ge, -lt and -le.";

static const char *const operators[COMPARISONS] = {
    [COMPARE_EQ] = "eq",           [COMPARE_NE] = "ne", [COMPARE_LIKE] = "like",
    [COMPARE_NOTLIKE] = "notlike", [COMPARE_GT] = "gt", [COMPARE_GE] = "ge",
    [COMPARE_LT] = "lt",           [COMPARE_LE] = "le",
};

struct parser {
    struct reader r;
    unsigned comparisons;
};

static struct filter *parse_or(struct parser *p);

static struct filter *comparison(const char *property, enum comparison which, json_t *value)
{
    struct filter *filter = xcalloc(1, sizeof *filter);
    *filter = (struct filter){.kind = FILTER_COMPARISON,
                              .property = xstrdup(property),
                              .comparison = which,
                              .value = value};
    return filter;
}

static struct filter *join(enum filter_kind kind, struct filter *left, struct filter *right)
{
    struct filter *filter = xcalloc(1, sizeof *filter);
    *filter = (struct filter){.kind = kind, .left = left, .right = right};
    return filter;
}

/* --- words --- */

static bool is_dash(uint32_t letter)
{
    return letter_kind(letter) == LETTER_DASH;
}

static bool is_name_letter(uint32_t letter)
{
    enum letter_kind kind = letter_kind(letter);
    return kind == LETTER_LATIN || kind == LETTER_DIGIT || letter == '_';
}

static bool is_blank(uint32_t letter)
{
    enum letter_kind kind = letter_kind(letter);
    return kind == LETTER_BLANK || kind == LETTER_LINE_END;
}

/* "$_." and "$PSItem." say what every comparison here is about anyway. */
static void skip_this_object(struct reader *r)
{
    static const char *const spellings[] = {"$_.", "$PSItem.", "$psitem."};
    for (size_t i = 0; i < COUNT_OF(spellings); i++) {
        if (reader_at(r, spellings[i])) {
            for (size_t n = strlen(spellings[i]); n > 0; n--)
                reader_next(r);
            return;
        }
    }
}

/* Owned by the caller; NULL after an error. */
static char *read_property(struct reader *r)
{
    OWNED(buffer_free) struct buffer name = {0};
    reader_skip_lines(r);
    skip_this_object(r);
    struct place start = r->place;
    while (is_name_letter(reader_peek(r)) && name.size < FILTER_PROPERTY_LETTERS_MAX)
        buffer_u8(&name, (uint8_t)reader_next(r));
    if (!name.size)
        reader_fail(r, start, example, "A property's name is expected.");
    else if (is_name_letter(reader_peek(r)))
        reader_fail_limit(r, start, "letters in a property's name", FILTER_PROPERTY_LETTERS_MAX);
    return r->failed ? NULL : buffer_take_text(&name);
}

/* "-eq" without its dash, in lower case; empty if there is none. Goes on behind it. */
static void read_operator(struct reader *r, char word[OPERATOR_SIZE])
{
    size_t n = 0;
    if (is_dash(reader_peek(r)) && letter_kind(reader_ahead(r, 1)) == LETTER_LATIN) {
        reader_next(r);
        while (letter_kind(reader_peek(r)) == LETTER_LATIN && n < OPERATOR_SIZE - 1)
            word[n++] = (char)(reader_next(r) | 0x20);
    }
    word[n] = '\0';
}

static enum comparison read_comparison(struct reader *r)
{
    char word[OPERATOR_SIZE];
    reader_skip_lines(r);
    struct place start = r->place;
    read_operator(r, word);
    for (size_t i = 0; i < COMPARISONS; i++) {
        if (strcmp(word, operators[i]) == 0)
            return (enum comparison)i;
    }
    const char *nearest = nearest_word(word, operators, COMPARISONS);
    if (!word[0])
        reader_fail(r, start, example, "A comparison is expected, as -eq. %s", operators_known);
    else if (nearest)
        reader_fail(r, start, operators_known, "There is no -%s. Was -%s meant?", word, nearest);
    else
        reader_fail(r, start, operators_known, "There is no -%s.", word);
    return COMPARISONS;
}

/* --- values --- */

static void put(struct reader *r, struct buffer *text, size_t *count, struct place start)
{
    letter_write(text, reader_next(r));
    if (++*count > FILTER_VALUE_LETTERS_MAX)
        reader_fail_limit(r, start, "letters in a value", FILTER_VALUE_LETTERS_MAX);
}

/* Twice the quote stands for one. */
static void read_quoted(struct reader *r, struct buffer *text)
{
    struct place start = r->place;
    enum letter_kind quote = letter_kind(reader_next(r));
    size_t count = 0;
    while (!r->failed) {
        uint32_t letter = reader_raw(r);
        if (!letter)
            reader_fail_open(r, start, example, "This quote is not closed.");
        bool ends = letter_kind(letter) == quote;
        if (ends)
            reader_next(r);
        if (ends && letter_kind(reader_raw(r)) != quote)
            return;
        if (!r->failed)
            put(r, text, &count, start);
    }
}

static void read_bare(struct reader *r, struct buffer *text)
{
    struct place start = r->place;
    size_t count = 0;
    while (!r->failed) {
        uint32_t letter = reader_peek(r);
        if (!letter || is_blank(letter) || letter == ')' || letter == '}')
            break;
        put(r, text, &count, start);
    }
    if (!count)
        reader_fail(r, start, example, "A value is expected.");
}

static json_t *constant(struct reader *r, struct place start, const char *text)
{
    if (text[0] != '$')
        return json_string(text);
    if (strcasecmp(text, "$true") == 0 || strcasecmp(text, "$false") == 0)
        return json_boolean(strcasecmp(text, "$true") == 0);
    if (strcasecmp(text, "$null") != 0)
        reader_fail(r, start, "A text that begins with $ stands in single quotes.",
                    "Of the words with $, only $true, $false and $null are values here.");
    return json_null();
}

static json_t *read_value(struct reader *r)
{
    OWNED(buffer_free) struct buffer b = {0};
    reader_skip_lines(r);
    struct place start = r->place;
    enum letter_kind kind = letter_kind(reader_peek(r));
    bool quoted = kind == LETTER_DOUBLE_QUOTE || kind == LETTER_SINGLE_QUOTE;
    if (quoted)
        read_quoted(r, &b);
    else
        read_bare(r, &b);
    OWNED(free_memory) char *text = buffer_take_text(&b);
    return quoted ? json_string(text) : constant(r, start, text);
}

/* --- the grammar --- */

static struct filter *parse_comparison(struct parser *p)
{
    struct reader *r = &p->r;
    if (++p->comparisons > FILTER_COMPARISONS_MAX)
        reader_fail_limit(r, r->place, "comparisons", FILTER_COMPARISONS_MAX);
    if (r->failed)
        return NULL;
    OWNED(free_memory) char *property = read_property(r);
    if (r->failed)
        return NULL;
    enum comparison which = read_comparison(r);
    if (r->failed)
        return NULL;
    return comparison(property, which, read_value(r));
}

static struct filter *parse_bracket(struct parser *p, char closing)
{
    struct opening outer = reader_open_bracket(&p->r, 1, true);
    struct filter *filter = p->r.failed ? NULL : parse_or(p);
    reader_skip_lines(&p->r);
    reader_close_bracket(&p->r, outer, (uint32_t)closing);
    return filter;
}

static struct filter *parse_one(struct parser *p)
{
    reader_skip_lines(&p->r);
    return reader_peek(&p->r) == '(' ? parse_bracket(p, ')') : parse_comparison(p);
}

/* Does "-and" stand here? Then goes on behind it. */
static bool take_joint(struct reader *r, const char *wanted)
{
    char word[OPERATOR_SIZE];
    if (r->failed)
        return false;
    reader_skip_lines(r);
    struct place start = r->place;
    read_operator(r, word);
    if (strcmp(word, wanted) == 0)
        return true;
    r->place = start;
    return false;
}

static struct filter *parse_and(struct parser *p)
{
    struct filter *filter = parse_one(p);
    while (take_joint(&p->r, "and"))
        filter = join(FILTER_AND, filter, parse_one(p));
    return filter;
}

static struct filter *parse_or(struct parser *p)
{
    struct filter *filter = parse_and(p);
    while (take_joint(&p->r, "or"))
        filter = join(FILTER_OR, filter, parse_and(p));
    return filter;
}

static struct filter *parse_all(struct parser *p)
{
    reader_skip_lines(&p->r);
    struct filter *filter = reader_peek(&p->r) == '{' ? parse_bracket(p, '}') : parse_or(p);
    reader_skip_lines(&p->r);
    if (reader_peek(&p->r))
        reader_fail(&p->r, p->r.place, example,
                    "Only -and or -or may follow here. A value with blanks stands in quotes.");
    return filter;
}

/* Comparisons have a word with a dash in front somewhere; no Identity that a pattern is for has. */
static bool is_pattern(const struct reader *r)
{
    uint32_t first = letter_kind(*r->letters) == LETTER_OTHER ? *r->letters : 0;
    if (first == '{' || first == '(' || first == '$')
        return false;
    for (const uint32_t *at = r->letters; *at; at++) {
        if (is_blank(at[0]) && is_dash(at[1]) && letter_kind(at[2]) == LETTER_LATIN)
            return false;
    }
    return true;
}

enum failure filter_parse(const char *text, struct filter **filter, struct error *e)
{
    struct parser p = {0};
    *filter = NULL;
    bool readable = reader_open(&p.r, bytes_of_text(text));
    if (readable && is_pattern(&p.r))
        *filter = comparison("Identity", COMPARE_LIKE, json_string(text));
    else if (readable)
        *filter = parse_all(&p);
    if (p.r.failed) {
        filter_free(TAKE(*filter));
        *e = p.r.error;
    }
    reader_close(&p.r);
    return *filter ? OK : e->kind;
}
