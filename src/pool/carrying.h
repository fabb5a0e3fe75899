/* What a batch of one module says of a home's other ones, on its way to the same pool: nothing of
 * them lies in it, and so their copies go along to its end (protocol, rule 20). */
#ifndef POLLUX_POOL_CARRYING_H
#define POLLUX_POOL_CARRYING_H

#include "pool/exporting.h"

/* May a batch of `x` say so now? */
bool carrying_may(const struct exporting *x);
/* One did, and there they are at `at`. */
void carrying_tell(const struct exporting *x, struct version at);

#endif
