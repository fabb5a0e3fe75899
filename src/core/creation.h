/* May a home be created here, because somebody publishes the topology for the first time?
 *
 * Protocol, rule 11: a store that knows nothing may have been lost. Whether this is really the
 * first publication, only the partner can tell, who would know of an earlier one. What home.c
 * refuses besides is a home that is known here, or was ever heard of. */
#ifndef POLLUX_CORE_CREATION_H
#define POLLUX_CORE_CREATION_H

#include "core/home.h"

/* `h` NULL: this pool has no part in the home. */
bool creation_may_begin(const struct home *h, bool partner_answers);

#endif
