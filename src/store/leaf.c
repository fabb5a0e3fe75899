#include "store/leaf.h"

#include <endian.h>
#include <string.h>
#include <xxhash.h>

#include "core/limits.h"

/* --- one as it is stored: a sum, how it ends, its keys --- */

enum { SUM_SIZE = 8 };

static uint64_t sum_of(enum module module, struct bytes low, struct bytes rest)
{
    uint64_t seed = XXH3_64bits_withSeed(low.at, low.size, (uint64_t)module);
    return XXH3_64bits_withSeed(rest.at, rest.size, seed);
}

bool leaf_read(enum module module, struct bytes low, struct bytes stored, struct leaf *leaf)
{
    struct cursor in = cursor_over(stored);
    uint64_t sum = cursor_u64(&in);
    if (in.bad || sum != sum_of(module, low, bytes_of(in.at, in.left)))
        return false;
    *leaf = (struct leaf){.module = module, .low = low};
    leaf->last = cursor_u8(&in) != 0;
    leaf->high = cursor_bytes(&in, ITEM_KEY_MAX);
    leaf->keys = bytes_of(in.at, in.left);
    return !in.bad;
}

void leaf_store(const struct leaf *leaf, struct buffer *stored)
{
    buffer_clear(stored);
    buffer_reserve(stored, SUM_SIZE + 4 + leaf->high.size + leaf->keys.size);
    buffer_u64(stored, 0);
    buffer_u8(stored, leaf->last);
    buffer_bytes(stored, leaf->high);
    buffer_raw(stored, leaf->keys.at, leaf->keys.size);
    struct bytes rest = {stored->at + SUM_SIZE, stored->size - SUM_SIZE};
    uint64_t sum = htole64(sum_of(leaf->module, leaf->low, rest));
    memcpy(stored->at, &sum, sizeof sum);
}

/* --- keys --- */

/* Before each key: where it leads, and how long it is. A usn always takes the same room, so that
 * what merely leads elsewhere is overwritten in its place. */
enum { USN_SIZE = 8, HEAD_SIZE = USN_SIZE + 2 };
_Static_assert(ITEM_KEY_MAX <= UINT16_MAX, "two bytes hold the size of each key");

static uint64_t usn_at(const uint8_t *at)
{
    uint64_t usn;
    memcpy(&usn, at, sizeof usn);
    return le64toh(usn);
}

static void put_usn(uint8_t *at, uint64_t usn)
{
    usn = htole64(usn);
    memcpy(at, &usn, sizeof usn);
}

static inline bool peek(struct bytes left, struct bytes *key)
{
    if (left.size < HEAD_SIZE)
        return false;
    size_t size = left.at[USN_SIZE] | (size_t)left.at[USN_SIZE + 1] << 8;
    *key = bytes_of(left.at + HEAD_SIZE, size);
    return size <= left.size - HEAD_SIZE;
}

static inline void skip(struct bytes *left, struct bytes key)
{
    left->at += HEAD_SIZE + key.size;
    left->size -= HEAD_SIZE + key.size;
}

bool leaf_next(struct bytes *left, struct led *next)
{
    struct bytes key;
    if (!peek(*left, &key))
        return false;
    *next = (struct led){key, usn_at(left->at)};
    skip(left, key);
    return true;
}

void leaf_add(struct buffer *keys, struct bytes key, uint64_t usn)
{
    uint8_t head[HEAD_SIZE];
    put_usn(head, usn);
    head[USN_SIZE] = (uint8_t)(key.size & 0xff);
    head[USN_SIZE + 1] = (uint8_t)(key.size >> 8);
    buffer_raw(keys, head, sizeof head);
    buffer_raw(keys, key.at, key.size);
}

bool leaf_covers(const struct leaf *leaf, enum module module, struct bytes key)
{
    return module == leaf->module && bytes_compare(key, leaf->low) >= 0 &&
           (leaf->last || bytes_compare(key, leaf->high) < 0);
}

/* Leaves what is left from the key on, or behind where it would be. Is it there? */
static bool seek(struct bytes *left, struct bytes key)
{
    struct bytes at;
    int order = 1;
    while (peek(*left, &at) && (order = bytes_compare(at, key)) < 0)
        skip(left, at);
    return order == 0;
}

uint64_t leaf_find(const struct leaf *leaf, struct bytes key)
{
    struct bytes left = leaf->keys;
    return seek(&left, key) ? usn_at(left.at) : 0;
}

/* --- merging --- */

void key_source_next(struct key_source *source)
{
    source->any = source->next(source->context, &source->key);
}

/* What was there is copied in as large pieces as can be: up to the next key that is new or leads
 * elsewhere. */
bool leaf_merge(const struct leaf *leaf, struct key_source *source, struct buffer *keys)
{
    struct bytes left = leaf->keys;
    const uint8_t *copied = left.at;
    bool grows = leaf->last, begun = false;
    buffer_clear(keys);
    while (source->any && keys->size < LEAF_MERGED_MAX &&
           leaf_covers(leaf, source->key.module, source->key.key)) {
        const struct keyed *key = &source->key;
        bool there = seek(&left, key->key);
        grows &= begun || left.size == 0;
        begun = true;
        buffer_raw(keys, copied, (size_t)(left.at - copied));
        if (there) {
            struct led before;
            leaf_next(&left, &before);
            if (source->led)
                source->led(source->context, key, before.usn);
        }
        copied = left.at;
        leaf_add(keys, key->key, key->usn);
        key_source_next(source);
    }
    buffer_raw(keys, copied, left.size);
    return grows;
}

void leaf_look_up(const struct leaf *leaf, struct key_source *source)
{
    struct bytes left = leaf->keys;
    while (source->any && leaf_covers(leaf, source->key.module, source->key.key)) {
        if (seek(&left, source->key.key))
            source->led(source->context, &source->key, usn_at(left.at));
        key_source_next(source);
    }
}

bool leaf_drop(const struct leaf *leaf, struct key_source *source, struct buffer *keys)
{
    struct bytes left = leaf->keys;
    const uint8_t *copied = left.at;
    buffer_clear(keys);
    while (source->any && leaf_covers(leaf, source->key.module, source->key.key)) {
        const struct keyed *key = &source->key;
        if (seek(&left, key->key) && usn_at(left.at) == key->usn) {
            buffer_raw(keys, copied, (size_t)(left.at - copied));
            skip(&left, key->key);
            copied = left.at;
            source->led(source->context, key, key->usn);
        }
        key_source_next(source);
    }
    size_t size = (size_t)(left.at - copied) + left.size;
    buffer_raw(keys, copied, size);
    return keys->size < leaf->keys.size;
}

static struct bytes take(struct bytes *left, size_t size)
{
    struct bytes part = {left->at, size};
    left->at += size;
    left->size -= size;
    return part;
}

struct bytes leaf_part(struct bytes *left, bool grows)
{
    size_t parts = (left->size + LEAF_KEYS_MAX - 1) / LEAF_KEYS_MAX;
    if (parts <= 1)
        return take(left, left->size);
    size_t enough = grows ? LEAF_KEYS_MAX : left->size / parts, size = 0;
    struct bytes rest = *left, key;
    while (size < enough && peek(rest, &key)) {
        skip(&rest, key);
        size_t next = left->size - rest.size;
        if (grows && size && next > LEAF_KEYS_MAX)
            break;
        size = next;
    }
    return take(left, size ? size : left->size); /* what is no key stays where it is */
}
