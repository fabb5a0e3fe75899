#include "cmdlet/language/parse.h"

#include <stdlib.h>

#include "cmdlet/language/foreign.h"
#include "cmdlet/language/grammar.h"

/* `PS C:\> ` and `[PS] C:\>`: a command that was copied from a window, with the prompt in front. No
 * command is called PS, so it is stepped over without a word. */
static bool skip_prompt(struct reader *r)
{
    struct place start = r->place;
    if (!reader_at(r, "PS") && !reader_at(r, "[PS]"))
        return false;
    size_t name = reader_at(r, "PS") ? 2 : 4;
    uint32_t behind = reader_ahead(r, name);
    if (behind != '>' && letter_kind(behind) != LETTER_BLANK)
        return false;
    while (reader_raw(r) && reader_raw(r) != '\n' && reader_raw(r) != ';' && !at_quote(r)) {
        if (reader_next(r) != '>')
            continue;
        while (reader_take(r, '>'))
            continue;
        return true;
    }
    r->place = start;
    return false;
}

/* `$name =`; NULL, and nothing read, if something else begins with a variable. */
static char *read_assignment(struct reader *r)
{
    struct place start = r->place;
    if (!at_variable(r) || reader_at(r, "$("))
        return NULL;
    OWNED(expression_free) struct expression *variable = read_variable(r);
    reader_skip_blanks(r);
    struct place sign = r->place;
    if (!variable || !reader_take(r, '=') || reader_at(r, "=")) {
        r->place = start;
        return NULL;
    }
    reader_skip_lines(r);
    if (!reader_peek(r))
        reader_fail_open(r, sign, "Type the value.", "A value is missing behind this.");
    return TAKE(variable->text);
}

static bool read_statement(struct reader *r, struct script *script)
{
    if (script->count == STATEMENTS_MAX)
        reader_fail_limit(r, r->place, "commands in a script", STATEMENTS_MAX);
    struct statement s = {.line = r->place.line, .column = place_column(r->place)};
    OWNED(free_memory) char *variable = read_assignment(r);
    s.pipeline = r->failed ? NULL : read_pipeline(r);
    s.variable = s.pipeline ? TAKE(variable) : NULL;
    if (s.pipeline)
        script_add(script, s);
    return !r->failed;
}

static void read_script(struct reader *r, struct script *script)
{
    while (skip_separators(r), !r->failed && reader_peek(r)) {
        if (skip_prompt(r) || !read_statement(r, script))
            continue;
        reader_skip_blanks(r);
        if (reader_peek(r) && !at_separator(r))
            refuse_here(r, "Type commands one in a line, or with ; between.",
                        "This can't stand behind a command.");
    }
}

enum failure parse_script(struct bytes text, struct script **result, bool *unfinished,
                          struct error *e)
{
    OWNED(reader_close) struct reader r;
    OWNED(script_free) struct script *script = xcalloc(1, sizeof *script);
    if (reader_open(&r, text))
        read_script(&r, script);
    if (unfinished)
        *unfinished = r.unfinished;
    if (e && r.failed)
        *e = r.error;
    *result = r.failed ? NULL : TAKE(script);
    return r.failed ? FAIL_INVALID : OK;
}
