/* Keys of manifests, each with a few numbers: what is to be looked at, what is to be fetched. A
 * hash table with a bound; it knows nothing of what the numbers mean. Not thread-safe. */
#ifndef POLLUX_CONTENT_KEYS_H
#define POLLUX_CONTENT_KEYS_H

#include <stdbool.h>

#include "base/bytes.h"

struct keys;

struct key_note {
    uint64_t due_ms;  /* not before then */
    uint64_t cool_ms; /* kept until then, so that it is not due again too soon */
    uint64_t bytes;
    bool damaged; /* only its hashes tell it from a sound one */
    bool waits;   /* to be done; else it only cools down */
    bool wrong;   /* what lies there is not what belongs there, and it is too early to act */
};

struct keys *keys_new(size_t max);
void keys_free(struct keys *keys);
DEFINE_OWNED(struct keys *, keys_free)
void keys_clear(struct keys *keys);
size_t keys_count(const struct keys *keys);

/* Its note, made with zeros if it has none; NULL: there are too many already. Valid until the next
 * call that adds or removes one. */
struct key_note *keys_put(struct keys *keys, struct bytes key);
struct key_note *keys_find(const struct keys *keys, struct bytes key);
void keys_remove(struct keys *keys, struct bytes key);
/* One after the other, in no order, from 0 on; what is removed meanwhile is left out. False behind
 * the last one. */
bool keys_next(const struct keys *keys, size_t *at, struct bytes *key, struct key_note **note);

#endif
