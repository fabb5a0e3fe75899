#include "base/loop.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <systemd/sd-event.h>

#include "base/memory.h"

struct post {
    loop_call *call;
    void *context;
    struct post *next;
};

enum { POSTS_TURNS_MAX = 2 };

struct timer {
    loop_call *call;
    void *context;
    uint64_t period_us;
};

struct loop {
    sd_event *event;
    int wake; /* eventfd */
    pthread_mutex_t lock;
    struct post *first, **last;
    unsigned waiting;
    bool awake; /* it has been woken, and looks for posts before it sleeps */

    /* The loop's own: */
    loop_call *watch; /* or NULL */
    void *watch_context;
    bool stirred; /* and that is posted */
    bool runs;    /* it is between loop_run()'s beginning and end */
};

static void must(int result)
{
    /* sd-event only fails here for lack of memory or file descriptors, at the start. */
    if (result < 0)
        abort();
}

/* Those that wait by now; false: none do, and whoever posts next must wake it. */
static bool call_posts(struct loop *loop)
{
    pthread_mutex_lock(&loop->lock);
    struct post *list = loop->first;
    loop->first = NULL;
    loop->last = &loop->first;
    loop->waiting = 0;
    loop->awake = list != NULL;
    pthread_mutex_unlock(&loop->lock);
    if (!list)
        return false;
    while (list) {
        struct post *post = list;
        list = post->next;
        post->call(post->context);
        free(post);
    }
    return true;
}

void loop_settle(struct loop *loop)
{
    while (call_posts(loop))
        ;
}

static void wake(struct loop *loop)
{
    uint64_t one = 1;
    ssize_t written = write(loop->wake, &one, sizeof one);
    (void)written; /* fails only when the counter is full, and then the loop wakes anyway */
}

/* What is posted meanwhile comes at once, which is less than falling asleep and being woken; but
 * timers and signals have their turns, too. */
static int on_wake(sd_event_source *source, int fd, uint32_t events, void *context)
{
    (void)source;
    (void)events;
    struct loop *loop = context;
    uint64_t count;
    if (read(fd, &count, sizeof count) != (ssize_t)sizeof count)
        return 0;
    for (int i = 0; i < POSTS_TURNS_MAX; i++) {
        if (!call_posts(loop))
            return 0;
    }
    wake(loop);
    return 0;
}

struct loop *loop_new(void)
{
    struct loop *loop = xcalloc(1, sizeof *loop);
    must(sd_event_new(&loop->event));
    must(sd_event_set_watchdog(loop->event, true)); /* if systemd wants one */
    loop->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    must(loop->wake);
    must(sd_event_add_io(loop->event, NULL, loop->wake, 1 /* EPOLLIN */, on_wake, loop));
    pthread_mutex_init(&loop->lock, NULL);
    loop->last = &loop->first;
    return loop;
}

void loop_free(struct loop *loop)
{
    if (!loop)
        return;
    loop_settle(loop);
    sd_event_unref(loop->event);
    close(loop->wake);
    pthread_mutex_destroy(&loop->lock);
    free(loop);
}

static bool post(struct loop *loop, loop_call *call, void *context, unsigned limit)
{
    struct post *post = xmalloc(sizeof *post);
    *post = (struct post){.call = call, .context = context};
    pthread_mutex_lock(&loop->lock);
    bool room = loop->waiting < limit, asleep = room && !loop->awake;
    if (room) {
        *loop->last = post;
        loop->last = &post->next;
        loop->waiting++;
        loop->awake = true;
    }
    pthread_mutex_unlock(&loop->lock);
    if (!room)
        free(post);
    if (asleep)
        wake(loop);
    return room;
}

bool loop_post(struct loop *loop, loop_call *call, void *context)
{
    return post(loop, call, context, LOOP_POSTS_MAX);
}

void loop_post_surely(struct loop *loop, loop_call *call, void *context)
{
    post(loop, call, context, UINT_MAX);
}

static int on_timer(sd_event_source *source, uint64_t due_us, void *context)
{
    struct timer *timer = context;
    uint64_t now;
    must(sd_event_now(sd_event_source_get_event(source), CLOCK_BOOTTIME, &now));
    /* Calls that were missed are not made up for. */
    uint64_t next = due_us + timer->period_us;
    must(sd_event_source_set_time(source, next > now ? next : now + timer->period_us));
    timer->call(timer->context);
    return 0;
}

void loop_every(struct loop *loop, uint32_t period_ms, loop_call *call, void *context)
{
    struct timer *timer = xmalloc(sizeof *timer);
    *timer = (struct timer){call, context, (uint64_t)period_ms * 1000};
    sd_event_source *source;
    must(sd_event_add_time_relative(loop->event, &source, CLOCK_BOOTTIME, timer->period_us, 1000,
                                    on_timer, timer));
    must(sd_event_source_set_enabled(source, SD_EVENT_ON));
    must(sd_event_source_set_floating(source, 1));
    must(sd_event_source_set_destroy_callback(source, free));
    sd_event_source_unref(source);
}

void loop_watch(struct loop *loop, uint32_t period_ms, loop_call *call, void *context)
{
    loop->watch = call;
    loop->watch_context = context;
    loop_every(loop, period_ms, call, context);
}

static void on_stirred(void *context)
{
    struct loop *loop = context;
    loop->stirred = false;
    if (loop->runs)
        loop->watch(loop->watch_context);
}

/* A timer that is due at once would do, too, but takes five calls of the kernel. */
void loop_stir(struct loop *loop)
{
    if (!loop->watch || loop->stirred)
        return;
    loop->stirred = true;
    loop_post_surely(loop, on_stirred, loop);
}

struct signal_call {
    loop_call *call;
    void *context;
};

static int on_signal(sd_event_source *source, const struct signalfd_siginfo *info, void *context)
{
    (void)source;
    (void)info;
    struct signal_call *s = context;
    s->call(s->context);
    return 0;
}

void loop_on_signal(struct loop *loop, int signal, loop_call *call, void *context)
{
    struct signal_call *s = xmalloc(sizeof *s);
    *s = (struct signal_call){call, context};
    sd_event_source *source;
    must(sd_event_add_signal(loop->event, &source, signal, on_signal, s));
    must(sd_event_source_set_floating(source, 1));
    must(sd_event_source_set_destroy_callback(source, free));
    sd_event_source_unref(source);
}

void loop_run(struct loop *loop)
{
    loop->runs = true;
    must(sd_event_loop(loop->event));
    loop->runs = false;
}

void loop_quit(struct loop *loop)
{
    int result = sd_event_exit(loop->event, 0);
    if (result != -ESTALE) /* it is over already, and only settles */
        must(result);
}
