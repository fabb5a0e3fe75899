/* Work beside a loop. */
#include "unit.h"

#include <dirent.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/workers.h"

enum { THREADS = 4, JOBS = 500 };

struct scene {
    struct loop *loop;
    struct workers *workers;
    atomic_int at_work, most_at_work, worked;
    atomic_bool gate;
    int done; /* the loop's alone */
};

static void note_most(struct scene *s, int now)
{
    int most = s->most_at_work;
    while (now > most && !atomic_compare_exchange_weak(&s->most_at_work, &most, now))
        ;
}

static void work(void *context)
{
    struct scene *s = context;
    note_most(s, ++s->at_work);
    while (!s->gate)
        usleep(100);
    s->at_work--;
    s->worked++;
}

static void done(void *context)
{
    struct scene *s = context;
    s->done++;
}

static struct scene *scene_new(void)
{
    struct scene *s = xcalloc(1, sizeof *s);
    s->loop = loop_new();
    s->workers = workers_new(s->loop, "working", THREADS);
    return s;
}

static void scene_end(struct scene *s)
{
    s->gate = true;
    workers_free(s->workers);
    loop_settle(s->loop);
    assert_int_equal(s->done, s->worked);
    loop_free(s->loop);
    free(s);
}

static void each_job_is_worked_at_once_and_its_end_is_told_on_the_loop(void **state)
{
    (void)state;
    struct scene *s = scene_new();
    s->gate = true;
    for (int i = 0; i < JOBS; i++)
        assert_true(workers_run(s->workers, work, done, s));
    workers_free(TAKE(s->workers));
    assert_int_equal(s->worked, JOBS);
    assert_int_equal(s->done, 0); /* only the loop tells it */
    loop_settle(s->loop);
    assert_int_equal(s->done, JOBS);
    scene_end(s);
}

static void no_more_threads_than_allowed_work_at_once(void **state)
{
    (void)state;
    struct scene *s = scene_new();
    for (int i = 0; i < JOBS; i++)
        assert_true(workers_run(s->workers, work, done, s));
    while (s->at_work < THREADS)
        usleep(100);
    s->gate = true;
    workers_free(TAKE(s->workers));
    assert_int_equal(s->most_at_work, THREADS);
    assert_int_equal(s->worked, JOBS);
    scene_end(s);
}

static void one_job_more_than_may_wait_is_refused(void **state)
{
    (void)state;
    struct scene *s = scene_new();
    for (int i = 0; i < THREADS; i++)
        assert_true(workers_run(s->workers, work, done, s));
    while (s->at_work < THREADS)
        usleep(100);
    for (int i = 0; i < WORKERS_WAITING_MAX; i++)
        assert_true(workers_run(s->workers, work, done, s));
    assert_false(workers_run(s->workers, work, done, s));
    s->gate = true;
    workers_free(TAKE(s->workers));
    assert_int_equal(s->worked, THREADS + WORKERS_WAITING_MAX);
    scene_end(s);
}

static bool is_worker(const char *task)
{
    char path[64], name[32] = "";
    snprintf(path, sizeof path, "/proc/self/task/%.16s/comm", task);
    FILE *comm = fopen(path, "r"); /* it may have ended meanwhile */
    bool is = comm && fgets(name, sizeof name, comm) && strcmp(name, "working\n") == 0;
    if (comm)
        fclose(comm);
    return is;
}

static size_t threads(void)
{
    size_t count = 0;
    DIR *tasks = opendir("/proc/self/task");
    assert_non_null(tasks);
    for (const struct dirent *task; (task = readdir(tasks));)
        count += is_worker(task->d_name);
    closedir(tasks);
    return count;
}

static void work_at_once(struct scene *s)
{
    s->gate = false;
    for (int i = 0; i < THREADS; i++)
        assert_true(workers_run(s->workers, work, done, s));
    while (s->at_work < THREADS)
        usleep(100);
    s->gate = true;
    while (s->at_work > 0)
        usleep(100);
}

static void who_has_nothing_to_do_ends_and_others_begin_when_there_is(void **state)
{
    (void)state;
    enum { PATIENCE = 6000, ROUNDS = 20 };
    struct scene *s = scene_new();
    for (int i = 0; i < ROUNDS; i++)
        work_at_once(s);
    assert_true(threads() <= 2 * THREADS); /* one that ends may be there still */
    for (int i = 0; threads() > 0 && i < PATIENCE; i++)
        usleep(10000);
    assert_int_equal(threads(), 0);
    work_at_once(s);
    workers_free(TAKE(s->workers));
    assert_int_equal(s->worked, THREADS * (ROUNDS + 1));
    scene_end(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_job_is_worked_at_once_and_its_end_is_told_on_the_loop),
        cmocka_unit_test(no_more_threads_than_allowed_work_at_once),
        cmocka_unit_test(one_job_more_than_may_wait_is_refused),
        cmocka_unit_test(who_has_nothing_to_do_ends_and_others_begin_when_there_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
