/* The replicas of `central`, as the pool that is about to take it meets them: how far each of them
 * is, and what one of them has more is brought into the copy here (protocol, rule 19). On the loop.
 *
 * Of an answer that is late, nothing is lost but time: whatever a replica has more when another
 * pool has taken the home, it moves aside, and salvages (pool/replica.h). */
#ifndef POLLUX_POOL_REPLICAS_H
#define POLLUX_POOL_REPLICAS_H

#include "core/operation.h"
#include "pool/front_end.h"

struct replicas;

typedef void replicas_changed(void *context); /* somebody has answered, or the copy here grew */
struct replicas *replicas_new(struct front_end *fe, replicas_changed *changed, void *context);
/* After the link and the workers are stopped. */
void replicas_free(struct replicas *r);

/* An operation begins: what was known of them counts no more. */
void replicas_begin(struct replicas *r);
/* Each that answers heartbeats is asked how far it is; not while one has still to answer. */
void replicas_ask(struct replicas *r);
/* The same; and if one of those that were asked has more of the history of the copy here, that is
 * brought. */
void replicas_bring(struct replicas *r);

/* `goal`: who is not so far is behind. */
struct operation_replicas replicas_standing(struct replicas *r, uint64_t goal);

enum { REPLICAS_TEXT_SIZE = 1024 };
/* For people, each "" if there is none. */
struct replicas_said {
    char behind[REPLICAS_TEXT_SIZE]; /* machines that answer, and are not so far as wanted */
    char away[REPLICAS_TEXT_SIZE];   /* machines that don't answer */
    char ahead[REPLICAS_TEXT_SIZE];  /* machines that have more than the copy here, and how much */
    char brought_from[FQDN_SIZE];    /* who had more that is here by now; … */
    uint64_t brought;                /* … changes */
    char trouble[ERROR_TEXT_MAX];    /* why something of what one has more was not brought */
};
void replicas_say(const struct replicas *r, uint64_t goal, struct replicas_said *said);
/* The machines with a replica that don't answer now, as far as heartbeats tell. */
void replicas_away(const struct front_end *fe, char *names, size_t size);

#endif
