/* Each machine tells each other one, again and again and whenever something changes at once, what
 * its homes are and what it has heard of all others. On the loop. */
#ifndef POLLUX_POOL_HEARTBEATS_H
#define POLLUX_POOL_HEARTBEATS_H

#include "pool/front_end.h"

struct heartbeats;
struct heartbeats *heartbeats_new(struct front_end *fe);
void heartbeats_free(struct heartbeats *hb);
/* When there is a link. */
void heartbeats_start(struct heartbeats *hb);
/* There is another topology. */
void heartbeats_follow(struct heartbeats *hb);

/* Everybody, now: something has changed. */
void heartbeats_tell(struct heartbeats *hb);
/* From the link: it is taken, and answered with our own. */
void heartbeats_heard(struct heartbeats *hb, const struct heartbeat *theirs,
                      struct link_reply *reply);
/* The home is not here any more: what was heard of it is to outlast a restart. */
void heartbeats_keep(const struct heartbeats *hb, const char *home);
/* The homes here from this place on are others now. */
void heartbeats_forget_witnesses(struct heartbeats *hb, size_t from);
/* What a home is here counts like what was heard of it. */
void heartbeats_note(struct heartbeats *hb, const struct home *home);

struct peers *heartbeats_peers(struct heartbeats *hb);
const struct heard *heartbeats_table(const struct heartbeats *hb);

#endif
