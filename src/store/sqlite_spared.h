/* The store's file, as this process writes it: its first pages go into the spare as well, and are
 * on the disk there before the file is said to be.
 *
 * SQLite writes there in checkpoints, and what those have written stays in the log until the file
 * is synced: so the spare has what the file has whenever the file alone counts. */
#ifndef POLLUX_STORE_SQLITE_SPARED_H
#define POLLUX_STORE_SQLITE_SPARED_H

/* The name of a VFS that does so, and everything else as the one below (NULL: SQLite's own). It
 * stays as long as the process. */
const char *sqlite_spared_vfs(const char *below);

#endif
