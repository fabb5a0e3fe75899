/* What a machine has heard of who serves which home, from anybody.
 *
 * Every machine passes on the highest term that it knows, its own pool's homes or not: that is how
 * a superseded holder learns it at the first word from anyone. */
#ifndef POLLUX_CORE_HEARD_H
#define POLLUX_CORE_HEARD_H

#include "core/limits.h"
#include "core/mode.h"
#include "core/term.h"

#include <stddef.h>

enum { HEARD_HOMES_MAX = 256 }; /* one for each pool, `central`, and some that are gone */

struct heard_home {
    char home[HOME_NAME_SIZE];
    struct term term;
    uint64_t seen;
};

struct heard {
    size_t count;
    struct heard_home list[HEARD_HOMES_MAX];
};

/* True if that was news. What does not fit is forgotten. */
bool heard_note(struct heard *heard, const char *home, struct term term, uint64_t seen);
const struct heard_home *heard_of(const struct heard *heard, const char *home);

#endif
