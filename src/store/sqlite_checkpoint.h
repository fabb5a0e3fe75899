/* The checkpointer: takes what commits wrote to the log into the file, on a thread and a connection
 * of its own. Otherwise a commit would do it, now and then, and whoever waits behind that commit
 * would wait for some hundred milliseconds. */
#ifndef POLLUX_STORE_SQLITE_CHECKPOINT_H
#define POLLUX_STORE_SQLITE_CHECKPOINT_H

#include "store/sqlite.h"

enum {
    /* So long the log may grow first: where keys come in no order, a page changes often before it
     * goes into the file. */
    CHECKPOINT_LOG_BYTES = 64 << 20,
    /* It is gone through again after each such part of that. */
    CHECKPOINT_STEP_PART = 4,
    /* While there are changes all the time the log has something new whenever the checkpointer is
     * done, and would never begin anew: but a log that grows costs each commit twice as much of the
     * disk as one that is written over. So the writer takes the rest into the file itself, if that
     * is no more than such a part, and whoever reads in the log leaves it that soon. */
    CHECKPOINT_REST_PART = 16,
    CHECKPOINT_READERS_MS = 20,
    /* When it is that many times as long, however much that is. */
    CHECKPOINT_LOG_TIMES_MAX = 4,
    CHECKPOINT_READERS_MS_MAX = 200,
};

struct checkpointer;

/* log_bytes: how long the log may grow first; 0: CHECKPOINT_LOG_BYTES. */
enum failure checkpointer_new(struct engine *engine, int64_t log_bytes,
                              struct checkpointer **result, struct error *e);
/* After all other sessions: as the last one to go it leaves no log behind. */
void checkpointer_free(struct checkpointer *checkpointer);

/* FAIL_IO: what was taken from the log could not be flushed, and what is read in the file may be
 * old. Nothing may be committed before the store is opened anew. NULL: OK. */
enum failure checkpointer_check(const struct checkpointer *checkpointer, struct error *e);

/* The one connection that commits. */
void checkpointer_follow(struct checkpointer *checkpointer, sqlite3 *writer);

#endif
