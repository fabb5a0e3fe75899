/* One home at two pools, told as stories, and then as random walks.
 *
 * The world here is small: two pools, a wire that can be cut, records that are stored or lost, a
 * clock that only moves when told. After every step it checks what must always be true: nobody
 * serves a term that another serves or served, and a term is opened once. */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/home.h"

enum { FAILURE_DETECTION_MS = 30000, OPENED_MAX = 4096 };

static const char *const names[SIDES] = {"atl.example.com", "redmond.example.com"};

struct pool_here {
    struct home *home; /* NULL: the process is down */
    struct hold disk;  /* revision 0: an empty store */
    uint64_t head;
    bool storing; /* a record is on its way */
};

struct world {
    struct pool_here pools[SIDES];
    bool cut;       /* the wire */
    bool hold_back; /* records wait until told */
    uint64_t now, dice;
    struct term opened[OPENED_MAX];
    size_t opened_count;
    struct {
        bool asked;
        struct home_question question;
        bool answered;
        struct home_answer answer;
    } wire[SIDES]; /* to that side */
};

static uint64_t roll(struct world *w)
{
    w->dice ^= w->dice << 13;
    w->dice ^= w->dice >> 7;
    w->dice ^= w->dice << 17;
    return w->dice;
}

static struct world *world_new(uint64_t seed)
{
    struct world *w = xcalloc(1, sizeof *w);
    w->now = 1000;
    w->dice = seed * 2654435761u + 1;
    return w;
}

static void world_free(struct world *w)
{
    for (int i = 0; i < SIDES; i++)
        home_free(w->pools[i].home);
    free(w);
}
DEFINE_OWNED(struct world *, world_free)

static void step(struct world *w, enum side side, struct home_event event);

static void stored(struct world *w, enum side side, bool success)
{
    struct pool_here *p = &w->pools[side];
    if (!p->home || !p->storing)
        return;
    p->storing = false;
    if (success) {
        struct hold next = *home_wanted(p->home);
        assert_int_equal(next.revision, p->disk.revision + 1);
        if (hold_opens_term(p->disk.term, &next)) {
            for (size_t i = 0; i < w->opened_count; i++)
                assert_true(w->opened[i].number != next.term.number);
            assert_true(w->opened_count < OPENED_MAX);
            w->opened[w->opened_count++] = next.term;
            lineage_open(&next.lineage, next.term, p->head);
        }
        p->disk = next;
    }
    step(w, side,
         (struct home_event){.kind = success ? HOME_STORED : HOME_NOT_STORED, .head = p->head});
    if (success)
        assert_memory_equal(&home_hold(p->home)->lineage, &p->disk.lineage, sizeof p->disk.lineage);
}

static void step(struct world *w, enum side side, struct home_event event)
{
    struct pool_here *p = &w->pools[side];
    if (!p->home)
        return;
    struct home_actions actions = {0};
    event.now_ms = w->now;
    event.dice = roll(w);
    home_step(p->home, &event, &actions, NULL);
    for (size_t i = 0; i < actions.count; i++) {
        const struct home_action *a = &actions.list[i];
        enum side other = side_other(side);
        if (a->kind == ACTION_PERSIST) {
            assert_false(p->storing);
            p->storing = true;
        } else if (a->kind == ACTION_ASK) {
            w->wire[other].asked = true;
            w->wire[other].question = a->question;
        } else if (a->kind == ACTION_ANSWER) {
            w->wire[other].answered = true;
            w->wire[other].answer = a->answer;
        }
    }
    if (p->storing && !w->hold_back)
        stored(w, side, true);

    struct pool_here *a = &w->pools[SIDE_HOME], *b = &w->pools[SIDE_BACKUP];
    if (a->home && b->home && mode_rights(home_mode(a->home))->changes &&
        mode_rights(home_mode(b->home))->changes)
        assert_true(home_hold(a->home)->term.number != home_hold(b->home)->term.number);
}

static void start(struct world *w, enum side side)
{
    struct pool_here *p = &w->pools[side];
    struct home_options options = {.name = names[SIDE_HOME],
                                   .pools = {names[0], names[1]},
                                   .side = side,
                                   .failure_detection_ms = FAILURE_DETECTION_MS};
    p->home = home_new(&options, p->disk.revision ? &p->disk : NULL, w->now, roll(w));
}

static void stop(struct world *w, enum side side)
{
    home_free(w->pools[side].home);
    w->pools[side].home = NULL;
    w->pools[side].storing = false;
}

static void heartbeat(struct world *w, enum side from)
{
    const struct home *speaker = w->pools[from].home;
    if (w->cut || !speaker)
        return;
    const struct hold *hold = home_hold(speaker);
    step(w, side_other(from),
         (struct home_event){.kind = HOME_HEARD,
                             .heard = {.pool = names[from],
                                       .term = hold->term,
                                       .seen = home_seen(speaker),
                                       .serves = mode_rights(home_mode(speaker))->holder}});
}

static void deliver(struct world *w, enum side to)
{
    bool asked = w->wire[to].asked, answered = w->wire[to].answered;
    w->wire[to].asked = w->wire[to].answered = false;
    if (w->cut)
        return;
    if (asked)
        step(w, to, (struct home_event){.kind = HOME_ASKED, .asked = w->wire[to].question});
    if (answered)
        step(w, to, (struct home_event){.kind = HOME_ANSWERED, .answered = w->wire[to].answer});
}

/* Time passes: both tick, talk, and what is under way arrives. */
static void pass(struct world *w, uint64_t ms)
{
    for (uint64_t end = w->now + ms; w->now < end;) {
        w->now += HOME_TICK_MS;
        for (int i = 0; i < SIDES; i++)
            step(w, (enum side)i, (struct home_event){.kind = HOME_TICK});
        for (int i = 0; i < SIDES; i++)
            heartbeat(w, (enum side)i);
        for (int i = 0; i < SIDES * 2; i++)
            deliver(w, (enum side)(i % SIDES));
    }
}

static enum mode mode(const struct world *w, enum side side)
{
    return home_mode(w->pools[side].home);
}

static uint64_t number(const struct world *w, enum side side)
{
    return home_hold(w->pools[side].home)->term.number;
}

static void create(struct world *w)
{
    step(w, SIDE_HOME, (struct home_event){.kind = HOME_CREATE});
}

static struct world *paired_world(void)
{
    struct world *w = world_new(7);
    start(w, SIDE_HOME);
    start(w, SIDE_BACKUP);
    create(w);
    pass(w, 1000);
    return w;
}

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
    start(w, SIDE_HOME);
    pass(w, 1000);
    create(w);
    assert_int_equal(mode(w, SIDE_HOME), MODE_REJOINING);
    assert_int_equal(w->opened_count, 1);
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
    stop(w, SIDE_HOME);
    start(w, SIDE_HOME);
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
    start(w, SIDE_HOME);
    pass(w, 5 * FAILURE_DETECTION_MS);
    assert_int_equal(mode(w, SIDE_HOME), MODE_REJOINING);
    struct error e = {0};
    home_explain(w->pools[SIDE_HOME].home, &e);
    assert_non_null(strstr(e.what, "knows nothing"));
}

static void rule_10_a_store_put_back_to_an_older_term_is_not_served(void **state)
{
    (void)state;
    OWNED(world_free) struct world *w = paired_world();
    struct hold yesterday = w->pools[SIDE_HOME].disk;
    stop(w, SIDE_HOME);
    start(w, SIDE_HOME);
    pass(w, 1000);
    assert_int_equal(number(w, SIDE_HOME), 4);
    stop(w, SIDE_HOME);
    w->pools[SIDE_HOME].disk = yesterday;
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
    stop(w, SIDE_HOME);
    start(w, SIDE_HOME);
    pass(w, 1000);
    step(w, SIDE_HOME, (struct home_event){.kind = HOME_FORCE});
    assert_int_equal(mode(w, SIDE_HOME), MODE_SERVING);
    assert_true(w->pools[SIDE_HOME].disk.alone);

    /* Rule 9: restarted, it serves again by itself, but only after the interval. */
    stop(w, SIDE_HOME);
    start(w, SIDE_HOME);
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

/* One thing that can happen, chosen by the dice. */
static void something_happens(struct world *w)
{
    enum side side = (enum side)(roll(w) % 2);
    struct pool_here *p = &w->pools[side];
    switch (roll(w) % 16) {
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
    case 3: step(w, side, (struct home_event){.kind = HOME_FORCE}); break;
    case 4: stored(w, side, roll(w) % 8 != 0); break;
    case 5: stored(w, side, true); break;
    case 6: w->hold_back = !w->hold_back; break;
    case 7: w->now += roll(w) % (2 * FAILURE_DETECTION_MS); break;
    case 8: p->head += p->home && mode_rights(home_mode(p->home))->changes; break;
    case 9: heartbeat(w, side); break;
    case 10: deliver(w, side); break;
    default: pass(w, HOME_TICK_MS); break;
    }
}

static void whatever_happens_no_two_serve_in_one_term_and_it_heals(void **state)
{
    (void)state;
    const char *soak = getenv("POLLUX_SOAK");
    uint64_t walks = soak ? strtoull(soak, NULL, 10) : 2000;
    for (uint64_t seed = 1; seed <= walks; seed++) {
        OWNED(world_free) struct world *w = world_new(seed);
        start(w, SIDE_HOME);
        start(w, SIDE_BACKUP);
        create(w);
        for (int i = 0; i < 300; i++)
            something_happens(w);

        w->cut = w->hold_back = false;
        for (int i = 0; i < SIDES; i++) {
            if (!w->pools[i].home)
                start(w, (enum side)i);
            stored(w, (enum side)i, true);
        }
        pass(w, 3 * FAILURE_DETECTION_MS);
        bool home = mode(w, SIDE_HOME) == MODE_SERVING;
        bool backup = mode(w, SIDE_BACKUP) == MODE_SERVING;
        bool never = w->opened_count == 0;
        if (home + backup != (never ? 0 : 1))
            fail_msg("seed %llu: %s and %s", (unsigned long long)seed,
                     mode_name(mode(w, SIDE_HOME)), mode_name(mode(w, SIDE_BACKUP)));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_publication_creates_a_home_and_the_partner_stands_by),
        cmocka_unit_test(a_home_is_created_once),
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
        cmocka_unit_test(rule_10_a_store_put_back_to_an_older_term_is_not_served),
        cmocka_unit_test(a_backup_with_an_empty_store_stands_by_again),
        cmocka_unit_test(silence_gives_limited_service_and_ends_with_the_first_word),
        cmocka_unit_test(a_term_opened_by_force_is_met_and_then_no_longer_alone),
        cmocka_unit_test(rule_9_of_two_that_meet_the_one_that_serves_keeps_the_home),
        cmocka_unit_test(a_lone_pool_resumes_by_itself_in_a_new_term),
        cmocka_unit_test(whatever_happens_no_two_serve_in_one_term_and_it_heals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
