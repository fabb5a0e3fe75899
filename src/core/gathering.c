#include "core/gathering.h"

bool gathering_has_more(const struct replica_standing *replica, uint64_t usn)
{
    return replica->known && replica->same && !replica->useless && replica->usn > usn;
}

void gathering_add(struct operation_replicas *all, const struct replica_standing *replica,
                   uint64_t own)
{
    uint64_t usn = replica->same ? replica->usn : 0; /* on another history it has nothing of this */
    if (replica->known && usn < all->least)
        all->least = usn;
    if (gathering_has_more(replica, own) && usn > all->most)
        all->most = usn;
}
