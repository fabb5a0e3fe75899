/* A look at the store's file, through a connection of its own that writes nothing: is what nobody
 * could make good there, as it was written? */
#ifndef POLLUX_STORE_SQLITE_LOOK_H
#define POLLUX_STORE_SQLITE_LOOK_H

#include "store/sqlite_session.h"

enum look {
    LOOK_LIGHTLY, /* whose it is, all homes and all records */
    /* Also the structure of the few tables that have those, and whether each home's rows are what
     * its state says: an older page of homes shows in nothing else. Reads all that can be read. */
    LOOK_AT_SUMS,
    LOOK_CLOSELY, /* and all must be read, and the structure of all of the file be right */
};

enum failure sqlite_look(const struct sqlite_engine *engine, enum look how, struct error *e);

#endif
