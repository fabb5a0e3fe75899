/* The SQLite file: whose it is, which schema it has, what can be wrong with it. */
#include <errno.h>
#include <string.h>

#include "store/sqlite_keys.h"

enum {
    /* "PLUX", in the file's header, so that file(1) and we know our own. */
    APPLICATION_ID = 0x504c5558,
};

/* Never change a step that was released: add one. Each home's items have tables of their own, which
 * are made with it: sqlite_items.c. */
static const struct schema_step steps[] = {
    {.sql = "CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;"
            "CREATE TABLE home (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, state BLOB NOT"
            " NULL);"
            "CREATE TABLE record (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;"},
    /* What led from the keys to the items was an index of theirs. */
    {.made_by =
         "SELECT replace('"
         "CREATE TABLE key_N (module INTEGER NOT NULL, key BLOB NOT NULL, usn INTEGER NOT NULL,"
         " PRIMARY KEY (module, key)) WITHOUT ROWID;"
         "INSERT INTO key_N SELECT module, key, usn FROM item_N ORDER BY module, key;"
         "DROP INDEX item_N_key;"
         "', '_N', '_' || id) FROM home"},
    /* A row went at once when it was replaced. */
    {.sql = "CREATE TABLE replaced (home INTEGER NOT NULL, usn INTEGER NOT NULL, size INTEGER NOT"
            " NULL, PRIMARY KEY (home, usn)) WITHOUT ROWID"},
    /* Each key was a row. */
    {.carry_out = sqlite_keys_from_rows},
    /* Leaves had all of each key. */
    {.carry_out = sqlite_keys_from_old_leaves},
};
const struct schema sqlite_schema = {steps, COUNT_OF(steps)};

static enum failure kind_of(sqlite3 *db, int code)
{
    /* Some calls report a full disk as any other error of the system. A flush that failed is none
     * of these, whatever its reason: what is on the disk is unknown then. */
    int primary = code & 0xff, system = sqlite3_system_errno(db);
    if ((primary == SQLITE_IOERR || primary == SQLITE_CANTOPEN) &&
        (system == ENOSPC || system == EDQUOT) && code != SQLITE_IOERR_FSYNC)
        return FAIL_FULL;
    if (primary == SQLITE_CANTOPEN && (system == EMFILE || system == ENFILE))
        return FAIL_IO;
    if (code == SQLITE_IOERR_SHMSIZE) /* which does not say why; it hardly has another reason */
        return FAIL_FULL;
    switch (primary) {
    case SQLITE_FULL: return FAIL_FULL;
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_CANTOPEN: return FAIL_READ_ONLY;
    case SQLITE_CORRUPT: return FAIL_DAMAGED;
    case SQLITE_NOTADB: return FAIL_FOREIGN;
    case SQLITE_BUSY:
    case SQLITE_LOCKED: return FAIL_BUSY;
    default: return FAIL_IO;
    }
}

static enum failure leave_alone(struct error *e, enum failure kind)
{
    if (e) {
        error_kept(e, "It was left as it is.");
        error_next(e, "Check the database's path in the configuration.");
    }
    return kind;
}

enum failure sqlite_fail_damaged(const char *path, const char *doing, struct error *e)
{
    fail(e, FAIL_DAMAGED, "%s is damaged (found while %s).", path, doing);
    if (e) {
        error_kept(e, "Nothing was changed or repaired by this.");
        error_next(e, STORE_DAMAGED_NEXT);
    }
    return FAIL_DAMAGED;
}

enum failure sqlite_fail(sqlite3 *db, const char *path, const char *doing, struct error *e)
{
    int code = sqlite3_extended_errcode(db);
    enum failure kind = kind_of(db, code);
    if (!e)
        return kind;
    switch ((int)kind) {
    case FAIL_FULL:
        fail(e, kind, "The disk of %s is full.", path);
        error_kept(e, "Nothing was changed, and everything acknowledged before is intact.");
        error_next(e, "Make room there, then try again.");
        break;
    case FAIL_READ_ONLY:
        fail(e, kind, "%s can't be written.", path);
        error_kept(e, "Nothing was changed.");
        error_next(e, "Check the owner and mode of the file and its folder, and how the file "
                      "system is mounted.");
        break;
    case FAIL_DAMAGED: sqlite_fail_damaged(path, doing, e); break;
    case FAIL_FOREIGN:
        fail(e, kind, "%s is not a SQLite database.", path);
        error_kept(e, "It was left as it is.");
        error_next(e, "Check the database's path in the configuration. If this is the store, its "
                      "beginning is damaged: keep its files for inspection and restore an intact "
                      "copy; or, if the pool is paired, move them away: its partner refills it.");
        break;
    case FAIL_BUSY:
        fail(e, kind, "%s is locked by another program.", path);
        error_kept(e, "Nothing was changed.");
        error_next(e, "End what else has the file open (fuser -v %s).", path);
        break;
    default:
        fail(e, kind, "The store %s failed while %s: %s.", path, doing, sqlite3_errmsg(db));
        error_kept(e, "Nothing was changed.");
        error_next(e, "Look after the disk (journalctl -k), then try again.");
        break;
    }
    return kind;
}

enum failure sqlite_run(sqlite3 *db, const char *path, const char *sql, struct error *e)
{
    if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
        return sqlite_fail(db, path, "preparing the file", e);
    return OK;
}

static enum failure read_number(sqlite3 *db, const char *path, const char *sql, long long *value,
                                struct error *e)
{
    sqlite3_stmt *stmt = NULL;
    bool got = sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) == SQLITE_OK &&
               sqlite3_step(stmt) == SQLITE_ROW;
    enum failure bad = got ? OK : sqlite_fail(db, path, "reading its header", e);
    if (got)
        *value = sqlite3_column_int64(stmt, 0);
    sqlite3_finalize(stmt);
    return bad;
}

/* What a query yields, to be run when it has ended: it may change what the query reads. */
static enum failure run_what_is_made(sqlite3 *db, const char *path, const char *query,
                                     struct error *e)
{
    OWNED(buffer_free) struct buffer sql = {0};
    sqlite3_stmt *stmt = NULL;
    int code = sqlite3_prepare_v2(db, query, -1, &stmt, NULL);
    while (code == SQLITE_OK && sqlite3_step(stmt) == SQLITE_ROW) {
        const char *one = (const char *)sqlite3_column_text(stmt, 0);
        buffer_raw(&sql, one ? one : "", one ? strlen(one) : 0);
    }
    code = sqlite3_finalize(stmt);
    buffer_u8(&sql, '\0');
    return code == SQLITE_OK ? sqlite_run(db, path, (const char *)sql.at, e)
                             : sqlite_fail(db, path, "preparing the file", e);
}

static enum failure take_step(sqlite3 *db, const char *path, const struct schema_step *step,
                              struct error *e)
{
    if (step->carry_out)
        return step->carry_out(db, path, e);
    return step->sql ? sqlite_run(db, path, step->sql, e)
                     : run_what_is_made(db, path, step->made_by, e);
}

static enum failure fail_newer(const char *path, long long version, const struct schema *schema,
                               struct error *e)
{
    fail(e, FAIL_NEWER,
         "%s was written by a newer version: its schema is %lld, this one knows "
         "up to %d.",
         path, version, schema->count);
    if (e) {
        error_kept(e, "It was left as it is.");
        error_next(e, "Install the newer version again; there is no way back.");
    }
    return FAIL_NEWER;
}

enum failure sqlite_migrate(sqlite3 *db, const char *path, const struct schema *schema,
                            const char *also, struct error *e)
{
    long long version = 0;
    enum failure bad = read_number(db, path, "PRAGMA user_version", &version, e);
    if (bad)
        return bad;
    if (version > schema->count)
        return fail_newer(path, version, schema, e);
    if (version == schema->count)
        return OK;
    bad = sqlite_run(db, path, "BEGIN IMMEDIATE", e);
    for (long long i = version; !bad && i < schema->count; i++)
        bad = take_step(db, path, &schema->steps[i], e);
    if (!bad && also)
        bad = sqlite_run(db, path, also, e);
    char *mark = sqlite3_mprintf("PRAGMA user_version = %d; PRAGMA application_id = %d; COMMIT",
                                 schema->count, APPLICATION_ID);
    if (!bad)
        bad = sqlite_run(db, path, mark, e);
    sqlite3_free(mark);
    if (bad)
        sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
    return bad;
}

/* Only looks: a store on a full disk can be opened, and another pool's is left as it is, to the
 * byte. */
static enum failure check_pool(sqlite3 *db, const char *path, const char *pool, struct error *e)
{
    sqlite3_stmt *stmt = NULL;
    enum failure bad = OK;
    int code =
        sqlite3_prepare_v2(db, "SELECT value FROM meta WHERE name = 'pool'", -1, &stmt, NULL);
    if (code == SQLITE_OK)
        code = sqlite3_step(stmt);
    if (code == SQLITE_ROW) {
        const char *owner = (const char *)sqlite3_column_text(stmt, 0);
        if (!owner || strcmp(owner, pool) != 0) {
            fail(e, FAIL_FOREIGN, "%s is the store of pool %s, not of %s.", path,
                 owner ? owner : "?", pool);
            bad = leave_alone(e, FAIL_FOREIGN);
        }
    } else if (code != SQLITE_DONE) {
        bad = sqlite_fail(db, path, "reading whose it is", e);
    }
    sqlite3_finalize(stmt);
    return code == SQLITE_DONE ? sqlite_fail_damaged(path, "reading whose it is", e) : bad;
}

static enum failure fail_foreign(const char *path, struct error *e)
{
    fail(e, FAIL_FOREIGN, "%s is a database of another program.", path);
    return leave_alone(e, FAIL_FOREIGN);
}

enum failure sqlite_recognize(sqlite3 *db, const char *path, const char *pool, struct error *e)
{
    long long application = 0, version = 0;
    enum failure bad = read_number(db, path, "PRAGMA application_id", &application, e);
    if (!bad)
        bad = read_number(db, path, "PRAGMA user_version", &version, e);
    if (bad)
        return bad;
    if (application != APPLICATION_ID)
        return fail_foreign(path, e);
    if (version > sqlite_schema.count)
        return fail_newer(path, version, &sqlite_schema, e);
    return version < sqlite_schema.count ? sqlite_fail_damaged(path, "reading its version", e)
                                         : check_pool(db, path, pool, e);
}

/* Counts for a new file alone. Many changes write half as many pages as they would of the usual
 * size, and find their places sooner; a single one hardly writes more, as its flush is what costs.
 */
static const char page_size[] = "PRAGMA page_size = 8192";

enum failure sqlite_adopt(sqlite3 *db, const char *path, const char *pool, struct error *e)
{
    long long application = 0, objects = 0;
    enum failure bad = sqlite_run(db, path, page_size, e);
    if (!bad)
        bad = read_number(db, path, "PRAGMA application_id", &application, e);
    if (!bad)
        bad = read_number(db, path, "SELECT count(*) FROM sqlite_schema", &objects, e);
    if (bad)
        return bad;
    if (application != APPLICATION_ID && (application || objects))
        return fail_foreign(path, e);
    if (sqlite3_db_readonly(db, "main") == 1) {
        fail(e, FAIL_READ_ONLY, "%s can't be written.", path);
        if (e) {
            error_kept(e, "Nothing was changed.");
            error_next(e, "Check the owner and mode of the file and its folder.");
        }
        return FAIL_READ_ONLY;
    }
    /* A store has an owner from the moment that it exists. */
    char *owner = sqlite3_mprintf("INSERT INTO meta VALUES ('pool', %Q)", pool);
    bad = sqlite_migrate(db, path, &sqlite_schema, objects == 0 ? owner : NULL, e);
    sqlite3_free(owner);
    return bad ? bad : check_pool(db, path, pool, e);
}
