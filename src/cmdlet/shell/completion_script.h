/* Completion for Unix shells, from the table of commands. */
#ifndef POLLUX_CMDLET_SHELL_COMPLETION_SCRIPT_H
#define POLLUX_CMDLET_SHELL_COMPLETION_SCRIPT_H

#include <stdio.h>

/* A script for bash. Names of pools and machines it asks polluxd for when they are needed. */
void completion_script(FILE *out);

#endif
