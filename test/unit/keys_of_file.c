#include "keys_of_file.h"

#include "unit.h"

#include <endian.h>
#include <stdio.h>
#include <string.h>

#include <sqlite3.h>
#include <xxhash.h>

#include "store_check.h"

static sqlite3 *open_file(const char *path)
{
    sqlite3 *db;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    return db;
}

static sqlite3_stmt *prepare(sqlite3 *db, const char *sql)
{
    sqlite3_stmt *stmt;
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &stmt, NULL), SQLITE_OK);
    return stmt;
}

static struct bytes column(sqlite3_stmt *stmt, int at)
{
    const void *bytes = sqlite3_column_blob(stmt, at);
    return bytes_of(bytes, (size_t)sqlite3_column_bytes(stmt, at));
}

/* What is to be stored instead of this leaf. */
typedef void make_stored(const struct leaf *leaf, struct buffer *stored, void *context);

static void write_leaves(const char *path, int home, make_stored *make, void *context)
{
    char select[80], update[80];
    snprintf(select, sizeof select, "SELECT low, leaf, id, module FROM leaf_%d", home);
    snprintf(update, sizeof update, "UPDATE leaf_%d SET leaf = ?1 WHERE id = ?2", home);
    sqlite3 *db = open_file(path);
    sqlite3_stmt *read = prepare(db, select), *write = prepare(db, update);
    OWNED(buffer_free) struct buffer stored = {0};
    while (sqlite3_step(read) == SQLITE_ROW) {
        struct leaf leaf;
        enum module module = (enum module)sqlite3_column_int(read, 3);
        assert_true(leaf_read(module, column(read, 0), column(read, 1), &leaf));
        make(&leaf, &stored, context);
        sqlite3_bind_blob64(write, 1, stored.at, stored.size, SQLITE_STATIC);
        sqlite3_bind_int64(write, 2, sqlite3_column_int64(read, 2));
        assert_int_equal(sqlite3_step(write), SQLITE_DONE);
        sqlite3_reset(write);
    }
    sqlite3_finalize(read);
    sqlite3_finalize(write);
    sqlite3_close(db);
}

struct change {
    change_key *change;
    void *context;
};

static void store_what_changes(const struct leaf *leaf, struct buffer *stored, void *context)
{
    const struct change *change = context;
    OWNED(buffer_free) struct buffer keys = {0};
    struct leaf changed = *leaf;
    struct leaf_reader reader;
    struct leaf_writer writer;
    leaf_reader_begin(&reader, leaf);
    leaf_writer_begin(&writer, leaf->low, &keys);
    for (struct led led; leaf->module == MODULE && leaf_next(&reader, &led);)
        change->change(&led, &writer, change->context);
    if (leaf->module == MODULE)
        changed.keys = buffer_view(&keys);
    leaf_store(&changed, stored);
}

void change_keys(const char *path, change_key *change, void *context)
{
    write_leaves(path, 1, store_what_changes, &(struct change){change, context});
}

/* A sum, whether it is the last one, where it ends; then each key in full. */
static void store_as_before(const struct leaf *leaf, struct buffer *stored, void *context)
{
    (void)context;
    struct leaf_reader reader;
    buffer_clear(stored);
    buffer_u64(stored, 0);
    buffer_u8(stored, leaf->last);
    buffer_bytes(stored, leaf->high);
    leaf_reader_begin(&reader, leaf);
    for (struct led led; leaf_next(&reader, &led);) {
        buffer_u64(stored, led.usn);
        buffer_u8(stored, (uint8_t)(led.key.size & 0xff));
        buffer_u8(stored, (uint8_t)(led.key.size >> 8));
        buffer_raw(stored, led.key.at, led.key.size);
    }
    uint64_t seed = XXH3_64bits_withSeed(leaf->low.at, leaf->low.size, (uint64_t)leaf->module);
    uint64_t sum = htole64(XXH3_64bits_withSeed(stored->at + 8, stored->size - 8, seed));
    memcpy(stored->at, &sum, sizeof sum);
}

void spell_keys_as_before(const char *path, int home)
{
    write_leaves(path, home, store_as_before, NULL);
}

static size_t count_astray_of(const struct leaf *leaf, sqlite3_stmt *others)
{
    size_t astray = 0;
    struct leaf_reader reader;
    leaf_reader_begin(&reader, leaf);
    for (struct led led; leaf_next(&reader, &led);) {
        sqlite3_bind_int64(others, 1, (int64_t)led.usn);
        sqlite3_bind_int(others, 2, MODULE);
        sqlite3_bind_blob64(others, 3, led.key.at, led.key.size, SQLITE_STATIC);
        astray += sqlite3_step(others) == SQLITE_ROW;
        sqlite3_reset(others);
    }
    return astray;
}

size_t count_astray(const char *path)
{
    sqlite3 *db = open_file(path);
    sqlite3_stmt *read = prepare(db, "SELECT low, leaf FROM leaf_1 WHERE module = ?1"),
                 *others = prepare(db, "SELECT 1 FROM item_1 WHERE usn = ?1 AND"
                                       " (module IS NOT ?2 OR key IS NOT ?3)");
    size_t astray = 0;
    sqlite3_bind_int(read, 1, MODULE);
    while (sqlite3_step(read) == SQLITE_ROW) {
        struct leaf leaf;
        if (leaf_read(MODULE, column(read, 0), column(read, 1), &leaf))
            astray += count_astray_of(&leaf, others);
    }
    sqlite3_finalize(read);
    sqlite3_finalize(others);
    sqlite3_close(db);
    return astray;
}
