/* Where chunks lie that are here already: in which file, and where in it. A seed is a guess: the
 * file may have changed since, so whoever reads it there compares the hash. */
#ifndef POLLUX_CONTENT_SEEDS_H
#define POLLUX_CONTENT_SEEDS_H

#include "content/manifest.h"

enum {
    /* 24 bytes each. Of more content than that, some 70 GB, only a part is remembered; what is not
     * found travels. */
    SEEDS_MAX = 1 << 20,
};

struct seeds;
struct seeds *seeds_new(void);
void seeds_free(struct seeds *seeds);
DEFINE_OWNED(struct seeds *, seeds_free)

/* All chunks of a file that lies in its place. */
void seeds_add(struct seeds *seeds, struct bytes key, const struct manifest *manifest);
/* The key is valid until the next one is added. */
bool seeds_find(const struct seeds *seeds, const struct chunk *chunk, struct bytes *key,
                uint64_t *offset);

#endif
