/* A replica of `central`: what it makes of an offer while something else comes to its store. */
#include "unit.h"

#include <stdio.h>

#include "pool/replica.h"
#include "store_check.h"

static const char *const pools[SIDES] = {HOME, PARTNER};

struct scene {
    struct store *store;
    struct copy_answer answer;
};

static struct term term(uint64_t number)
{
    return (struct term){number, number * 11};
}

/* By the holder in term 2, or in term 4, which began at change 2. */
static struct sync_offer an_offer(uint64_t number, uint64_t head)
{
    struct sync_offer offer = {.home = HOME_CENTRAL,
                               .module = MODULE_CMS_MASTER,
                               .term = term(number),
                               .head = head,
                               .whole = true,
                               .digest.items = head};
    lineage_open(&offer.lineage, term(2), 0);
    if (number == 4)
        lineage_open(&offer.lineage, term(4), 2);
    return offer;
}

static void be_offered(struct scene *s, uint64_t number, uint64_t head)
{
    const struct sync_offer offer = an_offer(number, head);
    assert_int_equal(replica_offered(s->store, &offer, pools, &s->answer, NULL), OK);
}

/* Changes of term 2, one after the other. */
static void apply(struct scene *s, uint64_t from, uint64_t upto)
{
    struct txn *txn = txn_new(HOME_CENTRAL);
    txn_as_copy(txn, 2);
    for (uint64_t usn = from + 1; usn <= upto; usn++) {
        char key[8];
        snprintf(key, sizeof key, "k%u", (unsigned)usn);
        struct item item = an_item(usn, key, "of term 2");
        item.version.term = 2;
        item.module = MODULE_CMS_MASTER;
        txn_apply(txn, &item);
    }
    txn_cookie(txn, MODULE_CMS_MASTER, (struct version){from ? 2 : 0, from},
               (struct version){2, upto});
    commit_as(s->store, txn, OK);
}

static int set_up(void **state)
{
    static struct scene scene;
    scene = (struct scene){0};
    *state = &scene;
    assert_int_equal(store_open(memory_engine_open(), &scene.store, NULL), OK);
    be_offered(&scene, 2, 2);
    assert_int_equal(scene.answer.verdict, COPY_GO_ON);
    apply(&scene, 0, 2);
    return 0;
}

static int tear_down(void **state)
{
    const struct scene *s = *state;
    store_close(s->store);
    return 0;
}

static void a_replica_follows_a_new_term_from_where_it_stands(void **state)
{
    struct scene *s = *state;
    struct hold hold;
    be_offered(s, 4, 3);
    assert_int_equal(s->answer.verdict, COPY_GO_ON);
    assert_int_equal(s->answer.at.usn, 2);
    state_of(s->store, HOME_CENTRAL, &hold);
    assert_true(term_equal(hold.term, term(4)));
    assert_true(lineage_has(&hold.lineage, term(4)));
}

/* The last change of a term that was given up came to the store between the look at where the
 * replica stood and what was kept of that: it counted as one of the next term, and was overwritten.
 */
static void
rule_3_a_late_batch_that_comes_to_an_offer_makes_no_history_of_the_next_term(void **state)
{
    struct scene *s = *state;
    struct hold hold;
    struct txn *txn;
    const struct sync_offer offer = an_offer(4, 3);
    assert_int_equal(replica_judge(s->store, &offer, pools, &s->answer, &txn, NULL), OK);
    assert_int_equal(s->answer.verdict, COPY_GO_ON);
    assert_non_null(txn);
    apply(s, 2, 3);
    commit_as(s->store, txn, FAIL_CONFLICT);
    struct home_state stands = state_of(s->store, HOME_CENTRAL, &hold);
    assert_true(term_equal(hold.term, term(2)));
    assert_int_equal(stands.head, 3);
    /* Asked again, it goes back, and keeps what it has. */
    be_offered(s, 4, 3);
    assert_int_equal(s->answer.verdict, COPY_EARLY);
    assert_true(s->answer.tail);
    stands = state_of(s->store, HOME_CENTRAL, &hold);
    assert_int_equal(stands.head, 2);
    assert_int_equal(stands.tails, 1);
    be_offered(s, 4, 3);
    assert_int_equal(s->answer.verdict, COPY_GO_ON);
    assert_int_equal(s->answer.at.usn, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_replica_follows_a_new_term_from_where_it_stands, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(
            rule_3_a_late_batch_that_comes_to_an_offer_makes_no_history_of_the_next_term, set_up,
            tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
