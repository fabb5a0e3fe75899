#include "admin/show.h"

#include "base/nearest.h"

json_t *show_text(const char *text)
{
    return text && *text ? json_string(text) : json_null();
}

enum failure show_find_pool(const struct topology *topology, const char *name,
                            const struct pool **pool, struct error *e)
{
    const struct pool *found = topology_pool(topology, name);
    if (pool)
        *pool = found;
    if (found)
        return OK;
    const char *names[TOPOLOGY_POOLS_MAX];
    for (size_t i = 0; i < topology->pool_count; i++)
        names[i] = topology->pools[i].fqdn;
    const char *nearest = nearest_word(name, names, topology->pool_count);
    fail(e, FAIL_NOT_FOUND, "The topology has no pool %s.", name);
    error_kept(e, "Nothing was done.");
    return nearest ? error_next(e, "Was %s meant? Get-CsPool lists them.", nearest)
                   : error_next(e, "Get-CsPool lists the pools.");
}
