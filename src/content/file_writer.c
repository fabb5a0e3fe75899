#include "content/file_writer.h"

#include <stdlib.h>

#include "base/clock.h"
#include "content/incoming.h"

struct file_writer {
    struct incoming *incoming;
    struct manifest_builder *builder;
    uint64_t size;
};

enum failure file_writer_new(const struct file_store *fs, struct file_writer **w, struct error *e)
{
    OWNED(incoming_free) struct incoming *in = NULL;
    enum failure bad = incoming_begin(fs, &in, e);
    *w = NULL;
    if (bad)
        return bad;
    *w = xmalloc(sizeof **w);
    **w = (struct file_writer){.incoming = TAKE(in), .builder = manifest_builder_new()};
    return OK;
}

void file_writer_free(struct file_writer *w)
{
    if (!w)
        return;
    incoming_free(w->incoming);
    manifest_builder_free(w->builder);
    free(w);
}

enum failure file_writer_add(struct file_writer *w, struct bytes more, struct error *e)
{
    enum failure bad = manifest_builder_add(w->builder, more, e);
    if (!bad)
        bad = incoming_write(w->incoming, more, e);
    w->size += bad ? 0 : more.size;
    return bad;
}

enum failure file_writer_sync(struct file_writer *w, struct error *e)
{
    return incoming_sync(w->incoming, e);
}

uint64_t file_writer_size(const struct file_writer *w)
{
    return w->size;
}

static int64_t time_after(int64_t newer_than_ns)
{
    int64_t now_ns = (int64_t)clock_wall_ms() * 1000000;
    return now_ns > newer_than_ns ? now_ns : newer_than_ns + 1;
}

enum failure file_writer_place(struct file_writer *w, const struct file_name *name,
                               int64_t newer_than_ns, struct manifest *manifest, struct error *e)
{
    struct file_stamp stamp;
    manifest_builder_end(w->builder, manifest);
    enum failure bad = incoming_seal(w->incoming, time_after(newer_than_ns), &stamp, e);
    if (!bad)
        bad = incoming_sync(w->incoming, e);
    if (!bad)
        bad = incoming_exchange(w->incoming, name, e);
    if (!bad)
        bad = incoming_settle(w->incoming, e);
    manifest->stamp = stamp;
    if (bad)
        manifest_free(manifest);
    return bad;
}

void file_writer_keep(struct file_writer *w)
{
    incoming_keep(w->incoming);
}
