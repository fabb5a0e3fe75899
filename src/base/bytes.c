#include "base/bytes.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct bytes bytes_of(const void *at, size_t size)
{
    return (struct bytes){.at = at, .size = size};
}

struct bytes bytes_of_text(const char *text)
{
    return bytes_of(text, strlen(text));
}

bool bytes_equal(struct bytes a, struct bytes b)
{
    return a.size == b.size && (a.size == 0 || memcmp(a.at, b.at, a.size) == 0);
}

int bytes_compare(struct bytes a, struct bytes b)
{
    size_t n = a.size < b.size ? a.size : b.size;
    int order = n ? memcmp(a.at, b.at, n) : 0;
    if (order != 0)
        return order;
    return (a.size > b.size) - (a.size < b.size);
}

bool bytes_start_with(struct bytes whole, struct bytes prefix)
{
    return whole.size >= prefix.size && bytes_equal(bytes_of(whole.at, prefix.size), prefix);
}

void buffer_free(struct buffer *b)
{
    free(b->at);
    *b = (struct buffer){0};
}

void buffer_clear(struct buffer *b)
{
    b->size = 0;
}

void buffer_reserve(struct buffer *b, size_t n)
{
    if (b->room - b->size >= n)
        return;
    size_t room = b->room ? b->room : 64;
    while (room - b->size < n) {
        assert(room <= SIZE_MAX / 2);
        room *= 2;
    }
    b->at = xrealloc(b->at, room);
    b->room = room;
}

void buffer_raw(struct buffer *b, const void *at, size_t size)
{
    if (size == 0)
        return;
    buffer_reserve(b, size);
    memcpy(b->at + b->size, at, size);
    b->size += size;
}

void buffer_u8(struct buffer *b, uint8_t v)
{
    buffer_raw(b, &v, 1);
}

static void buffer_little(struct buffer *b, uint64_t v, int width)
{
    uint8_t bytes[8];
    for (int i = 0; i < width; i++)
        bytes[i] = (uint8_t)(v >> (8 * i));
    buffer_raw(b, bytes, (size_t)width);
}

void buffer_u32(struct buffer *b, uint32_t v)
{
    buffer_little(b, v, 4);
}

void buffer_u64(struct buffer *b, uint64_t v)
{
    buffer_little(b, v, 8);
}

void buffer_varint(struct buffer *b, uint64_t v)
{
    for (; v >= 0x80; v >>= 7)
        buffer_u8(b, (uint8_t)(v | 0x80));
    buffer_u8(b, (uint8_t)v);
}

void buffer_bytes(struct buffer *b, struct bytes v)
{
    buffer_varint(b, v.size);
    buffer_raw(b, v.at, v.size);
}

void buffer_text(struct buffer *b, const char *text)
{
    buffer_bytes(b, bytes_of_text(text));
}

void buffer_printf(struct buffer *b, const char *format, ...)
{
    assert(format); /* gcc warns of a NULL in sanitizer builds otherwise */
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, format, args);
    va_end(args);
    assert(n >= 0);
    buffer_reserve(b, (size_t)n + 1);
    vsnprintf((char *)b->at + b->size, (size_t)n + 1, format, again);
    va_end(again);
    b->size += (size_t)n;
}

struct bytes buffer_view(const struct buffer *b)
{
    return bytes_of(b->at, b->size);
}

char *buffer_take_text(struct buffer *b)
{
    buffer_u8(b, 0);
    char *text = (char *)b->at;
    *b = (struct buffer){0};
    return text;
}

struct cursor cursor_over(struct bytes v)
{
    return (struct cursor){.at = v.at, .left = v.size};
}

struct bytes cursor_raw(struct cursor *c, size_t size)
{
    if (c->bad || size > c->left) {
        c->bad = true;
        return BYTES_NONE;
    }
    struct bytes v = bytes_of(c->at, size);
    if (size)
        c->at += size;
    c->left -= size;
    return v;
}

static uint64_t cursor_little(struct cursor *c, size_t width)
{
    struct bytes raw = cursor_raw(c, width);
    uint64_t v = 0;
    for (size_t i = 0; i < raw.size; i++)
        v |= (uint64_t)raw.at[i] << (8 * i);
    return v;
}

uint8_t cursor_u8(struct cursor *c)
{
    return (uint8_t)cursor_little(c, 1);
}

uint32_t cursor_u32(struct cursor *c)
{
    return (uint32_t)cursor_little(c, 4);
}

uint64_t cursor_u64(struct cursor *c)
{
    return cursor_little(c, 8);
}

uint64_t cursor_varint(struct cursor *c)
{
    uint64_t v = 0;
    for (int shift = 0; shift < 64; shift += 7) {
        uint8_t byte = cursor_u8(c);
        if (c->bad)
            return 0;
        uint64_t part = byte & 0x7f;
        if (part << shift >> shift != part)
            break; /* bits that do not fit into 64 */
        v |= part << shift;
        if (!(byte & 0x80)) {
            if (byte == 0 && shift > 0)
                break; /* a longer spelling of the same number: one value, one spelling */
            return v;
        }
    }
    c->bad = true;
    return 0;
}

struct bytes cursor_bytes(struct cursor *c, size_t max)
{
    uint64_t size = cursor_varint(c);
    if (c->bad || size > max) {
        c->bad = true;
        return BYTES_NONE;
    }
    return cursor_raw(c, (size_t)size);
}

void cursor_text(struct cursor *c, char *text, size_t size)
{
    assert(size > 0);
    struct bytes v = cursor_bytes(c, size - 1);
    if (v.size && memchr(v.at, 0, v.size))
        c->bad = true;
    if (c->bad)
        v = BYTES_NONE;
    if (v.size)
        memcpy(text, v.at, v.size);
    text[v.size] = '\0';
}

bool cursor_done(const struct cursor *c)
{
    return !c->bad && c->left == 0;
}
