#include "pool/lend.h"

#include <stdio.h>
#include <stdlib.h>

#include "pool/offer.h"

struct lending {
    struct batch_writer *writer;
    enum module module;
    uint64_t usn;
    bool full;
};

static bool add_if_wanted(const struct item *item, struct item_hash hash, void *context)
{
    (void)hash;
    struct lending *l = context;
    if (item->version.usn == l->usn && item->module == l->module)
        l->full = !batch_add(l->writer, item);
    return false;
}

static enum failure read_head(struct view *view, const char *to, const struct items_wanted *wanted,
                              struct batch_head *head, struct error *e)
{
    OWNED(free_memory) struct hold *hold = xmalloc(sizeof *hold);
    struct home_state state;
    enum failure bad = offer_read_shared(view, wanted->home, to, hold, &state, e);
    if (bad)
        return bad;
    *head = (struct batch_head){
        .module = wanted->module, .term = hold->term, .head = state.head, .horizon = state.horizon};
    snprintf(head->home, sizeof head->home, "%s", wanted->home);
    return OK;
}

static enum failure read_items(struct store *store, const char *to,
                               const struct items_wanted *wanted, struct buffer *batch,
                               struct error *e)
{
    OWNED(view_close) struct view *view = NULL;
    OWNED(batch_writer_free) struct batch_writer *writer = batch_writer_new();
    struct lending l = {.writer = writer, .module = wanted->module};
    struct batch_head head;
    enum failure bad = store_view(store, &view, e);
    if (!bad)
        bad = read_head(view, to, wanted, &head, e);
    if (bad)
        return bad;
    batch_begin(writer, &head);
    for (size_t i = 0; !bad && !l.full && i < wanted->count; i++) {
        l.usn = wanted->usns[i];
        bad = view_changes(view, wanted->home, l.usn - 1, add_if_wanted, &l, e);
    }
    if (bad)
        return bad;
    struct bytes bytes = batch_finish(writer, head.head, false);
    buffer_raw(batch, bytes.at, bytes.size);
    return OK;
}

/* --- from the loop, and back to it --- */

struct lent {
    struct store *store;
    struct link_reply *reply;
    char to[FQDN_SIZE];
    struct items_wanted wanted;
    struct buffer batch;
    struct error error;
};

static void lend(void *context)
{
    struct lent *lent = context;
    read_items(lent->store, lent->to, &lent->wanted, &lent->batch, &lent->error);
}

static void on_lent(void *context)
{
    struct lent *lent = context;
    if (lent->error.kind)
        link_reply_error(lent->reply, &lent->error);
    else
        link_reply_items(lent->reply, buffer_view(&lent->batch));
    buffer_free(&lent->batch);
    free(lent);
}

void lend_wanted(struct front_end *fe, struct workers *workers, const struct machine *from,
                 const struct items_wanted *wanted, struct link_reply *reply)
{
    struct lent *lent = xcalloc(1, sizeof *lent);
    lent->store = front_end_store(fe);
    lent->reply = reply;
    lent->wanted = *wanted;
    snprintf(lent->to, sizeof lent->to, "%s", from->pool->fqdn);
    if (workers_run(workers, lend, on_lent, lent))
        return;
    struct error e;
    fail(&e, FAIL_BUSY, "%s has more to read than it can.", front_end_pool(fe));
    link_reply_error(reply, &e);
    free(lent);
}
