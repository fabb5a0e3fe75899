#include "cmdlet/shell/data_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include <zstd.h>

#include "base/memory.h"
#include "cmdlet/path.h"

struct data_file {
    char *path, *temporary; /* the second only of one that is written */
    int fd;
    uint64_t size, position;
    ZSTD_CStream *writer;
    ZSTD_DStream *reader;
    uint8_t *room;            /* bytes on their way from or to the disk */
    size_t room_size, filled; /* the second: of plain bytes that are to be written */
    ZSTD_inBuffer read;
    bool midway; /* in a frame */
};

char *data_file_path(const char *typed, bool *moved)
{
    const char *name = path_from_elsewhere(typed);
    *moved = name != NULL;
    return xstrdup(name ? name : typed);
}

static bool is_compressed(const char *path)
{
    static const char ending[] = ".zst";
    size_t size = strlen(path);
    return size >= strlen(ending) && strcasecmp(path + size - strlen(ending), ending) == 0;
}

/* What zstd makes begins so, or with a frame that it would skip. */
static bool begins_compressed(int fd)
{
    uint8_t begins[sizeof(uint32_t)];
    uint32_t magic = 0;
    bool whole = pread(fd, begins, sizeof begins, 0) == (ssize_t)sizeof begins;
    for (size_t i = sizeof begins; whole && i > 0; i--)
        magic = magic << 8 | begins[i - 1];
    return magic == ZSTD_MAGICNUMBER ||
           (magic & ZSTD_MAGIC_SKIPPABLE_MASK) == ZSTD_MAGIC_SKIPPABLE_START;
}

static struct data_file *file_new(const char *path)
{
    struct data_file *file = xcalloc(1, sizeof *file);
    file->path = xstrdup(path);
    file->fd = -1;
    return file;
}

void data_file_close(struct data_file *file)
{
    if (!file)
        return;
    if (file->fd >= 0)
        close(file->fd);
    if (file->temporary)
        unlink(file->temporary);
    ZSTD_freeCStream(file->writer);
    ZSTD_freeDStream(file->reader);
    free(file->room);
    free(file->temporary);
    free(file->path);
    free(file);
}

/* --- reading --- */

static enum failure can_not_read(const struct data_file *file, int why, struct error *e)
{
    fail(e, why == ENOENT ? FAIL_NOT_FOUND : FAIL_IO, "%s can't be read: %s.", file->path,
         strerrordesc_np(why));
    error_kept(e, "Nothing was done.");
    return error_next(e, "Name a file that is there and that you may read.");
}

static enum failure open_file(struct data_file *file, struct error *e)
{
    struct stat facts;
    file->fd = open(file->path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (file->fd < 0 || fstat(file->fd, &facts) != 0)
        return can_not_read(file, errno, e);
    if (S_ISDIR(facts.st_mode))
        return can_not_read(file, EISDIR, e);
    bool regular = S_ISREG(facts.st_mode);
    file->size = regular ? (uint64_t)facts.st_size : 0;
    /* Names change; of a pipe nothing else can be looked at. */
    if (regular ? !begins_compressed(file->fd) : !is_compressed(file->path))
        return OK;
    file->reader = ZSTD_createDStream();
    if (!file->reader)
        abort();
    ZSTD_DCtx_setParameter(file->reader, ZSTD_d_windowLogMax, DATA_FILE_WINDOW_LOG_MAX);
    file->room_size = ZSTD_DStreamInSize();
    file->room = xmalloc(file->room_size);
    return OK;
}

enum failure data_file_open(const char *path, struct data_file **file, struct error *e)
{
    *file = file_new(path);
    enum failure bad = open_file(*file, e);
    if (bad) {
        data_file_close(*file);
        *file = NULL;
    }
    return bad;
}

static enum failure read_some(struct data_file *file, void *to, size_t size, size_t *got,
                              struct error *e)
{
    ssize_t n;
    do
        n = read(file->fd, to, size);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return can_not_read(file, errno, e);
    *got = (size_t)n;
    file->position += *got;
    return OK;
}

static enum failure damaged(const struct data_file *file, const char *why, struct error *e)
{
    fail(e, FAIL_DAMAGED, "%s is no whole file of zstd: %s, before byte %llu.", file->path, why,
         (unsigned long long)file->position);
    return error_next(e, "Fetch it anew from where it was made; `zstd -t` says whether it is "
                         "whole.");
}

enum failure data_file_read(struct data_file *file, void *to, size_t size, size_t *got,
                            struct error *e)
{
    if (!file->reader)
        return read_some(file, to, size, got, e);
    ZSTD_outBuffer out = {.dst = to, .size = size};
    while (out.pos < out.size) {
        if (file->read.pos == file->read.size) {
            size_t n;
            enum failure bad = read_some(file, file->room, file->room_size, &n, e);
            if (!bad && n == 0 && (file->midway || file->position == 0))
                bad = damaged(file, "it ends too early", e);
            if (bad)
                return bad;
            if (n == 0)
                break;
            file->read = (ZSTD_inBuffer){.src = file->room, .size = n};
        }
        size_t hint = ZSTD_decompressStream(file->reader, &out, &file->read);
        if (ZSTD_isError(hint))
            return damaged(file, ZSTD_getErrorName(hint), e);
        file->midway = hint != 0;
    }
    *got = out.pos;
    return OK;
}

uint64_t data_file_size(const struct data_file *file)
{
    return file->size;
}

uint64_t data_file_position(const struct data_file *file)
{
    return file->position;
}

/* --- writing --- */

static enum failure can_not_write(const struct data_file *file, int why, struct error *e)
{
    fail(e, why == ENOSPC || why == EDQUOT ? FAIL_FULL : FAIL_IO, "%s can't be written: %s.",
         file->path, strerrordesc_np(why));
    error_kept(e, "No file was made; one that stood there is as it was.");
    return error_next(e, "Name a file in a folder where you may write and where there is room.");
}

enum failure data_file_create(const char *path, struct data_file **file, struct error *e)
{
    struct data_file *f = *file = file_new(path);
    f->temporary = xasprintf("%s.XXXXXX", path);
    f->fd = mkostemp(f->temporary, O_CLOEXEC); /* with the mode 0600 */
    if (f->fd < 0) {
        can_not_write(f, errno, e);
        free(TAKE(f->temporary));
        data_file_close(f);
        *file = NULL;
        return e->kind;
    }
    if (is_compressed(path)) {
        f->writer = ZSTD_createCStream();
        if (!f->writer)
            abort();
        ZSTD_CCtx_setParameter(f->writer, ZSTD_c_compressionLevel, DATA_FILE_LEVEL);
        ZSTD_CCtx_setParameter(f->writer, ZSTD_c_checksumFlag, 1);
    }
    f->room_size = ZSTD_CStreamOutSize();
    f->room = xmalloc(f->room_size);
    return OK;
}

static enum failure write_all(struct data_file *file, const uint8_t *at, size_t size,
                              struct error *e)
{
    while (size > 0) {
        ssize_t n = write(file->fd, at, size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return can_not_write(file, errno, e);
        at += n;
        size -= (size_t)n;
    }
    return OK;
}

static enum failure compress(struct data_file *file, struct bytes bytes, ZSTD_EndDirective how,
                             struct error *e)
{
    ZSTD_inBuffer in = {.src = bytes.at, .size = bytes.size};
    size_t left;
    do {
        ZSTD_outBuffer out = {.dst = file->room, .size = file->room_size};
        left = ZSTD_compressStream2(file->writer, &out, &in, how);
        if (ZSTD_isError(left))
            abort(); /* nothing but memory can be missing */
        enum failure bad = write_all(file, file->room, out.pos, e);
        if (bad)
            return bad;
    } while (how == ZSTD_e_end ? left > 0 : in.pos < in.size);
    return OK;
}

/* Plain bytes gather in the room as well: lines are short. */
static enum failure flush(struct data_file *file, struct error *e)
{
    enum failure bad = write_all(file, file->room, file->filled, e);
    file->filled = 0;
    return bad;
}

enum failure data_file_write(struct data_file *file, struct bytes bytes, struct error *e)
{
    if (file->writer)
        return compress(file, bytes, ZSTD_e_continue, e);
    if (file->filled + bytes.size > file->room_size && flush(file, e))
        return e->kind;
    if (bytes.size > file->room_size)
        return write_all(file, bytes.at, bytes.size, e);
    memcpy(file->room + file->filled, bytes.at, bytes.size);
    file->filled += bytes.size;
    return OK;
}

/* A link fails if somebody has put something there meanwhile; a rename would not. */
static int take_place(struct data_file *file, bool replaces)
{
    if (replaces)
        return rename(file->temporary, file->path) == 0 ? 0 : errno;
    return renameat2(AT_FDCWD, file->temporary, AT_FDCWD, file->path, RENAME_NOREPLACE) == 0
               ? 0
               : errno;
}

static void sync_folder(const char *path)
{
    OWNED(free_memory) char *folder = xstrdup(path);
    char *slash = strrchr(folder, '/');
    if (slash)
        slash[slash == folder] = '\0';
    int fd = open(slash ? folder : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0) {
        fsync(fd);
        close(fd);
    }
}

enum failure data_file_finish(struct data_file *file, bool replaces, struct error *e)
{
    enum failure bad = file->writer ? compress(file, BYTES_NONE, ZSTD_e_end, e) : flush(file, e);
    int why = 0;
    if (!bad && fsync(file->fd) != 0)
        why = errno;
    if (!bad && !why)
        why = take_place(file, replaces);
    if (why)
        bad = can_not_write(file, why, e);
    if (!bad) {
        sync_folder(file->path);
        free(TAKE(file->temporary)); /* there is none any more */
    }
    data_file_close(file);
    return bad;
}
