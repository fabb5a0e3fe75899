/* What a disk would hold if the power went now, for files that are ahead of it.
 *
 * The files in the file system are always what the programs wrote. Kept here, for each sector that
 * was changed since the last sync, is what it was before: so a sync costs nothing but to forget
 * that, and a file that nobody changed costs nothing at all. It knows nothing about SQLite, its
 * connections or when the power goes, and has no lock of its own: one caller at a time. */
#ifndef POLLUX_TEST_POWER_DISK_H
#define POLLUX_TEST_POWER_DISK_H

#include <stdbool.h>
#include <stdint.h>

/* The unit that a disk writes whole or not at all. */
enum { DISK_SECTOR = 512 };

struct disk_file;

/* `size` and `existed` as found before it was opened. Whatever nobody changed since the last close
 * counts as synced, whoever wrote it. */
struct disk_file *disk_open(const char *path, bool existed, uint64_t size);
void disk_close(struct disk_file *f);

/* Reads the sector at `offset` of the file in the file system; zeros behind its end. It goes
 * through the handle of the caller: to open and close a file a second time would drop the locks
 * that the process has on it. */
typedef void disk_read(void *handle, uint64_t offset, uint8_t sector[DISK_SECTOR]);

/* Call it before bytes from `from` up to `to` (not included) are written. */
void disk_will_write(struct disk_file *f, uint64_t from, uint64_t to, disk_read *read,
                     void *handle);
/* Call it before the file gets another size. */
void disk_will_resize(struct disk_file *f, uint64_t size, disk_read *read, void *handle);
void disk_synced(struct disk_file *f, uint64_t size);
/* The directory of the file was synced: names in it stay, if only for an empty file, and what was
 * removed from it does not come back. */
void disk_directory_synced(const char *path);
const char *disk_path(const struct disk_file *f);
/* Call it before the file is removed; `synced`: together with its directory. */
void disk_will_remove(const char *path, bool synced);

/* Make the files what the disk holds: nothing unsynced, or some of it, which the seed decides. No
 * file may be open. Forgets everything afterwards. */
void disk_restore(bool keeps_some, uint64_t seed);
void disk_forget(void);

#endif
