/* Which pool must carry a command out, and passing it on to there. */
#ifndef POLLUX_ADMIN_PLACE_H
#define POLLUX_ADMIN_PLACE_H

#include "admin/call.h"

enum {
    /* The other machine says something each second (CALL_KEEP_ALIVE_MS), if only that it is alive.
     */
    PASS_ON_SILENCE_MS = 10000,
    PASS_ON_PATIENCE_MS = 2000, /* then whoever waits hears for whom */
};

/* `*pool` is NULL if it is this one. Fails if there is no such pool. */
enum failure place_of(struct front_end *fe, const struct command *command, const json_t *parameters,
                      bool passed_on, const struct pool **pool, struct error *e);

/* The pools that have a part in a home, who holds it first; `two[1]` may be NULL. */
void place_pair(const struct front_end *fe, const char *home, const struct pool *two[2]);

/* Is it this machine's copy of the Central Management Store that answers, because its holder does
 * not? Asked when place_of() said that this one carries it out. */
bool place_is_copy(const struct front_end *fe, const struct command *command,
                   const json_t *parameters);

/* Has a machine of `pool` carry it out; what that answers goes to the caller as it comes. Ends the
 * call, unless nothing came and it is `unanswered`: then that goes on with the call, on the loop.
 * NULL: that is an error. */
typedef void pass_unanswered(struct call *call);
void pass_on(struct call *call, const struct pool *pool, pass_unanswered *unanswered);

/* What travels: which command, its parameters, and who gives it. Owned by the caller. */
char *passed_encode(const struct call *call);
enum failure passed_decode(const char *text, const struct command **command, json_t **parameters,
                           struct caller **caller, struct error *e);

#endif
