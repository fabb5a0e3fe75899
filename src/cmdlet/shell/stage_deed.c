/* How a stage has polluxd carry its command out: once as a rehearsal where that is wanted, with the
 * file that it is about, and with its report. */
#include <stdlib.h>

#include "base/clock.h"
#include "cmdlet/shell/behind.h"
#include "cmdlet/shell/person.h"
#include "cmdlet/shell/remote.h"
#include "cmdlet/shell/report_file.h"
#include "cmdlet/shell/secret.h"
#include "cmdlet/shell/stage_inside.h"
#include "cmdlet/shell/transfer.h"

DEFINE_OWNED(json_t *, json_decref)

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
    render_error(stage_render(stage), &e);
}

static void on_file_warning(const char *sentence, void *context)
{
    OWNED(json_decref) json_t *text = json_string(sentence);
    stage_notice(context, NOTICE_WARNING, text);
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
                                           .message = stage_message,
                                           .wait = stage_wait,
                                           .left = stage_leave,
                                           .context = stage};
    bad = remote_run(&stage->b, &options, e);
    if (bad == FAIL_IO && stage->follow)
        error_next(e, "It may go on all the same. At a machine that answers: %s", stage->follow);
    if ((bad == FAIL_IO || bad == FAIL_DEADLINE) && !options.what_if)
        stage_report_broken(stage, e);
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
        render_error(stage_render(stage), e);
    else if (command_changes(stage->b.command) && !what_if && !bound_switch(&stage->b, "WhatIf"))
        detach(stage);
    stage_note_status(stage, STATUS_INTERRUPTED);
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
        stage_report(stage, facts);
    return bad;
}

/* -Confirm: first what would be done, then the question, then the deed. And a warning that shall
 * stop the command has to come before the deed. */
static enum failure prepare(struct stage *stage, bool *yes, struct error *e)
{
    bool asks = stage_is_asked(&stage->b);
    bool changes = command_changes(stage->b.command) && !bound_switch(&stage->b, "WhatIf");
    *yes = true;
    if (!changes || !(asks || stage_stops_at_warnings(stage)))
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
        stage_notice(stage, NOTICE_WARNING, text);
}

void stage_carry_out(struct stage *stage)
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
