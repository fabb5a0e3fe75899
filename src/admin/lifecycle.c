/* Start-CsPool and Stop-CsPool: whether this pool serves what it holds. */
#include <stdlib.h>
#include <string.h>

#include "admin/call.h"
#include "base/clock.h"
#include "pool/operating.h"
#include "pool/service.h"

enum {
    /* A partner that answers grants within a second; a loaded one gets longer. */
    GRANTS_WAIT_MS_MAX = 10000,
    /* One that has just come back is heard within a few heartbeats. */
    PARTNER_WAIT_MS_MAX = 3000,
};

/* The pool's own home, and those that it was the last to hold. */
static bool waits_to_serve(const struct home *core)
{
    struct term term = home_hold(core)->term;
    bool held = !term_is_none(term) && term_side(term) == home_side(core);
    return home_mode(core) == MODE_REJOINING && (held || home_side(core) == SIDE_HOME);
}

/* An administrator's word may stand in for that of a former backup pool, too, and of one that a
 * home was given to. */
static size_t list_waiting(const struct front_end *fe, bool forced,
                           struct hosted_home *list[HOSTED_HOMES_MAX])
{
    struct hosted_home *homes[HOSTED_HOMES_MAX];
    size_t count = front_end_homes(fe, homes), waiting = 0;
    for (size_t i = 0; i < count; i++) {
        const struct home *core = hosted_home_core(homes[i]);
        bool parting = home_mode(core) == MODE_SERVING && home_pairs_anew(core);
        bool released = home_mode(core) == MODE_RELEASED;
        if (waits_to_serve(core) || (forced && (parting || released)))
            list[waiting++] = homes[i];
    }
    return waiting;
}

/* --- starting --- */

struct start {
    struct call *call;
    struct hosted_home *waiting[HOSTED_HOMES_MAX];
    size_t count, next;
    uint64_t began_ms;
    bool was_stopped; /* then something was changed, even if nothing is served yet */
};

static void start_end(struct start *start)
{
    struct call *call = start->call;
    free(start);
    call_end(call);
}

static void force_next(struct start *start);

static void on_forced(const struct error *e, void *context)
{
    struct start *start = context;
    if (e)
        call_error(start->call, e);
    if (e && e->kind == FAIL_STOPPING)
        start->count = start->next; /* the rest must not begin to serve now */
    force_next(start);
}

/* One that was given up meanwhile is closed. */
static bool is_open(const struct front_end *fe, const struct hosted_home *home)
{
    struct hosted_home *homes[HOSTED_HOMES_MAX];
    size_t count = front_end_homes(fe, homes), i = 0;
    while (i < count && homes[i] != home)
        i++;
    return i < count;
}

static void force_next(struct start *start)
{
    const struct front_end *fe = call_front_end(start->call);
    while (start->next < start->count && !is_open(fe, start->waiting[start->next]))
        start->next++;
    if (start->next == start->count)
        start_end(start);
    else
        hosted_home_force(start->waiting[start->next++], on_forced, start);
}

static void say_what_is_waited_for(struct start *start)
{
    for (size_t i = 0; i < start->count; i++) {
        struct error why;
        home_explain(hosted_home_core(start->waiting[i]), &why);
        error_kept(&why, start->was_stopped ? "The pool is started, and serves as soon as it may."
                                            : "Nothing was changed.");
        call_error(start->call, &why);
    }
}

/* There is no sense in waiting long for a partner that does not answer anybody. */
static bool partner_answers(const struct front_end *fe)
{
    const struct pool *partner = front_end_config(fe)->self->pool->backup;
    return !partner || front_end_reaches(fe, partner->fqdn);
}

static void look_whether_it_serves(void *context)
{
    struct call *call = context;
    struct start *start = call_kept(call);
    const struct front_end *fe = call_front_end(call);
    start->count = list_waiting(fe, false, start->waiting);
    uint64_t wait_ms = partner_answers(fe) ? GRANTS_WAIT_MS_MAX : PARTNER_WAIT_MS_MAX;
    bool patient = !call_is_unwanted(call) && clock_ms() - start->began_ms < wait_ms;
    if (start->count && patient) {
        OWNED(free_memory)
        char *status = xasprintf("%zu of its homes not served yet", start->count);
        OWNED(free_memory)
        char *cancel =
            xasprintf("Stop-CsPool -PoolFqdn %s", front_end_config(fe)->self->pool->fqdn);
        call_progress(call, &(struct call_progress){.activity = "Waiting for the partner",
                                                    .status = status,
                                                    .follow = "Get-CsPoolFailOverStatus",
                                                    .cancel = cancel});
        return;
    }
    say_what_is_waited_for(start);
    start_end(start);
}

static void on_started(const struct error *e, void *context)
{
    struct start *start = context;
    struct call *call = start->call;
    if (e) {
        call_error(call, e);
        start_end(start);
        return;
    }
    start->began_ms = clock_ms();
    if (call_switch(call, "Force")) {
        start->count = list_waiting(call_front_end(call), true, start->waiting);
        force_next(start);
        return;
    }
    call_keep(call, start);
    call_each_tick(call, look_whether_it_serves);
    look_whether_it_serves(call);
}

static bool is_stopped(const struct front_end *fe)
{
    struct hosted_home *homes[HOSTED_HOMES_MAX];
    return front_end_homes(fe, homes) && home_stopped(hosted_home_core(homes[0]));
}

/* --- -WhatIf --- */

static void rehearse_force(const struct start *start, const struct hosted_home *home)
{
    const struct home *core = hosted_home_core(home);
    struct error e;
    if (hosted_home_check_force(home, true, &e))
        call_error(start->call, &e);
    else
        call_what_if(start->call,
                     "The home %s would be served in a new term, without the word of %s.",
                     home_name(core), home_partner(core)[0] ? home_partner(core) : "anybody");
}

static void rehearse_asking(const struct start *start, const struct hosted_home *home)
{
    const struct home *core = hosted_home_core(home);
    const struct front_end *fe = call_front_end(start->call);
    if (!home_partner(core)[0]) {
        call_what_if(start->call, "The home %s would be served: it has no other pool.",
                     home_name(core));
        return;
    }
    call_what_if(
        start->call,
        "The home %s would be served as soon as %s confirms that it has not taken it over.",
        home_name(core), home_partner(core));
    if (front_end_reaches(fe, home_partner(core)))
        return;
    struct error why; /* which the command would end with */
    home_explain_started(core, &why);
    call_what_if(start->call, "%s does not answer now. %s", home_partner(core), why.next);
}

static void rehearse_start(const struct start *start)
{
    const struct front_end *fe = call_front_end(start->call);
    bool forced = call_switch(start->call, "Force");
    if (is_stopped(fe))
        call_what_if(start->call, "%s would be started: an administrator stopped it.",
                     front_end_pool(fe));
    for (size_t i = 0; i < start->count; i++) {
        if (forced)
            rehearse_force(start, start->waiting[i]);
        else
            rehearse_asking(start, start->waiting[i]);
    }
}

/* Who wants its users served here after all is told by what. */
static void tell_who_holds(struct call *call)
{
    const struct front_end *fe = call_front_end(call);
    const char *self = front_end_pool(fe);
    const struct hosted_home *own = front_end_home(fe, self);
    const struct home *core = own ? hosted_home_core(own) : NULL;
    bool silent = core && home_mode(core) == MODE_RESILIENCY;
    if (silent || (core && home_mode(core) == MODE_STANDBY))
        call_warning(call, "%s holds the home %s%s: Invoke-CsPoolFailBack -PoolFqdn %s%s",
                     home_partner(core), self,
                     silent ? ", and is not heard. If it is lost" : ". To have it back", self,
                     silent ? " -DisasterMode" : "");
}

void admin_start_pool(struct call *call)
{
    struct front_end *fe = call_front_end(call);
    struct start *start = xcalloc(1, sizeof *start);
    start->call = call;
    start->count = list_waiting(fe, call_switch(call, "Force"), start->waiting);
    if (start->count == 0 && !is_stopped(fe)) {
        call_warning(call, "%s is not waiting for anything: nothing was changed.",
                     front_end_pool(fe));
        tell_who_holds(call);
        start_end(start);
    } else if (call_switch(call, "WhatIf")) {
        rehearse_start(start);
        start_end(start);
    } else if (is_stopped(fe)) {
        start->was_stopped = true;
        service_set(fe, false, on_started, start);
    } else {
        on_started(NULL, start);
    }
}

/* --- stopping --- */

static void on_stopped(const struct error *e, void *context)
{
    struct call *call = context;
    if (e)
        call_error(call, e);
    call_end(call);
}

static void tell_what_ends(struct call *call)
{
    const char *self = front_end_pool(call_front_end(call));
    struct hosted_home *homes[HOSTED_HOMES_MAX];
    size_t count = front_end_homes(call_front_end(call), homes);
    for (size_t i = 0; i < count; i++) {
        const struct home *core = hosted_home_core(homes[i]);
        if (mode_rights(home_mode(core))->holder)
            call_what_if(call,
                         "The home %s would not be served any more: limited service, and no "
                         "changes.",
                         home_name(core));
    }
    call_what_if(call,
                 "%s would serve nothing, and take no home over, until Start-CsPool -PoolFqdn %s.",
                 self, self);
}

/* Of homes that are being handed over: to this pool, or by it, and then to somebody who may have
 * said that it does without its holder. */
static void tell_what_is_called_off(struct call *call)
{
    struct front_end *fe = call_front_end(call);
    struct hosted_home *homes[HOSTED_HOMES_MAX];
    size_t count = front_end_homes(fe, homes);
    for (size_t i = 0; i < count; i++) {
        const struct home *core = hosted_home_core(homes[i]);
        enum mode mode = home_mode(core);
        const struct operation_report *taking =
            operating_of(front_end_operating(fe), home_name(core));
        bool taken =
            taking && operating_is_under_way(taking) && operation_step_is_open(taking->status.step);
        bool given = mode == MODE_CLOSING || mode == MODE_DRAINING;
        if (taken)
            call_caution(call, "%s is taking the home %s over: that is called off.",
                         front_end_pool(fe), home_name(core));
        else if (given)
            call_caution(call,
                         "The home %s is being handed over to %s: that is called off, unless it is "
                         "a disaster's: then %s takes it as the copy there.",
                         home_name(core), home_partner(core), home_partner(core));
    }
}

void admin_stop_pool(struct call *call)
{
    struct front_end *fe = call_front_end(call);
    const struct home *central = front_end_home(fe, HOME_CENTRAL)
                                     ? hosted_home_core(front_end_home(fe, HOME_CENTRAL))
                                     : NULL;
    if (is_stopped(fe)) {
        call_caution(call, "%s is stopped already: nothing was changed.", front_end_pool(fe));
        call_end(call);
        return;
    }
    if (central && mode_rights(home_mode(central))->holder)
        call_caution(call,
                     "%s holds the Central Management Store: no user, topology or setting "
                     "can be changed while it is stopped.",
                     front_end_pool(fe));
    tell_what_is_called_off(call);
    if (call_switch(call, "WhatIf")) {
        tell_what_ends(call);
        call_end(call);
    } else {
        service_set(fe, true, on_stopped, call);
    }
}
