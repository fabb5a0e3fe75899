#include "salvaging.h"

#include <stdlib.h>
#include <string.h>

#include "checks.h"
#include "copying.h"
#include "pool.h"
#include "replica.h"
#include "store/salvage.h"
#include "store/tail_reader.h"

enum { PACKET_ITEMS = 3, WAITS_MAX = 40, LATER_TICKS = 4, STEP_ITEMS = 4 };

void salvaging_start(struct hosted *h)
{
    h->salvage.reader = tail_reader_new(home_of(h));
}

void salvaging_stop(struct hosted *h)
{
    tail_reader_free(TAKE(h->salvage.reader));
}

/* Of `central`: any two of a tail that begin alike belong together ("key1", "key10", "key11"). */
static enum failure judge(const struct salvage_ground *ground, struct salvage_member *members,
                          size_t count, struct error *e)
{
    enum { ALIKE = 4 };
    (void)ground;
    (void)e;
    for (size_t i = 0; i < count; i++) {
        struct bytes a = members[i].entry->key;
        for (size_t k = 0; k < i && a.size >= ALIKE; k++) {
            struct bytes b = members[k].entry->key;
            if (b.size >= ALIKE && memcmp(a.at, b.at, ALIKE) == 0)
                salvage_join(members, k, i);
        }
    }
    return OK;
}

/* --- going back --- */

/* Most tails take several steps here. */
static void shorten(struct hosted *h, struct tail *tail)
{
    OWNED(view_close) struct view *view = NULL;
    uint64_t usn = 0;
    store_view(h->pool->store, &view, NULL);
    view_newest(view, home_of(h), STEP_ITEMS, &usn, NULL);
    tail_shorten(tail, usn);
}

bool salvaging_goes_back(struct hosted *h, const struct hold *hold, const struct call *call,
                         const struct copy_answer *answer)
{
    struct home_state state;
    read_state(h->pool, home_of(h), &state);
    const struct copy_state copy = copying_copy_of(h, hold, call->module, &state);
    if (h->follower || !copying_takes(h, call->offer.term) ||
        !copy_goes_back(&copy, &call->offer, call->head, answer, &h->salvage.tail))
        return false;
    h->salvage.tail.id = roll(h->pool->world);
    shorten(h, &h->salvage.tail);
    return true;
}

static void own_first(struct hosted *h, struct txn *txn, const struct hold *wanted)
{
    OWNED(view_close) struct view *view = NULL;
    struct home_state state;
    read_state(h->pool, home_of(h), &state);
    if (state.tails == 0)
        return;
    store_view(h->pool->store, &view, NULL);
    const struct salvage_place place = {.view = view, .hold = wanted, .judge = judge, .own = true};
    txn_as_holder(txn, wanted->term.number);
    if (salvage_own(txn, &place, NULL))
        broken(h->pool->world, "%s can't read its own tail", h->pool->name);
    h->pool->world->counts.own_tails++;
}

void salvaging_write(struct hosted *h, const struct call *call, struct txn *txn)
{
    bool open = h->salvage.tail.open;
    h->pool->world->counts.steps_back += open;
    txn_as_copy(txn, call->offer.term.number);
    txn_rewind(txn, &h->salvage.tail);
    say(h->pool->world, "%s: the copy of %s goes back from %llu to %llu", h->pool->name, home_of(h),
        (unsigned long long)h->salvage.tail.head, (unsigned long long)h->salvage.tail.base.usn);
    note_tail(h, &h->salvage.tail);
    h->salvage.tail.id = 0;
    h->pool->world->counts.forks += !open;
}

void salvaging_enrich(struct hosted *h, struct txn *txn)
{
    const struct hold *wanted = home_wanted(h->core);
    if (hold_opens_term(home_hold(h->core)->term, wanted))
        own_first(h, txn, wanted);
    if (h->follower && h->salvage.tail.id)
        salvaging_write(h, h->follower, txn);
}

/* --- the holder's part --- */

static bool make(struct hosted *h, struct txn *txn, struct tail_packet *packet, bool own,
                 uint64_t *upto)
{
    OWNED(view_close) struct view *view = NULL;
    struct hold hold;
    read_hold(h->pool, home_of(h), &hold);
    store_view(h->pool->store, &view, NULL);
    const struct salvage_place place = {.view = view, .hold = &hold, .judge = judge, .own = own};
    OWNED(salvage_free) struct salvage *s = salvage_begin(txn, &place);
    return salvage_packet(s, packet, upto, NULL) == OK && salvage_end(s, NULL) == OK;
}

struct taking {
    struct hosted *h;
    struct call *call; /* NULL: it is the holder's own */
    struct copy_answer answer;
};

static void taken(struct pool *pool, const struct store_outcome *outcome, void *context)
{
    const struct taking *t = context;
    bool good = outcome->error.kind == OK;
    if (!good)
        say(pool->world, "%s could not salvage: %s", pool->name, outcome->error.what);
    if (good && outcome->first_usn)
        copying_changed(t->h, outcome->head);
    if (t->call) {
        call_answer(t->call, NULL, good ? &t->answer : NULL);
        return;
    }
    t->h->salvage.busy = false;
    if (good)
        tail_reader_told(t->h->salvage.reader, t->answer.at.usn);
}

static bool take(struct hosted *h, struct call *call, struct bytes bytes)
{
    OWNED(tail_packet_free) struct tail_packet *packet = NULL;
    struct taking taking = {h, call, {.verdict = COPY_GO_ON}};
    if (tail_packet_open(bytes, &packet, NULL)) {
        broken(h->pool->world, "a part of a tail does not open");
        return false;
    }
    OWNED(txn_free) struct txn *txn = txn_new(home_of(h));
    txn_as_holder(txn, home_hold(h->core)->term.number);
    if (!make(h, txn, packet, call == NULL, &taking.answer.at.usn)) {
        broken(h->pool->world, "%s can't read what is to be salvaged", h->pool->name);
        return false;
    }
    commit(h->pool, TAKE(txn), taken, xmemdup(&taking, sizeof taking));
    return true;
}

void salvaging_called(struct hosted *h, struct call *call)
{
    const struct copy_answer early = {.verdict = COPY_EARLY};
    if (serves(h))
        take(h, call, buffer_view(&call->batch));
    else
        call_answer(call, NULL, &early);
}

/* --- whoever has the tail --- */

void salvaging_answered(struct hosted *h, const struct copy_answer *position)
{
    h->salvage.busy = false;
    if (position && position->verdict == COPY_GO_ON)
        tail_reader_told(h->salvage.reader, position->at.usn);
    else
        h->salvage.later = LATER_TICKS;
}

static void forgotten(struct pool *pool, const struct store_outcome *outcome, void *context)
{
    struct hosted *h = *(struct hosted **)context;
    h->salvage.busy = false;
    pool->world->counts.salvages += outcome->error.kind == OK;
}

static void forget(struct hosted *h, struct view *view)
{
    OWNED(txn_free) struct txn *txn = txn_new(home_of(h));
    struct salvage_mark sum;
    check_salvaged(h, view, tail_reader_tail(h->salvage.reader));
    if (tail_reader_forget(h->salvage.reader, view, txn, 0, &sum, NULL))
        broken(h->pool->world, "%s can't read what became of its tail", h->pool->name);
    say(h->pool->world,
        "%s: a tail of %s is salvaged: %llu carried over, %llu conflicts, %llu same", h->pool->name,
        home_of(h), (unsigned long long)sum.carried, (unsigned long long)sum.conflicts,
        (unsigned long long)sum.same);
    h->pool->world->counts.conflicts += sum.conflicts;
    h->salvage.busy = true;
    commit(h->pool, TAKE(txn), forgotten, xmemdup(&h, sizeof h));
}

static bool holds(const struct hosted *h)
{
    return h->core && mode_rights(home_mode(h->core))->holder;
}

static void tell(struct hosted *h, struct bytes packet)
{
    if (holds(h)) {
        h->salvage.busy = take(h, NULL, packet);
        return;
    }
    struct pool *holder = h->core ? partner_of(h) : replica_follows(h);
    struct call *call = call_new(h->pool, holder, CALL_SALVAGE, h->home);
    buffer_raw(&call->batch, packet.at, packet.size);
    h->salvage.busy = true;
    call_send(call, BATCH_DEADLINE_MS);
}

void salvaging_tick(struct hosted *h)
{
    OWNED(view_close) struct view *view = NULL;
    struct home_state state;
    struct bytes packet;
    enum tail_step step;
    read_state(h->pool, home_of(h), &state);
    bool may = !holds(h) || serves(h);
    if (state.tails == 0 || h->salvage.busy || !may)
        return;
    if (h->salvage.later) {
        h->salvage.later--;
        return;
    }
    store_view(h->pool->store, &view, NULL);
    uint32_t most = h->home == CENTRAL ? TAIL_TOGETHER_MAX : PACKET_ITEMS;
    if (tail_reader_step(h->salvage.reader, view, most, &step, &packet, NULL)) {
        broken(h->pool->world, "%s can't read its tail", h->pool->name);
        return;
    }
    h->salvage.waits = step == TAIL_WAIT ? h->salvage.waits + 1 : 0;
    if (h->salvage.waits > WAITS_MAX)
        tail_reader_again(h->salvage.reader);
    if (step == TAIL_TELL)
        tell(h, packet);
    else if (step == TAIL_SAFE)
        forget(h, view);
}
