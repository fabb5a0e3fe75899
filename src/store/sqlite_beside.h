/* The files that lie beside the store's, each called as that is, with an end of its own; "" is the
 * store's file itself. */
#ifndef POLLUX_STORE_SQLITE_BESIDE_H
#define POLLUX_STORE_SQLITE_BESIDE_H

#include <sys/stat.h>

#include "store/sqlite_session.h"

/* SQLite's own, which belong to one file each. */
#define LOG       "-wal"
#define LOG_INDEX "-shm"
#define JOURNAL   "-journal"

/* The caller's. */
char *beside_path(const struct sqlite_engine *engine, const char *end);

bool beside_is_there(const struct sqlite_engine *engine, const char *end, struct stat *st);
/* No error where there is none. */
enum failure beside_drop(const struct sqlite_engine *engine, const char *end, struct error *e);
enum failure beside_move(const struct sqlite_engine *engine, const char *from, const char *to,
                         struct error *e);
enum failure beside_create(const struct sqlite_engine *engine, const char *end, struct error *e);

/* What a file has in it, or the folder that all are in, is on the disk when this returns. */
enum failure beside_sync_path(const char *path, struct error *e);
enum failure beside_sync_folder(const struct sqlite_engine *engine, struct error *e);

/* By errno; what the file can't be: "renamed". */
enum failure beside_failed(const char *doing, const char *path, struct error *e);

#endif
