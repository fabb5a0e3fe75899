/* The queue in front of an engine: one writer that gathers what waits into groups. Who reads does
 * so beside it: views.c. */
#include "store/store.h"

#include <assert.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/thread.h"
#include "store/apply.h"
#include "store/known.h"
#include "store/txn.h"
#include "store/views.h"

enum {
    LEASES_MAX = 256, /* one for each home that is served from one store */

    /* Those who were just answered often come back with their next change. The writer gives as many
     * as it answered the time to do so, but never longer than half a flush took, nor this. */
    GATHER_MAX_US = 2000,
    /* Where they did not come back in that time, that is not tried with the next group; with twice
     * as many if they did not once more, and so on, up to so many. */
    GATHER_REST_MAX = 16,

    /* The writer tidies up when nobody wants anything for so long; with a pause between the steps,
     * each of which is so small that whoever comes then hardly waits. */
    TIDY_AFTER_MS = 200,
    TIDY_PAUSE_MS = 20,
    TIDY_ROWS = 1000,
};

struct lease {
    char home[HOME_NAME_SIZE];
    uint64_t until_ms;
    bool drains; /* no change more, but answers */
};

struct store {
    struct engine *engine;
    struct session *writer;
    struct group *group;
    pthread_t thread;
    bool untidy; /* the writer's own */

    pthread_mutex_t lock; /* over all that follows */
    pthread_cond_t work;
    struct txn *first, **last; /* the queue */
    size_t waiting, waiting_bytes;
    size_t wanted; /* how many must wait before the writer is woken */
    bool stopping;
    struct error broken; /* a flush failed: what is on disk is unknown until it is opened anew */
    struct lease leases[LEASES_MAX];
    size_t lease_count;

    struct views *views;

    store_changed *changed; /* or NULL */
    void *changed_context;
};

/* --- leases --- */

static struct lease *lease_of(struct store *store, const char *home)
{
    for (size_t i = 0; i < store->lease_count; i++) {
        if (strcmp(store->leases[i].home, home) == 0)
            return &store->leases[i];
    }
    return NULL;
}

void store_lease(struct store *store, const char *home, uint64_t until_ms)
{
    pthread_mutex_lock(&store->lock);
    struct lease *lease = lease_of(store, home);
    if (!lease && store->lease_count < LEASES_MAX) {
        lease = &store->leases[store->lease_count++];
        memcpy(lease->home, home, strlen(home) + 1);
    }
    if (lease) {
        lease->until_ms = until_ms;
        lease->drains = false;
    }
    pthread_mutex_unlock(&store->lock);
}

void store_lease_drains(struct store *store, const char *home)
{
    pthread_mutex_lock(&store->lock);
    struct lease *lease = lease_of(store, home);
    if (lease)
        lease->drains = true;
    pthread_mutex_unlock(&store->lock);
}

enum lease_for { LEASE_FOR_CHANGE, LEASE_FOR_ANSWER };

static bool leased(struct store *store, const char *home, enum lease_for what)
{
    pthread_mutex_lock(&store->lock);
    const struct lease *lease = lease_of(store, home);
    bool yes =
        lease && clock_ms() < lease->until_ms && (what == LEASE_FOR_ANSWER || !lease->drains);
    pthread_mutex_unlock(&store->lock);
    return yes;
}

/* --- the writer --- */

static void finish(struct txn *txn)
{
    txn->done(&txn->outcome, txn->context);
    txn_free(txn);
}

static void finish_all(struct txn *list)
{
    while (list) {
        struct txn *txn = list;
        list = txn->next;
        finish(txn);
    }
}

/* A transaction that asks for what may not be is at fault itself. Whatever else goes wrong while it
 * is checked may have ended the engine's transaction, with all that the group did before. */
static bool fails_alone(enum failure bad)
{
    return bad == FAIL_INVALID || bad == FAIL_REFUSED || bad == FAIL_CONFLICT;
}

/* A flush failed. The kernel may have dropped what it could not write, and would report the next
 * flush as done: so there is none until the file is opened anew. */
static void break_off(struct store *store, struct error *e)
{
    error_kept(e, "Whether the change was made shows when the store is opened anew.");
    error_next(e, "Look after the disk, then start the service again.");
    pthread_mutex_lock(&store->lock);
    store->broken = *e;
    error_within(&store->broken, "The store takes no more changes since this happened: ");
    error_kept(&store->broken, "This change was not made. Reading goes on.");
    pthread_mutex_unlock(&store->lock);
}

static enum failure broken(struct store *store, struct error *e)
{
    pthread_mutex_lock(&store->lock);
    *e = store->broken;
    pthread_mutex_unlock(&store->lock);
    return e->kind;
}

/* Ends the engine's transaction: with what was done in it, unless that failed. */
static enum failure end(struct store *store, enum failure bad, struct error *e)
{
    const struct engine_ops *ops = store->engine->ops;
    if (!bad) {
        bad = ops->commit(store->writer, e);
        if (bad == FAIL_IO)
            break_off(store, e);
    }
    if (bad)
        ops->rollback(store->writer);
    return bad;
}

static enum failure save_and_commit(struct store *store, struct error *e)
{
    enum failure bad = group_save(store->group, e);
    if (bad)
        return end(store, bad, e);
    bad = end(store, OK, e);
    if (bad != FAIL_IO)
        group_settle(store->group, !bad);
    return bad;
}

/* Everything of the group in one engine transaction. What fails its own checks is left out and
 * keeps its error; any other failure is the whole group's. */
static enum failure try_group(struct store *store, struct txn *list, struct error *e)
{
    const struct engine_ops *ops = store->engine->ops;
    bool any = false;
    enum failure bad = ops->begin(store->writer, e);
    if (bad)
        return bad;
    for (struct txn *txn = list; txn && !bad; txn = txn->next) {
        memset(&txn->outcome, 0, sizeof txn->outcome);
        bool may =
            txn->role != ROLE_HOLDER || txn->hold || leased(store, txn->home, LEASE_FOR_CHANGE);
        bad = group_check(store->group, txn, may, &txn->outcome.error);
        if (fails_alone(bad)) {
            bad = OK;
            continue;
        }
        any = true;
        if (bad)
            *e = txn->outcome.error;
        else
            bad = group_carry_out(store->group, txn, e);
    }
    if (!bad && any)
        bad = save_and_commit(store, e);
    else
        ops->rollback(store->writer);
    group_reset(store->group);
    return bad;
}

/* A process that was stopped between the flush and the answer must not say "done": it may have been
 * superseded meanwhile (rule 7). */
static void withhold_late(struct store *store, struct txn *txn)
{
    if (txn->outcome.error.kind || txn->role != ROLE_HOLDER || txn->hold ||
        leased(store, txn->home, LEASE_FOR_ANSWER))
        return;
    fail(&txn->outcome.error, FAIL_DEADLINE,
         "This process did not run for so long that the home %s may have been taken over.",
         txn->home);
    error_kept(&txn->outcome.error, "Whether the change will stay is not known yet.");
    error_next(&txn->outcome.error, "Read it again before you repeat it.");
}

static void run_group(struct store *store, struct txn *list)
{
    struct error error, unused;
    enum failure bad = broken(store, &error);
    if (!bad)
        bad = try_group(store, list, &error);
    if (bad == FAIL_DAMAGED)
        atomic_store(&store->engine->damaged, true);
    if (bad && bad != FAIL_BUSY && list->next && !broken(store, &unused)) {
        /* One of them may be at fault (too large for the disk, say), so each has its own try. A
         * lock of somebody else's is nobody's fault, and would be waited for by each. */
        while (list) {
            struct txn *txn = list;
            list = txn->next;
            txn->next = NULL;
            run_group(store, txn);
        }
        return;
    }
    for (struct txn *txn = list; txn; txn = txn->next) {
        if (bad && !fails_alone(txn->outcome.error.kind))
            txn->outcome = (struct store_outcome){.error = error};
        withhold_late(store, txn);
        if (store->changed && txn->outcome.first_usn)
            store->changed(txn->home, txn->outcome.head, store->changed_context);
    }
    finish_all(list);
}

/* Takes what shares the next flush off the queue; with the lock held. */
static struct txn *take_group(struct store *store)
{
    struct txn *list = store->first, *end = NULL;
    size_t count = 0, bytes = 0;
    assert(list);
    for (struct txn *txn = list; txn && count < STORE_GROUP_MAX; txn = txn->next) {
        if (count && bytes + txn_size(txn) > STORE_GROUP_BYTES_MAX)
            break;
        bytes += txn_size(txn);
        count++;
        end = txn;
    }
    store->first = end->next;
    if (!store->first)
        store->last = &store->first;
    end->next = NULL;
    store->waiting -= count;
    store->waiting_bytes -= bytes;
    return list;
}

static bool is_untidy(const struct store *store)
{
    const struct engine_ops *ops = store->engine->ops;
    return ops->is_untidy && ops->is_untidy(store->writer);
}

/* If it fails, on a full disk, say, nobody lacks anything: it is tried again behind the next
 * change. Whoever reads is left alone as well: a copy that catches up needs processors and disk. */
static void tidy(struct store *store)
{
    const struct engine_ops *ops = store->engine->ops;
    struct error e;
    store->untidy = false;
    if (broken(store, &e) || ops->begin(store->writer, &e))
        return;
    enum failure bad = ops->tidy(store->writer, TIDY_ROWS, &e);
    bad = end(store, bad, &e);
    store->untidy = !bad && is_untidy(store);
}

static void until_in(struct timespec *until, uint64_t us)
{
    clock_gettime(CLOCK_MONOTONIC, until);
    uint64_t ns = (uint64_t)until->tv_nsec + us * 1000;
    until->tv_sec += (time_t)(ns / 1000000000);
    until->tv_nsec = (long)(ns % 1000000000);
}

/* Sleeps until there is work; or, if there is something to tidy, so long. */
static void wait_for_work(struct store *store, uint64_t patience_ms)
{
    struct timespec until;
    until_in(&until, patience_ms * 1000);
    while (!store->first && !store->stopping) {
        if (!store->untidy)
            pthread_cond_wait(&store->work, &store->lock);
        else if (pthread_cond_timedwait(&store->work, &store->lock, &until) != 0)
            break;
    }
}

struct last_group {
    size_t count;
    uint64_t us;
    unsigned in_vain, rest; /* groups for which nobody waits any more, and how many are left */
};

static void wait_for_them(struct store *store, const struct last_group *last)
{
    struct timespec until;
    until_in(&until, last->us / 2 < GATHER_MAX_US ? last->us / 2 : GATHER_MAX_US);
    store->wanted = last->count;
    while (store->waiting < last->count && !store->stopping &&
           pthread_cond_timedwait(&store->work, &store->lock, &until) == 0)
        ;
    store->wanted = 1;
}

/* Gives those who were just answered the time to come back: until as many wait as the last group
 * had, but only for a moment, and not as long as that is in vain. With the lock held. */
static void gather(struct store *store, struct last_group *last)
{
    if (store->waiting >= last->count)
        return;
    if (last->rest > 0) {
        last->rest--;
        return;
    }
    wait_for_them(store, last);
    unsigned longer = last->in_vain ? last->in_vain * 2 : 1;
    bool came = store->waiting >= last->count;
    last->in_vain = came ? 0 : longer < GATHER_REST_MAX ? longer : GATHER_REST_MAX;
    last->rest = last->in_vain;
}

/* With the lock held, but while it works. */
static void run_next(struct store *store, struct last_group *last)
{
    last->count = store->waiting;
    struct txn *list = take_group(store);
    last->count -= store->waiting;
    pthread_mutex_unlock(&store->lock);
    uint64_t start = clock_us();
    run_group(store, list);
    last->us = clock_us() - start;
    store->untidy = is_untidy(store);
    pthread_mutex_lock(&store->lock);
}

static void *writer_main(void *context)
{
    struct store *store = context;
    struct last_group last = {.count = 1};
    uint64_t patience_ms = TIDY_AFTER_MS;
    pthread_mutex_lock(&store->lock);
    for (;;) {
        wait_for_work(store, patience_ms);
        if (store->first) {
            gather(store, &last);
            run_next(store, &last);
            patience_ms = TIDY_AFTER_MS;
        } else if (!store->stopping) {
            pthread_mutex_unlock(&store->lock);
            bool rested = views_rested(store->views);
            if (rested)
                tidy(store);
            pthread_mutex_lock(&store->lock);
            patience_ms = rested ? TIDY_PAUSE_MS : TIDY_AFTER_MS;
        } else {
            break;
        }
    }
    pthread_mutex_unlock(&store->lock);
    return NULL;
}

void store_watch(struct store *store, store_changed *changed, void *context)
{
    store->changed = changed;
    store->changed_context = context;
}

void store_commit(struct store *store, struct txn *txn, store_done *done, void *context)
{
    txn->done = done;
    txn->context = context;
    txn->next = NULL;
    size_t bytes = txn_size(txn);
    pthread_mutex_lock(&store->lock);
    assert(!store->stopping);
    bool room = store->waiting < STORE_QUEUE_MAX &&
                (store->waiting == 0 || store->waiting_bytes + bytes <= STORE_QUEUE_BYTES_MAX);
    if (room) {
        *store->last = txn;
        store->last = &txn->next;
        store->waiting++;
        store->waiting_bytes += bytes;
        if (store->waiting >= store->wanted)
            pthread_cond_signal(&store->work);
    }
    pthread_mutex_unlock(&store->lock);
    if (!room) {
        fail(&txn->outcome.error, FAIL_BUSY, "The store has more changes waiting than it takes.");
        error_kept(&txn->outcome.error, "This one was not made.");
        error_next(&txn->outcome.error, "Try again shortly.");
        finish(txn);
    }
}

struct waiter {
    sem_t arrived;
    struct store_outcome *outcome;
};

static void wake(const struct store_outcome *outcome, void *context)
{
    struct waiter *w = context;
    *w->outcome = *outcome;
    sem_post(&w->arrived);
}

enum failure store_commit_wait(struct store *store, struct txn *txn, struct store_outcome *outcome)
{
    struct waiter w = {.outcome = outcome};
    sem_init(&w.arrived, 0, 0);
    store_commit(store, txn, wake, &w);
    while (sem_wait(&w.arrived) != 0)
        ; /* a signal */
    sem_destroy(&w.arrived);
    return outcome->error.kind;
}

bool store_failed(struct store *store, struct error *e)
{
    struct error unused;
    return broken(store, e ? e : &unused) != OK;
}

enum failure store_open(struct engine *engine, struct store **result, struct error *e)
{
    *result = NULL;
    struct session *writer;
    engine->known = known_new();
    enum failure bad = engine->ops->session(engine, true, &writer, e);
    if (bad) {
        known_free(engine->known);
        engine->ops->close(engine);
        return bad;
    }
    struct store *store = xcalloc(1, sizeof *store);
    store->engine = engine;
    store->writer = writer;
    store->group = group_new(writer);
    store->untidy = is_untidy(store);
    store->last = &store->first;
    store->wanted = 1;
    pthread_mutex_init(&store->lock, NULL);
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&store->work, &monotonic);
    pthread_condattr_destroy(&monotonic);
    store->views = views_new(engine);
    if (!thread_start(&store->thread, "store", writer_main, store))
        abort(); /* like memory: a process that can't start a thread has none of its limits left */
    *result = store;
    return OK;
}

void store_close(struct store *store)
{
    if (!store)
        return;
    pthread_mutex_lock(&store->lock);
    store->stopping = true;
    pthread_cond_signal(&store->work);
    pthread_mutex_unlock(&store->lock);
    pthread_join(store->thread, NULL);
    views_free(store->views);

    const struct engine_ops *ops = store->engine->ops;
    group_free(store->group);
    ops->session_close(store->writer);
    known_free(store->engine->known);
    ops->close(store->engine);
    pthread_cond_destroy(&store->work);
    pthread_mutex_destroy(&store->lock);
    free(store);
}

bool store_met_damage(struct store *store)
{
    return atomic_exchange(&store->engine->damaged, false);
}

enum failure store_view(struct store *store, struct view **view, struct error *e)
{
    return views_open(store->views, VIEWS_WAIT, view, e);
}

enum failure store_view_at_once(struct store *store, struct view **view, struct error *e)
{
    return views_open(store->views, VIEWS_REFUSE, view, e);
}
