/* On the wire:
 *
 *     u32 magic   u64,u64 checksum of all that follows   u32 size of the body, uncompressed
 *     bytes head   body, to the end: as it is if it has that size here, zstd-compressed if less
 */
#include "core/packet.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include <xxhash.h>
#include <zstd.h>

enum {
    CHECKSUM_AT = 4,
    CHECKED_AT = CHECKSUM_AT + 16,
    /* Level 1 costs less CPU than it saves the TLS layer; but for what fits into a packet of the
     * network or two, which goes as it is. */
    COMPRESSION_LEVEL = 1,
    COMPRESSED_MIN = 2048,
    HEAD_MAX = 4096, /* names, numbers of terms and changes */
};

struct packer {
    struct buffer out;
    ZSTD_CCtx *zstd; /* from its first use on */
};

struct packer *packer_new(void)
{
    return xcalloc(1, sizeof(struct packer));
}

void packer_free(struct packer *packer)
{
    if (!packer)
        return;
    buffer_free(&packer->out);
    ZSTD_freeCCtx(packer->zstd);
    free(packer);
}

static void write_checksum(struct buffer *out)
{
    XXH128_hash_t h = XXH3_128bits(out->at + CHECKED_AT, out->size - CHECKED_AT);
    OWNED(buffer_free) struct buffer sum = {0};
    buffer_u64(&sum, h.low64);
    buffer_u64(&sum, h.high64);
    memcpy(out->at + CHECKSUM_AT, sum.at, sum.size);
}

/* False if it does not get smaller. */
static bool compress(struct packer *packer, struct bytes body)
{
    struct buffer *out = &packer->out;
    size_t room = ZSTD_compressBound(body.size);
    if (!packer->zstd)
        packer->zstd = ZSTD_createCCtx();
    if (!packer->zstd)
        abort(); /* out of memory, see base/memory.h */
    buffer_reserve(out, room);
    size_t packed = ZSTD_compressCCtx(packer->zstd, out->at + out->size, room, body.at, body.size,
                                      COMPRESSION_LEVEL);
    assert(!ZSTD_isError(packed));
    if (packed >= body.size)
        return false;
    out->size += packed;
    return true;
}

struct bytes packet_seal(struct packer *packer, uint32_t magic, struct bytes head,
                         struct bytes body)
{
    assert(head.size <= HEAD_MAX && body.size <= UINT32_MAX);
    struct buffer *out = &packer->out;
    buffer_clear(out);
    buffer_u32(out, magic);
    buffer_u64(out, 0); /* the checksum, once the rest is known */
    buffer_u64(out, 0);
    buffer_u32(out, (uint32_t)body.size);
    buffer_bytes(out, head);
    if (body.size < COMPRESSED_MIN || !compress(packer, body))
        buffer_raw(out, body.at, body.size);
    write_checksum(out);
    return buffer_view(out);
}

enum failure packet_damaged(const char *what, const char *where, struct error *e)
{
    fail(e, FAIL_DAMAGED, "%s arrived damaged: %s.", what, where);
    if (e)
        error_kept(e, "Nothing of it was applied; it will be sent again.");
    return FAIL_DAMAGED;
}

/* Of another version, or of none. */
static enum failure check_magic(uint32_t found, uint32_t magic, const char *what, struct error *e)
{
    const uint32_t kind = 0xffffff; /* "PXB", and the digit behind it */
    char is = (char)(found >> 24), known = (char)(magic >> 24);
    if (found == magic)
        return OK;
    if ((found & kind) != (magic & kind) || is < '1' || is > '9')
        return packet_damaged(what, "it doesn't begin like one", e);
    fail(e, FAIL_NEWER, "%s came in the format %c of another version of Pollux; this one has %c.",
         what, is, known);
    if (e) {
        error_kept(e, "Nothing of it was applied.");
        error_next(e, "Bring both machines to the same version; then it is sent again by itself.");
    }
    return FAIL_NEWER;
}

/* No more than it needs: it may be kept for a while. */
static void make_room(struct buffer *body, size_t size)
{
    *body = (struct buffer){.at = xmalloc(size), .room = size};
}

static enum failure unpack(struct packet *packet, struct bytes packed, size_t size,
                           const char *what, struct error *e)
{
    if (packed.size == size) {
        make_room(&packet->body, size);
        buffer_raw(&packet->body, packed.at, size);
        return OK;
    }
    /* zstd would also take several frames, or one that doesn't say its size. We write neither. */
    if (ZSTD_getFrameContentSize(packed.at, packed.size) != size ||
        ZSTD_findFrameCompressedSize(packed.at, packed.size) != packed.size)
        return packet_damaged(what, "its size is not what it says", e);
    make_room(&packet->body, size);
    size_t got = ZSTD_decompress(packet->body.at, size, packed.at, packed.size);
    if (ZSTD_isError(got) || got != size)
        return packet_damaged(what, "it can't be decompressed", e);
    packet->body.size = size;
    return OK;
}

enum failure packet_open(struct bytes encoded, uint32_t magic, size_t body_max, const char *what,
                         struct packet *packet, struct error *e)
{
    *packet = (struct packet){0};
    struct cursor in = cursor_over(encoded);
    uint32_t found = cursor_u32(&in);
    XXH128_hash_t sum = {.low64 = cursor_u64(&in)};
    sum.high64 = cursor_u64(&in);
    enum failure bad = check_magic(found, magic, what, e);
    if (bad)
        return bad;
    if (in.bad || !XXH128_isEqual(sum, XXH3_128bits(in.at, in.left)))
        return packet_damaged(what, "its checksum is wrong", e);
    uint32_t size = cursor_u32(&in);
    packet->head = cursor_bytes(&in, HEAD_MAX);
    if (in.bad)
        return packet_damaged(what, "its head makes no sense", e);
    if (size > body_max)
        return packet_damaged(what, "it claims to be larger than any can be", e);
    bad = unpack(packet, bytes_of(in.at, in.left), size, what, e);
    if (bad)
        packet_close(packet);
    return bad;
}

enum failure packet_peek(struct bytes encoded, uint32_t magic, const char *what, struct bytes *head,
                         struct error *e)
{
    struct cursor in = cursor_over(encoded);
    uint32_t found = cursor_u32(&in);
    cursor_u64(&in); /* the checksum */
    cursor_u64(&in);
    cursor_u32(&in);
    *head = cursor_bytes(&in, HEAD_MAX);
    enum failure bad = check_magic(found, magic, what, e);
    return !bad && in.bad ? packet_damaged(what, "its head makes no sense", e) : bad;
}

void packet_close(struct packet *packet)
{
    buffer_free(&packet->body);
}
