#include "store/sqlite_session.h"

#include <assert.h>
#include <stdlib.h>

#include "store/sqlite_checkpoint.h"
#include "store/sqlite_keys.h"
#include "store/sqlite_log.h"

enum {
    CACHE_KIB = 16384, /* pages that a connection keeps */
};

/* --- statements --- */

enum failure sqlite_prepare(struct sqlite_session *s, const char *sql, sqlite3_stmt **stmt,
                            struct error *e)
{
    if (sqlite3_prepare_v3(s->db, sql, -1, SQLITE_PREPARE_PERSISTENT, stmt, NULL) != SQLITE_OK)
        return sqlite_fail(s->db, s->path, "preparing a statement", e);
    return OK;
}

enum failure sqlite_ready(struct sqlite_session *s, sqlite3_stmt **stmt, const char *sql,
                          struct error *e)
{
    return *stmt ? OK : sqlite_prepare(s, sql, stmt, e);
}

enum failure sqlite_done(struct sqlite_session *s, sqlite3_stmt *stmt, int code, const char *doing,
                         struct error *e)
{
    enum failure bad = OK;
    if (code != SQLITE_DONE && code != SQLITE_ROW && code != SQLITE_OK)
        bad = sqlite_fail(s->db, s->path, doing, e);
    sqlite3_reset(stmt);
    return bad;
}

enum failure sqlite_step_once(struct sqlite_session *s, sqlite3_stmt **stmt, const char *sql,
                              const char *doing, struct error *e)
{
    enum failure bad = sqlite_ready(s, stmt, sql, e);
    return bad ? bad : sqlite_done(s, *stmt, sqlite3_step(*stmt), doing, e);
}

void sqlite_bind_bytes(sqlite3_stmt *stmt, int at, struct bytes v)
{
    /* A NULL pointer would bind NULL, which the schema refuses; an empty value is empty. */
    sqlite3_bind_blob64(stmt, at, v.size ? (const void *)v.at : "", v.size, SQLITE_STATIC);
}

void sqlite_bind_u64(sqlite3_stmt *stmt, int at, uint64_t v)
{
    assert(v <= INT64_MAX);
    sqlite3_bind_int64(stmt, at, (int64_t)v);
}

struct bytes sqlite_column_bytes_of(sqlite3_stmt *stmt, int at)
{
    const void *v = sqlite3_column_blob(stmt, at);
    return bytes_of(v, (size_t)sqlite3_column_bytes(stmt, at));
}

void sqlite_give_back(struct sqlite_session *s)
{
    if (s->lent)
        sqlite3_reset(s->lent);
    s->lent = NULL;
}

/* --- sessions --- */

void sqlite_session_close(struct session *base)
{
    struct sqlite_session *s = session_of(base);
    if (!s)
        return;
    sqlite3_stmt *stmt;
    while ((stmt = sqlite3_next_stmt(s->db, NULL)))
        sqlite3_finalize(stmt);
    sqlite3_close(s->db);
    sqlite_keys_close(s);
    free(s->items);
    free(s);
}

static enum failure configure(struct sqlite_session *s, const struct sqlite_engine *engine,
                              struct error *e)
{
    char *sql =
        sqlite3_mprintf("PRAGMA synchronous = %s; PRAGMA cache_size = -%d;"
                        "PRAGMA foreign_keys = OFF; PRAGMA trusted_schema = OFF;"
                        "PRAGMA temp_store = MEMORY;" /* a list of usns; keys, of an older schema */
                        "PRAGMA wal_autocheckpoint = 0;",
                        engine->synchronous, CACHE_KIB);
    enum failure bad = sqlite_run(s->db, s->path, sql, e);
    sqlite3_free(sql);
    if (!bad)
        bad = sqlite_keys_open(s, e);
    return !bad && s->writing ? sqlite_writing_open(s, e) : bad;
}

enum failure sqlite_session_open(struct engine *base, bool writing, struct session **result,
                                 struct error *e)
{
    struct sqlite_engine *engine = (struct sqlite_engine *)base;
    struct sqlite_session *s = xcalloc(1, sizeof *s);
    s->base.engine = base;
    s->writing = writing;
    s->path = engine->path;
    int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_READWRITE | (writing ? SQLITE_OPEN_CREATE : 0);
    enum failure bad = OK;
    if (sqlite3_open_v2(engine->path, &s->db, flags, engine->vfs) != SQLITE_OK)
        bad = sqlite_fail(s->db, s->path, "opening", e);
    if (!bad) {
        sqlite3_extended_result_codes(s->db, 1);
        sqlite3_busy_timeout(s->db, SQLITE_BUSY_MS);
        sqlite3_db_config(s->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, (int)engine->leaves_log, NULL);
        bad = configure(s, engine, e);
        if (!bad && writing && engine->checkpointer)
            checkpointer_follow(engine->checkpointer, s->db);
    }
    if (bad) {
        sqlite_session_close(&s->base);
        return bad;
    }
    *result = &s->base;
    return OK;
}

void sqlite_rollback(struct session *base)
{
    struct sqlite_session *s = session_of(base);
    sqlite_give_back(s);
    s->replaced_known = false;
    sqlite3_reset(s->pin);
    if (!sqlite3_get_autocommit(s->db))
        sqlite_step_once(s, &s->rollback, "ROLLBACK", "rolling back", NULL);
    sqlite_log_forget(s->db);
}

/* A view's point in time is its beginning, not its first reading; and it lasts until this statement
 * is reset, for half of what BEGIN and ROLLBACK would take. It reads the page that is read at each
 * beginning anyway. */
static enum failure pin(struct sqlite_session *s, struct error *e)
{
    enum failure bad = sqlite_ready(s, &s->pin, "SELECT 1 FROM sqlite_schema", e);
    int code = bad ? SQLITE_ERROR : sqlite3_step(s->pin);
    return bad || code == SQLITE_ROW ? bad : sqlite_done(s, s->pin, code, "beginning", e);
}

/* The writer takes the lock at once: a reader may hold it for a moment while the writer changes the
 * index of the WAL, and SQLite waits for a lock only at the beginning of a transaction. */
enum failure sqlite_begin(struct session *base, struct error *e)
{
    struct sqlite_session *s = session_of(base);
    if (s->writing)
        return sqlite_step_once(s, &s->begin, "BEGIN IMMEDIATE", "beginning", e);
    return pin(s, e);
}

enum failure sqlite_commit(struct session *base, struct error *e)
{
    struct sqlite_session *s = session_of(base);
    const struct sqlite_engine *engine = (const struct sqlite_engine *)base->engine;
    if (checkpointer_check(engine->checkpointer, e))
        return e->kind;
    return sqlite_step_once(s, &s->commit, "COMMIT", "committing", e);
}
