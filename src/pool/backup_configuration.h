/* The configuration of the Backup Service: one item of `central` for the whole deployment. Where
 * nothing is stored, the defaults stand. The ranges are those of the command that sets it
 * (cmdlet/commands.def); what is read here was checked there. */
#ifndef POLLUX_POOL_BACKUP_CONFIGURATION_H
#define POLLUX_POOL_BACKUP_CONFIGURATION_H

#include <jansson.h>

#include "store/store.h"

#define BACKUP_CONFIGURATION_IDENTITY "Global"

struct backup_configuration;

/* As this store has it. `*usn` is that of the item, 0 if there is none: for txn_expect. */
enum failure backup_configuration_read(struct view *view, struct backup_configuration **c,
                                       uint64_t *usn, struct error *e);
struct backup_configuration *backup_configuration_default(void);
void backup_configuration_free(struct backup_configuration *c);
DEFINE_OWNED(struct backup_configuration *, backup_configuration_free)

/* All properties in their order, the Identity first. Lent. */
const json_t *backup_configuration_object(const struct backup_configuration *c);
const json_t *backup_configuration_value(const struct backup_configuration *c, const char *name);

/* Changes one. A list takes a list, or an object with Add, Remove or Replace. False: it was so
 * already. */
bool backup_configuration_change(struct backup_configuration *c, const char *name,
                                 const json_t *value);

enum { BACKUP_CONFIGURATION_NAMES_MAX = 64 }; /* of a list, however it grew */
/* What no single value shows: whether it all fits. */
enum failure backup_configuration_check(const struct backup_configuration *c, struct error *e);

void backup_configuration_put(struct txn *txn, const struct backup_configuration *c, uint64_t usn);
void backup_configuration_remove(struct txn *txn, uint64_t usn);

#endif
