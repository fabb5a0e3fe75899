/* Moves the session records of one home from the queue to where they belong, a batch at a time:
 * into the home if it is served here, by the link to its holder if it is not. A batch leaves the
 * queue when it is durable there; if this machine ends in between, it goes again, under the same
 * ids.
 *
 * On the loop. */
#ifndef POLLUX_POOL_SESSION_DRAIN_H
#define POLLUX_POOL_SESSION_DRAIN_H

#include "base/workers.h"
#include "pool/front_end.h"
#include "pool/session_queue.h"

struct session_drain;

/* A batch is over: `count` records went, to another pool if `passed`; or `e` says why not. */
typedef void session_drain_done(struct session_drain *drain, size_t count, bool passed,
                                const struct error *e, void *context);

struct session_drain *session_drain_new(struct front_end *fe, struct workers *workers,
                                        const char *home, session_drain_done *done, void *context);
/* After the workers were freed and both stores closed. */
void session_drain_free(struct session_drain *drain);
/* `done` is not called any more. */
void session_drain_stop(struct session_drain *drain);

const char *session_drain_home(const struct session_drain *drain);
bool session_drain_busy(const struct session_drain *drain);
/* Could a batch go now, and whereto? `*passes`: to another pool. If not, `e` says why. */
enum failure session_drain_way(const struct session_drain *drain, bool *passes, struct error *e);
/* Begins a batch, unless one is under way or none can go: then `e` says why. */
enum failure session_drain_begin(struct session_drain *drain, struct session_queue *queue,
                                 struct error *e);

/* --- what the other end does --- */

/* On a thread: what brings records into a home that this pool holds in this term. `*txn` NULL:
 * there is nothing to change. `e` says something only if it fails. */
enum failure session_drain_prepare(struct store *store, const char *home, uint64_t term,
                                   struct session_record *records, size_t count, struct txn **txn,
                                   struct error *e);
/* The records of a message; owned by the caller. NULL: they make no sense. */
struct session_record *session_drain_unpack(struct bytes message, const char *home, size_t *count,
                                            struct error *e);

#endif
