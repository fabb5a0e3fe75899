#include "store/leaf.h"

#include <assert.h>
#include <endian.h>
#include <string.h>
#include <xxhash.h>

/* --- one as it is stored: a sum, how it ends, its keys, and zeros behind them --- */

enum {
    SUM_SIZE = 8,
    /* Leaves have been spelled otherwise: what is sound as such is not as this. */
    SPELLING = 2,
};

static uint64_t sum_of(enum module module, struct bytes low, struct bytes rest)
{
    uint64_t seed = XXH3_64bits_withSeed(low.at, low.size, (uint64_t)module | SPELLING << 8);
    return XXH3_64bits_withSeed(rest.at, rest.size, seed);
}

bool leaf_read(enum module module, struct bytes low, struct bytes stored, struct leaf *leaf)
{
    struct cursor in = cursor_over(stored);
    uint64_t sum = cursor_u64(&in);
    if (in.bad || low.size > ITEM_KEY_MAX || sum != sum_of(module, low, bytes_of(in.at, in.left)))
        return false;
    *leaf = (struct leaf){.module = module, .low = low};
    leaf->last = cursor_u8(&in) != 0;
    leaf->high = cursor_bytes(&in, ITEM_KEY_MAX);
    leaf->keys = cursor_raw(&in, cursor_u32(&in));
    return !in.bad;
}

static void fill_up(struct buffer *stored, size_t size)
{
    if (stored->size >= size)
        return;
    size_t room = size - stored->size;
    buffer_reserve(stored, room);
    memset(stored->at + stored->size, 0, room);
    stored->size = size;
}

void leaf_store(const struct leaf *leaf, struct buffer *stored)
{
    buffer_clear(stored);
    buffer_u64(stored, 0);
    buffer_u8(stored, leaf->last);
    buffer_bytes(stored, leaf->high);
    buffer_u32(stored, (uint32_t)leaf->keys.size);
    buffer_raw(stored, leaf->keys.at, leaf->keys.size);
    fill_up(stored, LEAF_STORED_SIZE - leaf->low.size);
    struct bytes rest = {stored->at + SUM_SIZE, stored->size - SUM_SIZE};
    uint64_t sum = htole64(sum_of(leaf->module, leaf->low, rest));
    memcpy(stored->at, &sum, sizeof sum);
}

bool leaf_covers(const struct leaf *leaf, enum module module, struct bytes key)
{
    return module == leaf->module && bytes_compare(key, leaf->low) >= 0 &&
           (leaf->last || bytes_compare(key, leaf->high) < 0);
}

/* --- entries: where a key leads, how much of it is as in the one before, and what follows --- */

/* The first one follows on where the leaf begins. */
struct entry {
    uint64_t usn;
    size_t shared;
    struct bytes rest;
};

/* Numbers as cursor_varint() reads them, in the place where they are needed: each search reads
 * three for each key that it passes, and takes about half the time so. */
static inline bool read_number(struct bytes *left, uint64_t *number)
{
    *number = 0;
    for (int shift = 0; left->size && shift < 64; shift += 7) {
        uint8_t byte = *left->at++;
        left->size--;
        *number |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80)
            return true;
    }
    return false;
}

/* Leaves what is behind it. */
static inline bool read_entry(struct bytes *left, struct entry *entry)
{
    uint64_t shared, size;
    if (!read_number(left, &entry->usn) || !read_number(left, &shared) ||
        !read_number(left, &size) || size > left->size || shared > ITEM_KEY_MAX)
        return false;
    entry->shared = (size_t)shared;
    entry->rest = bytes_of(left->at, (size_t)size);
    left->at += size;
    left->size -= (size_t)size;
    return true;
}

static void add_entry(struct buffer *keys, const struct entry *entry)
{
    buffer_varint(keys, entry->usn);
    buffer_varint(keys, entry->shared);
    buffer_bytes(keys, entry->rest);
}

/* How many bytes both begin with. */
static inline size_t common_of(struct bytes a, struct bytes b)
{
    size_t most = a.size < b.size ? a.size : b.size, common = 0;
    while (common < most && a.at[common] == b.at[common])
        common++;
    return common;
}

static struct bytes behind(struct bytes key, size_t size)
{
    return bytes_of(key.at + size, key.size - size);
}

/* --- one by one --- */

void leaf_reader_begin(struct leaf_reader *reader, const struct leaf *leaf)
{
    assert(leaf->low.size <= ITEM_KEY_MAX);
    reader->left = leaf->keys;
    reader->size = leaf->low.size;
    if (leaf->low.size)
        memcpy(reader->key, leaf->low.at, leaf->low.size);
}

bool leaf_next(struct leaf_reader *reader, struct led *next)
{
    struct entry entry;
    if (!read_entry(&reader->left, &entry) || entry.shared > reader->size ||
        entry.rest.size > ITEM_KEY_MAX - entry.shared)
        return false;
    if (entry.rest.size)
        memcpy(reader->key + entry.shared, entry.rest.at, entry.rest.size);
    reader->size = entry.shared + entry.rest.size;
    *next = (struct led){bytes_of(reader->key, reader->size), entry.usn};
    return true;
}

static void follow_on(struct leaf_writer *writer, struct bytes key)
{
    assert(key.size <= ITEM_KEY_MAX);
    writer->size = key.size;
    if (key.size)
        memcpy(writer->key, key.at, key.size);
}

void leaf_writer_begin(struct leaf_writer *writer, struct bytes low, struct buffer *keys)
{
    writer->keys = keys;
    follow_on(writer, low);
}

void leaf_add(struct leaf_writer *writer, struct bytes key, uint64_t usn)
{
    size_t shared = common_of(bytes_of(writer->key, writer->size), key);
    add_entry(writer->keys, &(struct entry){usn, shared, behind(key, shared)});
    follow_on(writer, key);
}

/* --- looking for keys, in their order --- */

/* Between two keys. Of those that are passed, none is put together again: one that shares more with
 * the key before it than the wanted one does lies before that, too, and one that shares less lies
 * behind it. Only where both are the same the rest decides. */
struct spot {
    struct bytes at; /* from the next entry on */
    struct bytes behind;
    struct entry next;
    bool any;
    size_t common; /* of the wanted key, and the one before this spot */
    size_t ahead;  /* of the wanted key, and the next one, if that is behind it */
    /* Where keys are merged: what was there goes over in as large pieces as can be. */
    struct buffer *keys;
    const uint8_t *copied; /* up to here */
    bool trimmed;          /* the next entry is not what is there: something came before it */
};

static inline void look_ahead(struct spot *spot)
{
    spot->at = spot->behind;
    spot->any = read_entry(&spot->behind, &spot->next);
}

static struct spot spot_at_the_beginning(const struct leaf *leaf, struct bytes wanted)
{
    struct spot spot = {.behind = leaf->keys, .common = common_of(leaf->low, wanted)};
    look_ahead(&spot);
    spot.copied = spot.at.at;
    return spot;
}

static inline void pass(struct spot *spot)
{
    if (spot->trimmed) {
        add_entry(spot->keys, &spot->next);
        spot->copied = spot->behind.at;
        spot->trimmed = false;
    }
    look_ahead(spot);
}

/* Goes to the key, or to where it would be. Is it there? */
static bool seek(struct spot *spot, struct bytes wanted)
{
    for (; spot->any; pass(spot)) {
        const struct entry *next = &spot->next;
        if (next->shared > spot->common)
            continue;
        spot->ahead = next->shared;
        if (next->shared < spot->common)
            return false;
        struct bytes rest = behind(wanted, spot->common);
        size_t same = common_of(next->rest, rest);
        if (same == next->rest.size && same == rest.size)
            return true;
        spot->ahead += same;
        if (same == rest.size || (same < next->rest.size && next->rest.at[same] > rest.at[same]))
            return false;
        spot->common += same;
    }
    return false;
}

uint64_t leaf_find(const struct leaf *leaf, struct bytes key)
{
    struct spot spot = spot_at_the_beginning(leaf, key);
    return seek(&spot, key) ? spot.next.usn : 0;
}

void key_source_next(struct key_source *source)
{
    source->any = source->next(source->context, &source->key);
}

static bool comes_in(const struct leaf *leaf, const struct key_source *source)
{
    return source->any && leaf_covers(leaf, source->key.module, source->key.key);
}

/* The next one of the source, and how much it has in common with the one before it. */
static size_t next_of(struct key_source *source)
{
    uint8_t before[ITEM_KEY_MAX];
    size_t size = source->key.key.size;
    assert(size <= ITEM_KEY_MAX);
    memcpy(before, source->key.key.at, size);
    key_source_next(source);
    return source->any ? common_of(bytes_of(before, size), source->key.key) : 0;
}

void leaf_look_up(const struct leaf *leaf, struct key_source *source)
{
    if (!source->any)
        return;
    struct spot spot = spot_at_the_beginning(leaf, source->key.key);
    while (comes_in(leaf, source)) {
        if (seek(&spot, source->key.key))
            source->led(source->context, &source->key, spot.next.usn);
        size_t common = next_of(source);
        spot.common = common < spot.common ? common : spot.common;
    }
}

/* --- merging --- */

static void copy_passed(struct spot *spot)
{
    buffer_raw(spot->keys, spot->copied, (size_t)(spot->at.at - spot->copied));
    spot->copied = spot->at.at;
}

/* What lies behind it follows on it from now on. */
static void put_before(struct spot *spot, const struct keyed *key)
{
    add_entry(spot->keys, &(struct entry){key->usn, spot->common, behind(key->key, spot->common)});
    if (!spot->any || spot->ahead == spot->next.shared)
        return;
    spot->next.rest = behind(spot->next.rest, spot->ahead - spot->next.shared);
    spot->next.shared = spot->ahead;
    spot->trimmed = true;
}

static void put_instead(struct spot *spot, const struct keyed *key)
{
    spot->next.usn = key->usn;
    spot->trimmed = true;
    pass(spot);
}

bool leaf_merge(const struct leaf *leaf, struct key_source *source, struct buffer *keys)
{
    bool grows = leaf->last, begun = false;
    struct spot spot = spot_at_the_beginning(leaf, source->any ? source->key.key : BYTES_NONE);
    spot.keys = keys;
    buffer_clear(keys);
    while (comes_in(leaf, source) && keys->size < LEAF_MERGED_MAX) {
        bool there = seek(&spot, source->key.key);
        grows &= begun || !spot.any;
        begun = true;
        copy_passed(&spot);
        if (there && source->led)
            source->led(source->context, &source->key, spot.next.usn);
        if (there)
            put_instead(&spot, &source->key);
        else
            put_before(&spot, &source->key);
        spot.common = next_of(source);
    }
    if (spot.trimmed)
        pass(&spot);
    spot.at.at = leaf->keys.at + leaf->keys.size;
    copy_passed(&spot);
    return grows;
}

/* --- dropping --- */

/* Of those that come up to this key, one may say that it is to go from here. */
static bool is_to_go(const struct leaf *leaf, struct key_source *source, const struct led *led)
{
    bool goes = false;
    while (comes_in(leaf, source)) {
        int order = bytes_compare(source->key.key, led->key);
        if (order > 0)
            break;
        if (order == 0 && source->key.usn == led->usn) {
            source->led(source->context, &source->key, led->usn);
            goes = true;
        }
        key_source_next(source);
    }
    return goes;
}

bool leaf_drop(const struct leaf *leaf, struct key_source *source, struct buffer *keys)
{
    struct leaf_reader reader;
    struct leaf_writer writer;
    bool any = false;
    leaf_reader_begin(&reader, leaf);
    leaf_writer_begin(&writer, leaf->low, keys);
    buffer_clear(keys);
    for (struct led led; leaf_next(&reader, &led);) {
        if (is_to_go(leaf, source, &led))
            any = true;
        else
            leaf_add(&writer, led.key, led.usn);
    }
    while (comes_in(leaf, source))
        key_source_next(source);
    return any;
}

/* --- parting --- */

void leaf_parting_begin(struct leaf_parting *parting, const struct leaf *whole, bool grows)
{
    *parting = (struct leaf_parting){.whole = whole, .grows = grows};
    leaf_reader_begin(&parting->reader, whole);
}

void leaf_parting_free(struct leaf_parting *parting)
{
    buffer_free(&parting->keys);
}

/* The key that was read last begins the next part. */
static void note_first(struct leaf_parting *parting, struct led first)
{
    uint8_t *key = parting->key[parting->turn ^= 1];
    memcpy(key, first.key.at, first.key.size);
    parting->first = (struct led){bytes_of(key, first.key.size), first.usn};
}

/* Up to the first key of the next part; that is where the entries of this one end. */
static const uint8_t *find_end(struct leaf_parting *parting)
{
    struct bytes left = parting->reader.left;
    const uint8_t *at = left.at;
    size_t all = parting->keys.size + left.size, size = parting->keys.size;
    size_t parts = (all + LEAF_KEYS_MAX - 1) / LEAF_KEYS_MAX;
    for (struct led led; parts > 1 && leaf_next(&parting->reader, &led);) {
        size_t next = size + (size_t)(parting->reader.left.at - at);
        bool full = parting->grows ? next > LEAF_KEYS_MAX : size >= all / parts;
        if (size > 0 && full) {
            note_first(parting, led);
            return at;
        }
        size = next;
        at = parting->reader.left.at;
    }
    parting->ended = true;
    return left.at + left.size;
}

bool leaf_parting_next(struct leaf_parting *parting, struct leaf *part)
{
    if (parting->ended)
        return false;
    *part = *parting->whole;
    buffer_clear(&parting->keys);
    bool begins = parting->first.key.at;
    if (begins) {
        part->low = parting->first.key;
        add_entry(&parting->keys, &(struct entry){parting->first.usn, part->low.size, BYTES_NONE});
    }
    const uint8_t *begin = parting->reader.left.at, *end = find_end(parting);
    if (parting->ended && !begins) /* it is not too much for one */
        return true;
    buffer_raw(&parting->keys, begin, (size_t)(end - begin));
    part->keys = buffer_view(&parting->keys);
    if (!parting->ended) {
        part->last = false;
        part->high = parting->first.key;
    }
    return true;
}
