#include "store/apply.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/copy.h"
#include "store/group_homes.h"
#include "store/rewind.h"
#include "store/run.h"

struct group {
    struct session *s;
    struct group_homes homes;
    struct run *run; /* items that are to be written together; empty between transactions */
};

struct group *group_new(struct session *writer)
{
    struct group *group = xcalloc(1, sizeof *group);
    group->s = group->homes.s = writer;
    group->run = run_new();
    return group;
}

void group_reset(struct group *group)
{
    group_homes_forget(&group->homes);
    run_clear(group->run);
}

void group_free(struct group *group)
{
    group_reset(group);
    run_free(group->run);
    free(group);
}

static const struct engine_ops *ops(const struct group *group)
{
    return group->s->engine->ops;
}

static enum failure refuse(struct error *e, enum failure kind, const char *home, const char *why)
{
    fail(e, kind, "The home %s %s.", home, why);
    if (e)
        error_kept(e, "Nothing was changed.");
    return kind;
}

/* The hold record that counts for this transaction: its own, if it brings one. */
static const struct hold *hold_of(const struct group_home *home, const struct txn *txn)
{
    if (txn->hold)
        return txn->hold;
    return home->has_hold ? &home->hold : NULL;
}

static enum failure check_role(const struct group_home *home, const struct txn *txn, bool leased,
                               struct error *e)
{
    const struct hold *hold = hold_of(home, txn);
    if (txn->role == ROLE_NONE)
        return OK;
    if (!hold)
        return refuse(e, FAIL_REFUSED, txn->home, "does not exist in this store");
    if (txn->role == ROLE_HOLDER) {
        enum failure bad = hold_check_change(hold, txn->term_number, e);
        if (bad)
            return bad;
        if (!leased && !txn->hold)
            return refuse(e, FAIL_REFUSED, txn->home,
                          "may have been taken over while this process did not run; it asks first");
        return OK;
    }
    if (mode_rights(hold->mode)->holder || hold->term.number != txn->term_number)
        return refuse(e, FAIL_REFUSED, txn->home, "does not follow that holder's term here");
    return OK;
}

static bool countable(struct version v)
{
    return v.usn <= STORE_NUMBER_MAX && v.term <= STORE_NUMBER_MAX;
}

static enum failure check_drop(const struct group_home *home, const struct txn *txn,
                               const struct step *step, struct error *e)
{
    if (!home->row.id)
        return refuse(e, FAIL_REFUSED, txn->home, "does not exist in this store");
    if (home->has_hold && mode_rights(home->hold.mode)->holder)
        return refuse(e, FAIL_REFUSED, txn->home, "is held here: it is no copy");
    if ((home->has_hold ? home->hold.revision : 0) != step->version.usn)
        return refuse(e, FAIL_CONFLICT, txn->home, "has another hold record by now");
    if (home->row.state.tails)
        return refuse(e, FAIL_REFUSED, txn->home, "has changes aside that are not salvaged yet");
    return OK;
}

static enum failure check_rewind(const struct group_home *home, const struct txn *txn,
                                 struct error *e)
{
    const struct tail *tail = txn->rewind;
    assert(txn->role == ROLE_COPY);
    if (tail->head != home_reach(&home->row.state))
        return refuse(e, FAIL_CONFLICT, txn->home, "has come to another point meanwhile");
    bool ends = home->row.state.going_back && tail->base.usn == tail->head && !tail->open;
    if ((tail->base.usn >= tail->head && !ends) || !countable(tail->base))
        return refuse(e, FAIL_INVALID, txn->home,
                      "has nothing beyond the point it is to go back to");
    if (home->row.state.tails >= TAILS_MAX && !home->row.state.going_back)
        return refuse(e, FAIL_REFUSED, txn->home, "has too many tails that nobody has salvaged");
    return OK;
}

/* Whoever salvaged it may say so twice. */
static enum failure check_tail(struct group *group, const struct txn *txn, uint64_t id,
                               struct error *e)
{
    OWNED(free_memory) struct tails *tails = xmalloc(sizeof *tails);
    enum failure bad = tails_load(group->s, txn->home, tails, e);
    if (bad || tails_find(tails, id))
        return bad;
    return refuse(e, FAIL_CONFLICT, txn->home, "does not have that tail any more");
}

static enum failure check_step(struct group *group, const struct group_home *home,
                               const struct txn *txn, const struct step *step, struct error *e)
{
    struct item item = {.module = step->module,
                        .version = step->version,
                        .key = step_key(step),
                        .value = step_value(step)};
    switch (step->kind) {
    case STEP_PUT:
    case STEP_DELETE:
    case STEP_APPLY:
    case STEP_PLACE:
    case STEP_REPAIR: {
        bool sent = step->kind != STEP_PUT && step->kind != STEP_DELETE;
        item.deleted = sent && step->deleted;
        bool as_copy = sent && step->kind != STEP_REPAIR;
        assert(txn->role == (as_copy ? ROLE_COPY : ROLE_HOLDER));
        enum failure bad = item_check(&item, e);
        if (bad) {
            error_kept(e, "Nothing was changed.");
            return bad;
        }
        if (!module_belongs(step->module, txn->home))
            return refuse(e, FAIL_INVALID, txn->home, "does not have that module");
        if (sent && (item.version.usn == 0 || item.version.term == 0 || !countable(item.version)))
            return refuse(e, FAIL_INVALID, txn->home, "was sent an item without a sound version");
        return OK;
    }
    case STEP_DISCARD: assert(txn->role != ROLE_NONE); return OK;
    case STEP_DROP:
    case STEP_RECOUNT: assert(txn->role == ROLE_COPY); return OK;
    case STEP_EXPECT: {
        struct found found = {0};
        enum failure bad = home->row.id ? ops(group)->find(group->s, home->row.id, step->module,
                                                           item.key, &found, e)
                                        : OK;
        if (bad)
            return bad;
        uint64_t usn = found.deleted ? 0 : found.usn;
        return usn == step->version.usn
                   ? OK
                   : refuse(e, FAIL_CONFLICT, txn->home, "has an item that was changed meanwhile");
    }
    case STEP_EXPECT_HEAD:
        return home->row.state.head == step->version.usn
                   ? OK
                   : refuse(e, FAIL_CONFLICT, txn->home, "has another head by now");
    case STEP_EXPECT_DIGEST: {
        struct digest digest;
        struct cursor in = cursor_over(item.value);
        digest_decode(&digest, &in);
        return digest_equal(&digest, &home->row.state.modules[step->module].digest)
                   ? OK
                   : refuse(e, FAIL_CONFLICT, txn->home, "does not add up to what was agreed");
    }
    case STEP_COOKIE: {
        assert(txn->role == ROLE_COPY);
        if (!countable(step->version))
            return refuse(e, FAIL_INVALID, txn->home, "was sent a cookie that is no version");
        struct version at = home->row.state.modules[step->module].cookie;
        if (home->row.state.modules[step->module].comparing && !txn->ends_comparison)
            return refuse(e, FAIL_CONFLICT, txn->home, "is being compared");
        return at.term == step->from.term && at.usn == step->from.usn
                   ? OK
                   : refuse(e, FAIL_CONFLICT, txn->home, "has its cookie somewhere else");
    }
    case STEP_COMPARE:
        assert(txn->role == ROLE_COPY);
        return home->row.state.modules[step->module].comparing == step->from.usn
                   ? OK
                   : refuse(e, FAIL_CONFLICT, txn->home, "is in another comparison by now");
    case STEP_WHOLE_AT:
        assert(txn->role == ROLE_COPY);
        return countable(step->version)
                   ? OK
                   : refuse(e, FAIL_INVALID, txn->home, "was sent a head that is no version");
    case STEP_RECORD:
        return step->key_size && step->key_size <= RECORD_NAME_MAX &&
                       step->value_size <= RECORD_VALUE_MAX
                   ? OK
                   : refuse(e, FAIL_INVALID, txn->home, "was given too large a record");
    case STEP_HORIZON:
        return countable(step->version)
                   ? OK
                   : refuse(e, FAIL_INVALID, txn->home, "was sent a horizon that is no usn");
    case STEP_REWIND: return check_rewind(home, txn, e);
    case STEP_FORGET_TAIL: return check_tail(group, txn, step->version.usn, e);
    case STEP_DROP_HOME: return check_drop(home, txn, step, e);
    case STEP_SWEEP:
        return home->row.id ? OK
                            : refuse(e, FAIL_REFUSED, txn->home, "does not exist in this store");
    }
    return OK;
}

enum failure group_check(struct group *group, struct txn *txn, bool leased, struct error *e)
{
    struct group_home *home;
    if (txn->count > TXN_ITEMS_MAX)
        return refuse(e, FAIL_INVALID, txn->home, "was given too many changes at once");
    enum failure bad = group_homes_find(&group->homes, txn->home, &home, e);
    if (bad)
        return bad;
    if (txn->hold && txn->hold->revision != (home->has_hold ? home->hold.revision : 0) + 1)
        return refuse(e, FAIL_CONFLICT, txn->home, "has another hold record by now");
    if (txn->hold && txn->hold->seen > STORE_NUMBER_MAX)
        return refuse(e, FAIL_INVALID, txn->home, "was given a term with too high a number");
    bad = check_role(home, txn, leased, e);
    for (size_t i = 0; !bad && i < txn->count; i++)
        bad = check_step(group, home, txn, &txn->steps[i], e);
    return bad;
}

/* Writes what was put off, before somebody looks. */
static enum failure catch_up(struct group *group, struct group_home *home, struct error *e)
{
    return run_write(group->run, group->s, &home->row, e);
}

static enum failure change(struct group *group, struct group_home *home, struct txn *txn,
                           const struct step *step, struct error *e)
{
    struct item item = {.module = step->module,
                        .deleted = step->kind == STEP_DELETE,
                        .key = step_key(step),
                        .value = step_value(step)};
    if (item.deleted) {
        struct found found = {0};
        enum failure bad =
            ops(group)->find(group->s, home->row.id, item.module, item.key, &found, e);
        if (bad || found.usn == 0 || found.deleted)
            return bad;
    }
    struct home_state *state = &home->row.state;
    item.version = (struct version){.term = txn->term_number, .usn = state->head + 1};
    run_add(group->run, &item, item_hash(&item));
    state->head = item.version.usn;
    if (txn->outcome.first_usn == 0)
        txn->outcome.first_usn = item.version.usn;
    return OK;
}

static enum failure drop(struct group *group, struct group_home *home, const struct step *step,
                         struct bytes key, struct error *e)
{
    struct found found = {0};
    enum failure bad = ops(group)->find(group->s, home->row.id, step->module, key, &found, e);
    if (bad || found.usn == 0)
        return bad;
    count_out(&home->row.state.modules[step->module].digest, key.size, &found);
    return ops(group)->drop(group->s, home->row.id, found.usn, e);
}

/* Who has a usn already. */
struct tenant {
    const struct item *wanted;
    bool other;
    enum module module;
    size_t key_size;
    struct found found;
};

static bool note_tenant(const struct item *item, struct item_hash hash, void *context)
{
    struct tenant *t = context;
    const struct item *wanted = t->wanted;
    t->other = item->version.usn == wanted->version.usn &&
               (item->module != wanted->module || !bytes_equal(item->key, wanted->key));
    t->module = item->module;
    t->key_size = item->key.size;
    t->found = (struct found){item->version.usn, item->deleted, hash, item->value.size};
    return false;
}

static enum failure place(struct group *group, struct group_home *home, const struct item *item,
                          struct item_hash hash, struct error *e)
{
    struct tenant t = {.wanted = item};
    enum failure bad =
        ops(group)->walk_usn(group->s, home->row.id, item->version.usn - 1, note_tenant, &t, e);
    if (!bad && t.other) {
        count_out(&home->row.state.modules[t.module].digest, t.key_size, &t.found);
        bad = ops(group)->drop(group->s, home->row.id, t.found.usn, e);
    }
    if (!bad)
        run_add(group->run, item, hash);
    return bad;
}

static bool count_in(const struct item *item, struct item_hash hash, void *context)
{
    digest_add(context, item, hash);
    return true;
}

static enum failure add_up(struct group *group, const struct group_home *home, enum module module,
                           struct digest *sum, struct error *e)
{
    *sum = (struct digest){0};
    return ops(group)->walk_keys(group->s, home->row.id, module, BYTES_NONE, BYTES_NONE, count_in,
                                 sum, e);
}

static enum failure recount(struct group *group, struct group_home *home, enum module module,
                            struct bytes known, struct error *e)
{
    struct digest *kept = &home->row.state.modules[module].digest;
    struct cursor in = cursor_over(known);
    struct digest before, sum;
    if (known.size) {
        digest_decode(&before, &in);
        digest_decode(&sum, &in);
    }
    bool valid = known.size && digest_equal(kept, &before);
    enum failure bad = valid ? OK : add_up(group, home, module, &sum, e);
    if (!bad)
        *kept = sum;
    return bad;
}

static bool count_in_its_module(const struct item *item, struct item_hash hash, void *context)
{
    struct digest *sums = context;
    digest_add(&sums[item->module], item, hash);
    return true;
}

/* What was damaged is the same again if everything adds up again. In the order in which the rows
 * lie: while others wait to write, that takes a fifth of the time that it takes in the order of
 * their keys; and what led astray among those has been discarded. */
static enum failure prove(struct group *group, const struct group_home *home, struct error *e)
{
    struct digest sums[MODULES] = {0};
    enum failure bad =
        ops(group)->walk_usn(group->s, home->row.id, 0, count_in_its_module, sums, e);
    for (int m = 0; !bad && m < MODULES; m++) {
        if (!digest_equal(&sums[m], &home->row.state.modules[m].digest))
            bad = rows_do_not_add_up(home->name, e);
    }
    return bad;
}

static enum failure discard(struct group *group, const struct group_home *home, struct bytes usns,
                            struct error *e)
{
    size_t count = usns.size / sizeof(uint64_t);
    OWNED(free_memory) uint64_t *list = xcalloc(count + 1, sizeof *list);
    struct cursor in = cursor_over(usns);
    for (size_t i = 0; i < count; i++)
        list[i] = cursor_u64(&in);
    return ops(group)->discard(group->s, home->row.id, list, count, e);
}

static void reach(struct home_state *state, uint64_t usn)
{
    if (usn > state->head)
        state->head = usn;
}

static void compare(struct home_state *state, const struct step *step)
{
    uint64_t *goal = &state->modules[step->module].compare_goal;
    state->modules[step->module].comparing = step->version.usn;
    *goal = step->goal > *goal ? step->goal : *goal;
}

static enum failure raise_horizon(struct group *group, struct group_home *home, uint64_t usn,
                                  struct error *e)
{
    if (usn <= home->row.state.horizon)
        return OK;
    home->row.state.horizon = usn;
    return ops(group)->forget(group->s, home->row.id, usn, e);
}

static enum failure drop_home(struct group *group, struct group_home *home, struct error *e)
{
    char name[HOME_NAME_SIZE], record[HOLD_RECORD_NAME_SIZE];
    const struct home_row nothing = {.id = home->row.id};
    snprintf(name, sizeof name, HOME_DROPPED "%" PRId64, home->row.id);
    enum failure bad = ops(group)->home_rename(group->s, home->name, name, &nothing, e);
    if (!bad && home->has_hold)
        bad = record_save(group->s, hold_record_name(home->name, record), BYTES_NONE, e);
    home->dropped = true;
    return bad;
}

static bool find_dropped(const char *name, void *context)
{
    bool found = strncmp(name, HOME_DROPPED, strlen(HOME_DROPPED)) == 0;
    if (found)
        memcpy(context, name, strlen(name) + 1);
    return !found;
}

static enum failure sweep(struct group *group, struct txn *txn, uint32_t max, struct error *e)
{
    char name[HOME_NAME_SIZE] = "";
    struct home_row row = {0};
    uint32_t swept = 0;
    enum failure bad = ops(group)->homes(group->s, find_dropped, name, e);
    txn->outcome.more = *name != '\0';
    if (bad || !txn->outcome.more)
        return bad;
    bad = ops(group)->home_load(group->s, name, &row, e);
    if (!bad)
        bad = ops(group)->sweep(group->s, row.id, max, &swept, e);
    return bad || swept == max ? bad : ops(group)->home_remove(group->s, name, row.id, e);
}

static enum failure carry_out_step(struct group *group, struct group_home *home, struct txn *txn,
                                   const struct step *step, struct error *e)
{
    struct home_state *state = &home->row.state;
    switch (step->kind) {
    case STEP_PUT:
    case STEP_DELETE: return change(group, home, txn, step, e);
    case STEP_APPLY:
    case STEP_PLACE:
    case STEP_REPAIR: {
        struct item item = {.module = step->module,
                            .deleted = step->deleted,
                            .version = step->version,
                            .key = step_key(step),
                            .value = step_value(step)};
        if (step->kind == STEP_REPAIR)
            return run_repair(group->run, group->s, home->row.id, &item, step->hash, e);
        if (step->kind == STEP_PLACE)
            return place(group, home, &item, step->hash, e);
        reach(state, item.version.usn);
        run_add(group->run, &item, step->hash);
        return OK;
    }
    case STEP_DROP: return drop(group, home, step, step_key(step), e);
    case STEP_COOKIE:
        state->modules[step->module].cookie = step->version;
        state->modules[step->module].whole_at = step->version;
        if (state->modules[step->module].compare_goal <= step->version.usn)
            state->modules[step->module].compare_goal = 0; /* it is all there by now */
        reach(state, step->version.usn);
        return OK;
    case STEP_DISCARD: return discard(group, home, step_value(step), e);
    case STEP_RECOUNT: return recount(group, home, step->module, step_value(step), e);
    case STEP_COMPARE: compare(state, step); return OK;
    case STEP_WHOLE_AT: state->modules[step->module].whole_at = step->version; return OK;
    case STEP_HORIZON: return raise_horizon(group, home, step->version.usn, e);
    case STEP_RECORD: {
        char name[RECORD_NAME_MAX + 1];
        memcpy(name, step_key(step).at, step->key_size);
        name[step->key_size] = '\0';
        return record_save(group->s, name, step_value(step), e);
    }
    case STEP_REWIND:
        return rewind_home(group->s, home->name, &home->row, txn->rewind,
                           home->hold.mode == MODE_REJOINING, e);
    case STEP_FORGET_TAIL:
        return rewind_forget(group->s, home->name, &home->row, step->version.usn, e);
    case STEP_DROP_HOME: return drop_home(group, home, e);
    case STEP_SWEEP: return sweep(group, txn, (uint32_t)step->version.usn, e);
    case STEP_EXPECT:
    case STEP_EXPECT_HEAD:
    case STEP_EXPECT_DIGEST: return OK;
    }
    return OK;
}

/* A holder that becomes a copy stands where it stopped (protocol, rule 15). */
static void step_down(struct group_home *home, const struct hold *next)
{
    if (!mode_rights(home->hold.mode)->holder || mode_rights(next->mode)->holder)
        return;
    struct home_state *state = &home->row.state;
    for (int m = 0; m < MODULES; m++)
        state->modules[m].cookie = state->modules[m].whole_at =
            copy_cookie_of_holder(&home->hold, state->head);
}

/* Has a copy that becomes the holder all that its lineage says? Not if an administrator cut its
 * refill short, or what it was filled with was not whole; nor while what it had of its own is
 * aside, unless all of that comes back with this transaction. A standby that takes alone has what
 * its lineage says, whatever the holder has besides. */
static bool lacks_something(const struct home_state *state, const struct hold *before,
                            const struct txn *txn)
{
    const struct hold *next = txn->hold;
    bool whole = state->tails == txn->tails_forgotten;
    for (int m = 0; m < MODULES; m++)
        whole &= state->modules[m].whole_at.usn <= state->modules[m].cookie.usn &&
                 !state->modules[m].comparing;
    return (next->alone && before->mode == MODE_REJOINING) || !whole;
}

/* Where a copy has come further with one module than with another, its term begins where it has
 * everything: what the old holder has beyond that is not known here (rule 15). If it lacks
 * something besides, no older point counts as one of its history: it goes on behind a usn that no
 * change has, and whoever stands below that finds out by comparing, and not by going on. */
static enum failure step_up(struct group *group, struct group_home *home, const struct txn *txn,
                            uint64_t *began, struct error *e)
{
    struct home_state *state = &home->row.state;
    bool was_copy = home->has_hold && !mode_rights(home->hold.mode)->holder;
    if (was_copy && txn->says_complete && txn->complete_upto < *began)
        *began = txn->complete_upto;
    if (!was_copy || !lacks_something(state, &home->hold, txn))
        return OK;
    state->head = home_reach(state) + 1;
    return raise_horizon(group, home, state->head, e);
}

static enum failure replace_hold(struct group *group, struct group_home *home, struct txn *txn,
                                 struct error *e)
{
    struct hold hold = *txn->hold;
    struct term before = home->has_hold ? home->hold.term : TERM_NONE;
    if (home->has_hold)
        step_down(home, &hold);
    enum failure bad = OK;
    txn->outcome.began = home->row.state.head;
    if (hold_opens_term(before, &hold)) {
        bad = step_up(group, home, txn, &txn->outcome.began, e);
        lineage_open(&hold.lineage, hold.term, txn->outcome.began);
        for (int m = 0; m < MODULES; m++) /* it is as it is now */
            home->row.state.modules[m].comparing = home->row.state.modules[m].compare_goal = 0;
        if (!bad)
            bad = rewind_close(group->s, home->name, &home->row, e);
    }
    if (!bad)
        bad = hold_save(group->s, &hold, e);
    if (bad)
        return bad;
    home->hold = hold;
    home->has_hold = home->remade = true;
    return OK;
}

/* Such steps need not see what was written before them, and share a run. */
static bool only_writes(enum step_kind kind)
{
    return kind == STEP_PUT || kind == STEP_APPLY;
}

enum failure group_carry_out(struct group *group, struct txn *txn, struct error *e)
{
    struct group_home *home;
    enum failure bad = group_homes_find(&group->homes, txn->home, &home, e);
    if (!bad && home->row.id == 0) { /* the engine makes room for a home's items */
        home->remade = true;
        bad = ops(group)->home_save(group->s, txn->home, &home->row, e);
    }
    if (!bad && txn->hold)
        bad = replace_hold(group, home, txn, e);
    run_make_room(group->run, txn->count);
    const struct tied *tied = txn->tied, *end = tied + txn->tied_count;
    for (size_t i = 0; !bad && i < txn->count; i++) {
        bool alone = !only_writes(txn->steps[i].kind);
        if (alone)
            bad = catch_up(group, home, e);
        if (!bad && tied < end && tied->from == i)
            run_expect(group->run, (tied++)->sheaf, SHEAF_ITEMS);
        if (!bad)
            bad = carry_out_step(group, home, txn, &txn->steps[i], e);
        if (!bad && alone)
            bad = catch_up(group, home, e);
    }
    if (!bad)
        bad = catch_up(group, home, e);
    if (!bad && txn->discards && txn->role == ROLE_HOLDER)
        bad = prove(group, home, e);
    if (bad)
        return bad;
    if (home->dropped) {
        home->row = (struct home_row){0};
        home->changed = home->has_hold = home->dropped = false;
        home->remade = true;
        return OK;
    }
    home->changed = true;
    txn->outcome.head = home->row.state.head;
    return OK;
}

enum failure group_save(struct group *group, struct error *e)
{
    return group_homes_save(&group->homes, e);
}

void group_settle(struct group *group, bool committed)
{
    group_homes_settle(&group->homes, committed);
}
