#include "store/sheaf.h"

#include <assert.h>
#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include "core/limits.h"

/* One key in a sheaf; its bytes follow. */
struct stalk {
    uint64_t usn;
    uint32_t at;
    uint16_t size;
    uint8_t module;
};
_Static_assert(ITEM_KEY_MAX <= UINT16_MAX && MODULES <= UINT8_MAX, "a stalk holds each key");

struct sheaf {
    struct buffer stalks;
};

/* --- tying --- */

/* Where a key belongs, by some of its bytes: most comparisons need not look at the others. */
struct rank {
    uint64_t lead;
    uint32_t module;
    uint32_t at;
};

struct table {
    const struct keyed *list;
    size_t count;
};

static int by_key(const void *left, const void *right, void *context)
{
    const struct rank *a = left, *b = right;
    const struct keyed *list = ((struct table *)context)->list;
    if (a->module != b->module)
        return a->module < b->module ? -1 : 1;
    if (a->lead != b->lead)
        return a->lead < b->lead ? -1 : 1;
    int order = bytes_compare(list[a->at].key, list[b->at].key);
    return order ? order : a->at < b->at ? -1 : 1;
}

/* How many bytes all keys begin with. */
static size_t common_prefix(const struct table *table)
{
    struct bytes first = table->list[0].key;
    size_t common = first.size;
    for (size_t i = 1; i < table->count; i++) {
        struct bytes key = table->list[i].key;
        size_t same = key.size < common ? key.size : common;
        while (memcmp(key.at, first.at, same) != 0)
            same--;
        common = same;
    }
    return common;
}

/* The bytes of a key behind that, as a number: most keys differ in them. */
static uint64_t lead_of(struct bytes key, size_t common)
{
    uint8_t lead[8] = {0};
    size_t left = key.size - common;
    memcpy(lead, key.at + common, left < sizeof lead ? left : sizeof lead);
    uint64_t number;
    memcpy(&number, lead, sizeof number);
    return be64toh(number);
}

/* What comes in the order of its keys, as a first copy of what was imported so, needs no sorting.
 */
static bool comes_ordered(const struct rank *ranks, struct table *table)
{
    size_t i = 1;
    while (i < table->count && by_key(&ranks[i - 1], &ranks[i], table) < 0)
        i++;
    return i >= table->count;
}

static void add_stalk(struct buffer *stalks, const struct keyed *keyed)
{
    const struct stalk stalk = {.usn = keyed->usn,
                                .at = (uint32_t)keyed->at,
                                .size = (uint16_t)keyed->key.size,
                                .module = (uint8_t)keyed->module};
    buffer_raw(stalks, &stalk, sizeof stalk);
    buffer_raw(stalks, keyed->key.at, keyed->key.size);
}

struct sheaf *sheaf_tie(const struct keyed *list, size_t count)
{
    assert(count > 0 && count <= UINT32_MAX);
    struct sheaf *sheaf = xcalloc(1, sizeof *sheaf);
    OWNED(free_memory) struct rank *ranks = xcalloc(count, sizeof *ranks);
    struct table table = {list, count};
    size_t common = common_prefix(&table), bytes = 0;
    for (size_t i = 0; i < count; i++) {
        ranks[i] = (struct rank){lead_of(list[i].key, common), list[i].module, (uint32_t)i};
        bytes += sizeof(struct stalk) + list[i].key.size;
    }
    if (!comes_ordered(ranks, &table))
        qsort_r(ranks, count, sizeof *ranks, by_key, &table);
    buffer_reserve(&sheaf->stalks, bytes);
    for (size_t i = 0; i < count; i++)
        add_stalk(&sheaf->stalks, &list[ranks[i].at]);
    return sheaf;
}

void sheaf_free(struct sheaf *sheaf)
{
    if (!sheaf)
        return;
    buffer_free(&sheaf->stalks);
    free(sheaf);
}

size_t sheaf_size(const struct sheaf *sheaf)
{
    return sizeof *sheaf + sheaf->stalks.room;
}

/* --- collecting --- */

/* The keys' memory moves while it grows: until they are tied, `at` is where each begins in it. */
void key_list_add(struct key_list *list, enum module module, struct bytes key, uint64_t usn)
{
    if (list->count == list->room) {
        list->room = list->room ? list->room * 2 : 64;
        list->list = xrealloc(list->list, list->room * sizeof *list->list);
    }
    list->list[list->count++] =
        (struct keyed){.module = module, .key.size = key.size, .usn = usn, .at = list->keys.size};
    buffer_raw(&list->keys, key.at, key.size);
}

struct sheaf *key_list_tie(struct key_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        list->list[i].key.at = list->keys.at + list->list[i].at;
    struct sheaf *sheaf = sheaf_tie(list->list, list->count);
    list->count = 0;
    buffer_clear(&list->keys);
    return sheaf;
}

void key_list_free(struct key_list *list)
{
    free(list->list);
    buffer_free(&list->keys);
    *list = (struct key_list){0};
}

/* --- several as one --- */

/* One that is being read, and its next key; `at` counts through all sheaves. */
struct reading {
    struct bytes left;
    size_t from;
    struct keyed next;
};

struct sheaves {
    struct added {
        const struct sheaf *sheaf;
        size_t from;
    } * list;
    size_t count, room;
    /* A heap of those that have keys left: none has a smaller one than what is at half its place.
     */
    struct reading *heap;
    size_t in_heap;
};

struct sheaves *sheaves_new(void)
{
    return xcalloc(1, sizeof(struct sheaves));
}

void sheaves_clear(struct sheaves *sheaves)
{
    free(sheaves->list);
    free(sheaves->heap);
    *sheaves = (struct sheaves){0};
}

void sheaves_free(struct sheaves *sheaves)
{
    sheaves_clear(sheaves);
    free(sheaves);
}

void sheaves_add(struct sheaves *sheaves, const struct sheaf *sheaf, size_t from)
{
    if (sheaves->count == sheaves->room) {
        sheaves->room = sheaves->room ? sheaves->room * 2 : 4;
        sheaves->list = xrealloc(sheaves->list, sheaves->room * sizeof *sheaves->list);
    }
    sheaves->list[sheaves->count++] = (struct added){sheaf, from};
}

static bool read_stalk(struct reading *reading)
{
    struct stalk stalk;
    if (reading->left.size == 0)
        return false;
    memcpy(&stalk, reading->left.at, sizeof stalk);
    const uint8_t *key = reading->left.at + sizeof stalk;
    reading->next = (struct keyed){.module = (enum module)stalk.module,
                                   .key = {key, stalk.size},
                                   .usn = stalk.usn,
                                   .at = reading->from + stalk.at};
    reading->left.at = key + stalk.size;
    reading->left.size -= sizeof stalk + stalk.size;
    return true;
}

static int compare_keys(const struct keyed *a, const struct keyed *b)
{
    if (a->module != b->module)
        return a->module < b->module ? -1 : 1;
    return bytes_compare(a->key, b->key);
}

static bool comes_first(const struct reading *a, const struct reading *b)
{
    int order = compare_keys(&a->next, &b->next);
    return order ? order < 0 : a->next.at < b->next.at;
}

/* Lets what stands there go down to where it belongs. */
static void sink(struct sheaves *sheaves, size_t at)
{
    struct reading *heap = sheaves->heap, sinks = heap[at];
    for (size_t child; (child = 2 * at + 1) < sheaves->in_heap; at = child) {
        if (child + 1 < sheaves->in_heap && comes_first(&heap[child + 1], &heap[child]))
            child++;
        if (!comes_first(&heap[child], &sinks))
            break;
        heap[at] = heap[child];
    }
    heap[at] = sinks;
}

void sheaves_begin(struct sheaves *sheaves)
{
    sheaves->heap = xrealloc(sheaves->heap, (sheaves->count + 1) * sizeof *sheaves->heap);
    sheaves->in_heap = 0;
    for (size_t i = 0; i < sheaves->count; i++) {
        const struct added *added = &sheaves->list[i];
        struct reading reading = {buffer_view(&added->sheaf->stalks), added->from, {0}};
        if (read_stalk(&reading))
            sheaves->heap[sheaves->in_heap++] = reading;
    }
    for (size_t i = sheaves->in_heap / 2; i-- > 0;)
        sink(sheaves, i);
}

bool sheaves_next(struct sheaves *sheaves, struct keyed *next)
{
    if (sheaves->in_heap == 0)
        return false;
    *next = sheaves->heap[0].next;
    if (!read_stalk(&sheaves->heap[0]))
        sheaves->heap[0] = sheaves->heap[--sheaves->in_heap];
    if (sheaves->in_heap > 1)
        sink(sheaves, 0);
    return true;
}

bool sheaves_repeat(const struct sheaves *sheaves, const struct keyed *last)
{
    return sheaves->in_heap > 0 && compare_keys(&sheaves->heap[0].next, last) == 0;
}
