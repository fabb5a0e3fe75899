/* Who holds what, and how far it is copied. */
#include <string.h>

#include "admin/aside.h"
#include "admin/backup_answer.h"
#include "admin/place.h"
#include "admin/show.h"
#include "base/clock.h"
#include "base/count.h"
#include "pool/backup_service.h"
#include "pool/operating.h"

/* --- operations --- */

static json_t *moment(uint64_t wall_ms)
{
    char text[CLOCK_TEXT_MAX];
    return wall_ms ? json_string(clock_wall_text(wall_ms, text)) : json_null();
}

/* What became of a home whose operation was interrupted, as far as that is known here by now: its
 * term was opened, or will not be any more. */
enum fate { FATE_OPEN, FATE_TAKEN, FATE_STAYED, FATE_PASSED };

static enum fate fate_of(const struct front_end *fe, const struct operation_report *r,
                         const struct hold *hold)
{
    struct term to = r->status.to;
    enum operation_step step = r->status.step;
    bool ours = strcmp(hold_holder(hold), front_end_pool(fe)) == 0;
    if (step == OPERATION_TURN || step == OPERATION_DONE || ours || lineage_has(&hold->lineage, to))
        return FATE_TAKEN; /* a term in which nothing changed is not in the lineage for long */
    const struct pool *from = topology_pool(front_end_config(fe)->topology, r->from);
    enum mode there;
    bool serves = from && front_end_reaches(fe, r->from) &&
                  front_end_mode_at(fe, from, r->wish.home, &there) && there == MODE_SERVING;
    bool passed = !term_is_none(to) && hold->term.number > to.number;
    return serves ? FATE_STAYED : passed ? FATE_PASSED : FATE_OPEN;
}

/* Nobody knows when it ended. */
static json_t *interruption_of(const struct front_end *fe, const struct operation_report *r,
                               const struct hold *hold)
{
    const char *step = operation_step_name(r->status.step), *again = r->wish.again;
    switch (hold ? fate_of(fe, r, hold) : FATE_OPEN) {
    case FATE_TAKEN:
        return json_sprintf("Interrupted at \"%s\": this machine stopped. The home was taken all "
                            "the same.",
                            step);
    case FATE_STAYED:
        return json_sprintf("Interrupted at \"%s\": this machine stopped. The home is served "
                            "where it was%s%s",
                            step, again[0] ? ", and this begins anew: " : ".", again);
    case FATE_PASSED:
        return json_sprintf("Interrupted at \"%s\": this machine stopped. %s has the home since, "
                            "in term %llu.",
                            step, hold_holder(hold), (unsigned long long)hold->term.number);
    case FATE_OPEN: break;
    }
    return json_sprintf("Interrupted at \"%s\": this machine stopped. If %s had released the home, "
                        "it is taken as soon as both hear each other; else it is served where it "
                        "was%s%s",
                        step, r->from, again[0] ? ", and this begins anew: " : ".", again);
}

static json_t *result_of(const struct operation_report *r)
{
    char line[2 * ERROR_TEXT_MAX];
    if (r->status.step == OPERATION_FAILED)
        return json_sprintf("Failed at \"%s\": %s", operation_step_name(r->status.failed_at),
                            error_line(&r->status.error, line, sizeof line));
    unsigned long long usn = r->status.point.usn, refused_ms = r->status.refused_ms;
    return r->status.alone /* nobody knows since when changes were refused */
               ? json_sprintf("Done without the holder, up to change %llu.", usn)
               : json_sprintf("Done, up to change %llu; changes were refused for %llu ms.", usn,
                              refused_ms);
}

/* The last one that this pool carried out: since then there may have been another one, of which
 * nobody is there to tell. */
static json_t *result_here(const struct front_end *fe, const struct operation_report *r)
{
    const struct hosted_home *home = front_end_home(fe, r->wish.home);
    const struct hold *hold = home ? home_current(hosted_home_core(home)) : NULL;
    json_t *result = r->interrupted ? interruption_of(fe, r, hold) : result_of(r);
    if (!hold || r->status.step != OPERATION_DONE || hold->term.number <= r->status.to.number)
        return result;
    json_t *more = json_sprintf("%s %s has it since, in term %llu.", json_string_value(result),
                                hold_holder(hold), (unsigned long long)hold->term.number);
    json_decref(result);
    return more;
}

/* What is known of one that another pool carried out. */
static json_t *result_there(const struct heartbeat_operation *o, const char *home, const char *at)
{
    const char *step = operation_step_name(o->step);
    bool ended = o->step == OPERATION_DONE || o->step == OPERATION_FAILED;
    OWNED(free_memory)
    char *outcome = ended ? xstrdup(step) : xasprintf("Interrupted at \"%s\"", step);
    return json_sprintf(
        "%s: Get-CsPoolFailOverStatus -PoolFqdn %s, typed at a machine of %s, shows "
        "more of it.",
        outcome, home, at);
}

/* The one under way, with its step, at whichever pool it is: all tell the same of it. */
static void show_operation(json_t *object, const struct front_end *fe, const char *home)
{
    const struct operation_report *r = operating_of(front_end_operating(fe), home);
    bool ours = r && operating_is_under_way(r);
    struct heartbeat_operation here = ours ? operating_summary(r) : (struct heartbeat_operation){0};
    const char *at = front_end_pool(fe);
    const struct heartbeat_operation *o = ours ? &here : front_end_operation_at(fe, home, &at);
    json_object_set_new(object, "Operation", show_text(o ? operation_kind_name(o->kind) : NULL));
    json_object_set_new(object, "OperationStep",
                        show_text(o ? operation_step_name(o->step) : NULL));
    json_object_set_new(object, "OperationBegan", o ? moment(o->began_wall_ms) : json_null());
    if (!o)
        return;
    json_object_set_new(object, "OperationAt", json_string(at));
    json_object_set_new(object, "LeftToCopy",
                        o->counted ? json_integer((json_int_t)o->left) : json_null());
    if (ours && here.step == OPERATION_REPLICAS)
        json_object_set_new(object, "OperationWaitsFor", show_text(r->replicas.behind));
}

/* Which it was, and what came of it, where that is known. */
static void show_ended(json_t *object, json_t *which, json_t *result, const char *at,
                       const struct heartbeat_operation *o)
{
    json_object_set_new(object, "LastOperation", which);
    json_object_set_new(object, "LastOperationAt", json_string(at));
    json_object_set_new(object, "LastOperationBegan", moment(o->began_wall_ms));
    json_object_set_new(object, "LastOperationEnded", moment(o->ended_wall_ms));
    json_object_set_new(object, "LastOperationResult", result);
}

/* The last one of the home, whichever pool carried it out. */
static void show_last_operation(json_t *object, const struct front_end *fe, const char *home)
{
    const struct operation_report *r = operating_of(front_end_operating(fe), home);
    const char *at;
    const struct heartbeat_operation *there = front_end_last_operation_at(fe, home, &at);
    if (r && operating_is_under_way(r))
        return;
    if (r && (!there || r->began_wall_ms >= there->began_wall_ms)) {
        struct heartbeat_operation here = operating_summary(r);
        json_t *which = json_sprintf("%s from %s, begun by %s", operation_kind_name(r->wish.kind),
                                     r->from, r->wish.by);
        show_ended(object, which, result_here(fe, r), front_end_pool(fe), &here);
    } else if (there) {
        show_ended(object, json_string(operation_kind_name(there->kind)),
                   result_there(there, home, at), at, there);
    }
}

/* How old the copy here is. */
static void show_copy(json_t *object, struct front_end *fe, const struct home *core)
{
    const struct backup_service *service = front_end_backup_service(fe);
    if (!mode_rights(home_mode(core))->holder)
        show_consistent(object, backup_service_complete_ms(service, home_name(core)));
}

/* --- homes --- */

static void tell(struct call *call, json_t *object)
{
    call_figures(call, object, json_string_value(json_object_get(object, "Identity")));
    call_object(call, object);
}

static json_t *limited(const struct home *core)
{
    bool central = strcmp(home_name(core), HOME_CENTRAL) == 0;
    return json_sprintf("%s, which holds it, is not heard; %s.", hold_holder(home_hold(core)),
                        central ? "it is read from the copies, and changed by nobody"
                                : "its users get limited service here");
}

/* A home that this pool is one of the two of. */
static void show_hosted(struct call *call, struct view *view, const struct home *core)
{
    struct front_end *fe = call_front_end(call);
    const struct hold *hold = home_current(core);
    json_t *object = json_pack(
        "{s:s, s:o, s:o, s:o, s:I, s:s, s:s}", "Identity", home_name(core), "HomePool",
        show_text(hold->pools[SIDE_HOME]), "BackupPool", show_text(hold->pools[SIDE_BACKUP]),
        "Holder", show_text(hold_holder(hold)), "Term", (json_int_t)hold->term.number, "AskedPool",
        hold->pools[home_side(core)], "Mode", mode_name(home_mode(core)));
    aside_show(object, view, home_name(core));
    aside_show_last(object, view, hold);
    show_copy(object, fe, core);
    show_operation(object, fe, home_name(core));
    show_last_operation(object, fe, home_name(core));
    bool waits = home_mode(core) == MODE_REJOINING || home_mode(core) == MODE_RELEASED;
    if (waits) {
        struct error why;
        char line[2 * ERROR_TEXT_MAX];
        home_explain(core, &why);
        json_object_set_new(object, "Waiting", json_string(error_line(&why, line, sizeof line)));
    }
    if (home_mode(core) == MODE_RESILIENCY)
        json_object_set_new(object, "Waiting", limited(core));
    tell(call, object);
}

/* One that it only hears of. */
static void show_heard(struct call *call, const struct heard_home *heard)
{
    const struct front_end *fe = call_front_end(call);
    const struct topology *topology = front_end_config(fe)->topology;
    bool central = strcmp(heard->home, HOME_CENTRAL) == 0;
    const struct pool *pool = central ? topology->central : topology_pool(topology, heard->home);
    if (!pool || heard->term.number == 0)
        return;
    bool at_home = term_side(heard->term) == SIDE_HOME;
    const char *backup = pool->backup ? pool->backup->fqdn : NULL;
    json_t *object = json_pack("{s:s, s:s, s:o, s:o, s:I, s:n}", "Identity", heard->home,
                               "HomePool", pool->fqdn, "BackupPool", show_text(backup), "Holder",
                               show_text(at_home ? pool->fqdn : backup), "Term",
                               (json_int_t)heard->term.number, "Mode");
    show_operation(object, fe, heard->home);
    show_last_operation(object, fe, heard->home);
    tell(call, object);
}

/* Whoever knows all of it did not answer, or this pool would not have been asked. */
static char *who_was_asked(const struct front_end *fe, const char *home)
{
    const struct pool *two[2];
    place_pair(fe, home, two);
    return two[1] ? xasprintf("Neither %s nor %s could be asked", two[0]->fqdn, two[1]->fqdn)
                  : xasprintf("%s could not be asked", two[0]->fqdn);
}

static void show_hearsay(struct call *call, const char *home)
{
    const struct front_end *fe = call_front_end(call);
    const struct heard_home *heard = heard_of(front_end_heard(fe), home);
    OWNED(free_memory) char *asked = who_was_asked(fe, home);
    if (heard && heard->term.number) {
        call_warning(call,
                     "%s, so this is only what %s has heard of the home %s. All that is known of "
                     "it, once one that has it answers: Get-CsPoolFailOverStatus -PoolFqdn %s",
                     asked, front_end_pool(fe), home, home);
        show_heard(call, heard);
        return;
    }
    struct error e;
    fail(&e, FAIL_UNREACHABLE,
         "Nothing is known of the home %s. %s, and %s has heard nothing of it.", home, asked,
         front_end_pool(fe));
    error_next(&e,
               "Check that polluxd runs there. Then again: Get-CsPoolFailOverStatus -PoolFqdn %s",
               home);
    call_error(call, &e);
}

static bool is_known(const struct front_end *fe, const char *home)
{
    const struct heard_home *heard = heard_of(front_end_heard(fe), home);
    return front_end_home(fe, home) || (heard && heard->term.number);
}

/* Else nothing would tell them from homes that there are not. */
static void warn_of_unknown(struct call *call)
{
    const struct front_end *fe = call_front_end(call);
    const struct topology *topology = front_end_config(fe)->topology;
    OWNED(buffer_free) struct buffer names = {0};
    size_t count = 0;
    for (size_t i = 0; i < topology->pool_count; i++) {
        if (!is_known(fe, topology->pools[i].fqdn))
            buffer_printf(&names, "%s%s", count++ ? ", " : "", topology->pools[i].fqdn);
    }
    if (!is_known(fe, HOME_CENTRAL))
        buffer_printf(&names, "%s%s", count++ ? ", " : "", HOME_CENTRAL);
    buffer_u8(&names, '\0');
    if (count)
        call_warning(call, "Nothing was heard yet of the %s %s.",
                     count_word(count, "home", "homes"), (const char *)names.at);
}

void admin_get_pool_failover_status(struct call *call)
{
    struct front_end *fe = call_front_end(call);
    const char *only = call_text(call, "PoolFqdn");
    struct error e;
    if (only && strcmp(only, HOME_CENTRAL) != 0 &&
        show_find_pool(front_end_config(fe)->topology, only, NULL, &e)) {
        call_fail(call, &e);
        return;
    }
    if (only && !front_end_home(fe, only)) {
        show_hearsay(call, only);
        call_end(call);
        return;
    }
    OWNED(view_close) struct view *view = NULL;
    if (store_view(front_end_store(fe), &view, &e)) {
        call_fail(call, &e);
        return;
    }
    struct hosted_home *homes[HOSTED_HOMES_MAX];
    size_t count = front_end_homes(fe, homes);
    for (size_t i = 0; i < count; i++) {
        const struct home *core = hosted_home_core(homes[i]);
        if (!only || strcmp(only, home_name(core)) == 0)
            show_hosted(call, view, core);
    }
    const struct heard *heard = front_end_heard(fe);
    for (size_t i = 0; i < heard->count && !only; i++) {
        if (!front_end_home(fe, heard->list[i].home))
            show_heard(call, &heard->list[i]);
    }
    if (!only)
        warn_of_unknown(call);
    call_end(call);
}
