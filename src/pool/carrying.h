/* What a batch of one module says of a home's other ones, on its way to the same pool: nothing of
 * them lies in it, and so their copies go along to its end (protocol, rule 20). */
#ifndef POLLUX_POOL_CARRYING_H
#define POLLUX_POOL_CARRYING_H

#include "pool/exporting.h"

/* May a batch of `x` say so now? */
bool carrying_may(const struct exporting *x);
/* It says so, and was read at `head`; … */
void carrying_read(const struct exporting *x, uint64_t head);
/* … and there they are at `at`. */
void carrying_tell(const struct exporting *x, struct version at);
/* It was answered: what nobody is going to take along goes by itself. */
void carrying_answered(struct exporting *x);

#endif
