/* Leaves: what is merged into them, how they are parted, and what is not believed. */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/leaf.h"

static const enum module MODULE = MODULE_PRESENCE_FOCUS;

/* --- keys as a test writes them: "apple=3 pear=7" --- */

static void add_text(struct bytes low, struct buffer *keys, const char *text)
{
    char word[64];
    unsigned usn;
    int read;
    struct leaf_writer writer;
    leaf_writer_begin(&writer, low, keys);
    for (; sscanf(text, " %63[^=]=%u%n", word, &usn, &read) == 2; text += read)
        leaf_add(&writer, bytes_of_text(word), usn);
}

static void add_word(char text[400], struct bytes key, uint64_t usn)
{
    size_t at = strlen(text);
    snprintf(text + at, 400 - at, "%s%.*s=%u", at ? " " : "", (int)key.size, (const char *)key.at,
             (unsigned)usn);
}

static const char *text_of(const struct leaf *leaf, char text[400])
{
    struct leaf_reader reader;
    text[0] = '\0';
    leaf_reader_begin(&reader, leaf);
    for (struct led led; leaf_next(&reader, &led);)
        add_word(text, led.key, led.usn);
    assert_int_equal(reader.left.size, 0);
    return text;
}

struct texts {
    struct buffer keys; /* that come */
    struct leaf_reader reader;
    char before[400]; /* where those led that were there */
};

static bool next_text(void *context, struct keyed *key)
{
    struct texts *texts = context;
    struct led led;
    if (!leaf_next(&texts->reader, &led))
        return false;
    *key = (struct keyed){.module = MODULE, .key = led.key, .usn = led.usn};
    return true;
}

static void note_before(void *context, const struct keyed *key, uint64_t usn)
{
    add_word(((struct texts *)context)->before, key->key, usn);
}

typedef bool on_leaf(const struct leaf *leaf, struct key_source *source, struct buffer *keys);

/* What comes of it, what is told; and what is left of what comes. */
static bool comes_of(on_leaf *what, const struct leaf *leaf, const char *come, const char *expected,
                     const char *expected_told, const char *expected_left)
{
    char text[400], left[400] = "";
    struct texts texts = {0};
    OWNED(buffer_free) struct buffer keys = {0};
    add_text(BYTES_NONE, &texts.keys, come);
    leaf_reader_begin(&texts.reader, &(struct leaf){.keys = buffer_view(&texts.keys)});
    struct key_source source = {.next = next_text, .led = note_before, .context = &texts};
    key_source_next(&source);
    bool said = what(leaf, &source, &keys);
    struct leaf after = *leaf;
    after.keys = buffer_view(&keys);
    assert_string_equal(text_of(&after, text), expected);
    assert_string_equal(texts.before, expected_told);
    for (; source.any; key_source_next(&source))
        add_word(left, source.key.key, source.key.usn);
    assert_string_equal(left, expected_left);
    buffer_free(&texts.keys);
    return said;
}

/* True if the leaf grows; told is where those led that were there. */
static bool merged(const struct leaf *leaf, const char *come, const char *expected,
                   const char *expected_before, const char *expected_left)
{
    return comes_of(leaf_merge, leaf, come, expected, expected_before, expected_left);
}

static bool dropped(const struct leaf *leaf, const char *go, const char *expected,
                    const char *expected_gone, const char *expected_left)
{
    return comes_of(leaf_drop, leaf, go, expected, expected_gone, expected_left);
}

static void what_goes_is_told_if_it_leads_where_it_is_said_to(void **state)
{
    (void)state;
    OWNED(buffer_free) struct buffer keys = {0};
    add_text(BYTES_NONE, &keys, "apple=3 fig=4 pear=7 plum=9");
    const struct leaf leaf = {MODULE, .high = bytes_of_text("quince"), .keys = buffer_view(&keys)};
    assert_true(dropped(&leaf, "apple=3 pear=7", "fig=4 plum=9", "apple=3 pear=7", ""));
    assert_true(dropped(&leaf, "fig=4 plum=9 quince=5 rose=6", "apple=3 pear=7", "fig=4 plum=9",
                        "quince=5 rose=6"));
    assert_true(
        dropped(&leaf, "apple=3 fig=4 pear=7 plum=9", "", "apple=3 fig=4 pear=7 plum=9", ""));
    const char *const all = "apple=3 fig=4 pear=7 plum=9";
    assert_false(dropped(&leaf, "fig=5 grape=4", all, "", "")); /* elsewhere, and not there */
    assert_true(dropped(&leaf, "fig=5 fig=4", "apple=3 pear=7 plum=9", "fig=4", ""));
    assert_false(dropped(&leaf, "", all, "", ""));
}

static void what_comes_is_put_among_what_is_there(void **state)
{
    (void)state;
    OWNED(buffer_free) struct buffer keys = {0};
    struct leaf all = {.module = MODULE, .last = true};
    assert_true(merged(&all, "", "", "", ""));
    assert_true(merged(&all, "b=1 c=2", "b=1 c=2", "", ""));
    add_text(BYTES_NONE, &keys, "b=1 d=2 f=3");
    all.keys = buffer_view(&keys);
    assert_true(merged(&all, "g=9 h=8", "b=1 d=2 f=3 g=9 h=8", "", ""));
    assert_false(merged(&all, "a=9 h=8", "a=9 b=1 d=2 f=3 h=8", "", ""));
    assert_false(merged(&all, "d=9", "b=1 d=9 f=3", "d=2", ""));
    assert_false(merged(&all, "b=7 c=8 f=9", "b=7 c=8 d=2 f=9", "b=1 f=3", ""));
    assert_false(merged(&all, "bb=7 dd=8", "b=1 bb=7 d=2 dd=8 f=3", "", ""));
}

static void a_leaf_takes_what_belongs_into_it(void **state)
{
    (void)state;
    OWNED(buffer_free) struct buffer keys = {0};
    add_text(bytes_of_text("d"), &keys, "d=2 f=3");
    const struct leaf some = {.module = MODULE,
                              .low = bytes_of_text("d"),
                              .high = bytes_of_text("h"),
                              .keys = buffer_view(&keys)};
    assert_false(merged(&some, "e=7 g=8 h=9 x=1", "d=2 e=7 f=3 g=8", "", "h=9 x=1"));
    assert_false(merged(&some, "g=8 h=9", "d=2 f=3 g=8", "", "h=9")); /* another one is behind it */
    assert_false(leaf_covers(&some, MODULE, bytes_of_text("c")));
    assert_true(leaf_covers(&some, MODULE, bytes_of_text("d")));
    assert_true(leaf_covers(&some, MODULE, bytes_of_text("gzzz")));
    assert_false(leaf_covers(&some, MODULE, bytes_of_text("h")));
    assert_false(leaf_covers(&some, MODULE_DATA_CONF, bytes_of_text("d")));
    assert_int_equal(leaf_find(&some, bytes_of_text("f")), 3);
    assert_int_equal(leaf_find(&some, bytes_of_text("e")), 0);
    assert_int_equal(leaf_find(&some, bytes_of_text("ff")), 0);
}

/* --- parts --- */

static uint64_t add_many(struct buffer *keys, int count, int size)
{
    char key[400];
    struct leaf_writer writer;
    leaf_writer_begin(&writer, BYTES_NONE, keys);
    for (int n = 0; n < count; n++)
        leaf_add(&writer, bytes_of(key, (size_t)snprintf(key, sizeof key, "%0*d", size, n * 7919)),
                 (uint64_t)n + 1);
    return (uint64_t)count;
}

struct parts {
    size_t count, least, most; /* the last one counts for `most` alone */
    uint64_t usn;              /* of the last key */
};

/* They follow on each other, and each key comes once. */
static struct parts part(const struct leaf *whole, bool grows)
{
    struct parts parts = {.least = SIZE_MAX};
    struct leaf_parting parting;
    OWNED(buffer_free) struct buffer low = {0};
    leaf_parting_begin(&parting, whole, grows);
    for (struct leaf leaf; leaf_parting_next(&parting, &leaf); parts.count++) {
        assert_true(bytes_equal(leaf.low, buffer_view(&low)));
        struct leaf_reader reader;
        leaf_reader_begin(&reader, &leaf);
        for (struct led led; leaf_next(&reader, &led); parts.usn++) {
            assert_int_equal(led.usn, parts.usn + 1);
            assert_true(leaf_covers(&leaf, whole->module, led.key));
            assert_int_equal(leaf_find(&leaf, led.key), led.usn);
        }
        assert_int_equal(reader.left.size, 0);
        assert_int_equal(leaf.last, parting.ended);
        parts.least = !leaf.last && leaf.keys.size < parts.least ? leaf.keys.size : parts.least;
        parts.most = leaf.keys.size > parts.most ? leaf.keys.size : parts.most;
        buffer_clear(&low);
        buffer_raw(&low, leaf.high.at, leaf.high.size);
    }
    leaf_parting_free(&parting);
    return parts;
}

static void what_is_too_much_is_parted(void **state)
{
    (void)state;
    enum { SIZE = 30 };
    for (int count = 0; count < 4000; count += 17) {
        OWNED(buffer_free) struct buffer keys = {0};
        uint64_t all = add_many(&keys, count, SIZE);
        const struct leaf whole = {MODULE, .last = true, .keys = buffer_view(&keys)};
        size_t enough = keys.size ? (keys.size + LEAF_KEYS_MAX - 1) / LEAF_KEYS_MAX : 1;
        for (int grows = 0; grows < 2; grows++) {
            struct parts parts = part(&whole, grows);
            assert_int_equal(parts.usn, all);
            assert_int_equal(parts.count, enough);
            assert_in_range(parts.most, 0, LEAF_KEYS_MAX + SIZE);
            if (parts.count > 1 && grows)
                assert_in_range(parts.least, LEAF_KEYS_MAX - SIZE, LEAF_KEYS_MAX);
            else if (parts.count > 1)
                assert_in_range(parts.least, LEAF_KEYS_MAX / 2 - SIZE, LEAF_KEYS_MAX);
        }
    }
}

/* --- all of it, against a list --- */

enum { KEYS = 400, ROUNDS = 60, KEY_SIZE = 24 };

static unsigned next_random(void)
{
    static uint64_t x = 88172645463325252ul; /* the same each time */
    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    return (unsigned)(x >> 32);
}

/* Where each of these keys leads; 0: it is not there. */
struct model {
    char keys[KEYS][KEY_SIZE];
    uint64_t usns[KEYS];
    /* What comes: which, and where they are to lead. */
    uint64_t come[KEYS];
    int at;
    uint64_t told;
};

static int by_text(const void *left, const void *right)
{
    return strcmp(left, right);
}

/* Such as begin alike, are beginnings of others, and are as good as the same. */
static void make_keys(struct model *m)
{
    for (int i = 0; i < KEYS; i++) {
        int size = 1 + (int)(next_random() % (KEY_SIZE - 2));
        for (int at = 0; at < size; at++)
            m->keys[i][at] = (char)('a' + (next_random() % 8 == 0));
    }
    qsort(m->keys, KEYS, KEY_SIZE, by_text);
}

static bool next_of_model(void *context, struct keyed *key)
{
    struct model *m = context;
    while (m->at < KEYS &&
           (!m->come[m->at] || (m->at && !strcmp(m->keys[m->at], m->keys[m->at - 1]))))
        m->at++;
    if (m->at == KEYS)
        return false;
    *key = (struct keyed){MODULE, bytes_of_text(m->keys[m->at]), m->come[m->at], (size_t)m->at};
    m->at++;
    return true;
}

static void tell_model(void *context, const struct keyed *key, uint64_t usn)
{
    struct model *m = context;
    assert_int_equal(m->usns[key->at], usn);
    m->told++;
}

static struct key_source begin_model(struct model *m)
{
    struct key_source source = {.next = next_of_model, .led = tell_model, .context = m};
    m->at = 0;
    m->told = 0;
    key_source_next(&source);
    return source;
}

/* The leaf has what the model has, spelled in the one way that there is. */
static void must_be_as(const struct model *m, const struct leaf *leaf)
{
    OWNED(buffer_free) struct buffer keys = {0};
    struct leaf_writer writer;
    leaf_writer_begin(&writer, leaf->low, &keys);
    for (int i = 0; i < KEYS; i++) {
        if (m->usns[i])
            leaf_add(&writer, bytes_of_text(m->keys[i]), m->usns[i]);
        if (!i || strcmp(m->keys[i], m->keys[i - 1]) != 0)
            assert_int_equal(leaf_find(leaf, bytes_of_text(m->keys[i])), m->usns[i]);
    }
    assert_true(bytes_equal(leaf->keys, buffer_view(&keys)));
}

static void choose(struct model *m, unsigned one_in)
{
    for (int i = 0; i < KEYS; i++)
        m->come[i] = next_random() % one_in == 0 ? 1 + next_random() % (i % 2 ? 100 : 1000000) : 0;
}

static void merge_and_drop(struct model *m, struct leaf *leaf, struct buffer room[2])
{
    uint64_t there = 0, come = 0;
    choose(m, 1 + next_random() % 40);
    struct key_source source = begin_model(m);
    leaf_look_up(leaf, &source);
    uint64_t looked_up = m->told;
    source = begin_model(m);
    leaf_merge(leaf, &source, &room[0]);
    assert_int_equal(m->told, looked_up);
    source = begin_model(m);
    for (; source.any; key_source_next(&source), come++) {
        there += m->usns[source.key.at] != 0;
        m->usns[source.key.at] = source.key.usn;
    }
    assert_int_equal(looked_up, there);
    leaf->keys = buffer_view(&room[0]);
    must_be_as(m, leaf);
    choose(m, 1 + next_random() % 10);
    for (int i = 0; i < KEYS; i += 2) /* these lead elsewhere, or are not there */
        m->come[i] = m->come[i] ? m->usns[i] : 0;
    source = begin_model(m);
    leaf_drop(leaf, &source, &room[1]);
    source = begin_model(m);
    for (; source.any; key_source_next(&source)) {
        if (m->usns[source.key.at] == source.key.usn)
            m->usns[source.key.at] = 0;
    }
    leaf->keys = buffer_view(&room[1]);
    must_be_as(m, leaf);
}

static void it_is_what_a_list_would_be(void **state)
{
    (void)state;
    for (int round = 0; round < ROUNDS; round++) {
        struct model m = {0};
        struct buffer room[2] = {{0}, {0}};
        make_keys(&m);
        bool begins = round % 2; /* where its first key does */
        struct leaf leaf = {MODULE, begins ? bytes_of_text(m.keys[0]) : BYTES_NONE, .last = true};
        for (int i = 0; i < 12; i++)
            merge_and_drop(&m, &leaf, room);
        buffer_free(&room[0]);
        buffer_free(&room[1]);
    }
}

/* --- stored --- */

static void what_was_not_written_is_not_believed(void **state)
{
    (void)state;
    OWNED(buffer_free) struct buffer keys = {0}, stored = {0};
    struct bytes low = bytes_of_text("d");
    struct leaf leaf, read;
    char text[400];
    add_text(low, &keys, "d=2 f=3");
    leaf = (struct leaf){MODULE, low, bytes_of_text("h"), false, buffer_view(&keys)};
    leaf_store(&leaf, &stored);
    assert_true(leaf_read(MODULE, low, buffer_view(&stored), &read));
    assert_true(bytes_equal(read.low, low) && bytes_equal(read.high, leaf.high) && !read.last);
    assert_string_equal(text_of(&read, text), "d=2 f=3");
    assert_int_equal(stored.size + low.size, LEAF_STORED_SIZE);
    assert_false(leaf_read(MODULE_DATA_CONF, low, buffer_view(&stored), &read));
    assert_false(leaf_read(MODULE, bytes_of_text("e"), buffer_view(&stored), &read));
    assert_false(leaf_read(MODULE, BYTES_NONE, buffer_view(&stored), &read));
    for (size_t i = 0; i < stored.size; i++) {
        assert_false(leaf_read(MODULE, low, bytes_of(stored.at, i), &read));
        for (int bit = 0; bit < 8; bit++) {
            stored.at[i] ^= (uint8_t)(1 << bit);
            assert_false(leaf_read(MODULE, low, buffer_view(&stored), &read));
            stored.at[i] ^= (uint8_t)(1 << bit);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_goes_is_told_if_it_leads_where_it_is_said_to),
        cmocka_unit_test(what_comes_is_put_among_what_is_there),
        cmocka_unit_test(a_leaf_takes_what_belongs_into_it),
        cmocka_unit_test(what_is_too_much_is_parted),
        cmocka_unit_test(it_is_what_a_list_would_be),
        cmocka_unit_test(what_was_not_written_is_not_believed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
