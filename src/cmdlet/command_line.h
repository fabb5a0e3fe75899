/* One command with PowerShell's name, typed on a Unix shell. */
#ifndef POLLUX_CMDLET_COMMAND_LINE_H
#define POLLUX_CMDLET_COMMAND_LINE_H

/* argv[0] is the command's name. Returns the exit status (cmdlet/shell/session.h). */
int command_line_run(int argc, char **argv);

#endif
