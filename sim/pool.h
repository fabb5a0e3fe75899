/* A pool's process: it starts, ticks, carries out what the rules of its homes decide, and ends. */
#ifndef POLLUX_SIM_POOL_H
#define POLLUX_SIM_POOL_H

#include "network.h"
#include "world.h"

void pool_open(struct world *w, size_t number); /* its store, empty */
void pool_close(struct pool *pool);
void pool_start(struct pool *pool);
void pool_crash(struct pool *pool);

/* What arrives. */
void pool_called(struct pool *pool, struct call *call);
void pool_answered(struct pool *pool, struct call *call, const struct home_answer *answer,
                   const struct copy_answer *position);
/* … to a demand: NULL, if it said no or nothing. */
void pool_stands(struct pool *pool, struct call *call, const struct home_standing *standing,
                 enum failure failure);
void pool_heard(struct pool *pool, const char *from, size_t home, struct term term, uint64_t seen,
                bool serves);

enum failure step_home(struct hosted *h, struct home_event event);
struct hosted *hosted_of(struct pool *pool, size_t home); /* NULL: neither holder nor backup */
struct pool *partner_of(const struct hosted *h);
/* The two that may hold it, by name. */
void pools_of(const struct world *w, size_t home, const char *pools[SIDES]);
/* Whom the exporter of this number sends to. */
struct pool *target_of(const struct hosted *h, size_t number);
const char *home_of(const struct hosted *h);
uint64_t complete_upto(struct hosted *h); /* up to where it has everything */
/* Has somebody taken its home in a higher term? It may not know it yet. */
bool is_superseded(const struct hosted *h);
bool serves(const struct hosted *h); /* accepts changes now, as far as it knows */

/* Commits after a moment; the process hears of it a moment later, if it still lives. A process that
 * ends in between leaves it done or not done. `done` may be NULL; its context is freed. */
typedef void commit_done(struct pool *pool, const struct store_outcome *outcome, void *context);
void commit(struct pool *pool, struct txn *txn, commit_done *done, void *context);

void commits_free(struct world *w);

/* What the store has; zeros for what it does not have. */
void read_state(const struct pool *pool, const char *home, struct home_state *state);
void read_hold(const struct pool *pool, const char *home, struct hold *hold);

#endif
