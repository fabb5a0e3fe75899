#include "store/sqlite_rescue.h"

#include <string.h>

/* --- items --- */

enum statement {
    ROWS_UP,
    ROWS_DOWN,
    KEYS_UP,
    KEYS_DOWN,
    REPLACED_UP,
    REPLACED_DOWN,
    PUT_ROW,
    PUT_KEYS,
    PUT_KEY,
    PUT_REPLACED,
    DROP_STRAYS,
    DROP_REPLACED,
    STATEMENTS
};

/* The home's number in the file that a statement is for stands in it, as often as need be. */
static const char *const sql_of[STATEMENTS] = {
    [ROWS_UP] = "SELECT " ITEM_COLUMNS " FROM item_%lld WHERE usn > ?1 ORDER BY usn",
    [ROWS_DOWN] = "SELECT " ITEM_COLUMNS " FROM item_%lld WHERE usn < ?1 ORDER BY usn DESC",
    [KEYS_UP] = "SELECT module, key, usn FROM key_%lld ORDER BY module, key",
    [KEYS_DOWN] = "SELECT module, key, usn FROM key_%lld ORDER BY module DESC, key DESC",
    [REPLACED_UP] = "SELECT usn FROM replaced WHERE home = %lld ORDER BY usn",
    [REPLACED_DOWN] = "SELECT usn FROM replaced WHERE home = %lld ORDER BY usn DESC",
    [PUT_ROW] = "INSERT OR IGNORE INTO item_%lld SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7"
                " WHERE NOT EXISTS (SELECT 1 FROM replaced WHERE home = %lld AND usn = ?1)",
    [PUT_KEYS] = "INSERT INTO key_%lld SELECT module, key, max(usn) FROM item_%lld"
                 " GROUP BY module, key",
    [PUT_KEY] = "INSERT INTO key_%lld AS k SELECT ?1, ?2, ?3 WHERE NOT EXISTS"
                " (SELECT 1 FROM item_%lld WHERE usn = ?3) ON CONFLICT (module, key)"
                " DO UPDATE SET usn = excluded.usn WHERE excluded.usn > k.usn",
    [PUT_REPLACED] = "INSERT OR IGNORE INTO replaced VALUES (%lld, ?1, 0)",
    [DROP_STRAYS] = "DELETE FROM item_%lld AS i WHERE NOT EXISTS (SELECT 1 FROM key_%lld k"
                    " WHERE k.module = i.module AND k.key = i.key AND k.usn = i.usn)",
    [DROP_REPLACED] = "DELETE FROM replaced WHERE home = %lld",
};

struct rescue {
    struct sqlite_session *from, *to;
    struct rescued found;
    /* Of the one that is copied: */
    uint64_t reach; /* no usn is above */
    uint64_t upto;  /* so far its rows were read */
    sqlite3_stmt *list[STATEMENTS];
    struct error *e;
    enum failure bad;
};

static bool reads(enum statement which)
{
    return which < PUT_ROW;
}

static struct sqlite_session *session_for(const struct rescue *r, enum statement which)
{
    return reads(which) ? r->from : r->to;
}

static void prepare_all(struct rescue *r, int64_t from_home, int64_t to_home)
{
    for (int which = 0; !r->bad && which < STATEMENTS; which++) {
        long long n = reads((enum statement)which) ? from_home : to_home;
        char *sql = sqlite3_mprintf(sql_of[which], n, n);
        r->bad = sqlite_prepare(session_for(r, (enum statement)which), sql, &r->list[which], r->e);
        sqlite3_free(sql);
    }
}

static void finalize_all(struct rescue *r)
{
    for (int which = 0; which < STATEMENTS; which++)
        sqlite3_finalize(TAKE(r->list[which]));
}

/* Carries out one that writes; how many rows it changed. */
static uint64_t write_with(struct rescue *r, enum statement which)
{
    enum failure bad = sqlite_done(r->to, r->list[which], sqlite3_step(r->list[which]),
                                   "making a new file", r->bad ? NULL : r->e);
    r->bad = r->bad ? r->bad : bad;
    return bad ? 0 : (uint64_t)sqlite3_changes64(r->to->db);
}

/* What to do with a row that was read; false: the rest is known already. */
typedef bool put_one(struct rescue *r, sqlite3_stmt *row);

/* Puts what a statement yields. False: something damaged is in the way. */
static bool put_all(struct rescue *r, enum statement which, put_one *put)
{
    sqlite3_stmt *stmt = r->list[which];
    int code;
    while ((code = sqlite3_step(stmt)) == SQLITE_ROW && put(r, stmt) && !r->bad)
        ;
    bool torn = (code & 0xff) == SQLITE_CORRUPT;
    enum failure bad = sqlite_done(r->from, stmt, code, "reading the damaged file", NULL);
    if (bad && !torn && !r->bad)
        r->bad = sqlite_fail(r->from->db, r->from->path, "reading the damaged file", r->e);
    return !torn;
}

/* What has no numbers to seek it by: from both ends, as far as that goes. */
static void put_from_both_ends(struct rescue *r, enum statement up, enum statement down,
                               put_one *put)
{
    if (!put_all(r, up, put) && !r->bad)
        put_all(r, down, put);
}

static bool put_replaced(struct rescue *r, sqlite3_stmt *row)
{
    sqlite3_bind_value(r->list[PUT_REPLACED], 1, sqlite3_column_value(row, 0));
    write_with(r, PUT_REPLACED);
    return true;
}

/* Only what was written: what is not is lost, as if it could not be read. 0: it is that. */
static uint64_t put_sound(struct rescue *r, sqlite3_stmt *row)
{
    struct item item;
    struct item_hash hash;
    if (sqlite_read_row(r->from, row, &item, &hash, NULL))
        return 0;
    for (int column = 0; column < sqlite3_column_count(row); column++)
        sqlite3_bind_value(r->list[PUT_ROW], column + 1, sqlite3_column_value(row, column));
    r->found.items += write_with(r, PUT_ROW);
    return item.version.usn;
}

static bool put_row_up(struct rescue *r, sqlite3_stmt *row)
{
    uint64_t usn = put_sound(r, row);
    r->upto = usn > r->upto ? usn : r->upto;
    return true;
}

static bool put_row_down(struct rescue *r, sqlite3_stmt *row)
{
    uint64_t usn = put_sound(r, row);
    return !usn || usn > r->upto;
}

/* Keys have no hash: a number that no row can have is not believed, nor one whose row has another
 * key. */
static bool put_key(struct rescue *r, sqlite3_stmt *row)
{
    int64_t usn = sqlite3_column_int64(row, 2);
    bool makes_sense = usn > 0 && (uint64_t)usn <= r->reach &&
                       (unsigned)sqlite3_column_int(row, 0) < MODULES &&
                       sqlite3_column_bytes(row, 1) > 0;
    if (!makes_sense)
        return true;
    for (int column = 0; column < 3; column++)
        sqlite3_bind_value(r->list[PUT_KEY], column + 1, sqlite3_column_value(row, column));
    r->found.lost += write_with(r, PUT_KEY);
    return true;
}

static bool can_be_read_after(struct rescue *r, uint64_t usn)
{
    sqlite_bind_u64(r->list[ROWS_UP], 1, usn);
    bool can = (sqlite3_step(r->list[ROWS_UP]) & 0xff) != SQLITE_CORRUPT;
    sqlite3_reset(r->list[ROWS_UP]);
    return can;
}

/* Up to a page that can't be read; then from the first place that can be found behind it, back to
 * that page; and on from there. Each step that finds nothing is twice as long as the one before. */
static void put_rows(struct rescue *r)
{
    r->upto = 0;
    while (!r->bad) {
        sqlite_bind_u64(r->list[ROWS_UP], 1, r->upto);
        if (put_all(r, ROWS_UP, put_row_up) || r->upto >= r->reach)
            return;
        uint64_t left = r->reach - r->upto, step = 1;
        while (step < left && !can_be_read_after(r, r->upto + step))
            step = step < left / 2 ? step * 2 : left;
        sqlite_bind_u64(r->list[ROWS_DOWN], 1, r->upto + step + 1);
        put_all(r, ROWS_DOWN, put_row_down);
        r->upto += step;
    }
}

/* The keys are made anew from the rows. The old ones tell which rows got lost: they stay, and lead
 * nowhere, until what they should lead to comes from elsewhere. A row that is left by its key so
 * stays as well: it may be the key that is wrong. */
static void put_home(struct rescue *r)
{
    uint64_t rows = r->found.items;
    put_from_both_ends(r, REPLACED_UP, REPLACED_DOWN, put_replaced);
    put_rows(r);
    if (write_with(r, PUT_KEYS) != r->found.items - rows)
        r->found.items -= write_with(r, DROP_STRAYS); /* each is replaced by one with its key */
    put_from_both_ends(r, KEYS_UP, KEYS_DOWN, put_key);
    write_with(r, DROP_REPLACED);
}

/* --- all of it --- */

static bool copy_home(const char *name, void *context)
{
    struct rescue *r = context;
    struct session *from = &r->from->base, *to = &r->to->base;
    const struct engine_ops *ops = from->engine->ops;
    struct home_row row;
    if (strncmp(name, HOME_DROPPED, strlen(HOME_DROPPED)) == 0)
        return true;
    r->bad = ops->home_load(from, name, &row, r->e);
    int64_t from_home = row.id;
    row.id = 0;
    if (!r->bad)
        r->bad = ops->home_save(to, name, &row, r->e);
    if (!r->bad)
        r->bad = ops->home_save(to, name, &row, r->e); /* sealed with the number that it has now */
    r->reach = home_reach(&row.state);
    prepare_all(r, from_home, row.id);
    if (!r->bad)
        put_home(r);
    finalize_all(r);
    return !r->bad;
}

static bool copy_record(const char *name, void *context)
{
    struct rescue *r = context;
    OWNED(buffer_free) struct buffer sealed = {0};
    const struct engine_ops *ops = r->from->base.engine->ops;
    r->bad = ops->record_get(&r->from->base, name, &sealed, r->e);
    if (!r->bad)
        r->bad = ops->record_put(&r->to->base, name, buffer_view(&sealed), r->e);
    return !r->bad;
}

enum failure sqlite_rescue(struct session *from, struct session *to, struct rescued *rescued,
                           struct error *e)
{
    const struct engine_ops *ops = from->engine->ops;
    struct rescue r = {.from = session_of(from), .to = session_of(to), .e = e};
    enum failure bad = ops->records(from, "", copy_record, &r, e);
    if (!bad && !r.bad)
        bad = ops->homes(from, copy_home, &r, e);
    *rescued = r.found;
    return r.bad ? r.bad : bad;
}
