/* The log's file, as this process writes it: plain SQLite on it, and another connection beside. */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sqlite3.h>

#include "store/sqlite_log.h"

static char folder[] = "/tmp/pollux-log-XXXXXX";
static char path[64], log_path[80];
static sqlite3 *writer, *other;

static void sql(sqlite3 *db, const char *text)
{
    if (sqlite3_exec(db, text, NULL, NULL, NULL) != SQLITE_OK)
        fail_msg("%s: %s", text, sqlite3_errmsg(db));
}

static void reads(sqlite3 *db, const char *query, const char *expected)
{
    sqlite3_stmt *stmt;
    assert_int_equal(sqlite3_prepare_v2(db, query, -1, &stmt, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
    assert_string_equal((const char *)sqlite3_column_text(stmt, 0), expected);
    sqlite3_finalize(stmt);
}

static long long log_size(void)
{
    struct stat s;
    assert_int_equal(stat(log_path, &s), 0);
    return s.st_size;
}

/* So small a cache that a large transaction does not wait for its end to write. */
static int begin(void **state)
{
    (void)state;
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
    assert_int_equal(sqlite3_open_v2(path, &writer, flags, sqlite_log_vfs(NULL)), SQLITE_OK);
    assert_int_equal(sqlite3_open_v2(path, &other, flags, NULL), SQLITE_OK);
    sql(writer,
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA cache_size = 10;"
        "PRAGMA wal_autocheckpoint = 0; CREATE TABLE t (n INTEGER PRIMARY KEY, value TEXT)");
    return 0;
}

static int end(void **state)
{
    (void)state;
    sqlite3_close(other);
    sqlite3_close(writer);
    unlink(path);
    return 0;
}

#define ROWS(count, value)                                                                         \
    "INSERT INTO t (value) WITH c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c LIMIT " count ")"  \
    " SELECT '" value "' || hex(zeroblob(500)) FROM c"

static void what_is_committed_is_in_the_file(void **state)
{
    (void)state;
    sql(writer, "INSERT INTO t VALUES (1, 'a')");
    reads(other, "SELECT value FROM t", "a");
    sql(writer, "UPDATE t SET value = 'b'");
    reads(other, "SELECT value FROM t", "b");
}

/* Pages come back from the log while its end is not in the file yet; some are written twice. */
static void a_large_transaction_reads_what_it_wrote(void **state)
{
    (void)state;
    sql(writer, "BEGIN");
    sql(writer, ROWS("3000", "old"));
    sql(writer, "UPDATE t SET value = 'new' WHERE n % 3 = 0");
    reads(writer, "SELECT count(*) FROM t WHERE value = 'new'", "1000");
    reads(other, "SELECT count(*) FROM t", "0");
    sql(writer, "COMMIT");
    reads(other, "SELECT count(*) || ' ' || sum(value = 'new') FROM t", "3000 1000");
    reads(other, "PRAGMA integrity_check", "ok");
    sqlite3_close(writer); /* whoever reads it next reads it from the file alone */
    assert_int_equal(sqlite3_open(path, &writer), SQLITE_OK);
    reads(writer, "PRAGMA integrity_check", "ok");
}

static void large_transactions_go_to_the_file_before_their_end(void **state)
{
    (void)state;
    long long before = log_size();
    sql(writer, "BEGIN");
    sql(writer, ROWS("3000", "x"));
    assert_true(log_size() > before + (1 << 20));
    sql(writer, "ROLLBACK");
}

/* What is left of it would go into the middle of what the other one committed. */
static void what_was_rolled_back_goes_into_nobody_elses_transaction(void **state)
{
    (void)state;
    sql(writer, "BEGIN");
    sql(writer, ROWS("300", "never"));
    sql(writer, "ROLLBACK");
    sqlite_log_forget(writer);
    sql(other, "PRAGMA wal_autocheckpoint = 0");
    sql(other, ROWS("2000", "other"));
    sql(writer, "INSERT INTO t VALUES (5000, 'last')");
    sqlite3_close(other); /* with it goes what it remembers */
    assert_int_equal(sqlite3_open(path, &other), SQLITE_OK);
    reads(other, "PRAGMA integrity_check", "ok");
    reads(other, "SELECT count(*) || ' ' || sum(value LIKE 'other%') FROM t", "2001 2000");
}

static void the_log_begins_anew_behind_a_checkpoint(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++) {
        sql(writer, ROWS("500", "x"));
        sql(i % 2 ? other : writer, "PRAGMA wal_checkpoint(TRUNCATE)");
        assert_int_equal(log_size(), 0);
    }
    reads(other, "SELECT count(*) FROM t", "1500");
    reads(other, "PRAGMA integrity_check", "ok");
}

static void a_vfs_that_there_is_not_is_left_to_sqlite(void **state)
{
    (void)state;
    assert_string_equal(sqlite_log_vfs("no-such"), "no-such");
    assert_string_equal(sqlite_log_vfs("unix"), sqlite_log_vfs(NULL));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_is_committed_is_in_the_file),
        TEST(a_large_transaction_reads_what_it_wrote),
        TEST(large_transactions_go_to_the_file_before_their_end),
        TEST(what_was_rolled_back_goes_into_nobody_elses_transaction),
        TEST(the_log_begins_anew_behind_a_checkpoint),
        TEST(a_vfs_that_there_is_not_is_left_to_sqlite),
    };
    if (!mkdtemp(folder))
        return 1;
    snprintf(path, sizeof path, "%s/db", folder);
    snprintf(log_path, sizeof log_path, "%s-wal", path);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    rmdir(folder);
    return failed;
}
