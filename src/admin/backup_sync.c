/* Invoke-CsBackupServiceSync and Backup-CsPool: both copy what there is to copy now
 * (backup_copy.h); the one returns when it is copied, the other waits for as much as it is told to.
 */
#include <string.h>

#include "admin/backup_copy.h"
#include "base/timespan.h"
#include "pool/backup_configuration.h"
#include "pool/publication.h"

enum { RETRIES_OF_BACKUP = 2 }; /* unless -RetryCount says another number */

void admin_invoke_backup_service_sync(struct call *call)
{
    backup_copy(call,
                &(struct backup_goal){.until = BACKUP_COPIED,
                                      .compare = json_is_true(call_value(call, "BypassDualWrite")),
                                      .patience_ms = BACKUP_PATIENCE_MS});
}

/* --- Backup-CsPool --- */

static const char *name_of(const struct pool *pool)
{
    return pool ? pool->fqdn : "no pool";
}

/* The Central Management Store is read here, where a copy of it is; that it is of now, only its
 * holder can say. */
static enum failure check_holder_answers(const struct front_end *fe, struct error *e)
{
    const struct pool *holder = front_end_holder(fe, HOME_CENTRAL);
    if (holder &&
        (holder == front_end_config(fe)->self->pool || front_end_reaches(fe, holder->fqdn)))
        return OK;
    fail(e, FAIL_UNREACHABLE,
         "Which pool backs %s up stands in the Central Management Store, and %s, which holds it, "
         "does not answer.",
         front_end_pool(fe), name_of(holder));
    error_kept(e, "Nothing was copied.");
    return error_next(e, "-LocalStore goes by the topology that %s runs by.", front_end_pool(fe));
}

/* Does what is published say the same as what this pool runs by? */
static enum failure check_pairing(const struct front_end *fe, struct error *e)
{
    OWNED(view_close) struct view *view = NULL;
    OWNED(topology_free) struct topology *published = NULL;
    const struct pool *self = front_end_config(fe)->self->pool;
    enum failure bad = check_holder_answers(fe, e);
    if (!bad)
        bad = store_view(front_end_store(fe), &view, e);
    if (!bad)
        bad = publication_read(view, &published, e);
    if (bad && !e->next[0])
        error_next(e, "Publish the topology that the machines run by: Publish-CsTopology "
                      "-FileName FILE; or -LocalStore, to go by what this one runs by.");
    if (bad)
        return error_kept(e, "Nothing was copied.");
    const struct pool *pool = topology_pool(published, self->fqdn);
    const char *by_it = name_of(pool ? pool->backup : NULL), *by_us = name_of(self->backup);
    if (strcmp(by_it, by_us) == 0)
        return OK;
    fail(e, FAIL_CONFLICT,
         "By the published topology the backup of %s is %s; by the one that it runs by, %s.",
         self->fqdn, by_it, by_us);
    error_kept(e, "Nothing was copied.");
    return error_next(
        e, "Put the same topology file on all machines; or -LocalStore, to copy to %s.", by_us);
}

static uint64_t interval_ms(const struct front_end *fe)
{
    OWNED(view_close) struct view *view = NULL;
    OWNED(backup_configuration_free) struct backup_configuration *c = NULL;
    uint64_t usn, ms = 0;
    struct error e;
    if (store_view(front_end_store(fe), &view, &e) || backup_configuration_read(view, &c, &usn, &e))
        c = backup_configuration_default();
    time_span_ms(json_string_value(backup_configuration_value(c, "SyncInterval")), &ms);
    return ms;
}

/* FinalState takes a sync interval without changes; nobody shall give up in it unwarned. */
static uint64_t patience_ms(struct call *call, enum backup_until until)
{
    const char *wait = call_text(call, "WaitTime");
    uint64_t quiet_ms = until == BACKUP_FINAL ? interval_ms(call_front_end(call)) : 0;
    uint64_t ms = BACKUP_PATIENCE_MS + quiet_ms;
    if (wait)
        time_span_ms(wait, &ms);
    if (ms < quiet_ms)
        call_caution(call,
                     "FinalState takes a sync interval without changes, %llu s here: if something "
                     "was changed lately, -WaitTime %s ends before that.",
                     (unsigned long long)quiet_ms / 1000, wait);
    return ms;
}

void admin_backup_pool(struct call *call)
{
    const struct front_end *fe = call_front_end(call);
    const char *category = call_text(call, "Category");
    const json_t *retries = call_value(call, "RetryCount");
    struct backup_goal goal = {.until = call_switch(call, "FullBackup")    ? BACKUP_FINAL
                                        : call_switch(call, "SteadyState") ? BACKUP_STEADY
                                                                           : BACKUP_COPIED,
                               .retries = retries ? (unsigned)json_integer_value(retries)
                                                  : RETRIES_OF_BACKUP,
                               .failed_over_only = call_switch(call, "FailedOverPoolOnly")};
    struct error e;
    call_step(call, "Looking at the pair");
    if (!call_switch(call, "LocalStore") && check_pairing(fe, &e)) {
        call_fail(call, &e);
        return;
    }
    goal.patience_ms = patience_ms(call, goal.until);
    if (category && strcmp(category, "RGS") == 0)
        call_caution(call, "There are no response groups here: RGS holds no data.");
    backup_copy(call, &goal);
}
