/* Values: several of them with commas between, and whatever has brackets. */
#include "cmdlet/language/grammar.h"

#include <string.h>

#include "cmdlet/language/foreign.h"

static struct expression *new_here(struct reader *r, enum expression_kind kind)
{
    reader_peek(r);
    return expression_new(kind, r->place.line, place_column(r->place));
}

/* --- members --- */

/* What stands between [ and ]: a number, a quoted text, a variable. */
static struct expression *read_index(struct reader *r)
{
    if (at_quote(r))
        return read_quoted(r);
    if (at_variable(r))
        return read_variable(r);
    struct expression *number = new_here(r, EXPRESSION_TEXT);
    struct place start = r->place;
    number->text = read_name(r);
    number->bare = true;
    const char *digits = number->text + (number->text[0] == '-');
    if (!*digits || digits[strspn(digits, "0123456789")])
        reader_fail(r, start, "Type a number: $name[0]", "This is not the number of a value.");
    return number;
}

/* Takes over `x`. */
static struct expression *index_of(struct reader *r, struct expression *x)
{
    struct opening outer = reader_open_bracket(r, 1, true);
    struct expression *of = new_here(r, EXPRESSION_INDEX);
    expression_add(of, x);
    reader_skip_blanks(r);
    struct expression *index = reader_peek(r) && !r->failed ? read_index(r) : NULL;
    if (index)
        expression_add(of, index);
    reader_skip_blanks(r);
    reader_close_bracket(r, outer, ']');
    return of;
}

static struct expression *member_of(struct reader *r, struct expression *x)
{
    reader_next(r);
    struct expression *of = new_here(r, EXPRESSION_MEMBER);
    expression_add(of, x);
    of->text = read_plain_name(r);
    return of;
}

struct expression *read_members(struct reader *r, struct expression *x)
{
    OWNED(expression_free) struct expression *whole = x;
    for (int count = 0; !r->failed; count++) {
        struct place start = r->place;
        if (reader_peek(r) == '.' && letter_kind(reader_ahead(r, 1)) == LETTER_LATIN)
            whole = member_of(r, whole);
        else if (reader_peek(r) == '[')
            whole = index_of(r, whole);
        else
            return TAKE(whole);
        if (count == MEMBERS_MAX)
            reader_fail_limit(r, start, "members of members", MEMBERS_MAX);
    }
    return NULL;
}

/* --- brackets --- */

/* A pipeline that is just a value is that value. Takes over `p`. */
static struct expression *expression_of(struct pipeline *p, struct place start)
{
    if (p->count) {
        struct expression *x = expression_new(EXPRESSION_PIPELINE, start.line, place_column(start));
        x->pipeline = p;
        return x;
    }
    struct expression *value = TAKE(p->input);
    pipeline_free(p);
    return value;
}

struct expression *read_brackets(struct reader *r, unsigned size)
{
    struct opening outer = reader_open_bracket(r, size, true);
    struct place start = r->innermost.place;
    reader_skip_lines(r);
    if (reader_peek(r) == ')')
        reader_fail(r, start, "Type a command or a value in them.",
                    "There is nothing in these brackets.");
    OWNED(pipeline_free) struct pipeline *p = NULL;
    if (reader_peek(r) && !r->failed)
        p = read_pipeline(r);
    return reader_close_bracket(r, outer, ')') ? expression_of(TAKE(p), start) : NULL;
}

/* Takes over `x`. A list within the brackets of a list is that list: @("a", "b") */
static void add_flat(struct reader *r, struct expression *list, struct expression *x)
{
    bool flat = x->kind == EXPRESSION_LIST;
    if (list->count + (flat ? x->count : 1) > VALUES_MAX) {
        reader_fail_limit(r, r->place, "values in a list", VALUES_MAX);
    } else if (flat) {
        for (size_t i = 0; i < x->count; i++)
            expression_add(list, x->children[i]);
        x->count = 0;
    }
    if (flat || r->failed)
        expression_free(x);
    else
        expression_add(list, x);
}

struct expression *read_list(struct reader *r)
{
    OWNED(expression_free) struct expression *list = new_here(r, EXPRESSION_LIST);
    struct opening outer = reader_open_bracket(r, 2, false);
    while (skip_separators(r), !r->failed && reader_peek(r) && reader_peek(r) != ')') {
        struct place start = r->place;
        struct pipeline *p = read_pipeline(r);
        if (p)
            add_flat(r, list, expression_of(p, start));
        reader_skip_blanks(r);
        if (!at_separator(r))
            break;
    }
    return reader_close_bracket(r, outer, ')') ? TAKE(list) : NULL;
}

/* --- tables --- */

static char *read_key(struct reader *r)
{
    struct place start = r->place;
    OWNED(free_memory) char *key = NULL;
    OWNED(expression_free) struct expression *quoted = at_quote(r) ? read_quoted(r) : NULL;
    if (!quoted)
        key = read_name(r);
    else if (quoted->kind == EXPRESSION_TEXT)
        key = TAKE(quoted->text);
    reader_skip_blanks(r);
    if (key && *key && reader_take(r, '='))
        return TAKE(key);
    const char *next = "Type it like this: @{Add=\"x\"; Remove=\"y\"}";
    if (reader_peek(r))
        reader_fail(r, start, next, "A name and \"=\" should stand here.");
    else
        reader_fail_open(r, r->innermost.place, next, "This bracket is not closed.");
    return NULL;
}

struct expression *read_table(struct reader *r)
{
    OWNED(expression_free) struct expression *table = new_here(r, EXPRESSION_TABLE);
    struct opening outer = reader_open_bracket(r, 2, false);
    while (skip_separators(r), !r->failed && reader_peek(r) && reader_peek(r) != '}') {
        OWNED(free_memory) char *key = read_key(r);
        reader_skip_lines(r);
        if (reader_peek(r) && at_command_end(r))
            reader_fail(r, r->place, "Type the value.", "A value is missing here.");
        struct expression *value = reader_peek(r) && !r->failed ? read_value(r) : NULL;
        if (value)
            expression_add_named(table, TAKE(key), value);
        if (table->count > VALUES_MAX)
            reader_fail_limit(r, r->place, "entries in a table", VALUES_MAX);
        reader_skip_blanks(r);
        if (!at_separator(r))
            break;
    }
    return reader_close_bracket(r, outer, '}') ? TAKE(table) : NULL;
}

/* --- values --- */

static struct expression *read_text_in_braces(struct reader *r)
{
    OWNED(expression_free) struct expression *x = new_here(r, EXPRESSION_TEXT);
    x->text = read_braces(r);
    return x->text ? TAKE(x) : NULL;
}

static struct expression *read_item(struct reader *r)
{
    if (refuse_foreign(r))
        return NULL;
    if (reader_at(r, "@("))
        return read_members(r, read_list(r));
    if (reader_at(r, "@{"))
        return read_table(r);
    if (reader_at(r, "@"))
        reader_fail(r, r->place, "Type the parameters one by one, or put quotes around a text.",
                    "Lists of parameters (@name) are not understood here.");
    if (reader_at(r, "("))
        return read_members(r, read_brackets(r, 1));
    if (reader_at(r, "{"))
        return read_text_in_braces(r);
    return read_word(r);
}

/* One value; nothing may stand directly behind it. */
static struct expression *read_one(struct reader *r)
{
    OWNED(expression_free) struct expression *x = read_item(r);
    if (x && (reader_at(r, "(") || reader_at(r, "{")))
        reader_fail(r, r->place, "Put a blank between two values; methods can't be called.",
                    "A bracket stands directly behind a value.");
    else if (x && !at_word_end(r))
        refuse_here(r, "Put a blank between them.", "This stands directly behind a value.");
    return r->failed ? NULL : TAKE(x);
}

static struct expression *read_behind_comma(struct reader *r)
{
    struct place comma = r->place;
    const char *next = "Type the value, or leave the comma out.";
    const char *what = "A value is missing behind this comma.";
    reader_next(r);
    reader_skip_lines(r);
    if (!reader_peek(r))
        reader_fail_open(r, comma, next, "%s", what);
    else if (at_command_end(r) || at_parameter(r))
        reader_fail(r, comma, next, "%s", what);
    return r->failed ? NULL : read_one(r);
}

struct expression *read_value(struct reader *r)
{
    struct place start = r->place;
    OWNED(expression_free) struct expression *x = read_one(r);
    reader_skip_blanks(r);
    if (r->failed || !reader_at(r, ","))
        return r->failed ? NULL : TAKE(x);
    OWNED(expression_free)
    struct expression *list = expression_new(EXPRESSION_LIST, start.line, place_column(start));
    expression_add(list, TAKE(x));
    while (!r->failed && reader_at(r, ",")) {
        if (list->count == VALUES_MAX)
            reader_fail_limit(r, r->place, "values in a list", VALUES_MAX);
        else if ((x = read_behind_comma(r)))
            expression_add(list, TAKE(x));
        reader_skip_blanks(r);
    }
    return r->failed ? NULL : TAKE(list);
}
