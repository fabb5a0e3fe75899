/* Copies what there is to copy now, and ends the call when that is reached: what
 * Invoke-CsBackupServiceSync and Backup-CsPool have in common. */
#ifndef POLLUX_ADMIN_BACKUP_COPY_H
#define POLLUX_ADMIN_BACKUP_COPY_H

#include "admin/backup_wait.h"

enum {
    /* Without any progress for so long, nobody need go on waiting. */
    BACKUP_PATIENCE_MS = 60000,
    /* After a failure, before it is tried again: as long as the exporter itself waits. */
    BACKUP_RETRY_PAUSE_MS = EXPORT_RETRY_MS,
};

struct backup_goal {
    enum backup_until until;
    uint64_t patience_ms;  /* so long without any progress; waiting for quiet is none */
    unsigned retries;      /* so often each module of a home is tried again after it failed */
    bool compare;          /* everything first, whatever the copies have confirmed */
    bool failed_over_only; /* the home of the partner, if this pool holds it, and nothing else */
};

void backup_copy(struct call *call, const struct backup_goal *goal);

#endif
