/* What is known of homes beside the file: a view that believes it must see what it would read. */
#include "unit.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/hold.h"
#include "store/known.h"
#include "store/memory.h"
#include "store/rewind.h"
#include "store/sqlite.h"
#include "store_check.h"

DEFINE_OWNED(struct known *, known_free)

static struct home_row a_row(int64_t id, uint64_t head)
{
    return (struct home_row){.id = id, .state.head = head};
}

/* Where a view that began behind `at` finds the home's head; 0: it must read it. */
static uint64_t known_head(struct known *known, uint64_t at)
{
    struct home_row row;
    return known_row(known, at, HOME, &row) ? row.state.head : 0;
}

static int64_t id_of(struct known *known, uint64_t at)
{
    int64_t id;
    return known_id(known, at, HOME, &id) ? id : 0;
}

static uint64_t revision_of(struct known *known, uint64_t at)
{
    struct hold hold;
    return known_hold(known, at, HOME, &hold) ? hold.revision : 0;
}

/* A commit from its beginning to its end. */
static void commit(struct known *known, uint64_t head, uint64_t revision, bool remade)
{
    const struct home_row row = a_row(7, head);
    const struct hold hold = a_hold(MODE_SERVING, 2, revision);
    known_change(known, HOME, remade);
    known_settle(known, HOME, &row, &hold);
}

static void a_view_believes_what_did_not_change_since_it_began(void **state)
{
    (void)state;
    OWNED(known_free) struct known *known = known_new();
    commit(known, 5, 1, true);
    uint64_t at = known_now(known);
    assert_true(known_head(known, at) == 5 && id_of(known, at) == 7 && revision_of(known, at) == 1);
    assert_int_equal(known_head(known, at - 1), 0); /* that one may have begun before the commit */

    known_change(known, HOME, false); /* whether it sees this one, nobody can tell … */
    assert_int_equal(known_head(known, at), 0);
    assert_int_equal(known_edition(known, at, HOME), 0);
    assert_true(id_of(known, at) == 7 && revision_of(known, at) == 1); /* … and these stay */
    const struct home_row row = a_row(7, 6);
    const struct hold hold = a_hold(MODE_SERVING, 2, 1);
    known_settle(known, HOME, &row, &hold);
    assert_int_equal(known_head(known, at), 0);
    assert_true(id_of(known, at) == 7 && revision_of(known, at) == 1);
    assert_int_equal(known_head(known, known_now(known)), 6);
    assert_int_equal(known_head(known, KNOWN_LAST), 6);
}

static void a_commit_that_failed_leaves_all_as_it_was(void **state)
{
    (void)state;
    OWNED(known_free) struct known *known = known_new();
    commit(known, 5, 1, true);
    uint64_t at = known_now(known), edition = known_edition(known, at, HOME);
    known_change(known, HOME, true);
    assert_true(id_of(known, at) == 0 && revision_of(known, at) == 0);
    known_settle_as_before(known, HOME);
    assert_true(known_head(known, at) == 5 && id_of(known, at) == 7 && revision_of(known, at) == 1);
    assert_int_equal(known_edition(known, at, HOME), edition);
    known_change(known, HOME, true); /* and one of which nobody knows how it ended */
    assert_true(known_head(known, KNOWN_LAST) == 0 && id_of(known, KNOWN_LAST) == 0);
}

static void another_hold_record_is_seen_by_whoever_begins_behind_it(void **state)
{
    (void)state;
    OWNED(known_free) struct known *known = known_new();
    commit(known, 5, 1, true);
    uint64_t before = known_now(known);
    commit(known, 6, 2, true);
    assert_int_equal(revision_of(known, before), 0);
    assert_int_equal(revision_of(known, known_now(known)), 2);
    commit(known, 7, 2, false); /* the same one still */
    assert_int_equal(revision_of(known, before + 1), 2);
}

static void a_home_that_is_dropped_is_not_known(void **state)
{
    (void)state;
    OWNED(known_free) struct known *known = known_new();
    commit(known, 5, 1, true);
    const struct home_row none = {0};
    known_change(known, HOME, true);
    known_settle(known, HOME, &none, NULL);
    uint64_t now = known_now(known);
    assert_true(known_head(known, now) == 0 && id_of(known, now) == 0);
    assert_int_equal(revision_of(known, now), 0);
    assert_int_equal(known_edition(known, now, HOME), 0);
}

static void what_was_read_is_learned_if_nothing_changed_meanwhile(void **state)
{
    (void)state;
    OWNED(known_free) struct known *known = known_new();
    const struct home_row row = a_row(7, 5), newer = a_row(7, 6);
    const struct hold hold = a_hold(MODE_SERVING, 2, 1);
    uint64_t at = known_now(known);
    known_change(known, PARTNER, false); /* of any home: this one could be among them */
    known_learn_row(known, at, HOME, &row);
    known_learn_hold(known, at, &hold);
    assert_true(known_head(known, at) == 0 && revision_of(known, at) == 0);
    known_settle(known, PARTNER, &row, NULL);
    known_learn_row(known, at, HOME, &row); /* by who began before that */
    known_learn_hold(known, at, &hold);
    assert_true(known_head(known, KNOWN_LAST) == 0 && revision_of(known, KNOWN_LAST) == 0);

    at = known_now(known);
    known_learn_row(known, at, HOME, &row);
    known_learn_hold(known, at, &hold);
    assert_true(known_head(known, at) == 5 && id_of(known, at) == 7 && revision_of(known, at) == 1);
    known_learn_row(known, at, HOME, &newer); /* nobody can have read anything else */
    assert_int_equal(known_head(known, at), 5);
}

static void what_was_put_in_its_place_is_read(void **state)
{
    (void)state;
    OWNED(known_free) struct known *known = known_new();
    commit(known, 5, 1, true);
    uint64_t at = known_now(known);
    const struct home_row row = a_row(7, 5);
    known_forget(known);
    known_learn_row(known, at, HOME, &row); /* by who sees what was there before */
    assert_true(known_head(known, KNOWN_LAST) == 0 && id_of(known, KNOWN_LAST) == 0);
}

static void one_home_too_many_is_read_each_time_and_so_is_a_tail(void **state)
{
    (void)state;
    OWNED(known_free) struct known *known = known_new();
    const struct home_row row = a_row(7, 5);
    struct home_row found;
    char name[HOME_NAME_SIZE];
    known_learn_row(known, known_now(known), HOME_TAIL "1", &row);
    assert_false(known_row(known, KNOWN_LAST, HOME_TAIL "1", &found));
    for (int i = 0; i < KNOWN_HOMES_MAX; i++) {
        snprintf(name, sizeof name, "pool%d.example.com", i);
        known_learn_row(known, known_now(known), name, &row);
        assert_true(known_row(known, KNOWN_LAST, name, &found));
    }
    commit(known, 5, 1, true);
    known_learn_row(known, known_now(known), HOME, &row);
    assert_int_equal(known_head(known, KNOWN_LAST), 0);
    assert_true(known_row(known, KNOWN_LAST, name, &found)); /* and the others are as before */

    const struct home_row none = {0};
    known_change(known, name, true); /* one is dropped: there is room */
    known_settle(known, name, &none, NULL);
    commit(known, 6, 1, true);
    assert_int_equal(known_head(known, KNOWN_LAST), 6);
    assert_false(known_row(known, KNOWN_LAST, name, &found));
}

/* --- in a store --- */

enum { CHANGES = 400, READERS = 3, EDITIONS_MAX = 4096 };

static struct store *store;

/* Those who read while others write, and what each edition of the home was. */
static struct {
    atomic_bool over;
    atomic_size_t wrong, believed;
    atomic_uint_fast64_t heads[EDITIONS_MAX]; /* one more; 0: not seen yet */
} seen;

static void note_edition(uint64_t edition, uint64_t head)
{
    uint_fast64_t none = 0;
    if (edition == 0 || edition >= EDITIONS_MAX)
        return;
    seen.believed++;
    if (!atomic_compare_exchange_strong(&seen.heads[edition], &none, head + 1))
        seen.wrong += none != head + 1;
}

static bool fits_its_record(struct view *view, const struct hold *hold)
{
    char name[HOLD_RECORD_NAME_SIZE];
    OWNED(buffer_free) struct buffer record = {0};
    OWNED(free_memory) struct hold *stored = xcalloc(1, sizeof *stored);
    return view_record(view, hold_record_name(HOME, name), &record, NULL) == OK &&
           hold_decode(stored, buffer_view(&record), NULL) == OK &&
           stored->revision == hold->revision;
}

static void look_once(void)
{
    OWNED(view_close) struct view *view = NULL;
    OWNED(free_memory) struct hold *hold = xcalloc(1, sizeof *hold);
    struct home_state state;
    struct item item;
    uint64_t newest;
    if (store_view(store, &view, NULL) || view_home(view, HOME, &state, NULL) ||
        view_hold(view, HOME, hold, NULL) || view_newest(view, HOME, 0, &newest, NULL) ||
        view_item(view, HOME, MODULE, bytes_of_text("a"), &item, NULL)) {
        seen.wrong++;
        return;
    }
    seen.wrong += newest != state.head || item.version.usn != state.head;
    seen.wrong += !fits_its_record(view, hold);
    note_edition(view_edition(view, HOME), state.head);
}

static void *read_on(void *unused)
{
    (void)unused;
    while (!atomic_load(&seen.over))
        look_once();
    return NULL;
}

static void write_on(void)
{
    uint64_t revision = 1;
    for (int i = 0; i < CHANGES; i++) {
        char value[16];
        snprintf(value, sizeof value, "%d", i);
        struct txn *txn = as_holder(2);
        put_text(txn, "a", value);
        if (i % 7 == 0) {
            const struct hold hold = a_hold(MODE_SERVING, 2, ++revision);
            txn_hold(txn, &hold);
        }
        if (i % 11 == 0) /* and another home, so that editions are not those of this one alone */
            commit_as(store, txn_new(PARTNER), OK);
        commit_as(store, txn, OK);
    }
}

static void race(struct engine *engine)
{
    struct error e;
    memset(&seen, 0, sizeof seen);
    assert_int_equal(store_open(engine, &store, &e), OK);
    serve_home(store, 2);
    put_one(store, 2, "a", "first");
    pthread_t readers[READERS];
    for (size_t i = 0; i < READERS; i++)
        assert_int_equal(pthread_create(&readers[i], NULL, read_on, NULL), 0);
    write_on();
    atomic_store(&seen.over, true);
    for (size_t i = 0; i < READERS; i++)
        pthread_join(readers[i], NULL);
    assert_int_equal(seen.wrong, 0);
    look_once();
    assert_true(seen.wrong == 0 && seen.believed > 0);
    store_close(store);
}

static void who_believes_sees_what_he_would_read_in_memory(void **state)
{
    (void)state;
    race(memory_engine_open());
}

static void and_in_a_file(void **state)
{
    (void)state;
    char folder[] = "/tmp/pollux-known-XXXXXX", path[64], command[80];
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/store", folder);
    struct engine *engine;
    struct error e;
    assert_int_equal(sqlite_engine_open(path, HOME, &engine, &e), OK);
    race(engine);
    snprintf(command, sizeof command, "rm -r %s", folder);
    assert_int_equal(system(command), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_view_believes_what_did_not_change_since_it_began),
        cmocka_unit_test(a_commit_that_failed_leaves_all_as_it_was),
        cmocka_unit_test(another_hold_record_is_seen_by_whoever_begins_behind_it),
        cmocka_unit_test(a_home_that_is_dropped_is_not_known),
        cmocka_unit_test(what_was_read_is_learned_if_nothing_changed_meanwhile),
        cmocka_unit_test(what_was_put_in_its_place_is_read),
        cmocka_unit_test(one_home_too_many_is_read_each_time_and_so_is_a_tail),
        cmocka_unit_test(who_believes_sees_what_he_would_read_in_memory),
        cmocka_unit_test(and_in_a_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
