/* Invoke-CsBackupServiceSync: copies what there is to copy now, and returns when it is copied. */
#include <stdlib.h>
#include <string.h>

#include "admin/backup_wait.h"
#include "base/clock.h"

enum {
    /* Without any progress for so long, nobody need go on waiting. */
    SYNC_PATIENCE_MS = 60000,
};

struct sync {
    struct backup_wait *wait;
    struct exporting_counts before[BACKUP_EXPORTS_MAX];
    uint64_t done, moved_ms; /* how far it is, and since when */
};

static void sync_end(struct call *call)
{
    struct sync *sync = call_kept(call);
    free(sync->wait);
    free(sync);
    call_end(call);
}

static void tell_what_it_took(struct call *call, const struct exporting *x,
                              const struct exporting_counts *before,
                              const struct exporting_counts *now)
{
    OWNED(free_memory) char *compared = NULL;
    if (now->compared > before->compared)
        compared = xasprintf(" %llu items were compared.",
                             (unsigned long long)(now->compared - before->compared));
    call_verbose(call, "%s of the home %s: %llu items, %llu bytes, %.3f s.%s",
                 module_name(exporting_module(x)), exporting_home(x),
                 (unsigned long long)(now->items - before->items),
                 (unsigned long long)(now->bytes - before->bytes),
                 (double)call_elapsed_ms(call) / 1000, compared ? compared : "");
}

static void tell_result(struct call *call)
{
    const struct sync *sync = call_kept(call);
    for (size_t i = 0; i < sync->wait->count; i++) {
        const struct exporting *x = sync->wait->list[i];
        struct exporting_counts now = exporting_counts(x);
        struct export_status s;
        export_status(exporting_core(x), &s);
        if (s.copied.usn >= sync->wait->goals[i] && !s.failing) {
            tell_what_it_took(call, x, &sync->before[i], &now);
            continue;
        }
        struct error e = *exporting_trouble(x);
        if (!e.kind)
            fail(&e, FAIL_DEADLINE, "Nothing more was copied for %d s.", SYNC_PATIENCE_MS / 1000);
        error_within(&e, "%s of the home %s is not copied: ", module_name(exporting_module(x)),
                     exporting_home(x));
        if (!e.next[0])
            error_next(&e, "It is tried again by itself; Get-CsBackupServiceStatus shows it.");
        call_error(call, &e);
    }
}

static uint64_t items_compared(const struct sync *sync)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < sync->wait->count; i++)
        sum += exporting_counts(sync->wait->list[i]).compared - sync->before[i].compared;
    return sum;
}

static void look(void *context)
{
    struct call *call = context;
    struct sync *sync = call_kept(call);
    uint64_t done, total, now_ms = clock_ms();
    backup_wait_progress(sync->wait, &done, &total);
    uint64_t compared = items_compared(sync);
    if (done + compared != sync->done)
        sync->moved_ms = now_ms;
    sync->done = done + compared;
    bool patient = !call_is_unwanted(call) && now_ms - sync->moved_ms < SYNC_PATIENCE_MS;
    if (!backup_wait_is_over(sync->wait, true) && patient) {
        OWNED(free_memory)
        char *status =
            xasprintf("%llu of %llu changes, %llu items compared", (unsigned long long)done,
                      (unsigned long long)total, (unsigned long long)compared);
        call_progress(call, &(struct call_progress){.activity = "Copying",
                                                    .status = status,
                                                    .done = done,
                                                    .total = total,
                                                    .follow = "Get-CsBackupServiceStatus"});
        return;
    }
    tell_result(call);
    sync_end(call);
}

void admin_invoke_backup_service_sync(struct call *call)
{
    const struct config *config = front_end_config(call_front_end(call));
    bool compare = json_is_true(call_value(call, "BypassDualWrite"));
    enum backup_wish wish = compare ? WISH_COMPARE : WISH_COPY;
    struct sync *sync = xcalloc(1, sizeof *sync);
    sync->wait = backup_wait_begin(call, wish);
    sync->moved_ms = clock_ms();
    for (size_t i = 0; i < sync->wait->count; i++)
        sync->before[i] = exporting_counts(sync->wait->list[i]);
    call_keep(call, sync);
    if (!config->self->pool->backup) {
        struct error e;
        fail(&e, FAIL_REFUSED, "%s has no backup pool to copy to.", config->self->pool->fqdn);
        error_next(&e, "Pairs are made in the topology: Get-CsPoolBackupRelationship");
        call_error(call, &e);
        sync_end(call);
        return;
    }
    if (sync->wait->count == 0)
        call_caution(call, "%s holds nothing of these modules, so there is nothing to copy.",
                     config->self->pool->fqdn);
    call_each_tick(call, look);
    look(call);
}
