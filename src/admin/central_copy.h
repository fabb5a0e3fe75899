/* What only reads the Central Management Store goes on while nobody who holds it answers: from the
 * copy that each machine has; and from there alone, where that is wanted. */
#ifndef POLLUX_ADMIN_CENTRAL_COPY_H
#define POLLUX_ADMIN_CENTRAL_COPY_H

#include "admin/call.h"

/* A copy into which nothing was copied yet says nothing. */
enum failure central_copy_check(const struct front_end *fe, struct view *view, struct error *e);

/* Was this machine told to answer from its copy, without asking anybody (EnableCaching)? */
bool central_copy_is_wanted(struct front_end *fe);

/* Says that it is the copy that answers, and how old it is. False: there is none, and the call has
 * ended with that. */
bool central_copy_answers(struct call *call);

/* How `taker` would be given the store without its holder, as it is typed. Owned by the caller. */
char *central_copy_takeover(const struct pool *taker);

#endif
