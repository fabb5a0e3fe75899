/* What a process has in its memory must not lie about as a file when it crashes: secrets on their
 * way to be hashed, private keys. Whoever looks for a fault attaches a debugger. */
#ifndef POLLUX_BASE_CORE_DUMP_H
#define POLLUX_BASE_CORE_DUMP_H

#include <stdbool.h>

/* For the rest of this process's life, and for those that it starts. False: the kernel refused. */
bool core_dump_forbid(void);

#endif
