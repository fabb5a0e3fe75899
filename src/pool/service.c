#include "pool/service.h"

#include <stdlib.h>

#include "base/log.h"
#include "pool/commit.h"

static const char record[] = "pool/stopped";

enum failure service_stopped(struct store *store, bool *stopped, struct error *e)
{
    OWNED(view_close) struct view *view = NULL;
    OWNED(buffer_free) struct buffer value = {0};
    enum failure bad = store_view(store, &view, e);
    if (!bad)
        bad = view_record(view, record, &value, e);
    *stopped = bad == OK;
    return bad == FAIL_NOT_FOUND ? OK : bad;
}

struct setting {
    struct front_end *fe;
    bool stopped;
    hosted_home_done *done;
    void *context;
};

static void on_stored(const struct store_outcome *outcome, void *context)
{
    struct setting *s = context;
    const struct error *e = outcome->error.kind ? &outcome->error : NULL;
    struct hosted_home *homes[HOSTED_HOMES_MAX];
    size_t count = e ? 0 : front_end_homes(s->fe, homes);
    for (size_t i = 0; i < count; i++)
        hosted_home_stop(homes[i], s->stopped);
    if (!e)
        log_event(LOG_EVENT_NOTICE, s->stopped ? "pool-stopped" : "pool-started",
                  s->stopped ? "An administrator stopped %s: it serves nothing any more."
                             : "An administrator started %s again.",
                  front_end_pool(s->fe));
    s->done(e, s->context);
    free(s);
}

void service_set(struct front_end *fe, bool stopped, hosted_home_done *done, void *context)
{
    struct setting *s = xcalloc(1, sizeof *s);
    *s = (struct setting){fe, stopped, done, context};
    struct txn *txn = txn_new(front_end_pool(fe));
    txn_record(txn, record, stopped ? bytes_of_text("yes") : BYTES_NONE);
    commit_on_loop(front_end_store(fe), front_end_loop(fe), txn, on_stored, s);
}
