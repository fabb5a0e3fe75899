/* The SQLite engine: a file in WAL mode, flushed at every commit; one connection that writes, a few
 * that read.
 *
 * Each home has two tables of its own. In item_<id> are the items, by usn: changes append at its
 * end, and copying reads it in order. leaf_<id> leads from their keys to them. What a change
 * replaces stays among them for a while, named in `replaced`.
 *
 * What SQLite does not see, we look for: each row has a hash, and so have the keys that lie
 * together; a miss is believed only if those say that they would have that key; a walk over
 * everything must add up to the digest. */
#include "store/sqlite_session.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "store/sqlite_checkpoint.h"
#include "store/sqlite_log.h"
#include "store/sqlite_mend.h"
#include "store/sqlite_renewal.h"
#include "store/sqlite_spared.h"

/* --- homes --- */

/* Checks the row that a name stands in. */
typedef enum failure check_name(sqlite3_stmt *stmt, struct error *e);

static enum failure visit_names(struct sqlite_session *s, sqlite3_stmt *stmt, check_name *check,
                                view_visit_name *visit, void *context, struct error *e)
{
    enum failure bad = OK;
    int code;
    while ((code = sqlite3_step(stmt)) == SQLITE_ROW) {
        bad = check(stmt, e);
        if (bad || !visit((const char *)sqlite3_column_text(stmt, 0), context))
            break;
    }
    enum failure worse = sqlite_done(s, stmt, code, "reading names", e);
    return worse ? worse : bad;
}

/* In the order of the table, not of its index: that is how a damaged index is found out. */
static const char list_homes[] = "SELECT name, state, id FROM home NOT INDEXED ORDER BY +name";

static enum failure check_home(sqlite3_stmt *stmt, struct error *e)
{
    const char *name = (const char *)sqlite3_column_text(stmt, 0);
    struct home_row row = {.id = sqlite3_column_int64(stmt, 2)};
    return home_row_decode(name ? name : "?", &row, sqlite_column_bytes_of(stmt, 1), e);
}

struct look_for {
    const char *name;
    bool found;
};

static bool note_name(const char *name, void *context)
{
    struct look_for *look = context;
    look->found = strcmp(name, look->name) == 0;
    return !look->found;
}

/* A home that is not found is rare, and must be true: one with a damaged name would be created a
 * second time. */
static enum failure prove_no_home(struct sqlite_session *s, const char *home, struct error *e)
{
    struct look_for look = {.name = home};
    enum failure bad = sqlite_ready(s, &s->homes, list_homes, e);
    if (!bad)
        bad = visit_names(s, s->homes, check_home, note_name, &look, e);
    if (!bad && look.found)
        bad = sqlite_fail_damaged(s->path, "looking a home up", e);
    return bad;
}

static enum failure home_load(struct session *base, const char *home, struct home_row *row,
                              struct error *e)
{
    struct sqlite_session *s = session_of(base);
    sqlite_give_back(s);
    *row = (struct home_row){0};
    enum failure bad =
        sqlite_ready(s, &s->home_load, "SELECT id, state FROM home WHERE name = ?1", e);
    if (bad)
        return bad;
    sqlite3_bind_text(s->home_load, 1, home, -1, SQLITE_STATIC);
    int code = sqlite3_step(s->home_load);
    if (code == SQLITE_ROW) {
        row->id = sqlite3_column_int64(s->home_load, 0);
        bad = home_row_decode(home, row, sqlite_column_bytes_of(s->home_load, 1), e);
    }
    enum failure worse = sqlite_done(s, s->home_load, code, "reading a home", e);
    if (worse || code == SQLITE_ROW)
        return worse ? worse : bad;
    bad = prove_no_home(s, home, e);
    return bad ? bad : fail(e, FAIL_NOT_FOUND, "The store %s has no home %s.", s->path, home);
}

/* A row that was known without being read may not be where it was. */
static enum failure changed_one(struct sqlite_session *s, enum failure bad, struct error *e)
{
    return bad || sqlite3_changes(s->db) == 1 ? bad
                                              : sqlite_fail_damaged(s->path, "writing a home", e);
}

static enum failure home_save(struct session *base, const char *home, struct home_row *row,
                              struct error *e)
{
    struct sqlite_session *s = session_of(base);
    OWNED(buffer_free) struct buffer state = {0};
    home_row_encode(home, row, &state);
    bool creates = row->id == 0;
    sqlite3_stmt **stmt = creates ? &s->home_insert : &s->home_save;
    enum failure bad = sqlite_ready(s, stmt,
                                    creates ? "INSERT INTO home (name, state) VALUES (?1, ?2)"
                                            : "UPDATE home SET state = ?2 "
                                              "WHERE id = ?1 AND name = ?3",
                                    e);
    if (bad)
        return bad;
    if (creates)
        sqlite3_bind_text(*stmt, 1, home, -1, SQLITE_STATIC);
    else
        sqlite3_bind_int64(*stmt, 1, row->id);
    if (!creates)
        sqlite3_bind_text(*stmt, 3, home, -1, SQLITE_STATIC);
    sqlite_bind_bytes(*stmt, 2, buffer_view(&state));
    bad = changed_one(s, sqlite_done(s, *stmt, sqlite3_step(*stmt), "writing a home", e), e);
    if (!bad && creates) {
        row->id = sqlite3_last_insert_rowid(s->db);
        bad = sqlite_create_items(s, row->id, e);
    }
    return bad;
}

/* Rare: its statements are not kept. */
static enum failure run_once(struct sqlite_session *s, const char *sql, int64_t id,
                             const char *name, struct bytes state, struct error *e)
{
    sqlite3_stmt *stmt = NULL;
    enum failure bad = sqlite_prepare(s, sql, &stmt, e);
    if (bad)
        return bad;
    sqlite3_bind_int64(stmt, 1, id);
    if (name) {
        sqlite3_bind_text(stmt, 2, name, -1, SQLITE_STATIC);
        sqlite_bind_bytes(stmt, 3, state);
    }
    bad = changed_one(s, sqlite_done(s, stmt, sqlite3_step(stmt), "dropping a home", e), e);
    sqlite3_finalize(stmt);
    return bad;
}

static enum failure home_rename(struct session *base, const char *home, const char *name,
                                const struct home_row *row, struct error *e)
{
    (void)home;
    OWNED(buffer_free) struct buffer state = {0};
    home_row_encode(name, row, &state);
    return run_once(session_of(base), "UPDATE home SET name = ?2, state = ?3 WHERE id = ?1",
                    row->id, name, buffer_view(&state), e);
}

static enum failure home_remove(struct session *base, const char *home, int64_t id, struct error *e)
{
    (void)home;
    struct sqlite_session *s = session_of(base);
    enum failure bad = sqlite_drop_items(s, id, e);
    return bad ? bad : run_once(s, "DELETE FROM home WHERE id = ?1", id, NULL, BYTES_NONE, e);
}

static enum failure homes(struct session *base, view_visit_name *visit, void *context,
                          struct error *e)
{
    struct sqlite_session *s = session_of(base);
    sqlite_give_back(s);
    enum failure bad = sqlite_ready(s, &s->homes, list_homes, e);
    return bad ? bad : visit_names(s, s->homes, check_home, visit, context, e);
}

/* --- records --- */

/* A record by its row: name and value. */
static enum failure check_record(sqlite3_stmt *stmt, struct error *e)
{
    const char *name = (const char *)sqlite3_column_text(stmt, 0);
    return record_check(name ? name : "?", sqlite_column_bytes_of(stmt, 1), e);
}

/* As with items. */
static enum failure prove_no_record(struct sqlite_session *s, const char *name, struct error *e)
{
    sqlite3_stmt **const stmts[] = {&s->record_before, &s->record_behind};
    static const char *const sql[] = {
        "SELECT name, value FROM record WHERE name < ?1 ORDER BY name DESC LIMIT 1",
        "SELECT name, value FROM record WHERE name > ?1 ORDER BY name LIMIT 1"};
    enum failure bad = OK;
    for (size_t i = 0; !bad && i < COUNT_OF(sql); i++) {
        bad = sqlite_ready(s, stmts[i], sql[i], e);
        if (bad)
            return bad;
        sqlite3_bind_text(*stmts[i], 1, name, -1, SQLITE_STATIC);
        int code = sqlite3_step(*stmts[i]);
        if (code == SQLITE_ROW)
            bad = check_record(*stmts[i], e);
        enum failure worse = sqlite_done(s, *stmts[i], code, "reading a record", e);
        bad = worse ? worse : bad;
    }
    return bad;
}

static enum failure record_get(struct session *base, const char *name, struct buffer *value,
                               struct error *e)
{
    struct sqlite_session *s = session_of(base);
    sqlite_give_back(s);
    enum failure bad =
        sqlite_ready(s, &s->record_get, "SELECT value FROM record WHERE name = ?1", e);
    if (bad)
        return bad;
    sqlite3_bind_text(s->record_get, 1, name, -1, SQLITE_STATIC);
    int code = sqlite3_step(s->record_get);
    buffer_clear(value);
    if (code == SQLITE_ROW) {
        struct bytes v = sqlite_column_bytes_of(s->record_get, 0);
        buffer_raw(value, v.at, v.size);
    }
    bad = sqlite_done(s, s->record_get, code, "reading a record", e);
    if (bad || code == SQLITE_ROW)
        return bad;
    bad = prove_no_record(s, name, e);
    return bad ? bad : fail(e, FAIL_NOT_FOUND, "There is no record %s.", name);
}

static enum failure record_put(struct session *base, const char *name, struct bytes value,
                               struct error *e)
{
    struct sqlite_session *s = session_of(base);
    bool removes = value.size == 0;
    sqlite3_stmt **stmt = removes ? &s->record_remove : &s->record_put;
    enum failure bad = sqlite_ready(s, stmt,
                                    removes ? "DELETE FROM record WHERE name = ?1"
                                            : "INSERT OR REPLACE INTO record VALUES (?1, ?2)",
                                    e);
    if (bad)
        return bad;
    sqlite3_bind_text(*stmt, 1, name, -1, SQLITE_STATIC);
    if (!removes)
        sqlite_bind_bytes(*stmt, 2, value);
    return sqlite_done(s, *stmt, sqlite3_step(*stmt), "writing a record", e);
}

struct with_prefix {
    const char *prefix;
    view_visit_name *visit;
    void *context;
};

static bool visit_with_prefix(const char *name, void *context)
{
    const struct with_prefix *only = context;
    return strncmp(name, only->prefix, strlen(only->prefix)) != 0 ||
           only->visit(name, only->context);
}

/* All are checked, whatever the prefix: a damaged name would not have it. */
static enum failure records(struct session *base, const char *prefix, view_visit_name *visit,
                            void *context, struct error *e)
{
    struct sqlite_session *s = session_of(base);
    struct with_prefix only = {.prefix = prefix, .visit = visit, .context = context};
    sqlite_give_back(s);
    enum failure bad =
        sqlite_ready(s, &s->records, "SELECT name, value FROM record ORDER BY name", e);
    return bad ? bad : visit_names(s, s->records, check_record, visit_with_prefix, &only, e);
}

/* --- the engine --- */

static void engine_close(struct engine *base)
{
    struct sqlite_engine *engine = (struct sqlite_engine *)base;
    checkpointer_free(engine->checkpointer);
    if (engine->lock >= 0)
        close(engine->lock);
    free(engine->path);
    free(engine->pool);
    free(engine->synchronous);
    free(engine);
}

static const struct engine_ops sqlite_ops = {
    .close = engine_close,
    .session = sqlite_session_open,
    .session_close = sqlite_session_close,
    .begin = sqlite_begin,
    .commit = sqlite_commit,
    .rollback = sqlite_rollback,
    .home_load = home_load,
    .home_save = home_save,
    .home_rename = home_rename,
    .home_remove = home_remove,
    .sweep = sqlite_sweep,
    .homes = homes,
    .find = sqlite_find,
    .lead = sqlite_lead,
    .insert = sqlite_insert,
    .take = sqlite_take,
    .is_untidy = sqlite_is_untidy,
    .tidy = sqlite_tidy,
    .drop = sqlite_drop,
    .discard = sqlite_discard,
    .forget = sqlite_forget,
    .get = sqlite_get,
    .walk_usn = sqlite_walk_usn,
    .newest = sqlite_newest,
    .scan = sqlite_scan,
    .structure = sqlite_structure,
    .renew = sqlite_renew,
    .walk_keys = sqlite_walk_keys,
    .record_get = record_get,
    .record_put = record_put,
    .records = records,
};

static enum failure cannot_open(const char *path, struct error *e)
{
    int why = errno;
    enum failure kind = why == ENOSPC || why == EDQUOT   ? FAIL_FULL
                        : why == EMFILE || why == ENFILE ? FAIL_IO
                        : why == EISDIR                  ? FAIL_FOREIGN
                                                         : FAIL_READ_ONLY;
    fail(e, kind, "%s can't be opened for writing: %s.", path, strerror(why));
    if (e) {
        error_kept(e, "Nothing was changed.");
        error_next(e, kind == FAIL_FULL      ? "Make room there, then try again."
                      : kind == FAIL_FOREIGN ? "Check the database's path in the configuration."
                                             : "Check that the folder exists, the owner and mode "
                                               "of both, and how the file system is mounted.");
    }
    return kind;
}

/* Two processes on one store would be two masters in one pool. */
static enum failure lock_file(struct sqlite_engine *engine, struct error *e)
{
    OWNED(free_memory) char *path = xasprintf("%s.lock", engine->path);
    engine->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (engine->lock < 0)
        return cannot_open(path, e);
    if (flock(engine->lock, LOCK_EX | LOCK_NB) == 0)
        return OK;
    fail(e, FAIL_BUSY, "%s is in use by another process.", engine->path);
    if (e) {
        error_kept(e, "Nothing was changed.");
        error_next(e, "Only one polluxd may run on a store: fuser -v %s", path);
    }
    return FAIL_BUSY;
}

/* A new file is readable for nobody else: passwords of a kind are in it. SQLite gives its other
 * files the same mode. Only with the lock held: closing a file drops SQLite's locks on it. */
static enum failure create_file(const struct sqlite_engine *engine, struct error *e)
{
    int fd = open(engine->path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return cannot_open(engine->path, e);
    close(fd);
    return OK;
}

static enum failure prepare_file(struct sqlite_engine *engine, const char *pool, struct error *e)
{
    struct session *first;
    enum failure bad = create_file(engine, e);
    if (bad)
        return bad;
    bad = sqlite_session_open(&engine->base, true, &first, e);
    if (bad)
        return bad;
    sqlite3 *db = session_of(first)->db;
    bad = sqlite_adopt(db, engine->path, pool, e);
    if (!bad)
        bad = sqlite_run(db, engine->path, "PRAGMA journal_mode = WAL", e);
    sqlite_session_close(first);
    return bad;
}

/* SQLite would count its memory under a lock, twice for each row that is written, and nobody asks.
 */
static void configure_library(void)
{
    sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
}

enum failure sqlite_engine_open_with(const char *path, const char *pool,
                                     const struct sqlite_options *options, struct engine **result,
                                     struct error *e)
{
    static pthread_once_t configured = PTHREAD_ONCE_INIT;
    pthread_once(&configured, configure_library);
    struct sqlite_engine *engine = xcalloc(1, sizeof *engine);
    engine->base.ops = &sqlite_ops;
    engine->path = xstrdup(path);
    engine->pool = xstrdup(pool);
    engine->vfs =
        sqlite_spared_vfs(options->synchronous ? options->vfs : sqlite_log_vfs(options->vfs));
    engine->synchronous = xstrdup(options->synchronous ? options->synchronous : "FULL");
    engine->replaced_max = options->replaced_max ? options->replaced_max : REPLACED_MAX;
    enum failure bad = lock_file(engine, e);
    if (!bad)
        bad = sqlite_mend(engine, e);
    if (!bad)
        bad = sqlite_renewal_carry_out(engine, e);
    if (!bad)
        bad = prepare_file(engine, pool, e);
    if (!bad)
        sqlite_spare_bring_up(engine);
    if (!bad)
        bad = checkpointer_new(&engine->base, options->log_bytes, &engine->checkpointer, e);
    if (bad) {
        engine_close(&engine->base);
        return bad;
    }
    *result = &engine->base;
    return OK;
}

enum failure sqlite_engine_open(const char *path, const char *pool, struct engine **engine,
                                struct error *e)
{
    return sqlite_engine_open_with(path, pool, &(struct sqlite_options){0}, engine, e);
}
