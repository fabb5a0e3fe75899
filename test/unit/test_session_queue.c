/* The queue of session records, and what is kept of them in a home. */
#include "unit.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pool/session_history.h"
#include "pool/session_queue.h"
#include "store_check.h"

DEFINE_OWNED(json_t *, json_decref)

enum { KEN = 1, ALICE = 2 };

struct desk {
    char folder[64], path[96];
    struct session_queue *queue;
    unsigned troubles, ends; /* how often it was told that records are refused, and taken again */
    char trouble[ERROR_TEXT_MAX];
};

static void note_trouble(const struct error *e, void *context)
{
    struct desk *d = context;
    if (e)
        snprintf(d->trouble, sizeof d->trouble, "%s", e->what);
    d->troubles += e != NULL;
    d->ends += e == NULL;
}

static void open_queue(struct desk *d)
{
    struct error e;
    d->queue = session_queue_open(d->path, "a.example", note_trouble, d, &e);
    if (!d->queue)
        fail_msg("%s", e.what);
}

static void desk_open(struct desk *d)
{
    *d = (struct desk){.folder = "/tmp/pollux-queue-XXXXXX"};
    assert_non_null(mkdtemp(d->folder));
    snprintf(d->path, sizeof d->path, "%s/queue", d->folder);
    open_queue(d);
}

static void desk_close(struct desk *d)
{
    char command[96];
    session_queue_close(d->queue);
    snprintf(command, sizeof command, "rm -rf %s", d->folder);
    assert_int_equal(system(command), 0);
}
static inline void owned_desk_close(struct desk *d)
{
    desk_close(d);
}

static struct session_record a_record(const char *home, unsigned user, uint64_t at_ms)
{
    char id[ACCOUNT_ID_SIZE];
    struct session_record record;
    snprintf(id, sizeof id, "%032x", user);
    const struct session_note note = {.event = SESSION_SIGNED_ON,
                                      .home = home,
                                      .user = id,
                                      .session = "0123456789abcdef",
                                      .way = "HTTPS"};
    session_record_make(&note, "a.example", at_ms, 1, (uint32_t)at_ms * 7, &record);
    return record;
}

static void put(struct desk *d, const char *home, unsigned user, uint64_t at_ms)
{
    struct session_record record = a_record(home, user, at_ms);
    session_queue_put(d->queue, &record);
}

struct waiter {
    pthread_mutex_t lock;
    pthread_cond_t kept;
    bool done;
};

static void wake(void *context)
{
    struct waiter *w = context;
    pthread_mutex_lock(&w->lock);
    w->done = true;
    pthread_cond_signal(&w->kept);
    pthread_mutex_unlock(&w->lock);
}

static void settle(struct desk *d)
{
    struct waiter w = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, false};
    session_queue_settle(d->queue, wake, &w);
    pthread_mutex_lock(&w.lock);
    while (!w.done)
        pthread_cond_wait(&w.kept, &w.lock);
    pthread_mutex_unlock(&w.lock);
}

static struct session_record *read_all(struct desk *d, const char *home, size_t max, size_t *count,
                                       uint64_t *last)
{
    struct error e;
    struct session_record *records = session_queue_read(d->queue, home, max, count, last, &e);
    if (!records)
        fail_msg("%s", e.what);
    return records;
}

/* --- the queue --- */

static void what_was_kept_is_there_after_a_restart_in_its_order(void **state)
{
    (void)state;
    OWNED(desk_close) struct desk d;
    desk_open(&d);
    size_t count;
    uint64_t last;
    for (uint64_t at = 1; at <= 5; at++)
        put(&d, HOME, KEN, at);
    put(&d, PARTNER, ALICE, 9);
    settle(&d);
    session_queue_close(d.queue);
    open_queue(&d);
    assert_int_equal(session_queue_count(d.queue, NULL), 6);
    assert_int_equal(session_queue_count(d.queue, PARTNER), 1);
    OWNED(free_memory) struct session_record *two = read_all(&d, HOME, 2, &count, &last);
    assert_int_equal(count, 2);
    struct session_record first = a_record(HOME, KEN, 1);
    assert_memory_equal(&two[0], &first, sizeof first);
    assert_int_equal(session_queue_remove(d.queue, HOME, last, NULL), OK);
    put(&d, HOME, KEN, 6);
    settle(&d);
    session_queue_close(d.queue);
    open_queue(&d);
    OWNED(free_memory) struct session_record *rest = read_all(&d, HOME, 100, &count, &last);
    assert_int_equal(count, 4);
    for (size_t i = 0; i < count; i++) {
        struct session_record expected = a_record(HOME, KEN, i + 3);
        assert_string_equal(rest[i].id, expected.id);
    }
    assert_int_equal(session_queue_count_to(d.queue, HOME, last), 4);
    assert_int_equal(session_queue_last(d.queue, HOME), last);
}

static void a_record_above_the_bound_is_refused_and_that_is_told_once(void **state)
{
    (void)state;
    OWNED(desk_close) struct desk d;
    desk_open(&d);
    size_t count;
    uint64_t last;
    for (uint64_t at = 1; at <= SESSION_QUEUE_MAX; at++)
        put(&d, HOME, KEN, at);
    settle(&d);
    assert_int_equal(d.troubles, 0);
    for (uint64_t at = 1; at <= 3; at++)
        put(&d, HOME, KEN, at);
    assert_int_equal(d.troubles, 1);
    assert_non_null(strstr(d.trouble, "wait already"));
    assert_int_equal(session_queue_count(d.queue, HOME), SESSION_QUEUE_MAX);
    OWNED(free_memory) struct session_record *some = read_all(&d, HOME, 500, &count, &last);
    assert_int_equal(session_queue_remove(d.queue, HOME, last, NULL), OK);
    put(&d, HOME, KEN, 1);
    settle(&d);
    assert_int_equal(d.troubles, 1);
    assert_int_equal(d.ends, 1);
    assert_int_equal(session_queue_count(d.queue, HOME), SESSION_QUEUE_MAX - 499);
}

static void the_file_of_another_machine_is_left_alone(void **state)
{
    (void)state;
    OWNED(desk_close) struct desk d;
    desk_open(&d);
    struct error e;
    session_queue_close(TAKE(d.queue));
    assert_null(session_queue_open(d.path, "b.example", note_trouble, &d, &e));
    assert_says(&e, FAIL_FOREIGN, "a.example");
    open_queue(&d);
}

enum { THREADS = 6, EACH = 300 };

struct putter {
    pthread_t thread;
    struct desk *desk;
    unsigned number;
};

static void *put_many(void *context)
{
    struct putter *p = context;
    for (unsigned i = 0; i < EACH; i++) {
        put(p->desk, i % 2 ? HOME : PARTNER, p->number, i + 1);
        if (i % 50 == 0)
            settle(p->desk);
    }
    return NULL;
}

static void many_threads_put_while_one_takes(void **state)
{
    (void)state;
    OWNED(desk_close) struct desk d;
    desk_open(&d);
    struct putter putters[THREADS];
    size_t taken = 0, count;
    uint64_t last;
    for (unsigned i = 0; i < THREADS; i++) {
        putters[i] = (struct putter){.desk = &d, .number = i};
        assert_int_equal(pthread_create(&putters[i].thread, NULL, put_many, &putters[i]), 0);
    }
    while (taken < THREADS * EACH / 2) {
        OWNED(free_memory) struct session_record *some = read_all(&d, HOME, 100, &count, &last);
        assert_int_equal(session_queue_remove(d.queue, HOME, last, NULL), OK);
        taken += count;
    }
    for (unsigned i = 0; i < THREADS; i++)
        pthread_join(putters[i].thread, NULL);
    settle(&d);
    assert_int_equal(session_queue_count(d.queue, HOME), 0);
    assert_int_equal(session_queue_count(d.queue, PARTNER), THREADS * EACH / 2);
    assert_int_equal(d.troubles, 0);
}

static void bytes_that_make_no_sense_are_no_record(void **state)
{
    (void)state;
    OWNED(buffer_free) struct buffer bytes = {0};
    struct session_record record = a_record(HOME, KEN, 77), again;
    session_record_encode(&record, &bytes);
    struct cursor in = cursor_over(buffer_view(&bytes));
    assert_true(session_record_decode(&in, &again) && cursor_done(&in));
    assert_string_equal(again.id, record.id);
    assert_string_equal(again.value, record.value);
    for (size_t size = 0; size < bytes.size; size++) {
        in = cursor_over(bytes_of(bytes.at, size));
        assert_false(session_record_decode(&in, &again));
    }
    static const char *const wrong_ids[] = {"", "0123456789abcdef0123456789abcdef",
                                            "../../../../etc/passwd0123456789a",
                                            "0123456789ABCDEF-0123456789abcdef"};
    for (size_t i = 0; i < COUNT_OF(wrong_ids); i++) {
        snprintf(record.id, sizeof record.id, "%s", wrong_ids[i]);
        buffer_clear(&bytes);
        session_record_encode(&record, &bytes);
        in = cursor_over(buffer_view(&bytes));
        assert_false(session_record_decode(&in, &again));
    }
}

static void ids_are_in_the_order_of_what_happened(void **state)
{
    (void)state;
    struct session_record before, after;
    const struct session_note note = {.home = HOME, .user = "1", .session = "2", .way = "HTTPS"};
    session_record_make(&note, "a.example", 5, 7, UINT32_MAX, &before);
    session_record_make(&note, "a.example", 5, 8, 0, &after);
    assert_true(strcmp(before.id, after.id) < 0);
    session_record_make(&note, "a.example", 6, 0, 0, &before);
    assert_true(strcmp(after.id, before.id) < 0);
}

/* --- what is kept --- */

static bool keep(struct store *store, struct session_record *records, size_t count)
{
    OWNED(view_close) struct view *view = NULL;
    struct txn *txn = as_holder(4);
    struct error e;
    bool changes;
    assert_int_equal(store_view(store, &view, &e), OK);
    assert_int_equal(session_history_add(view, HOME, txn, records, count, &changes, &e), OK);
    view_close(TAKE(view));
    commit_as(store, txn, OK);
    return changes;
}

static json_t *history(struct store *store, unsigned user)
{
    OWNED(view_close) struct view *view = NULL;
    char id[ACCOUNT_ID_SIZE];
    struct error e;
    snprintf(id, sizeof id, "%032x", user);
    assert_int_equal(store_view(store, &view, &e), OK);
    json_t *list = session_history_read(view, HOME, id, &e);
    assert_non_null(list);
    return list;
}

static size_t count_of(struct store *store, unsigned user)
{
    OWNED(json_decref) json_t *list = history(store, user);
    return json_array_size(list);
}

static struct store *a_home(void)
{
    struct store *store;
    assert_int_equal(store_open(memory_engine_open(), &store, NULL), OK);
    serve_home(store, 4);
    return store;
}

static void what_comes_twice_is_kept_once(void **state)
{
    (void)state;
    OWNED(store_close) struct store *store = a_home();
    struct session_record records[] = {a_record(HOME, KEN, 3), a_record(HOME, ALICE, 1),
                                       a_record(HOME, KEN, 2), a_record(HOME, KEN, 3)};
    assert_true(keep(store, records, COUNT_OF(records)));
    assert_int_equal(count_of(store, KEN), 2);
    assert_int_equal(count_of(store, ALICE), 1);
    assert_false(keep(store, records, COUNT_OF(records)));
    assert_int_equal(count_of(store, KEN), 2);
}

static void the_last_ones_stay_whenever_they_arrive(void **state)
{
    (void)state;
    OWNED(store_close) struct store *store = a_home();
    enum { MORE = SESSION_HISTORY_MAX + 20 };
    OWNED(free_memory) struct session_record *records = xcalloc(MORE, sizeof *records);
    for (size_t i = 0; i < MORE; i++)
        records[i] = a_record(HOME, KEN, 1000 + i);
    keep(store, records, MORE / 2);
    keep(store, records + MORE / 2, MORE / 2);
    assert_int_equal(count_of(store, KEN), SESSION_HISTORY_MAX);
    struct session_record late = a_record(HOME, KEN, 1), again = a_record(HOME, KEN, 1001);
    assert_false(keep(store, &late, 1));  /* older than all that stay */
    assert_false(keep(store, &again, 1)); /* was there, and went */
    struct session_record young = a_record(HOME, KEN, 5000);
    assert_true(keep(store, &young, 1));
    OWNED(json_decref) json_t *list = history(store, KEN);
    assert_int_equal(json_array_size(list), SESSION_HISTORY_MAX);
    assert_string_equal(json_string_value(json_object_get(json_array_get(list, 0), "time")),
                        "1970-01-01T00:00:05.000Z");
    assert_string_equal(
        json_string_value(json_object_get(json_array_get(list, SESSION_HISTORY_MAX - 1), "time")),
        "1970-01-01T00:00:01.021Z");
    assert_sound(store, HOME);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_kept_is_there_after_a_restart_in_its_order),
        cmocka_unit_test(a_record_above_the_bound_is_refused_and_that_is_told_once),
        cmocka_unit_test(the_file_of_another_machine_is_left_alone),
        cmocka_unit_test(many_threads_put_while_one_takes),
        cmocka_unit_test(bytes_that_make_no_sense_are_no_record),
        cmocka_unit_test(ids_are_in_the_order_of_what_happened),
        cmocka_unit_test(what_comes_twice_is_kept_once),
        cmocka_unit_test(the_last_ones_stay_whenever_they_arrive),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
