/* The items of the SQLite engine: those of each home in a table of their own. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "store/sqlite_session.h"

/* A row by its key: of the key, whether it leads to a row that has it. */
#define ITEM_BY_KEY                                                                                \
    "SELECT i.usn, i.module, i.deleted, i.term, i.key, i.value, i.hash,"                           \
    " i.module IS k.module AND i.key IS k.key"                                                     \
    " FROM key_%lld k LEFT JOIN item_%lld i ON i.usn = k.usn WHERE k.module = ?1 AND "

/* Of a row, that it counts: it was not replaced. */
#define COUNTS " NOT EXISTS (SELECT 1 FROM replaced r WHERE r.home = %lld AND r.usn = i.usn) "

static const char *const item_sql[ITEM_STATEMENTS] = {
    [ITEM_LEAD] = "INSERT OR FAIL INTO key_%lld SELECT module, key, usn FROM fed WHERE true"
                  " ON CONFLICT (module, key) DO UPDATE SET usn = led_to(usn, excluded.usn)",
    [ITEM_REPLACED] = "SELECT i.usn, i.module, i.deleted, i.term, i.key, i.value, i.hash"
                      " FROM fed CROSS JOIN item_%lld i ON i.usn = fed.before",
    [ITEM_REPLACE] = "INSERT OR FAIL INTO replaced SELECT %lld, before, before_size FROM fed",
    [ITEM_TAKE_REPLACED] = "DELETE FROM item_%lld AS i WHERE usn IN (SELECT usn FROM replaced"
                           " WHERE home = %lld AND usn BETWEEN ?1 AND ?2) AND NOT EXISTS"
                           " (SELECT 1 FROM key_%lld k WHERE k.module = i.module AND"
                           " k.key = i.key AND k.usn = i.usn)",
    [ITEM_FORGET_REPLACED] = "DELETE FROM replaced WHERE home = %lld AND usn BETWEEN ?1 AND ?2",
    [ITEM_MAKE_ROOM] = "DELETE FROM item_%lld WHERE usn IN (SELECT f.usn FROM fed f"
                       " CROSS JOIN replaced r ON r.home = %lld AND r.usn = f.usn)",
    [ITEM_HAS_ROOM] = "DELETE FROM replaced WHERE home = %lld AND usn IN (SELECT usn FROM fed)",
    [ITEM_INSERT] = "INSERT OR FAIL INTO item_%lld (" ITEM_COLUMNS ")"
                    " SELECT " ITEM_COLUMNS " FROM fed",
    [ITEM_ROW] = "SELECT " ITEM_COLUMNS " FROM item_%lld WHERE usn = ?1",
    [ITEM_DROP] = "DELETE FROM item_%lld WHERE usn = ?1",
    [ITEM_DROP_KEY] = "DELETE FROM key_%lld WHERE module = ?1 AND key = ?2 AND usn = ?3",
    [ITEM_DROP_LOST_KEYS] = "DELETE FROM key_%lld WHERE usn IN (SELECT usn FROM fed)"
                            " OR typeof(usn) <> 'integer' OR usn <= 0",
    [ITEM_FORGET] = "DELETE FROM item_%lld AS i WHERE deleted = 1 AND usn <= ?1 AND" COUNTS,
    [ITEM_TOMBSTONES] =
        "SELECT " ITEM_COLUMNS " FROM item_%lld i WHERE deleted = 1 AND usn <= ?1 AND" COUNTS,
    [ITEM_SWEEP] = "DELETE FROM item_%lld WHERE usn IN"
                   " (SELECT usn FROM item_%lld ORDER BY usn LIMIT ?1)",
    [ITEM_FIRST] = "SELECT " ITEM_COLUMNS " FROM item_%lld ORDER BY usn LIMIT ?1",
    [ITEM_GET] = ITEM_BY_KEY "k.key = ?2",
    [ITEM_BEFORE] = ITEM_BY_KEY "k.key < ?2 ORDER BY k.key DESC LIMIT 1",
    [ITEM_BEHIND] = ITEM_BY_KEY "k.key > ?2 ORDER BY k.key LIMIT 1",
    [ITEM_WALK_USN] = "SELECT " ITEM_COLUMNS " FROM item_%lld WHERE usn > ?1 ORDER BY usn",
    [ITEM_REPLACED_AFTER] = "SELECT usn FROM replaced WHERE home = %lld AND usn > ?1 ORDER BY usn",
    [ITEM_NEWEST] =
        "SELECT usn FROM item_%lld i WHERE" COUNTS "ORDER BY usn DESC LIMIT 1 OFFSET ?1",
    [ITEM_STRAY_KEYS] = "SELECT k.usn FROM key_%lld k LEFT JOIN item_%lld i ON i.usn = k.usn"
                        " WHERE i.module IS NOT k.module OR i.key IS NOT k.key OR NOT" COUNTS,
    [ITEM_KEYS] = "SELECT count(*) FROM key_%lld WHERE usn > 0",
    [ITEM_STRAY_ROWS] = "SELECT i.usn FROM item_%lld i WHERE" COUNTS "AND NOT EXISTS"
                        " (SELECT 1 FROM key_%lld k WHERE k.module = i.module AND"
                        " k.key = i.key AND k.usn = i.usn)",
    [ITEM_WALK_KEYS] = ITEM_BY_KEY "k.key >= ?2 AND i.deleted IS NOT 1 ORDER BY k.key",
};

/* What leads from the keys to the rows is a table of our own instead of an index: so a key whose
 * item is replaced stays where it is, and many changes can go into each table in its own order.
 * A key's usn is not declared NOT NULL, though it never is: a statement that could break such a
 * promise while it updates many rows has SQLite keep each page that it changes aside. */
static const char item_tables[] =
    "CREATE TABLE item_%lld (usn INTEGER PRIMARY KEY, module INTEGER NOT NULL,"
    " deleted INTEGER NOT NULL, term INTEGER NOT NULL, key BLOB NOT NULL, value BLOB NOT NULL,"
    " hash BLOB NOT NULL);"
    "CREATE INDEX item_%lld_deleted ON item_%lld (deleted) WHERE deleted = 1;"
    "CREATE TABLE key_%lld (module INTEGER NOT NULL, key BLOB NOT NULL, usn INTEGER,"
    " PRIMARY KEY (module, key)) WITHOUT ROWID;";

enum failure sqlite_ready_item(struct sqlite_session *s, int64_t home, enum item_statement which,
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
        char *sql = sqlite3_mprintf(item_sql[which], n, n, n); /* most name one table */
        bad = sqlite_prepare(s, sql, &items->list[which], e);
        sqlite3_free(sql);
    }
    *stmt = items->list[which];
    return bad;
}

enum failure sqlite_create_items(struct sqlite_session *s, int64_t home, struct error *e)
{
    long long n = home;
    char *sql = sqlite3_mprintf(item_tables, n, n, n, n);
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
    s->replaced_known = false; /* its own go, too */
    long long n = home;
    char *sql = sqlite3_mprintf("DROP TABLE item_%lld; DROP TABLE key_%lld;"
                                "DELETE FROM replaced WHERE home = %lld",
                                n, n, n);
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

enum failure sqlite_read_row(struct sqlite_session *s, sqlite3_stmt *stmt, struct item *item,
                             struct item_hash *hash, struct error *e)
{
    (void)s;
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

/* Of ITEM_BY_KEY. A damaged key can lead to a row that is sound, but another one's, or to none. */
static enum failure read_row_by_key(struct sqlite_session *s, sqlite3_stmt *stmt, struct item *item,
                                    struct item_hash *hash, struct error *e)
{
    bool none = sqlite3_column_type(stmt, 0) == SQLITE_NULL;
    enum failure bad = none ? OK : sqlite_read_row(s, stmt, item, hash, e);
    bool its = sqlite3_column_int(stmt, 7) != 0;
    return bad || its ? bad : sqlite_fail_damaged(s->path, "looking an item up", e);
}

static void note_found(struct found *found, const struct item *item, struct item_hash hash)
{
    *found = (struct found){.usn = item->version.usn,
                            .deleted = item->deleted,
                            .hash = hash,
                            .value_size = item->value.size};
}

void sqlite_bind_key(sqlite3_stmt *stmt, enum module module, struct bytes key)
{
    sqlite3_bind_int(stmt, 1, (int)module);
    sqlite_bind_bytes(stmt, 2, key);
}

enum failure sqlite_find(struct session *base, int64_t home, enum module module, struct bytes key,
                         struct found *found, struct error *e)
{
    struct sqlite_session *s = session_of(base);
    sqlite3_stmt *stmt;
    *found = (struct found){0};
    enum failure bad = sqlite_ready_item(s, home, ITEM_GET, &stmt, e);
    if (bad)
        return bad;
    sqlite_bind_key(stmt, module, key);
    int code = sqlite3_step(stmt);
    if (code == SQLITE_ROW) {
        struct item old = {0};
        struct item_hash hash = {0};
        bad = read_row_by_key(s, stmt, &old, &hash, e);
        note_found(found, &old, hash);
    }
    enum failure worse = sqlite_done(s, stmt, code, "looking an item up", e);
    return worse ? worse : bad;
}

/* One of the statements that delete what has this usn. */
static enum failure drop_by_usn(struct sqlite_session *s, int64_t home, enum item_statement which,
                                uint64_t usn, struct error *e)
{
    sqlite3_stmt *stmt;
    enum failure bad = sqlite_ready_item(s, home, which, &stmt, e);
    if (bad)
        return bad;
    sqlite_bind_u64(stmt, 1, usn);
    return sqlite_done(s, stmt, sqlite3_step(stmt), "dropping an item", e);
}

/* The key that leads to a row is found by what stands in the row; or else, because that may be
 * damaged, among all. */
static enum failure drop_key_of(struct sqlite_session *s, int64_t home, sqlite3_stmt *row,
                                struct error *e)
{
    sqlite3_stmt *drop;
    enum failure bad = sqlite_ready_item(s, home, ITEM_DROP_KEY, &drop, e);
    if (bad)
        return bad;
    uint64_t usn = (uint64_t)sqlite3_column_int64(row, 0);
    sqlite_bind_key(drop, (enum module)sqlite3_column_int(row, 1), sqlite_column_bytes_of(row, 4));
    sqlite_bind_u64(drop, 3, usn);
    bad = sqlite_done(s, drop, sqlite3_step(drop), "dropping a key", e);
    if (bad || sqlite3_changes(s->db) > 0)
        return bad;
    return sqlite_drop_lost_keys(s, home, &usn, 1, e);
}

/* Of what the first statement selects, the keys; then the rows, by the second one. */
static enum failure drop_selected(struct sqlite_session *s, int64_t home, enum item_statement which,
                                  enum item_statement rows, uint64_t limit, struct error *e)
{
    sqlite3_stmt *stmt;
    enum failure bad = sqlite_ready_item(s, home, which, &stmt, e);
    if (bad)
        return bad;
    sqlite_bind_u64(stmt, 1, limit);
    int code = SQLITE_OK;
    while (!bad && (code = sqlite3_step(stmt)) == SQLITE_ROW)
        bad = drop_key_of(s, home, stmt, e);
    enum failure worse = sqlite_done(s, stmt, code, "dropping items", e);
    if (bad || worse)
        return bad ? bad : worse;
    return drop_by_usn(s, home, rows, limit, e);
}

/* A row that somebody finds by its usn was not replaced; if it is noted as such, that goes, too. */
enum failure sqlite_drop(struct session *base, int64_t home, uint64_t usn, struct error *e)
{
    struct sqlite_session *s = session_of(base);
    enum failure bad = sqlite_not_replaced(s, home, usn, e);
    if (!bad)
        bad = drop_selected(s, home, ITEM_ROW, ITEM_DROP, usn, e);
    if (bad || sqlite3_changes(s->db) > 0)
        return bad;
    return sqlite_drop_lost_keys(s, home, &usn, 1, e); /* the row got lost */
}

enum failure sqlite_discard(struct session *base, int64_t home, const uint64_t *usns, size_t count,
                            struct error *e)
{
    struct sqlite_session *s = session_of(base);
    enum failure bad = OK;
    for (size_t i = 0; !bad && i < count; i++) {
        bad = sqlite_not_replaced(s, home, usns[i], e);
        if (!bad)
            bad = drop_by_usn(s, home, ITEM_DROP, usns[i], e);
    }
    return bad ? bad : sqlite_drop_lost_keys(s, home, usns, count, e);
}

enum failure sqlite_forget(struct session *base, int64_t home, uint64_t upto, struct error *e)
{
    return drop_selected(session_of(base), home, ITEM_TOMBSTONES, ITEM_FORGET, upto, e);
}

enum failure sqlite_sweep(struct session *base, int64_t home, uint32_t max, uint32_t *swept,
                          struct error *e)
{
    struct sqlite_session *s = session_of(base);
    enum failure bad = sqlite_sweep_replaced(s, home, max, swept, e);
    if (bad || *swept == max)
        return bad;
    bad = drop_selected(s, home, ITEM_FIRST, ITEM_SWEEP, max - *swept, e);
    *swept += bad ? 0 : (uint32_t)sqlite3_changes(s->db);
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
        bad = sqlite_ready_item(s, home, (enum item_statement)which, &stmt, e);
        if (bad)
            return bad;
        sqlite_bind_key(stmt, module, key);
        int code = sqlite3_step(stmt);
        struct item neighbour;
        struct item_hash hash;
        if (code == SQLITE_ROW)
            bad = read_row_by_key(s, stmt, &neighbour, &hash, e);
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
    enum failure bad = sqlite_ready_item(s, home, ITEM_GET, &stmt, e);
    if (bad)
        return bad;
    sqlite_bind_key(stmt, module, key);
    int code = sqlite3_step(stmt);
    if (code == SQLITE_ROW) {
        struct item_hash hash;
        s->lent = stmt;
        return read_row_by_key(s, stmt, item, &hash, e);
    }
    bad = sqlite_done(s, stmt, code, "reading an item", e);
    if (!bad)
        bad = prove_absent(s, home, module, key, e);
    return bad ? bad : fail(e, FAIL_NOT_FOUND, "There is no such item.");
}

/* Rows in the order of their usns, but for those that were replaced: their usns are read beside
 * them, because to look each row up among them would take longer than to read it. */
struct rows {
    sqlite3_stmt *stmt, *replaced;
    int code, replaced_code; /* of the last steps */
    int64_t usn, next_usn;   /* of replaced ones; 0: there is none any more */
    bool disordered;         /* what comes behind is not what was written */
};

/* One is read ahead: a usn that was damaged would hide those behind it. */
static void next_replaced(struct rows *rows)
{
    rows->usn = rows->next_usn;
    rows->next_usn = 0;
    if (rows->replaced_code == SQLITE_ROW)
        rows->replaced_code = sqlite3_step(rows->replaced);
    if (rows->replaced_code == SQLITE_ROW)
        rows->next_usn = sqlite3_column_int64(rows->replaced, 0);
    rows->disordered |= rows->replaced_code == SQLITE_ROW && rows->next_usn <= rows->usn;
}

static enum failure rows_begin(struct sqlite_session *s, int64_t home, uint64_t after,
                               struct rows *rows, struct error *e)
{
    *rows = (struct rows){.code = SQLITE_DONE, .replaced_code = SQLITE_ROW};
    enum failure bad = sqlite_ready_item(s, home, ITEM_WALK_USN, &rows->stmt, e);
    if (!bad)
        bad = sqlite_ready_item(s, home, ITEM_REPLACED_AFTER, &rows->replaced, e);
    if (bad)
        return bad;
    sqlite_bind_u64(rows->stmt, 1, after);
    sqlite_bind_u64(rows->replaced, 1, after);
    next_replaced(rows);
    next_replaced(rows);
    return OK;
}

static bool is_known(const struct rows *rows)
{
    bool read = rows->replaced_code == SQLITE_ROW || rows->replaced_code == SQLITE_DONE;
    return read && !rows->disordered;
}

static bool was_replaced(struct rows *rows)
{
    int64_t usn = sqlite3_column_int64(rows->stmt, 0);
    while (is_known(rows) && rows->usn && rows->usn < usn)
        next_replaced(rows);
    return rows->usn == usn;
}

/* Not if either failed: rows_end() says so. */
static bool rows_next(struct rows *rows)
{
    bool goes_on = is_known(rows);
    while (goes_on && (rows->code = sqlite3_step(rows->stmt)) == SQLITE_ROW) {
        bool passed_over = was_replaced(rows);
        goes_on = is_known(rows);
        if (goes_on && !passed_over)
            return true;
    }
    return false;
}

/* What failed comes first: what SQLite says of it is said of its last call. */
static enum failure rows_end(struct sqlite_session *s, struct rows *rows, struct error *e)
{
    const char *doing = "looking for replaced items";
    enum failure bad = OK;
    if (rows->disordered)
        bad = sqlite_fail_damaged(s->path, doing, e);
    else if (!is_known(rows))
        bad = sqlite_done(s, rows->replaced, rows->replaced_code, doing, e);
    else
        bad = sqlite_done(s, rows->stmt, rows->code, "reading items", e);
    sqlite3_reset(rows->stmt);
    sqlite3_reset(rows->replaced);
    return bad;
}

enum failure sqlite_walk_usn(struct session *base, int64_t home, uint64_t after, view_visit *visit,
                             void *context, struct error *e)
{
    struct sqlite_session *s = session_of(base);
    struct rows rows;
    sqlite_give_back(s);
    enum failure bad = rows_begin(s, home, after, &rows, e);
    if (bad)
        return bad;
    while (!bad && rows_next(&rows)) {
        struct item item;
        struct item_hash hash;
        bad = sqlite_read_row(s, rows.stmt, &item, &hash, e);
        if (!bad && !visit(&item, hash, context))
            break;
    }
    enum failure worse = rows_end(s, &rows, bad ? NULL : e);
    return bad ? bad : worse;
}

enum failure sqlite_newest(struct session *base, int64_t home, uint32_t rows, uint64_t *usn,
                           struct error *e)
{
    struct sqlite_session *s = session_of(base);
    sqlite3_stmt *stmt;
    sqlite_give_back(s);
    enum failure bad = sqlite_ready_item(s, home, ITEM_NEWEST, &stmt, e);
    if (bad)
        return bad;
    sqlite3_bind_int64(stmt, 1, rows);
    int code = sqlite3_step(stmt);
    *usn = code == SQLITE_ROW ? (uint64_t)sqlite3_column_int64(stmt, 0) : 0;
    return sqlite_done(s, stmt, code, "reading items", e);
}

enum failure sqlite_walk_keys(struct session *base, int64_t home, enum module module,
                              struct bytes prefix, struct bytes from, view_visit *visit,
                              void *context, struct error *e)
{
    struct sqlite_session *s = session_of(base);
    sqlite3_stmt *stmt;
    sqlite_give_back(s);
    enum failure bad = sqlite_ready_item(s, home, ITEM_WALK_KEYS, &stmt, e);
    if (bad)
        return bad;
    sqlite_bind_key(stmt, module, from);
    int code;
    while ((code = sqlite3_step(stmt)) == SQLITE_ROW) {
        struct item item;
        struct item_hash hash;
        bad = read_row_by_key(s, stmt, &item, &hash, e);
        if (bad || !bytes_start_with(item.key, prefix) || !visit(&item, hash, context))
            break;
    }
    enum failure worse = sqlite_done(s, stmt, code, "reading items", e);
    return worse ? worse : bad;
}

struct scan {
    view_scan_visit *visit;
    void *context;
    int64_t rows;
    bool unsound, ended; /* something was; by whoever visits */
};

static void scanned(struct scan *scan, uint64_t usn, bool sound)
{
    scan->unsound |= !sound;
    scan->ended = !scan->visit(usn, sound, scan->context);
}

static enum failure scan_rows(struct sqlite_session *s, int64_t home, struct scan *scan,
                              struct error *e)
{
    struct rows rows;
    enum failure bad = rows_begin(s, home, 0, &rows, e);
    if (bad)
        return bad;
    while (!scan->ended && rows_next(&rows)) {
        struct item item;
        struct item_hash hash;
        bool sound = sqlite_read_row(s, rows.stmt, &item, &hash, NULL) == OK;
        scan->rows++;
        scanned(scan, item.version.usn, sound);
    }
    return rows_end(s, &rows, e);
}

static uint64_t number_of(sqlite3_stmt *row)
{
    int64_t usn = sqlite3_column_type(row, 0) == SQLITE_INTEGER ? sqlite3_column_int64(row, 0) : 0;
    return usn > 0 ? (uint64_t)usn : 0;
}

/* Keys that lead to no row of theirs, or rows to which no key leads. What is no number at all is
 * called 0. */
static enum failure scan_strays(struct sqlite_session *s, int64_t home, enum item_statement which,
                                struct scan *scan, struct error *e)
{
    sqlite3_stmt *strays;
    enum failure bad = sqlite_ready_item(s, home, which, &strays, e);
    if (bad)
        return bad;
    int code = SQLITE_OK;
    while (!scan->ended && (code = sqlite3_step(strays)) == SQLITE_ROW)
        scanned(scan, number_of(strays), false);
    return sqlite_done(s, strays, code, "reading keys", e);
}

/* To look each row's key up takes long, and is done only where that can find something: there are
 * as many keys as rows, and each leads to its own, if nothing is wrong. */
static enum failure has_stray_rows(struct sqlite_session *s, int64_t home, const struct scan *scan,
                                   bool *has, struct error *e)
{
    sqlite3_stmt *keys;
    *has = scan->unsound;
    enum failure bad = *has ? OK : sqlite_ready_item(s, home, ITEM_KEYS, &keys, e);
    if (bad || *has)
        return bad;
    int code = sqlite3_step(keys);
    *has = code == SQLITE_ROW && sqlite3_column_int64(keys, 0) != scan->rows;
    return sqlite_done(s, keys, code, "counting keys", e);
}

/* Rows that are not what was written, keys that do not lead to their own, and rows to which none
 * leads. */
enum failure sqlite_scan(struct session *base, int64_t home, view_scan_visit *visit, void *context,
                         struct error *e)
{
    struct sqlite_session *s = session_of(base);
    struct scan scan = {.visit = visit, .context = context};
    bool strays = false;
    sqlite_give_back(s);
    enum failure bad = scan_rows(s, home, &scan, e),
                 worse = scan.ended ? OK : scan_strays(s, home, ITEM_STRAY_KEYS, &scan, e);
    bad = bad ? bad : worse;
    if (!bad && !scan.ended)
        bad = has_stray_rows(s, home, &scan, &strays, e);
    return bad || !strays ? bad : scan_strays(s, home, ITEM_STRAY_ROWS, &scan, e);
}
