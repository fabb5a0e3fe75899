/* Help, from the table of commands: Get-Help, Get-Command, -?, the manual pages. */
#ifndef POLLUX_CMDLET_SHELL_HELP_H
#define POLLUX_CMDLET_SHELL_HELP_H

#include "cmdlet/shell/stage.h"

enum { HELP_WIDTH = 80, HELP_WIDTH_MIN = 40 };

/* All about one command, on standard output. Returns an exit status. */
int help_show(const struct session *s, const char *name);

/* Get-Help and Get-Command. */
void help_run(struct stage *stage);
void help_list_commands(struct stage *stage);

/* A manual page for section 1, in the language of man(7). */
void help_manual(const struct command *command, FILE *out);

#endif
