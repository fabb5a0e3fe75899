#include "cmdlet/shell/stage.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "cmdlet/answer/render.h"
#include "cmdlet/shell/alias.h"
#include "cmdlet/shell/behind.h"
#include "cmdlet/shell/evaluate.h"
#include "cmdlet/shell/local.h"
#include "cmdlet/shell/person.h"
#include "cmdlet/shell/remote.h"
#include "cmdlet/shell/report_file.h"
#include "cmdlet/shell/secret.h"
#include "cmdlet/shell/transfer.h"

DEFINE_OWNED(json_t *, json_decref)

struct stage {
    struct pipe *pipe;
    size_t place;
    bool piped;
    const struct invocation *typed;
    struct binding b;
    enum action actions[NOTICES], on_error;
    struct render *render; /* NULL: nothing was shown yet */
    bool settled;          /* its words were bound, at least once */
    bool rehearses;        /* a run with -WhatIf, before the deed */
    bool would_do;         /* and that something would be done came of it */
    bool troubled;         /* something went wrong since it began */
    bool denied;           /* polluxd did not permit it */
    json_t *heard;         /* warnings of that run: the deed gives them again */
    json_t *rehearsed;     /* its report, which is the command's if it failed there */
    json_t *held;          /* until OutBuffer is full */
    json_t *kept[4];     /* what goes into the variables that were named, in the order of `kinds` */
    char *report;        /* where the report of this run goes; NULL: none is wanted */
    char *left_to;       /* … and is going to be, written by who stayed for it */
    bool report_is_kept; /* nobody asked for it */
    unsigned reports;    /* so many runs had one */
    uint64_t began_wall_ms;
    bool is_behind;            /* this process stayed for the report alone */
    char *follow, *cancel;     /* how a long command is followed and ended, as polluxd said last */
    struct transfer *transfer; /* of the file that it is about, while it runs */
    void *state;
};

/* The variables that a command can fill. */
enum kept_kind { KEPT_ERRORS, KEPT_WARNINGS, KEPT_INFORMATION, KEPT_OBJECTS, KEPT_KINDS };
static const char *const kept_parameters[KEPT_KINDS] = {"ErrorVariable", "WarningVariable",
                                                        "InformationVariable", "OutVariable"};

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

/* Begun when there is something to show: by then it is known what it was told. */
static struct render *render_of(struct stage *stage)
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

/* --- what it says --- */

static void keep(struct stage *stage, enum kept_kind kind, const json_t *value)
{
    if (json_object_get(stage->b.bound, kept_parameters[kind])) {
        if (!stage->kept[kind])
            stage->kept[kind] = json_array();
        json_array_append(stage->kept[kind], (json_t *)(uintptr_t)value);
    }
}

static bool is_over(const struct stage *stage)
{
    return stage->pipe->stop || stage->place < stage->pipe->over;
}

static void note_status(struct stage *stage, int status)
{
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
        render_error(render_of(stage), &e);
    if (action != ACTION_STOP && yes)
        return true;
    note_status(stage, STATUS_FAILED);
    stage->pipe->stop = stage->pipe->session->stop = true;
    return false;
}

static void fail_with(struct stage *stage, const struct error *e, int status)
{
    OWNED(json_decref)
    json_t *kept = json_pack("{s:s, s:s, s:s, s:s}", "Command", stage->b.command->name, "Message",
                             e->what, "Kept", e->kept, "Next", e->next);
    if (kept)
        keep(stage, KEPT_ERRORS, kept);
    note_status(stage, status);
    render_error(render_of(stage), e);
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

static void on_notice(struct stage *stage, enum notice kind, const json_t *text)
{
    if (kind == NOTICE_WARNING && was_heard(stage, text))
        return;
    if (kind == NOTICE_WARNING)
        keep(stage, KEPT_WARNINGS, text);
    if (kind == NOTICE_INFORMATION)
        keep(stage, KEPT_INFORMATION, text);
    render_notice(render_of(stage), kind, json_string_value(text));
    struct error e;
    if ((kind == NOTICE_WARNING || kind == NOTICE_INFORMATION) &&
        !obey(stage, stage->actions[kind])) {
        fail(&e, FAIL_REFUSED, "%s, because of this %s.",
             stage->rehearses ? "Nothing was done" : "Nothing more is done", notice_key(kind));
        render_error(render_of(stage), &e);
    }
}

static void replace_text(char **text, const json_t *value)
{
    free(*text);
    *text = json_string_value(value) ? xstrdup(json_string_value(value)) : NULL;
}

static bool stops_at_warnings(const struct stage *stage)
{
    enum action action = stage->actions[NOTICE_WARNING];
    return action == ACTION_STOP || action == ACTION_INQUIRE;
}

/* By -Confirm; or because what it destroys, nothing brings back. */
static bool is_asked(const struct binding *b)
{
    bool usual = b->command->effect == DESTROYS && !bound_switch(b, "Force");
    return json_object_get(b->bound, "Confirm") ? bound_switch(b, "Confirm") : usual;
}

/* Only -Confirm shows what would be done; whoever stops at warnings wants those alone. */
static bool is_for_person(const struct stage *stage, const json_t *message)
{
    return !stage->rehearses || is_asked(&stage->b) || json_object_get(message, "warning") ||
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

static void on_report(struct stage *stage, const json_t *facts)
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
        on_notice(stage, NOTICE_VERBOSE, text);
    }
}

/* Of what polluxd does not tell any more. */
static void report_breaking_off(struct stage *stage, const struct error *e)
{
    OWNED(json_decref)
    json_t *facts = stage->report ? report_file_broken(&stage->b, stage->began_wall_ms, e) : NULL;
    if (facts)
        on_report(stage, facts);
}

static void on_message(const json_t *message, void *context)
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
            on_notice(stage, (enum notice)kind, text);
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
        on_report(stage, report);
    else
        render_message(render_of(stage), message);
}

static void on_wait(void *context)
{
    struct stage *stage = context;
    render_tick(render_of(stage));
}

/* The report of what was sent is owed all the same. */
static bool on_left(void *context)
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

/* --- what it passes on --- */

static void pass(struct stage *stage)
{
    struct stage *next = stage->pipe->stages[stage->place + 1];
    OWNED(json_decref) json_t *held = TAKE(stage->held);
    for (size_t i = 0; i < json_array_size(held) && !is_over(stage); i++) {
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
    if (is_over(stage))
        return;
    keep(stage, KEPT_OBJECTS, object);
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
        render_value(render_of(stage), object);
    }
}

/* --- carrying out --- */

/* Ctrl-C, while a change was under way. Without polluxd's progress, or whoever stays for the
 * report, it is not known that all of it was sent. */
static void detach(struct stage *stage)
{
    struct error e;
    const char *name = stage->b.command->name;
    bool sent = stage->follow || stage->left_to;
    OWNED(free_memory)
    char *report =
        stage->left_to ? xasprintf("The report is going to be %s. ", stage->left_to) : xstrdup("");
    fail(&e, FAIL_STOPPING,
         sent ? "%s was sent, and polluxd goes on with it without you."
              : "%s may have reached polluxd, which then goes on with it without you.",
         name);
    error_kept(&e, "%s%s%s", report,
               stage->follow ? "To see how it goes on: "
                             : "See what is there before you give it again.",
               stage->follow ? stage->follow : "");
    if (stage->cancel)
        error_next(&e, "To end it: %s", stage->cancel);
    render_error(render_of(stage), &e);
}

static void on_file_warning(const char *sentence, void *context)
{
    OWNED(json_decref) json_t *text = json_string(sentence);
    on_notice(context, NOTICE_WARNING, text);
}

/* The command, and the file that it is about. */
static enum failure run_with_file(struct stage *stage, bool what_if, struct error *e)
{
    const struct transfer_options about = {.binding = &stage->b,
                                           .what_if = what_if || bound_switch(&stage->b, "WhatIf"),
                                           .warn = on_file_warning,
                                           .context = stage};
    stage->troubled = stage->denied = false;
    free(TAKE(stage->follow)); /* of a rehearsal, or of the object before */
    free(TAKE(stage->cancel));
    enum failure bad = transfer_begin(&about, &stage->transfer, e);
    if (bad)
        return bad;
    const struct remote_options options = {.what_if = what_if,
                                           .hidden = transfer_hidden(stage->transfer),
                                           .enough = transfer_is_lost(stage->transfer),
                                           .message = on_message,
                                           .wait = on_wait,
                                           .left = on_left,
                                           .context = stage};
    bad = remote_run(&stage->b, &options, e);
    if (bad == FAIL_IO && stage->follow)
        error_next(e, "It may go on all the same. At a machine that answers: %s", stage->follow);
    if ((bad == FAIL_IO || bad == FAIL_DEADLINE) && !options.what_if)
        report_breaking_off(stage, e);
    if (stage->is_behind)
        behind_end();
    return transfer_end(TAKE(stage->transfer), bad, !stage->troubled, e);
}

static enum failure run_remotely(struct stage *stage, bool what_if, struct error *e)
{
    bool has_file = command_has_file(stage->b.command);
    enum failure bad = run_with_file(stage, what_if, e);
    if (bad != FAIL_STOPPING || !session_interrupted())
        return bad;
    if (has_file)
        render_error(render_of(stage), e);
    else if (command_changes(stage->b.command) && !what_if && !bound_switch(&stage->b, "WhatIf"))
        detach(stage);
    note_status(stage, STATUS_INTERRUPTED);
    stage->pipe->stop = true;
    return OK;
}

/* With -WhatIf. `*good`: nothing speaks against the deed. */
static enum failure rehearse(struct stage *stage, bool *good, struct error *e)
{
    json_decref(stage->heard);
    stage->heard = json_array();
    stage->troubled = stage->would_do = false;
    stage->rehearses = true;
    enum failure bad = run_remotely(stage, true, e);
    stage->rehearses = false;
    *good = !bad && !stage->troubled && !stage->pipe->stop;
    OWNED(json_decref) json_t *facts = TAKE(stage->rehearsed);
    if (facts)
        on_report(stage, facts);
    return bad;
}

/* -Confirm: first what would be done, then the question, then the deed. And a warning that shall
 * stop the command has to come before the deed. */
static enum failure prepare(struct stage *stage, bool *yes, struct error *e)
{
    bool asks = is_asked(&stage->b);
    bool changes = command_changes(stage->b.command) && !bound_switch(&stage->b, "WhatIf");
    *yes = true;
    if (!changes || !(asks || stops_at_warnings(stage)))
        return OK;
    enum failure bad = rehearse(stage, yes, e);
    fflush(stdout);
    if (stage->b.command->effect == DESTROYS && !stage->would_do)
        *yes = false; /* there is nothing to ask about, nor to do */
    if (bad || !*yes || !asks)
        return bad;
    bad = person_confirms(bound_switch(&stage->b, "Confirm"), yes, e);
    if (bad == FAIL_REFUSED || bad == FAIL_STOPPING) /* of what was not wanted none is missed */
        free(TAKE(stage->report));
    return bad;
}

/* Before anything is done: a report that can't be written must not be found out afterwards. */
static enum failure prepare_report(struct stage *stage, struct error *e)
{
    free(TAKE(stage->left_to));
    stage->report_is_kept |= report_file_keep(&stage->b);
    stage->report = report_file_path(&stage->b, ++stage->reports);
    stage->began_wall_ms = clock_wall_ms();
    enum failure bad = stage->report ? report_file_check(stage->report, e) : OK;
    if (bad) /* which says so already */
        free(TAKE(stage->report));
    return bad;
}

/* The command ended, and polluxd sent none: it broke off, or refused before it began. Of that
 * nobody misses a report who asked for none. */
static void tell_missing_report(struct stage *stage, bool refused)
{
    OWNED(free_memory) char *path = TAKE(stage->report);
    bool missed = path && !(refused && stage->report_is_kept);
    OWNED(json_decref)
    json_t *text = missed ? json_sprintf("The report %s was not written.", path) : NULL;
    if (text)
        on_notice(stage, NOTICE_WARNING, text);
}

static void carry_out(struct stage *stage)
{
    struct error e = {0};
    bool yes = true;
    const char *got = NULL;
    free(TAKE(stage->report)); /* whoever said no to it is owed none */
    enum failure bad = secret_get(&stage->b, &got, &e);
    if (!bad)
        bad = prepare_report(stage, &e);
    if (!bad)
        bad = prepare(stage, &yes, &e);
    if (!bad && yes)
        bad = run_remotely(stage, false, &e);
    bool did = !bad && yes && !stage->denied && !bound_switch(&stage->b, "WhatIf");
    stage->pipe->did |= did && command_acts(stage->b.command);
    if (bad || yes || stage->troubled)
        tell_missing_report(stage, bad || !yes);
    if (got) /* the next object has its own */
        json_object_del(stage->b.bound, got);
    if (bad)
        stage_fail(stage, &e);
}

static void tell_warnings(struct stage *stage)
{
    for (size_t i = 0; i < stage->b.warning_count; i++) {
        OWNED(json_decref) json_t *text = json_string(stage->b.warnings[i]);
        on_notice(stage, NOTICE_WARNING, text);
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
        carry_out(stage);
    else
        local_start(stage);
}

void stage_take(struct stage *stage, const json_t *object)
{
    struct error e = {0};
    if (session_interrupted()) {
        stage->pipe->stop = true;
        note_status(stage, STATUS_INTERRUPTED);
    }
    if (is_over(stage))
        return;
    enum failure bad = stage->pipe->anew ? bind_typed(stage, &e) : OK;
    if (!bad)
        bad = bind_piped(&stage->b, object, &e);
    if (bad)
        stage_fail(stage, &e);
    else if (is_over(stage))
        return;
    else if (command_is_remote(stage->b.command))
        carry_out(stage);
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
        const char *name = bound_text(&stage->b, kept_parameters[kind]);
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

void stage_note_status(struct stage *stage, int status)
{
    if (status != STATUS_DONE)
        note_status(stage, status);
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
