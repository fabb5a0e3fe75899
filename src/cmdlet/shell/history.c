#include "cmdlet/shell/history.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/bytes.h"
#include "cmdlet/commands.h"

static bool make_folder(const char *path)
{
    struct stat st;
    mkdir(path, 0700);
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

char *history_file(void)
{
    const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
    OWNED(free_memory) char *folder = NULL;
    if (state && state[0] == '/') {
        folder = xasprintf("%s/pollux", state);
    } else if (home && home[0] == '/') {
        OWNED(free_memory) char *local = xasprintf("%s/.local", home);
        OWNED(free_memory) char *below = xasprintf("%s/.local/state", home);
        if (make_folder(local) && make_folder(below))
            folder = xasprintf("%s/pollux", below);
    }
    return folder && make_folder(folder) ? xasprintf("%s/history", folder) : NULL;
}

/* A line that names a parameter for a secret, or a command that is named after it. Names that only
 * contain the word are lost with it: better than a secret behind a slip of the hand. */
static bool has_secret(const char *text)
{
    const struct parameter *p;
    for (size_t i = 0; i < COMMANDS; i++) {
        for (size_t j = 0; (p = command_parameter_at(command_at(i), j)); j++) {
            if (p->type == SECRET && strcasestr(text, p->name))
                return true;
        }
    }
    return false;
}

void history_add(History *history_of, const char *file, const char *text)
{
    HistEvent event;
    if (!*text || has_secret(text))
        return;
    history(history_of, &event, H_ENTER, text);
    if (!file)
        return;
    mode_t before = umask(0077);
    history(history_of, &event, H_SAVE, file);
    umask(before);
    chmod(file, 0600); /* one that was there before */
}
