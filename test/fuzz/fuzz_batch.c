/* Whatever arrives as a batch is refused or understood, and what was understood can be written
 * again and means the same.
 *
 * The checksum would stop a fuzzer at its first step, and compression at its second. The first byte
 * chooses how far the rest is helped along: not at all; sealed with the right checksum; or taken as
 * head and uncompressed items, to be compressed and sealed. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include <xxhash.h>
#include <zstd.h>

#include "core/batch.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* As at the beginning of core/batch.c. */
enum { MAGIC = 0x31425850 };

static void seal(struct buffer *out, struct bytes content)
{
    XXH128_hash_t sum = XXH3_128bits(content.at, content.size);
    buffer_u32(out, MAGIC);
    buffer_u64(out, sum.low64);
    buffer_u64(out, sum.high64);
    buffer_raw(out, content.at, content.size);
}

/* One byte says how long the head is; what follows it are the items. */
static void pack(struct buffer *out, struct bytes given)
{
    struct cursor in = cursor_over(given);
    struct bytes head = cursor_raw(&in, cursor_u8(&in));
    if (in.bad)
        return;
    struct buffer content = {0};
    buffer_u32(&content, (uint32_t)in.left);
    buffer_bytes(&content, head);
    size_t room = ZSTD_compressBound(in.left);
    buffer_reserve(&content, room);
    size_t packed = ZSTD_compress(content.at + content.size, room, in.at, in.left, 1);
    assert(!ZSTD_isError(packed));
    content.size += packed;
    seal(out, buffer_view(&content));
    buffer_free(&content);
}

static void write_again(struct bytes encoded, struct batch_writer *w)
{
    OWNED(batch_close) struct batch *batch = NULL;
    enum failure bad = batch_open(encoded, &batch, NULL);
    assert(!bad);
    struct item item;
    batch_begin(w, batch_head(batch));
    while (batch_next(batch, &item)) {
        bool room = batch_add(w, &item);
        assert(room);
    }
}

static void assert_same(struct bytes a, struct bytes b)
{
    OWNED(batch_close) struct batch *x = NULL, *y = NULL;
    enum failure bad_x = batch_open(a, &x, NULL), bad_y = batch_open(b, &y, NULL);
    assert(!bad_x && !bad_y);
    const struct batch_head *p = batch_head(x), *q = batch_head(y);
    assert(strcmp(p->home, q->home) == 0 && p->module == q->module &&
           term_equal(p->term, q->term) && p->after == q->after && p->upto == q->upto &&
           p->head == q->head && p->horizon == q->horizon);
    assert(batch_count(x) == batch_count(y));
    struct item i, j;
    while (batch_next(x, &i)) {
        bool more = batch_next(y, &j);
        assert(more && item_hash_equal(item_hash(&i), item_hash(&j)));
        assert(bytes_equal(i.key, j.key) && bytes_equal(i.value, j.value));
    }
    assert(!batch_next(y, &j));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    struct bytes rest = bytes_of(data + 1, size - 1);
    OWNED(buffer_free) struct buffer encoded = {0};
    switch (data[0] % 3) {
    case 0: buffer_raw(&encoded, rest.at, rest.size); break;
    case 1: seal(&encoded, rest); break;
    default: pack(&encoded, rest); break;
    }
    OWNED(batch_close) struct batch *batch = NULL;
    struct error e = {0};
    if (batch_open(buffer_view(&encoded), &batch, &e)) {
        assert(!batch && e.kind && e.what[0]);
        return 0;
    }
    OWNED(batch_writer_free) struct batch_writer *w = batch_writer_new();
    write_again(buffer_view(&encoded), w);
    assert_same(buffer_view(&encoded), batch_finish(w, batch_head(batch)->upto));
    return 0;
}
