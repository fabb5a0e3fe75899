#include "store/sqlite_look.h"

#include <stdio.h>
#include <string.h>

static bool visit_any(const char *name, void *context)
{
    (void)name, (void)context;
    return true;
}

static enum failure look_lightly(struct session *s, const struct sqlite_engine *engine,
                                 struct error *e)
{
    const struct engine_ops *ops = engine->base.ops;
    enum failure bad = sqlite_recognize(session_of(s)->db, engine->path, engine->pool, e);
    if (!bad)
        bad = ops->records(s, "", visit_any, NULL, e);
    return bad ? bad : ops->homes(s, visit_any, NULL, e);
}

/* --- the structure --- */

/* All that are made with the file. */
static const char *const tables[] = {"meta", "home", "record", "replaced"};

static enum failure check_table(struct sqlite_session *s, const char *table, struct error *e)
{
    char sql[64];
    sqlite3_stmt *stmt = NULL;
    snprintf(sql, sizeof sql, "PRAGMA integrity_check(%s)", table);
    enum failure bad = sqlite_prepare(s, sql, &stmt, e);
    if (bad)
        return bad;
    int code = sqlite3_step(stmt);
    const char *said = code == SQLITE_ROW ? (const char *)sqlite3_column_text(stmt, 0) : NULL;
    if (said && strcmp(said, "ok") != 0)
        bad = sqlite_fail_damaged(s->path, "checking its structure", e);
    enum failure worse = sqlite_done(s, stmt, code, "checking its structure", e);
    sqlite3_finalize(stmt);
    return bad ? bad : worse;
}

static bool never_interrupted(void *context)
{
    (void)context;
    return true;
}

/* --- the homes --- */

struct adding {
    struct session *s;
    const struct engine_ops *ops;
    enum look how;
    struct error *e;
    struct digest sums[MODULES];
    enum failure bad;
};

static bool add_item(const struct item *item, struct item_hash hash, void *context)
{
    struct adding *a = context;
    digest_add(&a->sums[item->module], item, hash);
    return true;
}

static bool is_sum(const struct adding *a, const struct home_row *row)
{
    for (int m = 0; m < MODULES; m++) {
        if (!digest_equal(&a->sums[m], &row->state.modules[m].digest))
            return false;
    }
    return true;
}

/* Of a home that was dropped some items are gone. */
static bool add_home(const char *name, void *context)
{
    struct adding *a = context;
    struct home_row row;
    if (strncmp(name, HOME_DROPPED, strlen(HOME_DROPPED)) == 0)
        return true;
    memset(a->sums, 0, sizeof a->sums);
    a->bad = a->ops->home_load(a->s, name, &row, a->e);
    if (a->bad)
        return false;
    enum failure unread = a->ops->walk_usn(a->s, row.id, 0, add_item, a, a->e);
    if (!unread && !is_sum(a, &row))
        a->bad = rows_do_not_add_up(name, a->e);
    if (unread && a->how == LOOK_CLOSELY)
        a->bad = unread;
    return !a->bad;
}

static enum failure add_up(struct session *s, enum look how, const struct sqlite_engine *engine,
                           struct error *e)
{
    const struct engine_ops *ops = engine->base.ops;
    struct adding a = {.s = s, .ops = ops, .how = how, .e = e};
    enum failure bad = ops->homes(s, add_home, &a, e);
    return a.bad ? a.bad : bad;
}

enum failure sqlite_look(const struct sqlite_engine *engine, enum look how, struct error *e)
{
    struct sqlite_engine once = {.base.ops = engine->base.ops,
                                 .path = engine->path,
                                 .vfs = engine->vfs,
                                 .synchronous = engine->synchronous,
                                 .leaves_log = true};
    struct session *s;
    enum failure bad = sqlite_session_open(&once.base, false, &s, e);
    if (bad)
        return bad;
    bad = look_lightly(s, engine, e);
    /* As a byte of its header can have it. */
    if (!bad && how == LOOK_CLOSELY && sqlite3_db_readonly(session_of(s)->db, "main") == 1)
        bad = sqlite_fail_damaged(engine->path, "looking whether it can be written", e);
    for (size_t i = 0; !bad && how != LOOK_LIGHTLY && i < COUNT_OF(tables); i++)
        bad = check_table(session_of(s), tables[i], e);
    if (!bad && how == LOOK_CLOSELY)
        bad = sqlite_structure(s, never_interrupted, NULL, e);
    if (!bad && how != LOOK_LIGHTLY)
        bad = add_up(s, how, engine, e);
    sqlite_session_close(s);
    return bad;
}
