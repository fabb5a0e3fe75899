#include "pool/content_gate.h"

#include <stdlib.h>

#include "content/manifest.h"

struct content_gate {
    struct file_removal **list;
    size_t count;
};

/* What lies there may be another version than the one that is deleted: what this pool accepted
 * alone (protocol, rule 14), or somebody's. It goes aside. */
static enum failure set_others_aside(const struct file_store *files, struct view *view,
                                     const struct file_name *name, struct bytes key,
                                     struct error *e)
{
    enum file_found found;
    struct file_stamp there, kept;
    struct item item;
    struct error why = {0};
    enum failure bad = file_store_look(files, name, &found, &there, &why);
    if (bad == FAIL_NOT_FOUND || bad == FAIL_FOREIGN || (!bad && found != FOUND_FILE))
        return OK;
    if (!bad)
        bad = view_item(view, name->home, MODULE_DATA_CONF, key, &item, &why);
    if (bad && bad != FAIL_NOT_FOUND) {
        *e = why;
        return bad;
    }
    bool ours = !bad && !item.deleted && !manifest_stamp(item.value, &kept, NULL) &&
                file_stamp_equal(there, kept);
    return ours ? OK : file_store_set_aside(files, name, "another version of it was deleted", e);
}

static enum failure take_away(const struct content *content, struct view *view,
                              struct content_gate *gate, const char *home, struct bytes key,
                              struct error *e)
{
    struct file_name name;
    if (file_name_of_key(home, key, &name, NULL))
        return OK; /* no file can belong to it */
    enum failure bad = set_others_aside(content_files(content), view, &name, key, e);
    if (bad)
        return bad;
    bad = file_removal_begin(content_files(content), &name, &gate->list[gate->count], e);
    gate->count += !bad;
    return bad;
}

static enum failure take_all_away(const struct content *content, struct store *store,
                                  struct content_gate *gate, struct batch *batch,
                                  const struct batch_head *head, struct error *e)
{
    OWNED(view_close) struct view *view = NULL;
    struct item item;
    enum failure bad = store_view(store, &view, e);
    gate->list = xcalloc(batch_count(batch) + 1, sizeof(struct file_removal *));
    while (!bad && batch_next(batch, &item) && item.version.usn <= head->upto) {
        if (item.deleted)
            bad = take_away(content, view, gate, head->home, item.key, e);
    }
    return bad;
}

struct content_gate *content_gate_open(const struct content *content, struct store *store,
                                       struct bytes batch, const struct batch_head *head,
                                       struct error *e)
{
    OWNED(batch_close) struct batch *opened = NULL;
    struct content_gate *gate = xcalloc(1, sizeof *gate);
    if (head->module != MODULE_DATA_CONF || !content_files(content))
        return gate;
    if (!batch_open(batch, &opened, e) && !take_all_away(content, store, gate, opened, head, e))
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
