/* What of what is sent for a copy is taken, and what waits for it. Everything on the loop. */
#ifndef POLLUX_POOL_TAKING_H
#define POLLUX_POOL_TAKING_H

#include "pool/front_end.h"

/* May what is sent in this term be taken? Asked on the loop, where the partner's questions are
 * answered, too: from here on they wait until it is applied, and afterwards nothing of that term is
 * taken any more. Says for which home that is: "" for a replica, or if it is none of the partner's;
 * then the record in the store decides. False: `late` is the answer. */
bool taking_may(const struct front_end *fe, const char *from, const char *home, struct term term,
                char taken_for[HOME_NAME_SIZE], struct copy_answer *late);
/* It is on its way to the store, or is there or not. */
void taking_note(const struct front_end *fe, const char *taken_for, bool applying);

#endif
