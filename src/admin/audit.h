/* The audit log: who gave which command from where, when, and what came of it.
 *
 * Each entry is an event of the log, and a line of JSON in the file that the configuration names.
 * The file is opened for each entry, so that it can be moved away at any time. Secrets are never
 * written. */
#ifndef POLLUX_ADMIN_AUDIT_H
#define POLLUX_ADMIN_AUDIT_H

#include "admin/caller.h"
#include "cmdlet/commands.h"

/* `file` may be NULL. `result` is "done", "failed" or "denied". */
void audit_write(const char *file, const struct command *command, const json_t *parameters,
                 const struct caller *caller, const char *result, uint64_t elapsed_ms);

#endif
