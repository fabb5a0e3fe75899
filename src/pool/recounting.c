#include "pool/recounting.h"

#include <stdlib.h>

struct recounting {
    struct front_end *fe;
    struct store *store;
    struct sync_offer offer;
    struct link_reply *reply;
    recounting_done *done;
    void *context;
    struct recount recount;
    struct error error;
};

bool recounting_is_due(const struct home_state *state, const struct sync_offer *offer)
{
    return !digest_equal(&state->modules[offer->module].digest, &offer->digest);
}

static bool count_in(const struct item *item, struct item_hash hash, void *context)
{
    digest_add(context, item, hash);
    return true;
}

enum failure recounting_add_up(struct store *store, const char *home, enum module module,
                               struct recount *recount, struct error *e)
{
    OWNED(view_close) struct view *view = NULL;
    struct home_state state;
    *recount = (struct recount){0};
    enum failure bad = store_view(store, &view, e);
    if (!bad)
        bad = view_home(view, home, &state, e);
    if (bad)
        return bad;
    recount->before = state.modules[module].digest;
    return view_keys_after(view, home, module, BYTES_NONE, BYTES_NONE, count_in, &recount->sum, e);
}

static void add_up(void *context)
{
    struct recounting *r = context;
    recounting_add_up(r->store, r->offer.home, r->offer.module, &r->recount, &r->error);
}

static void on_added_up(void *context)
{
    struct recounting *r = context;
    bool hosted = front_end_link(r->fe) && front_end_home(r->fe, r->offer.home);
    if (!hosted)
        fail(&r->error, FAIL_STOPPING, "No copy of the home %s is kept here any more.",
             r->offer.home);
    if (r->error.kind)
        link_reply_error(r->reply, &r->error);
    else
        r->done(&r->recount, &r->offer, r->reply, r->context);
    free(r);
}

void recounting_start(struct front_end *fe, struct workers *workers, const struct sync_offer *offer,
                      recounting_done *done, void *context, struct link_reply *reply)
{
    struct error e;
    struct recounting *r = xmalloc(sizeof *r);
    *r = (struct recounting){.fe = fe,
                             .store = front_end_store(fe),
                             .offer = *offer,
                             .reply = reply,
                             .done = done,
                             .context = context};
    if (workers_run(workers, add_up, on_added_up, r))
        return;
    free(r);
    fail(&e, FAIL_BUSY, "%s has more to import than it takes.", front_end_pool(fe));
    error_next(&e, "It is tried again by itself.");
    link_reply_error(reply, &e);
}
