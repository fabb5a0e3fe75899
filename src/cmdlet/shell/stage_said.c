/* What a stage tells of what comes of its command: as it was told to, to the person, and into
 * variables and reports. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "cmdlet/shell/behind.h"
#include "cmdlet/shell/local.h"
#include "cmdlet/shell/person.h"
#include "cmdlet/shell/report_file.h"
#include "cmdlet/shell/stage_inside.h"
#include "cmdlet/shell/transfer.h"

DEFINE_OWNED(json_t *, json_decref)

const char *const stage_kept_parameters[KEPT_KINDS] = {"ErrorVariable", "WarningVariable",
                                                       "InformationVariable", "OutVariable"};

static bool is_shown(enum action action)
{
    return action != ACTION_SILENT && action != ACTION_IGNORE;
}

static enum render_form form_of(const struct stage *stage)
{
    static const char *const names[] = {[RENDER_AUTO] = "Auto",
                                        [RENDER_LIST] = "List",
                                        [RENDER_TABLE] = "Table",
                                        [RENDER_JSON] = "Json"};
    const char *given = bound_text(&stage->b, "Output");
    for (size_t i = 0; given && i < COUNT_OF(names); i++) {
        if (strcmp(given, names[i]) == 0)
            return (enum render_form)i;
    }
    return local_form(stage->b.command);
}

struct render *stage_render(struct stage *stage)
{
    if (stage->render)
        return stage->render;
    const struct session *s = stage->pipe->session;
    struct render_options options = {.command = stage->b.command->name,
                                     .out = stdout,
                                     .err = stderr,
                                     .form = form_of(stage),
                                     .out_is_terminal = s->out_is_terminal,
                                     .err_is_terminal = s->err_is_terminal,
                                     .width = session_width(s),
                                     .show_errors = is_shown(stage->on_error),
                                     .show_progress = true};
    for (int kind = 0; kind < NOTICES; kind++)
        options.show[kind] = is_shown(stage->actions[kind]);
    return stage->render = render_begin(&options);
}

void stage_keep(struct stage *stage, enum kept_kind kind, const json_t *value)
{
    if (json_object_get(stage->b.bound, stage_kept_parameters[kind])) {
        if (!stage->kept[kind])
            stage->kept[kind] = json_array();
        json_array_append(stage->kept[kind], (json_t *)(uintptr_t)value);
    }
}

bool stage_is_over(const struct stage *stage)
{
    return stage->pipe->stop || stage->place < stage->pipe->over;
}

void stage_note_status(struct stage *stage, int status)
{
    if (status == STATUS_DONE)
        return;
    stage->troubled = true;
    if (stage->pipe->status == STATUS_DONE)
        stage->pipe->status = status;
}

/* Stop, or ask the person whether to. False: nothing more is done. */
static bool obey(struct stage *stage, enum action action)
{
    struct error e;
    bool yes = true;
    if (action == ACTION_INQUIRE && person_agrees("Go on all the same?", &yes, &e))
        render_error(stage_render(stage), &e);
    if (action != ACTION_STOP && yes)
        return true;
    stage_note_status(stage, STATUS_FAILED);
    stage->pipe->stop = stage->pipe->session->stop = true;
    return false;
}

static void fail_with(struct stage *stage, const struct error *e, int status)
{
    OWNED(json_decref)
    json_t *kept = json_pack("{s:s, s:s, s:s, s:s}", "Command", stage->b.command->name, "Message",
                             e->what, "Kept", e->kept, "Next", e->next);
    if (kept)
        stage_keep(stage, KEPT_ERRORS, kept);
    stage_note_status(stage, status);
    render_error(stage_render(stage), e);
    obey(stage, stage->on_error);
}

void stage_fail(struct stage *stage, const struct error *e)
{
    fail_with(stage, e, status_of_failure(e->kind));
}

/* It was typed rightly, or polluxd would not have begun. */
static void on_error(struct stage *stage, const json_t *value)
{
    struct error e;
    notice_read_error(value, &e);
    stage->denied |= e.kind == FAIL_DENIED;
    fail_with(stage, &e, e.kind == FAIL_DENIED ? STATUS_NOT_PERMITTED : STATUS_FAILED);
}

/* A warning of the rehearsal is told, and obeyed, once. */
static bool was_heard(struct stage *stage, const json_t *text)
{
    for (size_t i = 0; !stage->rehearses && i < json_array_size(stage->heard); i++) {
        if (json_equal(json_array_get(stage->heard, i), (json_t *)(uintptr_t)text))
            return true;
    }
    if (stage->rehearses)
        json_array_append(stage->heard, (json_t *)(uintptr_t)text);
    return false;
}

void stage_notice(struct stage *stage, enum notice kind, const json_t *text)
{
    if (kind == NOTICE_WARNING && was_heard(stage, text))
        return;
    if (kind == NOTICE_WARNING)
        stage_keep(stage, KEPT_WARNINGS, text);
    if (kind == NOTICE_INFORMATION)
        stage_keep(stage, KEPT_INFORMATION, text);
    render_notice(stage_render(stage), kind, json_string_value(text));
    struct error e;
    if ((kind == NOTICE_WARNING || kind == NOTICE_INFORMATION) &&
        !obey(stage, stage->actions[kind])) {
        fail(&e, FAIL_REFUSED, "%s, because of this %s.",
             stage->rehearses ? "Nothing was done" : "Nothing more is done", notice_key(kind));
        render_error(stage_render(stage), &e);
    }
}

static void replace_text(char **text, const json_t *value)
{
    free(*text);
    *text = json_string_value(value) ? xstrdup(json_string_value(value)) : NULL;
}

bool stage_stops_at_warnings(const struct stage *stage)
{
    enum action action = stage->actions[NOTICE_WARNING];
    return action == ACTION_STOP || action == ACTION_INQUIRE;
}

/* By -Confirm; or because what it destroys, nothing brings back. */
bool stage_is_asked(const struct binding *b)
{
    bool usual = b->command->effect == DESTROYS && !bound_switch(b, "Force");
    return json_object_get(b->bound, "Confirm") ? bound_switch(b, "Confirm") : usual;
}

/* Only -Confirm shows what would be done; whoever stops at warnings wants those alone. */
static bool is_for_person(const struct stage *stage, const json_t *message)
{
    return !stage->rehearses || stage_is_asked(&stage->b) || json_object_get(message, "warning") ||
           json_object_get(message, "error") || json_object_get(message, "report");
}

/* What polluxd says of a rehearsal that nobody typed: the command failed there, or nothing of it is
 * to be told. */
static void keep_failure(struct stage *stage, const json_t *facts)
{
    const char *result = json_string_value(json_object_get(facts, "Result"));
    if (!result || strcmp(result, "failed") != 0)
        return;
    json_decref(stage->rehearsed);
    stage->rehearsed = json_deep_copy(facts);
    json_object_del(json_object_get(stage->rehearsed, "Parameters"), "WhatIf");
}

void stage_report(struct stage *stage, const json_t *facts)
{
    if (stage->rehearses) {
        keep_failure(stage, facts);
        return;
    }
    OWNED(free_memory) char *path = TAKE(stage->report);
    struct error e;
    if (path && report_file_write(path, facts, &e)) {
        stage_fail(stage, &e);
    } else if (path) {
        OWNED(json_decref) json_t *text = json_sprintf("The report is %s.", path);
        stage_notice(stage, NOTICE_VERBOSE, text);
    }
}

void stage_report_broken(struct stage *stage, const struct error *e)
{
    OWNED(json_decref)
    json_t *facts = stage->report ? report_file_broken(&stage->b, stage->began_wall_ms, e) : NULL;
    if (facts)
        stage_report(stage, facts);
}

void stage_message(const json_t *message, void *context)
{
    struct stage *stage = context;
    stage->would_do |= json_object_get(message, "whatif") != NULL;
    if (transfer_message(stage->transfer, message) || !is_for_person(stage, message))
        return;
    const json_t *object = json_object_get(message, "object");
    const json_t *error = json_object_get(message, "error");
    const json_t *progress = json_object_get(message, "progress");
    const json_t *report = json_object_get(message, "report");
    for (int kind = 0; kind < NOTICES; kind++) {
        const json_t *text = json_object_get(message, notice_key((enum notice)kind));
        if (json_is_string(text)) {
            stage_notice(stage, (enum notice)kind, text);
            return;
        }
    }
    if (progress) {
        replace_text(&stage->follow, json_object_get(progress, "follow"));
        replace_text(&stage->cancel, json_object_get(progress, "cancel"));
    }
    if (object)
        stage_emit(stage, object);
    else if (error)
        on_error(stage, error);
    else if (report)
        stage_report(stage, report);
    else
        render_message(stage_render(stage), message);
}

void stage_wait(void *context)
{
    struct stage *stage = context;
    render_tick(stage_render(stage));
}

/* The report of what was sent is owed all the same. */
bool stage_leave(void *context)
{
    struct stage *stage = context;
    bool stays = false;
    bool owed = stage->report && command_changes(stage->b.command) && !stage->rehearses &&
                !bound_switch(&stage->b, "WhatIf");
    if (owed)
        stage->is_behind = behind_stay(&stays);
    if (stage->is_behind) /* whatever was to follow on it was left, too */
        stage->pipe->stop = stage->pipe->session->stop = true;
    if (stays && !stage->is_behind)
        stage->left_to = TAKE(stage->report);
    return stage->is_behind;
}
