#include "pool/uncopied.h"

enum {
    /* Items that are read to add their bytes up; this is on the loop. */
    UNCOPIED_READ_MAX = 1000,
};

struct uncopied {
    enum module module;
    uint64_t changes, bytes;
};

static bool add(const struct item *item, struct item_hash hash, void *context)
{
    (void)hash;
    struct uncopied *u = context;
    if (item->module == u->module)
        u->bytes += item->key.size + item->value.size;
    return ++u->changes < UNCOPIED_READ_MAX;
}

uint64_t uncopied_bytes(const struct exporting *x, struct view *view)
{
    struct uncopied u = {.module = exporting_module(x)};
    struct home_state state;
    struct export_status s;
    export_status(exporting_core(x), &s);
    if (s.head <= s.copied.usn || view_home(view, exporting_home(x), &state, NULL))
        return 0;
    const struct digest *all = &state.modules[u.module].digest;
    if (s.head - s.copied.usn > UNCOPIED_READ_MAX)
        return all->items ? (s.head - s.copied.usn) * (all->bytes / all->items) : 0;
    view_changes(view, exporting_home(x), s.copied.usn, add, &u, NULL);
    return u.bytes;
}
