/* A VFS of SQLite's that is another one, but for how files are opened. */
#ifndef POLLUX_STORE_SQLITE_VFS_H
#define POLLUX_STORE_SQLITE_VFS_H

#include <stddef.h>

#include <sqlite3.h>

typedef int sqlite_vfs_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags,
                            int *out);

/* The name of one over `below` (NULL: SQLite's own), which is that one's with this end. Its files
 * have `room` bytes in front of those below. It stays as long as the process. */
const char *sqlite_vfs_over(const char *below, const char *end, size_t room, sqlite_vfs_open *open);

sqlite3_vfs *sqlite_vfs_below(sqlite3_vfs *vfs);

#endif
