/* Many items written together.
 *
 * A statement that is stepped once for each row spends a good part of its time on its beginning and
 * its end. So rows are fed to one: it selects them from `fed`, a table that exists only in this
 * process and yields what run.c has put into an order. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "store/sqlite_keys.h"

/* `before` is the row that the one here replaces, and `before_size` what that takes. */
static const char fed_columns[] =
    "CREATE TABLE fed (usn, module, deleted, term, key, value, hash, before, before_size)";
enum column {
    FED_USN,
    FED_MODULE,
    FED_DELETED,
    FED_TERM,
    FED_KEY,
    FED_VALUE,
    FED_HASH,
    FED_BEFORE,
    FED_BEFORE_SIZE
};

/* So many rows SQLite is to expect: it knows nothing of them, and more than a few are normal. */
enum { FED_ROWS = 10000 };

struct fed_table {
    sqlite3_vtab base;
    struct feed *feed;
};

static int table_connect(sqlite3 *db, void *context, int count, const char *const *words,
                         sqlite3_vtab **result, char **told)
{
    (void)count, (void)words, (void)told;
    int code = sqlite3_declare_vtab(db, fed_columns);
    if (code != SQLITE_OK)
        return code;
    struct fed_table *table = xcalloc(1, sizeof *table);
    table->feed = context;
    *result = &table->base;
    return SQLITE_OK;
}

static int table_disconnect(sqlite3_vtab *table)
{
    free(table);
    return SQLITE_OK;
}

static int table_plan(sqlite3_vtab *table, sqlite3_index_info *plan)
{
    (void)table;
    plan->estimatedRows = FED_ROWS;
    plan->estimatedCost = FED_ROWS;
    return SQLITE_OK;
}

static int table_open(sqlite3_vtab *table, sqlite3_vtab_cursor **result)
{
    (void)table;
    *result = xcalloc(1, sizeof **result);
    return SQLITE_OK;
}

static int table_close(sqlite3_vtab_cursor *cursor)
{
    free(cursor);
    return SQLITE_OK;
}

static struct feed *feed_of(const sqlite3_vtab_cursor *cursor)
{
    return ((struct fed_table *)cursor->pVtab)->feed;
}

static int table_begin(sqlite3_vtab_cursor *cursor, int plan, const char *name, int count,
                       sqlite3_value **values)
{
    (void)plan, (void)name, (void)count, (void)values;
    feed_of(cursor)->at = 0;
    return SQLITE_OK;
}

static int table_next(sqlite3_vtab_cursor *cursor)
{
    feed_of(cursor)->at++;
    return SQLITE_OK;
}

static int table_ended(sqlite3_vtab_cursor *cursor)
{
    const struct feed *feed = feed_of(cursor);
    return feed->at >= feed->writes->count;
}

static void yield_bytes(sqlite3_context *to, struct bytes b)
{
    sqlite3_result_blob64(to, b.size ? (const void *)b.at : "", b.size, SQLITE_STATIC);
}

static void yield_write(const struct feed *feed, sqlite3_context *to, enum column column)
{
    const struct write *w = write_at(feed->writes, feed->at);
    const struct item *item = &w->item;
    switch (column) {
    case FED_USN: sqlite3_result_int64(to, (int64_t)item->version.usn); break;
    case FED_MODULE: sqlite3_result_int(to, (int)item->module); break;
    case FED_DELETED: sqlite3_result_int(to, item->deleted); break;
    case FED_TERM: sqlite3_result_int64(to, (int64_t)item->version.term); break;
    case FED_KEY: yield_bytes(to, item->key); break;
    case FED_VALUE: yield_bytes(to, item->value); break;
    case FED_HASH: yield_bytes(to, bytes_of(&w->hash, sizeof w->hash)); break;
    case FED_BEFORE: sqlite3_result_int64(to, (int64_t)feed->writes->order[feed->at].number); break;
    case FED_BEFORE_SIZE: sqlite3_result_int64(to, w->before_size); break;
    }
}

static int table_column(sqlite3_vtab_cursor *cursor, sqlite3_context *to, int column)
{
    yield_write(feed_of(cursor), to, (enum column)column);
    return SQLITE_OK;
}

static int table_rowid(sqlite3_vtab_cursor *cursor, sqlite3_int64 *id)
{
    *id = (sqlite3_int64)feed_of(cursor)->at;
    return SQLITE_OK;
}

static sqlite3_module fed = {
    .xConnect = table_connect,
    .xDisconnect = table_disconnect,
    .xBestIndex = table_plan,
    .xOpen = table_open,
    .xClose = table_close,
    .xFilter = table_begin,
    .xNext = table_next,
    .xEof = table_ended,
    .xColumn = table_column,
    .xRowid = table_rowid,
};

enum failure sqlite_writing_open(struct sqlite_session *s, struct error *e)
{
    int code = sqlite3_create_module_v2(s->db, "fed", &fed, &s->feed, NULL);
    return code == SQLITE_OK ? OK : sqlite_fail(s->db, s->path, "opening", e);
}

/* --- the statements --- */

static enum failure fail_astray(const struct sqlite_session *s, struct error *e)
{
    return sqlite_fail_damaged(s->path, "looking an item up", e);
}

/* Lets one of the statements have it all. */
static enum failure feed_to(struct sqlite_session *s, int64_t home, enum item_statement which,
                            const struct writes *writes, const char *doing, struct error *e)
{
    sqlite3_stmt *stmt;
    s->feed = (struct feed){.writes = writes};
    enum failure bad = sqlite_ready_item(s, home, which, &stmt, e);
    return bad ? bad : sqlite_done(s, stmt, sqlite3_step(stmt), doing, e);
}

/* --- keys --- */

static bool next_lead(void *context, struct keyed *key)
{
    return leads_next(context, key);
}

static void note_before(void *context, const struct keyed *key, uint64_t usn)
{
    leads_note(context, key, usn);
}

enum failure sqlite_lead(struct session *base, int64_t home, struct leads *leads, struct error *e)
{
    struct key_source source = {.next = next_lead, .led = note_before, .context = leads};
    leads_begin(leads);
    return sqlite_keys_put(session_of(base), home, &source, e);
}

/* --- rows --- */

/* The row must be sound, and have the key that led there: its hash leaves the digest, and a damaged
 * one would make that wrong for good. */
static enum failure read_replaced(struct sqlite_session *s, sqlite3_stmt *row, struct write *w,
                                  struct found *found, struct error *e)
{
    struct item item;
    struct item_hash hash;
    enum failure bad = sqlite_read_row(s, row, &item, &hash, e);
    if (!bad && (item.module != w->item.module || !bytes_equal(item.key, w->item.key)))
        bad = fail_astray(s, e);
    *found = (struct found){item.version.usn, item.deleted, hash, item.value.size};
    w->before_size = (uint32_t)(item.key.size + item.value.size);
    return bad;
}

/* What each was, of the rows that are replaced. */
static enum failure visit_replaced(struct sqlite_session *s, int64_t home,
                                   const struct writes *writes, take_visit *visit, void *context,
                                   struct replaced *all, struct error *e)
{
    sqlite3_stmt *stmt;
    int code = SQLITE_OK;
    s->feed = (struct feed){.writes = writes};
    enum failure bad = sqlite_ready_item(s, home, ITEM_REPLACED, &stmt, e);
    while (!bad && (code = sqlite3_step(stmt)) == SQLITE_ROW) {
        struct write *w = write_at(writes, s->feed.at); /* it is the one that was asked for */
        struct found found;
        bad = read_replaced(s, stmt, w, &found, e);
        if (bad)
            break;
        visit(w, &found, context);
        all->rows++;
        all->bytes += w->before_size;
    }
    enum failure worse = sqlite_done(s, stmt, code, "reading replaced items", bad ? NULL : e);
    if (bad || worse)
        return bad ? bad : worse;
    return (size_t)all->rows < writes->count ? fail_astray(s, e) : OK;
}

enum failure sqlite_take(struct session *base, int64_t home, const struct writes *writes,
                         take_visit *visit, void *context, struct error *e)
{
    struct sqlite_session *s = session_of(base);
    struct replaced all = {0};
    enum failure bad = visit_replaced(s, home, writes, visit, context, &all, e);
    if (bad)
        return bad;
    bad = feed_to(s, home, ITEM_REPLACE, writes, "replacing items", e);
    if (bad && sqlite3_extended_errcode(s->db) == SQLITE_CONSTRAINT_PRIMARYKEY)
        return fail_astray(s, e); /* its key led to a row that had been replaced before */
    if (!bad)
        sqlite_note_replaced(s, &all);
    return bad;
}

/* A usn comes again where a copy went back, or is brought the same again: then the row that had it
 * goes now. The item's own key leads there already, so that proves nothing. */
static enum failure make_room(struct sqlite_session *s, int64_t home, const struct writes *writes,
                              struct error *e)
{
    uint64_t from = write_at(writes, 0)->item.version.usn;
    uint64_t to = write_at(writes, writes->count - 1)->item.version.usn;
    bool any;
    enum failure bad = sqlite_replaced_between(s, home, from, to, &any, e);
    if (bad || !any)
        return bad;
    s->replaced_known = false;
    bad = feed_to(s, home, ITEM_MAKE_ROOM, writes, "making room for items", e);
    return bad ? bad : feed_to(s, home, ITEM_HAS_ROOM, writes, "making room for items", e);
}

enum failure sqlite_insert(struct session *base, int64_t home, const struct writes *writes,
                           struct error *e)
{
    struct sqlite_session *s = session_of(base);
    enum failure bad = make_room(s, home, writes, e);
    if (!bad)
        bad = feed_to(s, home, ITEM_INSERT, writes, "writing items", e);
    bool clash = bad && sqlite3_extended_errcode(s->db) == SQLITE_CONSTRAINT_PRIMARYKEY;
    if (!bad)
        bad = sqlite_tidy_over(s, writes->count, e);
    return clash ? usn_is_taken(write_at(writes, s->feed.at)->item.version.usn, e) : bad;
}
