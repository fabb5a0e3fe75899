#include "base/workers.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/memory.h"

struct workers {
    struct loop *loop;
    pthread_mutex_t lock;
    pthread_cond_t ended;
    unsigned running, max;
};

struct job {
    struct workers *workers;
    loop_call *work, *done;
    void *context;
};

struct workers *workers_new(struct loop *loop, unsigned max)
{
    struct workers *workers = xcalloc(1, sizeof *workers);
    workers->loop = loop;
    workers->max = max;
    pthread_mutex_init(&workers->lock, NULL);
    pthread_cond_init(&workers->ended, NULL);
    return workers;
}

void workers_free(struct workers *workers)
{
    if (!workers)
        return;
    pthread_mutex_lock(&workers->lock);
    while (workers->running)
        pthread_cond_wait(&workers->ended, &workers->lock);
    pthread_mutex_unlock(&workers->lock);
    pthread_cond_destroy(&workers->ended);
    pthread_mutex_destroy(&workers->lock);
    free(workers);
}

/* The last that a job does with its workers, who may be gone behind it. */
static void leave(struct workers *workers)
{
    pthread_mutex_lock(&workers->lock);
    workers->running--;
    pthread_cond_signal(&workers->ended);
    pthread_mutex_unlock(&workers->lock);
}

static void *run(void *argument)
{
    struct job *job = argument;
    struct workers *workers = job->workers;
    job->work(job->context);
    loop_post_surely(workers->loop, job->done, job->context);
    free(job);
    leave(workers);
    return NULL;
}

static bool enter(struct workers *workers)
{
    pthread_mutex_lock(&workers->lock);
    bool room = workers->running < workers->max;
    workers->running += room;
    pthread_mutex_unlock(&workers->lock);
    return room;
}

bool workers_run(struct workers *workers, loop_call *work, loop_call *done, void *context)
{
    if (!enter(workers))
        return false;
    struct job *job = xmalloc(sizeof *job);
    *job = (struct job){workers, work, done, context};
    pthread_t thread;
    if (pthread_create(&thread, NULL, run, job) == 0) {
        pthread_detach(thread);
        return true;
    }
    free(job);
    leave(workers);
    return false;
}
