#include "pool/uncopied.h"

enum {
    /* Items that are read to add their bytes up; this is on the loop. */
    UNCOPIED_READ_MAX = 1000,
};

struct uncopied {
    enum module module;
    uint64_t read, bytes;
    uint64_t upto; /* the last that was read */
};

static bool add(const struct item *item, struct item_hash hash, void *context)
{
    (void)hash;
    struct uncopied *u = context;
    u->upto = item->version.usn;
    if (item->module == u->module)
        u->bytes += item->key.size + item->value.size;
    return ++u->read < UNCOPIED_READ_MAX;
}

uint64_t uncopied_bytes(const struct exporting *x, struct view *view)
{
    struct uncopied u = {.module = exporting_module(x)};
    struct export_status s;
    export_status(exporting_core(x), &s);
    uint64_t copied = s.copied.usn;
    if (s.head <= copied)
        return 0;
    view_changes(view, exporting_home(x), copied, add, &u, NULL);
    bool all = u.read < UNCOPIED_READ_MAX || u.upto >= s.head;
    return all ? u.bytes : u.bytes * (s.head - copied) / (u.upto - copied);
}
