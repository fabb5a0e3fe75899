/* Bytes: a view of some, a buffer that grows, a cursor that can't run past the end.
 *
 * Everything that we store or send is written with `buffer_*` and read with `cursor_*`, little
 * endian, so that there is one place where a length can be wrong. A cursor that meets bad input
 * turns `bad` and stays so: read everything, then ask once. */
#ifndef POLLUX_BASE_BYTES_H
#define POLLUX_BASE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/memory.h"

/* A view. Never owns; whoever made it says how long it stays valid. */
struct bytes {
    const uint8_t *at;
    size_t size;
};

#define BYTES_NONE ((struct bytes){0})
struct bytes bytes_of(const void *at, size_t size);
struct bytes bytes_of_text(const char *text); /* without the final NUL */
bool bytes_equal(struct bytes a, struct bytes b);
int bytes_compare(struct bytes a, struct bytes b); /* as memcmp; the shorter one first */
bool bytes_start_with(struct bytes whole, struct bytes prefix);

struct buffer {
    uint8_t *at;
    size_t size;
    size_t room;
};

void buffer_free(struct buffer *b);
static inline void owned_buffer_free(struct buffer *b)
{
    buffer_free(b);
}
void buffer_clear(struct buffer *b);             /* keeps the room */
void buffer_reserve(struct buffer *b, size_t n); /* room for n more */
void buffer_u8(struct buffer *b, uint8_t v);
void buffer_u32(struct buffer *b, uint32_t v);
void buffer_u64(struct buffer *b, uint64_t v);
void buffer_varint(struct buffer *b, uint64_t v);
void buffer_raw(struct buffer *b, const void *at, size_t size);
void buffer_bytes(struct buffer *b, struct bytes v); /* length as varint, then the bytes */
void buffer_text(struct buffer *b, const char *text);
void buffer_printf(struct buffer *b, const char *format, ...) __attribute__((format(printf, 2, 3)));
struct bytes buffer_view(const struct buffer *b);
/* The content with a NUL behind it, owned by the caller; the buffer is empty afterwards. */
char *buffer_take_text(struct buffer *b);

struct cursor {
    const uint8_t *at;
    size_t left;
    bool bad;
};

struct cursor cursor_over(struct bytes v);
uint8_t cursor_u8(struct cursor *c);
uint32_t cursor_u32(struct cursor *c);
uint64_t cursor_u64(struct cursor *c);
uint64_t cursor_varint(struct cursor *c);
struct bytes cursor_raw(struct cursor *c, size_t size);
struct bytes cursor_bytes(struct cursor *c, size_t max); /* bad if longer than max */
/* A text of at most size - 1 bytes without a NUL inside, copied to `text`. */
void cursor_text(struct cursor *c, char *text, size_t size);
bool cursor_done(const struct cursor *c); /* everything read, nothing bad */

#endif
