/* What SQLite itself finds wrong in its file: damage that no row shows. */
#include <stdio.h>
#include <string.h>

#include "store/sqlite_session.h"

struct pace {
    view_goes_on *goes_on;
    void *context;
};

/* SQLite asks each so many steps of its machine whether it may go on. */
enum { STEPS_EACH = 20000 };

static int interrupts(void *context)
{
    const struct pace *pace = context;
    return !pace->goes_on(pace->context);
}

enum failure sqlite_structure(struct session *base, view_goes_on *goes_on, void *context,
                              struct error *e)
{
    struct sqlite_session *s = session_of(base);
    struct pace pace = {goes_on, context};
    sqlite3_stmt *stmt = NULL;
    enum failure bad = sqlite_prepare(s, "PRAGMA integrity_check(1)", &stmt, e);
    if (bad)
        return bad;
    sqlite3_progress_handler(s->db, STEPS_EACH, interrupts, &pace);
    int code = sqlite3_step(stmt);
    const char *said = code == SQLITE_ROW ? (const char *)sqlite3_column_text(stmt, 0) : NULL;
    if (said && strcmp(said, "ok") != 0) {
        char doing[256];
        snprintf(doing, sizeof doing, "checking its structure: %s", said);
        bad = sqlite_fail_damaged(s->path, doing, e);
    } else if (code != SQLITE_ROW && code != SQLITE_INTERRUPT)
        bad = sqlite_done(s, stmt, code, "checking the structure", e);
    sqlite3_progress_handler(s->db, 0, NULL, NULL);
    sqlite3_finalize(stmt);
    return bad;
}
