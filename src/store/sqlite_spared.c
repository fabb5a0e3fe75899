#include "store/sqlite_spared.h"

#include <stdbool.h>
#include <stdint.h>

#include <sqlite3.h>

#include "base/memory.h"
#include "store/sqlite_spare.h"
#include "store/sqlite_vfs.h"

/* In the memory that SQLite has for a file; behind it is that of the one below. */
struct spared_file {
    sqlite3_file base;
    struct spare *spare;
};

static struct spared_file *spared_of(sqlite3_file *file)
{
    return (struct spared_file *)file;
}

static sqlite3_file *below_of(sqlite3_file *file)
{
    return (sqlite3_file *)(spared_of(file) + 1);
}

/* --- what the spare follows --- */

static int file_write(sqlite3_file *file, const void *bytes, int size, sqlite3_int64 at)
{
    sqlite3_file *below = below_of(file);
    spare_write(spared_of(file)->spare, bytes, size, at);
    return below->pMethods->xWrite(below, bytes, size, at);
}

static bool read_page(void *context, void *bytes, int size, int64_t at)
{
    sqlite3_file *below = context;
    return below->pMethods->xRead(below, bytes, size, at) == SQLITE_OK;
}

static int file_sync(sqlite3_file *file, int flags)
{
    sqlite3_file *below = below_of(file);
    spare_sync(spared_of(file)->spare, read_page, below);
    return below->pMethods->xSync(below, flags);
}

static int file_close(sqlite3_file *file)
{
    sqlite3_file *below = below_of(file);
    spare_leave(TAKE(spared_of(file)->spare));
    return below->pMethods->xClose(below);
}

/* --- what is left to the one below --- */

static int file_read(sqlite3_file *file, void *bytes, int size, sqlite3_int64 at)
{
    sqlite3_file *below = below_of(file);
    return below->pMethods->xRead(below, bytes, size, at);
}

static int file_truncate(sqlite3_file *file, sqlite3_int64 size)
{
    sqlite3_file *below = below_of(file);
    return below->pMethods->xTruncate(below, size);
}

static int file_size(sqlite3_file *file, sqlite3_int64 *size)
{
    sqlite3_file *below = below_of(file);
    return below->pMethods->xFileSize(below, size);
}

static int file_lock(sqlite3_file *file, int level)
{
    sqlite3_file *below = below_of(file);
    return below->pMethods->xLock(below, level);
}

static int file_unlock(sqlite3_file *file, int level)
{
    sqlite3_file *below = below_of(file);
    return below->pMethods->xUnlock(below, level);
}

static int file_is_reserved(sqlite3_file *file, int *answer)
{
    sqlite3_file *below = below_of(file);
    return below->pMethods->xCheckReservedLock(below, answer);
}

static int file_control(sqlite3_file *file, int what, void *argument)
{
    sqlite3_file *below = below_of(file);
    return below->pMethods->xFileControl(below, what, argument);
}

static int file_sector_size(sqlite3_file *file)
{
    sqlite3_file *below = below_of(file);
    return below->pMethods->xSectorSize(below);
}

static int file_characteristics(sqlite3_file *file)
{
    sqlite3_file *below = below_of(file);
    return below->pMethods->xDeviceCharacteristics(below);
}

static int file_shm_map(sqlite3_file *file, int region, int size, int extend, void volatile **at)
{
    sqlite3_file *below = below_of(file);
    return below->pMethods->xShmMap(below, region, size, extend, at);
}

static int file_shm_lock(sqlite3_file *file, int offset, int count, int flags)
{
    sqlite3_file *below = below_of(file);
    return below->pMethods->xShmLock(below, offset, count, flags);
}

static void file_shm_barrier(sqlite3_file *file)
{
    sqlite3_file *below = below_of(file);
    below->pMethods->xShmBarrier(below);
}

static int file_shm_unmap(sqlite3_file *file, int remove)
{
    sqlite3_file *below = below_of(file);
    return below->pMethods->xShmUnmap(below, remove);
}

static int file_fetch(sqlite3_file *file, sqlite3_int64 at, int size, void **page)
{
    sqlite3_file *below = below_of(file);
    return below->pMethods->xFetch(below, at, size, page);
}

static int file_unfetch(sqlite3_file *file, sqlite3_int64 at, void *page)
{
    sqlite3_file *below = below_of(file);
    return below->pMethods->xUnfetch(below, at, page);
}

#define METHODS(version)                                                                           \
    {                                                                                              \
        .iVersion = (version), .xClose = file_close, .xRead = file_read, .xWrite = file_write,     \
        .xTruncate = file_truncate, .xSync = file_sync, .xFileSize = file_size,                    \
        .xLock = file_lock, .xUnlock = file_unlock, .xCheckReservedLock = file_is_reserved,        \
        .xFileControl = file_control, .xSectorSize = file_sector_size,                             \
        .xDeviceCharacteristics = file_characteristics, .xShmMap = file_shm_map,                   \
        .xShmLock = file_shm_lock, .xShmBarrier = file_shm_barrier, .xShmUnmap = file_shm_unmap,   \
        .xFetch = file_fetch, .xUnfetch = file_unfetch,                                            \
    }

/* Those behind the version of the one below are not called. */
enum { VERSIONS = 3 };
static const sqlite3_io_methods methods[VERSIONS] = {METHODS(1), METHODS(2), METHODS(3)};

static const sqlite3_io_methods *methods_over(const sqlite3_io_methods *below)
{
    int version = below->iVersion < VERSIONS ? below->iVersion : VERSIONS;
    return &methods[version - 1];
}

/* --- the file system --- */

static int vfs_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags, int *out)
{
    sqlite3_vfs *below = sqlite_vfs_below(vfs);
    if (!(flags & SQLITE_OPEN_MAIN_DB) || !name)
        return below->xOpen(below, name, file, flags, out);
    *spared_of(file) = (struct spared_file){0};
    int code = below->xOpen(below, name, below_of(file), flags, out);
    if (code != SQLITE_OK)
        return code;
    spared_of(file)->spare = spare_follow(name);
    file->pMethods = methods_over(below_of(file)->pMethods);
    return SQLITE_OK;
}

const char *sqlite_spared_vfs(const char *below)
{
    return sqlite_vfs_over(below, "-spared", sizeof(struct spared_file), vfs_open);
}
