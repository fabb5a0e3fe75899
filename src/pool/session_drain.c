#include "pool/session_drain.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pool/commit.h"
#include "pool/session_history.h"
#include "pool/storage_service.h"

/* A batch on its way. */
struct move {
    struct session_queue *queue;
    bool passes; /* to another pool's machine */
    char to[FQDN_SIZE];
    uint64_t term;
    struct session_record *records;
    size_t count;
    uint64_t last; /* which leave the queue afterwards */
    struct txn *txn;
    struct buffer message;
    struct error error;
};

struct session_drain {
    struct front_end *fe;
    struct store *store;
    struct workers *workers;
    char home[HOME_NAME_SIZE];
    session_drain_done *done;
    void *context;
    struct move move;
    bool busy, stopped;
};

const char *session_drain_home(const struct session_drain *drain)
{
    return drain->home;
}

bool session_drain_busy(const struct session_drain *drain)
{
    return drain->busy;
}

static void clear(struct move *move)
{
    free(move->records);
    txn_free(move->txn);
    buffer_free(&move->message);
    *move = (struct move){0};
}

static void end(struct session_drain *drain, const struct error *e)
{
    struct error error = e ? *e : (struct error){0};
    size_t count = drain->move.count;
    bool passed = drain->move.passes;
    clear(&drain->move);
    drain->busy = false;
    if (!drain->stopped)
        drain->done(drain, e ? 0 : count, passed, e ? &error : NULL, drain->context);
}

/* --- the last step: it is durable where it belongs --- */

static void leave_queue(void *context)
{
    struct session_drain *drain = context;
    struct move *move = &drain->move;
    session_queue_remove(move->queue, drain->home, move->last, &move->error);
}

static void on_left(void *context)
{
    struct session_drain *drain = context;
    end(drain, drain->move.error.kind ? &drain->move.error : NULL);
}

static void busy(struct error *e)
{
    fail(e, FAIL_BUSY, "The storage service has more to do than it can.");
}

static void on_kept(struct session_drain *drain, const struct error *e)
{
    struct error more;
    if (e || drain->stopped) {
        end(drain, e);
    } else if (!workers_run(drain->workers, leave_queue, on_left, drain)) {
        busy(&more);
        end(drain, &more);
    }
}

static void on_committed(const struct store_outcome *outcome, void *context)
{
    on_kept(context, outcome->error.kind ? &outcome->error : NULL);
}

static void on_passed(const char *to, const char *home, const struct error *e, void *context)
{
    (void)to, (void)home;
    on_kept(context, e);
}

/* --- the first: what goes --- */

static void pack(struct session_drain *drain)
{
    struct move *move = &drain->move;
    for (size_t i = 0; i < move->count; i++)
        session_record_encode(&move->records[i], &move->message);
}

static void prepare(void *context)
{
    struct session_drain *drain = context;
    struct move *move = &drain->move;
    move->records = session_queue_read(move->queue, drain->home, STORAGE_BATCH_MAX, &move->count,
                                       &move->last, &move->error);
    if (move->records && move->passes)
        pack(drain);
    else if (move->records)
        session_drain_prepare(drain->store, drain->home, move->term, move->records, move->count,
                              &move->txn, &move->error);
    else if (!move->error.kind)
        fail(&move->error, FAIL_IO, "The queue can't be read.");
}

/* The topology may be another one by now. */
static void send(struct session_drain *drain)
{
    struct move *move = &drain->move;
    struct error e;
    struct link *link = front_end_link(drain->fe);
    const struct machine *to = topology_machine(front_end_config(drain->fe)->topology, move->to);
    if (link && to) {
        link_records(link, to, drain->home, buffer_view(&move->message), on_passed, drain);
        return;
    }
    fail(&e, FAIL_UNREACHABLE, "%s is not in the topology any more.", move->to);
    end(drain, &e);
}

static void on_prepared(void *context)
{
    struct session_drain *drain = context;
    struct move *move = &drain->move;
    if (move->error.kind)
        end(drain, &move->error);
    else if (move->txn)
        commit_on_loop(drain->store, front_end_loop(drain->fe), TAKE(move->txn), on_committed,
                       drain);
    else if (!move->passes || !move->count)
        on_kept(drain, NULL);
    else
        send(drain);
}

static enum failure nobody_takes(const struct session_drain *drain, const struct pool *holder,
                                 struct error *e)
{
    if (holder)
        fail(e, FAIL_UNREACHABLE, "%s holds the home %s, and does not answer.", holder->fqdn,
             drain->home);
    else
        fail(e, FAIL_REFUSED, "Nobody is known to serve the home %s now.", drain->home);
    return error_next(e, "Get-CsPoolFailOverStatus shows where it is.");
}

static enum failure find_way(const struct session_drain *drain, const struct machine **to,
                             uint64_t *term, struct error *e)
{
    *to = NULL;
    enum failure bad = front_end_serves(drain->fe, drain->home, term, e);
    const struct pool *holder = front_end_holder(drain->fe, drain->home);
    if (!bad || (holder && strcmp(holder->fqdn, front_end_pool(drain->fe)) == 0))
        return bad;
    if (!holder || !front_end_reaches(drain->fe, holder->fqdn))
        return nobody_takes(drain, holder, e);
    *to = front_end_machine_of(drain->fe, holder->fqdn);
    return OK;
}

enum failure session_drain_way(const struct session_drain *drain, bool *passes, struct error *e)
{
    const struct machine *to;
    uint64_t term;
    enum failure bad = find_way(drain, &to, &term, e);
    *passes = to;
    return bad;
}

enum failure session_drain_begin(struct session_drain *drain, struct session_queue *queue,
                                 struct error *e)
{
    struct move *move = &drain->move;
    if (drain->busy)
        return OK;
    const struct machine *to;
    enum failure bad = find_way(drain, &to, &move->term, e);
    if (bad)
        return bad;
    move->passes = to;
    snprintf(move->to, sizeof move->to, "%s", to ? to->fqdn : "");
    move->queue = queue;
    drain->busy = true;
    if (workers_run(drain->workers, prepare, on_prepared, drain))
        return OK;
    clear(move);
    drain->busy = false;
    busy(e);
    return e->kind;
}

/* --- from outside --- */

struct session_drain *session_drain_new(struct front_end *fe, struct workers *workers,
                                        const char *home, session_drain_done *done, void *context)
{
    struct session_drain *drain = xcalloc(1, sizeof *drain);
    *drain = (struct session_drain){.fe = fe,
                                    .store = front_end_store(fe),
                                    .workers = workers,
                                    .done = done,
                                    .context = context};
    snprintf(drain->home, sizeof drain->home, "%s", home);
    return drain;
}

void session_drain_stop(struct session_drain *drain)
{
    drain->stopped = true;
}

void session_drain_free(struct session_drain *drain)
{
    clear(&drain->move);
    free(drain);
}

enum failure session_drain_prepare(struct store *store, const char *home, uint64_t term,
                                   struct session_record *records, size_t count, struct txn **txn,
                                   struct error *e)
{
    OWNED(view_close) struct view *view = NULL;
    OWNED(txn_free) struct txn *adds = txn_new(home);
    bool changes = false;
    txn_as_holder(adds, term);
    enum failure bad = store_view(store, &view, e);
    if (!bad)
        bad = session_history_add(view, home, adds, records, count, &changes, e);
    if (bad)
        return bad;
    *e = (struct error){0}; /* what was looked for in vain left its words */
    *txn = changes ? TAKE(adds) : NULL;
    return OK;
}

struct session_record *session_drain_unpack(struct bytes message, const char *home, size_t *count,
                                            struct error *e)
{
    OWNED(free_memory)
    struct session_record *records = xcalloc(STORAGE_BATCH_MAX, sizeof *records);
    struct cursor in = cursor_over(message);
    bool good = true;
    for (*count = 0; good && in.left && *count < STORAGE_BATCH_MAX; ++*count)
        good =
            session_record_decode(&in, &records[*count]) && strcmp(records[*count].home, home) == 0;
    if (good && cursor_done(&in))
        return TAKE(records);
    fail(e, FAIL_INVALID, "Session records between machines make no sense.");
    error_kept(e, "Nothing was changed.");
    return NULL;
}
