#include "base/blocks.h"

#include <assert.h>
#include <stdlib.h>

enum {
    /* Each block is twice as large as the one before, up to that: little takes little, and much
     * needs few. What is larger has one of its own. */
    BLOCK_MIN = 256,
    BLOCK_MAX = 64 << 10,
};

struct block {
    struct block *before;
    uint8_t *at;       /* behind this head, or what was taken over */
    size_t used, room; /* `used`: of one that has room for more */
};

static uint8_t *add(struct blocks *blocks, struct block **list, uint8_t *at, size_t room)
{
    assert(room <= SIZE_MAX - sizeof(struct block));
    struct block *block = xmalloc(sizeof *block + (at ? 0 : room));
    *block = (struct block){.before = *list, .at = at ? at : (uint8_t *)(block + 1), .room = room};
    *list = block;
    blocks->size += sizeof *block + room;
    return block->at;
}

static size_t next_room(const struct block *last, size_t size)
{
    size_t room = last ? last->room * 2 : BLOCK_MIN;
    while (room < size)
        room *= 2;
    return room < BLOCK_MAX ? room : BLOCK_MAX;
}

uint8_t *blocks_room(struct blocks *blocks, size_t size)
{
    struct block *last = blocks->last;
    if (size > BLOCK_MAX)
        return add(blocks, &blocks->whole, NULL, size);
    if (!last || last->room - last->used < size) {
        add(blocks, &blocks->last, NULL, next_room(last, size));
        last = blocks->last;
    }
    last->used += size;
    return last->at + last->used - size;
}

void blocks_take_over(struct blocks *blocks, struct buffer *memory)
{
    if (memory->at)
        add(blocks, &blocks->whole, memory->at, memory->room);
    *memory = (struct buffer){0};
}

static void free_list(struct block *list)
{
    for (struct block *block = list, *before; block; block = before) {
        before = block->before;
        if (block->at != (uint8_t *)(block + 1))
            free(block->at);
        free(block);
    }
}

void blocks_free(struct blocks *blocks)
{
    free_list(blocks->last);
    free_list(blocks->whole);
    *blocks = (struct blocks){0};
}
