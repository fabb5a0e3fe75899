/* Has what users had who have left removed (user/leaving.h) at the pool that holds their home: when
 * `central` has changed, when it begins to serve a home, and once a day all of them; and the files
 * of conferences that ended. */
#ifndef POLLUX_USER_LEAVERS_H
#define POLLUX_USER_LEAVERS_H

#include "pool/front_end.h"

struct leavers;

enum {
    LEAVERS_LOOK_MS = 1000,
    LEAVERS_AGAIN_MS =
        10000, /* after something was wrong: a full disk, a file store that is away */
    /* All of them, not only those that are new: a request that was under way when its user left may
     * have come behind. */
    LEAVERS_ALL_MS = 24 * 60 * 60 * 1000,
};

struct leavers *leavers_start(struct front_end *fe, struct loop *loop);
/* Before the front end is stopped. What is left is removed after the next start. */
void leavers_stop(struct leavers *leavers);

#endif
