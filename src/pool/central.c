#include "pool/central.h"

#include <string.h>

static const char state_new[] = "new";
static const char state_created[] = "created";

static struct bytes home_key(const char *pool, struct buffer *key)
{
    buffer_clear(key);
    buffer_printf(key, CENTRAL_HOMES "%s", pool);
    return buffer_view(key);
}

enum failure central_publish(struct txn *txn, struct view *view, const struct topology *topology,
                             struct error *e)
{
    OWNED(buffer_free) struct buffer key = {0};
    txn_put(txn, MODULE_CMS_MASTER, bytes_of_text(CENTRAL_TOPOLOGY), bytes_of_text(topology->text));
    for (size_t i = 0; i < topology->pool_count; i++) {
        struct bytes k = home_key(topology->pools[i].fqdn, &key);
        struct item known;
        enum failure bad = FAIL_NOT_FOUND;
        if (view)
            bad = view_item(view, HOME_CENTRAL, MODULE_CMS_MASTER, k, &known, e);
        if (bad == FAIL_NOT_FOUND)
            txn_put(txn, MODULE_CMS_MASTER, k, bytes_of_text(state_new));
        else if (bad)
            return bad;
    }
    return OK;
}

void central_mark_created(struct txn *txn, const char *pool)
{
    OWNED(buffer_free) struct buffer key = {0};
    txn_put(txn, MODULE_CMS_MASTER, home_key(pool, &key), bytes_of_text(state_created));
}

struct uncreated {
    view_visit_name *visit;
    void *context;
};

static bool visit_uncreated(const struct item *item, struct item_hash hash, void *context)
{
    (void)hash;
    const struct uncreated *u = context;
    if (!bytes_equal(item->value, bytes_of_text(state_new)))
        return true;
    size_t prefix = strlen(CENTRAL_HOMES);
    OWNED(free_memory)
    char *pool =
        xasprintf("%.*s", (int)(item->key.size - prefix), (const char *)item->key.at + prefix);
    return u->visit(pool, u->context);
}

enum failure central_uncreated(struct view *view, view_visit_name *visit, void *context,
                               struct error *e)
{
    struct uncreated u = {visit, context};
    return view_keys(view, HOME_CENTRAL, MODULE_CMS_MASTER, bytes_of_text(CENTRAL_HOMES),
                     visit_uncreated, &u, e);
}
