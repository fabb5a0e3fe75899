/* What the files of a home share: its state, and the few ways to change it. home.c has its life,
 * rejoin.c how it comes back after it may have lost the home, handover.c how it is given to the
 * partner, pairing.c how it gets another one, explain.c why it is not served. */
#ifndef POLLUX_CORE_HOME_INSIDE_H
#define POLLUX_CORE_HOME_INSIDE_H

#include "core/home.h"

struct home {
    char name[HOME_NAME_SIZE];
    enum side side;
    char assigned[SIDES][FQDN_SIZE]; /* by the topology */
    uint64_t part_ms;                /* the former partner is not asked before then */
    uint32_t failure_detection_ms;

    struct hold hold; /* durable; revision 0: none */
    enum mode mode;   /* now: never more than the durable record allows */

    struct {
        bool under_way; /* `wanted` is on its way to the store */
        struct hold wanted;
        enum cause cause;
        bool keeps_mode; /* only the record changes */
        bool announced;  /* rights ended with the decision, and that is told already */
        bool overtaken;  /* we did not run meanwhile: what it brings is not to be trusted */
        bool answer_due; /* the partner gets `granted` once it is durable */
        bool comply_due; /* it demanded this */
    } decision;

    /* A hand-over, here as the holder: what was demanded last, and until when it is waited for the
     * next word; and as the one who wants to take. */
    struct home_demanded demanded;
    uint64_t handed_until_ms;
    bool intends;
    uint64_t grant_out_until_ms; /* a grant given here may be on its way until then */

    /* Our question to the partner. */
    uint64_t nonce;
    uint64_t asked_ms; /* 0: none is under way */
    enum home_verdict verdict;

    /* The last grant to the partner: a repeated question gets the same. */
    struct home_answer granted;
    uint64_t granted_revision;

    uint64_t seen;
    bool met; /* the partner was heard since this start */
    bool store_lost;
    bool stopped;      /* an administrator wants nothing to be served here */
    struct term over;  /* the partner asked in it: it will not serve in it again */
    bool refills;      /* the partner was told that it lost something, and gets it from here */
    uint64_t retry_ms; /* not before then, because the store refused */
    uint64_t tick_ms;
    uint64_t partner_heard_ms; /* or when we began to listen */
    uint64_t holder_heard_ms;  /* the same */
};

bool home_is_paired(const struct home *h);
bool home_is_known(const struct home *h); /* to its store */
bool home_holds(const struct home *h);
uint64_t home_next_number(const struct home *h); /* that this side may open */

/* This pool: what is said of it may be read anywhere. */
static inline const char *home_self(const struct home *h)
{
    return h->assigned[h->side];
}

static inline uint64_t larger(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

struct home_action *home_act(struct home_actions *actions, enum home_action_kind kind);
void home_announce(struct home_actions *actions, enum mode from, enum cause cause);
enum mode home_after(const struct home *h, enum cause cause);
void home_change_mode(struct home *h, enum cause cause, struct home_actions *actions);
/* Starts a decision; the caller goes on to fill in what the record shall say. */
struct hold *home_decide(struct home *h, enum mode mode, enum cause cause,
                         struct home_actions *actions);
/* Every start of serving opens a new term (rule 2). Where it begins, only the store can say. */
void home_open_term(struct home *h, enum cause cause, struct term term,
                    struct home_actions *actions);
/* Rights end here, the record follows. */
struct hold *home_step_down(struct home *h, struct term term, struct home_actions *actions);
/* Serving is not to be trusted any more, so the partner is asked (rules 7, 8 and 10). */
void home_rejoin(struct home *h, enum cause cause, uint64_t dice, struct home_actions *actions);

void home_see(struct home *h, uint64_t number);
/* May it be believed at all? What can't must not change anything, least of all for ever. */
bool home_believes(const struct home *h, struct term term, uint64_t seen);
enum failure home_disbelieve(const struct home *h, const char *who, struct term term, uint64_t seen,
                             struct error *e);
/* The partner spoke: whoever took alone is not alone any more (rule 9), whatever it is by now. */
void home_meet(struct home *h, uint64_t now_ms, struct home_actions *actions);
/* Compares what we hold with a higher term that somebody knows. `elsewhere`: it may be served
 * there. */
void home_weigh(struct home *h, struct term heard, bool elsewhere, uint64_t dice,
                struct home_actions *actions);

/* rejoin.c's part of home_step(). */
/* Whatever is answered to what was asked so far counts for nothing (rule 8). */
void home_ask_anew(struct home *h, uint64_t dice);
/* By a pool that waits for a grant, and by one that has released and waits for its answer. */
void home_ask_partner(struct home *h, const struct home_event *event, struct home_actions *actions);
void home_seek_grant(struct home *h, const struct home_event *event, struct home_actions *actions);
enum failure home_on_asked(struct home *h, const struct home_event *event,
                           struct home_actions *actions, struct error *e);
enum failure home_on_answered(struct home *h, const struct home_event *event,
                              struct home_actions *actions, struct error *e);
void home_answer_granted(struct home *h, uint64_t now_ms, struct home_actions *actions);

/* Was its store put back to an older copy, so that a copy with this lineage has more? */
bool home_asker_lacks(const struct lineage *ours, const struct home_question *asked,
                      uint64_t own_head);

/* pairing.c's part of home_step(). */
void home_ask_to_part(struct home *h, const struct home_event *event, struct home_actions *actions);
void home_on_parted(struct home *h, const struct home_event *event, struct home_actions *actions);
enum failure home_on_part(struct home *h, struct home_actions *actions, struct error *e);
/* Whom the record of a term names that opens, or is followed. */
void home_name_pools(const struct home *h, enum cause cause, struct hold *wanted);

/* handover.c's part of home_step(). */
enum failure home_on_demanded(struct home *h, const struct home_event *event,
                              struct home_actions *actions, struct error *e);
enum failure home_on_take(struct home *h, const struct home_event *event,
                          struct home_actions *actions, struct error *e);
void home_comply(const struct home *h, struct home_actions *actions);
/* A holder that waited too long for the taker's next word serves on. */
void home_end_handover(struct home *h, uint64_t now_ms, struct home_actions *actions);
bool home_may_be_released_to(const struct home *h, const struct home_question *asked);
enum released_verdict { RELEASED_TAKE, RELEASED_WAIT, RELEASED_FOLLOW, RELEASED_DECLINE };
enum released_verdict home_weigh_released(const struct home *h, const struct home_event *event);
void home_take_released(struct home *h, const struct home_event *event,
                        struct home_actions *actions);

#endif
