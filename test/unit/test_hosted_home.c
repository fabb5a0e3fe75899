/* A home tied to a store: what becomes of a decision whose transaction meets another one. */
#include "unit.h"

#include "pool/hosted_home.h"
#include "store/salvage.h"
#include "store_check.h"

enum { TAIL = 77, HEAD = 2 };

struct scene {
    struct store *store;
    struct loop *loop;
    struct hosted_home *home;
    bool forgets; /* the tail goes between the making of a transaction and its commit */
    bool told;
    struct error error;
};

static void on_asked(struct hosted_home *home, const struct home_question *question, void *context)
{
    (void)context;
    hosted_home_answered(home, question, NULL);
}

static void on_changed(struct hosted_home *home, void *context)
{
    (void)home;
    (void)context;
}

static void take_own_tail(struct scene *s, struct txn *txn, const struct hold *hold)
{
    OWNED(view_close) struct view *view = NULL;
    assert_int_equal(store_view(s->store, &view, NULL), OK);
    const struct salvage_place place = {.view = view, .hold = hold, .own = true};
    txn_as_holder(txn, hold->term.number);
    assert_int_equal(salvage_own(txn, &place, NULL), OK);
}

static void on_opens(struct txn *txn, const struct hold *hold, void *context)
{
    struct scene *s = context;
    take_own_tail(s, txn, hold);
    if (!s->forgets)
        return;
    struct txn *faster = txn_new(HOME);
    txn_forget_tail(faster, TAIL);
    commit_as(s->store, faster, OK);
    s->forgets = false;
}

/* It served in term 2, and then its partner in term 3: its two changes moved aside. */
static struct hold stand_by_with_a_tail(struct store *store)
{
    struct hold hold = a_hold(MODE_STANDBY, FOLLOWED_TERM, 2);
    struct tail tail = {.id = TAIL, .head = HEAD};
    lineage_open(&tail.lineage, a_hold(MODE_SERVING, 2, 1).term, 0);
    lineage_open(&hold.lineage, hold.term, 0);
    serve_home(store, 2);
    put_one(store, 2, "a", "mine");
    put_one(store, 2, "b", "mine");
    struct txn *txn = as_copy();
    txn_hold(txn, &hold);
    txn_rewind(txn, &tail);
    commit_as(store, txn, OK);
    return hold;
}

static void open_home(struct scene *s, const struct hold *hold)
{
    const struct home_options options = {
        .name = HOME, .pools = {HOME, PARTNER}, .failure_detection_ms = 30000};
    const struct hosted_home_around around = {.loop = s->loop,
                                              .store = s->store,
                                              .ask = on_asked,
                                              .opens = on_opens,
                                              .changed = on_changed,
                                              .context = s};
    s->home = hosted_home_open(&around, &options, hold);
}

static int set_up(void **state)
{
    static struct scene scene;
    struct scene *s = *state = &scene;
    *s = (struct scene){.loop = loop_new()};
    assert_int_equal(store_open(memory_engine_open(), &s->store, NULL), OK);
    const struct hold hold = stand_by_with_a_tail(s->store);
    open_home(s, &hold);
    return 0;
}

static int tear_down(void **state)
{
    struct scene *s = *state;
    hosted_home_close(s->home);
    store_close(s->store);
    loop_free(s->loop);
    return 0;
}

static void on_taken(const struct error *e, void *context)
{
    struct scene *s = context;
    s->told = true;
    s->error = e ? *e : (struct error){0};
}

/* The store tells of what it was given in that order: behind something else, all of it was told. */
static void take(struct scene *s, uint64_t number)
{
    s->told = false;
    hosted_home_take(s->home, (struct term){number, 44}, false, NULL, NULL, on_taken, s);
    commit_as(s->store, txn_new(HOME), OK);
    loop_settle(s->loop);
    assert_true(s->told);
}

static void a_take_that_was_overtaken_by_a_salvage_is_tried_again(void **state)
{
    struct scene *s = *state;
    s->forgets = true;
    take(s, 4);
    assert_says(&s->error, FAIL_BUSY, "does not have that tail any more"); /* and not for good */
    assert_int_equal(home_mode(hosted_home_core(s->home)), MODE_STANDBY);
    take(s, 4);
    assert_int_equal(s->error.kind, OK);
    assert_int_equal(home_mode(hosted_home_core(s->home)), MODE_SERVING);
    assert_sound(s->store, HOME);
}

static void a_take_in_a_number_that_was_passed_is_refused_for_good(void **state)
{
    struct scene *s = *state;
    take(s, 2);
    assert_int_equal(s->error.kind, FAIL_CONFLICT);
    assert_int_equal(home_mode(hosted_home_core(s->home)), MODE_STANDBY);
}

/* The partner, gone mad: a number that can't be, and a release to whom it can't be made. */
static void a_question_that_can_not_be_is_answered_and_stops_nobody(void **state)
{
    struct scene *s = *state;
    static const struct home_question questions[] = {
        {.nonce = 5, .term = {1ull << 40, 9}, .seen = 1ull << 40},
        {.nonce = 5, .term = {3, 9}, .seen = 3, .to = {5, 55}},
    };
    for (size_t i = 0; i < COUNT_OF(questions); i++)
        hosted_home_asked(s->home, &questions[i], NULL);
    assert_int_equal(home_mode(hosted_home_core(s->home)), MODE_STANDBY);
    take(s, 4);
    assert_int_equal(s->error.kind, OK);
}

/* It has everything of what it served itself, and that is another history than its holder's. */
static void a_pool_that_could_not_step_down_has_no_copy_to_take(void **state)
{
    struct scene *s = *state;
    struct home_point point;
    bool whole;
    assert_int_equal(hosted_home_point(s->home, &point, &whole, NULL), OK);
    assert_true(whole);
    take(s, 4);
    const struct hold served = *home_hold(hosted_home_core(s->home));
    hosted_home_close(s->home); /* and has its partner take it, and a disk that keeps nothing */
    open_home(s, &served);
    assert_int_equal(home_mode(hosted_home_core(s->home)), MODE_REJOINING);
    assert_int_equal(hosted_home_point(s->home, &point, &whole, NULL), OK);
    assert_false(whole);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_take_that_was_overtaken_by_a_salvage_is_tried_again,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_take_in_a_number_that_was_passed_is_refused_for_good,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_pool_that_could_not_step_down_has_no_copy_to_take, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_question_that_can_not_be_is_answered_and_stops_nobody,
                                        set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
