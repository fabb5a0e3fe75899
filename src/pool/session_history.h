/* The session records that a home keeps of each user: items of his, each under its id, so that
 * keeping one twice changes nothing. Only the last ones stay. */
#ifndef POLLUX_POOL_SESSION_HISTORY_H
#define POLLUX_POOL_SESSION_HISTORY_H

#include "pool/session_record.h"

enum {
    /* Of each user: a month of somebody who signs on from three devices a day and takes part in a
     * conference now and then; 25 KB. */
    SESSION_HISTORY_MAX = 200,
};

/* Adds to the transaction what brings these into their home, whose state `view` shows: those that
 * are not there yet, and the end of the oldest ones. Of users who have left (pool/departed.h)
 * nothing is kept any more. The records are put into the order of users
 * and ids. `*changes`: whether there is anything to commit. */
enum failure session_history_add(struct view *view, const char *home, struct txn *txn,
                                 struct session_record *records, size_t count, bool *changes,
                                 struct error *e);

/* The last ones of a user, the newest first: an array of objects, owned by the caller. NULL: it
 * can't be read. */
json_t *session_history_read(struct view *view, const char *home, const char *user,
                             struct error *e);

#endif
