/* Where what one person's commands leave behind is kept: pollux in the folder XDG_STATE_HOME, or
 * else in ~/.local/state. */
#ifndef POLLUX_CMDLET_SHELL_STATE_FOLDER_H
#define POLLUX_CMDLET_SHELL_STATE_FOLDER_H

/* It, or a folder in it, made if it is not there, for its owner alone. NULL: there is no such
 * place. Owned by the caller. */
char *state_folder(const char *below);

#endif
