/* One way to wait: a thread's event loop, on sd-event.
 *
 * Timers and signals are called on the loop's thread; other threads hand it work by posting, and
 * never wait for it. Nothing that is called here may block. */
#ifndef POLLUX_BASE_LOOP_H
#define POLLUX_BASE_LOOP_H

#include <stdbool.h>
#include <stdint.h>

struct loop;
typedef void loop_call(void *context);

enum { LOOP_POSTS_MAX = 16384 }; /* waiting; a further one is refused */

struct loop *loop_new(void);
/* What is still posted is called first. */
void loop_free(struct loop *loop);

/* Any thread. False if too much is waiting; then it will not be called. */
bool loop_post(struct loop *loop, loop_call *call, void *context);
/* The same for what must arrive and is bounded elsewhere: the end of something that was begun. */
void loop_post_surely(struct loop *loop, loop_call *call, void *context);
/* From the loop's thread or before it runs; each lasts as long as the loop. */
void loop_every(struct loop *loop, uint32_t period_ms, loop_call *call, void *context);
/* The same for whoever looks whether something has come about; one of a loop. It looks at once,
 * when the loop's thread says that something has: however often that is said, once a turn; and only
 * while the loop runs. */
void loop_watch(struct loop *loop, uint32_t period_ms, loop_call *call, void *context);
void loop_stir(struct loop *loop);
/* The signal must be blocked in every thread: before the first of them starts. */
void loop_on_signal(struct loop *loop, int signal, loop_call *call, void *context);

/* Calls what is posted, and what that posts, without waiting for more. */
void loop_settle(struct loop *loop);
void loop_run(struct loop *loop); /* until loop_quit() */
void loop_quit(struct loop *loop);

#endif
