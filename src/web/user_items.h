/* What a user has, as items of his home: all of it under "user/<Id>/", so that a change of his
 * address moves nothing. How much of it there is, an item of its own counts: it changes in the same
 * transaction, so that two who write at once can't both take the last place. */
#ifndef POLLUX_WEB_USER_ITEMS_H
#define POLLUX_WEB_USER_ITEMS_H

#include "web/visit.h"

enum {
    USER_KEY_SIZE = 512, /* "user/", an Id, a kind, a name */
    USER_DOCUMENTS_MAX = 100,
    USER_DOCUMENT_BYTES_MAX = 4 << 20,
    USER_CONFERENCES_MAX = 200, /* that he organises */
};

/* "user/<Id>/<kind>", or with "/<name>" behind it; returns `key`. */
const char *user_key(const char *id, const char *kind, const char *name, char key[USER_KEY_SIZE]);

struct usage {
    int64_t documents, document_bytes, conferences;
    uint64_t usn; /* of the item; 0: there is none yet */
};

enum failure usage_read(struct visit *v, struct usage *usage, struct error *e);
/* FAIL_FULL if it is more than a user may have, and more than before. */
enum failure usage_check(const struct usage *before, const struct usage *after, struct error *e);
/* Writes what changed, and refuses the transaction if somebody else wrote since it was read. */
void usage_put(struct visit *v, struct txn *txn, const struct usage *before,
               const struct usage *after);

#endif
