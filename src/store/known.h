/* What homes are as of the last commit, kept beside the store's file: most who read a home's row or
 * its hold record find there what they read before. The writer says which homes a commit is about
 * to change, and what they are afterwards; a view believes what did not change since it began. */
#ifndef POLLUX_STORE_KNOWN_H
#define POLLUX_STORE_KNOWN_H

#include "store/engine.h"

struct known;

enum { KNOWN_HOMES_MAX = 64 }; /* the rows of further ones are read */

struct known *known_new(void);
void known_free(struct known *known);

/* A moment between two commits; taken before a view begins, which sees all that was committed by
 * then. The writer, who alone changes anything, sees the last one. */
#define KNOWN_LAST UINT64_MAX
uint64_t known_now(struct known *known);

/* As of the view that began behind `at`; false if that is not known. */
bool known_row(struct known *known, uint64_t at, const char *home, struct home_row *row);
bool known_id(struct known *known, uint64_t at, const char *home, int64_t *id);
bool known_hold(struct known *known, uint64_t at, const char *home, struct hold *hold);
/* A number that is another one after each change of the home; 0: not known. */
uint64_t known_edition(struct known *known, uint64_t at, const char *home);

/* What was read by the view that began behind `at`. */
void known_learn_row(struct known *known, uint64_t at, const char *home,
                     const struct home_row *row);
void known_learn_hold(struct known *known, uint64_t at, const struct hold *hold);

/* Somebody puts something else in place of all that was committed. */
void known_forget(struct known *known);

/* The writer's, around a commit, for each home that it changes: its row, and if it is `remade`, its
 * id or its hold record as well. Who can't tell what it is afterwards never settles, and nothing is
 * learned of any home any more. */
void known_change(struct known *known, const char *home, bool remade);
void known_settle_as_before(struct known *known, const char *home);
/* `hold`: NULL if it has none. */
void known_settle(struct known *known, const char *home, const struct home_row *row,
                  const struct hold *hold);

#endif
