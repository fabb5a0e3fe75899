#include "admin/audit.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/log.h"
#include "cmdlet/parameter.h"

DEFINE_OWNED(json_t *, json_decref)

enum {
    AUDIT_FILE_MODE = 0600,
    SHOWN_MAX = 200, /* of one value in the event's sentence */
};

static void write_event(const struct command *command, const json_t *shown,
                        const struct caller *caller, const char *result, uint64_t elapsed_ms)
{
    OWNED(buffer_free) struct buffer text = {0};
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)shown, name, value)
    {
        char *json = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);
        buffer_printf(&text, " -%s %.*s", name, SHOWN_MAX, json ? json : "?");
        free_memory(json);
    }
    buffer_u8(&text, 0);
    /* Whoever only looks is told of when somebody wants to know everything. */
    bool notable = command_changes(command) || strcmp(result, "denied") == 0;
    log_event(notable ? LOG_EVENT_NOTICE : LOG_EVENT_DEBUG, "command",
              "%s on %s: %s%s: %s after %llu ms.", caller->name, caller->from, command->name,
              (const char *)text.at, result, (unsigned long long)elapsed_ms);
}

/* Returns 0, or the error number. Whatever stands there by mistake, a pipe that nobody reads among
 * it, the loop does not wait for it. */
static int append(const char *file, struct bytes line)
{
    int fd = open(file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY | O_NONBLOCK,
                  AUDIT_FILE_MODE);
    if (fd < 0)
        return errno;
    ssize_t written = write(fd, line.at, line.size);
    int why = written == (ssize_t)line.size ? 0 : written < 0 ? errno : ENOSPC;
    return close(fd) && !why ? errno : why;
}

static void write_line(const char *file, const struct command *command, json_t *shown,
                       const struct caller *caller, const char *result, uint64_t elapsed_ms)
{
    char when[CLOCK_TEXT_MAX];
    OWNED(json_decref)
    json_t *entry = json_pack("{s:s, s:s, s:s, s:s, s:O, s:s, s:I}", "time",
                              clock_wall_text(clock_wall_ms(), when), "user", caller->name, "from",
                              caller->from, "command", command->name, "parameters", shown, "result",
                              result, "milliseconds", (json_int_t)elapsed_ms);
    OWNED(free_memory) char *json = json_dumps(entry, JSON_COMPACT);
    OWNED(buffer_free) struct buffer line = {0};
    buffer_printf(&line, "%s\n", json);
    int why = append(file, buffer_view(&line));
    if (why)
        log_event(LOG_EVENT_ERROR, "audit-not-written",
                  "The audit log %s can't be written: %s. Of changes and refusals the events "
                  "named \"command\" tell.",
                  file, strerrordesc_np(why));
}

void audit_write(const char *file, const struct command *command, const json_t *parameters,
                 const struct caller *caller, const char *result, uint64_t elapsed_ms)
{
    OWNED(json_decref) json_t *shown = parameters_presentable(command, parameters);
    write_event(command, shown, caller, result, elapsed_ms);
    if (file)
        write_line(file, command, shown, caller, result, elapsed_ms);
}
