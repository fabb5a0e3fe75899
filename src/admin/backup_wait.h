/* Waiting for the word of the copies: whoever asks for the state of the Backup Service, or has it
 * sync, wants an answer of now and not of a while ago. */
#ifndef POLLUX_ADMIN_BACKUP_WAIT_H
#define POLLUX_ADMIN_BACKUP_WAIT_H

#include "admin/call.h"
#include "pool/backup_service.h"

enum backup_until {
    BACKUP_ASKED,  /* the copy has said where it stands */
    BACKUP_COPIED, /* and has what there was at the beginning */
    BACKUP_STEADY, /* and the module is in SteadyState, or in FinalState */
    BACKUP_FINAL,  /* in FinalState */
};
const char *backup_until_name(enum backup_until until); /* of a state */

/* The exporters of this pool that a command speaks of: of the modules that -BackupModule and
 * -Category name. Owned by the caller; the exporters are lent. */
struct backup_wait {
    struct exporting *list[BACKUP_EXPORTS_MAX];
    uint64_t goals[BACKUP_EXPORTS_MAX];             /* the head of each when it began */
    struct export_heard before[BACKUP_EXPORTS_MAX]; /* what does not count: it was before then */
    size_t count;
};
struct backup_wait *backup_wait_new(struct call *call);
/* The copies are asked; or what there is to copy is copied at once; or everything is compared
 * before. */
enum backup_wish { WISH_LOOK, WISH_COPY, WISH_COMPARE };
void backup_wait_begin(struct backup_wait *wait, enum backup_wish wish);
/* Puts number `from` of the list to the place `to`. */
void backup_wait_move(struct backup_wait *wait, size_t from, size_t to);

/* Has it got there since it began? Where it is wanted to go on, it does. */
bool backup_wait_reached(const struct backup_wait *wait, size_t i, enum backup_until until);
/* The same, or it failed since then. */
bool backup_wait_is_over(const struct backup_wait *wait, size_t i, enum backup_until until);
bool backup_wait_all_over(const struct backup_wait *wait, enum backup_until until);
/* How many of the changes that there were to copy are copied. */
void backup_wait_progress(const struct backup_wait *wait, uint64_t *done, uint64_t *total);

bool backup_module_wanted(const struct call *call, enum module module);

#endif
