#include "help_along.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include <xxhash.h>
#include <zstd.h>

static void seal(uint32_t magic, struct bytes content, struct buffer *out)
{
    XXH128_hash_t sum = XXH3_128bits(content.at, content.size);
    buffer_u32(out, magic);
    buffer_u64(out, sum.low64);
    buffer_u64(out, sum.high64);
    buffer_raw(out, content.at, content.size);
}

/* One byte says how long the head is; what follows it is the body. */
static void pack(uint32_t magic, struct bytes given, struct buffer *out)
{
    struct cursor in = cursor_over(given);
    struct bytes head = cursor_raw(&in, cursor_u8(&in));
    if (in.bad)
        return;
    OWNED(buffer_free) struct buffer content = {0};
    buffer_u32(&content, (uint32_t)in.left);
    buffer_bytes(&content, head);
    size_t room = ZSTD_compressBound(in.left);
    buffer_reserve(&content, room);
    size_t packed = ZSTD_compress(content.at + content.size, room, in.at, in.left, 1);
    assert(!ZSTD_isError(packed));
    if (packed < in.left)
        content.size += packed;
    else
        buffer_raw(&content, in.at, in.left);
    seal(magic, buffer_view(&content), out);
}

void may_refuse(const struct error *e)
{
    assert(e->kind && e->what[0]);
    if (getenv("SEEDS_ARE_GOOD"))
        fprintf(stderr, "A seed was refused: %s\n", e->what);
    assert(!getenv("SEEDS_ARE_GOOD"));
}

void help_along(uint32_t magic, struct bytes given, struct buffer *out)
{
    if (given.size == 0)
        return;
    struct bytes rest = bytes_of(given.at + 1, given.size - 1);
    switch (given.at[0] % 3) {
    case 0: buffer_raw(out, rest.at, rest.size); break;
    case 1: seal(magic, rest, out); break;
    default: pack(magic, rest, out); break;
    }
}
