/* Which user is meant: by the address in its three spellings, or by the display name. */
#ifndef POLLUX_ADMIN_USER_LOOKUP_H
#define POLLUX_ADMIN_USER_LOOKUP_H

#include "admin/user_work.h"

enum {
    LOOKUP_NAMESAKES_SHOWN = 5, /* of several users that fit, in the error */
    /* Around a wrong address; what was meant is mostly among them, and nobody waits for it. */
    LOOKUP_NEIGHBOURS_MAX = 2000,
    LOOKUP_BEGINNING = 2, /* letters that a wrong address shares with its neighbours */
};

/* By address this is one look-up by key; by display name, a walk over all accounts. `*usn` is the
 * account's. FAIL_NOT_FOUND names the nearest address if there is one near. */
enum failure user_find(struct user_work *work, struct view *view, const char *identity,
                       struct account *account, uint64_t *usn, struct error *e);
/* Whom -Identity means, as `work->account`. */
enum failure user_meant(struct user_work *work, uint64_t *usn, struct error *e);

#endif
