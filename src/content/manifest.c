/* As a value:
 *
 *     u8 version   varint size   u64 time   varint chunks   { 32 bytes hash, varint size } each
 */
#include "content/manifest.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

enum { MANIFEST_VERSION = 1, VARINT_MAX = 4, HEAD_MAX = 32 };
_Static_assert(CHUNKS_MAX *(CHUNK_HASH_SIZE + VARINT_MAX) + HEAD_MAX <= ITEM_VALUE_MAX,
               "the largest manifest is an item");

void manifest_free(struct manifest *manifest)
{
    free(manifest->chunks);
    *manifest = (struct manifest){0};
}

void manifest_encode(const struct manifest *manifest, struct buffer *value)
{
    buffer_u8(value, MANIFEST_VERSION);
    buffer_varint(value, manifest->stamp.size);
    buffer_u64(value, (uint64_t)manifest->stamp.time_ns);
    buffer_varint(value, manifest->count);
    for (size_t i = 0; i < manifest->count; i++) {
        buffer_raw(value, manifest->chunks[i].hash, CHUNK_HASH_SIZE);
        buffer_varint(value, manifest->chunks[i].size);
    }
}

static enum failure senseless(struct error *e)
{
    return fail(e, FAIL_DAMAGED, "A file's manifest makes no sense.");
}

static enum failure read_head(struct cursor *in, struct file_stamp *stamp, struct error *e)
{
    uint8_t version = cursor_u8(in);
    if (!in->bad && version > MANIFEST_VERSION)
        return fail(e, FAIL_NEWER, "A file's manifest was written by a newer version of Pollux.");
    stamp->size = cursor_varint(in);
    stamp->time_ns = (int64_t)cursor_u64(in);
    return in->bad || version != MANIFEST_VERSION ? senseless(e) : OK;
}

enum failure manifest_stamp(struct bytes value, struct file_stamp *stamp, struct error *e)
{
    struct cursor in = cursor_over(value);
    return read_head(&in, stamp, e);
}

static bool read_chunks(struct cursor *in, struct manifest *m)
{
    uint64_t count = cursor_varint(in), sum = 0;
    if (in->bad || count > CHUNKS_MAX || count > in->left / CHUNK_HASH_SIZE)
        return false;
    m->chunks = xcalloc(count ? count : 1, sizeof *m->chunks);
    while (m->count < count) {
        struct chunk *chunk = &m->chunks[m->count++];
        struct bytes hash = cursor_raw(in, CHUNK_HASH_SIZE);
        uint64_t size = cursor_varint(in);
        if (in->bad || size == 0 || size > CHUNK_SIZE_MAX)
            return false;
        memcpy(chunk->hash, hash.at, CHUNK_HASH_SIZE);
        chunk->size = (uint32_t)size;
        sum += size;
    }
    return cursor_done(in) && sum == m->stamp.size;
}

enum failure manifest_decode(struct bytes value, struct manifest *manifest, struct error *e)
{
    struct cursor in = cursor_over(value);
    *manifest = (struct manifest){0};
    enum failure bad = read_head(&in, &manifest->stamp, e);
    if (!bad && !read_chunks(&in, manifest))
        bad = senseless(e);
    if (bad)
        manifest_free(manifest);
    return bad;
}

bool manifest_same_bytes(const struct manifest *a, const struct manifest *b)
{
    if (a->stamp.size != b->stamp.size || a->count != b->count)
        return false;
    for (size_t i = 0; i < a->count; i++) {
        if (memcmp(a->chunks[i].hash, b->chunks[i].hash, CHUNK_HASH_SIZE) != 0)
            return false;
    }
    return true;
}

const char *manifest_tag(const struct manifest *manifest, char text[MANIFEST_TAG_SIZE])
{
    OWNED(buffer_free) struct buffer all = {0};
    uint8_t hash[CHUNK_HASH_SIZE];
    for (size_t i = 0; i < manifest->count; i++)
        buffer_raw(&all, manifest->chunks[i].hash, CHUNK_HASH_SIZE);
    chunk_hash(buffer_view(&all), hash);
    for (size_t i = 0; i < (MANIFEST_TAG_SIZE - 1) / 2; i++)
        snprintf(text + 2 * i, 3, "%02x", hash[i]);
    return text;
}

void chunk_hash(struct bytes bytes, uint8_t hash[CHUNK_HASH_SIZE])
{
    int done = EVP_Digest(bytes.size ? bytes.at : (const void *)"", bytes.size, hash, NULL,
                          EVP_sha256(), NULL);
    assert(done);
}

/* --- while the bytes go by --- */

struct manifest_builder {
    struct chunker chunker;
    EVP_MD_CTX *sha;
    uint32_t size; /* of the chunk under way */
    size_t room;
    struct manifest m;
};

static void begin_chunk(struct manifest_builder *b)
{
    int done = EVP_DigestInit_ex(b->sha, EVP_sha256(), NULL);
    assert(done);
    b->size = 0;
}

struct manifest_builder *manifest_builder_new(void)
{
    struct manifest_builder *b = xcalloc(1, sizeof *b);
    b->sha = EVP_MD_CTX_new();
    assert(b->sha);
    begin_chunk(b);
    return b;
}

void manifest_builder_free(struct manifest_builder *b)
{
    if (!b)
        return;
    EVP_MD_CTX_free(b->sha);
    manifest_free(&b->m);
    free(b);
}

static void end_chunk(struct manifest_builder *b)
{
    if (b->m.count == b->room) {
        b->room = b->room ? 2 * b->room : 8;
        b->m.chunks = xrealloc(b->m.chunks, b->room * sizeof *b->m.chunks);
    }
    struct chunk *chunk = &b->m.chunks[b->m.count++];
    chunk->size = b->size;
    int done = EVP_DigestFinal_ex(b->sha, chunk->hash, NULL);
    assert(done);
    begin_chunk(b);
}

enum failure manifest_builder_add(struct manifest_builder *b, struct bytes more, struct error *e)
{
    while (more.size) {
        bool ends;
        if (b->m.count == CHUNKS_MAX) {
            fail(e, FAIL_INVALID, "The file is too large: it has more than %d chunks.", CHUNKS_MAX);
            return e ? error_next(e, "Divide it into parts of at most 4 GB.") : FAIL_INVALID;
        }
        size_t size = chunker_take(&b->chunker, more, &ends);
        int done = EVP_DigestUpdate(b->sha, more.at, size);
        assert(done);
        b->size += (uint32_t)size;
        b->m.stamp.size += size;
        if (ends)
            end_chunk(b);
        more = bytes_of(more.at + size, more.size - size);
    }
    return OK;
}

void manifest_builder_end(struct manifest_builder *b, struct manifest *manifest)
{
    if (b->size)
        end_chunk(b);
    *manifest = b->m;
    b->m = (struct manifest){0};
    b->room = 0;
    b->chunker = (struct chunker){0};
}
