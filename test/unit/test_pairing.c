/* A home whose topology changes: its own pool, and two others that take turns as its backup pool.
 * As stories, and then as random walks, in which each pool runs by whatever file it was started
 * with: nobody opens a number that somebody else opened, and who is named in the end is who shall
 * be. */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/home.h"

enum { ATL, REDMOND, TOKYO, POOLS, NOBODY = POOLS };
enum { FAILURE_DETECTION_MS = 30000, OPENED_MAX = 4096 };

static const char *const names[] = {"atl.example.com", "redmond.example.com", "tokyo.example.com",
                                    ""};

struct pool_here {
    struct home *home; /* NULL: the process is down, or takes no part */
    bool runs;
    struct hold disk; /* revision 0: it knows nothing of the home */
    bool silent;      /* cut off */
};

struct trio {
    struct pool_here pools[POOLS];
    uint64_t now, dice;
    uint64_t opened[OPENED_MAX];
    size_t opened_count;
};

static uint64_t roll(struct trio *t)
{
    t->dice ^= t->dice << 13;
    t->dice ^= t->dice >> 7;
    t->dice ^= t->dice << 17;
    return t->dice;
}

static void trio_free(struct trio *t)
{
    for (int i = 0; i < POOLS; i++)
        home_free(t->pools[i].home);
    free(t);
}
DEFINE_OWNED(struct trio *, trio_free)

/* --- what happens --- */

static enum failure step(struct trio *t, int pool, struct home_event event);

static void note_opened(struct trio *t, uint64_t number)
{
    for (size_t i = 0; i < t->opened_count; i++)
        assert_true(t->opened[i] != number);
    assert_true(t->opened_count < OPENED_MAX);
    t->opened[t->opened_count++] = number;
}

static void keep(struct trio *t, int pool)
{
    struct pool_here *p = &t->pools[pool];
    struct hold next = *home_wanted(p->home);
    if (hold_opens_term(p->disk.term, &next)) {
        note_opened(t, next.term.number);
        lineage_open(&next.lineage, next.term, 0);
    }
    p->disk = next;
    step(t, pool, (struct home_event){.kind = HOME_STORED});
}

static int pool_named(const char *name)
{
    int i = 0;
    while (i < POOLS && strcmp(names[i], name) != 0)
        i++;
    return i;
}

static bool hear_each_other(const struct trio *t, int a, int b)
{
    return a < POOLS && b < POOLS && t->pools[a].runs && t->pools[b].runs && !t->pools[a].silent &&
           !t->pools[b].silent;
}

static void answer(struct trio *t, int to, struct home_answer text)
{
    if (t->pools[to].home)
        step(t, to, (struct home_event){.kind = HOME_ANSWERED, .answered = text});
}

/* As a front end does it. */
static void ask(struct trio *t, int from, const struct home_question *question)
{
    int to = pool_named(home_partner(t->pools[from].home));
    struct home_answer wait = {.nonce = question->nonce, .verdict = VERDICT_WAIT};
    if (!hear_each_other(t, from, to)) {
        answer(t, from, wait);
        return;
    }
    struct pool_here *p = &t->pools[to];
    bool partner = p->home && strcmp(home_partner(p->home), names[from]) == 0;
    if (partner && !question->parts)
        step(t, to, (struct home_event){.kind = HOME_ASKED, .asked = {.question = *question}});
    else if (p->home)
        answer(t, from, wait);
    else
        answer(t, from,
               home_parted_answer(names[to], p->disk.revision ? &p->disk : NULL, 0, question));
}

static void carry_out(struct trio *t, int pool, const struct home_action *a)
{
    switch (a->kind) {
    case ACTION_PERSIST: keep(t, pool); break;
    case ACTION_ASK: ask(t, pool, &a->question); break;
    case ACTION_ANSWER: answer(t, pool_named(home_partner(t->pools[pool].home)), a->answer); break;
    case ACTION_COMPLIED:
    case ACTION_CHANGED: break;
    }
}

static enum failure step(struct trio *t, int pool, struct home_event event)
{
    struct home_actions actions;
    struct error e = {0};
    event.now_ms = t->now;
    event.dice = roll(t) | 1;
    enum failure bad = home_step(t->pools[pool].home, &event, &actions, &e);
    for (size_t i = 0; i < actions.count; i++)
        carry_out(t, pool, &actions.list[i]);
    return bad;
}

static void stop(struct trio *t, int pool)
{
    home_free(TAKE(t->pools[pool].home));
    t->pools[pool].runs = false;
}

/* By a file that names this backup pool. */
static void start(struct trio *t, int pool, int backup)
{
    struct pool_here *p = &t->pools[pool];
    bool named = p->disk.revision && strcmp(p->disk.pools[SIDE_BACKUP], names[pool]) == 0;
    p->runs = true;
    if (pool != ATL && backup != pool && named && hold_may_be_given_up(&p->disk)) {
        hold_give_up(&p->disk);
        p->disk.revision++;
        named = false;
    }
    if (pool != ATL && backup != pool && !named)
        return;
    const struct home_options options = {
        .name = names[ATL],
        .pools = {names[ATL], pool == ATL ? names[backup] : names[pool]},
        .side = pool == ATL ? SIDE_HOME : SIDE_BACKUP,
        .failure_detection_ms = FAILURE_DETECTION_MS};
    p->home = home_new(&options, p->disk.revision ? &p->disk : NULL, t->now, roll(t) | 1);
}

static void restart(struct trio *t, int pool, int backup)
{
    stop(t, pool);
    start(t, pool, backup);
}

static void heartbeat(struct trio *t, int from, int to)
{
    const struct home *home = t->pools[from].home;
    if (!home || !t->pools[to].home || !hear_each_other(t, from, to))
        return;
    step(t, to,
         (struct home_event){.kind = HOME_HEARD,
                             .heard = {.pool = names[from],
                                       .term = home_current(home)->term,
                                       .seen = home_seen(home),
                                       .serves = mode_rights(home_mode(home))->holder}});
}

static void pass(struct trio *t, uint64_t ms)
{
    for (uint64_t end = t->now + ms; t->now < end;) {
        t->now += HOME_TICK_MS;
        for (int i = 0; i < POOLS; i++) {
            for (int j = 0; j < POOLS; j++)
                if (i != j)
                    heartbeat(t, i, j);
            if (t->pools[i].home)
                step(t, i, (struct home_event){.kind = HOME_TICK});
        }
    }
}

static enum failure take_alone(struct trio *t, int pool)
{
    const struct home *home = t->pools[pool].home;
    struct term to = home_next_term(home, roll(t) | 1);
    return step(t, pool, (struct home_event){.kind = HOME_TAKE, .take = {.to = to, .alone = true}});
}

static enum mode mode(const struct trio *t, int pool)
{
    assert_non_null(t->pools[pool].home);
    return home_mode(t->pools[pool].home);
}

static int backup_in_record(const struct trio *t)
{
    return pool_named(t->pools[ATL].disk.pools[SIDE_BACKUP]);
}

static struct trio *a_trio(uint64_t seed, int backup)
{
    struct trio *t = xcalloc(1, sizeof *t);
    t->now = 1000;
    t->dice = seed * 2654435761u + 1;
    for (int i = 0; i < POOLS; i++)
        start(t, i, backup);
    step(t, ATL, (struct home_event){.kind = HOME_CREATE});
    pass(t, 1000);
    assert_int_equal(mode(t, ATL), MODE_SERVING);
    return t;
}

/* --- stories --- */

static void a_lone_pool_names_its_backup_when_it_starts_and_waits_for_nobody(void **state)
{
    (void)state;
    OWNED(trio_free) struct trio *t = a_trio(1, NOBODY);
    stop(t, REDMOND);
    restart(t, ATL, REDMOND);
    pass(t, 1000);
    assert_int_equal(mode(t, ATL), MODE_SERVING);
    assert_int_equal(backup_in_record(t), REDMOND);
    /* Not met yet, so it can't have taken. */
    restart(t, ATL, REDMOND);
    pass(t, 2 * FAILURE_DETECTION_MS);
    assert_int_equal(mode(t, ATL), MODE_SERVING);
    start(t, REDMOND, REDMOND);
    pass(t, 1000);
    assert_int_equal(mode(t, REDMOND), MODE_STANDBY);
    /* From then on it can. */
    stop(t, REDMOND);
    restart(t, ATL, REDMOND);
    pass(t, 2 * FAILURE_DETECTION_MS);
    assert_int_equal(mode(t, ATL), MODE_REJOINING);
}

/* It runs by the file of before, and passes on what it hears: that is no word of a backup pool. */
static void a_named_backup_that_knows_nothing_of_it_yet_keeps_nobody_waiting(void **state)
{
    (void)state;
    OWNED(trio_free) struct trio *t = a_trio(8, NOBODY);
    restart(t, ATL, REDMOND);
    pass(t, 1000);
    step(t, ATL, (struct home_event){.kind = HOME_HEARD, .heard = {.pool = names[REDMOND]}});
    restart(t, ATL, REDMOND);
    pass(t, 1000);
    assert_int_equal(mode(t, ATL), MODE_SERVING);
    restart(t, REDMOND, REDMOND);
    pass(t, 1000);
    assert_int_equal(mode(t, REDMOND), MODE_STANDBY);
}

static void rule_12_a_pool_that_only_the_topology_names_may_not_take(void **state)
{
    (void)state;
    OWNED(trio_free) struct trio *t = a_trio(2, REDMOND);
    restart(t, TOKYO, TOKYO);
    pass(t, 1000);
    assert_int_equal(mode(t, TOKYO), MODE_REJOINING); /* it hears of the home, and is not in it */
    assert_int_equal(take_alone(t, TOKYO), FAIL_REFUSED);
    stop(t, ATL);
    pass(t, 2 * FAILURE_DETECTION_MS);
    assert_int_equal(take_alone(t, TOKYO), FAIL_REFUSED);
    assert_int_equal(take_alone(t, REDMOND), OK);
    assert_int_equal(mode(t, REDMOND), MODE_SERVING);
}

/* An old and a new backup both owned the odd numbers. */
static void rule_12_the_old_backup_gives_up_before_the_new_one_is_named(void **state)
{
    (void)state;
    OWNED(trio_free) struct trio *t = a_trio(3, REDMOND);
    restart(t, ATL, TOKYO);
    restart(t, TOKYO, TOKYO);
    pass(t, 10000);
    assert_int_equal(mode(t, ATL), MODE_SERVING);
    assert_int_equal(backup_in_record(t), REDMOND);
    assert_int_equal(mode(t, REDMOND), MODE_STANDBY);
    uint64_t number = home_hold(t->pools[ATL].home)->term.number;
    restart(t, REDMOND, TOKYO);
    assert_null(t->pools[REDMOND].home);
    pass(t, 2000);
    assert_int_equal(backup_in_record(t), TOKYO);
    assert_true(home_hold(t->pools[ATL].home)->term.number > number);
    assert_int_equal(mode(t, TOKYO), MODE_STANDBY);
}

static void a_pair_that_is_dissolved_serves_without_the_other(void **state)
{
    (void)state;
    OWNED(trio_free) struct trio *t = a_trio(4, REDMOND);
    restart(t, REDMOND, NOBODY);
    restart(t, ATL, NOBODY);
    pass(t, 1000);
    assert_int_equal(mode(t, ATL), MODE_SERVING);
    assert_int_equal(backup_in_record(t), NOBODY);
    stop(t, REDMOND);
    restart(t, ATL, NOBODY);
    pass(t, 1000);
    assert_int_equal(mode(t, ATL), MODE_SERVING);
    /* Together again: the copy that it kept does not count before it is named. */
    start(t, REDMOND, REDMOND);
    assert_int_equal(mode(t, REDMOND), MODE_REJOINING);
    pass(t, 1000);
    assert_int_equal(mode(t, REDMOND), MODE_REJOINING);
    restart(t, ATL, REDMOND);
    pass(t, 1000);
    assert_int_equal(mode(t, REDMOND), MODE_STANDBY);
}

static void a_backup_that_holds_the_home_keeps_its_part(void **state)
{
    (void)state;
    OWNED(trio_free) struct trio *t = a_trio(5, REDMOND);
    stop(t, ATL);
    pass(t, 2 * FAILURE_DETECTION_MS);
    assert_int_equal(take_alone(t, REDMOND), OK);
    start(t, ATL, TOKYO);
    restart(t, TOKYO, TOKYO);
    restart(t, REDMOND, TOKYO);
    pass(t, 10000);
    assert_int_equal(mode(t, REDMOND), MODE_SERVING);
    assert_int_equal(mode(t, ATL), MODE_STANDBY);
    assert_int_equal(backup_in_record(t), REDMOND);
}

static void
a_former_backup_that_knows_more_than_its_home_pool_does_not_wave_it_through(void **state)
{
    (void)state;
    OWNED(trio_free) struct trio *t = a_trio(6, REDMOND);
    struct hold old = t->pools[ATL].disk;
    restart(t, ATL, REDMOND);
    pass(t, 1000);
    stop(t, ATL);
    t->pools[ATL].disk = old; /* its store is put back to an older copy */
    restart(t, REDMOND, NOBODY);
    start(t, ATL, NOBODY);
    pass(t, 10000);
    assert_int_equal(mode(t, ATL), MODE_REJOINING);
    struct error why;
    home_explain(t->pools[ATL].home, &why);
    assert_non_null(strstr(why.next, "copy-has-more"));
    assert_int_equal(step(t, ATL, (struct home_event){.kind = HOME_FORCE}), OK);
    assert_int_equal(mode(t, ATL), MODE_SERVING);
    assert_int_equal(backup_in_record(t), NOBODY);
}

static void demand(struct trio *t, enum home_demand demand, struct term to)
{
    assert_int_equal(
        step(t, ATL,
             (struct home_event){.kind = HOME_DEMANDED, .demanded = {.demand = demand, .to = to}}),
        OK);
}

/* It was to take the home, and gives its part up instead: nobody else can take it then, and its
 * word that it has no part is its word that it has not. */
static void what_was_released_to_a_backup_that_gives_up_is_served_where_it_was(void **state)
{
    (void)state;
    for (int backup = TOKYO; backup <= NOBODY; backup++) {
        OWNED(trio_free) struct trio *t = a_trio(8, REDMOND);
        const struct term to = home_next_term(t->pools[REDMOND].home, roll(t) | 1);
        t->pools[REDMOND].silent = true;
        demand(t, DEMAND_DRAIN, to);
        demand(t, DEMAND_RELEASE, to);
        for (int i = 0; i < POOLS; i++)
            restart(t, i, backup);
        assert_int_equal(mode(t, ATL), MODE_RELEASED);
        t->pools[REDMOND].silent = false;
        pass(t, 10000);
        assert_int_equal(mode(t, ATL), MODE_SERVING);
        assert_int_equal(backup_in_record(t), backup);
    }
}

static void an_administrator_vouches_for_a_former_backup_that_is_lost(void **state)
{
    (void)state;
    OWNED(trio_free) struct trio *t = a_trio(7, REDMOND);
    restart(t, ATL, TOKYO);
    restart(t, TOKYO, TOKYO);
    pass(t, 1000);
    assert_int_equal(step(t, ATL, (struct home_event){.kind = HOME_FORCE}), FAIL_REFUSED);
    stop(t, REDMOND);
    pass(t, 2 * FAILURE_DETECTION_MS);
    assert_int_equal(mode(t, ATL), MODE_SERVING);
    assert_int_equal(step(t, ATL, (struct home_event){.kind = HOME_FORCE}), OK);
    assert_int_equal(backup_in_record(t), TOKYO);
    pass(t, 1000);
    assert_int_equal(mode(t, TOKYO), MODE_STANDBY);
}

/* --- whatever happens --- */

/* The taker may hear no more of it; and what is agreed on may be refused. */
static void begin_to_hand_over(struct trio *t, int taker)
{
    if (taker == ATL || !t->pools[ATL].home || !t->pools[taker].home ||
        strcmp(home_partner(t->pools[ATL].home), names[taker]) != 0)
        return;
    const struct term to = home_next_term(t->pools[taker].home, roll(t) | 1);
    for (enum home_demand what = DEMAND_DRAIN; what <= DEMAND_RELEASE; what++)
        step(t, ATL,
             (struct home_event){.kind = HOME_DEMANDED, .demanded = {.demand = what, .to = to}});
}

static void something(struct trio *t, int *topology)
{
    int pool = (int)(roll(t) % POOLS);
    struct pool_here *p = &t->pools[pool];
    switch (roll(t) % 9) {
    case 0: *topology = (int)(REDMOND + roll(t) % 3); break; /* another file, … */
    case 1:
    case 2: restart(t, pool, *topology); break; /* … which each reads in its own time */
    case 3: stop(t, pool); break;
    case 4: p->silent = !p->silent; break;
    case 5: pass(t, roll(t) % (2 * FAILURE_DETECTION_MS)); break;
    case 6:
        if (p->home)
            take_alone(t, pool);
        break;
    case 7: begin_to_hand_over(t, pool); break;
    default: pass(t, 1000); break;
    }
}

/* Everything is well again, and by one file. */
static void all_is_well(struct trio *t, int topology)
{
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < POOLS; i++) {
            t->pools[i].silent = false;
            restart(t, i, topology);
        }
        pass(t, 2 * FAILURE_DETECTION_MS);
    }
}

static void whatever_happens_no_number_is_opened_twice_and_the_right_pool_is_named(void **state)
{
    (void)state;
    int named = 0;
    for (uint64_t seed = 1; seed <= 3000; seed++) {
        int topology = NOBODY;
        OWNED(trio_free) struct trio *t = a_trio(seed, topology);
        for (int i = 0; i < 60; i++)
            something(t, &topology);
        all_is_well(t, topology);
        const char *holder = hold_holder(&t->pools[ATL].disk);
        if (strcmp(holder, names[ATL]) != 0)
            continue; /* it must be handed back first */
        assert_int_equal(mode(t, ATL), MODE_SERVING);
        assert_int_equal(backup_in_record(t), topology);
        if (topology != NOBODY)
            assert_int_equal(mode(t, topology), MODE_STANDBY);
        named++;
    }
    assert_true(named > 300);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_lone_pool_names_its_backup_when_it_starts_and_waits_for_nobody),
        cmocka_unit_test(a_named_backup_that_knows_nothing_of_it_yet_keeps_nobody_waiting),
        cmocka_unit_test(rule_12_a_pool_that_only_the_topology_names_may_not_take),
        cmocka_unit_test(rule_12_the_old_backup_gives_up_before_the_new_one_is_named),
        cmocka_unit_test(a_pair_that_is_dissolved_serves_without_the_other),
        cmocka_unit_test(a_backup_that_holds_the_home_keeps_its_part),
        cmocka_unit_test(
            a_former_backup_that_knows_more_than_its_home_pool_does_not_wave_it_through),
        cmocka_unit_test(what_was_released_to_a_backup_that_gives_up_is_served_where_it_was),
        cmocka_unit_test(an_administrator_vouches_for_a_former_backup_that_is_lost),
        cmocka_unit_test(whatever_happens_no_number_is_opened_twice_and_the_right_pool_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
