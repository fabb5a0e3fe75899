/* Whoever lost to somebody faster tries again in turn with others of the same user: without that,
 * of many clients that change the same thing one could lose each time. The loop's thread only. */
#ifndef POLLUX_WEB_TURNS_H
#define POLLUX_WEB_TURNS_H

#include <stdbool.h>

#include "base/loop.h"

enum { TURNS_LANES = 256 }; /* users share one by chance; all they lose by it is a moment */

struct turns;
struct turns *turns_new(void);
void turns_free(struct turns *turns);

/* Zero: it has no turn, and waits for none. Lives as long as the turn. */
struct turn {
    struct turn *next;
    struct lane *lane;
    loop_call *go;
    void *context;
};

/* Calls `go` when it is its turn, which may be at once. `user` is an account's Id. */
void turns_wait(struct turns *turns, const char *user, struct turn *turn, loop_call *go,
                void *context);
bool turn_has_come(const struct turn *turn);
/* It is over, and the next one goes. Does nothing without a turn. */
void turn_end(struct turn *turn);

#endif
