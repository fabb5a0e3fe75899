#include "copying.h"

#include <stdlib.h>
#include <string.h>

#include "checks.h"
#include "comparing.h"
#include "faults.h"
#include "operating.h"
#include "pool.h"
#include "salvaging.h"

enum { TOMBSTONES_LEFT = 6, COLLECTS_IN_THOUSAND = 100, GATHERED_MAX = 2 };

/* --- the exporter's part --- */

static void carry_out(struct hosted *h, size_t module, const struct export_action *action);

static void step_exporter(struct hosted *h, size_t module, struct export_event event)
{
    struct exporting *x = &h->exporting[module];
    event.now_ms = h->pool->world->now;
    struct export_action action = export_step(x->core, &event);
    check_word(h, module);
    carry_out(h, module, &action);
}

static void forget_gathered(struct hosted *h, size_t module)
{
    txn_free(TAKE(h->gathered[module].txn));
    h->gathered[module] = (struct gathered){0};
}

void copying_start(struct hosted *h)
{
    struct world *w = h->pool->world;
    struct export_options options = {.interval_ms = INTERVAL_MS,
                                     .continuous = (w->options.seed + h->home) % 3 != 0,
                                     .batches_max = BATCHES_MAX};
    for (size_t m = 0; m < SIM_MODULES; m++) {
        options.held_ms = module_of(h->home, m) == MODULE_DATA_CONF ? HEAD_HELD_MS : 0;
        h->exporting[m].core = exporter_new(&options);
    }
    salvaging_start(h);
}

void copying_stop(struct hosted *h)
{
    for (size_t m = 0; m < SIM_MODULES; m++) {
        forget_gathered(h, m);
        exporter_free(TAKE(h->exporting[m].core));
    }
    comparing_stop(h);
    salvaging_stop(h);
}

static struct term term_now(const struct hosted *h, size_t module)
{
    return home_exports(h->core, target_of(h, module) != partner_of(h));
}

/* True if that changed: then what was under way belongs to another term. */
static bool open_or_close(struct hosted *h, size_t module)
{
    struct exporting *x = &h->exporting[module];
    struct term term = term_now(h, module);
    bool open = !term_is_none(term);
    if (open && (!x->open || !term_equal(x->term, term))) {
        struct home_state state;
        read_state(h->pool, home_of(h), &state);
        x->open = true;
        x->term = term;
        struct export_event event = {
            .kind = EXPORT_OPENED, .term = term, .head = home_reach(&state)};
        step_exporter(h, module, event);
        return true;
    }
    if (!open && x->open) {
        x->open = false;
        step_exporter(h, module, (struct export_event){.kind = EXPORT_CLOSED});
        return true;
    }
    return false;
}

enum export_word copying_word(const struct hosted *h, size_t module)
{
    return export_word(h->exporting[module].core, term_now(h, module), h->pool->world->now);
}

/* As in the product, but for fewer. */
static void collect(struct hosted *h)
{
    const struct exporter *list[SIM_MODULES];
    struct home_state state;
    if (!serves(h))
        return;
    for (size_t m = 0; m < SIM_MODULES; m++)
        list[m] = h->exporting[m].core;
    read_state(h->pool, home_of(h), &state);
    uint64_t upto = export_horizon(list, SIM_MODULES, state.head, state.horizon, TOMBSTONES_LEFT,
                                   TOMBSTONES_LEFT);
    if (upto == state.horizon)
        return;
    struct txn *txn = txn_new(home_of(h));
    txn_as_holder(txn, home_hold(h->core)->term.number);
    txn_horizon(txn, upto);
    commit(h->pool, txn, NULL, NULL);
}

void copying_tick(struct hosted *h)
{
    if (chance(h->pool->world, COLLECTS_IN_THOUSAND))
        collect(h);
    for (size_t m = 0; m < SIM_MODULES; m++) {
        if (!h->exporting[m].in_flight)
            open_or_close(h, m);
        step_exporter(h, m, (struct export_event){.kind = EXPORT_TICK});
    }
    salvaging_tick(h);
}

void copying_changed(struct hosted *h, uint64_t head)
{
    for (size_t m = 0; m < SIM_MODULES; m++) {
        if (!h->exporting[m].in_flight) /* it may be of a term that has just begun */
            open_or_close(h, m);
        step_exporter(h, m, (struct export_event){.kind = EXPORT_CHANGED, .head = head});
    }
}

void copying_wanted(struct hosted *h)
{
    for (size_t m = 0; m < SIM_MODULES; m++)
        step_exporter(h, m, (struct export_event){.kind = EXPORT_WANTED});
}

bool copying_takes(const struct hosted *h, struct term term)
{
    return !h->core || home_takes(h->core, term); /* a replica follows whoever exports */
}

struct copy_state copying_copy_of(const struct hosted *h, const struct hold *hold, size_t module,
                                  const struct home_state *state)
{
    enum module m = module_of(h->home, module);
    return (struct copy_state){.hold = hold,
                               .head = home_reach(state),
                               .cookie = state->modules[m].cookie,
                               .whole_at = state->modules[m].whole_at,
                               .digest = state->modules[m].digest,
                               .comparing = state->modules[m].comparing,
                               .tail = state->tails > 0,
                               .going_back = state->going_back};
}

struct packing {
    struct batch_writer *writer;
    enum module module;
    size_t count, most;
    uint64_t upto;
    uint64_t others_upto;
    bool full;
};

static size_t items_of(const struct hosted *h)
{
    return h->home == CENTRAL ? CENTRAL_ITEMS : BATCH_ITEMS;
}

static bool pack_item(const struct item *item, struct item_hash hash, void *context)
{
    (void)hash;
    struct packing *p = context;
    if (item->module == p->module) {
        p->full = p->count == p->most || !batch_add(p->writer, item);
        if (p->full)
            return false;
        p->count++;
    } else {
        p->others_upto = item->version.usn;
    }
    p->upto = item->version.usn;
    return true;
}

/* The home's other module; of `central` a number is another copy of the same one. */
static bool has_another(const struct hosted *h, size_t module, size_t *other)
{
    *other = SIM_MODULES - 1 - module;
    return module_of(h->home, *other) != module_of(h->home, module);
}

static bool tells_others(const struct hosted *h, size_t module)
{
    size_t other;
    return has_another(h, module, &other) && exporter_may_be_carried(h->exporting[other].core);
}

void copying_pack(struct hosted *h, const struct batch_head *head, struct buffer *batch)
{
    OWNED(view_close) struct view *view = NULL;
    struct batch_head named = *head;
    struct packing p = {.writer = h->pool->world->writer,
                        .module = head->module,
                        .most = items_of(h),
                        .upto = head->after};
    strcpy(named.home, home_of(h));
    store_view(h->pool->store, &view, NULL);
    batch_begin(p.writer, &named);
    view_changes(view, home_of(h), head->after, pack_item, &p, NULL);
    struct bytes bytes = batch_finish(p.writer, p.full ? p.upto : head->head, p.full);
    buffer_raw(batch, bytes.at, bytes.size);
}

/* All that follows, as the store is now; or as much of it as a batch takes. */
static void pack(struct hosted *h, struct call *call, uint64_t after, bool last)
{
    struct exporting *x = &h->exporting[call->module];
    OWNED(view_close) struct view *view = NULL;
    struct home_state state;
    store_view(h->pool->store, &view, NULL);
    view_home(view, home_of(h), &state, NULL);
    const struct copy_state copy = copying_copy_of(h, home_hold(h->core), call->module, &state);
    struct batch_head head = {.module = module_of(h->home, call->module),
                              .term = x->term,
                              .after = after,
                              .head = copy_head(&copy),
                              .horizon = copy_horizon(&copy, state.horizon)};
    strcpy(head.home, home_of(h));
    struct packing p = {.writer = h->pool->world->writer,
                        .module = head.module,
                        .most = items_of(h),
                        .upto = after,
                        .others_upto = after};
    batch_begin(p.writer, &head);
    view_changes(view, home_of(h), after, pack_item, &p, NULL);
    if (tells_others(h, call->module))
        batch_others_upto(p.writer, p.others_upto);
    struct bytes bytes = batch_finish(p.writer, p.full ? p.upto : copy.head, p.full && !last);
    buffer_raw(&call->batch, bytes.at, bytes.size);
    x->batch_head = copy.head;
    size_t other;
    if (has_another(h, call->module, &other))
        step_exporter(h, other, (struct export_event){.kind = EXPORT_CHANGED, .head = copy.head});
}

void copying_offer(struct hosted *h, struct call *call)
{
    struct home_state state;
    read_state(h->pool, home_of(h), &state);
    const struct copy_state copy = copying_copy_of(h, home_hold(h->core), call->module, &state);
    call->lineage = xmemdup(&home_hold(h->core)->lineage, sizeof *call->lineage);
    call->offer = (struct copy_offer){.term = h->exporting[call->module].term,
                                      .lineage = call->lineage,
                                      .head = copy_head(&copy),
                                      .horizon = copy_horizon(&copy, state.horizon),
                                      .digest = copy.digest};
    call->head = copy.head;
}

static void carry_out(struct hosted *h, size_t module, const struct export_action *action)
{
    if (action->kind == EXPORT_NOTHING)
        return;
    bool batch = action->kind == EXPORT_BATCH;
    h->exporting[module].in_flight = true;
    if (action->kind == EXPORT_COMPARE) {
        comparing_begin(h, module);
        return;
    }
    struct call *call =
        call_new(h->pool, target_of(h, module), batch ? CALL_BATCH : CALL_OFFER, h->home);
    call->module = module;
    if (batch)
        pack(h, call, action->after, action->last);
    else
        copying_offer(h, call);
    call_send(call, batch ? BATCH_DEADLINE_MS : CALL_DEADLINE_MS);
}

void copying_answered(struct hosted *h, const struct call *call, const struct copy_answer *position)
{
    struct exporting *x = &h->exporting[call->module];
    if (comparing_goes_on(h, call, position))
        return;
    x->in_flight = false;
    if (open_or_close(h, call->module))
        return;
    struct export_event event = {.kind = EXPORT_FAILED};
    if (position) {
        struct home_state state;
        read_state(h->pool, home_of(h), &state);
        say(h->pool->world, "%s: the copy of %s (%d) says %s at %llu of %llu", h->pool->name,
            home_of(h), (int)call->module, copy_verdict_name(position->verdict),
            (unsigned long long)position->at.usn, (unsigned long long)state.head);
        /* More than was known when it was sent may have been read. */
        event = (struct export_event){.kind = EXPORT_READ, .head = home_reach(&state)};
        step_exporter(h, call->module, event);
        event = (struct export_event){.kind = EXPORT_ANSWERED, .answer = *position};
    }
    step_exporter(h, call->module, event);
    size_t other;
    if (!position || !has_another(h, call->module, &other))
        return;
    event = (struct export_event){.kind = EXPORT_CARRIED, .answer = *position};
    if (position->carried)
        step_exporter(h, other, event);
    event = (struct export_event){.kind = EXPORT_ALONE};
    if (exporter_rests(h->exporting[call->module].core))
        step_exporter(h, other, event);
    if (exporter_rests(h->exporting[other].core))
        step_exporter(h, call->module, event);
}

/* --- the copy's part --- */

struct copy_answer copying_judge(const struct hosted *h, const struct call *call)
{
    struct home_state state;
    read_state(h->pool, home_of(h), &state);
    const struct copy_state copy = copying_copy_of(h, home_hold(h->core), call->module, &state);
    struct copy_answer answer = copy_judge(&copy, &call->offer);
    if (answer.verdict == COPY_GO_ON && !copying_takes(h, call->offer.term))
        answer.verdict = COPY_LATE;
    if (home_deciding(h->core)) /* the store may have gone on already */
        answer.verdict = COPY_EARLY;
    return answer;
}

void copying_note_fork(const struct hosted *h, const struct call *call,
                       const struct copy_answer *answer)
{
    struct home_state now;
    read_state(call->from, home_of(h), &now);
    bool late =
        now.head > call->offer.head; /* it may know by now what it did not when it offered */
    if (answer->verdict != COPY_FORKED || call->ended || late)
        return;
    check_fork(h, call->from, answer->at.usn);
}

static bool same_lineage(const struct lineage *a, const struct lineage *b)
{
    OWNED(buffer_free) struct buffer x = {0};
    OWNED(buffer_free) struct buffer y = {0};
    lineage_encode(a, &x);
    lineage_encode(b, &y);
    return bytes_equal(buffer_view(&x), buffer_view(&y));
}

void copying_follow(struct hosted *h, struct call *call, struct copy_answer answer)
{
    bool open = h->salvage.tail.id && h->salvage.tail.open;
    struct home_event event = {.kind = HOME_FOLLOW,
                               .lineage = open ? &home_hold(h->core)->lineage : call->lineage};
    bool busy = h->follower != NULL;
    if (!busy) {
        h->follower = call;
        h->follow_answer = answer;
    }
    if (busy || step_home(h, event)) {
        if (!busy)
            h->follower = NULL;
        h->salvage.tail.id = 0;
        answer.verdict = COPY_EARLY;
        call_answer(call, NULL, &answer);
    }
}

static void offered(struct hosted *h, struct call *call)
{
    struct copy_answer answer = copying_judge(h, call);
    copying_note_fork(h, call, &answer);
    bool known = same_lineage(&home_hold(h->core)->lineage, call->lineage);
    if (salvaging_goes_back(h, home_hold(h->core), call, &answer)) {
        answer.verdict = COPY_EARLY; /* to be asked again */
        copying_follow(h, call, answer);
        return;
    }
    if (answer.verdict != COPY_GO_ON || known)
        call_answer(call, NULL, &answer);
    else
        copying_follow(h, call, answer);
}

void copying_followed(struct hosted *h, bool good)
{
    struct call *call = TAKE(h->follower);
    if (call)
        call_answer(call, NULL, good ? &h->follow_answer : NULL);
}

/* Batches are gathered, as the product does it. What was, is stored with the last one, or before
 * the next one if it is much. */

/* Where the next one must follow; 0: on the cookie. */
static uint64_t gathered_upto(struct hosted *h, size_t module, const struct batch_head *head)
{
    struct gathered *g = &h->gathered[module];
    bool goes_on = g->txn && head->after == g->all.upto && term_equal(head->term, g->all.term);
    if (!goes_on)
        forget_gathered(h, module);
    return goes_on ? g->all.upto : 0;
}

static void gather(struct gathered *g, struct batch *batch, const struct batch_head *head,
                   struct version from)
{
    struct item item;
    struct buffer memory;
    if (g->txn) {
        batch_join(&g->all, head);
    } else {
        g->txn = txn_new(head->home);
        txn_as_copy(g->txn, head->term.number);
        g->all = *head;
        g->from = from;
    }
    batch_hand_over(batch, &memory);
    txn_keep(g->txn, &memory);
    while (batch_next(batch, &item))
        txn_apply_kept(g->txn, &item);
    g->batches++;
}

static struct txn *take_gathered(struct gathered *g, const struct hold *hold)
{
    const struct batch_head *all = &g->all;
    struct txn *txn = TAKE(g->txn);
    txn_cookie(
        txn, all->module, g->from,
        (struct version){.term = lineage_term_of(&hold->lineage, all->upto), .usn = all->upto});
    if (all->upto < all->head)
        txn_whole_at(
            txn, all->module,
            (struct version){.term = lineage_term_of(&hold->lineage, all->head), .usn = all->head});
    txn_horizon(txn, all->horizon < all->upto ? all->horizon : all->upto);
    *g = (struct gathered){0};
    return txn;
}

struct applying {
    struct hosted *h;
    struct call *call;
    struct copy_answer answer;
    bool whole;
};

/* The other module goes along, if it can (protocol, rule 20). */
static bool take_along(struct hosted *h, size_t module, const struct hold *hold,
                       const struct home_state *state)
{
    size_t other;
    const struct gathered *g = &h->gathered[module];
    if (!has_another(h, module, &other) || h->gathered[other].txn)
        return false;
    const struct copy_state stands = copying_copy_of(h, hold, other, state);
    if (!copy_is_carried(&stands, &g->all))
        return false;
    txn_cookie(
        g->txn, module_of(h->home, other), stands.cookie,
        (struct version){.term = lineage_term_of(&hold->lineage, g->all.upto), .usn = g->all.upto});
    h->pool->world->counts.carried++;
    return true;
}

static void check_points(const struct hosted *h, size_t module, const struct copy_answer *answer)
{
    size_t other;
    check_point(h, module, answer->at.usn);
    if (answer->carried && has_another(h, module, &other))
        check_point(h, other, answer->at.usn);
}

static void applied(struct pool *pool, const struct store_outcome *outcome, void *context)
{
    const struct applying *a = context;
    a->h->applying--;
    if (outcome->error.kind)
        say(pool->world, "%s could not apply: %s", pool->name, outcome->error.what);
    else if (a->whole)
        check_points(a->h, a->call->module, &a->answer);
    else
        faults_in_catch_up(a->h);
    call_answer(a->call, NULL, outcome->error.kind ? NULL : &a->answer);
    operating_look(a->h);
}

static void sent(struct hosted *h, struct call *call)
{
    OWNED(batch_close) struct batch *batch = NULL;
    struct hold hold;
    struct home_state state;
    struct gathered *g = &h->gathered[call->module];
    if (batch_open(buffer_view(&call->batch), &batch, NULL)) {
        broken(h->pool->world, "a batch does not open");
        return;
    }
    struct batch_head limited = *batch_head(batch);
    const struct batch_head *head = &limited;
    read_hold(h->pool, home_of(h), &hold);
    read_state(h->pool, home_of(h), &state);
    struct copy_state copy = copying_copy_of(h, &hold, call->module, &state);
    copy.taken = gathered_upto(h, call->module, head);
    struct copy_answer answer = copy_judge_batch(&copy, head);
    if (answer.verdict == COPY_GO_ON && !copying_takes(h, head->term))
        answer.verdict = COPY_LATE;
    if (answer.verdict != COPY_GO_ON) {
        call_answer(call, NULL, &answer);
        return;
    }
    limited.head = copy_whole_upto(&copy, head);
    gather(g, batch, head, copy.cookie);
    answer.taken = head->upto;
    if (head->more && g->batches < GATHERED_MAX) {
        call_answer(call, NULL, &answer);
        return;
    }
    answer.at =
        (struct version){.term = lineage_term_of(&hold.lineage, head->upto), .usn = head->upto};
    bool whole = g->all.upto == g->all.head && !answer.tail;
    answer.carried = take_along(h, call->module, &hold, &state);
    struct txn *txn = take_gathered(g, &hold);
    struct applying applying = {h, call, answer, whole};
    h->applying++;
    commit(h->pool, txn, applied, xmemdup(&applying, sizeof applying));
    h->pool->world->counts.batches++;
}

void copying_called(struct hosted *h, struct call *call)
{
    switch (call->kind) {
    case CALL_QUESTION:
    case CALL_DEMAND: break;
    case CALL_OFFER: offered(h, call); break;
    case CALL_BATCH:
    case CALL_BROUGHT: sent(h, call); break;
    case CALL_STANDING:
    case CALL_WANTED: break;
    case CALL_COMPARE:
    case CALL_PART:
    case CALL_COMPARED: comparing_called(h, call); break;
    case CALL_SALVAGE: salvaging_called(h, call); break;
    }
}
