#include "core/digest.h"

void digest_add(struct digest *d, const struct item *item, struct item_hash hash)
{
    if (item->deleted)
        return;
    d->low += hash.low;
    d->high += hash.high;
    d->items++;
    d->bytes += item->key.size + item->value.size;
}

void digest_remove(struct digest *d, const struct item *item, struct item_hash hash)
{
    if (item->deleted)
        return;
    /* All of it modulo 2^64: a digest that is wrong already only stays so. */
    d->low -= hash.low;
    d->high -= hash.high;
    d->items--;
    d->bytes -= item->key.size + item->value.size;
}

bool digest_equal(const struct digest *a, const struct digest *b)
{
    return a->low == b->low && a->high == b->high && a->items == b->items && a->bytes == b->bytes;
}

void digest_encode(const struct digest *d, struct buffer *out)
{
    buffer_u64(out, d->low);
    buffer_u64(out, d->high);
    buffer_varint(out, d->items);
    buffer_varint(out, d->bytes);
}

void digest_decode(struct digest *d, struct cursor *in)
{
    d->low = cursor_u64(in);
    d->high = cursor_u64(in);
    d->items = cursor_varint(in);
    d->bytes = cursor_varint(in);
}
