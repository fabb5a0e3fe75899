/* Who is signed on, and how often somebody may be wrong before that. */
#include "unit.h"

#include <stdio.h>
#include <string.h>

#include "web/sessions.h"
#include "web/throttle.h"

static const char atl[] = "atl-cs-001.litwareinc.com", redmond[] = "redmond-cs-001.litwareinc.com";
enum { NOW = 1000000 };

static struct account account_of(unsigned number, const char *pool)
{
    struct account account = {.enabled = true};
    snprintf(account.id, sizeof account.id, "%032x", number);
    snprintf(account.address, sizeof account.address, "user%u@litwareinc.com", number);
    snprintf(account.pool, sizeof account.pool, "%s", pool);
    return account;
}

struct ticket {
    char token[SESSION_TOKEN_SIZE];
};

static struct ticket sign_on(struct sessions *s, unsigned number, const char *pool, uint64_t now)
{
    struct ticket t;
    struct account account = account_of(number, pool);
    assert_int_equal(sessions_open(s, &account, (struct version){1, 7}, now, t.token, NULL), OK);
    return t;
}

static bool is_on(struct sessions *s, struct ticket t, uint64_t now)
{
    struct session_facts facts;
    return sessions_use(s, t.token, now, &facts);
}

static void a_token_tells_whose_session_it_is_until_it_ends(void **state)
{
    (void)state;
    struct sessions *s = sessions_new();
    struct ticket ken = sign_on(s, 1, atl, NOW), alice = sign_on(s, 2, redmond, NOW);
    struct session_facts facts;
    assert_string_not_equal(ken.token, alice.token);
    assert_true(sessions_use(s, ken.token, NOW + 5, &facts));
    assert_string_equal(facts.address, "user1@litwareinc.com");
    assert_string_equal(facts.home, atl);
    assert_string_equal(facts.user, "00000000000000000000000000000001");
    assert_int_equal(facts.opened_ms, NOW);
    assert_int_equal(facts.idle_ends_ms, NOW + 5 + SESSION_IDLE_MS);
    assert_int_equal(facts.life_ends_ms, NOW + SESSION_LIFE_MS);
    assert_false(sessions_use(s, "", NOW, &facts));
    assert_true(sessions_end(s, ken.token, SESSION_END_ASKED));
    assert_false(sessions_end(s, ken.token, SESSION_END_ASKED));
    assert_false(is_on(s, ken, NOW));
    assert_true(is_on(s, alice, NOW));
    sessions_free(s);
}

static void a_session_ends_when_it_is_idle_or_old(void **state)
{
    (void)state;
    struct sessions *s = sessions_new();
    struct ticket busy = sign_on(s, 1, atl, NOW), idle = sign_on(s, 2, atl, NOW);
    uint64_t now = NOW;
    for (; now + SESSION_IDLE_MS / 2 < NOW + SESSION_LIFE_MS; now += SESSION_IDLE_MS / 2) {
        assert_true(is_on(s, busy, now));
        sessions_tidy(s, now);
        assert_int_equal(sessions_count(s, atl), now < NOW + SESSION_IDLE_MS ? 2 : 1);
    }
    assert_false(is_on(s, idle, now));
    assert_false(is_on(s, busy, NOW + SESSION_LIFE_MS));
    assert_int_equal(sessions_count(s, NULL), 0);
    sessions_free(s);
}

static void one_device_too_many_ends_the_one_that_was_unused_longest(void **state)
{
    (void)state;
    struct sessions *s = sessions_new();
    struct ticket t[SESSIONS_PER_USER_MAX], other = sign_on(s, 2, atl, NOW - 1);
    for (int i = 0; i < SESSIONS_PER_USER_MAX; i++)
        t[i] = sign_on(s, 1, atl, NOW);
    assert_true(is_on(s, t[0], NOW + 1));
    sign_on(s, 1, atl, NOW + 2);
    assert_true(is_on(s, t[0], NOW + 2));
    assert_false(is_on(s, t[1], NOW + 2));
    assert_true(is_on(s, t[2], NOW + 2));
    assert_true(is_on(s, other, NOW + 2));
    assert_int_equal(sessions_count(s, NULL), SESSIONS_PER_USER_MAX + 1);
    sessions_free(s);
}

static void sessions_of_a_home_are_counted_and_end_together(void **state)
{
    (void)state;
    struct sessions *s = sessions_new();
    struct ticket stays = sign_on(s, 1000, redmond, NOW);
    for (unsigned i = 10; i < 110; i++)
        sign_on(s, i / 2, atl, NOW);
    assert_int_equal(sessions_count(s, atl), 100);
    assert_int_equal(sessions_count(s, redmond), 1);
    assert_int_equal(sessions_count(s, "nobody"), 0);
    assert_false(sessions_end_some(s, 1000));
    assert_int_equal(sessions_home_left(s, atl), 100);
    assert_true(sessions_end_some(s, 30));
    assert_int_equal(sessions_count(s, atl), 70);
    assert_false(sessions_end_some(s, 1000));
    assert_int_equal(sessions_count(s, atl), 0);
    assert_int_equal(sessions_home_left(s, atl), 0);
    assert_int_equal(sessions_home_left(s, "nobody"), 0);
    assert_true(is_on(s, stays, NOW));
    sessions_free(s);
}

/* Else they would be there until they are idle, and there would be no room for so many again. */
static void sessions_end_of_a_home_that_is_back_before_they_did(void **state)
{
    (void)state;
    struct sessions *s = sessions_new();
    for (unsigned i = 0; i < 100; i++)
        sign_on(s, i, atl, NOW);
    struct ticket used = sign_on(s, 0, atl, NOW);
    assert_int_equal(sessions_home_left(s, atl), 101);
    assert_int_equal(sessions_home_left(s, atl), 0); /* they do already */
    assert_false(is_on(s, used, NOW));               /* at once, whenever they are cleared away */
    assert_int_equal(sessions_count(s, atl), 100);
    assert_true(sessions_end_some(s, 30));
    struct ticket back = sign_on(s, 99, atl, NOW), anew = sign_on(s, 1000, atl, NOW);
    assert_true(sessions_end_some(s, 30));
    assert_false(sessions_end_some(s, 40));
    assert_int_equal(sessions_count(s, atl), 2);
    assert_true(is_on(s, back, NOW) && is_on(s, anew, NOW));
    sessions_free(s);
}

static void who_moves_or_is_renamed_begins_anew(void **state)
{
    (void)state;
    struct sessions *s = sessions_new();
    struct ticket before = sign_on(s, 1, atl, NOW), after = sign_on(s, 1, redmond, NOW);
    assert_false(is_on(s, before, NOW));
    assert_true(is_on(s, after, NOW));
    assert_int_equal(sessions_count(s, atl), 0);
    sessions_free(s);
}

static void there_is_room_for_all_and_then_no_more(void **state)
{
    (void)state;
    struct sessions *s = sessions_new();
    struct ticket first = sign_on(s, 0, atl, NOW), more;
    struct error e = {0};
    for (unsigned i = 1; i < SESSIONS_MAX; i++)
        sign_on(s, i, i % 2 ? atl : redmond, NOW);
    struct account account = account_of(SESSIONS_MAX, atl);
    assert_int_equal(sessions_open(s, &account, (struct version){1, 7}, NOW, more.token, &e),
                     FAIL_BUSY);
    assert_true(e.what[0] && e.next[0]);
    assert_true(is_on(s, first, NOW));
    sessions_tidy(s, NOW + SESSION_IDLE_MS);
    assert_int_equal(sessions_count(s, NULL), 0);
    assert_int_equal(sessions_open(s, &account, (struct version){1, 7}, NOW, more.token, &e), OK);
    sessions_free(s);
}

/* --- failures --- */

static unsigned failures_until_told_to_wait(struct throttle *t, const char *account,
                                            const char *address, uint64_t now)
{
    for (unsigned i = 0; i < 10000; i++) {
        if (throttle_wait_ms(t, account, address, now))
            return i;
        throttle_failed(t, account, address, now);
    }
    return 10000;
}

static void who_is_wrong_too_often_must_wait(void **state)
{
    (void)state;
    struct throttle *t = throttle_new();
    assert_int_equal(failures_until_told_to_wait(t, "ken", "192.0.2.1:4000", NOW),
                     THROTTLE_PAIR_FAILURES);
    assert_int_equal(throttle_wait_ms(t, "ken", "192.0.2.1:5000", NOW), THROTTLE_PAIR_MS);
    /* Others at the same address, and the user at another one, may go on. */
    assert_int_equal(throttle_wait_ms(t, "alice", "192.0.2.1:4000", NOW), 0);
    assert_int_equal(throttle_wait_ms(t, "ken", "192.0.2.2:4000", NOW), 0);
    /* Time gives back one after the other. */
    assert_int_equal(throttle_wait_ms(t, "ken", "192.0.2.1:1", NOW + THROTTLE_PAIR_MS - 1), 1);
    uint64_t later = NOW + 3 * THROTTLE_PAIR_MS;
    assert_int_equal(failures_until_told_to_wait(t, "ken", "192.0.2.1:1", later), 3);
    later += (uint64_t)THROTTLE_PAIR_FAILURES * THROTTLE_PAIR_MS;
    assert_int_equal(failures_until_told_to_wait(t, "ken", "192.0.2.1:1", later),
                     THROTTLE_PAIR_FAILURES);
    throttle_free(t);
}

static void lists_of_names_and_crowds_of_machines_are_slowed_down(void **state)
{
    (void)state;
    struct throttle *t = throttle_new();
    unsigned tries = 0;
    char text[64];
    for (; tries < 10000; tries++) {
        snprintf(text, sizeof text, "user%u", tries);
        if (throttle_wait_ms(t, text, "[2001:db8::1]:4000", NOW))
            break;
        snprintf(text, sizeof text, "user%u", tries);
        throttle_failed(t, text, "[2001:db8::1]:4000", NOW);
    }
    assert_int_equal(tries, THROTTLE_ADDRESS_FAILURES);
    assert_true(throttle_wait_ms(t, "x", "[2001:db8::ffff:1]:4000", NOW) > 0);
    assert_int_equal(throttle_wait_ms(t, "x", "[2001:db8:0:1::1]:4000", NOW), 0);
    for (tries = 0; tries < 10000; tries++) {
        snprintf(text, sizeof text, "10.0.%u.%u:4000", tries / 250, tries % 250);
        if (throttle_wait_ms(t, "ken", text, NOW))
            break;
        throttle_failed(t, "ken", text, NOW);
    }
    assert_int_equal(tries, THROTTLE_ACCOUNT_FAILURES);
    throttle_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_token_tells_whose_session_it_is_until_it_ends),
        cmocka_unit_test(a_session_ends_when_it_is_idle_or_old),
        cmocka_unit_test(one_device_too_many_ends_the_one_that_was_unused_longest),
        cmocka_unit_test(sessions_of_a_home_are_counted_and_end_together),
        cmocka_unit_test(sessions_end_of_a_home_that_is_back_before_they_did),
        cmocka_unit_test(who_moves_or_is_renamed_begins_anew),
        cmocka_unit_test(there_is_room_for_all_and_then_no_more),
        cmocka_unit_test(who_is_wrong_too_often_must_wait),
        cmocka_unit_test(lists_of_names_and_crowds_of_machines_are_slowed_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
