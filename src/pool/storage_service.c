#include "pool/storage_service.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/count.h"
#include "base/log.h"
#include "base/random.h"
#include "core/rest.h"
#include "pool/commit.h"
#include "pool/session_drain.h"
#include "pool/session_queue.h"

enum { STORAGE_THREADS_MAX = 2 }; /* one batch of each of the two pools' homes */

struct storage_flush {
    struct storage_flush *next;
    struct storage_service *storage;
    struct storage_flush_options options;
    uint64_t began_ms;
    uint64_t upto[HOSTED_HOMES_MAX]; /* steady: what waited when it began */
    struct storage_flushed flushed;
};

struct storage_service {
    struct front_end *fe;
    struct workers *workers;
    struct session_drain *drains[HOSTED_HOMES_MAX]; /* one for each home of users */
    struct error troubles[HOSTED_HOMES_MAX];        /* what kept each the last time */
    struct rest rests[HOSTED_HOMES_MAX];
    size_t count;
    struct storage_flush *flushes;
    uint64_t opened_ms; /* tried to, last */
    bool stopped;
    char *path, *machine;

    pthread_mutex_t lock;
    uint32_t noted;
    struct session_queue *queue; /* NULL: it could not be opened */
    bool untold;                 /* that records are refused without one was told already */
};

/* --- the queue --- */

static void tell_trouble(const struct error *e, void *context)
{
    (void)context;
    if (e)
        log_error(LOG_EVENT_ERROR, "session-records-refused", e,
                  "Session records are not kept; sessions go on.");
    else
        log_event(LOG_EVENT_NOTICE, "session-records-kept", "Session records are kept again.");
}

static void open_queue(struct storage_service *s)
{
    struct error e = {0};
    struct session_queue *queue = session_queue_open(s->path, s->machine, tell_trouble, s, &e);
    s->opened_ms = clock_ms();
    pthread_mutex_lock(&s->lock);
    s->queue = queue;
    bool news = s->untold != (queue == NULL);
    s->untold = queue == NULL;
    pthread_mutex_unlock(&s->lock);
    if (news)
        tell_trouble(queue ? NULL : &e, s);
}

static bool is_busy(const struct storage_service *s)
{
    for (size_t i = 0; i < s->count; i++) {
        if (session_drain_busy(s->drains[i]))
            return true;
    }
    return false;
}

static struct session_queue *take_queue(struct storage_service *s)
{
    pthread_mutex_lock(&s->lock);
    struct session_queue *queue = TAKE(s->queue);
    pthread_mutex_unlock(&s->lock);
    return queue;
}

/* One that can't go on, or could not be opened. */
static void look_after_queue(struct storage_service *s)
{
    if (clock_ms() - s->opened_ms < STORAGE_REOPEN_MS || is_busy(s))
        return;
    if (s->queue && session_queue_failed(s->queue))
        session_queue_close(take_queue(s));
    if (!s->queue)
        open_queue(s);
}

void storage_service_note(struct storage_service *s, const struct session_note *note)
{
    struct session_record record;
    pthread_mutex_lock(&s->lock); /* first: the ids shall be in the order of the queue */
    session_record_make(note, s->machine, clock_wall_ms(), s->noted++, (uint32_t)random_u64(),
                        &record);
    if (s->queue)
        session_queue_put(s->queue, &record);
    pthread_mutex_unlock(&s->lock);
}

void storage_service_settle(struct storage_service *s, storage_kept *kept, void *context)
{
    pthread_mutex_lock(&s->lock);
    bool there = s->queue;
    if (there)
        session_queue_settle(s->queue, kept, context);
    pthread_mutex_unlock(&s->lock);
    if (!there)
        kept(context);
}

size_t storage_service_queued(struct storage_service *s, const char *home, bool *usable)
{
    pthread_mutex_lock(&s->lock);
    *usable = s->queue;
    size_t count = s->queue ? session_queue_count(s->queue, home) : 0;
    pthread_mutex_unlock(&s->lock);
    return count;
}

/* --- flushes --- */

static bool concerns(const struct storage_flush *flush, const char *home)
{
    return !flush->options.home || strcmp(flush->options.home, home) == 0;
}

/* May this one's records go for this flush now? If not, why. */
static enum failure may_go(const struct storage_flush *flush, const struct session_drain *drain,
                           struct error *e)
{
    bool passes;
    bool steady = flush->options.kind == STORAGE_FLUSH_STEADY;
    enum failure bad = session_drain_way(drain, &passes, e);
    if (bad || !passes || !(steady || flush->options.here_only))
        return bad;
    fail(e, FAIL_REFUSED, "The home %s is not served here.", session_drain_home(drain));
    return error_next(e, steady ? "They go to its holder in the background, or at once with "
                                  "-FlushType FullFlush."
                                : "Without -Binding NetNamedPipe they go to its holder.");
}

/* How many of what it is to write are still here. */
static size_t left_of(const struct storage_flush *flush, size_t i)
{
    const struct storage_service *s = flush->storage;
    const char *home = session_drain_home(s->drains[i]);
    if (!s->queue || !concerns(flush, home))
        return 0;
    return flush->options.kind == STORAGE_FLUSH_STEADY
               ? session_queue_count_to(s->queue, home, flush->upto[i])
               : session_queue_count(s->queue, home);
}

static void count_left(struct storage_flush *flush, bool *could_go)
{
    struct storage_service *s = flush->storage;
    flush->flushed.left = 0;
    flush->flushed.why = (struct error){0};
    *could_go = false;
    for (size_t i = 0; i < s->count; i++) {
        struct error e = {0};
        size_t left = left_of(flush, i);
        flush->flushed.left += left;
        if (left && may_go(flush, s->drains[i], &e))
            flush->flushed.why = e;
        else if (left) {
            *could_go = true;
            if (s->troubles[i].kind)
                flush->flushed.why = s->troubles[i];
        }
    }
}

static void unlink_flush(struct storage_flush *flush)
{
    struct storage_flush **at = &flush->storage->flushes;
    while (*at != flush)
        at = &(*at)->next;
    *at = flush->next;
}

static void end_flush(struct storage_flush *flush, const struct error *e)
{
    unlink_flush(flush);
    flush->options.done(&flush->flushed, e, flush->options.context);
    free(flush);
}

static void no_queue(const struct storage_service *s, struct error *e)
{
    fail(e, FAIL_IO, "The storage queue %s could not be opened.", s->path);
    error_kept(e, "What waits in it stays there.");
    error_next(e, "The event log of %s says why; it is tried again by itself.", s->machine);
}

static void not_all(const struct storage_flush *flush, struct error *e)
{
    const struct storage_flushed *f = &flush->flushed;
    OWNED(free_memory) char *next = xstrdup(f->why.next);
    fail(e, f->why.kind ? f->why.kind : FAIL_DEADLINE, "%s could not be written%s%.500s",
         COUNTED(f->left, "session record"), f->why.kind ? ": " : " in time.",
         f->why.kind ? f->why.what : "");
    error_kept(e, "%s in the queue.", count_word(f->left, "It stays", "They stay"));
    error_next(e, "%s", next[0] ? next : "Give it again, or with a longer -WaitTime.");
}

/* Is it over? What can't go now is waited for by a full flush only. */
static bool look_at_flush(struct storage_flush *flush)
{
    struct error e = {0};
    bool could_go, late = clock_ms() - flush->began_ms >= flush->options.patience_ms;
    bool full = flush->options.kind == STORAGE_FLUSH_FULL;
    count_left(flush, &could_go);
    if (!flush->storage->queue) {
        no_queue(flush->storage, &e);
        end_flush(flush, &e);
    } else if (flush->flushed.left == 0 || (!full && !could_go)) {
        end_flush(flush, NULL);
    } else if (late) {
        not_all(flush, &e);
        end_flush(flush, &e);
    } else {
        return false;
    }
    return true;
}

/* A flush that ends may begin or cancel others. */
static void look_at_flushes(struct storage_service *s)
{
    for (struct storage_flush *flush = s->flushes; flush;)
        flush = look_at_flush(flush) ? s->flushes : flush->next;
}

static bool is_wanted(const struct storage_service *s, size_t i, bool full)
{
    struct error e;
    for (const struct storage_flush *flush = s->flushes; flush; flush = flush->next) {
        bool kind = full == (flush->options.kind == STORAGE_FLUSH_FULL);
        if (kind && left_of(flush, i) && !may_go(flush, s->drains[i], &e))
            return true;
    }
    return false;
}

struct storage_flush *storage_service_flush(struct storage_service *s,
                                            const struct storage_flush_options *options)
{
    struct storage_flush *flush = xcalloc(1, sizeof *flush);
    flush->storage = s;
    flush->options = *options;
    flush->began_ms = clock_ms();
    for (size_t i = 0; s->queue && i < s->count; i++)
        flush->upto[i] = session_queue_last(s->queue, session_drain_home(s->drains[i]));
    flush->next = s->flushes;
    s->flushes = flush;
    return flush;
}

void storage_flush_cancel(struct storage_flush *flush)
{
    unlink_flush(flush);
    free(flush);
}

void storage_flush_progress(const struct storage_flush *flush, struct storage_flushed *so_far)
{
    *so_far = flush->flushed;
}

/* --- draining --- */

/* Said when it begins, and not at each tick. */
static void note_trouble(struct storage_service *s, size_t i, const struct error *e)
{
    bool news = e && strcmp(e->what, s->troubles[i].what) != 0;
    s->troubles[i] = e ? *e : (struct error){0};
    if (news && e->kind != FAIL_STOPPING)
        log_error(LOG_EVENT_WARNING, "session-records-wait", e,
                  "Session records of users of %s wait.", session_drain_home(s->drains[i]));
}

static void begin(struct storage_service *s, size_t i)
{
    struct error e = {0};
    if (session_drain_begin(s->drains[i], s->queue, &e))
        note_trouble(s, i, &e);
}

static size_t place_of(const struct storage_service *s, const struct session_drain *drain)
{
    size_t i = 0;
    while (s->drains[i] != drain)
        i++;
    return i;
}

/* A full flush does not wait for the next tick. */
static void on_moved(struct session_drain *drain, size_t count, bool passed, const struct error *e,
                     void *context)
{
    struct storage_service *s = context;
    size_t i = place_of(s, drain);
    note_trouble(s, i, e);
    for (struct storage_flush *flush = s->flushes; flush; flush = flush->next) {
        if (concerns(flush, session_drain_home(drain)))
            *(passed ? &flush->flushed.passed : &flush->flushed.written) += count;
    }
    look_at_flushes(s);
    if (!e && s->queue && is_wanted(s, i, true))
        begin(s, i);
}

/* Has something waited for long enough, or is there a whole batch? */
static bool is_due(const struct storage_service *s, size_t i)
{
    const char *home = session_drain_home(s->drains[i]);
    size_t count = session_queue_count(s->queue, home);
    if (rest_is_on(&s->rests[i], clock_ms()))
        return false;
    return count >= STORAGE_BATCH_MAX ||
           (count && clock_ms() - session_queue_oldest_ms(s->queue, home) >= STORAGE_LINGER_MS);
}

static void on_tick(void *context)
{
    struct storage_service *s = context;
    if (s->stopped)
        return;
    look_after_queue(s);
    for (size_t i = 0; s->queue && i < s->count; i++) {
        if (is_due(s, i) || is_wanted(s, i, false) || is_wanted(s, i, true))
            begin(s, i);
    }
    look_at_flushes(s);
}

void storage_service_rest(struct storage_service *s, const char *home)
{
    for (size_t i = 0; i < s->count; i++) {
        if (strcmp(session_drain_home(s->drains[i]), home) == 0)
            rest_ask(&s->rests[i], clock_ms());
    }
}

/* --- what others send --- */

struct arrival {
    struct storage_service *storage;
    struct store *store;
    struct link_reply *reply;
    char home[HOME_NAME_SIZE];
    uint64_t term;
    struct session_record *records;
    size_t count;
    struct txn *txn;
    struct error error;
};

static void answer(struct arrival *arrival, const struct error *e)
{
    if (e)
        link_reply_error(arrival->reply, e);
    else
        link_reply_kept(arrival->reply, arrival->home);
    txn_free(arrival->txn);
    free(arrival->records);
    free(arrival);
}

static void on_committed(const struct store_outcome *outcome, void *context)
{
    answer(context, outcome->error.kind ? &outcome->error : NULL);
}

static void prepare(void *context)
{
    struct arrival *a = context;
    session_drain_prepare(a->store, a->home, a->term, a->records, a->count, &a->txn, &a->error);
}

static void on_prepared(void *context)
{
    struct arrival *a = context;
    if (a->txn)
        commit_on_loop(a->store, front_end_loop(a->storage->fe), TAKE(a->txn), on_committed, a);
    else
        answer(a, a->error.kind ? &a->error : NULL);
}

/* The other pool of the pair, or another machine of this one. */
static enum failure check_sender(const struct storage_service *s, const struct machine *from,
                                 const char *home, struct error *e)
{
    const struct hosted_home *hosted = front_end_home(s->fe, home);
    const char *pool = from->pool->fqdn;
    if (hosted && strcmp(home, HOME_CENTRAL) != 0 &&
        (strcmp(pool, front_end_pool(s->fe)) == 0 ||
         strcmp(pool, home_partner(hosted_home_core(hosted))) == 0))
        return OK;
    fail(e, FAIL_REFUSED, "%s has no part in the home %s.", hosted ? pool : front_end_pool(s->fe),
         home);
    return error_next(e, "Use the same topology file on both.");
}

void storage_service_sent(struct storage_service *s, const struct machine *from, const char *home,
                          struct bytes records, struct link_reply *reply)
{
    struct arrival *a = xcalloc(1, sizeof *a);
    *a = (struct arrival){.storage = s, .store = front_end_store(s->fe), .reply = reply};
    snprintf(a->home, sizeof a->home, "%s", home);
    enum failure bad = check_sender(s, from, home, &a->error);
    if (!bad)
        bad = front_end_serves(s->fe, home, &a->term, &a->error);
    if (!bad)
        a->records = session_drain_unpack(records, home, &a->count, &a->error);
    if (a->records && !workers_run(s->workers, prepare, on_prepared, a))
        fail(&a->error, FAIL_BUSY, "%s has more to do than it can.", front_end_pool(s->fe));
    else if (a->records)
        return;
    answer(a, &a->error);
}

/* --- start and stop --- */

struct storage_service *storage_service_new(struct front_end *fe)
{
    const struct config *config = front_end_config(fe);
    struct storage_service *s = xcalloc(1, sizeof *s);
    s->fe = fe;
    s->workers = workers_new(front_end_loop(fe), "records", STORAGE_THREADS_MAX);
    s->path = xasprintf("%s.sessions", config->database_path);
    s->machine = xstrdup(config->self->fqdn);
    pthread_mutex_init(&s->lock, NULL);
    open_queue(s);
    return s;
}

void storage_service_start(struct storage_service *s)
{
    struct hosted_home *homes[HOSTED_HOMES_MAX];
    size_t count = front_end_homes(s->fe, homes);
    for (size_t i = 0; i < count; i++) {
        const char *name = home_name(hosted_home_core(homes[i]));
        if (strcmp(name, HOME_CENTRAL) != 0)
            s->drains[s->count++] = session_drain_new(s->fe, s->workers, name, on_moved, s);
    }
    loop_every(front_end_loop(s->fe), STORAGE_TICK_MS, on_tick, s);
}

static void end_flushes(struct storage_service *s)
{
    struct error e;
    while (s->flushes) {
        fail(&e, FAIL_STOPPING, "This machine is stopping.");
        error_kept(&e, "What is not written yet stays in the queue.");
        end_flush(s->flushes, &e);
    }
}

void storage_service_stop(struct storage_service *s)
{
    if (!s)
        return;
    s->stopped = true;
    end_flushes(s);
    for (size_t i = 0; i < s->count; i++)
        session_drain_stop(s->drains[i]);
    workers_free(TAKE(s->workers));
    loop_settle(front_end_loop(s->fe)); /* what its threads had still to say */
    session_queue_close(take_queue(s));
}

void storage_service_free(struct storage_service *s)
{
    if (!s)
        return;
    for (size_t i = 0; i < s->count; i++)
        session_drain_free(s->drains[i]);
    pthread_mutex_destroy(&s->lock);
    free(s->path);
    free(s->machine);
    free(s);
}
