/* What a pool that takes `central` alone makes of what its replicas say (protocol, rule 19): what
 * the most advanced one on its own history has more is brought before it takes. */
#ifndef POLLUX_CORE_GATHERING_H
#define POLLUX_CORE_GATHERING_H

#include "core/operation.h"

/* One of them, as it said last. */
struct replica_standing {
    bool known;   /* it has answered */
    bool same;    /* one of the two stands on the other's history: lineage_in_line() */
    bool useless; /* what it has more can't be brought */
    uint64_t usn; /* so far it is */
};

/* Can it be gone on from, behind this usn? */
bool gathering_has_more(const struct replica_standing *replica, uint64_t usn);

/* Adds one to what is known of all: at first none, `least` UINT64_MAX. The copy here stands at
 * `own`. */
void gathering_add(struct operation_replicas *all, const struct replica_standing *replica,
                   uint64_t own);

#endif
