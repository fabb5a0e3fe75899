/* A thread with a name, which `top -H` and debuggers show. */
#ifndef POLLUX_BASE_THREAD_H
#define POLLUX_BASE_THREAD_H

#include <pthread.h>
#include <stdbool.h>

enum { THREAD_NAME_SIZE = 16 }; /* the kernel's; longer ones are cut */

/* False: the machine has no room for one more. */
bool thread_start(pthread_t *thread, const char *name, void *(*run)(void *), void *context);

#endif
