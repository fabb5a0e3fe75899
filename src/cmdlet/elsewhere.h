/* Commands that people know from elsewhere, the original or PowerShell, and that are none here. */
#ifndef POLLUX_CMDLET_ELSEWHERE_H
#define POLLUX_CMDLET_ELSEWHERE_H

/* What is typed instead, as sentences; NULL: nobody is known to expect it here. In any case. */
const char *command_elsewhere(const char *name);

#endif
