/* One home at two pools: how it lives, as stories, and then whatever happens, as random walks. How
 * it is handed over stands in test_handover.c. */
#include "two_homes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/creation.h"

static void the_first_publication_creates_a_home_and_the_partner_stands_by(void **state)
{
    (void)state;
    OWNED(world_free) struct world *w = paired_world();
    assert_int_equal(mode(w, SIDE_HOME), MODE_SERVING);
    assert_int_equal(number(w, SIDE_HOME), 2);
    assert_int_equal(mode(w, SIDE_BACKUP), MODE_STANDBY);
    assert_int_equal(number(w, SIDE_BACKUP), 2);
}

static void a_home_is_created_once(void **state)
{
    (void)state;
    OWNED(world_free) struct world *w = paired_world();
    create(w);
    assert_int_equal(number(w, SIDE_HOME), 2);

    /* Not even on a new disk: the partner knows better (protocol, rule 11). */
    stop(w, SIDE_HOME);
    w->pools[SIDE_HOME].disk = (struct hold){0};
    w->pools[SIDE_BACKUP].head = 10;
    start(w, SIDE_HOME);
    pass(w, 1000);
    create(w);
    assert_int_equal(mode(w, SIDE_HOME), MODE_REJOINING);
    assert_int_equal(w->opened_count, 1);
}

static void rule_11_whether_a_publication_is_the_first_only_the_partner_can_tell(void **state)
{
    (void)state;
    OWNED(world_free) struct world *w = world_new(3);
    start(w, SIDE_HOME);
    assert_false(creation_may_begin(w->pools[SIDE_HOME].home, false));
    assert_true(creation_may_begin(w->pools[SIDE_HOME].home, true));
    create(w);
    assert_true(creation_may_begin(w->pools[SIDE_HOME].home, false)); /* it is not the first */

    const struct home_options lone = {
        .name = names[0], .pools = {names[0], NULL}, .failure_detection_ms = FAILURE_DETECTION_MS};
    struct home *h = home_new(&lone, NULL, 0, 9);
    assert_true(creation_may_begin(h, false));
    home_free(h);
    assert_true(creation_may_begin(NULL, false));
}

static void two_empty_stores_wait_for_a_publication(void **state)
{
    (void)state;
    OWNED(world_free) struct world *w = world_new(3);
    start(w, SIDE_HOME);
    start(w, SIDE_BACKUP);
    pass(w, 3 * FAILURE_DETECTION_MS);
    assert_int_equal(mode(w, SIDE_HOME), MODE_REJOINING);
    assert_int_equal(mode(w, SIDE_BACKUP), MODE_REJOINING);
    assert_int_equal(w->opened_count, 0);
}

static void a_restarted_holder_asks_and_serves_in_a_new_term(void **state)
{
    (void)state;
    OWNED(world_free) struct world *w = paired_world();
    stop(w, SIDE_HOME);
    w->pools[SIDE_HOME].head = 50;
    start(w, SIDE_HOME);
    assert_int_equal(mode(w, SIDE_HOME), MODE_REJOINING);
    pass(w, 1000);
    assert_int_equal(mode(w, SIDE_HOME), MODE_SERVING);
    assert_int_equal(number(w, SIDE_HOME), 4);
    const struct lineage *l = &w->pools[SIDE_HOME].disk.lineage;
    assert_int_equal(l->count, 2);
    assert_int_equal(l->entries[1].began, 50);
}

static void a_restarted_holder_waits_while_its_partner_is_down(void **state)
{
    (void)state;
    OWNED(world_free) struct world *w = paired_world();
    stop(w, SIDE_HOME);
    stop(w, SIDE_BACKUP);
    start(w, SIDE_HOME);
    pass(w, 5 * FAILURE_DETECTION_MS);
    assert_int_equal(mode(w, SIDE_HOME), MODE_REJOINING);
    start(w, SIDE_BACKUP);
    pass(w, 1000);
    assert_int_equal(mode(w, SIDE_HOME), MODE_SERVING);
    assert_int_equal(mode(w, SIDE_BACKUP), MODE_STANDBY);
}

/* A "go on" sent before the take arrived after it. */
static void rule_8_only_an_answer_to_this_starts_question_counts(void **state)
{
    (void)state;
    OWNED(world_free) struct world *w = paired_world();
    restart(w, SIDE_HOME);
    step(
        w, SIDE_HOME,
        (struct home_event){.kind = HOME_ANSWERED,
                            .answered = {.nonce = 12345, .verdict = VERDICT_GRANTED, .number = 4}});
    assert_int_equal(mode(w, SIDE_HOME), MODE_REJOINING);
}

static void rule_8_a_grant_is_durable_before_it_is_given(void **state)
{
    (void)state;
    OWNED(world_free) struct world *w = paired_world();
    stop(w, SIDE_HOME);
    w->hold_back = true;
    start(w, SIDE_HOME);
    w->now += HOME_TICK_MS;
    step(w, SIDE_HOME, (struct home_event){.kind = HOME_TICK});
    deliver(w, SIDE_BACKUP);
    assert_true(w->pools[SIDE_BACKUP].storing);
    assert_false(w->wire[SIDE_HOME].answered);
    stored(w, SIDE_BACKUP, true);
    assert_true(w->wire[SIDE_HOME].answered);
    assert_int_equal(w->wire[SIDE_HOME].answer.verdict, VERDICT_GRANTED);
    assert_int_equal(w->pools[SIDE_BACKUP].disk.seen, w->wire[SIDE_HOME].answer.number);
}

static void a_grant_that_could_not_be_stored_is_not_given(void **state)
{
    (void)state;
    OWNED(world_free) struct world *w = paired_world();
    stop(w, SIDE_HOME);
    w->hold_back = true;
    start(w, SIDE_HOME);
    w->now += HOME_TICK_MS;
    step(w, SIDE_HOME, (struct home_event){.kind = HOME_TICK});
    deliver(w, SIDE_BACKUP);
    stored(w, SIDE_BACKUP, false);
    assert_int_equal(w->wire[SIDE_HOME].answer.verdict, VERDICT_WAIT);
    w->hold_back = false;
    pass(w, 1000);
    assert_int_equal(mode(w, SIDE_HOME), MODE_SERVING);
}

static void serving_begins_when_it_is_durable(void **state)
{
    (void)state;
    OWNED(world_free) struct world *w = world_new(5);
    w->hold_back = true;
    start(w, SIDE_HOME);
    create(w);
    assert_int_equal(mode(w, SIDE_HOME), MODE_REJOINING);
    assert_int_equal(home_lease_ms(w->pools[SIDE_HOME].home), 0);
    stored(w, SIDE_HOME, true);
    assert_int_equal(mode(w, SIDE_HOME), MODE_SERVING);
    assert_true(home_lease_ms(w->pools[SIDE_HOME].home) > w->now);
}

static void rule_7_rights_end_when_the_decision_is_made(void **state)
{
    (void)state;
    OWNED(world_free) struct world *w = paired_world();
    w->hold_back = true;
    step(w, SIDE_HOME,
         (struct home_event){
             .kind = HOME_HEARD,
             .heard = {.pool = "third.example.com", .term = {.number = 3, .tag = 4}, .seen = 3}});
    assert_int_equal(mode(w, SIDE_HOME), MODE_STANDBY); /* not yet stored */
    assert_int_equal(home_lease_ms(w->pools[SIDE_HOME].home), 0);
}

static void rule_7_a_process_that_did_not_run_rejoins_first(void **state)
{
    (void)state;
    OWNED(world_free) struct world *w = paired_world();
    w->now += FAILURE_DETECTION_MS + 1;
    step(w, SIDE_HOME, (struct home_event){.kind = HOME_TICK});
    assert_int_equal(mode(w, SIDE_HOME), MODE_REJOINING);
    pass(w, 1000);
    assert_int_equal(mode(w, SIDE_HOME), MODE_SERVING);
    assert_int_equal(number(w, SIDE_HOME), 4);
}

static void rule_11_a_replaced_disk_does_not_serve_an_empty_home(void **state)
{
    (void)state;
    OWNED(world_free) struct world *w = paired_world();
    stop(w, SIDE_HOME);
    w->pools[SIDE_HOME].disk = (struct hold){0};
    w->pools[SIDE_HOME].head = 0;
    w->pools[SIDE_BACKUP].head = 10;
    start(w, SIDE_HOME);
    pass(w, 5 * FAILURE_DETECTION_MS);
    assert_int_equal(mode(w, SIDE_HOME), MODE_REJOINING);
    struct error e = {0};
    home_explain(w->pools[SIDE_HOME].home, &e);
    assert_non_null(strstr(e.what, "more of"));

    /* Its partner refills it, and then it serves in a new term. */
    assert_true(home_refills(w->pools[SIDE_BACKUP].home));
    w->copies = true;
    pass(w, FAILURE_DETECTION_MS);
    assert_int_equal(mode(w, SIDE_HOME), MODE_SERVING);
    assert_int_equal(number(w, SIDE_HOME), 4);
    assert_int_equal(w->pools[SIDE_HOME].head, 10);
    assert_false(home_refills(w->pools[SIDE_BACKUP].home));
}

static void rule_10_a_store_put_back_in_the_same_term_is_refilled_first(void **state)
{
    (void)state;
    OWNED(world_free) struct world *w = paired_world();
    w->pools[SIDE_HOME].head = w->pools[SIDE_BACKUP].head = 900;
    stop(w, SIDE_HOME);
    w->pools[SIDE_HOME].head = 800; /* the record in it is of the same term */
    start(w, SIDE_HOME);
    pass(w, 5 * FAILURE_DETECTION_MS);
    assert_int_equal(mode(w, SIDE_HOME), MODE_REJOINING);
    assert_false(mode_rights(w->pools[SIDE_HOME].disk.mode)->holder); /* or it can't be copied to */
    w->copies = true;
    pass(w, FAILURE_DETECTION_MS);
    assert_int_equal(mode(w, SIDE_HOME), MODE_SERVING);
    assert_int_equal(w->pools[SIDE_HOME].head, 900);

    /* A holder that is ahead of its copy has lost nothing, and is granted at once. */
    w->copies = false;
    w->pools[SIDE_HOME].head = 950;
    restart(w, SIDE_HOME);
    pass(w, 1000);
    assert_int_equal(mode(w, SIDE_HOME), MODE_SERVING);
}

/* What is sent to a replica is the holder's, or was released: the replica may have come further
 * with a holder than the copy from which that is refilled. */
static void rule_10_whoever_refills_exports_to_the_pool_that_it_refills_alone(void **state)
{
    (void)state;
    OWNED(world_free) struct world *w = paired_world();
    struct pool_here *home = &w->pools[SIDE_HOME], *backup = &w->pools[SIDE_BACKUP];
    assert_true(term_equal(home_exports(home->home, true), home->disk.term));
    assert_true(term_is_none(home_exports(backup->home, false)));
    home->head = backup->head = 900;
    stop(w, SIDE_HOME);
    home->head = 800;
    start(w, SIDE_HOME);
    pass(w, 1000);
    assert_true(term_equal(home_exports(backup->home, false), backup->disk.term));
    assert_true(term_is_none(home_exports(backup->home, true)));
    assert_true(term_is_none(home_exports(home->home, true)));
}

/* A backup from a time that was itself given up: it has come as far as the copy, or further, and
 * has nothing of what the copy has beyond the point where both parted. */
static void rule_10_a_store_of_another_history_is_refilled_however_far_it_came(void **state)
{
    (void)state;
    OWNED(world_free) struct world *w = paired_world();
    struct pool_here *home = &w->pools[SIDE_HOME], *backup = &w->pools[SIDE_BACKUP];
    struct hold given_up = home->disk; /* at 165, of which 140 were copied */
    stop(w, SIDE_HOME);
    home->head = backup->head = 140; /* put back */
    start(w, SIDE_HOME);
    pass(w, 1000);
    assert_int_equal(number(w, SIDE_HOME), 4);
    home->head = 160;
    w->copies = true;
    pass(w, 1000);
    assert_int_equal(backup->head, 160);

    w->copies = false;
    stop(w, SIDE_HOME);
    home->disk = given_up;
    home->head = 165;
    start(w, SIDE_HOME);
    pass(w, 5 * HOME_ANSWER_MS_MAX);
    assert_int_equal(mode(w, SIDE_HOME), MODE_REJOINING);
    assert_int_equal(number(w, SIDE_HOME), 4); /* in the term that it is refilled in, now */
    assert_true(home_refills(backup->home));
    home->head = 160; /* as if by chance */
    pass(w, 5 * HOME_ANSWER_MS_MAX);
    assert_int_equal(mode(w, SIDE_HOME), MODE_REJOINING);
    w->copies = true;
    pass(w, FAILURE_DETECTION_MS);
    assert_int_equal(mode(w, SIDE_HOME), MODE_SERVING);
}

/* What an administrator gave up once is not asked for again at each restart. */
static void rule_10_a_term_opened_by_force_lacks_nothing_of_what_was_given_up(void **state)
{
    (void)state;
    OWNED(world_free) struct world *w = paired_world();
    w->pools[SIDE_HOME].head = w->pools[SIDE_BACKUP].head = 67;
    stop(w, SIDE_HOME);
    stop(w, SIDE_BACKUP);
    w->pools[SIDE_HOME].head = 54;
    start(w, SIDE_HOME);
    pass(w, 1000);
    step(w, SIDE_HOME, (struct home_event){.kind = HOME_FORCE});
    assert_int_equal(mode(w, SIDE_HOME), MODE_SERVING);
    start(w, SIDE_BACKUP); /* which has forked, and is not written to */
    pass(w, 1000);
    restart(w, SIDE_HOME);
    pass(w, 1000);
    assert_int_equal(mode(w, SIDE_HOME), MODE_SERVING);
    assert_false(home_refills(w->pools[SIDE_BACKUP].home));
}

/* What the partner would be told of the copy is not all, and nothing more of its term is taken. */
static void a_question_waits_for_a_batch_that_was_taken(void **state)
{
    (void)state;
    OWNED(world_free) struct world *w = paired_world();
    restart(w, SIDE_HOME);
    w->now += HOME_TICK_MS;
    step(w, SIDE_HOME, (struct home_event){.kind = HOME_TICK});
    struct home_event asked = {
        .kind = HOME_ASKED,
        .asked = {.question = w->wire[SIDE_BACKUP].question, .applying = true},
    };
    step(w, SIDE_BACKUP, asked);
    assert_int_equal(w->wire[SIDE_HOME].answer.verdict, VERDICT_WAIT);
    assert_false(home_takes(w->pools[SIDE_BACKUP].home, asked.asked.question.term));
    asked.asked.applying = false;
    step(w, SIDE_BACKUP, asked);
    assert_int_equal(w->wire[SIDE_HOME].answer.verdict, VERDICT_GRANTED);
}

/* A comparison that begins with a copy leaves of it nothing that is sure, and so does a history
 * that it follows from then on. */
static void rule_8_a_grant_is_for_the_copy_as_it_was_when_it_asked(void **state)
{
    (void)state;
    for (int asks_again = 0; asks_again < 2; asks_again++) {
        OWNED(world_free) struct world *w = paired_world();
        struct pool_here *home = &w->pools[SIDE_HOME];
        home->head = w->pools[SIDE_BACKUP].head = 900;
        stop(w, SIDE_HOME);
        home->head = 800;
        start(w, SIDE_HOME);
        pass(w, 1000);
        assert_true(home_refills(w->pools[SIDE_BACKUP].home));
        home->head = 900;
        w->now += HOME_ANSWER_MS_MAX + 1;
        step(w, SIDE_HOME, (struct home_event){.kind = HOME_TICK});
        deliver(w, SIDE_BACKUP);
        assert_int_equal(w->wire[SIDE_HOME].answer.verdict, VERDICT_GRANTED);
        struct lineage lineage = home_hold(home->home)->lineage;
        struct home_event follow = {.kind = HOME_FOLLOW, .lineage = &lineage};
        assert_int_equal(step(w, SIDE_HOME, follow), OK);
        if (asks_again)
            step(w, SIDE_HOME, (struct home_event){.kind = HOME_TICK});
        deliver(w, SIDE_HOME);
        assert_int_equal(mode(w, SIDE_HOME), MODE_REJOINING);
        pass(w, 1000);
        assert_int_equal(mode(w, SIDE_HOME), MODE_SERVING);
    }
}

/* A batch of its former life may still be on its way. */
static void rule_2_whoever_asks_exports_nothing_more_in_that_term(void **state)
{
    (void)state;
    OWNED(world_free) struct world *w = paired_world();
    const struct home *backup = w->pools[SIDE_BACKUP].home;
    struct term term = home_hold(backup)->term;
    assert_true(home_takes(backup, term));
    restart(w, SIDE_HOME);
    pass(w, 1000);
    assert_false(home_takes(backup, term));
    assert_true(home_takes(backup, home_hold(backup)->term)); /* the new one */
}

static void a_question_that_is_late_makes_nobody_refill_a_pool_that_serves(void **state)
{
    (void)state;
    OWNED(world_free) struct world *w = paired_world();
    struct home_question old = {.nonce = 1, .term = w->pools[SIDE_HOME].disk.term, .seen = 2};
    restart(w, SIDE_HOME);
    pass(w, 1000);
    struct home_event late = {.kind = HOME_ASKED};
    late.asked.question = old;
    late.asked.own_head = 10;
    step(w, SIDE_BACKUP, late);
    assert_true(home_refills(w->pools[SIDE_BACKUP].home));
    assert_false(home_takes(w->pools[SIDE_BACKUP].home, w->pools[SIDE_HOME].disk.term));
    heartbeat(w, SIDE_HOME);
    assert_false(home_refills(w->pools[SIDE_BACKUP].home));
    assert_true(home_takes(w->pools[SIDE_BACKUP].home, w->pools[SIDE_HOME].disk.term));
}

static void what_is_refilled_survives_restarts_of_both(void **state)
{
    (void)state;
    OWNED(world_free) struct world *w = paired_world();
    w->pools[SIDE_HOME].head = w->pools[SIDE_BACKUP].head = 900;
    stop(w, SIDE_HOME);
    w->pools[SIDE_HOME].head = 800;
    start(w, SIDE_HOME);
    pass(w, 2000);
    restart(w, SIDE_BACKUP);
    restart(w, SIDE_HOME);
    pass(w, 2000);
    assert_int_equal(mode(w, SIDE_HOME), MODE_REJOINING);
    assert_true(home_refills(w->pools[SIDE_BACKUP].home));
    w->copies = true;
    pass(w, FAILURE_DETECTION_MS);
    assert_int_equal(mode(w, SIDE_HOME), MODE_SERVING);
}

/* What a third machine says of it is a term, and no copy to refill anybody from. */
static void rule_11_two_empty_stores_do_not_refill_each_other(void **state)
{
    (void)state;
    OWNED(world_free) struct world *w = paired_world();
    struct term was = home_hold(w->pools[SIDE_HOME].home)->term;
    for (int i = 0; i < SIDES; i++) {
        stop(w, (enum side)i);
        w->pools[i].disk = (struct hold){0};
        w->pools[i].head = 0;
    }
    start(w, SIDE_BACKUP);
    step(w, SIDE_BACKUP,
         (struct home_event){
             .kind = HOME_HEARD,
             .heard = {.pool = "tokyo.litwareinc.com", .term = was, .seen = was.number}});
    start(w, SIDE_HOME);
    w->copies = true;
    pass(w, 5 * FAILURE_DETECTION_MS);
    assert_int_equal(mode(w, SIDE_HOME), MODE_REJOINING);
    assert_false(home_refills(w->pools[SIDE_BACKUP].home));
}

static void rule_10_a_store_put_back_to_an_older_term_is_not_served(void **state)
{
    (void)state;
    OWNED(world_free) struct world *w = paired_world();
    struct hold yesterday = w->pools[SIDE_HOME].disk;
    restart(w, SIDE_HOME);
    pass(w, 1000);
    assert_int_equal(number(w, SIDE_HOME), 4);
    stop(w, SIDE_HOME);
    w->pools[SIDE_HOME].disk = yesterday;
    w->pools[SIDE_BACKUP].head = 10;
    start(w, SIDE_HOME);
    pass(w, 1000);
    assert_int_equal(mode(w, SIDE_HOME), MODE_REJOINING);

    /* An administrator who knows what is lost may say so; the number is above all that were seen.
     */
    step(w, SIDE_HOME, (struct home_event){.kind = HOME_FORCE});
    assert_int_equal(mode(w, SIDE_HOME), MODE_SERVING);
    assert_int_equal(number(w, SIDE_HOME), 6);
}

static void a_backup_with_an_empty_store_stands_by_again(void **state)
{
    (void)state;
    OWNED(world_free) struct world *w = paired_world();
    stop(w, SIDE_BACKUP);
    w->pools[SIDE_BACKUP].disk = (struct hold){0};
    start(w, SIDE_BACKUP);
    pass(w, 1000);
    assert_int_equal(mode(w, SIDE_BACKUP), MODE_STANDBY);
    assert_int_equal(mode(w, SIDE_HOME), MODE_SERVING);
}

static void a_stopped_pool_serves_nothing_until_it_is_started(void **state)
{
    (void)state;
    OWNED(world_free) struct world *w = paired_world();
    uint64_t before = number(w, SIDE_HOME);
    stop_pool(w, SIDE_HOME, true);
    assert_int_equal(mode(w, SIDE_HOME), MODE_REJOINING); /* at once */
    pass(w, 2 * FAILURE_DETECTION_MS);
    assert_int_equal(mode(w, SIDE_HOME), MODE_REJOINING);
    assert_int_equal(mode(w, SIDE_BACKUP), MODE_STANDBY); /* it is heard, and holds the home */

    restart(w, SIDE_HOME);
    pass(w, 2 * FAILURE_DETECTION_MS);
    assert_int_equal(mode(w, SIDE_HOME), MODE_REJOINING);
    step(w, SIDE_HOME, (struct home_event){.kind = HOME_FORCE});
    assert_int_equal(mode(w, SIDE_HOME), MODE_REJOINING);

    stop_pool(w, SIDE_HOME, false);
    pass(w, 1000);
    assert_int_equal(mode(w, SIDE_HOME), MODE_SERVING);
    assert_true(number(w, SIDE_HOME) > before); /* rule 2 */
}

static void a_grant_that_comes_to_a_stopped_pool_opens_nothing(void **state)
{
    (void)state;
    OWNED(world_free) struct world *w = paired_world();
    w->hold_back = true;
    restart(w, SIDE_HOME);
    while (!w->pools[SIDE_HOME].storing) {
        pass(w, HOME_TICK_MS);
        stored(w, SIDE_BACKUP, true);
    }
    stop_pool(w, SIDE_HOME, true);
    stored(w, SIDE_HOME, true); /* the record that opens the term arrives behind the stop */
    assert_int_equal(mode(w, SIDE_HOME), MODE_REJOINING);
    w->hold_back = false;
    pass(w, FAILURE_DETECTION_MS);
    assert_int_equal(mode(w, SIDE_HOME), MODE_REJOINING);
}

static void silence_gives_limited_service_and_ends_with_the_first_word(void **state)
{
    (void)state;
    OWNED(world_free) struct world *w = paired_world();
    w->cut = true;
    pass(w, FAILURE_DETECTION_MS - HOME_TICK_MS);
    assert_int_equal(mode(w, SIDE_BACKUP), MODE_STANDBY);
    pass(w, 2 * HOME_TICK_MS);
    assert_int_equal(mode(w, SIDE_BACKUP), MODE_RESILIENCY);
    assert_int_equal(mode(w, SIDE_HOME), MODE_SERVING); /* cut off, it can't know */
    w->cut = false;
    pass(w, HOME_TICK_MS);
    assert_int_equal(mode(w, SIDE_BACKUP), MODE_STANDBY);
}

static void a_term_opened_by_force_is_met_and_then_no_longer_alone(void **state)
{
    (void)state;
    OWNED(world_free) struct world *w = paired_world();
    stop(w, SIDE_BACKUP);
    restart(w, SIDE_HOME);
    pass(w, 1000);
    step(w, SIDE_HOME, (struct home_event){.kind = HOME_FORCE});
    assert_int_equal(mode(w, SIDE_HOME), MODE_SERVING);
    assert_true(w->pools[SIDE_HOME].disk.alone);

    /* Rule 9: restarted, it serves again by itself, but only after the interval. */
    restart(w, SIDE_HOME);
    pass(w, FAILURE_DETECTION_MS - HOME_TICK_MS);
    assert_int_equal(mode(w, SIDE_HOME), MODE_REJOINING);
    pass(w, 2 * HOME_TICK_MS);
    assert_int_equal(mode(w, SIDE_HOME), MODE_SERVING);

    start(w, SIDE_BACKUP);
    pass(w, 1000);
    assert_false(w->pools[SIDE_HOME].disk.alone);
    assert_int_equal(mode(w, SIDE_BACKUP), MODE_STANDBY);
    assert_int_equal(number(w, SIDE_BACKUP), number(w, SIDE_HOME));
}

static void rule_9_of_two_that_meet_the_one_that_serves_keeps_the_home(void **state)
{
    (void)state;
    OWNED(world_free) struct world *w = paired_world();
    /* The backup took in 3, stopped, and the home pool was forced into 4 without knowing. */
    struct hold *backup = &w->pools[SIDE_BACKUP].disk;
    stop(w, SIDE_BACKUP);
    backup->mode = MODE_SERVING;
    backup->term = (struct term){.number = 5, .tag = 55};
    backup->seen = 5;
    backup->alone = true;
    lineage_open(&backup->lineage, backup->term, 0);
    start(w, SIDE_BACKUP);
    assert_int_equal(mode(w, SIDE_HOME), MODE_SERVING);
    pass(w, 1000);
    assert_int_equal(mode(w, SIDE_HOME), MODE_SERVING);
    assert_int_equal(mode(w, SIDE_BACKUP), MODE_STANDBY);
    assert_int_equal(number(w, SIDE_HOME), 6);
}

static void a_lone_pool_resumes_by_itself_in_a_new_term(void **state)
{
    (void)state;
    struct home_options options = {.name = names[0],
                                   .pools = {names[0], NULL},
                                   .side = SIDE_HOME,
                                   .failure_detection_ms = FAILURE_DETECTION_MS};
    static struct hold hold;
    memset(&hold, 0, sizeof hold);
    strcpy(hold.home, names[0]);
    strcpy(hold.pools[SIDE_HOME], names[0]);
    hold.mode = MODE_SERVING;
    hold.term = (struct term){.number = 2, .tag = 1};
    hold.seen = 2;
    hold.revision = 1;
    lineage_open(&hold.lineage, hold.term, 0);
    struct home *h = home_new(&options, &hold, 0, 9);
    struct home_actions actions;
    home_step(h, &(struct home_event){.kind = HOME_TICK, .now_ms = 250, .dice = 5}, &actions, NULL);
    assert_int_equal(actions.count, 1);
    assert_int_equal(actions.list[0].kind, ACTION_PERSIST);
    assert_int_equal(home_wanted(h)->term.number, 4);
    home_free(h);
}

/* --- holes that a reader of the rules found, each with its sequence of events --- */

/* A pool that took alone and meets its partner, so that a record without a change of mode is under
 * way. */
static struct world *meeting_world(void)
{
    struct world *w = paired_world();
    stop(w, SIDE_BACKUP);
    restart(w, SIDE_HOME);
    pass(w, 1000);
    force(w, SIDE_HOME);
    w->hold_back = true;
    start(w, SIDE_BACKUP);
    heartbeat(w, SIDE_BACKUP);
    assert_true(w->pools[SIDE_HOME].storing);
    return w;
}

static void a_record_under_way_does_not_undo_a_rejoin(void **state)
{
    (void)state;
    OWNED(world_free) struct world *w = meeting_world();
    uint64_t before = number(w, SIDE_HOME);
    freeze(w, 2 * FAILURE_DETECTION_MS);
    assert_int_equal(mode(w, SIDE_HOME), MODE_REJOINING);
    stored(w, SIDE_HOME, true);
    assert_int_equal(mode(w, SIDE_HOME), MODE_REJOINING);
    w->hold_back = false;
    pass(w, 2 * HOME_ANSWER_MS_MAX);
    assert_int_equal(mode(w, SIDE_HOME), MODE_SERVING);
    assert_true(number(w, SIDE_HOME) > before);
}

static void a_grant_that_was_slept_through_opens_nothing_that_lasts(void **state)
{
    (void)state;
    OWNED(world_free) struct world *w = paired_world();
    restart(w, SIDE_HOME);
    w->now += HOME_TICK_MS;
    step(w, SIDE_HOME, (struct home_event){.kind = HOME_TICK});
    deliver(w, SIDE_BACKUP);
    w->hold_back = true;
    deliver(w, SIDE_HOME); /* granted; the record is under way */
    assert_true(w->pools[SIDE_HOME].storing);
    freeze(w, 2 * FAILURE_DETECTION_MS);
    stored(w, SIDE_HOME, true);
    assert_int_equal(mode(w, SIDE_HOME), MODE_REJOINING);
}

static void rule_8_an_old_answer_counts_for_nothing(void **state)
{
    (void)state;
    for (int asks_again = 0; asks_again < 2; asks_again++) {
        OWNED(world_free) struct world *w = paired_world();
        restart(w, SIDE_HOME);
        w->now += HOME_TICK_MS;
        step(w, SIDE_HOME, (struct home_event){.kind = HOME_TICK});
        deliver(w, SIDE_BACKUP);
        assert_true(w->wire[SIDE_HOME].answered);
        w->now += HOME_ANSWER_MS_MAX + 1;
        if (asks_again)
            step(w, SIDE_HOME, (struct home_event){.kind = HOME_TICK});
        deliver(w, SIDE_HOME);
        assert_int_equal(mode(w, SIDE_HOME), MODE_REJOINING);
        pass(w, 1000); /* and the next answer counts */
        assert_int_equal(mode(w, SIDE_HOME), MODE_SERVING);
    }
}

static void rule_10_the_last_holder_with_an_older_store_asks_instead_of_standing_by(void **state)
{
    (void)state;
    OWNED(world_free) struct world *w = paired_world();
    struct hold yesterday = w->pools[SIDE_BACKUP].disk; /* standing by */
    stop(w, SIDE_BACKUP);
    struct hold *backup = &w->pools[SIDE_BACKUP].disk;
    backup->mode = MODE_SERVING;
    backup->term = (struct term){.number = 7, .tag = 70};
    backup->seen = 7;
    stop(w, SIDE_HOME);
    struct hold *home = &w->pools[SIDE_HOME].disk;
    home->mode = MODE_STANDBY;
    home->term = backup->term;
    home->seen = 7;
    *backup = yesterday; /* and then its store is put back */
    w->pools[SIDE_HOME].head = 10;
    start(w, SIDE_HOME);
    start(w, SIDE_BACKUP);
    pass(w, 3 * FAILURE_DETECTION_MS);
    assert_int_equal(mode(w, SIDE_BACKUP), MODE_REJOINING);
    force(w, SIDE_BACKUP);
    pass(w, 1000);
    assert_int_equal(mode(w, SIDE_BACKUP), MODE_SERVING);
    assert_int_equal(number(w, SIDE_BACKUP), 9);
}

static void a_creation_that_was_not_stored_can_be_tried_again(void **state)
{
    (void)state;
    OWNED(world_free) struct world *w = world_new(11);
    w->hold_back = true;
    start(w, SIDE_HOME);
    create(w);
    stored(w, SIDE_HOME, false);
    assert_int_equal(home_seen(w->pools[SIDE_HOME].home), 0);
    create(w);
    stored(w, SIDE_HOME, true);
    assert_int_equal(mode(w, SIDE_HOME), MODE_SERVING);
    assert_int_equal(number(w, SIDE_HOME), 2);
}

static void what_the_partner_says_of_a_lost_term_is_remembered(void **state)
{
    (void)state;
    OWNED(world_free) struct world *w = paired_world();
    struct hold yesterday = w->pools[SIDE_HOME].disk;
    yesterday.alone = true;
    for (int i = 0; i < 3; i++) { /* terms 4, 6 and 8 */
        restart(w, SIDE_HOME);
        pass(w, 1000);
    }
    stop(w, SIDE_HOME);
    w->pools[SIDE_HOME].disk = yesterday;
    w->pools[SIDE_BACKUP].head = 10;
    start(w, SIDE_HOME);
    pass(w, 1000);
    stop(w, SIDE_BACKUP); /* having said that more is known there */
    pass(w, 3 * FAILURE_DETECTION_MS);
    assert_int_equal(mode(w, SIDE_HOME), MODE_REJOINING);
    force(w, SIDE_HOME);
    assert_int_equal(number(w, SIDE_HOME), 10);
}

static void rule_9_meeting_counts_in_every_mode(void **state)
{
    (void)state;
    OWNED(world_free) struct world *w = paired_world();
    stop(w, SIDE_BACKUP);
    restart(w, SIDE_HOME);
    pass(w, 1000);
    force(w, SIDE_HOME);
    restart(w, SIDE_HOME);
    start(w, SIDE_BACKUP);
    heartbeat(w, SIDE_BACKUP); /* one word, and then the wire is cut */
    w->cut = true;
    pass(w, 3 * FAILURE_DETECTION_MS);
    assert_int_equal(mode(w, SIDE_HOME), MODE_REJOINING);
    assert_false(w->pools[SIDE_HOME].disk.alone);
}

static void rule_9_a_meeting_counts_even_if_it_could_not_be_stored(void **state)
{
    (void)state;
    OWNED(world_free) struct world *w = meeting_world();
    restart(w, SIDE_HOME);
    heartbeat(w, SIDE_BACKUP);
    stored(w, SIDE_HOME, false);
    w->cut = true;
    w->hold_back = false;
    pass(w, 3 * FAILURE_DETECTION_MS);
    assert_true(w->pools[SIDE_HOME].disk.alone);
    assert_int_equal(mode(w, SIDE_HOME), MODE_REJOINING);
}

static void rule_9_whoever_serves_grants_nothing_but_opens_a_higher_term(void **state)
{
    (void)state;
    OWNED(world_free) struct world *w = paired_world();
    step(w, SIDE_HOME,
         (struct home_event){
             .kind = HOME_ASKED,
             .asked.question = {.nonce = 1, .term = {.number = 5, .tag = 9}, .seen = 5}});
    assert_int_equal(w->wire[SIDE_BACKUP].answer.verdict, VERDICT_WAIT);
    assert_int_equal(mode(w, SIDE_HOME), MODE_SERVING);
    assert_int_equal(number(w, SIDE_HOME), 6);
}

static void rule_1_a_number_heard_in_an_answer_is_never_opened_again(void **state)
{
    (void)state;
    OWNED(world_free) struct world *w = paired_world();
    restart(w, SIDE_HOME);
    w->now += HOME_TICK_MS;
    step(w, SIDE_HOME, (struct home_event){.kind = HOME_TICK});
    step(w, SIDE_HOME,
         (struct home_event){.kind = HOME_ANSWERED,
                             .answered = {.nonce = w->wire[SIDE_BACKUP].question.nonce,
                                          .verdict = VERDICT_REFILL,
                                          .term = {.number = 8, .tag = 4}}});
    force(w, SIDE_HOME);
    assert_int_equal(number(w, SIDE_HOME), 10);
}

static void a_step_down_that_was_not_stored_asks_again(void **state)
{
    (void)state;
    OWNED(world_free) struct world *w = paired_world();
    restart(w, SIDE_HOME);
    w->hold_back = true;
    step(w, SIDE_HOME,
         (struct home_event){
             .kind = HOME_HEARD,
             .heard = {.pool = "third.example.com", .term = {.number = 3, .tag = 4}, .seen = 3}});
    assert_int_equal(mode(w, SIDE_HOME), MODE_STANDBY);
    stored(w, SIDE_HOME, false);
    assert_int_equal(mode(w, SIDE_HOME), MODE_REJOINING);
}

static void a_repeated_question_gets_the_same_grant(void **state)
{
    (void)state;
    OWNED(world_free) struct world *w = paired_world();
    restart(w, SIDE_HOME);
    w->now += HOME_TICK_MS;
    step(w, SIDE_HOME, (struct home_event){.kind = HOME_TICK});
    struct home_question question = w->wire[SIDE_BACKUP].question;
    uint64_t numbers[2];
    for (int i = 0; i < 2; i++) {
        step(w, SIDE_BACKUP, (struct home_event){.kind = HOME_ASKED, .asked.question = question});
        assert_int_equal(w->wire[SIDE_HOME].answer.verdict, VERDICT_GRANTED);
        numbers[i] = w->wire[SIDE_HOME].answer.number;
    }
    assert_int_equal(numbers[0], numbers[1]);
}

static void an_absurd_number_is_not_believed(void **state)
{
    (void)state;
    OWNED(world_free) struct world *w = paired_world();
    const struct home_event absurd[] = {
        {.kind = HOME_HEARD,
         .heard = {.pool = names[1], .term = {.number = 3, .tag = 1}, .seen = INT64_MAX / 2}},
        {.kind = HOME_HEARD,
         .heard = {.pool = "third.example.com",
                   .term = {.number = HOME_LEAP_MAX * 2 + 1, .tag = 1},
                   .seen = HOME_LEAP_MAX * 2 + 1}},
        {.kind = HOME_ASKED,
         .asked.question = {.nonce = 4, .term = {.number = 3, .tag = 1}, .seen = INT64_MAX / 2}},
    };
    for (size_t i = 0; i < COUNT_OF(absurd); i++)
        step(w, SIDE_HOME, absurd[i]);
    assert_int_equal(mode(w, SIDE_HOME), MODE_SERVING);
    assert_int_equal(home_seen(w->pools[SIDE_HOME].home), 2);
}

static void two_tags_of_one_number_make_no_storm_of_records(void **state)
{
    (void)state;
    OWNED(world_free) struct world *w = paired_world();
    uint64_t before = w->pools[SIDE_BACKUP].disk.revision;
    for (uint64_t i = 0; i < 10; i++)
        step(w, SIDE_BACKUP,
             (struct home_event){.kind = HOME_HEARD,
                                 .heard = {.pool = "third.example.com",
                                           .term = {.number = 2, .tag = 100 + i % 2},
                                           .seen = 2,
                                           .serves = true}});
    assert_int_equal(w->pools[SIDE_BACKUP].disk.revision, before);
}

static void a_lost_store_ends_serving_and_grants_nothing(void **state)
{
    (void)state;
    OWNED(world_free) struct world *w = paired_world();
    step(w, SIDE_HOME, (struct home_event){.kind = HOME_STORE_LOST});
    assert_int_equal(mode(w, SIDE_HOME), MODE_REJOINING);
    w->hold_back = true; /* nothing may even be tried */
    pass(w, 1000);
    assert_false(w->pools[SIDE_HOME].storing);
    struct error e = {0};
    home_explain(w->pools[SIDE_HOME].home, &e);
    assert_non_null(strstr(e.what, "store"));
}

static void a_store_that_refuses_is_not_asked_four_times_a_second(void **state)
{
    (void)state;
    OWNED(world_free) struct world *w = paired_world();
    restart(w, SIDE_HOME);
    w->hold_back = true;
    pass(w, 1000);
    if (w->pools[SIDE_BACKUP].storing) {
        stored(w, SIDE_BACKUP, true);
        pass(w, 1000);
    }
    assert_true(w->pools[SIDE_HOME].storing);
    unsigned tries = 0;
    for (uint64_t end = w->now + 4 * HOME_RETRY_MS; w->now < end;) {
        if (w->pools[SIDE_HOME].storing) {
            tries++;
            stored(w, SIDE_HOME, false);
        }
        pass(w, HOME_TICK_MS);
    }
    assert_in_range(tries, 2, 5);
}

/* --- whatever happens --- */

/* Demands that are on their way: each may arrive late, more than once, or never. */
enum { LETTERS = 8 };
struct letters {
    struct {
        enum side to; /* which pool it is for */
        struct home_demanded demanded;
    } list[LETTERS];
    size_t sent;
    struct term wanted[SIDES]; /* the hand-over that this side wants now */
};

static void write_letter(struct world *w, struct letters *l, enum side taker)
{
    const struct pool_here *p = &w->pools[taker];
    struct home_demanded *d = &l->list[l->sent % LETTERS].demanded;
    if (!p->home)
        return;
    if (roll(w) % 4 == 0 || !l->wanted[taker].number)
        l->wanted[taker] = home_next_term(p->home, roll(w));
    *d = (struct home_demanded){.demand = (enum home_demand)(roll(w) % DEMANDS),
                                .to = l->wanted[taker],
                                .whole = roll(w) % 4 != 0,
                                .point = point_at(p->head)};
    l->list[l->sent++ % LETTERS].to = side_other(taker);
}

static void deliver_letter(struct world *w, struct letters *l)
{
    size_t i = roll(w) % LETTERS;
    if (i < l->sent && !w->cut)
        demand(w, l->list[i].to, l->list[i].demanded);
}

/* All of it, as fast as it can be; it may still be refused, or end half-way. */
static void hand_over(struct world *w, struct letters *l, enum side taker)
{
    static const enum home_demand demands[] = {DEMAND_CLOSE, DEMAND_DRAIN, DEMAND_RELEASE};
    enum side holder = side_other(taker);
    if (!w->pools[taker].home)
        return;
    size_t last = roll(w) % 4 ? COUNT_OF(demands) : roll(w) % COUNT_OF(demands);
    l->wanted[taker] = home_next_term(w->pools[taker].home, roll(w));
    for (size_t i = roll(w) % 2; i < last && !w->cut; i++) {
        struct home_demanded d = {.demand = demands[i],
                                  .to = l->wanted[taker],
                                  .whole = true,
                                  .point = point_at(w->pools[taker].head)};
        l->list[l->sent % LETTERS].to = holder;
        l->list[l->sent++ % LETTERS].demanded = d;
        demand(w, holder, d);
    }
}

/* As an operation does: when the holder said that it has released, even if that is long ago. */
static void take_planned(struct world *w, struct letters *l, enum side taker)
{
    const struct home_standing *said = &w->said[side_other(taker)].standing;
    if (said->mode == MODE_RELEASED && term_equal(said->to, l->wanted[taker]))
        take(w, taker, said->to, false);
}

static void take_alone(struct world *w, enum side taker)
{
    if (w->pools[taker].home && roll(w) % 4 == 0)
        take(w, taker, home_next_term(w->pools[taker].home, roll(w)), true);
}

/* One thing that can happen, chosen by the dice. */
static void something_happens(struct world *w, struct letters *l)
{
    enum side side = (enum side)(roll(w) % 2);
    struct pool_here *p = &w->pools[side];
    switch (roll(w) % 40) {
    case 0: w->cut = !w->cut; break;
    case 1:
        if (p->home)
            stop(w, side);
        else
            start(w, side);
        break;
    case 2:
        if (!p->home)
            start(w, side);
        break;
    case 3: force(w, side); break;
    case 4: stored(w, side, roll(w) % 8 != 0); break;
    case 5: stored(w, side, true); break;
    case 6: w->hold_back = !w->hold_back; break;
    case 7: w->now += roll(w) % (2 * FAILURE_DETECTION_MS); break;
    case 8: p->head += p->home && mode_rights(home_mode(p->home))->changes; break;
    case 9: heartbeat(w, side); break;
    case 10: deliver(w, side); break;
    case 11: freeze(w, roll(w) % (2 * FAILURE_DETECTION_MS)); break;
    case 12: /* a store is put back to an older copy, now and then */
        if (!p->home && roll(w) % 4 == 0 && w->backups[side].revision) {
            p->disk = w->backups[side];
            w->put_back = true;
        }
        break;
    case 13: w->backups[side] = p->disk; break;
    case 14: stop_pool(w, side, !p->stopped); break;
    case 15: write_letter(w, l, side); break;
    case 16:
    case 17: deliver_letter(w, l); break;
    case 18:
    case 19: hand_over(w, l, side); break;
    case 20:
    case 21: take_planned(w, l, side); break;
    case 22: take_alone(w, side); break;
    case 23:
        if (p->home)
            home_intend(p->home, roll(w) % 2);
        break;
    default: pass(w, HOME_TICK_MS); break;
    }
}

/* Everything works again. A release needs nobody's help; where a store forgot what it had, somebody
 * must say that it shall serve all the same. */
static void heal(struct world *w)
{
    w->cut = w->hold_back = false;
    for (int i = 0; i < SIDES; i++) {
        if (!w->pools[i].home)
            start(w, (enum side)i);
        home_intend(w->pools[i].home, false);
        stop_pool(w, (enum side)i, false);
        stored(w, (enum side)i, true);
    }
    pass(w, 3 * FAILURE_DETECTION_MS);
    for (int i = 0; i < SIDES; i++) {
        assert_int_not_equal(mode(w, (enum side)i), MODE_RELEASED);
        if (mode(w, SIDE_HOME) != MODE_SERVING && mode(w, SIDE_BACKUP) != MODE_SERVING) {
            force(w, (enum side)i);
            pass(w, 3 * FAILURE_DETECTION_MS);
        }
    }
}

static unsigned released_in_walks, taken_in_walks;

static void whatever_happens_no_two_serve_in_one_term_and_it_heals(void **state)
{
    (void)state;
    const char *soak = getenv("POLLUX_SOAK");
    uint64_t walks = 3000 * (soak ? strtoull(soak, NULL, 10) : 1);
    for (uint64_t seed = 1; seed <= walks; seed++) {
        OWNED(world_free) struct world *w = world_new(seed);
        struct letters letters = {0};
        w->copies = true;
        start(w, SIDE_HOME);
        start(w, SIDE_BACKUP);
        create(w);
        for (int i = 0; i < 300; i++)
            something_happens(w, &letters);
        heal(w);
        bool home = mode(w, SIDE_HOME) == MODE_SERVING;
        bool backup = mode(w, SIDE_BACKUP) == MODE_SERVING;
        bool never = w->opened_count == 0;
        if (home + backup != (never ? 0 : 1))
            fail_msg("seed %llu: %s and %s", (unsigned long long)seed,
                     mode_name(mode(w, SIDE_HOME)), mode_name(mode(w, SIDE_BACKUP)));
        for (int i = 0; i < SIDES; i++) {
            released_in_walks += w->released[i].number != 0;
            taken_in_walks += w->taken[i];
        }
    }
    /* Else it would prove nothing about hand-overs. */
    assert_true(released_in_walks > walks / 5 && taken_in_walks > walks / 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_publication_creates_a_home_and_the_partner_stands_by),
        cmocka_unit_test(a_home_is_created_once),
        cmocka_unit_test(rule_11_whether_a_publication_is_the_first_only_the_partner_can_tell),
        cmocka_unit_test(two_empty_stores_wait_for_a_publication),
        cmocka_unit_test(a_restarted_holder_asks_and_serves_in_a_new_term),
        cmocka_unit_test(a_restarted_holder_waits_while_its_partner_is_down),
        cmocka_unit_test(rule_8_only_an_answer_to_this_starts_question_counts),
        cmocka_unit_test(rule_8_a_grant_is_durable_before_it_is_given),
        cmocka_unit_test(a_grant_that_could_not_be_stored_is_not_given),
        cmocka_unit_test(serving_begins_when_it_is_durable),
        cmocka_unit_test(rule_7_rights_end_when_the_decision_is_made),
        cmocka_unit_test(rule_7_a_process_that_did_not_run_rejoins_first),
        cmocka_unit_test(rule_11_a_replaced_disk_does_not_serve_an_empty_home),
        cmocka_unit_test(rule_11_two_empty_stores_do_not_refill_each_other),
        cmocka_unit_test(rule_10_a_store_put_back_to_an_older_term_is_not_served),
        cmocka_unit_test(rule_10_a_store_put_back_in_the_same_term_is_refilled_first),
        cmocka_unit_test(rule_10_whoever_refills_exports_to_the_pool_that_it_refills_alone),
        cmocka_unit_test(rule_10_a_store_of_another_history_is_refilled_however_far_it_came),
        cmocka_unit_test(rule_10_a_term_opened_by_force_lacks_nothing_of_what_was_given_up),
        cmocka_unit_test(a_question_waits_for_a_batch_that_was_taken),
        cmocka_unit_test(rule_8_a_grant_is_for_the_copy_as_it_was_when_it_asked),
        cmocka_unit_test(rule_2_whoever_asks_exports_nothing_more_in_that_term),
        cmocka_unit_test(a_question_that_is_late_makes_nobody_refill_a_pool_that_serves),
        cmocka_unit_test(what_is_refilled_survives_restarts_of_both),
        cmocka_unit_test(a_backup_with_an_empty_store_stands_by_again),
        cmocka_unit_test(a_stopped_pool_serves_nothing_until_it_is_started),
        cmocka_unit_test(a_grant_that_comes_to_a_stopped_pool_opens_nothing),
        cmocka_unit_test(silence_gives_limited_service_and_ends_with_the_first_word),
        cmocka_unit_test(a_term_opened_by_force_is_met_and_then_no_longer_alone),
        cmocka_unit_test(rule_9_of_two_that_meet_the_one_that_serves_keeps_the_home),
        cmocka_unit_test(a_lone_pool_resumes_by_itself_in_a_new_term),
        cmocka_unit_test(a_record_under_way_does_not_undo_a_rejoin),
        cmocka_unit_test(a_grant_that_was_slept_through_opens_nothing_that_lasts),
        cmocka_unit_test(rule_8_an_old_answer_counts_for_nothing),
        cmocka_unit_test(rule_10_the_last_holder_with_an_older_store_asks_instead_of_standing_by),
        cmocka_unit_test(a_creation_that_was_not_stored_can_be_tried_again),
        cmocka_unit_test(what_the_partner_says_of_a_lost_term_is_remembered),
        cmocka_unit_test(rule_9_meeting_counts_in_every_mode),
        cmocka_unit_test(rule_9_a_meeting_counts_even_if_it_could_not_be_stored),
        cmocka_unit_test(rule_9_whoever_serves_grants_nothing_but_opens_a_higher_term),
        cmocka_unit_test(rule_1_a_number_heard_in_an_answer_is_never_opened_again),
        cmocka_unit_test(a_step_down_that_was_not_stored_asks_again),
        cmocka_unit_test(a_repeated_question_gets_the_same_grant),
        cmocka_unit_test(an_absurd_number_is_not_believed),
        cmocka_unit_test(two_tags_of_one_number_make_no_storm_of_records),
        cmocka_unit_test(a_lost_store_ends_serving_and_grants_nothing),
        cmocka_unit_test(a_store_that_refuses_is_not_asked_four_times_a_second),
        cmocka_unit_test(whatever_happens_no_two_serve_in_one_term_and_it_heals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
