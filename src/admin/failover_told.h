/* What an operation says to whoever watches it: how it goes, and what it came to. */
#ifndef POLLUX_ADMIN_FAILOVER_TOLD_H
#define POLLUX_ADMIN_FAILOVER_TOLD_H

#include "admin/call.h"
#include "pool/operating.h"

struct failover_words {
    char follow[FQDN_SIZE + 64], cancel[FQDN_SIZE + 64]; /* commands, as they are typed */
    /* What was named before it began: replicas that don't answer, and who else hears the holder. */
    char away[REPLICAS_TEXT_SIZE], witnesses[OPERATION_WITNESSES_SIZE];
};

/* It can't be followed yet, for nothing has begun. */
void failover_tell_looking(struct call *call, enum operation_kind kind);
void failover_tell_progress(struct call *call, const struct operation_report *r,
                            const struct failover_words *words);
/* Also of one that is interrupted, because this machine stops. */
void failover_tell_end(struct call *call, const struct operation_report *r,
                       struct failover_words *words);
/* It may be this pool that is cut off. Once is enough, and better before it is taken. */
void failover_warn_of_witnesses(struct call *call, const char *holder, const char *witnesses,
                                struct failover_words *words);

#endif
