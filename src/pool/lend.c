#include "pool/lend.h"

#include <stdio.h>
#include <stdlib.h>

#include "pool/offer.h"

struct lending {
    struct batch_writer *writer;
    enum module module;
    uint64_t usn; /* which one is wanted; of all, up to where they are */
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

/* Up to where the copy here is what the holder was at one moment; 0: it is not. */
static uint64_t whole_upto(const struct hold *hold, const struct copy_state *copy)
{
    bool whole = copy_head(copy) == copy->head;
    return whole ? copy_upto(hold, copy->cookie) : 0;
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
    if (wanted->count)
        return OK;
    const struct copy_state copy = offer_copy(hold, &state, wanted->module);
    head->after = wanted->after;
    head->head = whole_upto(hold, &copy);
    head->horizon = copy_horizon(&copy, state.horizon);
    return head->after < head->head
               ? OK
               : fail(e, FAIL_NOT_FOUND, "Nothing stands behind change %llu here.",
                      (unsigned long long)wanted->after);
}

static bool add_next(const struct item *item, struct item_hash hash, void *context)
{
    (void)hash;
    struct lending *l = context;
    l->full = item->module == l->module && !batch_add(l->writer, item);
    if (!l->full)
        l->usn = item->version.usn;
    return !l->full;
}

/* As much of it as a batch holds. */
static enum failure read_behind(struct view *view, struct lending *l, const struct batch_head *head,
                                struct bytes *bytes, struct error *e)
{
    l->usn = head->after;
    enum failure bad = view_changes(view, head->home, head->after, add_next, l, e);
    if (!bad)
        *bytes = batch_finish(l->writer, l->full ? l->usn : head->head, l->full);
    return bad;
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
    struct bytes bytes = {0};
    if (!wanted->count)
        bad = read_behind(view, &l, &head, &bytes, e);
    for (size_t i = 0; !bad && !l.full && i < wanted->count; i++) {
        l.usn = wanted->usns[i];
        bad = view_changes(view, wanted->home, l.usn - 1, add_if_wanted, &l, e);
    }
    if (bad)
        return bad;
    if (wanted->count)
        bytes = batch_finish(writer, head.head, false);
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

/* --- how far it is --- */

/* A holder tells it every machine, which all hear of its terms: a copy that it does not know of any
 * more may have what it lost. */
static enum failure read_told(struct view *view, const char *to, const char *home,
                              struct hold *hold, struct home_state *state, struct error *e)
{
    enum failure bad = view_hold(view, home, hold, e);
    if (bad)
        return bad;
    return mode_rights(hold->mode)->holder ? view_home(view, home, state, e)
                                           : offer_read_shared(view, home, to, hold, state, e);
}

static enum failure read_standing(struct store *store, const char *to, const char *home,
                                  struct sync_offer *offer, struct error *e)
{
    OWNED(view_close) struct view *view = NULL;
    OWNED(free_memory) struct hold *hold = xmalloc(sizeof *hold);
    struct home_state state;
    enum failure bad = store_view(store, &view, e);
    if (!bad)
        bad = read_told(view, to, home, hold, &state, e);
    if (bad)
        return bad;
    int m = 0;
    while (!module_belongs((enum module)m, home))
        m++;
    const struct copy_state copy = offer_copy(hold, &state, (enum module)m);
    *offer = (struct sync_offer){.module = (enum module)m,
                                 .term = hold->term,
                                 .head = mode_rights(hold->mode)->holder ? copy.head
                                                                         : whole_upto(hold, &copy),
                                 .horizon = copy_horizon(&copy, state.horizon),
                                 .whole = copy_head(&copy) == copy.head,
                                 .digest = copy.digest,
                                 .lineage = hold->lineage};
    snprintf(offer->home, sizeof offer->home, "%s", home);
    return OK;
}

void lend_standing(const struct machine *from, const char *home, struct link_reply *reply,
                   void *context)
{
    const struct front_end *fe = context;
    OWNED(free_memory) struct sync_offer *offer = xmalloc(sizeof *offer);
    struct error e;
    if (read_standing(front_end_store(fe), from->pool->fqdn, home, offer, &e))
        link_reply_error(reply, &e);
    else
        link_reply_offer(reply, offer);
}
