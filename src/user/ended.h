/* The files of conferences that ended. A conference is over in one transaction, whatever it has;
 * its files may be many, and their store may be away. So the transaction leaves a mark in the home,
 * by which whoever holds the home removes them, some at a time, and then the mark. */
#ifndef POLLUX_USER_ENDED_H
#define POLLUX_USER_ENDED_H

#include "user/leaving.h"

enum {
    ENDED_FILES = 1000, /* in one transaction: some milliseconds */
};

void ended_put(struct txn *txn, const char *organiser, const char *conference);
/* Is there any in what is served here? False as well if it can't be read: that is told elsewhere.
 */
bool ended_any(struct store *store, const struct served *served);
/* Removes the files of all of them, on a thread of its own. OK as well if it was stopped. */
enum failure ended_carry_out(const struct leaving *how, struct error *e);

#endif
