/* The disk whose power can go: it must forget what a disk forgets, keep what was synced, and be
 * able to tell a database that syncs from one that does not. Otherwise a store that passes on it
 * has proved nothing. */
#include "unit.h"

#include <pthread.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "power/power_vfs.h"

static char directory[] = "/tmp/pollux-power-XXXXXX";
static char database[64];
static char raw[64];

static int make_directory(void **state)
{
    (void)state;
    power_vfs_register();
    if (!mkdtemp(directory))
        return -1;
    snprintf(database, sizeof database, "%s/t.db", directory);
    snprintf(raw, sizeof raw, "%s/raw", directory);
    return 0;
}

static int new_disk(void **state)
{
    (void)state;
    const char *const ends[] = {"", "-wal", "-shm", "-journal"};
    for (size_t i = 0; i < COUNT_OF(ends); i++) {
        char path[80];
        snprintf(path, sizeof path, "%s%s", database, ends[i]);
        unlink(path);
    }
    unlink(raw);
    power_reset();
    return 0;
}

static int remove_directory(void **state)
{
    new_disk(state);
    return rmdir(directory);
}

/* -- one file, without a database around it --------------------------------------------------- */

static sqlite3_file *open_named(const char *path)
{
    sqlite3_vfs *vfs = sqlite3_vfs_find(POWER_VFS);
    sqlite3_file *f = xcalloc(1, (size_t)vfs->szOsFile);
    int flags = SQLITE_OPEN_SUPER_JOURNAL | SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
    assert_int_equal(vfs->xOpen(vfs, path, f, flags, NULL), SQLITE_OK);
    return f;
}

static sqlite3_file *open_raw(void)
{
    return open_named(raw);
}

static void close_raw(sqlite3_file *f)
{
    assert_int_equal(f->pMethods->xClose(f), SQLITE_OK);
    free(f);
}

static int write_raw(sqlite3_file *f, char letter, int size, sqlite3_int64 at)
{
    OWNED(free_memory) char *data = xmalloc((size_t)size);
    memset(data, letter, (size_t)size);
    return f->pMethods->xWrite(f, data, size, at);
}

static int sync_raw(sqlite3_file *f)
{
    return f->pMethods->xSync(f, SQLITE_SYNC_NORMAL);
}

static int delete_raw(int sync_directory)
{
    sqlite3_vfs *vfs = sqlite3_vfs_find(POWER_VFS);
    return vfs->xDelete(vfs, raw, sync_directory);
}

/* A file of `size` letters which is on the disk. */
static void make_raw(char letter, int size)
{
    sqlite3_file *f = open_raw();
    assert_int_equal(write_raw(f, letter, size, 0), SQLITE_OK);
    assert_int_equal(sync_raw(f), SQLITE_OK);
    close_raw(f);
}

/* "2a1b": two sectors of a, one of b; "." for zeros, "?" for mixed ones; "none": there is
 * no file. */
static const char *raw_content(void)
{
    static char text[256];
    FILE *in = fopen(raw, "r");
    if (!in)
        return "none";
    char sector[512], last = 0;
    unsigned run = 0;
    size_t n, length = 0;
    text[0] = '\0';
    while ((n = fread(sector, 1, sizeof sector, in)) > 0) {
        bool same = n == sizeof sector && memcmp(sector, sector + 1, n - 1) == 0;
        char now = same ? (char)(sector[0] ? sector[0] : '.') : '?';
        if (run && now != last) {
            length += (size_t)snprintf(text + length, sizeof text - length, "%u%c", run, last);
            run = 0;
        }
        last = now;
        run++;
    }
    fclose(in);
    if (run)
        snprintf(text + length, sizeof text - length, "%u%c", run, last);
    return text;
}

static void a_file_that_was_never_synced_is_gone(void **state)
{
    (void)state;
    sqlite3_file *f = open_raw();
    write_raw(f, 'a', 1024, 0);
    close_raw(f);
    assert_string_equal(raw_content(), "2a");
    power_restore(POWER_LOSES_ALL_UNSYNCED, 0);
    assert_string_equal(raw_content(), "none");
}

static void what_was_written_after_the_last_sync_is_undone(void **state)
{
    (void)state;
    make_raw('a', 2048);
    sqlite3_file *f = open_raw();
    write_raw(f, 'b', 1024, 512);
    write_raw(f, 'c', 700, 0);
    write_raw(f, 'd', 4096, 2048);
    close_raw(f);
    power_restore(POWER_LOSES_ALL_UNSYNCED, 0);
    assert_string_equal(raw_content(), "4a");
}

static void what_was_synced_stays_and_a_second_sync_adds_to_it(void **state)
{
    (void)state;
    make_raw('a', 2048);
    sqlite3_file *f = open_raw();
    write_raw(f, 'b', 512, 512);
    sync_raw(f);
    write_raw(f, 'c', 512, 1024);
    sync_raw(f);
    write_raw(f, 'd', 512, 1024);
    close_raw(f);
    power_restore(POWER_LOSES_ALL_UNSYNCED, 0);
    assert_string_equal(raw_content(), "1a1b1c1a");
}

static void a_file_that_was_there_before_is_on_the_disk(void **state)
{
    (void)state;
    FILE *out = fopen(raw, "w");
    for (int i = 0; i < 1024; i++)
        fputc('a', out);
    fclose(out);
    sqlite3_file *f = open_raw();
    write_raw(f, 'b', 512, 0);
    close_raw(f);
    power_restore(POWER_LOSES_ALL_UNSYNCED, 0);
    assert_string_equal(raw_content(), "2a");
}

static void a_truncation_without_sync_is_undone(void **state)
{
    (void)state;
    make_raw('a', 2048);
    sqlite3_file *f = open_raw();
    f->pMethods->xTruncate(f, 512);
    write_raw(f, 'b', 512, 1536); /* leaves a hole */
    assert_string_equal(raw_content(), "1a2.1b");
    close_raw(f);
    power_restore(POWER_LOSES_ALL_UNSYNCED, 0);
    assert_string_equal(raw_content(), "4a");
}

static void a_truncation_with_sync_stays(void **state)
{
    (void)state;
    make_raw('a', 2048);
    sqlite3_file *f = open_raw();
    f->pMethods->xTruncate(f, 512);
    sync_raw(f);
    close_raw(f);
    power_restore(POWER_LOSES_ALL_UNSYNCED, 0);
    assert_string_equal(raw_content(), "1a");
}

static void a_deletion_counts_once_the_directory_is_synced(void **state)
{
    (void)state;
    make_raw('a', 1024);
    assert_int_equal(delete_raw(1), SQLITE_OK);
    power_restore(POWER_LOSES_ALL_UNSYNCED, 0);
    assert_string_equal(raw_content(), "none");
}

static void a_deletion_without_sync_brings_back_what_was_synced(void **state)
{
    (void)state;
    make_raw('a', 1024);
    sqlite3_file *f = open_raw();
    write_raw(f, 'b', 2048, 512);
    close_raw(f);
    assert_int_equal(delete_raw(0), SQLITE_OK);
    f = open_raw(); /* a new file of that name, which never reaches the disk */
    write_raw(f, 'c', 512, 0);
    close_raw(f);
    power_restore(POWER_LOSES_ALL_UNSYNCED, 0);
    assert_string_equal(raw_content(), "2a");
}

static void a_name_that_leads_to_a_new_synced_file_stays_so(void **state)
{
    (void)state;
    make_raw('a', 1024);
    assert_int_equal(delete_raw(0), SQLITE_OK);
    make_raw('b', 512);
    power_restore(POWER_LOSES_ALL_UNSYNCED, 0);
    assert_string_equal(raw_content(), "1b");
}

static void a_synced_directory_keeps_its_names_and_what_left_it_stays_away(void **state)
{
    (void)state;
    sqlite3_vfs *vfs = sqlite3_vfs_find(POWER_VFS);
    sqlite3_file *gone = open_named(database);
    sync_raw(gone);
    close_raw(gone);
    assert_int_equal(vfs->xDelete(vfs, database, 0), SQLITE_OK);

    sqlite3_file *f = open_raw();
    write_raw(f, 'a', 512, 0);
    char journal[80];
    snprintf(journal, sizeof journal, "%s-journal", database);
    sqlite3_file *other = open_named(journal);
    sync_raw(other); /* and with it, as a new journal, the directory */
    close_raw(other);
    close_raw(f);
    power_restore(POWER_LOSES_ALL_UNSYNCED, 0);
    assert_string_equal(raw_content(), ""); /* there, but empty */
    assert_int_equal(access(database, F_OK), -1);
}

static void torn_writes_keep_some_sectors_and_the_seed_says_which(void **state)
{
    (void)state;
    char seen[40][256];
    unsigned different = 0, mixed = 0;
    for (unsigned i = 0; i < COUNT_OF(seen); i++) {
        new_disk(NULL);
        make_raw('a', 4096);
        sqlite3_file *f = open_raw();
        write_raw(f, 'b', 8192, 0);
        close_raw(f);
        power_restore(POWER_KEEPS_SOME, i % 20);
        snprintf(seen[i], sizeof seen[i], "%s", raw_content());
        mixed += strchr(seen[i], 'a') && strchr(seen[i], 'b');
        if (i >= 20)
            assert_string_equal(seen[i], seen[i - 20]);
        else if (i > 0)
            different += strcmp(seen[i], seen[i - 1]) != 0;
    }
    assert_true(different > 10);
    assert_true(mixed > 10);
}

static void nothing_works_while_the_power_is_out(void **state)
{
    (void)state;
    make_raw('a', 1024);
    sqlite3_file *f = open_raw();
    char data[8];
    sqlite3_int64 size;
    power_cut_after(2);
    assert_int_equal(write_raw(f, 'b', 512, 0), SQLITE_OK);
    assert_false(power_is_out());
    assert_int_equal(sync_raw(f), SQLITE_IOERR_FSYNC); /* interrupted */
    assert_true(power_is_out());
    unsigned long n = power_operations();
    assert_int_equal(write_raw(f, 'c', 512, 0), SQLITE_IOERR_WRITE);
    assert_int_equal(f->pMethods->xRead(f, data, sizeof data, 0), SQLITE_IOERR_READ);
    assert_int_equal(f->pMethods->xTruncate(f, 0), SQLITE_IOERR_TRUNCATE);
    assert_int_equal(f->pMethods->xFileSize(f, &size), SQLITE_IOERR_FSTAT);
    assert_int_equal(delete_raw(0), SQLITE_IOERR_DELETE);
    assert_int_equal(power_operations(), n);
    close_raw(f);
    power_restore(POWER_LOSES_ALL_UNSYNCED, 0);
    assert_false(power_is_out());
    assert_string_equal(raw_content(), "2a");
}

/* -- a database ------------------------------------------------------------------------------- */

enum { TRANSACTIONS = 10, NEVER = 0 };

struct way {
    const char *journal;
    const char *synchronous;
    int checkpoint_every; /* pages; NEVER: only on close */
    bool reader;          /* a second connection that keeps a snapshot for a while */
    bool cut_twice;       /* the power also goes while the database is opened again */
    bool disk_lies;
};

enum verdict { HELD, LOST_A_TRANSACTION, HALF_A_TRANSACTION, DAMAGED };
static const char *const verdict_names[] = {"held", "lost a transaction", "half a transaction",
                                            "damaged"};

static int run(sqlite3 *db, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    char *sql = sqlite3_vmprintf(format, args);
    va_end(args);
    int rc = sqlite3_exec(db, sql, NULL, NULL, NULL);
    sqlite3_free(sql);
    return rc;
}

/* The first column of the first row; -1: it could not be read. */
static int ask(sqlite3 *db, const char *sql)
{
    sqlite3_stmt *s = NULL;
    int answer = -1;
    if (sqlite3_prepare_v2(db, sql, -1, &s, NULL) == SQLITE_OK && sqlite3_step(s) == SQLITE_ROW)
        answer = sqlite3_column_int(s, 0);
    sqlite3_finalize(s);
    return answer;
}

static sqlite3 *open_database(void)
{
    sqlite3 *db = NULL;
    sqlite3_open_v2(database, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, POWER_VFS);
    sqlite3_busy_timeout(db, 5000);
    return db;
}

static int prepare(sqlite3 *db, const struct way *way)
{
    return run(db,
               "PRAGMA journal_mode = %s; PRAGMA synchronous = %s; PRAGMA wal_autocheckpoint = %d;"
               "CREATE TABLE IF NOT EXISTS halves"
               "  (n INTEGER, half INTEGER, value TEXT, PRIMARY KEY (n, half))",
               way->journal, way->synchronous, way->checkpoint_every);
}

/* Two rows in each transaction, so that half of one shows. */
static int commit_one(sqlite3 *db, int n)
{
    int rc = run(db,
                 "BEGIN IMMEDIATE;"
                 "INSERT INTO halves VALUES (%d, 0, printf('%%.*c', 1500, char(65 + %d %% 26)));"
                 "INSERT INTO halves VALUES (%d, 1, printf('%%.*c', 1500, char(65 + %d %% 26)));"
                 "COMMIT",
                 n, n, n, n);
    if (rc != SQLITE_OK && !sqlite3_get_autocommit(db))
        run(db, "ROLLBACK");
    return rc;
}

/* From an empty disk until it is done or the power goes; returns how many transactions were
 * acknowledged. */
static int work(const struct way *way)
{
    sqlite3 *db = open_database(), *reader = way->reader ? open_database() : NULL;
    int acknowledged = 0;
    if (prepare(db, way) == SQLITE_OK) {
        while (acknowledged < TRANSACTIONS && commit_one(db, acknowledged + 1) == SQLITE_OK) {
            acknowledged++;
            if (reader && acknowledged == TRANSACTIONS / 3)
                run(reader, "BEGIN; SELECT count(*) FROM halves");
            if (reader && acknowledged == 2 * TRANSACTIONS / 3)
                run(reader, "COMMIT");
        }
    }
    sqlite3_close(reader);
    sqlite3_close(db);
    return acknowledged;
}

static bool is_sound(sqlite3 *db)
{
    sqlite3_stmt *s = NULL;
    bool sound = sqlite3_prepare_v2(db, "PRAGMA integrity_check", -1, &s, NULL) == SQLITE_OK &&
                 sqlite3_step(s) == SQLITE_ROW &&
                 strcmp((const char *)sqlite3_column_text(s, 0), "ok") == 0;
    sqlite3_finalize(s);
    return sound;
}

static enum verdict judge_open(sqlite3 *db, const struct way *way, int acknowledged)
{
    if (!is_sound(db) || prepare(db, way) != SQLITE_OK)
        return DAMAGED;
    int whole = ask(db, "SELECT count(*) FROM (SELECT n FROM halves"
                        " WHERE value = printf('%.*c', 1500, char(65 + n % 26))"
                        " GROUP BY n HAVING count(*) = 2)");
    int all = ask(db, "SELECT count(*) FROM halves");
    int last = ask(db, "SELECT coalesce(max(n), 0) FROM halves");
    if (whole < 0 || all != 2 * whole || last != whole || last > acknowledged + 1)
        return HALF_A_TRANSACTION;
    if (whole < acknowledged)
        return LOST_A_TRANSACTION;
    return commit_one(db, last + 1) == SQLITE_OK ? HELD : DAMAGED; /* life goes on */
}

static enum verdict judge(const struct way *way, int acknowledged)
{
    sqlite3 *db = open_database();
    enum verdict verdict = judge_open(db, way, acknowledged);
    sqlite3_close(db);
    return verdict;
}

static void cut_while_it_recovers(const struct way *way, unsigned long n, enum power_fate fate,
                                  uint64_t seed)
{
    power_cut_after(1 + n % 5);
    sqlite3 *db = open_database();
    prepare(db, way);
    ask(db, "SELECT count(*) FROM halves");
    sqlite3_close(db);
    power_restore(fate, seed);
}

/* The power goes at the first operation, at the second, … until the work is done before it does.
 * Counts the verdicts, one for each cut. */
static void cut_everywhere(const struct way *way, enum power_fate fate, uint64_t seed,
                           unsigned counts[DAMAGED + 1])
{
    for (unsigned long n = 1, done = 0; !done; n++) {
        new_disk(NULL);
        power_lie_about_sync(way->disk_lies);
        power_cut_after(n);
        int acknowledged = work(way);
        done = !power_is_out();
        power_restore(fate, seed * 1000 + n);
        if (way->cut_twice)
            cut_while_it_recovers(way, n, fate, seed * 1000 + n);
        enum verdict verdict = judge(way, acknowledged);
        counts[verdict]++;
    }
}

static void assert_holds(const struct way *way)
{
    for (uint64_t seed = 0; seed <= 3; seed++) {
        unsigned counts[DAMAGED + 1] = {0};
        cut_everywhere(way, seed ? POWER_KEEPS_SOME : POWER_LOSES_ALL_UNSYNCED, seed, counts);
        assert_true(counts[HELD] > TRANSACTIONS);
        for (int v = LOST_A_TRANSACTION; v <= DAMAGED; v++)
            if (counts[v])
                fail_msg("%s, synchronous = %s, seed %lu: %s %u times", way->journal,
                         way->synchronous, (unsigned long)seed, verdict_names[v], counts[v]);
    }
}

static unsigned losses(const struct way *way)
{
    unsigned counts[DAMAGED + 1] = {0};
    cut_everywhere(way, POWER_LOSES_ALL_UNSYNCED, 0, counts);
    return counts[LOST_A_TRANSACTION];
}

static void a_synced_wal_keeps_every_acknowledged_transaction(void **state)
{
    (void)state;
    assert_holds(&(struct way){.journal = "WAL", .synchronous = "FULL"});
}

static void so_it_does_when_checkpoints_and_readers_get_in_its_way(void **state)
{
    (void)state;
    assert_holds(&(struct way){
        .journal = "WAL", .synchronous = "FULL", .checkpoint_every = 8, .reader = true});
}

static void so_it_does_when_the_power_goes_again_while_it_recovers(void **state)
{
    (void)state;
    assert_holds(&(struct way){
        .journal = "WAL", .synchronous = "FULL", .checkpoint_every = 8, .cut_twice = true});
}

static void a_rollback_journal_does_if_its_deletion_is_synced(void **state)
{
    (void)state;
    assert_holds(&(struct way){.journal = "DELETE", .synchronous = "EXTRA"});
}

/* FULL does not sync the directory: a journal that comes back undoes the last transaction. The
 * database is sound, but somebody was told too much. */
static void a_rollback_journal_that_comes_back_undoes_the_last_transaction(void **state)
{
    (void)state;
    unsigned counts[DAMAGED + 1] = {0};
    const struct way way = {.journal = "DELETE", .synchronous = "FULL"};
    for (uint64_t seed = 0; seed <= 2; seed++)
        cut_everywhere(&way, seed ? POWER_KEEPS_SOME : POWER_LOSES_ALL_UNSYNCED, seed, counts);
    assert_true(counts[LOST_A_TRANSACTION] > 0);
    assert_int_equal(counts[HALF_A_TRANSACTION], 0);
    assert_int_equal(counts[DAMAGED], 0);
}

static void without_sync_at_each_commit_acknowledged_transactions_are_lost(void **state)
{
    (void)state;
    assert_true(losses(&(struct way){.journal = "WAL", .synchronous = "OFF"}) > 0);
    assert_true(losses(&(struct way){.journal = "WAL", .synchronous = "NORMAL"}) > 0);
    assert_true(losses(&(struct way){.journal = "DELETE", .synchronous = "OFF"}) > 0);
}

static void a_disk_that_lies_about_sync_is_noticed(void **state)
{
    (void)state;
    struct way way = {.journal = "WAL", .synchronous = "FULL", .disk_lies = true};
    assert_true(losses(&way) > 0);
    way.checkpoint_every = 8;
    assert_true(losses(&way) > 0);
}

static void operations_and_syncs_are_counted(void **state)
{
    (void)state;
    const struct way way = {.journal = "WAL", .synchronous = "FULL"};
    sqlite3 *db = open_database();
    assert_int_equal(prepare(db, &way), SQLITE_OK);
    assert_int_equal(commit_one(db, 1), SQLITE_OK);
    unsigned long syncs = power_syncs(), operations = power_operations();
    assert_int_equal(commit_one(db, 2), SQLITE_OK);
    assert_int_equal(power_syncs(), syncs + 1);
    assert_true(power_operations() > operations + 2);
    sqlite3_close(db);
}

static void a_full_disk_refuses_and_keeps_what_it_has(const struct way *way)
{
    new_disk(NULL);
    sqlite3 *db = open_database();
    assert_int_equal(prepare(db, way), SQLITE_OK);
    power_disk_full_after(40000);
    int n = 0, rc;
    while ((rc = commit_one(db, n + 1)) == SQLITE_OK)
        n++;
    assert_int_equal(rc, SQLITE_FULL);
    assert_true(n > 0);
    assert_int_equal(ask(db, "SELECT count(*) FROM halves"), 2 * n);
    assert_int_equal(commit_one(db, n + 1), SQLITE_FULL); /* still */
    power_disk_full_off();
    assert_int_equal(commit_one(db, n + 1), SQLITE_OK);
    power_cut();
    sqlite3_close(db);
    power_restore(POWER_LOSES_ALL_UNSYNCED, 0);
    assert_int_equal(judge(way, n + 1), HELD);
}

static void a_full_disk_refuses_a_commit_and_loses_nothing(void **state)
{
    (void)state;
    a_full_disk_refuses_and_keeps_what_it_has(
        &(struct way){.journal = "WAL", .synchronous = "FULL"});
    a_full_disk_refuses_and_keeps_what_it_has(
        &(struct way){.journal = "DELETE", .synchronous = "EXTRA"});
}

/* -- two threads ------------------------------------------------------------------------------ */

struct story {
    const struct way *way;
    atomic_int acknowledged;
    atomic_bool over;
    unsigned readings;
    bool read_nonsense;
};

static void *write_until_the_power_goes(void *argument)
{
    struct story *story = argument;
    sqlite3 *db = open_database();
    if (prepare(db, story->way) == SQLITE_OK)
        while (story->acknowledged < 200 && commit_one(db, story->acknowledged + 1) == SQLITE_OK)
            story->acknowledged++;
    story->over = true;
    sqlite3_close(db);
    return NULL;
}

static void *read_meanwhile(void *argument)
{
    struct story *story = argument;
    sqlite3 *db = open_database();
    while (!story->over) {
        int least = 2 * story->acknowledged;
        int rows = ask(db, "SELECT count(*) FROM halves");
        if (rows < 0) /* no table yet, or no power any more */
            continue;
        story->readings++;
        if (rows < least || rows % 2)
            story->read_nonsense = true;
    }
    sqlite3_close(db);
    return NULL;
}

static void a_writer_and_a_reader_in_two_threads_share_the_disk(void **state)
{
    (void)state;
    const struct way way = {.journal = "WAL", .synchronous = "FULL", .checkpoint_every = 8};
    unsigned readings = 0;
    for (unsigned long cut = 50; cut <= 850; cut += 100) {
        new_disk(NULL);
        struct story story = {.way = &way};
        pthread_t writer, reader;
        power_cut_after(cut);
        assert_int_equal(pthread_create(&writer, NULL, write_until_the_power_goes, &story), 0);
        assert_int_equal(pthread_create(&reader, NULL, read_meanwhile, &story), 0);
        pthread_join(writer, NULL);
        pthread_join(reader, NULL);
        assert_true(power_is_out());
        assert_false(story.read_nonsense);
        power_restore(cut % 200 == 50 ? POWER_KEEPS_SOME : POWER_LOSES_ALL_UNSYNCED, cut);
        assert_int_equal(judge(&way, story.acknowledged), HELD);
        readings += story.readings;
    }
    assert_true(readings > 0);
}

#define TEST(name) cmocka_unit_test_setup(name, new_disk)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_file_that_was_never_synced_is_gone),
        TEST(what_was_written_after_the_last_sync_is_undone),
        TEST(what_was_synced_stays_and_a_second_sync_adds_to_it),
        TEST(a_file_that_was_there_before_is_on_the_disk),
        TEST(a_truncation_without_sync_is_undone),
        TEST(a_truncation_with_sync_stays),
        TEST(a_deletion_counts_once_the_directory_is_synced),
        TEST(a_deletion_without_sync_brings_back_what_was_synced),
        TEST(a_name_that_leads_to_a_new_synced_file_stays_so),
        TEST(a_synced_directory_keeps_its_names_and_what_left_it_stays_away),
        TEST(torn_writes_keep_some_sectors_and_the_seed_says_which),
        TEST(nothing_works_while_the_power_is_out),
        TEST(a_synced_wal_keeps_every_acknowledged_transaction),
        TEST(so_it_does_when_checkpoints_and_readers_get_in_its_way),
        TEST(so_it_does_when_the_power_goes_again_while_it_recovers),
        TEST(a_rollback_journal_does_if_its_deletion_is_synced),
        TEST(a_rollback_journal_that_comes_back_undoes_the_last_transaction),
        TEST(without_sync_at_each_commit_acknowledged_transactions_are_lost),
        TEST(a_disk_that_lies_about_sync_is_noticed),
        TEST(operations_and_syncs_are_counted),
        TEST(a_full_disk_refuses_a_commit_and_loses_nothing),
        TEST(a_writer_and_a_reader_in_two_threads_share_the_disk),
    };
    return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
