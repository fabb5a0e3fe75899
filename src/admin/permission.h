/* Who may give which command. One table of roles, one exception, no I/O. */
#ifndef POLLUX_ADMIN_PERMISSION_H
#define POLLUX_ADMIN_PERMISSION_H

#include "admin/caller.h"
#include "cmdlet/commands.h"

/* The roles are groups of the operating system. */
#define ROLE_SUPREME    "RTCUniversalServerAdmins"
#define ROLE_ADMINISTER "CSAdministrator"
#define ROLE_READ       "CSViewOnlyAdministrator"

/* What Set-CsBackupServiceConfiguration grants, as JSON lists of names; NULL: nothing. */
struct grants {
    const json_t *groups;
    const json_t *accounts; /* groups or users */
};

/* FAIL_DENIED says who may. */
enum failure permission_check(const struct command *command, const json_t *parameters,
                              const struct caller *caller, const struct grants *grants,
                              struct error *e);

#endif
