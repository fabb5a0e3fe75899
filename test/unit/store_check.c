#include "unit.h"

#include "store_check.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"

struct hold a_hold(enum mode mode, uint64_t term, uint64_t revision)
{
    struct hold hold = {.home = HOME,
                        .pools = {HOME, PARTNER},
                        .mode = mode,
                        .term = {.number = term, .tag = term ? term * 1000 + 7 : 0},
                        .seen = term,
                        .revision = revision};
    if (hold_is_handed_over(&hold)) {
        hold.to = (struct term){term + 1, term + 11};
        hold.seen = term + 1;
    }
    return hold;
}

enum failure keep_hold(struct store *store, const struct hold *hold, struct error *e)
{
    struct txn *txn = txn_new(hold->home);
    txn_hold(txn, hold);
    struct store_outcome outcome;
    enum failure bad = store_commit_wait(store, txn, &outcome);
    if (bad && e)
        *e = outcome.error;
    return bad;
}

static void must_keep(struct store *store, const struct hold *hold)
{
    struct error e = {0};
    char text[2400];
    if (keep_hold(store, hold, &e))
        fail_msg("%s", error_line(&e, text, sizeof text));
}

void serve_home(struct store *store, uint64_t term)
{
    struct hold hold = a_hold(MODE_SERVING, term, 1);
    must_keep(store, &hold);
    store_lease(store, HOME, UINT64_MAX);
}

void serve_central(struct store *store)
{
    struct hold hold = a_hold(MODE_SERVING, 2, 1);
    snprintf(hold.home, sizeof hold.home, HOME_CENTRAL);
    assert_int_equal(keep_hold(store, &hold, NULL), OK);
    store_lease(store, HOME_CENTRAL, UINT64_MAX);
}

void follow_home(struct store *store)
{
    struct hold hold = a_hold(MODE_STANDBY, FOLLOWED_TERM, 1);
    must_keep(store, &hold);
}

void open_term(struct store *store, const char *home, uint64_t term)
{
    OWNED(view_close) struct view *view = NULL;
    struct hold hold;
    assert_int_equal(store_view(store, &view, NULL), OK);
    if (view_hold(view, home, &hold, NULL))
        hold = a_hold(MODE_SERVING, term, 0);
    snprintf(hold.home, sizeof hold.home, "%s", home);
    hold.mode = MODE_SERVING;
    hold.term = (struct term){term, term * 11};
    hold.seen = term;
    hold.revision++;
    view_close(TAKE(view));
    assert_int_equal(keep_hold(store, &hold, NULL), OK);
    store_lease(store, home, UINT64_MAX);
}

struct home_state state_of(struct store *store, const char *home, struct hold *hold)
{
    OWNED(view_close) struct view *view = NULL;
    struct home_state state;
    assert_int_equal(store_view(store, &view, NULL), OK);
    assert_int_equal(view_home(view, home, &state, NULL), OK);
    assert_int_equal(view_hold(view, home, hold, NULL), OK);
    return state;
}

struct txn *as_holder(uint64_t term)
{
    struct txn *txn = txn_new(HOME);
    txn_as_holder(txn, term);
    return txn;
}

struct txn *as_copy(void)
{
    struct txn *txn = txn_new(HOME);
    txn_as_copy(txn, FOLLOWED_TERM);
    return txn;
}

void put_text(struct txn *txn, const char *key, const char *value)
{
    txn_put(txn, MODULE, bytes_of_text(key), bytes_of_text(value));
}

struct item an_item(uint64_t usn, const char *key, const char *value)
{
    return (struct item){.module = MODULE,
                         .version = {.term = FOLLOWED_TERM, .usn = usn},
                         .key = bytes_of_text(key),
                         .value = bytes_of_text(value)};
}

struct store_outcome commit_as(struct store *store, struct txn *txn, enum failure expected)
{
    struct store_outcome outcome;
    char text[2400];
    store_commit_wait(store, txn, &outcome);
    if (outcome.error.kind != expected)
        fail_msg("%s instead of %s: %s", failure_name(outcome.error.kind), failure_name(expected),
                 error_line(&outcome.error, text, sizeof text));
    if (expected) {
        assert_true(outcome.error.what[0] && outcome.error.kept[0]);
        if (expected != FAIL_DEADLINE)
            assert_true(outcome.first_usn == 0 && outcome.head == 0);
    }
    return outcome;
}

struct store_outcome put_one(struct store *store, uint64_t term, const char *key, const char *value)
{
    struct txn *txn = as_holder(term);
    put_text(txn, key, value);
    return commit_as(store, txn, OK);
}

void assert_says(const struct error *e, enum failure kind, const char *part)
{
    char text[2400];
    error_line(e, text, sizeof text);
    if (e->kind != kind || !strstr(e->what, part) || !e->kept[0] || !e->next[0])
        fail_msg("%s, \"%s\", three sentences expected; got %s: %s|%s|%s", failure_name(kind), part,
                 failure_name(e->kind), e->what, e->kept, e->next);
}

/* --- does it fit together? --- */

struct reading {
    struct digest digests[MODULES];
    size_t rows;
    uint64_t last_usn;
    bool by_key;
    struct buffer last_key;
    bool disordered;
};

static bool read_one(const struct item *item, struct item_hash hash, void *context)
{
    struct reading *r = context;
    if (r->by_key) {
        r->disordered |= item->deleted || bytes_compare(item->key, buffer_view(&r->last_key)) <= 0;
        buffer_clear(&r->last_key);
        buffer_raw(&r->last_key, item->key.at, item->key.size);
    } else {
        r->disordered |= item->version.usn <= r->last_usn;
        r->last_usn = item->version.usn;
    }
    digest_add(&r->digests[item->module], item, hash);
    r->rows++;
    return true;
}

static enum failure compare(const struct home_state *state, const struct reading *r,
                            enum module module, const char *way, struct error *e)
{
    if (!digest_equal(&state->modules[module].digest, &r->digests[module]))
        return fail(e, FAIL_CONFLICT, "The digest of %s does not fit its rows by %s.",
                    module_name(module), way);
    if (r->disordered || r->last_usn > state->head)
        return fail(e, FAIL_CONFLICT, "Rows by %s are out of order or above the head.", way);
    return OK;
}

static enum failure check_by_key(struct view *view, const char *home,
                                 const struct home_state *state, struct error *e)
{
    enum failure bad = OK;
    for (int m = 0; !bad && m < MODULES; m++) {
        struct reading r = {.by_key = true};
        bad = view_keys(view, home, (enum module)m, BYTES_NONE, read_one, &r, e);
        if (!bad)
            bad = compare(state, &r, (enum module)m, "key", e);
        buffer_free(&r.last_key);
    }
    return bad;
}

enum failure check_home(struct store *store, const char *home, struct home_state *state,
                        size_t *rows, struct error *e)
{
    OWNED(view_close) struct view *view = NULL;
    struct reading r = {0};
    struct home_state mine;
    state = state ? state : &mine;
    enum failure bad = store_view(store, &view, e);
    if (!bad)
        bad = view_home(view, home, state, e);
    if (!bad)
        bad = view_changes(view, home, 0, read_one, &r, e);
    for (int m = 0; !bad && m < MODULES; m++)
        bad = compare(state, &r, (enum module)m, "usn", e);
    if (!bad)
        bad = check_by_key(view, home, state, e);
    if (rows)
        *rows = r.rows;
    return bad;
}

void assert_sound(struct store *store, const char *home)
{
    struct error e = {0};
    char text[2400];
    if (check_home(store, home, NULL, NULL, &e))
        fail_msg("%s: %s", home, error_line(&e, text, sizeof text));
}

/* --- the gate --- */

static struct {
    pthread_mutex_t lock;
    pthread_cond_t moved;
    const struct engine_ops *real;
    struct engine_ops ops;
    bool closed, waiting;
    enum failure failure;
    unsigned passing; /* until it fails */
    unsigned flushes;
} gate = {.lock = PTHREAD_MUTEX_INITIALIZER, .moved = PTHREAD_COND_INITIALIZER};

static enum failure pass(struct session *s, struct error *e)
{
    pthread_mutex_lock(&gate.lock);
    gate.waiting = true;
    pthread_cond_broadcast(&gate.moved);
    while (gate.closed)
        pthread_cond_wait(&gate.moved, &gate.lock);
    gate.waiting = false;
    gate.flushes++;
    enum failure bad = gate.passing-- == 0 ? gate.failure : OK;
    if (bad)
        gate.failure = OK;
    pthread_mutex_unlock(&gate.lock);
    if (!bad)
        return gate.real->commit(s, e);
    fail(e, bad, "The gate let nothing pass.");
    return error_kept(e, "Nothing was changed.");
}

void gate_install(struct engine *engine)
{
    gate.real = engine->ops;
    gate.ops = *engine->ops;
    gate.ops.commit = pass;
    gate.closed = gate.waiting = false;
    gate.failure = OK;
    gate.flushes = 0;
    engine->ops = &gate.ops;
}

static void set_closed(bool closed)
{
    pthread_mutex_lock(&gate.lock);
    gate.closed = closed;
    pthread_cond_broadcast(&gate.moved);
    pthread_mutex_unlock(&gate.lock);
}

void gate_close(void)
{
    set_closed(true);
}

void gate_open(void)
{
    set_closed(false);
}

void gate_wait_for_flush(void)
{
    pthread_mutex_lock(&gate.lock);
    while (!gate.waiting)
        pthread_cond_wait(&gate.moved, &gate.lock);
    pthread_mutex_unlock(&gate.lock);
}

void gate_fail_after(unsigned passing, enum failure kind)
{
    pthread_mutex_lock(&gate.lock);
    gate.passing = passing;
    gate.failure = kind;
    pthread_mutex_unlock(&gate.lock);
}

unsigned gate_flushes(void)
{
    pthread_mutex_lock(&gate.lock);
    unsigned n = gate.flushes;
    pthread_mutex_unlock(&gate.lock);
    return n;
}
