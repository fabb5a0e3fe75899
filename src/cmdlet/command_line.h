/* One command with PowerShell's name, typed on a Unix shell: binds its parameters by the table,
 * asks the daemon that POLLUX_SERVER names, shows the answer. */
#ifndef POLLUX_CMDLET_COMMAND_LINE_H
#define POLLUX_CMDLET_COMMAND_LINE_H

/* What the exit status of every command means. */
enum { STATUS_DONE = 0, STATUS_FAILED = 1, STATUS_MISUSED = 2, STATUS_NOT_PERMITTED = 3 };

/* argv[0] is the command's name. Returns the exit status. */
int command_line_run(int argc, char **argv);

#endif
