#include "pool/content_calls.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"

enum {
    /* The other pool answers as many calls as it may: others of the same home are nearly always
     * among them, and over in a moment. What they brought must not be thrown away for that. */
    BUSY_PAUSE_MS = 50,
    BUSY_MS_MAX = 2000, /* in all; then it is told */
};

struct content_call {
    struct content_calls *calls;
    struct content_call *next;
    char pool[FQDN_SIZE];
    struct buffer request, answer;
    uint64_t bytes, began_ms, took_ms;
    struct error error;
    bool done, forgotten;
};

struct content_calls {
    struct front_end *fe;
    pthread_mutex_t lock;
    pthread_cond_t news;
    struct content_call *list; /* those that are not over */
    bool stopped;
};

struct content_calls *content_calls_new(struct front_end *fe)
{
    struct content_calls *calls = xcalloc(1, sizeof *calls);
    calls->fe = fe;
    pthread_mutex_init(&calls->lock, NULL);
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&calls->news, &monotonic);
    pthread_condattr_destroy(&monotonic);
    return calls;
}

static void call_free(struct content_call *call)
{
    buffer_free(&call->request);
    buffer_free(&call->answer);
    free(call);
}

void content_calls_stop(struct content_calls *calls)
{
    pthread_mutex_lock(&calls->lock);
    calls->stopped = true;
    pthread_cond_broadcast(&calls->news);
    pthread_mutex_unlock(&calls->lock);
}

void content_calls_free(struct content_calls *calls)
{
    if (!calls)
        return;
    while (calls->list) {
        struct content_call *call = calls->list;
        calls->list = call->next;
        call_free(call);
    }
    pthread_mutex_destroy(&calls->lock);
    pthread_cond_destroy(&calls->news);
    free(calls);
}

/* With the lock held. */
static void unlist(struct content_call *call)
{
    struct content_call **at = &call->calls->list;
    while (*at != call)
        at = &(*at)->next;
    *at = call->next;
}

/* On the loop. */
static void on_answer(const struct bytes *answer, const struct error *e, void *context)
{
    struct content_call *call = context;
    struct content_calls *calls = call->calls;
    call->took_ms = clock_ms() - call->began_ms;
    if (answer)
        buffer_raw(&call->answer, answer->at, answer->size);
    else
        call->error = *e;
    pthread_mutex_lock(&calls->lock);
    call->done = true;
    bool forgotten = call->forgotten;
    if (forgotten)
        unlist(call);
    pthread_cond_broadcast(&calls->news);
    pthread_mutex_unlock(&calls->lock);
    if (forgotten)
        call_free(call);
}

static void on_begin(void *context)
{
    struct content_call *call = context;
    struct front_end *fe = call->calls->fe;
    const struct machine *to = front_end_machine_of(fe, call->pool);
    struct error e;
    call->began_ms = clock_ms();
    if (front_end_link(fe) && to) {
        link_chunks(front_end_link(fe), to, buffer_view(&call->request), call->bytes, on_answer,
                    call);
        return;
    }
    fail(&e, FAIL_UNREACHABLE, "There is nobody to ask for the files of conferences.");
    on_answer(NULL, &e, call);
}

struct content_call *content_call_begin(struct content_calls *calls, const char *pool,
                                        struct bytes request, uint64_t bytes)
{
    struct content_call *call = xcalloc(1, sizeof *call);
    call->calls = calls;
    call->bytes = bytes;
    snprintf(call->pool, sizeof call->pool, "%s", pool);
    buffer_raw(&call->request, request.at, request.size);
    pthread_mutex_lock(&calls->lock);
    call->next = calls->list;
    calls->list = call;
    pthread_mutex_unlock(&calls->lock);
    loop_post_surely(front_end_loop(calls->fe), on_begin, call);
    return call;
}

/* Of a machine that stops the link calls nobody any more: the call is freed with all others. */
static bool give_up(struct content_call *call)
{
    call->forgotten = true;
    return true;
}

/* With the lock held: for its answer. */
static void await(const struct content_call *call)
{
    struct content_calls *calls = call->calls;
    while (!call->done && !calls->stopped)
        pthread_cond_wait(&calls->news, &calls->lock);
}

/* With the lock held. */
static void pause_for(struct content_calls *calls, uint32_t ms)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += (long)ms * 1000000;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    while (!calls->stopped &&
           pthread_cond_timedwait(&calls->news, &calls->lock, &until) != ETIMEDOUT)
        ;
}

/* The same with the lock held: asked once more, as long as the other pool is only busy. */
static void insist(struct content_call *call)
{
    struct content_calls *calls = call->calls;
    const uint64_t until = clock_ms() + BUSY_MS_MAX;
    await(call);
    while (call->done && call->error.kind == FAIL_BUSY && clock_ms() < until) {
        pause_for(calls, BUSY_PAUSE_MS);
        if (calls->stopped)
            return;
        call->done = false;
        call->error = (struct error){0};
        loop_post_surely(front_end_loop(calls->fe), on_begin, call);
        await(call);
    }
}

enum failure content_call_end(struct content_call *call, struct buffer *answer, uint64_t *took_ms,
                              struct error *e)
{
    struct content_calls *calls = call->calls;
    pthread_mutex_lock(&calls->lock);
    insist(call);
    bool given_up = !call->done && give_up(call);
    if (!given_up)
        unlist(call);
    pthread_mutex_unlock(&calls->lock);
    if (given_up)
        return fail(e, FAIL_STOPPING, "This machine is stopping.");
    enum failure bad = call->error.kind;
    if (bad && e)
        *e = call->error;
    *took_ms = call->took_ms;
    buffer_free(answer);
    *answer = call->answer;
    call->answer = (struct buffer){0};
    call_free(call);
    return bad;
}

void content_call_forget(struct content_call *call)
{
    struct content_calls *calls = call->calls;
    pthread_mutex_lock(&calls->lock);
    bool done = call->done;
    call->forgotten = true;
    if (done)
        unlist(call);
    pthread_mutex_unlock(&calls->lock);
    if (done)
        call_free(call);
}
