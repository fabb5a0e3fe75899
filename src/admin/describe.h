/* The table of commands as JSON: the description of the API. */
#ifndef POLLUX_ADMIN_DESCRIBE_H
#define POLLUX_ADMIN_DESCRIBE_H

/* Owned by the caller. */
char *describe_commands(void);

#endif
