#include "store/txn.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct txn *txn_new(const char *home)
{
    struct txn *txn = xcalloc(1, sizeof *txn);
    int n = snprintf(txn->home, sizeof txn->home, "%s", home);
    assert(n > 0 && (size_t)n < sizeof txn->home);
    return txn;
}

void txn_free(struct txn *txn)
{
    if (!txn)
        return;
    free(txn->hold);
    free(txn->rewind);
    free(txn->steps);
    for (size_t i = 0; i < txn->tied_count; i++)
        sheaf_free(txn->tied[i].sheaf);
    free(txn->tied);
    blocks_free(&txn->memory);
    free(txn);
}

struct bytes step_key(const struct step *step)
{
    return bytes_of(step->key, step->key_size);
}

struct bytes step_value(const struct step *step)
{
    return bytes_of(step->value, step->value_size);
}

size_t txn_size(const struct txn *txn)
{
    return sizeof *txn + txn->memory.size + txn->count * sizeof *txn->steps + txn->tied_size;
}

static void make_room(struct txn *txn, size_t room)
{
    txn->room = room;
    txn->steps = xrealloc(txn->steps, room * sizeof *txn->steps);
}

void txn_expect_steps(struct txn *txn, size_t count)
{
    if (txn->room - txn->count < count)
        make_room(txn, txn->count + count);
}

/* `key` and `value` lie in the transaction's memory. */
static struct step *add_kept(struct txn *txn, enum step_kind kind, struct bytes key,
                             struct bytes value)
{
    if (txn->count == txn->room)
        make_room(txn, txn->room ? txn->room * 2 : 4);
    struct step *step = &txn->steps[txn->count++];
    if (kind != STEP_APPLY)
        txn->loose_from = txn->count;
    assert(key.size <= UINT32_MAX && value.size <= UINT32_MAX);
    *step = (struct step){.kind = kind,
                          .key_size = (uint32_t)key.size,
                          .value_size = (uint32_t)value.size,
                          .key = key.at,
                          .value = value.at};
    return step;
}

static struct bytes copy(struct txn *txn, struct bytes bytes)
{
    if (bytes.size == 0)
        return BYTES_NONE;
    return bytes_of(memcpy(blocks_room(&txn->memory, bytes.size), bytes.at, bytes.size),
                    bytes.size);
}

static struct step *add(struct txn *txn, enum step_kind kind, struct bytes key, struct bytes value)
{
    return add_kept(txn, kind, copy(txn, key), copy(txn, value));
}

static void act_as(struct txn *txn, enum txn_role role, uint64_t term_number)
{
    assert(txn->role == ROLE_NONE && term_number > 0);
    txn->role = role;
    txn->term_number = term_number;
}

void txn_as_holder(struct txn *txn, uint64_t term_number)
{
    act_as(txn, ROLE_HOLDER, term_number);
}

void txn_as_copy(struct txn *txn, uint64_t term_number)
{
    act_as(txn, ROLE_COPY, term_number);
}

void txn_put(struct txn *txn, enum module module, struct bytes key, struct bytes value)
{
    add(txn, STEP_PUT, key, value)->module = module;
}

void txn_delete(struct txn *txn, enum module module, struct bytes key)
{
    add(txn, STEP_DELETE, key, BYTES_NONE)->module = module;
}

void txn_expect(struct txn *txn, enum module module, struct bytes key, uint64_t usn)
{
    struct step *step = add(txn, STEP_EXPECT, key, BYTES_NONE);
    step->module = module;
    step->version.usn = usn;
}

void txn_expect_head(struct txn *txn, uint64_t usn)
{
    add(txn, STEP_EXPECT_HEAD, BYTES_NONE, BYTES_NONE)->version.usn = usn;
}

void txn_expect_digest(struct txn *txn, enum module module, const struct digest *digest)
{
    OWNED(buffer_free) struct buffer bytes = {0};
    digest_encode(digest, &bytes);
    add(txn, STEP_EXPECT_DIGEST, BYTES_NONE, buffer_view(&bytes))->module = module;
}

/* Its hash is computed by whoever collects, not by the one writer. */
static void describe(struct step *step, const struct item *item)
{
    step->module = item->module;
    step->version = item->version;
    step->deleted = item->deleted;
    step->hash = item_hash(item);
}

static void add_item(struct txn *txn, enum step_kind kind, const struct item *item)
{
    describe(add(txn, kind, item->key, item->value), item);
}

static void tie(struct txn *txn, size_t from)
{
    OWNED(free_memory) struct keyed *list = xcalloc(SHEAF_ITEMS, sizeof *list);
    for (size_t i = 0; i < SHEAF_ITEMS; i++) {
        const struct step *step = &txn->steps[from + i];
        list[i] = (struct keyed){step->module, step_key(step), step->version.usn, i};
    }
    struct sheaf *sheaf = sheaf_tie(list, SHEAF_ITEMS);
    txn->tied_size += sheaf_size(sheaf);
    txn->tied = xrealloc(txn->tied, (txn->tied_count + 1) * sizeof *txn->tied);
    txn->tied[txn->tied_count++] = (struct tied){from, sheaf};
}

/* Few items are tied by the writer, with what else it has. */
static void tie_if_many(struct txn *txn)
{
    if (txn->count - txn->loose_from < SHEAF_ITEMS)
        return;
    tie(txn, txn->loose_from);
    txn->loose_from = txn->count;
}

void txn_apply(struct txn *txn, const struct item *item)
{
    add_item(txn, STEP_APPLY, item);
    tie_if_many(txn);
}

void txn_keep(struct txn *txn, struct buffer *memory)
{
    blocks_take_over(&txn->memory, memory);
}

void txn_apply_kept(struct txn *txn, const struct item *item)
{
    describe(add_kept(txn, STEP_APPLY, item->key, item->value), item);
    tie_if_many(txn);
}

void txn_place(struct txn *txn, const struct item *item)
{
    add_item(txn, STEP_PLACE, item);
}

void txn_drop(struct txn *txn, enum module module, struct bytes key)
{
    add(txn, STEP_DROP, key, BYTES_NONE)->module = module;
}

void txn_compare(struct txn *txn, enum module module, uint64_t from, uint64_t to, uint64_t goal)
{
    struct step *step = add(txn, STEP_COMPARE, BYTES_NONE, BYTES_NONE);
    step->module = module;
    step->from.usn = from;
    step->version.usn = to;
    step->goal = goal;
    txn->ends_comparison |= to == 0;
}

void txn_discard(struct txn *txn, const uint64_t *usns, size_t count)
{
    OWNED(buffer_free) struct buffer list = {0};
    for (size_t i = 0; i < count; i++)
        buffer_u64(&list, usns[i]);
    add(txn, STEP_DISCARD, BYTES_NONE, buffer_view(&list));
    txn->discards = true;
}

void txn_repair(struct txn *txn, const struct item *item)
{
    add_item(txn, STEP_REPAIR, item);
}

void txn_recount(struct txn *txn, enum module module, const struct recount *known)
{
    OWNED(buffer_free) struct buffer bytes = {0};
    if (known) {
        digest_encode(&known->before, &bytes);
        digest_encode(&known->sum, &bytes);
    }
    add(txn, STEP_RECOUNT, BYTES_NONE, buffer_view(&bytes))->module = module;
}

void txn_cookie(struct txn *txn, enum module module, struct version from, struct version to)
{
    struct step *step = add(txn, STEP_COOKIE, BYTES_NONE, BYTES_NONE);
    step->module = module;
    step->from = from;
    step->version = to;
}

void txn_whole_at(struct txn *txn, enum module module, struct version at)
{
    struct step *step = add(txn, STEP_WHOLE_AT, BYTES_NONE, BYTES_NONE);
    step->module = module;
    step->version = at;
}

void txn_complete_upto(struct txn *txn, uint64_t usn)
{
    txn->says_complete = true;
    txn->complete_upto = usn;
}

void txn_horizon(struct txn *txn, uint64_t usn)
{
    add(txn, STEP_HORIZON, BYTES_NONE, BYTES_NONE)->version.usn = usn;
}

void txn_rewind(struct txn *txn, const struct tail *tail)
{
    assert(!txn->rewind && tail->id);
    txn->rewind = xmemdup(tail, sizeof *tail);
    add(txn, STEP_REWIND, BYTES_NONE, BYTES_NONE)->version = tail->base;
}

void txn_forget_tail(struct txn *txn, uint64_t id)
{
    add(txn, STEP_FORGET_TAIL, BYTES_NONE, BYTES_NONE)->version.usn = id;
    txn->tails_forgotten++;
}

void txn_hold(struct txn *txn, const struct hold *hold)
{
    assert(!txn->hold && strcmp(hold->home, txn->home) == 0 && hold->revision > 0);
    txn->hold = xmemdup(hold, sizeof *hold);
}

void txn_record(struct txn *txn, const char *name, struct bytes value)
{
    assert(strncmp(name, "hold/", 5) != 0); /* those have rules of their own */
    add(txn, STEP_RECORD, bytes_of_text(name), value);
}

void txn_drop_home(struct txn *txn, uint64_t revision)
{
    assert(txn->role == ROLE_NONE && !txn->hold);
    add(txn, STEP_DROP_HOME, BYTES_NONE, BYTES_NONE)->version.usn = revision;
}

void txn_sweep(struct txn *txn, uint32_t items_max)
{
    assert(items_max > 0);
    add(txn, STEP_SWEEP, BYTES_NONE, BYTES_NONE)->version.usn = items_max;
}
