#include "content/seeds.h"

#include <stdlib.h>
#include <string.h>

enum {
    SLOTS_LEAST = 1024,
    PROBES_MAX = 16, /* then the oldest guess there goes: it is one of the least worth */
};

struct seed {
    uint64_t hash; /* the first bytes of it; 0: none */
    uint64_t offset;
    uint32_t size;
    uint32_t key; /* where in `keys` it begins */
};

struct seeds {
    struct seed *slots;
    size_t room, count;
    struct buffer keys;
};

enum { KEYS_BYTES_MAX = 64 << 20 }; /* of a million short files with long names */

struct seeds *seeds_new(void)
{
    return xcalloc(1, sizeof(struct seeds));
}

void seeds_free(struct seeds *seeds)
{
    if (!seeds)
        return;
    buffer_free(&seeds->keys);
    free(seeds->slots);
    free(seeds);
}

static uint64_t short_hash(const struct chunk *chunk)
{
    uint64_t hash;
    memcpy(&hash, chunk->hash, sizeof hash);
    return hash | 1;
}

static struct seed *slot_of(const struct seeds *seeds, uint64_t hash)
{
    struct seed *slot = NULL;
    for (size_t i = 0; i < PROBES_MAX; i++) {
        slot = &seeds->slots[((hash >> 8) + i) & (seeds->room - 1)];
        if (!slot->hash || slot->hash == hash)
            return slot;
    }
    return slot;
}

static void put(struct seeds *seeds, struct seed seed)
{
    struct seed *slot = slot_of(seeds, seed.hash);
    seeds->count += !slot->hash;
    *slot = seed;
}

static void grow(struct seeds *seeds)
{
    struct seeds old = *seeds;
    seeds->room = old.room ? 2 * old.room : SLOTS_LEAST;
    seeds->slots = xcalloc(seeds->room, sizeof *seeds->slots);
    seeds->count = 0;
    for (size_t i = 0; i < old.room; i++) {
        if (old.slots[i].hash)
            put(seeds, old.slots[i]);
    }
    free(old.slots);
}

/* Names of files that are gone are never given back one by one: everything is learned anew. */
static void forget_if_too_much(struct seeds *seeds)
{
    if (seeds->keys.size <= KEYS_BYTES_MAX)
        return;
    buffer_free(&seeds->keys);
    free(seeds->slots);
    *seeds = (struct seeds){0};
}

void seeds_add(struct seeds *seeds, struct bytes key, const struct manifest *manifest)
{
    forget_if_too_much(seeds);
    uint32_t at = (uint32_t)seeds->keys.size;
    uint64_t offset = 0;
    buffer_bytes(&seeds->keys, key);
    for (size_t i = 0; i < manifest->count; i++) {
        const struct chunk *chunk = &manifest->chunks[i];
        if (2 * (seeds->count + 1) > seeds->room && seeds->room < SEEDS_MAX)
            grow(seeds);
        put(seeds, (struct seed){short_hash(chunk), offset, chunk->size, at});
        offset += chunk->size;
    }
}

bool seeds_find(const struct seeds *seeds, const struct chunk *chunk, struct bytes *key,
                uint64_t *offset)
{
    uint64_t hash = short_hash(chunk);
    const struct seed *seed = seeds->room ? slot_of(seeds, hash) : NULL;
    if (!seed || seed->hash != hash || seed->size != chunk->size)
        return false;
    struct cursor in =
        cursor_over(bytes_of(seeds->keys.at + seed->key, seeds->keys.size - seed->key));
    *key = cursor_bytes(&in, seeds->keys.size);
    *offset = seed->offset;
    return !in.bad;
}
