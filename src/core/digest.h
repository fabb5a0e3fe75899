/* Digests: a sum over the hashes of the live items of one module of one home.
 *
 * Adding and removing are inverse and need no order, so a digest follows each change for the cost
 * of that change. Two copies with equal digests hold the same items in the same versions. */
#ifndef POLLUX_CORE_DIGEST_H
#define POLLUX_CORE_DIGEST_H

#include "core/item.h"

struct digest {
    uint64_t low, high; /* sums modulo 2^64 of the two halves */
    uint64_t items;     /* how many live items */
    uint64_t bytes;     /* of their keys and values */
};

/* Tombstones count for nothing, so both may be called for any item. */
void digest_add(struct digest *d, const struct item *item, struct item_hash hash);
void digest_remove(struct digest *d, const struct item *item, struct item_hash hash);
bool digest_equal(const struct digest *a, const struct digest *b);

void digest_encode(const struct digest *d, struct buffer *out);
void digest_decode(struct digest *d, struct cursor *in);

#endif
