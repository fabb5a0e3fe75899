/* What happens to stores in real life: processes that are killed, disks that are full or read-only,
 * files that are damaged or belong to somebody else. Refused with words that help, never repaired
 * silently, and never read wrong. */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "keys_of_file.h"
#include "store/sqlite.h"
#include "store_check.h"
#include "store_file.h"

static char folder[] = "/tmp/pollux-faults-XXXXXX";
static char path[64];

static const char *const ends[] = {"",      "-wal",   "-shm",           "-journal",
                                   ".lock", ".spare", ".spare-replaced"};

static int no_files(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(ends); i++) {
        char file[80];
        snprintf(file, sizeof file, "%s%s", path, ends[i]);
        unlink(file);
        rmdir(file);
    }
    return 0;
}

static struct store *must_open(void)
{
    return must_open_at(path);
}

static void assert_refused(enum failure kind, const char *part)
{
    struct store *store;
    struct error e = {0};
    assert_int_equal(open_store_at(path, &store, &e), kind);
    assert_null(store);
    assert_says(&e, kind, part);
}

static struct buffer file_content(void)
{
    assert_int_equal(access(path, F_OK), 0);
    return content_at(path);
}

/* As the header of a SQLite file has it. */
static size_t page_size(const struct buffer *file)
{
    return (size_t)file->at[16] << 8 | file->at[17];
}

static void write_file(struct bytes content)
{
    put_content_at(path, content);
}

/* --- a store whose content is known --- */

/* Some of them were something else before. */
enum { ITEMS = 150, REPLACED = 40, FIRST_USN = REPLACED + 1 };

static struct bytes known_key(int n, char text[32])
{
    return bytes_of(text, (size_t)snprintf(text, 32, "key-%03d", n));
}

static struct bytes known_value(int n, char text[400])
{
    int size = snprintf(text, 400, "value-%03d-", n);
    size_t whole = (size_t)size + (size_t)(n % 7) * 50;
    memset(text + size, 'a' + n % 26, whole - (size_t)size);
    return bytes_of(text, whole);
}

static void put_known(struct txn *txn, int n)
{
    char key[32], value[400];
    txn_put(txn, MODULE, known_key(n, key), known_value(n, value));
}

static void serve_partner_too(struct store *store)
{
    struct hold hold = a_hold(MODE_SERVING, 2, 1);
    strcpy(hold.home, PARTNER);
    assert_int_equal(keep_hold(store, &hold, NULL), OK);
    store_lease(store, PARTNER, UINT64_MAX);
    struct txn *txn = txn_new(PARTNER);
    txn_as_holder(txn, 2);
    put_text(txn, "theirs", "partner-value");
    commit_as(store, txn, OK);
}

static void make_known_store(void)
{
    struct store *store = must_open();
    serve_home(store, 2);
    struct txn *txn = as_holder(2);
    for (int n = 0; n < REPLACED; n++) {
        char key[32];
        txn_put(txn, MODULE, known_key(n, key), bytes_of_text("before"));
    }
    commit_as(store, txn, OK);
    txn = as_holder(2);
    for (int n = 0; n < ITEMS; n++)
        put_known(txn, n);
    for (int n = 0; n < 20; n++) {
        char name[32];
        snprintf(name, sizeof name, "mark/%02d", n);
        txn_record(txn, name, bytes_of_text(name));
    }
    commit_as(store, txn, OK);
    serve_partner_too(store);
    store_close(store); /* one file again */
}

struct reading {
    enum failure refused; /* the first refusal */
    struct error why;
    const char *wrong; /* what was read and is not what was written */
    int count;
    bool missed; /* something was not found */
};

static bool note(struct reading *r, enum failure bad, const struct error *e)
{
    if (bad && bad != FAIL_NOT_FOUND && !r->refused) {
        r->refused = bad;
        r->why = *e;
    }
    r->missed |= bad == FAIL_NOT_FOUND;
    return !bad;
}

/* By its usn: a walk may leave something out, if only it says so in the end. */
static bool compare_item(const struct item *item, struct item_hash hash, void *context)
{
    (void)hash;
    struct reading *r = context;
    char key[32], value[400];
    int n = (int)item->version.usn - FIRST_USN;
    if (n < 0 || n >= ITEMS || !bytes_equal(item->key, known_key(n, key)) ||
        !bytes_equal(item->value, known_value(n, value)) || item->version.term != 2)
        r->wrong = "an item";
    r->count++;
    return true;
}

static bool compare_name(const char *name, void *context)
{
    struct reading *r = context;
    char expected[32];
    snprintf(expected, sizeof expected, "mark/%02d", r->count++);
    if (strcmp(name, expected) != 0)
        r->wrong = "a record's name";
    return true;
}

static bool count_name(const char *name, void *context)
{
    struct reading *r = context;
    r->count++;
    if (strcmp(name, HOME) != 0 && strcmp(name, PARTNER) != 0)
        r->wrong = "a home's name";
    return true;
}

static void read_items(struct view *view, struct reading *r)
{
    struct error e;
    for (int n = 0; n < ITEMS; n++) {
        char key[32];
        struct item item;
        if (note(r, view_item(view, HOME, MODULE, known_key(n, key), &item, &e), &e) &&
            (!compare_item(&item, (struct item_hash){0}, r) ||
             item.version.usn != (uint64_t)n + FIRST_USN))
            r->wrong = "another item";
    }
    r->count = 0;
    if (note(r, view_changes(view, HOME, 0, compare_item, r, &e), &e) && r->count != ITEMS)
        r->wrong = "fewer changes";
    r->count = 0;
    if (note(r, view_keys(view, HOME, MODULE, BYTES_NONE, compare_item, r, &e), &e) &&
        r->count != ITEMS)
        r->wrong = "fewer keys";
}

static void read_records(struct view *view, struct reading *r)
{
    struct error e;
    for (int n = 0; n < 20; n++) {
        char name[32];
        snprintf(name, sizeof name, "mark/%02d", n);
        OWNED(buffer_free) struct buffer value = {0};
        if (note(r, view_record(view, name, &value, &e), &e) &&
            !bytes_equal(buffer_view(&value), bytes_of_text(name)))
            r->wrong = "a record";
    }
    r->count = 0;
    if (note(r, view_records(view, "mark/", compare_name, r, &e), &e) && r->count != 20)
        r->wrong = "fewer records";
}

static void read_homes(struct view *view, struct reading *r)
{
    struct error e;
    struct home_state state;
    struct hold hold;
    if (note(r, view_home(view, HOME, &state, &e), &e) &&
        (state.head != REPLACED + ITEMS || state.modules[MODULE].digest.items != ITEMS))
        r->wrong = "the state of the home";
    if (note(r, view_hold(view, HOME, &hold, &e), &e) &&
        (hold.mode != MODE_SERVING || hold.term.tag != 2007 || hold.lineage.count != 1))
        r->wrong = "the hold record";
    r->count = 0;
    if (note(r, view_homes(view, count_name, r, &e), &e) && r->count != 2)
        r->wrong = "fewer homes";
}

/* Reads everything there is, and compares. */
static struct reading read_all(void)
{
    struct reading r = {0};
    struct store *store;
    struct error e = {0};
    if (!note(&r, open_store_at(path, &store, &e), &e))
        return r;
    struct view *view;
    if (note(&r, store_view(store, &view, &e), &e)) {
        read_items(view, &r);
        read_records(view, &r);
        read_homes(view, &r);
        view_close(view);
    }
    store_close(store);
    if (r.missed && !r.refused)
        r.wrong = "something is not found";
    return r;
}

static bool partner_is_readable(void)
{
    struct store *store;
    if (open_store_at(path, &store, NULL))
        return false;
    struct view *view;
    bool readable = false;
    if (store_view(store, &view, NULL) == OK) {
        struct item item;
        readable = view_item(view, PARTNER, MODULE, bytes_of_text("theirs"), &item, NULL) == OK &&
                   bytes_equal(item.value, bytes_of_text("partner-value"));
        view_close(view);
    }
    store_close(store);
    return readable;
}

static void the_known_store_is_read_right(void **state)
{
    (void)state;
    make_known_store();
    OWNED(buffer_free) struct buffer before = file_content();
    struct reading r = read_all();
    assert_null(r.wrong);
    assert_int_equal(r.refused, OK);
    assert_true(partner_is_readable());
    OWNED(buffer_free) struct buffer after = file_content();
    assert_true(bytes_equal(buffer_view(&before), buffer_view(&after)));
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600); /* what is in it is like passwords */
}

/* --- damage --- */

/* Reads the damaged file: right or refused, never wrong; and not written to. */
static struct reading read_damaged(const struct buffer *damaged, const char *what, size_t at)
{
    no_files(NULL);
    write_file(buffer_view(damaged));
    struct reading r = read_all();
    if (r.wrong)
        fail_msg("%s at %zu: read wrong: %s (%s)", what, at, r.wrong, r.why.what);
    OWNED(buffer_free) struct buffer after = file_content();
    if (!bytes_equal(buffer_view(damaged), buffer_view(&after)))
        fail_msg("%s at %zu: the file was written to", what, at);
    return r;
}

static size_t find_bytes(const struct buffer *b, struct bytes what, size_t from)
{
    for (size_t i = from; i + what.size <= b->size; i++) {
        if (memcmp(b->at + i, what.at, what.size) == 0)
            return i;
    }
    return SIZE_MAX;
}

/* Flips a bit in each place where these bytes stand, `offset` behind their beginning. */
static void flip_each(struct bytes what, size_t offset, const char *part)
{
    OWNED(buffer_free) struct buffer b = file_content();
    OWNED(buffer_free) struct buffer sound = {0};
    buffer_raw(&sound, b.at, b.size);
    unsigned places = 0;
    for (size_t at = find_bytes(&b, what, 0); at != SIZE_MAX; at = find_bytes(&b, what, at + 1)) {
        b.at[at + offset] ^= 0x04;
        struct reading r = read_damaged(&b, part, at);
        assert_says(&r.why, FAIL_DAMAGED, part);
        assert_true(partner_is_readable());
        b.at[at + offset] ^= 0x04;
        places++;
    }
    assert_true(places > 0);
    no_files(NULL);
    write_file(buffer_view(&sound));
}

static void a_flipped_bit_is_found_wherever_it_is(void **state)
{
    (void)state;
    make_known_store();
    flip_each(bytes_of_text("value-077-"), 3, "module UserServices.PresenceFocus");
    flip_each(bytes_of_text("key-077"), 5, ""); /* the item's, and the one that leads to it */
    flip_each(bytes_of_text("mark/07"), 6, "record");
    flip_each(bytes_of_text("hold/" HOME), 7, ""); /* its name */
    char text[32];
    struct item item = {.module = MODULE, .version = {2, 118}, .key = known_key(77, text)};
    char value[400];
    item.value = known_value(77, value);
    struct item_hash hash = item_hash(&item);
    flip_each(bytes_of(&hash, sizeof hash), 5, "not what was written");
    OWNED(buffer_free) struct buffer b = file_content();
    size_t at = find_bytes(&b, bytes_of_text("\2\x19" HOME "\x19" HOME), 0);
    assert_true(at != SIZE_MAX);
    b.at[at + 30] ^= 1;
    struct reading r = read_damaged(&b, "hold", at);
    assert_says(&r.why, FAIL_DAMAGED, "hold/" HOME);
    b.at[at + 30] ^= 1;
    at = find_bytes(&b, bytes_of_text(HOME "\4"), 0); /* name, then the state's format */
    assert_true(at != SIZE_MAX);
    b.at[at + strlen(HOME) + 1] ^= 1; /* the head */
    r = read_damaged(&b, "state", at);
    assert_says(&r.why, FAIL_DAMAGED, "state of the home " HOME);
    assert_true(partner_is_readable());
}

static long long ask(sqlite3 *db, const char *sql)
{
    sqlite3_stmt *stmt;
    long long n = -1;
    if (sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) == SQLITE_OK &&
        sqlite3_step(stmt) == SQLITE_ROW)
        n = sqlite3_column_int64(stmt, 0);
    sqlite3_finalize(stmt);
    return n;
}

/* What is changed by other means is damage, too; what is not mended by the spare is looked at here
 * (and that in test_sqlite_spare.c). */
static void drop_spare(void)
{
    char file[80];
    snprintf(file, sizeof file, "%s.spare", path);
    unlink(file);
}

static void spoil(const char *sql)
{
    sqlite3 *db;
    drop_spare();
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    assert_true(sqlite3_changes(db) > 0);
    sqlite3_close(db);
}

static bool note_unsound(uint64_t usn, bool sound, void *context)
{
    if (!sound)
        *(uint64_t *)context = usn;
    return true;
}

#define NOTHING UINT64_MAX

/* The last one that a scan finds. */
static uint64_t unsound(struct store *store)
{
    uint64_t usn = NOTHING;
    struct view *view;
    struct error e;
    assert_int_equal(store_view(store, &view, &e), OK);
    assert_int_equal(view_scan(view, HOME, note_unsound, &usn, &e), OK);
    view_close(view);
    return usn;
}

static void lead_118_to(uint64_t usn, const struct led *led, struct leaf_writer *keys)
{
    leaf_add(keys, led->key, led->usn == 118 ? usn : led->usn);
}

static void lead_118_to_another(const struct led *led, struct leaf_writer *keys, void *context)
{
    (void)context;
    lead_118_to(117, led, keys);
}

static void lead_118_nowhere(const struct led *led, struct leaf_writer *keys, void *context)
{
    (void)context;
    lead_118_to(STORE_NUMBER_MAX, led, keys);
}

static void drop_118(const struct led *led, struct leaf_writer *keys, void *context)
{
    (void)context;
    if (led->usn != 118)
        leaf_add(keys, led->key, led->usn);
}

static void rename_118(const struct led *led, struct leaf_writer *keys, void *context)
{
    (void)context;
    leaf_add(keys, led->usn == 118 ? bytes_of_text("key-077x") : led->key, led->usn);
}

static void add_garbage(const struct led *led, struct leaf_writer *keys, void *context)
{
    (void)context;
    if (bytes_equal(led->key, bytes_of_text("key-050")))
        leaf_add(keys, bytes_of_text("key-04garbage"), 5);
    leaf_add(keys, led->key, led->usn);
}

/* The item of change 118, damaged in each part that leads to it, or is it. */
static void what_a_scan_finds_can_be_put_back(void **state)
{
    static const struct {
        const char *sql;
        change_key *keys;
        uint64_t found;
    } ways[] = {
        {"UPDATE item_1 SET value = 'x' WHERE usn = 118", NULL, 118},
        {"UPDATE item_1 SET key = 'key-07x' WHERE usn = 118", NULL, 118},
        {"UPDATE item_1 SET module = 1 WHERE usn = 118", NULL, 118},
        {"DELETE FROM item_1 WHERE usn = 118", NULL, 118},
        {"INSERT INTO replaced VALUES (1, 118, 10)", NULL, 118},
        {NULL, drop_118, 118},
        {NULL, rename_118, 118},
        {NULL, lead_118_to_another, 118},
        {NULL, lead_118_nowhere, 118},
        /* Nobody can tell what was in them. */
        {"UPDATE leaf_1 SET leaf = substr(leaf, 1, 500) WHERE module = 0", NULL, 0},
        {"UPDATE leaf_1 SET leaf = x'' WHERE module = 1", NULL, 0},
        {"UPDATE leaf_1 SET leaf = replace(leaf, 'key-', 'kez-') WHERE module = 0", NULL, 0},
        {"UPDATE leaf_1 SET low = 'key-03' WHERE module = 0", NULL, 0},
        {"UPDATE leaf_1 SET module = 2 WHERE module = 0", NULL, 0},
        {"UPDATE leaf_1 SET module = 77 WHERE module = 0", NULL, 0},
        {"DELETE FROM leaf_1 WHERE module = 0", NULL, 0},
        {"DELETE FROM leaf_1", NULL, 0},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(ways); i++) {
        no_files(NULL);
        make_known_store();
        if (ways[i].sql)
            spoil(ways[i].sql);
        else
            change_keys(path, ways[i].keys, NULL);
        struct store *store = must_open();
        store_lease(store, HOME, UINT64_MAX);
        assert_int_equal(unsound(store), ways[i].found);
        char text[32], value[400];
        struct item item = {.module = MODULE,
                            .version = {2, 118},
                            .key = known_key(77, text),
                            .value = known_value(77, value)};
        char text_before[32], value_before[400];
        struct item before = {.module = MODULE,
                              .version = {2, 117},
                              .key = known_key(76, text_before),
                              .value = known_value(76, value_before)};
        struct txn *txn = as_holder(2);
        txn_discard(txn, (const uint64_t[]){0, 117, 118, INT64_MAX}, 4);
        txn_repair(txn, &item);
        txn_repair(txn, &before);
        commit_as(store, txn, OK);
        assert_int_equal(unsound(store), NOTHING);
        assert_sound(store, HOME);
        store_close(store);
    }
}

enum { CROWD = 12000 }; /* keys, on some leaves */

/* Each was changed once: replaced rows lie about. */
static void make_store_of_many(void)
{
    struct store *store = must_open();
    serve_home(store, 2);
    for (int twice = 0; twice < 2; twice++) {
        struct txn *txn = as_holder(2);
        for (int n = 0; n < CROWD; n++) {
            char key[32];
            txn_put(txn, MODULE, known_key(n, key), bytes_of_text("value"));
        }
        commit_as(store, txn, OK);
    }
    store_close(store);
}

/* No key is missed: whoever looks for one where it should be finds it, or that it is damaged. */
static size_t damaged_keys(void)
{
    size_t damaged = 0;
    struct store *store = must_open();
    OWNED(view_close) struct view *view = NULL;
    assert_int_equal(store_view(store, &view, NULL), OK);
    for (int n = 0; n < CROWD; n++) {
        char key[32];
        struct item item;
        enum failure bad = view_item(view, HOME, MODULE, known_key(n, key), &item, NULL);
        assert_true(bad == OK || bad == FAIL_DAMAGED);
        damaged += bad != OK;
    }
    view_close(TAKE(view));
    store_close(store);
    return damaged;
}

static void must_mend_its_keys(void)
{
    struct store *store = must_open();
    store_lease(store, HOME, UINT64_MAX);
    assert_int_equal(unsound(store), 0);
    struct txn *txn = as_holder(2);
    txn_discard(txn, NULL, 0);
    commit_as(store, txn, OK);
    assert_int_equal(unsound(store), NOTHING);
    assert_sound(store, HOME);
    store_close(store);
}

/* What they led to is known from the rows: so nobody else is needed. */
static void keys_that_are_damaged_are_made_anew_from_the_rows(void **state)
{
    static const char *const ways[] = {
        "UPDATE leaf_1 SET leaf = zeroblob(100) WHERE id % 3 = 1",
        "DELETE FROM leaf_1 WHERE id % 4 > 1",
        "UPDATE leaf_1 SET low = x'ff' WHERE id = (SELECT max(id) FROM leaf_1) - 1",
        "UPDATE leaf_1 SET low = (SELECT max(low) FROM leaf_1 WHERE module = 0)"
        " WHERE id = (SELECT max(id) FROM leaf_1) - 2",
        "DELETE FROM leaf_1",
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(ways); i++) {
        no_files(NULL);
        make_store_of_many();
        spoil(ways[i]);
        assert_true(damaged_keys() > 0);
        must_mend_its_keys();
    }
}

/* Nothing says that it was replaced. */
static void of_two_rows_with_one_key_the_newer_one_is_led_to(void **state)
{
    (void)state;
    struct store *store = must_open();
    follow_home(store);
    for (uint64_t usn = 1; usn <= 2; usn++) {
        struct txn *txn = as_copy();
        struct item item = an_item(usn, "key", usn == 1 ? "old" : "new");
        txn_apply(txn, &item);
        commit_as(store, txn, OK);
    }
    store_close(store);
    spoil("DELETE FROM replaced");
    spoil("DELETE FROM leaf_1");
    store = must_open();
    assert_int_equal(unsound(store), 0);
    struct txn *txn = as_copy();
    txn_discard(txn, NULL, 0);
    commit_as(store, txn, OK);
    assert_int_equal(unsound(store), 1); /* the one to which nothing leads */
    txn = as_copy();
    txn_discard(txn, &(uint64_t){1}, 1);
    commit_as(store, txn, OK);
    assert_int_equal(unsound(store), NOTHING);
    struct item item;
    OWNED(view_close) struct view *view = NULL;
    assert_int_equal(store_view(store, &view, NULL), OK);
    assert_int_equal(view_item(view, HOME, MODULE, bytes_of_text("key"), &item, NULL), OK);
    assert_true(bytes_equal(item.value, bytes_of_text("new")));
    view_close(TAKE(view));
    store_close(store);
}

/* It stands in its row, in the index of those, and at the end of the one before. Of these nobody
 * reads the first while the index has the same. */
static void where_a_leaf_begins_is_damaged_in_each_place(void **state)
{
    (void)state;
    make_store_of_many();
    sqlite3 *db;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    int first = (int)ask(db, "SELECT substr(low, 5) FROM leaf_1 WHERE module = 0"
                             " AND length(low) = 8 LIMIT 1 OFFSET 4");
    sqlite3_close(db);
    char text[32];
    struct bytes low = known_key(first, text);
    OWNED(buffer_free) struct buffer b = file_content();
    size_t places = 0, on_leaves = 0;
    for (size_t at = find_bytes(&b, low, 0); at != SIZE_MAX; at = find_bytes(&b, low, at + 1)) {
        b.at[at + 5] ^= 0x04;
        no_files(NULL);
        write_file(buffer_view(&b));
        b.at[at + 5] ^= 0x04;
        size_t damaged = damaged_keys();
        places++;
        on_leaves += damaged > 1;
        if (damaged > 1) /* the others are the item's rows */
            must_mend_its_keys();
    }
    assert_in_range(places, 4, 8);
    assert_int_equal(on_leaves, 2);
}

static void put_range(struct store *store, int from, int to, int step)
{
    struct txn *txn = as_holder(2);
    for (int n = from; n < to; n += step) {
        char key[32];
        txn_put(txn, MODULE, known_key(1000000 + n, key), bytes_of_text("value"));
    }
    commit_as(store, txn, OK);
}

/* As a page is left that was to be written when a leaf was parted, or joined with another. */
static void a_leaf_that_is_older_than_its_neighbours_is_not_believed(void **state)
{
    static const struct {
        int from, to, step; /* what comes behind the moment from which one leaf is */
        uint64_t found;
    } then[] = {
        {1, 2400, 2, 0},
        {2400, 20000, 1, 0}, /* it reaches over others */
        {300, 304, 1, 1204}, /* none was parted: only the last changes show */
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(then); i++) {
        no_files(NULL);
        struct store *store = must_open();
        serve_home(store, 2);
        put_range(store, 0, 2400, 2);
        store_close(store);
        spoil("CREATE TABLE old AS SELECT * FROM leaf_1 WHERE module = 0;"
              "UPDATE old SET id = id");
        store = must_open();
        store_lease(store, HOME, UINT64_MAX);
        put_range(store, then[i].from, then[i].to, then[i].step);
        store_close(store);
        spoil("UPDATE leaf_1 SET leaf = (SELECT leaf FROM old WHERE old.id = leaf_1.id)"
              " WHERE id = (SELECT min(id) FROM old)");
        store = must_open();
        assert_int_equal(unsound(store), then[i].found);
        store_close(store);
        if (then[i].found == 0)
            must_mend_its_keys();
    }
}

/* The record says that it is text: so it comes before all others. */
static void a_leaf_whose_beginning_has_another_type_is_made_anew(void **state)
{
    (void)state;
    make_store_of_many();
    spoil("UPDATE leaf_1 SET low = cast(low AS TEXT) WHERE id = (SELECT max(id) FROM leaf_1)");
    must_mend_its_keys();
}

static void more_keys_than_are_noted_at_once_are_made_anew(void **state)
{
    (void)state;
    struct store *store = must_open();
    serve_home(store, 2);
    for (int n = 0; n < 120000; n += 10000)
        put_range(store, n, n + 10000, 1);
    put_range(store, 0, 10000, 1); /* a replaced one comes with an earlier part than the other */
    store_close(store);
    spoil("UPDATE leaf_1 SET leaf = x'00' WHERE module = 0");
    must_mend_its_keys();
}

static void damaged_keys_of_a_home_do_not_keep_another_from_changing(void **state)
{
    (void)state;
    make_known_store();
    spoil("UPDATE leaf_1 SET leaf = x'00' WHERE module = 0");
    struct engine *engine;
    struct store *store;
    struct error e;
    const struct sqlite_options options = {.replaced_max = 1}; /* whoever writes tidies up, too */
    assert_int_equal(sqlite_engine_open_with(path, HOME, &options, &engine, &e), OK);
    assert_int_equal(store_open(engine, &store, &e), OK);
    store_lease(store, PARTNER, UINT64_MAX);
    for (int i = 0; i < 4; i++) {
        struct txn *txn = txn_new(PARTNER);
        txn_as_holder(txn, 2);
        put_text(txn, "theirs", "changed");
        commit_as(store, txn, OK);
    }
    assert_true(store_met_damage(store)); /* so that somebody looks for it */
    store_close(store);
    must_mend_its_keys();
}

static void a_dropped_home_with_damaged_keys_is_swept_away(void **state)
{
    (void)state;
    struct store *store = must_open();
    follow_home(store);
    serve_partner_too(store);
    for (uint64_t usn = 1; usn <= 100; usn++) {
        char key[32];
        struct txn *txn = as_copy();
        struct item item = an_item(usn, "", "value");
        item.key = known_key((int)usn % 50, key);
        txn_apply(txn, &item);
        commit_as(store, txn, OK);
    }
    store_close(store);
    spoil("UPDATE leaf_1 SET leaf = x'00' WHERE module = 0");
    store = must_open();
    struct txn *txn = txn_new(HOME);
    txn_drop_home(txn, 1);
    commit_as(store, txn, OK);
    struct store_outcome outcome = {.more = true};
    for (int i = 0; i < 20 && outcome.more; i++) {
        txn = txn_new(PARTNER);
        txn_sweep(txn, 40);
        outcome = commit_as(store, txn, OK);
    }
    assert_false(outcome.more);
    store_close(store);
    sqlite3 *db;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(ask(db, "SELECT count(*) FROM sqlite_schema WHERE name LIKE 'leaf_1%'"), 0);
    assert_int_equal(ask(db, "SELECT count(*) FROM replaced"), 0);
    sqlite3_close(db);
}

/* Nobody has what it should lead to, because there never was such a thing. */
static void what_was_never_written_goes_if_everything_adds_up_without_it(void **state)
{
    (void)state;
    make_known_store();
    change_keys(path, add_garbage, NULL);
    struct store *store = must_open();
    store_lease(store, HOME, UINT64_MAX);
    assert_int_equal(unsound(store), 5);
    struct txn *txn = as_holder(2);
    txn_discard(txn, &(uint64_t){5}, 1);
    commit_as(store, txn, OK);
    assert_int_equal(unsound(store), NOTHING);
    assert_sound(store, HOME);
    txn = as_holder(2);
    txn_discard(txn, &(uint64_t){118}, 1); /* that counts */
    commit_as(store, txn, FAIL_DAMAGED);
    assert_sound(store, HOME);
    store_close(store);
}

/* Whoever tidies up believes the key. */
static void a_row_that_is_noted_as_replaced_by_mistake_stays(void **state)
{
    (void)state;
    make_known_store();
    spoil("INSERT INTO replaced VALUES (1, 118, 10)");
    spoil("UPDATE item_1 SET module = 77 WHERE usn = 5"); /* which is replaced, and goes */
    spoil("UPDATE item_1 SET key = '' WHERE usn = 6");
    struct engine *engine;
    struct store *store;
    struct error e;
    const struct sqlite_options options = {.replaced_max = 1};
    assert_int_equal(sqlite_engine_open_with(path, HOME, &options, &engine, &e), OK);
    assert_int_equal(store_open(engine, &store, &e), OK);
    store_lease(store, HOME, UINT64_MAX);
    for (int n = 0; n < ITEMS / 2; n++) { /* each takes two away */
        char key[32];
        struct txn *txn = as_holder(2);
        txn_put(txn, MODULE, known_key(n, key), bytes_of_text("behind"));
        commit_as(store, txn, OK);
    }
    assert_int_equal(unsound(store), NOTHING);
    assert_sound(store, HOME);
    store_close(store);
    sqlite3 *db;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_true(ask(db, "SELECT count(*) FROM item_1") < ITEMS + 10);
    assert_true(ask(db, "SELECT count(*) FROM replaced") < 10);
    sqlite3_close(db);
}

/* It was called a failure of the disk. */
static void a_damaged_list_of_replaced_rows_is_called_damaged(void **state)
{
    (void)state;
    make_known_store();
    spoil("WITH RECURSIVE n(usn) AS (SELECT 1 UNION ALL SELECT usn + 1 FROM n WHERE usn < 9999) "
          "INSERT INTO replaced SELECT 99, usn, 10 FROM n");
    sqlite3 *db;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    size_t root = (size_t)ask(db, "SELECT rootpage FROM sqlite_schema WHERE name = 'replaced'");
    size_t size = (size_t)ask(db, "PRAGMA page_size");
    sqlite3_close(db);
    OWNED(buffer_free) struct buffer b = file_content();
    const uint8_t *last =
        b.at + (root - 1) * size + 8; /* its last child: only who counts sees it */
    size_t child = (size_t)last[0] << 24 | (size_t)last[1] << 16 | (size_t)last[2] << 8 | last[3];
    assert_in_range(child, 1, b.size / size);
    b.at[(child - 1) * size] = 0xff; /* of what kind the page is */
    no_files(NULL);
    write_file(buffer_view(&b));
    struct store *store = must_open();
    store_lease(store, HOME, UINT64_MAX);
    struct txn *txn = as_holder(2);
    txn_put(txn, MODULE, bytes_of_text("key"), bytes_of_text("value"));
    struct store_outcome outcome = commit_as(store, txn, FAIL_DAMAGED);
    assert_says(&outcome.error, FAIL_DAMAGED, "counting replaced items");
    store_close(store);
}

/* One usn among them that became a later one would hide all that follow. */
static void a_list_of_replaced_rows_in_no_order_is_called_damaged(void **state)
{
    (void)state;
    static const uint8_t types[] = {4, 9, 1}; /* of a row there: home 1, a usn of one byte, … */
    make_known_store();
    OWNED(buffer_free) struct buffer b = file_content();
    size_t at = find_bytes(&b, bytes_of(types, sizeof types), 0);
    while (at != SIZE_MAX && b.at[at + sizeof types + 1] != REPLACED / 2)
        at = find_bytes(&b, bytes_of(types, sizeof types), at + 1);
    assert_true(at != SIZE_MAX);
    b.at[at + sizeof types + 1] = 0x7f;
    struct reading r = read_damaged(&b, "a usn", at);
    assert_says(&r.why, FAIL_DAMAGED, "looking for replaced items");
}

static void put_many(struct store *store, int count, const char *value)
{
    struct txn *txn = as_holder(2);
    for (int n = 0; n < count; n++) {
        char key[32];
        txn_put(txn, MODULE, known_key(n, key), bytes_of_text(value));
    }
    commit_as(store, txn, OK);
}

static void what_was_replaced_stays_while_somebody_reads(void **state)
{
    (void)state;
    enum { MANY = 2500, TIDIED_BY_THEN_US = 700000 };
    struct store *store = must_open();
    serve_home(store, 2);
    put_many(store, MANY, "1");
    struct view *view = NULL;
    assert_int_equal(store_view(store, &view, NULL), OK);
    put_many(store, MANY, "2");
    usleep(TIDIED_BY_THEN_US);
    sqlite3 *db;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(ask(db, "SELECT count(*) FROM item_1"), 2 * MANY);
    view_close(view);
    while (ask(db, "SELECT count(*) FROM item_1") > MANY + MANY / 2)
        usleep(10000);
    sqlite3_close(db);
    store_close(store);
}

/* Of the process before this one, too. */
static void what_was_replaced_goes_when_nobody_wants_anything(void **state)
{
    (void)state;
    enum { MANY = 2500 };
    struct store *store = must_open();
    serve_home(store, 2);
    put_many(store, MANY, "1");
    put_many(store, MANY, "2");
    store_close(store);
    sqlite3 *db;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(ask(db, "SELECT count(*) FROM item_1"), 2 * MANY);
    store = must_open();
    store_lease(store, HOME, UINT64_MAX);
    while (ask(db, "SELECT count(*) FROM item_1") > MANY + MANY / 2)
        usleep(10000);
    put_many(store, MANY, "3");
    while (ask(db, "SELECT count(*) FROM item_1") > MANY + MANY / 2)
        usleep(10000);
    assert_int_equal(ask(db, "SELECT (SELECT count(*) FROM item_1)"
                             " - (SELECT count(*) FROM replaced)"),
                     MANY);
    sqlite3_close(db);
    assert_sound(store, HOME);
    store_close(store);
}

static uint64_t dice;

static size_t roll(size_t sides)
{
    dice = dice * 6364136223846793005u + 1442695040888963407u;
    return (size_t)(dice >> 33) % sides;
}

static unsigned soak(unsigned usual)
{
    const char *more = getenv("POLLUX_SOAK");
    return more ? usual * (unsigned)atoi(more) : usual;
}

static void random_flips_are_refused_or_do_not_matter(void **state)
{
    (void)state;
    make_known_store();
    OWNED(buffer_free) struct buffer b = file_content();
    unsigned refused = 0, rounds = soak(250);
    dice = 1;
    for (unsigned i = 0; i < rounds; i++) {
        size_t at = i < 100 ? i : roll(b.size); /* each byte of the header */
        uint8_t was = b.at[at];
        b.at[at] ^= (uint8_t)(1 << roll(8));
        refused += read_damaged(&b, "flip", at).refused != OK;
        b.at[at] = was;
    }
    assert_true(refused > rounds / 10);
}

static void noise_in_place_of_a_page_is_refused(void **state)
{
    (void)state;
    make_known_store();
    OWNED(buffer_free) struct buffer b = file_content();
    const size_t page = page_size(&b);
    unsigned refused = 0;
    dice = 2;
    for (size_t at = page; at < b.size; at += page) {
        OWNED(buffer_free) struct buffer damaged = {0};
        buffer_raw(&damaged, b.at, b.size);
        for (size_t i = 0; i < page; i++)
            damaged.at[at + i] = (uint8_t)roll(256);
        struct reading r = read_damaged(&damaged, "noise", at);
        if (r.refused)
            assert_says(&r.why, FAIL_DAMAGED, "");
        refused += r.refused != OK;
    }
    assert_true(refused > b.size / page / 2); /* the others hold the partner's home, or nothing */
}

static void a_truncated_file_is_damaged(void **state)
{
    (void)state;
    make_known_store();
    OWNED(buffer_free) struct buffer b = file_content();
    size_t whole = b.size, page = page_size(&b);
    for (b.size = page; b.size < whole; b.size += page) {
        struct reading r = read_damaged(&b, "cut", b.size);
        assert_says(&r.why, FAIL_DAMAGED, "damaged");
    }
}

static void a_damaged_row_is_not_replaced(void **state)
{
    (void)state;
    make_known_store();
    OWNED(buffer_free) struct buffer b = file_content();
    size_t at = find_bytes(&b, bytes_of_text("value-077-"), 0);
    b.at[at] ^= 1;
    no_files(NULL);
    write_file(buffer_view(&b));
    struct store *store = must_open();
    store_lease(store, HOME, UINT64_MAX);
    struct txn *txn = as_holder(2);
    put_text(txn, "fits", "1");
    put_text(txn, "key-077", "new");
    struct store_outcome outcome = commit_as(store, txn, FAIL_DAMAGED);
    assert_says(&outcome.error, FAIL_DAMAGED, "usn 118");
    put_one(store, 2, "key-078", "new"); /* the others can be changed */
    store_close(store);
}

/* --- whose file is it? --- */

static void run_sql(const char *sql)
{
    sqlite3 *db;
    drop_spare();
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
}

/* Refused, and not a byte of it is changed. */
static void assert_left_alone(enum failure kind, const char *part)
{
    OWNED(buffer_free) struct buffer before = file_content();
    assert_refused(kind, part);
    OWNED(buffer_free) struct buffer after = file_content();
    assert_true(bytes_equal(buffer_view(&before), buffer_view(&after)));
}

static void a_file_of_a_newer_version_is_left_alone(void **state)
{
    (void)state;
    make_known_store();
    run_sql("PRAGMA user_version = 99");
    assert_left_alone(FAIL_NEWER, "99");
}

static void the_store_of_another_pool_is_left_alone(void **state)
{
    (void)state;
    make_known_store();
    run_sql("UPDATE meta SET value = 'por-cs-001.litwareinc.com'");
    assert_left_alone(FAIL_FOREIGN, "pool " PARTNER);
}

static void a_database_of_another_program_is_left_alone(void **state)
{
    (void)state;
    run_sql("CREATE TABLE bookmarks (url TEXT)");
    assert_left_alone(FAIL_FOREIGN, "another program");
    no_files(NULL);
    run_sql("PRAGMA application_id = 77; CREATE TABLE t (x); DROP TABLE t");
    assert_left_alone(FAIL_FOREIGN, "another program");
}

static void a_text_is_no_store(void **state)
{
    (void)state;
    write_file(bytes_of_text("Dear diary,\n"));
    assert_left_alone(FAIL_FOREIGN, "not a SQLite database");
    OWNED(buffer_free) struct buffer longer = {0};
    while (longer.size < 20000)
        buffer_printf(&longer, "Dear diary, today I was %zu bytes long.\n", longer.size);
    write_file(buffer_view(&longer));
    assert_left_alone(FAIL_FOREIGN, "not a SQLite database");
}

static void an_empty_file_becomes_a_store(void **state)
{
    (void)state;
    write_file(BYTES_NONE);
    struct store *store = must_open();
    serve_home(store, 2);
    put_one(store, 2, "a", "1");
    store_close(store);
    store = must_open();
    assert_sound(store, HOME);
    store_close(store);
}

static void a_folder_is_no_store(void **state)
{
    (void)state;
    assert_int_equal(mkdir(path, 0700), 0);
    assert_refused(FAIL_FOREIGN, "directory");
    char *was = xstrdup(path);
    snprintf(path, sizeof path, "%s/missing/store", folder);
    assert_refused(FAIL_READ_ONLY, "No such file or directory");
    snprintf(path, sizeof path, "%s", was);
    free_memory(was);
}

static void a_second_one_on_the_same_store_is_busy(void **state)
{
    (void)state;
    struct store *store = must_open();
    assert_refused(FAIL_BUSY, "in use by another process");
    store_close(store);
    store_close(must_open());
}

/* --- migration --- */

static const struct schema_step first_steps[] = {{.sql = "CREATE TABLE a (x)"}};
static const struct schema_step good_steps[] = {
    {.sql = "CREATE TABLE a (x)"},
    {.sql = "CREATE TABLE b (x)"},
    {.made_by = "SELECT 'INSERT INTO a VALUES (2);' UNION ALL SELECT 'CREATE TABLE c (x)'"}};
static const struct schema_step bad_steps[] = {
    {.sql = "CREATE TABLE a (x)"},
    {.sql = "CREATE TABLE b (x)"},
    {.made_by = "SELECT 'INSERT INTO nowhere VALUES (2)'"}};

static void a_migration_is_whole_or_not_at_all(void **state)
{
    (void)state;
    sqlite3 *db;
    struct error e = {0};
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite_migrate(db, path, &(struct schema){first_steps, 1}, NULL, &e), OK);
    assert_int_equal(sqlite3_exec(db, "INSERT INTO a VALUES (1)", NULL, NULL, NULL), SQLITE_OK);
    assert_int_not_equal(sqlite_migrate(db, path, &(struct schema){bad_steps, 3}, NULL, &e), OK);
    assert_says(&e, e.kind, "nowhere");
    assert_int_equal(ask(db, "PRAGMA user_version"), 1);
    assert_int_equal(ask(db, "SELECT count(*) FROM sqlite_schema"), 1);
    assert_int_equal(ask(db, "SELECT sum(x) FROM a"), 1);
    assert_int_equal(sqlite_migrate(db, path, &(struct schema){good_steps, 3}, NULL, &e), OK);
    assert_int_equal(ask(db, "PRAGMA user_version"), 3);
    assert_int_equal(ask(db, "SELECT sum(x) FROM a"), 3);
    assert_int_equal(ask(db, "SELECT count(*) FROM c"), 0);
    assert_int_equal(sqlite_migrate(db, path, &(struct schema){good_steps, 3}, NULL, &e), OK);
    assert_int_equal(ask(db, "SELECT sum(x) FROM a"), 3);
    assert_int_equal(sqlite_migrate(db, path, &(struct schema){good_steps, 2}, NULL, &e),
                     FAIL_NEWER);
    sqlite3_close(db);
}

/* As it was when an index led from keys to items, and what was replaced went at once. */
static const char first_schema[] =
    "DELETE FROM item_1 WHERE usn <= 40; DROP TABLE replaced;"
    "CREATE UNIQUE INDEX item_1_key ON item_1 (module, key); DROP TABLE leaf_1;"
    "CREATE UNIQUE INDEX item_2_key ON item_2 (module, key); DROP TABLE leaf_2;"
    "PRAGMA user_version = 1";

static void a_store_of_an_older_schema_has_the_same_in_it(void **state)
{
    (void)state;
    make_known_store();
    sqlite3 *db;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, first_schema, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
    struct reading r = read_all();
    assert_null(r.wrong);
    assert_int_equal(r.refused, OK);
    assert_false(r.missed);
    struct store *store = must_open();
    store_lease(store, HOME, UINT64_MAX);
    assert_int_equal(put_one(store, 2, "key-077", "again").error.kind, OK);
    assert_sound(store, HOME);
    store_close(store);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(ask(db, "SELECT count(*) FROM sqlite_schema WHERE name LIKE '%_key'"), 0);
    assert_int_equal(ask(db, "PRAGMA user_version"), 5);
    sqlite3_close(db);
}

/* As it was when each key was a row, of which nothing said whether it was sound. */
static const char third_schema[] =
    "CREATE TABLE key_1 (module INTEGER NOT NULL, key BLOB NOT NULL, usn INTEGER,"
    " PRIMARY KEY (module, key)) WITHOUT ROWID;"
    "CREATE TABLE key_2 (module INTEGER NOT NULL, key BLOB NOT NULL, usn INTEGER,"
    " PRIMARY KEY (module, key)) WITHOUT ROWID;"
    "INSERT INTO key_1 SELECT module, key, max(usn) FROM item_1 GROUP BY module, key;"
    "INSERT INTO key_2 SELECT module, key, max(usn) FROM item_2 GROUP BY module, key;"
    "DROP TABLE leaf_1; DROP TABLE leaf_2; PRAGMA user_version = 3;";

static void keys_that_were_damaged_in_an_older_schema_are_not_taken_along(void **state)
{
    static const char *const ways[] = {
        "UPDATE key_1 SET usn = usn WHERE usn = 118", /* in no way */
        "UPDATE key_1 SET usn = -5 WHERE usn = 118",
        "UPDATE key_1 SET usn = 'x' WHERE usn = 118",
        "UPDATE key_1 SET usn = 117 WHERE usn = 118",
        "UPDATE key_1 SET module = 77 WHERE usn = 118",
        "UPDATE key_1 SET key = cast('key-999' AS BLOB) WHERE usn = 118",
        "DELETE FROM key_1 WHERE usn = 118",
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(ways); i++) {
        no_files(NULL);
        make_known_store();
        spoil(third_schema);
        spoil(ways[i]);
        struct reading r = read_all();
        assert_null(r.wrong);
        assert_int_equal(r.refused, OK);
        struct store *store = must_open();
        assert_int_equal(unsound(store), NOTHING);
        store_close(store);
    }
}

static void make_store_of_schema_4(void)
{
    make_known_store();
    spell_keys_as_before(path, 1);
    spell_keys_as_before(path, 2);
    spoil("UPDATE home SET id = id; PRAGMA user_version = 4");
}

static void leaves_with_all_of_each_key_are_spelled_anew(void **state)
{
    (void)state;
    make_store_of_schema_4();
    struct reading r = read_all();
    assert_null(r.wrong);
    assert_int_equal(r.refused, OK);
    assert_false(r.missed);
    struct store *store = must_open();
    assert_int_equal(unsound(store), NOTHING);
    assert_sound(store, HOME);
    store_close(store);
}

/* A store that is damaged opens as it did before, and the same is found in it. */
static void what_is_damaged_in_an_older_schema_is_found_afterwards(void **state)
{
    static const struct {
        const char *sql;
        uint64_t found;
    } ways[] = {
        {"DELETE FROM item_1 WHERE usn = 118", 118}, /* only its key tells of it */
        {"UPDATE item_1 SET key = zeroblob(1000) WHERE usn = 118", 118},
        {"UPDATE item_1 SET key = x'' WHERE usn = 118", 118},
        {"UPDATE item_1 SET key = cast(key AS TEXT) WHERE usn = 118", 118},
        {"UPDATE item_1 SET module = 1 WHERE usn = 118", 118},
        {"UPDATE leaf_1 SET leaf = substr(leaf, 1, 300) WHERE module = 0", 0},
        {"UPDATE leaf_1 SET leaf = x'' WHERE module = 1", 0},
        {"DELETE FROM leaf_1 WHERE module = 0", 0},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(ways); i++) {
        no_files(NULL);
        make_store_of_schema_4();
        spoil(ways[i].sql);
        struct reading r = read_all();
        assert_null(r.wrong);
        struct store *store = must_open();
        assert_int_equal(unsound(store), ways[i].found);
        store_close(store);
        if (ways[i].found == 0)
            must_mend_its_keys();
    }
}

/* Not only damaged rows: what SQLite can't make sense of. */
static void a_torn_file_of_an_older_schema_opens(void **state)
{
    (void)state;
    make_store_of_schema_4();
    sqlite3 *db;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    size_t size = (size_t)ask(db, "PRAGMA page_size");
    size_t root = (size_t)ask(db, "SELECT rootpage FROM sqlite_schema WHERE name = 'item_1'");
    sqlite3_close(db);
    OWNED(buffer_free) struct buffer b = file_content();
    const uint8_t *top = b.at + (root - 1) * size;
    assert_int_equal(top[0], 5); /* others are below it: this is the last one */
    size_t page = (size_t)top[10] << 8 | top[11];
    assert_int_equal(b.at[(page - 1) * size], 13); /* with rows */
    b.at[(page - 1) * size] = 0xff;
    no_files(NULL);
    write_file(buffer_view(&b));
    struct reading r = read_all();
    assert_null(r.wrong);
    assert_int_equal(r.refused, FAIL_DAMAGED); /* and not when it was opened */
    store_close(must_open());
}

/* --- tombstones --- */

enum { MANY = 12000 }; /* more than go together */

static void delete_known(struct store *store, int from, int to, int step)
{
    struct txn *txn = as_holder(2);
    char key[32];
    for (int n = from; n < to; n += step)
        txn_delete(txn, MODULE, known_key(1000000 + n, key));
    commit_as(store, txn, OK);
}

/* Two thirds of the items, in no order of their own. */
static void make_store_with_tombstones(void)
{
    no_files(NULL);
    struct store *store = must_open();
    serve_home(store, 2);
    for (int n = 0; n < MANY * 3 / 2; n += 6000)
        put_range(store, n, n + 6000, 1);
    for (int from = 0; from < 3; from += 2) {
        delete_known(store, from, MANY / 2, 3);
        delete_known(store, MANY / 2 + from, MANY * 3 / 2, 3);
    }
    store_close(store);
}

static size_t rows_of_home(struct store *store)
{
    struct home_state state;
    size_t rows;
    struct error e = {0};
    assert_int_equal(check_home(store, HOME, &state, &rows, &e), OK);
    return rows;
}

static void tombstones_go_although_their_keys_are_damaged(void **state)
{
    static const char *const ways[] = {
        "UPDATE leaf_1 SET id = id", /* not at all */
        "UPDATE leaf_1 SET leaf = x'00' WHERE id = (SELECT max(id) - 7 FROM leaf_1)",
        "DELETE FROM leaf_1 WHERE id = (SELECT max(id) - 7 FROM leaf_1)",
        "UPDATE leaf_1 SET leaf = x'00' WHERE module = 0",
        "UPDATE item_1 SET module = 77 WHERE usn = (SELECT max(usn) FROM item_1)",
        "UPDATE item_1 SET key = x'01' WHERE usn = (SELECT max(usn) FROM item_1)",
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(ways); i++) {
        make_store_with_tombstones();
        spoil(ways[i]);
        struct store *store = must_open();
        store_lease(store, HOME, UINT64_MAX);
        struct txn *txn = as_holder(2);
        txn_horizon(txn, MANY * 3 / 2 + MANY);
        struct store_outcome outcome;
        enum failure bad = store_commit_wait(store, txn, &outcome);
        if (bad)
            fail_msg("%s: %s", ways[i], outcome.error.what);
        assert_int_equal(unsound(store), NOTHING);
        assert_int_equal(rows_of_home(store), MANY / 2);
        store_close(store);
    }
}

static void forget_tombstones(struct store *store)
{
    struct hold hold;
    store_lease(store, HOME, UINT64_MAX);
    struct txn *txn = as_holder(2);
    txn_horizon(txn, state_of(store, HOME, &hold).head);
    commit_as(store, txn, OK);
    assert_int_equal(unsound(store), NOTHING);
    store_close(store);
}

/* A leaf that was not written reaches over all others, which is met only by the last that go: what
 * went before must not come back with the keys that are made anew. */
static void tombstones_that_went_before_damage_was_met_stay_gone(void **state)
{
    (void)state;
    struct store *store = must_open();
    serve_home(store, 2);
    put_range(store, 0, 100, 1);
    store_close(store);
    spoil("CREATE TABLE old AS SELECT * FROM leaf_1 WHERE module = 0; UPDATE old SET id = id");
    store = must_open();
    store_lease(store, HOME, UINT64_MAX);
    for (int n = 100; n < 18100; n += 6000)
        put_range(store, n, n + 6000, 1);
    for (int n = 2000; n < 17000; n += 5000)
        delete_known(store, n, n + 5000, 1);
    delete_known(store, 0, 200, 1);
    store_close(store);
    spoil("UPDATE leaf_1 SET leaf = (SELECT leaf FROM old WHERE old.id = leaf_1.id)"
          " WHERE id = (SELECT min(id) FROM old)");
    forget_tombstones(must_open());
}

/* Its row says another beginning than its index, which shows when it is to go. */
static void a_leaf_that_can_not_be_taken_away_is_mended(void **state)
{
    (void)state;
    struct store *store = must_open();
    serve_home(store, 2);
    put_range(store, 0, 6000, 1);
    delete_known(store, 1000, 6000, 1);
    store_close(store);
    spoil("CREATE TABLE keep AS SELECT type, name, tbl_name, rootpage, sql FROM sqlite_schema"
          " WHERE name = 'leaf_1_low'; PRAGMA writable_schema = 1;"
          "DELETE FROM sqlite_schema WHERE name = 'leaf_1_low'; PRAGMA writable_schema = RESET;"
          "UPDATE leaf_1 SET low = x'44' WHERE id = (SELECT id FROM leaf_1 WHERE module = 0"
          " AND low > '' ORDER BY low DESC LIMIT 1);"
          "PRAGMA writable_schema = 1; INSERT INTO sqlite_schema SELECT * FROM keep;");
    forget_tombstones(must_open());
}

/* --- what is known of a home without being read --- */

static enum failure put_a_key(struct store *store)
{
    struct store_outcome outcome;
    struct txn *txn = as_holder(2);
    put_text(txn, "key", "value");
    return store_commit_wait(store, txn, &outcome);
}

/* After `spoiled` somebody changes three times, and the store is opened anew: with this head? */
static void change_behind(const char *spoiled, enum failure expected, enum failure home,
                          uint64_t head)
{
    struct home_state state = {0};
    struct view *view;
    no_files(NULL);
    struct store *store = must_open();
    serve_home(store, 2);
    open_term(store, PARTNER, 2);
    assert_int_equal(put_a_key(store), OK);
    run_sql(spoiled);
    for (int i = 0; i < 3; i++)
        assert_int_equal(put_a_key(store), expected);
    assert_true(store_met_damage(store) == (expected != OK));
    store_close(store);
    store = must_open();
    assert_int_equal(store_view(store, &view, NULL), OK);
    assert_int_equal(view_home(view, HOME, &state, NULL), home);
    assert_int_equal(state.head, head);
    view_close(view);
    store_close(store);
}

static void no_change_is_acknowledged_whose_home_is_not_there_afterwards(void **state)
{
    (void)state;
    change_behind("UPDATE home SET id = id + 100", FAIL_DAMAGED, FAIL_DAMAGED, 0);
    change_behind("UPDATE home SET id = -id; UPDATE home SET id = 3 + id", FAIL_DAMAGED,
                  FAIL_DAMAGED, 0); /* each has the other's */
    change_behind("DELETE FROM home WHERE id = 1", FAIL_DAMAGED, FAIL_NOT_FOUND, 0);
    /* What it is now is known, and written with the change. */
    change_behind("UPDATE home SET state = x'00'", OK, OK, 4);
}

/* --- others at the same file --- */

static void *commit_late(void *context)
{
    return (void *)(uintptr_t)put_one(context, 2, "late", "1").error.kind;
}

static void who_locks_the_file_for_a_moment_is_waited_for(void **state)
{
    (void)state;
    struct store *store = must_open();
    serve_home(store, 2);
    sqlite3 *db;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, commit_late, store), 0);
    usleep(100000);
    assert_int_equal(sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL), SQLITE_OK);
    pthread_join(thread, NULL);
    sqlite3_close(db);
    assert_sound(store, HOME);
    store_close(store);
}

static void a_view_that_could_not_begin_does_no_harm_to_the_next(void **state)
{
    (void)state;
    struct store *store = must_open();
    serve_home(store, 2);
    struct view *view;
    struct error e = {0};
    assert_int_equal(store_view(store, &view, &e), OK);
    view_close(view);
    run_sql("PRAGMA writable_schema = ON; CREATE TABLE sense (a);"
            "UPDATE sqlite_schema SET sql = 'nonsense' WHERE name = 'sense'");
    assert_int_equal(store_view(store, &view, &e), FAIL_DAMAGED);
    assert_says(&e, FAIL_DAMAGED, "beginning");
    run_sql("PRAGMA writable_schema = ON; DELETE FROM sqlite_schema WHERE name = 'sense';"
            "CREATE TABLE other (a)");
    assert_int_equal(store_view(store, &view, &e), OK);
    view_close(view);
    store_close(store);
}

/* --- kill -9 --- */

struct acknowledged {
    uint32_t thread, number;
    uint64_t usn;
};

struct loader {
    pthread_t id;
    struct store *store;
    uint32_t thread, round;
    int out;
};

static void *load(void *context)
{
    struct loader *l = context;
    for (uint32_t n = 0;; n++) {
        char key[48];
        snprintf(key, sizeof key, "%u/%u/%u", l->round, l->thread, n);
        struct txn *txn = as_holder(2);
        put_text(txn, key, key);
        put_text(txn, "shared", key);
        struct store_outcome outcome;
        if (store_commit_wait(l->store, txn, &outcome))
            _exit(2);
        struct acknowledged a = {l->thread, n, outcome.first_usn};
        if (write(l->out, &a, sizeof a) != sizeof a)
            _exit(3);
    }
    return NULL;
}

/* The child: writes until it is killed. */
static int load_until_killed(char **args)
{
    struct store *store;
    struct error e;
    if (open_store_at(args[0], &store, &e)) {
        fprintf(stderr, "%s\n", e.what);
        return 1;
    }
    uint32_t round = (uint32_t)atoi(args[1]);
    if (round == 0)
        serve_home(store, 2);
    store_lease(store, HOME, UINT64_MAX);
    static struct loader loaders[8];
    for (uint32_t i = 0; i < COUNT_OF(loaders); i++) {
        loaders[i] =
            (struct loader){.store = store, .thread = i, .round = round, .out = atoi(args[2])};
        pthread_create(&loaders[i].id, NULL, load, &loaders[i]);
    }
    pause();
    return 0;
}

static pid_t start_child(uint32_t round, int *from)
{
    int ends_of_pipe[2];
    assert_int_equal(pipe(ends_of_pipe), 0);
    char round_text[16], out[16];
    snprintf(round_text, sizeof round_text, "%u", round);
    snprintf(out, sizeof out, "%d", ends_of_pipe[1]);
    pid_t child = fork();
    if (child == 0) {
        execl("/proc/self/exe", "test-store_faults", "--load", path, round_text, out, NULL);
        _exit(127);
    }
    assert_true(child > 0);
    close(ends_of_pipe[1]);
    *from = ends_of_pipe[0];
    return child;
}

static void assert_there(struct view *view, uint32_t round, const struct acknowledged *a)
{
    char key[48];
    snprintf(key, sizeof key, "%u/%u/%u", round, a->thread, a->number);
    struct item item;
    assert_int_equal(view_item(view, HOME, MODULE, bytes_of_text(key), &item, NULL), OK);
    assert_int_equal(item.version.usn, a->usn);
    assert_true(bytes_equal(item.value, bytes_of_text(key)));
}

static void what_was_acknowledged_before_a_kill_is_there_after_it(void **state)
{
    (void)state;
    enum { MOST = 1 << 16 };
    static struct acknowledged list[MOST];
    unsigned rounds = soak(8);
    dice = 3;
    for (uint32_t round = 0; round < rounds; round++) {
        int from, status;
        pid_t child = start_child(round, &from);
        size_t count = 0, enough = 1 + roll(400);
        while (count < MOST && read(from, &list[count], sizeof *list) == sizeof *list) {
            if (++count == enough)
                kill(child, SIGKILL);
        }
        close(from);
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFSIGNALED(status) && count >= enough);
        struct store *store = must_open();
        struct view *view;
        assert_int_equal(store_view(store, &view, NULL), OK);
        for (size_t i = 0; i < count; i++)
            assert_there(view, round, &list[i]);
        view_close(view);
        assert_sound(store, HOME);
        struct home_state now;
        size_t rows;
        assert_int_equal(check_home(store, HOME, &now, &rows, NULL), OK);
        assert_int_equal(now.head, 2 * (rows - 1)); /* whole transactions, no gaps */
        store_close(store);
    }
}

/* --- disks of our own --- */

static const char *no_mounts; /* why there are none */
static char disk[64];

static void write_to(const char *file, const char *text)
{
    int fd = open(file, O_WRONLY | O_CLOEXEC);
    if (fd >= 0 && write(fd, text, strlen(text)) < 0)
        no_mounts = "a user namespace can't be set up";
    if (fd >= 0)
        close(fd);
}

/* A mount namespace, so that nobody else sees what we mount. */
static void prepare_mounts(void)
{
    unsigned uid = getuid(), gid = getgid();
    if (unshare(CLONE_NEWNS) != 0) {
        if (unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) {
            no_mounts = "neither root nor allowed to make a user namespace";
            return;
        }
        char map[64];
        write_to("/proc/self/setgroups", "deny");
        snprintf(map, sizeof map, "0 %u 1", uid);
        write_to("/proc/self/uid_map", map);
        snprintf(map, sizeof map, "0 %u 1", gid);
        write_to("/proc/self/gid_map", map);
    }
    if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0)
        no_mounts = "mounting is not allowed here";
}

static bool mount_disk(const char *size)
{
    if (no_mounts) {
        print_message("# skipped: %s\n", no_mounts);
        return false;
    }
    snprintf(disk, sizeof disk, "%s/disk", folder);
    mkdir(disk, 0700);
    assert_int_equal(mount("tmpfs", disk, "tmpfs", 0, size), 0);
    snprintf(path, sizeof path, "%s/disk/store", folder);
    return true;
}

static int unmount_disk(void **state)
{
    (void)state;
    if (disk[0]) {
        umount2(path, MNT_DETACH);
        umount2(disk, MNT_DETACH);
        rmdir(disk);
    }
    disk[0] = '\0';
    snprintf(path, sizeof path, "%s/store", folder);
    return no_files(NULL);
}

static void fill_disk(char filler[80])
{
    static const char zeros[4096];
    snprintf(filler, 80, "%s/filler", disk);
    int fd = open(filler, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    while (write(fd, zeros, sizeof zeros) > 0)
        ;
    assert_int_equal(errno, ENOSPC);
    close(fd);
}

static void put_large(struct txn *txn, const char *key)
{
    static uint8_t large[50000];
    for (size_t i = 0; i < sizeof large; i++)
        large[i] = (uint8_t)roll(256);
    txn_put(txn, MODULE, bytes_of_text(key), bytes_of(large, sizeof large));
}

static void a_full_disk_refuses_changes_and_loses_nothing(void **state)
{
    (void)state;
    if (!mount_disk("size=4m"))
        skip();
    struct store *store = must_open();
    serve_home(store, 2);
    put_one(store, 2, "first", "1");
    char filler[80];
    fill_disk(filler);
    size_t stored = 0;
    struct store_outcome outcome;
    for (;; stored++) {
        char key[32];
        snprintf(key, sizeof key, "large %zu", stored);
        struct txn *txn = as_holder(2);
        put_large(txn, key);
        if (store_commit_wait(store, txn, &outcome))
            break;
        assert_true(stored < 100);
    }
    assert_says(&outcome.error, FAIL_FULL, "full");
    struct txn *txn = as_holder(2);
    put_large(txn, "still");
    commit_as(store, txn, FAIL_FULL);
    assert_sound(store, HOME);
    struct home_state now;
    assert_int_equal(check_home(store, HOME, &now, NULL, NULL), OK);
    assert_int_equal(now.head, stored + 1);

    unlink(filler);
    for (size_t i = 0; i < 3; i++) {
        txn = as_holder(2);
        put_large(txn, "when there is room");
        commit_as(store, txn, OK);
    }
    assert_sound(store, HOME);
    store_close(store);
    store = must_open();
    assert_sound(store, HOME);
    store_close(store);
}

static void a_store_on_a_full_disk_opens_or_says_that_it_is_full(void **state)
{
    (void)state;
    if (!mount_disk("size=4m"))
        skip();
    char filler[80];
    fill_disk(filler);
    assert_refused(FAIL_FULL, "");
    unlink(filler);
    struct store *store = must_open();
    serve_home(store, 2);
    put_one(store, 2, "a", "1");
    store_close(store);
    fill_disk(filler);
    struct error e = {0};
    if (open_store_at(path, &store, &e) == OK)
        store_close(store);
    else
        assert_says(&e, FAIL_FULL, "full");
    unlink(filler);
    store = must_open();
    assert_sound(store, HOME);
    store_close(store);
}

static void what_can_not_be_written_is_read_only(void **state)
{
    (void)state;
    if (!mount_disk("size=4m"))
        skip();
    make_known_store();
    assert_int_equal(mount(path, path, NULL, MS_BIND, NULL), 0);
    assert_int_equal(mount(NULL, path, NULL, MS_BIND | MS_REMOUNT | MS_RDONLY, NULL), 0);
    assert_left_alone(FAIL_READ_ONLY, "Read-only file system");
    assert_int_equal(umount2(path, 0), 0);
    store_close(must_open());
    assert_int_equal(mount(NULL, disk, NULL, MS_REMOUNT | MS_RDONLY, NULL), 0);
    assert_left_alone(FAIL_READ_ONLY, "Read-only file system");
    assert_int_equal(mount(NULL, disk, NULL, MS_REMOUNT, NULL), 0);
    store_close(must_open());
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, no_files, no_files)
#define DISK(name) cmocka_unit_test_setup_teardown(name, no_files, unmount_disk)

int main(int argc, char **argv)
{
    if (argc == 5 && strcmp(argv[1], "--load") == 0)
        return load_until_killed(argv + 2);
    const struct CMUnitTest tests[] = {
        TEST(the_known_store_is_read_right),
        TEST(a_flipped_bit_is_found_wherever_it_is),
        TEST(what_a_scan_finds_can_be_put_back),
        TEST(keys_that_are_damaged_are_made_anew_from_the_rows),
        TEST(of_two_rows_with_one_key_the_newer_one_is_led_to),
        TEST(where_a_leaf_begins_is_damaged_in_each_place),
        TEST(a_leaf_that_is_older_than_its_neighbours_is_not_believed),
        TEST(a_leaf_whose_beginning_has_another_type_is_made_anew),
        TEST(more_keys_than_are_noted_at_once_are_made_anew),
        TEST(damaged_keys_of_a_home_do_not_keep_another_from_changing),
        TEST(a_dropped_home_with_damaged_keys_is_swept_away),
        TEST(what_was_never_written_goes_if_everything_adds_up_without_it),
        TEST(what_was_replaced_stays_while_somebody_reads),
        TEST(what_was_replaced_goes_when_nobody_wants_anything),
        TEST(a_row_that_is_noted_as_replaced_by_mistake_stays),
        TEST(a_damaged_list_of_replaced_rows_is_called_damaged),
        TEST(a_list_of_replaced_rows_in_no_order_is_called_damaged),
        TEST(random_flips_are_refused_or_do_not_matter),
        TEST(noise_in_place_of_a_page_is_refused),
        TEST(a_truncated_file_is_damaged),
        TEST(a_damaged_row_is_not_replaced),
        TEST(a_file_of_a_newer_version_is_left_alone),
        TEST(the_store_of_another_pool_is_left_alone),
        TEST(a_database_of_another_program_is_left_alone),
        TEST(a_text_is_no_store),
        TEST(an_empty_file_becomes_a_store),
        TEST(a_folder_is_no_store),
        TEST(a_second_one_on_the_same_store_is_busy),
        TEST(a_store_of_an_older_schema_has_the_same_in_it),
        TEST(keys_that_were_damaged_in_an_older_schema_are_not_taken_along),
        TEST(leaves_with_all_of_each_key_are_spelled_anew),
        TEST(what_is_damaged_in_an_older_schema_is_found_afterwards),
        TEST(a_torn_file_of_an_older_schema_opens),
        TEST(a_migration_is_whole_or_not_at_all),
        TEST(tombstones_go_although_their_keys_are_damaged),
        TEST(tombstones_that_went_before_damage_was_met_stay_gone),
        TEST(a_leaf_that_can_not_be_taken_away_is_mended),
        TEST(no_change_is_acknowledged_whose_home_is_not_there_afterwards),
        TEST(who_locks_the_file_for_a_moment_is_waited_for),
        TEST(a_view_that_could_not_begin_does_no_harm_to_the_next),
        TEST(what_was_acknowledged_before_a_kill_is_there_after_it),
        DISK(a_full_disk_refuses_changes_and_loses_nothing),
        DISK(a_store_on_a_full_disk_opens_or_says_that_it_is_full),
        DISK(what_can_not_be_written_is_read_only),
    };
    if (!mkdtemp(folder))
        return 1;
    snprintf(path, sizeof path, "%s/store", folder);
    prepare_mounts();
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    rmdir(folder);
    return failed;
}
