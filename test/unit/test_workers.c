/* Work beside a loop: each job is done once and told of once, in whatever crowd. */
#include "unit.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/workers.h"

enum { RUNNING = 3, WAITING = 5, JOBS = 500 };

static struct loop *loop;
static atomic_int started, worked, open_gate;
static int told;

static void gated(void *context)
{
    (void)context;
    atomic_fetch_add(&started, 1);
    while (!atomic_load(&open_gate))
        usleep(1000);
    atomic_fetch_add(&worked, 1);
}

static void work(void *context)
{
    atomic_fetch_add((atomic_int *)context, 1);
    atomic_fetch_add(&worked, 1);
}

static void tell(void *context)
{
    (void)context;
    told++;
}

static void begin(void)
{
    loop = loop_new();
    atomic_store(&started, 0);
    atomic_store(&worked, 0);
    atomic_store(&open_gate, 0);
    told = 0;
}

static void end(struct workers *workers, int jobs)
{
    workers_free(workers);
    assert_int_equal(atomic_load(&worked), jobs);
    loop_settle(loop);
    assert_int_equal(told, jobs);
    loop_free(loop);
}

static void what_finds_all_threads_busy_waits_and_what_is_too_many_is_refused(void **state)
{
    (void)state;
    begin();
    struct workers *workers = workers_new(loop, RUNNING, WAITING);
    for (int i = 0; i < RUNNING; i++)
        assert_true(workers_run(workers, gated, tell, NULL));
    while (atomic_load(&started) < RUNNING)
        usleep(1000);
    for (int i = 0; i < WAITING; i++)
        assert_true(workers_run(workers, gated, tell, NULL));
    assert_false(workers_run(workers, gated, tell, NULL));
    assert_int_equal(atomic_load(&started), RUNNING);
    atomic_store(&open_gate, 1);
    end(workers, RUNNING + WAITING);
}

static void each_job_is_done_once_and_told_of_once(void **state)
{
    (void)state;
    begin();
    static atomic_int done[JOBS];
    struct workers *workers = workers_new(loop, RUNNING, JOBS);
    for (int i = 0; i < JOBS; i++) {
        assert_true(workers_run(workers, work, tell, &done[i]));
        if (i % 50 == 0)
            usleep(2000); /* threads run out of work and end in between */
    }
    end(workers, JOBS);
    for (int i = 0; i < JOBS; i++)
        assert_int_equal(atomic_load(&done[i]), 1);
}

static void whoever_is_not_asked_to_work_ends_at_once(void **state)
{
    (void)state;
    begin();
    end(workers_new(loop, RUNNING, WAITING), 0);
    workers_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_finds_all_threads_busy_waits_and_what_is_too_many_is_refused),
        cmocka_unit_test(each_job_is_done_once_and_told_of_once),
        cmocka_unit_test(whoever_is_not_asked_to_work_ends_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
