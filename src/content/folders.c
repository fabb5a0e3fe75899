#include "content/folders.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/openat2.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/random.h"

enum { MARKER_MAX = 512, FOLDER_MODE = 0750 };

void close_fd(int fd)
{
    if (fd >= 0)
        close(fd);
}

enum failure folder_failure(const char *what, const char *path, int number, struct error *e)
{
    enum failure kind = number == ENOENT || number == ENOTDIR  ? FAIL_NOT_FOUND
                        : number == ENOSPC || number == EDQUOT ? FAIL_FULL
                        : number == EROFS                      ? FAIL_READ_ONLY
                        : number == ELOOP || number == EXDEV   ? FAIL_FOREIGN
                                                               : FAIL_IO;
    if (kind == FAIL_FOREIGN)
        return fail(e, kind, "%s %s: there is a symbolic link where a folder or a file should be.",
                    what, path);
    fail(e, kind, "%s %s: %s.", what, path, strerrordesc_np(number));
    if (e && kind == FAIL_FULL)
        error_next(e, "Make room on the disk of the file store; it goes on by itself.");
    return kind;
}

int below_open(int folder, const char *path, int flags, unsigned mode)
{
    struct open_how how = {.flags = (uint64_t)(flags | O_CLOEXEC),
                           .mode = mode,
                           .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS};
    long fd;
    do /* the kernel could not be sure, because something was renamed meanwhile */
        fd = syscall(SYS_openat2, folder, path, &how, sizeof how);
    while (fd < 0 && (errno == EAGAIN || errno == EINTR));
    return (int)fd;
}

/* Each part by its own descriptor: mkdirat() alone would follow a link on the way. */
int below_make(int folder, const char *path)
{
    int fd = below_open(folder, path, O_DIRECTORY | O_RDONLY, 0);
    const char *slash = strchr(path, '/');
    char first[CONTENT_NAME_SIZE];
    size_t size = slash ? (size_t)(slash - path) : strlen(path);
    if (fd >= 0 || errno != ENOENT)
        return fd;
    if (size >= sizeof first) {
        errno = ENAMETOOLONG;
        return -1;
    }
    memcpy(first, path, size);
    first[size] = 0;
    if (mkdirat(folder, first, FOLDER_MODE) != 0 && errno != EEXIST)
        return -1;
    fd = below_open(folder, first, O_DIRECTORY | O_RDONLY, 0);
    if (fd < 0 || !slash)
        return fd;
    int below = below_make(fd, slash + 1);
    int number = errno;
    close(fd);
    errno = number;
    return below;
}

/* These errors are read at other machines, too, where a file store of the same path is another
 * one: they say whose it is. What is to be typed there does no harm to the marker of another. */
static enum failure no_store(const struct file_store *fs, struct error *e)
{
    const char *path = file_store_path(fs), *pool = file_store_pool(fs);
    fail(e, FAIL_NOT_FOUND, "The file store %s of %s has no marker: it may not be mounted.", path,
         pool);
    if (!e)
        return FAIL_NOT_FOUND;
    error_kept(e, "Nothing is read there and nothing is written.");
    return error_next(e,
                      "Mount it at %s. If it is new and meant to be empty, type there: mkdir -p %s "
                      "&& (set -C; echo %s > %s/%s)",
                      pool, path, pool, path, FILE_STORE_MARKER);
}

static enum failure store_failure(const char *what, const struct file_store *fs, int number,
                                  struct error *e)
{
    OWNED(free_memory)
    char *whose = xasprintf("%s of %s", file_store_path(fs), file_store_pool(fs));
    return folder_failure(what, whose, number, e);
}

static enum failure check_marker(const struct file_store *fs, int root, struct error *e)
{
    OWNED(close_fd) int fd = below_open(root, FILE_STORE_MARKER, O_RDONLY | O_NONBLOCK, 0);
    char text[MARKER_MAX];
    if (fd < 0 && errno == ENOENT)
        return no_store(fs, e);
    ssize_t got = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
    if (got < 0)
        return store_failure("Reading the marker of the file store", fs, errno, e);
    text[got] = 0;
    text[strcspn(text, "\r\n")] = 0;
    if (strcmp(text, file_store_pool(fs)) == 0)
        return OK;
    const char *path = file_store_path(fs), *pool = file_store_pool(fs);
    fail(e, FAIL_FOREIGN, "By its marker the file store %s of %s belongs to \"%s\".", path, pool,
         text);
    if (!e)
        return FAIL_FOREIGN;
    error_kept(e, "Nothing is read there and nothing is written.");
    return error_next(e,
                      "Check at %s which file store is mounted there, and which the configuration "
                      "names. If it is the right one and only its marker is wrong, type there, and "
                      "nowhere else: echo %s > %s/%s",
                      pool, pool, path, FILE_STORE_MARKER);
}

enum failure folder_root(const struct file_store *fs, int *root, struct error *e)
{
    OWNED(close_fd) int fd = open(file_store_path(fs), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
        return no_store(fs, e);
    if (fd < 0)
        return store_failure("Opening the file store", fs, errno, e);
    enum failure bad = check_marker(fs, fd, e);
    *root = bad ? -1 : fd;
    if (!bad)
        fd = -1;
    return bad;
}

enum failure folder_of(const struct file_store *fs, const struct file_name *name, bool make,
                       int *folder, struct error *e)
{
    char path[HOME_NAME_SIZE + CONTENT_NAME_SIZE];
    OWNED(close_fd) int root = -1;
    *folder = -1;
    enum failure bad = folder_root(fs, &root, e);
    if (bad)
        return bad;
    snprintf(path, sizeof path, "%s/%s", name->home, name->conference);
    *folder = make ? below_make(root, path) : below_open(root, path, O_RDONLY | O_DIRECTORY, 0);
    if (*folder >= 0)
        return OK;
    int number = errno;
    char shown[FILE_NAME_SHOWN_SIZE];
    bad = folder_failure("Opening the folder of", file_name_shown(name, shown), number, e);
    return number == ENOTDIR ? fail(e, FAIL_FOREIGN, "%s is in no folder.", shown) : bad;
}

static pthread_once_t drawn = PTHREAD_ONCE_INIT;
static uint32_t number;

static void draw_number(void)
{
    number = (uint32_t)random_u64();
}

/* By which this process is known, and no other that used the folder, or will; nor a child of it. */
static uint32_t own_number(void)
{
    pthread_once(&drawn, draw_number);
    return number + (uint32_t)getpid();
}

void folder_random_name(char name[32])
{
    snprintf(name, 32, "%08" PRIx32 "%016" PRIx64, own_number(), random_u64());
}

bool folder_name_is_ours(const char *name)
{
    char own[16];
    snprintf(own, sizeof own, "%08" PRIx32, own_number());
    return strncmp(name, own, strlen(own)) == 0;
}
