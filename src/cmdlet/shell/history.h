/* The history of the shell: kept in a file of the person's own, without what carries a secret. */
#ifndef POLLUX_CMDLET_SHELL_HISTORY_H
#define POLLUX_CMDLET_SHELL_HISTORY_H

#include <histedit.h>

enum {
    HISTORY_ENTRIES_MAX = 1000,
    HISTORY_LINES_MAX = 2 * HISTORY_ENTRIES_MAX, /* of the file, before it is written anew */
};

/* $XDG_STATE_HOME/pollux/history, or below ~/.local/state; owned by the caller; NULL: there is no
 * such folder, and none can be made. */
char *history_file(void);

void history_load(History *history, const char *file);
void history_add(History *history, const char *file, const char *text);

#endif
