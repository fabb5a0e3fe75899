#include "base/workers.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/memory.h"

struct job {
    loop_call *work, *done;
    void *context;
    struct job *next;
};

struct workers {
    struct loop *loop;
    pthread_mutex_t lock;
    pthread_cond_t ended;
    unsigned running, running_max;
    unsigned waiting, waiting_max;
    struct job *first, **last; /* those that wait */
};

struct workers *workers_new(struct loop *loop, unsigned running_max, unsigned waiting_max)
{
    struct workers *workers = xcalloc(1, sizeof *workers);
    workers->loop = loop;
    workers->running_max = running_max;
    workers->waiting_max = waiting_max;
    workers->last = &workers->first;
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

/* The next that waits; or NULL, and the thread that asked is none of the workers' any more, who may
 * be gone behind it. */
static struct job *next_job(struct workers *workers)
{
    pthread_mutex_lock(&workers->lock);
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

static void *run(void *context)
{
    struct workers *workers = context;
    struct job *job;
    while ((job = next_job(workers))) {
        job->work(job->context);
        loop_post_surely(workers->loop, job->done, job->context);
        free(job);
    }
    return NULL;
}

/* With the lock held, the job in the queue. */
static bool start_thread(struct workers *workers)
{
    pthread_t thread;
    if (workers->running == workers->running_max || pthread_create(&thread, NULL, run, workers))
        return workers->running > 0; /* one of those that run comes to it */
    pthread_detach(thread);
    workers->running++;
    return true;
}

static void enqueue(struct workers *workers, struct job *job)
{
    *workers->last = job;
    workers->last = &job->next;
    workers->waiting++;
}

/* The only one that waits: nobody runs who could come to it. */
static void dequeue_only(struct workers *workers)
{
    free(workers->first);
    workers->first = NULL;
    workers->last = &workers->first;
    workers->waiting = 0;
}

bool workers_run(struct workers *workers, loop_call *work, loop_call *done, void *context)
{
    pthread_mutex_lock(&workers->lock);
    bool idle = workers->running < workers->running_max;
    bool taken = idle || workers->waiting < workers->waiting_max;
    if (taken) {
        struct job *job = xmalloc(sizeof *job);
        *job = (struct job){work, done, context, NULL};
        enqueue(workers, job);
        taken = start_thread(workers);
        if (!taken)
            dequeue_only(workers);
    }
    pthread_mutex_unlock(&workers->lock);
    return taken;
}
