#include "content/replaced.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "content/file_store_inside.h"

#define REPLACED_OF ".of"

enum { REPLACED_TEXT_SIZE = HOME_NAME_SIZE + 2 * CONTENT_NAME_SIZE, REPLACED_OF_SIZE = 64 };

static const char *of(const char *as, char text[REPLACED_OF_SIZE])
{
    snprintf(text, REPLACED_OF_SIZE, "%.32s" REPLACED_OF, as);
    return text;
}

/* --- while it is replaced --- */

enum failure replaced_note(int folder, const char *as, const struct file_name *name,
                           struct error *e)
{
    char link[REPLACED_OF_SIZE], text[REPLACED_TEXT_SIZE];
    snprintf(text, sizeof text, "%s/%s/%s", name->home, name->conference, name->file);
    if (symlinkat(text, folder, of(as, link)) == 0 ? fsync(folder) == 0
                                                   : errno == EPERM || errno == EOPNOTSUPP)
        return OK; /* a file system without links has to do without */
    return folder_failure("Replacing", name->file, errno, e);
}

void replaced_forget(int folder, const char *as)
{
    char link[REPLACED_OF_SIZE];
    unlinkat(folder, as, 0);
    unlinkat(folder, of(as, link), 0); /* last: what is left without it, nobody could name */
}

/* --- at the start --- */

struct finding {
    const struct file_store *fs;
    file_store_keeps *keeps;
    void *context;
    int folder;
};

static bool copy_part(char *to, size_t size, const char *from, size_t length)
{
    if (length == 0 || length >= size)
        return false;
    memcpy(to, from, length);
    to[length] = 0;
    return true;
}

/* Whoever can write there could write anything: it is a name of content, or nothing. */
static bool read_name(char text[REPLACED_TEXT_SIZE], struct file_name *name)
{
    const char *first = strchr(text, '/'), *second = first ? strchr(first + 1, '/') : NULL;
    return second && copy_part(name->home, sizeof name->home, text, (size_t)(first - text)) &&
           copy_part(name->conference, sizeof name->conference, first + 1,
                     (size_t)(second - first - 1)) &&
           copy_part(name->file, sizeof name->file, second + 1, strlen(second + 1)) &&
           content_name_valid(bytes_of_text(name->conference)) &&
           content_name_valid(bytes_of_text(name->file)) && name->home[0] != '.';
}

/* Of which file is it? MEANT_GONE: of none that anybody could name. */
static enum file_meant read_of(int folder, const char *link, struct file_name *name)
{
    char text[REPLACED_TEXT_SIZE];
    ssize_t size = readlinkat(folder, link, text, sizeof text - 1);
    if (size < 0 && errno != ENOENT && errno != EINVAL)
        return MEANT_UNKNOWN;
    text[size < 0 ? 0 : size] = 0;
    return read_name(text, name) ? MEANT : MEANT_GONE;
}

/* Is it the one that its manifest means, and not what lies there? Where that is what is meant, this
 * one is gone. */
static enum file_meant judge(const struct finding *t, const char *as, const struct file_name *name)
{
    struct stat st;
    struct file_stamp wanted, there;
    enum file_found found;
    if (file_store_changes(t->fs, name))
        return MEANT_UNKNOWN; /* its users are about it right now */
    if (fstatat(t->folder, as, &st, AT_SYMLINK_NOFOLLOW) != 0)
        return errno == ENOENT ? MEANT_GONE : MEANT_UNKNOWN;
    if (!S_ISREG(st.st_mode))
        return MEANT_GONE;
    enum file_meant meant = t->keeps(name, &wanted, t->context);
    if (meant != MEANT)
        return meant;
    if (file_store_look(t->fs, name, &found, &there, NULL))
        return MEANT_UNKNOWN;
    if (found == FOUND_FILE && file_stamp_equal(there, wanted))
        return MEANT_GONE;
    return file_stamp_equal(stamp_of(&st), wanted) ? MEANT : MEANT_NOT;
}

/* False: something stands in the way, and what is kept stays until the next start. */
static bool put_back(const struct finding *t, const char *as, const struct file_name *name)
{
    char shown[FILE_NAME_SHOWN_SIZE], aside[ASIDE_NAME_SIZE];
    OWNED(close_fd) int back = -1;
    if (folder_of(t->fs, name, true, &back, NULL))
        return false;
    move_aside(t->fs, name, "it took its place, and was never acknowledged", aside, NULL);
    if (renameat2(t->folder, as, back, name->file, RENAME_NOREPLACE) != 0)
        return false;
    fsync(back);
    log_event(LOG_EVENT_NOTICE, "file-put-back", "%s of the home %s is in its place again.",
              file_name_shown(name, shown), name->home);
    return true;
}

static bool tidy_one(const char *entry, void *context)
{
    const struct finding *t = context;
    char as[REPLACED_OF_SIZE] = "", link[REPLACED_OF_SIZE];
    struct file_name name;
    size_t size = strlen(entry), end = strlen(REPLACED_OF);
    bool is_link = size > end && strcmp(entry + size - end, REPLACED_OF) == 0;
    snprintf(as, sizeof as, "%.*s", (int)(is_link ? size - end : size), entry);
    if (folder_name_is_ours(as) ||
        (is_link && faccessat(t->folder, as, F_OK, AT_SYMLINK_NOFOLLOW) == 0))
        return true; /* it is under way; or the file comes, too */
    enum file_meant meant = read_of(t->folder, of(as, link), &name);
    file_store_hold(t->fs); /* nobody begins to change it meanwhile */
    if (meant == MEANT)
        meant = judge(t, as, &name);
    bool settled = meant == MEANT_GONE || (meant == MEANT && put_back(t, as, &name)) ||
                   (meant == MEANT_NOT &&
                    !move_left_aside(t->fs, t->folder, as, &name, "it was to be replaced", NULL));
    file_store_release(t->fs);
    if (settled)
        replaced_forget(t->folder, as);
    return true;
}

enum failure replaced_tidy(const struct file_store *fs, int folder, file_store_keeps *keeps,
                           void *context, struct error *e)
{
    struct finding t = {.fs = fs, .keeps = keeps, .context = context, .folder = folder};
    return walk_folder(dup(folder), false, tidy_one, &t, e);
}
