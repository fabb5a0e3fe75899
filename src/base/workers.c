#include "base/workers.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "base/memory.h"
#include "base/thread.h"

struct job {
    struct job *next;
    loop_call *work, *done;
    void *context;
};

/* A thread that waits. */
struct idle {
    pthread_cond_t called;
    bool is_called;
    struct idle *next;
};

struct workers {
    struct loop *loop;
    const char *name;
    pthread_mutex_t lock;
    pthread_cond_t ended;      /* a thread did */
    struct job *first, **last; /* waiting, in order */
    struct idle *idle;         /* who began to wait last is called first: what it needs is warm */
    unsigned waiting, running, max; /* idle ones are running, too */
    bool ending;
};

struct workers *workers_new(struct loop *loop, const char *name, unsigned max)
{
    struct workers *workers = xcalloc(1, sizeof *workers);
    workers->loop = loop;
    workers->name = name;
    workers->max = max;
    workers->last = &workers->first;
    pthread_mutex_init(&workers->lock, NULL);
    pthread_cond_init(&workers->ended, NULL);
    return workers;
}

/* With the lock held. */
static bool call_one(struct workers *workers)
{
    struct idle *idle = workers->idle;
    if (!idle)
        return false;
    workers->idle = idle->next;
    idle->is_called = true;
    pthread_cond_signal(&idle->called);
    return true;
}

void workers_free(struct workers *workers)
{
    if (!workers)
        return;
    pthread_mutex_lock(&workers->lock);
    workers->ending = true;
    while (call_one(workers))
        ;
    while (workers->running)
        pthread_cond_wait(&workers->ended, &workers->lock);
    pthread_mutex_unlock(&workers->lock);
    pthread_cond_destroy(&workers->ended);
    pthread_mutex_destroy(&workers->lock);
    free(workers);
}

static void leave_idle(struct workers *workers, const struct idle *me)
{
    struct idle **at = &workers->idle;
    while (*at != me)
        at = &(*at)->next;
    *at = me->next;
}

/* Until it is called; false: nobody did for a long time. With the lock held. */
static bool linger(struct workers *workers, struct idle *me)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += WORKERS_LINGER_MS / 1000;
    int waited = 0;
    me->is_called = false;
    me->next = workers->idle;
    workers->idle = me;
    while (!me->is_called && waited != ETIMEDOUT)
        waited = pthread_cond_timedwait(&me->called, &workers->lock, &until);
    if (!me->is_called)
        leave_idle(workers, me);
    return me->is_called;
}

/* The next job; or NULL, and then this thread does not count any more: the workers may be gone. */
static struct job *take(struct workers *workers, struct idle *me)
{
    pthread_mutex_lock(&workers->lock);
    while (!workers->first && !workers->ending && linger(workers, me))
        ; /* another one, who was at work, may have been faster */
    struct job *job = workers->first;
    if (job) {
        workers->first = job->next;
        workers->last = job->next ? workers->last : &workers->first;
        workers->waiting--;
    } else {
        workers->running--;
        pthread_cond_signal(&workers->ended);
    }
    pthread_mutex_unlock(&workers->lock);
    return job;
}

static void *run(void *argument)
{
    struct workers *workers = argument;
    struct idle me = {0};
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&me.called, &monotonic);
    pthread_condattr_destroy(&monotonic);
    for (struct job *job; (job = take(workers, &me));) {
        job->work(job->context);
        if (job->done)
            loop_post_surely(workers->loop, job->done, job->context);
        free(job);
    }
    pthread_cond_destroy(&me.called);
    return NULL;
}

/* With the lock held. */
static void start_thread(struct workers *workers)
{
    pthread_t thread;
    if (workers->running == workers->max || !thread_start(&thread, workers->name, run, workers))
        return;
    pthread_detach(thread);
    workers->running++;
}

bool workers_run(struct workers *workers, loop_call *work, loop_call *done, void *context)
{
    struct job *job = xmalloc(sizeof *job);
    *job = (struct job){.work = work, .done = done, .context = context};
    pthread_mutex_lock(&workers->lock);
    if (!call_one(workers))
        start_thread(workers);
    bool taken = workers->running > 0 && workers->waiting < WORKERS_WAITING_MAX;
    if (taken) {
        *workers->last = job;
        workers->last = &job->next;
        workers->waiting++;
    }
    pthread_mutex_unlock(&workers->lock);
    if (!taken)
        free(job);
    return taken;
}
