/* The SQLite engine's own: the file, and what its two halves share. */
#ifndef POLLUX_STORE_SQLITE_H
#define POLLUX_STORE_SQLITE_H

#include <sqlite3.h>

#include "store/engine.h"

/* How the proof of durability opens a store; everybody else uses sqlite_engine_open(). */
struct sqlite_options {
    const char *vfs;         /* NULL: SQLite's own */
    const char *synchronous; /* NULL: "FULL", which is what "durable" stands on */
    int64_t log_bytes;       /* 0: as long as the checkpointer lets it grow first otherwise */
    int64_t replaced_max;    /* 0: so many rows as may lie about otherwise */
};
enum failure sqlite_engine_open_with(const char *path, const char *pool,
                                     const struct sqlite_options *options, struct engine **engine,
                                     struct error *e);

/* What SQLite says, in our words; `doing` is what was tried. */
enum failure sqlite_fail(sqlite3 *db, const char *path, const char *doing, struct error *e);

/* The same for damage that we find and SQLite does not. */
enum failure sqlite_fail_damaged(const char *path, const char *doing, struct error *e);

enum failure sqlite_run(sqlite3 *db, const char *path, const char *sql, struct error *e);

/* The schema is a list of steps, and its version the number of steps taken. Migrating takes those
 * that are missing, and `also` (or NULL) with them, in one transaction. */
struct schema_step {
    const char *sql;
    const char *made_by; /* or a query that yields SQL, in as many rows as there are; */
    enum failure (*carry_out)(sqlite3 *db, const char *path, struct error *e); /* or else */
};
struct schema {
    const struct schema_step *steps;
    int count;
};
extern const struct schema sqlite_schema;
enum failure sqlite_migrate(sqlite3 *db, const char *path, const struct schema *schema,
                            const char *also, struct error *e);

/* Is this a store of ours, of this pool and of this version? Writes nothing. */
enum failure sqlite_recognize(sqlite3 *db, const char *path, const char *pool, struct error *e);

/* Is this a store of ours, of this pool, of a version that we know? Makes an empty file one. */
enum failure sqlite_adopt(sqlite3 *db, const char *path, const char *pool, struct error *e);

#endif
