/* Leaves that are damaged, or lost: what they led to is known from the rows themselves.
 *
 * Each leaf says where it begins and ends, so that one is missing shows as a gap between others;
 * and one that is older than its neighbours, because writing it was lost, as one that reaches over
 * them. What can't be believed becomes an empty leaf, and the keys of all rows that belong there
 * are put into that. */
#include <stdlib.h>
#include <string.h>

#include "store/sqlite_keys.h"

/* --- what can be believed --- */

struct gap {
    struct leaf leaf; /* empty, for its place */
    struct buffer low, high;
};

struct mend {
    struct sqlite_session *s;
    int64_t home;
    struct gap *gaps; /* in order */
    size_t gaps_count;
    int64_t *dropped; /* leaves that are not believed */
    size_t dropped_count;
    /* What was read last of a module: from where to where, by one leaf, or several that reach over
     * each other, of which nobody can tell which are old. At first up to the beginning. */
    int module;
    struct buffer low, high;
    bool last, spoiled;
    int64_t id;
    struct key_list keys; /* that belong into gaps */
    enum failure bad;
    struct error *e;
};

static void mend_free(struct mend *m)
{
    for (size_t i = 0; i < m->gaps_count; i++) {
        buffer_free(&m->gaps[i].low);
        buffer_free(&m->gaps[i].high);
    }
    buffer_free(&m->low);
    buffer_free(&m->high);
    key_list_free(&m->keys);
    free(m->gaps);
    free(m->dropped);
}

static void set(struct buffer *buffer, struct bytes bytes)
{
    buffer_clear(buffer);
    buffer_raw(buffer, bytes.at, bytes.size);
}

static void note_gap(struct mend *m, struct bytes low, struct bytes high, bool last)
{
    m->gaps = xrealloc(m->gaps, (m->gaps_count + 1) * sizeof *m->gaps);
    struct gap *gap = &m->gaps[m->gaps_count++];
    *gap = (struct gap){.leaf = {.module = (enum module)m->module, .last = last}};
    set(&gap->low, low);
    set(&gap->high, high);
    gap->leaf.low = buffer_view(&gap->low);
    gap->leaf.high = buffer_view(&gap->high);
}

static void note_dropped(struct mend *m, int64_t id)
{
    m->dropped = xrealloc(m->dropped, (m->dropped_count + 1) * sizeof *m->dropped);
    m->dropped[m->dropped_count++] = id;
}

/* What was read last is complete. */
static void settle(struct mend *m)
{
    if (m->spoiled)
        note_gap(m, buffer_view(&m->low), buffer_view(&m->high), m->last);
    m->spoiled = false;
}

/* Up to a leaf of this module; MODULES: there is none any more. */
static void go_to_module(struct mend *m, int module)
{
    for (; m->module < module; m->module++) {
        settle(m);
        if (!m->last)
            note_gap(m, buffer_view(&m->high), BYTES_NONE, true);
        buffer_clear(&m->high);
        m->last = false;
        m->id = 0;
    }
}

static bool reaches_over(const struct mend *m, const struct leaf *leaf)
{
    return m->id && (m->last || bytes_compare(leaf->low, buffer_view(&m->high)) < 0);
}

static void spoil(struct mend *m, int64_t id, const struct leaf *leaf)
{
    if (!m->spoiled)
        note_dropped(m, m->id);
    note_dropped(m, id);
    m->spoiled = true;
    if (leaf->last || bytes_compare(leaf->high, buffer_view(&m->high)) > 0)
        set(&m->high, leaf->high);
    m->last |= leaf->last;
}

static void note_sound(struct mend *m, int64_t id, const struct leaf *leaf)
{
    go_to_module(m, (int)leaf->module);
    if (reaches_over(m, leaf)) {
        spoil(m, id, leaf);
        return;
    }
    settle(m);
    if (!bytes_equal(leaf->low, buffer_view(&m->high)))
        note_gap(m, buffer_view(&m->high), leaf->low, false);
    set(&m->low, leaf->low);
    set(&m->high, leaf->high);
    m->last = leaf->last;
    m->id = id;
}

/* Where it begins may have the right bytes and another type: then it stands where it does not
 * belong, and all others would be taken for what reaches over it. */
static bool read_leaf(sqlite3_stmt *row, struct leaf *leaf)
{
    int module = sqlite3_column_int(row, 1);
    return sqlite3_column_type(row, 1) == SQLITE_INTEGER &&
           sqlite3_column_type(row, 2) == SQLITE_BLOB && module >= 0 && module < MODULES &&
           leaf_read((enum module)module, sqlite_column_bytes_of(row, 2),
                     sqlite_column_bytes_of(row, 3), leaf);
}

static enum failure read_leaves(struct mend *m, struct error *e)
{
    sqlite3_stmt *stmt;
    enum failure bad = sqlite_ready_item(m->s, m->home, ITEM_LEAVES, &stmt, e);
    if (bad)
        return bad;
    int code;
    while ((code = sqlite3_step(stmt)) == SQLITE_ROW) {
        struct leaf leaf;
        int64_t id = sqlite3_column_int64(stmt, 0);
        if (read_leaf(stmt, &leaf))
            note_sound(m, id, &leaf);
        else
            note_dropped(m, id);
    }
    go_to_module(m, MODULES);
    return sqlite_done(m->s, stmt, code, "reading keys", e);
}

enum failure sqlite_keys_are_sound(struct sqlite_session *s, int64_t home, bool *sound,
                                   struct error *e)
{
    struct mend m = {.s = s, .home = home};
    enum failure bad = read_leaves(&m, e);
    *sound = m.gaps_count == 0 && m.dropped_count == 0;
    mend_free(&m);
    return bad;
}

static enum failure put_empty_ones(struct mend *m, struct error *e)
{
    enum failure bad = OK;
    for (size_t i = 0; !bad && i < m->dropped_count; i++)
        bad = sqlite_drop_by(m->s, m->home, ITEM_LEAF_DROP, (uint64_t)m->dropped[i], e);
    for (size_t i = 0; !bad && i < m->gaps_count; i++)
        bad = sqlite_leaf_write(m->s, m->home, 0, &m->gaps[i].leaf, e);
    return bad;
}

/* --- and what belongs there --- */

static int by_gap(const void *item, const void *gap)
{
    const struct item *wanted = item;
    const struct leaf *leaf = &((const struct gap *)gap)->leaf;
    if (wanted->module != leaf->module)
        return wanted->module < leaf->module ? -1 : 1;
    if (bytes_compare(wanted->key, leaf->low) < 0)
        return -1;
    return leaf_covers(leaf, wanted->module, wanted->key) ? 0 : 1;
}

/* Of two rows with one key the newer one counts. */
static bool next_key(void *context, struct keyed *key)
{
    struct sheaves *sheaves = context;
    bool any;
    while ((any = sheaves_next(sheaves, key)) && sheaves_repeat(sheaves, key))
        ;
    return any;
}

/* Those that were noted. */
static enum failure put_keys(struct mend *m, struct error *e)
{
    if (m->keys.count == 0)
        return OK;
    struct sheaf *sheaf = key_list_tie(&m->keys);
    struct sheaves *sheaves = sheaves_new();
    struct key_source source = {.next = next_key, .context = sheaves};
    sheaves_add(sheaves, sheaf, 0);
    sheaves_begin(sheaves);
    enum failure bad = sqlite_keys_put(m->s, m->home, &source, e);
    sheaves_free(sheaves);
    sheaf_free(sheaf);
    return bad;
}

enum { NOTED_MAX = 50000 }; /* keys; then they are put where they belong, and others noted */

static bool note_row(const struct item *item, bool sound, void *context)
{
    struct mend *m = context;
    if (!sound || !bsearch(item, m->gaps, m->gaps_count, sizeof *m->gaps, by_gap))
        return true;
    key_list_add(&m->keys, item->module, item->key, item->version.usn);
    if (m->keys.count == NOTED_MAX)
        m->bad = put_keys(m, m->e);
    return !m->bad;
}

static enum failure fill_gaps(struct mend *m, struct error *e)
{
    if (m->gaps_count == 0) /* what was dropped lay where another one is */
        return OK;
    m->e = e;
    enum failure bad = sqlite_each_row(m->s, m->home, note_row, m, e);
    if (!bad)
        bad = m->bad;
    return bad ? bad : put_keys(m, e);
}

/* What says where the leaves lie may be what is damaged: it is made anew first. */
static enum failure mend(struct sqlite_session *s, int64_t home, struct error *e)
{
    struct mend m = {.s = s, .home = home};
    sqlite3_stmt *index;
    enum failure bad = sqlite_ready_item(s, home, ITEM_LEAVES_ORDER, &index, e);
    if (!bad)
        bad = sqlite_done(s, index, sqlite3_step(index), "putting keys into order", e);
    if (!bad)
        bad = read_leaves(&m, e);
    if (!bad)
        bad = put_empty_ones(&m, e);
    if (!bad)
        bad = fill_gaps(&m, e);
    mend_free(&m);
    return bad;
}

/* --- keys that lead to what is dropped --- */

struct astray {
    const uint64_t *usns; /* ascending */
    size_t count;
    enum module module;
    struct key_list keys;
};

static int by_number(const void *left, const void *right)
{
    const uint64_t *a = left, *b = right;
    return *a < *b ? -1 : *a > *b;
}

static bool note_astray(const struct led *led, void *context)
{
    struct astray *astray = context;
    if (bsearch(&led->usn, astray->usns, astray->count, sizeof *astray->usns, by_number))
        key_list_add(&astray->keys, astray->module, led->key, led->usn);
    return true;
}

static void ignore_dropped(void *context, const struct keyed *key, uint64_t usn)
{
    (void)context;
    (void)key;
    (void)usn;
}

static enum failure drop_astray(struct sqlite_session *s, int64_t home, struct astray *astray,
                                struct error *e)
{
    enum failure bad = OK;
    for (int module = 0; !bad && module < MODULES; module++) {
        astray->module = (enum module)module;
        bad = sqlite_keys_walk(s, home, astray->module, BYTES_NONE, note_astray, astray, e);
    }
    if (!bad)
        bad = sqlite_keys_listed(s, home, &astray->keys, sqlite_keys_drop, ignore_dropped, NULL, e);
    key_list_free(&astray->keys);
    return bad;
}

enum failure sqlite_keys_mend(struct sqlite_session *s, int64_t home, const uint64_t *usns,
                              size_t count, struct error *e)
{
    bool sound;
    enum failure bad = sqlite_keys_are_sound(s, home, &sound, e);
    if (!bad && !sound)
        bad = mend(s, home, e);
    OWNED(free_memory) uint64_t *sorted = xcalloc(count + 1, sizeof *sorted);
    memcpy(sorted, usns, count * sizeof *sorted);
    qsort(sorted, count, sizeof *sorted, by_number);
    struct astray astray = {.usns = sorted, .count = count};
    return bad ? bad : drop_astray(s, home, &astray, e);
}
