#include "store/run.h"

#include <stdlib.h>
#include <string.h>

struct write {
    struct item item;
    size_t number; /* in the order in which they came */
    uint64_t lead; /* the first bytes behind those that all keys begin with: most differ in them */
    uint64_t before; /* the row that this one replaces; 0: none */
    bool outdated;   /* by another one behind it, with the same key */
};

struct run {
    struct write *writes;
    size_t count, room;
    struct write **order; /* the same, in whichever order is needed */
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
    free(run->order);
    *run = (struct run){0};
}

void run_free(struct run *run)
{
    free(run->writes);
    free(run->order);
    free(run);
}

void run_add(struct run *run, const struct item *item)
{
    if (run->count == run->room) {
        run->room = run->room ? run->room * 2 : 16;
        run->writes = xrealloc(run->writes, run->room * sizeof *run->writes);
        run->order = xrealloc(run->order, run->room * sizeof(struct write *));
    }
    run->writes[run->count] = (struct write){.item = *item, .number = run->count};
    run->count++;
}

/* --- orders --- */

static int compare_u64(uint64_t a, uint64_t b)
{
    return a < b ? -1 : a > b;
}

static int by_key(const void *left, const void *right)
{
    const struct write *a = *(struct write *const *)left, *b = *(struct write *const *)right;
    int order = compare_u64(a->item.module, b->item.module);
    if (!order)
        order = compare_u64(a->lead, b->lead);
    if (!order)
        order = bytes_compare(a->item.key, b->item.key);
    return order ? order : compare_u64(a->number, b->number);
}

static int by_usn(const void *left, const void *right)
{
    const struct write *a = *(struct write *const *)left, *b = *(struct write *const *)right;
    return compare_u64(a->item.version.usn, b->item.version.usn);
}

static int by_row_before(const void *left, const void *right)
{
    const struct write *a = *(struct write *const *)left, *b = *(struct write *const *)right;
    return compare_u64(a->before, b->before);
}

static void sort(struct run *run, int compare(const void *, const void *))
{
    qsort(run->order, run->count, sizeof *run->order, compare);
}

static size_t common_prefix(const struct run *run)
{
    struct bytes first = run->writes[0].item.key;
    size_t common = first.size;
    for (size_t i = 1; i < run->count; i++) {
        struct bytes key = run->writes[i].item.key;
        size_t same = 0;
        while (same < common && same < key.size && key.at[same] == first.at[same])
            same++;
        common = same;
    }
    return common;
}

/* As a number, so that most comparisons need not look into the keys, which lie far apart. */
static void note_leads(struct run *run)
{
    size_t common = common_prefix(run);
    for (size_t i = 0; i < run->count; i++) {
        struct bytes key = run->writes[i].item.key;
        uint64_t lead = 0;
        for (size_t n = 0; n < sizeof lead; n++)
            lead = lead << 8 | (common + n < key.size ? key.at[common + n] : 0);
        run->writes[i].lead = lead;
    }
}

/* --- writing --- */

void count_out(struct digest *digest, size_t key_size, const struct found *found)
{
    struct item old = {.deleted = found->deleted,
                       .key = bytes_of(NULL, key_size),
                       .value = bytes_of(NULL, found->value_size)};
    digest_remove(digest, &old, found->hash);
}

static enum failure write_keys(struct run *run, struct session *s, int64_t home, struct error *e)
{
    enum failure bad = OK;
    for (size_t i = 0; !bad && i < run->count; i++) {
        struct write *w = run->order[i];
        const struct write *next = i + 1 < run->count ? run->order[i + 1] : NULL;
        const struct item *item = &w->item;
        w->outdated =
            next && next->item.module == item->module && bytes_equal(next->item.key, item->key);
        if (!w->outdated)
            bad = s->engine->ops->lead(s, home, item->module, item->key, item->version.usn,
                                       &w->before, e);
    }
    return bad;
}

static enum failure take_rows(struct run *run, struct session *s, struct home_row *home,
                              struct error *e)
{
    enum failure bad = OK;
    for (size_t i = 0; !bad && i < run->count; i++) {
        const struct write *w = run->order[i];
        const struct item *item = &w->item;
        struct found found;
        if (!w->before)
            continue;
        bad = s->engine->ops->take(s, home->id, item->module, item->key, w->before, &found, e);
        if (!bad)
            count_out(&home->state.modules[item->module].digest, item->key.size, &found);
    }
    return bad;
}

static enum failure write_rows(struct run *run, struct session *s, struct home_row *home,
                               struct error *e)
{
    enum failure bad = OK;
    for (size_t i = 0; !bad && i < run->count; i++) {
        const struct item *item = &run->order[i]->item;
        if (run->order[i]->outdated)
            continue;
        struct item_hash hash = item_hash(item);
        bad = s->engine->ops->insert(s, home->id, item, hash, e);
        if (!bad)
            digest_add(&home->state.modules[item->module].digest, item, hash);
    }
    return bad;
}

enum failure run_write(struct run *run, struct session *s, struct home_row *home, struct error *e)
{
    if (run->count == 0)
        return OK;
    for (size_t i = 0; i < run->count; i++)
        run->order[i] = &run->writes[i];
    note_leads(run);
    sort(run, by_key);
    enum failure bad = write_keys(run, s, home->id, e);
    sort(run, by_row_before);
    if (!bad)
        bad = take_rows(run, s, home, e);
    sort(run, by_usn);
    if (!bad)
        bad = write_rows(run, s, home, e);
    run_clear(run);
    return bad;
}
