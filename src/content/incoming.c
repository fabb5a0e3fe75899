#include "content/incoming.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "content/file_store_inside.h"
#include "content/replaced.h"

enum {
    FILE_MODE = 0640,
    NS = 1000000000,
    /* Shorter runs of zeros are written: a hole has whole blocks. */
    HOLE_LEAST = 4096,
};

struct incoming {
    const struct file_store *fs;
    int folder; /* where it lies now */
    /* Exchanged: where what was there before lies, under `name`; it goes back if this is not kept.
     */
    int own;
    bool exchanged, kept;
    struct file_name is;
    char name[CONTENT_NAME_SIZE];
    int fd;
    uint64_t size;
    bool placed;
};

static enum failure open_own(struct incoming *in, struct error *e)
{
    OWNED(close_fd) int root = -1;
    enum failure bad = folder_root(in->fs, &root, e);
    if (bad)
        return bad;
    in->folder = below_make(root, FOLDER_INCOMING);
    return in->folder < 0 ? folder_failure("Opening", FOLDER_INCOMING, errno, e) : OK;
}

enum failure incoming_begin(const struct file_store *fs, struct incoming **in, struct error *e)
{
    *in = NULL;
    OWNED(incoming_free) struct incoming *made = xcalloc(1, sizeof *made);
    made->fs = fs;
    made->fd = made->own = made->folder = -1;
    made->placed = true; /* until there is something to take away */
    enum failure bad = open_own(made, e);
    if (bad)
        return bad;
    folder_random_name(made->name);
    made->fd =
        below_open(made->folder, made->name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, FILE_MODE);
    if (made->fd < 0)
        return folder_failure("Making a file in", file_store_path(fs), errno, e);
    made->placed = false;
    *in = TAKE(made);
    return OK;
}

void incoming_rest(struct incoming *in)
{
    close_fd(in->fd);
    close_fd(in->folder);
    in->fd = in->folder = -1;
}

enum lies { LIES_OURS, LIES_OTHER, LIES_NOTHING, LIES_UNKNOWN };

static enum lies what_lies_there(const struct incoming *in)
{
    struct stat ours, there;
    if (fstat(in->fd, &ours) != 0)
        return LIES_UNKNOWN;
    if (fstatat(in->folder, in->is.file, &there, AT_SYMLINK_NOFOLLOW) != 0)
        return errno == ENOENT ? LIES_NOTHING : LIES_UNKNOWN;
    return ours.st_ino == there.st_ino && ours.st_dev == there.st_dev ? LIES_OURS : LIES_OTHER;
}

/* What was there before is there again, unless somebody has put something else there meanwhile.
 * False: it is not, and what is left is for the next start. */
static bool undo(const struct incoming *in)
{
    bool back = true;
    switch (what_lies_there(in)) {
    case LIES_OTHER: return true;
    case LIES_UNKNOWN: return false;
    case LIES_NOTHING:
        back = in->own < 0 ||
               renameat2(in->own, in->name, in->folder, in->is.file, RENAME_NOREPLACE) == 0;
        break;
    case LIES_OURS:
        back = in->own < 0
                   ? unlinkat(in->folder, in->is.file, 0) == 0
                   : renameat2(in->own, in->name, in->folder, in->is.file, RENAME_EXCHANGE) == 0;
        break;
    }
    return back && fsync(in->folder) == 0;
}

void incoming_free(struct incoming *in)
{
    if (!in)
        return;
    bool settled = !in->placed || !in->exchanged || in->kept || undo(in);
    if (in->own >= 0 && settled)
        replaced_forget(in->own, in->name);
    if (in->exchanged && settled) /* else nobody takes it for a change before the next start */
        file_store_change(in->fs, &in->is, false);
    close_fd(in->own);
    close_fd(in->fd);
    if (!in->placed && in->folder < 0)
        open_own(in, NULL);
    if (in->folder >= 0 && !in->placed)
        replaced_forget(in->folder, in->name);
    close_fd(in->folder);
    free(in);
}

static enum failure failed(const struct incoming *in, struct error *e)
{
    return folder_failure("Writing a file in", file_store_path(in->fs), errno, e);
}

static bool all_zeros(struct bytes b)
{
    return b.size && b.at[0] == 0 && memcmp(b.at, b.at + 1, b.size - 1) == 0;
}

enum failure incoming_write(struct incoming *in, struct bytes bytes, struct error *e)
{
    bool hole = bytes.size >= HOLE_LEAST && all_zeros(bytes);
    while (!hole && bytes.size) {
        ssize_t done = pwrite(in->fd, bytes.at, bytes.size, (off_t)in->size);
        if (done < 0 && errno == EINTR)
            continue;
        if (done < 0)
            return failed(in, e);
        in->size += (uint64_t)done;
        bytes = bytes_of(bytes.at + done, bytes.size - (size_t)done);
    }
    in->size += bytes.size;
    return OK;
}

/* What ends in a hole is shorter on the disk than it will be. */
bool incoming_read(struct incoming *in, uint64_t offset, uint32_t size, struct buffer *bytes)
{
    buffer_clear(bytes);
    buffer_reserve(bytes, size);
    memset(bytes->at, 0, size);
    while (bytes->size < size) {
        ssize_t got = pread(in->fd, bytes->at + bytes->size, size - bytes->size,
                            (off_t)(offset + bytes->size));
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return false;
        if (got == 0)
            break;
        bytes->size += (size_t)got;
    }
    bytes->size = size;
    return offset + size <= in->size;
}

enum failure incoming_seal(struct incoming *in, int64_t time_ns, struct file_stamp *stamp,
                           struct error *e)
{
    const struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, {time_ns / NS, time_ns % NS}};
    struct stat st;
    if (ftruncate(in->fd, (off_t)in->size) != 0 || (time_ns && futimens(in->fd, times) != 0) ||
        fstat(in->fd, &st) != 0)
        return failed(in, e);
    stamp->size = in->size;
    stamp->time_ns = (int64_t)st.st_mtim.tv_sec * NS + st.st_mtim.tv_nsec;
    return OK;
}

enum failure incoming_sync(struct incoming *in, struct error *e)
{
    return fsync(in->fd) == 0 ? OK : failed(in, e);
}

static enum failure not_placed(const struct file_name *name, struct error *e)
{
    char shown[FILE_NAME_SHOWN_SIZE];
    if (errno == EEXIST)
        return fail(e, FAIL_CONFLICT, "Something else lies at %s.", file_name_shown(name, shown));
    return folder_failure("Putting into its place", file_name_shown(name, shown), errno, e);
}

/* Some file systems can't tell: there whoever looked a moment ago has to be believed. */
static bool move(const struct incoming *in, int to, const char *file, bool over)
{
    if (!over && renameat2(in->folder, in->name, to, file, RENAME_NOREPLACE) == 0)
        return true;
    return (over || errno == EINVAL) && renameat(in->folder, in->name, to, file) == 0;
}

enum failure incoming_place(struct incoming *in, const struct file_name *name, bool over,
                            struct error *e)
{
    OWNED(close_fd) int to = -1;
    enum failure bad = in->folder < 0 ? open_own(in, e) : OK;
    if (!bad)
        bad = folder_of(in->fs, name, true, &to, e);
    if (bad)
        return bad;
    if (!move(in, to, name->file, over))
        return not_placed(name, e);
    close_fd(in->folder);
    in->folder = to;
    to = -1;
    in->placed = true;
    return OK;
}

enum failure incoming_settle(struct incoming *in, struct error *e)
{
    return fsync(in->folder) == 0 ? OK : failed(in, e);
}

/* --- and back --- */

/* In one step where the file system can, and where something is there to exchange it for. */
static bool exchange(const struct incoming *in, int to, const char *file, bool *old)
{
    *old = renameat2(in->folder, in->name, to, file, RENAME_EXCHANGE) == 0;
    bool cannot = !*old && (errno == EINVAL || errno == ENOSYS);
    return *old || renameat2(in->folder, in->name, to, file, RENAME_NOREPLACE) == 0 ||
           (cannot && renameat(in->folder, in->name, to, file) == 0);
}

enum failure incoming_exchange(struct incoming *in, const struct file_name *name, struct error *e)
{
    OWNED(close_fd) int to = -1;
    enum failure bad = folder_of(in->fs, name, true, &to, e);
    bool noted = !bad && faccessat(to, name->file, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
    if (noted)
        bad = replaced_note(in->folder, in->name, name, e);
    if (bad)
        return bad;
    file_store_hold(in->fs);
    file_store_change(in->fs, name, true);
    in->is = *name;
    in->exchanged = true;
    bool old, placed = exchange(in, to, name->file, &old);
    file_store_release(in->fs);
    if (!placed)
        return not_placed(name, e);
    if (old && !noted) /* somebody was faster than we looked */
        replaced_note(in->folder, in->name, name, NULL);
    if (old) {
        in->own = in->folder;
    } else {
        replaced_forget(in->folder, in->name); /* nothing is there by now that it could be */
        close_fd(in->folder);
    }
    in->folder = to;
    to = -1;
    in->placed = true;
    return OK;
}

void incoming_keep(struct incoming *in)
{
    in->kept = true;
}
