#include "web/file_answer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/utf8.h"

static const char octets[] = "application/octet-stream";

/* What people bring to conferences. Nothing here is shown by a browser as a page of ours: all of it
 * is an attachment. */
static const struct {
    const char *ending, *type;
} types[] = {
    {"txt", "text/plain; charset=utf-8"},
    {"md", "text/markdown; charset=utf-8"},
    {"csv", "text/csv; charset=utf-8"},
    {"html", "text/html; charset=utf-8"},
    {"json", "application/json"},
    {"pdf", "application/pdf"},
    {"doc", "application/msword"},
    {"docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"},
    {"xls", "application/vnd.ms-excel"},
    {"xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"},
    {"ppt", "application/vnd.ms-powerpoint"},
    {"pptx", "application/vnd.openxmlformats-officedocument.presentationml.presentation"},
    {"odt", "application/vnd.oasis.opendocument.text"},
    {"ods", "application/vnd.oasis.opendocument.spreadsheet"},
    {"odp", "application/vnd.oasis.opendocument.presentation"},
    {"png", "image/png"},
    {"jpg", "image/jpeg"},
    {"jpeg", "image/jpeg"},
    {"gif", "image/gif"},
    {"svg", "image/svg+xml"},
    {"webp", "image/webp"},
    {"mp3", "audio/mpeg"},
    {"wav", "audio/wav"},
    {"mp4", "video/mp4"},
    {"webm", "video/webm"},
    {"zip", "application/zip"},
    {"gz", "application/gzip"},
};

const char *file_type_of(const char *name)
{
    const char *dot = strrchr(name, '.');
    for (size_t i = 0; dot && i < COUNT_OF(types); i++) {
        if (strcasecmp(dot + 1, types[i].ending) == 0)
            return types[i].type;
    }
    return octets;
}

/* --- names --- */

static bool is_unreserved(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c && strchr("-._~", c));
}

static void add_encoded(struct buffer *to, const char *name)
{
    for (; *name; name++)
        buffer_printf(to, is_unreserved(*name) ? "%c" : "%%%02X", (unsigned char)*name);
}

char *file_url(const char *name)
{
    struct buffer url = {0};
    add_encoded(&url, name);
    return buffer_take_text(&url);
}

/* For clients that don't know the other form: what might end the quotes, or be read in several
 * ways, becomes '_'. */
static void add_plain(struct buffer *to, const char *name)
{
    for (; *name; name++) {
        bool plain = *name >= ' ' && *name <= '~' && !strchr("\"\\%/:;", *name);
        buffer_u8(to, (uint8_t)(plain ? *name : '_'));
    }
}

char *file_disposition(const char *name)
{
    struct buffer value = {0};
    buffer_printf(&value, "attachment; filename=\"");
    add_plain(&value, name);
    buffer_printf(&value, "\"; filename*=UTF-8''");
    add_encoded(&value, name);
    return buffer_take_text(&value);
}

bool file_name_writable(const char *name)
{
    for (const char *c = name; *c; c++) {
        if ((unsigned char)*c < ' ' || *c == 127)
            return false;
    }
    return utf8_valid(name, strlen(name));
}

/* --- ranges --- */

/* A number at `*at`, which moves behind it. */
static bool read_number(const char **at, uint64_t *number)
{
    char *end;
    if (**at < '0' || **at > '9')
        return false;
    errno = 0;
    *number = strtoull(*at, &end, 10);
    *at = end;
    return errno == 0;
}

/* The last `count` bytes. */
static enum file_range last_of(uint64_t size, uint64_t wanted, uint64_t *from, uint64_t *count)
{
    *count = wanted < size ? wanted : size;
    *from = size - *count;
    return *count ? RANGE_PART : RANGE_NONE;
}

enum file_range file_range_read(const char *range, uint64_t size, uint64_t *from, uint64_t *count)
{
    static const char unit[] = "bytes=";
    uint64_t first, last;
    *from = 0;
    *count = size;
    if (!range || strncasecmp(range, unit, strlen(unit)) != 0)
        return RANGE_ALL;
    const char *at = range + strlen(unit);
    if (*at == '-' && at++ && read_number(&at, &last) && !*at)
        return last_of(size, last, from, count);
    if (!read_number(&at, &first) || *at++ != '-')
        return RANGE_ALL;
    bool open = !*at;
    if ((!open && !read_number(&at, &last)) || *at || (!open && last < first))
        return RANGE_ALL;
    if (first >= size)
        return RANGE_NONE;
    *from = first;
    *count = open || last >= size ? size - first : last - first + 1;
    return RANGE_PART;
}
