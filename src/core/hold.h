/* The hold record: what a pool durably knows about who may serve a home.
 *
 * It, and not the topology, names the two pools that may (protocol, rule 12). Each change of it is
 * one transaction, and each change of an item checks it in its own. */
#ifndef POLLUX_CORE_HOLD_H
#define POLLUX_CORE_HOLD_H

#include "core/lineage.h"
#include "core/mode.h"

struct hold {
    char home[HOME_NAME_SIZE];
    char pools[SIDES][FQDN_SIZE]; /* the backup's is "" for a lone pool */
    enum mode mode;               /* as last persisted; what a restart makes of it, mode.c says */
    struct term term;             /* the term that this pool holds, or the holder's as last heard */
    uint64_t seen;                /* the highest number heard, granted or released */
    bool alone;                   /* it took alone and has not met the partner since (rule 9) */
    struct term to;         /* while it is handed over: the term that the partner is to open */
    uint64_t released;      /* once it is released: at which usn */
    uint64_t revision;      /* grows with each write: a writer names the one it replaces */
    struct lineage lineage; /* of this pool's copy */
};

/* The pool that held it in `hold->term`, by name; "" before the first term. */
const char *hold_holder(const struct hold *hold);
/* Which side `pool` is, if any. */
bool hold_side(const struct hold *hold, const char *pool, enum side *side);

/* Closing, Draining or Released. */
bool hold_is_handed_over(const struct hold *hold);

/* May a change of this term be accepted? The one question of every commit. */
enum failure hold_check_change(const struct hold *hold, uint64_t term_number, struct error *e);

/* Does storing `next` over a record of term `before` open a term? Then the store adds it to the
 * lineage, beginning at its head in the same transaction: nobody else knows where that is. */
bool hold_opens_term(struct term before, const struct hold *next);

void hold_encode(const struct hold *hold, struct buffer *out);
enum failure hold_decode(struct hold *hold, struct bytes encoded, struct error *e);

#endif
