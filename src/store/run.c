#include "store/run.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

struct run {
    struct write *writes; /* in the order in which they came: that of their usns */
    struct place *places;
    size_t count, room;
};

enum {
    /* What a large run took is given back; most hold a few items. */
    KEPT_ROOM = 1024,
};

struct run *run_new(void)
{
    return xcalloc(1, sizeof(struct run));
}

void run_clear(struct run *run)
{
    run->count = 0;
    if (run->room <= KEPT_ROOM)
        return;
    free(run->writes);
    free(run->places);
    *run = (struct run){0};
}

void run_free(struct run *run)
{
    free(run->writes);
    free(run->places);
    free(run);
}

void run_add(struct run *run, const struct item *item, struct item_hash hash)
{
    if (run->count == run->room) {
        run->room = run->room ? run->room * 2 : 16;
        run->writes = xrealloc(run->writes, run->room * sizeof *run->writes);
        run->places = xrealloc(run->places, run->room * sizeof *run->places);
    }
    run->writes[run->count++] = (struct write){.item = *item, .hash = hash};
}

/* --- orders --- */

static int compare_numbers(uint64_t a, uint64_t b)
{
    return a < b ? -1 : a > b;
}

static int by_number(const void *left, const void *right)
{
    const struct place *a = left, *b = right;
    return compare_numbers(a->number, b->number);
}

static int by_key(const void *left, const void *right, void *context)
{
    const struct place *a = left, *b = right;
    const struct write *writes = context;
    if (a->number != b->number)
        return a->number < b->number ? -1 : 1;
    const struct item *x = &writes[a->at].item, *y = &writes[b->at].item;
    int order = compare_numbers(x->module, y->module);
    if (!order)
        order = bytes_compare(x->key, y->key);
    return order ? order : compare_numbers(a->at, b->at);
}

/* How many bytes all keys begin with. */
static size_t common_prefix(const struct run *run)
{
    struct bytes first = run->writes[0].item.key;
    size_t common = first.size;
    for (size_t i = 1; i < run->count; i++) {
        struct bytes key = run->writes[i].item.key;
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
static bool comes_ordered(const struct run *run)
{
    size_t i = 1;
    while (i < run->count && by_key(&run->places[i - 1], &run->places[i], run->writes) < 0)
        i++;
    return i >= run->count;
}

static bool same_key(const struct run *run, const struct place *a, const struct place *b)
{
    const struct item *x = &run->writes[a->at].item, *y = &run->writes[b->at].item;
    return a->number == b->number && x->module == y->module && bytes_equal(x->key, y->key);
}

/* Orders them by their keys; of those with the same one only the last is left. */
static size_t order_by_keys(struct run *run)
{
    size_t common = common_prefix(run), count = 0;
    for (size_t i = 0; i < run->count; i++)
        run->places[i] = (struct place){lead_of(run->writes[i].item.key, common), i};
    if (!comes_ordered(run))
        qsort_r(run->places, run->count, sizeof *run->places, by_key, run->writes);
    for (size_t i = 0; i < run->count; i++) {
        if (i + 1 < run->count && same_key(run, &run->places[i], &run->places[i + 1]))
            run->writes[run->places[i].at].outdated = true;
        else
            run->places[count++] = run->places[i];
    }
    return count;
}

/* Those that replace a row, by where that is. */
static size_t order_by_rows_before(struct run *run)
{
    size_t count = 0;
    for (size_t i = 0; i < run->count; i++) {
        if (!run->writes[i].outdated && run->writes[i].before)
            run->places[count++] = (struct place){run->writes[i].before, i};
    }
    qsort(run->places, count, sizeof *run->places, by_number);
    return count;
}

static size_t order_by_usns(struct run *run)
{
    size_t count = 0;
    for (size_t i = 0; i < run->count; i++) {
        if (!run->writes[i].outdated)
            run->places[count++] = (struct place){run->writes[i].item.version.usn, i};
    }
    return count;
}

/* --- writing --- */

static struct writes ordered(const struct run *run, size_t count)
{
    return (struct writes){run->writes, run->places, count};
}

void count_out(struct digest *digest, size_t key_size, const struct found *found)
{
    struct item old = {.deleted = found->deleted,
                       .key = bytes_of(NULL, key_size),
                       .value = bytes_of(NULL, found->value_size)};
    digest_remove(digest, &old, found->hash);
}

static void count_taken(const struct write *w, const struct found *found, void *context)
{
    struct home_row *home = context;
    count_out(&home->state.modules[w->item.module].digest, w->item.key.size, found);
}

static enum failure write_rows(struct run *run, struct session *s, struct home_row *home,
                               struct error *e)
{
    struct writes writes = ordered(run, order_by_usns(run));
    for (size_t i = 0; i < writes.count; i++) {
        const struct write *w = write_at(&writes, i);
        digest_add(&home->state.modules[w->item.module].digest, &w->item, w->hash);
    }
    return s->engine->ops->insert(s, home->id, &writes, e);
}

enum failure run_write(struct run *run, struct session *s, struct home_row *home, struct error *e)
{
    if (run->count == 0)
        return OK;
    const struct engine_ops *ops = s->engine->ops;
    struct writes writes = ordered(run, order_by_keys(run));
    enum failure bad = ops->lead(s, home->id, &writes, e);
    writes = ordered(run, bad ? 0 : order_by_rows_before(run));
    if (writes.count)
        bad = ops->take(s, home->id, &writes, count_taken, home, e);
    if (!bad)
        bad = write_rows(run, s, home, e);
    run_clear(run);
    return bad;
}
