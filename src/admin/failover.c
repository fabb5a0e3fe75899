/* Invoke-CsPoolFailOver, Invoke-CsPoolFailBack, Stop-CsPoolFailOver: one operation, told as it
 * goes. It runs at the pool that takes (pool/operating.h), and goes on when nobody watches any
 * more. */
#include "admin/failover.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "admin/aside.h"
#include "admin/backup_answer.h"
#include "admin/central_copy.h"
#include "admin/plan.h"
#include "admin/preflight.h"
#include "admin/report.h"
#include "base/clock.h"
#include "base/count.h"
#include "base/timespan.h"
#include "core/operation_plan.h"
#include "pool/operating.h"
#include "pool/rehearsal.h"

struct failover {
    struct operation_wish wish;
    uint64_t id;
    bool rehearsed; /* -WhatIf */
    struct rehearsal_trial *trial;
    struct error untried;   /* what came of that; kind OK: the store here keeps something */
    preflight_done *looked; /* what is done when the copy was looked at */
    char follow[FQDN_SIZE + 64], cancel[FQDN_SIZE + 64];
    /* What was named before it began: replicas that don't answer, and who else hears the holder. */
    char away[REPLICAS_TEXT_SIZE], witnesses[OPERATION_WITNESSES_SIZE];
};

static void failover_end(struct call *call)
{
    struct failover *f = call_kept(call);
    rehearsal_leave(f->trial);
    free(f);
    call_end(call);
}

/* --- what was asked for --- */

static uint32_t span_of(const struct call *call, const char *parameter, uint32_t without)
{
    uint64_t ms;
    const char *text = call_text(call, parameter);
    return text && time_span_ms(text, &ms) ? (uint32_t)ms : without;
}

static uint32_t number_of(const struct call *call, const char *parameter, uint32_t unit,
                          uint32_t without)
{
    const json_t *value = call_value(call, parameter);
    return value ? (uint32_t)json_integer_value(value) * unit : without;
}

/* Those that make it what it is, as they were given. Owned by the caller. */
static char *options_typed(const struct call *call)
{
    static const char *const all[] = {
        "Force",    "FlushStorageService",   "SkipDataVerification",
        "WaitTime", "ServicesStopDelayMins", "DatabaseCommandTimeoutInSeconds"};
    struct buffer typed = {0};
    for (size_t i = 0; i < COUNT_OF(all); i++) {
        const json_t *value = call_value(call, all[i]);
        if (json_is_true(value))
            buffer_printf(&typed, " -%s", all[i]);
        else if (json_is_string(value))
            buffer_printf(&typed, " -%s %s", all[i], json_string_value(value));
        else if (json_is_integer(value))
            buffer_printf(&typed, " -%s %" JSON_INTEGER_FORMAT, all[i], json_integer_value(value));
    }
    return buffer_take_text(&typed);
}

/* What is typed, with the names, so that it can be pasted. */
static void name_commands(const struct call *call, struct operation_wish *wish)
{
    const char *name = call_command(call)->name;
    if (wish->kind == OPERATION_MOVE_CENTRAL) {
        OWNED(free_memory)
        char *takeover = central_copy_takeover(front_end_config(call_front_end(call))->self->pool);
        snprintf(wish->alone, sizeof wish->alone, "%s", takeover);
        snprintf(wish->again, sizeof wish->again, "%s", name);
    } else {
        OWNED(free_memory) char *options = options_typed(call);
        snprintf(wish->again, sizeof wish->again, "%s -PoolFqdn %s%s%s", name, wish->home,
                 wish->options.disaster ? " -DisasterMode" : "", options);
        snprintf(wish->alone, sizeof wish->alone, "%s -PoolFqdn %s -DisasterMode", name,
                 wish->home);
    }
    if (wish->options.disaster && wish->kind == OPERATION_MOVE_CENTRAL)
        memcpy(wish->again, wish->alone, sizeof wish->again);
}

static void read_wish(const struct call *call, enum operation_kind kind, const char *home,
                      bool disaster, struct operation_wish *wish)
{
    bool skip = call_switch(call, "SkipDataVerification");
    *wish = (struct operation_wish){
        .kind = kind,
        .options = {.disaster = disaster,
                    .skip_verification = skip && kind != OPERATION_MOVE_CENTRAL,
                    .incomplete = skip,
                    .replicas = kind == OPERATION_MOVE_CENTRAL,
                    .flush = call_switch(call, "FlushStorageService"),
                    .patience_ms = span_of(call, "WaitTime", OPERATION_PATIENCE_MS),
                    .close_ms = number_of(call, "ServicesStopDelayMins", 60000, 0),
                    .store_ms = number_of(call, "DatabaseCommandTimeoutInSeconds", 1000,
                                          OPERATION_STORE_MS)}};
    snprintf(wish->home, sizeof wish->home, "%s", home);
    snprintf(wish->by, sizeof wish->by, "%s", call_caller(call)->name);
    name_commands(call, wish);
}

/* The last of this home, or the one that is under way; NULL: there was none. */
static const struct operation_report *find(const struct call *call)
{
    const struct failover *f = call_kept(call);
    return operating_of(front_end_operating(call_front_end(call)), f->wish.home);
}

/* --- how it goes --- */

static uint64_t left(const struct operation_status *s)
{
    return s->holder_usn > s->copied ? s->holder_usn - s->copied : 0;
}

/* What is left of the step: changes to copy, or the machines that it waits for. How much that is
 * only the holder knows; when it has released, nothing is. */
static char *what_is_left(const struct operation_report *r)
{
    const struct operation_status *s = &r->status;
    if (s->step == OPERATION_REPLICAS)
        return xasprintf(", %" PRIu64 " of %s: %s", s->replicas_usn,
                         COUNTED(s->replicas_goal, "change"), r->replicas.behind);
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

static void tell_progress(struct call *call, const struct operation_report *r)
{
    const struct failover *f = call_kept(call);
    const struct operation_status *s = &r->status;
    bool replicas = s->step == OPERATION_REPLICAS;
    OWNED(free_memory) char *step = which_step(r), *still = what_is_left(r);
    OWNED(free_memory) char *status = xasprintf("%s%s", step, still);
    call_progress(call,
                  &(struct call_progress){.activity = operation_kind_name(r->wish.kind),
                                          .status = status,
                                          .done = replicas ? s->replicas_usn : s->copied,
                                          .total = replicas ? s->replicas_goal : s->holder_usn,
                                          .began_ms = s->began_ms,
                                          .follow = f->follow,
                                          .cancel = f->cancel});
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

/* How long each step took: most are over before anybody looks. */
static void tell_steps(struct call *call, const struct operation_status *s)
{
    bool failed = s->step == OPERATION_FAILED;
    for (int i = 0; i < OPERATION_DONE; i++) {
        enum operation_step step = (enum operation_step)i;
        const struct report_step took = {.name = operation_step_name(step),
                                         .began_ms = s->step_ms[step],
                                         .ended_ms =
                                             step == s->step ? clock_ms() : s->step_end_ms[step],
                                         .failed = failed && step == s->failed_at};
        if (!took.began_ms || took.ended_ms < took.began_ms)
            continue;
        call_verbose(call, "%s: %" PRIu64 " ms", took.name, took.ended_ms - took.began_ms);
        call_measured(call, &took);
    }
}

/* It may be this pool that is cut off. Once is enough, and better before it is taken. */
static void warn_of_witnesses(struct call *call, const char *holder, const char *witnesses)
{
    struct failover *f = call_kept(call);
    if (!witnesses[0] || strcmp(witnesses, f->witnesses) == 0)
        return;
    snprintf(f->witnesses, sizeof f->witnesses, "%s", witnesses);
    call_warning(call, "%s is heard by others than %s: %s. It steps down as soon as they tell it.",
                 holder, front_end_pool(call_front_end(call)), witnesses);
}

static void warn_of_alone(struct call *call, const struct operation_report *r)
{
    struct front_end *fe = call_front_end(call);
    OWNED(free_memory) char *age = preflight_age(r->complete_wall_ms, r->ended_wall_ms);
    call_warning(call,
                 "%s did not give the home away, so it was taken as the copy at %s had it: up to "
                 "change %" PRIu64 ". Age of that copy: %s. What %s accepted besides is salvaged "
                 "when it comes back.",
                 r->from, front_end_pool(fe), r->status.point.usn, age, r->from);
    call_figure(call, json_string(age), "Age of the copy that was taken");
    warn_of_witnesses(call, r->from, r->witnesses);
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
static void tell_replicas(struct call *call, const struct operation_report *r)
{
    const struct replicas_said *said = &r->replicas;
    const struct failover *f = call_kept(call);
    bool known = !r->wish.options.disaster && strcmp(said->away, f->away) == 0;
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

static void tell_done(struct call *call, const struct operation_report *r)
{
    const struct operation_status *s = &r->status;
    const struct front_end *fe = call_front_end(call);
    char refused[TIME_SPAN_TEXT_MAX], took[TIME_SPAN_TEXT_MAX];
    uint64_t items = 0;
    for (int m = 0; m < MODULES; m++)
        items += s->point.digests[m].items;
    time_span_text(s->refused_ms, refused);
    time_span_text(s->ended_ms - s->began_ms, took);
    tell_holder(call, r);
    if (s->alone)
        warn_of_alone(call, r);
    else if (r->wish.options.disaster)
        call_warning(call,
                     "Disaster mode was not needed: %s answered, and released the home. "
                     "Nothing was lost.",
                     r->from);
    tell_replicas(call, r);
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

/* It was done by nobody who is asked for it now. */
static void tell_interrupted(struct call *call, const struct operation_report *r)
{
    const struct failover *f = call_kept(call);
    const char *self = front_end_pool(call_front_end(call));
    struct error e;
    fail(&e, FAIL_STOPPING,
         "polluxd stops at %s, and the %s of the home %s is interrupted at \"%s\".", self,
         operation_kind_name(r->wish.kind), r->wish.home, operation_step_name(r->status.step));
    error_kept(&e,
               "If %s has released the home by then, %s takes it when it runs again; else it is "
               "served where it was.",
               r->from, self);
    error_next(&e, "%s shows which, and the same again goes on or begins anew: %s", f->follow,
               f->wish.again);
    tell_steps(call, &r->status);
    call_error(call, &e);
}

static void watch(void *context)
{
    struct call *call = context;
    struct failover *f = call_kept(call);
    const struct operation_report *r = find(call);
    if (!r || r->id != f->id) { /* the next one began before this one was told of */
        struct error e;
        fail(&e, FAIL_BUSY, "Another operation with the home %s began meanwhile.", f->wish.home);
        error_next(&e, "%s", f->follow);
        call_error(call, &e);
        failover_end(call);
        return;
    }
    if (operating_is_under_way(r) && !call_is_unwanted(call)) {
        if (!r->status.ended_ms) /* else its end is being kept, and told then */
            tell_progress(call, r);
        return;
    }
    if (!operating_is_under_way(r))
        tell_steps(call, &r->status);
    else if (call_is_abandoned(call))
        tell_interrupted(call, r);
    if (r->status.step == OPERATION_DONE)
        tell_done(call, r);
    else if (r->status.step == OPERATION_FAILED)
        call_error(call, &r->status.error);
    failover_end(call);
}

/* --- looking, and -WhatIf --- */

/* In a disaster nothing is waited for that can be left out; and what moves by itself is not taken
 * from users. */
static bool needs_no_look(const struct failover *f)
{
    return f->wish.options.disaster || f->wish.kind == OPERATION_MOVE_CENTRAL;
}

/* Whoever says how long he waits, or that it be taken as it is, knows what he takes. The replicas
 * of the Central Management Store are waited for in any case. */
static bool knows_the_copy(const struct call *call)
{
    const struct failover *f = call_kept(call);
    return needs_no_look(f) || f->wish.options.skip_verification || call_text(call, "WaitTime");
}

/* Nobody waits for it any more, or nobody is there to begin it. */
static void end_looking(struct call *call)
{
    const struct failover *f = call_kept(call);
    struct error e;
    fail(&e, FAIL_STOPPING, "%s while it was still looked whether it can be done.",
         call_is_abandoned(call) ? "polluxd stops" : "The command was left");
    error_kept(&e, "Nothing was begun.");
    error_next(&e, "To begin it: %s", f->wish.again);
    call_error(call, &e);
    failover_end(call);
}

static void look_at_copy(void *context)
{
    struct call *call = context;
    const struct failover *f = call_kept(call);
    call_each_tick(call, NULL);
    if (call_is_unwanted(call)) {
        end_looking(call);
        return;
    }
    preflight_look(call_front_end(call), f->wish.home, f->looked, call);
}

/* A store that is late is waited for as long as the command says; one that keeps nothing is found
 * before changes are refused for it. */
static bool store_is_good(struct call *call, const struct preflight *found)
{
    const struct failover *f = call_kept(call);
    bool waits = found->late && !f->rehearsed;
    struct error e;
    if (waits && !f->wish.options.disaster && call_elapsed_ms(call) < f->wish.options.store_ms) {
        call_each_tick(call, look_at_copy);
        return false;
    }
    if (f->wish.options.disaster ||
        !preflight_judge_store(found, &f->wish, f->rehearsed, front_end_pool(call_front_end(call)),
                               &e))
        return true;
    call_error(call, &e);
    failover_end(call);
    return false;
}

/* One that does not answer is the operation's to find out. */
static bool copy_is_good(struct call *call, const struct preflight *found)
{
    const struct failover *f = call_kept(call);
    struct error e;
    if (!found->answered || knows_the_copy(call))
        return true;
    if (!preflight_has_room(call, &f->wish, found->outlook.uncopied_bytes)) {
        failover_end(call);
        return false;
    }
    if (!preflight_judge_copy(found, front_end_pool(call_front_end(call)), f->wish.home,
                              f->wish.again, &e))
        return true;
    if (found->trouble && call_elapsed_ms(call) < PREFLIGHT_TROUBLE_MS) {
        call_each_tick(call, look_at_copy);
        return false;
    }
    call_error(call, &e);
    failover_end(call);
    return false;
}

/* Whether the store here keeps anything: the command would wait for it before it stops anything. */
static void wait_for_trial(void *context)
{
    struct call *call = context;
    struct failover *f = call_kept(call);
    if (call_is_unwanted(call)) {
        end_looking(call);
    } else if (rehearsal_tried(f->trial, &f->untried)) {
        look_at_copy(call);
    } else if (call_elapsed_ms(call) >= LINK_DEADLINE_MS) {
        fail(&f->untried, FAIL_DEADLINE, "It has kept nothing for %.0f s.",
             LINK_DEADLINE_MS / 1000.0);
        look_at_copy(call);
    }
}

static void try_own_store(struct call *call)
{
    struct failover *f = call_kept(call);
    f->trial = rehearsal_try(call_front_end(call), f->wish.home);
    call_each_tick(call, wait_for_trial);
}

static bool own_store_is_good(struct call *call)
{
    const struct failover *f = call_kept(call);
    struct error e = f->untried;
    if (!preflight_judge_own_store(&e, &f->wish, front_end_pool(call_front_end(call))))
        return true;
    call_error(call, &e);
    failover_end(call);
    return false;
}

static void on_rehearsed(const struct preflight *found, void *context)
{
    struct call *call = context;
    const struct failover *f = call_kept(call);
    struct error e = found->why;
    if (call_is_abandoned(call)) {
        end_looking(call);
        return;
    }
    if (!store_is_good(call, found) || !copy_is_good(call, found) || !own_store_is_good(call))
        return;
    if (found->answered || f->wish.options.disaster) {
        plan_tell(call, &f->wish, found);
    } else { /* it fell silent only now: preflight.c would have said the same */
        error_within(&e, "%s, which holds the home, does not answer: ", found->from);
        error_kept(&e, "Nothing was changed.");
        error_next(&e, "Mend that, or take over without it: %s", f->wish.alone);
        call_error(call, &e);
    }
    failover_end(call);
}

/* --- begin --- */

/* The same; of another one the preflight says that it is. */
static bool is_under_way(const struct call *call)
{
    const struct failover *f = call_kept(call);
    const struct operation_report *r = find(call);
    return r && operating_is_under_way(r) && r->wish.kind == f->wish.kind;
}

/* Which of the given parameters it was not begun with. Owned by the caller. */
static char *what_it_lacks(const struct call *call)
{
    const struct operation_options *o = &((const struct failover *)call_kept(call))->wish.options;
    const struct operation_options *its = &find(call)->wish.options;
    const struct {
        const char *parameter;
        bool same;
    } all[] = {
        {"SkipDataVerification", o->skip_verification == its->skip_verification},
        {"FlushStorageService", o->flush == its->flush},
        {"WaitTime", o->patience_ms == its->patience_ms},
        {"ServicesStopDelayMins", o->close_ms == its->close_ms},
        {"DatabaseCommandTimeoutInSeconds", o->store_ms == its->store_ms},
    };
    struct buffer text = {0};
    for (size_t i = 0; i < COUNT_OF(all); i++) {
        if (call_value(call, all[i].parameter) && !all[i].same)
            buffer_printf(&text, "%s -%s", text.size ? "," : ", without this", all[i].parameter);
    }
    return buffer_take_text(&text);
}

/* What was asked for is more than it does: whoever waits for it must know. Owned by the caller. */
static char *what_joining_is(const struct call *call)
{
    const struct failover *f = call_kept(call);
    const struct operation_report *r = find(call);
    OWNED(free_memory) char *lacks = what_it_lacks(call);
    if (!f->wish.options.disaster || r->wish.options.disaster)
        return xasprintf("joined as it is%s.", lacks);
    return xasprintf("joined as it is%s, and needs %s. To take over without that, call it off "
                     "first: %s",
                     lacks, r->from, f->cancel);
}

/* In a disaster, of a holder that is silent here. */
static void warn_of_cut(struct call *call)
{
    const struct failover *f = call_kept(call);
    const struct front_end *fe = call_front_end(call);
    const struct hosted_home *home = front_end_home(fe, f->wish.home);
    const char *holder = home ? home_partner(hosted_home_core(home)) : "";
    char witnesses[OPERATION_WITNESSES_SIZE];
    if (!f->wish.options.disaster || !front_end_is_silent(fe, holder, NULL))
        return;
    front_end_witnesses(fe, f->wish.home, witnesses, sizeof witnesses);
    warn_of_witnesses(call, holder, witnesses);
}

static void join(struct call *call)
{
    struct failover *f = call_kept(call);
    const struct operation_report *r = find(call);
    OWNED(free_memory) char *joined = what_joining_is(call);
    call_warning(call, "%s of this home is under way already, begun by %s; it is %s",
                 operation_kind_name(r->wish.kind), r->wish.by, joined);
    f->id = r->id;
}

static bool begin_anew(struct call *call)
{
    struct failover *f = call_kept(call);
    struct error e;
    warn_of_cut(call);
    if (!operating_begin(front_end_operating(call_front_end(call)), &f->wish, &f->id, &e))
        return true;
    call_error(call, &e);
    failover_end(call);
    return false;
}

static void begin(struct call *call)
{
    if (is_under_way(call))
        join(call);
    else if (!begin_anew(call))
        return;
    call_each_tick(call, watch);
    call_tick(call);
}

static void on_looked(const struct preflight *found, void *context)
{
    struct call *call = context;
    if (call_is_abandoned(call))
        end_looking(call);
    else if (store_is_good(call, found) && copy_is_good(call, found))
        begin(call);
}

/* Where another one would be begun, it would only be joined. */
static void rehearse_joining(struct call *call)
{
    const struct operation_report *r = find(call);
    OWNED(free_memory) char *joined = what_joining_is(call);
    call_what_if(
        call, "%s of this home is under way already, begun by %s, and at \"%s\": it would be %s",
        operation_kind_name(r->wish.kind), r->wish.by, operation_step_name(r->status.step), joined);
    failover_end(call);
}

void failover_run(struct call *call, enum operation_kind kind, const char *home, bool disaster)
{
    struct failover *f = xcalloc(1, sizeof *f);
    read_wish(call, kind, home, disaster, &f->wish);
    snprintf(f->follow, sizeof f->follow, "Get-CsPoolFailOverStatus -PoolFqdn %s", home);
    snprintf(f->cancel, sizeof f->cancel, "Stop-CsPoolFailOver -PoolFqdn %s", home);
    f->rehearsed = call_switch(call, "WhatIf");
    f->looked = f->rehearsed ? on_rehearsed : on_looked;
    if (f->wish.options.replicas)
        replicas_away(call_front_end(call), f->away, sizeof f->away);
    call_keep(call, f);
    call_step(call, "Looking whether it can be done");
    call_verbose(call, "Looking whether it can be done.");
    bool joins = is_under_way(call);
    if (!joins && !preflight_check(call, &f->wish))
        failover_end(call);
    else if (joins && f->rehearsed)
        rehearse_joining(call);
    else if (joins || (!f->rehearsed && needs_no_look(f)))
        begin(call);
    else if (f->rehearsed)
        try_own_store(call);
    else
        look_at_copy(call);
}

void admin_invoke_pool_failover(struct call *call)
{
    failover_run(call, OPERATION_FAIL_OVER, call_text(call, "PoolFqdn"),
                 call_switch(call, "DisasterMode"));
}

void admin_invoke_pool_failback(struct call *call)
{
    failover_run(call, OPERATION_FAIL_BACK, call_text(call, "PoolFqdn"),
                 call_switch(call, "DisasterMode"));
}

void admin_stop_pool_failover(struct call *call)
{
    struct operating *operating = front_end_operating(call_front_end(call));
    const char *home = call_text(call, "PoolFqdn");
    const struct operation_report *r = operating_of(operating, home);
    struct error e;
    bool rehearsed = call_switch(call, "WhatIf");
    enum failure bad = rehearsed ? operating_check_cancel(operating, home, &e)
                                 : operating_cancel(operating, home, &e);
    if (bad)
        call_error(call, &e);
    else if (rehearsed)
        call_what_if(call, "%s of the home %s would be called off; it is at \"%s\".",
                     operation_kind_name(r->wish.kind), home, operation_step_name(r->status.step));
    call_end(call);
}
