/* The rules of a commit, once for all engines: what is checked, what is numbered, what changes
 * together. Runs inside one engine transaction on the writing session. */
#ifndef POLLUX_STORE_APPLY_H
#define POLLUX_STORE_APPLY_H

#include "store/engine.h"
#include "store/txn.h"

struct group;

struct group *group_new(struct session *writer);
void group_free(struct group *group);
/* Forgets what was loaded: the engine's transaction was rolled back, or is over. */
void group_reset(struct group *group);

/* First check, which changes nothing: a transaction that fails here fails alone. Then carry out:
 * what fails there (a full disk) leaves the engine's transaction half done, to be rolled back. */
enum failure group_check(struct group *group, struct txn *txn, bool leased, struct error *e);
enum failure group_carry_out(struct group *group, struct txn *txn, struct error *e);
/* Once, before the engine commits: whoever reads is told which homes that changes (known.h). */
enum failure group_save(struct group *group, struct error *e);
/* Once that is over, if it was saved; not if nobody can tell what became of it. */
void group_settle(struct group *group, bool committed);

#endif
