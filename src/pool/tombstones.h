/* Tombstones go once every copy has them (core/export.h says how far): of the homes that are served
 * here, a few at a time. */
#ifndef POLLUX_POOL_TOMBSTONES_H
#define POLLUX_POOL_TOMBSTONES_H

#include "pool/exporting.h"

enum { TOMBSTONES_LOOK_MS = 2000 };

/* On the loop, each TOMBSTONES_LOOK_MS. */
void tombstones_collect(struct front_end *fe, struct exporting *const *exports, size_t count);

#endif
