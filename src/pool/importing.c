#include "pool/importing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "core/batch.h"
#include "pool/backup_service.h"

struct import_row {
    char home[HOME_NAME_SIZE];
    struct import_status modules[MODULES];
};

struct importing {
    struct front_end *fe;
    struct workers *workers;
    struct import_row rows[HOSTED_HOMES_MAX];
    size_t row_count;
};

static struct import_status *status_of(struct importing *importing, const char *home,
                                       enum module module)
{
    for (size_t i = 0; i < importing->row_count; i++) {
        if (strcmp(importing->rows[i].home, home) == 0)
            return &importing->rows[i].modules[module];
    }
    if (importing->row_count == HOSTED_HOMES_MAX)
        return NULL;
    struct import_row *row = &importing->rows[importing->row_count++];
    snprintf(row->home, sizeof row->home, "%s", home);
    return &row->modules[module];
}

const struct import_status *importing_status(const struct importing *importing, const char *home,
                                             enum module module)
{
    static const struct import_status never;
    for (size_t i = 0; i < importing->row_count; i++) {
        if (strcmp(importing->rows[i].home, home) == 0)
            return &importing->rows[i].modules[module];
    }
    return &never;
}

static void note_works(struct import_status *status, const char *home, enum module module)
{
    if (status->trouble.kind)
        log_event(LOG_EVENT_NOTICE, "import-works", "%s of the home %s is imported again.",
                  module_name(module), home);
    status->trouble = (struct error){0};
}

/* Once for each kind of trouble, and once when it is over. */
static void note(struct importing *importing, const char *home, enum module module,
                 const struct error *e)
{
    struct import_status *status = status_of(importing, home, module);
    if (!status)
        return;
    if (e && strcmp(status->trouble.what, e->what) != 0)
        log_error(LOG_EVENT_WARNING, "import-failed", e,
                  "What was sent of %s of the home %s could not be kept.", module_name(module),
                  home);
    if (e) {
        status->trouble = *e;
        return;
    }
    note_works(status, home, module);
    status->imported_ms = clock_ms();
}

/* The copy has everything that there was. */
static void note_complete(struct importing *importing, const char *home, enum module module)
{
    struct import_status *status = status_of(importing, home, module);
    if (!status)
        return;
    status->complete_ms = clock_ms();
    note_works(status, home, module); /* whatever went wrong is over, without another batch */
}

/* Only the other pool of the pair may write to the copy here. */
static struct hosted_home *home_for(const struct importing *importing, const struct machine *from,
                                    const char *name, struct error *e)
{
    struct hosted_home *home = front_end_home(importing->fe, name);
    if (home && strcmp(home_partner(hosted_home_core(home)), from->pool->fqdn) == 0)
        return home;
    fail(e, FAIL_REFUSED, "%s keeps no copy of the home %s for %s.", front_end_pool(importing->fe),
         name, from->pool->fqdn);
    error_next(e, "Use the same topology file on both.");
    return NULL;
}

/* --- offers --- */

struct offered {
    struct link_reply *reply;
    struct copy_answer answer;
};

static void on_followed(const struct error *e, void *context)
{
    struct offered *offered = context;
    if (e && (e->kind == FAIL_BUSY || e->kind == FAIL_REFUSED))
        offered->answer.verdict = COPY_EARLY; /* again shortly */
    if (!e || e->kind == FAIL_BUSY || e->kind == FAIL_REFUSED)
        link_reply_position(offered->reply, &offered->answer);
    else
        link_reply_error(offered->reply, e);
    free(offered);
}

static bool same_lineage(const struct lineage *a, const struct lineage *b)
{
    OWNED(buffer_free) struct buffer x = {0};
    OWNED(buffer_free) struct buffer y = {0};
    lineage_encode(a, &x);
    lineage_encode(b, &y);
    return bytes_equal(buffer_view(&x), buffer_view(&y));
}

static enum failure read_state(const struct importing *importing, const char *home,
                               struct home_state *state, struct error *e)
{
    OWNED(view_close) struct view *view = NULL;
    *state = (struct home_state){0};
    enum failure bad = store_view(front_end_store(importing->fe), &view, e);
    if (!bad)
        bad = view_home(view, home, state, e);
    return bad == FAIL_NOT_FOUND ? OK : bad;
}

void importing_offered(struct importing *importing, const struct machine *from,
                       const struct sync_offer *offer, struct link_reply *reply)
{
    struct error e = {0};
    struct home_state state;
    struct hosted_home *home = home_for(importing, from, offer->home, &e);
    if (!home || read_state(importing, offer->home, &state, &e)) {
        link_reply_error(reply, &e);
        return;
    }
    const struct hold *hold = home_hold(hosted_home_core(home));
    const struct copy_state copy = {
        .hold = hold, .head = state.head, .cookie = state.modules[offer->module].cookie};
    const struct copy_offer asked = {.term = offer->term,
                                     .lineage = &offer->lineage,
                                     .head = offer->head,
                                     .horizon = offer->horizon};
    struct copy_answer answer = copy_judge(&copy, &asked);
    if (answer.verdict == COPY_GO_ON && answer.at.usn == offer->head)
        note_complete(importing, offer->home, offer->module);
    if (answer.verdict != COPY_GO_ON || same_lineage(&hold->lineage, &offer->lineage)) {
        link_reply_position(reply, &answer);
        return;
    }
    struct offered *offered = xmalloc(sizeof *offered);
    *offered = (struct offered){reply, answer};
    hosted_home_follow(home, &offer->lineage, on_followed, offered);
}

/* --- batches --- */

struct sent {
    struct importing *importing;
    struct store *store;
    struct link_reply *reply;
    struct bytes bytes; /* lent until the reply is given */
    char from[FQDN_SIZE];
    char home[HOME_NAME_SIZE]; /* once it is known */
    enum module module;
    struct copy_answer answer;
    bool complete; /* the copy has everything now that there was when the batch was packed */
    struct error error;
};

/* May this batch be applied, and on top of what? */
static enum failure check_batch(struct sent *sent, const struct batch_head *head, struct hold *hold,
                                struct version *cookie, struct error *e)
{
    OWNED(view_close) struct view *view = NULL;
    struct home_state state;
    enum side side;
    enum failure bad = store_view(sent->store, &view, e);
    if (!bad)
        bad = view_hold(view, head->home, hold, e);
    if (!bad && !hold_side(hold, sent->from, &side))
        bad = fail(e, FAIL_REFUSED, "The home %s is nothing of %s's.", head->home, sent->from);
    if (!bad)
        bad = view_home(view, head->home, &state, e);
    if (!bad)
        *cookie = state.modules[head->module].cookie;
    return bad;
}

static struct txn *txn_of(struct batch *batch, const struct hold *hold, struct version cookie)
{
    const struct batch_head *head = batch_head(batch);
    struct txn *txn = txn_new(head->home);
    struct item item;
    txn_as_copy(txn, head->term.number);
    while (batch_next(batch, &item))
        txn_apply(txn, &item);
    txn_cookie(
        txn, head->module, cookie,
        (struct version){.term = lineage_term_of(&hold->lineage, head->upto), .usn = head->upto});
    return txn;
}

static enum failure apply(struct sent *sent, struct error *e)
{
    OWNED(batch_close) struct batch *batch = NULL;
    OWNED(free_memory) struct hold *hold = xmalloc(sizeof *hold);
    struct version cookie;
    enum failure bad = batch_open(sent->bytes, &batch, e);
    if (bad)
        return bad;
    const struct batch_head *head = batch_head(batch);
    snprintf(sent->home, sizeof sent->home, "%s", head->home);
    sent->module = head->module;
    bad = check_batch(sent, head, hold, &cookie, e);
    if (bad)
        return bad;
    sent->answer = (struct copy_answer){.verdict = COPY_EARLY, .at = cookie, .term = hold->term};
    if (!term_equal(hold->term, head->term) || head->after != cookie.usn)
        return OK; /* another term, a batch of before, or a gap: it is to ask again */
    struct store_outcome outcome;
    if (head->upto > head->after &&
        store_commit_wait(sent->store, txn_of(batch, hold, cookie), &outcome)) {
        *e = outcome.error;
        return e->kind;
    }
    sent->complete = head->upto == head->head;
    sent->answer.verdict = COPY_GO_ON;
    sent->answer.at =
        (struct version){.term = lineage_term_of(&hold->lineage, head->upto), .usn = head->upto};
    return OK;
}

static void work(void *context)
{
    struct sent *sent = context;
    apply(sent, &sent->error);
}

static void on_worked(void *context)
{
    struct sent *sent = context;
    bool failed = sent->error.kind != OK;
    if (!failed && strcmp(sent->home, HOME_CENTRAL) == 0)
        backup_service_configure(front_end_backup_service(sent->importing->fe));
    if (sent->home[0])
        note(sent->importing, sent->home, sent->module, failed ? &sent->error : NULL);
    if (!failed && sent->complete)
        note_complete(sent->importing, sent->home, sent->module);
    if (failed)
        link_reply_error(sent->reply, &sent->error);
    else
        link_reply_position(sent->reply, &sent->answer);
    free(sent);
}

void importing_sent(struct importing *importing, const struct machine *from, struct bytes batch,
                    struct link_reply *reply)
{
    struct sent *sent = xcalloc(1, sizeof *sent);
    *sent = (struct sent){.importing = importing,
                          .store = front_end_store(importing->fe),
                          .reply = reply,
                          .bytes = batch};
    snprintf(sent->from, sizeof sent->from, "%s", from->pool->fqdn);
    if (workers_run(importing->workers, work, on_worked, sent))
        return;
    struct error e;
    fail(&e, FAIL_BUSY, "%s has more to import than it takes.", front_end_pool(importing->fe));
    link_reply_error(reply, &e);
    free(sent);
}

struct importing *importing_new(struct front_end *fe, struct workers *workers)
{
    struct importing *importing = xcalloc(1, sizeof *importing);
    importing->fe = fe;
    importing->workers = workers;
    return importing;
}

void importing_free(struct importing *importing)
{
    free(importing);
}
