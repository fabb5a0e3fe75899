/* The write-ahead log's file, as this process writes it.
 *
 * Of each page SQLite writes 24 bytes that say which it is, then the page. Here what follows one
 * another is joined, and goes into the file in one piece: when that is large, or when SQLite syncs
 * it, which is before a commit is told to anybody. So it is for stores whose commits are synced
 * (synchronous = FULL): until then nobody but the writer looks there. */
#ifndef POLLUX_STORE_SQLITE_LOG_H
#define POLLUX_STORE_SQLITE_LOG_H

#include <sqlite3.h>

/* The name of a VFS that does so, and everything else as the one below (NULL: SQLite's own). It
 * stays as long as the process. */
const char *sqlite_log_vfs(const char *below);

/* After a rollback: whoever writes next may be another process, and what is left here would go into
 * its transaction. */
void sqlite_log_forget(sqlite3 *writer);

#endif
