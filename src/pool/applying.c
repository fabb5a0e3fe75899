#include "pool/applying.h"

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "pool/content_gate.h"
#include "pool/copy_mark.h"
#include "pool/offer.h"

/* One module of a home, as batches come for it. */
struct copy {
    char home[HOME_NAME_SIZE];
    enum module module;

    pthread_mutex_t taking; /* one batch at a time; over what was gathered: */
    struct txn *txn;        /* in the order in which it came; or NULL */
    struct batch_head all;  /* of that, as if it were one batch */
    struct version from;    /* where the copy stands before it */
    bool tail;              /* and it has one: nothing makes it complete */
    bool files_lack;        /* and files of it: nor does anything before they are there */
    size_t items, bytes;
    size_t astray;               /* of those, that came behind a greater key */
    uint64_t began_ms, taken_ms; /* when the first batch was taken, and the last one */

    pthread_mutex_t lock; /* over what was gathered before, and is being stored: */
    pthread_cond_t stored;
    uint64_t storing_upto; /* 0: nothing is */
    struct error error;    /* it failed, and nobody was told yet */
};

struct applying {
    pthread_mutex_t lock; /* over the list */
    struct copy copies[APPLYING_COPIES_MAX];
    size_t count;
    atomic_int gathered; /* copies that have a transaction */
};

struct applying *applying_new(void)
{
    struct applying *applying = xcalloc(1, sizeof *applying);
    pthread_mutex_init(&applying->lock, NULL);
    return applying;
}

static void forget(struct applying *applying, struct copy *copy)
{
    if (!copy->txn)
        return;
    txn_free(TAKE(copy->txn));
    atomic_fetch_sub(&applying->gathered, 1);
}

void applying_free(struct applying *applying)
{
    for (size_t i = 0; i < applying->count; i++) {
        struct copy *copy = &applying->copies[i];
        assert(!copy->storing_upto);
        forget(applying, copy);
        pthread_cond_destroy(&copy->stored);
        pthread_mutex_destroy(&copy->lock);
        pthread_mutex_destroy(&copy->taking);
    }
    pthread_mutex_destroy(&applying->lock);
    free(applying);
}

/* NULL: there is no room, and no home more can be hosted either. */
static struct copy *copy_of(struct applying *applying, const char *home, enum module module)
{
    struct copy *copy = NULL;
    pthread_mutex_lock(&applying->lock);
    for (size_t i = 0; i < applying->count && !copy; i++) {
        struct copy *there = &applying->copies[i];
        if (there->module == module && strcmp(there->home, home) == 0)
            copy = there;
    }
    if (!copy && applying->count < APPLYING_COPIES_MAX) {
        copy = &applying->copies[applying->count++];
        snprintf(copy->home, sizeof copy->home, "%s", home);
        copy->module = module;
        pthread_mutex_init(&copy->taking, NULL);
        pthread_mutex_init(&copy->lock, NULL);
        pthread_cond_init(&copy->stored, NULL);
    }
    pthread_mutex_unlock(&applying->lock);
    return copy;
}

/* --- storing --- */

static struct version version_at(const struct hold *hold, uint64_t usn)
{
    return (struct version){.term = lineage_term_of(&hold->lineage, usn), .usn = usn};
}

/* What was gathered, with what it makes of the copy: one transaction. */
static struct txn *take_txn(struct applying *applying, struct copy *copy, const struct hold *hold)
{
    const struct batch_head *all = &copy->all;
    struct txn *txn = TAKE(copy->txn);
    atomic_fetch_sub(&applying->gathered, 1);
    txn_cookie(txn, all->module, copy->from, version_at(hold, all->upto));
    if (all->upto < all->head)
        txn_whole_at(txn, all->module, version_at(hold, all->head));
    else if (!copy->tail && !copy->files_lack)
        copy_mark_put(txn, all->home, all->module, all->read_ms);
    /* This copy may be asked for what it has, one day, and lacks the same tombstones. */
    txn_horizon(txn, all->horizon < all->upto ? all->horizon : all->upto);
    return txn;
}

static void set_storing(struct copy *copy, uint64_t upto, const struct error *e)
{
    pthread_mutex_lock(&copy->lock);
    copy->storing_upto = upto;
    if (e)
        copy->error = *e;
    pthread_cond_broadcast(&copy->stored);
    pthread_mutex_unlock(&copy->lock);
}

static uint64_t storing_upto(struct copy *copy, bool *failed)
{
    pthread_mutex_lock(&copy->lock);
    uint64_t upto = copy->storing_upto;
    *failed = copy->error.kind != OK;
    pthread_mutex_unlock(&copy->lock);
    return upto;
}

/* If that failed, what was gathered behind it is worth nothing any more. */
static enum failure wait_until_stored(struct applying *applying, struct copy *copy, struct error *e)
{
    pthread_mutex_lock(&copy->lock);
    while (copy->storing_upto)
        pthread_cond_wait(&copy->stored, &copy->lock);
    enum failure bad = copy->error.kind;
    if (bad)
        *e = copy->error;
    copy->error = (struct error){0};
    pthread_mutex_unlock(&copy->lock);
    if (bad)
        forget(applying, copy);
    return bad;
}

/* What was gathered is what is stored next. */
static struct txn *take_next(struct applying *applying, struct copy *copy, const struct hold *hold)
{
    set_storing(copy, copy->all.upto, NULL);
    return take_txn(applying, copy, hold);
}

/* Whoever sends more is not answered until what was stored before is: so much is gathered, and no
 * more. */
static enum failure make_room(struct applying *applying, struct copy *copy, const struct hold *hold,
                              struct txn **next, struct error *e)
{
    enum failure bad = wait_until_stored(applying, copy, e);
    if (!bad)
        *next = take_next(applying, copy, hold);
    return bad;
}

/* While the next batches are taken. */
static void store_next(struct store *store, struct copy *copy, struct txn *next)
{
    struct store_outcome outcome;
    store_commit_wait(store, next, &outcome);
    set_storing(copy, 0, &outcome.error);
}

/* --- taking, one batch at a time --- */

/* Where the next batch must follow, if that is not the cookie: whoever begins again elsewhere, or
 * in another term, does so because it does not trust what was gathered. */
static enum failure find_end(struct applying *applying, struct copy *copy,
                             const struct batch_head *head, uint64_t *taken, struct error *e)
{
    bool failed;
    uint64_t storing = storing_upto(copy, &failed);
    *taken = copy->txn ? copy->all.upto : storing;
    bool goes_on =
        *taken && head->after == *taken && (!copy->txn || term_equal(head->term, copy->all.term));
    if (goes_on && !failed)
        return OK;
    *taken = 0;
    forget(applying, copy);
    return wait_until_stored(applying, copy, e);
}

/* How many items are gathered, at most, with those of this batch if it waits for others. */
static size_t expected(const struct batch_head *head, const struct batch *batch, bool waits)
{
    const uint64_t most = APPLYING_ITEMS_MAX + APPLYING_ITEMS_REST, left = head->head - head->after;
    if (!waits)
        return batch_count(batch);
    return (size_t)(left < most ? left : most);
}

static void begin_gathering(struct applying *applying, struct copy *copy,
                            const struct batch_head *head, struct version from)
{
    copy->txn = txn_new(head->home);
    txn_as_copy(copy->txn, head->term.number);
    atomic_fetch_add(&applying->gathered, 1);
    copy->all = *head;
    copy->from = from;
    copy->items = copy->bytes = copy->astray = 0;
    copy->began_ms = clock_ms();
}

static void gather(struct applying *applying, struct copy *copy, struct batch *batch,
                   const struct batch_head *head, struct version from, bool waits)
{
    struct item item;
    struct bytes before = BYTES_NONE;
    struct buffer memory;
    if (copy->txn) {
        batch_join(&copy->all, head);
    } else {
        begin_gathering(applying, copy, head, from);
        txn_expect_steps(copy->txn, expected(head, batch, waits));
    }
    batch_hand_over(batch, &memory);
    txn_keep(copy->txn, &memory);
    while (batch_next(batch, &item) && item.version.usn <= head->upto) {
        txn_apply_kept(copy->txn, &item);
        copy->astray += bytes_compare(item.key, before) < 0;
        before = item.key;
        copy->items++;
        copy->bytes += item.key.size + item.value.size;
    }
    copy->taken_ms = clock_ms();
}

/* By what came so far; at most as much as there are changes. */
static bool little_is_left(const struct copy *copy)
{
    uint64_t left = copy->all.head - copy->all.upto;
    return left <= APPLYING_ITEMS_REST &&
           left * copy->bytes <= (uint64_t)APPLYING_BYTES_REST * copy->items;
}

static bool is_full(const struct copy *copy)
{
    bool many = copy->items >= APPLYING_ITEMS_MAX || copy->bytes >= APPLYING_BYTES_MAX;
    bool more = copy->items >= APPLYING_ITEMS_MAX + APPLYING_ITEMS_REST ||
                copy->bytes >= APPLYING_BYTES_MAX + APPLYING_BYTES_REST;
    return more || (many && !little_is_left(copy)) ||
           clock_ms() - copy->began_ms >= APPLYING_GATHER_MS;
}

/* So much that its pages, or their number, are worth it. */
static bool is_enough(const struct copy *copy, const struct home_state *state)
{
    uint64_t there = state->modules[copy->module].digest.items;
    return copy->bytes >= APPLYING_BYTES_ENOUGH &&
           (there / APPLYING_TIMES_ENOUGH <= copy->items ||
            copy->astray <= copy->items / APPLYING_ASTRAY_ENOUGH);
}

static bool is_due(struct copy *copy, const struct home_state *state)
{
    bool failed, storing = storing_upto(copy, &failed) != 0;
    return !storing && !failed && (is_full(copy) || is_enough(copy, state));
}

static enum failure store_all(struct applying *applying, struct store *store, struct copy *copy,
                              const struct hold *hold, struct error *e)
{
    struct store_outcome outcome;
    enum failure bad = wait_until_stored(applying, copy, e);
    if (bad)
        return bad;
    bad = store_commit_wait(store, take_txn(applying, copy, hold), &outcome);
    if (bad)
        *e = outcome.error;
    return bad;
}

/* May this batch be applied, and on top of what? */
static enum failure check(struct store *store, const char *from, const struct batch_head *head,
                          struct hold *hold, struct home_state *state, struct error *e)
{
    OWNED(view_close) struct view *view = NULL;
    enum failure bad = store_view(store, &view, e);
    return bad ? bad : offer_read_shared(view, head->home, from, hold, state, e);
}

/* The home's other modules, which go along with a batch if they can (protocol, rule 20). Each is
 * kept until that is stored, so that no batch of its own comes in between; one that is busy stays
 * where it is. */
struct company {
    struct copy *list[MODULES];
    size_t count;
};

static bool is_idle(struct copy *other)
{
    bool failed;
    return !other->txn && !storing_upto(other, &failed) && !failed;
}

/* As it stands now that nobody else moves it. */
static bool goes_along(struct store *store, const char *from, const struct batch_head *all,
                       enum module module, struct copy_state *stands, struct hold *hold)
{
    struct home_state state;
    struct error unused; /* then it stays where it is */
    if (check(store, from, all, hold, &state, &unused))
        return false;
    *stands = offer_copy(hold, &state, module);
    return copy_is_carried(stands, all);
}

static void take_along(struct applying *applying, struct store *store, struct copy *copy,
                       const struct applying_sent *sent, struct company *company,
                       struct applied *applied)
{
    const struct batch_head *all = &copy->all;
    OWNED(free_memory) struct hold *hold = xmalloc(sizeof *hold);
    applied->answer.carried = all->others_upto < all->upto;
    for (int m = 0; m < MODULES && applied->answer.carried; m++) {
        enum module module = (enum module)m;
        struct copy_state stands;
        if (module == copy->module || !module_belongs(module, copy->home))
            continue;
        struct copy *other = copy_of(applying, copy->home, module);
        applied->answer.carried = false;
        if (!other || pthread_mutex_trylock(&other->taking) != 0)
            return;
        company->list[company->count++] = other;
        if (!is_idle(other) || !goes_along(store, sent->from, all, module, &stands, hold))
            return;
        txn_cookie(copy->txn, module, stands.cookie, version_at(hold, all->upto));
        applied->complete[module] = !stands.tail;
        if (applied->complete[module] && !(module == MODULE_DATA_CONF && sent->files_lack))
            copy_mark_put(copy->txn, copy->home, module, all->read_ms);
        applied->answer.carried = true;
    }
}

static void part_with(struct company *company)
{
    while (company->count > 0)
        pthread_mutex_unlock(&company->list[--company->count]->taking);
}

/* Files whose manifests are deleted go with the transaction that deletes them. */
static enum failure store_with_files(struct applying *applying, struct store *store,
                                     struct copy *copy, const struct hold *hold,
                                     const struct applying_sent *sent,
                                     const struct batch_head *head, struct error *e)
{
    struct content_gate *gate = content_gate_open(sent->content, store, sent->bytes, head, e);
    if (!gate) {
        forget(applying, copy);
        return e->kind;
    }
    enum failure bad = store_all(applying, store, copy, hold, e);
    content_gate_close(gate, !bad);
    return bad;
}

/* `next` is what is due, for whoever took the batch to store. */
static enum failure take(struct applying *applying, struct copy *copy, struct store *store,
                         const struct applying_sent *sent, struct batch *batch,
                         struct applied *applied, struct txn **next, struct error *e)
{
    OWNED(free_memory) struct hold *hold = xmalloc(sizeof *hold);
    struct batch_head limited = *batch_head(batch);
    const struct batch_head *head = &limited;
    limited.upto = sent->limit < limited.upto ? sent->limit : limited.upto;
    struct home_state state;
    uint64_t taken;
    enum failure bad = find_end(applying, copy, head, &taken, e);
    if (!bad)
        bad = check(store, sent->from, head, hold, &state, e);
    if (bad)
        return bad;
    struct copy_state stands = offer_copy(hold, &state, head->module);
    stands.taken = taken;
    applied->answer = copy_judge_batch(&stands, head);
    if (applied->answer.verdict != COPY_GO_ON)
        return OK;
    limited.head = copy_whole_upto(&stands, head);
    applied->answer.taken = head->upto;
    if (head->upto == head->after && !copy->txn) { /* it brings nothing that is not stored yet */
        bad = wait_until_stored(applying, copy, e);
        if (taken)
            applied->answer.at = version_at(hold, head->upto);
        applied->complete[head->module] = !bad && head->upto == head->head && !stands.tail;
        return bad;
    }
    bool others = !copy->txn && atomic_load(&applying->gathered) >= APPLYING_GATHERED_MAX;
    bool files = head->module == MODULE_DATA_CONF; /* each batch waits for its own */
    copy->tail = stands.tail;
    copy->files_lack = files && sent->files_lack;
    bool waits = head->more && !others && !files;
    if (copy->txn && is_full(copy))
        bad = waits ? make_room(applying, copy, hold, next, e)
                    : store_all(applying, store, copy, hold, e);
    if (bad)
        return bad;
    if (waits && sent->answered)
        sent->answered(sent->context);
    gather(applying, copy, batch, head, taken ? version_at(hold, head->after) : stands.cookie,
           waits);
    if (waits) {
        if (!*next && is_due(copy, &state))
            *next = take_next(applying, copy, hold);
        return OK;
    }
    struct company company = {0};
    applied->complete[head->module] = copy->all.upto == copy->all.head && !stands.tail;
    applied->answer.at = version_at(hold, head->upto);
    take_along(applying, store, copy, sent, &company, applied);
    bad = store_with_files(applying, store, copy, hold, sent, head, e);
    part_with(&company);
    return bad;
}

enum failure applying_take(struct applying *applying, struct store *store,
                           const struct applying_sent *sent, struct applied *applied,
                           struct error *e)
{
    OWNED(batch_close) struct batch *batch = NULL;
    enum failure bad = batch_open(sent->bytes, &batch, e);
    if (bad)
        return bad;
    const struct batch_head *head = batch_head(batch);
    snprintf(applied->home, sizeof applied->home, "%s", head->home);
    applied->module = head->module;
    struct copy *copy = copy_of(applying, head->home, head->module);
    if (!copy)
        return fail(e, FAIL_REFUSED, "No copy of the home %s is kept here.", head->home);
    struct txn *next = NULL;
    pthread_mutex_lock(&copy->taking);
    bad = take(applying, copy, store, sent, batch, applied, &next, e);
    pthread_mutex_unlock(&copy->taking);
    if (next)
        store_next(store, copy, next);
    return bad;
}

void applying_tick(struct applying *applying)
{
    pthread_mutex_lock(&applying->lock);
    for (size_t i = 0; i < applying->count; i++) {
        struct copy *copy = &applying->copies[i];
        if (pthread_mutex_trylock(&copy->taking) != 0)
            continue; /* a batch is being taken */
        if (clock_ms() - copy->taken_ms >= APPLYING_IDLE_MS)
            forget(applying, copy);
        pthread_mutex_unlock(&copy->taking);
    }
    pthread_mutex_unlock(&applying->lock);
}
