/* A store whose file is damaged in its first pages heals by itself, of its spare: nothing is lost,
 * nothing older comes back, and a file that is not the spare's is left as it is. */
#include "unit.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/memory.h"
#include "store/sqlite.h"
#include "store/sqlite_spare.h"
#include "store/sqlite_spared.h"
#include "store_check.h"
#include "store_file.h"

static char folder[] = "/tmp/pollux-spare-XXXXXX";
static char path[64];

enum {
    ITEMS = 120,
    REPLACED = 30, /* of them were something else before, which still lies about */
    RECORDS = 12,
    PAGE = 8192,
    SLOT = PAGE + 16,
    HEADER = 100, /* of the file: each byte of it is damaged, and of pages some */
    STEP = 331,
    LATER = 1000, /* what is stored behind a moment has numbers from here on */
};

static const char *const ends[] = {
    "", "-wal", "-shm", "-journal", ".lock", ".renew", ".spare", ".spare-replaced", ".damaged"};

static const char *file(const char *end)
{
    static char names[4][96];
    static size_t next;
    char *name = names[next++ % COUNT_OF(names)];
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
    for (size_t i = 0; i < COUNT_OF(ends); i++) {
        unlink(file(ends[i]));
        rmdir(file(ends[i]));
    }
    return 0;
}

/* --- files as they were at a moment --- */

static struct buffer content_of(const char *end)
{
    return content_at(file(end));
}

static void write_content(const char *end, const struct buffer *content)
{
    put_content_at(file(end), buffer_view(content));
}

struct moment {
    struct buffer main_file, log, spare;
};

static struct moment moment_now(void)
{
    return (struct moment){content_of(""), content_of("-wal"), content_of(".spare")};
}

static void moment_free(struct moment m)
{
    buffer_free(&m.main_file);
    buffer_free(&m.log);
    buffer_free(&m.spare);
}
DEFINE_OWNED(struct moment, moment_free)

/* As a machine leaves it that is switched off. */
static void go_back_to(const struct moment *m)
{
    no_files(NULL);
    write_content("", &m->main_file);
    write_content(".spare", &m->spare);
    if (m->log.size)
        write_content("-wal", &m->log);
}

/* Which knows nothing of a spare, and leaves no log behind. */
static void by_another_program(const char *sql)
{
    sqlite3 *db;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
}

static void flip(struct buffer *b, size_t at)
{
    b->at[at] ^= 0x10;
}

static void flip_file(const char *end, size_t at)
{
    OWNED(buffer_free) struct buffer b = content_of(end);
    assert_true(at < b.size);
    flip(&b, at);
    write_content(end, &b);
}

/* --- what is stored --- */

static enum failure open_store(struct store **store, struct error *e)
{
    return open_store_at(path, store, e);
}

static struct store *must_open(void)
{
    return must_open_at(path);
}

static struct store *open_to_change(void)
{
    struct store *store = must_open();
    store_lease(store, HOME, UINT64_MAX);
    return store;
}

static const char *name_of(const char *what, int n, char text[32])
{
    snprintf(text, 32, "%s/%04d", what, n);
    return text;
}

static void put(struct store *store, int from, int to, const char *what)
{
    struct txn *txn = as_holder(2);
    for (int n = from; n < to; n++) {
        char key[32], value[32];
        put_text(txn, name_of("key", n, key), name_of(what, n, value));
    }
    commit_as(store, txn, OK);
}

static void put_records(struct store *store, int from, int to)
{
    struct txn *txn = as_holder(2);
    for (int n = from; n < to; n++) {
        char name[32];
        name_of("record", n, name);
        txn_record(txn, name, bytes_of_text(name));
    }
    commit_as(store, txn, OK);
}

static void serve_partner_too(struct store *store)
{
    struct hold hold = a_hold(MODE_SERVING, 2, 1);
    strcpy(hold.home, PARTNER);
    assert_int_equal(keep_hold(store, &hold, NULL), OK);
}

static void make_store(void)
{
    struct store *store = must_open();
    serve_home(store, 2);
    serve_partner_too(store);
    put(store, 0, REPLACED, "before");
    put(store, 0, ITEMS, "value");
    put_records(store, 0, RECORDS);
    store_close(store); /* one file again, and its spare */
    assert_true(is_there(".spare"));
}

static void store_later(int items, int records)
{
    struct store *store = open_to_change();
    if (items)
        put(store, ITEMS, ITEMS + items, "value");
    if (records)
        put_records(store, RECORDS, RECORDS + records);
    store_close(store);
}

/* --- what is read --- */

static bool count_name(const char *name, void *context)
{
    (void)name;
    ++*(int *)context;
    return true;
}

static void assert_item(struct view *view, int n)
{
    char key[32], value[32];
    struct item item;
    struct error e = {0};
    if (view_item(view, HOME, MODULE, bytes_of_text(name_of("key", n, key)), &item, &e))
        fail_msg("%s: %s", key, e.what);
    assert_true(bytes_equal(item.value, bytes_of_text(name_of("value", n, value))));
}

static void assert_records(struct view *view, int records)
{
    int count = 0;
    for (int n = 0; n < records; n++) {
        char name[32];
        OWNED(buffer_free) struct buffer value = {0};
        assert_int_equal(view_record(view, name_of("record", n, name), &value, NULL), OK);
        assert_true(bytes_equal(buffer_view(&value), bytes_of_text(name)));
    }
    assert_int_equal(view_records(view, "record/", count_name, &count, NULL), OK);
    assert_int_equal(count, records);
}

static void assert_homes(struct view *view, int items)
{
    static const char *const names[] = {HOME, PARTNER};
    int count = 0;
    struct home_state state;
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        struct hold hold;
        assert_int_equal(view_hold(view, names[i], &hold, NULL), OK);
        assert_int_equal(hold.mode, MODE_SERVING);
    }
    assert_int_equal(view_homes(view, count_name, &count, NULL), OK);
    assert_int_equal(count, COUNT_OF(names));
    assert_int_equal(view_home(view, HOME, &state, NULL), OK);
    assert_int_equal(state.head, REPLACED + items);
}

static bool goes_on(void *context)
{
    (void)context;
    return true;
}

/* All that was stored, and nothing else; and it goes on. */
static void assert_all(int items, int records)
{
    struct error e = {0};
    struct store *store = must_open();
    OWNED(view_close) struct view *view = NULL;
    assert_int_equal(store_view(store, &view, NULL), OK);
    for (int n = 0; n < items; n++)
        assert_item(view, n);
    assert_records(view, records);
    assert_homes(view, items);
    if (view_structure(view, goes_on, NULL, &e))
        fail_msg("%s", e.what);
    view_close(TAKE(view));
    assert_sound(store, HOME);
    assert_sound(store, PARTNER);
    store_lease(store, HOME, UINT64_MAX);
    put(store, LATER, LATER + 1, "value");
    assert_sound(store, HOME);
    store_close(store);
}

/* When it is opened, or by whoever reads what is damaged; and nothing is changed. */
static enum failure try_to_read(struct error *e)
{
    struct store *store;
    enum failure bad = open_store(&store, e);
    if (bad)
        return bad;
    int count = 0;
    struct view *view;
    assert_int_equal(store_view(store, &view, NULL), OK);
    bad = view_homes(view, count_name, &count, e);
    view_close(view);
    store_close(store);
    return bad;
}

static void assert_refused(enum failure kind, const char *part)
{
    struct error e = {0};
    OWNED(buffer_free) struct buffer before = content_of("");
    assert_int_equal(try_to_read(&e), kind);
    assert_says(&e, kind, part);
    OWNED(buffer_free) struct buffer after = content_of("");
    assert_true(bytes_equal(buffer_view(&before), buffer_view(&after)));
    assert_false(is_there(".spare-replaced"));
}

/* --- damage --- */

static void heals_at(const struct moment *sound, size_t at, int *mended)
{
    go_back_to(sound);
    flip_file("", at);
    print_message("# %zu\n", at);
    assert_all(ITEMS, RECORDS);
    *mended += is_there(".spare-replaced");
}

/* A version that is newer is believed: somebody may have gone back to this one. */
static size_t next_place(size_t at, size_t in_header, size_t behind)
{
    enum { VERSION_AT = 60, VERSION_END = 64 };
    at += at < HEADER ? in_header : behind;
    return at >= VERSION_AT && at < VERSION_END ? VERSION_END : at;
}

/* What is on no row and in no list of the file may be another, and hurts nobody. */
static void a_flipped_byte_of_each_of_the_first_pages_heals(void **state)
{
    (void)state;
    make_store();
    OWNED(moment_free) struct moment sound = moment_now();
    int mended = 0, tried = 0;
    for (size_t at = 0; at < SPARE_PAGES * PAGE; at = next_place(at, 1, STEP), tried++)
        heals_at(&sound, at, &mended);
    print_message("# %d of %d were mended\n", mended, tried);
    assert_in_range(mended, tried / 5, tried); /* the rest is right as it is */
}

/* Empty, or garbage, or another one, as disks and memories leave it. */
static void a_page_that_is_not_what_it_was_at_all_heals(void **state)
{
    (void)state;
    make_store();
    OWNED(moment_free) struct moment sound = moment_now();
    for (int number = 1; number <= SPARE_PAGES; number++) {
        for (int way = 0; way < 3; way++) {
            OWNED(buffer_free) struct buffer b = content_of("");
            uint8_t *page = b.at + (number - 1) * PAGE;
            if (way < 2)
                memset(page, way ? 0xa5 : 0, PAGE);
            else
                memcpy(page, b.at + number * PAGE, PAGE);
            go_back_to(&sound);
            write_content("", &b);
            assert_all(ITEMS, RECORDS);
            assert_true(is_there(".spare-replaced"));
            go_back_to(&sound);
        }
    }
}

/* On the first pages up to this one, wherever it stands: also what lies in no row any more. */
static void damage(struct bytes what, size_t offset, int upto)
{
    int places = 0;
    OWNED(buffer_free) struct buffer b = content_of("");
    for (size_t i = 0; i + what.size <= (size_t)upto * PAGE; i++) {
        if (memcmp(b.at + i, what.at, what.size) != 0)
            continue;
        flip(&b, i + offset);
        places++;
    }
    assert_true(places > 0);
    write_content("", &b);
}

/* The state of HOME. */
static void damage_homes(void)
{
    damage(bytes_of_text(HOME "\4"), strlen(HOME) + 3, 3);
}

static void damage_records(void)
{
    damage(bytes_of_text("record/0003"), 5, 5);
}

/* The log has what came last, and is read before the file is. */
static void damage_that_a_process_left_behind_that_was_killed_heals(void **state)
{
    (void)state;
    make_store();
    struct store *store = open_to_change();
    put(store, ITEMS, ITEMS + 5, "value");
    OWNED(moment_free) struct moment killed = moment_now();
    store_close(store);
    assert_true(killed.log.size > 0);
    int mended = 0;
    for (size_t at = 0; at < SPARE_PAGES * PAGE; at = next_place(at, 7, 3 * STEP)) {
        go_back_to(&killed);
        flip_file("", at);
        print_message("# %zu\n", at);
        assert_all(ITEMS + 5, RECORDS);
        mended += is_there(".spare-replaced");
    }
    assert_true(mended > 0);
    go_back_to(&killed); /* what the log has of these stays there while it is looked at */
    damage_homes();
    damage_records();
    assert_all(ITEMS + 5, RECORDS);
}

/* It was under way into the file, and half of it came there. That is no damage. */
static void a_first_page_that_a_power_cut_tore_is_read_in_the_log(void **state)
{
    (void)state;
    make_store();
    struct store *store = open_to_change();
    put(store, ITEMS, ITEMS + 300, "value"); /* so the file grows, which its first page tells */
    OWNED(moment_free) struct moment killed = moment_now();
    store_close(store);
    go_back_to(&killed);
    flip_file("", 60);
    assert_all(ITEMS + 300, RECORDS);
    assert_false(is_there(".spare-replaced"));
}

static void two_pages_heal_and_more_do_not(void **state)
{
    (void)state;
    make_store();
    OWNED(moment_free) struct moment sound = moment_now();
    damage_homes();
    damage_records();
    assert_all(ITEMS, RECORDS);
    assert_true(is_there(".spare-replaced"));
    go_back_to(&sound);
    for (size_t number = 2; number <= 5; number++)
        flip_file("", number * PAGE - 5);
    assert_refused(FAIL_FOREIGN, "is the store of pool");
    go_back_to(&sound); /* that it is the same file shows on one of these two */
    flip_file("", 3);
    damage_homes();
    assert_refused(FAIL_FOREIGN, "not a SQLite database");
}

/* A disk that said that the page was written, and kept the one before: each row is sound then. */
static void an_older_page_of_homes_heals(void **state)
{
    (void)state;
    make_store();
    OWNED(buffer_free) struct buffer old = content_of("");
    store_later(1, 0);
    OWNED(buffer_free) struct buffer b = content_of("");
    memcpy(b.at + 2 * PAGE, old.at + 2 * PAGE, PAGE);
    write_content("", &b);
    assert_all(ITEMS + 1, RECORDS);
    assert_true(is_there(".spare-replaced"));
}

static void what_was_there_is_kept(void **state)
{
    (void)state;
    make_store();
    damage_homes();
    OWNED(buffer_free) struct buffer damaged = content_of("");
    struct store *store = must_open();
    assert_true(store_met_damage(store)); /* so that somebody looks for more */
    store_close(store);
    OWNED(buffer_free) struct buffer kept = content_of(".spare-replaced");
    assert_int_equal(kept.size, SPARE_PAGES * PAGE);
    assert_memory_equal(kept.at, damaged.at, kept.size);
}

/* --- which of both is right --- */

static const struct {
    int items, records;
} later[] = {{1, 0}, {0, 1}, {3, 2}, {80, 0}, {0, 60}};

/* By whoever comes back from a backup, or has another file. */
static void a_store_put_back_beside_a_newer_spare_is_taken_as_it_is(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(later); i++) {
        no_files(NULL);
        make_store();
        OWNED(buffer_free) struct buffer old = content_of("");
        store_later(later[i].items, later[i].records);
        write_content("", &old);
        assert_all(ITEMS, RECORDS);
        assert_false(is_there(".spare-replaced"));
    }
}

static void put_large(struct store *store, size_t size)
{
    OWNED(free_memory) char *value = xcalloc(1, size + 1);
    memset(value, 'x', size);
    struct txn *txn = as_holder(2);
    txn_record(txn, "large", bytes_of(value, size)); /* of no size: it goes */
    commit_as(store, txn, OK);
}

/* The number that SQLite calls a change counter stays, with a log, while a process writes the page
 * again and again: two times of one file may have the same. */
static void have_counter_of_spare(void)
{
    static const size_t places[] = {24, 92};
    OWNED(buffer_free) struct buffer b = content_of("");
    OWNED(buffer_free) struct buffer spare = content_of(".spare");
    for (size_t i = 0; i < COUNT_OF(places); i++)
        memcpy(b.at + places[i], spare.at + places[i], sizeof(uint32_t));
    assert_memory_not_equal(b.at, spare.at, PAGE);
    write_content("", &b);
}

static void assert_right_as_it_is(size_t large)
{
    assert_all(ITEMS, RECORDS);
    assert_false(is_there(".spare-replaced"));
    struct store *store = must_open();
    OWNED(view_close) struct view *view = NULL;
    OWNED(buffer_free) struct buffer value = {0};
    assert_int_equal(store_view(store, &view, NULL), OK);
    assert_int_equal(view_record(view, "large", &value, NULL), OK);
    assert_int_equal(value.size, large);
    view_close(TAKE(view));
    store_close(store);
}

/* Behind the last checkpoint pages were taken from those that are free, and another program has put
 * that into the file: it is right, and what the spare has would have the same pages taken again. */
static void a_log_that_somebody_else_emptied_makes_no_damage(void **state)
{
    enum { LARGE = 20000 };
    (void)state;
    make_store();
    struct store *store = open_to_change();
    put_large(store, 900000);
    put_large(store, 0);
    store_close(store);
    store = open_to_change();
    put_large(store, LARGE);
    OWNED(moment_free) struct moment killed = moment_now();
    store_close(store);
    go_back_to(&killed);
    by_another_program("SELECT * FROM meta");
    have_counter_of_spare();
    assert_right_as_it_is(LARGE);
}

static void an_older_copy_with_the_same_counter_is_taken_as_it_is(void **state)
{
    enum { LARGE = 300000 };
    (void)state;
    make_store();
    struct store *store = open_to_change();
    put_large(store, LARGE);
    store_close(store);
    OWNED(buffer_free) struct buffer old = content_of("");
    store = open_to_change();
    put_large(store, 0);
    store_close(store);
    write_content("", &old);
    have_counter_of_spare();
    assert_right_as_it_is(LARGE);
}

static void a_store_put_back_and_damaged_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(later); i++) {
        no_files(NULL);
        make_store();
        OWNED(buffer_free) struct buffer old = content_of("");
        store_later(later[i].items, later[i].records);
        if (!later[i].items)
            continue; /* nothing else changed: the homes' page is what it was */
        write_content("", &old);
        damage_homes();
        assert_refused(FAIL_DAMAGED, "state of the home " HOME);
    }
}

static void a_spare_of_another_store_is_not_used(void **state)
{
    (void)state;
    struct store *store = must_open();
    serve_home(store, 2);
    put(store, 0, 20, "other");
    store_close(store);
    OWNED(buffer_free) struct buffer other = content_of(".spare");
    no_files(NULL);
    make_store();
    write_content(".spare", &other);
    OWNED(moment_free) struct moment mixed = moment_now();
    assert_all(ITEMS, RECORDS);
    assert_false(is_there(".spare-replaced"));
    go_back_to(&mixed);
    damage_homes();
    assert_refused(FAIL_DAMAGED, "state of the home " HOME);
}

/* Somebody looks at the file of a process that was killed, and so empties its log; then the page
 * with the homes is damaged. Those of the spare are older. */
static void an_older_page_is_not_put_back(void **state)
{
    (void)state;
    make_store();
    struct store *store = open_to_change();
    put(store, ITEMS, ITEMS + 1, "value");
    OWNED(moment_free) struct moment killed = moment_now();
    store_close(store);
    go_back_to(&killed);
    by_another_program("SELECT * FROM meta");
    assert_false(is_there("-wal"));
    OWNED(moment_free) struct moment emptied = moment_now();
    assert_all(ITEMS + 1, RECORDS);
    go_back_to(&emptied);
    damage_homes();
    assert_refused(FAIL_DAMAGED, "state of the home " HOME);
}

/* By other means; it is newer than the spare's, and sound. */
static void a_page_that_needs_no_mending_stays_as_it_is(void **state)
{
    (void)state;
    make_store();
    by_another_program("DELETE FROM record WHERE name = 'record/0011'");
    damage_homes();
    assert_all(ITEMS, RECORDS - 1);
    assert_true(is_there(".spare-replaced"));
}

static void a_version_that_sqlite_wrote_is_no_damage(void **state)
{
    (void)state;
    make_store();
    by_another_program("PRAGMA user_version = 77");
    assert_refused(FAIL_NEWER, "77");
}

/* --- the spare --- */

static void assert_spare_is_right(void)
{
    OWNED(buffer_free) struct buffer b = content_of("");
    OWNED(first_pages_free) struct first_pages spare;
    assert_true(spare_read(path, &spare));
    assert_int_equal(spare.size, PAGE);
    assert_memory_equal(spare.at, b.at, SPARE_PAGES * PAGE);
    struct stat st;
    assert_int_equal(stat(file(".spare"), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
}

static void the_spare_follows_the_file(void **state)
{
    (void)state;
    make_store();
    assert_spare_is_right();
    for (size_t i = 0; i < COUNT_OF(later); i++) {
        store_later(later[i].items, later[i].records); /* closing empties the log */
        assert_spare_is_right();
    }
    struct engine *engine;
    struct store *store;
    const struct sqlite_options options = {.log_bytes = 20000}; /* hardly a transaction */
    assert_int_equal(sqlite_engine_open_with(path, HOME, &options, &engine, NULL), OK);
    assert_int_equal(store_open(engine, &store, NULL), OK);
    store_lease(store, HOME, UINT64_MAX);
    for (int n = 0; n < 300; n++)
        put(store, LATER + n, LATER + n + 1, "value");
    store_close(store);
    assert_spare_is_right();
}

/* Whatever SQLite asks of the file, it gets from the one below: of one that is mapped, too. */
static void a_file_that_is_mapped_has_a_spare_too(void **state)
{
    (void)state;
    sqlite3 *db;
    make_store();
    assert_int_equal(sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, sqlite_spared_vfs(NULL)),
                     SQLITE_OK);
    assert_int_equal(sqlite3_exec(db,
                                  "PRAGMA mmap_size = 1000000; CREATE TABLE more (value);"
                                  "INSERT INTO more SELECT value FROM item_1;"
                                  "PRAGMA wal_checkpoint(TRUNCATE);"
                                  "INSERT INTO more SELECT value FROM more, home",
                                  NULL, NULL, NULL),
                     SQLITE_OK);
    sqlite3_close(db);
    assert_spare_is_right();
    assert_all(ITEMS, RECORDS);
}

static void a_torn_slot_is_not_used(void **state)
{
    (void)state;
    make_store();
    OWNED(moment_free) struct moment sound = moment_now();
    for (size_t number = 1; number <= SPARE_PAGES; number++) {
        go_back_to(&sound);
        flip_file(".spare", number * SLOT - 4000);
        damage_homes();
        assert_refused(FAIL_DAMAGED, "state of the home " HOME);
        go_back_to(&sound);
        flip_file(".spare", number * SLOT - 4000);
        store_close(must_open());
        assert_spare_is_right();
    }
    go_back_to(&sound);
    OWNED(buffer_free) struct buffer shorter = content_of(".spare");
    shorter.size -= 100;
    write_content(".spare", &shorter);
    damage_homes();
    assert_refused(FAIL_DAMAGED, "state of the home " HOME);
}

static void without_a_spare_a_damaged_file_is_refused(void **state)
{
    (void)state;
    make_store();
    unlink(file(".spare"));
    OWNED(moment_free) struct moment sound = moment_now();
    damage_homes();
    assert_refused(FAIL_DAMAGED, "state of the home " HOME);
    go_back_to(&sound); /* as one that an earlier version left */
    store_close(must_open());
    assert_spare_is_right();
}

static void a_file_that_is_made_anew_gets_a_spare_of_its_own(void **state)
{
    (void)state;
    make_store();
    write_content(".renew", &(struct buffer){0});
    store_close(must_open());
    assert_true(is_there(".damaged"));
    assert_false(is_there(".renewing.spare"));
    assert_spare_is_right();
    damage_homes();
    assert_all(ITEMS, RECORDS);
    assert_true(is_there(".spare-replaced"));
}

/* A full disk, or what else may be in its way. */
static void a_spare_that_can_not_be_written_keeps_nobody_from_working(void **state)
{
    (void)state;
    make_store();
    struct store *store = open_to_change();
    unlink(file(".spare"));
    assert_int_equal(symlink("/dev/full", file(".spare")), 0);
    put(store, ITEMS, ITEMS + 1, "value");
    store_close(store); /* by which the log is emptied */
    assert_false(is_there("-wal"));
    assert_spare_is_right(); /* another one: this one has room */
    unlink(file(".spare"));
    assert_int_equal(mkdir(file(".spare"), 0700), 0);
    store = open_to_change();
    put(store, ITEMS + 1, ITEMS + 2, "value");
    store_close(store);
    assert_false(is_there("-wal"));
    assert_int_equal(rmdir(file(".spare")), 0);
    store_close(must_open());
    assert_spare_is_right();
    damage_homes();
    assert_all(ITEMS + 2, RECORDS);
}

int main(void)
{
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/store", folder);
#define STORE(story) cmocka_unit_test_setup_teardown(story, no_files, no_files)
    const struct CMUnitTest tests[] = {
        STORE(a_flipped_byte_of_each_of_the_first_pages_heals),
        STORE(a_page_that_is_not_what_it_was_at_all_heals),
        STORE(damage_that_a_process_left_behind_that_was_killed_heals),
        STORE(a_first_page_that_a_power_cut_tore_is_read_in_the_log),
        STORE(two_pages_heal_and_more_do_not),
        STORE(an_older_page_of_homes_heals),
        STORE(what_was_there_is_kept),
        STORE(a_store_put_back_beside_a_newer_spare_is_taken_as_it_is),
        STORE(a_log_that_somebody_else_emptied_makes_no_damage),
        STORE(an_older_copy_with_the_same_counter_is_taken_as_it_is),
        STORE(a_store_put_back_and_damaged_is_refused),
        STORE(a_spare_of_another_store_is_not_used),
        STORE(an_older_page_is_not_put_back),
        STORE(a_page_that_needs_no_mending_stays_as_it_is),
        STORE(a_version_that_sqlite_wrote_is_no_damage),
        STORE(the_spare_follows_the_file),
        STORE(a_file_that_is_mapped_has_a_spare_too),
        STORE(a_torn_slot_is_not_used),
        STORE(without_a_spare_a_damaged_file_is_refused),
        STORE(a_file_that_is_made_anew_gets_a_spare_of_its_own),
        STORE(a_spare_that_can_not_be_written_keeps_nobody_from_working),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    rmdir(folder);
    return failed;
}
