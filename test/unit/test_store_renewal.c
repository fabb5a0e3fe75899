/* A store whose file is damaged in its structure is made anew from what can be read of it: nothing
 * that can be read is lost, nothing is read wrong afterwards, what is lost is named, and whoever is
 * interrupted goes on. Pages are torn as disks and memories tear them. */
#include "unit.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "keys_of_file.h"
#include "store/sqlite.h"
#include "store_check.h"
#include "store_file.h"

static char folder[] = "/tmp/pollux-renewal-XXXXXX";
static char path[64];

enum {
    ITEMS = 1200,     /* live; on some sixty pages */
    BEFORE = 200,     /* of them were something else before, which still lies about */
    LARGE_EACH = 100, /* every so many is larger than a page */
    PAGE = 8192,
    PAGES_MAX = 2000,
    ROUNDS = 150,
};

static const char *const ends[] = {
    "",         "-wal",     "-shm",         ".lock",         ".renew", ".renewing",
    ".renewed", ".damaged", ".damaged-wal", ".renew-failed", ".spare", ".spare-replaced"};

static const char *file(const char *end)
{
    static char names[4][96];
    static size_t next;
    char *name = names[next++ % 4];
    snprintf(name, sizeof names[0], "%s%s", path, end);
    return name;
}

static bool is_there(const char *end)
{
    return access(file(end), F_OK) == 0;
}

static int no_files(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(ends); i++)
        unlink(file(ends[i]));
    return 0;
}

static struct buffer content_of(const char *end)
{
    assert_true(is_there(end));
    return content_at(file(end));
}

static void write_content(const char *end, const struct buffer *content)
{
    put_content_at(file(end), buffer_view(content));
}

/* --- what is stored --- */

static struct bytes key_of(int n, char text[32])
{
    return bytes_of(text, (size_t)snprintf(text, 32, "key-%04d", n));
}

static struct buffer value_of(int n)
{
    struct buffer value = {0};
    size_t size = n % LARGE_EACH == 7 ? 3 * PAGE : 300 + (size_t)(n % 7) * 20;
    for (size_t i = 0; i < size; i++)
        buffer_u8(&value, (uint8_t)('a' + (i + (size_t)n) % 26));
    return value;
}

static enum failure open_store(struct store **store, struct error *e)
{
    return open_store_at(path, store, e);
}

static struct store *must_open(void)
{
    return must_open_at(path);
}

static void put_some(struct store *store, int from, int to, bool before)
{
    struct txn *txn = as_holder(2);
    for (int n = from; n < to; n++) {
        char key[32];
        OWNED(buffer_free) struct buffer value = value_of(n);
        txn_put(txn, MODULE, key_of(n, key),
                before ? bytes_of_text("before") : buffer_view(&value));
    }
    commit_as(store, txn, OK);
}

static void make_store(void)
{
    struct store *store = must_open();
    serve_home(store, 2);
    put_some(store, 0, BEFORE, true);
    put_some(store, 0, ITEMS, false);
    struct txn *txn = as_holder(2);
    txn_delete(txn, MODULE, bytes_of_text("key-0000"));
    txn_record(txn, "mark", bytes_of_text("marked"));
    commit_as(store, txn, OK);
    store_close(store);
}

/* Of a table or an index, by SQLite's own account; "leaf" or "internal". */
static size_t pages_of(const char *name, const char *type, int pages[PAGES_MAX])
{
    sqlite3 *db;
    sqlite3_stmt *stmt;
    size_t count = 0;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db,
                                        "SELECT pageno FROM dbstat WHERE name = ?1 AND"
                                        " pagetype = ?2 ORDER BY path",
                                        -1, &stmt, NULL),
                     SQLITE_OK);
    sqlite3_bind_text(stmt, 1, name, -1, SQLITE_STATIC);
    sqlite3_bind_text(stmt, 2, type, -1, SQLITE_STATIC);
    while (sqlite3_step(stmt) == SQLITE_ROW && count < PAGES_MAX)
        pages[count++] = sqlite3_column_int(stmt, 0);
    sqlite3_finalize(stmt);
    sqlite3_close(db);
    return count;
}

/* The one number that a query yields. */
static int64_t ask_file(const char *sql)
{
    sqlite3 *db;
    sqlite3_stmt *stmt;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &stmt, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
    int64_t number = sqlite3_column_int64(stmt, 0);
    sqlite3_finalize(stmt);
    sqlite3_close(db);
    return number;
}

/* On the leaves of items with these places, of which none was replaced. */
static int64_t rows_on(const int *places, size_t count)
{
    int64_t rows = 0;
    for (size_t i = 0; i < count; i++) {
        char sql[160];
        snprintf(sql, sizeof sql,
                 "SELECT ncell FROM dbstat WHERE name = 'item_1' AND pagetype = 'leaf'"
                 " ORDER BY path LIMIT 1 OFFSET %d",
                 places[i]);
        rows += ask_file(sql);
    }
    return rows;
}

/* And no spare is left of it (test_sqlite_spare.c). */
static void tear(int page)
{
    static const uint8_t nothing[PAGE];
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, nothing, PAGE, (off_t)(page - 1) * PAGE), PAGE);
    close(fd);
    unlink(file(".spare"));
}

/* --- what is read --- */

struct reading {
    int right, damaged, missing;
    bool adds_up;
    size_t lost; /* named by a scan */
};

static bool ignore_item(const struct item *item, struct item_hash hash, void *context)
{
    (void)item, (void)hash, (void)context;
    return true;
}

static bool count_lost(uint64_t usn, bool sound, void *context)
{
    struct reading *r = context;
    (void)usn;
    r->lost += !sound;
    return true;
}

static bool goes_on(void *context)
{
    (void)context;
    return true;
}

static void read_item(struct view *view, int n, struct reading *r)
{
    char key[32];
    struct item item;
    enum failure bad = view_item(view, HOME, MODULE, key_of(n, key), &item, NULL);
    OWNED(buffer_free) struct buffer value = value_of(n);
    assert_true(bad == OK || bad == FAIL_DAMAGED || bad == FAIL_NOT_FOUND);
    r->missing += bad == FAIL_NOT_FOUND;
    r->damaged += bad == FAIL_DAMAGED;
    if (bad)
        return;
    r->right++;
    assert_true(n == 0 ? item.deleted : bytes_equal(item.value, buffer_view(&value)));
}

static struct reading read_all(struct store *store)
{
    struct reading r = {0};
    OWNED(view_close) struct view *view = NULL;
    OWNED(buffer_free) struct buffer mark = {0};
    struct hold hold;
    assert_int_equal(store_view(store, &view, NULL), OK);
    for (int n = 0; n < ITEMS; n++)
        read_item(view, n, &r);
    struct error e = {0};
    if (view_record(view, "mark", &mark, &e))
        fail_msg("%s", e.what);
    assert_true(bytes_equal(buffer_view(&mark), bytes_of_text("marked")));
    assert_int_equal(view_hold(view, HOME, &hold, NULL), OK);
    assert_int_equal(hold.mode, MODE_SERVING);
    r.adds_up = view_changes(view, HOME, 0, ignore_item, NULL, NULL) == OK;
    if (view_scan(view, HOME, count_lost, &r, &e))
        fail_msg("%s", e.what);
    if (view_structure(view, goes_on, NULL, &e))
        fail_msg("%s", e.what);
    return r;
}

/* As the scrub does. */
static enum failure ask(struct store *store, struct error *e)
{
    OWNED(view_close) struct view *view = NULL;
    assert_int_equal(store_view(store, &view, NULL), OK);
    return view_renew(view, e);
}

static bool structure_is_damaged(struct store *store)
{
    OWNED(view_close) struct view *view = NULL;
    return store_view(store, &view, NULL) == OK &&
           view_structure(view, goes_on, NULL, NULL) == FAIL_DAMAGED;
}

/* Finds the damage, has a new file made, and reads it. */
static struct reading renew_and_read(void)
{
    struct error e;
    char text[2400];
    struct store *store = must_open();
    assert_true(structure_is_damaged(store));
    if (ask(store, &e))
        fail_msg("%s", error_line(&e, text, sizeof text));
    store_close(store);
    store = must_open();
    assert_true(store_met_damage(store)); /* so that somebody looks for what is lost */
    struct reading r = read_all(store);
    store_close(store);
    assert_true(is_there(".damaged"));
    assert_false(is_there(".renew") || is_there(".renewing") || is_there(".renewed"));
    return r;
}

/* --- what is torn, and what is left --- */

static void a_torn_page_of_items_costs_what_lay_on_it(void **state)
{
    (void)state;
    static const struct {
        int first, step, count, least; /* on the first page lies only what was replaced */
    } torn[] = {{0, 1, 1, 0},  {20, 1, 1, 1}, {-1, 1, 1, 1},
                {10, 1, 3, 3}, {3, 9, 4, 4},  {0, 2, 8, 7}};
    for (size_t i = 0; i < COUNT_OF(torn); i++) {
        int pages[PAGES_MAX];
        no_files(NULL);
        make_store();
        int count = (int)pages_of("item_1", "leaf", pages);
        assert_true(count > 40);
        for (int n = 0; n < torn[i].count; n++)
            tear(pages[(torn[i].first + n * torn[i].step + count) % count]);
        struct reading r = renew_and_read();
        assert_int_equal(r.missing, 0);
        assert_int_equal(r.damaged, r.lost); /* each by name */
        assert_int_equal(r.right + r.damaged, ITEMS);
        assert_in_range(r.lost, torn[i].least, torn[i].least * 30);
        assert_int_equal(r.adds_up, r.lost == 0);
    }
}

/* Page after page, and every other one: what can be read between them is. */
static void what_lies_between_torn_pages_is_read(void **state)
{
    (void)state;
    static const int torn[] = {9, 10, 11, 13, 15, 16, 17, 18, 19, 20, 22, 30, 31, 33};
    int pages[PAGES_MAX];
    make_store();
    size_t count = pages_of("item_1", "leaf", pages);
    assert_true(count > 40);
    int64_t there = rows_on(torn, COUNT_OF(torn));
    for (size_t i = 0; i < COUNT_OF(torn); i++)
        tear(pages[torn[i]]);
    struct reading r = renew_and_read();
    assert_int_equal(r.missing, 0);
    assert_int_equal(r.lost, there);
    assert_int_equal(r.right, ITEMS - there);
}

static void the_root_of_the_items_leaves_their_names(void **state)
{
    (void)state;
    int pages[PAGES_MAX];
    make_store();
    assert_int_equal(pages_of("item_1", "internal", pages), 1);
    tear(pages[0]);
    struct reading r = renew_and_read();
    assert_int_equal(r.lost, ITEMS);
    assert_int_equal(r.missing + r.right, 0);
}

static void keys_are_made_anew(void **state)
{
    (void)state;
    static const struct {
        const char *name, *type;
    } torn[] = {{"sqlite_autoindex_home_1", "leaf"},
                {"leaf_1", "leaf"},
                {"leaf_1", "internal"},
                {"leaf_1_low", "leaf"},
                {"item_1_deleted", "leaf"},
                {"replaced", "leaf"}};
    for (size_t i = 0; i < COUNT_OF(torn); i++) {
        int pages[PAGES_MAX];
        no_files(NULL);
        make_store();
        size_t count = pages_of(torn[i].name, torn[i].type, pages);
        assert_true(count > 0);
        tear(pages[count / 2]);
        struct reading r = renew_and_read();
        assert_int_equal(r.right, ITEMS);
        assert_int_equal(r.lost, 0);
        assert_true(r.adds_up);
    }
}

static void lead_800_to_900(const struct led *led, struct leaf_writer *keys, void *context)
{
    (void)context;
    leaf_add(keys, led->key, led->usn == 800 ? 900 : led->usn);
}

/* Whether a newer row got lost, or the key is wrong, the other pool knows: both are named. */
static void a_key_that_is_wrong_takes_no_sound_row_along(void **state)
{
    (void)state;
    int pages[PAGES_MAX];
    sqlite3 *db;
    make_store();
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(
        sqlite3_exec(db, "UPDATE item_1 SET usn = 100000 WHERE usn = 900", NULL, NULL, NULL),
        SQLITE_OK);
    sqlite3_close(db);
    change_keys(path, lead_800_to_900, NULL);
    tear(pages[pages_of("leaf_1", "leaf", pages) - 1]);
    struct reading r = renew_and_read();
    assert_int_equal(r.right, ITEMS - 2); /* the row of change 900 is another one now, and lost */
    assert_int_equal(r.lost, 3);          /* what led to it, what leads there, and what it led to */
}

/* A text comes before all bytes, whatever is in it. */
static void bytes_that_became_a_text_are_bytes_again(void **state)
{
    (void)state;
    int pages[PAGES_MAX];
    sqlite3 *db;
    make_store();
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "UPDATE item_1 SET key = cast(key AS TEXT) WHERE usn = 900",
                                  NULL, NULL, NULL),
                     SQLITE_OK);
    sqlite3_close(db);
    tear(pages[pages_of("leaf_1", "leaf", pages) - 1]);
    struct reading r = renew_and_read();
    assert_int_equal(r.right, ITEMS);
    assert_int_equal(r.lost, 0);
    assert_true(r.adds_up);
    struct store *store = must_open();
    assert_sound(store, HOME);
    store_close(store);
}

static void a_sound_copy_of_a_file_can_be_made_too(void **state)
{
    (void)state;
    make_store();
    struct store *store = must_open();
    struct reading before = read_all(store);
    assert_int_equal(ask(store, NULL), OK);
    store_close(store);
    store = must_open();
    struct reading after = read_all(store);
    assert_int_equal(before.right, ITEMS);
    assert_memory_equal(&before, &after, sizeof before);
    assert_sound(store, HOME);
    store_lease(store, HOME, UINT64_MAX);
    put_one(store, 2, "key-0003", "it goes on");
    store_close(store);
}

static void what_tells_of_everything_else_must_be_whole(void **state)
{
    (void)state;
    static const char *const names[] = {"record", "home"};
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        int pages[PAGES_MAX];
        struct error e = {0};
        no_files(NULL);
        make_store();
        assert_int_equal(pages_of(names[i], "leaf", pages), 1);
        tear(pages[0]);
        struct store *store = must_open();
        assert_true(structure_is_damaged(store));
        assert_int_equal(ask(store, &e), FAIL_DAMAGED);
        assert_says(&e, FAIL_DAMAGED, "damaged");
        assert_false(is_there(".renew"));
        store_close(store);
        store_close(must_open());
        assert_false(is_there(".damaged"));
    }
}

/* Whatever lies there when it is opened: what was acknowledged is read. */
static void whoever_is_interrupted_goes_on(void **state)
{
    (void)state;
    int pages[PAGES_MAX];
    make_store();
    size_t count = pages_of("leaf_1", "leaf", pages);
    tear(pages[count / 2]);
    OWNED(buffer_free) struct buffer old = content_of("");
    renew_and_read();
    OWNED(buffer_free) struct buffer new = content_of("");
    static const struct {
        const char *there[4]; /* "" and ".damaged" are the old file, ".renewed" is the new one */
    } at[] = {{{"", ".renew"}},
              {{"", ".renew", ".renewing"}},
              {{"", ".renew", ".renewed"}},
              {{"", ".renewed"}},
              {{".damaged", ".renewed"}},
              {{".damaged", ".damaged-wal", ".renewed"}},
              {{"", ".renewed", ".damaged"}}};
    for (size_t i = 0; i < COUNT_OF(at); i++) {
        no_files(NULL);
        for (size_t n = 0; n < COUNT_OF(at[i].there) && at[i].there[n]; n++) {
            const char *end = at[i].there[n];
            write_content(end, strcmp(end, ".renewed") == 0 ? &new : &old);
        }
        struct store *store = must_open();
        assert_true(store_met_damage(store));
        struct reading r = read_all(store);
        store_close(store);
        assert_int_equal(r.right, ITEMS);
        assert_true(is_there(".damaged"));
        assert_false(is_there(".renew") || is_there(".renewing") || is_there(".renewed"));
    }
}

/* The log of the old file has what was acknowledged last; and stays with it. */
static void what_is_in_the_log_only_is_taken_along(void **state)
{
    (void)state;
    make_store();
    struct store *store = must_open();
    open_term(store, HOME, 4);
    put_one(store, 4, "key-0005", "the last one");
    OWNED(buffer_free) struct buffer main_file = content_of("");
    OWNED(buffer_free) struct buffer log = content_of("-wal");
    assert_true(log.size > 0);
    store_close(store);
    no_files(NULL);
    write_content("", &main_file); /* as a machine leaves it that is switched off */
    write_content("-wal", &log);
    write_content(".renew", &(struct buffer){0});
    store = must_open();
    struct item item;
    OWNED(view_close) struct view *view = NULL;
    assert_int_equal(store_view(store, &view, NULL), OK);
    assert_int_equal(view_item(view, HOME, MODULE, bytes_of_text("key-0005"), &item, NULL), OK);
    assert_true(bytes_equal(item.value, bytes_of_text("the last one")));
    view_close(TAKE(view));
    store_close(store);
}

static void it_is_not_made_anew_again_and_again(void **state)
{
    (void)state;
    int pages[PAGES_MAX];
    struct error e = {0};
    make_store();
    tear(pages[pages_of("leaf_1", "leaf", pages) - 1]);
    renew_and_read();
    tear(pages[pages_of("leaf_1", "leaf", pages) - 1]);
    struct store *store = must_open();
    assert_true(structure_is_damaged(store));
    assert_int_equal(ask(store, &e), FAIL_DAMAGED);
    assert_says(&e, FAIL_DAMAGED, "it was made anew 0 minutes ago");
    store_close(store);
    assert_false(is_there(".renew"));
}

/* What it was goes on, and is not tried again and again. */
static void where_no_new_file_can_be_made_the_old_one_stays(void **state)
{
    (void)state;
    int pages[PAGES_MAX];
    struct error e = {0};
    make_store();
    tear(pages[pages_of("leaf_1", "leaf", pages) - 1]);
    struct store *store = must_open();
    assert_int_equal(ask(store, NULL), OK);
    store_close(store);
    assert_int_equal(mkdir(file(".renewing"), 0700), 0); /* in its way */
    store = must_open();
    assert_true(structure_is_damaged(store));
    assert_false(is_there(".renew") || is_there(".renewed") || is_there(".damaged"));
    store_lease(store, HOME, UINT64_MAX);
    put_one(store, 2, "key-0003", "it goes on");
    assert_int_equal(ask(store, &e), FAIL_DAMAGED);
    assert_says(&e, FAIL_DAMAGED, "no new file could be made of it");
    store_close(store);
    assert_int_equal(rmdir(file(".renewing")), 0);
}

/* --- what nobody thought of --- */

static uint32_t draw(uint64_t *seed, uint32_t below)
{
    *seed = *seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(*seed >> 33) % below;
}

/* A page that is empty, or garbage, or another one's, or has some bytes wrong. */
static void damage_page(struct buffer *b, uint64_t *seed)
{
    uint32_t pages = (uint32_t)(b->size / PAGE);
    uint8_t *page = b->at + (size_t)(1 + draw(seed, pages - 1)) * PAGE;
    switch (draw(seed, 4)) {
    case 0: memset(page, 0, PAGE); break;
    case 1:
        for (int i = 0; i < PAGE; i++)
            page[i] = (uint8_t)draw(seed, 256);
        break;
    case 2: memmove(page, b->at + (size_t)draw(seed, pages) * PAGE, PAGE); break;
    default:
        for (int i = 0; i < 4; i++)
            page[draw(seed, draw(seed, 2) ? 100 : PAGE)] ^= (uint8_t)(1 + draw(seed, 255));
    }
}

static bool damaged_so_that_it_can_be_renewed(void)
{
    struct store *store;
    if (open_store(&store, NULL))
        return false;
    bool can = structure_is_damaged(store) && ask(store, NULL) == OK;
    store_close(store);
    return can;
}

static void nothing_is_read_wrong_whatever_is_torn(void **state)
{
    (void)state;
    make_store();
    OWNED(buffer_free) struct buffer sound = content_of("");
    int renewed = 0, whole = 0;
    for (uint64_t round = 1; round <= ROUNDS; round++) {
        uint64_t seed = round;
        OWNED(buffer_free) struct buffer damaged = {0};
        buffer_raw(&damaged, sound.at, sound.size);
        for (uint32_t n = 1 + draw(&seed, 3); n > 0; n--)
            damage_page(&damaged, &seed);
        no_files(NULL);
        write_content("", &damaged);
        if (!damaged_so_that_it_can_be_renewed())
            continue;
        struct store *store = must_open();
        struct reading r = read_all(store);
        store_close(store);
        assert_int_equal(count_astray(path), 0);
        if (r.right < ITEMS && r.adds_up)
            fail_msg("in round %d something is gone, and nobody can tell", (int)round);
        renewed++;
        whole += r.right == ITEMS;
    }
    print_message("# %d of %d rounds made a new file, %d of them a whole one\n", renewed, ROUNDS,
                  whole);
    assert_in_range(renewed, ROUNDS / 3, ROUNDS);
}

int main(void)
{
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/store", folder);
#define TORN(story) cmocka_unit_test_setup_teardown(story, no_files, no_files)
    const struct CMUnitTest tests[] = {
        TORN(a_torn_page_of_items_costs_what_lay_on_it),
        TORN(what_lies_between_torn_pages_is_read),
        TORN(the_root_of_the_items_leaves_their_names),
        TORN(keys_are_made_anew),
        TORN(a_key_that_is_wrong_takes_no_sound_row_along),
        TORN(bytes_that_became_a_text_are_bytes_again),
        TORN(a_sound_copy_of_a_file_can_be_made_too),
        TORN(what_tells_of_everything_else_must_be_whole),
        TORN(whoever_is_interrupted_goes_on),
        TORN(what_is_in_the_log_only_is_taken_along),
        TORN(it_is_not_made_anew_again_and_again),
        TORN(where_no_new_file_can_be_made_the_old_one_stays),
        TORN(nothing_is_read_wrong_whatever_is_torn),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    rmdir(folder);
    return failed;
}
