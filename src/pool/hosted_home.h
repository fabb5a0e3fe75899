/* A home at this pool: the core's rules (core/home.h) tied to the store and the link.
 *
 * It carries out what the core decides, and tells the core what came of it. Everything here is
 * called on the loop's thread. */
#ifndef POLLUX_POOL_HOSTED_HOME_H
#define POLLUX_POOL_HOSTED_HOME_H

#include "link/link.h"
#include "store/store.h"

struct hosted_home;

/* What a hosted home needs from the machine around it; lent for as long as it lives. */
struct hosted_home_around {
    struct loop *loop;
    struct store *store;
    /* Send the partner's machines a question; the answer goes to hosted_home_answered(). */
    void (*ask)(struct hosted_home *home, const struct home_question *question, void *context);
    /* A term opens with this transaction: adds what must be there from its beginning. */
    void (*opens)(struct txn *txn, const struct hold *hold, void *context);
    /* Its mode or term changed. */
    void (*changed)(struct hosted_home *home, void *context);
    void *context;
};

struct hosted_home *hosted_home_open(const struct hosted_home_around *around,
                                     const struct home_options *options, const struct hold *hold);
/* What waits for it is answered that this machine stops. */
void hosted_home_close(struct hosted_home *home);

/* Does nothing wait for it, and it for nothing? Then it may be closed while all else goes on. */
bool hosted_home_rests(const struct hosted_home *home);

/* Lent; changes with every event. */
const struct home *hosted_home_core(const struct hosted_home *home);

void hosted_home_tick(struct hosted_home *home);
void hosted_home_heard(struct hosted_home *home, const char *pool,
                       const struct heartbeat_home *said);
/* A batch that was taken for the copy here is on its way to the store, or is there or not. Until
 * then the partner's questions are put off: what it would be told of the copy is not all. */
void hosted_home_applies(struct hosted_home *home, bool applying);
void hosted_home_asked(struct hosted_home *home, const struct home_question *question,
                       struct link_reply *reply);
/* NULL: there was no answer to this question. */
void hosted_home_answered(struct hosted_home *home, const struct home_question *question,
                          const struct home_answer *answer);

/* The partner takes the home over, step by step. */
void hosted_home_demanded(struct hosted_home *home, const struct home_demanded *demanded,
                          struct link_reply *reply);

/* What an answer to a demand says now. */
enum failure hosted_home_standing(const struct hosted_home *home, bool durable,
                                  struct home_standing *standing, struct error *e);

/* Up to where this pool has everything of the home, and what all that it has adds up to. `*whole`:
 * as a copy it stands at a point that existed. */
enum failure hosted_home_point(const struct hosted_home *home, struct home_point *point,
                               bool *whole, struct error *e);

/* What people ask for. `done` is called once, with NULL when it is durable. */
typedef void hosted_home_done(const struct error *e, void *context);
/* Adds to the transaction that keeps the record what must be there from the same moment on. */
typedef void hosted_home_enrich(struct txn *txn, uint64_t term_number, void *context);
void hosted_home_create(struct hosted_home *home, hosted_home_enrich *enrich, void *enrich_context,
                        hosted_home_done *done, void *context);
/* An administrator stops the pool, or starts it again. */
void hosted_home_stop(struct hosted_home *home, bool stopped);
/* The copy here goes on along this lineage. `enrich` may be NULL. */
/* It is given up here. */
void hosted_home_part(struct hosted_home *home, hosted_home_done *done, void *context);
void hosted_home_follow(struct hosted_home *home, const struct lineage *lineage,
                        hosted_home_enrich *enrich, void *enrich_context, hosted_home_done *done,
                        void *context);
/* This pool takes the home, in this term; an operation's part in it goes with it. */
void hosted_home_take(struct hosted_home *home, struct term to, bool alone,
                      hosted_home_enrich *enrich, void *enrich_context, hosted_home_done *done,
                      void *context);
void hosted_home_intend(struct hosted_home *home, bool intends);
void hosted_home_force(struct hosted_home *home, hosted_home_done *done, void *context);
/* Whether that would do something now (core/home.h). */
enum failure hosted_home_check_force(const struct hosted_home *home, bool started, struct error *e);

#endif
