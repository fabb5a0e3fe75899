#include "store/sqlite_rescue.h"

#include <stdlib.h>
#include <string.h>

/* --- items --- */

enum statement {
    ROWS_UP,
    ROWS_DOWN,
    LEAVES_UP,
    LEAVES_DOWN,
    REPLACED_UP,
    REPLACED_DOWN,
    PUT_ROW,
    PUT_KEYS,
    PUT_KEY,
    ALL_KEYS,
    DROP_KEYS,
    PUT_REPLACED,
    DROP_STRAYS,
    DROP_REPLACED,
    STATEMENTS
};

/* The home's number in the file that a statement is for stands in it, as often as need be. */
static const char *const sql_of[STATEMENTS] = {
    [ROWS_UP] = "SELECT " ITEM_COLUMNS " FROM item_%lld WHERE usn > ?1 ORDER BY usn",
    [ROWS_DOWN] = "SELECT " ITEM_COLUMNS " FROM item_%lld WHERE usn < ?1 ORDER BY usn DESC",
    [LEAVES_UP] = "SELECT module, low, leaf FROM leaf_%lld ORDER BY id",
    [LEAVES_DOWN] = "SELECT module, low, leaf FROM leaf_%lld ORDER BY id DESC",
    [REPLACED_UP] = "SELECT usn FROM replaced WHERE home = %lld ORDER BY usn",
    [REPLACED_DOWN] = "SELECT usn FROM replaced WHERE home = %lld ORDER BY usn DESC",
    [PUT_ROW] = "INSERT OR IGNORE INTO item_%lld SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7"
                " WHERE NOT EXISTS (SELECT 1 FROM replaced WHERE home = %lld AND usn = ?1)",
    [PUT_KEYS] = "INSERT INTO led SELECT module, key, max(usn) FROM item_%lld"
                 " GROUP BY module, key",
    [PUT_KEY] = "INSERT INTO led AS k SELECT ?1, ?2, ?3 WHERE NOT EXISTS"
                " (SELECT 1 FROM item_%lld WHERE usn = ?3) ON CONFLICT (module, key)"
                " DO UPDATE SET usn = excluded.usn WHERE excluded.usn > k.usn",
    [ALL_KEYS] = "SELECT module, key, usn FROM led ORDER BY module, key",
    [DROP_KEYS] = "DELETE FROM led",
    [PUT_REPLACED] = "INSERT OR IGNORE INTO replaced VALUES (%lld, ?1, 0)",
    [DROP_STRAYS] = "DELETE FROM item_%lld AS i WHERE NOT EXISTS (SELECT 1 FROM led k"
                    " WHERE k.module = i.module AND k.key = i.key AND k.usn = i.usn)",
    [DROP_REPLACED] = "DELETE FROM replaced WHERE home = %lld",
};

/* Where the keys of a home are put together before they are written. */
static const char key_table[] =
    "CREATE TEMP TABLE led (module, key, usn, PRIMARY KEY (module, key)) WITHOUT ROWID";

/* Behind one usn, up to another. */
struct gap {
    uint64_t after, upto;
};

struct rescue {
    struct sqlite_session *from, *to;
    struct rescued found;
    /* Of the one that is copied: */
    uint64_t reach;   /* no usn is above */
    struct gap *gaps; /* RESCUE_GAPS_MAX; those that were found, … */
    size_t gaps_count;
    struct gap gap;           /* … the one that is looked into, … */
    uint64_t highest, lowest; /* … and what was read of it */
    uint64_t lacks_upto;      /* the highest usn that could not be read; 0: there is none */
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

/* A page that makes no sense, or that the disk does not give back. */
static bool is_torn(int code)
{
    return (code & 0xff) == SQLITE_CORRUPT || code == SQLITE_IOERR_READ ||
           code == SQLITE_IOERR_SHORT_READ || code == SQLITE_IOERR_CORRUPTFS;
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
    if (code != SQLITE_ROW && code != SQLITE_DONE && !is_torn(code) && !r->bad)
        r->bad = sqlite_fail(r->from->db, r->from->path, "reading the damaged file", r->e);
    sqlite3_reset(stmt);
    return !is_torn(code);
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

/* Whether there was something, nobody knows. */
static void note_lack(struct rescue *r, uint64_t usn)
{
    usn = usn < r->reach ? usn : r->reach;
    r->lacks_upto = usn > r->lacks_upto ? usn : r->lacks_upto;
}

/* Bytes may have been taken for a text by damage, which comes before all bytes in any order. */
static void bind_row(sqlite3_stmt *to, sqlite3_stmt *row)
{
    for (int column = 0; column < sqlite3_column_count(row); column++) {
        if (sqlite3_column_type(row, column) == SQLITE_INTEGER)
            sqlite3_bind_value(to, column + 1, sqlite3_column_value(row, column));
        else
            sqlite_bind_bytes(to, column + 1, sqlite_column_bytes_of(row, column));
    }
}

/* Only what was written: what is not is lost, as if it could not be read. 0: it is that. */
static uint64_t put_sound(struct rescue *r, sqlite3_stmt *row)
{
    struct item item;
    struct item_hash hash;
    if (sqlite_read_row(r->from, row, &item, &hash, NULL))
        return 0;
    bind_row(r->list[PUT_ROW], row);
    r->found.items += write_with(r, PUT_ROW);
    return item.version.usn;
}

/* Up to the end of the gap that is looked into; and down to its beginning. */
static bool put_row_up(struct rescue *r, sqlite3_stmt *row)
{
    uint64_t usn = put_sound(r, row);
    r->highest = usn > r->highest ? usn : r->highest;
    return usn <= r->gap.upto;
}

static bool put_row_down(struct rescue *r, sqlite3_stmt *row)
{
    uint64_t usn = put_sound(r, row);
    r->lowest = usn && usn < r->lowest ? usn : r->lowest;
    return !usn || usn > r->gap.after;
}

static void put_key(struct rescue *r, enum module module, const struct led *led)
{
    sqlite_bind_key(r->list[PUT_KEY], module, led->key);
    sqlite_bind_u64(r->list[PUT_KEY], 3, led->usn);
    r->found.lost += write_with(r, PUT_KEY);
}

/* What a leaf that is damaged led to, its rows say themselves, as far as they are left. */
static bool put_leaf(struct rescue *r, sqlite3_stmt *row)
{
    struct leaf leaf;
    struct leaf_reader reader;
    struct led led;
    enum module module = (enum module)sqlite3_column_int(row, 0);
    if ((unsigned)module >= MODULES ||
        !leaf_read(module, sqlite_column_bytes_of(row, 1), sqlite_column_bytes_of(row, 2), &leaf))
        return true;
    leaf_reader_begin(&reader, &leaf);
    while (!r->bad && leaf_next(&reader, &led))
        put_key(r, module, &led);
    return true;
}

/* Nothing of it was read yet. */
static void note_gap(struct rescue *r, uint64_t after, uint64_t upto)
{
    if (after >= upto)
        return;
    if (r->gaps_count < RESCUE_GAPS_MAX)
        r->gaps[r->gaps_count++] = (struct gap){after, upto};
    else
        note_lack(r, upto);
}

/* Reads from behind this usn on, and from there back. What comes next where it is torn can't be
 * read, and what is between that and the end of the gap was not. */
static void look_into(struct rescue *r, struct gap gap, uint64_t at)
{
    r->gap = gap;
    r->highest = at;
    r->lowest = at + 1;
    sqlite_bind_u64(r->list[ROWS_UP], 1, at);
    if (!put_all(r, ROWS_UP, put_row_up)) {
        note_lack(r, r->highest + 1);
        note_gap(r, r->highest + 1, gap.upto);
    }
    sqlite_bind_u64(r->list[ROWS_DOWN], 1, at + 1);
    if (!put_all(r, ROWS_DOWN, put_row_down) && r->lowest > 1) {
        note_lack(r, r->lowest - 1);
        note_gap(r, gap.after, r->lowest - 2);
    }
}

/* What lies between pages that can't be read is found by halving, the widest gaps first. */
static void put_rows(struct rescue *r)
{
    r->gaps_count = 0;
    r->lacks_upto = 0;
    look_into(r, (struct gap){0, r->reach}, 0);
    for (size_t i = 0; !r->bad && i < r->gaps_count; i++) {
        struct gap gap = r->gaps[i];
        look_into(r, gap, gap.after + (gap.upto - gap.after) / 2);
    }
}

/* The keys are made anew from the rows. The old ones tell which rows got lost: they stay, and lead
 * nowhere, until what they should lead to comes from elsewhere. A row that is left by its key so
 * stays as well: it may be the key that is wrong. */
static void put_home(struct rescue *r, int64_t to_home)
{
    uint64_t rows = r->found.items;
    put_from_both_ends(r, REPLACED_UP, REPLACED_DOWN, put_replaced);
    put_rows(r);
    if (write_with(r, PUT_KEYS) != r->found.items - rows)
        r->found.items -= write_with(r, DROP_STRAYS); /* each is replaced by one with its key */
    put_from_both_ends(r, LEAVES_UP, LEAVES_DOWN, put_leaf);
    if (!r->bad)
        r->bad = sqlite_keys_put_selected(r->to, to_home, r->list[ALL_KEYS], r->e);
    write_with(r, DROP_KEYS);
    write_with(r, DROP_REPLACED);
}

/* --- all of it --- */

/* Its rows may be lost with the keys that led to them. What was deleted with them nobody can tell
 * then: whoever compares histories must not believe that it was never there. */
static void save_home(struct rescue *r, const char *name, struct home_row *row)
{
    struct session *to = &r->to->base;
    if (row->state.horizon < r->lacks_upto)
        row->state.horizon = r->lacks_upto;
    if (!r->bad)
        r->bad = to->engine->ops->home_save(to, name, row, r->e);
}

static void copy_home(struct rescue *r, const char *name, struct home_row *row)
{
    int64_t from_home = row->id;
    row->id = 0;
    r->reach = home_reach(&row->state);
    r->lacks_upto = 0;
    save_home(r, name, row); /* which makes its tables, and gives it a number */
    prepare_all(r, from_home, row->id);
    if (!r->bad)
        put_home(r, row->id);
    finalize_all(r);
    save_home(r, name, row); /* sealed with that number */
}

/* Not by name: the index of the names may be what is damaged. */
static enum failure copy_homes(struct rescue *r, struct error *e)
{
    sqlite3_stmt *stmt = NULL;
    r->bad = sqlite_prepare(r->from, "SELECT name, state, id FROM home NOT INDEXED", &stmt, e);
    int code = SQLITE_DONE;
    while (!r->bad && (code = sqlite3_step(stmt)) == SQLITE_ROW) {
        const char *name = (const char *)sqlite3_column_text(stmt, 0);
        struct home_row row = {.id = sqlite3_column_int64(stmt, 2)};
        r->bad = home_row_decode(name ? name : "?", &row, sqlite_column_bytes_of(stmt, 1), e);
        if (!r->bad && strncmp(name, HOME_DROPPED, strlen(HOME_DROPPED)) != 0)
            copy_home(r, name, &row);
    }
    enum failure bad = sqlite_done(r->from, stmt, code, "reading homes", r->bad ? NULL : e);
    sqlite3_finalize(stmt);
    return r->bad ? r->bad : bad;
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
    struct rescue r = {.from = session_of(from), .to = session_of(to), .e = e};
    r.gaps = xcalloc(RESCUE_GAPS_MAX, sizeof *r.gaps);
    enum failure bad = sqlite_run(r.to->db, r.to->path, key_table, e);
    if (!bad)
        bad = from->engine->ops->records(from, "", copy_record, &r, e);
    bad = r.bad ? r.bad : bad;
    if (!bad)
        bad = copy_homes(&r, e);
    *rescued = r.found;
    free(r.gaps);
    return bad;
}
