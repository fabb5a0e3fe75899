#include "content/likeness.h"

#include <xxhash.h>

static uint32_t block_of(size_t size)
{
    size_t least = (size + LIKENESS_BLOCKS_MAX - 1) / LIKENESS_BLOCKS_MAX;
    return (uint32_t)(least > LIKENESS_BLOCK ? least : LIKENESS_BLOCK);
}

static uint32_t sum_of(const uint8_t *block, uint32_t size)
{
    return (uint32_t)XXH3_64bits(block, size);
}

static size_t blocks_in(struct bytes old, uint32_t size)
{
    return (old.size < size ? old.size : size) / block_of(size);
}

void likeness_of_front(struct bytes old, uint32_t size, struct buffer *sums)
{
    uint32_t block = block_of(size);
    for (size_t i = 0; i < blocks_in(old, size); i++)
        buffer_u32(sums, sum_of(old.at + i * block, block));
}

void likeness_of_back(struct bytes old, uint32_t size, struct buffer *sums)
{
    uint32_t block = block_of(size);
    for (size_t i = 1; i <= blocks_in(old, size); i++)
        buffer_u32(sums, sum_of(old.at + old.size - i * block, block));
}

void likeness_find(struct bytes chunk, struct bytes front_sums, struct bytes back_sums,
                   uint32_t *front, uint32_t *back)
{
    uint32_t block = block_of(chunk.size);
    struct cursor in = cursor_over(front_sums);
    *front = *back = 0;
    while (in.left && *front + block <= chunk.size &&
           cursor_u32(&in) == sum_of(chunk.at + *front, block))
        *front += block;
    in = cursor_over(back_sums);
    while (in.left && *front + *back + block <= chunk.size &&
           cursor_u32(&in) == sum_of(chunk.at + chunk.size - *back - block, block))
        *back += block;
}
