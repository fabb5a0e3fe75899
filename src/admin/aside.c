#include "admin/aside.h"

#include "core/salvage.h"

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

void aside_show(json_t *object, struct view *view, const char *home)
{
    uint64_t conflicts = 0;
    struct error unused;
    for (int m = 0; m < MODULES && conflicts < ASIDE_CONFLICTS_COUNTED; m++) {
        if (module_belongs((enum module)m, home))
            view_keys(view, home, (enum module)m, bytes_of_text(SALVAGE_CONFLICTS), count,
                      &conflicts, &unused);
    }
    json_object_set_new(object, "Tail", json_integer((json_int_t)aside_tail(view, home)));
    json_object_set_new(object, "Conflicts", json_integer((json_int_t)conflicts));
}
