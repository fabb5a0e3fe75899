/* Carries out what core/salvage.h rules: adds to a transaction of the holder what becomes of some
 * changes of a tail. Everything that was looked at is expected to be so still, and how far it has
 * come is written with it: so it is done once, however often it is asked for. */
#ifndef POLLUX_STORE_SALVAGE_H
#define POLLUX_STORE_SALVAGE_H

#include "core/salvage_group.h"
#include "core/tail_packet.h"
#include "store/store.h"

enum {
    /* What a pool that takes a home takes of its own tail in the transaction that opens the term,
     * since nobody is served before that: half a second or so. The rest follows right after. */
    SALVAGE_OWN_MAX = 20000,
};

/* What follows from other items is kept in step by those who know it (src/user): how much a user
 * has, who is invited to what. NULL members: there is nothing of that kind. */
struct salvage_derived {
    /* Does this item follow from others? Then it is not taken by itself, … */
    bool (*follows)(enum module module, struct bytes key);
    /* … but adds what follows when these others are changed: `here` is what was there, or NULL. */
    enum failure (*changes)(void *context, const struct item *entry, const struct item *here,
                            struct error *e);
    /* Around the changes of one transaction; `end` adds what is left to add. */
    void *(*begin)(struct txn *txn, struct view *view, const char *home, bool own);
    enum failure (*end)(void *context, struct error *e);
    void (*release)(void *context);
};

/* What the two histories are compared by where changes are valid only together. */
struct salvage_ground {
    struct view *view;
    struct txn *txn; /* what is looked at besides is to be expected in it */
    const struct hold *hold;
    uint64_t base; /* what the holder changed after it, it did without the tail */
};
/* Joins what is valid only together, and says what stays because the rest would not be valid. */
typedef enum failure salvage_judge(const struct salvage_ground *ground,
                                   struct salvage_member *members, size_t count, struct error *e);

struct salvage_place {
    struct view *view; /* of the holder, from which the transaction is made */
    const struct hold *hold;
    uint64_t now_ms; /* since 1970 */
    const struct salvage_derived *derived;
    /* Of `central`, for a tail that one packet has all of (TAIL_TOGETHER_MAX): verdicts must not
     * depend on where a longer one was cut, so of that everything stays. NULL: so it does of each.
     */
    salvage_judge *judge;
    bool own;
};

/* What is salvaged in one transaction. */
struct salvage;
struct salvage *salvage_begin(struct txn *txn, const struct salvage_place *place);
/* The changes of one packet. `upto`: how far that term's are salvaged with it. */
enum failure salvage_packet(struct salvage *s, struct tail_packet *packet, uint64_t *upto,
                            struct error *e);
/* Adds what follows from all of it. */
enum failure salvage_end(struct salvage *s, struct error *e);
void salvage_free(struct salvage *s);
DEFINE_OWNED(struct salvage *, salvage_free)

/* A pool that takes a home takes its own tail first (protocol, rule 14): adds as much of the oldest
 * to the transaction that opens the term as SALVAGE_OWN_MAX allows, and with the last of it, that
 * the tail goes. */
enum failure salvage_own(struct txn *txn, const struct salvage_place *place, struct error *e);

#endif
