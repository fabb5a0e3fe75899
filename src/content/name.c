#include "content/name.h"

#include <stdio.h>
#include <string.h>

#include "base/utf8.h"

bool content_name_valid(struct bytes name)
{
    return name.size >= 1 && name.size < CONTENT_NAME_SIZE && name.at[0] != '.' &&
           !memchr(name.at, '/', name.size) && !memchr(name.at, 0, name.size);
}

static void copy_name(char to[CONTENT_NAME_SIZE], struct bytes name)
{
    memcpy(to, name.at, name.size);
    to[name.size] = 0;
}

/* How many bytes of text a name goes on with that change no line and no terminal; 0: this byte is
 * none of them. */
static size_t plain_bytes(const char *c)
{
    enum { CHARACTER_MAX = 4 };
    if ((unsigned char)*c < ' ' || *c == 127 || *c == '\\')
        return 0;
    size_t size = 1, most = strnlen(c, CHARACTER_MAX);
    while (size <= most && !utf8_valid(c, size))
        size++;
    return size <= most ? size : 0;
}

/* As text, with \xNN for what is none, or would break a line or change a terminal. Cut where it
 * doesn't fit. */
static void show(const char *name, char *text, size_t size)
{
    size_t used = 0;
    for (const char *c = name; *c && used + 5 < size;) {
        size_t plain = plain_bytes(c);
        used += (size_t)(plain ? snprintf(text + used, size - used, "%.*s", (int)plain, c)
                               : snprintf(text + used, size - used, "\\x%02x", (unsigned char)*c));
        c += plain ? plain : 1;
    }
    text[used] = 0;
}

enum failure file_name_make(const char *home, struct bytes conference, struct bytes file,
                            struct file_name *name, struct error *e)
{
    char lower[FQDN_SIZE];
    *name = (struct file_name){0};
    if (!fqdn_valid(home, lower) || strcmp(home, lower) != 0)
        return fail(e, FAIL_INVALID, "\"%s\" is not the name of a pool.", home);
    if (!content_name_valid(conference) || !content_name_valid(file)) {
        fail(e, FAIL_INVALID,
             "The name of a conference's file has 1 to %d bytes, no slash, and does not begin with "
             "a dot.",
             CONTENT_NAME_SIZE - 1);
        return FAIL_INVALID;
    }
    memcpy(name->home, lower, sizeof lower);
    copy_name(name->conference, conference);
    copy_name(name->file, file);
    return OK;
}

enum failure file_name_of_key(const char *home, struct bytes key, struct file_name *name,
                              struct error *e)
{
    const uint8_t *slash = key.size ? memchr(key.at, '/', key.size) : NULL;
    *name = (struct file_name){0};
    if (!slash)
        return fail(e, FAIL_INVALID, "A manifest's key has no slash.");
    size_t first = (size_t)(slash - key.at);
    return file_name_make(home, bytes_of(key.at, first), bytes_of(slash + 1, key.size - first - 1),
                          name, e);
}

void file_name_key(const struct file_name *name, struct buffer *key)
{
    buffer_raw(key, name->conference, strlen(name->conference));
    buffer_u8(key, '/');
    buffer_raw(key, name->file, strlen(name->file));
}

const char *file_name_shown(const struct file_name *name, char text[FILE_NAME_SHOWN_SIZE])
{
    enum { HALF = FILE_NAME_SHOWN_SIZE / 2 };
    char conference[HALF], file[HALF];
    show(name->conference, conference, sizeof conference);
    show(name->file, file, sizeof file);
    snprintf(text, FILE_NAME_SHOWN_SIZE, "%s%s%s", conference, file[0] ? "/" : "", file);
    return text;
}
