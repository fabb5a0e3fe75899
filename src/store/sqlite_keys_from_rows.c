/* Stores whose keys were written otherwise by an older version, or not at all. They are made anew
 * from the items, which have them, too, and tell whether they are sound. */
#include <stdlib.h>

#include "store/sqlite_keys.h"

static const char keys_of_items[] =
    "SELECT module, key, max(usn) FROM item_%lld i WHERE NOT EXISTS"
    " (SELECT 1 FROM replaced r WHERE r.home = %lld AND r.usn = i.usn)"
    " GROUP BY module, key ORDER BY module, key";

static enum failure put_keys(struct sqlite_session *s, int64_t home, struct error *e)
{
    long long n = home;
    sqlite3_stmt *keys = NULL;
    char *select = sqlite3_mprintf(keys_of_items, n, n);
    char *drop = sqlite3_mprintf("DROP TABLE IF EXISTS leaf_%lld", n);
    enum failure bad = sqlite_run(s->db, s->path, drop, e);
    if (!bad)
        bad = sqlite_keys_create(s, home, e);
    if (!bad)
        bad = sqlite_prepare(s, select, &keys, e);
    if (!bad)
        bad = sqlite_keys_put_selected(s, home, keys, e);
    sqlite3_finalize(keys);
    sqlite_forget_statements(s, home);
    sqlite3_free(select);
    sqlite3_free(drop);
    return bad;
}

/* The home behind this one; 0: there is none. Nothing may be read while a table is dropped. */
static enum failure next_home(struct sqlite_session *s, sqlite3_stmt *homes, int64_t *id,
                              struct error *e)
{
    sqlite3_bind_int64(homes, 1, *id);
    int code = sqlite3_step(homes);
    *id = code == SQLITE_ROW ? sqlite3_column_int64(homes, 0) : 0;
    return sqlite_done(s, homes, code, "reading homes", e);
}

enum failure sqlite_keys_from_rows(sqlite3 *db, const char *path, struct error *e)
{
    struct sqlite_session s = {.db = db, .path = path};
    sqlite3_stmt *homes = NULL;
    int64_t id = 0;
    enum failure bad = sqlite_prepare(&s, "SELECT min(id) FROM home WHERE id > ?1", &homes, e);
    if (!bad)
        bad = next_home(&s, homes, &id, e);
    while (!bad && id) {
        bad = put_keys(&s, id, e);
        if (!bad)
            bad = next_home(&s, homes, &id, e);
    }
    sqlite3_finalize(homes);
    sqlite_keys_close(&s);
    free(s.items);
    return bad;
}
