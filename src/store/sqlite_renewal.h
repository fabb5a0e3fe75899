/* A new file in the place of one whose structure is damaged.
 *
 * Such a file is not mended where it is: what else a page that is out of order has SQLite do to it,
 * nobody knows. All that can be read of it goes into a new one instead, before the store is opened;
 * and the old one is kept beside it, as <path>.damaged. */
#ifndef POLLUX_STORE_SQLITE_RENEWAL_H
#define POLLUX_STORE_SQLITE_RENEWAL_H

#include "store/sqlite_session.h"

enum {
    /* A file that is damaged again so soon has a reason that a third one would not outlive. */
    RENEWAL_AGAIN_S = 3600,
    /* Where no new file could be made: a person had better look first. */
    RENEWAL_FAILED_AGAIN_S = 24 * 3600,
};

/* Asks for it, if it can be: the homes' states and the records must be whole, for nobody could tell
 * what was lost of those. */
enum failure sqlite_renew(struct session *s, struct error *e);

/* With the store's lock held, and before anything else opens the file: does what was asked for, or
 * ends what was interrupted. The old file stays in use where no new one can be made. */
enum failure sqlite_renewal_carry_out(struct sqlite_engine *engine, struct error *e);

#endif
