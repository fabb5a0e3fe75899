/* Rows that were replaced.
 *
 * Whoever changes an item writes its new row at the end of the table. The old one lies anywhere,
 * and to take it away changes a whole page for it: many changes in no order cost more by what they
 * leave than by what they write. So the old row stays for now, and only its usn is noted, in
 * `replaced`, which nobody who reads sees past. When the writer has nothing else to do, or too many
 * lie about, they go, those first that lie together. */
#include <assert.h>
#include <stdlib.h>

#include "core/limits.h"
#include "store/sqlite_keys.h"

enum {
    REPLACED_FEW = 1000,     /* not worth a flush */
    REPLACED_OVER_TIMES = 2, /* so many go for each that comes, while there are too many */
};

/* Rows are taken away in ranges, because `replaced` names them in the order in which they lie. */
struct range {
    int64_t home;
    uint64_t from, to; /* both are in it */
    struct replaced in_it;
};

static bool add_to_range(struct range *range, sqlite3_stmt *row)
{
    int64_t home = sqlite3_column_int64(row, 0);
    if (range->in_it.rows && home != range->home)
        return false;
    range->home = home;
    range->to = (uint64_t)sqlite3_column_int64(row, 1);
    if (range->in_it.rows == 0)
        range->from = range->to;
    range->in_it.rows++;
    range->in_it.bytes += sqlite3_column_int64(row, 2);
    return true;
}

/* What the statement yields, of one home. */
static enum failure read_range(struct sqlite_session *s, sqlite3_stmt *stmt, struct range *range,
                               struct error *e)
{
    int code;
    *range = (struct range){0};
    while ((code = sqlite3_step(stmt)) == SQLITE_ROW && add_to_range(range, stmt))
        ;
    return sqlite_done(s, stmt, code, "looking for replaced items", e);
}

static enum failure take_range(struct sqlite_session *s, enum item_statement which,
                               const struct range *range, struct error *e)
{
    sqlite3_stmt *stmt;
    enum failure bad = sqlite_ready_item(s, range->home, which, &stmt, e);
    if (bad)
        return bad;
    sqlite_bind_u64(stmt, 1, range->from);
    sqlite_bind_u64(stmt, 2, range->to);
    return sqlite_done(s, stmt, sqlite3_step(stmt), "taking replaced items away", e);
}

/* They are not noted any more. */
static enum failure forget_range(struct sqlite_session *s, const struct range *range,
                                 struct error *e)
{
    enum failure bad = range->in_it.rows ? take_range(s, ITEM_FORGET_REPLACED, range, e) : OK;
    if (bad)
        return bad;
    s->replaced.rows -= range->in_it.rows;
    s->replaced.bytes -= range->in_it.bytes;
    return OK;
}

enum failure sqlite_not_replaced(struct sqlite_session *s, int64_t home, uint64_t usn,
                                 struct error *e)
{
    enum failure bad = take_range(s, ITEM_FORGET_REPLACED,
                                  &(struct range){.home = home, .from = usn, .to = usn}, e);
    if (!bad && sqlite3_changes(s->db) > 0)
        s->replaced_known = false;
    return bad;
}

/* --- is it true? --- */

/* Rows and their keys, which are put into order and looked up together. */
struct doubt {
    struct key_list keys;
    uint64_t *wrong; /* usns to which their keys lead */
    size_t wrong_count;
};

static void compare_with(void *context, const struct keyed *key, uint64_t usn)
{
    struct doubt *d = context;
    if (usn == key->usn)
        d->wrong[d->wrong_count++] = usn;
}

/* If it is damaged so that no key can be the same, none leads there. */
static void note_row(struct doubt *d, uint64_t usn, int module, struct bytes key)
{
    if (module >= 0 && module < MODULES && key.size > 0 && key.size <= ITEM_KEY_MAX)
        key_list_add(&d->keys, (enum module)module, key, usn);
}

static enum failure read_doubtful(struct sqlite_session *s, const struct range *range,
                                  struct doubt *d, struct error *e)
{
    sqlite3_stmt *stmt;
    enum failure bad = sqlite_ready_item(s, range->home, ITEM_ROWS_REPLACED, &stmt, e);
    if (bad)
        return bad;
    int code;
    sqlite_bind_u64(stmt, 1, range->from);
    sqlite_bind_u64(stmt, 2, range->to);
    while ((code = sqlite3_step(stmt)) == SQLITE_ROW)
        note_row(d, (uint64_t)sqlite3_column_int64(stmt, 0), sqlite3_column_int(stmt, 1),
                 sqlite_column_bytes_of(stmt, 2));
    return sqlite_done(s, stmt, code, "looking for replaced items", e);
}

/* A row to which its key leads stays, whatever is noted of it: that is damaged then. */
static enum failure believe_keys(struct sqlite_session *s, const struct range *range,
                                 struct error *e)
{
    struct doubt d = {0};
    enum failure bad = read_doubtful(s, range, &d, e);
    d.wrong = xcalloc(d.keys.count + 1, sizeof *d.wrong);
    if (!bad)
        bad = sqlite_keys_listed(s, range->home, &d.keys, sqlite_keys_look_up, compare_with, &d, e);
    for (size_t i = 0; !bad && i < d.wrong_count; i++)
        bad = sqlite_not_replaced(s, range->home, d.wrong[i], e);
    key_list_free(&d.keys);
    free(d.wrong);
    return bad;
}

/* Where the keys are damaged, nobody can tell, and all stay until those are mended. */
static enum failure take_away(struct sqlite_session *s, const struct range *range, struct error *e)
{
    if (range->in_it.rows == 0)
        return OK;
    enum failure bad = believe_keys(s, range, e);
    if (!bad)
        bad = take_range(s, ITEM_TAKE_REPLACED, range, e);
    if (bad == FAIL_DAMAGED)
        atomic_store(&s->base.engine->damaged, true);
    return bad ? bad : forget_range(s, range, e);
}

/* How many there are is counted once, and again when a transaction was given up. */
static enum failure count(struct sqlite_session *s, struct error *e)
{
    enum failure bad = s->replaced_known
                           ? OK
                           : sqlite_ready(s, &s->replaced_count,
                                          "SELECT count(*), ifnull(sum(size), 0) FROM replaced", e);
    if (bad || s->replaced_known)
        return bad;
    int code = sqlite3_step(s->replaced_count);
    s->replaced_known = code == SQLITE_ROW;
    if (s->replaced_known) { /* asked of no row, a column's error hides why there is none */
        s->replaced.rows = sqlite3_column_int64(s->replaced_count, 0);
        s->replaced.bytes = sqlite3_column_int64(s->replaced_count, 1);
    }
    return sqlite_done(s, s->replaced_count, code, "counting replaced items", e);
}

bool sqlite_is_untidy(struct session *base)
{
    struct sqlite_session *s = session_of(base);
    return !count(s, NULL) && s->replaced.rows >= REPLACED_FEW;
}

/* From where the last time ended, and then from the beginning. */
enum failure sqlite_tidy(struct session *base, uint32_t max, struct error *e)
{
    struct sqlite_session *s = session_of(base);
    struct range range;
    enum failure bad = count(s, e);
    if (!bad)
        bad = sqlite_ready(s, &s->replaced_next,
                           "SELECT home, usn, size FROM replaced WHERE (home, usn) > (?1, ?2)"
                           " ORDER BY home, usn LIMIT ?3",
                           e);
    if (bad)
        return bad;
    sqlite3_bind_int64(s->replaced_next, 1, s->tidied_home);
    sqlite_bind_u64(s->replaced_next, 2, s->tidied_upto);
    sqlite3_bind_int64(s->replaced_next, 3, max);
    bad = read_range(s, s->replaced_next, &range, e);
    s->tidied_home = range.home;
    s->tidied_upto = range.to;
    return bad ? bad : take_away(s, &range, e);
}

static enum failure range_between(struct sqlite_session *s, int64_t home, uint64_t from,
                                  uint64_t to, uint32_t max, struct range *range, struct error *e)
{
    *range = (struct range){0};
    enum failure bad = sqlite_ready(s, &s->replaced_between,
                                    "SELECT home, usn, size FROM replaced WHERE home = ?1 AND"
                                    " usn BETWEEN ?2 AND ?3 ORDER BY usn LIMIT ?4",
                                    e);
    if (bad)
        return bad;
    sqlite3_bind_int64(s->replaced_between, 1, home);
    sqlite_bind_u64(s->replaced_between, 2, from);
    sqlite_bind_u64(s->replaced_between, 3, to);
    sqlite3_bind_int64(s->replaced_between, 4, max);
    return read_range(s, s->replaced_between, range, e);
}

enum failure sqlite_sweep_replaced(struct sqlite_session *s, int64_t home, uint32_t max,
                                   uint32_t *swept, struct error *e)
{
    struct range range;
    enum failure bad = range_between(s, home, 0, STORE_NUMBER_MAX, max, &range, e);
    if (!bad)
        bad = forget_range(s, &range, e); /* the rows go with all others */
    *swept = bad ? 0 : (uint32_t)range.in_it.rows;
    return bad;
}

enum failure sqlite_replaced_between(struct sqlite_session *s, int64_t home, uint64_t from,
                                     uint64_t to, bool *any, struct error *e)
{
    struct range range;
    enum failure bad = range_between(s, home, from, to, 1, &range, e);
    *any = range.in_it.rows > 0;
    return bad;
}

void sqlite_note_replaced(struct sqlite_session *s, const struct replaced *more)
{
    s->replaced.rows += more->rows; /* until they are counted, if they are not yet */
    s->replaced.bytes += more->bytes;
}

/* What is damaged may be another home's: that keeps nobody from writing. */
enum failure sqlite_tidy_over(struct sqlite_session *s, size_t rows, struct error *e)
{
    const struct sqlite_engine *engine = (struct sqlite_engine *)s->base.engine;
    struct error why;
    enum failure bad = count(s, e);
    bool over = s->replaced.rows > engine->replaced_max || s->replaced.bytes > REPLACED_BYTES_MAX;
    if (bad || !over)
        return bad;
    bad = sqlite_tidy(&s->base, (uint32_t)rows * REPLACED_OVER_TIMES, &why);
    if (bad && bad != FAIL_DAMAGED && e)
        *e = why;
    return bad == FAIL_DAMAGED ? OK : bad;
}
