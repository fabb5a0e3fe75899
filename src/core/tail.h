/* A tail: what a copy had of its own, beyond the last point that it shares with the holder's
 * history (protocol, rule 14). It was moved aside, so that the copy could go on from that point,
 * and is kept until the holder has taken what it may of it.
 *
 * A large one moves in steps, from its newest change down, so that nobody waits for the store long.
 * After each the copy stands at an earlier point of its own history, and its tail, which is open
 * until the last, holds all beyond. Before that it is told to nobody: what had gone before the rest
 * of it followed would have been taken for all of its term.
 *
 * Whoever accepted these changes numbered them, so each is known everywhere by its term and its
 * usn: they are what keeps a tail that is sent twice, or by two copies, from being taken twice. */
#ifndef POLLUX_CORE_TAIL_H
#define POLLUX_CORE_TAIL_H

#include "core/lineage.h"

enum {
    /* Of one home in one store. A tail is made when a pool that served meets another one that did,
     * and goes within moments once they talk; so many would mean that they never do. */
    TAILS_MAX = 16,
};

struct tail {
    uint64_t id;         /* a random number, never 0 */
    struct version base; /* where the copy went back to */
    uint64_t head;       /* how far it had come */
    uint64_t items;
    bool open; /* more of it is in the copy still, and is to follow */
    /* Its copy had not all that there was up to its head: it was not whole, or had forgotten
     * deletions. So that this one is salvaged makes no other one needless. */
    bool part;
    struct lineage lineage; /* as it was then: by whose terms it had come so far */
};

/* Oldest first: that is the order in which they are salvaged. */
struct tails {
    size_t count;
    struct tail list[TAILS_MAX];
};

const struct tail *tails_find(const struct tails *tails, uint64_t id);
/* The one that is open, the last; NULL: none is. */
struct tail *tails_open(struct tails *tails);

/* Of a tail that is to be made, no more than is beyond this usn for now. */
void tail_shorten(struct tail *tail, uint64_t usn);

/* The term of a change in it, by number and tag. Where its lineage was trimmed, the tail itself
 * stands for the terms that nobody knows any more: by its id, and a number above all that there
 * are. */
#define TAIL_TERM_UNKNOWN ((uint64_t)INT64_MAX / 2)
struct term tail_term_of(const struct tail *tail, uint64_t usn);
/* The last usn of it that this term can have made; and the one before the first. */
uint64_t tail_end_of(const struct tail *tail, uint64_t usn);
uint64_t tail_begin_of(const struct tail *tail, uint64_t usn);

void tails_encode(const struct tails *tails, struct buffer *out);
enum failure tails_decode(struct tails *tails, struct bytes encoded, struct error *e);

#endif
