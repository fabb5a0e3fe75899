/* On the wire:
 *
 *     u32 magic   u64,u64 checksum of all that follows   u32 size of the items, uncompressed
 *     head        items, zstd-compressed, to the end
 *
 * and in the items, one after the other:
 *
 *     varint usn - previous usn   varint term   u8 deleted   bytes key   bytes value
 */
#include "core/batch.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include <xxhash.h>
#include <zstd.h>

enum {
    BATCH_MAGIC = 0x31425850, /* "PXB1" */
    CHECKSUM_AT = 4,
    CHECKED_AT = CHECKSUM_AT + 16,
    /* Level 1 costs less CPU than it saves the TLS layer. */
    COMPRESSION_LEVEL = 1,
    /* A limit on what a peer can make us allocate. */
    RAW_MAX = BATCH_BYTES_MAX + ITEM_VALUE_MAX + ITEM_KEY_MAX + 64,
};

struct batch_writer {
    struct batch_head head;
    struct buffer raw;
    struct buffer out;
    uint64_t last_usn;
    size_t count;
    ZSTD_CCtx *zstd;
};

struct batch_writer *batch_writer_new(void)
{
    struct batch_writer *w = xcalloc(1, sizeof *w);
    w->zstd = ZSTD_createCCtx();
    assert(w->zstd);
    return w;
}

void batch_writer_free(struct batch_writer *w)
{
    if (!w)
        return;
    buffer_free(&w->raw);
    buffer_free(&w->out);
    ZSTD_freeCCtx(w->zstd);
    free(w);
}

void batch_begin(struct batch_writer *w, const struct batch_head *head)
{
    assert(!term_is_none(head->term) && module_belongs(head->module, head->home));
    w->head = *head;
    w->last_usn = head->after;
    w->count = 0;
    buffer_clear(&w->raw);
}

bool batch_add(struct batch_writer *w, const struct item *item)
{
    assert(item_check(item, NULL) == OK);
    assert(item->module == w->head.module && item->version.usn > w->last_usn);
    if (w->count == BATCH_ITEMS_MAX || w->raw.size >= BATCH_BYTES_MAX)
        return false;
    buffer_varint(&w->raw, item->version.usn - w->last_usn);
    buffer_varint(&w->raw, item->version.term);
    buffer_u8(&w->raw, item->deleted);
    buffer_bytes(&w->raw, item->key);
    buffer_bytes(&w->raw, item->value);
    w->last_usn = item->version.usn;
    w->count++;
    return true;
}

static void write_checksum(struct buffer *out)
{
    XXH128_hash_t h = XXH3_128bits(out->at + CHECKED_AT, out->size - CHECKED_AT);
    struct buffer sum = {0};
    buffer_u64(&sum, h.low64);
    buffer_u64(&sum, h.high64);
    memcpy(out->at + CHECKSUM_AT, sum.at, sum.size);
    buffer_free(&sum);
}

struct bytes batch_finish(struct batch_writer *w, uint64_t upto)
{
    assert(upto >= w->last_usn && w->head.head >= upto);
    struct buffer *out = &w->out;
    buffer_clear(out);
    buffer_u32(out, BATCH_MAGIC);
    buffer_u64(out, 0); /* the checksum, once the rest is known */
    buffer_u64(out, 0);
    buffer_u32(out, (uint32_t)w->raw.size);
    buffer_text(out, w->head.home);
    buffer_u8(out, (uint8_t)w->head.module);
    buffer_varint(out, w->head.term.number);
    buffer_u64(out, w->head.term.tag);
    buffer_varint(out, w->head.after);
    buffer_varint(out, upto);
    buffer_varint(out, w->head.head);
    buffer_varint(out, w->head.horizon);
    buffer_varint(out, w->count);

    size_t room = ZSTD_compressBound(w->raw.size);
    buffer_reserve(out, room);
    size_t packed = ZSTD_compressCCtx(w->zstd, out->at + out->size, room, w->raw.at, w->raw.size,
                                      COMPRESSION_LEVEL);
    assert(!ZSTD_isError(packed));
    out->size += packed;
    write_checksum(out);
    return buffer_view(out);
}

struct batch {
    struct batch_head head;
    size_t count;
    size_t read;
    uint64_t last_usn;
    uint8_t *raw;
    struct cursor items;
};

void batch_close(struct batch *batch)
{
    if (!batch)
        return;
    free(batch->raw);
    free(batch);
}

static enum failure damaged(struct error *e, const char *where)
{
    fail(e, FAIL_DAMAGED, "A batch arrived damaged: %s.", where);
    if (e)
        error_kept(e, "Nothing of it was applied; it will be sent again.");
    return FAIL_DAMAGED;
}

static bool read_head(struct cursor *in, struct batch *batch)
{
    struct batch_head *head = &batch->head;
    cursor_text(in, head->home, sizeof head->home);
    uint8_t module = cursor_u8(in);
    head->term.number = cursor_varint(in);
    head->term.tag = cursor_u64(in);
    head->after = cursor_varint(in);
    head->upto = cursor_varint(in);
    head->head = cursor_varint(in);
    head->horizon = cursor_varint(in);
    uint64_t count = cursor_varint(in);
    if (in->bad || module >= MODULES || count > BATCH_ITEMS_MAX)
        return false;
    head->module = (enum module)module;
    batch->count = (size_t)count;
    return head->home[0] && module_belongs(head->module, head->home) && head->term.number &&
           head->term.tag && head->after <= head->upto && head->upto <= head->head &&
           head->horizon <= head->head;
}

static bool read_item(struct cursor *in, uint64_t last_usn, enum module module, struct item *item)
{
    uint64_t step = cursor_varint(in);
    item->version.term = cursor_varint(in);
    uint8_t deleted = cursor_u8(in);
    item->key = cursor_bytes(in, ITEM_KEY_MAX);
    item->value = cursor_bytes(in, ITEM_VALUE_MAX);
    item->module = module;
    item->deleted = deleted == 1;
    if (in->bad || deleted > 1 || step == 0 || step > UINT64_MAX - last_usn ||
        item->version.term == 0)
        return false;
    item->version.usn = last_usn + step;
    return item_check(item, NULL) == OK;
}

/* Walks all items once, so that batch_next() can't fail later, half of the batch applied. */
static bool items_are_sound(const struct batch *batch)
{
    struct cursor in = batch->items;
    uint64_t last = batch->head.after;
    for (size_t i = 0; i < batch->count; i++) {
        struct item item;
        if (!read_item(&in, last, batch->head.module, &item) ||
            item.version.term > batch->head.term.number)
            return false;
        last = item.version.usn;
    }
    return last <= batch->head.upto && cursor_done(&in);
}

static enum failure unpack(struct batch *batch, struct bytes packed, uint32_t size, struct error *e)
{
    if (size > RAW_MAX)
        return damaged(e, "it claims to be larger than any batch");
    /* zstd would also take several frames, or one that doesn't say its size. We write neither. */
    if (ZSTD_getFrameContentSize(packed.at, packed.size) != size ||
        ZSTD_findFrameCompressedSize(packed.at, packed.size) != packed.size)
        return damaged(e, "its size is not what it says");
    batch->raw = xmalloc(size);
    size_t got = ZSTD_decompress(batch->raw, size, packed.at, packed.size);
    if (ZSTD_isError(got) || got != size)
        return damaged(e, "it can't be decompressed");
    batch->items = cursor_over(bytes_of(batch->raw, size));
    return OK;
}

enum failure batch_open(struct bytes encoded, struct batch **result, struct error *e)
{
    *result = NULL;
    struct cursor in = cursor_over(encoded);
    uint32_t magic = cursor_u32(&in);
    XXH128_hash_t sum = {.low64 = cursor_u64(&in)};
    sum.high64 = cursor_u64(&in);
    if (in.bad || magic != BATCH_MAGIC)
        return damaged(e, "it doesn't begin like a batch");
    XXH128_hash_t real = XXH3_128bits(in.at, in.left);
    if (!XXH128_isEqual(sum, real))
        return damaged(e, "its checksum is wrong");

    OWNED(batch_close) struct batch *batch = xcalloc(1, sizeof *batch);
    uint32_t size = cursor_u32(&in);
    if (!read_head(&in, batch))
        return damaged(e, "its head makes no sense");
    enum failure bad = unpack(batch, bytes_of(in.at, in.left), size, e);
    if (bad)
        return bad;
    batch->last_usn = batch->head.after;
    if (!items_are_sound(batch))
        return damaged(e, "an item makes no sense");
    *result = TAKE(batch);
    return OK;
}

const struct batch_head *batch_head(const struct batch *batch)
{
    return &batch->head;
}

size_t batch_count(const struct batch *batch)
{
    return batch->count;
}

bool batch_next(struct batch *batch, struct item *item)
{
    if (batch->read == batch->count)
        return false;
    bool sound = read_item(&batch->items, batch->last_usn, batch->head.module, item);
    assert(sound); /* items_are_sound() has read the same bytes */
    batch->last_usn = item->version.usn;
    batch->read++;
    return true;
}
