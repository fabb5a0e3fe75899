/* Batches that are packed beside the loop: what follows on a full one is there when it is ordered.
 */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <sqlite3.h>

#include "pool/packing.h"
#include "store/memory.h"
#include "store/sqlite.h"
#include "store_check.h"

enum { ITEMS = 100, TERM = 2, ALL = 1 << 20, FEW = 64 /* bytes: of a few items */ };

struct scene {
    struct store *store;
    struct loop *loop;
    struct workers *workers;
    struct packing *packing;
    struct packed packed; /* what was told last */
    unsigned told;
};

static void note(const struct packed *packed, void *context)
{
    struct scene *s = context;
    s->packed = *packed;
    s->told++;
}

static int begin(void **state)
{
    struct scene *s = xcalloc(1, sizeof *s);
    assert_int_equal(store_open(memory_engine_open(), &s->store, NULL), OK);
    serve_home(s->store, TERM);
    for (int i = 0; i < ITEMS; i++) {
        char key[32];
        snprintf(key, sizeof key, "key-%d", i);
        put_one(s->store, TERM, key, "value");
    }
    s->loop = loop_new();
    s->workers = workers_new(s->loop, "packing", 2);
    s->packing = packing_new(s->workers, note, s);
    *state = s;
    return 0;
}

static void settle(struct scene *s)
{
    while (!packing_is_idle(s->packing)) {
        loop_settle(s->loop);
        usleep(100);
    }
}

static int end(void **state)
{
    struct scene *s = *state;
    settle(s);
    workers_free(s->workers);
    loop_settle(s->loop);
    packing_free(s->packing);
    loop_free(s->loop);
    store_close(s->store);
    free(s);
    return 0;
}

static struct packing_order behind(struct scene *s, uint64_t after)
{
    struct hold hold;
    state_of(s->store, HOME, &hold);
    struct packing_order order = {.head = {.module = MODULE, .term = hold.term, .after = after},
                                  .goal = UINT64_MAX, /* not few */
                                  .bytes_max = FEW};
    snprintf(order.head.home, sizeof order.head.home, "%s", HOME);
    return order;
}

/* Whether it was there at once. */
static bool ordered(struct scene *s, const struct packing_order *order)
{
    unsigned before = s->told;
    assert_true(packing_order(s->packing, s->store, order));
    bool at_once = s->told > before;
    settle(s);
    assert_int_equal(s->told, before + 1);
    assert_int_equal(s->packed.error.kind, OK);
    assert_int_equal(s->packed.head.after, order->head.after);
    return at_once;
}

static void go_ahead(struct scene *s)
{
    packing_go_ahead(s->packing, s->store, 0);
    settle(s);
}

/* A first one is on its way, and the next was begun with: the order that it waits for. */
static struct packing_order next_of_a_first(struct scene *s)
{
    struct packing_order first = behind(s, 0);
    ordered(s, &first);
    go_ahead(s);
    return behind(s, s->packed.head.upto);
}

static void what_follows_on_a_full_batch_is_there_when_it_is_ordered(void **state)
{
    struct scene *s = *state;
    unsigned batches = 0;
    uint64_t items = 0, after = 0;
    do {
        struct packing_order order = behind(s, after);
        assert_int_equal(ordered(s, &order), batches > 0);
        items += s->packed.items;
        after = s->packed.head.upto;
        go_ahead(s);
        batches++;
    } while (s->packed.full);
    assert_int_equal(items, ITEMS);
    assert_int_equal(after, s->packed.head.head);
    assert_true(batches > 5);
}

static void it_is_waited_for_if_it_is_ordered_before(void **state)
{
    struct scene *s = *state;
    struct packing_order order = behind(s, 0);
    ordered(s, &order);
    uint64_t upto = s->packed.head.upto;
    packing_go_ahead(s->packing, s->store, 0);
    order.head.after = upto;
    assert_true(packing_order(s->packing, s->store, &order));
    settle(s);
    assert_int_equal(s->told, 2);
    assert_int_equal(s->packed.head.after, upto);
}

/* Whoever finds that the copy stands elsewhere, or may send far less, gets what he ordered. */
static void another_order_is_packed_anew(void **state)
{
    struct scene *s = *state;
    enum { ELSEWHERE, ANOTHER_TERM, LESS, THE_LAST, ORDERS };
    for (int which = 0; which < ORDERS; which++) {
        struct packing_order next = next_of_a_first(s);
        next.head.after += which == ELSEWHERE;
        next.head.term.tag += which == ANOTHER_TERM;
        next.bytes_max /= which == LESS ? 2 * PACKING_EXCESS_TIMES : 1;
        next.last = which == THE_LAST;
        assert_false(ordered(s, &next));
        assert_true(term_equal(s->packed.head.term, next.head.term));
        packing_forget_ahead(s->packing);
    }
}

static void it_says_no_more_of_other_modules_than_it_may(void **state)
{
    struct scene *s = *state;
    struct packing_order order = behind(s, 0);
    order.tells_others = true;
    ordered(s, &order);
    go_ahead(s);
    order = behind(s, s->packed.head.upto);
    assert_false(ordered(s, &order));
    struct batch_head head;
    assert_int_equal(batch_peek(s->packed.bytes, &head, NULL), OK);
    assert_int_equal(head.others_upto, head.upto);
}

/* Whether it may is known by the next one, at the latest: it is the last that matters. */
static void it_says_it_of_other_modules_as_soon_as_it_may(void **state)
{
    struct scene *s = *state;
    struct packing_order order = behind(s, 0);
    ordered(s, &order);
    for (int i = 0; i < 2; i++) {
        go_ahead(s);
        order = behind(s, s->packed.head.upto);
        order.tells_others = true;
        assert_true(ordered(s, &order));
        assert_int_equal(s->packed.tells_others, i == 1);
    }
}

/* What a link can do is never twice the same. */
static void a_little_less_is_no_reason_to_pack_anew(void **state)
{
    struct scene *s = *state;
    struct packing_order order = next_of_a_first(s);
    order.bytes_max -= FEW / 4;
    assert_true(ordered(s, &order));
}

static void what_was_rejected_is_not_sent_later(void **state)
{
    struct scene *s = *state;
    struct packing_order order = behind(s, 0);
    ordered(s, &order);
    uint64_t upto = s->packed.head.upto;
    packing_go_ahead(s->packing, s->store, 0);
    assert_true(packing_order(s->packing, s->store, &order)); /* while that works */
    settle(s);
    packing_go_ahead(s->packing, s->store, 0);
    settle(s);
    put_one(s->store, TERM, "key-0", "later");
    packing_forget_ahead(s->packing);
    order = behind(s, upto);
    assert_false(ordered(s, &order));
    assert_int_equal(s->packed.head.head, ITEMS + 1);
}

static void nothing_is_left_of_what_went_wrong(void **state)
{
    struct scene *s = *state;
    struct packing_order order = next_of_a_first(s);
    packing_forget_ahead(s->packing);
    assert_false(ordered(s, &order));
}

/* A link that can do more gets more, though each batch was begun with before that was known. */
static void batches_grow_with_what_is_ordered(void **state)
{
    struct scene *s = *state;
    struct packing_order order = behind(s, 0);
    ordered(s, &order);
    uint64_t least = s->packed.filled;
    for (int i = 0; i < 3; i++) {
        go_ahead(s);
        order = behind(s, s->packed.head.upto);
        order.bytes_max = 4 * FEW;
        assert_true(ordered(s, &order));
    }
    assert_true(s->packed.filled >= 3 * least);
}

static void nothing_is_begun_with_behind_the_last_one(void **state)
{
    struct scene *s = *state;
    struct packing_order order = behind(s, 0);
    order.bytes_max = ALL;
    ordered(s, &order);
    assert_false(s->packed.full);
    packing_go_ahead(s->packing, s->store, 0);
    assert_true(packing_is_idle(s->packing));
}

static void a_few_changes_are_packed_where_they_are_ordered(void **state)
{
    struct scene *s = *state;
    struct packing_order order = behind(s, ITEMS - PACKING_HERE_CHANGES);
    order.goal = ITEMS;
    order.bytes_max = ALL;
    assert_true(ordered(s, &order));
    assert_false(s->packed.full);
    assert_int_equal(s->packed.items, PACKING_HERE_CHANGES);
    assert_int_equal(s->packed.head.upto, ITEMS);
    order.head.after--;
    assert_false(ordered(s, &order));
    assert_int_equal(s->packed.items, PACKING_HERE_CHANGES + 1);
}

/* Or more have come than was known: the loop is not held up, and what belongs together comes in one
 * batch all the same. */
static void a_few_that_are_large_are_packed_beside_it(void **state)
{
    static uint8_t large[PACKING_HERE_BYTES];
    struct scene *s = *state;
    for (int i = 0; i < 2; i++) {
        struct txn *txn = as_holder(TERM);
        txn_put(txn, MODULE, bytes_of_text(i ? "large" : "larger"), bytes_of(large, sizeof large));
        commit_as(s->store, txn, OK);
    }
    struct packing_order order = behind(s, ITEMS);
    order.goal = ITEMS + 1;
    order.bytes_max = ALL;
    assert_false(ordered(s, &order));
    assert_int_equal(s->packed.items, 2);
    assert_false(s->packed.full);
}

/* Many may have come since the number was known, of another module, too. */
static void many_changes_behind_a_few_are_packed_beside_it(void **state)
{
    struct scene *s = *state;
    struct packing_order order = behind(s, ITEMS);
    order.goal = ITEMS + 1;
    order.bytes_max = ALL;
    put_one(s->store, TERM, "key-1", "later");
    for (int i = 0; i < PACKING_HERE_CHANGES_MAX; i++) {
        char key[32];
        snprintf(key, sizeof key, "of another %d", i);
        struct txn *txn = as_holder(TERM);
        txn_put(txn, MODULE_DATA_CONF, bytes_of_text(key), bytes_of_text("module"));
        commit_as(s->store, txn, OK);
    }
    assert_false(ordered(s, &order));
    assert_int_equal(s->packed.items, 1);
    assert_false(s->packed.full);
    assert_int_equal(s->packed.head.upto, s->packed.head.head);
}

/* Large ones of another module, too. */
static void what_others_changed_counts_as_well(void **state)
{
    static uint8_t large[PACKING_HERE_BYTES];
    struct scene *s = *state;
    struct packing_order order = behind(s, ITEMS);
    order.goal = ITEMS + 2;
    order.bytes_max = ALL;
    struct txn *txn = as_holder(TERM);
    txn_put(txn, MODULE_DATA_CONF, bytes_of_text("of another"), bytes_of(large, sizeof large));
    commit_as(s->store, txn, OK);
    put_one(s->store, TERM, "key-1", "later");
    assert_false(ordered(s, &order));
    assert_int_equal(s->packed.items, 1);
}

/* As many read as may. */
static void a_few_are_packed_beside_it_where_it_would_have_to_wait(void **state)
{
    struct scene *s = *state;
    struct view *views[STORE_VIEWS_MAX];
    struct packing_order order = behind(s, ITEMS - 1);
    order.goal = ITEMS;
    order.bytes_max = ALL;
    for (size_t i = 0; i < STORE_VIEWS_MAX; i++)
        assert_int_equal(store_view(s->store, &views[i], NULL), OK);
    assert_true(packing_order(s->packing, s->store, &order));
    assert_int_equal(s->told, 0);
    for (size_t i = 0; i < STORE_VIEWS_MAX; i++)
        view_close(views[i]);
    settle(s);
    assert_int_equal(s->told, 1);
    assert_int_equal(s->packed.items, 1);
}

static void open_file(struct scene *s, const char *path)
{
    struct engine *engine;
    struct error e;
    store_close(TAKE(s->store));
    assert_int_equal(sqlite_engine_open(path, "packing.litwareinc.com", &engine, &e), OK);
    assert_int_equal(store_open(engine, &s->store, &e), OK);
    store_lease(s->store, HOME, UINT64_MAX);
}

static void put_file(struct scene *s, const char *key)
{
    struct txn *txn = as_holder(TERM);
    txn_put(txn, MODULE_DATA_CONF, bytes_of_text(key), bytes_of_text("manifest"));
    commit_as(s->store, txn, OK);
}

/* Copies have it since long; what is packed lies behind it. */
static void a_damaged_file_keeps_no_other_from_being_packed(void **state)
{
    struct scene *s = *state;
    char folder[] = "/tmp/pollux-packing-XXXXXX", path[64], left[80];
    sqlite3 *db;
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/store", folder);
    open_file(s, path);
    serve_home(s->store, TERM);
    put_file(s, "a");
    put_file(s, "b");
    store_close(TAKE(s->store));
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(
        sqlite3_exec(db, "UPDATE item_1 SET value = x'77' WHERE usn = 1", NULL, NULL, NULL),
        SQLITE_OK);
    assert_int_equal(sqlite3_changes(db), 1);
    sqlite3_close(db);
    open_file(s, path);
    struct packing_order order = behind(s, 1);
    order.head.module = MODULE_DATA_CONF;
    ordered(s, &order);
    assert_int_equal(s->packed.items, 1);
    static const char *const files[] = {"", "-wal", "-shm", ".lock", ".spare"};
    for (size_t i = 0; i < COUNT_OF(files); i++) {
        snprintf(left, sizeof left, "%s%s", path, files[i]);
        unlink(left);
    }
    rmdir(folder);
}

#define STORY(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORY(what_follows_on_a_full_batch_is_there_when_it_is_ordered),
        STORY(it_is_waited_for_if_it_is_ordered_before),
        STORY(another_order_is_packed_anew),
        STORY(it_says_no_more_of_other_modules_than_it_may),
        STORY(it_says_it_of_other_modules_as_soon_as_it_may),
        STORY(a_little_less_is_no_reason_to_pack_anew),
        STORY(what_was_rejected_is_not_sent_later),
        STORY(nothing_is_left_of_what_went_wrong),
        STORY(batches_grow_with_what_is_ordered),
        STORY(nothing_is_begun_with_behind_the_last_one),
        STORY(a_few_changes_are_packed_where_they_are_ordered),
        STORY(a_few_that_are_large_are_packed_beside_it),
        STORY(many_changes_behind_a_few_are_packed_beside_it),
        STORY(what_others_changed_counts_as_well),
        STORY(a_few_are_packed_beside_it_where_it_would_have_to_wait),
        STORY(a_damaged_file_keeps_no_other_from_being_packed),
    };
    return cmocka_run_group_tests_name("packing", tests, NULL, NULL);
}
