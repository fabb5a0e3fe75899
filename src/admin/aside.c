#include "admin/aside.h"

#include <inttypes.h>

#include "base/clock.h"
#include "base/count.h"
#include "store/last_tail.h"

uint64_t aside_tail(struct view *view, const char *home)
{
    OWNED(free_memory) struct tails *tails = xmalloc(sizeof *tails);
    struct error unused;
    uint64_t items = 0;
    if (view_tails(view, home, tails, &unused))
        return 0;
    for (size_t i = 0; i < tails->count; i++)
        items += tails->list[i].items;
    return items;
}

static bool count(const struct item *item, struct item_hash hash, void *context)
{
    (void)hash;
    uint64_t *conflicts = context;
    *conflicts += salvage_is_conflict(item->key);
    return *conflicts < ASIDE_CONFLICTS_COUNTED;
}

static uint64_t conflicts_in(struct view *view, const char *home)
{
    uint64_t conflicts = 0;
    struct error unused;
    for (int m = 0; m < MODULES && conflicts < ASIDE_CONFLICTS_COUNTED; m++) {
        if (module_belongs((enum module)m, home))
            view_keys(view, home, (enum module)m, bytes_of_text(SALVAGE_CONFLICTS), count,
                      &conflicts, &unused);
    }
    return conflicts;
}

void aside_show(json_t *object, struct view *view, const char *home)
{
    json_object_set_new(object, "Tail", json_integer((json_int_t)aside_tail(view, home)));
    json_object_set_new(object, "Conflicts", json_integer((json_int_t)conflicts_in(view, home)));
}

/* --- the last one that was salvaged --- */

/* NULL: there was none. Owned by the caller. */
static struct last_tail *read_last(struct view *view, const char *home)
{
    OWNED(free_memory) struct last_tail *last = xmalloc(sizeof *last);
    struct error unused;
    return last_tail_read(view, home, last, &unused) ? NULL : TAKE(last);
}

/* Which it was: the pool that had accepted it is told by its term. */
static char *what_of(const struct last_tail *last, const struct hold *hold)
{
    const struct tail *tail = &last->tail;
    struct term term = tail_term_of(tail, tail->head);
    uint64_t first = tail->base.usn + 1;
    bool one = first == tail->head;
    OWNED(free_memory)
    char *changes = one ? xasprintf("change %" PRIu64, first)
                        : xasprintf("changes %" PRIu64 " to %" PRIu64, first, tail->head);
    if (term.number == TAIL_TERM_UNKNOWN)
        return TAKE(changes);
    return xasprintf("%s, %sin term %llu at %s", changes, one ? "" : "the last of them ",
                     (unsigned long long)term.number, hold->pools[term_side(term)]);
}

/* `kept`: a conflict is there still, of this one or another. */
static char *result_of(const struct last_tail *last, const char *home, bool kept)
{
    const struct salvage_mark *sum = &last->sum;
    OWNED(free_memory)
    char *look = kept ? xasprintf(": Get-CsBackupServiceConflict -PoolFqdn %s", home)
                      : xstrdup("; none is left.");
    return xasprintf("Of what the holder did not know, %s %s carried over, %llu %s the same, and "
                     "%llu %s%s",
                     COUNTED(sum->carried, "change"), count_word(sum->carried, "was", "were"),
                     (unsigned long long)sum->same, count_word(sum->same, "was", "were"),
                     (unsigned long long)sum->conflicts,
                     count_word(sum->conflicts, "was kept as a conflict", "were kept as conflicts"),
                     sum->conflicts ? look : ".");
}

void aside_show_last(json_t *object, struct view *view, const struct hold *hold)
{
    OWNED(free_memory) struct last_tail *last = read_last(view, hold->home);
    if (!last)
        return;
    OWNED(free_memory) char *what = what_of(last, hold);
    bool kept = conflicts_in(view, hold->home) > 0;
    OWNED(free_memory) char *result = result_of(last, hold->home, kept);
    char when[CLOCK_TEXT_MAX];
    json_object_set_new(object, "LastRejoin", json_string(what));
    json_object_set_new(object, "LastRejoinEnded",
                        json_string(clock_wall_text(last->salvaged_ms, when)));
    json_object_set_new(object, "LastRejoinResult", json_string(result));
}
