/* A hand-over that is only rehearsed, at its holder. Whether the store keeps anything is known by
 * having it keep something: what it said last may be long ago. Nothing is sent for it. */
#ifndef POLLUX_POOL_REHEARSAL_H
#define POLLUX_POOL_REHEARSAL_H

#include "pool/front_end.h"

/* Answers with the home's standing once the store has kept a record, or not. A store that takes
 * its time takes the answer's, too. */
void rehearsal_asked(struct front_end *fe, const char *home, struct link_reply *reply);

/* The same here, at the pool that would take the home. */
struct rehearsal_trial;
struct rehearsal_trial *rehearsal_try(struct front_end *fe, const char *home);
/* Is it over? `*e`: why the store did not keep it; kind OK: it did. */
bool rehearsal_tried(const struct rehearsal_trial *trial, struct error *e);
/* Nobody waits for it any more; NULL does no harm. */
void rehearsal_leave(struct rehearsal_trial *trial);

#endif
