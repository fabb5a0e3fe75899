#include "power/power_vfs.h"

#include <assert.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "power/power_disk.h"

/* SQLite allocates `szOsFile` bytes for us; the file of the "unix" VFS lies behind ours. */
struct handle {
    sqlite3_file base;
    struct disk_file *file; /* NULL: temporary, of no interest to the disk */
    bool syncs_directory;   /* with its first sync, as "unix" does for a new journal */
    bool is_database;
};

static sqlite3_vfs *below; /* SQLite's own "unix" */

/* Held by everything that changes files, so that the disk sees one change after the other. Reads
 * and locks only look at `out`. */
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static atomic_bool out;
static unsigned long cut_in; /* operations from now; 0: no cut is planned */
static unsigned long operations;
static unsigned long syncs;
static bool fails_databases;

/* Who wrote into databases. */
static struct writer {
    char thread[16];
    unsigned long bytes;
} writers[8];
static unsigned open_handles;
static bool lies;
static bool has_limit;
static uint64_t room_left; /* if it has a limit */

static sqlite3_file *real(sqlite3_file *file)
{
    return (sqlite3_file *)((struct handle *)file + 1);
}

static struct disk_file *disk_file_of(sqlite3_file *file)
{
    return ((struct handle *)file)->file;
}

static void lock(void)
{
    pthread_mutex_lock(&mutex);
}

static void unlock(void)
{
    pthread_mutex_unlock(&mutex);
}

/* Every operation that changes a file begins here, with the mutex held. False: the power is out. */
static bool operation_begins(void)
{
    if (out)
        return false;
    operations++;
    if (cut_in && --cut_in == 0)
        out = true;
    return true;
}

/* … and ends here. Whoever was interrupted is not told that it worked. */
static int operation_ends(int rc, int failure)
{
    return out ? failure : rc;
}

static uint64_t size_of(sqlite3_file *file)
{
    sqlite3_int64 size = 0;
    int rc = real(file)->pMethods->xFileSize(real(file), &size);
    assert(rc == SQLITE_OK);
    return (uint64_t)size;
}

static bool room_for(uint64_t from, uint64_t to)
{
    return !has_limit || to <= from || to - from <= room_left;
}

static void take_room(uint64_t from, uint64_t to)
{
    if (has_limit)
        room_left += from - to; /* wraps as it should in both directions */
}

/* -- files: what changes them ----------------------------------------------------------------- */

static void read_sector(void *handle, uint64_t offset, uint8_t sector[DISK_SECTOR])
{
    sqlite3_file *file = handle;
    int rc = file->pMethods->xRead(file, sector, DISK_SECTOR, (sqlite3_int64)offset);
    assert(rc == SQLITE_OK || rc == SQLITE_IOERR_SHORT_READ); /* which leaves zeros at the end */
}

static struct writer *writer_named(const char *thread)
{
    struct writer *w = writers;
    while (w->thread[0] && strcmp(w->thread, thread) != 0)
        w++;
    assert(w < writers + sizeof writers / sizeof writers[0]);
    snprintf(w->thread, sizeof w->thread, "%s", thread);
    return w;
}

static void note_writer(const sqlite3_file *file, int size)
{
    char thread[16] = "";
    if (!((const struct handle *)file)->is_database)
        return;
    pthread_getname_np(pthread_self(), thread, sizeof thread);
    writer_named(thread)->bytes += (unsigned long)size;
}

static int write_through(sqlite3_file *file, const void *data, int size, sqlite3_int64 at)
{
    note_writer(file, size);
    uint64_t now = size_of(file), end = (uint64_t)(at + size);
    if (!room_for(now, end))
        return SQLITE_FULL;
    disk_will_write(disk_file_of(file), (uint64_t)at, end, read_sector, real(file));
    int rc = real(file)->pMethods->xWrite(real(file), data, size, at);
    if (rc == SQLITE_OK && end > now)
        take_room(now, end);
    return rc;
}

static int file_write(sqlite3_file *file, const void *data, int size, sqlite3_int64 at)
{
    if (!disk_file_of(file))
        return out ? SQLITE_IOERR_WRITE : real(file)->pMethods->xWrite(real(file), data, size, at);
    int rc = SQLITE_IOERR_WRITE;
    lock();
    if (operation_begins())
        rc = operation_ends(write_through(file, data, size, at), SQLITE_IOERR_WRITE);
    unlock();
    return rc;
}

static int truncate_through(sqlite3_file *file, sqlite3_int64 size)
{
    uint64_t now = size_of(file);
    if (!room_for(now, (uint64_t)size))
        return SQLITE_FULL;
    disk_will_resize(disk_file_of(file), (uint64_t)size, read_sector, real(file));
    int rc = real(file)->pMethods->xTruncate(real(file), size);
    if (rc == SQLITE_OK)
        take_room(now, (uint64_t)size);
    return rc;
}

static int file_truncate(sqlite3_file *file, sqlite3_int64 size)
{
    if (!disk_file_of(file))
        return out ? SQLITE_IOERR_TRUNCATE : real(file)->pMethods->xTruncate(real(file), size);
    int rc = SQLITE_IOERR_TRUNCATE;
    lock();
    if (operation_begins())
        rc = operation_ends(truncate_through(file, size), SQLITE_IOERR_TRUNCATE);
    unlock();
    return rc;
}

static void sync_through(struct handle *h)
{
    disk_synced(h->file, size_of(&h->base));
    if (h->syncs_directory)
        disk_directory_synced(disk_path(h->file));
    h->syncs_directory = false;
}

static int file_sync(sqlite3_file *file, int flags)
{
    (void)flags; /* with SQLITE_SYNC_DATAONLY the size is synced as well, as by fdatasync */
    if (!disk_file_of(file))
        return out ? SQLITE_IOERR_FSYNC : SQLITE_OK;
    int rc = SQLITE_IOERR_FSYNC;
    lock();
    if (operation_begins()) {
        bool fails = fails_databases && ((struct handle *)file)->is_database;
        syncs++;
        if (!lies && !out && !fails)
            sync_through((struct handle *)file);
        rc = operation_ends(fails ? SQLITE_IOERR_FSYNC : SQLITE_OK, SQLITE_IOERR_FSYNC);
    }
    unlock();
    return rc;
}

static int file_close(sqlite3_file *file)
{
    lock();
    int rc = real(file)->pMethods->xClose(real(file));
    if (disk_file_of(file))
        disk_close(disk_file_of(file));
    open_handles--;
    unlock();
    return rc;
}

/* -- files: everything else ------------------------------------------------------------------- */

static int file_read(sqlite3_file *file, void *data, int size, sqlite3_int64 at)
{
    return out ? SQLITE_IOERR_READ : real(file)->pMethods->xRead(real(file), data, size, at);
}

static int file_size(sqlite3_file *file, sqlite3_int64 *size)
{
    return out ? SQLITE_IOERR_FSTAT : real(file)->pMethods->xFileSize(real(file), size);
}

static int file_lock(sqlite3_file *file, int level)
{
    return out ? SQLITE_IOERR_LOCK : real(file)->pMethods->xLock(real(file), level);
}

static int file_unlock(sqlite3_file *file, int level)
{
    return real(file)->pMethods->xUnlock(real(file), level);
}

static int file_check_reserved_lock(sqlite3_file *file, int *is_locked)
{
    return out ? SQLITE_IOERR_CHECKRESERVEDLOCK
               : real(file)->pMethods->xCheckReservedLock(real(file), is_locked);
}

static int file_control(sqlite3_file *file, int what, void *argument)
{
    switch (what) {
    /* These would change the file, or let it be changed, without our knowing. */
    case SQLITE_FCNTL_SIZE_HINT:
    case SQLITE_FCNTL_CHUNK_SIZE:
    case SQLITE_FCNTL_MMAP_SIZE: return SQLITE_NOTFOUND;
    case SQLITE_FCNTL_VFSNAME:
        *(char **)argument = sqlite3_mprintf("%s/%s", POWER_VFS, below->zName);
        return SQLITE_OK;
    default: return real(file)->pMethods->xFileControl(real(file), what, argument);
    }
}

static int file_sector_size(sqlite3_file *file)
{
    return real(file)->pMethods->xSectorSize(real(file));
}

/* All that we promise: a write that is torn leaves the bytes beside it alone. */
static int file_characteristics(sqlite3_file *file)
{
    return real(file)->pMethods->xDeviceCharacteristics(real(file)) &
           SQLITE_IOCAP_POWERSAFE_OVERWRITE;
}

static int file_shm_map(sqlite3_file *file, int region, int size, int extend, void volatile **at)
{
    *at = NULL;
    return out ? SQLITE_IOERR_SHMMAP
               : real(file)->pMethods->xShmMap(real(file), region, size, extend, at);
}

static int file_shm_lock(sqlite3_file *file, int offset, int count, int flags)
{
    return out && (flags & SQLITE_SHM_LOCK)
               ? SQLITE_IOERR_SHMLOCK
               : real(file)->pMethods->xShmLock(real(file), offset, count, flags);
}

static void file_shm_barrier(sqlite3_file *file)
{
    real(file)->pMethods->xShmBarrier(real(file));
}

static int file_shm_unmap(sqlite3_file *file, int remove)
{
    return real(file)->pMethods->xShmUnmap(real(file), remove);
}

static const sqlite3_io_methods methods = {
    .iVersion = 2, /* without xFetch: a mapped file could be changed without our knowing */
    .xClose = file_close,
    .xRead = file_read,
    .xWrite = file_write,
    .xTruncate = file_truncate,
    .xSync = file_sync,
    .xFileSize = file_size,
    .xLock = file_lock,
    .xUnlock = file_unlock,
    .xCheckReservedLock = file_check_reserved_lock,
    .xFileControl = file_control,
    .xSectorSize = file_sector_size,
    .xDeviceCharacteristics = file_characteristics,
    .xShmMap = file_shm_map,
    .xShmLock = file_shm_lock,
    .xShmBarrier = file_shm_barrier,
    .xShmUnmap = file_shm_unmap,
};

/* -- the file system -------------------------------------------------------------------------- */

enum {
    OPEN_FOR_GOOD =
        SQLITE_OPEN_MAIN_DB | SQLITE_OPEN_MAIN_JOURNAL | SQLITE_OPEN_SUPER_JOURNAL | SQLITE_OPEN_WAL
};

static int open_through(struct handle *h, const char *path, int flags, int *flags_out)
{
    struct stat before;
    bool for_good = path && (flags & OPEN_FOR_GOOD) && !(flags & SQLITE_OPEN_DELETEONCLOSE);
    bool existed = for_good && stat(path, &before) == 0;
    int rc = below->xOpen(below, path, real(&h->base), flags, flags_out);
    if (rc != SQLITE_OK)
        return rc;
    if (for_good)
        h->file = disk_open(path, existed, existed ? (uint64_t)before.st_size : 0);
    h->is_database = flags & SQLITE_OPEN_MAIN_DB;
    h->syncs_directory = (flags & SQLITE_OPEN_CREATE) && !(flags & SQLITE_OPEN_MAIN_DB);
    h->base.pMethods = &methods;
    open_handles++;
    return SQLITE_OK;
}

static int vfs_open(sqlite3_vfs *vfs, const char *path, sqlite3_file *file, int flags,
                    int *flags_out)
{
    memset(file, 0, (size_t)vfs->szOsFile);
    lock();
    int rc = out ? SQLITE_IOERR : open_through((struct handle *)file, path, flags, flags_out);
    unlock();
    return rc;
}

static int delete_through(const char *path, int sync_directory)
{
    struct stat before;
    if (stat(path, &before) != 0)
        return SQLITE_IOERR_DELETE_NOENT;
    disk_will_remove(path, sync_directory && !lies && !out);
    int rc = below->xDelete(below, path, 0);
    if (rc == SQLITE_OK)
        take_room((uint64_t)before.st_size, 0);
    return rc;
}

static int vfs_delete(sqlite3_vfs *vfs, const char *path, int sync_directory)
{
    (void)vfs;
    int rc = SQLITE_IOERR_DELETE;
    lock();
    if (operation_begins())
        rc = operation_ends(delete_through(path, sync_directory), SQLITE_IOERR_DELETE);
    unlock();
    return rc;
}

static int vfs_access(sqlite3_vfs *vfs, const char *path, int flags, int *answer)
{
    (void)vfs;
    *answer = 0;
    return out ? SQLITE_IOERR_ACCESS : below->xAccess(below, path, flags, answer);
}

static int vfs_full_pathname(sqlite3_vfs *vfs, const char *path, int size, char *full)
{
    (void)vfs;
    return below->xFullPathname(below, path, size, full);
}

static int vfs_randomness(sqlite3_vfs *vfs, int size, char *at)
{
    (void)vfs;
    return below->xRandomness(below, size, at);
}

static int vfs_sleep(sqlite3_vfs *vfs, int us)
{
    (void)vfs;
    return below->xSleep(below, us);
}

static int vfs_current_time(sqlite3_vfs *vfs, double *days)
{
    (void)vfs;
    return below->xCurrentTime(below, days);
}

static int vfs_current_time_ms(sqlite3_vfs *vfs, sqlite3_int64 *ms)
{
    (void)vfs;
    return below->xCurrentTimeInt64(below, ms);
}

static int vfs_last_error(sqlite3_vfs *vfs, int size, char *text)
{
    (void)vfs;
    return below->xGetLastError(below, size, text);
}

static sqlite3_vfs power = {
    .iVersion = 2,
    .zName = POWER_VFS,
    .xOpen = vfs_open,
    .xDelete = vfs_delete,
    .xAccess = vfs_access,
    .xFullPathname = vfs_full_pathname,
    .xRandomness = vfs_randomness,
    .xSleep = vfs_sleep,
    .xCurrentTime = vfs_current_time,
    .xGetLastError = vfs_last_error,
    .xCurrentTimeInt64 = vfs_current_time_ms,
};

/* -- for the tests ---------------------------------------------------------------------------- */

void power_vfs_register(void)
{
    lock();
    if (!below) {
        below = sqlite3_vfs_find("unix");
        assert(below && below->iVersion >= 2);
        power.szOsFile = (int)sizeof(struct handle) + below->szOsFile;
        power.mxPathname = below->mxPathname;
        int rc = sqlite3_vfs_register(&power, 0);
        assert(rc == SQLITE_OK);
    }
    unlock();
}

void power_reset(void)
{
    lock();
    assert(open_handles == 0);
    disk_forget();
    out = lies = has_limit = fails_databases = false;
    memset(writers, 0, sizeof writers);
    cut_in = operations = syncs = 0;
    unlock();
}

void power_fail_database_syncs(bool fail)
{
    lock();
    fails_databases = fail;
    unlock();
}

unsigned long power_written_by(const char *thread)
{
    lock();
    unsigned long bytes = writer_named(thread)->bytes;
    unlock();
    return bytes;
}

void power_cut_after(unsigned long n)
{
    lock();
    cut_in = n;
    unlock();
}

void power_cut(void)
{
    lock();
    out = true;
    unlock();
}

bool power_is_out(void)
{
    return out;
}

void power_restore(enum power_fate fate, uint64_t seed)
{
    lock();
    assert(open_handles == 0);
    disk_restore(fate == POWER_KEEPS_SOME, seed);
    cut_in = 0;
    out = false;
    unlock();
}

void power_lie_about_sync(bool on)
{
    lock();
    lies = on;
    unlock();
}

void power_disk_full_after(size_t bytes)
{
    lock();
    has_limit = true;
    room_left = bytes;
    unlock();
}

void power_disk_full_off(void)
{
    lock();
    has_limit = false;
    unlock();
}

unsigned long power_operations(void)
{
    lock();
    unsigned long n = operations;
    unlock();
    return n;
}

unsigned long power_syncs(void)
{
    lock();
    unsigned long n = syncs;
    unlock();
    return n;
}
