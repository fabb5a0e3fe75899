#include "cmdlet/shell/stage.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "cmdlet/shell/alias.h"
#include "cmdlet/shell/evaluate.h"
#include "cmdlet/shell/local.h"
#include "cmdlet/shell/stage_inside.h"

DEFINE_OWNED(json_t *, json_decref)

/* --- what it was told --- */

static enum action action_of(const struct stage *stage, const char *parameter, const char *variable,
                             enum action usual)
{
    const char *given = bound_text(&stage->b, parameter);
    return given ? action_named(given) : session_preference(stage->pipe->session, variable, usual);
}

static enum action action_of_switch(const struct stage *stage, const char *parameter,
                                    const char *variable)
{
    if (json_object_get(stage->b.bound, parameter))
        return bound_switch(&stage->b, parameter) ? ACTION_CONTINUE : ACTION_SILENT;
    return session_preference(stage->pipe->session, variable, ACTION_SILENT);
}

static void read_actions(struct stage *stage)
{
    stage->on_error = action_of(stage, "ErrorAction", "ErrorActionPreference", ACTION_CONTINUE);
    stage->actions[NOTICE_WARNING] =
        action_of(stage, "WarningAction", "WarningPreference", ACTION_CONTINUE);
    stage->actions[NOTICE_INFORMATION] =
        action_of(stage, "InformationAction", "InformationPreference", ACTION_SILENT);
    stage->actions[NOTICE_VERBOSE] = action_of_switch(stage, "Verbose", "VerbosePreference");
    stage->actions[NOTICE_DEBUG] = action_of_switch(stage, "Debug", "DebugPreference");
    if (stage->actions[NOTICE_VERBOSE] == ACTION_CONTINUE)
        json_object_set_new(stage->b.bound, "Verbose", json_true());
    if (stage->actions[NOTICE_DEBUG] == ACTION_CONTINUE)
        json_object_set_new(stage->b.bound, "Debug", json_true());
}

/* --- what it passes on --- */

static void pass(struct stage *stage)
{
    struct stage *next = stage->pipe->stages[stage->place + 1];
    OWNED(json_decref) json_t *held = TAKE(stage->held);
    for (size_t i = 0; i < json_array_size(held) && !stage_is_over(stage); i++) {
        const json_t *object = json_array_get(held, i);
        const char *variable = bound_text(&stage->b, "PipelineVariable");
        struct error e;
        if (variable && session_set(stage->pipe->session, variable, json_deep_copy(object), &e))
            stage_fail(stage, &e);
        stage_take(next, object);
    }
}

void stage_emit(struct stage *stage, const json_t *object)
{
    struct pipe *pipe = stage->pipe;
    if (stage_is_over(stage))
        return;
    stage_keep(stage, KEPT_OBJECTS, object);
    if (stage->place + 1 < pipe->count) {
        json_int_t room = json_integer_value(json_object_get(stage->b.bound, "OutBuffer"));
        if (!stage->held)
            stage->held = json_array();
        json_array_append(stage->held, (json_t *)(uintptr_t)object);
        if ((json_int_t)json_array_size(stage->held) > room)
            pass(stage);
    } else if (pipe->capture) {
        json_array_append(pipe->capture, (json_t *)(uintptr_t)object);
    } else {
        render_value(stage_render(stage), object);
    }
}

/* --- what it takes --- */

static void tell_warnings(struct stage *stage)
{
    for (size_t i = 0; i < stage->b.warning_count; i++) {
        OWNED(json_decref) json_t *text = json_string(stage->b.warnings[i]);
        stage_notice(stage, NOTICE_WARNING, text);
    }
}

static enum failure bind_typed(struct stage *stage, struct error *e)
{
    OWNED(words_free) struct words words = {0};
    const struct bind_options options = {.in_shell = stage->pipe->session->in_shell,
                                         .piped = stage->piped};
    const struct command *command = stage->b.command;
    enum failure bad = evaluate_words(stage->pipe->session, stage->typed, &words, e);
    binding_free(&stage->b);
    stage->b.command = command;
    if (!bad)
        bad = bind_words(&stage->b, command, words.list, words.count, &options, e);
    if (!bad)
        bad = local_check(&stage->b, e);
    if (bad)
        return bad;
    read_actions(stage);
    if (!stage->settled)
        tell_warnings(stage);
    stage->settled = true;
    return OK;
}

void stage_start(struct stage *stage)
{
    if (stage->pipe->stop)
        return;
    if (command_is_remote(stage->b.command))
        stage_carry_out(stage);
    else
        local_start(stage);
}

void stage_take(struct stage *stage, const json_t *object)
{
    struct error e = {0};
    if (session_interrupted()) {
        stage->pipe->stop = true;
        stage_note_status(stage, STATUS_INTERRUPTED);
    }
    if (stage_is_over(stage))
        return;
    enum failure bad = stage->pipe->anew ? bind_typed(stage, &e) : OK;
    if (!bad)
        bad = bind_piped(&stage->b, object, &e);
    if (bad)
        stage_fail(stage, &e);
    else if (stage_is_over(stage))
        return;
    else if (command_is_remote(stage->b.command))
        stage_carry_out(stage);
    else
        local_take(stage, object);
}

/* Behind what the variable held, for "+name". Takes `list` over. */
static json_t *added(const json_t *before, json_t *list)
{
    if (!before || json_is_null(before))
        return list;
    json_t *both = json_is_array(before) ? json_copy((json_t *)(uintptr_t)before)
                                         : json_pack("[O]", (json_t *)(uintptr_t)before);
    json_array_extend(both, list);
    json_decref(list);
    return both;
}

static void set_kept(struct stage *stage)
{
    for (int kind = 0; kind < KEPT_KINDS; kind++) {
        const char *name = bound_text(&stage->b, stage_kept_parameters[kind]);
        if (!name)
            continue;
        json_t *list = stage->kept[kind] ? TAKE(stage->kept[kind]) : json_array();
        struct error e;
        if (*name == '+')
            list = added(session_get(stage->pipe->session, ++name), list);
        if (session_set(stage->pipe->session, name, list, &e))
            stage_fail(stage, &e);
    }
}

void stage_end(struct stage *stage)
{
    if (!command_is_remote(stage->b.command))
        local_end(stage);
    if (stage->held)
        pass(stage);
    set_kept(stage);
}

/* --- beginning and end --- */

struct stage *stage_new(struct pipe *pipe, size_t place, bool piped, const struct invocation *typed,
                        struct error *e)
{
    struct stage *stage = xcalloc(1, sizeof *stage);
    *stage = (struct stage){.pipe = pipe, .place = place, .piped = piped, .typed = typed};
    stage->b.command = command_at((size_t)command_find(alias_of(typed->name)));
    stage->b.bound = json_object();
    if (pipe->anew) {
        read_actions(stage);
    } else if (bind_typed(stage, e)) {
        stage_free(stage);
        return NULL;
    }
    return stage;
}

void stage_free(struct stage *stage)
{
    if (!stage)
        return;
    if (stage->render)
        render_end(stage->render);
    for (int kind = 0; kind < KEPT_KINDS; kind++)
        json_decref(stage->kept[kind]);
    json_decref(stage->held);
    json_decref(stage->heard);
    json_decref(stage->rehearsed);
    binding_free(&stage->b);
    free(stage->follow);
    free(stage->cancel);
    free(stage->report);
    free(stage->left_to);
    free(stage);
}

const struct binding *stage_binding(const struct stage *stage)
{
    return &stage->b;
}

void stage_stop(struct stage *stage)
{
    stage->pipe->stop = true;
}

void stage_enough(struct stage *stage)
{
    if (stage->pipe->over < stage->place)
        stage->pipe->over = stage->place;
}

struct session *stage_session(const struct stage *stage)
{
    return stage->pipe->session;
}

void **stage_state(struct stage *stage)
{
    return &stage->state;
}
