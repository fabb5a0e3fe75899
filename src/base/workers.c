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

struct workers {
    struct loop *loop;
    const char *name;
    pthread_mutex_t lock;
    pthread_cond_t ended, more; /* a thread ended; there is something to do, or nothing any more */
    struct job *first, **last;  /* waiting, in order */
    unsigned waiting, running, idle, max; /* idle ones are running, too */
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
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&workers->more, &monotonic);
    pthread_condattr_destroy(&monotonic);
    return workers;
}

void workers_free(struct workers *workers)
{
    if (!workers)
        return;
    pthread_mutex_lock(&workers->lock);
    workers->ending = true;
    pthread_cond_broadcast(&workers->more);
    while (workers->running)
        pthread_cond_wait(&workers->ended, &workers->lock);
    pthread_mutex_unlock(&workers->lock);
    pthread_cond_destroy(&workers->ended);
    pthread_cond_destroy(&workers->more);
    pthread_mutex_destroy(&workers->lock);
    free(workers);
}

/* With the lock held. */
static void linger(struct workers *workers)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += WORKERS_LINGER_MS / 1000;
    int waited = 0;
    workers->idle++;
    while (!workers->first && !workers->ending && waited != ETIMEDOUT)
        waited = pthread_cond_timedwait(&workers->more, &workers->lock, &until);
    workers->idle--;
}

/* The next job; or NULL, and then this thread does not count any more: the workers may be gone. */
static struct job *take(struct workers *workers)
{
    pthread_mutex_lock(&workers->lock);
    if (!workers->first)
        linger(workers);
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
    for (struct job *job; (job = take(workers));) {
        job->work(job->context);
        if (job->done)
            loop_post_surely(workers->loop, job->done, job->context);
        free(job);
    }
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
    if (workers->waiting < workers->idle)
        pthread_cond_signal(&workers->more);
    else
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
