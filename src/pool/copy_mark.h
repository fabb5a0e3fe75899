/* Until when the copies here had everything: what tells how old a copy is when its holder is gone.
 *
 * A moment is kept in the transaction of the batch that made the copy complete. A copy that stays
 * complete learns so from each offer, too; that is kept each COPY_MARK_KEEP_MS, and when its holder
 * falls silent or this process stops. Moments are this machine's wall clock.
 * Everything is called on the loop, but for what says otherwise. */
#ifndef POLLUX_POOL_COPY_MARK_H
#define POLLUX_POOL_COPY_MARK_H

#include "pool/front_end.h"

enum {
    COPY_MARK_KEEP_MS = 60 * 1000, /* a copy that was idle is older by so much after a crash */
};

struct copy_marks;

struct copy_marks *copy_marks_new(struct front_end *fe);
void copy_marks_free(struct copy_marks *marks);
/* Reads what was kept; once the homes are open. */
void copy_marks_start(struct copy_marks *marks);
/* Keeps what should be kept by now. What this pool holds is no copy: that it was one is forgotten.
 */
void copy_marks_tick(struct copy_marks *marks);
/* The same of all: this process stops. */
void copy_marks_stop(struct copy_marks *marks);

/* The copy has everything that there was when that was read (struct batch_head): when it came, or
 * was stored, says nothing, for changes may have been acknowledged meanwhile. */
void copy_marks_note(struct copy_marks *marks, const char *home, enum module module,
                     uint64_t read_ms);
/* Any thread: the same, when this transaction is durable. */
void copy_mark_put(struct txn *txn, const char *home, enum module module, uint64_t read_ms);
/* Of a home that goes. */
void copy_mark_drop(struct txn *txn, const char *home);
/* What is kept of it, also of homes that are not open here. */
uint64_t copy_mark_read(struct view *view, const char *home, enum module module);
/* Since 1970; 0: never, as far as is known. */
uint64_t copy_marks_of(const struct copy_marks *marks, const char *home, enum module module);

#endif
