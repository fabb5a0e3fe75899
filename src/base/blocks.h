/* Memory that grows without moving, and goes as a whole: what lies in it may be pointed at. */
#ifndef POLLUX_BASE_BLOCKS_H
#define POLLUX_BASE_BLOCKS_H

#include "base/bytes.h"

struct block;

struct blocks {
    struct block *last;  /* with room for more, and those before it */
    struct block *whole; /* those that are full from the beginning */
    size_t size;         /* of all of them, used or not */
};

/* Room for so many bytes. */
uint8_t *blocks_room(struct blocks *blocks, size_t size);
/* What lies there already, taken over as it is: the buffer is empty afterwards. */
void blocks_take_over(struct blocks *blocks, struct buffer *memory);
void blocks_free(struct blocks *blocks);

#endif
