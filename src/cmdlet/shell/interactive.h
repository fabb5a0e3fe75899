/* The shell at a terminal: a prompt, a line that can be edited, completion, a history. */
#ifndef POLLUX_CMDLET_SHELL_INTERACTIVE_H
#define POLLUX_CMDLET_SHELL_INTERACTIVE_H

#include "cmdlet/shell/session.h"

/* Until `exit` or the end of the input. Returns the exit status. */
int interactive_run(struct session *s);

#endif
