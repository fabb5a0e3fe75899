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

enum { REPLACED_TEXT_SIZE = HOME_NAME_SIZE + 2 * CONTENT_NAME_SIZE };

static int own(const struct file_store *fs, struct error *e)
{
    OWNED(close_fd) int root = -1;
    if (folder_root(fs, &root, e))
        return -1;
    int folder = below_make(root, FOLDER_REPLACED);
    if (folder < 0)
        folder_failure("Opening", FOLDER_REPLACED, errno, e);
    return folder;
}

static void forget(int folder, const char *name)
{
    char of[64];
    snprintf(of, sizeof of, "%.32s" REPLACED_OF, name);
    unlinkat(folder, name, 0);
    unlinkat(folder, of, 0); /* last: what is left without it, nobody could name */
}

/* --- while it is replaced --- */

static enum failure say_of(const struct replaced *replaced, const struct file_name *name,
                           struct error *e)
{
    char of[64], text[REPLACED_TEXT_SIZE];
    snprintf(of, sizeof of, "%s" REPLACED_OF, replaced->name);
    snprintf(text, sizeof text, "%s/%s/%s", name->home, name->conference, name->file);
    if (symlinkat(text, replaced->folder, of) == 0 && fsync(replaced->folder) == 0)
        return OK;
    return folder_failure("Keeping", "what is replaced", errno, e);
}

enum failure replaced_keep(const struct file_store *fs, int folder, const struct file_name *name,
                           struct replaced *replaced, struct error *e)
{
    *replaced = REPLACED_NOTHING;
    if (faccessat(folder, name->file, F_OK, AT_SYMLINK_NOFOLLOW) != 0)
        return OK;
    struct replaced kept = {.folder = own(fs, e)};
    if (kept.folder < 0)
        return e ? e->kind : FAIL_IO;
    folder_random_name(kept.name);
    enum failure bad = OK;
    bool is_kept = linkat(folder, name->file, kept.folder, kept.name, 0) == 0;
    if (is_kept)
        bad = say_of(&kept, name, e);
    else if (errno != ENOENT && errno != EPERM) /* it is gone by now; or a folder, which stays */
        bad = folder_failure("Keeping", name->file, errno, e);
    *replaced = kept;
    if (bad || !is_kept)
        replaced_drop(replaced);
    return bad;
}

void replaced_drop(struct replaced *replaced)
{
    if (replaced->folder >= 0)
        forget(replaced->folder, replaced->name);
    close_fd(replaced->folder);
    *replaced = REPLACED_NOTHING;
}

/* --- at the start --- */

struct tidying {
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
static bool read_of(int folder, const char *of, struct file_name *name)
{
    char text[REPLACED_TEXT_SIZE];
    ssize_t size = readlinkat(folder, of, text, sizeof text - 1);
    text[size < 0 ? 0 : size] = 0;
    const char *first = strchr(text, '/'), *second = first ? strchr(first + 1, '/') : NULL;
    return second && copy_part(name->home, sizeof name->home, text, (size_t)(first - text)) &&
           copy_part(name->conference, sizeof name->conference, first + 1,
                     (size_t)(second - first - 1)) &&
           copy_part(name->file, sizeof name->file, second + 1, strlen(second + 1)) &&
           content_name_valid(bytes_of_text(name->conference)) &&
           content_name_valid(bytes_of_text(name->file)) && name->home[0] != '.';
}

/* Is it the one that counts, and not what lies there? */
static bool counts(const struct tidying *t, const char *kept, const struct file_name *name)
{
    struct stat st;
    struct file_stamp wanted, there;
    enum file_found found;
    if (fstatat(t->folder, kept, &st, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(st.st_mode) ||
        !t->keeps(name, &wanted, t->context) || !file_stamp_equal(stamp_of(&st), wanted))
        return false;
    return !file_store_look(t->fs, name, &found, &there, NULL) &&
           (found != FOUND_FILE || !file_stamp_equal(there, wanted));
}

/* False: something stands in the way, and what is kept stays until the next start. */
static bool put_back(const struct tidying *t, const char *kept, const struct file_name *name)
{
    char shown[FILE_NAME_SHOWN_SIZE], as[ASIDE_NAME_SIZE];
    OWNED(close_fd) int back = -1;
    if (folder_of(t->fs, name, true, &back, NULL))
        return false;
    move_aside(t->fs, name, "it took its place, and was never acknowledged", as, NULL);
    if (renameat2(t->folder, kept, back, name->file, RENAME_NOREPLACE) != 0)
        return false;
    fsync(back);
    log_event(LOG_EVENT_NOTICE, "file-put-back", "%s of the home %s is in its place again.",
              file_name_shown(name, shown), name->home);
    return true;
}

static bool tidy_one(const char *entry, void *context)
{
    const struct tidying *t = context;
    size_t size = strlen(entry), end = strlen(REPLACED_OF);
    char kept[32] = "";
    struct file_name name;
    bool is_of =
        size > end && size - end < sizeof kept && strcmp(entry + size - end, REPLACED_OF) == 0;
    if (!is_of) /* its link comes, too; or there is none, and it was not replaced yet */
        return true;
    memcpy(kept, entry, size - end);
    bool wanted = read_of(t->folder, entry, &name) && counts(t, kept, &name);
    if (!wanted || put_back(t, kept, &name))
        forget(t->folder, kept);
    return true;
}

static bool forget_nameless(const char *entry, void *context)
{
    const struct tidying *t = context;
    char of[64];
    snprintf(of, sizeof of, "%.32s" REPLACED_OF, entry);
    if (!strstr(entry, REPLACED_OF) && faccessat(t->folder, of, F_OK, AT_SYMLINK_NOFOLLOW) != 0)
        unlinkat(t->folder, entry, 0);
    return true;
}

enum failure replaced_tidy(const struct file_store *fs, file_store_keeps *keeps, void *context,
                           struct error *e)
{
    OWNED(close_fd) int folder = own(fs, e);
    struct tidying t = {.fs = fs, .keeps = keeps, .context = context, .folder = folder};
    enum failure bad = folder < 0 ? (e ? e->kind : FAIL_IO) : OK;
    file_store_visit *const visits[] = {tidy_one, forget_nameless};
    for (size_t i = 0; !bad && i < COUNT_OF(visits); i++)
        bad = walk_folder(below_open(folder, ".", O_RDONLY | O_DIRECTORY, 0), false, visits[i], &t,
                          e);
    return bad;
}
