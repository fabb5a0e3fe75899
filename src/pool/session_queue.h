/* Session records that wait to be kept in their homes: a file of this machine's own, beside its
 * database. Not in the database: that may be a server which does not answer just now, and belongs
 * to all machines of a pool, while each has a queue of its own. The file is a store
 * (store/store.h), so what it promises is promised here, too: a record that was taken is on the
 * disk, a full disk refuses records and loses none, and a damaged file is not believed.
 *
 * Any thread. */
#ifndef POLLUX_POOL_SESSION_QUEUE_H
#define POLLUX_POOL_SESSION_QUEUE_H

#include "pool/session_record.h"

enum {
    /* Of each home: what 40,000 users leave behind who are signed off at once, and half as much
     * again; some 16 MB. */
    SESSION_QUEUE_MAX = 60000,
    SESSION_QUEUE_GROUP_MAX = 1000, /* written in one transaction */
    SESSION_QUEUE_HOMES_MAX = 16,   /* a machine serves the users of two pools */
};

struct session_queue;

/* Told when records begin to be refused (with why), and when they are taken again (NULL). On any
 * thread; must not block. */
typedef void session_queue_trouble(const struct error *e, void *context);

struct session_queue *session_queue_open(const char *path, const char *machine,
                                         session_queue_trouble *trouble, void *context,
                                         struct error *e);
/* Writes what was put, and calls what waits for that. NULL does nothing. */
void session_queue_close(struct session_queue *queue);

/* Copied. Written soon, or refused. */
void session_queue_put(struct session_queue *queue, const struct session_record *record);
/* Calls when all that was put before is on the disk, or refused; perhaps at once, else on the
 * store's thread. Must not block. */
typedef void session_queue_settled(void *context);
void session_queue_settle(struct session_queue *queue, session_queue_settled *settled,
                          void *context);

/* Did a write fail so that it is unknown what is on the disk? Then it takes nothing until it is
 * opened anew. */
bool session_queue_failed(struct session_queue *queue);

size_t session_queue_count(struct session_queue *queue, const char *home); /* NULL: all */
/* Since when its oldest record waits, by the monotonic clock: 0 if since before this start. */
uint64_t session_queue_oldest_ms(struct session_queue *queue, const char *home);
/* The number of the youngest record that waits; each one has a higher number than those before. */
uint64_t session_queue_last(struct session_queue *queue, const char *home);
/* How many wait whose number is not above `last`. */
size_t session_queue_count_to(struct session_queue *queue, const char *home, uint64_t last);

/* The oldest of a home, `max` at most, in the order in which they were put; owned by the caller.
 * `*last` is for removing them when they are kept elsewhere. Both wait for the disk. What can't be
 * read is left out, and told of. */
struct session_record *session_queue_read(struct session_queue *queue, const char *home, size_t max,
                                          size_t *count, uint64_t *last, struct error *e);
enum failure session_queue_remove(struct session_queue *queue, const char *home, uint64_t last,
                                  struct error *e);

#endif
