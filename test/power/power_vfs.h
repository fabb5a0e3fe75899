/* A SQLite VFS whose power can go: what was not synced is then forgotten, as a disk forgets it.
 *
 * Killing a process proves nothing about durability, because the kernel keeps its pages. Here a
 * test opens its databases with the VFS named "power", lets the power go at any operation, closes
 * its connections, calls `power_restore` and looks at what is left. Files, locks and shared memory
 * are those of SQLite's own "unix" VFS; only syncs are not passed on, as nobody pulls the plug for
 * real. It knows nothing about what the databases are for.
 *
 * How the disk behaves:
 *  - a file found at its first open is on the disk; a new one is after its first sync, or empty
 *    after a sync of its directory;
 *  - what a sync covered stays; the rest is lost, or lost in part (see `enum power_fate`);
 *  - a deletion is on the disk once the directory is synced, until then the file may come back;
 *  - a directory is synced when SQLite asks for it with a deletion and, as "unix" does it, with
 *    the first sync of a journal or WAL;
 *  - temporary files don't count: nothing of them outlives the process.
 *
 * Any thread may call these functions and use connections; there is one disk for the process. */
#ifndef POLLUX_TEST_POWER_VFS_H
#define POLLUX_TEST_POWER_VFS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define POWER_VFS "power" /* for the last argument of sqlite3_open_v2 */

enum power_fate {
    POWER_LOSES_ALL_UNSYNCED,
    /* Any of the unsynced 512-byte sectors reached the disk, in any order, and the size of a file,
     * a creation or a deletion may have. The same seed after the same operations: the same disk. */
    POWER_KEEPS_SOME,
};

void power_vfs_register(void); /* as often as you like; it is not made the default */

/* A new disk: forgets what it knows about files, sets counters to 0 and all knobs to their start.
 * No connection may be open. Call it before a file is changed or removed behind SQLite's back. */
void power_reset(void);

/* The power goes at the n-th operation from now (1: the next one); 0 takes it back. Operations are
 * writes, syncs, truncations and deletions of all files. The n-th is under way when it happens:
 * SQLite is told that it failed, and what it did counts as unsynced. */
void power_cut_after(unsigned long operations);
void power_cut(void); /* now */
/* From the cut on every operation fails with SQLITE_IOERR_… and leaves the files alone. Releasing
 * locks and closing still work, so that connections can be closed. */
bool power_is_out(void);

/* Make the files what a disk would hold, remove shared memory, let operations work again. All
 * connections must be closed. Without a cut before, the power goes now. */
void power_restore(enum power_fate fate, uint64_t seed);

/* A disk that says "synced" and does nothing, to prove that a test would notice. Stays until it is
 * set to false or `power_reset`. */
void power_lie_about_sync(bool lies);

/* Files may grow by so many bytes together from now on; a write beyond fails with SQLITE_FULL and
 * changes nothing. What is truncated or deleted makes room; what `power_restore` does is not
 * counted. */
void power_disk_full_after(size_t bytes);
void power_disk_full_off(void);

/* Syncs of databases, not of their logs, fail until it is set to false or `power_reset`. */
void power_fail_database_syncs(bool fail);

/* Bytes that threads of that name wrote into databases, not their logs, since the start or
 * `power_reset`. */
unsigned long power_written_by(const char *thread);
unsigned long power_operations(void);
unsigned long power_syncs(void);

#endif
