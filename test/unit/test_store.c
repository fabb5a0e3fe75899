/* The conformance suite: every promise of store.h, on every engine. An engine that passes may hold
 * what must not be lost; that it also survives a power cut, test_store_power.c asks. */
#include "unit.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "store/memory.h"
#include "store/sheaf.h"
#include "store/sqlite.h"
#include "store_check.h"

/* --- a store of the engine under test --- */

static char folder[] = "/tmp/pollux-store-XXXXXX";
static char path[64];
static struct engine *engine;
static struct store *store;
static bool on_disk;
static struct sqlite_options options;

static void open_store(void)
{
    struct error e = {0};
    if (on_disk)
        assert_int_equal(sqlite_engine_open_with(path, HOME, &options, &engine, &e), OK);
    else
        engine = memory_engine_open();
    gate_install(engine);
    assert_int_equal(store_open(engine, &store, &e), OK);
}

static int set_up(void **state)
{
    on_disk = strcmp(*state, "memory") != 0;
    options.replaced_max = strcmp(*state, "sqlite, tidied at once") == 0;
    open_store();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    gate_open();
    store_close(store);
    const char *const ends[] = {"",      "-wal",   "-shm",           "-journal",
                                ".lock", ".spare", ".spare-replaced"};
    for (size_t i = 0; i < COUNT_OF(ends); i++) {
        char file[80];
        snprintf(file, sizeof file, "%s%s", path, ends[i]);
        unlink(file);
    }
    return 0;
}

static struct view *look(void)
{
    struct view *view;
    struct error e;
    assert_int_equal(store_view(store, &view, &e), OK);
    return view;
}

static struct home_state state_now(void)
{
    OWNED(view_close) struct view *view = look();
    struct home_state state;
    struct error e;
    assert_int_equal(view_home(view, HOME, &state, &e), OK);
    return state;
}

/* "a=1", "-a" for a tombstone, "" for nothing at all. */
static const char *read_text(struct view *view, const char *key)
{
    static char text[128];
    struct item item;
    struct error e;
    enum failure bad = view_item(view, HOME, MODULE, bytes_of_text(key), &item, &e);
    if (bad == FAIL_NOT_FOUND)
        return "";
    assert_int_equal(bad, OK);
    if (item.deleted)
        snprintf(text, sizeof text, "-%s", key);
    else
        snprintf(text, sizeof text, "%s=%.*s", key, (int)item.value.size, item.value.at);
    return text;
}

static void assert_reads(const char *key, const char *expected)
{
    OWNED(view_close) struct view *view = look();
    assert_string_equal(read_text(view, key), expected);
}

/* --- usns --- */

enum { WRITERS = 16, CHANGES_EACH = 60 };

struct writer {
    pthread_t thread;
    int number;
    uint64_t usns[CHANGES_EACH];
    bool failed;
};

static void *write_some(void *context)
{
    struct writer *w = context;
    for (int i = 0; i < CHANGES_EACH; i++) {
        char key[32];
        snprintf(key, sizeof key, "%d/%d", w->number, i);
        struct txn *txn = as_holder(2);
        put_text(txn, key, "value");
        struct store_outcome outcome;
        if (store_commit_wait(store, txn, &outcome) != OK) {
            w->failed = true;
            print_error("%s %s\n", failure_name(outcome.error.kind), outcome.error.what);
        }
        w->usns[i] = outcome.first_usn;
    }
    return NULL;
}

static void sixteen_writers_get_usns_without_gaps_each_in_its_order(void **state)
{
    (void)state;
    serve_home(store, 2);
    static struct writer writers[WRITERS];
    static unsigned given[WRITERS * CHANGES_EACH + 1];
    memset(given, 0, sizeof given);
    for (int i = 0; i < WRITERS; i++) {
        writers[i] = (struct writer){.number = i};
        assert_int_equal(pthread_create(&writers[i].thread, NULL, write_some, &writers[i]), 0);
    }
    for (int i = 0; i < WRITERS; i++) {
        pthread_join(writers[i].thread, NULL);
        assert_false(writers[i].failed);
        for (int n = 0; n < CHANGES_EACH; n++) {
            assert_true(n == 0 || writers[i].usns[n] > writers[i].usns[n - 1]);
            assert_in_range(writers[i].usns[n], 1, WRITERS * CHANGES_EACH);
            given[writers[i].usns[n]]++;
        }
    }
    for (int usn = 1; usn <= WRITERS * CHANGES_EACH; usn++)
        assert_int_equal(given[usn], 1);
    assert_int_equal(state_now().head, WRITERS * CHANGES_EACH);
    assert_sound(store, HOME);
}

struct ends {
    uint64_t usns[64];
    enum failure kinds[64];
    size_t count;
    atomic_size_t done;
};

static void note_end(const struct store_outcome *outcome, void *context)
{
    struct ends *ends = context;
    ends->usns[ends->count] = outcome->first_usn;
    ends->kinds[ends->count++] = outcome->error.kind;
    atomic_fetch_add(&ends->done, 1);
}

static void wait_for(struct ends *ends, size_t count)
{
    while (atomic_load(&ends->done) < count)
        usleep(200);
}

static void transactions_of_one_thread_end_in_their_order_and_share_a_flush(void **state)
{
    (void)state;
    serve_home(store, 2);
    struct ends ends = {0};
    gate_close();
    struct txn *first = as_holder(2);
    put_text(first, "same", "0");
    store_commit(store, first, note_end, &ends);
    gate_wait_for_flush();
    for (int i = 1; i < 50; i++) {
        char value[16];
        snprintf(value, sizeof value, "%d", i);
        struct txn *txn = as_holder(2);
        put_text(txn, "same", value);
        store_commit(store, txn, note_end, &ends);
    }
    unsigned before = gate_flushes();
    gate_open();
    wait_for(&ends, 50);
    assert_int_equal(gate_flushes() - before, 2); /* the one at the gate, and all who waited */
    for (size_t i = 0; i < 50; i++)
        assert_int_equal(ends.usns[i], i + 1);
    assert_reads("same", "same=49");
    assert_sound(store, HOME);
}

static void a_transaction_says_its_first_usn_and_the_head_after_it(void **state)
{
    (void)state;
    serve_home(store, 2);
    struct txn *txn = as_holder(2);
    put_text(txn, "a", "1");
    put_text(txn, "b", "1");
    put_text(txn, "a", "2"); /* each step is a change of its own */
    struct store_outcome outcome = commit_as(store, txn, OK);
    assert_int_equal(outcome.first_usn, 1);
    assert_int_equal(outcome.head, 3);
    assert_reads("a", "a=2");

    txn = as_holder(2);
    txn_record(txn, "mark/x", bytes_of_text("1"));
    outcome = commit_as(store, txn, OK);
    assert_true(outcome.first_usn == 0 && outcome.head == 3);
    assert_sound(store, HOME);
}

/* --- preconditions --- */

static void a_precondition_that_fails_changes_nothing_and_uses_no_usn(void **state)
{
    (void)state;
    serve_home(store, 2);
    put_one(store, 2, "a", "1");
    const uint64_t wrong[] = {0, 2, 7};
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        struct txn *txn = as_holder(2);
        put_text(txn, "b", "x");
        txn_record(txn, "mark/x", bytes_of_text("x"));
        txn_expect(txn, MODULE, bytes_of_text("a"), wrong[i]);
        put_text(txn, "a", "x");
        commit_as(store, txn, FAIL_CONFLICT);
    }
    assert_reads("a", "a=1");
    assert_reads("b", "");
    OWNED(buffer_free) struct buffer record = {0};
    struct view *view = look();
    assert_int_equal(view_record(view, "mark/x", &record, NULL), FAIL_NOT_FOUND);
    view_close(view);
    assert_int_equal(state_now().head, 1);

    struct txn *txn = as_holder(2);
    txn_expect(txn, MODULE, bytes_of_text("a"), 1);
    txn_expect(txn, MODULE, bytes_of_text("b"), 0);
    put_text(txn, "a", "2");
    assert_int_equal(commit_as(store, txn, OK).first_usn, 2);
}

static void what_was_deleted_counts_as_not_there(void **state)
{
    (void)state;
    serve_home(store, 2);
    put_one(store, 2, "a", "1");
    struct txn *txn = as_holder(2);
    txn_delete(txn, MODULE, bytes_of_text("a"));
    commit_as(store, txn, OK);
    txn = as_holder(2);
    txn_expect(txn, MODULE, bytes_of_text("a"), 2);
    commit_as(store, txn, FAIL_CONFLICT);
    txn = as_holder(2);
    txn_expect(txn, MODULE, bytes_of_text("a"), 0);
    put_text(txn, "a", "2");
    commit_as(store, txn, OK);
    assert_reads("a", "a=2");
}

static void one_bad_transaction_does_no_harm_to_its_group(void **state)
{
    (void)state;
    serve_home(store, 2);
    struct ends ends = {0};
    gate_close();
    for (int i = 0; i < 10; i++) {
        char key[16];
        snprintf(key, sizeof key, "k%d", i);
        struct txn *txn = as_holder(2);
        put_text(txn, key, "1");
        if (i == 5) /* true until the transaction before it in its group */
            txn_expect(txn, MODULE, bytes_of_text("k4"), 0);
        store_commit(store, txn, note_end, &ends);
        if (i == 0)
            gate_wait_for_flush();
    }
    gate_open();
    wait_for(&ends, 10);
    for (size_t i = 0; i < 10; i++)
        assert_int_equal(ends.kinds[i], i == 5 ? FAIL_CONFLICT : OK);
    assert_int_equal(ends.usns[6], 6);
    assert_int_equal(state_now().head, 9);
    assert_sound(store, HOME);
}

/* Stands at the closed gate, with `count` more behind it that will share the next flush. */
static void queue_behind_gate(struct ends *ends, unsigned count)
{
    gate_close();
    for (unsigned i = 0; i <= count; i++) {
        char key[16];
        snprintf(key, sizeof key, "k%u", i);
        struct txn *txn = as_holder(2);
        put_text(txn, key, "1");
        store_commit(store, txn, note_end, ends);
        if (i == 0)
            gate_wait_for_flush();
    }
}

static void a_group_that_does_not_fit_is_tried_one_by_one(void **state)
{
    (void)state;
    serve_home(store, 2);
    struct ends ends = {0};
    queue_behind_gate(&ends, 4);
    gate_fail_after(1, FAIL_FULL);
    gate_open();
    wait_for(&ends, 5);
    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(ends.kinds[i], OK);
        assert_int_equal(ends.usns[i], i + 1);
    }
    struct ends alone = {0};
    queue_behind_gate(&alone, 0);
    gate_fail_after(0, FAIL_FULL);
    gate_open();
    wait_for(&alone, 1);
    assert_true(alone.kinds[0] == FAIL_FULL && alone.usns[0] == 0);
    assert_int_equal(state_now().head, 5);
    assert_sound(store, HOME);
}

static void after_a_failed_flush_nothing_is_tried_again_and_reading_goes_on(void **state)
{
    (void)state;
    serve_home(store, 2);
    struct ends ends = {0};
    queue_behind_gate(&ends, 5);
    gate_fail_after(1, FAIL_IO); /* the first passes, the group of five fails */
    gate_open();
    wait_for(&ends, 6);
    assert_int_equal(ends.kinds[0], OK);
    for (size_t i = 1; i < 6; i++)
        assert_true(ends.kinds[i] == FAIL_IO && ends.usns[i] == 0);
    struct txn *txn = as_holder(2);
    put_text(txn, "k9", "1");
    struct store_outcome outcome = commit_as(store, txn, FAIL_IO);
    assert_says(&outcome.error, FAIL_IO, "");
    assert_reads("k0", "k0=1");
    assert_reads("k1", "");
    assert_reads("k9", "");
}

/* --- deleting --- */

static void a_deletion_leaves_a_tombstone_and_a_second_one_changes_nothing(void **state)
{
    (void)state;
    serve_home(store, 2);
    put_one(store, 2, "a", "1");
    struct txn *txn = as_holder(2);
    txn_delete(txn, MODULE, bytes_of_text("a"));
    struct store_outcome outcome = commit_as(store, txn, OK);
    assert_int_equal(outcome.first_usn, 2);
    assert_reads("a", "-a");
    const char *const absent[] = {"a", "never"};
    for (size_t i = 0; i < COUNT_OF(absent); i++) {
        txn = as_holder(2);
        txn_delete(txn, MODULE, bytes_of_text(absent[i]));
        outcome = commit_as(store, txn, OK);
        assert_true(outcome.first_usn == 0 && outcome.head == 2);
    }
    struct home_state now = state_now();
    assert_true(now.modules[MODULE].digest.items == 0 && now.modules[MODULE].digest.low == 0);
    assert_sound(store, HOME);
}

static void the_horizon_takes_only_tombstones_and_never_goes_back(void **state)
{
    (void)state;
    serve_home(store, 2);
    put_one(store, 2, "a", "1");
    put_one(store, 2, "b", "1");
    put_one(store, 2, "c", "1");
    const char *const gone[] = {"a", "b"};
    for (size_t i = 0; i < 2; i++) {
        struct txn *txn = as_holder(2);
        txn_delete(txn, MODULE, bytes_of_text(gone[i]));
        commit_as(store, txn, OK);
    }
    struct txn *txn = txn_new(HOME);
    txn_horizon(txn, 4); /* the tombstone of a is 4, that of b is 5 */
    commit_as(store, txn, OK);
    assert_reads("a", "");
    assert_reads("b", "-b");
    assert_reads("c", "c=1");
    assert_int_equal(state_now().horizon, 4);
    txn = txn_new(HOME);
    txn_horizon(txn, 2);
    commit_as(store, txn, OK);
    struct home_state now = state_now();
    assert_true(now.horizon == 4 && now.head == 5);
    assert_sound(store, HOME);
}

static void must_have_any(bool any)
{
    bool told = !any;
    OWNED(view_close) struct view *view = look();
    assert_int_equal(view_has_any(view, HOME, MODULE, &told, NULL), OK);
    assert_int_equal(told, any);
}

/* Copies may not have heard yet that something was deleted. */
static void a_module_with_tombstones_is_not_empty(void **state)
{
    (void)state;
    serve_home(store, 2);
    must_have_any(false);
    put_one(store, 2, "a", "1");
    must_have_any(true);
    struct txn *txn = as_holder(2);
    txn_delete(txn, MODULE, bytes_of_text("a"));
    txn_put(txn, MODULE_DATA_CONF, bytes_of_text("another module's"), bytes_of_text("1"));
    commit_as(store, txn, OK);
    must_have_any(true);
    txn = txn_new(HOME);
    txn_horizon(txn, 2);
    commit_as(store, txn, OK);
    must_have_any(false);
    bool told = true;
    OWNED(view_close) struct view *view = look();
    assert_int_equal(view_has_any(view, "nobody's", MODULE, &told, NULL), FAIL_NOT_FOUND);
    assert_false(told);
}

/* --- who may --- */

static void refuse_change(uint64_t term)
{
    struct txn *txn = as_holder(term);
    put_text(txn, "x", "1");
    txn_record(txn, "mark/x", bytes_of_text("1"));
    commit_as(store, txn, FAIL_REFUSED);
    OWNED(view_close) struct view *view = look();
    assert_string_equal(read_text(view, "x"), "");
    OWNED(buffer_free) struct buffer record = {0};
    assert_int_equal(view_record(view, "mark/x", &record, NULL), FAIL_NOT_FOUND);
}

static void changes_need_the_holders_term(void **state)
{
    (void)state;
    struct txn *txn = as_holder(2);
    put_text(txn, "x", "1");
    commit_as(store, txn, FAIL_REFUSED); /* no such home */
    struct view *view = look();
    struct home_state none;
    assert_int_equal(view_home(view, HOME, &none, NULL), FAIL_NOT_FOUND);
    view_close(view);

    serve_home(store, 4);
    refuse_change(2);
    refuse_change(6);
    put_one(store, 4, "a", "1");
}

static void changes_need_a_mode_that_allows_them(void **state)
{
    (void)state;
    struct hold hold = a_hold(MODE_SERVING, 2, 1);
    assert_int_equal(keep_hold(store, &hold, NULL), OK);
    store_lease(store, HOME, UINT64_MAX);
    for (int mode = 0; mode < MODES; mode++) {
        hold = a_hold((enum mode)mode, 2, hold.revision + 1);
        assert_int_equal(keep_hold(store, &hold, NULL), OK);
        if (mode_rights(hold.mode)->changes)
            put_one(store, 2, "a", mode_name(hold.mode));
        else
            refuse_change(2);
    }
}

static void changes_need_a_lease(void **state)
{
    (void)state;
    struct hold hold = a_hold(MODE_SERVING, 2, 1);
    assert_int_equal(keep_hold(store, &hold, NULL), OK);
    refuse_change(2); /* a home starts without */
    store_lease(store, HOME, clock_ms());
    refuse_change(2); /* run out */
    store_lease(store, HOME, clock_ms() + 1000000);
    put_one(store, 2, "a", "1");
    store_lease(store, HOME, 0);
    refuse_change(2);
}

/* A change that is in the store, and not answered yet, when this happens. */
static enum failure answer_after(void (*happens)(void))
{
    serve_home(store, 2);
    struct ends ends = {0};
    gate_close();
    struct txn *txn = as_holder(2);
    put_text(txn, "a", "1");
    store_commit(store, txn, note_end, &ends);
    gate_wait_for_flush();
    happens();
    gate_open();
    wait_for(&ends, 1);
    return ends.kinds[0];
}

static void its_lease_ends(void)
{
    store_lease(store, HOME, 0);
}

static void its_home_drains(void)
{
    store_lease_drains(store, HOME);
}

static void its_home_drains_late(void)
{
    store_lease(store, HOME, clock_ms()); /* this process was stopped meanwhile */
    store_lease_drains(store, HOME);
}

static void a_lease_that_ends_before_the_answer_leaves_the_outcome_open(void **state)
{
    (void)state;
    assert_int_equal(answer_after(its_lease_ends), FAIL_DEADLINE);
    assert_reads("a", "a=1"); /* it was stored; that it stays, nobody promised */
}

static void what_was_stored_before_a_holder_drains_is_acknowledged(void **state)
{
    (void)state;
    assert_int_equal(answer_after(its_home_drains), OK);
    refuse_change(2);
    store_lease(store, HOME, UINT64_MAX); /* it was rolled back */
    put_one(store, 2, "a", "2");
}

static void nor_is_a_home_without_a_lease_answered_when_it_drains(void **state)
{
    (void)state;
    assert_int_equal(answer_after(its_home_drains_late), FAIL_DEADLINE);
}

static void the_record_that_a_transaction_brings_is_the_one_that_counts(void **state)
{
    (void)state;
    serve_home(store, 2);
    struct txn *txn = as_holder(4);
    struct hold next = a_hold(MODE_SERVING, 4, 2);
    txn_hold(txn, &next);
    put_text(txn, "a", "1");
    assert_int_equal(commit_as(store, txn, OK).first_usn, 1);

    txn = as_holder(4);
    next = a_hold(MODE_RELEASED, 4, 3);
    txn_hold(txn, &next);
    put_text(txn, "a", "2");
    commit_as(store, txn, FAIL_REFUSED);
    assert_reads("a", "a=1");
    OWNED(view_close) struct view *view = look();
    struct hold stored;
    assert_int_equal(view_hold(view, HOME, &stored, NULL), OK);
    assert_true(stored.mode == MODE_SERVING && stored.revision == 2);
}

/* --- hold records --- */

static void a_hold_record_is_replaced_only_by_whoever_has_read_it(void **state)
{
    (void)state;
    struct error e = {0};
    struct hold hold = a_hold(MODE_SERVING, 2, 2);
    assert_int_equal(keep_hold(store, &hold, &e), FAIL_CONFLICT); /* the first has revision 1 */
    hold.revision = 1;
    assert_int_equal(keep_hold(store, &hold, &e), OK);
    const uint64_t wrong[] = {1, 3, UINT64_MAX};
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        hold.mode = MODE_CLOSING;
        hold.revision = wrong[i];
        assert_int_equal(keep_hold(store, &hold, &e), FAIL_CONFLICT);
    }
    OWNED(view_close) struct view *view = look();
    struct hold stored;
    assert_int_equal(view_hold(view, HOME, &stored, NULL), OK);
    assert_true(stored.mode == MODE_SERVING && stored.revision == 1);
    assert_int_equal(view_hold(view, PARTNER, &stored, NULL), FAIL_NOT_FOUND);
}

static void a_release_gives_away_what_was_agreed_or_nothing(void **state)
{
    (void)state;
    serve_home(store, 2);
    put_one(store, 2, "a", "1");
    struct home_state agreed;
    struct view *view = look();
    assert_int_equal(view_home(view, HOME, &agreed, NULL), OK);
    view_close(view);
    put_one(store, 2, "a", "2"); /* nobody copied that */

    struct hold hold = a_hold(MODE_RELEASED, 2, 2);
    struct txn *txn = txn_new(HOME);
    txn_hold(txn, &hold);
    txn_expect_head(txn, agreed.head);
    commit_as(store, txn, FAIL_CONFLICT);
    txn = txn_new(HOME);
    txn_hold(txn, &hold);
    txn_expect_digest(txn, MODULE_PRESENCE_FOCUS, &agreed.modules[MODULE_PRESENCE_FOCUS].digest);
    commit_as(store, txn, FAIL_CONFLICT);

    struct home_state now;
    view = look();
    struct hold stored;
    assert_int_equal(view_home(view, HOME, &now, NULL), OK);
    assert_int_equal(view_hold(view, HOME, &stored, NULL), OK);
    view_close(view);
    assert_int_equal(stored.mode, MODE_SERVING);
    txn = txn_new(HOME);
    txn_hold(txn, &hold);
    txn_expect_head(txn, now.head);
    txn_expect_digest(txn, MODULE_PRESENCE_FOCUS, &now.modules[MODULE_PRESENCE_FOCUS].digest);
    commit_as(store, txn, OK);
}

static void a_term_that_opens_enters_the_lineage_where_the_head_stands(void **state)
{
    (void)state;
    serve_home(store, 2);
    put_one(store, 2, "a", "1");
    put_one(store, 2, "b", "1");
    struct hold hold;
    struct view *view = look();
    assert_int_equal(view_hold(view, HOME, &hold, NULL), OK);
    view_close(view);
    assert_int_equal(hold.lineage.count, 1);
    assert_int_equal(hold.lineage.entries[0].began, 0);

    hold.revision++;
    hold.mode = MODE_CLOSING; /* the same term goes on */
    hold.to = (struct term){5, 55};
    hold.seen = 5;
    assert_int_equal(keep_hold(store, &hold, NULL), OK);

    struct txn *txn = as_holder(6);
    hold.revision++;
    hold.mode = MODE_SERVING;
    hold.to = TERM_NONE;
    hold.term = (struct term){6, 66};
    hold.seen = 6;
    txn_hold(txn, &hold);
    put_text(txn, "c", "1"); /* in the same transaction, and already of the new term */
    struct store_outcome opened = commit_as(store, txn, OK);
    assert_true(opened.first_usn == 3 && opened.began == 2 && opened.head == 3);

    view = look();
    assert_int_equal(view_hold(view, HOME, &hold, NULL), OK);
    view_close(view);
    assert_int_equal(hold.lineage.count, 2);
    assert_true(term_equal(hold.lineage.entries[1].term, (struct term){6, 66}));
    assert_int_equal(hold.lineage.entries[1].began, 2);
    assert_int_equal(lineage_term_of(&hold.lineage, 3), 6);
}

/* --- a copy --- */

static void a_copy_applies_only_what_follows_its_holders_term(void **state)
{
    (void)state;
    struct item item = an_item(5, "a", "1");
    struct txn *txn = as_copy();
    txn_apply(txn, &item);
    commit_as(store, txn, FAIL_REFUSED); /* no such home */
    follow_home(store);
    txn = txn_new(HOME);
    txn_as_copy(txn, 5);
    txn_apply(txn, &item);
    commit_as(store, txn, FAIL_REFUSED);
    txn = as_copy();
    txn_apply(txn, &item);
    struct store_outcome outcome = commit_as(store, txn, OK);
    assert_true(outcome.first_usn == 0 && outcome.head == 5);
    assert_reads("a", "a=1");
    refuse_change(3);

    struct hold mine = a_hold(MODE_SERVING, 4, 2);
    assert_int_equal(keep_hold(store, &mine, NULL), OK);
    txn = txn_new(HOME);
    txn_as_copy(txn, 4); /* a holder is nobody's copy, not even its own */
    txn_apply(txn, &item);
    commit_as(store, txn, FAIL_REFUSED);
    assert_sound(store, HOME);
}

static void what_a_copy_takes_over_need_not_be_copied(void **state)
{
    (void)state;
    follow_home(store);
    struct buffer memory = {0};
    buffer_raw(&memory, "abcdef", 6);
    struct item one = an_item(5, "a", "1"), two = an_item(6, "b", "2"),
                three = an_item(7, "c", "3");
    two.key = bytes_of(memory.at, 3);
    two.value = bytes_of(memory.at + 3, 3);
    struct txn *txn = as_copy();
    txn_expect_steps(txn, 2);
    txn_apply(txn, &one);
    txn_keep(txn, &memory);
    assert_true(memory.at == NULL && memory.size == 0);
    txn_apply_kept(txn, &two);
    txn_apply(txn, &three);
    assert_int_equal(commit_as(store, txn, OK).head, 7);
    assert_reads("a", "a=1");
    assert_reads("abc", "abc=def");
    assert_reads("c", "c=3");
    assert_sound(store, HOME);
}

static void a_cookie_moves_only_from_where_it_stands(void **state)
{
    (void)state;
    follow_home(store);
    struct version start = {0}, at = {FOLLOWED_TERM, 10}, other = {FOLLOWED_TERM, 9},
                   to = {FOLLOWED_TERM, 20}, wrong_term = {5, 10};
    struct txn *txn = as_copy();
    struct item item = an_item(7, "a", "1");
    txn_apply(txn, &item);
    txn_cookie(txn, MODULE, start, at);
    assert_int_equal(commit_as(store, txn, OK).head, 10); /* others' changes lie between */
    const struct version wrong[] = {start, other, wrong_term, to};
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        txn = as_copy();
        item = an_item(15, "a", "2");
        txn_apply(txn, &item);
        txn_cookie(txn, MODULE, wrong[i], to);
        commit_as(store, txn, FAIL_CONFLICT);
    }
    txn = as_copy();
    txn_cookie(txn, MODULE_DATA_CONF, start, other); /* each module has its own */
    commit_as(store, txn, OK);
    struct home_state now = state_now();
    assert_true(now.head == 10 && now.modules[MODULE].cookie.usn == 10 &&
                now.modules[MODULE].cookie.term == FOLLOWED_TERM &&
                now.modules[MODULE_DATA_CONF].cookie.usn == 9);
    assert_reads("a", "a=1");

    txn = as_copy(); /* stepping down moves a cookie back; the head stays */
    txn_cookie(txn, MODULE, at, other);
    assert_int_equal(commit_as(store, txn, OK).head, 10);
    assert_int_equal(state_now().modules[MODULE].cookie.usn, 9);
    assert_sound(store, HOME);
}

static void an_item_that_takes_the_usn_of_another_is_refused_whole(void **state)
{
    (void)state;
    follow_home(store);
    struct item a = an_item(5, "a", "1"), b = an_item(6, "b", "1");
    struct txn *txn = as_copy();
    txn_apply(txn, &a);
    txn_apply(txn, &b);
    commit_as(store, txn, OK);
    const char *const keys[] = {"a", "new"};
    for (size_t i = 0; i < COUNT_OF(keys); i++) {
        struct item fresh = an_item(9, "c", "1"), twice = an_item(6, keys[i], "2");
        txn = as_copy();
        txn_apply(txn, &fresh);
        txn_apply(txn, &twice);
        struct store_outcome outcome = commit_as(store, txn, FAIL_DAMAGED);
        assert_says(&outcome.error, FAIL_DAMAGED, "usn");
    }
    assert_reads("c", "");
    assert_reads("a", "a=1");
    txn = as_copy(); /* the same again is no harm */
    txn_apply(txn, &b);
    commit_as(store, txn, OK);
    assert_sound(store, HOME);
}

static void what_was_replaced_is_in_nobodys_way(void **state)
{
    (void)state;
    follow_home(store);
    struct item first = an_item(5, "a", "1"), second = an_item(6, "a", "2"),
                other = an_item(5, "b", "3"), third = an_item(8, "a", "4");
    struct txn *txn = as_copy();
    txn_apply(txn, &first);
    commit_as(store, txn, OK);
    txn = as_copy();
    txn_apply(txn, &second);
    commit_as(store, txn, OK);
    txn = as_copy(); /* gets the usn that the first one had */
    txn_apply(txn, &other);
    txn_apply(txn, &third);
    commit_as(store, txn, OK);
    assert_reads("a", "a=4");
    assert_reads("b", "b=3");
    assert_sound(store, HOME);
    assert_int_equal(state_now().modules[MODULE].digest.items, 2);

    /* Nor is it when the item itself gets that usn once more. */
    struct item fourth = an_item(10, "a", "5"), fifth = an_item(11, "a", "6");
    txn = as_copy();
    txn_apply(txn, &fourth);
    commit_as(store, txn, OK);
    txn = as_copy();
    txn_apply(txn, &fifth);
    commit_as(store, txn, OK);
    txn = as_copy();
    txn_drop(txn, MODULE, bytes_of_text("a"));
    commit_as(store, txn, OK);
    txn = as_copy();
    txn_apply(txn, &fourth);
    commit_as(store, txn, OK);
    assert_reads("a", "a=5");
    assert_int_equal(state_now().modules[MODULE].digest.items, 2);
    assert_sound(store, HOME);
}

/* Many at once are put in order some at a time: which of them counts does not depend on that. */
static void of_many_items_that_come_at_once_the_last_of_each_key_is_kept(void **state)
{
    enum { ITEMS = 2 * SHEAF_ITEMS + 1000, KEYS = 7001 };
    (void)state;
    follow_home(store);
    OWNED(free_memory) uint64_t *last = xcalloc(KEYS, sizeof *last);
    char key[16], value[16], reads[40];
    for (uint64_t usn = 1, upto = 0; upto < 3 * ITEMS;) {
        upto += ITEMS;
        struct txn *txn = as_copy();
        for (; usn <= upto; usn++) {
            size_t which = (size_t)(usn * 48271 % KEYS);
            snprintf(key, sizeof key, "key-%zu", which);
            snprintf(value, sizeof value, "%d", (int)usn);
            struct item item = an_item(usn, key, value);
            txn_apply(txn, &item);
            last[which] = usn;
        }
        commit_as(store, txn, OK);
    }
    for (size_t which = 0; which < KEYS; which += 100) {
        snprintf(key, sizeof key, "key-%zu", which);
        snprintf(reads, sizeof reads, "%s=%d", key, (int)last[which]);
        assert_reads(key, reads);
    }
    assert_int_equal(state_now().modules[MODULE].digest.items, KEYS);
    assert_sound(store, HOME);
}

static void many_items_come_behind_one_that_is_placed(void **state)
{
    (void)state;
    follow_home(store);
    char key[16];
    struct item placed = an_item(1, "placed", "1");
    struct txn *txn = as_copy();
    txn_place(txn, &placed);
    for (uint64_t usn = 2; usn <= SHEAF_ITEMS + 2; usn++) {
        snprintf(key, sizeof key, "key-%d", (int)usn);
        struct item item = an_item(usn, key, "2");
        txn_apply(txn, &item);
    }
    commit_as(store, txn, OK);
    assert_reads("placed", "placed=1");
    assert_int_equal(state_now().modules[MODULE].digest.items, SHEAF_ITEMS + 2);
    assert_sound(store, HOME);
}

/* compare(0, 7) begins number 7, compare(7, 7) goes on with it, compare(7, 0) ends it. */
static struct txn *compare(uint64_t from, uint64_t to)
{
    struct txn *txn = as_copy();
    txn_compare(txn, MODULE, from, to, 8);
    return txn;
}

static void a_comparison_puts_items_in_the_place_of_what_stands_in_their_way(void **state)
{
    (void)state;
    follow_home(store);
    struct item a = an_item(5, "a", "1"), b = an_item(6, "b", "1"), gone = an_item(7, "c", "");
    gone.deleted = true;
    struct txn *txn = as_copy();
    txn_apply(txn, &a);
    txn_apply(txn, &b);
    txn_apply(txn, &gone);
    commit_as(store, txn, OK);
    /* With the holder, d has the usn of b here, e that of the tombstone, and a is as it was. */
    struct item d = an_item(6, "d", "1"), e = an_item(7, "e", "1");
    commit_as(store, compare(0, 7), OK);
    txn = compare(7, 7);
    txn_place(txn, &d);
    txn_place(txn, &e);
    txn_place(txn, &a);
    commit_as(store, txn, OK);
    assert_reads("a", "a=1");
    assert_reads("b", "");
    assert_reads("d", "d=1");
    assert_reads("e", "e=1");
    assert_int_equal(state_now().modules[MODULE].digest.items, 3);
    assert_sound(store, HOME);

    txn = as_copy();
    txn_drop(txn, MODULE, bytes_of_text("a"));
    txn_drop(txn, MODULE, bytes_of_text("never"));
    commit_as(store, txn, OK);
    assert_reads("a", "");
    struct home_state now = state_now();
    assert_true(now.head == 7 && home_reach(&now) == 8); /* the head as it was */
    struct txn *again = as_copy(); /* no tombstone is left of it, and its usn is free */
    struct item f = an_item(5, "f", "1");
    txn_apply(again, &f);
    commit_as(store, again, OK);
    assert_int_equal(state_now().modules[MODULE].digest.items, 3);
    assert_sound(store, HOME);
}

static void while_a_copy_is_compared_only_that_comparison_writes(void **state)
{
    (void)state;
    follow_home(store);
    const struct version start = {0}, to = {FOLLOWED_TERM, 10};
    struct item item = an_item(5, "a", "1");
    commit_as(store, compare(0, 7), OK);
    assert_int_equal(state_now().modules[MODULE].comparing, 7);
    commit_as(store, compare(0, 8), FAIL_CONFLICT);
    struct txn *batch = as_copy(); /* it was on its way before */
    txn_apply(batch, &item);
    txn_cookie(batch, MODULE, start, to);
    commit_as(store, batch, FAIL_CONFLICT);
    commit_as(store, compare(7, 8), OK); /* the one before was given up, … */
    struct txn *late = compare(7, 7);    /* … but not all of it has arrived */
    txn_place(late, &item);
    commit_as(store, late, FAIL_CONFLICT);
    assert_reads("a", "");
    struct txn *part = compare(8, 8);
    txn_place(part, &item);
    commit_as(store, part, OK);
    assert_int_equal(state_now().modules[MODULE].cookie.usn, 0);

    struct txn *end = compare(8, 0);
    txn_cookie(end, MODULE, start, to);
    txn_recount(end, MODULE, NULL);
    commit_as(store, end, OK);
    struct home_state now = state_now();
    assert_true(now.modules[MODULE].comparing == 0 && now.modules[MODULE].cookie.usn == 10 &&
                now.modules[MODULE].digest.items == 1);
    assert_int_equal(home_reach(&now), 10);
    assert_sound(store, HOME);
}

/* Added up before, in a view: that holds as long as nothing was changed since. */
static void a_digest_that_was_added_up_before_is_believed_only_if_nothing_changed(void **state)
{
    (void)state;
    const struct recount other = {.sum = {.items = 77}};
    struct recount known = {.sum = {.items = 99}}; /* to be told from one that is added up here */
    follow_home(store);
    struct txn *batch = as_copy();
    struct item item = an_item(5, "a", "1");
    txn_apply(batch, &item);
    commit_as(store, batch, OK);
    const struct digest right = known.before = state_now().modules[MODULE].digest;

    struct txn *stale = as_copy();
    txn_recount(stale, MODULE, &other);
    commit_as(store, stale, OK);
    assert_true(digest_equal(&state_now().modules[MODULE].digest, &right));

    struct txn *valid = as_copy();
    txn_recount(valid, MODULE, &known);
    commit_as(store, valid, OK);
    assert_int_equal(state_now().modules[MODULE].digest.items, 99);

    struct txn *anew = as_copy();
    txn_recount(anew, MODULE, NULL);
    commit_as(store, anew, OK);
    assert_true(digest_equal(&state_now().modules[MODULE].digest, &right));
}

static void whoever_holds_a_home_is_compared_with_nobody_any_more(void **state)
{
    (void)state;
    follow_home(store);
    commit_as(store, compare(0, 7), OK);
    struct hold hold = a_hold(MODE_SERVING, 4, 2);
    assert_int_equal(keep_hold(store, &hold, NULL), OK);
    assert_int_equal(state_now().modules[MODULE].comparing, 0);
    assert_true(state_now().head > 8); /* behind whatever the comparison brought */
}

static struct hold stored_hold(void)
{
    OWNED(view_close) struct view *view = look();
    struct hold hold;
    struct error e;
    assert_int_equal(view_hold(view, HOME, &hold, &e), OK);
    return hold;
}

/* Replaces the record as it is stored, so that its lineage stays. */
static void become(enum mode mode, uint64_t term)
{
    struct hold hold = stored_hold();
    hold.mode = mode;
    hold.term = (struct term){.number = term, .tag = term * 1000 + 7};
    hold.seen = term;
    hold.revision++;
    assert_int_equal(keep_hold(store, &hold, NULL), OK);
}

static void assert_cookies(uint64_t term, uint64_t usn)
{
    struct home_state now = state_now();
    for (int m = 0; m < MODULES; m++) {
        assert_int_equal(now.modules[m].cookie.term, term);
        assert_int_equal(now.modules[m].cookie.usn, usn);
    }
}

static void a_holder_that_steps_down_has_its_cookies_at_its_head(void **state)
{
    (void)state;
    serve_home(store, 2);
    assert_cookies(0, 0);
    become(MODE_STANDBY, 3); /* nothing was ever changed */
    assert_cookies(0, 0);
    become(MODE_SERVING, 4);
    for (int i = 0; i < 3; i++)
        put_one(store, 4, "a", "1");
    assert_cookies(0, 0);
    become(MODE_SERVING, 6); /* one that goes on is no copy */
    assert_cookies(0, 0);
    become(MODE_STANDBY, 7);
    assert_cookies(4, 3);    /* the last change's own term */
    become(MODE_STANDBY, 9); /* a copy stays where it is, whomever it follows */
    assert_cookies(4, 3);
    become(MODE_SERVING, 10);
    put_one(store, 10, "b", "2");
    become(MODE_REJOINING, 10); /* to be refilled: as any other copy */
    assert_cookies(10, 4);
    if (on_disk) {
        store_close(TAKE(store));
        open_store();
        assert_cookies(10, 4);
    }
}

/* It was refilled with less than its lineage says: no older point is one of its history. */
static void a_copy_that_is_not_whole_becomes_the_holder_behind_a_usn_of_its_own(void **state)
{
    (void)state;
    follow_home(store);
    struct version at = {FOLLOWED_TERM, 10};
    struct txn *txn = as_copy();
    txn_cookie(txn, MODULE, (struct version){0}, at);
    commit_as(store, txn, OK);
    become(MODE_REJOINING, FOLLOWED_TERM);
    become(MODE_SERVING, FOLLOWED_TERM + 2); /* this one is: it goes on where it stands */
    assert_true(state_now().head == 10 && state_now().horizon == 0);

    become(MODE_STANDBY, FOLLOWED_TERM + 3);
    txn = txn_new(HOME);
    txn_as_copy(txn, FOLLOWED_TERM + 3);
    txn_whole_at(txn, MODULE, (struct version){FOLLOWED_TERM, 12});
    commit_as(store, txn, OK);
    become(MODE_SERVING, FOLLOWED_TERM + 4);
    struct hold hold = stored_hold();
    assert_int_equal(hold.lineage.entries[hold.lineage.count - 1].began, 10);
    assert_true(state_now().head == 11 && state_now().horizon == 11);
    become(MODE_SERVING, FOLLOWED_TERM + 6); /* a holder that goes on has everything */
    assert_true(state_now().head == 11 && state_now().horizon == 11);
}

static void serve_alone(uint64_t term)
{
    struct hold hold = stored_hold();
    hold.mode = MODE_SERVING;
    hold.alone = true;
    hold.term = (struct term){.number = term, .tag = 1};
    hold.seen = term;
    hold.revision++;
    assert_int_equal(keep_hold(store, &hold, NULL), OK);
}

static void
whoever_is_served_from_before_it_is_refilled_begins_behind_a_usn_of_its_own(void **state)
{
    (void)state;
    follow_home(store);
    struct txn *txn = as_copy();
    txn_cookie(txn, MODULE, (struct version){0}, (struct version){FOLLOWED_TERM, 10});
    commit_as(store, txn, OK);
    become(MODE_REJOINING, FOLLOWED_TERM);
    serve_alone(FOLLOWED_TERM + 2);
    assert_true(state_now().head == 11 && state_now().horizon == 11);
}

/* Whatever the lost holder has besides is its tail, and told by its lineage. */
static void a_standby_that_takes_alone_goes_on_where_it_stands(void **state)
{
    (void)state;
    follow_home(store);
    struct txn *txn = as_copy();
    txn_cookie(txn, MODULE, (struct version){0}, (struct version){FOLLOWED_TERM, 10});
    commit_as(store, txn, OK);
    serve_alone(FOLLOWED_TERM + 1);
    assert_true(state_now().head == 10 && state_now().horizon == 0);
}

/* One module had come to 10, the other to 6. It opened its term at 10, and what the old holder had
 * of the other one up to there counted as known here: it was lost. */
static void rule_15_a_copy_that_takes_opens_its_term_where_it_has_everything(void **state)
{
    (void)state;
    follow_home(store);
    struct txn *txn = as_copy();
    txn_cookie(txn, MODULE, (struct version){0}, (struct version){FOLLOWED_TERM, 10});
    commit_as(store, txn, OK);
    struct hold hold = stored_hold();
    hold.mode = MODE_SERVING;
    hold.alone = true;
    hold.term = (struct term){.number = FOLLOWED_TERM + 1, .tag = 1};
    hold.seen = hold.term.number;
    hold.revision++;
    txn = txn_new(HOME);
    txn_hold(txn, &hold);
    txn_complete_upto(txn, 6);
    struct store_outcome outcome = commit_as(store, txn, OK);
    assert_true(outcome.began == 6 && outcome.head == 10);
    hold = stored_hold();
    assert_int_equal(hold.lineage.entries[hold.lineage.count - 1].began, 6);
    assert_true(state_now().head == 10 && state_now().horizon == 0);
}

static void a_copy_is_whole_at_its_cookie_unless_a_batch_says_where(void **state)
{
    (void)state;
    follow_home(store);
    struct version at = {FOLLOWED_TERM, 10}, goal = {FOLLOWED_TERM, 30}, to = {FOLLOWED_TERM, 30};
    struct txn *txn = as_copy();
    txn_cookie(txn, MODULE, (struct version){0}, at);
    txn_whole_at(txn, MODULE, goal);
    commit_as(store, txn, OK);
    for (int again = 0; again <= on_disk; again++) {
        struct home_state now = state_now();
        assert_true(now.modules[MODULE].cookie.usn == 10 && now.head == 10);
        assert_true(now.modules[MODULE].whole_at.usn == 30);
        assert_true(now.modules[MODULE].whole_at.term == FOLLOWED_TERM);
        if (on_disk && !again) {
            store_close(TAKE(store));
            open_store();
        }
    }
    txn = as_copy();
    txn_cookie(txn, MODULE, at, to);
    commit_as(store, txn, OK);
    assert_int_equal(state_now().modules[MODULE].whole_at.usn, 30);
    txn = as_copy();
    txn_whole_at(txn, MODULE, (struct version){FOLLOWED_TERM, UINT64_MAX});
    commit_as(store, txn, FAIL_INVALID);
    become(MODE_SERVING, FOLLOWED_TERM + 1);
    become(MODE_STANDBY, FOLLOWED_TERM + 2);
    assert_int_equal(state_now().modules[MODULE].whole_at.usn, 30);
}

/* --- who watches --- */

struct watched {
    struct {
        char home[HOME_NAME_SIZE];
        uint64_t head;
    } told[64];
    atomic_size_t count;
};

static void note_head(const char *home, uint64_t head, void *context)
{
    struct watched *w = context;
    size_t i = atomic_load(&w->count);
    assert_true(i < COUNT_OF(w->told));
    snprintf(w->told[i].home, sizeof w->told[i].home, "%s", home);
    w->told[i].head = head;
    atomic_store(&w->count, i + 1);
}

static void note_what_was_told(const struct store_outcome *outcome, void *context)
{
    struct watched *w = context;
    size_t count = atomic_load(&w->count);
    assert_int_equal(outcome->error.kind, OK);
    assert_true(count > 0 && w->told[count - 1].head >= outcome->head);
}

static void each_durable_change_of_a_holder_is_told_before_its_answer(void **state)
{
    (void)state;
    struct watched w = {0};
    store_watch(store, note_head, &w);
    serve_home(store, 2);
    assert_int_equal(atomic_load(&w.count), 0); /* a record of the hold is no change */
    put_one(store, 2, "a", "1");
    struct txn *txn = as_holder(2);
    put_text(txn, "b", "1");
    put_text(txn, "c", "1");
    txn_delete(txn, MODULE, bytes_of_text("a"));
    store_commit(store, txn, note_what_was_told, &w);
    txn = as_holder(2);
    txn_delete(txn, MODULE, bytes_of_text("never"));
    commit_as(store, txn, OK);
    txn = as_holder(2);
    put_text(txn, "d", "1");
    txn_expect(txn, MODULE, bytes_of_text("b"), 77);
    commit_as(store, txn, FAIL_CONFLICT);
    txn = txn_new(HOME);
    txn_record(txn, "mark", bytes_of_text("1"));
    commit_as(store, txn, OK);
    put_one(store, 2, "b", "2");
    const uint64_t heads[] = {1, 4, 5};
    assert_int_equal(atomic_load(&w.count), COUNT_OF(heads));
    for (size_t i = 0; i < COUNT_OF(heads); i++) {
        assert_string_equal(w.told[i].home, HOME);
        assert_int_equal(w.told[i].head, heads[i]);
    }
    store_watch(store, NULL, NULL);
}

static void what_a_copy_is_sent_is_told_to_nobody(void **state)
{
    (void)state;
    struct watched w = {0};
    store_watch(store, note_head, &w);
    follow_home(store);
    struct txn *txn = as_copy();
    struct item item = an_item(7, "a", "1");
    txn_apply(txn, &item);
    txn_cookie(txn, MODULE, (struct version){0}, (struct version){FOLLOWED_TERM, 10});
    commit_as(store, txn, OK);
    assert_int_equal(atomic_load(&w.count), 0);
    store_watch(store, NULL, NULL);
}

/* --- records --- */

static bool add_name(const char *name, void *context)
{
    struct buffer *names = context;
    buffer_printf(names, "%s ", name);
    return true;
}

static bool add_one_name(const char *name, void *context)
{
    add_name(name, context);
    return false;
}

static void assert_records(const char *prefix, const char *expected)
{
    OWNED(view_close) struct view *view = look();
    OWNED(buffer_free) struct buffer names = {0};
    assert_int_equal(view_records(view, prefix, add_name, &names, NULL), OK);
    OWNED(free_memory) char *text = buffer_take_text(&names);
    assert_string_equal(text, expected);
}

static void set_record(const char *name, struct bytes value)
{
    struct txn *txn = txn_new(HOME);
    txn_record(txn, name, value);
    commit_as(store, txn, OK);
}

static void records_are_found_by_name_and_by_the_beginning_of_it(void **state)
{
    (void)state;
    struct view *view = look();
    OWNED(buffer_free) struct buffer value = {0};
    assert_int_equal(view_record(view, "tail/1", &value, NULL), FAIL_NOT_FOUND);
    view_close(view);
    const char *const names[] = {"tail/2",    "tail/1",    "tai",    "taim",
                                 "journal/%", "journal/_", "ünicode"};
    for (size_t i = 0; i < COUNT_OF(names); i++)
        set_record(names[i], bytes_of_text(names[i]));
    assert_records("tail/", "tail/1 tail/2 ");
    assert_records("tai", "tai tail/1 tail/2 taim ");
    assert_records("journal/%", "journal/% ");
    assert_records("", "journal/% journal/_ tai tail/1 tail/2 taim ünicode ");
    assert_records("zzz", "");
    OWNED(buffer_free) struct buffer one = {0};
    view = look();
    assert_int_equal(view_records(view, "tail/", add_one_name, &one, NULL), OK);
    assert_int_equal(one.size, 7);
    assert_int_equal(view_record(view, "tail/2", &value, NULL), OK);
    assert_true(bytes_equal(buffer_view(&value), bytes_of_text("tail/2")));
    view_close(view);
    set_record("tail/2", BYTES_NONE);
    set_record("never", BYTES_NONE);
    assert_records("tail/", "tail/1 ");
}

static void records_have_sizes(void **state)
{
    (void)state;
    static uint8_t large[RECORD_VALUE_MAX + 1];
    static char name[RECORD_NAME_MAX + 2];
    memset(name, 'n', RECORD_NAME_MAX);
    name[RECORD_NAME_MAX] = '\0';
    memset(large, 0xa5, sizeof large);
    set_record(name, bytes_of(large, RECORD_VALUE_MAX));
    set_record(name, bytes_of("\0\0", 2));
    OWNED(buffer_free) struct buffer value = {0};
    struct view *view = look();
    assert_int_equal(view_record(view, name, &value, NULL), OK);
    view_close(view);
    assert_true(bytes_equal(buffer_view(&value), bytes_of("\0\0", 2)));
    struct txn *txn = txn_new(HOME);
    txn_record(txn, "fits", bytes_of_text("1"));
    txn_record(txn, "too large", bytes_of(large, sizeof large));
    commit_as(store, txn, FAIL_INVALID);
    name[RECORD_NAME_MAX] = 'n';
    txn = txn_new(HOME);
    txn_record(txn, name, bytes_of_text("1"));
    commit_as(store, txn, FAIL_INVALID);
    txn = txn_new(HOME);
    txn_record(txn, "", bytes_of_text("1"));
    commit_as(store, txn, FAIL_INVALID);
    assert_records("fits", "");
}

static void homes_are_listed_by_name(void **state)
{
    (void)state;
    OWNED(buffer_free) struct buffer none = {0}, names = {0};
    struct view *view = look();
    assert_int_equal(view_homes(view, add_name, &none, NULL), OK);
    view_close(view);
    assert_int_equal(none.size, 0);
    serve_home(store, 2);
    struct hold hold = a_hold(MODE_SERVING, 2, 1);
    strcpy(hold.home, HOME_CENTRAL);
    assert_int_equal(keep_hold(store, &hold, NULL), OK);
    view = look();
    assert_int_equal(view_homes(view, add_name, &names, NULL), OK);
    view_close(view);
    OWNED(free_memory) char *text = buffer_take_text(&names);
    assert_string_equal(text, HOME " central ");
}

/* --- keys and values --- */

struct seen {
    struct buffer keys; /* each with its length */
    size_t count, stop_after;
};

static bool see_key(const struct item *item, struct item_hash hash, void *context)
{
    struct seen *seen = context;
    assert_true(item_hash_equal(hash, item_hash(item)));
    buffer_bytes(&seen->keys, item->key);
    return ++seen->count != seen->stop_after;
}

static void assert_keys(struct bytes prefix, size_t stop_after, const struct bytes *keys,
                        size_t count)
{
    OWNED(view_close) struct view *view = look();
    struct seen seen = {.stop_after = stop_after};
    assert_int_equal(view_keys(view, HOME, MODULE, prefix, see_key, &seen, NULL), OK);
    assert_int_equal(seen.count, count);
    struct cursor in = cursor_over(buffer_view(&seen.keys));
    for (size_t i = 0; i < count; i++)
        assert_true(bytes_equal(cursor_bytes(&in, SIZE_MAX), keys[i]));
    buffer_free(&seen.keys);
}

static void assert_keys_after(struct bytes prefix, struct bytes after, const struct bytes *keys,
                              size_t count)
{
    OWNED(view_close) struct view *view = look();
    struct seen seen = {0};
    assert_int_equal(view_keys_after(view, HOME, MODULE, prefix, after, see_key, &seen, NULL), OK);
    assert_int_equal(seen.count, count);
    struct cursor in = cursor_over(buffer_view(&seen.keys));
    for (size_t i = 0; i < count; i++)
        assert_true(bytes_equal(cursor_bytes(&in, SIZE_MAX), keys[i]));
    buffer_free(&seen.keys);
}

static void keys_are_bytes_in_the_order_of_bytes(void **state)
{
    (void)state;
    serve_home(store, 2);
    static uint8_t longest[ITEM_KEY_MAX];
    memset(longest, 0xff, sizeof longest);
    /* In their order. */
    const struct bytes keys[] = {bytes_of("\0", 1),
                                 bytes_of("\0\0", 2),
                                 bytes_of("\0\xff", 2),
                                 bytes_of("a", 1),
                                 bytes_of("a\0", 2),
                                 bytes_of("a\0b", 3),
                                 bytes_of("a\xff", 2),
                                 bytes_of("a\xff\0", 3),
                                 bytes_of("b", 1),
                                 bytes_of("\xff", 1),
                                 bytes_of("\xff\xfe", 2),
                                 bytes_of("\xff\xff", 2),
                                 bytes_of(longest, ITEM_KEY_MAX)};
    const size_t count = COUNT_OF(keys);
    struct txn *txn = as_holder(2);
    for (size_t i = 0; i < count; i++)
        txn_put(txn, MODULE, keys[(i * 5) % count], BYTES_NONE);
    txn_put(txn, MODULE_DATA_CONF, bytes_of_text("a of another module"), BYTES_NONE);
    txn_put(txn, MODULE, bytes_of_text("a deleted one"), BYTES_NONE);
    txn_delete(txn, MODULE, bytes_of_text("a deleted one"));
    commit_as(store, txn, OK);
    assert_keys(BYTES_NONE, 0, keys, count);
    assert_keys(bytes_of("a", 1), 0, keys + 3, 5);
    assert_keys(bytes_of("a\0", 2), 0, keys + 4, 2);
    assert_keys(bytes_of("a\xff", 2), 0, keys + 6, 2);
    assert_keys(bytes_of("\xff", 1), 0, keys + 9, 4);
    assert_keys(bytes_of("\xff\xff", 2), 1, keys + 11, 1);
    assert_keys(bytes_of("c", 1), 0, keys, 0);
    assert_keys(BYTES_NONE, 4, keys, 4);
    for (size_t i = 0; i < count; i++)
        assert_keys_after(BYTES_NONE, keys[i], keys + i + 1, count - i - 1);
    assert_keys_after(bytes_of("a", 1), bytes_of("a", 1), keys + 4, 4);
    assert_keys_after(bytes_of("a", 1), bytes_of("a of no item", 12), keys + 6, 2);
    assert_keys_after(bytes_of("a", 1), keys[7], keys, 0);
    OWNED(view_close) struct view *view = look();
    for (size_t i = 0; i < count; i++) {
        struct item item;
        assert_int_equal(view_item(view, HOME, MODULE, keys[i], &item, NULL), OK);
        assert_true(bytes_equal(item.key, keys[i]) && item.value.size == 0 && !item.deleted);
    }
    view_close(TAKE(view));
    assert_sound(store, HOME);
}

static void values_may_be_empty_or_a_mebibyte(void **state)
{
    (void)state;
    serve_home(store, 2);
    static uint8_t large[ITEM_VALUE_MAX + 1];
    for (size_t i = 0; i < sizeof large; i++)
        large[i] = (uint8_t)(i * 2654435761u >> 11);
    const size_t sizes[] = {0, 1, 100, ITEM_VALUE_MAX, 3, ITEM_VALUE_MAX, 0};
    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        struct txn *txn = as_holder(2);
        txn_put(txn, MODULE, bytes_of_text("k"), bytes_of(large, sizes[i]));
        commit_as(store, txn, OK);
        OWNED(view_close) struct view *view = look();
        struct item item;
        assert_int_equal(view_item(view, HOME, MODULE, bytes_of_text("k"), &item, NULL), OK);
        assert_true(bytes_equal(item.value, bytes_of(large, sizes[i])));
        assert_int_equal(item.version.usn, i + 1);
        assert_int_equal(item.version.term, 2);
    }
    assert_sound(store, HOME);
}

static void what_is_too_large_or_out_of_place_is_refused_whole(void **state)
{
    (void)state;
    serve_home(store, 2);
    static uint8_t large[ITEM_VALUE_MAX + 1];
    const struct {
        enum module module;
        struct bytes key, value;
    } wrong[] = {
        {MODULE, bytes_of(large, 0), BYTES_NONE},
        {MODULE, bytes_of(large, ITEM_KEY_MAX + 1), BYTES_NONE},
        {MODULE, bytes_of_text("k"), bytes_of(large, sizeof large)},
        {MODULE_CMS_MASTER, bytes_of_text("k"), BYTES_NONE},
        {(enum module)MODULES, bytes_of_text("k"), BYTES_NONE},
    };
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        struct txn *txn = as_holder(2);
        put_text(txn, "good", "1");
        txn_put(txn, wrong[i].module, wrong[i].key, wrong[i].value);
        commit_as(store, txn, FAIL_INVALID);
    }
    struct txn *txn = as_holder(2);
    for (int i = 0; i <= TXN_ITEMS_MAX; i++)
        txn_delete(txn, MODULE, bytes_of_text("good"));
    commit_as(store, txn, FAIL_INVALID);
    assert_reads("good", "");
    assert_int_equal(state_now().head, 0);
}

static void numbers_that_no_engine_can_count_are_refused(void **state)
{
    (void)state;
    follow_home(store);
    const uint64_t too_high = (uint64_t)INT64_MAX + 1;
    struct item item = an_item(too_high, "a", "1");
    struct txn *txn = as_copy();
    txn_apply(txn, &item);
    commit_as(store, txn, FAIL_INVALID);
    item = an_item(1, "a", "1");
    item.version.term = UINT64_MAX;
    txn = as_copy();
    txn_apply(txn, &item);
    commit_as(store, txn, FAIL_INVALID);
    item = an_item(0, "a", "1");
    txn = as_copy();
    txn_apply(txn, &item);
    commit_as(store, txn, FAIL_INVALID);
    txn = as_copy();
    txn_cookie(txn, MODULE, (struct version){0}, (struct version){FOLLOWED_TERM, UINT64_MAX});
    commit_as(store, txn, FAIL_INVALID);
    txn = txn_new(HOME);
    txn_horizon(txn, too_high);
    commit_as(store, txn, FAIL_INVALID);
    struct error e = {0};
    struct hold hold = a_hold(MODE_STANDBY, too_high, 2);
    assert_int_equal(keep_hold(store, &hold, &e), FAIL_INVALID);
    item = an_item(1, "a", "1");
    txn = as_copy();
    txn_apply(txn, &item);
    commit_as(store, txn, OK);
    OWNED(view_close) struct view *view = look();
    struct seen seen = {0};
    const uint64_t after[] = {1, INT64_MAX, too_high, UINT64_MAX};
    for (size_t i = 0; i < COUNT_OF(after); i++)
        assert_int_equal(view_changes(view, HOME, after[i], see_key, &seen, NULL), OK);
    assert_int_equal(seen.count, 0);
}

static void a_large_transaction_is_one(void **state)
{
    (void)state;
    serve_home(store, 2);
    struct txn *txn = as_holder(2);
    for (int i = 0; i < TXN_ITEMS_MAX; i++) {
        char key[32];
        snprintf(key, sizeof key, "%08x", (unsigned)i * 2654435761u);
        put_text(txn, key, "value");
    }
    struct store_outcome outcome = commit_as(store, txn, OK);
    assert_true(outcome.first_usn == 1 && outcome.head == TXN_ITEMS_MAX);
    assert_int_equal(state_now().modules[MODULE].digest.items, TXN_ITEMS_MAX);
    assert_sound(store, HOME);
}

/* --- views --- */

static void a_view_sees_one_point_in_time_and_no_reader_waits_for_the_writer(void **state)
{
    (void)state;
    serve_home(store, 2);
    put_one(store, 2, "a", "1");
    struct view *old = look(); /* has not read anything yet */
    put_one(store, 2, "a", "2");
    put_one(store, 2, "b", "2");
    struct ends ends = {0};
    gate_close();
    struct txn *txn = as_holder(2);
    put_text(txn, "a", "3");
    store_commit(store, txn, note_end, &ends);
    gate_wait_for_flush();
    struct view *during = look(); /* while the writer stands before its flush */
    assert_string_equal(read_text(during, "a"), "a=2");
    assert_string_equal(read_text(old, "a"), "a=1");
    assert_string_equal(read_text(old, "b"), "");
    gate_open();
    wait_for(&ends, 1);
    assert_string_equal(read_text(during, "a"), "a=2");
    struct home_state then;
    assert_int_equal(view_home(old, HOME, &then, NULL), OK);
    assert_int_equal(then.head, 1);
    struct seen seen = {0};
    assert_int_equal(view_changes(old, HOME, 0, see_key, &seen, NULL), OK);
    assert_int_equal(seen.count, 1);
    buffer_free(&seen.keys);
    view_close(old);
    view_close(during);
    assert_reads("a", "a=3");
}

/* Each transaction puts the same value into two items: who sees two different ones saw a half. */
static void *read_pairs(void *context)
{
    atomic_bool *over = context;
    size_t halves = 0;
    do {
        struct view *view;
        if (store_view(store, &view, NULL))
            return (void *)1;
        char left[128];
        snprintf(left, sizeof left, "%s", "");
        struct item item;
        if (view_item(view, HOME, MODULE, bytes_of_text("left"), &item, NULL) == OK)
            snprintf(left, sizeof left, "%.*s", (int)item.value.size, item.value.at);
        if (view_item(view, HOME, MODULE, bytes_of_text("right"), &item, NULL) == OK)
            halves += !bytes_equal(item.value, bytes_of_text(left));
        else
            halves += left[0] != '\0';
        struct home_state s;
        if (view_home(view, HOME, &s, NULL) == OK)
            halves += s.head % 2;
        view_close(view);
    } while (!atomic_load(over));
    return (void *)halves;
}

static void readers_never_see_half_a_transaction(void **state)
{
    (void)state;
    serve_home(store, 2);
    atomic_bool over = false;
    pthread_t readers[4];
    for (size_t i = 0; i < COUNT_OF(readers); i++)
        assert_int_equal(pthread_create(&readers[i], NULL, read_pairs, &over), 0);
    for (int i = 0; i < 300; i++) {
        char value[16];
        snprintf(value, sizeof value, "%d", i);
        struct txn *txn = as_holder(2);
        put_text(txn, "left", value);
        put_text(txn, "right", value);
        commit_as(store, txn, OK);
    }
    atomic_store(&over, true);
    for (size_t i = 0; i < COUNT_OF(readers); i++) {
        void *halves;
        pthread_join(readers[i], &halves);
        assert_null(halves);
    }
}

struct late_reader {
    atomic_bool has_it;
};

static void *open_one_more(void *context)
{
    struct late_reader *late = context;
    struct view *view;
    if (store_view(store, &view, NULL) == OK) {
        atomic_store(&late->has_it, true);
        view_close(view);
    }
    return NULL;
}

static void one_view_too_many_waits_for_its_turn(void **state)
{
    (void)state;
    serve_home(store, 2);
    struct view *views[STORE_VIEWS_MAX];
    for (size_t i = 0; i < STORE_VIEWS_MAX; i++)
        views[i] = look();
    struct late_reader late = {false};
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, open_one_more, &late), 0);
    put_one(store, 2, "a", "1"); /* the writer does not wait for them */
    usleep(50000);
    assert_false(atomic_load(&late.has_it));
    view_close(views[7]);
    pthread_join(thread, NULL);
    assert_true(atomic_load(&late.has_it));
    for (size_t i = 0; i < STORE_VIEWS_MAX; i++) {
        if (i != 7)
            view_close(views[i]);
    }
}

static void what_is_not_there_is_not_found(void **state)
{
    (void)state;
    OWNED(view_close) struct view *view = look();
    struct error e;
    struct home_state home;
    struct hold hold;
    struct item item;
    struct seen seen = {0};
    struct bytes key = bytes_of_text("k");
    assert_int_equal(view_home(view, HOME, &home, &e), FAIL_NOT_FOUND);
    assert_int_equal(view_hold(view, HOME, &hold, &e), FAIL_NOT_FOUND);
    assert_int_equal(view_item(view, HOME, MODULE, key, &item, &e), FAIL_NOT_FOUND);
    assert_int_equal(view_changes(view, HOME, 0, see_key, &seen, &e), FAIL_NOT_FOUND);
    assert_int_equal(view_keys(view, HOME, MODULE, key, see_key, &seen, &e), FAIL_NOT_FOUND);
}

/* --- limits of the queue --- */

static void count_end(const struct store_outcome *outcome, void *context)
{
    atomic_size_t *ends = context;
    atomic_fetch_add(&ends[outcome->error.kind == OK ? 0 : 1], 1);
}

static void a_full_queue_is_busy_and_loses_nothing_of_what_it_took(void **state)
{
    (void)state;
    serve_home(store, 2);
    atomic_size_t ends[2] = {0};
    gate_close();
    for (size_t i = 0; i < 1 + STORE_QUEUE_MAX; i++) {
        char key[16];
        snprintf(key, sizeof key, "%zu", i);
        struct txn *txn = as_holder(2);
        put_text(txn, key, "1");
        store_commit(store, txn, count_end, ends);
        if (i == 0)
            gate_wait_for_flush();
    }
    struct txn *txn = as_holder(2);
    put_text(txn, "one more", "1");
    struct store_outcome outcome = commit_as(store, txn, FAIL_BUSY);
    assert_says(&outcome.error, FAIL_BUSY, "waiting");
    gate_open();
    while (atomic_load(&ends[0]) < 1 + STORE_QUEUE_MAX)
        usleep(500);
    assert_int_equal(atomic_load(&ends[1]), 0);
    assert_int_equal(state_now().head, 1 + STORE_QUEUE_MAX);
    assert_reads("one more", "");
}

static void the_queue_is_also_full_by_size(void **state)
{
    (void)state;
    serve_home(store, 2);
    static uint8_t large[ITEM_VALUE_MAX];
    atomic_size_t ends[2] = {0};
    gate_close();
    size_t given = 0;
    while (atomic_load(&ends[1]) == 0) {
        struct txn *txn = as_holder(2);
        txn_put(txn, MODULE, bytes_of_text("large"), bytes_of(large, sizeof large));
        store_commit(store, txn, count_end, ends);
        if (given++ == 0)
            gate_wait_for_flush();
        assert_true(given < 100);
    }
    gate_open();
    while (atomic_load(&ends[0]) + atomic_load(&ends[1]) < given)
        usleep(500);
    assert_int_equal(atomic_load(&ends[1]), 1);
    assert_in_range(given, STORE_QUEUE_BYTES_MAX / ITEM_VALUE_MAX - 1,
                    STORE_QUEUE_BYTES_MAX / ITEM_VALUE_MAX + 2);
    assert_int_equal(state_now().head, given - 1);
}

static void closing_finishes_what_is_queued(void **state)
{
    (void)state;
    serve_home(store, 2);
    atomic_size_t ends[2] = {0};
    for (int i = 0; i < 500; i++) {
        char key[16];
        snprintf(key, sizeof key, "%d", i);
        struct txn *txn = as_holder(2);
        put_text(txn, key, "1");
        store_commit(store, txn, count_end, ends);
    }
    store_close(TAKE(store));
    assert_int_equal(atomic_load(&ends[0]), 500);
    open_store();
    if (on_disk)
        assert_int_equal(state_now().head, 500);
}

static void a_full_memory_engine_refuses_and_goes_on_when_there_is_room(void **state)
{
    (void)state;
    if (on_disk)
        return; /* full disks: test_store_power.c, test_store_faults.c */
    serve_home(store, 2);
    put_one(store, 2, "a", "1");
    memory_engine_fill(engine, true);
    struct txn *txn = as_holder(2);
    put_text(txn, "a", "2");
    struct store_outcome outcome = commit_as(store, txn, FAIL_FULL);
    assert_says(&outcome.error, FAIL_FULL, "full");
    assert_reads("a", "a=1");
    memory_engine_fill(engine, false);
    assert_int_equal(put_one(store, 2, "a", "3").first_usn, 2);
}

/* --- random stories --- */

static uint64_t dice;

static unsigned roll(unsigned sides)
{
    dice = dice * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(dice >> 33) % sides;
}

enum { KEYS = 40 };

/* What the test believes: the usn of each key's last change, and whether it is there. */
struct belief {
    uint64_t usn[KEYS];
    bool there[KEYS];
    uint64_t head, horizon;
};

static void random_step(struct txn *txn, struct belief *b)
{
    unsigned k = roll(KEYS);
    char key[16], value[600];
    snprintf(key, sizeof key, "key %u", k);
    if (roll(3) == 0) {
        txn_delete(txn, MODULE, bytes_of_text(key));
        if (!b->there[k])
            return;
        b->there[k] = false;
    } else {
        size_t size = roll(4) ? roll(60) : roll(600);
        memset(value, (int)('a' + roll(26)), size);
        txn_put(txn, MODULE, bytes_of_text(key), bytes_of(value, size));
        b->there[k] = true;
    }
    b->usn[k] = ++b->head;
}

static void random_transaction(struct store *s, struct belief *b)
{
    if (roll(12) == 0) {
        struct txn *txn = txn_new(HOME);
        uint64_t upto = roll((unsigned)b->head + 1);
        txn_horizon(txn, upto);
        commit_as(s, txn, OK);
        b->horizon = upto > b->horizon ? upto : b->horizon;
        return;
    }
    struct txn *txn = as_holder(2);
    struct belief after = *b;
    bool wrong = roll(4) == 0;
    if (roll(2)) {
        unsigned k = roll(KEYS);
        char key[16];
        snprintf(key, sizeof key, "key %u", k);
        uint64_t is = b->there[k] ? b->usn[k] : 0;
        txn_expect(txn, MODULE, bytes_of_text(key), wrong ? is + 1 : is);
    } else {
        wrong = false;
    }
    for (unsigned steps = 1 + roll(8); steps; steps--)
        random_step(txn, &after);
    commit_as(s, txn, wrong ? FAIL_CONFLICT : OK);
    if (!wrong)
        *b = after;
}

static void assert_as_believed(struct store *s, const struct belief *b)
{
    struct error e;
    struct home_state now;
    assert_int_equal(check_home(s, HOME, &now, NULL, &e), OK);
    assert_int_equal(now.head, b->head);
    assert_int_equal(now.horizon, b->horizon);
    OWNED(view_close) struct view *view = NULL;
    assert_int_equal(store_view(s, &view, &e), OK);
    for (unsigned k = 0; k < KEYS; k++) {
        char key[16];
        snprintf(key, sizeof key, "key %u", k);
        struct item item;
        enum failure bad = view_item(view, HOME, MODULE, bytes_of_text(key), &item, &e);
        if (b->there[k] || b->usn[k] > b->horizon) {
            assert_int_equal(bad, OK);
            assert_true(item.version.usn == b->usn[k] && item.deleted == !b->there[k]);
        } else {
            assert_int_equal(bad, FAIL_NOT_FOUND);
        }
    }
}

static void digests_follow_whatever_happens(void **state)
{
    (void)state;
    serve_home(store, 2);
    struct belief belief = {0};
    for (uint64_t seed = 1; seed <= 20; seed++) {
        dice = seed;
        for (int i = 0; i < 25; i++)
            random_transaction(store, &belief);
        assert_as_believed(store, &belief);
    }
}

struct copying {
    struct store *to;
    struct txn *txn;
    struct version cookie;
    uint64_t last;
    unsigned left; /* items until the transaction is committed */
};

static void commit_copied(struct copying *c, uint64_t upto)
{
    struct version to = {.term = FOLLOWED_TERM, .usn = upto};
    txn_cookie(c->txn, MODULE, c->cookie, to);
    commit_as(c->to, c->txn, OK);
    c->cookie = to;
    c->txn = as_copy();
    c->left = 1 + roll(10);
}

static bool copy_one(const struct item *item, struct item_hash hash, void *context)
{
    (void)hash;
    struct copying *c = context;
    txn_apply(c->txn, item);
    c->last = item->version.usn;
    if (--c->left == 0)
        commit_copied(c, c->last);
    return true;
}

/* One cycle: what is above the cookie, up to the head. */
static void copy_cycle(struct store *from, struct copying *c)
{
    OWNED(view_close) struct view *view = NULL;
    struct home_state state;
    struct error e;
    assert_int_equal(store_view(from, &view, &e), OK);
    assert_int_equal(view_home(view, HOME, &state, &e), OK);
    c->txn = as_copy();
    c->left = 1 + roll(10);
    assert_int_equal(view_changes(view, HOME, c->cookie.usn, copy_one, c, &e), OK);
    commit_copied(c, state.head);
    txn_free(TAKE(c->txn));
    struct home_state copied;
    assert_int_equal(check_home(c->to, HOME, &copied, NULL, &e), OK);
    assert_true(copied.head == state.head);
    assert_true(digest_equal(&copied.modules[MODULE].digest, &state.modules[MODULE].digest));
}

static void a_copy_that_follows_has_the_digests_of_its_holder(void **state)
{
    (void)state;
    struct store *holder;
    assert_int_equal(store_open(memory_engine_open(), &holder, NULL), OK);
    serve_home(holder, 2);
    follow_home(store);
    struct belief belief = {0};
    struct copying copying = {.to = store};
    for (uint64_t seed = 100; seed < 115; seed++) {
        dice = seed;
        for (int i = 0; i < 20; i++) {
            struct txn *txn = as_holder(2); /* tombstones stay until the copy has them */
            for (unsigned steps = 1 + roll(8); steps; steps--)
                random_step(txn, &belief);
            commit_as(holder, txn, OK);
        }
        copy_cycle(holder, &copying);
    }
    assert_as_believed(store, &belief);
    store_close(holder);
}

/* --- what one store must not mix up --- */

static void homes_have_their_own_numbers_items_and_digests(void **state)
{
    (void)state;
    serve_home(store, 2);
    struct hold other = a_hold(MODE_SERVING, 2, 1);
    strcpy(other.home, PARTNER);
    assert_int_equal(keep_hold(store, &other, NULL), OK);
    store_lease(store, PARTNER, UINT64_MAX);
    for (int i = 0; i < 5; i++) {
        put_one(store, 2, "same key", "mine");
        struct txn *txn = txn_new(PARTNER);
        txn_as_holder(txn, 2);
        put_text(txn, "same key", "theirs");
        assert_int_equal(commit_as(store, txn, OK).first_usn, i + 1);
    }
    assert_reads("same key", "same key=mine");
    assert_sound(store, HOME);
    assert_sound(store, PARTNER);
    struct txn *txn = txn_new(PARTNER);
    txn_as_holder(txn, 2);
    txn_delete(txn, MODULE, bytes_of_text("same key"));
    commit_as(store, txn, OK);
    assert_reads("same key", "same key=mine");
    store_lease(store, PARTNER, 0);
    put_one(store, 2, "a", "1"); /* a lease is one home's */
}

/* --- dropping a home --- */

#define OTHER "red-cs-001.litwareinc.com"

/* A copy of so many items, of another pool's home. */
static void make_copy(const char *name, unsigned items)
{
    struct hold hold = a_hold(MODE_STANDBY, FOLLOWED_TERM, 1);
    snprintf(hold.home, sizeof hold.home, "%s", name);
    assert_int_equal(keep_hold(store, &hold, NULL), OK);
    struct txn *txn = txn_new(name);
    txn_as_copy(txn, FOLLOWED_TERM);
    for (unsigned i = 1; i <= items; i++) {
        char key[32];
        snprintf(key, sizeof key, "key %u", i);
        struct item item = an_item(i, key, "value");
        item.deleted = i % 5 == 0;
        if (item.deleted)
            item.value = BYTES_NONE;
        txn_apply(txn, &item);
    }
    commit_as(store, txn, OK);
}

static void drop(const char *name, uint64_t revision, enum failure expected)
{
    struct txn *txn = txn_new(name);
    txn_drop_home(txn, revision);
    txn_record(txn, "mark", BYTES_NONE);
    commit_as(store, txn, expected);
}

static bool sweep(uint32_t max)
{
    bool any;
    struct view *view = look();
    assert_int_equal(view_unswept(view, &any, NULL), OK);
    view_close(view);
    struct txn *txn = txn_new(HOME);
    txn_sweep(txn, max);
    bool more = commit_as(store, txn, OK).more;
    assert_int_equal(more, any);
    return more;
}

static bool is_there(const char *name)
{
    OWNED(buffer_free) struct buffer names = {0};
    struct home_state state;
    struct hold hold;
    struct view *view = look();
    assert_int_equal(view_homes(view, add_name, &names, NULL), OK);
    enum failure home = view_home(view, name, &state, NULL);
    assert_int_equal(view_hold(view, name, &hold, NULL), home); /* both, or neither */
    view_close(view);
    OWNED(free_memory) char *text = buffer_take_text(&names);
    assert_int_equal(strstr(text, name) != NULL, home == OK);
    assert_null(strstr(text, "dropped"));
    return home == OK;
}

static void a_dropped_home_is_gone_at_once_and_can_be_created_anew(void **state)
{
    (void)state;
    serve_home(store, 2);
    put_one(store, 2, "stays", "here");
    make_copy(OTHER, 20);
    struct view *before = look();
    struct txn *mark = txn_new(HOME);
    txn_record(mark, "mark", bytes_of_text("1"));
    commit_as(store, mark, OK);
    drop(OTHER, 1, OK);
    assert_false(is_there(OTHER));
    assert_true(is_there(HOME));
    assert_records("mark", "");
    /* Whoever looks since before still sees it. */
    struct home_state old;
    assert_int_equal(view_home(before, OTHER, &old, NULL), OK);
    assert_int_equal(old.head, 20);
    view_close(before);
    /* Its name is free, while what it left is still there. */
    make_copy(OTHER, 7);
    struct home_state now;
    size_t rows;
    struct error e = {0};
    assert_int_equal(check_home(store, OTHER, &now, &rows, &e), OK);
    assert_int_equal(rows, 7);
    while (sweep(6))
        ;
    assert_int_equal(check_home(store, OTHER, &now, &rows, &e), OK);
    assert_int_equal(rows, 7);
    assert_sound(store, HOME);
    drop(OTHER, 1, OK); /* again, while nothing is left of the first */
    assert_false(is_there(OTHER));
}

static void what_a_dropped_home_leaves_is_swept_away_by_and_by(void **state)
{
    (void)state;
    serve_home(store, 2);
    assert_false(sweep(10)); /* nothing to do */
    make_copy(OTHER, 25);
    make_copy(PARTNER, 5);
    drop(OTHER, 1, OK);
    drop(PARTNER, 1, OK);
    unsigned times = 0;
    while (sweep(10))
        times++;
    /* Of 25: 10, 10, and 5 with the home; of 5: at once. */
    assert_int_equal(times, 4);
    assert_sound(store, HOME);
}

static void an_interrupted_sweep_goes_on_after_the_store_was_opened_anew(void **state)
{
    (void)state;
    if (!on_disk)
        return;
    serve_home(store, 2);
    make_copy(OTHER, 25);
    drop(OTHER, 1, OK);
    assert_true(sweep(10));
    store_close(store);
    open_store();
    assert_false(is_there(OTHER));
    assert_true(sweep(10));
    assert_true(sweep(10));
    assert_false(sweep(10));
    make_copy(OTHER, 3);
    assert_sound(store, OTHER);
}

static void ignore_outcome(const struct store_outcome *outcome, void *context)
{
    (void)outcome;
    (void)context;
}

static void a_home_that_is_held_or_changed_meanwhile_is_not_dropped(void **state)
{
    (void)state;
    serve_home(store, 2);
    put_one(store, 2, "a", "1");
    make_copy(OTHER, 3);
    struct view *view = look();
    struct hold hold;
    assert_int_equal(view_hold(view, HOME, &hold, NULL), OK);
    view_close(view);
    drop(HOME, hold.revision, FAIL_REFUSED);
    drop(OTHER, 2, FAIL_CONFLICT);
    drop(OTHER, 0, FAIL_CONFLICT);
    drop("nobody.litwareinc.com", 0, FAIL_REFUSED);
    assert_true(is_there(HOME));
    assert_true(is_there(OTHER));
    assert_sound(store, HOME);
    assert_sound(store, OTHER);
    /* In one group: what comes behind a drop finds nothing. */
    gate_close();
    struct txn *txn = txn_new(HOME);
    txn_record(txn, "busy", bytes_of_text("1"));
    store_commit(store, txn, ignore_outcome, NULL);
    gate_wait_for_flush();
    txn = txn_new(OTHER);
    txn_drop_home(txn, 1);
    store_commit(store, txn, ignore_outcome, NULL);
    txn = txn_new(OTHER);
    txn_as_copy(txn, FOLLOWED_TERM);
    struct item item = an_item(9, "late", "x");
    txn_apply(txn, &item);
    store_commit(store, txn, ignore_outcome, NULL);
    gate_open();
    drop(OTHER, 1, FAIL_REFUSED);
    assert_false(is_there(OTHER));
}

#define TEST(name)                                                                                 \
    {                                                                                              \
#name, name, set_up, tear_down, NULL                                                       \
    }

/* --- what a copy has of its own --- */

static struct lineage lineage_of_a_fork(void)
{
    struct lineage l = {0};
    lineage_open(&l, (struct term){2, 22}, 0);
    lineage_open(&l, (struct term){3, 33}, 6);
    return l;
}

static struct tail a_fork(uint64_t id, uint64_t base, uint64_t head)
{
    return (struct tail){.id = id, .base = {2, base}, .head = head, .lineage = lineage_of_a_fork()};
}

/* Numbers 1 to `upto`, the last ones made by another; "k3" is deleted, "d" another module's. */
static void copy_upto_usn(uint64_t upto)
{
    struct txn *txn = as_copy();
    for (uint64_t usn = 1; usn <= upto; usn++) {
        char key[16];
        snprintf(key, sizeof key, "k%u", (unsigned)usn);
        struct item item = an_item(usn, key, "v");
        item.deleted = usn == 3;
        item.value = item.deleted ? BYTES_NONE : item.value;
        item.module = usn % 5 == 0 ? MODULE_DATA_CONF : MODULE;
        txn_apply(txn, &item);
    }
    const struct version from = {0}, to = {FOLLOWED_TERM, upto};
    txn_cookie(txn, MODULE, from, to);
    txn_cookie(txn, MODULE_DATA_CONF, from, to);
    commit_as(store, txn, OK);
}

static void go_back(const struct tail *tail, enum failure expected)
{
    struct txn *txn = as_copy();
    txn_rewind(txn, tail);
    commit_as(store, txn, expected);
}

static struct tails *tails_now(void)
{
    OWNED(view_close) struct view *view = look();
    struct tails *tails = xmalloc(sizeof *tails);
    struct error e;
    assert_int_equal(view_tails(view, HOME, tails, &e), OK);
    return tails;
}

struct tail_walk {
    uint64_t usns[8];
    size_t count, all;
};

static bool note_tail_item(const struct item *item, struct item_hash hash, void *context)
{
    (void)hash;
    struct tail_walk *walk = context;
    if (walk->count < COUNT_OF(walk->usns))
        walk->usns[walk->count++] = item->version.usn;
    walk->all++;
    return true;
}

static void what_a_copy_has_beyond_a_point_moves_aside_at_once(void **state)
{
    (void)state;
    follow_home(store);
    copy_upto_usn(10);
    const struct tail tail = a_fork(77, 6, 10);
    go_back(&tail, OK);
    struct home_state now = state_now();
    assert_true(now.head == 6 && now.tails == 1);
    for (int m = 0; m < 2; m++) {
        assert_true(now.modules[m].cookie.usn == 6 && now.modules[m].cookie.term == 2);
        assert_int_equal(now.modules[m].whole_at.usn, 6);
    }
    assert_reads("k6", "k6=v");
    assert_reads("k7", "");
    assert_sound(store, HOME);

    OWNED(free_memory) struct tails *tails = tails_now();
    assert_true(tails->count == 1 && tails->list[0].id == 77 && tails->list[0].items == 4);
    assert_true(tails->list[0].base.usn == 6 && tails->list[0].head == 10);
    assert_int_equal(tails->list[0].lineage.count, 2);
    OWNED(view_close) struct view *view = look();
    struct tail_walk walk = {0}, rest = {0};
    assert_int_equal(view_tail(view, 77, 0, note_tail_item, &walk, NULL), OK);
    assert_true(walk.count == 4 && walk.usns[0] == 7 && walk.usns[3] == 10);
    assert_int_equal(view_tail(view, 77, 9, note_tail_item, &rest, NULL), OK);
    assert_int_equal(rest.count, 1);
    assert_records("", "hold/" HOME " tail/" HOME " ");
}

static void a_tail_keeps_deletions_and_leaves_none_behind(void **state)
{
    (void)state;
    follow_home(store);
    copy_upto_usn(4);
    const struct tail tail = a_fork(77, 2, 4);
    go_back(&tail, OK);
    OWNED(view_close) struct view *view = look();
    struct tail_walk walk = {0};
    assert_int_equal(view_tail(view, 77, 0, note_tail_item, &walk, NULL), OK);
    assert_true(walk.count == 2 && walk.usns[0] == 3);
    assert_reads("k3", "");
    assert_sound(store, HOME);
}

static void a_tail_of_any_size_moves_in_one_transaction(void **state)
{
    (void)state;
    enum { MANY = 5000 };
    follow_home(store);
    copy_upto_usn(MANY);
    const struct tail tail = a_fork(77, 10, MANY);
    go_back(&tail, OK);
    OWNED(view_close) struct view *view = look();
    struct tail_walk walk = {0};
    assert_int_equal(view_tail(view, 77, 0, note_tail_item, &walk, NULL), OK);
    assert_int_equal(walk.all, MANY - 10);
    assert_sound(store, HOME);
}

static struct tail a_step(uint64_t id, uint64_t base, uint64_t head)
{
    struct tail tail = a_fork(id, base, head);
    tail.open = true;
    return tail;
}

static void a_tail_moves_in_steps_from_its_newest_change_down(void **state)
{
    (void)state;
    follow_home(store);
    copy_upto_usn(10);
    struct tail tail = a_step(77, 8, 10);
    go_back(&tail, OK);
    assert_true(state_now().head == 8 && state_now().tails == 1 && state_now().going_back);
    assert_reads("k8", "k8=v");
    assert_reads("k9", "");
    assert_sound(store, HOME);
    tail = a_fork(78, 6, 8); /* the last one */
    go_back(&tail, OK);
    assert_true(state_now().head == 6 && state_now().tails == 1 && !state_now().going_back);
    OWNED(free_memory) struct tails *tails = tails_now();
    assert_true(tails->count == 1 && tails->list[0].id == 77 && tails->list[0].items == 4);
    assert_true(tails->list[0].base.usn == 6 && tails->list[0].head == 10 && !tails->list[0].open);
    OWNED(view_close) struct view *view = look();
    struct tail_walk walk = {0};
    assert_int_equal(view_tail(view, 77, 0, note_tail_item, &walk, NULL), OK);
    assert_true(walk.count == 4 && walk.usns[0] == 7 && walk.usns[3] == 10);
    assert_sound(store, HOME);
}

static void what_is_aside_may_turn_out_to_be_all(void **state)
{
    (void)state;
    follow_home(store);
    copy_upto_usn(10);
    struct tail tail = a_fork(77, 10, 10);
    go_back(&tail, FAIL_INVALID); /* nothing had begun */
    tail = a_step(77, 8, 10);
    go_back(&tail, OK);
    tail = a_fork(78, 8, 8);
    go_back(&tail, OK);
    assert_true(state_now().head == 8 && !state_now().going_back);
    tail = a_fork(79, 6, 8); /* now that is another one */
    go_back(&tail, OK);
    assert_int_equal(state_now().tails, 2);
    assert_sound(store, HOME);
}

/* What it makes then is no part of that tail. */
static void a_copy_that_becomes_the_holder_has_set_aside_what_it_has(void **state)
{
    (void)state;
    follow_home(store);
    copy_upto_usn(10);
    const struct tail tail = a_step(77, 8, 10);
    go_back(&tail, OK);
    struct hold mine = a_hold(MODE_SERVING, 4, 2);
    assert_int_equal(keep_hold(store, &mine, NULL), OK);
    assert_true(state_now().tails == 1 && !state_now().going_back);
    OWNED(free_memory) struct tails *tails = tails_now();
    assert_true(tails->count == 1 && tails->list[0].items == 2 && !tails->list[0].open);
    assert_sound(store, HOME);
}

static void a_step_without_items_leaves_nothing_aside(void **state)
{
    (void)state;
    follow_home(store);
    copy_upto_usn(4);
    struct txn *txn = as_copy();
    txn_cookie(txn, MODULE, (struct version){FOLLOWED_TERM, 4}, (struct version){FOLLOWED_TERM, 9});
    commit_as(store, txn, OK);
    struct tail tail = a_step(77, 6, 9);
    go_back(&tail, OK);
    assert_true(state_now().head == 6 && state_now().tails == 0 && !state_now().going_back);
    tail = a_step(78, 3, 6);
    go_back(&tail, OK);
    assert_true(state_now().tails == 1 && state_now().going_back);
    assert_sound(store, HOME);
}

static void whoever_goes_back_asks_how_far_to_go_at_once(void **state)
{
    (void)state;
    follow_home(store);
    copy_upto_usn(10);
    OWNED(view_close) struct view *view = look();
    uint64_t usn;
    assert_int_equal(view_newest(view, HOME, 4, &usn, NULL), OK);
    assert_int_equal(usn, 6);
    assert_int_equal(view_newest(view, HOME, 0, &usn, NULL), OK);
    assert_int_equal(usn, 10);
    assert_int_equal(view_newest(view, HOME, 10, &usn, NULL), OK);
    assert_int_equal(usn, 0); /* there are no more */
    assert_int_equal(view_newest(view, HOME, 11, &usn, NULL), OK);
    assert_int_equal(usn, 0);
}

static void nothing_is_left_aside_where_there_is_nothing(void **state)
{
    (void)state;
    follow_home(store);
    copy_upto_usn(4);
    struct txn *txn = as_copy(); /* the end of a term that was opened and never used */
    txn_cookie(txn, MODULE, (struct version){FOLLOWED_TERM, 4}, (struct version){FOLLOWED_TERM, 9});
    commit_as(store, txn, OK);
    const struct tail tail = a_fork(77, 4, 9);
    go_back(&tail, OK);
    assert_true(state_now().head == 4 && state_now().tails == 0);
    assert_records("tail/", "");
    assert_sound(store, HOME);
}

static void a_copy_goes_back_only_from_where_it_was_seen(void **state)
{
    (void)state;
    follow_home(store);
    copy_upto_usn(10);
    struct tail tail = a_fork(77, 6, 9);
    go_back(&tail, FAIL_CONFLICT);
    tail = a_fork(77, 10, 10);
    go_back(&tail, FAIL_INVALID);
    assert_int_equal(state_now().tails, 0);
    assert_reads("k7", "k7=v");
    struct hold mine = a_hold(MODE_SERVING, 4, 2);
    assert_int_equal(keep_hold(store, &mine, NULL), OK);
    tail = a_fork(77, 6, 10);
    struct txn *txn = txn_new(HOME);
    txn_as_copy(txn, 4);
    txn_rewind(txn, &tail); /* a holder has no tail */
    commit_as(store, txn, FAIL_REFUSED);
    assert_sound(store, HOME);
}

/* A key that was changed beyond that point is missing as it was before. A holder that salvages
 * writes it anew; whoever refills a pool does not. */
static void rule_14_a_pool_that_is_refilled_is_compared_when_it_went_back(void **state)
{
    (void)state;
    follow_home(store);
    copy_upto_usn(10);
    struct hold rejoining = a_hold(MODE_REJOINING, FOLLOWED_TERM, 2);
    assert_int_equal(keep_hold(store, &rejoining, NULL), OK);
    const struct tail tail = a_fork(77, 6, 10);
    go_back(&tail, OK);
    struct home_state now = state_now();
    for (int m = 0; m < MODULES; m++)
        assert_int_equal(now.modules[m].comparing, module_belongs((enum module)m, HOME) ? 77 : 0);
}

static void while_it_is_compared_going_back_means_to_begin_anew(void **state)
{
    (void)state;
    follow_home(store);
    copy_upto_usn(10);
    struct txn *txn = as_copy();
    txn_compare(txn, MODULE, 0, 5, 20);
    commit_as(store, txn, OK);
    const struct tail tail = a_fork(77, 6, 20);
    go_back(&tail, OK);
    txn = as_copy(); /* a late part */
    txn_compare(txn, MODULE, 5, 5, 20);
    commit_as(store, txn, FAIL_CONFLICT);
    assert_int_not_equal(state_now().modules[MODULE].comparing, 0);
    assert_int_equal(home_reach(&(struct home_state){.head = 6}), 6);
    struct home_state now = state_now();
    assert_int_equal(home_reach(&now), 6);
}

static void what_is_missing_because_its_deletion_is_forgotten_must_be_compared(void **state)
{
    (void)state;
    follow_home(store);
    copy_upto_usn(10);
    struct txn *txn = txn_new(HOME);
    txn_horizon(txn, 8);
    commit_as(store, txn, OK);
    const struct tail tail = a_fork(77, 6, 10);
    go_back(&tail, OK);
    struct home_state now = state_now();
    assert_int_equal(now.horizon, 6);
    assert_true(now.modules[MODULE].comparing && now.modules[MODULE_DATA_CONF].comparing &&
                !now.modules[MODULE_CMS_MASTER].comparing);
}

static void so_many_tails_are_kept_and_no_more(void **state)
{
    (void)state;
    follow_home(store);
    for (uint64_t i = 0; i <= TAILS_MAX; i++) {
        struct txn *txn = as_copy();
        struct item item = an_item(i + 2, "k", "v");
        txn_apply(txn, &item);
        commit_as(store, txn, OK);
        const struct tail tail = a_fork(i + 1, i + 1, i + 2);
        /* It stays where it is when there are too many. */
        go_back(&tail, i < TAILS_MAX ? OK : FAIL_REFUSED);
        txn = as_copy();
        txn_apply(txn, &(struct item){.module = MODULE,
                                      .version = {FOLLOWED_TERM, i + 2},
                                      .key = bytes_of_text("other"),
                                      .value = bytes_of_text("v")});
        if (i < TAILS_MAX)
            commit_as(store, txn, OK);
        else
            txn_free(txn);
    }
    assert_int_equal(state_now().tails, TAILS_MAX);
    OWNED(free_memory) struct tails *tails = tails_now();
    assert_true(tails->list[0].id == 1 && tails->list[TAILS_MAX - 1].id == TAILS_MAX);
    assert_sound(store, HOME);
}

static void what_was_salvaged_goes_and_is_swept_away(void **state)
{
    (void)state;
    follow_home(store);
    copy_upto_usn(30);
    const struct tail tail = a_fork(77, 6, 30);
    go_back(&tail, OK);
    struct txn *txn = as_copy();
    txn_forget_tail(txn, 78);
    commit_as(store, txn, FAIL_CONFLICT);
    txn = txn_new(HOME);
    txn_forget_tail(txn, 77);
    commit_as(store, txn, OK);
    assert_int_equal(state_now().tails, 0);
    assert_records("tail/", "");
    while (sweep(6))
        ;
    OWNED(view_close) struct view *view = look();
    bool any = true;
    assert_int_equal(view_unswept(view, &any, NULL), OK);
    assert_false(any);
    assert_sound(store, HOME);
}

static void a_copy_whose_own_changes_are_aside_is_not_whole_when_it_becomes_the_holder(void **state)
{
    (void)state;
    follow_home(store);
    copy_upto_usn(10);
    const struct tail tail = a_fork(77, 6, 10);
    go_back(&tail, OK);
    become(MODE_SERVING, 4);
    assert_int_equal(state_now().head, 7); /* behind a usn of its own: it lacks something */
    assert_int_equal(state_now().horizon, 7);
}

static void unless_all_of_them_come_back_with_the_term_that_it_opens(void **state)
{
    (void)state;
    follow_home(store);
    copy_upto_usn(10);
    const struct tail tail = a_fork(77, 6, 10);
    go_back(&tail, OK);
    struct hold mine = a_hold(MODE_SERVING, 4, 2);
    struct txn *txn = as_holder(4);
    txn_hold(txn, &mine);
    put_text(txn, "k7", "v");
    txn_forget_tail(txn, 77);
    struct store_outcome outcome = commit_as(store, txn, OK);
    assert_true(outcome.first_usn == 7 && outcome.head == 7 && state_now().horizon == 0);
    assert_reads("k7", "k7=v");
    assert_sound(store, HOME);
}

static void a_home_with_changes_aside_is_not_dropped(void **state)
{
    (void)state;
    follow_home(store);
    copy_upto_usn(10);
    const struct tail tail = a_fork(77, 6, 10);
    go_back(&tail, OK);
    drop(HOME, 1, FAIL_REFUSED);
    assert_int_equal(state_now().tails, 1);
}

static void the_term_of_a_copy_that_lacks_something_begins_where_it_is_complete(void **state)
{
    (void)state;
    follow_home(store);
    copy_upto_usn(10);
    struct txn *txn = as_copy();
    txn_compare(txn, MODULE, 0, 5, 20);
    commit_as(store, txn, OK);
    struct hold mine = a_hold(MODE_SERVING, 4, 2);
    lineage_open(&mine.lineage, (struct term){2, 22}, 0);
    lineage_open(&mine.lineage, (struct term){3, 33}, 6);
    txn = txn_new(HOME);
    txn_hold(txn, &mine);
    txn_complete_upto(txn, 4);
    assert_int_equal(commit_as(store, txn, OK).began, 4);
    struct hold now = stored_hold();
    assert_true(now.lineage.count == 2 && now.lineage.entries[1].term.number == 4 &&
                now.lineage.entries[1].began == 4);
    assert_int_equal(state_now().head, 21); /* whatever it has, new changes come behind it */
}

static void modules_that_came_differently_far_share_only_what_both_have(void **state)
{
    (void)state;
    follow_home(store);
    copy_upto_usn(10);
    struct hold mine = a_hold(MODE_SERVING, 4, 2);
    struct txn *txn = txn_new(HOME);
    txn_hold(txn, &mine);
    txn_complete_upto(txn, 8);
    assert_int_equal(commit_as(store, txn, OK).began, 8);
    /* Nothing is missing up to there, so it goes on behind its head and keeps its tombstones. */
    assert_true(state_now().head == 10 && state_now().horizon == 0);
}

static const struct CMUnitTest promises[] = {
    TEST(sixteen_writers_get_usns_without_gaps_each_in_its_order),
    TEST(transactions_of_one_thread_end_in_their_order_and_share_a_flush),
    TEST(a_transaction_says_its_first_usn_and_the_head_after_it),
    TEST(a_precondition_that_fails_changes_nothing_and_uses_no_usn),
    TEST(what_was_deleted_counts_as_not_there),
    TEST(one_bad_transaction_does_no_harm_to_its_group),
    TEST(a_group_that_does_not_fit_is_tried_one_by_one),
    TEST(after_a_failed_flush_nothing_is_tried_again_and_reading_goes_on),
    TEST(a_deletion_leaves_a_tombstone_and_a_second_one_changes_nothing),
    TEST(the_horizon_takes_only_tombstones_and_never_goes_back),
    TEST(a_module_with_tombstones_is_not_empty),
    TEST(changes_need_the_holders_term),
    TEST(changes_need_a_mode_that_allows_them),
    TEST(changes_need_a_lease),
    TEST(a_lease_that_ends_before_the_answer_leaves_the_outcome_open),
    TEST(what_was_stored_before_a_holder_drains_is_acknowledged),
    TEST(nor_is_a_home_without_a_lease_answered_when_it_drains),
    TEST(the_record_that_a_transaction_brings_is_the_one_that_counts),
    TEST(a_hold_record_is_replaced_only_by_whoever_has_read_it),
    TEST(a_release_gives_away_what_was_agreed_or_nothing),
    TEST(a_term_that_opens_enters_the_lineage_where_the_head_stands),
    TEST(a_copy_applies_only_what_follows_its_holders_term),
    TEST(what_a_copy_takes_over_need_not_be_copied),
    TEST(a_cookie_moves_only_from_where_it_stands),
    TEST(a_copy_that_is_not_whole_becomes_the_holder_behind_a_usn_of_its_own),
    TEST(whoever_is_served_from_before_it_is_refilled_begins_behind_a_usn_of_its_own),
    TEST(a_standby_that_takes_alone_goes_on_where_it_stands),
    TEST(rule_15_a_copy_that_takes_opens_its_term_where_it_has_everything),
    TEST(a_copy_is_whole_at_its_cookie_unless_a_batch_says_where),
    TEST(a_holder_that_steps_down_has_its_cookies_at_its_head),
    TEST(each_durable_change_of_a_holder_is_told_before_its_answer),
    TEST(what_a_copy_is_sent_is_told_to_nobody),
    TEST(an_item_that_takes_the_usn_of_another_is_refused_whole),
    TEST(what_was_replaced_is_in_nobodys_way),
    TEST(of_many_items_that_come_at_once_the_last_of_each_key_is_kept),
    TEST(many_items_come_behind_one_that_is_placed),
    TEST(a_comparison_puts_items_in_the_place_of_what_stands_in_their_way),
    TEST(while_a_copy_is_compared_only_that_comparison_writes),
    TEST(a_digest_that_was_added_up_before_is_believed_only_if_nothing_changed),
    TEST(whoever_holds_a_home_is_compared_with_nobody_any_more),
    TEST(records_are_found_by_name_and_by_the_beginning_of_it),
    TEST(records_have_sizes),
    TEST(homes_are_listed_by_name),
    TEST(keys_are_bytes_in_the_order_of_bytes),
    TEST(values_may_be_empty_or_a_mebibyte),
    TEST(what_is_too_large_or_out_of_place_is_refused_whole),
    TEST(numbers_that_no_engine_can_count_are_refused),
    TEST(a_large_transaction_is_one),
    TEST(a_view_sees_one_point_in_time_and_no_reader_waits_for_the_writer),
    TEST(readers_never_see_half_a_transaction),
    TEST(one_view_too_many_waits_for_its_turn),
    TEST(what_is_not_there_is_not_found),
    TEST(a_full_queue_is_busy_and_loses_nothing_of_what_it_took),
    TEST(the_queue_is_also_full_by_size),
    TEST(closing_finishes_what_is_queued),
    TEST(a_full_memory_engine_refuses_and_goes_on_when_there_is_room),
    TEST(digests_follow_whatever_happens),
    TEST(a_copy_that_follows_has_the_digests_of_its_holder),
    TEST(homes_have_their_own_numbers_items_and_digests),
    TEST(a_dropped_home_is_gone_at_once_and_can_be_created_anew),
    TEST(what_a_dropped_home_leaves_is_swept_away_by_and_by),
    TEST(an_interrupted_sweep_goes_on_after_the_store_was_opened_anew),
    TEST(a_home_that_is_held_or_changed_meanwhile_is_not_dropped),
    TEST(what_a_copy_has_beyond_a_point_moves_aside_at_once),
    TEST(a_tail_keeps_deletions_and_leaves_none_behind),
    TEST(a_tail_of_any_size_moves_in_one_transaction),
    TEST(nothing_is_left_aside_where_there_is_nothing),
    TEST(a_tail_moves_in_steps_from_its_newest_change_down),
    TEST(what_is_aside_may_turn_out_to_be_all),
    TEST(a_copy_that_becomes_the_holder_has_set_aside_what_it_has),
    TEST(a_step_without_items_leaves_nothing_aside),
    TEST(whoever_goes_back_asks_how_far_to_go_at_once),
    TEST(a_copy_goes_back_only_from_where_it_was_seen),
    TEST(rule_14_a_pool_that_is_refilled_is_compared_when_it_went_back),
    TEST(while_it_is_compared_going_back_means_to_begin_anew),
    TEST(what_is_missing_because_its_deletion_is_forgotten_must_be_compared),
    TEST(so_many_tails_are_kept_and_no_more),
    TEST(what_was_salvaged_goes_and_is_swept_away),
    TEST(a_copy_whose_own_changes_are_aside_is_not_whole_when_it_becomes_the_holder),
    TEST(unless_all_of_them_come_back_with_the_term_that_it_opens),
    TEST(a_home_with_changes_aside_is_not_dropped),
    TEST(the_term_of_a_copy_that_lacks_something_begins_where_it_is_complete),
    TEST(modules_that_came_differently_far_share_only_what_both_have),
};

/* One group for each engine, in one plan: "sqlite: …", "memory: …". */
int main(void)
{
    static char sqlite[] = "sqlite", tidied[] = "sqlite, tidied at once", memory[] = "memory";
    char *const engines[] = {sqlite, tidied, memory};
    static struct CMUnitTest tests[COUNT_OF(engines) * COUNT_OF(promises)];
    size_t count = 0;
    for (size_t i = 0; i < COUNT_OF(engines); i++) {
        for (size_t n = 0; n < COUNT_OF(promises); n++) {
            tests[count] = promises[n];
            tests[count].name = xasprintf("%s: %s", engines[i], promises[n].name);
            tests[count++].initial_state = engines[i];
        }
    }
    if (!mkdtemp(folder))
        return 1;
    snprintf(path, sizeof path, "%s/store", folder);
    int failed = cmocka_run_group_tests_name("store", tests, NULL, NULL);
    for (size_t i = 0; i < count; i++)
        free_memory((void *)(uintptr_t)tests[i].name);
    rmdir(folder);
    return failed;
}
