#include "cmdlet/language/words.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "cmdlet/language/foreign.h"
#include "cmdlet/language/grammar.h"

struct words {
    char *const *list;
    int count;
    int at; /* the one that is read */
    struct invocation *invocation;
    struct reader r; /* over that word, or over what stands behind its colon */
};

static const char *word(const struct words *w)
{
    return w->list[w->at];
}

static bool open_text(struct words *w, const char *text)
{
    reader_close(&w->r);
    bool good = reader_open(&w->r, bytes_of_text(text));
    w->r.discreet = true;
    return good;
}

/* --- values --- */

/* The quotes of Word around a whole word; a Unix shell does not know them. */
static struct expression *read_typographic(struct reader *r)
{
    struct place start = r->place;
    enum letter_kind quote = letter_kind(reader_next(r));
    OWNED(buffer_free) struct buffer text = {0};
    while (reader_raw(r) && letter_kind(reader_raw(r)) != quote)
        letter_write(&text, reader_next(r));
    reader_next(r);
    if (r->place.at == start.at + 1 || reader_raw(r) || letter_kind(r->place.at[-1]) != quote) {
        reader_fail(r, start, "Use the quotes of the keyboard, around the whole value: \"…\"",
                    "The Unix shell does not know this quote, and has split the text at its "
                    "blanks.");
        return NULL;
    }
    return expression_text(buffer_take_text(&text), false, 0, 0);
}

#define QUOTE_A_TABLE "Put single quotes around it: '@{Add=\"a\",\"b\"}'"

static struct expression *read_quoted_table(struct reader *r)
{
    struct place start = r->place;
    OWNED(expression_free)
    struct expression *x = reader_at(r, "@{") ? read_table(r) : read_list(r);
    if (!r->failed && reader_peek(r))
        reader_fail(r, r->place, QUOTE_A_TABLE, "This stands behind the end of the value.");
    if (r->unfinished) {
        r->failed = r->unfinished = false;
        reader_fail(r, start, QUOTE_A_TABLE, "The Unix shell has split this value.");
    }
    return r->failed ? NULL : TAKE(x);
}

/* @Add=x: bash makes two words like this of @{Add=x,y}. */
static bool looks_expanded(const char *text)
{
    return text[0] == '@' && letter_kind((unsigned char)text[1]) == LETTER_LATIN &&
           text[1 + strcspn(text + 1, "=.@")] == '=';
}

/* {RegistrarPool: the first word of a filter that was typed without quotes around it. */
static bool looks_split(const char *text)
{
    return text[0] == '{' && !strchr(text, '}');
}

/* '$null', which nobody means to be a name: it empties a list. */
static struct expression *nothing(void)
{
    struct expression *x = expression_new(EXPRESSION_VARIABLE, 0, 0);
    x->text = xstrdup("null");
    return x;
}

static struct expression *read_value_of(struct words *w, const char *text)
{
    struct reader *r = &w->r;
    if (!open_text(w, text))
        return NULL;
    if (at_quote(r) && reader_raw(r) > 0x7f)
        return read_typographic(r);
    if (reader_at(r, "@{") || reader_at(r, "@("))
        return read_quoted_table(r);
    if (looks_expanded(text)) {
        reader_fail(r, r->place, QUOTE_A_TABLE,
                    "The Unix shell has changed what stood in these braces.");
        return NULL;
    }
    if (looks_split(text)) {
        reader_fail(r, r->place, "Put single quotes around it: '{Enabled -eq $true}'",
                    "The Unix shell has split what stands in these braces.");
        return NULL;
    }
    if (strcasecmp(text, "$null") == 0)
        return nothing();
    return expression_text(xstrdup(text), true, 0, 0);
}

/* --- commas at the ends of words --- */

static struct expression *last_value(const struct words *w)
{
    const struct invocation *i = w->invocation;
    struct expression *x = i->count ? i->elements[i->count - 1].value : NULL;
    return x && x->kind == EXPRESSION_TEXT && x->bare ? x : NULL;
}

static bool comma_is_open(const struct words *w)
{
    const struct expression *last = last_value(w);
    return last && *last->text && last->text[strlen(last->text) - 1] == ',';
}

/* "a," "b", or "a" ",b": one value, with a blank that the shell took for an end. */
static bool joins_last(const struct words *w, const struct expression *value)
{
    return value->kind == EXPRESSION_TEXT && value->bare && last_value(w) &&
           (comma_is_open(w) || value->text[0] == ',');
}

static bool refuse_open_comma(struct words *w)
{
    if (comma_is_open(w) && !w->r.failed)
        reader_fail(&w->r, w->r.place, "Type the value, or leave the comma out.",
                    "A value is missing behind a comma.");
    return w->r.failed;
}

/* Takes over `value`. */
static void add_value(struct words *w, struct expression *value)
{
    struct expression *last = last_value(w);
    if (joins_last(w, value)) {
        char *both = xasprintf("%s%s", last->text, value->text);
        free(last->text);
        last->text = both;
        expression_free(value);
    } else if (refuse_open_comma(w)) {
        expression_free(value);
    } else {
        value->column = (unsigned)w->at + 1;
        invocation_add(w->invocation, (struct element){.column = value->column, .value = value});
    }
}

/* --- words --- */

/* The name begins at the reader's place, and `text` is what it stands in. */
static bool read_parameter(struct words *w, const char *text, bool gap)
{
    struct reader *r = &w->r;
    struct element *element =
        invocation_add(w->invocation, (struct element){.column = (unsigned)w->at + 1, .gap = gap});
    element->parameter = reader_take(r, '?') ? xstrdup("?") : read_name(r);
    const char *colon = reader_peek(r) == ':' ? strchr(text, ':') : NULL;
    if (colon) {
        element->colon = true;
        element->value = colon[1] ? read_value_of(w, colon + 1) : NULL;
    } else if (reader_peek(r)) {
        reader_fail(r, r->place,
                    "Put a blank, or a colon, between a parameter and its value: "
                    "-PoolFqdn atl.example.com",
                    "This stands directly behind the name of a parameter.");
    }
    return !r->failed;
}

static bool is_lone_dash(struct reader *r)
{
    return letter_kind(reader_peek(r)) == LETTER_DASH && !reader_ahead(r, 1);
}

static bool read_one(struct words *w)
{
    struct reader *r = &w->r;
    if (!open_text(w, word(w)))
        return false;
    if ((at_two_dashes(r) || reader_at(r, "[-")) && refuse_foreign(r))
        return false;
    bool gap = is_lone_dash(r) && w->at + 1 < w->count &&
               letter_kind((unsigned char)w->list[w->at + 1][0]) == LETTER_LATIN;
    if (!gap && at_parameter(r) != 1) {
        struct expression *value = read_value_of(w, word(w));
        if (value)
            add_value(w, value);
        return !r->failed;
    }
    if (refuse_open_comma(w))
        return false;
    if (gap) {
        w->at++;
        return open_text(w, word(w)) && read_parameter(w, word(w), true);
    }
    reader_next(r);
    return read_parameter(w, word(w), false);
}

static enum failure refuse_size(struct error *e, const char *what, int limit)
{
    fail(e, FAIL_INVALID, "There are more than %d %s behind the command.", limit, what);
    error_kept(e, "Nothing was done.");
    return error_next(e, "Split it into smaller commands.");
}

static enum failure check_size(int count, char *const *words, struct error *e)
{
    size_t bytes = 0;
    if (count > ELEMENTS_MAX)
        return refuse_size(e, "words", ELEMENTS_MAX);
    for (int i = 0; i < count; i++)
        bytes += strlen(words[i]);
    return bytes > SCRIPT_BYTES_MAX ? refuse_size(e, "bytes", SCRIPT_BYTES_MAX) : OK;
}

enum failure parse_words(const char *name, int count, char *const *words,
                         struct invocation **result, struct error *e)
{
    struct error unwanted;
    e = e ? e : &unwanted;
    *result = NULL;
    if (check_size(count, words, e))
        return e->kind;
    OWNED(invocation_free) struct invocation *i = xcalloc(1, sizeof *i);
    i->name = xstrdup(name);
    struct words w = {.list = words, .count = count, .invocation = i};
    bool good = true;
    for (; good && w.at < count; w.at++)
        good = read_one(&w);
    if (good && count)
        good = !refuse_open_comma(&w);
    reader_close(&w.r);
    if (good) {
        *result = TAKE(i);
        return OK;
    }
    *e = w.r.error;
    return error_within(e, "In word %d behind the command: ", w.at);
}
