/* What others want of the copy here: a holder, what it lost of its rows by damage; whoever is about
 * to take the home, how far it is, and what there is behind what that has itself (protocol, rule
 * 19).
 */
#ifndef POLLUX_POOL_LEND_H
#define POLLUX_POOL_LEND_H

#include "base/workers.h"
#include "pool/front_end.h"

/* On the loop; answers with a batch of those that there are, read on a thread. */
void lend_wanted(struct front_end *fe, struct workers *workers, const struct machine *from,
                 const struct items_wanted *wanted, struct link_reply *reply);

/* The link's handler; the context is the front end. */
void lend_standing(const struct machine *from, const char *home, struct link_reply *reply,
                   void *context);

#endif
