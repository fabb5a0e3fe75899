/* What lies in the way of what belongs there goes aside, readable, and is found there by its stamp.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/random.h"
#include "content/file_store_inside.h"

enum { ASIDE_LOOKED_MAX = 1000 }; /* versions of one file; nobody has so many */

int own_folder(int root, const char *own, const struct file_name *name)
{
    char path[2 * CONTENT_NAME_SIZE + HOME_NAME_SIZE];
    snprintf(path, sizeof path, "%s/%s/%s", own, name->home, name->conference);
    return below_make(root, path);
}

static void tell_aside(const struct file_store *fs, const struct file_name *name, const char *as,
                       const char *why)
{
    char shown[FILE_NAME_SHOWN_SIZE];
    log_event(LOG_EVENT_WARNING, "file-set-aside",
              "%s of the home %s was set aside: %s. It is %s/%s/%s/%s%s%s now.",
              file_name_shown(name, shown), name->home, why, fs->path, FOLDER_ASIDE, name->home,
              shown, name->file[0] ? "/" : "", as);
}

/* `to`: -1 with errno, if it could not be opened. */
static enum failure lay_aside(const struct file_store *fs, int from, const char *entry, int to,
                              const struct file_name *name, const char *why,
                              char as[ASIDE_NAME_SIZE], struct error *e)
{
    char shown[FILE_NAME_SHOWN_SIZE], moment[CLOCK_TEXT_MAX];
    if (to >= 0)
        snprintf(as, ASIDE_NAME_SIZE, "%s-%04x", clock_wall_text(clock_wall_ms(), moment),
                 (unsigned)(random_u64() & 0xffff));
    if (to < 0 || renameat2(from, entry, to, as, RENAME_NOREPLACE) != 0)
        return folder_failure("Setting aside", file_name_shown(name, shown), errno, e);
    tell_aside(fs, name, as, why);
    return OK;
}

/* Each version keeps its name as a folder and gets the moment for its own: readable, and however
 * often it happens, nothing is written over. */
enum failure move_aside(const struct file_store *fs, const struct file_name *name, const char *why,
                        char as[ASIDE_NAME_SIZE], struct error *e)
{
    bool whole = !name->file[0]; /* a conference's folder */
    const char *last = whole ? name->conference : name->file;
    OWNED(close_fd) int root = -1;
    enum failure bad = folder_root(fs, &root, e);
    if (bad)
        return bad;
    OWNED(close_fd) int above = below_open(root, name->home, O_RDONLY | O_DIRECTORY, 0);
    OWNED(close_fd)
    int from = whole ? dup(above) : below_open(above, name->conference, O_RDONLY | O_DIRECTORY, 0);
    OWNED(close_fd) int aside = from < 0 ? -1 : own_folder(root, FOLDER_ASIDE, name);
    OWNED(close_fd) int to = aside < 0 ? -1 : whole ? dup(aside) : below_make(aside, last);
    return lay_aside(fs, from, last, to, name, why, as, e);
}

enum failure move_left_aside(const struct file_store *fs, int folder, const char *entry,
                             const struct file_name *name, const char *why, struct error *e)
{
    char as[ASIDE_NAME_SIZE];
    OWNED(close_fd) int root = -1;
    enum failure bad = folder_root(fs, &root, e);
    if (bad)
        return bad;
    OWNED(close_fd) int aside = own_folder(root, FOLDER_ASIDE, name);
    OWNED(close_fd) int to = aside < 0 ? -1 : below_make(aside, name->file);
    return lay_aside(fs, folder, entry, to, name, why, as, e);
}

enum failure file_store_set_aside(const struct file_store *fs, const struct file_name *name,
                                  const char *why, struct error *e)
{
    char as[ASIDE_NAME_SIZE];
    return move_aside(fs, name, why, as, e);
}

static int open_with_stamp(int folder, const char *name, struct file_stamp stamp)
{
    struct stat st;
    int fd = below_open(folder, name, O_RDONLY | O_NONBLOCK, 0);
    if (fd < 0 ||
        (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && file_stamp_equal(stamp_of(&st), stamp)))
        return fd;
    close(fd);
    return -1;
}

bool file_store_open_aside(const struct file_store *fs, const struct file_name *name,
                           struct file_stamp stamp, int *fd)
{
    char path[3 * CONTENT_NAME_SIZE + HOME_NAME_SIZE];
    OWNED(close_fd) int root = -1;
    const struct dirent *entry;
    *fd = -1;
    snprintf(path, sizeof path, "%s/%s/%s/%s", FOLDER_ASIDE, name->home, name->conference,
             name->file);
    if (folder_root(fs, &root, NULL))
        return false;
    int folder = below_open(root, path, O_RDONLY | O_DIRECTORY, 0);
    DIR *dir = folder < 0 ? NULL : fdopendir(folder);
    if (!dir) {
        close_fd(folder);
        return false;
    }
    for (size_t i = 0; *fd < 0 && i < ASIDE_LOOKED_MAX && (entry = readdir(dir)); i++) {
        if (entry->d_name[0] != '.')
            *fd = open_with_stamp(folder, entry->d_name, stamp);
    }
    closedir(dir);
    return *fd >= 0;
}
