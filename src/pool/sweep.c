#include "pool/sweep.h"

#include <stdlib.h>

#include "base/log.h"
#include "pool/commit.h"

struct sweep {
    struct front_end *fe;
    sweep_done *done;
    void *context;
    uint64_t times;
};

static void go_on(struct sweep *sweep);

static void on_swept(const struct store_outcome *outcome, void *context)
{
    struct sweep *sweep = context;
    const struct error *e = outcome->error.kind ? &outcome->error : NULL;
    struct error stopping;
    if (!e && outcome->more && front_end_link(sweep->fe)) {
        sweep->times++;
        go_on(sweep);
        return;
    }
    if (!e && outcome->more) {
        fail(&stopping, FAIL_STOPPING, "This machine is stopping.");
        error_kept(&stopping, "What is left to be swept away is, after the next start.");
        e = &stopping;
    }
    if (sweep->times && !e)
        log_event(LOG_EVENT_NOTICE, "swept", "What dropped homes had left is gone from the store.");
    if (sweep->done)
        sweep->done(e, sweep->context);
    free(sweep);
}

static void go_on(struct sweep *sweep)
{
    struct txn *txn = txn_new(front_end_pool(sweep->fe));
    txn_sweep(txn, SWEEP_ITEMS);
    commit_on_loop(front_end_store(sweep->fe), front_end_loop(sweep->fe), txn, on_swept, sweep);
}

void sweep_begin(struct front_end *fe, sweep_done *done, void *context)
{
    struct sweep *sweep = xcalloc(1, sizeof *sweep);
    *sweep = (struct sweep){.fe = fe, .done = done, .context = context};
    go_on(sweep);
}

void sweep_resume(struct front_end *fe)
{
    OWNED(view_close) struct view *view = NULL;
    struct error e;
    bool any = false;
    if (!store_view(front_end_store(fe), &view, &e))
        view_unswept(view, &any, &e);
    if (any)
        sweep_begin(fe, NULL, NULL);
}
