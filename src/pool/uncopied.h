/* How much of a home is not copied yet, in bytes of items. */
#ifndef POLLUX_POOL_UNCOPIED_H
#define POLLUX_POOL_UNCOPIED_H

#include "pool/exporting.h"

/* Exactly, or of very many by what the first of them have. */
uint64_t uncopied_bytes(const struct exporting *x, struct view *view);

#endif
