#include "http/inbox.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <time.h>

#include "base/memory.h"

struct inbox {
    pthread_mutex_t lock;
    pthread_cond_t arrived;
    size_t room, first, size; /* a ring */
    bool ended, whole;
    char bytes[];
};

struct inbox *inbox_new(size_t room)
{
    struct inbox *in = xcalloc(1, sizeof *in + room);
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&in->arrived, &monotonic);
    pthread_condattr_destroy(&monotonic);
    pthread_mutex_init(&in->lock, NULL);
    in->room = room;
    return in;
}

void inbox_free(struct inbox *in)
{
    if (!in)
        return;
    pthread_cond_destroy(&in->arrived);
    pthread_mutex_destroy(&in->lock);
    free_memory(in);
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

size_t inbox_put(struct inbox *in, const char *part, size_t size)
{
    pthread_mutex_lock(&in->lock);
    size = least(size, in->room - in->size);
    size_t at = (in->first + in->size) % in->room, to_end = least(size, in->room - at);
    memcpy(in->bytes + at, part, to_end);
    memcpy(in->bytes, part + to_end, size - to_end);
    in->size += size;
    pthread_cond_signal(&in->arrived);
    pthread_mutex_unlock(&in->lock);
    return size;
}

bool inbox_is_full(struct inbox *in)
{
    pthread_mutex_lock(&in->lock);
    bool full = in->size == in->room && !in->ended;
    pthread_mutex_unlock(&in->lock);
    return full;
}

void inbox_end(struct inbox *in, bool whole)
{
    pthread_mutex_lock(&in->lock);
    in->whole = in->ended ? in->whole : whole;
    in->ended = true;
    pthread_cond_signal(&in->arrived);
    pthread_mutex_unlock(&in->lock);
}

static struct timespec moment_after(uint32_t ms)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    t.tv_sec += ms / 1000;
    t.tv_nsec += (long)(ms % 1000) * 1000000;
    t.tv_sec += t.tv_nsec / 1000000000;
    t.tv_nsec %= 1000000000;
    return t;
}

enum http_body inbox_take(struct inbox *in, void *to, size_t max, uint32_t patience_ms, size_t *got,
                          bool *freed)
{
    struct timespec until = moment_after(patience_ms);
    int waited = 0;
    pthread_mutex_lock(&in->lock);
    while (!in->size && !in->ended && waited != ETIMEDOUT)
        waited = pthread_cond_timedwait(&in->arrived, &in->lock, &until);
    *freed = in->size == in->room;
    *got = least(max, in->size);
    size_t to_end = least(*got, in->room - in->first);
    memcpy(to, in->bytes + in->first, to_end);
    memcpy((char *)to + to_end, in->bytes, *got - to_end);
    in->first = (in->first + *got) % in->room;
    in->size -= *got;
    enum http_body state = *got         ? HTTP_BODY_PART
                           : !in->ended ? HTTP_BODY_LATE
                           : in->whole  ? HTTP_BODY_END
                                        : HTTP_BODY_BROKEN;
    pthread_mutex_unlock(&in->lock);
    return state;
}
