/* Short names that people type out of habit: fl, select, … */
#ifndef POLLUX_CMDLET_SHELL_ALIAS_H
#define POLLUX_CMDLET_SHELL_ALIAS_H

/* The command's full name, or `name` as it is. */
const char *alias_of(const char *name);

#endif
