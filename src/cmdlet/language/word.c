/* Words and quotes. A word may change its manner in the middle (a"b c"d) and have variables in it;
 * all of its pieces are collected here, and become one expression at its end. */
#include "cmdlet/language/grammar.h"

#include <strings.h>

struct pieces {
    struct expression *joined;
    struct buffer text; /* since the last variable */
    bool quoted;
};

static void flush(struct pieces *p)
{
    if (p->text.size == 0)
        return;
    struct expression *x = p->joined;
    expression_add(x, expression_text(buffer_take_text(&p->text), !p->quoted, x->line, x->column));
}

/* Takes over `variable`, which may be NULL. */
static void add_variable(struct reader *r, struct pieces *p, struct expression *variable)
{
    flush(p);
    if (variable)
        expression_add(p->joined, variable);
    if (p->joined->count >= VALUES_MAX)
        reader_fail_limit(r, r->place, "pieces of a text", VALUES_MAX);
}

/* A text without variables is just that; and so is a variable without text, outside of quotes. */
static struct expression *finish(struct reader *r, struct pieces *p)
{
    OWNED(expression_free) struct expression *x = p->joined;
    if (r->failed) {
        buffer_free(&p->text);
        return NULL;
    }
    if (x->count == 0)
        return expression_text(buffer_take_text(&p->text), !p->quoted, x->line, x->column);
    flush(p);
    if (x->count > 1 || p->quoted)
        return TAKE(x);
    struct expression *variable = x->children[0];
    x->count = 0;
    return variable;
}

static struct pieces begin(struct reader *r)
{
    reader_peek(r);
    unsigned column = place_column(r->place);
    return (struct pieces){.joined = expression_new(EXPRESSION_JOINED, r->place.line, column)};
}

/* --- variables --- */

bool at_variable(struct reader *r)
{
    uint32_t behind = reader_ahead(r, 1);
    enum letter_kind kind = letter_kind(behind);
    return reader_raw(r) == '$' && (kind == LETTER_LATIN || kind == LETTER_DIGIT || behind == '_' ||
                                    behind == '{' || behind == '(');
}

/* ${any name} */
static char *read_name_in_braces(struct reader *r)
{
    struct place start = r->place;
    OWNED(buffer_free) struct buffer name = {0};
    reader_next(r);
    while (reader_raw(r) != '}') {
        if (reader_raw(r) == 0) {
            reader_fail_open(r, start, "Close it with }.", "This brace is not closed.");
            return NULL;
        }
        letter_write(&name, reader_next(r));
    }
    reader_next(r);
    if (name.size == 0)
        reader_fail(r, start, "Type a name: ${name}", "There is no name in the braces.");
    return r->failed ? NULL : buffer_take_text(&name);
}

/* $env:NAME, $global:name: a colon behind any other name is just a colon, as in "$pool:5061". */
static void refuse_scope(struct reader *r, struct place start, const char *name)
{
    static const char *const scopes[] = {"env", "global", "local", "script"};
    for (size_t i = 0; i < COUNT_OF(scopes); i++) {
        if (reader_raw(r) == ':' && strcasecmp(name, scopes[i]) == 0)
            reader_fail(r, start, "Assign the value to a variable first: $name = \"value\"",
                        "Only variables of this shell can be named here.");
    }
}

struct expression *read_variable(struct reader *r)
{
    struct place start = r->place;
    if (reader_ahead(r, 1) == '(')
        return read_brackets(r, 2);
    reader_next(r);
    OWNED(free_memory)
    char *name = reader_raw(r) == '{' ? read_name_in_braces(r) : read_plain_name(r);
    if (name)
        refuse_scope(r, start, name);
    if (r->failed)
        return NULL;
    struct expression *x = expression_new(EXPRESSION_VARIABLE, start.line, place_column(start));
    x->text = TAKE(name);
    return x;
}

/* --- pieces --- */

/* What PowerShell makes of a letter behind a backtick; all others stand for themselves. */
static void read_escape(struct reader *r, struct buffer *out)
{
    static const struct {
        char letter, meaning; /* 0: a control character that nobody wants in a name or a text */
    } escapes[] = {{'n', '\n'}, {'t', '\t'}, {'r', '\r'}, {'0', 0},
                   {'a', 0},    {'b', 0},    {'f', 0},    {'v', 0}};
    struct place start = r->place;
    reader_next(r);
    uint32_t c = reader_next(r);
    for (size_t i = 0; i < COUNT_OF(escapes); i++) {
        if (c != (unsigned char)escapes[i].letter)
            continue;
        c = (unsigned char)escapes[i].meaning;
        if (!c)
            reader_fail(r, start, "Type the backtick twice if it is meant itself.",
                        "With its backtick this is a control character, which no text has.");
    }
    if (c)
        letter_write(out, c);
}

static bool is_quote(uint32_t letter)
{
    enum letter_kind kind = letter_kind(letter);
    return kind == LETTER_DOUBLE_QUOTE || kind == LETTER_SINGLE_QUOTE;
}

bool at_quote(struct reader *r)
{
    return is_quote(reader_peek(r));
}

/* Any quote of its kind closes it, and two of them stand for one. */
static void read_quotes(struct reader *r, struct pieces *p)
{
    struct place start = r->place;
    enum letter_kind quote = letter_kind(reader_next(r));
    bool literal = quote == LETTER_SINGLE_QUOTE;
    p->quoted = true;
    for (uint32_t c; c = reader_raw(r), !r->failed;) {
        if (!c)
            reader_fail_open(r, start, "Close it with the same quote.",
                             "This quote is not closed.");
        else if (!literal && c == '`')
            read_escape(r, &p->text);
        else if (!literal && at_variable(r))
            add_variable(r, p, read_variable(r));
        else if (letter_kind(reader_next(r)) != quote)
            letter_write(&p->text, c);
        else if (letter_kind(reader_raw(r)) == quote)
            letter_write(&p->text, reader_next(r));
        else
            return;
    }
}

static void read_bare(struct reader *r, struct pieces *p)
{
    while (!r->failed && !at_word_end(r) && !at_quote(r) && !at_variable(r)) {
        if (reader_raw(r) == '`')
            read_escape(r, &p->text);
        else
            letter_write(&p->text, reader_next(r));
    }
}

/* Only at the beginning of a word is .Name behind a variable its member: pool$n.example.com */
static struct expression *read_variable_piece(struct reader *r, bool first)
{
    struct expression *x = read_variable(r);
    return first && x ? read_members(r, x) : x;
}

struct expression *read_word(struct reader *r)
{
    struct pieces p = begin(r);
    for (bool first = true; !r->failed && !at_word_end(r); first = false) {
        if (at_quote(r))
            read_quotes(r, &p);
        else if (at_variable(r))
            add_variable(r, &p, read_variable_piece(r, first));
        else
            read_bare(r, &p);
    }
    return finish(r, &p);
}

struct expression *read_quoted(struct reader *r)
{
    struct pieces p = begin(r);
    read_quotes(r, &p);
    return finish(r, &p);
}

/* --- braces --- */

/* A quoted text within braces may have braces in it that do not count. Up to its last quote. */
static void copy_quoted(struct reader *r, struct buffer *out)
{
    enum letter_kind quote = letter_kind(reader_raw(r));
    do
        letter_write(out, reader_next(r));
    while (reader_raw(r) && letter_kind(reader_raw(r)) != quote);
}

char *read_braces(struct reader *r)
{
    struct place start = r->place;
    OWNED(buffer_free) struct buffer text = {0};
    reader_next(r);
    for (unsigned open = 1; reader_raw(r);) {
        uint32_t c = reader_raw(r);
        open += c == '{';
        open -= c == '}';
        if (!open) {
            reader_next(r);
            return buffer_take_text(&text);
        }
        if (is_quote(c))
            copy_quoted(r, &text);
        else if (c == '`')
            letter_write(&text, reader_next(r));
        if (reader_raw(r))
            letter_write(&text, reader_next(r));
    }
    reader_fail_open(r, start, "Close it with }.", "This brace is not closed.");
    return NULL;
}
