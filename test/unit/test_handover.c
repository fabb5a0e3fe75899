/* A home is handed over: rules 4 to 8 of the protocol, each with what went wrong before it was
 * there. The holder is the home pool in term 2 unless a story says otherwise. */
#include "two_homes.h"

#include <stdio.h>
#include <string.h>

#include "core/rest.h"

static const enum side HOLDER = SIDE_HOME, TAKER = SIDE_BACKUP;

/* The hand-over that most stories are about. */
static const struct term to = {.number = 3, .tag = 0x33};

static struct home_demanded asking(enum home_demand what)
{
    return (struct home_demanded){.demand = what, .to = to};
}

static struct home_demanded releasing(uint64_t head)
{
    return (struct home_demanded){
        .demand = DEMAND_RELEASE, .to = to, .whole = true, .point = point_at(head)};
}

static const struct home *home(const struct world *w, enum side side)
{
    return w->pools[side].home;
}

static void write_some(struct world *w, enum side side, uint64_t count)
{
    assert_true(mode_rights(mode(w, side))->changes);
    w->pools[side].head += count;
}

/* A pair whose copies agree at 10, and stay so. */
static struct world *copied_world(void)
{
    struct world *w = paired_world();
    w->pools[HOLDER].head = w->pools[TAKER].head = 10;
    w->copies = true;
    return w;
}

static struct world *drained_world(void)
{
    struct world *w = copied_world();
    assert_int_equal(demand(w, HOLDER, asking(DEMAND_DRAIN)), OK);
    assert_int_equal(mode(w, HOLDER), MODE_DRAINING);
    return w;
}

static struct world *released_world(void)
{
    struct world *w = drained_world();
    assert_int_equal(demand(w, HOLDER, releasing(10)), OK);
    assert_int_equal(mode(w, HOLDER), MODE_RELEASED);
    return w;
}

/* The holder has released, and is not heard. */
static struct world *silent_world(void)
{
    struct world *w = released_world();
    w->cut = true;
    return w;
}

static void tick(struct world *w, enum side side)
{
    w->now += HOME_TICK_MS;
    step(w, side, (struct home_event){.kind = HOME_TICK});
}

static void assert_taken(struct world *w)
{
    assert_int_equal(mode(w, TAKER), MODE_SERVING);
    assert_int_equal(number(w, TAKER), to.number);
    assert_int_equal(mode(w, HOLDER), MODE_STANDBY);
    assert_int_equal(number(w, HOLDER), to.number);
}

/* --- the whole of it --- */

static void a_planned_hand_over_moves_the_home_and_loses_nothing(void **state)
{
    (void)state;
    OWNED(world_free) struct world *w = copied_world();
    assert_int_equal(demand(w, HOLDER, asking(DEMAND_CLOSE)), OK);
    assert_int_equal(w->said[HOLDER].standing.mode, MODE_CLOSING);
    write_some(w, HOLDER, 5);
    assert_int_equal(demand(w, HOLDER, asking(DEMAND_DRAIN)), OK);
    assert_int_equal(w->said[HOLDER].standing.point.usn, 15);
    assert_true(w->said[HOLDER].standing.durable);
    pass(w, HOME_TICK_MS);
    assert_int_equal(demand(w, HOLDER, releasing(15)), OK);
    assert_int_equal(w->said[HOLDER].standing.mode, MODE_RELEASED);
    assert_true(term_equal(w->said[HOLDER].standing.to, to));
    assert_int_equal(take(w, TAKER, to, false), OK);
    heartbeat(w, TAKER);
    assert_taken(w);
    assert_int_equal(w->pools[TAKER].head, 15);
    assert_false(w->pools[TAKER].disk.alone);
}

static void a_home_goes_there_and_back_any_number_of_times(void **state)
{
    (void)state;
    OWNED(world_free) struct world *w = copied_world();
    for (unsigned i = 0; i < 9; i++) {
        enum side from = i % 2 ? TAKER : HOLDER, into = side_other(from);
        struct home_demanded d = {.demand = DEMAND_DRAIN,
                                  .to = home_next_term(home(w, into), roll(w))};
        write_some(w, from, 1);
        pass(w, HOME_TICK_MS);
        assert_int_equal(demand(w, from, d), OK);
        d.demand = DEMAND_RELEASE;
        d.whole = true;
        d.point = point_at(w->pools[into].head);
        assert_int_equal(demand(w, from, d), OK);
        assert_int_equal(take(w, into, d.to, false), OK);
        pass(w, 1000);
        assert_int_equal(mode(w, into), MODE_SERVING);
        assert_int_equal(mode(w, from), MODE_STANDBY);
    }
    assert_int_equal(w->pools[HOLDER].head, 19);
}

/* --- the table --- */

static void every_line_of_the_table_is_a_legal_change(void **state)
{
    (void)state;
    static const enum mode comes_to[DEMANDS] = {[DEMAND_CLOSE] = MODE_CLOSING,
                                                [DEMAND_DRAIN] = MODE_DRAINING,
                                                [DEMAND_RELEASE] = MODE_RELEASED,
                                                [DEMAND_CANCEL] = MODE_SERVING};
    unsigned lines = 0;
    for (int d = 0; d < DEMANDS; d++) {
        for (int m = 0; m < MODES; m++) {
            const struct handover_rule *rule = handover_rule((enum home_demand)d, (enum mode)m);
            enum mode after = (enum mode)m;
            if (!rule)
                continue;
            lines++;
            if (!rule->again)
                assert_true(mode_after((enum mode)m, rule->cause, &after));
            assert_int_equal(after, comes_to[d]);
        }
    }
    assert_int_equal(lines, 10);
    for (int d = 0; d < DEMANDS; d++) {
        enum home_demand named;
        assert_true(demand_named(demand_name((enum home_demand)d), &named));
        assert_int_equal(named, d);
    }
}

/* In each mode: how a home comes to be in it. */
static struct world *world_in(enum mode wanted)
{
    struct world *w = NULL;
    switch (wanted) {
    case MODE_CLOSING:
        w = copied_world();
        demand(w, HOLDER, asking(DEMAND_CLOSE));
        break;
    case MODE_DRAINING: w = drained_world(); break;
    case MODE_RELEASED: w = released_world(); break;
    case MODE_STANDBY:
    case MODE_RESILIENCY:
        w = copied_world(); /* the holder is of the other side, then */
        step(w, HOLDER,
             (struct home_event){
                 .kind = HOME_HEARD,
                 .heard = {.pool = names[TAKER], .term = {.number = 3, .tag = 9}, .serves = true}});
        w->cut = true;
        if (wanted == MODE_RESILIENCY)
            for (uint64_t end = w->now + FAILURE_DETECTION_MS; w->now < end;)
                tick(w, HOLDER);
        break;
    case MODE_REJOINING:
        w = copied_world();
        w->cut = true;
        restart(w, HOLDER);
        break;
    case MODE_SERVING: w = copied_world(); break;
    }
    assert_int_equal(mode(w, HOLDER), wanted);
    return w;
}

static void what_the_table_does_not_know_is_refused_and_changes_nothing(void **state)
{
    (void)state;
    for (int m = 0; m < MODES; m++) {
        for (int d = DEMAND_CLOSE; d < DEMANDS; d++) {
            if (handover_rule((enum home_demand)d, (enum mode)m))
                continue;
            OWNED(world_free) struct world *w = world_in((enum mode)m);
            struct hold before = w->pools[HOLDER].disk;
            struct home_demanded asked = releasing(10);
            asked.demand = (enum home_demand)d;
            asked.to.number = 7;
            assert_int_equal(demand(w, HOLDER, asked), FAIL_REFUSED);
            assert_false(w->said[HOLDER].done);
            /* Whoever reads it may sit elsewhere. */
            assert_non_null(strstr(w->said[HOLDER].error.what, names[HOLDER]));
            assert_string_equal(w->said[HOLDER].error.kept, "Nothing was changed there.");
            assert_int_equal(mode(w, HOLDER), m);
            assert_memory_equal(&before, &w->pools[HOLDER].disk, sizeof before);
        }
    }
}

/* What ends an operation in its middle says who did, and what to type. */
static void a_holder_that_is_stopped_says_so(void **state)
{
    (void)state;
    OWNED(world_free) struct world *w = copied_world();
    assert_int_equal(demand(w, HOLDER, asking(DEMAND_CLOSE)), OK);
    stop_pool(w, HOLDER, true);
    assert_int_equal(demand(w, HOLDER, asking(DEMAND_CLOSE)), FAIL_REFUSED);
    assert_non_null(strstr(w->said[HOLDER].error.what, "an administrator stopped"));
    assert_non_null(strstr(w->said[HOLDER].error.next, "Start-CsPool"));
    assert_string_equal(w->said[HOLDER].error.kept, "Nothing was changed there.");
}

static void a_refusal_need_not_be_read(void **state)
{
    (void)state;
    OWNED(world_free) struct world *w = copied_world();
    struct home_actions actions;
    struct home_event event = {
        .kind = HOME_DEMANDED, .now_ms = w->now, .dice = 1, .demanded = asking(DEMAND_RELEASE)};
    assert_int_equal(home_step(w->pools[HOLDER].home, &event, &actions, NULL), FAIL_REFUSED);
}

static void what_is_demanded_again_changes_nothing_and_is_answered(void **state)
{
    (void)state;
    static const struct {
        enum home_demand demand;
        enum mode mode;
    } again[] = {{DEMAND_CLOSE, MODE_CLOSING},
                 {DEMAND_DRAIN, MODE_DRAINING},
                 {DEMAND_RELEASE, MODE_RELEASED},
                 {DEMAND_CANCEL, MODE_SERVING}};
    for (size_t i = 0; i < COUNT_OF(again); i++) {
        OWNED(world_free) struct world *w = world_in(again[i].mode);
        uint64_t revision = w->pools[HOLDER].disk.revision;
        struct home_demanded asked = releasing(10);
        asked.demand = again[i].demand;
        assert_int_equal(demand(w, HOLDER, asked), OK);
        assert_true(w->said[HOLDER].done);
        assert_true(w->said[HOLDER].standing.durable);
        assert_int_equal(w->said[HOLDER].standing.mode, again[i].mode);
        assert_int_equal(w->pools[HOLDER].disk.revision, revision);
    }
}

static void a_look_says_what_there_is_in_every_mode_and_changes_nothing(void **state)
{
    (void)state;
    for (int m = 0; m < MODES; m++) {
        OWNED(world_free) struct world *w = world_in((enum mode)m);
        uint64_t revision = w->pools[HOLDER].disk.revision;
        for (int d = DEMAND_LOOK; d <= DEMAND_REHEARSE; d++) {
            const struct home_demanded asked = {.demand = (enum home_demand)d, .to = TERM_NONE};
            assert_int_equal(demand(w, HOLDER, asked), OK);
            assert_int_equal(w->said[HOLDER].standing.mode, m);
        }
        assert_int_equal(w->pools[HOLDER].disk.revision, revision);
    }
}

/* --- rule 4 --- */

static void rule_4_closing_accepts_changes_and_draining_does_not(void **state)
{
    (void)state;
    OWNED(world_free) struct world *w = copied_world();
    demand(w, HOLDER, asking(DEMAND_CLOSE));
    assert_true(home_lease_ms(home(w, HOLDER)) > w->now && !home_drains(home(w, HOLDER)));
    demand(w, HOLDER, asking(DEMAND_DRAIN));
    assert_int_equal(home_lease_ms(home(w, HOLDER)), 0);
    assert_true(home_drains(home(w, HOLDER)));
}

static void
rule_4_changes_end_with_the_decision_and_draining_is_answered_when_it_is_durable(void **state)
{
    (void)state;
    OWNED(world_free) struct world *w = copied_world();
    w->hold_back = true;
    assert_int_equal(demand(w, HOLDER, asking(DEMAND_DRAIN)), OK);
    assert_int_equal(mode(w, HOLDER), MODE_DRAINING);
    assert_int_equal(home_lease_ms(home(w, HOLDER)), 0);
    assert_false(w->said[HOLDER].done);
    assert_int_equal(demand(w, HOLDER, asking(DEMAND_DRAIN)), FAIL_BUSY);
    stored(w, HOLDER, true);
    assert_true(w->said[HOLDER].done);
    assert_true(w->said[HOLDER].standing.durable);
}

static void rule_4_a_holder_that_hears_nothing_more_serves_on_in_its_term(void **state)
{
    (void)state;
    for (int d = DEMAND_CLOSE; d <= DEMAND_DRAIN; d++) {
        OWNED(world_free) struct world *w = copied_world();
        demand(w, HOLDER, asking((enum home_demand)d));
        pass(w, HANDOVER_HOLD_MS - HOME_TICK_MS);
        assert_int_not_equal(mode(w, HOLDER), MODE_SERVING);
        pass(w, 2 * HOME_TICK_MS);
        assert_int_equal(mode(w, HOLDER), MODE_SERVING);
        assert_int_equal(number(w, HOLDER), 2);
        assert_true(term_is_none(w->pools[HOLDER].disk.to));
    }
}

static void rule_4_each_word_of_the_taker_renews_the_deadline(void **state)
{
    (void)state;
    OWNED(world_free) struct world *w = drained_world();
    for (unsigned i = 0; i < 10; i++) {
        pass(w, HANDOVER_HOLD_MS - HOME_TICK_MS);
        assert_int_equal(demand(w, HOLDER, asking(DEMAND_DRAIN)), OK);
        assert_int_equal(mode(w, HOLDER), MODE_DRAINING);
    }
}

static void rule_4_a_deadline_does_not_undo_a_release_that_is_on_its_way_to_the_store(void **state)
{
    (void)state;
    OWNED(world_free) struct world *w = drained_world();
    w->hold_back = true;
    assert_int_equal(demand(w, HOLDER, releasing(10)), OK);
    pass(w, 2 * HANDOVER_HOLD_MS);
    stored(w, HOLDER, true);
    assert_int_equal(mode(w, HOLDER), MODE_RELEASED);
}

static void rule_4_a_holder_that_restarts_asks_and_then_serves_in_a_new_term(void **state)
{
    (void)state;
    for (int m = MODE_CLOSING; m <= MODE_DRAINING; m++) {
        OWNED(world_free) struct world *w = world_in((enum mode)m);
        restart(w, HOLDER);
        assert_int_equal(mode(w, HOLDER), MODE_REJOINING);
        assert_int_equal(demand(w, HOLDER, asking(DEMAND_DRAIN)), FAIL_REFUSED);
        pass(w, 1000);
        assert_int_equal(mode(w, HOLDER), MODE_SERVING);
        assert_int_equal(number(w, HOLDER), 4);
        assert_int_equal(demand(w, HOLDER, releasing(10)), FAIL_REFUSED);
        assert_int_equal(demand(w, HOLDER, asking(DEMAND_DRAIN)), FAIL_CONFLICT);
    }
}

static void rule_4_called_off_it_serves_on_in_the_same_term(void **state)
{
    (void)state;
    for (int m = MODE_CLOSING; m <= MODE_DRAINING; m++) {
        OWNED(world_free) struct world *w = world_in((enum mode)m);
        assert_int_equal(demand(w, HOLDER, asking(DEMAND_CANCEL)), OK);
        assert_int_equal(w->said[HOLDER].standing.mode, MODE_SERVING);
        assert_int_equal(number(w, HOLDER), 2);
    }
}

/* --- rule 5 --- */

/* The deadline had rolled it back, it accepted a write, a late copy of Drain drained it once more,
 * and the old Release gave away a head that nobody had copied. */
static void rule_5_what_was_called_off_is_never_accepted_again(void **state)
{
    (void)state;
    OWNED(world_free) struct world *w = drained_world();
    pass(w, 2 * HANDOVER_HOLD_MS);
    w->copies = false;
    write_some(w, HOLDER, 1);
    assert_int_equal(demand(w, HOLDER, asking(DEMAND_DRAIN)), FAIL_CONFLICT);
    assert_int_equal(demand(w, HOLDER, releasing(10)), FAIL_REFUSED);
    assert_int_equal(mode(w, HOLDER), MODE_SERVING);
    restart(w, HOLDER); /* and this is durable */
    pass(w, 1000);
    assert_int_equal(demand(w, HOLDER, asking(DEMAND_DRAIN)), FAIL_CONFLICT);
}

static void rule_5_not_even_what_the_store_did_not_keep_is_accepted_again(void **state)
{
    (void)state;
    OWNED(world_free) struct world *w = copied_world();
    w->hold_back = true;
    demand(w, HOLDER, asking(DEMAND_DRAIN));
    stored(w, HOLDER, false);
    assert_true(w->said[HOLDER].done);
    assert_int_equal(w->said[HOLDER].standing.mode, MODE_DRAINING);
    assert_false(w->said[HOLDER].standing.durable);
    assert_int_equal(home_lease_ms(home(w, HOLDER)), 0); /* it has stopped all the same */
    w->hold_back = false;
    pass(w, HANDOVER_HOLD_MS + HOME_RETRY_MS + HOME_TICK_MS);
    assert_int_equal(mode(w, HOLDER), MODE_SERVING);
    assert_int_equal(demand(w, HOLDER, asking(DEMAND_DRAIN)), FAIL_CONFLICT);
    assert_true(w->pools[HOLDER].disk.seen >= to.number);
}

/* Its deadline ended it, five seconds later: that changes go on had to be kept by the same store.
 */
static void what_the_store_never_kept_is_called_off_at_once_though_it_is_full(void **state)
{
    (void)state;
    for (int closes = 0; closes < 2; closes++) {
        OWNED(world_free) struct world *w = copied_world();
        if (closes)
            demand(w, HOLDER, asking(DEMAND_CLOSE));
        w->hold_back = true;
        demand(w, HOLDER, asking(DEMAND_DRAIN));
        stored(w, HOLDER, false);
        demand(w, HOLDER, asking(DEMAND_CANCEL));
        stored(w, HOLDER, false);
        assert_true(w->said[HOLDER].done);
        assert_int_equal(w->said[HOLDER].standing.mode, MODE_SERVING);
        assert_int_equal(number(w, HOLDER), 2);
        w->hold_back = false;
        assert_int_equal(demand(w, HOLDER, asking(DEMAND_DRAIN)), FAIL_CONFLICT);
        restart(w, HOLDER); /* the record knows nothing of it */
        pass(w, 1000);
        assert_int_equal(mode(w, HOLDER), MODE_SERVING);
        assert_int_equal(demand(w, HOLDER, asking(DEMAND_DRAIN)), FAIL_CONFLICT);
    }
}

static void rule_5_a_cancel_that_comes_first_spoils_a_drain_that_comes_late(void **state)
{
    (void)state;
    OWNED(world_free) struct world *w = copied_world();
    assert_int_equal(demand(w, HOLDER, asking(DEMAND_CANCEL)), OK);
    assert_int_equal(demand(w, HOLDER, asking(DEMAND_DRAIN)), FAIL_CONFLICT);
    assert_int_equal(mode(w, HOLDER), MODE_SERVING);
}

/* The taker had a history of its own that came further, and no disk to step down on: it took that
 * for the copy, and then waited for ever until the copy came so far. */
static void rule_6_nothing_is_released_that_the_taker_could_never_come_to(void **state)
{
    (void)state;
    OWNED(world_free) struct world *w = drained_world();
    struct home_demanded beyond = releasing(11);
    beyond.whole = false;
    assert_int_equal(demand(w, HOLDER, beyond), FAIL_REFUSED);
    assert_int_equal(mode(w, HOLDER), MODE_DRAINING);
    beyond.point.usn = 10;
    assert_int_equal(demand(w, HOLDER, beyond), OK);
    assert_int_equal(mode(w, HOLDER), MODE_RELEASED);
}

static void rule_5_a_release_gives_away_what_was_agreed_or_nothing(void **state)
{
    (void)state;
    OWNED(world_free) struct world *w = drained_world();
    assert_int_equal(demand(w, HOLDER, releasing(9)), OK); /* the store checks it, and refuses */
    assert_int_equal(w->said[HOLDER].standing.mode, MODE_DRAINING);
    assert_int_equal(w->pools[HOLDER].disk.mode, MODE_DRAINING);
    struct home_demanded other = releasing(10);
    other.point.digests[1].items++;
    assert_int_equal(demand(w, HOLDER, other), OK);
    assert_int_equal(w->pools[HOLDER].disk.mode, MODE_DRAINING);
    assert_int_equal(demand(w, HOLDER, releasing(10)), OK);
    assert_int_equal(w->pools[HOLDER].disk.mode, MODE_RELEASED);
    assert_int_equal(w->pools[HOLDER].disk.released, 10);
}

static void rule_5_a_release_that_shall_not_be_verified_names_what_the_taker_has(void **state)
{
    (void)state;
    OWNED(world_free) struct world *w = drained_world();
    struct home_demanded asked = releasing(9);
    asked.whole = false;
    assert_int_equal(demand(w, HOLDER, asked), OK);
    assert_int_equal(w->pools[HOLDER].disk.mode, MODE_RELEASED);
    assert_int_equal(w->pools[HOLDER].disk.released, 9);
}

static void rule_5_another_hand_over_can_do_nothing_to_the_one_under_way(void **state)
{
    (void)state;
    for (int d = DEMAND_CLOSE; d < DEMANDS; d++) {
        OWNED(world_free) struct world *w = drained_world();
        struct home_demanded other = releasing(10);
        other.demand = (enum home_demand)d;
        other.to = (struct term){.number = 3, .tag = 0x44}; /* the number alone is no name */
        assert_int_equal(demand(w, HOLDER, other), FAIL_REFUSED);
        other.to.number = 5;
        assert_int_equal(demand(w, HOLDER, other), FAIL_REFUSED);
        assert_int_equal(mode(w, HOLDER), MODE_DRAINING);
        assert_true(term_equal(w->pools[HOLDER].disk.to, to));
    }
}

static void
rule_1_a_hand_over_can_only_open_a_number_of_the_taker_above_all_that_were_seen(void **state)
{
    (void)state;
    static const uint64_t wrong[] = {1, 2, 4, HOME_LEAP_MAX * 2 + 1};
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        for (int d = DEMAND_CLOSE; d < DEMANDS; d++) {
            OWNED(world_free) struct world *w = copied_world();
            struct home_demanded asked = asking((enum home_demand)d);
            asked.to.number = wrong[i];
            enum failure bad = demand(w, HOLDER, asked);
            assert_true(bad != OK || d == DEMAND_CANCEL);
            assert_int_equal(mode(w, HOLDER), MODE_SERVING);
            assert_int_equal(home_seen(home(w, HOLDER)), 2);
        }
    }
}

/* --- rule 6 --- */

static void rule_6_the_partner_takes_as_soon_as_it_hears_of_the_release(void **state)
{
    (void)state;
    OWNED(world_free) struct world *w = released_world();
    pass(w, 1000); /* whoever wanted it has died meanwhile: nobody says take */
    assert_taken(w);
}

static void rule_6_released_survives_restarts_of_both_and_is_repeated(void **state)
{
    (void)state;
    OWNED(world_free) struct world *w = silent_world();
    for (unsigned i = 0; i < 3; i++) {
        pass(w, 2 * FAILURE_DETECTION_MS);
        restart(w, HOLDER);
        restart(w, TAKER);
        assert_int_equal(mode(w, HOLDER), MODE_RELEASED);
        assert_int_equal(home_lease_ms(home(w, HOLDER)), 0);
    }
    w->cut = false;
    pass(w, 2 * HOME_ANSWER_MS_MAX);
    assert_taken(w);
}

/* One pool Released, one Standby, for ever. */
static void rule_6_a_command_that_is_cancelled_while_the_release_is_on_its_way(void **state)
{
    (void)state;
    OWNED(world_free) struct world *w = silent_world(); /* its answer is lost, so … */
    assert_int_equal(demand(w, HOLDER, asking(DEMAND_CANCEL)), FAIL_REFUSED);
    assert_int_equal(mode(w, HOLDER), MODE_RELEASED);
    w->cut = false;
    pass(w, 2 * HOME_ANSWER_MS_MAX);
    assert_taken(w);
}

static void rule_6_the_partner_waits_until_its_copy_has_everything(void **state)
{
    (void)state;
    OWNED(world_free) struct world *w = drained_world();
    w->copies = false;
    w->pools[TAKER].head = 9;
    assert_int_equal(demand(w, HOLDER, releasing(10)), OK);
    pass(w, 2 * FAILURE_DETECTION_MS);
    assert_int_equal(mode(w, HOLDER), MODE_RELEASED);
    assert_int_equal(mode(w, TAKER), MODE_STANDBY);
    w->copies = true; /* whoever has released still exports */
    pass(w, 1000);
    assert_taken(w);
    assert_int_equal(w->pools[TAKER].head, 10);
}

static void rule_6_a_partner_that_lost_its_store_is_sent_everything_and_takes(void **state)
{
    (void)state;
    OWNED(world_free) struct world *w = released_world();
    stop(w, TAKER);
    w->pools[TAKER].disk = (struct hold){0};
    w->pools[TAKER].head = 0;
    start(w, TAKER);
    pass(w, 2000);
    assert_taken(w);
    assert_int_equal(w->pools[TAKER].head, 10);
}

static void rule_6_a_stopped_partner_declines_and_the_pool_serves_again_in_a_new_term(void **state)
{
    (void)state;
    OWNED(world_free) struct world *w = released_world();
    stop_pool(w, TAKER, true);
    pass(w, 1000);
    assert_int_equal(mode(w, HOLDER), MODE_SERVING);
    assert_int_equal(number(w, HOLDER), 4);
    assert_int_equal(mode(w, TAKER), MODE_STANDBY);
    assert_int_equal(take(w, TAKER, to, false), FAIL_REFUSED); /* and it can't be taken any more */
    stop_pool(w, TAKER, false);
    assert_int_equal(take(w, TAKER, to, false), FAIL_CONFLICT);
}

static void rule_6_a_partner_that_has_seen_a_higher_number_declines(void **state)
{
    (void)state;
    OWNED(world_free) struct world *w = silent_world();
    step(w, TAKER,
         (struct home_event){
             .kind = HOME_HEARD,
             .heard = {.pool = "third.example.com", .term = w->pools[TAKER].disk.term, .seen = 5}});
    w->cut = false;
    pass(w, 2 * HOME_ANSWER_MS_MAX);
    assert_int_equal(mode(w, HOLDER), MODE_SERVING);
    assert_int_equal(number(w, HOLDER), 6);
    assert_int_equal(mode(w, TAKER), MODE_STANDBY);
}

static void rule_6_a_decline_is_durable_before_it_is_said(void **state)
{
    (void)state;
    OWNED(world_free) struct world *w = released_world();
    stop_pool(w, TAKER, true);
    w->hold_back = true;
    tick(w, HOLDER);
    deliver(w, TAKER);
    assert_false(w->wire[HOLDER].answered);
    stored(w, TAKER, true);
    assert_true(w->wire[HOLDER].answered);
    assert_true(w->pools[TAKER].disk.seen > to.number);
}

static void rule_6_a_decline_that_was_not_stored_is_not_said(void **state)
{
    (void)state;
    OWNED(world_free) struct world *w = released_world();
    stop_pool(w, TAKER, true);
    w->hold_back = true;
    tick(w, HOLDER);
    deliver(w, TAKER);
    stored(w, TAKER, false);
    assert_int_equal(w->wire[HOLDER].answer.verdict, VERDICT_WAIT);
}

/* Sent to the Rejoining pool that it was, and answered when it had served and released since. */
static void rule_8_a_grant_of_before_takes_nothing_back(void **state)
{
    (void)state;
    OWNED(world_free) struct world *w = copied_world();
    restart(w, HOLDER);
    tick(w, HOLDER);
    uint64_t nonce = w->wire[TAKER].question.nonce;
    pass(w, 1000);
    assert_int_equal(number(w, HOLDER), 4);
    struct home_demanded d = releasing(10);
    d.to.number = 9;
    d.demand = DEMAND_DRAIN;
    assert_int_equal(demand(w, HOLDER, d), OK);
    d.demand = DEMAND_RELEASE;
    assert_int_equal(demand(w, HOLDER, d), OK);
    tick(w, HOLDER); /* it asks to be answered */
    step(
        w, HOLDER,
        (struct home_event){.kind = HOME_ANSWERED,
                            .answered = {.nonce = nonce, .verdict = VERDICT_GRANTED, .number = 6}});
    assert_int_equal(mode(w, HOLDER), MODE_RELEASED);
}

static void
rule_6_a_released_home_is_taken_back_alone_only_from_a_partner_that_is_silent(void **state)
{
    (void)state;
    OWNED(world_free) struct world *w = silent_world();
    force(w, HOLDER);
    assert_int_equal(mode(w, HOLDER), MODE_RELEASED);
    assert_non_null(strstr(w->said[HOLDER].error.what, "was given to redmond.example.com"));
    pass(w, FAILURE_DETECTION_MS);
    force(w, HOLDER);
    assert_int_equal(mode(w, HOLDER), MODE_SERVING);
    assert_int_equal(number(w, HOLDER), 4); /* never the term that it gave away */
    assert_true(w->pools[HOLDER].disk.alone);
}

static void rule_6_a_stopped_pool_takes_nothing_back(void **state)
{
    (void)state;
    OWNED(world_free) struct world *w = silent_world();
    pass(w, FAILURE_DETECTION_MS);
    stop_pool(w, HOLDER, true);
    force(w, HOLDER);
    assert_int_equal(mode(w, HOLDER), MODE_RELEASED);
    assert_int_equal(w->pools[HOLDER].disk.mode, MODE_RELEASED);
}

/* It stood at 50 of a history that was given up, and the release is at 10 of another one. */
static void rule_6_a_copy_of_another_history_has_nothing_of_what_was_released(void **state)
{
    (void)state;
    OWNED(world_free) struct world *w = silent_world();
    stop(w, TAKER);
    struct lineage *l = &w->pools[TAKER].disk.lineage;
    l->count = 0;
    lineage_open(l, (struct term){.number = 1, .tag = 77}, 0);
    w->pools[TAKER].head = 50;
    start(w, TAKER);
    w->copies = w->cut = false;
    pass(w, 2000);
    assert_int_equal(mode(w, TAKER), MODE_STANDBY);
    assert_int_equal(mode(w, HOLDER), MODE_RELEASED);
    w->copies = true; /* what it had is put aside, and it is made equal */
    pass(w, 2000);
    assert_taken(w);
}

static void nothing_that_a_partner_says_of_a_release_reaches_an_assertion(void **state)
{
    (void)state;
    static const struct term senseless[] = {
        {.number = 2, .tag = 9},                     /* of the asker itself */
        {.number = 4, .tag = 9},                     /* the same */
        {.number = 1, .tag = 9},                     /* below the term that was given away */
        {.number = HOME_LEAP_MAX * 2 + 1, .tag = 9}, /* would spoil the home for ever */
    };
    for (size_t i = 0; i < COUNT_OF(senseless); i++) {
        OWNED(world_free) struct world *w = copied_world();
        struct home_event asked = {.kind = HOME_ASKED};
        asked.asked.question = (struct home_question){.nonce = 1,
                                                      .term = w->pools[HOLDER].disk.term,
                                                      .seen = 2,
                                                      .head = 10,
                                                      .lineage = w->pools[HOLDER].disk.lineage,
                                                      .to = senseless[i]};
        asked.asked.own_head = asked.asked.own_upto = 10;
        assert_int_equal(step(w, TAKER, asked), FAIL_INVALID);
        assert_int_equal(mode(w, TAKER), MODE_STANDBY);
        assert_int_equal(w->wire[HOLDER].answer.verdict, VERDICT_WAIT);
        assert_int_equal(home_seen(home(w, TAKER)), 2);
    }
}

/* --- rule 7 --- */

static void rule_7_a_term_that_was_released_is_never_served_again(void **state)
{
    (void)state;
    OWNED(world_free) struct world *w = silent_world();
    restart(w, HOLDER);
    pass(w, 3 * FAILURE_DETECTION_MS);
    freeze(w, 2 * FAILURE_DETECTION_MS);
    step(w, HOLDER, (struct home_event){.kind = HOME_START});
    assert_int_equal(demand(w, HOLDER, asking(DEMAND_CANCEL)), FAIL_REFUSED);
    assert_int_equal(mode(w, HOLDER), MODE_RELEASED);
    assert_int_equal(hold_check_change(&w->pools[HOLDER].disk, 2, NULL), FAIL_REFUSED);
}

static void rule_7_whoever_takes_serves_when_that_is_durable(void **state)
{
    (void)state;
    OWNED(world_free) struct world *w = released_world();
    w->hold_back = true;
    assert_int_equal(take(w, TAKER, to, false), OK);
    assert_int_equal(mode(w, TAKER), MODE_STANDBY);
    assert_int_equal(home_lease_ms(home(w, TAKER)), 0);
    assert_int_equal(take(w, TAKER, to, false), FAIL_BUSY);
    stored(w, TAKER, true);
    assert_int_equal(mode(w, TAKER), MODE_SERVING);
}

static void rule_7_a_take_that_was_slept_through_asks_before_it_serves(void **state)
{
    (void)state;
    OWNED(world_free) struct world *w = released_world();
    w->hold_back = true;
    assert_int_equal(take(w, TAKER, to, false), OK);
    freeze(w, 2 * FAILURE_DETECTION_MS);
    stored(w, TAKER, true);
    assert_int_equal(mode(w, TAKER), MODE_REJOINING);
    w->hold_back = false;
    pass(w, 2 * HOME_ANSWER_MS_MAX);
    assert_int_equal(mode(w, TAKER), MODE_SERVING);
    assert_int_equal(mode(w, HOLDER), MODE_STANDBY);
}

static void rule_7_a_holder_that_slept_through_draining_asks_before_it_serves(void **state)
{
    (void)state;
    OWNED(world_free) struct world *w = drained_world();
    w->now += 2 * FAILURE_DETECTION_MS;
    tick(w, HOLDER);
    assert_int_equal(mode(w, HOLDER), MODE_REJOINING);
    assert_int_equal(demand(w, HOLDER, releasing(10)), FAIL_REFUSED);
}

/* --- rule 8 --- */

static void rule_8_nobody_takes_alone_while_a_grant_may_be_on_its_way(void **state)
{
    (void)state;
    for (int restarted = 0; restarted < 2; restarted++) {
        OWNED(world_free) struct world *w = copied_world();
        restart(w, HOLDER);
        tick(w, HOLDER);
        deliver(w, TAKER); /* granted; the answer is on its way */
        if (restarted)
            restart(w, TAKER);
        struct term alone = home_next_term(home(w, TAKER), 9);
        assert_int_equal(take(w, TAKER, alone, true), FAIL_BUSY);
        w->cut = true;
        w->now += HOME_ANSWER_MS_MAX;
        assert_int_equal(take(w, TAKER, alone, true), FAIL_BUSY);
        w->now++;
        assert_int_equal(take(w, TAKER, alone, true), OK);
        deliver(w, HOLDER); /* by now it is too old */
        assert_int_equal(mode(w, HOLDER), MODE_REJOINING);
        w->cut = false;
        w->wire[HOLDER].answered = true; /* even if it comes all the same */
        deliver(w, HOLDER);
        assert_int_equal(mode(w, HOLDER), MODE_REJOINING);
    }
}

static void rule_8_whoever_is_about_to_take_grants_nothing(void **state)
{
    (void)state;
    OWNED(world_free) struct world *w = copied_world();
    home_intend(w->pools[TAKER].home, true);
    restart(w, HOLDER);
    pass(w, FAILURE_DETECTION_MS);
    assert_int_equal(mode(w, HOLDER), MODE_REJOINING);
    home_intend(w->pools[TAKER].home, false);
    pass(w, 1000);
    assert_int_equal(mode(w, HOLDER), MODE_SERVING);
}

/* --- taking --- */

static void
a_take_without_a_release_is_alone_and_the_old_holder_yields_at_the_first_word(void **state)
{
    (void)state;
    OWNED(world_free) struct world *w = copied_world();
    w->cut = true;
    pass(w, FAILURE_DETECTION_MS);
    assert_int_equal(take(w, TAKER, home_next_term(home(w, TAKER), 8), true), OK);
    assert_int_equal(mode(w, TAKER), MODE_SERVING);
    assert_true(w->pools[TAKER].disk.alone);
    assert_int_equal(mode(w, HOLDER), MODE_SERVING); /* cut off, it can't know */
    w->cut = false;
    pass(w, HOME_TICK_MS);
    assert_int_equal(mode(w, HOLDER), MODE_STANDBY);
    assert_int_equal(mode(w, TAKER), MODE_SERVING);
    pass(w, HOME_TICK_MS);
    assert_false(w->pools[TAKER].disk.alone);
}

static void a_pool_that_is_stopped_or_lost_its_store_takes_nothing(void **state)
{
    (void)state;
    for (int lost = 0; lost < 2; lost++) {
        OWNED(world_free) struct world *w = released_world();
        if (lost)
            step(w, TAKER, (struct home_event){.kind = HOME_STORE_LOST});
        else
            stop_pool(w, TAKER, true);
        assert_int_equal(take(w, TAKER, to, false), FAIL_REFUSED);
        assert_int_equal(take(w, TAKER, (struct term){5, 5}, true), FAIL_REFUSED);
        assert_int_equal(mode(w, TAKER), MODE_STANDBY);
    }
}

static void a_take_opens_only_what_is_this_pools_and_above_all_that_it_knows(void **state)
{
    (void)state;
    static const uint64_t wrong[] = {1, 2, 4, HOME_LEAP_MAX * 2 + 1};
    OWNED(world_free) struct world *w = silent_world();
    for (size_t i = 0; i < COUNT_OF(wrong); i++)
        assert_int_equal(take(w, TAKER, (struct term){wrong[i], 5}, true), FAIL_CONFLICT);
    assert_int_equal(take(w, TAKER, TERM_NONE, false), FAIL_CONFLICT);
    assert_int_equal(mode(w, TAKER), MODE_STANDBY);
}

static void whoever_serves_or_asks_takes_nothing(void **state)
{
    (void)state;
    OWNED(world_free) struct world *w = copied_world();
    assert_int_equal(take(w, HOLDER, (struct term){4, 5}, false), FAIL_REFUSED);
    w->cut = true;
    restart(w, HOLDER);
    assert_int_equal(take(w, HOLDER, (struct term){4, 5}, true), FAIL_REFUSED);
}

static void a_take_that_was_not_stored_can_be_tried_again(void **state)
{
    (void)state;
    OWNED(world_free) struct world *w = released_world();
    w->hold_back = true;
    take(w, TAKER, to, false);
    stored(w, TAKER, false);
    assert_int_equal(mode(w, TAKER), MODE_STANDBY);
    w->hold_back = false;
    assert_int_equal(take(w, TAKER, to, false), OK);
    assert_int_equal(mode(w, TAKER), MODE_SERVING);
}

/* --- stores that were put back --- */

/* It took, served, and lost that: the same message made it open the same term once more. Whoever
 * had copied the first one would have taken the second one for it. */
static void rule_2_a_taker_that_forgot_its_take_does_not_open_the_same_term_again(void **state)
{
    (void)state;
    OWNED(world_free) struct world *w = silent_world();
    struct hold before = w->pools[TAKER].disk;
    assert_int_equal(take(w, TAKER, to, false), OK);
    struct term first = w->pools[TAKER].disk.term;
    write_some(w, TAKER, 7);
    stop(w, TAKER);
    w->pools[TAKER].disk = before;
    w->pools[TAKER].head = 10;
    w->put_back = true;
    start(w, TAKER);
    w->cut = false;
    pass(w, 2 * HOME_ANSWER_MS_MAX);
    assert_taken(w);
    assert_false(term_equal(w->pools[TAKER].disk.term, first));
}

/* A third machine tells it that it took, and it waits for a grant; its partner waits for it. */
static void rule_10_a_taker_that_is_told_that_it_forgot_its_take_declines(void **state)
{
    (void)state;
    OWNED(world_free) struct world *w = silent_world();
    struct hold before = w->pools[TAKER].disk;
    assert_int_equal(take(w, TAKER, to, false), OK);
    struct term first = w->pools[TAKER].disk.term;
    stop(w, TAKER);
    w->pools[TAKER].disk = before;
    w->put_back = true;
    start(w, TAKER);
    step(w, TAKER,
         (struct home_event){.kind = HOME_HEARD,
                             .heard = {.pool = "third.example.com", .term = first, .seen = 3}});
    assert_int_equal(mode(w, TAKER), MODE_REJOINING);
    w->cut = false;
    pass(w, 2 * HOME_ANSWER_MS_MAX);
    assert_int_equal(mode(w, HOLDER), MODE_SERVING);
    assert_int_equal(number(w, HOLDER), 4);
    assert_int_equal(mode(w, TAKER), MODE_STANDBY);
}

/* Its store remembers that it released; the partner had declined, and it served on. */
static void rule_10_a_store_put_back_to_a_release_that_was_declined_asks_first(void **state)
{
    (void)state;
    OWNED(world_free) struct world *w = released_world();
    struct hold before = w->pools[HOLDER].disk;
    stop_pool(w, TAKER, true);
    pass(w, 1000);
    stop_pool(w, TAKER, false);
    write_some(w, HOLDER, 5);
    pass(w, 1000);
    stop(w, HOLDER);
    w->pools[HOLDER].disk = before;
    w->pools[HOLDER].head = 10;
    w->put_back = true;
    start(w, HOLDER);
    assert_int_equal(mode(w, HOLDER), MODE_RELEASED);
    pass(w, 2 * HOME_ANSWER_MS_MAX);
    assert_int_equal(mode(w, HOLDER), MODE_SERVING); /* refilled by its partner */
    assert_int_equal(number(w, HOLDER), 6);
    assert_int_equal(w->pools[HOLDER].head, 15);
}

/* Its partner opened number 2 once more, without it, and has released that. */
static void rule_2_a_partner_that_knows_the_number_by_another_tag_follows_and_takes(void **state)
{
    (void)state;
    OWNED(world_free) struct world *w = silent_world();
    stop(w, TAKER);
    w->pools[TAKER].disk.term.tag = 77;
    w->pools[TAKER].disk.lineage.entries[0].term.tag = 77;
    w->pools[TAKER].head = 0;
    w->put_back = true;
    start(w, TAKER);
    w->cut = false;
    pass(w, 2 * HOME_ANSWER_MS_MAX);
    assert_taken(w);
    assert_int_equal(w->pools[TAKER].head, 10);
}

/* --- what rests meanwhile --- */

static void what_has_time_rests_while_a_home_is_handed_over_and_not_for_ever(void **state)
{
    (void)state;
    struct rest rest = {0};
    assert_false(rest_is_on(&rest, 0));
    rest_ask(&rest, 100);
    for (uint64_t now = 100; now < 100 + REST_EVERY_MS; now += 200) {
        assert_true(rest_is_on(&rest, now) == (now < 100 + REST_MS));
        rest_ask(&rest, now); /* it is looked at again and again */
    }
    rest_ask(&rest, 100 + REST_EVERY_MS);
    assert_true(rest_is_on(&rest, 100 + REST_EVERY_MS));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_planned_hand_over_moves_the_home_and_loses_nothing),
        cmocka_unit_test(a_home_goes_there_and_back_any_number_of_times),
        cmocka_unit_test(every_line_of_the_table_is_a_legal_change),
        cmocka_unit_test(what_the_table_does_not_know_is_refused_and_changes_nothing),
        cmocka_unit_test(a_holder_that_is_stopped_says_so),
        cmocka_unit_test(a_refusal_need_not_be_read),
        cmocka_unit_test(what_is_demanded_again_changes_nothing_and_is_answered),
        cmocka_unit_test(a_look_says_what_there_is_in_every_mode_and_changes_nothing),
        cmocka_unit_test(rule_4_closing_accepts_changes_and_draining_does_not),
        cmocka_unit_test(
            rule_4_changes_end_with_the_decision_and_draining_is_answered_when_it_is_durable),
        cmocka_unit_test(rule_4_a_holder_that_hears_nothing_more_serves_on_in_its_term),
        cmocka_unit_test(rule_4_each_word_of_the_taker_renews_the_deadline),
        cmocka_unit_test(rule_4_a_deadline_does_not_undo_a_release_that_is_on_its_way_to_the_store),
        cmocka_unit_test(rule_4_a_holder_that_restarts_asks_and_then_serves_in_a_new_term),
        cmocka_unit_test(rule_4_called_off_it_serves_on_in_the_same_term),
        cmocka_unit_test(rule_5_what_was_called_off_is_never_accepted_again),
        cmocka_unit_test(rule_5_not_even_what_the_store_did_not_keep_is_accepted_again),
        cmocka_unit_test(what_the_store_never_kept_is_called_off_at_once_though_it_is_full),
        cmocka_unit_test(rule_5_a_cancel_that_comes_first_spoils_a_drain_that_comes_late),
        cmocka_unit_test(rule_5_a_release_gives_away_what_was_agreed_or_nothing),
        cmocka_unit_test(rule_6_nothing_is_released_that_the_taker_could_never_come_to),
        cmocka_unit_test(rule_5_a_release_that_shall_not_be_verified_names_what_the_taker_has),
        cmocka_unit_test(rule_5_another_hand_over_can_do_nothing_to_the_one_under_way),
        cmocka_unit_test(
            rule_1_a_hand_over_can_only_open_a_number_of_the_taker_above_all_that_were_seen),
        cmocka_unit_test(rule_6_the_partner_takes_as_soon_as_it_hears_of_the_release),
        cmocka_unit_test(rule_6_released_survives_restarts_of_both_and_is_repeated),
        cmocka_unit_test(rule_6_a_command_that_is_cancelled_while_the_release_is_on_its_way),
        cmocka_unit_test(rule_6_the_partner_waits_until_its_copy_has_everything),
        cmocka_unit_test(rule_6_a_partner_that_lost_its_store_is_sent_everything_and_takes),
        cmocka_unit_test(rule_6_a_stopped_partner_declines_and_the_pool_serves_again_in_a_new_term),
        cmocka_unit_test(rule_6_a_partner_that_has_seen_a_higher_number_declines),
        cmocka_unit_test(rule_6_a_decline_is_durable_before_it_is_said),
        cmocka_unit_test(rule_6_a_decline_that_was_not_stored_is_not_said),
        cmocka_unit_test(rule_8_a_grant_of_before_takes_nothing_back),
        cmocka_unit_test(
            rule_6_a_released_home_is_taken_back_alone_only_from_a_partner_that_is_silent),
        cmocka_unit_test(rule_6_a_stopped_pool_takes_nothing_back),
        cmocka_unit_test(rule_6_a_copy_of_another_history_has_nothing_of_what_was_released),
        cmocka_unit_test(nothing_that_a_partner_says_of_a_release_reaches_an_assertion),
        cmocka_unit_test(rule_7_a_term_that_was_released_is_never_served_again),
        cmocka_unit_test(rule_7_whoever_takes_serves_when_that_is_durable),
        cmocka_unit_test(rule_7_a_take_that_was_slept_through_asks_before_it_serves),
        cmocka_unit_test(rule_7_a_holder_that_slept_through_draining_asks_before_it_serves),
        cmocka_unit_test(rule_8_nobody_takes_alone_while_a_grant_may_be_on_its_way),
        cmocka_unit_test(rule_8_whoever_is_about_to_take_grants_nothing),
        cmocka_unit_test(
            a_take_without_a_release_is_alone_and_the_old_holder_yields_at_the_first_word),
        cmocka_unit_test(a_pool_that_is_stopped_or_lost_its_store_takes_nothing),
        cmocka_unit_test(a_take_opens_only_what_is_this_pools_and_above_all_that_it_knows),
        cmocka_unit_test(whoever_serves_or_asks_takes_nothing),
        cmocka_unit_test(a_take_that_was_not_stored_can_be_tried_again),
        cmocka_unit_test(rule_2_a_taker_that_forgot_its_take_does_not_open_the_same_term_again),
        cmocka_unit_test(rule_10_a_taker_that_is_told_that_it_forgot_its_take_declines),
        cmocka_unit_test(rule_10_a_store_put_back_to_a_release_that_was_declined_asks_first),
        cmocka_unit_test(rule_2_a_partner_that_knows_the_number_by_another_tag_follows_and_takes),
        cmocka_unit_test(what_has_time_rests_while_a_home_is_handed_over_and_not_for_ever),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
