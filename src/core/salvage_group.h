/* What is valid only together is carried over together or not at all (protocol, rule 19): if one
 * change of a group can't be, all of it becomes conflicts, for people. No I/O. */
#ifndef POLLUX_CORE_SALVAGE_GROUP_H
#define POLLUX_CORE_SALVAGE_GROUP_H

#include "core/salvage.h"

struct salvage_member {
    const struct item *entry;     /* as it stands in the tail */
    const struct item *here;      /* what the holder has of its key, or NULL */
    enum salvage_verdict verdict; /* if it stood alone */
    bool stays;                   /* it is not to be carried over, whatever its own verdict is */
    size_t with;                  /* another one of its group: salvage_alone(), salvage_join() */
};

/* Each is a group by itself. */
void salvage_alone(struct salvage_member *members, size_t count);
void salvage_join(struct salvage_member *members, size_t a, size_t b);
/* Whatever is in a group with one that stays, or that both changed, stays. May be called again
 * after more was found to stay. */
void salvage_settle(struct salvage_member *members, size_t count);

#endif
