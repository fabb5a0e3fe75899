/* A home goes back to an earlier point: what it had beyond that becomes a tail (core/tail.h), or
 * goes to one that is open, in the same transaction. Runs inside one engine transaction, for
 * apply.c.
 *
 * A tail is kept as the engine keeps a home, under a name that no home can have: so it is read in
 * usn order, its rows are checked, and it is dropped and swept away like one. */
#ifndef POLLUX_STORE_REWIND_H
#define POLLUX_STORE_REWIND_H

#include "core/tail.h"
#include "store/engine.h"

/* "tail <id>" */
#define HOME_TAIL "tail "
enum { TAIL_NAME_SIZE = 32 };
const char *tail_name(uint64_t id, char name[TAIL_NAME_SIZE]);

/* None, if there is no such record. `tails` is large: not for the stack. */
enum failure tails_load(struct session *s, const char *home, struct tails *tails, struct error *e);

/* `to` says where to and with which lineage; how much it is, is found out. The row is the home's,
 * and is to be saved afterwards. Nothing is left of a tail without items. `refilled`: what the copy
 * goes on from is no holder, and writes nothing anew. */
enum failure rewind_home(struct session *s, const char *home, struct home_row *row,
                         const struct tail *to, bool refilled, struct error *e);
/* Whatever of a tail is still in the copy stays there: the copy becomes the holder. */
enum failure rewind_close(struct session *s, const char *home, struct home_row *row,
                          struct error *e);
/* What was salvaged goes; its items wait to be swept away. */
enum failure rewind_forget(struct session *s, const char *home, struct home_row *row, uint64_t id,
                           struct error *e);

#endif
