#include "cmdlet/shell/run.h"

#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "cmdlet/answer/render.h"
#include "cmdlet/answer/value.h"
#include "cmdlet/elsewhere.h"
#include "cmdlet/language/parse.h"
#include "cmdlet/shell/alias.h"
#include "cmdlet/shell/evaluate.h"
#include "cmdlet/shell/help.h"
#include "cmdlet/shell/stage.h"

DEFINE_OWNED(json_t *, json_decref)

static int show_error(const char *who, const struct error *e)
{
    fflush(stdout);
    notice_show_error(stderr, who, e);
    return status_of_failure(e->kind);
}

/* --- what is shown --- */

/* `| head` has seen enough: that is no trouble. */
static bool reader_has_gone(void)
{
    struct pollfd out = {.fd = STDOUT_FILENO};
    return poll(&out, 1, 0) > 0 && (out.revents & (POLLERR | POLLHUP));
}

/* What nobody could read was not shown, whatever was done. */
int run_check_output(int status)
{
    struct error e;
    if (fflush(stdout) != 0)
        fail(&e, FAIL_IO, "The output can't be written: %s.", strerrordesc_np(errno));
    else if (ferror(stdout)) /* by a write before: its reason is lost */
        fail(&e, FAIL_IO, "The output can't be written.");
    else
        return status;
    if (!reader_has_gone())
        notice_show_error(stderr, "pollux", &e);
    clearerr(stdout);
    return status ? status : STATUS_FAILED;
}

/* --- a pipe --- */

static enum failure find_command(const struct session *s, const struct invocation *typed,
                                 struct error *e)
{
    int which = command_find(alias_of(typed->name));
    if (which >= 0 && (s->in_shell || command_at((size_t)which)->place != IN_SHELL))
        return OK;
    const char *nearest = command_nearest(typed->name);
    const char *instead = command_elsewhere(typed->name);
    if (which >= 0)
        fail(e, FAIL_INVALID, "%s works on the objects of a pipe, which a Unix shell lacks.",
             typed->name);
    else
        fail(e, FAIL_INVALID, "There is no command \"%.64s\".", typed->name);
    error_kept(e, "Nothing was done.");
    if (which >= 0)
        return error_next(e, "Type it in `pollux`, the shell that has them.");
    if (instead)
        return error_next(e, "%s", instead);
    return nearest ? error_next(e, "Was %s meant? Get-Command lists them all.", nearest)
                   : error_next(e, "Get-Command lists them all.");
}

static bool asks_for_help(const struct invocation *typed)
{
    for (size_t i = 0; i < typed->count; i++) {
        if (typed->elements[i].parameter && strcmp(typed->elements[i].parameter, "?") == 0)
            return true;
    }
    return false;
}

/* What was typed for a parameter, before anything is bound; NULL: nothing. */
static const struct expression *typed_for(const struct invocation *typed, const char *parameter)
{
    int which = command_find(alias_of(typed->name));
    for (size_t i = 0; which >= 0 && i < typed->count; i++) {
        bool ambiguous;
        const struct element *at = &typed->elements[i];
        const struct parameter *p =
            at->parameter ? command_parameter(command_at((size_t)which), at->parameter, &ambiguous)
                          : NULL;
        if (p && strcmp(p->name, parameter) == 0)
            return at->colon || i + 1 == typed->count ? at->value : at[1].value;
    }
    return NULL;
}

/* -ErrorAction Stop, or the variable that says so for all: what can't even be begun stops a script
 * like any other error. */
static bool stops_at_errors(const struct session *s, const struct pipeline *typed)
{
    enum action usual = session_preference(s, "ErrorActionPreference", ACTION_CONTINUE);
    bool stops = usual == ACTION_STOP;
    for (size_t i = 0; i < typed->count; i++) {
        const struct expression *x = typed_for(typed->commands[i], "ErrorAction");
        stops |= x && x->kind == EXPRESSION_TEXT &&
                 (strcasecmp(x->text, "Stop") == 0 || strcmp(x->text, "1") == 0);
    }
    return stops;
}

/* Nothing of it was begun. */
static int refuse(struct session *s, const struct pipeline *typed, const char *who,
                  const struct error *e)
{
    s->stop = s->stop || stops_at_errors(s, typed);
    return show_error(who, e);
}

static enum failure build(struct pipe *pipe, const struct pipeline *typed, const char **who,
                          struct error *e)
{
    for (size_t i = 0; i < typed->count; i++) {
        *who = "pollux";
        enum failure bad = find_command(pipe->session, typed->commands[i], e);
        if (bad)
            return bad;
        *who = command_at((size_t)command_find(alias_of(typed->commands[i]->name)))->name;
        bool piped = i > 0 || typed->input;
        pipe->stages[i] = stage_new(pipe, i, piped, typed->commands[i], e);
        if (!pipe->stages[i])
            return e->kind;
        pipe->count = i + 1;
        pipe->anew = pipe->anew || typed_for(typed->commands[i], "PipelineVariable");
    }
    return OK;
}

static void feed(struct stage *first, const json_t *input)
{
    if (!json_is_array(input)) {
        stage_take(first, input);
        return;
    }
    for (size_t i = 0; i < json_array_size(input); i++)
        stage_take(first, json_array_get(input, i));
}

static void drive(struct pipe *pipe, const json_t *input)
{
    if (input)
        feed(pipe->stages[0], input);
    else
        stage_start(pipe->stages[0]);
    for (size_t i = 0; i < pipe->count; i++)
        stage_end(pipe->stages[i]);
}

/* An expression by itself: its value is what comes out. */
static void show_value(struct session *s, const json_t *value, json_t *capture)
{
    if (capture) {
        if (json_is_array(value))
            json_array_extend(capture, (json_t *)(uintptr_t)value);
        else
            json_array_append(capture, (json_t *)(uintptr_t)value);
        return;
    }
    struct render *render =
        render_begin(&(struct render_options){.command = "pollux",
                                              .out = stdout,
                                              .err = stderr,
                                              .width = session_width(s),
                                              .out_is_terminal = s->out_is_terminal,
                                              .err_is_terminal = s->err_is_terminal});
    for (size_t i = 0; i < (json_is_array(value) ? json_array_size(value) : 1); i++)
        render_value(render, json_is_array(value) ? json_array_get(value, i) : value);
    render_end(render);
}

static int run_commands(struct session *s, const struct pipeline *typed, const json_t *input,
                        json_t *capture)
{
    struct pipe pipe = {.session = s, .capture = capture};
    struct error e = {0};
    const char *who = "pollux";
    pipe.stages = xcalloc(typed->count, sizeof(struct stage *));
    if (build(&pipe, typed, &who, &e))
        pipe.status = refuse(s, typed, who, &e);
    else
        drive(&pipe, input);
    for (size_t i = 0; i < pipe.count; i++)
        stage_free(pipe.stages[i]);
    free(pipe.stages);
    bool nothing = pipe.status == STATUS_MISUSED || pipe.status == STATUS_NOT_PERMITTED;
    return pipe.did && nothing ? STATUS_FAILED : pipe.status;
}

int run_pipeline(struct session *s, const struct pipeline *pipeline, json_t *capture)
{
    OWNED(json_decref) json_t *input = NULL;
    struct error e = {0};
    for (size_t i = 0; i < pipeline->count; i++) {
        const char *name = alias_of(pipeline->commands[i]->name);
        if (asks_for_help(pipeline->commands[i]) && command_find(name) >= 0)
            return run_check_output(help_show(s, name));
    }
    if (pipeline->input && evaluate(s, pipeline->input, &input, &e))
        return refuse(s, pipeline, "pollux", &e);
    if (pipeline->count)
        return run_check_output(run_commands(s, pipeline, input, capture));
    show_value(s, input, capture);
    return run_check_output(STATUS_DONE);
}

json_t *run_result(const json_t *captured)
{
    size_t count = json_array_size(captured);
    if (count == 0)
        return json_null();
    return json_incref(count == 1 ? json_array_get(captured, 0) : (json_t *)(uintptr_t)captured);
}

/* --- statements --- */

static int run_statement(struct session *s, const struct statement *statement, json_t *capture)
{
    struct error e = {0};
    if (!statement->variable)
        return run_pipeline(s, statement->pipeline, capture);
    if (session_may_set(s, statement->variable, &e)) {
        error_kept(&e, "Nothing was done.");
        return refuse(s, statement->pipeline, "pollux", &e);
    }
    OWNED(json_decref) json_t *captured = json_array();
    int status = run_pipeline(s, statement->pipeline, captured);
    OWNED(json_decref) json_t *result = run_result(captured);
    if (session_set(s, statement->variable, json_deep_copy(result), &e))
        return refuse(s, statement->pipeline, "pollux", &e);
    return status;
}

/* `exit`, with or without a status behind it: the end of a script, or of the shell. */
static bool is_exit(const struct invocation *typed)
{
    return (strcasecmp(typed->name, "exit") == 0 || strcasecmp(typed->name, "quit") == 0) &&
           typed->count <= 1;
}

/* The status behind it; or else what came of the script so far. */
static int exit_status(struct session *s, const struct invocation *typed, int status)
{
    const struct expression *given = typed->count ? typed->elements[0].value : NULL;
    OWNED(json_decref) json_t *value = NULL;
    struct error e;
    if (!given)
        return status;
    if (evaluate(s, given, &value, &e))
        return show_error("exit", &e);
    OWNED(free_memory) char *text = value_text(value);
    char *end;
    long number = strtol(text, &end, 10);
    if (*text && !*end)
        return (int)(number & 0xff);
    fail(&e, FAIL_INVALID, "exit takes a number, not \"%.64s\".", text);
    return show_error("exit", &e);
}

static const struct invocation *sole_command(const struct statement *statement)
{
    const struct pipeline *p = statement->pipeline;
    return p->count == 1 && !p->input && !statement->variable ? p->commands[0] : NULL;
}

int run_status_of_both(int so_far, int one)
{
    return so_far == one ? one : STATUS_FAILED;
}

static bool is_mere_value(const struct statement *statement)
{
    return statement->pipeline->count == 0;
}

bool run_has_exit(const struct script *script)
{
    for (size_t i = 0; i < script->count; i++) {
        const struct invocation *sole = sole_command(&script->statements[i]);
        if (sole && is_exit(sole))
            return true;
    }
    return false;
}

static int run_statements(struct session *s, const struct script *script, json_t *capture)
{
    int status = STATUS_DONE;
    bool begun = false;
    for (size_t i = 0; i < script->count && !s->stop && !session_interrupted(); i++) {
        const struct invocation *sole = sole_command(&script->statements[i]);
        if (sole && is_exit(sole)) {
            s->leaves = true;
            return exit_status(s, sole, status);
        }
        int one = run_statement(s, &script->statements[i], capture);
        if (one == STATUS_DONE && is_mere_value(&script->statements[i]))
            continue;
        status = begun ? run_status_of_both(status, one) : one;
        begun = true;
    }
    return session_interrupted() ? STATUS_INTERRUPTED : status;
}

int run_block(struct session *s, const struct script *block, json_t *capture)
{
    return run_statements(s, block, capture);
}

int run_script(struct session *s, const struct script *script)
{
    int status = run_statements(s, script, NULL);
    s->stop = false;
    return status;
}

int run_text(struct session *s, struct bytes text)
{
    OWNED(script_free) struct script *script = NULL;
    struct error e = {0};
    if (parse_script(text, &script, NULL, &e))
        return show_error("pollux", &e);
    return run_script(s, script);
}

int run_file(struct session *s, const char *path)
{
    struct error e = {0};
    FILE *file = path ? fopen(path, "re") : stdin;
    OWNED(buffer_free) struct buffer text = {0};
    if (!file) {
        fail(&e, FAIL_INVALID, "The script %s can't be read: %s.", path, strerrordesc_np(errno));
        error_kept(&e, "Nothing was done.");
        return show_error("pollux", &e);
    }
    /* One byte more than a script may have: the parser tells that it is too long. */
    buffer_reserve(&text, SCRIPT_BYTES_MAX + 1);
    text.size = fread(text.at, 1, SCRIPT_BYTES_MAX + 1, file);
    bool broken = ferror(file) != 0;
    if (broken)
        fail(&e, FAIL_IO, "The script can't be read: %s.", strerrordesc_np(errno));
    error_kept(&e, "Nothing was done.");
    if (path)
        fclose(file);
    if (session_interrupted())
        return STATUS_INTERRUPTED;
    return broken ? show_error("pollux", &e) : run_text(s, buffer_view(&text));
}
