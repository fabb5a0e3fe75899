#include "content/keys.h"

#include <stdlib.h>
#include <string.h>

enum { SLOTS_LEAST = 64 };

struct slot {
    uint8_t *key; /* NULL: empty */
    uint32_t size;
    struct key_note note;
};

struct keys {
    struct slot *slots;
    size_t room; /* a power of two, at most half of it used */
    size_t count, max;
};

struct keys *keys_new(size_t max)
{
    struct keys *keys = xcalloc(1, sizeof *keys);
    keys->max = max;
    return keys;
}

void keys_clear(struct keys *keys)
{
    for (size_t i = 0; i < keys->room; i++)
        free(keys->slots[i].key);
    free(keys->slots);
    *keys = (struct keys){.max = keys->max};
}

void keys_free(struct keys *keys)
{
    if (!keys)
        return;
    keys_clear(keys);
    free(keys);
}

size_t keys_count(const struct keys *keys)
{
    return keys->count;
}

/* FNV-1a: keys are short, and nobody outside chooses what it costs us beyond the bound. */
static size_t place_of(struct bytes key)
{
    uint64_t hash = 0xcbf29ce484222325;
    for (size_t i = 0; i < key.size; i++)
        hash = (hash ^ key.at[i]) * 0x100000001b3;
    return (size_t)(hash ^ hash >> 32);
}

static bool is_key(const struct slot *slot, struct bytes key)
{
    return slot->size == key.size && memcmp(slot->key, key.at, key.size) == 0;
}

/* Where it is, or would be. */
static struct slot *slot_of(const struct keys *keys, struct bytes key)
{
    size_t at = place_of(key);
    while (keys->slots[at & (keys->room - 1)].key &&
           !is_key(&keys->slots[at & (keys->room - 1)], key))
        at++;
    return &keys->slots[at & (keys->room - 1)];
}

static void grow(struct keys *keys)
{
    struct keys old = *keys;
    keys->room = old.room ? 2 * old.room : SLOTS_LEAST;
    keys->slots = xcalloc(keys->room, sizeof *keys->slots);
    for (size_t i = 0; i < old.room; i++) {
        const struct slot *from = &old.slots[i];
        if (from->key)
            *slot_of(keys, bytes_of(from->key, from->size)) = *from;
    }
    free(old.slots);
}

struct key_note *keys_find(const struct keys *keys, struct bytes key)
{
    struct slot *slot = keys->room ? slot_of(keys, key) : NULL;
    return slot && slot->key ? &slot->note : NULL;
}

struct key_note *keys_put(struct keys *keys, struct bytes key)
{
    struct key_note *there = keys_find(keys, key);
    if (there)
        return there;
    if (keys->count == keys->max)
        return NULL;
    if (2 * (keys->count + 1) > keys->room)
        grow(keys);
    struct slot *slot = slot_of(keys, key);
    *slot = (struct slot){.key = xmemdup(key.at, key.size), .size = (uint32_t)key.size};
    keys->count++;
    return &slot->note;
}

/* Whatever may stand behind it because its place was taken is put anew. */
void keys_remove(struct keys *keys, struct bytes key)
{
    struct slot *slot = keys->room ? slot_of(keys, key) : NULL;
    if (!slot || !slot->key)
        return;
    free(slot->key);
    slot->key = NULL;
    keys->count--;
    size_t at = (size_t)(slot - keys->slots);
    for (;;) {
        at = (at + 1) & (keys->room - 1);
        struct slot moved = keys->slots[at];
        if (!moved.key)
            return;
        keys->slots[at].key = NULL;
        *slot_of(keys, bytes_of(moved.key, moved.size)) = moved;
    }
}

bool keys_next(const struct keys *keys, size_t *at, struct bytes *key, struct key_note **note)
{
    while (*at < keys->room) {
        struct slot *slot = &keys->slots[(*at)++];
        if (!slot->key)
            continue;
        *key = bytes_of(slot->key, slot->size);
        *note = &slot->note;
        return true;
    }
    return false;
}
