/* Where a copy may go on: what a pool that follows makes of an offer of whoever exports to it.
 *
 * Two copies compare at their last common point (protocol, rule 3). A copy that stands on the
 * exporter's own lineage goes on from its cookie. One that does not must be compared whole, and so
 * must one that has everything and yet is not equal; and one that has changes of its own beyond
 * that point must not be written to before these are safe. */
#ifndef POLLUX_CORE_COPY_H
#define POLLUX_CORE_COPY_H

#include "core/batch.h"
#include "core/compare.h"
#include "core/content.h"
#include "core/digest.h"
#include "core/hold.h"
#include "core/tail.h"

/* What the exporter is. It may be the holder, or a standby that refills a holder which lost some of
 * what it had (rule 10). */
struct copy_offer {
    struct term term;
    const struct lineage *lineage;
    uint64_t head;
    uint64_t horizon;     /* tombstones up to this usn are gone there */
    struct digest digest; /* of the module, at the head */
};

/* What the copy is. */
struct copy_state {
    const struct hold *hold;
    uint64_t head; /* of all modules of the home */
    struct version cookie;
    struct digest digest;
    /* Up to where it was taken beyond the cookie, and is not stored yet; 0: nothing. */
    uint64_t taken;
    uint64_t comparing; /* a comparison that has begun, and is not at its end; 0: none */
    bool tail;          /* what it had of its own is aside, and not salvaged yet */
    bool going_back;    /* or not even all of it is aside: its last tail is open */
    /* Where it will be what the exporter was at one moment. Before, it is not even what that was at
     * the cookie: whatever was changed once more up to here has not come yet in any form. */
    struct version whole_at;
};

enum copy_verdict {
    COPY_GO_ON,   /* from `at` */
    COPY_COMPARE, /* there is no point from which going on would be right */
    COPY_FORKED,  /* it has, or may have, changes that the exporter does not: not to be lost. It
                   * moves them aside, and is asked again */
    COPY_EARLY,   /* it has not heard of that term yet; again shortly */
    COPY_LATE,    /* it follows a higher term, or another one of that number: `term` */
    COPY_HOLDS,   /* it holds the home itself */
};
enum { COPY_VERDICTS = COPY_HOLDS + 1 };

struct copy_answer {
    enum copy_verdict verdict;
    struct version at; /* the cookie, where it may go on; else where both part */
    /* Of an answer to a batch: up to where it was taken, if that is more than is stored yet. */
    uint64_t taken;
    bool carried; /* … and the home's other modules stand at `at`, too */
    struct term term;
    bool tail;                   /* it has a tail: whatever it has otherwise, it is not all */
    struct content_left content; /* of all homes there, where the module is content, */
    char why[ERROR_TEXT_MAX];    /* and what stands in the way of that; empty: nothing known */
};

const char *copy_verdict_name(enum copy_verdict verdict);
bool copy_verdict_named(const char *name, enum copy_verdict *verdict);

struct copy_answer copy_judge(const struct copy_state *copy, const struct copy_offer *offer);

/* A replica has no say in who holds its home. It follows a higher term at the first word; and the
 * holder's, who opened the same number anew, because its store had forgotten it (rule 2). */
bool copy_replica_follows(const struct hold *hold, struct term term);

/* A copy that is forked goes back to where both parted (protocol, rule 3): what it has beyond that
 * becomes `tail`, but for its id. `exporter_head` is what the exporter really has. False: it stays
 * as it is. Whoever came as far as the exporter's own term is only ahead of what that offers; an
 * offer that was long on its way looks the same. One that is going back goes on, or stays where it
 * is now if that is far enough: the tail is empty then, and what is aside already is complete. */
bool copy_goes_back(const struct copy_state *copy, const struct copy_offer *offer,
                    uint64_t exporter_head, const struct copy_answer *answer, struct tail *tail);

/* The same for a batch, which may have been on its way for long: `at` is the cookie that it is to
 * be applied on, in the transaction that moves it. What does not follow on it is COPY_EARLY, too:
 * the exporter asks, and goes on from there. */
struct copy_answer copy_judge_batch(const struct copy_state *copy, const struct batch_head *head);
/* Where the copy will be whole once that is applied. Whoever sends it may have come less far than
 * who sent before, as a replica may: of what was left out then, it sends nothing. */
uint64_t copy_whole_upto(const struct copy_state *copy, const struct batch_head *head);
/* Does a batch of another module take this one along, to its end (protocol, rule 20)? That is what
 * an empty batch of its own would do, read in the same moment. It is whole there. */
bool copy_is_carried(const struct copy_state *copy, const struct batch_head *head);

/* The same for a part of a comparison: COPY_COMPARE, if it belongs to the one that is under way. */
struct copy_answer copy_judge_part(const struct copy_state *copy, const struct compare_head *head);

/* Where a copy stands that was compared with what `offer` says. Behind its own cookie nothing is
 * forgotten that was deleted, if the exporter still tells that: then batches go on from there.
 * Else it stands at the head that it was compared with, and what was deleted before that has gone
 * without tombstones (rule 17). */
struct version copy_compared_at(const struct copy_state *copy, const struct copy_offer *offer,
                                uint64_t exporter_head);
/* Up to where a copy has everything of the history in its record, by the cookie of a module:
 * nowhere, if that stands on another one and is still to be compared. */
uint64_t copy_upto(const struct hold *hold, struct version cookie);

/* Up to where tombstones are gone at whoever exports a module: what is missing there was deleted.
 * At a copy that refills another one it may just not have come yet: none of it beyond the cookie,
 * and none at all before it is whole. What the other one still has of that must not be compared
 * away. */
uint64_t copy_horizon(const struct copy_state *copy, uint64_t horizon);

/* The head that whoever exports a module speaks of: its home's. A copy that refills another one,
 * and is not whole itself, speaks of one more, so that the other one never takes itself for whole.
 */
uint64_t copy_head(const struct copy_state *copy);

/* Is everything in a copy, which is of this side, known to the other pool, so that it may go? Only
 * if nothing is beyond its last cookie, nothing aside, and it was not this side that served last: a
 * copy follows the other pool's lineage once that has said that it knows what is here. */
bool copy_is_known_elsewhere(const struct hold *hold, enum side side, uint64_t head,
                             uint64_t last_cookie, bool tail);

/* A holder that becomes a copy stands at its head: that is its cookie for every module. */
struct version copy_cookie_of_holder(const struct hold *hold, uint64_t head);

#endif
