/* A manifest: what a conference's file is made of. It is the value of the file's item, and travels
 * as one; the key is in name.h. */
#ifndef POLLUX_CONTENT_MANIFEST_H
#define POLLUX_CONTENT_MANIFEST_H

#include "base/error.h"
#include "content/chunker.h"
#include "core/content.h"
#include "core/limits.h"

enum {
    CHUNK_HASH_SIZE = 32, /* SHA-256 */
    MANIFEST_TAG_SIZE = 33,
};

/* The largest file: of any bytes, and what the topology allows at most (conference_file_max_mb).
 * Most that are a little larger would fit into a manifest as well, but that shows only when they
 * are read.
 */
#define MANIFEST_FILE_MAX (30000ull << 20)

struct chunk {
    uint8_t hash[CHUNK_HASH_SIZE];
    uint32_t size;
};

struct manifest {
    struct file_stamp stamp;
    size_t count;
    struct chunk *chunks; /* one behind the other they are the file */
};

void manifest_free(struct manifest *manifest);
static inline void owned_manifest_free(struct manifest *manifest)
{
    manifest_free(manifest);
}

void manifest_encode(const struct manifest *manifest, struct buffer *value);
/* Whatever doesn't make sense is refused: it may come from elsewhere. */
enum failure manifest_decode(struct bytes value, struct manifest *manifest, struct error *e);
/* The stamp alone, without looking at the rest. */
enum failure manifest_stamp(struct bytes value, struct file_stamp *stamp, struct error *e);
/* 32 figures that are the same for the same bytes, whatever the file's time. Returns `text`. */
const char *manifest_tag(const struct manifest *manifest, char text[MANIFEST_TAG_SIZE]);
/* Do both say the same bytes? */
bool manifest_same_bytes(const struct manifest *a, const struct manifest *b);

void chunk_hash(struct bytes bytes, uint8_t hash[CHUNK_HASH_SIZE]);

/* Makes one while the bytes go by. */
struct manifest_builder;
struct manifest_builder *manifest_builder_new(void);
void manifest_builder_free(struct manifest_builder *b);
DEFINE_OWNED(struct manifest_builder *, manifest_builder_free)
/* FAIL_INVALID if the file is larger than any can be. */
enum failure manifest_builder_add(struct manifest_builder *b, struct bytes more, struct error *e);
/* The stamp's time is the caller's to fill in. The builder is at its beginning again. */
void manifest_builder_end(struct manifest_builder *b, struct manifest *manifest);

#endif
