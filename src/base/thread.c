#include "base/thread.h"

#include <stdio.h>

bool thread_start(pthread_t *thread, const char *name, void *(*run)(void *), void *context)
{
    char cut[THREAD_NAME_SIZE];
    if (pthread_create(thread, NULL, run, context) != 0)
        return false;
    snprintf(cut, sizeof cut, "%s", name);
    pthread_setname_np(*thread, cut);
    return true;
}
