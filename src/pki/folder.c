#include "pki/folder.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"

enum {
    /* The largest bundles of authorities that systems come with have a quarter of this. */
    FILE_BYTES_MAX = 1 << 20,
};

struct folder {
    char *path;
    int fd;
};

struct handle {
    int fd;
};

static void owned_handle_close(struct handle *h)
{
    if (h->fd >= 0)
        close(h->fd);
}

static enum failure failure_of(int number)
{
    switch (number) {
    case ENOENT:
    case ENOTDIR: return FAIL_NOT_FOUND;
    case EACCES:
    case EPERM: return FAIL_DENIED;
    case ENOSPC:
    case EDQUOT: return FAIL_FULL;
    case EROFS: return FAIL_READ_ONLY;
    default: return FAIL_IO;
    }
}

static enum failure fail_errno(struct error *e, const char *doing, const char *folder,
                               const char *name)
{
    int number = errno;
    return fail(e, failure_of(number), "%s \"%s%s%s\" failed: %s.", doing, folder, name ? "/" : "",
                name ? name : "", strerror(number));
}

/* The folder's entry must outlive a power cut as well as what is in it. */
static enum failure flush_parent(const char *path, struct error *e)
{
    OWNED(free_memory) char *parent = xasprintf("%s/..", path);
    OWNED(handle_close) struct handle h = {open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
    if (h.fd < 0 || fsync(h.fd) != 0)
        return fail_errno(e, "Flushing the folder above", path, NULL);
    return OK;
}

static enum failure make(const char *path, struct error *e)
{
    if (mkdir(path, 0700) == 0)
        return flush_parent(path, e);
    return errno == EEXIST ? OK : fail_errno(e, "Making the folder", path, NULL);
}

struct folder *folder_open(const char *path, bool create, struct error *e)
{
    if (create && make(path, e) != OK)
        return NULL;
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        fail_errno(e, "Opening the folder", path, NULL);
        return NULL;
    }
    /* Some network file systems have no such locks. There, two people who type at the same instant
     * are on their own; everybody else should not be kept from working. */
    while (flock(fd, LOCK_EX) != 0 && errno == EINTR)
        ;
    struct folder *f = xmalloc(sizeof *f);
    *f = (struct folder){.path = xstrdup(path), .fd = fd};
    return f;
}

void folder_close(struct folder *f)
{
    if (!f)
        return;
    close(f->fd);
    free_memory(f->path);
    free_memory(f);
}

bool folder_has(const struct folder *f, const char *name)
{
    struct stat s;
    /* Anything but a clear no counts as yes: nothing is overwritten on a doubt. */
    return fstatat(f->fd, name, &s, AT_SYMLINK_NOFOLLOW) == 0 || errno != ENOENT;
}

static char *staged(const char *name)
{
    return xasprintf("%s.new", name);
}

bool folder_has_staged(const struct folder *f, const char *name)
{
    OWNED(free_memory) char *beside = staged(name);
    return folder_has(f, beside);
}

static enum failure write_all(int fd, struct bytes content)
{
    while (content.size) {
        ssize_t n = write(fd, content.at, content.size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return FAIL_IO;
        content.at += n;
        content.size -= (size_t)n;
    }
    return fsync(fd) == 0 ? OK : FAIL_IO;
}

enum failure folder_stage(struct folder *f, const char *name, struct bytes content, mode_t mode,
                          struct error *e)
{
    OWNED(free_memory) char *beside = staged(name);
    folder_remove(f, beside); /* what an interrupted command left; its rights may be wrong */
    const int how = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
    OWNED(handle_close) struct handle h = {openat(f->fd, beside, how, mode)};
    if (h.fd < 0)
        return fail_errno(e, "Creating", f->path, beside);
    if (write_all(h.fd, content) == OK)
        return OK;
    enum failure failed = fail_errno(e, "Writing", f->path, beside);
    folder_remove(f, beside);
    return failed;
}

enum failure folder_commit(struct folder *f, const char *name, struct error *e)
{
    OWNED(free_memory) char *beside = staged(name);
    if (renameat(f->fd, beside, f->fd, name) != 0)
        return fail_errno(e, "Renaming to", f->path, name);
    if (fsync(f->fd) != 0)
        return fail_errno(e, "Flushing the folder", f->path, NULL);
    return OK;
}

void folder_discard(struct folder *f, const char *name)
{
    OWNED(free_memory) char *beside = staged(name);
    folder_remove(f, beside);
}

void folder_remove(struct folder *f, const char *name)
{
    unlinkat(f->fd, name, 0);
}

enum failure file_read(const char *path, struct buffer *content, struct error *e)
{
    assert(content->size == 0);
    OWNED(handle_close) struct handle h = {open(path, O_RDONLY | O_CLOEXEC)};
    if (h.fd < 0)
        return fail_errno(e, "Reading", path, NULL);
    /* All the room at once: a buffer that grows leaves copies of a secret behind. */
    buffer_reserve(content, FILE_BYTES_MAX + 1);
    while (content->size <= FILE_BYTES_MAX) {
        ssize_t n = read(h.fd, content->at + content->size, FILE_BYTES_MAX + 1 - content->size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return fail_errno(e, "Reading", path, NULL);
        if (n == 0)
            return OK;
        content->size += (size_t)n;
    }
    return fail(e, FAIL_FOREIGN, "\"%s\" is larger than any certificate or key.", path);
}

/* The room behind it was never touched: to wipe that as well would take longer than all the rest.
 */
void secret_free(struct buffer *b)
{
    if (b->at)
        OPENSSL_cleanse(b->at, b->size);
    buffer_free(b);
}
