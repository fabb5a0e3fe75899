/* Invoke-CsPoolFailOver, Invoke-CsPoolFailBack, Stop-CsPoolFailOver: one operation, told as it
 * goes. It runs at the pool that takes (pool/operating.h), and goes on when nobody watches any
 * more. */
#include "admin/failover.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "admin/central_copy.h"
#include "admin/failover_told.h"
#include "admin/place.h"
#include "admin/plan.h"
#include "admin/preflight.h"
#include "base/clock.h"
#include "base/timespan.h"
#include "pool/operating.h"
#include "pool/rehearsal.h"

enum {
    /* Before, nobody wonders; and what is told next, how to follow it, need not wait for that. */
    LOOKING_TOLD_MS = 1000,
};

struct failover {
    struct operation_wish wish;
    uint64_t id;
    bool rehearsed; /* -WhatIf */
    struct rehearsal_trial *trial;
    struct error untried;        /* what came of that; kind OK: the store here keeps something */
    preflight_done *looked;      /* what is done when the copy was looked at */
    struct preflight_look *look; /* while it is */
    struct operating_wait wait;
    struct failover_words words;
};

static void failover_end(struct call *call)
{
    struct failover *f = call_kept(call);
    rehearsal_leave(f->trial);
    preflight_leave(f->look);
    operating_wait_end(front_end_operating(call_front_end(call)), &f->wait);
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

/* --- while it runs --- */

static void watch(void *context)
{
    struct call *call = context;
    struct failover *f = call_kept(call);
    const struct operation_report *r = find(call);
    if (!r || r->id != f->id) { /* the next one began before this one was told of */
        struct error e;
        fail(&e, FAIL_BUSY, "Another operation with the home %s began meanwhile.", f->wish.home);
        error_next(&e, "%s", f->words.follow);
        call_error(call, &e);
        failover_end(call);
        return;
    }
    if (operating_is_under_way(r) && !call_is_unwanted(call)) {
        failover_tell_progress(call, r, &f->words);
        return;
    }
    if (!operating_is_under_way(r) || call_is_abandoned(call))
        failover_tell_end(call, r, &f->words);
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

/* Nobody waits for it any more, nobody wants it, or nobody is there to begin it. */
static bool is_given_up(const struct call *call)
{
    const struct failover *f = call_kept(call);
    return f->wait.called_off || call_is_unwanted(call);
}

static void end_looking(struct call *call)
{
    const struct failover *f = call_kept(call);
    struct error e;
    fail(&e, f->wait.called_off ? FAIL_REFUSED : FAIL_STOPPING,
         "%s while it was still looked whether it can be done.",
         f->wait.called_off        ? "The operation was called off by an administrator"
         : call_is_abandoned(call) ? "polluxd stops"
                                   : "The command was left");
    error_kept(&e, "Nothing was begun.");
    error_next(&e, "To begin it: %s", f->wish.again);
    call_error(call, &e);
    failover_end(call);
}

static void wait_for_look(void *context)
{
    struct call *call = context;
    const struct failover *f = call_kept(call);
    if (is_given_up(call))
        end_looking(call);
    else if (call_elapsed_ms(call) >= LOOKING_TOLD_MS)
        failover_tell_looking(call, f->wish.kind);
}

static void look_at_copy(void *context)
{
    struct call *call = context;
    struct failover *f = call_kept(call);
    call_each_tick(call, wait_for_look);
    if (is_given_up(call))
        end_looking(call);
    else
        preflight_look(call_front_end(call), f->wish.home, f->looked, call, &f->look);
}

static bool holder_is_good(struct call *call, const struct preflight *found)
{
    const struct failover *f = call_kept(call);
    struct error e;
    if (!preflight_judge_holder(found, &f->wish, front_end_pool(call_front_end(call)), &e))
        return true;
    call_error(call, &e);
    failover_end(call);
    return false;
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
    if (is_given_up(call)) {
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
    if (is_given_up(call)) {
        end_looking(call);
        return;
    }
    if (!holder_is_good(call, found) || !store_is_good(call, found) || !copy_is_good(call, found) ||
        !own_store_is_good(call))
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
                     lacks, r->from, f->words.cancel);
}

/* In a disaster, of a holder that is silent here. */
static void warn_of_cut(struct call *call)
{
    struct failover *f = call_kept(call);
    const struct front_end *fe = call_front_end(call);
    const struct hosted_home *home = front_end_home(fe, f->wish.home);
    const char *holder = home ? home_partner(hosted_home_core(home)) : "";
    char witnesses[OPERATION_WITNESSES_SIZE];
    if (!f->wish.options.disaster || !front_end_is_silent(fe, holder, NULL))
        return;
    front_end_witnesses(fe, f->wish.home, witnesses, sizeof witnesses);
    failover_warn_of_witnesses(call, holder, witnesses, &f->words);
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
    struct failover *f = call_kept(call);
    operating_wait_end(front_end_operating(call_front_end(call)), &f->wait);
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
    if (is_given_up(call))
        end_looking(call);
    else if (holder_is_good(call, found) && store_is_good(call, found) && copy_is_good(call, found))
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
    snprintf(f->words.follow, sizeof f->words.follow, "Get-CsPoolFailOverStatus -PoolFqdn %s",
             home);
    snprintf(f->words.cancel, sizeof f->words.cancel, "Stop-CsPoolFailOver -PoolFqdn %s", home);
    f->rehearsed = call_switch(call, "WhatIf");
    f->wait.home = f->wish.home;
    if (!f->rehearsed)
        operating_wait(front_end_operating(call_front_end(call)), &f->wait);
    f->looked = f->rehearsed ? on_rehearsed : on_looked;
    if (f->wish.options.replicas)
        replicas_away(call_front_end(call), f->words.away, sizeof f->words.away);
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

/* Where the pool that would have begun it does not answer, this one says what it knows. */
static void explain_unasked(const struct call *call, struct error *e)
{
    struct front_end *fe = call_front_end(call);
    const char *home = call_text(call, "PoolFqdn");
    const struct error here = *e;
    const struct pool *taker;
    struct error unused; /* it was found when the command came */
    if (place_of(fe, call_command(call), call_parameters(call), false, &taker, &unused) || !taker)
        return;
    fail(e, FAIL_NOT_FOUND,
         "No operation with the home %s is under way at %s, and %s, which would take it, does not "
         "answer.",
         home, front_end_pool(fe), taker->fqdn);
    error_kept(e, "Nothing was changed. What that pool had begun is called off by its silence, "
                  "unless the home was released by then.");
    error_next(e, "%s", here.next);
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
    if (bad == FAIL_NOT_FOUND)
        explain_unasked(call, &e);
    if (bad)
        call_error(call, &e);
    else if (rehearsed && r && operating_is_under_way(r))
        call_what_if(call, "%s of the home %s would be called off; it is at \"%s\".",
                     operation_kind_name(r->wish.kind), home, operation_step_name(r->status.step));
    else if (rehearsed)
        call_what_if(call,
                     "A command for the home %s would be called off; it still looks whether "
                     "it can be done.",
                     home);
    call_end(call);
}
