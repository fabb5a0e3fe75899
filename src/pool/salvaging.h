/* Tails of the homes here (core/tail.h), on their way into what the holder has: told packet by
 * packet until all of it is salvaged, and kept until the copy here shows what became of it. A
 * holder takes its own.
 *
 * Everything on the loop; what reads and writes is on threads. */
#ifndef POLLUX_POOL_SALVAGING_H
#define POLLUX_POOL_SALVAGING_H

#include "base/workers.h"
#include "pool/front_end.h"
#include "store/salvage.h"

enum {
    /* Whoever can't take it now may in a moment; and so may a machine that can't be reached. */
    SALVAGING_RETRY_MS = 1000,
    SALVAGING_LOOK_MS = 250, /* whether what became of it has come here */
    /* All was told, and it does not come: whoever took it may have lost it again. */
    SALVAGING_REPEAT_MS = 30000,
};

struct salvaging;

struct salvaging *salvaging_new(struct front_end *fe, struct workers *workers);
void salvaging_free(struct salvaging *salvaging);
void salvaging_tick(struct salvaging *salvaging);

/* A tail was made of the copy of this home: it is told what, and salvaging begins. */
void salvaging_begin(struct salvaging *salvaging, const char *home);

/* A term opens with this transaction: a pool's own tail comes first (protocol, rule 14). What can't
 * be read now is salvaged afterwards. */
void salvaging_own_first(struct front_end *fe, struct txn *txn, const struct hold *hold);

#endif
