#include "store/sqlite_checkpoint.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/thread.h"
#include "store/sqlite_session.h"

struct checkpointer {
    struct session *session;
    int64_t log_bytes;
    int page_size;
    bool has_thread;
    pthread_t thread;

    int64_t asked_at; /* the writer's: the log's length when it last asked */

    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool wanted, working, stopping;
    int64_t taken; /* so much of the log is in the file since it was last gone through; 0: nobody
                      knows */
    bool failed;   /* and somebody was told */
};

/* Returns how much of the log is in the file by then. If this fails, on a full disk, say, what is
 * in the log stays there, and counts. So it does no
 * harm that the kernel forgets pages that it could not flush: they are written again the next time.
 */
static int64_t run(struct checkpointer *checkpointer, sqlite3 *db, int how)
{
    struct error e = {0};
    int taken = 0;
    int code = sqlite3_wal_checkpoint_v2(db, NULL, how, NULL, &taken);
    bool failed = code != SQLITE_OK && (code & 0xff) != SQLITE_BUSY;
    if (failed && !checkpointer->failed) {
        sqlite_fail(db, session_of(checkpointer->session)->path, "emptying its log", &e);
        log_error(LOG_EVENT_WARNING, "store-log-grows", &e,
                  "The log of the store can't be emptied and grows; nothing is lost.");
    }
    if (!failed && checkpointer->failed)
        log_event(LOG_EVENT_NOTICE, "store-log-emptied", "The log of the store is emptied again.");
    checkpointer->failed = failed;
    return taken > 0 ? (int64_t)taken * checkpointer->page_size : 0;
}

static void *checkpoint(void *context)
{
    struct checkpointer *checkpointer = context;
    pthread_mutex_lock(&checkpointer->lock);
    for (;;) {
        while (!checkpointer->wanted && !checkpointer->stopping)
            pthread_cond_wait(&checkpointer->changed, &checkpointer->lock);
        if (checkpointer->stopping)
            break;
        checkpointer->wanted = false;
        checkpointer->working = true;
        pthread_mutex_unlock(&checkpointer->lock);
        int64_t taken =
            run(checkpointer, session_of(checkpointer->session)->db, SQLITE_CHECKPOINT_PASSIVE);
        pthread_mutex_lock(&checkpointer->lock);
        checkpointer->working = false;
        checkpointer->taken = taken;
        pthread_cond_broadcast(&checkpointer->changed);
    }
    pthread_mutex_unlock(&checkpointer->lock);
    return NULL;
}

/* With the lock held. Two can't do it at once; and when the first one is done, little is left.
 * Whoever reads in the log is waited for, because it begins anew only when nobody does; who comes
 * later reads in the file. */
static void run_here(struct checkpointer *checkpointer, sqlite3 *writer, int readers_ms)
{
    checkpointer->wanted = false;
    while (checkpointer->working)
        pthread_cond_wait(&checkpointer->changed, &checkpointer->lock);
    sqlite3_busy_timeout(writer, readers_ms);
    run(checkpointer, writer, SQLITE_CHECKPOINT_RESTART);
    sqlite3_busy_timeout(writer, SQLITE_BUSY_MS);
    checkpointer->taken = 0;
}

static void ask(struct checkpointer *checkpointer)
{
    checkpointer->wanted = true;
    pthread_cond_broadcast(&checkpointer->changed);
}

static bool little_is_left(const struct checkpointer *checkpointer, int64_t length)
{
    return !checkpointer->wanted && !checkpointer->working && checkpointer->taken > 0 &&
           length - checkpointer->taken <= checkpointer->log_bytes / CHECKPOINT_REST_PART;
}

/* The log is that long, and long enough. With the lock held. */
static void look(struct checkpointer *checkpointer, sqlite3 *writer, int64_t length)
{
    const int64_t enough = checkpointer->log_bytes;
    bool due = length - checkpointer->asked_at >= enough / CHECKPOINT_STEP_PART;
    if (little_is_left(checkpointer, length))
        run_here(checkpointer, writer, CHECKPOINT_READERS_MS);
    else if (due && length >= enough * CHECKPOINT_LOG_TIMES_MAX)
        run_here(checkpointer, writer, CHECKPOINT_READERS_MS_MAX);
    else if (due)
        ask(checkpointer);
    if (due)
        checkpointer->asked_at = length;
}

/* Called by the writer, behind each commit. */
static int on_commit(void *context, sqlite3 *writer, const char *name, int pages)
{
    (void)name;
    struct checkpointer *checkpointer = context;
    int64_t length = (int64_t)pages * checkpointer->page_size;
    if (length < checkpointer->asked_at) /* it began anew */
        checkpointer->asked_at = 0;
    if (length < checkpointer->log_bytes)
        return SQLITE_OK;
    pthread_mutex_lock(&checkpointer->lock);
    look(checkpointer, writer, length);
    pthread_mutex_unlock(&checkpointer->lock);
    return SQLITE_OK;
}

void checkpointer_follow(struct checkpointer *checkpointer, sqlite3 *writer)
{
    sqlite3_wal_hook(writer, on_commit, checkpointer);
}

static enum failure read_page_size(struct checkpointer *checkpointer, struct error *e)
{
    struct sqlite_session *s = session_of(checkpointer->session);
    sqlite3_stmt *stmt = NULL;
    enum failure bad = sqlite_prepare(s, "PRAGMA page_size", &stmt, e);
    int code = bad ? SQLITE_ERROR : sqlite3_step(stmt);
    if (code == SQLITE_ROW)
        checkpointer->page_size = sqlite3_column_int(stmt, 0);
    if (!bad)
        bad = sqlite_done(s, stmt, code, "reading its page size", e);
    sqlite3_finalize(stmt);
    return bad;
}

static enum failure no_thread(struct error *e)
{
    fail(e, FAIL_IO, "No thread could be started for the store.");
    error_kept(e, "Nothing was changed.");
    return error_next(e, "Look at the limits of the service (systemctl show -p TasksMax), then "
                         "start it again.");
}

enum failure checkpointer_new(struct engine *engine, int64_t log_bytes,
                              struct checkpointer **result, struct error *e)
{
    struct checkpointer *checkpointer = xcalloc(1, sizeof *checkpointer);
    checkpointer->log_bytes = log_bytes ? log_bytes : CHECKPOINT_LOG_BYTES;
    pthread_mutex_init(&checkpointer->lock, NULL);
    pthread_cond_init(&checkpointer->changed, NULL);
    enum failure bad = sqlite_session_open(engine, false, &checkpointer->session, e);
    if (!bad)
        bad = read_page_size(checkpointer, e);
    if (!bad) {
        checkpointer->has_thread =
            thread_start(&checkpointer->thread, "store-log", checkpoint, checkpointer);
        if (!checkpointer->has_thread)
            bad = no_thread(e);
    }
    if (bad) {
        checkpointer_free(checkpointer);
        return bad;
    }
    *result = checkpointer;
    return OK;
}

void checkpointer_free(struct checkpointer *checkpointer)
{
    if (!checkpointer)
        return;
    pthread_mutex_lock(&checkpointer->lock);
    checkpointer->stopping = true;
    pthread_cond_broadcast(&checkpointer->changed);
    pthread_mutex_unlock(&checkpointer->lock);
    if (checkpointer->has_thread)
        pthread_join(checkpointer->thread, NULL);
    sqlite_session_close(checkpointer->session);
    pthread_cond_destroy(&checkpointer->changed);
    pthread_mutex_destroy(&checkpointer->lock);
    free(checkpointer);
}
