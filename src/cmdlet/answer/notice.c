#include "cmdlet/answer/notice.h"

#include <string.h>

#include "base/memory.h"
#include "cmdlet/answer/text.h"

enum { ERROR_INDENT = 4 };

static const struct {
    const char *key;
    const char *prefix;
} notices[NOTICES] = {
    [NOTICE_WARNING] = {"warning", "WARNING: "},
    [NOTICE_VERBOSE] = {"verbose", "VERBOSE: "},
    [NOTICE_DEBUG] = {"debug", "DEBUG: "},
    [NOTICE_INFORMATION] = {"information", ""},
};

static void put_sentence(FILE *to, const char *text, size_t indent)
{
    OWNED(free_memory) char *harmless = text_harmless(text);
    text_put_lines(to, harmless, indent);
}

static const char *text_of(const json_t *object, const char *name, const char *otherwise)
{
    const char *text = json_string_value(json_object_get(object, name));
    return text ? text : otherwise;
}

const char *notice_key(enum notice kind)
{
    return notices[kind].key;
}

void notice_show(FILE *to, enum notice kind, const char *text)
{
    const char *prefix = notices[kind].prefix;
    fputs(prefix, to);
    put_sentence(to, text, strlen(prefix));
}

void notice_show_error(FILE *to, const char *command, const struct error *e)
{
    const char *const further[] = {e->kept, e->next};
    fprintf(to, "%s : ", command);
    put_sentence(to, e->what, ERROR_INDENT);
    for (size_t i = 0; i < COUNT_OF(further); i++) {
        if (!*further[i])
            continue;
        fprintf(to, "%*s", ERROR_INDENT, "");
        put_sentence(to, further[i], ERROR_INDENT);
    }
}

enum failure notice_read_error(const json_t *value, struct error *e)
{
    enum failure kind = failure_named(text_of(value, "error", ""));
    fail(e, kind ? kind : FAIL_IO, "%s",
         text_of(value, "what", "polluxd reports an error without a sentence."));
    error_kept(e, "%s", text_of(value, "kept", ""));
    return error_next(e, "%s", text_of(value, "next", ""));
}
