#include "cmdlet/shell/report_file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/clock.h"
#include "cmdlet/answer/report.h"
#include "cmdlet/parameter.h"
#include "cmdlet/shell/state_folder.h"

static const char *typed_path(const struct binding *b)
{
    for (size_t i = 0; i < b->command->parameter_count; i++) {
        const struct parameter *p = &b->command->parameters[i];
        if (p->type == REPORT_FILE && bound_text(b, p->name))
            return bound_text(b, p->name);
    }
    return NULL;
}

static const struct parameter *kept(const struct command *command)
{
    for (size_t i = 0; i < command->parameter_count; i++) {
        const struct parameter *p = &command->parameters[i];
        if (p->type == REPORT_FILE && p->traits & ALWAYS_WRITTEN)
            return p;
    }
    return NULL;
}

bool report_file_keep(struct binding *b)
{
    const struct parameter *p = kept(b->command);
    if (!p || bound_text(b, p->name) || bound_switch(b, "WhatIf"))
        return false;
    char when[CLOCK_TEXT_MAX];
    OWNED(free_memory) char *folder = state_folder("reports");
    OWNED(free_memory)
    char *path = folder ? xasprintf("%s/%s-%s.html", folder, b->command->name,
                                    clock_wall_text(clock_wall_ms(), when))
                        : NULL;
    if (path)
        json_object_set_new(b->bound, p->name, json_string(path));
    return path;
}

/* Where the end of the name begins, ".html"; or the whole ends. */
static size_t before_end(const char *path)
{
    const char *slash = strrchr(path, '/'), *dot = strrchr(path, '.');
    bool has = dot && dot > (slash ? slash + 1 : path);
    return has ? (size_t)(dot - path) : strlen(path);
}

char *report_file_path(const struct binding *b, unsigned run)
{
    const char *path = typed_path(b);
    if (!path || run <= 1)
        return path ? xstrdup(path) : NULL;
    size_t before = before_end(path);
    return xasprintf("%.*s-%u%s", (int)before, path, run, path + before);
}

static enum failure not_written(const char *path, int why, struct error *e)
{
    enum failure kind = why == ENOENT ? FAIL_NOT_FOUND : why == ENOSPC ? FAIL_FULL : FAIL_IO;
    fail(e, kind, "The report %s can't be written: %s.", path, strerrordesc_np(why));
    return kind;
}

static enum failure check_existing(const char *path, struct error *e)
{
    uint8_t beginning[REPORT_MARK_BYTES];
    struct stat what;
    if (stat(path, &what) != 0)
        return errno == ENOENT ? OK : not_written(path, errno, e);
    FILE *file = S_ISREG(what.st_mode) ? fopen(path, "re") : NULL;
    size_t size = file ? fread(beginning, 1, sizeof beginning, file) : 0;
    if (file)
        fclose(file);
    if (S_ISREG(what.st_mode) && (report_is_page(bytes_of(beginning, size)) || what.st_size == 0))
        return OK;
    return fail(e, FAIL_REFUSED, "%s exists, and is no report: it is not overwritten.", path);
}

static char *folder_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    if (!slash)
        return xstrdup(".");
    return slash == path ? xstrdup("/") : xasprintf("%.*s", (int)(slash - path), path);
}

enum failure report_file_check(const char *path, struct error *e)
{
    OWNED(free_memory) char *folder = folder_of(path);
    size_t size = strlen(path);
    enum failure bad = OK;
    if (size == 0 || path[size - 1] == '/')
        bad = fail(e, FAIL_INVALID, "-Report lacks the name of a file.");
    if (!bad)
        bad = check_existing(path, e);
    if (!bad && access(folder, W_OK | X_OK) != 0)
        bad = not_written(path, errno, e);
    if (!bad)
        return OK;
    error_kept(e, "Nothing was done.");
    return error_next(e, "Name another file with -Report, or leave it out.");
}

json_t *report_file_broken(const struct binding *b, uint64_t began_wall_ms, const struct error *e)
{
    char began[CLOCK_TEXT_MAX], ended[CLOCK_TEXT_MAX];
    uint64_t now_ms = clock_wall_ms();
    clock_wall_text(began_wall_ms, began);
    clock_wall_text(now_ms, ended);
    return json_pack("{s:i, s:s, s:o, s:s, s:s, s:s, s:f, s:s, s:[{s:s, s:s, s:s}]}",
                     "PolluxReport", 1, "Command", b->command->name, "Parameters",
                     parameters_presentable(b->command, b->bound), "Version", POLLUX_VERSION,
                     "Began", began, "Ended", ended, "Seconds",
                     now_ms > began_wall_ms ? (double)(now_ms - began_wall_ms) / 1000 : 0, "Result",
                     "failed", "Errors", "what", e->what, "kept", e->kept, "next", e->next);
}

static enum failure write_whole(int fd, const char *text, const char *path, struct error *e)
{
    for (size_t left = strlen(text); left;) {
        ssize_t n = write(fd, text, left);
        if (n < 0 && errno != EINTR)
            return not_written(path, errno, e);
        text += n > 0 ? n : 0;
        left -= n > 0 ? (size_t)n : 0;
    }
    /* The report may be all that is left to tell what happened. */
    return fsync(fd) == 0 ? OK : not_written(path, errno, e);
}

enum failure report_file_write(const char *path, const json_t *facts, struct error *e)
{
    enum failure bad = report_file_check(path, e); /* somebody may have put another file there */
    OWNED(free_memory) char *page = report_page(facts);
    OWNED(free_memory) char *made = xasprintf("%s.XXXXXX", path);
    int fd = bad ? -1 : mkstemp(made);
    if (!bad && fd < 0)
        bad = not_written(path, errno, e);
    if (!bad) {
        mode_t mask = umask(0);
        umask(mask);
        bad = fchmod(fd, 0666 & ~mask) == 0 ? write_whole(fd, page, path, e)
                                            : not_written(path, errno, e);
    }
    if (fd >= 0)
        close(fd);
    if (!bad && rename(made, path) != 0)
        bad = not_written(path, errno, e);
    if (bad && fd >= 0)
        unlink(made);
    if (bad) {
        error_kept(e, "What the command did is done.");
        error_next(e, "What it said on the screen is all there is of it.");
    }
    return bad;
}
