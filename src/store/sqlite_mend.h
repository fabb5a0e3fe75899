/* The first pages of a store's file that is damaged there, put back from its spare.
 *
 * Which of both is right, if they differ? The file, whenever it can be read: somebody may have put
 * an older copy in its place, or changed it by other means. Only where it can't be, or does not add
 * up, and would with some of the spare's pages, which are of the same file, it gets those. */
#ifndef POLLUX_STORE_SQLITE_MEND_H
#define POLLUX_STORE_SQLITE_MEND_H

#include "store/sqlite_session.h"

enum {
    MENDED_MAX = 2, /* pages: where more differ, the spare is of another file, or of another time */
};

/* With the store's lock held, and before anything else opens the file. A file that can't be mended
 * is left as it is: whoever opens it next says what is wrong. */
enum failure sqlite_mend(struct sqlite_engine *engine, struct error *e);

/* With the file as it is to be used, and nobody who has it open: makes the spare what the file is.
 * What can't be written is told, and keeps nobody from using the store. */
void sqlite_spare_bring_up(const struct sqlite_engine *engine);

#endif
