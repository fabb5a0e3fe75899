/* Commands, and the pipes between them. */
#include "cmdlet/language/grammar.h"

#include "cmdlet/language/foreign.h"

/* --- elements --- */

/* What stands behind a colon: PowerShell takes it with a blank in between as well. */
static void read_behind_colon(struct reader *r, struct element *element)
{
    element->colon = true;
    struct place colon = r->place;
    reader_skip_blanks(r);
    bool missing = at_command_end(r) || (r->place.at != colon.at && at_parameter(r));
    element->value = missing ? NULL : read_value(r);
}

static void read_parameter(struct reader *r, struct invocation *i)
{
    size_t before = at_parameter(r);
    struct element *element = invocation_add(i, (struct element){.line = r->place.line,
                                                                 .column = place_column(r->place),
                                                                 .gap = before > 1});
    while (before-- > 0)
        reader_next(r);
    element->parameter = reader_take(r, '?') ? xstrdup("?") : read_name(r);
    if (reader_take(r, ':'))
        read_behind_colon(r, element);
    else if (!at_word_end(r))
        reader_fail(r, r->place,
                    "Put a blank, or a colon, between a parameter and its value: "
                    "-PoolFqdn atl.example.com",
                    "This stands directly behind the name of a parameter.");
}

static void read_element(struct reader *r, struct invocation *i)
{
    if (i->count == ELEMENTS_MAX)
        reader_fail_limit(r, r->place, "parameters and values of a command", ELEMENTS_MAX);
    if (r->failed || refuse_foreign(r))
        return;
    if (at_parameter(r)) {
        read_parameter(r, i);
        return;
    }
    unsigned line = r->place.line, column = place_column(r->place);
    struct expression *value = read_value(r);
    if (value)
        invocation_add(i, (struct element){.line = line, .column = column, .value = value});
}

/* --- commands --- */

/* `%` and `?` are names of PowerShell, too. Whether there is such a command is not known here. */
static char *read_command_name(struct reader *r)
{
    if (reader_take(r, '%'))
        return xstrdup("%");
    if (reader_take(r, '?'))
        return xstrdup("?");
    return letter_kind(reader_peek(r)) == LETTER_LATIN ? read_name(r) : xstrdup("");
}

static void refuse_name(struct reader *r, struct place start)
{
    if (reader_at(r, "=") || r->place.at == start.at)
        refuse_foreign(r);
    reader_fail(
        r, start,
        "A command has a name like Get-CsPool; a text needs quotes, a program the Unix shell.",
        "This can't be the name of a command.");
}

static struct invocation *read_invocation(struct reader *r)
{
    if (at_parameter(r)) {
        reader_fail(r, r->place,
                    "Put a backtick (`) at the end of the line before, or type all in "
                    "one line.",
                    "A parameter stands here where a command should begin; a command ends with its "
                    "line.");
        return NULL;
    }
    struct place start = r->place;
    OWNED(invocation_free) struct invocation *i = xcalloc(1, sizeof *i);
    i->line = start.line;
    i->column = place_column(start);
    i->name = read_command_name(r);
    if (!*i->name || !at_word_end(r))
        refuse_name(r, start);
    while (reader_skip_blanks(r), !r->failed && !at_command_end(r))
        read_element(r, i);
    return r->failed ? NULL : TAKE(i);
}

static bool at_value(struct reader *r)
{
    bool minus = letter_kind(reader_peek(r)) == LETTER_DASH;
    bool number = letter_kind(reader_ahead(r, minus)) == LETTER_DIGIT && !reader_at(r, "2>");
    return number || at_quote(r) || at_variable(r) || reader_at(r, "(") || reader_at(r, "@");
}

/* --- pipelines --- */

static void read_stage(struct reader *r, struct pipeline *p)
{
    if (p->count == STAGES_MAX) {
        reader_fail_limit(r, r->place, "commands in a pipeline", STAGES_MAX);
    } else if (at_value(r)) {
        reader_fail(r, r->place, "Put the value in front of all commands.",
                    "A value stands here where a command should.");
    } else {
        struct invocation *command = read_invocation(r);
        if (command)
            pipeline_add(p, command);
    }
}

static void read_next_stage(struct reader *r, struct pipeline *p)
{
    struct place pipe = r->place;
    reader_next(r);
    reader_skip_lines(r);
    if (!reader_peek(r))
        reader_fail_open(r, pipe, "Type the command, or leave the | out.",
                         "A command is missing behind this pipe.");
    else
        read_stage(r, p);
}

struct pipeline *read_pipeline(struct reader *r)
{
    OWNED(pipeline_free) struct pipeline *p = xcalloc(1, sizeof *p);
    if (at_value(r))
        p->input = read_value(r);
    else if (!refuse_keyword(r))
        read_stage(r, p);
    while (reader_skip_blanks(r), !r->failed && reader_at(r, "|") && !reader_at(r, "||"))
        read_next_stage(r, p);
    if (!r->failed && !at_command_end(r))
        refuse_here(r,
                    "Put a comma between values, and | in front of a command; calculations and "
                    "comparisons are not understood here.",
                    "This can't stand behind a value.");
    return r->failed ? NULL : TAKE(p);
}
