#include "base/error.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

const char *failure_name(enum failure kind)
{
    static const char *const names[FAILURES] = {
        [OK] = "ok",
        [FAIL_INVALID] = "invalid",
        [FAIL_NOT_FOUND] = "not-found",
        [FAIL_REFUSED] = "refused",
        [FAIL_CONFLICT] = "conflict",
        [FAIL_DENIED] = "denied",
        [FAIL_BUSY] = "busy",
        [FAIL_FULL] = "full",
        [FAIL_READ_ONLY] = "read-only",
        [FAIL_DAMAGED] = "damaged",
        [FAIL_FOREIGN] = "foreign",
        [FAIL_NEWER] = "newer",
        [FAIL_UNREACHABLE] = "unreachable",
        [FAIL_DEADLINE] = "deadline",
        [FAIL_STOPPING] = "stopping",
        [FAIL_IO] = "io",
    };
    assert(kind >= OK && kind < FAILURES);
    return names[kind];
}

enum failure failure_named(const char *name)
{
    for (int i = OK + 1; i < FAILURES; i++) {
        if (strcmp(name, failure_name((enum failure)i)) == 0)
            return (enum failure)i;
    }
    return OK;
}

enum failure fail(struct error *e, enum failure kind, const char *what, ...)
{
    assert(kind > OK && kind < FAILURES);
    if (!e)
        return kind;
    va_list args;
    va_start(args, what);
    e->kind = kind;
    vsnprintf(e->what, sizeof e->what, what, args);
    e->kept[0] = e->next[0] = '\0';
    va_end(args);
    return kind;
}

enum failure error_kept(struct error *e, const char *kept, ...)
{
    va_list args;
    va_start(args, kept);
    vsnprintf(e->kept, sizeof e->kept, kept, args);
    va_end(args);
    return e->kind;
}

enum failure error_next(struct error *e, const char *next, ...)
{
    va_list args;
    va_start(args, next);
    vsnprintf(e->next, sizeof e->next, next, args);
    va_end(args);
    return e->kind;
}

enum failure error_within(struct error *e, const char *context, ...)
{
    if (!e)
        return FAIL_IO;
    char what[ERROR_TEXT_MAX];
    va_list args;
    va_start(args, context);
    int n = vsnprintf(what, sizeof what, context, args);
    va_end(args);
    if (n >= 0 && (size_t)n < sizeof what)
        snprintf(what + n, sizeof what - (size_t)n, "%s", e->what);
    memcpy(e->what, what, sizeof what);
    return e->kind;
}

const char *error_line(const struct error *e, char *text, unsigned long size)
{
    snprintf(text, size, "%s%s%s%s%s", e->what, e->kept[0] ? " " : "", e->kept,
             e->next[0] ? " " : "", e->next);
    return text;
}
