/* A packet (core/packet.h). In its body the items, one after the other:
 *
 *     varint usn - previous usn   varint term   u8 deleted   bytes key   bytes value
 */
#include "core/batch.h"

#include <assert.h>
#include <stdlib.h>

#include "core/packet.h"

enum {
    /* A limit on what a peer can make us allocate. */
    RAW_MAX = BATCH_BYTES_MAX + ITEM_VALUE_MAX + ITEM_KEY_MAX + 64,
};

static const char what[] = "A batch";

void batch_join(struct batch_head *all, const struct batch_head *next)
{
    assert(next->after == all->upto && next->module == all->module);
    all->upto = next->upto;
    all->head = next->head > all->head ? next->head : all->head;
    all->horizon = next->horizon;
    all->more = next->more;
    all->others_upto = next->others_upto;
    all->read_ms = next->read_ms;
}

struct batch_writer {
    struct batch_head head;
    struct buffer raw;
    uint64_t last_usn;
    uint64_t others_upto;
    size_t count;
    struct packer *packer;
};

struct batch_writer *batch_writer_new(void)
{
    struct batch_writer *w = xcalloc(1, sizeof *w);
    w->packer = packer_new();
    return w;
}

void batch_writer_free(struct batch_writer *w)
{
    if (!w)
        return;
    buffer_free(&w->raw);
    packer_free(w->packer);
    free(w);
}

void batch_begin(struct batch_writer *w, const struct batch_head *head)
{
    assert(!term_is_none(head->term) && module_belongs(head->module, head->home));
    w->head = *head;
    w->last_usn = head->after;
    w->others_upto = UINT64_MAX;
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

size_t batch_filled(const struct batch_writer *w)
{
    return w->raw.size;
}

void batch_others_upto(struct batch_writer *w, uint64_t usn)
{
    assert(usn >= w->head.after);
    w->others_upto = usn;
}

struct bytes batch_finish(struct batch_writer *w, uint64_t upto, bool more)
{
    assert(upto >= w->last_usn && w->head.head >= upto);
    OWNED(buffer_free) struct buffer head = {0};
    buffer_text(&head, w->head.home);
    buffer_u8(&head, (uint8_t)w->head.module);
    buffer_varint(&head, w->head.term.number);
    buffer_u64(&head, w->head.term.tag);
    buffer_varint(&head, w->head.after);
    buffer_varint(&head, upto);
    buffer_varint(&head, w->head.head);
    buffer_varint(&head, w->head.horizon);
    buffer_varint(&head, w->others_upto < upto ? w->others_upto : upto);
    buffer_varint(&head, w->head.read_ms);
    buffer_u8(&head, more);
    buffer_varint(&head, w->count);
    return packet_seal(w->packer, BATCH_MAGIC, buffer_view(&head), buffer_view(&w->raw));
}

struct batch {
    struct batch_head head;
    size_t count;
    size_t read;
    uint64_t last_usn;
    struct packet packet;
    struct cursor items;
};

void batch_close(struct batch *batch)
{
    if (!batch)
        return;
    packet_close(&batch->packet);
    free(batch);
}

static bool read_head(struct batch *batch)
{
    struct cursor all = cursor_over(batch->packet.head), *in = &all;
    struct batch_head *head = &batch->head;
    cursor_text(in, head->home, sizeof head->home);
    uint8_t module = cursor_u8(in);
    head->term.number = cursor_varint(in);
    head->term.tag = cursor_u64(in);
    head->after = cursor_varint(in);
    head->upto = cursor_varint(in);
    head->head = cursor_varint(in);
    head->horizon = cursor_varint(in);
    head->others_upto = cursor_varint(in);
    head->read_ms = cursor_varint(in);
    uint8_t more = cursor_u8(in);
    head->more = more == 1;
    uint64_t count = cursor_varint(in);
    if (!cursor_done(in) || module >= MODULES || more > 1 || count > BATCH_ITEMS_MAX)
        return false;
    head->module = (enum module)module;
    batch->count = (size_t)count;
    return head->home[0] && module_belongs(head->module, head->home) && head->term.number &&
           head->term.tag && head->after <= head->upto && head->upto <= head->head &&
           head->horizon <= head->head && head->others_upto >= head->after &&
           head->others_upto <= head->upto;
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

enum failure batch_peek(struct bytes encoded, struct batch_head *head, struct error *e)
{
    struct batch batch = {0};
    enum failure bad = packet_peek(encoded, BATCH_MAGIC, what, &batch.packet.head, e);
    if (bad)
        return bad;
    if (!read_head(&batch))
        return packet_damaged(what, "its head makes no sense", e);
    *head = batch.head;
    return OK;
}

enum failure batch_open(struct bytes encoded, struct batch **result, struct error *e)
{
    *result = NULL;
    OWNED(batch_close) struct batch *batch = xcalloc(1, sizeof *batch);
    enum failure bad = packet_open(encoded, BATCH_MAGIC, RAW_MAX, what, &batch->packet, e);
    if (bad)
        return bad;
    if (!read_head(batch))
        return packet_damaged(what, "its head makes no sense", e);
    batch->items = cursor_over(buffer_view(&batch->packet.body));
    batch->last_usn = batch->head.after;
    if (!items_are_sound(batch))
        return packet_damaged(what, "an item makes no sense", e);
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

void batch_hand_over(struct batch *batch, struct buffer *memory)
{
    *memory = batch->packet.body;
    batch->packet.body = (struct buffer){0};
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
