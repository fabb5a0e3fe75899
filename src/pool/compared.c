#include "pool/compared.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pool/backup_service.h"
#include "pool/offer.h"
#include "pool/taking.h"

void compared_begin(struct txn *txn, const struct sync_offer *offer, const struct home_state *state)
{
    txn_as_copy(txn, offer->term.number);
    txn_compare(txn, offer->module, state->modules[offer->module].comparing, offer->comparison,
                offer->head);
}

void compared_end(struct txn *txn, const struct sync_offer *offer, const struct home_state *state,
                  struct version at, const struct recount *known)
{
    enum module module = offer->module;
    txn_as_copy(txn, offer->term.number);
    txn_compare(txn, module, offer->comparison, 0, 0);
    if (!digest_equal(&state->modules[module].digest, &offer->digest))
        txn_recount(txn, module, known); /* something changed meanwhile; or it was wrong before */
    txn_cookie(txn, module, state->modules[module].cookie, at);
    /* The exporter is not whole itself; or some came already of what is changed since. */
    uint64_t goal = state->modules[module].compare_goal;
    uint64_t whole_at = offer->whole ? offer->head : offer->head + 1;
    whole_at = goal > whole_at ? goal : whole_at;
    if (whole_at > at.usn)
        txn_whole_at(
            txn, module,
            (struct version){.term = lineage_term_of(&offer->lineage, whole_at), .usn = whole_at});
    /* What was deleted has gone without tombstones (protocol, rule 17). */
    txn_horizon(txn, at.usn < offer->head ? offer->horizon : offer->head);
}

bool compared_is_current(const struct sync_offer *offer, const struct home_state *state)
{
    return state->modules[offer->module].comparing == offer->comparison;
}

/* --- parts --- */

struct taking {
    struct compare_part *part;
    struct compare_sink sink;
    struct txn *txn;
    enum module module;
    bool changes;
};

static void place(const struct item *item, void *context)
{
    struct taking *t = context;
    txn_place(t->txn, item);
    t->changes = true;
}

static void drop(struct bytes key, void *context)
{
    struct taking *t = context;
    txn_drop(t->txn, t->module, key);
    t->changes = true;
}

static bool visit_own(const struct item *item, struct item_hash hash, void *context)
{
    const struct taking *t = context;
    return compare_own(t->part, item, hash, &t->sink);
}

static enum failure read_state(struct view *view, const char *from, const struct compare_head *head,
                               struct copy_answer *position, struct error *e)
{
    OWNED(free_memory) struct hold *hold = xmalloc(sizeof *hold);
    struct home_state state;
    enum failure bad = offer_read_shared(view, head->home, from, hold, &state, e);
    if (bad)
        return bad;
    const struct copy_state copy = offer_copy(hold, &state, head->module);
    *position = copy_judge_part(&copy, head);
    return OK;
}

static enum failure take_runs(struct view *view, struct taking *t, struct error *e)
{
    const struct compare_head *head = compare_part_head(t->part);
    struct key_range range;
    while (compare_next(t->part, &range)) {
        enum failure bad = view_keys_after(view, head->home, head->module, BYTES_NONE, range.after,
                                           visit_own, t, e);
        if (bad)
            return bad;
        compare_run_end(t->part, &t->sink);
    }
    return OK;
}

static enum failure keep(struct store *store, struct txn *txn, const struct compare_head *head,
                         struct error *e)
{
    struct store_outcome outcome;
    txn_as_copy(txn, head->term.number);
    txn_compare(txn, head->module, head->id, head->id, head->upto);
    if (store_commit_wait(store, txn, &outcome))
        *e = outcome.error;
    return outcome.error.kind;
}

static enum failure compared_part(struct store *store, const char *from, struct compare_part *part,
                                  struct compared *answer, struct error *e)
{
    const struct compare_head *head = compare_part_head(part);
    OWNED(view_close) struct view *view = NULL;
    OWNED(txn_free) struct txn *txn = txn_new(head->home);
    struct taking t = {.part = part, .txn = txn, .module = head->module};
    t.sink = (struct compare_sink){place, drop, &t};
    enum failure bad = store_view(store, &view, e);
    if (!bad)
        bad = read_state(view, from, head, &answer->position, e);
    if (bad || answer->position.verdict != COPY_COMPARE)
        return bad;
    bad = take_runs(view, &t, e);
    view_close(TAKE(view));
    if (!bad && t.changes)
        bad = keep(store, TAKE(txn), head, e);
    struct bytes differs = compare_differs(part);
    answer->size = differs.size;
    memcpy(answer->differs, differs.at, differs.size);
    return bad;
}

/* --- from the loop, and back to it --- */

struct told {
    struct front_end *fe;
    struct store *store;
    struct link_reply *reply;
    struct bytes bytes; /* lent until the reply is given */
    char from[FQDN_SIZE];
    char taken_for[HOME_NAME_SIZE]; /* as of a batch */
    struct compare_head head;
    struct compared answer;
    struct error error;
};

static void take_part(void *context)
{
    struct told *told = context;
    OWNED(compare_part_close) struct compare_part *part = NULL;
    if (compare_part_open(told->bytes, &part, &told->error))
        return;
    told->head = *compare_part_head(part);
    compared_part(told->store, told->from, part, &told->answer, &told->error);
}

/* And not that of a comparison that was given up meanwhile. */
static bool is_the_stores(enum failure kind)
{
    return kind == FAIL_DAMAGED || kind == FAIL_FULL || kind == FAIL_READ_ONLY || kind == FAIL_IO;
}

static void on_part_taken(void *context)
{
    struct told *told = context;
    bool failed = told->error.kind != OK;
    taking_note(told->fe, told->taken_for, false);
    if (!failed && strcmp(told->head.home, HOME_CENTRAL) == 0)
        backup_service_configure(front_end_backup_service(told->fe));
    if (told->head.home[0] && is_the_stores(told->error.kind))
        importing_note(backup_service_importing(front_end_backup_service(told->fe)),
                       told->head.home, told->head.module, &told->error);
    if (failed)
        link_reply_error(told->reply, &told->error);
    else
        link_reply_compared(told->reply, &told->answer);
    free(told);
}

static bool may_take(struct told *told)
{
    struct compared late = {0};
    if (compare_part_peek(told->bytes, &told->head, &told->error)) {
        link_reply_error(told->reply, &told->error);
        return false;
    }
    if (taking_may(told->fe, told->from, told->head.home, told->head.term, told->taken_for,
                   &late.position))
        return true;
    link_reply_compared(told->reply, &late);
    return false;
}

void compared_told(struct front_end *fe, struct workers *workers, const struct machine *from,
                   struct bytes part, struct link_reply *reply)
{
    struct told *told = xcalloc(1, sizeof *told);
    *told = (struct told){.fe = fe, .store = front_end_store(fe), .reply = reply, .bytes = part};
    snprintf(told->from, sizeof told->from, "%s", from->pool->fqdn);
    if (!may_take(told)) {
        free(told);
        return;
    }
    if (workers_run(workers, take_part, on_part_taken, told)) {
        taking_note(fe, told->taken_for, true);
        return;
    }
    struct error e;
    fail(&e, FAIL_BUSY, "%s has more to import than it takes.", front_end_pool(fe));
    error_next(&e, "It is tried again by itself.");
    link_reply_error(reply, &e);
    free(told);
}
