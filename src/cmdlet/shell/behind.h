/* A command that somebody leaves by Ctrl-C, or by closing the terminal, and that owes a report: a
 * process of its own stays behind for that. It has no terminal, says nothing, and ends with the
 * command, or when polluxd falls silent. */
#ifndef POLLUX_CMDLET_SHELL_BEHIND_H
#define POLLUX_CMDLET_SHELL_BEHIND_H

#include <stdbool.h>

/* False: whoever was typed at, or there is nobody who stays; `*stays` says which. True: it is the
 * one that stays. */
bool behind_stay(bool *stays);
/* And is done. */
_Noreturn void behind_end(void);

#endif
