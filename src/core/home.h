/* One home at one pool: who may serve it, decided from what is heard, asked and stored.
 *
 * No I/O: home_step() takes an event and returns actions. Whoever drives it (the daemon, the
 * simulator) carries the actions out and comes back with what came of them. The clock and the dice
 * are part of each event.
 *
 * One decision at a time: while a hold record is on its way to the store, whatever would need
 * another one is put off. Nothing is lost by that, because everything that is sent here is sent
 * again: questions, heartbeats and ticks. Rights end when the decision is made, and begin when it
 * is durable (protocol, rule 7). */
#ifndef POLLUX_CORE_HOME_H
#define POLLUX_CORE_HOME_H

#include "core/handover.h"
#include "core/hold.h"

struct home;

struct home_options {
    const char *name;
    /* By the topology, and this pool on its side; a hold record knows better (core/pairing.c). */
    const char *pools[SIDES];
    enum side side; /* which of them this pool is */
    uint32_t failure_detection_ms;
    bool stopped; /* by an administrator, before this start */
};

/* `hold` is the stored record, or NULL if the store knows nothing of the home. */
struct home *home_new(const struct home_options *options, const struct hold *hold, uint64_t now_ms,
                      uint64_t dice);
void home_free(struct home *h);

enum {
    HOME_TICK_MS = 250,
    /* How long an answer counts after its question was asked: what carries it must give up earlier
     * (protocol, rule 8). */
    HOME_ANSWER_MS_MAX = 4000,
    /* After a store refused a record. */
    HOME_RETRY_MS = 5000,
    HOME_PART_MS = 1000, /* how often a former backup pool is asked whether it gave up */
};

/* What the partner is asked by a pool that was holder, or that has an empty store (rule 8). Only an
 * answer to the nonce of the last question counts. */
struct home_question {
    uint64_t nonce;
    struct term term; /* the asker's last one; TERM_NONE: its store knows nothing of the home */
    uint64_t seen;
    struct lineage lineage; /* of its copy: equal heads of different histories are not equal */
    /* Up to where its store has everything: whoever carries it fills it in. A holder's head; of a
     * copy that is being refilled, the least of its modules' (copy_upto()). */
    uint64_t head;
    /* The asker has released the home to this term, at `head`, and waits to be answered (rule 6);
     * TERM_NONE: it is Rejoining. */
    struct term to;
    /* The asker serves, and wants to know one thing only: has the partner given up? (rule 12) */
    bool parts;
};

enum home_verdict {
    VERDICT_WAIT,       /* ask again: busy deciding */
    VERDICT_GRANTED,    /* `number` is yours to open */
    VERDICT_SUPERSEDED, /* I hold `term`, which is higher: stand by */
    VERDICT_REFILL,     /* your store no longer knows all of `term`, which you held: I send it */
    VERDICT_UNKNOWN,    /* I know nothing of this home either: it was never created */
    VERDICT_PARTED,     /* I am no partner in this home any more: I will never take it */
};
enum { VERDICTS = VERDICT_PARTED + 1 };

struct home_answer {
    uint64_t nonce;
    enum home_verdict verdict;
    uint64_t number;
    struct term term;
};

enum home_event_kind {
    HOME_TICK,     /* at least every HOME_TICK_MS */
    HOME_HEARD,    /* a heartbeat spoke of this home */
    HOME_ASKED,    /* the partner wants to rejoin; end in an ACTION_ANSWER sooner or later */
    HOME_ANSWERED, /* the partner's answer to ours; VERDICT_WAIT if there was none */
    HOME_CREATE,   /* first publication of the topology */
    HOME_FORCE,    /* an administrator vouches */
    HOME_STOP,     /* an administrator stops the pool: nothing is served until … */
    HOME_START,    /* … starts it again */
    HOME_PART,     /* this pool is wanted as the backup pool no more, and has nothing of its own */
    HOME_FOLLOW,   /* the copy here goes on along `lineage`: to be kept in the record */
    HOME_DEMANDED, /* the partner takes the home over, step by step; ends in an ACTION_COMPLIED */
    HOME_TAKE,     /* this pool takes it: released to it, or the holder is lost */
    HOME_STORED,   /* the record of the last ACTION_PERSIST is durable */
    HOME_NOT_STORED, /* the store refused it */
    HOME_STORE_LOST, /* the store keeps nothing any more */
};

struct home_event {
    enum home_event_kind kind;
    uint64_t now_ms; /* monotonic */
    uint64_t dice;   /* a random number, not 0 */
    uint64_t began;  /* HOME_STORED: where the term begins, if the record opened one */
    uint64_t head;   /* HOME_DEMANDED: how far the home here has come */
    union {
        struct {
            const char *pool; /* who said it */
            struct term term; /* the highest term that it knows for this home */
            uint64_t seen;
            bool serves; /* and it holds the home itself, in that term, now */
        } heard;
        struct {
            struct home_question question;
            uint64_t own_head; /* of the copy here */
            uint64_t own_upto; /* up to where it has everything */
            bool applying; /* … which is not all: a batch that was taken is on its way to it */
        } asked;
        struct home_answer answered;
        struct home_demanded demanded;
        struct {
            struct term to;
            bool alone; /* nobody released it */
        } take;
        const struct lineage *lineage;
    };
};

enum home_action_kind {
    ACTION_PERSIST,  /* store home_wanted(); report HOME_STORED or HOME_NOT_STORED */
    ACTION_ASK,      /* send `question` to the partner; HOME_ANSWERED ends it */
    ACTION_ANSWER,   /* answer the partner's question */
    ACTION_COMPLIED, /* answer the partner's demand with what the home is now */
    ACTION_CHANGED,  /* mode or term changed: tell everybody, at once */
};

struct home_action {
    enum home_action_kind kind;
    union {
        struct home_question question;
        struct home_answer answer;
        bool durable; /* ACTION_COMPLIED: the store kept what was demanded */
        struct {
            enum mode from;
            enum cause cause;
        } changed;
    };
};

enum { HOME_ACTIONS_MAX = 5 };
struct home_actions {
    struct home_action list[HOME_ACTIONS_MAX];
    size_t count;
};

/* Fails for what can't be done (HOME_CREATE, HOME_FORCE) or believed (what others say); then
 * nothing is changed, and the error says why. Of actions there is an answer at most. */
enum failure home_step(struct home *h, const struct home_event *event, struct home_actions *actions,
                       struct error *e);

const char *home_name(const struct home *h);
enum mode home_mode(const struct home *h);
enum side home_side(const struct home *h);
/* The durable record; its revision is 0 while there is none. */
const struct hold *home_hold(const struct home *h);
const struct hold *home_wanted(const struct home *h);
/* What its mode stands on: the durable record, or the one on its way, where rights have ended with
 * the decision. */
const struct hold *home_current(const struct home *h);
bool home_deciding(const struct home *h);
bool home_stopped(const struct home *h);
/* Does this pool send the other one, which lost some of it, what it held itself (rule 10)? */
bool home_refills(const struct home *h);
/* In which term this pool exports the home; TERM_NONE: it does not. Whoever holds it does, and
 * whoever has released it until the other one has it (rule 6). Whoever refills the other one sends
 * it to that one alone: a replica may have come further with the holder. */
struct term home_exports(const struct home *h, bool to_replica);
/* May what the partner exports in this term be taken? Whoever asks for a grant in a term has ended
 * it, and is sent what it lost itself: what still arrives of it was sent before, and would put the
 * copy ahead of what the partner goes on from. Whoever takes a batch says so with each HOME_ASKED
 * until it is applied (`applying`): the partner is answered when it is known what the copy has. */
bool home_takes(const struct home *h, struct term term);
const char *home_partner(const struct home *h); /* "" for a lone pool */
/* Is this the home pool, and does its record name another backup pool than the topology? */
bool home_pairs_anew(const struct home *h);
/* Does the record name this pool? Until it does, the pool may not take, and believes nobody but the
 * home pool itself. */
bool home_is_named(const struct home *h);
/* A backup pool's record: may it end its part in the home, for which the topology has another one
 * or none? What it has of its own comes first: whoever asks sees to that. */
bool hold_may_be_given_up(const struct hold *record);
/* … and what the record says from then on: this pool will never take. (A home that is open does so
 * by HOME_PART.) */
void hold_give_up(struct hold *record);
/* What a pool answers that takes no part in the home, by its record, if there is one. */
struct home_answer home_parted_answer(const char *self, const struct hold *record,
                                      uint64_t own_head, const struct home_question *asked);
/* The highest number heard of, for passing on. */
uint64_t home_seen(const struct home *h);
/* Until when changes may be acknowledged without hearing of this home again: 0 if not at all. */
uint64_t home_lease_ms(const struct home *h);
/* Does it take no more, but acknowledges what is in the store, as that is handed over? */
bool home_drains(const struct home *h);
/* A release that is on its way to the store, which must check the point that it names in the same
 * transaction (rule 5); NULL: none is. */
const struct home_demanded *home_releasing(const struct home *h);
/* An operation here is about to take the home: the partner gets no grant meanwhile. */
void home_intend(struct home *h, bool intends);
/* The term that this pool would open next. */
struct term home_next_term(const struct home *h, uint64_t dice);
/* Why a home is Rejoining, and what ends it: two sentences for people. */
void home_explain(const struct home *h, struct error *e);
/* … as it would be, once the pool is started. */
void home_explain_started(const struct home *h, struct error *e);
/* The same of any pool's, where an administrator stopped it. */
void home_explain_stopped(struct error *e, const char *home, const char *pool);
/* Whether HOME_FORCE would do something now, or what it would fail with. `started`: as if the pool
 * were started first. */
enum failure home_check_force(const struct home *h, bool started, uint64_t now_ms, struct error *e);

#endif
