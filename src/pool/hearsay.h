/* What this machine has heard of homes in which its pool has no part (core/heard.h), kept across
 * restarts: where a whole site loses its power, it may be the only one that can tell a pool which
 * starts there that another one took its home. */
#ifndef POLLUX_POOL_HEARSAY_H
#define POLLUX_POOL_HEARSAY_H

#include "core/heard.h"
#include "pool/front_end.h"

struct hearsay;
struct hearsay *hearsay_new(struct front_end *fe);
void hearsay_free(struct hearsay *hearsay);
/* Reads what was kept: before anything is heard. */
void hearsay_start(struct hearsay *hearsay);

/* True if that was news. */
bool hearsay_note(struct hearsay *hearsay, const char *home, struct term term, uint64_t seen);
/* The home is not here any more: its record no longer has what is known of it. */
void hearsay_keep(const struct hearsay *hearsay, const char *home);
const struct heard *hearsay_table(const struct hearsay *hearsay);

#endif
