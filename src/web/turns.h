/* Whoever lost to somebody faster tries again in turn with others of the same user: without that,
 * of many clients that change the same thing one could lose each time. And those who change the
 * files of one conference do so in turn. The loop's thread only. */
#ifndef POLLUX_WEB_TURNS_H
#define POLLUX_WEB_TURNS_H

#include <stdbool.h>

#include "base/loop.h"

enum { TURNS_LANES = 256 }; /* some share one by chance; all they lose by it is some time */

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

/* Calls `go` when it is its turn, which may be at once. `of` is the Id of an account or of a
 * conference. */
void turns_wait(struct turns *turns, const char *of, struct turn *turn, loop_call *go,
                void *context);
bool turn_has_come(const struct turn *turn);
/* It is over, and the next one goes. Does nothing without a turn. */
void turn_end(struct turn *turn);

#endif
