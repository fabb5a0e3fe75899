/* A thread's event loop: what is posted, what comes again and again, whoever watches. */
#include "unit.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/loop.h"

enum { NEVER_MS = 3600000, SOON_MS = 1, ROUNDS = 1000 };

struct scene {
    struct loop *loop;
    int looks, posted, ticks;
    uint64_t number;
};

static void look(void *context)
{
    struct scene *s = context;
    s->looks++;
}

static void quit(void *context)
{
    struct scene *s = context;
    loop_quit(s->loop);
}

static void stir_many_times(void *context)
{
    struct scene *s = context;
    s->posted++;
    for (int i = 0; i < ROUNDS; i++)
        loop_stir(s->loop);
}

static struct scene scene_new(void)
{
    return (struct scene){.loop = loop_new()};
}

/* A turn later, for whoever would be called once more. */
static void look_and_quit(void *context)
{
    struct scene *s = context;
    look(s);
    assert_true(loop_post(s->loop, quit, s));
}

static void whoever_watches_looks_once_a_turn_however_often_that_is_said(void **state)
{
    (void)state;
    struct scene s = scene_new();
    loop_watch(s.loop, NEVER_MS, look_and_quit, &s);
    assert_true(loop_post(s.loop, stir_many_times, &s));
    assert_true(loop_post(s.loop, stir_many_times, &s));
    loop_run(s.loop);
    assert_int_equal(s.posted, 2);
    assert_int_equal(s.looks, 1);
    loop_free(s.loop);
}

static void look_and_stir_on(void *context)
{
    struct scene *s = context;
    look(s);
    if (s->looks == ROUNDS)
        quit(s);
    else
        loop_stir(s->loop);
}

static void who_looks_may_say_it_again_for_the_next_turn(void **state)
{
    (void)state;
    struct scene s = scene_new();
    loop_watch(s.loop, NEVER_MS, look_and_stir_on, &s);
    loop_stir(s.loop); /* before it runs */
    loop_run(s.loop);
    assert_int_equal(s.looks, ROUNDS);
    loop_free(s.loop);
}

static void without_a_word_it_looks_in_each_period(void **state)
{
    (void)state;
    struct scene s = scene_new();
    loop_watch(s.loop, SOON_MS, look_and_quit, &s);
    loop_run(s.loop);
    assert_true(s.looks >= 1);
    loop_free(s.loop);
}

static void tick(void *context)
{
    struct scene *s = context;
    s->ticks++;
}

static void stir_and_quit_after_ticks(void *context)
{
    struct scene *s = context;
    if (s->ticks >= 3)
        quit(s);
    loop_stir(s->loop);
}

static void timers_have_their_turns_beside_who_never_rests(void **state)
{
    (void)state;
    struct scene s = scene_new();
    loop_every(s.loop, SOON_MS, tick, &s);
    loop_watch(s.loop, NEVER_MS, stir_and_quit_after_ticks, &s);
    loop_stir(s.loop);
    loop_run(s.loop);
    assert_true(s.ticks >= 3);
    loop_free(s.loop);
}

static void quit_and_stir(void *context)
{
    struct scene *s = context;
    quit(s);
    loop_stir(s->loop);
}

/* Who watched may be gone, then. */
static void nobody_looks_behind_the_end_of_the_loop(void **state)
{
    (void)state;
    struct scene s = scene_new();
    loop_stir(s.loop); /* nobody watches */
    loop_watch(s.loop, NEVER_MS, look, &s);
    assert_true(loop_post(s.loop, quit, &s));
    loop_run(s.loop);
    int before = s.looks;
    loop_post_surely(s.loop, quit_and_stir, &s);
    loop_settle(s.loop);
    loop_stir(s.loop);
    loop_free(s.loop);
    assert_int_equal(s.looks, before);
}

static void nor_if_it_never_ran(void **state)
{
    (void)state;
    struct scene s = scene_new();
    loop_watch(s.loop, NEVER_MS, look, &s);
    loop_stir(s.loop);
    loop_settle(s.loop);
    loop_stir(s.loop);
    loop_free(s.loop);
    assert_int_equal(s.looks, 0);
}

static void double_and_add_one(void *context)
{
    struct scene *s = context;
    s->number = s->number * 2 + 1;
}

static void add_one(void *context)
{
    struct scene *s = context;
    s->number += 1;
    s->posted++;
}

/* In another order it would be another number. */
static void *post_from_outside(void *context)
{
    struct scene *s = context;
    for (int i = 0; i < ROUNDS; i++)
        loop_post_surely(s->loop, i % 3 ? add_one : double_and_add_one, s);
    loop_post_surely(s->loop, quit, s);
    return NULL;
}

static void what_others_post_comes_in_order_and_all_of_it(void **state)
{
    (void)state;
    struct scene s = scene_new();
    pthread_t other;
    pthread_create(&other, NULL, post_from_outside, &s);
    loop_run(s.loop);
    pthread_join(other, NULL);
    uint64_t number = 0;
    for (int i = 0; i < ROUNDS; i++)
        number = i % 3 ? number + 1 : number * 2 + 1;
    assert_true(s.number == number);
    loop_free(s.loop);
}

static void so_much_may_wait_and_no_more(void **state)
{
    (void)state;
    struct scene s = scene_new();
    for (int i = 0; i < LOOP_POSTS_MAX; i++)
        assert_true(loop_post(s.loop, tick, &s));
    assert_false(loop_post(s.loop, tick, &s));
    loop_post_surely(s.loop, tick, &s);
    loop_settle(s.loop);
    assert_int_equal(s.ticks, LOOP_POSTS_MAX + 1);
    assert_true(loop_post(s.loop, tick, &s));
    loop_free(s.loop); /* what is still posted is called */
    assert_int_equal(s.ticks, LOOP_POSTS_MAX + 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whoever_watches_looks_once_a_turn_however_often_that_is_said),
        cmocka_unit_test(who_looks_may_say_it_again_for_the_next_turn),
        cmocka_unit_test(without_a_word_it_looks_in_each_period),
        cmocka_unit_test(timers_have_their_turns_beside_who_never_rests),
        cmocka_unit_test(nobody_looks_behind_the_end_of_the_loop),
        cmocka_unit_test(nor_if_it_never_ran),
        cmocka_unit_test(what_others_post_comes_in_order_and_all_of_it),
        cmocka_unit_test(so_much_may_wait_and_no_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
