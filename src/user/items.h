/* What a user has, as items of his home: all of it under "user/<Id>/", so that a change of his
 * address moves nothing. How much of it there is, an item of its own counts: it changes in the same
 * transaction, so that two who write at once can't both take the last place. */
#ifndef POLLUX_USER_ITEMS_H
#define POLLUX_USER_ITEMS_H

#include "store/store.h"

enum {
    USER_KEY_SIZE = 512, /* "user/", an Id, a kind, a name */
    USER_DOCUMENTS_MAX = 100,
    USER_DOCUMENT_BYTES_MAX = 4 << 20,
    USER_CONFERENCES_MAX = 200, /* that he organises */
    /* Of settings, a presence or a conference as a client writes it: a conference of 250
     * participants has a third of it. */
    USER_JSON_MAX = 64 << 10,
};

/* The kinds of items, as their keys have it. */
#define USER_DOCUMENT   "xcap" /* "xcap/<application>/<name>" */
#define USER_PRESENCE   "presence"
#define USER_SETTINGS   "settings"
#define USER_CONFERENCE "conference" /* "conference/<id>" */
#define USER_INVITED    "invited"    /* "invited/<id>": whose conference it is */
#define USER_USAGE      "usage"
#define USER_HISTORY    "history" /* "history/<id>": pool/session_history.h */

/* "user/<Id>/<kind>", or with "/<name>" behind it; returns `key`. */
const char *user_key(const char *id, const char *kind, const char *name, char key[USER_KEY_SIZE]);

/* A live item of a home; FAIL_NOT_FOUND, without words, if there is none. Lent as in view_item. */
enum failure user_item(struct view *view, const char *home, const char *key, struct item *item,
                       struct error *e);

struct usage {
    int64_t documents, document_bytes, conferences;
    uint64_t usn; /* of the item; 0: there is none yet */
};

enum failure usage_read(struct view *view, const char *home, const char *id, struct usage *usage,
                        struct error *e);
/* FAIL_FULL if it is more than a user may have, and more than before. */
enum failure usage_check(const struct usage *before, const struct usage *after, struct error *e);
/* Writes what changed, and refuses the transaction if somebody else wrote since it was read. */
void usage_put(struct txn *txn, const char *id, const struct usage *before,
               const struct usage *after);

#endif
