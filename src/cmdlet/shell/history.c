#include "cmdlet/shell/history.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/bytes.h"
#include "cmdlet/commands.h"
#include "cmdlet/language/parse.h"
#include "cmdlet/shell/alias.h"

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

static bool invocation_has_secret(const struct invocation *typed)
{
    int which = command_find(alias_of(typed->name));
    for (size_t i = 0; which >= 0 && i < typed->count; i++) {
        bool ambiguous;
        const char *name = typed->elements[i].parameter;
        const struct parameter *p =
            name ? command_parameter(command_at((size_t)which), name, &ambiguous) : NULL;
        if (p && p->type == SECRET)
            return true;
    }
    return false;
}

/* In doubt there is one: what can't be read might be a secret with a slip in its quotes. */
static bool has_secret(const char *text)
{
    OWNED(script_free) struct script *script = NULL;
    if (parse_script(bytes_of_text(text), &script, NULL, NULL))
        return strcasestr(text, "pin") != NULL;
    for (size_t i = 0; i < script->count; i++) {
        const struct pipeline *p = script->statements[i].pipeline;
        for (size_t j = 0; j < p->count; j++) {
            if (invocation_has_secret(p->commands[j]))
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
    history(history_of, &event, H_SAVE, file);
    chmod(file, 0600);
}
