#include "cmdlet/shell/state_folder.h"

#include <stdbool.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/memory.h"

static bool make_folder(const char *path)
{
    struct stat st;
    mkdir(path, 0700);
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static char *root(void)
{
    const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
    if (state && state[0] == '/')
        return make_folder(state) ? xasprintf("%s/pollux", state) : NULL;
    if (!home || home[0] != '/')
        return NULL;
    OWNED(free_memory) char *local = xasprintf("%s/.local", home);
    OWNED(free_memory) char *above = xasprintf("%s/.local/state", home);
    return make_folder(local) && make_folder(above) ? xasprintf("%s/pollux", above) : NULL;
}

char *state_folder(const char *below)
{
    OWNED(free_memory) char *folder = root();
    if (!folder || !make_folder(folder))
        return NULL;
    if (!below)
        return TAKE(folder);
    OWNED(free_memory) char *inner = xasprintf("%s/%s", folder, below);
    return make_folder(inner) ? TAKE(inner) : NULL;
}
