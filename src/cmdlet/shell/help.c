#include "cmdlet/shell/help.h"

#include <fnmatch.h>
#include <string.h>
#include <strings.h>

#include "base/bytes.h"
#include "cmdlet/answer/text.h"
#include "cmdlet/elsewhere.h"
#include "cmdlet/parameter.h"
#include "cmdlet/shell/alias.h"
#include "cmdlet/shell/topics.h"

DEFINE_OWNED(json_t *, json_decref)

enum { INDENT = 4 };

static size_t width_for(const struct session *s)
{
    size_t width = session_width(s);
    return width < HELP_WIDTH_MIN || width > HELP_WIDTH ? HELP_WIDTH : width;
}

/* --- one command --- */

/* "[-Force]", "-PoolFqdn <fqdn>", "[[-Identity] <text>]" */
static void write_syntax(struct buffer *out, const struct parameter *p)
{
    const char *kind = parameter_kind(p);
    bool required = p->traits & REQUIRED, by_place = p->traits & (FIRST | SECOND);
    buffer_printf(out, " %s%s-%s%s%s%s%s", required ? "" : "[", by_place ? "[" : "", p->name,
                  by_place ? "]" : "", *kind ? " " : "", kind, required ? "" : "]");
}

static char *syntax_of(const struct command *command)
{
    OWNED(buffer_free) struct buffer out = {0};
    buffer_printf(&out, "%s", command->name);
    for (size_t i = 0; i < command->parameter_count; i++)
        write_syntax(&out, &command->parameters[i]);
    if (command_changes(command))
        buffer_printf(&out, " [-WhatIf] [-Confirm]");
    buffer_printf(&out, " [<common parameters>]");
    return buffer_take_text(&out);
}

/* What can't be seen from its kind. */
static char *remarks_on(const struct parameter *p)
{
    OWNED(buffer_free) struct buffer out = {0};
    bool words = p->type == CHOICE;
    bool range = p->type == INTEGER || p->type == TIME_SPAN || p->type == DESCRIPTOR;
    if (p->traits & REQUIRED)
        buffer_printf(&out, " Must be given.");
    if (p->traits & (FIRST | SECOND))
        buffer_printf(&out, " May be given as the %s value, without its name.",
                      p->traits & FIRST ? "first" : "second");
    if (p->traits & PIPED)
        buffer_printf(&out, " Can come through a pipe.");
    if (words)
        buffer_printf(&out, " One of: %s.", p->limits);
    if (range)
        buffer_printf(&out, " From %s.", p->limits);
    if (*p->alias)
        buffer_printf(&out, " Short: -%s.", p->alias);
    return buffer_take_text(&out);
}

static void show_parameter(FILE *out, const struct parameter *p, size_t width)
{
    OWNED(free_memory) char *remarks = remarks_on(p);
    OWNED(free_memory) char *text = xasprintf("%s%s", p->help, remarks);
    const char *kind = parameter_kind(p);
    fprintf(out, "%*s-%s%s%s\n", INDENT, "", p->name, *kind ? " " : "", kind);
    text_put_wrapped(out, text, INDENT + INDENT, width);
}

static void show_heading(FILE *out, const char *heading)
{
    fprintf(out, "\n%s\n", heading);
}

static void show_examples(FILE *out, const struct command *command, size_t width)
{
    show_heading(out, "EXAMPLES");
    for (size_t i = 0; i < command->example_count; i++) {
        fprintf(out, "%s%*s%s\n", i ? "\n" : "", INDENT, "", command->examples[i].line);
        text_put_wrapped(out, command->examples[i].explanation, INDENT + INDENT, width);
    }
}

static void show_parameters(FILE *out, const struct command *command, size_t width)
{
    show_heading(out, "PARAMETERS");
    if (command->parameter_count == 0)
        fprintf(out, "%*sNone of its own.\n", INDENT, "");
    for (size_t i = 0; i < command->parameter_count; i++)
        show_parameter(out, &command->parameters[i], width);
}

/* By name only: they are the same everywhere, and would hide what is not. */
static void show_common(FILE *out, const struct command *command, size_t width)
{
    OWNED(buffer_free) struct buffer names = {0};
    const struct parameter *p;
    for (size_t i = command->parameter_count; (p = command_parameter_at(command, i)); i++)
        buffer_printf(&names, "%s-%s", names.size ? ", " : "", p->name);
    buffer_printf(&names, ". Get-Help %s -Parameter Verbose explains one of them.", command->name);
    buffer_u8(&names, 0);
    show_heading(out, "COMMON PARAMETERS");
    text_put_wrapped(out, (const char *)names.at, INDENT, width);
}

static void show_command(FILE *out, const struct command *command, size_t width)
{
    OWNED(free_memory) char *syntax = syntax_of(command);
    fprintf(out, "NAME\n%*s%s\n", INDENT, "", command->name);
    show_heading(out, "SYNOPSIS");
    text_put_wrapped(out, command->synopsis, INDENT, width);
    show_heading(out, "SYNTAX");
    text_put_wrapped(out, syntax, INDENT, width);
    show_heading(out, "DESCRIPTION");
    text_put_wrapped(out, command->description, INDENT, width);
    show_parameters(out, command, width);
    show_examples(out, command, width);
    show_common(out, command, width);
}

int help_show(const struct session *s, const char *name)
{
    show_command(stdout, command_at((size_t)command_find(name)), width_for(s));
    return STATUS_DONE;
}

/* --- Get-Help --- */

static void show_beginning(size_t width)
{
    text_put_wrapped(stdout,
                     "Commands have a verb and a thing: Get-CsPool shows pools, Set-CsUser changes "
                     "a user. They are the same in this shell and on a Linux shell.",
                     0, width);
    fputs("\n    Get-Command                   lists all of them\n"
          "    Get-Command -Noun *Backup*    lists those for one thing\n"
          "    Get-Help Start-CsPool         explains one; so does Start-CsPool -?\n"
          "    Get-Help about_Language       says how they are typed; about_* lists more\n"
          "    Get-CsPoolFailOverStatus      shows which pool serves whom\n",
          stdout);
}

static bool is_pattern(const char *name)
{
    return strpbrk(name, "*?[") != NULL;
}

static void emit_found(struct stage *stage, const char *name, const char *synopsis)
{
    OWNED(json_decref) json_t *object = json_pack("{s:s, s:s}", "Name", name, "Synopsis", synopsis);
    stage_emit(stage, object);
}

static void list_fitting(struct stage *stage, const char *pattern)
{
    size_t count = 0;
    for (size_t i = 0; i < COMMANDS; i++) {
        const struct command *command = command_at(i);
        if (fnmatch(pattern, command->name, FNM_CASEFOLD) != 0)
            continue;
        emit_found(stage, command->name, command->synopsis);
        count++;
    }
    const struct topic *topic;
    for (size_t i = 0; (topic = topic_at(i)); i++) {
        if (fnmatch(pattern, topic->name, FNM_CASEFOLD) != 0)
            continue;
        emit_found(stage, topic->name, topic->synopsis);
        count++;
    }
    struct error e;
    if (count)
        return;
    fail(&e, FAIL_NOT_FOUND, "No command fits %.64s.", pattern);
    error_next(&e, "Get-Command lists them all.");
    stage_fail(stage, &e);
}

static void explain_parameter(struct stage *stage, const struct command *command, const char *name)
{
    bool ambiguous;
    const struct parameter *p = command_parameter(command, name, &ambiguous);
    struct error e;
    if (p) {
        show_parameter(stdout, p, width_for(stage_session(stage)));
        return;
    }
    fail(&e, FAIL_INVALID, "There is no parameter -%.64s of %s.", name, command->name);
    error_next(&e, "Get-Help %s shows them all.", command->name);
    stage_fail(stage, &e);
}

static void show_topic(FILE *out, const struct topic *topic, size_t width)
{
    const struct command *any = command_at(COMMAND_set_user); /* it takes all of them */
    const struct parameter *p;
    fprintf(out, "TOPIC\n%*s%s\n", INDENT, "", topic->name);
    show_heading(out, "SYNOPSIS");
    text_put_wrapped(out, topic->synopsis, INDENT, width);
    show_heading(out, "DESCRIPTION");
    text_put_wrapped(out, topic->text, INDENT, width);
    for (size_t i = any->parameter_count;
         topic_lists_common(topic) && (p = command_parameter_at(any, i)); i++)
        show_parameter(out, p, width);
}

static void unknown_name(struct stage *stage, const char *name)
{
    struct error e;
    bool topic = strncasecmp(name, "about_", strlen("about_")) == 0;
    const char *nearest = topic ? topic_nearest(name) : command_nearest(name);
    const char *instead = command_elsewhere(name);
    fail(&e, FAIL_INVALID, "There is no %s \"%.64s\".", topic ? "topic" : "command", name);
    if (instead)
        error_next(&e, "%s", instead);
    else if (nearest)
        error_next(&e, "Was %s meant?", nearest);
    else
        error_next(&e, "%s lists them all.", topic ? "Get-Help about_*" : "Get-Command");
    stage_fail(stage, &e);
}

void help_run(struct stage *stage)
{
    const struct binding *b = stage_binding(stage);
    const char *name = bound_text(b, "Name"), *parameter = bound_text(b, "Parameter");
    size_t width = width_for(stage_session(stage));
    int which = name ? command_find(alias_of(name)) : -1;
    const struct topic *topic = name ? topic_find(name) : NULL;
    if (!name) {
        show_beginning(width);
    } else if (topic) {
        show_topic(stdout, topic, width);
    } else if (is_pattern(name)) {
        list_fitting(stage, name);
    } else if (which < 0) {
        unknown_name(stage, name);
    } else if (parameter) {
        explain_parameter(stage, command_at((size_t)which), parameter);
    } else if (bound_switch(b, "Examples")) {
        show_examples(stdout, command_at((size_t)which), width);
    } else {
        show_command(stdout, command_at((size_t)which), width);
    }
}

/* --- Get-Command --- */

static bool fits(const char *pattern, const char *text, size_t size)
{
    char part[COMMAND_NAME_MAX + 1];
    snprintf(part, sizeof part, "%.*s", (int)size, text);
    return !pattern || fnmatch(pattern, part, FNM_CASEFOLD) == 0;
}

void help_list_commands(struct stage *stage)
{
    const struct binding *b = stage_binding(stage);
    const char *name = bound_text(b, "Name");
    size_t count = 0;
    for (size_t i = 0; i < COMMANDS; i++) {
        const struct command *command = command_at(i);
        size_t verb = strcspn(command->name, "-");
        const char *noun = command->name + verb + 1;
        bool there = stage_session(stage)->in_shell || command->place != IN_SHELL;
        if (!there || !fits(name, command->name, strlen(command->name)) ||
            !fits(bound_text(b, "Verb"), command->name, verb) ||
            !fits(bound_text(b, "Noun"), noun, strlen(noun)))
            continue;
        emit_found(stage, command->name, command->synopsis);
        count++;
    }
    if (count)
        return;
    struct error e;
    const char *nearest = name ? command_nearest(name) : NULL;
    fail(&e, FAIL_NOT_FOUND, "No command fits.");
    if (nearest)
        error_next(&e, "Was %s meant?", nearest);
    stage_fail(stage, &e);
}

/* --- manual pages --- */

/* A line that begins with a dot or a quote would be an order; a backslash begins one. */
static void put_roff(FILE *out, const char *text)
{
    if (*text == '.' || *text == '\'')
        fputs("\\&", out);
    for (; *text; text++) {
        if (*text == '\\')
            fputs("\\e", out);
        else if (*text == '-')
            fputs("\\-", out);
        else
            fputc(*text, out);
    }
    fputc('\n', out);
}

void help_manual(const struct command *command, FILE *out)
{
    const struct parameter *p;
    OWNED(free_memory) char *syntax = syntax_of(command);
    fprintf(out, ".TH %s 1 \"\" \"pollux " POLLUX_VERSION "\" \"Pollux\"\n.SH NAME\n%s \\- ",
            command->name, command->name);
    put_roff(out, command->synopsis);
    fputs(".SH SYNOPSIS\n", out);
    put_roff(out, syntax);
    fputs(".SH DESCRIPTION\n", out);
    put_roff(out, command->description);
    fputs(".SH PARAMETERS\n", out);
    for (size_t i = 0; (p = command_parameter_at(command, i)); i++) {
        OWNED(free_memory) char *remarks = remarks_on(p);
        OWNED(free_memory) char *text = xasprintf("%s%s", p->help, remarks);
        fprintf(out, ".TP\n\\-%s %s\n", p->name, parameter_kind(p));
        put_roff(out, text);
    }
    fputs(".SH EXIT STATUS\n0 done, 1 failed, 2 misused, 3 not permitted.\n.SH EXAMPLES\n", out);
    for (size_t i = 0; i < command->example_count; i++) {
        fputs(".PP\n.EX\n", out);
        put_roff(out, command->examples[i].line);
        fputs(".EE\n", out);
        put_roff(out, command->examples[i].explanation);
    }
}
