/* The memory engine, for the simulator and for tests: everything in one tree that never changes. A
 * view is a reference to the tree of that moment, a commit puts a new one in its place. */
#include "store/memory.h"

#include <assert.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/known.h"
#include "store/tree.h"

struct memory_engine {
    struct engine base;
    pthread_mutex_t lock;
    struct tree *tree; /* what is committed */
    bool full;
};

struct memory_session {
    struct session base;
    bool writing;
    struct tree *tree; /* what this transaction or view sees */
};

/* Everything lies in one map; the first byte of a key says what it is. */
enum space {
    SPACE_HOME = 'h',   /* name -> id, state */
    SPACE_NEXT = 'n',   /* -> the last id given */
    SPACE_USN = 'u',    /* home, usn -> item */
    SPACE_KEY = 'k',    /* home, module, key -> usn */
    SPACE_RECORD = 'r', /* name -> value */
};

/* Big endian, so that the order of the bytes is the order of the numbers. */
static void big_u64(struct buffer *b, uint64_t v)
{
    for (int shift = 56; shift >= 0; shift -= 8)
        buffer_u8(b, (uint8_t)(v >> shift));
}

static struct bytes name_key(struct buffer *b, enum space space, struct bytes name)
{
    buffer_clear(b);
    buffer_u8(b, (uint8_t)space);
    buffer_raw(b, name.at, name.size);
    return buffer_view(b);
}

static struct bytes usn_key(struct buffer *b, int64_t home, uint64_t usn)
{
    buffer_clear(b);
    buffer_u8(b, SPACE_USN);
    big_u64(b, (uint64_t)home);
    big_u64(b, usn);
    return buffer_view(b);
}

static struct bytes item_key(struct buffer *b, int64_t home, enum module module, struct bytes key)
{
    buffer_clear(b);
    buffer_u8(b, SPACE_KEY);
    big_u64(b, (uint64_t)home);
    buffer_u8(b, (uint8_t)module);
    buffer_raw(b, key.at, key.size);
    return buffer_view(b);
}

static void item_encode(const struct item *item, struct item_hash hash, struct buffer *out)
{
    buffer_u8(out, (uint8_t)item->module);
    buffer_u8(out, item->deleted);
    buffer_u64(out, item->version.term);
    buffer_u64(out, item->version.usn);
    buffer_u64(out, hash.low);
    buffer_u64(out, hash.high);
    buffer_bytes(out, item->key);
    buffer_bytes(out, item->value);
}

static void item_decode(struct bytes encoded, struct item *item, struct item_hash *hash)
{
    struct cursor in = cursor_over(encoded);
    item->module = (enum module)cursor_u8(&in);
    item->deleted = cursor_u8(&in) != 0;
    item->version.term = cursor_u64(&in);
    item->version.usn = cursor_u64(&in);
    hash->low = cursor_u64(&in);
    hash->high = cursor_u64(&in);
    item->key = cursor_bytes(&in, SIZE_MAX);
    item->value = cursor_bytes(&in, SIZE_MAX);
    assert(cursor_done(&in));
}

static struct memory_engine *engine_of(struct session *s)
{
    return (struct memory_engine *)s->engine;
}

static struct memory_session *session_of(struct session *s)
{
    return (struct memory_session *)s;
}

/* --- sessions --- */

static enum failure session_open(struct engine *engine, bool writing, struct session **result,
                                 struct error *e)
{
    (void)e;
    struct memory_session *s = xcalloc(1, sizeof *s);
    s->base.engine = engine;
    s->writing = writing;
    *result = &s->base;
    return OK;
}

static enum failure begin(struct session *base, struct error *e)
{
    (void)e;
    struct memory_engine *engine = engine_of(base);
    pthread_mutex_lock(&engine->lock);
    session_of(base)->tree = tree_ref(engine->tree);
    pthread_mutex_unlock(&engine->lock);
    return OK;
}

static void rollback(struct session *base)
{
    tree_unref(TAKE(session_of(base)->tree));
}

static enum failure commit(struct session *base, struct error *e)
{
    struct memory_engine *engine = engine_of(base);
    struct memory_session *s = session_of(base);
    assert(s->writing);
    pthread_mutex_lock(&engine->lock);
    bool full = engine->full;
    struct tree *old = NULL;
    if (!full) {
        old = engine->tree;
        engine->tree = TAKE(s->tree);
    }
    pthread_mutex_unlock(&engine->lock);
    tree_unref(old);
    if (!full)
        return OK;
    fail(e, FAIL_FULL, "The store is full.");
    if (e) {
        error_kept(e, "Nothing was changed.");
        error_next(e, "Make room, then try again.");
    }
    return FAIL_FULL;
}

static void session_close(struct session *base)
{
    rollback(base);
    free(base);
}

/* --- homes --- */

static enum failure home_load(struct session *base, const char *home, struct home_row *row,
                              struct error *e)
{
    OWNED(buffer_free) struct buffer key = {0};
    struct bytes value;
    *row = (struct home_row){0};
    if (!tree_get(session_of(base)->tree, name_key(&key, SPACE_HOME, bytes_of_text(home)), &value))
        return fail(e, FAIL_NOT_FOUND, "The store has no home %s.", home);
    struct cursor in = cursor_over(value);
    row->id = (int64_t)cursor_u64(&in);
    return home_row_decode(home, row, bytes_of(in.at, in.left), e);
}

static int64_t next_id(struct memory_session *s)
{
    uint8_t space = SPACE_NEXT;
    struct bytes key = bytes_of(&space, 1), value;
    uint64_t id = 1;
    if (tree_get(s->tree, key, &value)) {
        struct cursor in = cursor_over(value);
        id = cursor_u64(&in) + 1;
    }
    OWNED(buffer_free) struct buffer out = {0};
    buffer_u64(&out, id);
    s->tree = tree_put(s->tree, key, buffer_view(&out));
    return (int64_t)id;
}

static enum failure home_save(struct session *base, const char *home, struct home_row *row,
                              struct error *e)
{
    (void)e;
    struct memory_session *s = session_of(base);
    OWNED(buffer_free) struct buffer key = {0}, value = {0};
    if (row->id == 0)
        row->id = next_id(s);
    buffer_u64(&value, (uint64_t)row->id);
    home_row_encode(home, row, &value);
    s->tree =
        tree_put(s->tree, name_key(&key, SPACE_HOME, bytes_of_text(home)), buffer_view(&value));
    return OK;
}

static enum failure home_remove(struct session *base, const char *home, int64_t id, struct error *e)
{
    (void)id, (void)e;
    struct memory_session *s = session_of(base);
    OWNED(buffer_free) struct buffer key = {0};
    s->tree = tree_remove(s->tree, name_key(&key, SPACE_HOME, bytes_of_text(home)));
    return OK;
}

static enum failure home_rename(struct session *base, const char *home, const char *name,
                                const struct home_row *row, struct error *e)
{
    struct home_row same = *row;
    home_remove(base, home, row->id, e);
    return home_save(base, name, &same, e);
}

/* --- items --- */

static bool look_up(const struct memory_session *s, int64_t home, enum module module,
                    struct bytes key, struct item *item, struct item_hash *hash)
{
    OWNED(buffer_free) struct buffer b = {0};
    struct bytes value;
    if (!tree_get(s->tree, item_key(&b, home, module, key), &value))
        return false;
    struct cursor in = cursor_over(value);
    uint64_t usn = cursor_u64(&in);
    bool there = tree_get(s->tree, usn_key(&b, home, usn), &value);
    assert(there);
    item_decode(value, item, hash);
    return true;
}

static void note_found(struct found *found, const struct item *item, struct item_hash hash)
{
    *found = (struct found){.usn = item->version.usn,
                            .deleted = item->deleted,
                            .hash = hash,
                            .value_size = item->value.size};
}

static enum failure find(struct session *base, int64_t home, enum module module, struct bytes key,
                         struct found *found, struct error *e)
{
    (void)e;
    struct item item;
    struct item_hash hash;
    *found = (struct found){0};
    if (look_up(session_of(base), home, module, key, &item, &hash))
        note_found(found, &item, hash);
    return OK;
}

static enum failure lead(struct session *base, int64_t home, struct leads *leads, struct error *e)
{
    (void)e;
    struct memory_session *s = session_of(base);
    OWNED(buffer_free) struct buffer by_key = {0}, value = {0};
    leads_begin(leads);
    for (struct keyed next; leads_next(leads, &next);) {
        struct bytes old;
        item_key(&by_key, home, next.module, next.key);
        if (tree_get(s->tree, buffer_view(&by_key), &old)) {
            struct cursor in = cursor_over(old);
            leads_note(leads, &next, cursor_u64(&in));
        }
        buffer_clear(&value);
        buffer_u64(&value, next.usn);
        s->tree = tree_put(s->tree, buffer_view(&by_key), buffer_view(&value));
    }
    return OK;
}

static enum failure take(struct session *base, int64_t home, const struct writes *writes,
                         take_visit *visit, void *context, struct error *e)
{
    (void)e;
    struct memory_session *s = session_of(base);
    OWNED(buffer_free) struct buffer by_usn = {0};
    for (size_t i = 0; i < writes->count; i++) {
        const struct write *w = write_at(writes, i);
        struct bytes value;
        struct item item;
        struct item_hash hash;
        struct found found;
        bool there = tree_get(s->tree, usn_key(&by_usn, home, writes->order[i].number), &value);
        assert(there);
        item_decode(value, &item, &hash);
        assert(item.module == w->item.module && bytes_equal(item.key, w->item.key));
        note_found(&found, &item, hash);
        visit(w, &found, context);
        s->tree = tree_remove(s->tree, buffer_view(&by_usn));
    }
    return OK;
}

static enum failure insert(struct session *base, int64_t home, const struct writes *writes,
                           struct error *e)
{
    struct memory_session *s = session_of(base);
    OWNED(buffer_free) struct buffer by_usn = {0}, value = {0};
    for (size_t i = 0; i < writes->count; i++) {
        const struct write *w = write_at(writes, i);
        struct bytes other;
        usn_key(&by_usn, home, w->item.version.usn);
        if (tree_get(s->tree, buffer_view(&by_usn), &other))
            return usn_is_taken(w->item.version.usn, e);
        buffer_clear(&value);
        item_encode(&w->item, w->hash, &value);
        s->tree = tree_put(s->tree, buffer_view(&by_usn), buffer_view(&value));
    }
    return OK;
}

static enum failure drop(struct session *base, int64_t home, uint64_t usn, struct error *e)
{
    (void)e;
    struct memory_session *s = session_of(base);
    OWNED(buffer_free) struct buffer by_usn = {0}, by_key = {0};
    struct bytes value;
    struct item item;
    struct item_hash hash;
    if (!tree_get(s->tree, usn_key(&by_usn, home, usn), &value))
        return OK;
    item_decode(value, &item, &hash);
    item_key(&by_key, home, item.module, item.key);
    s->tree = tree_remove(s->tree, buffer_view(&by_usn));
    s->tree = tree_remove(s->tree, buffer_view(&by_key));
    return OK;
}

static enum failure discard(struct session *base, int64_t home, const uint64_t *usns, size_t count,
                            struct error *e)
{
    for (size_t i = 0; i < count; i++)
        drop(base, home, usns[i], e);
    return OK;
}

static enum failure get(struct session *base, int64_t home, enum module module, struct bytes key,
                        struct item *item, struct error *e)
{
    struct item_hash hash;
    if (!look_up(session_of(base), home, module, key, item, &hash))
        return fail(e, FAIL_NOT_FOUND, "There is no such item.");
    return row_check(item, hash, e);
}

struct walk {
    struct bytes within; /* the keys of the tree that are meant begin with this */
    const struct memory_session *s;
    int64_t home;
    view_visit *visit;
    void *context;
    enum failure bad;
    struct error *e;
};

static bool hand_out(struct walk *w, struct bytes encoded)
{
    struct item item;
    struct item_hash hash;
    item_decode(encoded, &item, &hash);
    w->bad = row_check(&item, hash, w->e);
    return !w->bad && w->visit(&item, hash, w->context);
}

static bool visit_by_usn(struct bytes key, struct bytes value, void *context)
{
    struct walk *w = context;
    return bytes_start_with(key, w->within) && hand_out(w, value);
}

static bool visit_by_key(struct bytes key, struct bytes value, void *context)
{
    struct walk *w = context;
    if (!bytes_start_with(key, w->within))
        return false;
    struct cursor in = cursor_over(value);
    OWNED(buffer_free) struct buffer b = {0};
    struct bytes encoded;
    bool there = tree_get(w->s->tree, usn_key(&b, w->home, cursor_u64(&in)), &encoded);
    assert(there);
    return hand_out(w, encoded);
}

static enum failure walk_usn(struct session *base, int64_t home, uint64_t after, view_visit *visit,
                             void *context, struct error *e)
{
    OWNED(buffer_free) struct buffer from = {0}, within = {0};
    buffer_u8(&within, SPACE_USN);
    big_u64(&within, (uint64_t)home);
    struct walk w = {.within = buffer_view(&within),
                     .s = session_of(base),
                     .home = home,
                     .visit = visit,
                     .context = context,
                     .e = e};
    tree_walk(w.s->tree, usn_key(&from, home, after + 1), visit_by_usn, &w);
    return w.bad;
}

struct newest {
    uint64_t rows, behind; /* of which so many are still to be passed */
    uint64_t usn;
};

static bool count_row(const struct item *item, struct item_hash hash, void *context)
{
    (void)item, (void)hash;
    struct newest *n = context;
    n->rows++;
    return true;
}

static bool pass_row(const struct item *item, struct item_hash hash, void *context)
{
    (void)hash;
    struct newest *n = context;
    n->usn = item->version.usn;
    return --n->behind > 0;
}

static enum failure newest(struct session *base, int64_t home, uint32_t rows, uint64_t *usn,
                           struct error *e)
{
    struct newest n = {0};
    enum failure bad = walk_usn(base, home, 0, count_row, &n, e);
    n.behind = n.rows > rows ? n.rows - rows : 0;
    if (!bad && n.behind)
        bad = walk_usn(base, home, 0, pass_row, &n, e);
    *usn = n.usn;
    return bad;
}

struct scan {
    view_scan_visit *visit;
    void *context;
};

static bool visit_sound(const struct item *item, struct item_hash hash, void *context)
{
    const struct scan *scan = context;
    (void)hash;
    return scan->visit(item->version.usn, true, scan->context);
}

/* Memory keeps what it was given. */
static enum failure scan(struct session *base, int64_t home, view_scan_visit *visit, void *context,
                         struct error *e)
{
    struct scan s = {visit, context};
    return walk_usn(base, home, 0, visit_sound, &s, e);
}

static enum failure structure(struct session *base, view_goes_on *goes_on, void *context,
                              struct error *e)
{
    (void)base, (void)goes_on, (void)context, (void)e;
    return OK;
}

static enum failure walk_keys(struct session *base, int64_t home, enum module module,
                              struct bytes prefix, struct bytes from, view_visit *visit,
                              void *context, struct error *e)
{
    OWNED(buffer_free) struct buffer within = {0}, begin = {0};
    struct walk w = {.within = item_key(&within, home, module, prefix),
                     .s = session_of(base),
                     .home = home,
                     .visit = visit,
                     .context = context,
                     .e = e};
    tree_walk(w.s->tree, item_key(&begin, home, module, from), visit_by_key, &w);
    return w.bad;
}

struct doomed {
    struct walk walk;
    uint64_t upto;
    bool all;           /* not tombstones alone … */
    uint32_t room;      /* … but no more than these */
    struct buffer keys; /* of the tombstones, one after the other */
};

static bool collect_doomed(struct bytes key, struct bytes value, void *context)
{
    struct doomed *d = context;
    struct item item;
    struct item_hash hash;
    if (!bytes_start_with(key, d->walk.within))
        return false;
    item_decode(value, &item, &hash);
    if (item.version.usn > d->upto || (d->all && d->room == 0))
        return false;
    if (item.deleted || d->all) {
        d->room -= d->all;
        OWNED(buffer_free) struct buffer b = {0};
        buffer_bytes(&d->keys, key);
        buffer_bytes(&d->keys, item_key(&b, d->walk.home, item.module, item.key));
    }
    return true;
}

static void remove_doomed(struct memory_session *s, int64_t home, struct doomed *d)
{
    OWNED(buffer_free) struct buffer within = {0};
    buffer_u8(&within, SPACE_USN);
    big_u64(&within, (uint64_t)home);
    d->walk = (struct walk){.within = buffer_view(&within), .home = home};
    tree_walk(s->tree, d->walk.within, collect_doomed, d);
    struct cursor in = cursor_over(buffer_view(&d->keys));
    while (in.left)
        s->tree = tree_remove(s->tree, cursor_bytes(&in, SIZE_MAX));
    buffer_free(&d->keys);
}

static enum failure forget(struct session *base, int64_t home, uint64_t upto, struct error *e)
{
    (void)e;
    remove_doomed(session_of(base), home, &(struct doomed){.upto = upto});
    return OK;
}

static enum failure sweep(struct session *base, int64_t home, uint32_t max, uint32_t *swept,
                          struct error *e)
{
    (void)e;
    struct doomed d = {.upto = UINT64_MAX, .all = true, .room = max};
    remove_doomed(session_of(base), home, &d);
    *swept = max - d.room;
    return OK;
}

/* --- names and records --- */

struct names {
    struct bytes prefix;
    view_visit_name *visit;
    void *context;
};

static bool visit_name(struct bytes key, struct bytes value, void *context)
{
    (void)value;
    struct names *n = context;
    if (!bytes_start_with(key, n->prefix))
        return false;
    OWNED(free_memory) char *name = xasprintf("%.*s", (int)key.size - 1, (const char *)key.at + 1);
    return n->visit(name, n->context);
}

static enum failure walk_names(struct session *base, enum space space, const char *prefix,
                               view_visit_name *visit, void *context)
{
    OWNED(buffer_free) struct buffer b = {0};
    struct names n = {
        .prefix = name_key(&b, space, bytes_of_text(prefix)), .visit = visit, .context = context};
    tree_walk(session_of(base)->tree, n.prefix, visit_name, &n);
    return OK;
}

static enum failure homes(struct session *base, view_visit_name *visit, void *context,
                          struct error *e)
{
    (void)e;
    return walk_names(base, SPACE_HOME, "", visit, context);
}

static enum failure records(struct session *base, const char *prefix, view_visit_name *visit,
                            void *context, struct error *e)
{
    (void)e;
    return walk_names(base, SPACE_RECORD, prefix, visit, context);
}

static enum failure record_get(struct session *base, const char *name, struct buffer *value,
                               struct error *e)
{
    OWNED(buffer_free) struct buffer key = {0};
    struct bytes found;
    buffer_clear(value);
    if (!tree_get(session_of(base)->tree, name_key(&key, SPACE_RECORD, bytes_of_text(name)),
                  &found))
        return fail(e, FAIL_NOT_FOUND, "There is no record %s.", name);
    buffer_raw(value, found.at, found.size);
    return OK;
}

static enum failure record_put(struct session *base, const char *name, struct bytes value,
                               struct error *e)
{
    (void)e;
    struct memory_session *s = session_of(base);
    OWNED(buffer_free) struct buffer key = {0};
    struct bytes k = name_key(&key, SPACE_RECORD, bytes_of_text(name));
    s->tree = value.size ? tree_put(s->tree, k, value) : tree_remove(s->tree, k);
    return OK;
}

/* --- the engine --- */

static void engine_close(struct engine *base)
{
    struct memory_engine *engine = (struct memory_engine *)base;
    tree_unref(engine->tree);
    pthread_mutex_destroy(&engine->lock);
    free(engine);
}

static const struct engine_ops memory_ops = {
    .close = engine_close,
    .session = session_open,
    .session_close = session_close,
    .begin = begin,
    .commit = commit,
    .rollback = rollback,
    .home_load = home_load,
    .home_save = home_save,
    .home_rename = home_rename,
    .home_remove = home_remove,
    .sweep = sweep,
    .homes = homes,
    .find = find,
    .lead = lead,
    .insert = insert,
    .take = take,
    .drop = drop,
    .discard = discard,
    .forget = forget,
    .get = get,
    .walk_usn = walk_usn,
    .newest = newest,
    .scan = scan,
    .structure = structure,
    .walk_keys = walk_keys,
    .record_get = record_get,
    .record_put = record_put,
    .records = records,
};

struct engine *memory_engine_open(void)
{
    struct memory_engine *engine = xcalloc(1, sizeof *engine);
    engine->base.ops = &memory_ops;
    pthread_mutex_init(&engine->lock, NULL);
    return &engine->base;
}

void memory_engine_fill(struct engine *base, bool full)
{
    struct memory_engine *engine = (struct memory_engine *)base;
    pthread_mutex_lock(&engine->lock);
    engine->full = full;
    pthread_mutex_unlock(&engine->lock);
}

struct tree *memory_engine_back_up(struct engine *base)
{
    struct memory_engine *engine = (struct memory_engine *)base;
    pthread_mutex_lock(&engine->lock);
    struct tree *backup = tree_ref(engine->tree);
    pthread_mutex_unlock(&engine->lock);
    return backup;
}

void memory_engine_put_back(struct engine *base, struct tree *backup)
{
    struct memory_engine *engine = (struct memory_engine *)base;
    pthread_mutex_lock(&engine->lock);
    struct tree *old = engine->tree;
    engine->tree = tree_ref(backup);
    pthread_mutex_unlock(&engine->lock);
    known_forget(base->known);
    tree_unref(old);
}

void memory_backup_free(struct tree *backup)
{
    tree_unref(backup);
}
