/* Where a file is cut into chunks: by its content, so that an insertion moves no cut behind it.
 *
 * A hash over the last 64 bytes (a "gear": one shift, one addition for each byte) ends a chunk
 * where its highest bits are all zero. Knows nothing of files and of what becomes of the chunks. */
#ifndef POLLUX_CONTENT_CHUNKER_H
#define POLLUX_CONTENT_CHUNKER_H

#include <stdbool.h>

#include "base/bytes.h"

enum {
    /* What a chunk aims at: 64 KiB, at least a quarter and at most twice as much. Smaller ones
     * would make manifests large, larger ones send more for a small change. */
    CHUNK_AIM = 64 << 10,
    /* After so many chunks the aim doubles, so that the manifest of a large file stays an item. A
     * file of 100 MB has 1,500 of them, all of the first size; 30 GB just fit. */
    CHUNKS_EACH_AIM = 4096,
    CHUNK_AIMS = 7,
    CHUNKS_MAX = CHUNKS_EACH_AIM * CHUNK_AIMS,
    CHUNK_SIZE_MAX = 2 * CHUNK_AIM << (CHUNK_AIMS - 1),
};

struct chunker {
    uint64_t gear;
    uint32_t size;  /* of the chunk that is under way */
    uint32_t index; /* how many were before it */
};

/* How many of these bytes belong to the chunk under way; `*ends` if it ends with the last one.
 * Begin with a chunker of zeros. */
size_t chunker_take(struct chunker *chunker, struct bytes more, bool *ends);

#endif
