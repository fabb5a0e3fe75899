/* The holder's part of a hand-over: what the partner, who takes, may demand of it, and what it
 * says.
 *
 *     Close ──> Drain ──> Release      each is repeated until it is answered, and changes nothing
 *       └─────────┴─> Cancel           the second time; Look and Rehearse only ask
 *
 * A hand-over is named by the term that the taker is going to open. Its number is above all that
 * the holder has seen, and seen from then on: so what was called off can never be asked for again,
 * by whatever message that comes late (protocol, rule 5). */
#ifndef POLLUX_CORE_HANDOVER_H
#define POLLUX_CORE_HANDOVER_H

#include "core/digest.h"
#include "core/mode.h"
#include "core/term.h"

enum home_demand {
    DEMAND_LOOK,     /* what is the home there? What is not copied is sent now */
    DEMAND_REHEARSE, /* the same without sending anything, and what a hand-over would meet */
    DEMAND_CLOSE,    /* no new sessions */
    DEMAND_DRAIN,    /* no more changes */
    DEMAND_RELEASE,  /* give it away, at the point that is named */
    DEMAND_CANCEL,   /* go on serving */
};
enum { DEMANDS = DEMAND_CANCEL + 1 };

const char *demand_name(enum home_demand demand);
bool demand_named(const char *name, enum home_demand *demand);

enum {
    /* How long a holder stays Closing or Draining without another word of the taker. Each demand is
     * repeated several times in it; a taker that died costs its users so long. */
    HANDOVER_HOLD_MS = 5000,
};

/* A point in a home's history, and what all that there is adds up to there. */
struct home_point {
    uint64_t usn;
    struct digest digests[MODULES];
};
bool home_point_equal(const struct home_point *a, const struct home_point *b);

struct home_demanded {
    enum home_demand demand;
    struct term to;          /* which the taker is going to open; not for who only asks */
    bool whole;              /* release only if the point is everything that there is */
    struct home_point point; /* for a release: what the taker has */
};

/* How long it may take to bring a copy up to its holder. */
struct handover_outlook {
    uint64_t uncopied_bytes; /* of items */
    uint64_t bytes_each_s;   /* what the way there and the store behind it did last; 0: not known */
};
/* False: nobody knows. */
bool handover_copy_ms(const struct handover_outlook *outlook, uint64_t *ms);

/* What a holder says of the home after a demand: nothing of it is older than the demand. */
struct home_standing {
    enum mode mode;
    struct term term; /* that it holds, or that it follows */
    struct term to;   /* that it is handing over to */
    uint64_t seen;
    bool durable; /* the mode is; else its store keeps nothing, and only this process knows */
    bool stopped; /* by an administrator */
    struct home_point point;
    struct handover_outlook outlook; /* of a rehearsal */
};

/* Whoever is Rejoining may serve in a moment; but not where an administrator is waited for. */
bool home_waits_for_start(const struct home_standing *standing);

/* What a demand makes of a mode: every legal line of the table. */
struct handover_rule {
    enum home_demand demand;
    enum mode from;
    bool again;       /* nothing changes: it was demanded before */
    enum cause cause; /* else: of the change of mode */
};
const struct handover_rule *handover_rule(enum home_demand demand, enum mode from);

#endif
