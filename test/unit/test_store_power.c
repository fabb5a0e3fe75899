/* Does the store keep what it acknowledged when the power goes? On a disk that forgets what was not
 * synced, cut at many moments; and on two that can not keep it, to prove that this would notice.
 *
 * POLLUX_SOAK=<n> cuts n times as often. */
#include "unit.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "power/power_vfs.h"
#include "store/sqlite.h"
#include "store/sqlite_checkpoint.h"
#include "store_check.h"

static char folder[] = "/tmp/pollux-power-XXXXXX";
static char path[64];

static int new_disk(void **state)
{
    (void)state;
    const char *const ends[] = {"",      "-wal",   "-shm",           "-journal",
                                ".lock", ".spare", ".spare-replaced"};
    for (size_t i = 0; i < COUNT_OF(ends); i++) {
        char file[80];
        snprintf(file, sizeof file, "%s%s", path, ends[i]);
        unlink(file);
    }
    power_reset();
    return 0;
}

/* So many in a soak, and so few where another build has as many. */
static unsigned soak(unsigned usual)
{
    const char *more = getenv("POLLUX_SOAK"), *part = getenv("POLLUX_SAMPLE");
    return more ? usual * (unsigned)atoi(more) : part ? usual / (unsigned)atoi(part) + 1 : usual;
}

struct disk {
    const char *synchronous; /* NULL: as it is usual; so is 0 */
    int64_t log_bytes, replaced_max;
};

static enum failure open_on(const struct disk *disk, bool gated, struct store **store,
                            struct error *e)
{
    struct engine *engine;
    *store = NULL;
    struct sqlite_options options = {.vfs = POWER_VFS,
                                     .synchronous = disk->synchronous,
                                     .log_bytes = disk->log_bytes,
                                     .replaced_max = disk->replaced_max};
    enum failure bad = sqlite_engine_open_with(path, HOME, &options, &engine, e);
    if (bad)
        return bad;
    if (gated)
        gate_install(engine);
    return store_open(engine, store, e);
}

/* --- what goes on while the power goes --- */

enum { THREADS = 6, EACH = 25, PHASES = 2, ROWS = 3, BATCH = 8 };

/* What was acknowledged: one counter for each thread, moved by `done`. */
struct story {
    bool copies; /* one thread applies batches, instead of several that change */
    struct disk disk;
    struct store *store;
    int acknowledged[THREADS];
};

struct actor {
    struct story *story;
    pthread_t id;
    int number;
};

struct ending {
    int *acknowledged;
    int number;
    atomic_int state; /* 1: done, 2: refused */
};

static void note_ending(const struct store_outcome *outcome, void *context)
{
    struct ending *ending = context;
    if (!outcome->error.kind)
        *ending->acknowledged = ending->number;
    atomic_store(&ending->state, outcome->error.kind ? 2 : 1);
}

static bool commit_noted(struct story *story, struct txn *txn, int thread, int number)
{
    struct ending ending = {.acknowledged = &story->acknowledged[thread], .number = number};
    store_commit(story->store, txn, note_ending, &ending);
    while (atomic_load(&ending.state) == 0)
        sched_yield();
    return atomic_load(&ending.state) == 1;
}

static void row_key(char key[48], int thread, int number, int row)
{
    snprintf(key, 48, "t%d/%d/%d", thread, number, row);
}

/* Three new items of some size, one that everybody changes, and a record: whole or not at all. */
static struct txn *a_change(int thread, int number)
{
    static const char filling[2000] = "filling";
    struct txn *txn = as_holder(2);
    for (int row = 0; row < ROWS; row++) {
        char key[48];
        row_key(key, thread, number, row);
        txn_put(txn, MODULE, bytes_of_text(key),
                bytes_of(filling, (size_t)(thread * 200 + row * 300)));
    }
    char mark[32];
    snprintf(mark, sizeof mark, "mark/t%d", thread);
    put_text(txn, "shared", mark);
    txn_record(txn, mark, bytes_of(&number, sizeof number));
    return txn;
}

/* A batch of items behind the cookie, one of them an older one changed again. */
static struct txn *a_batch(int number)
{
    struct txn *txn = as_copy();
    uint64_t from = (uint64_t)(number - 1) * BATCH;
    for (uint64_t i = 1; i <= BATCH; i++) {
        char key[48];
        snprintf(key, sizeof key, i == BATCH ? "shared" : "c%d/%d", number, (int)i);
        struct item item = an_item(from + i, key, "a value of a copied item");
        txn_apply(txn, &item);
    }
    txn_cookie(txn, MODULE, (struct version){from ? FOLLOWED_TERM : 0, from},
               (struct version){FOLLOWED_TERM, from + BATCH});
    txn_record(txn, "mark/t0", bytes_of(&number, sizeof number));
    return txn;
}

static void *act(void *context)
{
    struct actor *a = context;
    int first = a->story->acknowledged[a->number] + 1;
    for (int n = first; n < first + EACH; n++) {
        struct txn *txn = a->story->copies ? a_batch(n) : a_change(a->number, n);
        if (!commit_noted(a->story, txn, a->number, n))
            break;
    }
    return NULL;
}

static void act_together(struct story *story)
{
    struct actor actors[THREADS];
    int count = story->copies ? 1 : THREADS;
    for (int i = 0; i < count; i++) {
        actors[i] = (struct actor){.story = story, .number = i};
        assert_int_equal(pthread_create(&actors[i].id, NULL, act, &actors[i]), 0);
    }
    for (int i = 0; i < count; i++)
        pthread_join(actors[i].id, NULL);
}

/* Creates the store, works, closes it, opens it again and works on. True: the power stayed. */
static bool tell(struct story *story)
{
    for (int phase = 0; phase < PHASES; phase++) {
        if (open_on(&story->disk, false, &story->store, NULL))
            return false;
        store_lease(story->store, HOME, UINT64_MAX);
        struct hold hold = a_hold(story->copies ? MODE_STANDBY : MODE_SERVING,
                                  story->copies ? FOLLOWED_TERM : 2, 1);
        enum failure bad = phase ? OK : keep_hold(story->store, &hold, NULL);
        if (!bad)
            act_together(story);
        store_close(story->store);
    }
    return !power_is_out();
}

/* --- what is left --- */

enum verdict { HELD, LOST, TORN, UNSOUND, REFUSED_TO_OPEN };
static const char *const verdicts[] = {"held", "lost what was acknowledged", "tore a transaction",
                                       "does not fit together", "can't be opened"};

static int mark_of(struct view *view, int thread)
{
    char name[32];
    int number = 0;
    snprintf(name, sizeof name, "mark/t%d", thread);
    OWNED(buffer_free) struct buffer value = {0};
    if (view_record(view, name, &value, NULL) == OK && value.size == sizeof number)
        memcpy(&number, value.at, sizeof number);
    return number;
}

static bool is_there(struct view *view, int thread, int number, int row)
{
    char key[48];
    struct item item;
    row_key(key, thread, number, row);
    return view_item(view, HOME, MODULE, bytes_of_text(key), &item, NULL) == OK;
}

static enum verdict judge_changes(const struct story *story, struct view *view,
                                  const struct home_state *state, size_t rows)
{
    int sum = 0;
    for (int t = 0; t < THREADS; t++) {
        int mark = mark_of(view, t);
        if (mark < story->acknowledged[t])
            return LOST;
        if (mark > story->acknowledged[t] + 1)
            return TORN;
        for (int n = 1; n <= mark + 1; n++) {
            for (int row = 0; row < ROWS; row++) {
                if (is_there(view, t, n, row) != (n <= mark))
                    return TORN;
            }
        }
        sum += mark;
    }
    bool fits = state->head == (uint64_t)sum * (ROWS + 1) && rows == (size_t)(sum * ROWS + !!sum);
    return fits ? HELD : UNSOUND;
}

static enum verdict judge_copies(const struct story *story, struct view *view,
                                 const struct home_state *state, size_t rows)
{
    uint64_t mark = (uint64_t)mark_of(view, 0);
    if (mark < (uint64_t)story->acknowledged[0])
        return LOST;
    bool fits = state->head == mark * BATCH && state->modules[MODULE].cookie.usn == mark * BATCH &&
                rows == mark * (BATCH - 1) + !!mark;
    return fits ? HELD : TORN;
}

static enum verdict judge_open(const struct story *story)
{
    struct error e = {0};
    struct home_state state = {0};
    struct hold hold;
    size_t rows = 0;
    enum failure bad = check_home(story->store, HOME, &state, &rows, &e);
    if (bad && bad != FAIL_NOT_FOUND)
        return UNSOUND;
    OWNED(view_close) struct view *view = NULL;
    if (store_view(story->store, &view, &e))
        return UNSOUND;
    bool has_hold = view_hold(view, HOME, &hold, &e) == OK;
    if (has_hold != !bad || (has_hold && (hold.revision != 1 || hold.lineage.count > 1)))
        return UNSOUND;
    return story->copies ? judge_copies(story, view, &state, rows)
                         : judge_changes(story, view, &state, rows);
}

/* The power comes back; sometimes it goes again while the store recovers. */
static enum verdict judge(struct story *story, uint64_t seed)
{
    struct error e = {0};
    enum power_fate fate = seed % 3 ? POWER_KEEPS_SOME : POWER_LOSES_ALL_UNSYNCED;
    power_restore(fate, seed);
    if (seed % 4 == 0) {
        power_cut_after(1 + seed % 13);
        if (open_on(&story->disk, false, &story->store, NULL) == OK) {
            check_home(story->store, HOME, NULL, NULL, &e);
            store_close(story->store);
        }
        power_restore(fate, seed);
    }
    if (open_on(&story->disk, false, &story->store, &e))
        return REFUSED_TO_OPEN;
    enum verdict verdict = judge_open(story);
    if (verdict == HELD && seed % 5 == 0) { /* and it goes on */
        store_lease(story->store, HOME, UINT64_MAX);
        struct txn *txn = txn_new(HOME);
        txn_record(txn, "mark/after", bytes_of_text("1"));
        commit_as(story->store, txn, OK);
    }
    store_close(story->store);
    return verdict;
}

struct trial {
    bool copies, lies;
    struct disk disk;
    unsigned cuts;
};

static void try_cuts(const struct trial *trial, unsigned counts[REFUSED_TO_OPEN + 1])
{
    new_disk(NULL);
    struct story whole = {.copies = trial->copies, .disk = trial->disk};
    assert_true(tell(&whole));
    unsigned long operations = power_operations();
    for (unsigned i = 0; i < trial->cuts; i++) {
        /* The first ones close together, while the file is made; then over all of it. */
        unsigned long n = i < trial->cuts / 4
                              ? i + 1
                              : 1 + (i - trial->cuts / 4) * operations / (trial->cuts * 3 / 4);
        new_disk(NULL);
        power_lie_about_sync(trial->lies);
        struct story story = {.copies = trial->copies, .disk = trial->disk};
        power_cut_after(n);
        tell(&story);
        counts[judge(&story, n + i)]++;
    }
}

static void assert_holds(const struct trial *trial)
{
    unsigned counts[REFUSED_TO_OPEN + 1] = {0};
    try_cuts(trial, counts);
    for (int v = LOST; v <= REFUSED_TO_OPEN; v++) {
        if (counts[v])
            fail_msg("%s %u of %u times", verdicts[v], counts[v], trial->cuts);
    }
}

static void every_change_that_was_acknowledged_survives_a_power_cut(void **state)
{
    (void)state;
    assert_holds(&(struct trial){.cuts = soak(120)});
}

static void every_batch_that_was_acknowledged_survives_with_its_cookie(void **state)
{
    (void)state;
    assert_holds(&(struct trial){.copies = true, .cuts = soak(120)});
}

/* The log has hardly a transaction when it is emptied again, sometimes by who commits. */
static void what_survives_does_so_while_the_log_is_emptied(void **state)
{
    (void)state;
    assert_holds(&(struct trial){.cuts = soak(120), .disk.log_bytes = 20000});
    assert_holds(&(struct trial){.copies = true, .cuts = soak(120), .disk.log_bytes = 20000});
}

static void what_survives_does_so_while_what_it_replaced_is_taken_away(void **state)
{
    (void)state;
    assert_holds(&(struct trial){.cuts = soak(30), .disk.replaced_max = 1});
    assert_holds(&(struct trial){.copies = true, .cuts = soak(30), .disk.replaced_max = 1});
}

static void put_of_size(struct txn *txn, const char *key, size_t size)
{
    static uint8_t large[ITEM_VALUE_MAX];
    txn_put(txn, MODULE, bytes_of_text(key), bytes_of(large, size));
}

static enum failure try_large(struct store *store, int number, size_t size, struct error *e)
{
    char key[32];
    struct store_outcome outcome;
    snprintf(key, sizeof key, "large %d", number);
    struct txn *txn = as_holder(2);
    put_of_size(txn, key, size);
    store_commit_wait(store, txn, &outcome);
    *e = outcome.error;
    return e->kind;
}

static void put_large(struct store *store, int number, size_t size)
{
    struct error e;
    assert_int_equal(try_large(store, number, size, &e), OK);
}

static off_t size_of(const char *end)
{
    char file[80];
    struct stat st;
    snprintf(file, sizeof file, "%s%s", path, end);
    assert_int_equal(stat(file, &st), 0);
    return st.st_size;
}

struct reader {
    struct store *store;
    atomic_bool *stop;
    pthread_t id;
};

static void *read_on(void *context)
{
    const struct reader *reader = context;
    while (!atomic_load(reader->stop)) {
        OWNED(view_close) struct view *view = NULL;
        if (store_view(reader->store, &view, NULL))
            return NULL;
        usleep(2000);
    }
    return NULL;
}

/* There are always some who read, and each begins before the last one is done: so the log would
 * never begin anew. */
static void the_log_has_a_limit_however_long_there_are_changes(void **state)
{
    (void)state;
    enum { LOG = 200000, CHANGES = 400, SIZE = 20000 };
    struct store *store;
    assert_int_equal(open_on(&(struct disk){.log_bytes = LOG}, false, &store, NULL), OK);
    serve_home(store, 2);
    off_t longest = 0;
    atomic_bool stop = false;
    struct reader readers[3];
    for (size_t i = 0; i < COUNT_OF(readers); i++) {
        readers[i] = (struct reader){.store = store, .stop = &stop};
        pthread_create(&readers[i].id, NULL, read_on, &readers[i]);
    }
    for (int i = 0; i < CHANGES; i++) {
        put_large(store, i, SIZE);
        longest = size_of("-wal") > longest ? size_of("-wal") : longest;
    }
    atomic_store(&stop, true);
    for (size_t i = 0; i < COUNT_OF(readers); i++)
        pthread_join(readers[i].id, NULL);
    assert_in_range(longest, LOG, CHECKPOINT_LOG_TIMES_MAX * LOG + 20 * SIZE);
    assert_true(size_of("") > (CHANGES * SIZE) / 2);
    struct home_state now;
    assert_int_equal(check_home(store, HOME, &now, NULL, NULL), OK);
    assert_int_equal(now.head, CHANGES);
    store_close(store);
}

/* Big-endian in the log's head: it counts how often it began anew. */
static uint32_t log_number(void)
{
    char file[80];
    uint8_t head[16] = {0};
    snprintf(file, sizeof file, "%s-wal", path);
    FILE *log = fopen(file, "rb");
    assert_non_null(log);
    assert_int_equal(fread(head, 1, sizeof head, log), sizeof head);
    fclose(log);
    return (uint32_t)head[12] << 24 | (uint32_t)head[13] << 16 | (uint32_t)head[14] << 8 | head[15];
}

/* In the file that readers share SQLite counts, in this machine's order, the pages of the log, and
 * how many of them are in the store's file. */
enum { PAGES_THERE = 16, PAGES_TAKEN = 96 };
static uint32_t shared_number(long at)
{
    char file[80];
    uint32_t number = 0;
    snprintf(file, sizeof file, "%s-shm", path);
    FILE *shared = fopen(file, "rb");
    assert_non_null(shared);
    assert_int_equal(fseek(shared, at, SEEK_SET), 0);
    assert_int_equal(fread(&number, sizeof number, 1, shared), 1);
    fclose(shared);
    return number;
}

enum { LOG_PAGE = 8192, LOG_PATIENCE = 6000 /* times 10 ms */ };

/* What comes while the log is gone through is not in the file then. A reader stands for that: what
 * came after him is not taken, either. */
static void the_writer_takes_the_little_that_is_left(void **state)
{
    (void)state;
    enum { LOG = 4000000, LARGE = 20000, TRIES = 5 };
    struct store *store;
    OWNED(view_close) struct view *view = NULL;
    assert_int_equal(open_on(&(struct disk){.log_bytes = LOG}, false, &store, NULL), OK);
    serve_home(store, 2);
    put_one(store, 2, "first", "1");
    uint32_t number = log_number(), pages = 0;
    for (int i = 0; pages * LOG_PAGE < LOG; i++, pages = shared_number(PAGES_THERE)) {
        if (!view && pages * LOG_PAGE > LOG - 2 * LARGE)
            assert_int_equal(store_view(store, &view, NULL), OK);
        put_large(store, i, LARGE);
    }
    for (int i = 0; shared_number(PAGES_TAKEN) == 0 && i < LOG_PATIENCE; i++)
        usleep(10000);
    assert_true(shared_number(PAGES_TAKEN) > 0);
    view_close(TAKE(view));
    for (int i = 0; log_number() == number && i < TRIES; i++) {
        usleep(100000); /* the checkpointer may not have said yet that it is done */
        put_one(store, 2, "more", "1");
    }
    assert_int_equal(log_number(), number + 1);
    store_close(store);
}

/* Where nobody writes meanwhile the log begins anew by itself, and what was known of the one before
 * says nothing about it. */
static void the_writer_takes_no_more_than_that(void **state)
{
    (void)state;
    enum { LOG = 4000000, LARGE = 20000, ROUNDS = 3 };
    struct store *store;
    assert_int_equal(open_on(&(struct disk){.log_bytes = LOG}, false, &store, NULL), OK);
    serve_home(store, 2);
    int number = 0;
    for (int round = 0; round < ROUNDS; round++) {
        do
            put_large(store, number++, LARGE);
        while (shared_number(PAGES_THERE) * LOG_PAGE < LOG);
        for (int i = 0; shared_number(PAGES_TAKEN) < shared_number(PAGES_THERE); i++) {
            assert_true(i < LOG_PATIENCE);
            usleep(10000);
            if (i % 100 == 99) /* where the log could not begin anew, nobody was asked again */
                put_one(store, 2, "more", "1");
        }
    }
    assert_true(power_written_by("store-log") > LOG);
    assert_true(power_written_by("store") < LOG / 4);
    store_close(store);
}

/* SQLite counts what was not flushed as taken, and the kernel may have dropped it: from then on it
 * is in the log alone, and pages that are read in the file may be old. */
static void after_a_flush_of_the_file_failed_it_is_opened_anew_with_all_of_its_log(void **state)
{
    (void)state;
    enum { LOG = 400000, LARGE = 20000, CHANGES_MAX = 200 };
    struct store *store;
    struct error e;
    uint64_t acknowledged = 0;
    assert_int_equal(open_on(&(struct disk){.log_bytes = LOG}, false, &store, NULL), OK);
    serve_home(store, 2);
    uint32_t number = log_number();
    power_fail_database_syncs(true);
    while (!try_large(store, (int)acknowledged, LARGE, &e) && acknowledged < CHANGES_MAX)
        acknowledged++;
    assert_says(&e, FAIL_IO, "could not be flushed");
    power_fail_database_syncs(false);
    assert_int_equal(try_large(store, CHANGES_MAX, LARGE, &e), FAIL_IO);
    assert_says(&e, FAIL_IO, "takes no more changes");
    assert_int_equal(log_number(), number);
    store_close(store);
    assert_true(size_of("-wal") > (off_t)acknowledged * LARGE);
    assert_int_equal(open_on(&(struct disk){0}, false, &store, NULL), OK);
    struct home_state now;
    assert_int_equal(check_home(store, HOME, &now, NULL, NULL), OK);
    assert_int_equal(now.head, acknowledged);
    store_lease(store, HOME, UINT64_MAX);
    put_large(store, CHANGES_MAX, LARGE);
    store_close(store);
}

static void assert_loses(const struct trial *trial)
{
    unsigned counts[REFUSED_TO_OPEN + 1] = {0};
    try_cuts(trial, counts);
    assert_true(counts[LOST] > 0);
}

static void a_store_that_does_not_sync_is_found_out(void **state)
{
    (void)state;
    assert_loses(&(struct trial){.cuts = 25, .disk.synchronous = "OFF"});
    assert_loses(&(struct trial){.cuts = 25, .disk.synchronous = "NORMAL"});
    assert_loses(&(struct trial){.cuts = 25, .disk.synchronous = "OFF", .copies = true});
}

static void a_disk_that_lies_is_found_out(void **state)
{
    (void)state;
    assert_loses(&(struct trial){.cuts = 25, .lies = true});
    assert_loses(&(struct trial){.cuts = 25, .lies = true, .copies = true});
}

/* --- a full disk --- */

static struct store *open_gated(void)
{
    struct store *store;
    struct error e;
    assert_int_equal(open_on(&(struct disk){0}, true, &store, &e), OK);
    return store;
}

static void a_full_disk_loses_nothing_and_goes_on_when_there_is_room(void **state)
{
    (void)state;
    struct store *store = open_gated();
    serve_home(store, 2);
    power_disk_full_after(600000);
    unsigned stored = 0;
    struct store_outcome outcome;
    for (;; stored++) {
        char key[32];
        snprintf(key, sizeof key, "k%u", stored);
        struct txn *txn = as_holder(2);
        put_of_size(txn, key, 3000);
        if (store_commit_wait(store, txn, &outcome))
            break;
    }
    assert_true(stored > 10);
    assert_says(&outcome.error, FAIL_FULL, "full");
    assert_sound(store, HOME);
    power_disk_full_off();
    put_one(store, 2, "after", "1");
    power_cut();
    store_close(store);
    power_restore(POWER_LOSES_ALL_UNSYNCED, 1);
    store = open_gated();
    struct home_state now;
    size_t rows;
    assert_int_equal(check_home(store, HOME, &now, &rows, NULL), OK);
    assert_true(now.head == stored + 1 && rows == stored + 1);
    store_close(store);
}

struct ends {
    enum failure kinds[3];
    atomic_int count;
};

static void note_end(const struct store_outcome *outcome, void *context)
{
    struct ends *ends = context;
    ends->kinds[atomic_load(&ends->count)] = outcome->error.kind;
    atomic_fetch_add(&ends->count, 1);
}

static void a_small_transaction_fits_beside_one_that_is_too_large(void **state)
{
    (void)state;
    struct store *store = open_gated();
    serve_home(store, 2);
    put_one(store, 2, "first", "1");
    struct ends ends = {0};
    gate_close();
    const size_t sizes[] = {10, ITEM_VALUE_MAX, 20}; /* the last two share a flush */
    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        char key[16];
        snprintf(key, sizeof key, "size %zu", sizes[i]);
        struct txn *txn = as_holder(2);
        put_of_size(txn, key, sizes[i]);
        store_commit(store, txn, note_end, &ends);
        if (i == 0)
            gate_wait_for_flush();
    }
    power_disk_full_after(200000);
    gate_open();
    while (atomic_load(&ends.count) < 3)
        usleep(200);
    assert_int_equal(ends.kinds[0], OK);
    assert_int_equal(ends.kinds[1], FAIL_FULL);
    assert_int_equal(ends.kinds[2], OK);
    struct home_state now;
    assert_int_equal(check_home(store, HOME, &now, NULL, NULL), OK);
    assert_int_equal(now.head, 3);
    store_close(store);
}

static void after_a_flush_that_failed_nothing_is_acknowledged_until_it_is_opened_anew(void **state)
{
    (void)state;
    struct store *store = open_gated();
    serve_home(store, 2);
    put_one(store, 2, "a", "1");
    unsigned long before = power_operations();
    put_one(store, 2, "a", "2");
    power_cut_after(power_operations() - before); /* the last operation of a commit is its sync */
    struct txn *txn = as_holder(2);
    put_text(txn, "a", "3");
    struct store_outcome outcome = commit_as(store, txn, FAIL_IO);
    assert_says(&outcome.error, FAIL_IO, "committing");
    assert_non_null(strstr(outcome.error.kept, "opened anew"));
    txn = as_holder(2);
    put_text(txn, "a", "4");
    outcome = commit_as(store, txn, FAIL_IO);
    assert_non_null(strstr(outcome.error.kept, "not made"));
    store_close(store);
    power_restore(POWER_LOSES_ALL_UNSYNCED, 0);
    store = open_gated();
    assert_sound(store, HOME);
    store_close(store);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, new_disk, new_disk)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(every_change_that_was_acknowledged_survives_a_power_cut),
        TEST(every_batch_that_was_acknowledged_survives_with_its_cookie),
        TEST(what_survives_does_so_while_the_log_is_emptied),
        TEST(what_survives_does_so_while_what_it_replaced_is_taken_away),
        TEST(the_log_has_a_limit_however_long_there_are_changes),
        TEST(the_writer_takes_the_little_that_is_left),
        TEST(the_writer_takes_no_more_than_that),
        TEST(after_a_flush_of_the_file_failed_it_is_opened_anew_with_all_of_its_log),
        TEST(a_store_that_does_not_sync_is_found_out),
        TEST(a_disk_that_lies_is_found_out),
        TEST(a_full_disk_loses_nothing_and_goes_on_when_there_is_room),
        TEST(a_small_transaction_fits_beside_one_that_is_too_large),
        TEST(after_a_flush_that_failed_nothing_is_acknowledged_until_it_is_opened_anew),
    };
    power_vfs_register();
    log_set_level(LOG_EVENT_ERROR); /* that power cuts are noticed is no news */
    if (!mkdtemp(folder))
        return 1;
    snprintf(path, sizeof path, "%s/store", folder);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    rmdir(folder);
    return failed;
}
