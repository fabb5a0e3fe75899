/* All that can be read of a damaged file, put into a new one. */
#ifndef POLLUX_STORE_SQLITE_RESCUE_H
#define POLLUX_STORE_SQLITE_RESCUE_H

#include "store/sqlite_keys.h"

enum {
    RESCUE_GAPS_MAX = 100000, /* of a home, that are looked into: each has a torn page at its end */
};

struct rescued {
    uint64_t items;
    uint64_t lost; /* of these only the keys are there, which lead to no row */
};

/* Everything is as it was, but for items that can't be read, and what was replaced anyway. An error
 * if that is true of anything else, or if the new file can't take it. */
enum failure sqlite_rescue(struct session *from, struct session *to, struct rescued *rescued,
                           struct error *e);

#endif
