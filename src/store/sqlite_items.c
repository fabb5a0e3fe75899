/* The items of the SQLite engine: those of each home in a table of their own. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "store/sqlite_keys.h"

/* So many at a time, so that memory stays bounded. */
#define DROPPED_TOGETHER   10000
#define TEXT_OF(number)    TEXT_OF_IT(number)
#define TEXT_OF_IT(number) #number

/* Of a row, that it counts: it was not replaced. */
#define COUNTS " NOT EXISTS (SELECT 1 FROM replaced r WHERE r.home = %lld AND r.usn = i.usn) "

static const char *const item_sql[ITEM_STATEMENTS] = {
    [ITEM_REPLACED] = "SELECT i.usn, i.module, i.deleted, i.term, i.key, i.value, i.hash"
                      " FROM fed CROSS JOIN item_%lld i ON i.usn = fed.before",
    [ITEM_REPLACE] = "INSERT OR FAIL INTO replaced SELECT %lld, before, before_size FROM fed",
    [ITEM_ROWS_REPLACED] = "SELECT i.usn, i.module, i.key FROM replaced r CROSS JOIN item_%lld i"
                           " ON i.usn = r.usn WHERE r.home = %lld AND r.usn BETWEEN ?1 AND ?2",
    [ITEM_TAKE_REPLACED] = "DELETE FROM item_%lld WHERE usn IN (SELECT usn FROM replaced"
                           " WHERE home = %lld AND usn BETWEEN ?1 AND ?2)",
    [ITEM_FORGET_REPLACED] = "DELETE FROM replaced WHERE home = %lld AND usn BETWEEN ?1 AND ?2",
    [ITEM_MAKE_ROOM] = "DELETE FROM item_%lld WHERE usn IN (SELECT f.usn FROM fed f"
                       " CROSS JOIN replaced r ON r.home = %lld AND r.usn = f.usn)",
    [ITEM_HAS_ROOM] = "DELETE FROM replaced WHERE home = %lld AND usn IN (SELECT usn FROM fed)",
    [ITEM_INSERT] = "INSERT OR FAIL INTO item_%lld (" ITEM_COLUMNS ")"
                    " SELECT " ITEM_COLUMNS " FROM fed",
    [ITEM_ROW] = "SELECT " ITEM_COLUMNS " FROM item_%lld WHERE usn = ?1",
    [ITEM_DROP] = "DELETE FROM item_%lld WHERE usn = ?1",
    [ITEM_FORGET] = "DELETE FROM item_%lld AS i WHERE deleted = 1 AND usn <= ?1 AND" COUNTS,
    [ITEM_TOMBSTONES] =
        "SELECT " ITEM_COLUMNS " FROM item_%lld i WHERE deleted = 1 AND usn <= ?1 AND" COUNTS
        "ORDER BY usn LIMIT " TEXT_OF(DROPPED_TOGETHER),
    [ITEM_SWEEP] = "DELETE FROM item_%lld WHERE usn IN"
                   " (SELECT usn FROM item_%lld ORDER BY usn LIMIT ?1)",
    /* The same as ITEM_ROW, for whoever looks while others' rows are still looked at. */
    [ITEM_GET] = "SELECT " ITEM_COLUMNS " FROM item_%lld WHERE usn = ?1",
    [ITEM_WALKED] = "SELECT " ITEM_COLUMNS " FROM item_%lld WHERE usn = ?1",
    [ITEM_WALK_USN] = "SELECT " ITEM_COLUMNS " FROM item_%lld WHERE usn > ?1 ORDER BY usn",
    [ITEM_REPLACED_AFTER] = "SELECT usn FROM replaced WHERE home = %lld AND usn > ?1 ORDER BY usn",
    [ITEM_NEWEST] =
        "SELECT usn FROM item_%lld i WHERE" COUNTS "ORDER BY usn DESC LIMIT 1 OFFSET ?1",
    [ITEM_LED] = "SELECT module IS ?2 AND key IS ?3 AND" COUNTS "FROM item_%lld i WHERE usn = ?1",
    [ITEM_STRAY_ROWS] =
        "SELECT i.usn FROM item_%lld i WHERE" COUNTS " AND NOT leads_to(%lld, module, key, usn)",
    [ITEM_LEAF] = "SELECT id, low, leaf FROM leaf_%lld WHERE module = ?1 AND low <= ?2"
                  " ORDER BY low DESC LIMIT 1",
    [ITEM_LEAF_BEFORE] = "SELECT id, low, leaf FROM leaf_%lld WHERE module = ?1 AND low < ?2"
                         " ORDER BY low DESC LIMIT 1",
    [ITEM_LEAF_CHANGE] = "UPDATE leaf_%lld SET leaf = ?1 WHERE id = ?2",
    [ITEM_LEAF_NEW] = "INSERT INTO leaf_%lld (leaf, module, low) VALUES (?1, ?2, ?3)",
    [ITEM_LEAF_DROP] = "DELETE FROM leaf_%lld WHERE id = ?1",
    [ITEM_LEAVES] = "SELECT id, module, low, leaf FROM leaf_%lld ORDER BY module, low",
    [ITEM_LEAVES_ORDER] = "REINDEX leaf_%lld_low",
    [ITEM_LEAVES_SWEEP] = "DELETE FROM leaf_%lld WHERE id IN"
                          " (SELECT id FROM leaf_%lld ORDER BY id LIMIT ?1)",
};

static const char item_table[] =
    "CREATE TABLE item_%lld (usn INTEGER PRIMARY KEY, module INTEGER NOT NULL,"
    " deleted INTEGER NOT NULL, term INTEGER NOT NULL, key BLOB NOT NULL, value BLOB NOT NULL,"
    " hash BLOB NOT NULL);"
    "CREATE INDEX item_%lld_deleted ON item_%lld (deleted) WHERE deleted = 1;";

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
    char *sql = sqlite3_mprintf(item_table, n, n, n);
    enum failure bad = sqlite_run(s->db, s->path, sql, e);
    sqlite3_free(sql);
    return bad ? bad : sqlite_keys_create(s, home, e);
}

void sqlite_forget_statements(struct sqlite_session *s, int64_t home)
{
    for (size_t i = 0; i < s->items_count; i++) {
        for (int which = 0; s->items[i].home == home && which < ITEM_STATEMENTS; which++)
            sqlite3_finalize(TAKE(s->items[i].list[which]));
    }
}

enum failure sqlite_drop_items(struct sqlite_session *s, int64_t home, struct error *e)
{
    sqlite_forget_statements(s, home);
    s->replaced_known = false; /* its own go, too */
    long long n = home;
    char *sql = sqlite3_mprintf("DROP TABLE item_%lld; DROP TABLE leaf_%lld;"
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

/* The row that a key leads to is there, and has that key. */
static enum failure read_led(struct sqlite_session *s, sqlite3_stmt *stmt, enum module module,
                             struct bytes key, struct item *item, struct item_hash *hash,
                             struct error *e)
{
    int code = sqlite3_step(stmt);
    if (code != SQLITE_ROW && code != SQLITE_DONE)
        return sqlite_done(s, stmt, code, "reading an item", e);
    enum failure bad = code == SQLITE_ROW ? sqlite_read_row(s, stmt, item, hash, e) : OK;
    bool its = code == SQLITE_ROW && item->module == module && bytes_equal(item->key, key);
    return bad || its ? bad : sqlite_fail_damaged(s->path, "looking an item up", e);
}

/* By its key; the statement has its row until it is reset. NULL: there is no such item. */
static enum failure look_up(struct sqlite_session *s, int64_t home, enum module module,
                            struct bytes key, sqlite3_stmt **stmt, struct item *item,
                            struct item_hash *hash, struct error *e)
{
    uint64_t usn;
    *stmt = NULL;
    enum failure bad = sqlite_keys_find(s, home, module, key, &usn, e);
    if (bad || !usn)
        return bad;
    bad = sqlite_ready_item(s, home, ITEM_GET, stmt, e);
    if (bad)
        return bad;
    sqlite_bind_u64(*stmt, 1, usn);
    return read_led(s, *stmt, module, key, item, hash, e);
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
    sqlite3_stmt *stmt;
    struct item old = {0};
    struct item_hash hash = {0};
    *found = (struct found){0};
    enum failure bad = look_up(session_of(base), home, module, key, &stmt, &old, &hash, e);
    if (!bad && stmt)
        note_found(found, &old, hash);
    sqlite3_reset(stmt);
    return bad;
}

enum failure sqlite_drop_by(struct sqlite_session *s, int64_t home, enum item_statement which,
                            uint64_t number, struct error *e)
{
    sqlite3_stmt *stmt;
    enum failure bad = sqlite_ready_item(s, home, which, &stmt, e);
    if (bad)
        return bad;
    sqlite_bind_u64(stmt, 1, number);
    return sqlite_done(s, stmt, sqlite3_step(stmt), "taking something away", e);
}

/* Rows whose keys go. */
struct dropping {
    struct key_list keys;
    uint64_t *usns;
    size_t count, room, dropped;
};

static void dropping_free(struct dropping *d)
{
    key_list_free(&d->keys);
    free(d->usns);
}

/* One that is damaged so that no key can be the same is looked for among all. */
static void note_dropping(struct dropping *d, sqlite3_stmt *row)
{
    int module = sqlite3_column_int(row, 1);
    struct bytes key = sqlite_column_bytes_of(row, 4);
    uint64_t usn = (uint64_t)sqlite3_column_int64(row, 0);
    if (d->count == d->room) {
        d->room = d->room ? d->room * 2 : 1;
        d->usns = xrealloc(d->usns, d->room * sizeof *d->usns);
    }
    d->usns[d->count++] = usn;
    if (module >= 0 && module < MODULES && key.size > 0 && key.size <= ITEM_KEY_MAX)
        key_list_add(&d->keys, (enum module)module, key, usn);
}

static enum failure collect(struct sqlite_session *s, sqlite3_stmt *rows, struct dropping *d,
                            struct error *e)
{
    int code;
    d->count = 0;
    while ((code = sqlite3_step(rows)) == SQLITE_ROW)
        note_dropping(d, rows);
    return sqlite_done(s, rows, code, "dropping items", e);
}

static void count_dropped(void *context, const struct keyed *key, uint64_t usn)
{
    struct dropping *d = context;
    (void)key;
    (void)usn;
    d->dropped++;
}

/* The key that leads to a row is found by what stands in the row; or else, because that may be
 * damaged, or the keys are, among all. */
static enum failure drop_keys(struct sqlite_session *s, int64_t home, struct dropping *d,
                              struct error *e)
{
    d->dropped = 0;
    enum failure bad = sqlite_keys_listed(s, home, &d->keys, sqlite_keys_drop, count_dropped, d, e);
    if (bad == FAIL_DAMAGED || (!bad && d->dropped < d->count))
        bad = sqlite_keys_mend(s, home, d->usns, d->count, e);
    return bad;
}

/* Of what the first statement selects, the keys; then the rows, by the second one. Both of some,
 * before others are looked at: keys that are mended then are made of the rows that there are. */
static enum failure drop_selected(struct sqlite_session *s, int64_t home, enum item_statement which,
                                  enum item_statement rows, uint64_t limit, struct error *e)
{
    struct dropping d = {0};
    enum failure bad = OK;
    bool more = true;
    while (!bad && more) {
        sqlite3_stmt *stmt;
        bad = sqlite_ready_item(s, home, which, &stmt, e);
        if (bad)
            break;
        sqlite_bind_u64(stmt, 1, limit);
        bad = collect(s, stmt, &d, e);
        if (!bad && d.count)
            bad = drop_keys(s, home, &d, e);
        more = d.count == DROPPED_TOGETHER;
        if (!bad)
            bad = sqlite_drop_by(s, home, rows, more ? d.usns[d.count - 1] : limit, e);
    }
    dropping_free(&d);
    return bad;
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
    return sqlite_keys_mend(s, home, &usn, 1, e); /* the row got lost */
}

enum failure sqlite_discard(struct session *base, int64_t home, const uint64_t *usns, size_t count,
                            struct error *e)
{
    struct sqlite_session *s = session_of(base);
    enum failure bad = OK;
    for (size_t i = 0; !bad && i < count; i++) {
        bad = sqlite_not_replaced(s, home, usns[i], e);
        if (!bad)
            bad = sqlite_drop_by(s, home, ITEM_DROP, usns[i], e);
    }
    return bad ? bad : sqlite_keys_mend(s, home, usns, count, e);
}

enum failure sqlite_forget(struct session *base, int64_t home, uint64_t upto, struct error *e)
{
    return drop_selected(session_of(base), home, ITEM_TOMBSTONES, ITEM_FORGET, upto, e);
}

static enum failure sweep_some(struct sqlite_session *s, int64_t home, enum item_statement which,
                               uint32_t max, uint32_t *swept, struct error *e)
{
    if (*swept >= max)
        return OK;
    enum failure bad = sqlite_drop_by(s, home, which, max - *swept, e);
    *swept += bad ? 0 : (uint32_t)sqlite3_changes(s->db);
    return bad;
}

/* Nobody looks anything up in it any more: its keys go when all is gone that they led to. */
enum failure sqlite_sweep(struct session *base, int64_t home, uint32_t max, uint32_t *swept,
                          struct error *e)
{
    struct sqlite_session *s = session_of(base);
    enum failure bad = sqlite_sweep_replaced(s, home, max, swept, e);
    if (!bad)
        bad = sweep_some(s, home, ITEM_SWEEP, max, swept, e);
    return bad ? bad : sweep_some(s, home, ITEM_LEAVES_SWEEP, max, swept, e);
}

enum failure sqlite_get(struct session *base, int64_t home, enum module module, struct bytes key,
                        struct item *item, struct error *e)
{
    struct sqlite_session *s = session_of(base);
    struct item_hash hash;
    sqlite_give_back(s);
    enum failure bad = look_up(s, home, module, key, &s->lent, item, &hash, e);
    return bad || s->lent ? bad : fail(e, FAIL_NOT_FOUND, "There is no such item.");
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

/* Items by their keys. */
struct key_walk {
    struct sqlite_session *s;
    sqlite3_stmt *row;
    enum module module;
    struct bytes prefix;
    view_visit *visit;
    void *context;
    struct error *e;
    enum failure bad;
};

static bool visit_led(const struct led *led, void *context)
{
    struct key_walk *walk = context;
    if (!bytes_start_with(led->key, walk->prefix))
        return false;
    struct item item;
    struct item_hash hash;
    sqlite_bind_u64(walk->row, 1, led->usn);
    walk->bad = read_led(walk->s, walk->row, walk->module, led->key, &item, &hash, walk->e);
    bool goes_on = !walk->bad && walk->visit(&item, hash, walk->context);
    sqlite3_reset(walk->row);
    return goes_on;
}

enum failure sqlite_walk_keys(struct session *base, int64_t home, enum module module,
                              struct bytes prefix, struct bytes from, view_visit *visit,
                              void *context, struct error *e)
{
    struct key_walk walk = {.s = session_of(base),
                            .module = module,
                            .prefix = prefix,
                            .visit = visit,
                            .context = context,
                            .e = e};
    sqlite_give_back(walk.s);
    enum failure bad = sqlite_ready_item(walk.s, home, ITEM_WALKED, &walk.row, e);
    if (!bad)
        bad = sqlite_keys_walk(walk.s, home, module, from, visit_led, &walk, e);
    return bad ? bad : walk.bad;
}

/* --- everything, damaged or not --- */

enum failure sqlite_each_row(struct sqlite_session *s, int64_t home, row_visit *visit,
                             void *context, struct error *e)
{
    struct rows rows;
    bool goes_on = true;
    enum failure bad = rows_begin(s, home, 0, &rows, e);
    if (bad)
        return bad;
    while (goes_on && rows_next(&rows)) {
        struct item item;
        struct item_hash hash;
        bool sound = sqlite_read_row(s, rows.stmt, &item, &hash, NULL) == OK;
        goes_on = visit(&item, sound, context);
    }
    return rows_end(s, &rows, e);
}

struct scan {
    view_scan_visit *visit;
    void *context;
    struct sqlite_session *s;
    sqlite3_stmt *led;
    enum module module;
    uint64_t rows, keys;
    bool unsound, ended; /* something was; by whoever visits */
    struct error *e;
    enum failure bad;
};

static void scanned(struct scan *scan, uint64_t usn, bool sound)
{
    scan->unsound |= !sound;
    scan->ended = !scan->visit(usn, sound, scan->context);
}

static bool scan_row(const struct item *item, bool sound, void *context)
{
    struct scan *scan = context;
    scan->rows++;
    scanned(scan, item->version.usn, sound);
    return !scan->ended;
}

/* Does it lead to a row of its own, that counts? */
static bool scan_key(const struct led *led, void *context)
{
    struct scan *scan = context;
    scan->keys++;
    sqlite_bind_u64(scan->led, 1, led->usn);
    sqlite3_bind_int(scan->led, 2, (int)scan->module);
    sqlite_bind_bytes(scan->led, 3, led->key);
    int code = sqlite3_step(scan->led);
    bool its = code == SQLITE_ROW && sqlite3_column_int(scan->led, 0);
    scan->bad = sqlite_done(scan->s, scan->led, code, "reading keys", scan->e);
    if (!scan->bad && !its)
        scanned(scan, led->usn, false);
    return !scan->bad && !scan->ended;
}

static enum failure scan_keys(struct scan *scan, int64_t home, struct error *e)
{
    enum failure bad = sqlite_ready_item(scan->s, home, ITEM_LED, &scan->led, e);
    for (int module = 0; !bad && !scan->ended && module < MODULES; module++) {
        scan->module = (enum module)module;
        bad = sqlite_keys_walk(scan->s, home, scan->module, BYTES_NONE, scan_key, scan, e);
        bad = bad ? bad : scan->bad;
    }
    return bad;
}

/* Rows to which no key leads. */
static enum failure scan_stray_rows(struct scan *scan, int64_t home, struct error *e)
{
    sqlite3_stmt *strays;
    enum failure bad = sqlite_ready_item(scan->s, home, ITEM_STRAY_ROWS, &strays, e);
    if (bad)
        return bad;
    int code = SQLITE_OK;
    while (!scan->ended && (code = sqlite3_step(strays)) == SQLITE_ROW)
        scanned(scan, (uint64_t)sqlite3_column_int64(strays, 0), false);
    return sqlite_done(scan->s, strays, code, "reading keys", e);
}

/* Rows that are not what was written, keys that do not lead to their own, and rows to which none
 * leads. What keys there were in a leaf that is damaged nobody can tell: that is called 0, and
 * nothing else is said of keys until it is mended. To look each row's key up takes long, and is
 * done only where that can find something: there are as many keys as rows, and each leads to its
 * own, if nothing is wrong. */
enum failure sqlite_scan(struct session *base, int64_t home, view_scan_visit *visit, void *context,
                         struct error *e)
{
    struct scan scan = {.visit = visit, .context = context, .s = session_of(base), .e = e};
    bool sound = true;
    sqlite_give_back(scan.s);
    enum failure bad = sqlite_each_row(scan.s, home, scan_row, &scan, e),
                 worse = scan.ended ? OK : sqlite_keys_are_sound(scan.s, home, &sound, e);
    bad = bad ? bad : worse;
    if (!sound && !scan.ended)
        scanned(&scan, 0, false);
    if (!sound || scan.ended)
        return bad;
    worse = scan_keys(&scan, home, e);
    bad = bad ? bad : worse;
    bool strays = scan.unsound || scan.keys != scan.rows;
    return bad || scan.ended || !strays ? bad : scan_stray_rows(&scan, home, e);
}
