/* The replicas of the Central Management Store: Get-CsManagementStoreReplicationStatus and
 * Invoke-CsManagementStoreReplication. Both are carried out where it is held. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "admin/call.h"
#include "admin/show.h"
#include "base/clock.h"
#include "pool/backup_service.h"

enum {
    /* A replica that answers does so within a round trip. */
    STATUS_WAIT_MS_MAX = LINK_OFFER_DEADLINE_MS + 1000,
    /* Without any progress for so long, nobody need go on waiting. */
    REPLICATE_PATIENCE_MS = 60000,
};

/* The exporters of `central`, one for each other pool that is wanted. */
struct replication {
    struct exporting *list[BACKUP_EXPORTS_MAX];
    uint64_t goals[BACKUP_EXPORTS_MAX];
    size_t count;
    struct export_heard before[BACKUP_EXPORTS_MAX];
    uint64_t changed_ms; /* when the store was changed last, as any exporter knows, wanted or not */
    uint64_t began_ms, patience_ms;
    bool until_copied;
    void (*finish)(struct call *call, const struct replication *r);
};

static bool is_wanted(const struct call *call, const char *pool_name)
{
    const char *only = call_text(call, "ReplicaFqdn");
    const struct topology *topology = front_end_config(call_front_end(call))->topology;
    const struct machine *machine = only ? topology_machine(topology, only) : NULL;
    return !only || (machine && strcmp(machine->pool->fqdn, pool_name) == 0);
}

static bool is_over(const struct replication *r, size_t i)
{
    struct export_status s;
    export_status(exporting_core(r->list[i]), &s);
    return !s.open || export_failed_since(&s, r->before[i]) ||
           (export_confirmed_since(&s, r->before[i]) &&
            (!r->until_copied || s.copied.usn >= r->goals[i]));
}

static void look(void *context)
{
    struct call *call = context;
    struct replication *r = call_kept(call);
    bool patient = !call_is_unwanted(call) && clock_ms() - r->began_ms < r->patience_ms;
    for (size_t i = 0; i < r->count && patient; i++) {
        if (!is_over(r, i))
            return;
    }
    r->finish(call, r);
    for (size_t i = 0; i < r->count; i++)
        exporting_let_go(r->list[i]);
    free(r);
    call_end(call);
}

static void begin(struct call *call, bool until_copied,
                  void (*finish)(struct call *call, const struct replication *r))
{
    struct front_end *fe = call_front_end(call);
    const char *only = call_text(call, "ReplicaFqdn");
    struct error e;
    uint64_t term;
    if (only && !topology_machine(front_end_config(fe)->topology, only)) {
        fail(&e, FAIL_NOT_FOUND, "The topology has no machine %s.", only);
        error_next(&e, "Get-CsComputer lists them.");
        call_fail(call, &e);
        return;
    }
    if (front_end_serves(fe, HOME_CENTRAL, &term, &e)) {
        call_fail(call, &e);
        return;
    }
    struct replication *r = xcalloc(1, sizeof *r);
    struct exporting *all[BACKUP_EXPORTS_MAX];
    size_t count = backup_service_exports(front_end_backup_service(fe), all);
    r->began_ms = clock_ms();
    r->patience_ms = until_copied ? REPLICATE_PATIENCE_MS : STATUS_WAIT_MS_MAX;
    r->until_copied = until_copied;
    r->finish = finish;
    for (size_t i = 0; i < count; i++) {
        struct export_status s;
        export_status(exporting_core(all[i]), &s);
        if (strcmp(exporting_home(all[i]), HOME_CENTRAL) != 0 || !s.open)
            continue;
        r->changed_ms = s.changed_ms;
        if (!is_wanted(call, exporting_target(all[i])))
            continue;
        r->goals[r->count] = s.head;
        r->before[r->count] = s.heard;
        r->list[r->count++] = all[i];
        exporting_hold(all[i]); /* its pool may leave the topology meanwhile */
        exporting_wanted(all[i]);
    }
    call_keep(call, r);
    call_each_tick(call, look);
}

/* --- the status --- */

static json_t *moment(uint64_t monotonic_ms)
{
    char text[CLOCK_TEXT_MAX];
    if (!monotonic_ms)
        return json_null();
    return json_string(clock_wall_text(clock_wall_ms() - (clock_ms() - monotonic_ms), text));
}

static void show_machine(struct call *call, const struct machine *machine,
                         const struct export_status *s)
{
    const char *only = call_text(call, "ReplicaFqdn");
    if (only && strcmp(only, machine->fqdn) != 0)
        return;
    call_object(call, json_pack("{s:b, s:s, s:o, s:o}", "UpToDate",
                                !s->failing && s->copied.usn >= s->head, "ReplicaFqdn",
                                machine->fqdn, "LastStatusReport", moment(s->confirmed_ms),
                                "LastUpdateCreation", moment(s->changed_ms)));
}

static void show_pool(struct call *call, const struct pool *pool, const struct export_status *s)
{
    for (size_t i = 0; i < pool->machine_count; i++)
        show_machine(call, &pool->machines[i], s);
}

static void show_replicas(struct call *call, const struct replication *r)
{
    const struct front_end *fe = call_front_end(call);
    const struct topology *topology = front_end_config(fe)->topology;
    struct export_status own = {.confirmed_ms = clock_ms(), .changed_ms = r->changed_ms};
    for (size_t i = 0; i < r->count; i++) {
        struct export_status s;
        const struct pool *pool = topology_pool(topology, exporting_target(r->list[i]));
        export_status(exporting_core(r->list[i]), &s);
        own.changed_ms = s.changed_ms;
        if (pool)
            show_pool(call, pool, &s);
    }
    show_pool(call, front_end_config(fe)->self->pool, &own);
}

static void show_master(struct call *call, const struct replication *r)
{
    const struct front_end *fe = call_front_end(call);
    const struct hold *hold = home_hold(hosted_home_core(front_end_home(fe, HOME_CENTRAL)));
    json_t *replicas = json_array();
    for (size_t i = 0; i < r->count; i++) {
        struct export_status s;
        export_status(exporting_core(r->list[i]), &s);
        json_array_append_new(replicas,
                              json_pack("{s:s, s:o}", "Replica", exporting_target(r->list[i]),
                                        "LastHeartBeat", moment(s.confirmed_ms)));
    }
    call_object(call, json_pack("{s:s, s:s, s:I, s:s, s:o}", "ActiveMasterFqdn", hold_holder(hold),
                                "ActiveMachineFqdn", front_end_config(fe)->self->fqdn, "Term",
                                (json_int_t)hold->term.number, "State", "Active", "HeartBeats",
                                replicas));
}

void admin_get_management_store_replication_status(struct call *call)
{
    begin(call, false,
          call_switch(call, "CentralManagementStoreStatus") ? show_master : show_replicas);
}

/* --- replicating now --- */

static void tell_result(struct call *call, const struct replication *r)
{
    const char *only = call_text(call, "ReplicaFqdn");
    const char *self = front_end_config(call_front_end(call))->self->fqdn;
    if (r->count == 0 && only && strcasecmp(only, self) == 0)
        call_caution(call,
                     "%s holds the Central Management Store itself: nothing is to be sent to it.",
                     self);
    else if (r->count == 0)
        call_caution(call, "No other machine keeps a copy of the Central Management Store.");
    for (size_t i = 0; i < r->count; i++) {
        struct export_status s;
        struct error e = *exporting_trouble(r->list[i]);
        export_status(exporting_core(r->list[i]), &s);
        if (s.copied.usn >= r->goals[i] && !s.failing) {
            call_verbose(call, "%s has everything.", exporting_target(r->list[i]));
            continue;
        }
        if (!s.open)
            fail(&e, FAIL_STOPPING, "This pool does not send it there any more.");
        else if (!e.kind)
            fail(&e, FAIL_DEADLINE, "It did not get there within %d s.",
                 REPLICATE_PATIENCE_MS / 1000);
        error_within(&e, "The replica at %s is not up to date: ", exporting_target(r->list[i]));
        error_next(&e, "It is tried again by itself; Get-CsManagementStoreReplicationStatus shows "
                       "it.");
        call_error(call, &e);
    }
}

void admin_invoke_management_store_replication(struct call *call)
{
    begin(call, true, tell_result);
}
