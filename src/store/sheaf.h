/* Keys in their order.
 *
 * Many items that come in no order lie anywhere in memory when they are looked at in the order of
 * their keys, and waiting for memory is then much of what writing them costs. So whoever collects
 * them ties some at a time, while they are at hand, into a sheaf: their keys once more, in order
 * and close together. Who writes reads all sheaves at once, and each from its beginning to its
 * end. */
#ifndef POLLUX_STORE_SHEAF_H
#define POLLUX_STORE_SHEAF_H

#include "core/item.h"

enum {
    /* So many that their keys, and what is put into order, stay near the processor. */
    SHEAF_ITEMS = 8192,
};

/* A key; the usn to which it is to lead; and which of those it is that were tied. */
struct keyed {
    enum module module;
    struct bytes key;
    uint64_t usn;
    size_t at;
};

struct sheaf;

/* Keys that are collected one by one, each copied. */
struct key_list {
    struct keyed *list;
    size_t count, room;
    struct buffer keys;
};
void key_list_add(struct key_list *list, enum module module, struct bytes key, uint64_t usn);
/* Of all that were added; the list is empty then. */
struct sheaf *key_list_tie(struct key_list *list);
void key_list_free(struct key_list *list);

/* In the order in which they came, which is left in case of two that have the same key. */
struct sheaf *sheaf_tie(const struct keyed *list, size_t count);
void sheaf_free(struct sheaf *sheaf);
size_t sheaf_size(const struct sheaf *sheaf); /* of its memory, in bytes */

/* Several sheaves as one. */
struct sheaves;

struct sheaves *sheaves_new(void);
void sheaves_free(struct sheaves *sheaves);
void sheaves_clear(struct sheaves *sheaves);
/* Behind those that were added before. It is lent. What was tied into it counts from `from` on. */
void sheaves_add(struct sheaves *sheaves, const struct sheaf *sheaf, size_t from);
/* Begins with the first key, again if need be. */
void sheaves_begin(struct sheaves *sheaves);
/* The next key of all, lent like the sheaf; of two that are the same, first what came first. */
bool sheaves_next(struct sheaves *sheaves, struct keyed *next);
/* Does the same key come again behind the one that came last? */
bool sheaves_repeat(const struct sheaves *sheaves, const struct keyed *last);

#endif
