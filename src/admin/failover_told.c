#include "admin/failover_told.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "admin/aside.h"
#include "admin/backup_answer.h"
#include "admin/preflight.h"
#include "admin/report.h"
#include "base/clock.h"
#include "base/count.h"
#include "base/timespan.h"
#include "core/operation_plan.h"

/* --- how it goes --- */

static uint64_t left(const struct operation_status *s)
{
    return s->holder_usn > s->copied ? s->holder_usn - s->copied : 0;
}

/* How much of the step is done: changes that are copied, or where sessions have time to end, of
 * that. */
struct share {
    uint64_t done, total;
};

static struct share share_of(const struct operation_report *r)
{
    const struct operation_status *s = &r->status;
    struct share share = {s->copied, s->holder_usn};
    if (s->step == OPERATION_REPLICAS)
        share = (struct share){s->replicas_usn, s->replicas_goal};
    else if (s->step == OPERATION_CLOSE)
        share = (struct share){s->kept_ms ? clock_ms() - s->kept_ms : 0, r->wish.options.close_ms};
    share.done = share.done < share.total ? share.done : share.total;
    return share;
}

/* How much is to be copied only the holder knows; when it has released, nothing is. */
static char *what_is_left(const struct operation_report *r, const struct share *share)
{
    const struct operation_status *s = &r->status;
    if (s->step == OPERATION_REPLICAS)
        return xasprintf(", %" PRIu64 " of %s: %s", share->done, COUNTED(share->total, "change"),
                         r->replicas.behind);
    if (s->step == OPERATION_CLOSE)
        return xasprintf(", %s left", ROUGHLY(share->total - share->done));
    if (!operation_step_is_open(s->step))
        return xstrdup("");
    if (!s->heard)
        return xasprintf(", asking %s", r->from);
    return xasprintf(", %s left to copy", COUNTED(left(s), "change"));
}

static char *which_step(const struct operation_report *r)
{
    const char *name = operation_step_name(r->status.step);
    struct operation_plan plan = operation_plan(&r->wish.options, &r->status);
    return plan.step ? xasprintf("%s (%u of %u)", name, plan.step, plan.steps) : xstrdup(name);
}

static char *how_it_goes(const struct operation_report *r, const struct share *share)
{
    OWNED(free_memory) char *step = which_step(r), *still = what_is_left(r, share);
    return xasprintf("%s%s", step, still);
}

void failover_tell_looking(struct call *call, enum operation_kind kind)
{
    call_progress(call, &(struct call_progress){.activity = operation_kind_name(kind),
                                                .status = "Looking whether it can be done"});
}

void failover_tell_progress(struct call *call, const struct operation_report *r,
                            const struct failover_words *words)
{
    bool ended = r->status.ended_ms; /* what it came to is told when that is kept */
    const struct share share = ended ? (struct share){0} : share_of(r);
    OWNED(free_memory)
    char *status = ended ? xstrdup("Writing down what it came to") : how_it_goes(r, &share);
    call_progress(call, &(struct call_progress){.activity = operation_kind_name(r->wish.kind),
                                                .status = status,
                                                .done = share.done,
                                                .total = share.total,
                                                .began_ms = r->status.began_ms,
                                                .follow = words->follow,
                                                .cancel = words->cancel});
}

/* --- what it came to --- */

static void tell_digests(struct call *call, const struct home_point *point)
{
    for (int m = 0; m < MODULES; m++) {
        const struct digest *d = &point->digests[m];
        if (d->items)
            call_figure(call,
                        json_sprintf("%016" PRIx64 "%016" PRIx64 " over %s", d->high, d->low,
                                     COUNTED(d->items, "item")),
                        "Digest of %s", module_name((enum module)m));
    }
}

/* Whatever happens to who took it: the home is, and the rest comes by itself. */
static bool is_taken(enum operation_step step)
{
    return step == OPERATION_TURN || step == OPERATION_DONE;
}

/* How long each step took: most are over before anybody looks. */
static void tell_steps(struct call *call, const struct operation_status *s)
{
    bool failed = s->step == OPERATION_FAILED;
    enum operation_step not_done = failed ? s->failed_at : s->step; /* it is interrupted there */
    for (int i = 0; i < OPERATION_DONE; i++) {
        enum operation_step step = (enum operation_step)i;
        const struct report_step took = {.name = operation_step_name(step),
                                         .began_ms = s->step_ms[step],
                                         .ended_ms =
                                             step == s->step ? clock_ms() : s->step_end_ms[step],
                                         .failed = step == not_done && !is_taken(step)};
        if (!took.began_ms || took.ended_ms < took.began_ms)
            continue;
        call_verbose(call, "%s: %" PRIu64 " ms", took.name, took.ended_ms - took.began_ms);
        call_measured(call, &took);
    }
}

void failover_warn_of_witnesses(struct call *call, const char *holder, const char *witnesses,
                                struct failover_words *words)
{
    if (!witnesses[0] || strcmp(witnesses, words->witnesses) == 0)
        return;
    snprintf(words->witnesses, sizeof words->witnesses, "%s", witnesses);
    call_warning(call, "%s is heard by others than %s: %s. It steps down as soon as they tell it.",
                 holder, front_end_pool(call_front_end(call)), witnesses);
}

static void warn_of_alone(struct call *call, const struct operation_report *r,
                          struct failover_words *words)
{
    struct front_end *fe = call_front_end(call);
    OWNED(free_memory)
    char *age =
        preflight_age(r->complete_wall_ms, r->ended_wall_ms ? r->ended_wall_ms : clock_wall_ms());
    call_warning(call,
                 "%s did not give the home away, so it was taken as the copy at %s had it: up to "
                 "change %" PRIu64 ". Age of that copy: %s. What %s accepted besides is salvaged "
                 "when it comes back.",
                 r->from, front_end_pool(fe), r->status.point.usn, age, r->from);
    call_figure(call, json_string(age), "Age of the copy that was taken");
    OWNED(free_memory)
    char *files = preflight_files_away(r->files_missing, front_end_pool(fe), r->from);
    if (files)
        call_warning(call, "%s", files);
    failover_warn_of_witnesses(call, r->from, r->witnesses, words);
}

/* What the replicas had more than the copy that was taken. */
static void tell_gathered(struct call *call, const struct replicas_said *said)
{
    if (said->brought) {
        call_warning(call, "%s had %s more than the copy at %s: %s brought before it was taken.",
                     said->brought_from, COUNTED(said->brought, "change"),
                     front_end_pool(call_front_end(call)),
                     count_word(said->brought, "it was", "they were"));
        call_figure(call, json_integer((json_int_t)said->brought), "Changes brought from %s",
                    said->brought_from);
    }
    if (said->ahead[0]) {
        call_warning(call,
                     "More than was taken is at %s%s%s. It is moved aside there and salvaged; "
                     "Get-CsBackupServiceConflict shows what could not be carried over.",
                     said->ahead, said->trouble[0] ? ": " : "", said->trouble);
        call_figure(call, json_string(said->ahead), "Replicas with more than was taken");
    }
}

/* Whom nobody waited for, and nobody asked. */
static void tell_replicas(struct call *call, const struct operation_report *r,
                          const struct failover_words *words)
{
    const struct replicas_said *said = &r->replicas;
    bool known = !r->wish.options.disaster && strcmp(said->away, words->away) == 0;
    if (r->status.alone)
        tell_gathered(call, said);
    if (!said->away[0])
        return;
    call_figure(call, json_string(said->away), "Replicas that did not answer");
    if (known) /* it stands above */
        return;
    if (r->status.alone)
        call_warning(call,
                     "These replicas did not answer, and were not asked whether they have more: "
                     "%s. What they have is salvaged, and they catch up, at their first contact.",
                     said->away);
    else
        call_warning(call,
                     "These replicas did not answer, and were not waited for: %s. They catch up at "
                     "their first contact.",
                     said->away);
}

/* What a person in a hurry looks for. */
static void tell_holder(struct call *call, const struct operation_report *r)
{
    call_figure(call, json_string(front_end_pool(call_front_end(call))), "Holder");
    call_figure(call, json_string(r->from), "Taken from");
    call_figure(call, json_integer((json_int_t)r->status.to.number), "Term");
}

/* "No" would say that they were not. */
static const char *verified_text(const struct operation_status *s)
{
    if (s->verified)
        return "yes";
    return s->alone ? "not compared: the other was not there" : "not compared";
}

/* What came back since, without a command that could have written a report of it. */
static void tell_last_rejoin(struct call *call, const char *home)
{
    const struct front_end *fe = call_front_end(call);
    if (!call_has_report(call))
        return;
    OWNED(view_close) struct view *view = NULL;
    json_t *shown = json_object();
    struct error unused;
    if (!store_view(front_end_store(fe), &view, &unused))
        aside_show_last(shown, view, home_hold(hosted_home_core(front_end_home(fe, home))));
    call_figures(call, shown, home);
    json_decref(shown);
}

static void tell_done(struct call *call, const struct operation_report *r,
                      struct failover_words *words)
{
    const struct operation_status *s = &r->status;
    const struct front_end *fe = call_front_end(call);
    char refused[TIME_SPAN_TEXT_MAX], took[TIME_SPAN_TEXT_MAX];
    uint64_t items = 0;
    for (int m = 0; m < MODULES; m++)
        items += s->point.digests[m].items;
    time_span_text(s->refused_ms, refused);
    time_span_text((s->ended_ms ? s->ended_ms : clock_ms()) - s->began_ms, took);
    tell_holder(call, r);
    if (s->alone)
        warn_of_alone(call, r, words);
    else if (r->wish.options.disaster)
        call_warning(call,
                     "Disaster mode was not needed: %s answered, and released the home. "
                     "Nothing was lost.",
                     r->from);
    tell_replicas(call, r, words);
    if (!s->alone && !s->turned)
        call_caution(call, "%s has not confirmed yet that it stands by.", r->from);
    if (!s->alone && !s->verified)
        call_warning(call, "The copy was not verified before it was taken.");
    json_t *object = json_pack("{s:s, s:s, s:s, s:I, s:I, s:I, s:s?, s:s, s:b}", "Identity",
                               r->wish.home, "Holder", front_end_pool(fe), "TakenFrom", r->from,
                               "Term", (json_int_t)s->to.number, "Items", (json_int_t)items,
                               "UpToChange", (json_int_t)s->point.usn, "ChangesRefused",
                               s->alone ? NULL : refused, /* else nobody knows since when */
                               "Duration", took, "Verified", s->verified);
    if (s->alone)
        show_consistent(object, r->complete_wall_ms);
    call_object(call, object);
    if (!s->alone)
        call_figure(call, json_string(refused), "Changes refused for");
    call_figure(call, json_integer((json_int_t)items), "Items taken over");
    call_figure(call, json_integer((json_int_t)s->point.usn), "Up to change");
    call_figure(call, json_string(verified_text(s)), "Both copies verified to be equal");
    tell_digests(call, &s->point);
    tell_last_rejoin(call, r->wish.home);
}

/* This machine stops before the home was taken, or called off. */
static void tell_interrupted(struct call *call, const struct operation_report *r,
                             const struct failover_words *words)
{
    const char *self = front_end_pool(call_front_end(call));
    struct error e;
    fail(&e, FAIL_STOPPING,
         "polluxd stops at %s, and the %s of the home %s is interrupted at \"%s\".", self,
         operation_kind_name(r->wish.kind), r->wish.home, operation_step_name(r->status.step));
    error_kept(&e,
               "If %s has released the home by then, %s takes it when it runs again; else it is "
               "served where it was.",
               r->from, self);
    error_next(&e, "%s shows which, and the same again goes on or begins anew: %s", words->follow,
               r->wish.again);
    call_error(call, &e);
}

void failover_tell_end(struct call *call, const struct operation_report *r,
                       struct failover_words *words)
{
    enum operation_step step = r->status.step;
    tell_steps(call, &r->status);
    if (is_taken(step) && operating_is_under_way(r))
        call_caution(call,
                     "polluxd stops at %s: the home is taken, and that it is done may not be "
                     "written down.",
                     front_end_pool(call_front_end(call)));
    if (is_taken(step))
        tell_done(call, r, words);
    else if (step == OPERATION_FAILED)
        call_error(call, &r->status.error);
    else
        tell_interrupted(call, r, words);
}
