/* Waiting for the word of the copies: whoever asks for the state of the Backup Service, or has it
 * sync, wants an answer of now and not of a while ago. */
#ifndef POLLUX_ADMIN_BACKUP_WAIT_H
#define POLLUX_ADMIN_BACKUP_WAIT_H

#include "admin/call.h"
#include "pool/backup_service.h"

/* The exporters of this pool that a command speaks of: of the modules that -BackupModule and
 * -Category name. Owned by the caller; the exporters are lent. */
struct backup_wait {
    struct exporting *list[BACKUP_EXPORTS_MAX];
    uint64_t goals[BACKUP_EXPORTS_MAX]; /* the head of each when it began */
    size_t count;
    uint64_t began_ms;
};
/* The copies are asked; or what there is to copy is copied at once; or everything is compared
 * before. */
enum backup_wish { WISH_LOOK, WISH_COPY, WISH_COMPARE };
struct backup_wait *backup_wait_begin(struct call *call, enum backup_wish wish);

/* Has each copy said since then where it stands, or failed to? With `until_copied`: and is it where
 * the head was at the beginning, or can it not get there? */
bool backup_wait_is_over(const struct backup_wait *wait, bool until_copied);
/* How many of the changes that there were to copy are copied. */
void backup_wait_progress(const struct backup_wait *wait, uint64_t *done, uint64_t *total);

bool backup_module_wanted(const struct call *call, enum module module);

#endif
