#include "store/sqlite_keys.h"

#include <stdlib.h>
#include <string.h>

/* A leaf with all that it is made of. */
struct own_leaf {
    int64_t id;
    struct leaf leaf;
    struct buffer low, high, keys;
};

static void own_leaf_free(struct own_leaf *own)
{
    buffer_free(&own->low);
    buffer_free(&own->high);
    buffer_free(&own->keys);
}

/* Kept by a session, so that to change a single key takes no memory. */
struct keys_room {
    struct own_leaf leaf;
    struct buffer stored;
};

static struct keys_room *room_of(struct sqlite_session *s)
{
    if (!s->keys)
        s->keys = xcalloc(1, sizeof *s->keys);
    return s->keys;
}

void sqlite_keys_close(struct sqlite_session *s)
{
    if (!s->keys)
        return;
    own_leaf_free(&s->keys->leaf);
    buffer_free(&s->keys->stored);
    free(TAKE(s->keys));
}

/* --- leaves --- */

/* What a leaf was read from: lent until it is given back. */
struct lying {
    sqlite3_stmt *row;
    int64_t id;
    struct leaf leaf;
    bool sound;
};

static enum failure find(struct sqlite_session *s, int64_t home, enum item_statement which,
                         enum module module, struct bytes key, struct lying *lying, struct error *e)
{
    *lying = (struct lying){0};
    enum failure bad = sqlite_ready_item(s, home, which, &lying->row, e);
    if (bad)
        return bad;
    sqlite_bind_key(lying->row, module, key);
    int code = sqlite3_step(lying->row);
    if (code != SQLITE_ROW)
        return sqlite_done(s, lying->row, code, "looking a key up", e);
    lying->id = sqlite3_column_int64(lying->row, 0);
    lying->sound = leaf_read(module, sqlite_column_bytes_of(lying->row, 1),
                             sqlite_column_bytes_of(lying->row, 2), &lying->leaf);
    return OK;
}

/* It is the last one that does not begin behind the key; and if it does not cover that, another one
 * is missing. */
static enum failure find_leaf(struct sqlite_session *s, int64_t home, enum module module,
                              struct bytes key, struct lying *lying, struct error *e)
{
    enum failure bad = find(s, home, ITEM_LEAF, module, key, lying, e);
    lying->sound = lying->sound && leaf_covers(&lying->leaf, module, key);
    return bad;
}

static void give_back(struct lying *lying)
{
    sqlite3_reset(lying->row);
}

static enum failure must_be_sound(struct sqlite_session *s, struct lying *lying, struct error *e)
{
    if (lying->sound)
        return OK;
    give_back(lying);
    return sqlite_fail_damaged(s->path, "looking a key up", e);
}

static enum failure find_sound(struct sqlite_session *s, int64_t home, enum module module,
                               struct bytes key, struct lying *lying, struct error *e)
{
    enum failure bad = find_leaf(s, home, module, key, lying, e);
    return bad ? bad : must_be_sound(s, lying, e);
}

/* The one that ends where this one begins. */
static enum failure find_before(struct sqlite_session *s, int64_t home, const struct leaf *leaf,
                                struct lying *lying, struct error *e)
{
    enum failure bad = find(s, home, ITEM_LEAF_BEFORE, leaf->module, leaf->low, lying, e);
    lying->sound = lying->sound && !lying->leaf.last && bytes_equal(lying->leaf.high, leaf->low);
    return bad;
}

enum failure sqlite_leaf_write(struct sqlite_session *s, int64_t home, int64_t id,
                               const struct leaf *leaf, struct error *e)
{
    struct buffer *stored = &room_of(s)->stored;
    sqlite3_stmt *stmt;
    enum failure bad = sqlite_ready_item(s, home, id ? ITEM_LEAF_CHANGE : ITEM_LEAF_NEW, &stmt, e);
    if (bad)
        return bad;
    leaf_store(leaf, stored);
    sqlite_bind_bytes(stmt, 1, buffer_view(stored));
    if (id) {
        sqlite3_bind_int64(stmt, 2, id);
    } else {
        sqlite3_bind_int(stmt, 2, (int)leaf->module);
        sqlite_bind_bytes(stmt, 3, leaf->low);
    }
    return sqlite_done(s, stmt, sqlite3_step(stmt), "writing keys", e);
}

/* What leads from the keys to the items is a table of our own instead of an index of theirs: so a
 * key whose item is replaced stays where it is, and many changes go into each in its own order. */
static const char leaf_table[] =
    "CREATE TABLE leaf_%lld (id INTEGER PRIMARY KEY, module INTEGER NOT NULL, low BLOB NOT NULL,"
    " leaf BLOB NOT NULL);"
    "CREATE INDEX leaf_%lld_low ON leaf_%lld (module, low)";

/* A module that comes later needs a leaf in each home that is there. */
enum failure sqlite_keys_create(struct sqlite_session *s, int64_t home, struct error *e)
{
    long long n = home;
    char *sql = sqlite3_mprintf(leaf_table, n, n, n);
    enum failure bad = sqlite_run(s->db, s->path, sql, e);
    sqlite3_free(sql);
    for (int module = 0; !bad && module < MODULES; module++) {
        const struct leaf all = {.module = (enum module)module, .last = true};
        bad = sqlite_leaf_write(s, home, 0, &all, e);
    }
    return bad;
}

/* --- one key --- */

enum failure sqlite_keys_find(struct sqlite_session *s, int64_t home, enum module module,
                              struct bytes key, uint64_t *usn, struct error *e)
{
    struct lying lying;
    *usn = 0;
    enum failure bad = find_sound(s, home, module, key, &lying, e);
    if (bad)
        return bad;
    *usn = leaf_find(&lying.leaf, key);
    give_back(&lying);
    return OK;
}

/* --- many, in their order --- */

static struct bytes keep(struct buffer *buffer, struct bytes bytes)
{
    buffer_clear(buffer);
    buffer_raw(buffer, bytes.at, bytes.size);
    return buffer_view(buffer);
}

/* Takes over the leaf that was lent, and gives that back: with other keys, which are there already,
 * … */
static void take_over(struct own_leaf *own, struct lying *lying)
{
    own->id = lying->id;
    own->leaf = lying->leaf;
    own->leaf.low = keep(&own->low, lying->leaf.low);
    own->leaf.high = keep(&own->high, lying->leaf.high);
    own->leaf.keys = buffer_view(&own->keys);
    give_back(lying);
}

/* … or with its own. */
static void copy(struct own_leaf *own, struct lying *lying)
{
    keep(&own->keys, lying->leaf.keys);
    take_over(own, lying);
}

/* In as many leaves as it takes: the first one stays where it is. */
static enum failure write_parts(struct sqlite_session *s, int64_t home, const struct own_leaf *own,
                                bool grows, struct error *e)
{
    struct leaf_parting parting;
    struct leaf part;
    int64_t id = own->id;
    enum failure bad = OK;
    leaf_parting_begin(&parting, &own->leaf, grows);
    while (!bad && leaf_parting_next(&parting, &part)) {
        bad = sqlite_leaf_write(s, home, id, &part, e);
        id = 0;
    }
    leaf_parting_free(&parting);
    return bad;
}

static enum failure put_some(struct sqlite_session *s, int64_t home, struct key_source *source,
                             struct error *e)
{
    struct own_leaf *own = &room_of(s)->leaf;
    struct lying lying;
    enum failure bad = find_sound(s, home, source->key.module, source->key.key, &lying, e);
    if (bad)
        return bad;
    bool grows = leaf_merge(&lying.leaf, source, &own->keys);
    take_over(own, &lying);
    return write_parts(s, home, own, grows, e);
}

enum failure sqlite_keys_look_up(struct sqlite_session *s, int64_t home, struct key_source *source,
                                 struct error *e)
{
    enum failure bad = OK;
    key_source_next(source);
    while (!bad && source->any) {
        struct lying lying;
        bad = find_sound(s, home, source->key.module, source->key.key, &lying, e);
        if (bad)
            break;
        leaf_look_up(&lying.leaf, source);
        give_back(&lying);
    }
    return bad;
}

enum failure sqlite_keys_put(struct sqlite_session *s, int64_t home, struct key_source *source,
                             struct error *e)
{
    enum failure bad = OK;
    key_source_next(source);
    while (!bad && source->any)
        bad = put_some(s, home, source, e);
    return bad;
}

/* What a statement yields. */
struct selected {
    sqlite3_stmt *stmt;
    int code;
};

static bool next_selected(void *context, struct keyed *key)
{
    struct selected *selected = context;
    selected->code = sqlite3_step(selected->stmt);
    if (selected->code != SQLITE_ROW)
        return false;
    *key = (struct keyed){.module = (enum module)sqlite3_column_int(selected->stmt, 0),
                          .key = sqlite_column_bytes_of(selected->stmt, 1),
                          .usn = (uint64_t)sqlite3_column_int64(selected->stmt, 2)};
    return true;
}

enum failure sqlite_keys_put_selected(struct sqlite_session *s, int64_t home, sqlite3_stmt *stmt,
                                      struct error *e)
{
    struct selected selected = {stmt, SQLITE_OK};
    struct key_source source = {.next = next_selected, .context = &selected};
    enum failure bad = sqlite_keys_put(s, home, &source, e);
    enum failure worse = sqlite_done(s, stmt, selected.code, "reading keys", bad ? NULL : e);
    return bad ? bad : worse;
}

/* --- without some --- */

/* A leaf without keys goes, and the one before it reaches as far. */
static enum failure unite(struct sqlite_session *s, int64_t home, const struct own_leaf *empty,
                          struct lying *before, struct error *e)
{
    struct own_leaf own = {0};
    copy(&own, before);
    own.leaf.high = empty->leaf.high;
    own.leaf.last = empty->leaf.last;
    enum failure bad = sqlite_leaf_write(s, home, own.id, &own.leaf, e);
    own_leaf_free(&own);
    return bad ? bad : sqlite_drop_by(s, home, ITEM_LEAF_DROP, (uint64_t)empty->id, e);
}

/* But for the first; and where the one before is damaged. */
static enum failure write_or_unite(struct sqlite_session *s, int64_t home,
                                   const struct own_leaf *own, struct error *e)
{
    struct lying before;
    if (own->leaf.keys.size || !own->leaf.low.size)
        return sqlite_leaf_write(s, home, own->id, &own->leaf, e);
    enum failure bad = find_before(s, home, &own->leaf, &before, e);
    if (bad)
        return bad;
    if (before.sound)
        return unite(s, home, own, &before, e);
    give_back(&before);
    return sqlite_leaf_write(s, home, own->id, &own->leaf, e);
}

static enum failure drop_some(struct sqlite_session *s, int64_t home, struct key_source *source,
                              struct error *e)
{
    struct own_leaf *own = &room_of(s)->leaf;
    struct lying lying;
    enum failure bad = find_sound(s, home, source->key.module, source->key.key, &lying, e);
    if (bad)
        return bad;
    bool any = leaf_drop(&lying.leaf, source, &own->keys);
    take_over(own, &lying);
    return any ? write_or_unite(s, home, own, e) : OK;
}

enum failure sqlite_keys_drop(struct sqlite_session *s, int64_t home, struct key_source *source,
                              struct error *e)
{
    enum failure bad = OK;
    key_source_next(source);
    while (!bad && source->any)
        bad = drop_some(s, home, source, e);
    return bad;
}

/* --- of a list --- */

struct listed {
    struct sheaves *sheaves;
    keys_told *told;
    void *context;
};

static bool next_listed(void *context, struct keyed *key)
{
    const struct listed *listed = context;
    return sheaves_next(listed->sheaves, key);
}

static void tell_listed(void *context, const struct keyed *key, uint64_t usn)
{
    const struct listed *listed = context;
    listed->told(listed->context, key, usn);
}

enum failure sqlite_keys_listed(struct sqlite_session *s, int64_t home, struct key_list *list,
                                keys_operation *operation, keys_told *told, void *context,
                                struct error *e)
{
    if (list->count == 0)
        return OK;
    struct sheaf *sheaf = key_list_tie(list);
    struct listed listed = {sheaves_new(), told, context};
    struct key_source source = {.next = next_listed, .led = tell_listed, .context = &listed};
    sheaves_add(listed.sheaves, sheaf, 0);
    sheaves_begin(listed.sheaves);
    enum failure bad = operation(s, home, &source, e);
    sheaves_free(listed.sheaves);
    sheaf_free(sheaf);
    return bad;
}

/* --- walking --- */

/* Each leaf is copied: whoever is visited may look other keys up. */
enum failure sqlite_keys_walk(struct sqlite_session *s, int64_t home, enum module module,
                              struct bytes from, keys_visit *visit, void *context, struct error *e)
{
    struct own_leaf at = {.leaf.high = from};
    bool goes_on = true;
    enum failure bad = OK;
    while (!bad && goes_on && !at.leaf.last) {
        struct lying lying;
        bad = find_sound(s, home, module, at.leaf.high, &lying, e);
        if (bad)
            break;
        copy(&at, &lying);
        struct leaf_reader reader;
        leaf_reader_begin(&reader, &at.leaf);
        for (struct led led; goes_on && leaf_next(&reader, &led);)
            goes_on = bytes_compare(led.key, from) < 0 || visit(&led, context);
        if (goes_on && reader.left.size)
            bad = sqlite_fail_damaged(s->path, "reading keys", e);
    }
    own_leaf_free(&at);
    return bad;
}

/* --- asked by statements --- */

static void leads_to(sqlite3_context *call, int count, sqlite3_value **values)
{
    struct sqlite_session *s = sqlite3_user_data(call);
    struct bytes key = {sqlite3_value_blob(values[2]), (size_t)sqlite3_value_bytes(values[2])};
    uint64_t usn;
    (void)count;
    int64_t home = sqlite3_value_int64(values[0]);
    enum module module = (enum module)sqlite3_value_int(values[1]);
    enum failure bad = sqlite_keys_find(s, home, module, key, &usn, NULL);
    if (bad)
        sqlite3_result_error_code(call, bad == FAIL_DAMAGED ? SQLITE_CORRUPT : SQLITE_IOERR);
    else
        sqlite3_result_int(call, usn == (uint64_t)sqlite3_value_int64(values[3]));
}

enum failure sqlite_keys_open(struct sqlite_session *s, struct error *e)
{
    enum { FLAGS = SQLITE_UTF8 | SQLITE_DIRECTONLY };
    int code =
        sqlite3_create_function_v2(s->db, "leads_to", 4, FLAGS, s, leads_to, NULL, NULL, NULL);
    return code == SQLITE_OK ? OK : sqlite_fail(s->db, s->path, "opening", e);
}
