#include "comparing.h"

#include <string.h>

#include "checks.h"
#include "pool.h"

/* --- the exporter's side --- */

static struct call *next_call(struct hosted *h, size_t module, enum call_kind kind)
{
    struct call *call = call_new(h->pool, target_of(h, module), kind, h->home);
    call->module = module;
    return call;
}

static void forget(struct exporting *x)
{
    comparison_free(TAKE(x->comparing));
    x->begun = NULL; /* the world frees it */
}

void comparing_begin(struct hosted *h, size_t module)
{
    struct exporting *x = &h->exporting[module];
    struct call *call = next_call(h, module, CALL_COMPARE);
    struct compare_head head = {
        .module = module_of(h->home, module), .term = x->term, .id = roll(h->pool->world)};
    strcpy(head.home, home_of(h));
    copying_offer(h, call);
    call->comparison = head.id;
    x->comparing = comparison_new(&head);
    x->begun = call;
    call_send(call, CALL_DEADLINE_MS);
}

static bool add_item(const struct item *item, struct item_hash hash, void *context)
{
    return comparison_add(context, item, hash);
}

static void send_part(struct hosted *h, size_t module)
{
    struct exporting *x = &h->exporting[module];
    struct call *call = next_call(h, module, CALL_PART);
    OWNED(view_close) struct view *view = NULL;
    struct home_state state;
    struct bytes after;
    store_view(h->pool->store, &view, NULL);
    view_home(view, home_of(h), &state, NULL);
    comparison_start_part(x->comparing, home_reach(&state));
    while (comparison_wants(x->comparing, &after)) {
        view_keys_after(view, home_of(h), module_of(h->home, module), BYTES_NONE, after, add_item,
                        x->comparing, NULL);
        comparison_was_read(x->comparing);
    }
    struct bytes part = comparison_finish_part(x->comparing);
    buffer_raw(&call->batch, part.at, part.size);
    call->lineage = xmemdup(x->begun->lineage, sizeof *call->lineage);
    call_send(call, BATCH_DEADLINE_MS);
}

/* With what it began with: that is what it holds for. */
static void send_end(struct hosted *h, size_t module)
{
    struct exporting *x = &h->exporting[module];
    struct call *call = next_call(h, module, CALL_COMPARED);
    call->lineage = xmemdup(x->begun->lineage, sizeof *call->lineage);
    call->offer = x->begun->offer;
    call->offer.lineage = call->lineage;
    call->head = x->begun->head;
    call->comparison = x->begun->comparison;
    h->pool->world->counts.comparisons++;
    call_send(call, CALL_DEADLINE_MS);
}

bool comparing_goes_on(struct hosted *h, const struct call *call,
                       const struct copy_answer *position)
{
    struct exporting *x = &h->exporting[call->module];
    if (!x->comparing)
        return false;
    bool over = !term_equal(x->term, home_hold(h->core)->term); /* what is read now is another's */
    bool goes_on =
        !over && position && position->verdict == COPY_COMPARE && call->kind != CALL_COMPARED;
    if (goes_on && call->kind == CALL_COMPARE)
        comparison_begun(x->comparing);
    else if (goes_on)
        goes_on = comparison_answered(x->comparing, buffer_view(&call->differs));
    if (!goes_on)
        forget(x);
    else if (comparison_step(x->comparing) == COMPARISON_PART)
        send_part(h, call->module);
    else
        send_end(h, call->module);
    return goes_on;
}

void comparing_stop(struct hosted *h)
{
    for (size_t m = 0; m < SIM_MODULES; m++)
        forget(&h->exporting[m]);
}

/* --- the copy's side --- */

struct told {
    struct hosted *h;
    struct call *call;
    struct copy_answer answer;
};

static void told(struct pool *pool, const struct store_outcome *outcome, void *context)
{
    const struct told *t = context;
    bool good = outcome->error.kind == OK;
    t->h->applying--;
    if (!good)
        say(pool->world, "%s could not compare: %s", pool->name, outcome->error.what);
    call_answer(t->call, NULL, good ? &t->answer : NULL);
}

static void commit_and_tell(struct hosted *h, struct call *call, struct copy_answer answer,
                            struct txn *txn)
{
    struct told t = {h, call, answer};
    h->applying++;
    commit(h->pool, txn, told, xmemdup(&t, sizeof t));
}

static void begun(struct hosted *h, struct call *call)
{
    struct copy_answer answer = copying_judge(h, call);
    if ((answer.verdict != COPY_COMPARE && answer.verdict != COPY_GO_ON) ||
        !copying_takes(h, call->offer.term)) {
        call_answer(call, NULL, &answer);
        return;
    }
    answer.verdict = COPY_COMPARE;
    copying_follow(h, call, answer);
}

struct taking {
    struct compare_part *part;
    struct compare_sink sink;
    struct txn *txn;
    enum module module;
    const struct item *own; /* the one that is looked at */
    const struct lineage *lineage;
    struct world *world;
    bool changes;
};

static void place(const struct item *item, void *context)
{
    struct taking *t = context;
    txn_place(t->txn, item);
    t->changes = true;
}

/* A change that the exporter's history does not have must not be compared away. A home that is
 * served from before it is refilled has changes of older terms in its own. */
static void drop(struct bytes key, void *context)
{
    struct taking *t = context;
    struct version version = t->own->version;
    if (lineage_term_of(t->lineage, version.usn) != version.term && !gives_up(t->world))
        broken(t->world, "a change of the copy's own, usn %llu, is compared away",
               (unsigned long long)version.usn);
    txn_drop(t->txn, t->module, key);
    t->changes = true;
}

static bool visit_own(const struct item *item, struct item_hash hash, void *context)
{
    struct taking *t = context;
    t->own = item;
    return compare_own(t->part, item, hash, &t->sink);
}

static void take_runs(struct hosted *h, struct taking *t)
{
    OWNED(view_close) struct view *view = NULL;
    struct key_range range;
    store_view(h->pool->store, &view, NULL);
    while (compare_next(t->part, &range)) {
        view_keys_after(view, home_of(h), t->module, BYTES_NONE, range.after, visit_own, t, NULL);
        compare_run_end(t->part, &t->sink);
    }
}

static void part_came(struct hosted *h, struct call *call)
{
    OWNED(compare_part_close) struct compare_part *part = NULL;
    struct home_state state;
    struct hold hold;
    struct compare_head peeked;
    const struct compare_head *head = &peeked;
    if (compare_part_peek(buffer_view(&call->batch), &peeked, NULL)) {
        broken(h->pool->world, "a part of a comparison has no head");
        return;
    }
    read_hold(h->pool, home_of(h), &hold);
    read_state(h->pool, home_of(h), &state);
    const struct copy_state copy = copying_copy_of(h, &hold, call->module, &state);
    struct copy_answer answer = copy_judge_part(&copy, head);
    if (!copying_takes(h, head->term))
        answer.verdict = COPY_LATE;
    if (answer.verdict != COPY_COMPARE) {
        call_answer(call, NULL, &answer);
        return;
    }
    /* Only now: whoever was superseded while it read has items of a later term than its own. */
    if (compare_part_open(buffer_view(&call->batch), &part, NULL)) {
        broken(h->pool->world, "a part of a comparison does not open");
        return;
    }
    struct txn *txn = txn_new(home_of(h));
    struct taking t = {.part = part,
                       .txn = txn,
                       .module = head->module,
                       .lineage = call->lineage,
                       .world = h->pool->world};
    t.sink = (struct compare_sink){place, drop, &t};
    take_runs(h, &t);
    struct bytes differs = compare_differs(part);
    buffer_clear(&call->differs);
    buffer_raw(&call->differs, differs.at, differs.size);
    txn_as_copy(txn, head->term.number);
    txn_compare(txn, head->module, head->id, head->id, head->upto);
    commit_and_tell(h, call, answer, txn);
}

struct version comparing_end_of(const struct hosted *h, const struct hold *hold,
                                const struct call *call)
{
    struct home_state state;
    read_state(h->pool, home_of(h), &state);
    const struct copy_state copy = copying_copy_of(h, hold, call->module, &state);
    return copy_compared_at(&copy, &call->offer, call->head);
}

static void ended(struct hosted *h, struct call *call)
{
    struct copy_answer answer = copying_judge(h, call);
    struct home_state state;
    read_state(h->pool, home_of(h), &state);
    bool current = state.modules[module_of(h->home, call->module)].comparing == call->comparison;
    if (answer.verdict != COPY_COMPARE || !current || !copying_takes(h, call->offer.term)) {
        call_answer(call, NULL, &answer);
        return;
    }
    answer.verdict = COPY_GO_ON;
    answer.at = comparing_end_of(h, home_hold(h->core), call);
    copying_follow(h, call, answer);
}

static void write_end(const struct hosted *h, const struct call *call, struct version at,
                      const struct home_state *state, struct txn *txn)
{
    enum module module = module_of(h->home, call->module);
    txn_compare(txn, module, call->comparison, 0, 0);
    if (!digest_equal(&state->modules[module].digest, &call->offer.digest))
        txn_recount(txn, module, NULL);
    txn_cookie(txn, module, state->modules[module].cookie, at);
    /* The exporter is not whole itself; or some came already of what is changed since. */
    uint64_t goal = state->modules[module].compare_goal;
    uint64_t whole_at = goal > call->offer.head ? goal : call->offer.head;
    if (whole_at > at.usn)
        txn_whole_at(txn, module,
                     (struct version){lineage_term_of(call->lineage, whole_at), whole_at});
    txn_horizon(txn, at.usn < call->head ? call->offer.horizon : call->head);
}

void comparing_write(const struct hosted *h, const struct call *call, struct version at,
                     struct txn *txn)
{
    enum module module = module_of(h->home, call->module);
    struct home_state state;
    if (call->kind != CALL_COMPARE && call->kind != CALL_COMPARED)
        return;
    read_state(h->pool, home_of(h), &state);
    txn_as_copy(txn, call->offer.term.number);
    if (call->kind == CALL_COMPARE)
        txn_compare(txn, module, state.modules[module].comparing, call->comparison, call->head);
    else
        write_end(h, call, at, &state, txn);
}

void comparing_called(struct hosted *h, struct call *call)
{
    if (call->kind == CALL_COMPARE)
        begun(h, call);
    else if (call->kind == CALL_PART)
        part_came(h, call);
    else
        ended(h, call);
}
