#include "pool/content_gate.h"

#include <stdlib.h>

struct content_gate {
    struct file_removal **list;
    size_t count;
};

static enum failure take_away(const struct content *content, struct content_gate *gate,
                              const char *home, struct bytes key, struct error *e)
{
    struct file_name name;
    if (file_name_of_key(home, key, &name, NULL))
        return OK; /* no file can belong to it */
    enum failure bad =
        file_removal_begin(content_files(content), &name, &gate->list[gate->count], e);
    gate->count += !bad;
    return bad;
}

static enum failure take_all_away(const struct content *content, struct content_gate *gate,
                                  struct batch *batch, const struct batch_head *head,
                                  struct error *e)
{
    struct item item;
    enum failure bad = OK;
    gate->list = xcalloc(batch_count(batch) + 1, sizeof(struct file_removal *));
    while (!bad && batch_next(batch, &item) && item.version.usn <= head->upto) {
        if (item.deleted)
            bad = take_away(content, gate, head->home, item.key, e);
    }
    return bad;
}

struct content_gate *content_gate_open(const struct content *content, struct bytes batch,
                                       const struct batch_head *head, struct error *e)
{
    OWNED(batch_close) struct batch *opened = NULL;
    struct content_gate *gate = xcalloc(1, sizeof *gate);
    if (head->module != MODULE_DATA_CONF || !content_files(content))
        return gate;
    if (!batch_open(batch, &opened, e) && !take_all_away(content, gate, opened, head, e))
        return gate;
    content_gate_close(gate, false);
    return NULL;
}

void content_gate_close(struct content_gate *gate, bool durable)
{
    for (size_t i = 0; i < gate->count; i++)
        file_removal_end(gate->list[i], durable);
    free(gate->list);
    free(gate);
}
