/* Invoke-CsManagementServerFailover: the same move as a pool's (failover.h), with the seed's two
 * sets of parameters, which the table of commands keeps apart: planned, without any; and after a
 * disaster, with the database that takes over and -Force. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "admin/central_copy.h"
#include "admin/failover.h"
#include "admin/show.h"
#include "core/handover.h"

/* "server\INSTANCE" against what was typed; the instance may be left out, because one fits. */
static bool names(const char *database, const char *server, const char *instance)
{
    const char *slash = strchr(database, '\\');
    size_t size = (size_t)(slash - database);
    bool same = strlen(server) == size && strncasecmp(database, server, size) == 0;
    return same && (!instance || strcasecmp(slash + 1, instance) == 0);
}

static enum failure check_target(const struct call *call, const struct pool *self, struct error *e)
{
    const char *server = call_text(call, "BackupSqlServerFqdn");
    const char *instance = call_text(call, "BackupSqlInstanceName");
    if (names(self->database, server, instance))
        return OK;
    const char *slash = strchr(self->database, '\\');
    fail(e, FAIL_INVALID, "%s%s%s is not the database that would take over: the topology says %s.",
         server, instance ? "\\" : "", instance ? instance : "", self->database);
    error_kept(e, "Nothing was changed.");
    OWNED(free_memory)
    char *typed = call_typed(call, json_pack("{s:s%, s:s}", "BackupSqlServerFqdn", self->database,
                                             (size_t)(slash - self->database),
                                             "BackupSqlInstanceName", slash + 1));
    return error_next(e, "To name that one: %s", typed);
}

static enum failure check_mirror(const struct call *call, const struct pool *self, struct error *e)
{
    const char *server = call_text(call, "BackupMirrorSqlServerFqdn");
    const char *instance = call_text(call, "BackupMirrorSqlInstanceName");
    if (!server && !instance)
        return OK;
    if (!self->mirror)
        fail(e, FAIL_INVALID, "The database %s has no mirror in the topology.", self->database);
    else if (!server || !names(self->mirror, server, instance))
        fail(e, FAIL_INVALID, "That is not the mirror of %s: the topology says %s.", self->database,
             self->mirror);
    else
        return OK;
    error_kept(e, "Nothing was changed.");
    OWNED(free_memory)
    char *typed = call_typed(
        call, json_pack("{s:n, s:n}", "BackupMirrorSqlServerFqdn", "BackupMirrorSqlInstanceName"));
    return error_next(e, "A mirror need not be named: %s", typed);
}

/* --- -Restore --- */

static void on_restored(const struct error *e, void *context)
{
    struct call *call = context;
    struct front_end *fe = call_front_end(call);
    const struct home *core = hosted_home_core(front_end_home(fe, HOME_CENTRAL));
    if (e) {
        call_error(call, e);
    } else {
        const char *pool = front_end_pool(fe), *mode = mode_name(home_mode(core));
        json_int_t term = (json_int_t)home_hold(core)->term.number;
        call_object(call, json_pack("{s:s, s:s, s:s, s:I}", "Identity", HOME_CENTRAL, "Holder",
                                    pool, "Mode", mode, "Term", term));
        call_figure(call, json_string(pool), "Holder");
        call_figure(call, json_string(mode), "Mode");
        call_figure(call, json_integer(term), "Term");
    }
    call_end(call);
}

static void say_found(struct call *call, const struct home *core)
{
    call_warning(call, "The Central Management Store is %s at %s, in term %llu.",
                 mode_name(home_mode(core)), front_end_pool(call_front_end(call)),
                 (unsigned long long)home_hold(core)->term.number);
}

static void rehearse_restore(struct call *call, const struct hosted_home *home)
{
    struct error e;
    if (hosted_home_check_force(home, false, &e))
        call_error(call, &e);
    else
        call_what_if(call, "It would be served there again, in a new term.");
    call_end(call);
}

/* It goes on by itself, or is called off by itself. */
static void refuse_half_way(struct call *call, const struct home *core)
{
    struct error e;
    fail(&e, FAIL_BUSY, "It is being handed over to %s, and changes are refused.",
         home_partner(core));
    error_kept(&e, "Nothing was changed.");
    error_next(
        &e,
        "Once %s was silent for %d s, that is called off, and it is in service here. To call "
        "it off: Stop-CsPoolFailOver -PoolFqdn " HOME_CENTRAL,
        home_partner(core), HANDOVER_HOLD_MS / 1000);
    call_fail(call, &e);
}

static void say_in_service(struct call *call)
{
    const char *taker;
    call_warning(call, "It is in service: there is nothing to restore.");
    if (front_end_operation_at(call_front_end(call), HOME_CENTRAL, &taker))
        call_warning(call,
                     "A failover of it to %s is under way. To call it off: Stop-CsPoolFailOver "
                     "-PoolFqdn " HOME_CENTRAL,
                     taker);
    call_end(call);
}

/* The existing database goes back into service: what waits for a word of the other pool gets an
 * administrator's. */
static void restore(struct call *call, struct hosted_home *home)
{
    const struct home *core = hosted_home_core(home);
    enum mode mode = home_mode(core);
    struct error e;
    say_found(call, core);
    if (mode == MODE_REJOINING || mode == MODE_RELEASED) {
        home_explain(core, &e);
        call_warning(call, "%s", e.what);
        if (call_switch(call, "WhatIf"))
            rehearse_restore(call, home);
        else
            hosted_home_force(home, on_restored, call);
        return;
    }
    if (mode_rights(mode)->holder) {
        if (mode_rights(mode)->changes)
            say_in_service(call);
        else
            refuse_half_way(call, core);
        return;
    }
    fail(&e, FAIL_REFUSED,
         "This is not the existing database: %s holds the Central Management "
         "Store.",
         hold_holder(home_hold(core)));
    error_kept(&e, "Nothing was changed.");
    OWNED(free_memory)
    char *takeover = central_copy_takeover(front_end_config(call_front_end(call))->self->pool);
    error_next(&e, "If that one is lost, take it over: %s", takeover);
    call_fail(call, &e);
}

void admin_invoke_management_server_failover(struct call *call)
{
    struct front_end *fe = call_front_end(call);
    struct hosted_home *home = front_end_home(fe, HOME_CENTRAL);
    const struct pool *self = front_end_config(fe)->self->pool;
    bool disaster = call_text(call, "BackupSqlServerFqdn") != NULL;
    struct error e;
    bool paired = home && home_partner(hosted_home_core(home))[0];
    if (disaster && paired && (check_target(call, self, &e) || check_mirror(call, self, &e))) {
        call_fail(call, &e);
    } else if (call_switch(call, "Restore") && home) {
        restore(call, home);
    } else {
        failover_run(call, OPERATION_MOVE_CENTRAL, HOME_CENTRAL, disaster);
    }
}
