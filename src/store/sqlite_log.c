#include "store/sqlite_log.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sqlite3.h>

#include "base/memory.h"
#include "store/sqlite_vfs.h"

enum {
    LOG_JOIN_BYTES = 120 << 10, /* SQLite's own VFS writes less than 128 KiB at once */
    LOG_EARLY_BYTES = 64 << 10, /* a commit of less is synced at once anyway */
};

/* In the memory that SQLite has for a file; behind it is that of the one below. */
struct log_file {
    sqlite3_file base;
    sqlite3_file *below;
    const char *name; /* stays while it is open */
    uint8_t *joined;  /* NULL: nothing was written yet; most connections never do */
    sqlite3_int64 at;
    int size; /* of what is joined, and not in the file yet */
    int hint; /* to have the kernel begin with what is in the file; -1: not */
};

static struct log_file *log_of(sqlite3_file *file)
{
    return (struct log_file *)file;
}

/* --- what is joined --- */

static int write_out(struct log_file *log)
{
    int size = log->size;
    log->size = 0; /* what can't be written is rolled back */
    if (!size)
        return SQLITE_OK;
    return log->below->pMethods->xWrite(log->below, log->joined, size, log->at);
}

/* More follows, and the disk begins with this meanwhile: then the end of the transaction waits for
 * little. If that fails, the sync tells. */
static int write_early(struct log_file *log)
{
    int size = log->size, code = write_out(log);
    if (code == SQLITE_OK && size >= LOG_EARLY_BYTES && log->hint >= 0)
        sync_file_range(log->hint, log->at, size, SYNC_FILE_RANGE_WRITE);
    return code;
}

static bool follows(const struct log_file *log, int size, sqlite3_int64 at)
{
    return at == log->at + log->size && size <= LOG_JOIN_BYTES - log->size;
}

/* A page that is changed again behind its being written is written where it was. */
static bool lies_within(const struct log_file *log, int size, sqlite3_int64 at)
{
    return at >= log->at && at + size <= log->at + log->size;
}

static bool touches(const struct log_file *log, int size, sqlite3_int64 at)
{
    return at < log->at + log->size && log->at < at + size;
}

/* --- the file --- */

static int file_write(sqlite3_file *file, const void *bytes, int size, sqlite3_int64 at)
{
    struct log_file *log = log_of(file);
    if (log->size && lies_within(log, size, at)) {
        memcpy(log->joined + (at - log->at), bytes, (size_t)size);
        return SQLITE_OK;
    }
    int code = log->size && !follows(log, size, at) ? write_early(log) : SQLITE_OK;
    if (code != SQLITE_OK)
        return code;
    if (size > LOG_JOIN_BYTES) /* pages are never that large */
        return log->below->pMethods->xWrite(log->below, bytes, size, at);
    if (!log->joined) {
        log->joined = xmalloc(LOG_JOIN_BYTES);
        log->hint = open(log->name, O_RDONLY | O_CLOEXEC);
    }
    if (!log->size)
        log->at = at;
    memcpy(log->joined + log->size, bytes, (size_t)size);
    log->size += size;
    return SQLITE_OK;
}

static int file_read(sqlite3_file *file, void *bytes, int size, sqlite3_int64 at)
{
    struct log_file *log = log_of(file);
    if (log->size && lies_within(log, size, at)) {
        memcpy(bytes, log->joined + (at - log->at), (size_t)size);
        return SQLITE_OK;
    }
    int code = log->size && touches(log, size, at) ? write_out(log) : SQLITE_OK;
    return code != SQLITE_OK ? code : log->below->pMethods->xRead(log->below, bytes, size, at);
}

static int file_sync(sqlite3_file *file, int flags)
{
    struct log_file *log = log_of(file);
    int code = write_out(log);
    return code != SQLITE_OK ? code : log->below->pMethods->xSync(log->below, flags);
}

static int file_truncate(sqlite3_file *file, sqlite3_int64 size)
{
    struct log_file *log = log_of(file);
    int code = write_out(log);
    return code != SQLITE_OK ? code : log->below->pMethods->xTruncate(log->below, size);
}

static int file_size(sqlite3_file *file, sqlite3_int64 *size)
{
    struct log_file *log = log_of(file);
    int code = write_out(log);
    return code != SQLITE_OK ? code : log->below->pMethods->xFileSize(log->below, size);
}

static int file_close(sqlite3_file *file)
{
    struct log_file *log = log_of(file);
    free(TAKE(log->joined)); /* of a transaction that was not committed */
    if (log->hint >= 0)
        close(log->hint);
    return log->below->pMethods->xClose(log->below);
}

static int file_lock(sqlite3_file *file, int level)
{
    struct log_file *log = log_of(file);
    return log->below->pMethods->xLock(log->below, level);
}

static int file_unlock(sqlite3_file *file, int level)
{
    struct log_file *log = log_of(file);
    return log->below->pMethods->xUnlock(log->below, level);
}

static int file_is_reserved(sqlite3_file *file, int *answer)
{
    struct log_file *log = log_of(file);
    return log->below->pMethods->xCheckReservedLock(log->below, answer);
}

static int file_control(sqlite3_file *file, int what, void *argument)
{
    struct log_file *log = log_of(file);
    return log->below->pMethods->xFileControl(log->below, what, argument);
}

static int file_sector_size(sqlite3_file *file)
{
    struct log_file *log = log_of(file);
    return log->below->pMethods->xSectorSize(log->below);
}

static int file_characteristics(sqlite3_file *file)
{
    struct log_file *log = log_of(file);
    return log->below->pMethods->xDeviceCharacteristics(log->below);
}

static const sqlite3_io_methods methods = {
    .iVersion = 1, /* a log is neither shared memory nor mapped */
    .xClose = file_close,
    .xRead = file_read,
    .xWrite = file_write,
    .xTruncate = file_truncate,
    .xSync = file_sync,
    .xFileSize = file_size,
    .xLock = file_lock,
    .xUnlock = file_unlock,
    .xCheckReservedLock = file_is_reserved,
    .xFileControl = file_control,
    .xSectorSize = file_sector_size,
    .xDeviceCharacteristics = file_characteristics,
};

void sqlite_log_forget(sqlite3 *db)
{
    sqlite3_file *file = NULL;
    sqlite3_file_control(db, NULL, SQLITE_FCNTL_JOURNAL_POINTER, &file);
    if (file && file->pMethods == &methods)
        log_of(file)->size = 0;
}

/* --- the file system --- */

static int vfs_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags, int *out)
{
    sqlite3_vfs *below = sqlite_vfs_below(vfs);
    if (!(flags & SQLITE_OPEN_WAL))
        return below->xOpen(below, name, file, flags, out);
    struct log_file *log = log_of(file);
    *log = (struct log_file){.below = (sqlite3_file *)(log + 1), .name = name, .hint = -1};
    int code = below->xOpen(below, name, log->below, flags, out);
    if (code != SQLITE_OK)
        return code;
    log->base.pMethods = &methods;
    return SQLITE_OK;
}

const char *sqlite_log_vfs(const char *below)
{
    return sqlite_vfs_over(below, "-joined", sizeof(struct log_file), vfs_open);
}
