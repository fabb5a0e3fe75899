/* Stores whose keys an older version wrote otherwise. At first each was a row, in key_<home>, of
 * which nothing told whether it was sound: the items' own have the same keys. Later they lay in
 * leaves as they do now, but each in full, and a leaf was as large as its keys made it. */
#include <stdlib.h>

#include <xxhash.h>

#include "store/sqlite_keys.h"

/* --- keys that were rows --- */

/* What can't be a key is not one; whoever reads the row finds out that it is damaged. */
static const char keys_of_items[] =
    "SELECT module, key, max(usn) FROM item_%lld i WHERE NOT EXISTS"
    " (SELECT 1 FROM replaced r WHERE r.home = %lld AND r.usn = i.usn)"
    " AND typeof(key) = 'blob' AND length(key) BETWEEN 1 AND %d AND module BETWEEN 0 AND %d"
    " GROUP BY module, key ORDER BY module, key";

static enum failure put_keys(struct sqlite_session *s, int64_t home, struct error *e)
{
    long long n = home;
    sqlite3_stmt *keys = NULL;
    char *select = sqlite3_mprintf(keys_of_items, n, n, ITEM_KEY_MAX, MODULES - 1);
    char *drop = sqlite3_mprintf("DROP TABLE key_%lld", n);
    enum failure bad = sqlite_keys_create(s, home, e);
    if (!bad)
        bad = sqlite_prepare(s, select, &keys, e);
    if (!bad)
        bad = sqlite_keys_put_selected(s, home, keys, e);
    sqlite3_finalize(keys);
    sqlite_forget_statements(s, home);
    if (!bad)
        bad = sqlite_run(s->db, s->path, drop, e);
    sqlite3_free(select);
    sqlite3_free(drop);
    return bad;
}

/* --- leaves with all of each key --- */

/* Each key came behind eight bytes of its usn and two of its size. */
static bool spell_anew(struct cursor *in, struct bytes low, struct buffer *keys)
{
    struct leaf_writer writer;
    buffer_clear(keys);
    leaf_writer_begin(&writer, low, keys);
    while (in->left && !in->bad) {
        uint64_t usn = cursor_u64(in);
        size_t size = cursor_u8(in);
        size |= (size_t)cursor_u8(in) << 8;
        struct bytes key = cursor_raw(in, size);
        if (in->bad || size > ITEM_KEY_MAX)
            return false;
        leaf_add(&writer, key, usn);
    }
    return !in->bad;
}

/* Lent like the row, and with its keys as they are spelled now. False: it is not what was written.
 */
static bool read_old(sqlite3_stmt *row, struct leaf *leaf, struct buffer *keys)
{
    int module = sqlite3_column_int(row, 1);
    struct bytes low = sqlite_column_bytes_of(row, 2);
    struct cursor in = cursor_over(sqlite_column_bytes_of(row, 3));
    uint64_t sum = cursor_u64(&in);
    if (in.bad || module < 0 || module >= MODULES || low.size > ITEM_KEY_MAX)
        return false;
    uint64_t seed = XXH3_64bits_withSeed(low.at, low.size, (uint64_t)module);
    if (sum != XXH3_64bits_withSeed(in.at, in.left, seed))
        return false;
    *leaf = (struct leaf){.module = (enum module)module, .low = low};
    leaf->last = cursor_u8(&in) != 0;
    leaf->high = cursor_bytes(&in, ITEM_KEY_MAX);
    bool sound = spell_anew(&in, low, keys);
    leaf->keys = buffer_view(keys);
    return sound;
}

/* The one behind this id, which is then its own; 0: there is none. */
static enum failure spell_next(struct sqlite_session *s, int64_t home, sqlite3_stmt *leaves,
                               int64_t *id, struct buffer *keys, struct error *e)
{
    struct leaf leaf;
    enum failure bad = OK;
    sqlite3_bind_int64(leaves, 1, *id);
    int code = sqlite3_step(leaves);
    *id = code == SQLITE_ROW ? sqlite3_column_int64(leaves, 0) : 0;
    if (*id && read_old(leaves, &leaf, keys))
        bad = sqlite_leaf_write(s, home, *id, &leaf, e);
    enum failure worse = sqlite_done(s, leaves, code, "reading keys", bad ? NULL : e);
    return bad ? bad : worse;
}

/* What can't be read stays as it is, and so is not believed: it is made anew from the rows as
 * soon as somebody meets it. */
static enum failure spell_leaves(struct sqlite_session *s, int64_t home, struct error *e)
{
    OWNED(buffer_free) struct buffer keys = {0};
    sqlite3_stmt *leaves = NULL;
    struct error why = {0};
    int64_t id = 0;
    char *select = sqlite3_mprintf(
        "SELECT id, module, low, leaf FROM leaf_%lld WHERE id > ?1 ORDER BY id LIMIT 1",
        (long long)home);
    enum failure bad = sqlite_prepare(s, select, &leaves, &why);
    do {
        if (!bad)
            bad = spell_next(s, home, leaves, &id, &keys, &why);
    } while (!bad && id);
    sqlite3_finalize(leaves);
    sqlite3_free(select);
    sqlite_forget_statements(s, home);
    if (bad == FAIL_DAMAGED)
        return OK;
    if (bad && e)
        *e = why;
    return bad;
}

/* --- each home --- */

typedef enum failure home_step(struct sqlite_session *s, int64_t home, struct error *e);

/* The home behind this one; 0: there is none. Nothing may be read while a table is dropped. */
static enum failure next_home(struct sqlite_session *s, sqlite3_stmt *homes, int64_t *id,
                              struct error *e)
{
    sqlite3_bind_int64(homes, 1, *id);
    int code = sqlite3_step(homes);
    *id = code == SQLITE_ROW ? sqlite3_column_int64(homes, 0) : 0;
    return sqlite_done(s, homes, code, "reading homes", e);
}

static enum failure for_each_home(sqlite3 *db, const char *path, home_step *step, struct error *e)
{
    struct sqlite_session s = {.db = db, .path = path};
    sqlite3_stmt *homes = NULL;
    int64_t id = 0;
    enum failure bad = sqlite_prepare(&s, "SELECT min(id) FROM home WHERE id > ?1", &homes, e);
    if (!bad)
        bad = next_home(&s, homes, &id, e);
    while (!bad && id) {
        bad = step(&s, id, e);
        if (!bad)
            bad = next_home(&s, homes, &id, e);
    }
    sqlite3_finalize(homes);
    sqlite_keys_close(&s);
    free(s.items);
    return bad;
}

enum failure sqlite_keys_from_rows(sqlite3 *db, const char *path, struct error *e)
{
    return for_each_home(db, path, put_keys, e);
}

enum failure sqlite_keys_from_old_leaves(sqlite3 *db, const char *path, struct error *e)
{
    return for_each_home(db, path, spell_leaves, e);
}
