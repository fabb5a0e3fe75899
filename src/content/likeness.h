/* What a chunk has in common with the bytes that were in its place before somebody changed
 * something in the middle: so much at its front, so much at its back. Who has the old bytes sends
 * sums of their blocks, from the front on and from the back on; who has the new ones sees by them
 * what need not travel. A sum is short: whether all is right, the chunk's hash tells in the end. */
#ifndef POLLUX_CONTENT_LIKENESS_H
#define POLLUX_CONTENT_LIKENESS_H

#include "base/bytes.h"

enum {
    /* A block that is like only in part travels: a shorter one would save that, and cost more sums.
     * Of a large chunk it is larger, so that there are never more than LIKENESS_BLOCKS_MAX. */
    LIKENESS_BLOCK = 1024,
    LIKENESS_BLOCKS_MAX = 128,
    LIKENESS_SUM_SIZE = 4,
    LIKENESS_SUMS_MAX = LIKENESS_BLOCKS_MAX * LIKENESS_SUM_SIZE, /* bytes, of one end */
};

/* Adds the sums of what is, for a chunk of this size, at the front (at the back) of `old`. */
void likeness_of_front(struct bytes old, uint32_t size, struct buffer *sums);
void likeness_of_back(struct bytes old, uint32_t size, struct buffer *sums);
/* How many bytes at either end of the chunk are those; they don't overlap. */
void likeness_find(struct bytes chunk, struct bytes front_sums, struct bytes back_sums,
                   uint32_t *front, uint32_t *back);

#endif
