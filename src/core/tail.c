#include "core/tail.h"

#include <assert.h>
#include <string.h>

enum { TAILS_FORMAT = 3, TAIL_OPEN = 1, TAIL_PART = 2 };

const struct tail *tails_find(const struct tails *tails, uint64_t id)
{
    for (size_t i = 0; i < tails->count; i++) {
        if (tails->list[i].id == id)
            return &tails->list[i];
    }
    return NULL;
}

struct tail *tails_open(struct tails *tails)
{
    struct tail *last = tails->count ? &tails->list[tails->count - 1] : NULL;
    return last && last->open ? last : NULL;
}

void tail_shorten(struct tail *tail, uint64_t usn)
{
    if (usn <= tail->base.usn)
        return;
    tail->base = (struct version){.term = lineage_term_of(&tail->lineage, usn), .usn = usn};
    tail->open = true;
}

/* The entry of the term that made this change: SIZE_MAX, if it fell off the end. */
static size_t entry_of(const struct lineage *l, uint64_t usn)
{
    size_t i = l->count;
    while (i > 0 && usn <= l->entries[i - 1].began)
        i--;
    return i - 1;
}

struct term tail_term_of(const struct tail *tail, uint64_t usn)
{
    size_t i = entry_of(&tail->lineage, usn);
    return i == SIZE_MAX ? (struct term){.number = TAIL_TERM_UNKNOWN, .tag = tail->id}
                         : tail->lineage.entries[i].term;
}

uint64_t tail_end_of(const struct tail *tail, uint64_t usn)
{
    size_t next = entry_of(&tail->lineage, usn) + 1;
    /* A copy follows its exporter's whole lineage before it has all that belongs to it. */
    bool last = next >= tail->lineage.count || tail->lineage.entries[next].began > tail->head;
    return last ? tail->head : tail->lineage.entries[next].began;
}

uint64_t tail_begin_of(const struct tail *tail, uint64_t usn)
{
    size_t i = entry_of(&tail->lineage, usn);
    uint64_t began = i == SIZE_MAX ? 0 : tail->lineage.entries[i].began;
    return began > tail->base.usn ? began : tail->base.usn;
}

void tails_encode(const struct tails *tails, struct buffer *out)
{
    assert(tails->count <= TAILS_MAX);
    buffer_u8(out, TAILS_FORMAT);
    buffer_varint(out, tails->count);
    for (size_t i = 0; i < tails->count; i++) {
        const struct tail *tail = &tails->list[i];
        buffer_u64(out, tail->id);
        buffer_varint(out, tail->base.term);
        buffer_varint(out, tail->base.usn);
        buffer_varint(out, tail->head);
        buffer_varint(out, tail->items);
        buffer_u8(out, (uint8_t)(tail->open * TAIL_OPEN | tail->part * TAIL_PART));
        lineage_encode(&tail->lineage, out);
    }
}

enum failure tails_decode(struct tails *tails, struct bytes encoded, struct error *e)
{
    struct cursor in = cursor_over(encoded);
    memset(tails, 0, sizeof *tails);
    uint8_t format = cursor_u8(&in);
    if (!in.bad && format > TAILS_FORMAT)
        return fail(e, FAIL_NEWER, "A record of tails has format %u; this version knows up to %d.",
                    format, TAILS_FORMAT);
    uint64_t count = cursor_varint(&in);
    if (count > TAILS_MAX)
        in.bad = true;
    for (; tails->count < count && !in.bad; tails->count++) {
        struct tail *tail = &tails->list[tails->count];
        tail->id = cursor_u64(&in);
        tail->base.term = cursor_varint(&in);
        tail->base.usn = cursor_varint(&in);
        tail->head = cursor_varint(&in);
        tail->items = cursor_varint(&in);
        uint8_t flags = format > 1 ? cursor_u8(&in) : 0;
        tail->open = flags & TAIL_OPEN;
        tail->part = flags & TAIL_PART;
        lineage_decode(&tail->lineage, &in);
        if (tail->id == 0 || tail->base.usn >= tail->head || tail->items == 0)
            in.bad = true;
    }
    if (!cursor_done(&in) || format == 0)
        return fail(e, FAIL_DAMAGED, "A record of tails is damaged.");
    return OK;
}
