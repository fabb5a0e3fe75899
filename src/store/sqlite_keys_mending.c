/* Leaves that are damaged, or lost: what they led to is known from the rows themselves.
 *
 * Each leaf says where it begins and ends, so that one is missing shows as a gap between others. It
 * becomes an empty leaf, and the keys of all rows that belong there are put into that. */
#include <stdlib.h>
#include <string.h>

#include "store/sqlite_keys.h"

/* --- is there anything? --- */

static enum failure module_is_sound(struct sqlite_session *s, int64_t home, enum module module,
                                    bool *sound, struct error *e)
{
    OWNED(buffer_free) struct buffer at = {0};
    struct lying lying;
    enum failure bad;
    bool last;
    do {
        bad = sqlite_leaf_find(s, home, module, buffer_view(&at), &lying, e);
        if (bad)
            return bad;
        *sound = lying.sound && bytes_equal(lying.leaf.low, buffer_view(&at));
        last = lying.leaf.last;
        buffer_clear(&at);
        buffer_raw(&at, lying.leaf.high.at, lying.leaf.high.size);
        sqlite_leaf_give_back(&lying);
    } while (*sound && !last);
    return OK;
}

enum failure sqlite_keys_are_sound(struct sqlite_session *s, int64_t home, bool *sound,
                                   struct error *e)
{
    enum failure bad = OK;
    *sound = true;
    for (int module = 0; !bad && *sound && module < MODULES; module++)
        bad = module_is_sound(s, home, (enum module)module, sound, e);
    return bad;
}

/* --- what is missing --- */

enum {
    /* So many keys are put back at once. The rows of what remains are found to have none, and come
     * from the other pool. */
    MENDED_KEYS_MAX = 200000,
};

struct gap {
    struct leaf leaf; /* empty, for its place */
    struct buffer low, high;
};

struct mend {
    struct sqlite_session *s;
    int64_t home;
    struct gap *gaps; /* in order */
    size_t gaps_count;
    int64_t *dropped; /* leaves that are not what was written */
    size_t dropped_count;
    /* Where the next leaf should begin. */
    int module;
    struct buffer low;
    /* Keys that belong into gaps, and where each begins in `keys`. */
    struct buffer keys;
    struct keyed *list;
    size_t *begins;
    size_t count;
};

static void mend_free(struct mend *m)
{
    for (size_t i = 0; i < m->gaps_count; i++) {
        buffer_free(&m->gaps[i].low);
        buffer_free(&m->gaps[i].high);
    }
    buffer_free(&m->low);
    buffer_free(&m->keys);
    free(m->gaps);
    free(m->dropped);
    free(m->list);
    free(m->begins);
}

static void note_gap(struct mend *m, struct bytes high, bool last)
{
    m->gaps = xrealloc(m->gaps, (m->gaps_count + 1) * sizeof *m->gaps);
    struct gap *gap = &m->gaps[m->gaps_count++];
    *gap = (struct gap){.leaf = {.module = (enum module)m->module, .last = last}};
    buffer_raw(&gap->low, m->low.at, m->low.size);
    buffer_raw(&gap->high, high.at, high.size);
    gap->leaf.low = buffer_view(&gap->low);
    gap->leaf.high = buffer_view(&gap->high);
}

/* Up to a leaf of this module; MODULES: there is none any more. */
static void go_to_module(struct mend *m, int module)
{
    for (; m->module < module; m->module++) {
        note_gap(m, BYTES_NONE, true);
        buffer_clear(&m->low);
    }
}

static void note_sound(struct mend *m, const struct leaf *leaf)
{
    go_to_module(m, (int)leaf->module);
    if (!bytes_equal(leaf->low, buffer_view(&m->low)))
        note_gap(m, leaf->low, false);
    buffer_clear(&m->low);
    buffer_raw(&m->low, leaf->high.at, leaf->high.size);
    m->module += leaf->last;
}

/* What is sound, but begins where another one has not ended, does not count. */
static bool comes_next(const struct mend *m, const struct leaf *leaf)
{
    int module = (int)leaf->module;
    return module > m->module ||
           (module == m->module && bytes_compare(leaf->low, buffer_view(&m->low)) >= 0);
}

static void note_leaf(struct mend *m, sqlite3_stmt *row)
{
    struct leaf leaf;
    enum module module = (enum module)sqlite3_column_int(row, 1);
    bool sound =
        leaf_read(module, sqlite_column_bytes_of(row, 2), sqlite_column_bytes_of(row, 3), &leaf);
    if (sound && comes_next(m, &leaf)) {
        note_sound(m, &leaf);
        return;
    }
    m->dropped = xrealloc(m->dropped, (m->dropped_count + 1) * sizeof *m->dropped);
    m->dropped[m->dropped_count++] = sqlite3_column_int64(row, 0);
}

static enum failure look_for_gaps(struct mend *m, struct error *e)
{
    sqlite3_stmt *stmt;
    enum failure bad = sqlite_ready_item(m->s, m->home, ITEM_LEAVES, &stmt, e);
    if (bad)
        return bad;
    int code;
    while ((code = sqlite3_step(stmt)) == SQLITE_ROW)
        note_leaf(m, stmt);
    bad = sqlite_done(m->s, stmt, code, "reading keys", e);
    go_to_module(m, MODULES);
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

static bool note_row(const struct item *item, bool sound, void *context)
{
    struct mend *m = context;
    if (!sound || !bsearch(item, m->gaps, m->gaps_count, sizeof *m->gaps, by_gap))
        return true;
    m->list = xrealloc(m->list, (m->count + 1) * sizeof *m->list);
    m->begins = xrealloc(m->begins, (m->count + 1) * sizeof *m->begins);
    m->list[m->count] = (struct keyed){.module = item->module,
                                       .key.size = item->key.size,
                                       .usn = item->version.usn,
                                       .at = m->count};
    m->begins[m->count++] = m->keys.size;
    buffer_raw(&m->keys, item->key.at, item->key.size);
    return m->count < MENDED_KEYS_MAX;
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

static void led_before(void *context, const struct keyed *key, uint64_t usn)
{
    (void)context, (void)key, (void)usn; /* nowhere: the leaves are empty */
}

static enum failure put_keys(struct mend *m, struct error *e)
{
    if (m->count == 0)
        return OK;
    for (size_t i = 0; i < m->count; i++)
        m->list[i].key.at = m->keys.at + m->begins[i];
    struct sheaf *sheaf = sheaf_tie(m->list, m->count);
    struct sheaves *sheaves = sheaves_new();
    struct key_source source = {next_key, led_before, sheaves, .any = false};
    sheaves_add(sheaves, sheaf, 0);
    sheaves_begin(sheaves);
    enum failure bad = sqlite_keys_put(m->s, m->home, &source, e);
    sheaves_free(sheaves);
    sheaf_free(sheaf);
    return bad;
}

/* What says where the leaves lie may be what is damaged: it is made anew first. */
static enum failure fill_gaps(struct sqlite_session *s, int64_t home, struct error *e)
{
    struct mend m = {.s = s, .home = home};
    sqlite3_stmt *index;
    enum failure bad = sqlite_ready_item(s, home, ITEM_LEAVES_ORDER, &index, e);
    if (!bad)
        bad = sqlite_done(s, index, sqlite3_step(index), "putting keys into order", e);
    if (!bad)
        bad = look_for_gaps(&m, e);
    if (!bad)
        bad = put_empty_ones(&m, e);
    if (!bad)
        bad = sqlite_each_row(s, home, note_row, &m, e);
    if (!bad)
        bad = put_keys(&m, e);
    mend_free(&m);
    return bad;
}

/* --- keys that lead to what is dropped --- */

struct astray {
    const uint64_t *usns; /* ascending */
    size_t count;
    enum module module;
    struct buffer keys; /* as a leaf has them */
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
        leaf_add(&astray->keys, led->key, led->usn);
    return true;
}

static enum failure drop_astray(struct sqlite_session *s, int64_t home, struct astray *astray,
                                struct error *e)
{
    enum failure bad =
        sqlite_keys_walk(s, home, astray->module, BYTES_NONE, note_astray, astray, e);
    struct bytes left = buffer_view(&astray->keys);
    struct led led;
    bool dropped;
    while (!bad && leaf_next(&left, &led))
        bad = sqlite_keys_drop(s, home, astray->module, led.key, led.usn, &dropped, e);
    buffer_clear(&astray->keys);
    return bad;
}

enum failure sqlite_keys_mend(struct sqlite_session *s, int64_t home, const uint64_t *usns,
                              size_t count, struct error *e)
{
    bool sound;
    enum failure bad = sqlite_keys_are_sound(s, home, &sound, e);
    if (!bad && !sound)
        bad = fill_gaps(s, home, e);
    OWNED(free_memory) uint64_t *sorted = xcalloc(count + 1, sizeof *sorted);
    memcpy(sorted, usns, count * sizeof *sorted);
    qsort(sorted, count, sizeof *sorted, by_number);
    struct astray astray = {.usns = sorted, .count = count};
    for (int module = 0; !bad && module < MODULES; module++) {
        astray.module = (enum module)module;
        bad = drop_astray(s, home, &astray, e);
    }
    buffer_free(&astray.keys);
    return bad;
}
