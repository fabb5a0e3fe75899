/* Calls between pools. A request may be lost, late or doubled, its answer too; whoever called hears
 * exactly once: the first answer that comes in time, or that there was none. That much the link of
 * the product guarantees, and no more. */
#ifndef POLLUX_SIM_NETWORK_H
#define POLLUX_SIM_NETWORK_H

#include "core/batch.h"
#include "world.h"

enum call_kind {
    CALL_QUESTION,
    CALL_DEMAND,
    CALL_OFFER,
    CALL_BATCH,
    CALL_COMPARE,
    CALL_PART,
    CALL_COMPARED,
    CALL_SALVAGE,
    CALL_STANDING, /* of the replica: how far it is, … */
    CALL_WANTED,   /* … what it has behind `after`, … */
    CALL_BROUGHT,  /* … and that, at the pool itself that asked for it */
};

struct call {
    struct call *next;
    enum call_kind kind;
    struct pool *from, *to;
    uint64_t life; /* of the caller */
    size_t home, module;
    bool ended; /* the caller has its answer, or none */

    struct home_question question;
    struct home_demanded demanded;
    struct copy_offer offer;
    struct lineage *lineage; /* of an offer */
    struct buffer batch;     /* or a part of a comparison, or some of a tail */
    uint64_t head;           /* the store's own, when the offer was made */
    uint64_t comparison;     /* which one begins or ends */
    struct buffer differs;   /* the answer to a part, or what was wanted */
    uint64_t after, round;   /* of the replica */
};

struct call *call_new(struct pool *from, struct pool *to, enum call_kind kind, size_t home);
void call_send(struct call *call, uint64_t deadline_ms);
/* What the one who was called says. Any number of times; NULL for both: it refuses. */
void call_answer(struct call *call, const struct home_answer *answer,
                 const struct copy_answer *position);
/* The same for a demand; `standing` NULL: it refuses, for this reason. */
void call_say(struct call *call, const struct home_standing *standing, enum failure failure);
void call_free(struct call *call);

/* Both ways at once: everybody tells everybody what is known of each home. */
void heartbeat(struct pool *from);

#endif
