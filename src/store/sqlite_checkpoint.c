#include "store/sqlite_checkpoint.h"

#include <pthread.h>
#include <stdatomic.h>
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

    int64_t length;   /* the writer's: of the log behind its last commit, … */
    int64_t asked_at; /* … and when it asked last */

    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool wanted, working, stopping;
    unsigned beginnings; /* of the log, since the store was opened */
    int64_t taken;       /* so much of the log is in the file, durably; 0: nobody knows */
    bool failed;         /* and somebody was told */

    atomic_bool gave_up; /* a flush failed: nothing is taken from the log any more */
};

enum failure checkpointer_check(const struct checkpointer *checkpointer, struct error *e)
{
    if (!checkpointer || !atomic_load(&checkpointer->gave_up))
        return OK;
    return fail(e, FAIL_IO, "What was taken from the log of %s could not be flushed.",
                session_of(checkpointer->session)->path);
}

/* A flush failed. What SQLite counts as taken, and reads in the file from now on, the kernel may
 * have dropped, and would report the next flush as done. In the log it is still: a store that is
 * opened anew reads it there. So nobody may empty that, nor commit what he made of pages of the
 * file. */
static void give_up(struct checkpointer *checkpointer)
{
    struct error e;
    atomic_store(&checkpointer->gave_up, true);
    sqlite3_db_config(session_of(checkpointer->session)->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1,
                      NULL);
    checkpointer_check(checkpointer, &e);
    error_kept(&e, "All that was acknowledged is in the log, which is kept.");
    error_next(&e, "Look after the disk, then start the service again.");
    log_error(LOG_EVENT_ERROR, "store-log-kept", &e, "The store takes no more changes.");
}

/* Returns how much of the log is in the file by then. If this fails, on a full disk, say, what is
 * in the log stays there, and counts. */
static int64_t run(struct checkpointer *checkpointer, sqlite3 *db, int how)
{
    struct error e = {0};
    int taken = 0;
    if (atomic_load(&checkpointer->gave_up))
        return 0;
    int code = sqlite3_wal_checkpoint_v2(db, NULL, how, NULL, &taken);
    bool failed = code != SQLITE_OK && (code & 0xff) != SQLITE_BUSY;
    if (code == SQLITE_IOERR_FSYNC) {
        give_up(checkpointer);
    } else if (failed && !checkpointer->failed) {
        sqlite_fail(db, session_of(checkpointer->session)->path, "emptying its log", &e);
        log_error(LOG_EVENT_WARNING, "store-log-grows", &e,
                  "The log of the store can't be emptied and grows; nothing is lost.");
    }
    if (!failed && checkpointer->failed)
        log_event(LOG_EVENT_NOTICE, "store-log-emptied", "The log of the store is emptied again.");
    checkpointer->failed = failed;
    return taken > 0 ? (int64_t)taken * checkpointer->page_size : 0;
}

/* Where something is left in the log, SQLite leaves it to the one who takes that to flush all that
 * is in the file: it would be the writer, and whoever waits for him. */
static bool flush(const struct checkpointer *checkpointer)
{
    sqlite3_file *file = NULL;
    sqlite3_file_control(session_of(checkpointer->session)->db, NULL, SQLITE_FCNTL_FILE_POINTER,
                         &file);
    return file->pMethods->xSync(file, SQLITE_SYNC_NORMAL) == SQLITE_OK;
}

/* Without the lock. It begins only where something is known to be left, and that can be nobody
 * else's meanwhile: SQLite before 3.51.3 mistakes the log that begins anew for the one that it has
 * just looked at, and counts as taken what is in none but that. */
static int64_t pass(struct checkpointer *checkpointer)
{
    int64_t taken =
        run(checkpointer, session_of(checkpointer->session)->db, SQLITE_CHECKPOINT_PASSIVE);
    if (!taken || flush(checkpointer))
        return taken;
    give_up(checkpointer);
    return 0;
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
        unsigned beginnings = checkpointer->beginnings;
        pthread_mutex_unlock(&checkpointer->lock);
        int64_t taken = pass(checkpointer);
        pthread_mutex_lock(&checkpointer->lock);
        checkpointer->working = false;
        checkpointer->taken = beginnings == checkpointer->beginnings ? taken : 0;
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
    checkpointer->taken = 0;
    sqlite3_busy_timeout(writer, readers_ms);
    run(checkpointer, writer, SQLITE_CHECKPOINT_RESTART);
    sqlite3_busy_timeout(writer, SQLITE_BUSY_MS);
}

static void ask(struct checkpointer *checkpointer)
{
    checkpointer->wanted = true;
    pthread_cond_broadcast(&checkpointer->changed);
}

static bool little_is_left(const struct checkpointer *checkpointer)
{
    int64_t left = checkpointer->length - checkpointer->taken;
    return !checkpointer->wanted && !checkpointer->working && checkpointer->taken > 0 &&
           left <= checkpointer->log_bytes / CHECKPOINT_REST_PART;
}

/* It is as long as it may be, or longer. With the lock held. */
static void look(struct checkpointer *checkpointer, sqlite3 *writer)
{
    const int64_t enough = checkpointer->log_bytes, length = checkpointer->length;
    bool due = length - checkpointer->asked_at >= enough / CHECKPOINT_STEP_PART;
    bool busy = checkpointer->wanted || checkpointer->working;
    if (little_is_left(checkpointer))
        run_here(checkpointer, writer, CHECKPOINT_READERS_MS);
    else if (due && length >= enough * CHECKPOINT_LOG_TIMES_MAX)
        run_here(checkpointer, writer, CHECKPOINT_READERS_MS_MAX);
    else if (due && !busy) /* else it may take this, too, and nothing is left for the next time */
        ask(checkpointer);
    if (due && !busy)
        checkpointer->asked_at = length;
}

/* Of what was taken from the log before, whoever works on it is told that it counts no more. A
 * single commit that is as long as all before it may be the first of another log. */
static void note_length(struct checkpointer *checkpointer, int64_t length)
{
    bool anew = length <= checkpointer->length || length >= 2 * checkpointer->length;
    checkpointer->length = length;
    if (!anew)
        return;
    checkpointer->asked_at = 0;
    pthread_mutex_lock(&checkpointer->lock);
    checkpointer->beginnings++;
    checkpointer->taken = 0;
    pthread_mutex_unlock(&checkpointer->lock);
}

/* Called by the writer, behind each commit. */
static int on_commit(void *context, sqlite3 *writer, const char *name, int pages)
{
    (void)name;
    struct checkpointer *checkpointer = context;
    note_length(checkpointer, (int64_t)pages * checkpointer->page_size);
    if (checkpointer->length < checkpointer->log_bytes)
        return SQLITE_OK;
    pthread_mutex_lock(&checkpointer->lock);
    look(checkpointer, writer);
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
