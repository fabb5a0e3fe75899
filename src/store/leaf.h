/* A leaf: keys that lie next to each other, and the usn to which each leads, as one value.
 *
 * Many changes touch many keys, and for a database each of those is a row to be found, taken out
 * and put in again. So neighbours share one, which is read, merged with all that is new among them,
 * and written once. It says where it begins and where it ends, and a sum is over all of it: a key
 * that is not in a sound leaf which covers it is nowhere.
 *
 * Neighbours begin alike, so of each key only that is there in which it differs from the one before
 * it: more of them share a leaf, and fewer leaves are written. */
#ifndef POLLUX_STORE_LEAF_H
#define POLLUX_STORE_LEAF_H

#include "core/limits.h"
#include "store/sheaf.h"

enum {
    /* The keys of a leaf, in bytes: with where it begins and ends, it fills one page of the file if
     * the keys are not very long. */
    LEAF_KEYS_MAX = 7800,
    /* What it is stored as, with where it begins: so much, however full it is, unless the keys are
     * very long. Where that changed, two would share a page and part again, and most that change
     * would move others about, which are written twice then. */
    LEAF_STORED_SIZE = 8140,
    /* So much is merged at once: of keys that only grow, all belong into the last leaf. */
    LEAF_MERGED_MAX = 64 * LEAF_KEYS_MAX,
};

struct leaf {
    enum module module;
    struct bytes low;  /* no key is before this, */
    struct bytes high; /* nor is one here or behind; */
    bool last;         /* but with the last leaf of a module there is no such end */
    struct bytes keys; /* ascending */
};

/* What was stored as `module`, `low` and `stored`; lent like those. False: it is not what was
 * written. */
bool leaf_read(enum module module, struct bytes low, struct bytes stored, struct leaf *leaf);
void leaf_store(const struct leaf *leaf, struct buffer *stored);

bool leaf_covers(const struct leaf *leaf, enum module module, struct bytes key);
/* Where the key leads; 0: it is not there. */
uint64_t leaf_find(const struct leaf *leaf, struct bytes key);

/* Reading its keys, one by one. */
struct led {
    struct bytes key;
    uint64_t usn;
};
struct leaf_reader {
    struct bytes left;
    size_t size; /* of the last key, or of where the leaf begins */
    uint8_t key[ITEM_KEY_MAX];
};
void leaf_reader_begin(struct leaf_reader *reader, const struct leaf *leaf);
/* The key is lent until the next one is read. */
bool leaf_next(struct leaf_reader *reader, struct led *next);

/* Writing them, one by one: behind those that are there. */
struct leaf_writer {
    struct buffer *keys;
    size_t size;
    uint8_t key[ITEM_KEY_MAX];
};
void leaf_writer_begin(struct leaf_writer *writer, struct bytes low, struct buffer *keys);
void leaf_add(struct leaf_writer *writer, struct bytes key, uint64_t usn);

/* Keys that come in their order, each once. */
struct key_source {
    bool (*next)(void *context, struct keyed *key);
    /* It led there before. NULL: nobody wants to know. */
    void (*led)(void *context, const struct keyed *key, uint64_t usn);
    void *context;
    struct keyed key; /* the next one, ... */
    bool any;         /* if there is one */
};
void key_source_next(struct key_source *source); /* also for the first one */

/* The leaf's keys, and those of the source which it covers, as far as LEAF_MERGED_MAX goes. True:
 * all of those lie behind all that it had, as they do where keys only grow. */
bool leaf_merge(const struct leaf *leaf, struct key_source *source, struct buffer *keys);
/* Only tells where those of the source lead which it covers, if they are there. */
void leaf_look_up(const struct leaf *leaf, struct key_source *source);
/* The leaf's keys without those of the source which it covers, if they lead where that says; these
 * are told. False: there were none. */
bool leaf_drop(const struct leaf *leaf, struct key_source *source, struct buffer *keys);

/* A leaf with more keys than it should have, as several. */
struct leaf_parting {
    const struct leaf *whole;
    bool grows;
    struct leaf_reader reader;
    struct led first; /* key of the next part, which begins with it, unless that is the first one */
    size_t turn;      /* that key and the one before it are lent, and lie here in turns */
    uint8_t key[2][ITEM_KEY_MAX];
    struct buffer keys;
    bool ended;
};
/* In parts of about the same size; or, of keys that grow, as large as they can be: nothing will
 * come between them. */
void leaf_parting_begin(struct leaf_parting *parting, const struct leaf *whole, bool grows);
void leaf_parting_free(struct leaf_parting *parting);
/* Lent until the next one. False behind the last one; there is one at least. */
bool leaf_parting_next(struct leaf_parting *parting, struct leaf *part);

#endif
