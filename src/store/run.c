#include "store/run.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct run {
    struct write *writes; /* in the order in which they came: that of their usns */
    struct place *places;
    size_t count, room;
    struct sheaves *sheaves; /* of their keys */
    size_t tied;             /* so many are in them, or will be */
    struct sheaf *own;       /* the last of them, when they are written */
};

enum {
    /* What a large run took is given back; most hold a few items. */
    KEPT_ROOM = 1024,
    ROOM_AT_FIRST = 16,
};

struct run *run_new(void)
{
    struct run *run = xcalloc(1, sizeof *run);
    run->sheaves = sheaves_new();
    return run;
}

void run_clear(struct run *run)
{
    run->count = run->tied = 0;
    sheaves_clear(run->sheaves);
    sheaf_free(TAKE(run->own));
    if (run->room <= KEPT_ROOM)
        return;
    free(TAKE(run->writes));
    free(TAKE(run->places));
    run->room = 0;
}

void run_free(struct run *run)
{
    run_clear(run);
    sheaves_free(run->sheaves);
    free(run->writes);
    free(run->places);
    free(run);
}

static void grow(struct run *run, size_t room)
{
    run->room = room;
    run->writes = xrealloc(run->writes, room * sizeof *run->writes);
    run->places = xrealloc(run->places, room * sizeof *run->places);
}

void run_make_room(struct run *run, size_t count)
{
    if (run->room - run->count < count)
        grow(run, run->count + count);
}

void run_add(struct run *run, const struct item *item, struct item_hash hash)
{
    if (run->count == run->room)
        grow(run, run->room ? run->room * 2 : ROOM_AT_FIRST);
    run->writes[run->count++] = (struct write){.item = *item, .hash = hash};
}

void run_expect(struct run *run, const struct sheaf *sheaf, size_t count)
{
    assert(run->tied == run->count);
    sheaves_add(run->sheaves, sheaf, run->count);
    run->tied = run->count + count;
}

/* --- orders --- */

static void tie_rest(struct run *run)
{
    const struct write *rest = run->writes + run->tied;
    size_t count = run->count - run->tied;
    OWNED(free_memory) struct keyed *list = xcalloc(count, sizeof *list);
    for (size_t i = 0; i < count; i++)
        list[i] =
            (struct keyed){rest[i].item.module, rest[i].item.key, rest[i].item.version.usn, i};
    run->own = sheaf_tie(list, count);
    sheaves_add(run->sheaves, run->own, run->tied);
    run->tied = run->count;
}

static struct leads leads_of(struct run *run)
{
    assert(run->tied <= run->count);
    if (run->tied < run->count)
        tie_rest(run);
    return (struct leads){run->sheaves, run->writes, run->places, 0};
}

void leads_begin(struct leads *leads)
{
    sheaves_begin(leads->sheaves);
}

void leads_note(struct leads *leads, const struct keyed *key, uint64_t usn)
{
    leads->before[leads->count++] = (struct place){usn, key->at};
}

bool leads_next(struct leads *leads, struct keyed *next)
{
    bool any;
    while ((any = sheaves_next(leads->sheaves, next)) && sheaves_repeat(leads->sheaves, next))
        leads->all[next->at].outdated = true;
    return any;
}

static int by_number(const void *left, const void *right)
{
    const struct place *a = left, *b = right;
    return a->number < b->number ? -1 : a->number > b->number;
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
    struct leads leads = leads_of(run);
    enum failure bad = ops->lead(s, home->id, &leads, e);
    struct writes writes = ordered(run, leads.count);
    qsort(run->places, leads.count, sizeof *run->places, by_number);
    if (!bad && writes.count)
        bad = ops->take(s, home->id, &writes, count_taken, home, e);
    if (!bad)
        bad = write_rows(run, s, home, e);
    run_clear(run);
    return bad;
}

enum failure run_repair(struct run *run, struct session *s, int64_t home, const struct item *item,
                        struct item_hash hash, struct error *e)
{
    assert(run->count == 0);
    run_add(run, item, hash);
    const struct engine_ops *ops = s->engine->ops;
    struct leads leads = leads_of(run);
    enum failure bad = ops->lead(s, home, &leads, e);
    const struct writes writes = ordered(run, order_by_usns(run));
    if (!bad)
        bad = ops->insert(s, home, &writes, e);
    run_clear(run);
    return bad;
}
