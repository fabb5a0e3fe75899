#include "cmdlet/shell/history.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bytes.h"
#include "cmdlet/commands.h"
#include "cmdlet/shell/state_folder.h"

char *history_file(void)
{
    OWNED(free_memory) char *folder = state_folder(NULL);
    return folder ? xasprintf("%s/history", folder) : NULL;
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

/* Several shells may be open: none reads or writes while another one writes. Closing unlocks. */
static FILE *open_locked(const char *file)
{
    int fd = open(file, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (fd < 0)
        return NULL;
    fchmod(fd, 0600); /* one that was there before */
    FILE *opened = flock(fd, LOCK_EX) == 0 ? fdopen(fd, "a") : NULL;
    if (!opened)
        close(fd);
    return opened;
}

void history_load(History *history_of, const char *file)
{
    HistEvent event;
    FILE *locked = open_locked(file);
    if (!locked)
        return;
    int lines = history(history_of, &event, H_LOAD, file);
    if (lines > HISTORY_LINES_MAX)
        history(history_of, &event, H_SAVE, file);
    fclose(locked);
}

/* Behind what other shells have put there: a history of this line alone is written. */
static void append(const char *file, const char *text)
{
    HistEvent event;
    FILE *to = open_locked(file);
    if (!to)
        return;
    History *line = history_init();
    history(line, &event, H_SETSIZE, 1);
    history(line, &event, H_ENTER, text);
    fseek(to, 0, SEEK_END); /* libedit begins a file that is empty */
    history(line, &event, H_SAVE_FP, to);
    history_end(line);
    fclose(to);
}

void history_add(History *history_of, const char *file, const char *text)
{
    HistEvent event;
    if (!*text || has_secret(text))
        return;
    history(history_of, &event, H_ENTER, text);
    if (file)
        append(file, text);
}
