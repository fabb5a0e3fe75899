/* The SQLite engine: a file in WAL mode, flushed at every commit; one connection that writes, a few
 * that read.
 *
 * The items of each home have a table of their own, item_<id>, with the usn as its primary key:
 * changes append at its end, copying reads it in order, and a copy that is no longer wanted is
 * dropped in one step.
 *
 * What SQLite does not see, we look for: each row has a hash, a miss is believed only if the rows
 * on both sides are sound, a walk over everything must add up to the digest. What remains is damage
 * in the order of a page's cells, which can hide a row from a look-up by its key until the next
 * whole walk finds it. */
#include "store/sqlite.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

enum {
    BUSY_TIMEOUT_MS = 5000, /* an administrator's sqlite3 may look at the file for a moment */
    CACHE_KIB = 16384,      /* pages that a connection keeps */
};

struct sqlite_engine {
    struct engine base;
    char *path;
    char *vfs;
    char *synchronous;
    int lock; /* held while the store is open: one process for each file */
};

enum item_statement {
    ITEM_FIND,
    ITEM_INSERT,
    ITEM_REPLACE,
    ITEM_FORGET,
    ITEM_GET,
    ITEM_BEFORE,
    ITEM_BEHIND,
    ITEM_WALK_USN,
    ITEM_WALK_KEYS,
    ITEM_STATEMENTS
};

#define ITEM_COLUMNS "usn, module, deleted, term, key, value, hash"

static const char *const item_sql[ITEM_STATEMENTS] = {
    [ITEM_FIND] = "SELECT " ITEM_COLUMNS " FROM item_%lld WHERE module = ?1 AND key = ?2",
    [ITEM_INSERT] = "INSERT INTO item_%lld (" ITEM_COLUMNS ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)"
                    " ON CONFLICT DO NOTHING",
    [ITEM_REPLACE] = "UPDATE item_%lld SET usn = ?1, deleted = ?3, term = ?4, value = ?6, hash = ?7"
                     " WHERE usn = ?8",
    [ITEM_FORGET] = "DELETE FROM item_%lld WHERE deleted = 1 AND usn <= ?1",
    [ITEM_GET] = "SELECT " ITEM_COLUMNS " FROM item_%lld WHERE module = ?1 AND key = ?2",
    [ITEM_BEFORE] = "SELECT " ITEM_COLUMNS " FROM item_%lld WHERE module = ?1 AND key < ?2"
                    " ORDER BY key DESC LIMIT 1",
    [ITEM_BEHIND] = "SELECT " ITEM_COLUMNS " FROM item_%lld WHERE module = ?1 AND key > ?2"
                    " ORDER BY key LIMIT 1",
    [ITEM_WALK_USN] = "SELECT " ITEM_COLUMNS " FROM item_%lld WHERE usn > ?1 ORDER BY usn",
    [ITEM_WALK_KEYS] = "SELECT " ITEM_COLUMNS " FROM item_%lld"
                       " WHERE module = ?1 AND key >= ?2 AND deleted = 0 ORDER BY key",
};

static const char item_table[] =
    "CREATE TABLE item_%lld (usn INTEGER PRIMARY KEY, module INTEGER NOT NULL,"
    " deleted INTEGER NOT NULL, term INTEGER NOT NULL, key BLOB NOT NULL, value BLOB NOT NULL,"
    " hash BLOB NOT NULL);"
    "CREATE UNIQUE INDEX item_%lld_key ON item_%lld (module, key);"
    "CREATE INDEX item_%lld_deleted ON item_%lld (deleted) WHERE deleted = 1;";

struct item_statements {
    int64_t home;
    sqlite3_stmt *list[ITEM_STATEMENTS];
};

struct sqlite_session {
    struct session base;
    bool writing;
    sqlite3 *db;
    const char *path;
    sqlite3_stmt *begin, *commit, *rollback, *pin;
    sqlite3_stmt *home_load, *home_save, *home_insert, *homes;
    sqlite3_stmt *record_get, *record_before, *record_behind, *record_put, *record_remove, *records;
    struct item_statements *items;
    size_t items_count;
    sqlite3_stmt *lent; /* whose row the caller still looks at */
};

static struct sqlite_session *session_of(struct session *s)
{
    return (struct sqlite_session *)s;
}

/* --- statements --- */

static enum failure prepare(struct sqlite_session *s, const char *sql, sqlite3_stmt **stmt,
                            struct error *e)
{
    if (sqlite3_prepare_v3(s->db, sql, -1, SQLITE_PREPARE_PERSISTENT, stmt, NULL) != SQLITE_OK)
        return sqlite_fail(s->db, s->path, "preparing a statement", e);
    return OK;
}

/* A statement of the session's own, prepared at its first use. */
static enum failure ready(struct sqlite_session *s, sqlite3_stmt **stmt, const char *sql,
                          struct error *e)
{
    return *stmt ? OK : prepare(s, sql, stmt, e);
}

static enum failure ready_item(struct sqlite_session *s, int64_t home, enum item_statement which,
                               sqlite3_stmt **stmt, struct error *e)
{
    struct item_statements *items = NULL;
    for (size_t i = 0; i < s->items_count && !items; i++) {
        if (s->items[i].home == home)
            items = &s->items[i];
    }
    if (!items) {
        s->items = xrealloc(s->items, (s->items_count + 1) * sizeof *s->items);
        items = &s->items[s->items_count++];
        *items = (struct item_statements){.home = home};
    }
    enum failure bad = OK;
    if (!items->list[which]) {
        char *sql = sqlite3_mprintf(item_sql[which], (long long)home);
        bad = prepare(s, sql, &items->list[which], e);
        sqlite3_free(sql);
    }
    *stmt = items->list[which];
    return bad;
}

/* Ends a statement; with what it did, if that failed. */
static enum failure done(struct sqlite_session *s, sqlite3_stmt *stmt, int code, const char *doing,
                         struct error *e)
{
    enum failure bad = OK;
    if (code != SQLITE_DONE && code != SQLITE_ROW && code != SQLITE_OK)
        bad = sqlite_fail(s->db, s->path, doing, e);
    sqlite3_reset(stmt);
    return bad;
}

static enum failure run(struct sqlite_session *s, sqlite3_stmt **stmt, const char *sql,
                        const char *doing, struct error *e)
{
    enum failure bad = ready(s, stmt, sql, e);
    return bad ? bad : done(s, *stmt, sqlite3_step(*stmt), doing, e);
}

static void bind_bytes(sqlite3_stmt *stmt, int at, struct bytes v)
{
    /* A NULL pointer would bind NULL, which the schema refuses; an empty value is empty. */
    sqlite3_bind_blob64(stmt, at, v.size ? (const void *)v.at : "", v.size, SQLITE_STATIC);
}

static void bind_u64(sqlite3_stmt *stmt, int at, uint64_t v)
{
    assert(v <= INT64_MAX);
    sqlite3_bind_int64(stmt, at, (int64_t)v);
}

static void bind_hash(sqlite3_stmt *stmt, int at, const struct item_hash *hash)
{
    sqlite3_bind_blob64(stmt, at, hash, sizeof *hash, SQLITE_STATIC);
}

static struct bytes column_bytes(sqlite3_stmt *stmt, int at)
{
    const void *v = sqlite3_column_blob(stmt, at);
    return bytes_of(v, (size_t)sqlite3_column_bytes(stmt, at));
}

static struct item_hash column_hash(sqlite3_stmt *stmt, int at)
{
    struct item_hash hash = {0};
    struct bytes v = column_bytes(stmt, at);
    if (v.size == sizeof hash)
        memcpy(&hash, v.at, sizeof hash);
    return hash;
}

static void give_back(struct sqlite_session *s)
{
    if (s->lent)
        sqlite3_reset(s->lent);
    s->lent = NULL;
}

/* --- sessions --- */

static void session_close(struct session *base)
{
    struct sqlite_session *s = session_of(base);
    if (!s)
        return;
    sqlite3_stmt *stmt;
    while ((stmt = sqlite3_next_stmt(s->db, NULL)))
        sqlite3_finalize(stmt);
    sqlite3_close(s->db);
    free(s->items);
    free(s);
}

static enum failure configure(struct sqlite_session *s, const struct sqlite_engine *engine,
                              struct error *e)
{
    char *sql = sqlite3_mprintf("PRAGMA synchronous = %s; PRAGMA cache_size = -%d;"
                                "PRAGMA foreign_keys = OFF; PRAGMA trusted_schema = OFF;",
                                engine->synchronous, CACHE_KIB);
    enum failure bad = sqlite_run(s->db, s->path, sql, e);
    sqlite3_free(sql);
    return bad;
}

static enum failure session_open(struct engine *base, bool writing, struct session **result,
                                 struct error *e)
{
    struct sqlite_engine *engine = (struct sqlite_engine *)base;
    struct sqlite_session *s = xcalloc(1, sizeof *s);
    s->base.engine = base;
    s->writing = writing;
    s->path = engine->path;
    int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_READWRITE | (writing ? SQLITE_OPEN_CREATE : 0);
    enum failure bad = OK;
    if (sqlite3_open_v2(engine->path, &s->db, flags, engine->vfs) != SQLITE_OK)
        bad = sqlite_fail(s->db, s->path, "opening", e);
    if (!bad) {
        sqlite3_extended_result_codes(s->db, 1);
        sqlite3_busy_timeout(s->db, BUSY_TIMEOUT_MS);
        bad = configure(s, engine, e);
    }
    if (bad) {
        session_close(&s->base);
        return bad;
    }
    *result = &s->base;
    return OK;
}

static void rollback(struct session *base)
{
    struct sqlite_session *s = session_of(base);
    give_back(s);
    if (!sqlite3_get_autocommit(s->db))
        run(s, &s->rollback, "ROLLBACK", "rolling back", NULL);
}

/* The writer takes the lock at once: a reader may hold it for a moment while the writer changes the
 * index of the WAL, and SQLite waits for a lock only at the beginning of a transaction. */
static enum failure begin(struct session *base, struct error *e)
{
    struct sqlite_session *s = session_of(base);
    if (s->writing)
        return run(s, &s->begin, "BEGIN IMMEDIATE", "beginning", e);
    enum failure bad = run(s, &s->begin, "BEGIN", "beginning", e);
    /* A view's point in time is its beginning, not its first reading. */
    if (!bad)
        bad = run(s, &s->pin, "SELECT 1 FROM meta", "beginning", e);
    if (bad)
        rollback(base);
    return bad;
}

static enum failure commit(struct session *base, struct error *e)
{
    struct sqlite_session *s = session_of(base);
    return run(s, &s->commit, "COMMIT", "committing", e);
}

/* --- homes --- */

/* Checks the row that a name stands in. */
typedef enum failure check_name(sqlite3_stmt *stmt, struct error *e);

static enum failure visit_names(struct sqlite_session *s, sqlite3_stmt *stmt, check_name *check,
                                view_visit_name *visit, void *context, struct error *e)
{
    enum failure bad = OK;
    int code;
    while ((code = sqlite3_step(stmt)) == SQLITE_ROW) {
        bad = check(stmt, e);
        if (bad || !visit((const char *)sqlite3_column_text(stmt, 0), context))
            break;
    }
    enum failure worse = done(s, stmt, code, "reading names", e);
    return worse ? worse : bad;
}

/* In the order of the table, not of its index: that is how a damaged index is found out. */
static const char list_homes[] = "SELECT name, state, id FROM home NOT INDEXED ORDER BY +name";

static enum failure check_home(sqlite3_stmt *stmt, struct error *e)
{
    const char *name = (const char *)sqlite3_column_text(stmt, 0);
    struct home_row row = {.id = sqlite3_column_int64(stmt, 2)};
    return home_row_decode(name ? name : "?", &row, column_bytes(stmt, 1), e);
}

struct look_for {
    const char *name;
    bool found;
};

static bool note_name(const char *name, void *context)
{
    struct look_for *look = context;
    look->found = strcmp(name, look->name) == 0;
    return !look->found;
}

/* A home that is not found is rare, and must be true: one with a damaged name would be created a
 * second time. */
static enum failure prove_no_home(struct sqlite_session *s, const char *home, struct error *e)
{
    struct look_for look = {.name = home};
    enum failure bad = ready(s, &s->homes, list_homes, e);
    if (!bad)
        bad = visit_names(s, s->homes, check_home, note_name, &look, e);
    if (!bad && look.found)
        bad = sqlite_fail_damaged(s->path, "looking a home up", e);
    return bad;
}

static enum failure home_load(struct session *base, const char *home, struct home_row *row,
                              struct error *e)
{
    struct sqlite_session *s = session_of(base);
    give_back(s);
    *row = (struct home_row){0};
    enum failure bad = ready(s, &s->home_load, "SELECT id, state FROM home WHERE name = ?1", e);
    if (bad)
        return bad;
    sqlite3_bind_text(s->home_load, 1, home, -1, SQLITE_STATIC);
    int code = sqlite3_step(s->home_load);
    if (code == SQLITE_ROW) {
        row->id = sqlite3_column_int64(s->home_load, 0);
        bad = home_row_decode(home, row, column_bytes(s->home_load, 1), e);
    }
    enum failure worse = done(s, s->home_load, code, "reading a home", e);
    if (worse || code == SQLITE_ROW)
        return worse ? worse : bad;
    bad = prove_no_home(s, home, e);
    return bad ? bad : fail(e, FAIL_NOT_FOUND, "The store %s has no home %s.", s->path, home);
}

static enum failure create_item_table(struct sqlite_session *s, int64_t id, struct error *e)
{
    long long n = id;
    char *sql = sqlite3_mprintf(item_table, n, n, n, n, n);
    enum failure bad = sqlite_run(s->db, s->path, sql, e);
    sqlite3_free(sql);
    return bad;
}

static enum failure home_save(struct session *base, const char *home, struct home_row *row,
                              struct error *e)
{
    struct sqlite_session *s = session_of(base);
    OWNED(buffer_free) struct buffer state = {0};
    home_row_encode(home, row, &state);
    bool creates = row->id == 0;
    sqlite3_stmt **stmt = creates ? &s->home_insert : &s->home_save;
    enum failure bad = ready(s, stmt,
                             creates ? "INSERT INTO home (name, state) VALUES (?1, ?2)"
                                     : "UPDATE home SET state = ?2 WHERE id = ?1",
                             e);
    if (bad)
        return bad;
    if (creates)
        sqlite3_bind_text(*stmt, 1, home, -1, SQLITE_STATIC);
    else
        sqlite3_bind_int64(*stmt, 1, row->id);
    bind_bytes(*stmt, 2, buffer_view(&state));
    bad = done(s, *stmt, sqlite3_step(*stmt), "writing a home", e);
    if (!bad && creates) {
        row->id = sqlite3_last_insert_rowid(s->db);
        bad = create_item_table(s, row->id, e);
    }
    return bad;
}

static enum failure homes(struct session *base, view_visit_name *visit, void *context,
                          struct error *e)
{
    struct sqlite_session *s = session_of(base);
    give_back(s);
    enum failure bad = ready(s, &s->homes, list_homes, e);
    return bad ? bad : visit_names(s, s->homes, check_home, visit, context, e);
}

/* --- items --- */

static enum failure read_row(sqlite3_stmt *stmt, struct item *item, struct item_hash *hash,
                             struct error *e)
{
    *item = (struct item){
        .module = (enum module)sqlite3_column_int(stmt, 1),
        .deleted = sqlite3_column_int(stmt, 2) != 0,
        .version = {.usn = (uint64_t)sqlite3_column_int64(stmt, 0),
                    .term = (uint64_t)sqlite3_column_int64(stmt, 3)},
        .key = column_bytes(stmt, 4),
        .value = column_bytes(stmt, 5),
    };
    *hash = column_hash(stmt, 6);
    return row_check(item, *hash, e);
}

/* A damaged index can lead to a row that is sound, but not the one that was asked for. */
static enum failure read_row_of(struct sqlite_session *s, sqlite3_stmt *stmt, enum module module,
                                struct bytes key, struct item *item, struct item_hash *hash,
                                struct error *e)
{
    enum failure bad = read_row(stmt, item, hash, e);
    if (!bad && (item->module != module || !bytes_equal(item->key, key)))
        bad = sqlite_fail_damaged(s->path, "looking an item up", e);
    return bad;
}

static enum failure find(struct session *base, int64_t home, enum module module, struct bytes key,
                         struct found *found, struct error *e)
{
    struct sqlite_session *s = session_of(base);
    sqlite3_stmt *stmt;
    *found = (struct found){0};
    enum failure bad = ready_item(s, home, ITEM_FIND, &stmt, e);
    if (bad)
        return bad;
    sqlite3_bind_int(stmt, 1, (int)module);
    bind_bytes(stmt, 2, key);
    int code = sqlite3_step(stmt);
    if (code == SQLITE_ROW) {
        /* Its hash leaves the digest: a damaged one would make the digest wrong for good. */
        struct item old;
        bad = read_row_of(s, stmt, module, key, &old, &found->hash, e);
        found->usn = old.version.usn;
        found->deleted = old.deleted;
        found->value_size = old.value.size;
    }
    enum failure worse = done(s, stmt, code, "looking an item up", e);
    return worse ? worse : bad;
}

static void bind_item(sqlite3_stmt *stmt, const struct item *item, const struct item_hash *hash)
{
    bind_u64(stmt, 1, item->version.usn);
    sqlite3_bind_int(stmt, 3, item->deleted);
    bind_u64(stmt, 4, item->version.term);
    bind_bytes(stmt, 6, item->value);
    bind_hash(stmt, 7, hash);
}

static enum failure insert(struct session *base, int64_t home, const struct item *item,
                           struct item_hash hash, bool *clash, struct error *e)
{
    struct sqlite_session *s = session_of(base);
    sqlite3_stmt *stmt;
    enum failure bad = ready_item(s, home, ITEM_INSERT, &stmt, e);
    if (bad)
        return bad;
    bind_item(stmt, item, &hash);
    sqlite3_bind_int(stmt, 2, (int)item->module);
    bind_bytes(stmt, 5, item->key);
    bad = done(s, stmt, sqlite3_step(stmt), "writing an item", e);
    *clash = !bad && sqlite3_changes(s->db) == 0;
    return bad;
}

static enum failure replace(struct session *base, int64_t home, uint64_t old_usn,
                            const struct item *item, struct item_hash hash, struct error *e)
{
    struct sqlite_session *s = session_of(base);
    sqlite3_stmt *stmt;
    enum failure bad = ready_item(s, home, ITEM_REPLACE, &stmt, e);
    if (bad)
        return bad;
    bind_item(stmt, item, &hash);
    bind_u64(stmt, 8, old_usn);
    int code = sqlite3_step(stmt);
    bad = done(s, stmt, code, "writing an item", e);
    return (code & 0xff) == SQLITE_CONSTRAINT ? usn_is_taken(item->version.usn, e) : bad;
}

static enum failure forget(struct session *base, int64_t home, uint64_t upto, struct error *e)
{
    struct sqlite_session *s = session_of(base);
    sqlite3_stmt *stmt;
    enum failure bad = ready_item(s, home, ITEM_FORGET, &stmt, e);
    if (bad)
        return bad;
    bind_u64(stmt, 1, upto);
    return done(s, stmt, sqlite3_step(stmt), "dropping tombstones", e);
}

/* A key that was damaged is not found. But it still lies where it was, so what lies on both sides
 * of the place where a key should be must be what was written. */
static enum failure prove_absent(struct sqlite_session *s, int64_t home, enum module module,
                                 struct bytes key, struct error *e)
{
    enum failure bad = OK;
    for (int which = ITEM_BEFORE; !bad && which <= ITEM_BEHIND; which++) {
        sqlite3_stmt *stmt;
        bad = ready_item(s, home, (enum item_statement)which, &stmt, e);
        if (bad)
            return bad;
        sqlite3_bind_int(stmt, 1, (int)module);
        bind_bytes(stmt, 2, key);
        int code = sqlite3_step(stmt);
        struct item neighbour;
        struct item_hash hash;
        if (code == SQLITE_ROW)
            bad = read_row(stmt, &neighbour, &hash, e);
        enum failure worse = done(s, stmt, code, "reading an item", e);
        bad = worse ? worse : bad;
    }
    return bad;
}

static enum failure get(struct session *base, int64_t home, enum module module, struct bytes key,
                        struct item *item, struct error *e)
{
    struct sqlite_session *s = session_of(base);
    sqlite3_stmt *stmt;
    give_back(s);
    enum failure bad = ready_item(s, home, ITEM_GET, &stmt, e);
    if (bad)
        return bad;
    sqlite3_bind_int(stmt, 1, (int)module);
    bind_bytes(stmt, 2, key);
    int code = sqlite3_step(stmt);
    if (code == SQLITE_ROW) {
        struct item_hash hash;
        s->lent = stmt;
        return read_row_of(s, stmt, module, key, item, &hash, e);
    }
    bad = done(s, stmt, code, "reading an item", e);
    if (!bad)
        bad = prove_absent(s, home, module, key, e);
    return bad ? bad : fail(e, FAIL_NOT_FOUND, "There is no such item.");
}

/* Visits what the statement yields while the keys begin with the prefix. */
static enum failure walk(struct sqlite_session *s, sqlite3_stmt *stmt, struct bytes prefix,
                         view_visit *visit, void *context, struct error *e)
{
    enum failure bad = OK;
    int code;
    while ((code = sqlite3_step(stmt)) == SQLITE_ROW) {
        struct item item;
        struct item_hash hash;
        bad = read_row(stmt, &item, &hash, e);
        if (bad || !bytes_start_with(item.key, prefix) || !visit(&item, hash, context))
            break;
    }
    enum failure worse = done(s, stmt, code, "reading items", e);
    return worse ? worse : bad;
}

static enum failure walk_usn(struct session *base, int64_t home, uint64_t after, view_visit *visit,
                             void *context, struct error *e)
{
    struct sqlite_session *s = session_of(base);
    sqlite3_stmt *stmt;
    give_back(s);
    enum failure bad = ready_item(s, home, ITEM_WALK_USN, &stmt, e);
    if (bad)
        return bad;
    bind_u64(stmt, 1, after);
    return walk(s, stmt, BYTES_NONE, visit, context, e);
}

static enum failure walk_keys(struct session *base, int64_t home, enum module module,
                              struct bytes prefix, view_visit *visit, void *context,
                              struct error *e)
{
    struct sqlite_session *s = session_of(base);
    sqlite3_stmt *stmt;
    give_back(s);
    enum failure bad = ready_item(s, home, ITEM_WALK_KEYS, &stmt, e);
    if (bad)
        return bad;
    sqlite3_bind_int(stmt, 1, (int)module);
    bind_bytes(stmt, 2, prefix);
    return walk(s, stmt, prefix, visit, context, e);
}

/* --- records --- */

/* A record by its row: name and value. */
static enum failure check_record(sqlite3_stmt *stmt, struct error *e)
{
    const char *name = (const char *)sqlite3_column_text(stmt, 0);
    return record_check(name ? name : "?", column_bytes(stmt, 1), e);
}

/* As with items. */
static enum failure prove_no_record(struct sqlite_session *s, const char *name, struct error *e)
{
    sqlite3_stmt **const stmts[] = {&s->record_before, &s->record_behind};
    static const char *const sql[] = {
        "SELECT name, value FROM record WHERE name < ?1 ORDER BY name DESC LIMIT 1",
        "SELECT name, value FROM record WHERE name > ?1 ORDER BY name LIMIT 1"};
    enum failure bad = OK;
    for (size_t i = 0; !bad && i < COUNT_OF(sql); i++) {
        bad = ready(s, stmts[i], sql[i], e);
        if (bad)
            return bad;
        sqlite3_bind_text(*stmts[i], 1, name, -1, SQLITE_STATIC);
        int code = sqlite3_step(*stmts[i]);
        if (code == SQLITE_ROW)
            bad = check_record(*stmts[i], e);
        enum failure worse = done(s, *stmts[i], code, "reading a record", e);
        bad = worse ? worse : bad;
    }
    return bad;
}

static enum failure record_get(struct session *base, const char *name, struct buffer *value,
                               struct error *e)
{
    struct sqlite_session *s = session_of(base);
    give_back(s);
    enum failure bad = ready(s, &s->record_get, "SELECT value FROM record WHERE name = ?1", e);
    if (bad)
        return bad;
    sqlite3_bind_text(s->record_get, 1, name, -1, SQLITE_STATIC);
    int code = sqlite3_step(s->record_get);
    buffer_clear(value);
    if (code == SQLITE_ROW) {
        struct bytes v = column_bytes(s->record_get, 0);
        buffer_raw(value, v.at, v.size);
    }
    bad = done(s, s->record_get, code, "reading a record", e);
    if (bad || code == SQLITE_ROW)
        return bad;
    bad = prove_no_record(s, name, e);
    return bad ? bad : fail(e, FAIL_NOT_FOUND, "There is no record %s.", name);
}

static enum failure record_put(struct session *base, const char *name, struct bytes value,
                               struct error *e)
{
    struct sqlite_session *s = session_of(base);
    bool removes = value.size == 0;
    sqlite3_stmt **stmt = removes ? &s->record_remove : &s->record_put;
    enum failure bad = ready(s, stmt,
                             removes ? "DELETE FROM record WHERE name = ?1"
                                     : "INSERT OR REPLACE INTO record VALUES (?1, ?2)",
                             e);
    if (bad)
        return bad;
    sqlite3_bind_text(*stmt, 1, name, -1, SQLITE_STATIC);
    if (!removes)
        bind_bytes(*stmt, 2, value);
    return done(s, *stmt, sqlite3_step(*stmt), "writing a record", e);
}

struct with_prefix {
    const char *prefix;
    view_visit_name *visit;
    void *context;
};

static bool visit_with_prefix(const char *name, void *context)
{
    const struct with_prefix *only = context;
    return strncmp(name, only->prefix, strlen(only->prefix)) != 0 ||
           only->visit(name, only->context);
}

/* All are checked, whatever the prefix: a damaged name would not have it. */
static enum failure records(struct session *base, const char *prefix, view_visit_name *visit,
                            void *context, struct error *e)
{
    struct sqlite_session *s = session_of(base);
    struct with_prefix only = {.prefix = prefix, .visit = visit, .context = context};
    give_back(s);
    enum failure bad = ready(s, &s->records, "SELECT name, value FROM record ORDER BY name", e);
    return bad ? bad : visit_names(s, s->records, check_record, visit_with_prefix, &only, e);
}

/* --- the engine --- */

static void engine_close(struct engine *base)
{
    struct sqlite_engine *engine = (struct sqlite_engine *)base;
    if (engine->lock >= 0)
        close(engine->lock);
    free(engine->path);
    free(engine->vfs);
    free(engine->synchronous);
    free(engine);
}

static const struct engine_ops sqlite_ops = {
    .close = engine_close,
    .session = session_open,
    .session_close = session_close,
    .begin = begin,
    .commit = commit,
    .rollback = rollback,
    .home_load = home_load,
    .home_save = home_save,
    .homes = homes,
    .find = find,
    .insert = insert,
    .replace = replace,
    .forget = forget,
    .get = get,
    .walk_usn = walk_usn,
    .walk_keys = walk_keys,
    .record_get = record_get,
    .record_put = record_put,
    .records = records,
};

static enum failure cannot_open(const char *path, struct error *e)
{
    int why = errno;
    enum failure kind = why == ENOSPC || why == EDQUOT   ? FAIL_FULL
                        : why == EMFILE || why == ENFILE ? FAIL_IO
                        : why == EISDIR                  ? FAIL_FOREIGN
                                                         : FAIL_READ_ONLY;
    fail(e, kind, "%s can't be opened for writing: %s.", path, strerror(why));
    if (e) {
        error_kept(e, "Nothing was changed.");
        error_next(e, kind == FAIL_FULL      ? "Make room there, then try again."
                      : kind == FAIL_FOREIGN ? "Check the database's path in the configuration."
                                             : "Check that the folder exists, the owner and mode "
                                               "of both, and how the file system is mounted.");
    }
    return kind;
}

/* Two processes on one store would be two masters in one pool. */
static enum failure lock_file(struct sqlite_engine *engine, struct error *e)
{
    OWNED(free_memory) char *path = xasprintf("%s.lock", engine->path);
    engine->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (engine->lock < 0)
        return cannot_open(path, e);
    if (flock(engine->lock, LOCK_EX | LOCK_NB) == 0)
        return OK;
    fail(e, FAIL_BUSY, "%s is in use by another process.", engine->path);
    if (e) {
        error_kept(e, "Nothing was changed.");
        error_next(e, "Only one polluxd may run on a store: fuser -v %s", path);
    }
    return FAIL_BUSY;
}

/* A new file is readable for nobody else: passwords of a kind are in it. SQLite gives its other
 * files the same mode. Only with the lock held: closing a file drops SQLite's locks on it. */
static enum failure create_file(const struct sqlite_engine *engine, struct error *e)
{
    int fd = open(engine->path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return cannot_open(engine->path, e);
    close(fd);
    return OK;
}

static enum failure prepare_file(struct sqlite_engine *engine, const char *pool, struct error *e)
{
    struct session *first;
    enum failure bad = create_file(engine, e);
    if (bad)
        return bad;
    bad = session_open(&engine->base, true, &first, e);
    if (bad)
        return bad;
    sqlite3 *db = session_of(first)->db;
    bad = sqlite_adopt(db, engine->path, pool, e);
    if (!bad)
        bad = sqlite_run(db, engine->path, "PRAGMA journal_mode = WAL", e);
    session_close(first);
    return bad;
}

enum failure sqlite_engine_open_with(const char *path, const char *pool,
                                     const struct sqlite_options *options, struct engine **result,
                                     struct error *e)
{
    struct sqlite_engine *engine = xcalloc(1, sizeof *engine);
    engine->base.ops = &sqlite_ops;
    engine->path = xstrdup(path);
    engine->vfs = options->vfs ? xstrdup(options->vfs) : NULL;
    engine->synchronous = xstrdup(options->synchronous ? options->synchronous : "FULL");
    enum failure bad = lock_file(engine, e);
    if (!bad)
        bad = prepare_file(engine, pool, e);
    if (bad) {
        engine_close(&engine->base);
        return bad;
    }
    *result = &engine->base;
    return OK;
}

enum failure sqlite_engine_open(const char *path, const char *pool, struct engine **engine,
                                struct error *e)
{
    return sqlite_engine_open_with(path, pool, &(struct sqlite_options){0}, engine, e);
}
