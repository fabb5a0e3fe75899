#include "content/file_store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "content/file_store_inside.h"

enum { NS = 1000000000 };

struct file_store *file_store_new(const char *path, const char *pool)
{
    struct file_store *fs = xmalloc(sizeof *fs);
    *fs = (struct file_store){xstrdup(path), xstrdup(pool), removals_new()};
    return fs;
}

void file_store_free(struct file_store *fs)
{
    if (!fs)
        return;
    free(fs->path);
    free(fs->pool);
    removals_free(fs->removals);
    free(fs);
}

const char *file_store_path(const struct file_store *fs)
{
    return fs->path;
}

const char *file_store_pool(const struct file_store *fs)
{
    return fs->pool;
}

/* --- the store as a whole --- */

enum failure file_store_check(const struct file_store *fs, struct error *e)
{
    OWNED(close_fd) int root = -1;
    return folder_root(fs, &root, e);
}

static enum failure write_marker(const struct file_store *fs, int root, struct error *e)
{
    OWNED(free_memory) char *line = xasprintf("%s\n", fs->pool);
    OWNED(close_fd)
    int fd = below_open(root, FILE_STORE_MARKER, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0640);
    ssize_t size = (ssize_t)strlen(line);
    if (fd >= 0 && write(fd, line, (size_t)size) == size && fsync(fd) == 0 && fsync(root) == 0)
        return OK;
    return folder_failure("Marking the file store", fs->path, errno, e);
}

enum failure file_store_mark(const struct file_store *fs, struct error *e)
{
    OWNED(close_fd) int root = open(fs->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (root < 0)
        return folder_failure("Opening the file store", fs->path, errno, e);
    struct stat st;
    if (fstatat(root, FILE_STORE_MARKER, &st, AT_SYMLINK_NOFOLLOW) == 0)
        return file_store_check(fs, e);
    return write_marker(fs, root, e);
}

uint64_t file_store_identity(const struct file_store *fs)
{
    struct stat st;
    if (stat(fs->path, &st) != 0)
        return 0;
    return ((uint64_t)st.st_dev << 32 ^ (uint64_t)st.st_ino) | 1;
}

enum failure file_store_sync(const struct file_store *fs, struct error *e)
{
    OWNED(close_fd) int root = -1;
    enum failure bad = folder_root(fs, &root, e);
    if (!bad && syncfs(root) != 0)
        bad = folder_failure("Making durable what is in the file store", fs->path, errno, e);
    return bad;
}

/* --- one file --- */

struct file_stamp stamp_of(const struct stat *st)
{
    return (struct file_stamp){.size = (uint64_t)st->st_size,
                               .time_ns = (int64_t)st->st_mtim.tv_sec * NS + st->st_mtim.tv_nsec};
}

enum failure file_store_look(const struct file_store *fs, const struct file_name *name,
                             enum file_found *found, struct file_stamp *stamp, struct error *e)
{
    OWNED(close_fd) int folder = -1;
    struct stat st;
    *stamp = (struct file_stamp){0};
    *found = FOUND_NOTHING;
    enum failure bad = file_store_check(fs, e); /* a folder that is not there is another matter */
    if (bad)
        return bad;
    struct error why = {0};
    bad = folder_of(fs, name, false, &folder, &why);
    if (bad == FAIL_NOT_FOUND)
        return OK;
    if (bad && e)
        *e = why;
    if (bad)
        return bad;
    if (fstatat(folder, name->file, &st, AT_SYMLINK_NOFOLLOW) != 0)
        return errno == ENOENT ? OK : folder_failure("Looking at", name->file, errno, e);
    *found = S_ISREG(st.st_mode) ? FOUND_FILE : FOUND_OTHER;
    *stamp = stamp_of(&st);
    return OK;
}

enum failure file_store_open(const struct file_store *fs, const struct file_name *name, int *fd,
                             struct file_stamp *stamp, struct error *e)
{
    char shown[FILE_NAME_SHOWN_SIZE];
    OWNED(close_fd) int folder = -1;
    struct stat st;
    *fd = -1;
    enum failure bad = folder_of(fs, name, false, &folder, e);
    if (bad)
        return bad;
    /* Nothing that could wait, like a pipe, is waited for. */
    OWNED(close_fd) int file = below_open(folder, name->file, O_RDONLY | O_NONBLOCK, 0);
    if (file < 0 || fstat(file, &st) != 0)
        return folder_failure("Opening", file_name_shown(name, shown), errno, e);
    if (!S_ISREG(st.st_mode))
        return fail(e, FAIL_FOREIGN, "%s is no file.", file_name_shown(name, shown));
    *stamp = stamp_of(&st);
    *fd = file;
    file = -1;
    return OK;
}

enum failure file_store_set_time(const struct file_store *fs, const struct file_name *name,
                                 int64_t time_ns, struct error *e)
{
    const struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, {time_ns / NS, time_ns % NS}};
    struct file_stamp stamp;
    OWNED(close_fd) int fd = -1;
    enum failure bad = file_store_open(fs, name, &fd, &stamp, e);
    if (!bad && futimens(fd, times) != 0)
        bad = folder_failure("Setting the time of", name->file, errno, e);
    return bad;
}

/* --- walking --- */

enum failure walk_folder(int folder, bool folders_only, file_store_visit *visit, void *context,
                         struct error *e)
{
    DIR *dir = fdopendir(folder);
    const struct dirent *entry;
    if (!dir) {
        close_fd(folder);
        return folder_failure("Reading", "a folder of the file store", errno, e);
    }
    errno = 0;
    bool more = true;
    while (more && (entry = readdir(dir))) {
        struct stat st;
        bool fits = content_name_valid(bytes_of_text(entry->d_name));
        if (fits && folders_only)
            fits = fstatat(dirfd(dir), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
                   S_ISDIR(st.st_mode);
        more = !fits || visit(entry->d_name, context);
        errno = 0;
    }
    enum failure bad =
        errno ? folder_failure("Reading", "a folder of the file store", errno, e) : OK;
    closedir(dir);
    return bad;
}

static enum failure walk_path(const struct file_store *fs, const char *path,
                              file_store_visit *visit, void *context, struct error *e)
{
    OWNED(close_fd) int root = -1;
    enum failure bad = folder_root(fs, &root, e);
    if (bad)
        return bad;
    int folder = below_open(root, path, O_RDONLY | O_DIRECTORY, 0);
    if (folder < 0)
        return errno == ENOENT || errno == ENOTDIR || errno == ELOOP
                   ? OK
                   : folder_failure("Reading", path, errno, e);
    return walk_folder(folder, false, visit, context, e);
}

enum failure file_store_conferences(const struct file_store *fs, const char *home,
                                    file_store_visit *visit, void *context, struct error *e)
{
    return walk_path(fs, home, visit, context, e);
}

enum failure file_store_files(const struct file_store *fs, const char *home, const char *conference,
                              file_store_visit *visit, void *context, struct error *e)
{
    char path[HOME_NAME_SIZE + CONTENT_NAME_SIZE];
    snprintf(path, sizeof path, "%s/%s", home, conference);
    return walk_path(fs, path, visit, context, e);
}

bool file_store_no_folder(const struct file_store *fs, const char *home, const char *conference)
{
    char path[HOME_NAME_SIZE + CONTENT_NAME_SIZE];
    struct stat st;
    OWNED(close_fd) int root = -1;
    if (folder_root(fs, &root, NULL))
        return false;
    snprintf(path, sizeof path, "%s/%s", home, conference);
    OWNED(close_fd) int there = below_open(root, path, O_PATH | O_NOFOLLOW, 0);
    return there >= 0 && fstat(there, &st) == 0 && !S_ISDIR(st.st_mode);
}
