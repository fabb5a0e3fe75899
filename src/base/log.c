#include "base/log.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

#include <systemd/sd-journal.h>

#include "base/clock.h"
#include "base/memory.h"

enum { EVENT_TEXT_MAX = 3072 };

static const struct {
    const char *word;
    int priority;
} levels[] = {
    [LOG_EVENT_DEBUG] = {"debug", LOG_DEBUG},    [LOG_EVENT_INFO] = {"info", LOG_INFO},
    [LOG_EVENT_NOTICE] = {"notice", LOG_NOTICE}, [LOG_EVENT_WARNING] = {"warning", LOG_WARNING},
    [LOG_EVENT_ERROR] = {"error", LOG_ERR},
};

static atomic_int threshold = LOG_EVENT_INFO;

void log_set_level(enum log_level level)
{
    atomic_store(&threshold, level);
}

bool log_level_from_text(const char *text, enum log_level *level)
{
    for (size_t i = 0; i < COUNT_OF(levels); i++) {
        if (strcmp(text, levels[i].word) == 0) {
            *level = (enum log_level)i;
            return true;
        }
    }
    return false;
}

/* systemd tells in JOURNAL_STREAM which device and inode our stderr would be if it were its pipe.
 */
static bool stderr_is_journal(void)
{
    const char *stream = getenv("JOURNAL_STREAM");
    unsigned long long device, inode;
    struct stat st;
    return stream && sscanf(stream, "%llu:%llu", &device, &inode) == 2 &&
           fstat(STDERR_FILENO, &st) == 0 && st.st_dev == device && st.st_ino == inode;
}

static void emit(enum log_level level, const char *name, char *sentence)
{
    /* A line is a line: what a peer or a file wrote can't forge a second one. */
    for (char *c = sentence; *c; c++) {
        if ((unsigned char)*c < ' ' || *c == 0x7f)
            *c = ' ';
    }
    if (stderr_is_journal()) {
        sd_journal_send("PRIORITY=%d", levels[level].priority, "POLLUX_EVENT=%s", name,
                        "MESSAGE=%s", sentence, NULL);
        return;
    }
    char when[CLOCK_TEXT_MAX];
    fprintf(stderr, "%s %-7s %s: %s\n", clock_wall_text(clock_wall_ms(), when), levels[level].word,
            name, sentence);
}

void log_event(enum log_level level, const char *name, const char *sentence, ...)
{
    if ((int)level < atomic_load(&threshold))
        return;
    char text[EVENT_TEXT_MAX];
    va_list args;
    va_start(args, sentence);
    vsnprintf(text, sizeof text, sentence, args);
    va_end(args);
    emit(level, name, text);
}

void log_error(enum log_level level, const char *name, const struct error *e, const char *sentence,
               ...)
{
    if ((int)level < atomic_load(&threshold))
        return;
    char text[EVENT_TEXT_MAX];
    va_list args;
    va_start(args, sentence);
    int n = vsnprintf(text, sizeof text, sentence, args);
    va_end(args);
    if (n >= 0 && (size_t)n + 1 < sizeof text) {
        text[n++] = ' ';
        error_line(e, text + n, sizeof text - (size_t)n);
    }
    emit(level, name, text);
}
