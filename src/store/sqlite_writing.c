/* Many items written together.
 *
 * A statement that is stepped once for each row spends a good part of its time on its beginning and
 * its end. So rows are fed to one: it selects them from `fed`, a table that exists only in this
 * process and yields what run.c has put into an order. What it finds, it tells by calling a
 * function of ours. Keys are written one by one: a statement of many that calls a function has
 * SQLite keep each page that it changes aside until its end, and that costs what feeding it would
 * gain. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "store/sqlite_session.h"

/* `before` is the row that the one here replaces. */
static const char fed_columns[] =
    "CREATE TABLE fed (usn, module, deleted, term, key, value, hash, before)";
enum column {
    FED_USN,
    FED_MODULE,
    FED_DELETED,
    FED_TERM,
    FED_KEY,
    FED_VALUE,
    FED_HASH,
    FED_BEFORE
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

static int table_column(sqlite3_vtab_cursor *cursor, sqlite3_context *to, int column)
{
    const struct feed *feed = feed_of(cursor);
    const struct write *w = write_at(feed->writes, feed->at);
    const struct item *item = &w->item;
    switch ((enum column)column) {
    case FED_USN: sqlite3_result_int64(to, (int64_t)item->version.usn); break;
    case FED_MODULE: sqlite3_result_int(to, (int)item->module); break;
    case FED_DELETED: sqlite3_result_int(to, item->deleted); break;
    case FED_TERM: sqlite3_result_int64(to, (int64_t)item->version.term); break;
    case FED_KEY: yield_bytes(to, item->key); break;
    case FED_VALUE: yield_bytes(to, item->value); break;
    case FED_HASH: yield_bytes(to, bytes_of(&w->hash, sizeof w->hash)); break;
    case FED_BEFORE: sqlite3_result_int64(to, (int64_t)w->before); break;
    }
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

/* --- what is found --- */

static enum failure astray(const struct feed *feed, struct error *e)
{
    return sqlite_fail_damaged(feed->path, "looking an item up", e);
}

/* Of a key that was there already: where it led. */
static void led_to(sqlite3_context *call, int count, sqlite3_value **values)
{
    struct feed *feed = sqlite3_user_data(call);
    struct write *w = write_at(feed->writes, feed->at);
    int64_t before = sqlite3_value_int64(values[0]);
    assert(count == 2 && (uint64_t)sqlite3_value_int64(values[1]) == w->item.version.usn);
    if (before <= 0)
        feed->bad = FAIL_DAMAGED;
    w->before = before > 0 ? (uint64_t)before : 0;
    sqlite3_result_value(call, values[1]);
}

static struct bytes bytes_of_value(sqlite3_value *value)
{
    const void *at = sqlite3_value_blob(value);
    return bytes_of(at, (size_t)sqlite3_value_bytes(value));
}

/* The row must be sound, and have the key that led there: its hash leaves the digest, and a damaged
 * one would make that wrong for good. */
static enum failure read_taken(const struct feed *feed, const struct write *w,
                               sqlite3_value **values, struct found *found)
{
    struct item item = {
        .module = (enum module)sqlite3_value_int(values[1]),
        .deleted = sqlite3_value_int(values[2]) != 0,
        .version = {.usn = (uint64_t)sqlite3_value_int64(values[0]),
                    .term = (uint64_t)sqlite3_value_int64(values[3])},
        .key = bytes_of_value(values[4]),
        .value = bytes_of_value(values[5]),
    };
    struct bytes stored = bytes_of_value(values[6]);
    struct item_hash hash = {0};
    if (stored.size == sizeof hash)
        memcpy(&hash, stored.at, sizeof hash);
    enum failure bad = row_check(&item, hash, feed->e);
    if (!bad && (item.module != w->item.module || !bytes_equal(item.key, w->item.key)))
        bad = astray(feed, feed->e);
    *found = (struct found){item.version.usn, item.deleted, hash, item.value.size};
    return bad;
}

/* Of a row that is about to be taken away: whether it may. SQLite comes by rows in the order of
 * their usns, and in that order they were fed. */
static void taken(sqlite3_context *call, int count, sqlite3_value **values)
{
    struct feed *feed = sqlite3_user_data(call);
    uint64_t usn = (uint64_t)sqlite3_value_int64(values[0]);
    assert(count == 7);
    const struct writes *writes = feed->writes;
    while (feed->seen < writes->count && write_at(writes, feed->seen)->before < usn)
        feed->seen++;
    const struct write *w = feed->seen < writes->count ? write_at(writes, feed->seen) : NULL;
    struct found found;
    if (!feed->bad)
        feed->bad =
            w && w->before == usn ? read_taken(feed, w, values, &found) : astray(feed, feed->e);
    if (!feed->bad) {
        feed->visit(w, &found, feed->context);
        feed->taken++;
    }
    sqlite3_result_int(call, !feed->bad);
}

enum failure sqlite_writing_open(struct sqlite_session *s, struct error *e)
{
    enum { FLAGS = SQLITE_UTF8 | SQLITE_DIRECTONLY };
    struct feed *feed = &s->feed;
    feed->path = s->path;
    bool ready = sqlite3_create_module_v2(s->db, "fed", &fed, feed, NULL) == SQLITE_OK &&
                 sqlite3_create_function_v2(s->db, "led_to", 2, FLAGS, feed, led_to, NULL, NULL,
                                            NULL) == SQLITE_OK &&
                 sqlite3_create_function_v2(s->db, "taken", 7, FLAGS, feed, taken, NULL, NULL,
                                            NULL) == SQLITE_OK;
    return ready ? OK : sqlite_fail(s->db, s->path, "opening", e);
}

/* --- the statements --- */

static void begin_feed(struct feed *feed, const struct writes *writes, struct error *e)
{
    feed->writes = writes;
    feed->at = feed->seen = feed->taken = 0;
    feed->bad = OK;
    feed->e = e;
}

/* Lets one of the statements have it all. */
static enum failure feed_to(struct sqlite_session *s, int64_t home, enum item_statement which,
                            const struct writes *writes, const char *doing, struct error *e)
{
    sqlite3_stmt *stmt;
    struct feed *feed = &s->feed;
    begin_feed(feed, writes, e);
    enum failure bad = sqlite_ready_item(s, home, which, &stmt, e);
    if (bad)
        return bad;
    int code = sqlite3_step(stmt);
    bad = sqlite_done(s, stmt, code, doing, feed->bad ? NULL : e);
    return feed->bad ? feed->bad : bad;
}

enum failure sqlite_lead(struct session *base, int64_t home, const struct writes *writes,
                         struct error *e)
{
    struct sqlite_session *s = session_of(base);
    struct feed *feed = &s->feed;
    sqlite3_stmt *stmt;
    begin_feed(feed, writes, e);
    enum failure bad = sqlite_ready_item(s, home, ITEM_LEAD, &stmt, e);
    for (; !bad && feed->at < writes->count; feed->at++) {
        struct write *w = write_at(writes, feed->at);
        w->before = 0;
        sqlite_bind_key(stmt, w->item.module, w->item.key);
        sqlite_bind_u64(stmt, 3, w->item.version.usn);
        bad = sqlite_done(s, stmt, sqlite3_step(stmt), "writing a key", e);
        bad = feed->bad ? astray(feed, e) : bad;
    }
    return bad;
}

enum failure sqlite_take(struct session *base, int64_t home, const struct writes *writes,
                         take_visit *visit, void *context, struct error *e)
{
    struct sqlite_session *s = session_of(base);
    s->feed.visit = visit;
    s->feed.context = context;
    enum failure bad = feed_to(s, home, ITEM_TAKE, writes, "dropping items", e);
    return !bad && s->feed.taken < writes->count ? astray(&s->feed, e) : bad;
}

enum failure sqlite_insert(struct session *base, int64_t home, const struct writes *writes,
                           struct error *e)
{
    struct sqlite_session *s = session_of(base);
    enum failure bad = feed_to(s, home, ITEM_INSERT, writes, "writing items", e);
    bool clash = bad && sqlite3_extended_errcode(s->db) == SQLITE_CONSTRAINT_PRIMARYKEY;
    return clash ? usn_is_taken(write_at(writes, s->feed.at)->item.version.usn, e) : bad;
}
