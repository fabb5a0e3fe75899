/* The items of the SQLite engine: those of each home in a table of their own. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "store/sqlite_session.h"

#define ITEM_COLUMNS "usn, module, deleted, term, key, value, hash"

static const char *const item_sql[ITEM_STATEMENTS] = {
    [ITEM_INSERT] = "INSERT INTO item_%lld (" ITEM_COLUMNS ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)"
                    " ON CONFLICT DO NOTHING",
    [ITEM_DROP] = "DELETE FROM item_%lld WHERE usn = ?1",
    [ITEM_FORGET] = "DELETE FROM item_%lld WHERE deleted = 1 AND usn <= ?1",
    [ITEM_SWEEP] = "DELETE FROM item_%lld WHERE usn IN"
                   " (SELECT usn FROM item_%lld ORDER BY usn LIMIT ?1)",
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
        long long n = home;
        char *sql = sqlite3_mprintf(item_sql[which], n, n); /* most name the table once */
        bad = sqlite_prepare(s, sql, &items->list[which], e);
        sqlite3_free(sql);
    }
    *stmt = items->list[which];
    return bad;
}

enum failure sqlite_create_items(struct sqlite_session *s, int64_t home, struct error *e)
{
    long long n = home;
    char *sql = sqlite3_mprintf(item_table, n, n, n, n, n);
    enum failure bad = sqlite_run(s->db, s->path, sql, e);
    sqlite3_free(sql);
    return bad;
}

/* Its statements would keep the table. */
static void forget_statements(struct sqlite_session *s, int64_t home)
{
    for (size_t i = 0; i < s->items_count; i++) {
        for (int which = 0; s->items[i].home == home && which < ITEM_STATEMENTS; which++)
            sqlite3_finalize(TAKE(s->items[i].list[which]));
    }
}

enum failure sqlite_drop_items(struct sqlite_session *s, int64_t home, struct error *e)
{
    forget_statements(s, home);
    char *sql = sqlite3_mprintf("DROP TABLE item_%lld", (long long)home);
    enum failure bad = sqlite_run(s->db, s->path, sql, e);
    sqlite3_free(sql);
    return bad;
}

static struct item_hash column_hash(sqlite3_stmt *stmt, int at)
{
    struct item_hash hash = {0};
    struct bytes v = sqlite_column_bytes_of(stmt, at);
    if (v.size == sizeof hash)
        memcpy(&hash, v.at, sizeof hash);
    return hash;
}

static enum failure read_row(sqlite3_stmt *stmt, struct item *item, struct item_hash *hash,
                             struct error *e)
{
    *item = (struct item){
        .module = (enum module)sqlite3_column_int(stmt, 1),
        .deleted = sqlite3_column_int(stmt, 2) != 0,
        .version = {.usn = (uint64_t)sqlite3_column_int64(stmt, 0),
                    .term = (uint64_t)sqlite3_column_int64(stmt, 3)},
        .key = sqlite_column_bytes_of(stmt, 4),
        .value = sqlite_column_bytes_of(stmt, 5),
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

enum failure sqlite_find(struct session *base, int64_t home, enum module module, struct bytes key,
                         struct found *found, struct error *e)
{
    struct sqlite_session *s = session_of(base);
    sqlite3_stmt *stmt;
    *found = (struct found){0};
    enum failure bad = ready_item(s, home, ITEM_GET, &stmt, e);
    if (bad)
        return bad;
    sqlite3_bind_int(stmt, 1, (int)module);
    sqlite_bind_bytes(stmt, 2, key);
    int code = sqlite3_step(stmt);
    if (code == SQLITE_ROW) {
        /* Its hash leaves the digest: a damaged one would make the digest wrong for good. */
        struct item old;
        bad = read_row_of(s, stmt, module, key, &old, &found->hash, e);
        found->usn = old.version.usn;
        found->deleted = old.deleted;
        found->value_size = old.value.size;
    }
    enum failure worse = sqlite_done(s, stmt, code, "looking an item up", e);
    return worse ? worse : bad;
}

enum failure sqlite_insert(struct session *base, int64_t home, const struct item *item,
                           struct item_hash hash, bool *clash, struct error *e)
{
    struct sqlite_session *s = session_of(base);
    sqlite3_stmt *stmt;
    enum failure bad = ready_item(s, home, ITEM_INSERT, &stmt, e);
    if (bad)
        return bad;
    sqlite_bind_u64(stmt, 1, item->version.usn);
    sqlite3_bind_int(stmt, 2, (int)item->module);
    sqlite3_bind_int(stmt, 3, item->deleted);
    sqlite_bind_u64(stmt, 4, item->version.term);
    sqlite_bind_bytes(stmt, 5, item->key);
    sqlite_bind_bytes(stmt, 6, item->value);
    sqlite3_bind_blob64(stmt, 7, &hash, sizeof hash, SQLITE_STATIC);
    bad = sqlite_done(s, stmt, sqlite3_step(stmt), "writing an item", e);
    *clash = !bad && sqlite3_changes(s->db) == 0;
    return bad;
}

enum failure sqlite_drop(struct session *base, int64_t home, uint64_t usn, struct error *e)
{
    struct sqlite_session *s = session_of(base);
    sqlite3_stmt *stmt;
    enum failure bad = ready_item(s, home, ITEM_DROP, &stmt, e);
    if (bad)
        return bad;
    sqlite_bind_u64(stmt, 1, usn);
    return sqlite_done(s, stmt, sqlite3_step(stmt), "dropping an item", e);
}

/* Two steps: an UPDATE that moves a row to another usn costs SQLite more than both. */
enum failure sqlite_replace(struct session *base, int64_t home, uint64_t old_usn,
                            const struct item *item, struct item_hash hash, struct error *e)
{
    bool clash = false;
    enum failure bad = sqlite_drop(base, home, old_usn, e);
    if (!bad)
        bad = sqlite_insert(base, home, item, hash, &clash, e);
    return !bad && clash ? usn_is_taken(item->version.usn, e) : bad;
}

enum failure sqlite_forget(struct session *base, int64_t home, uint64_t upto, struct error *e)
{
    struct sqlite_session *s = session_of(base);
    sqlite3_stmt *stmt;
    enum failure bad = ready_item(s, home, ITEM_FORGET, &stmt, e);
    if (bad)
        return bad;
    sqlite_bind_u64(stmt, 1, upto);
    return sqlite_done(s, stmt, sqlite3_step(stmt), "dropping tombstones", e);
}

enum failure sqlite_sweep(struct session *base, int64_t home, uint32_t max, uint32_t *swept,
                          struct error *e)
{
    struct sqlite_session *s = session_of(base);
    sqlite3_stmt *stmt;
    enum failure bad = ready_item(s, home, ITEM_SWEEP, &stmt, e);
    if (bad)
        return bad;
    sqlite_bind_u64(stmt, 1, max);
    bad = sqlite_done(s, stmt, sqlite3_step(stmt), "sweeping items away", e);
    *swept = bad ? 0 : (uint32_t)sqlite3_changes(s->db);
    return bad;
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
        sqlite_bind_bytes(stmt, 2, key);
        int code = sqlite3_step(stmt);
        struct item neighbour;
        struct item_hash hash;
        if (code == SQLITE_ROW)
            bad = read_row(stmt, &neighbour, &hash, e);
        enum failure worse = sqlite_done(s, stmt, code, "reading an item", e);
        bad = worse ? worse : bad;
    }
    return bad;
}

enum failure sqlite_get(struct session *base, int64_t home, enum module module, struct bytes key,
                        struct item *item, struct error *e)
{
    struct sqlite_session *s = session_of(base);
    sqlite3_stmt *stmt;
    sqlite_give_back(s);
    enum failure bad = ready_item(s, home, ITEM_GET, &stmt, e);
    if (bad)
        return bad;
    sqlite3_bind_int(stmt, 1, (int)module);
    sqlite_bind_bytes(stmt, 2, key);
    int code = sqlite3_step(stmt);
    if (code == SQLITE_ROW) {
        struct item_hash hash;
        s->lent = stmt;
        return read_row_of(s, stmt, module, key, item, &hash, e);
    }
    bad = sqlite_done(s, stmt, code, "reading an item", e);
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
    enum failure worse = sqlite_done(s, stmt, code, "reading items", e);
    return worse ? worse : bad;
}

enum failure sqlite_walk_usn(struct session *base, int64_t home, uint64_t after, view_visit *visit,
                             void *context, struct error *e)
{
    struct sqlite_session *s = session_of(base);
    sqlite3_stmt *stmt;
    sqlite_give_back(s);
    enum failure bad = ready_item(s, home, ITEM_WALK_USN, &stmt, e);
    if (bad)
        return bad;
    sqlite_bind_u64(stmt, 1, after);
    return walk(s, stmt, BYTES_NONE, visit, context, e);
}

enum failure sqlite_walk_keys(struct session *base, int64_t home, enum module module,
                              struct bytes prefix, struct bytes from, view_visit *visit,
                              void *context, struct error *e)
{
    struct sqlite_session *s = session_of(base);
    sqlite3_stmt *stmt;
    sqlite_give_back(s);
    enum failure bad = ready_item(s, home, ITEM_WALK_KEYS, &stmt, e);
    if (bad)
        return bad;
    sqlite3_bind_int(stmt, 1, (int)module);
    sqlite_bind_bytes(stmt, 2, from);
    return walk(s, stmt, prefix, visit, context, e);
}

enum failure sqlite_scan(struct session *base, int64_t home, view_scan_visit *visit, void *context,
                         struct error *e)
{
    struct sqlite_session *s = session_of(base);
    sqlite3_stmt *stmt;
    sqlite_give_back(s);
    enum failure bad = ready_item(s, home, ITEM_WALK_USN, &stmt, e);
    if (bad)
        return bad;
    sqlite_bind_u64(stmt, 1, 0);
    int code;
    bool more = true;
    while (more && (code = sqlite3_step(stmt)) == SQLITE_ROW) {
        struct item item;
        struct item_hash hash;
        bool sound = read_row(stmt, &item, &hash, NULL) == OK;
        more = visit(item.version.usn, sound, context);
    }
    return sqlite_done(s, stmt, code, "reading items", e);
}
