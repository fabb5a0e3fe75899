/* Leaves: what is merged into them, how they are parted, and what is not believed. */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/leaf.h"

static const enum module MODULE = MODULE_PRESENCE_FOCUS;

/* --- keys as a test writes them: "apple=3 pear=7" --- */

static void add_text(struct buffer *keys, const char *text)
{
    char word[64];
    unsigned usn;
    int read;
    for (; sscanf(text, " %63[^=]=%u%n", word, &usn, &read) == 2; text += read)
        leaf_add(keys, bytes_of_text(word), usn);
}

static const char *text_of(struct bytes keys, char text[400])
{
    size_t at = 0;
    text[0] = '\0';
    for (struct led led; leaf_next(&keys, &led);)
        at += (size_t)snprintf(text + at, 400 - at, "%s%.*s=%u", at ? " " : "", (int)led.key.size,
                               (const char *)led.key.at, (unsigned)led.usn);
    assert_int_equal(keys.size, 0);
    return text;
}

struct texts {
    struct buffer keys; /* that come */
    struct bytes left;
    struct buffer before; /* where those led that were there */
};

static bool next_text(void *context, struct keyed *key)
{
    struct texts *texts = context;
    struct led led;
    if (!leaf_next(&texts->left, &led))
        return false;
    *key = (struct keyed){.module = MODULE, .key = led.key, .usn = led.usn};
    return true;
}

static void note_before(void *context, const struct keyed *key, uint64_t usn)
{
    leaf_add(&((struct texts *)context)->before, key->key, usn);
}

typedef bool on_leaf(const struct leaf *leaf, struct key_source *source, struct buffer *keys);

/* What comes of it, what is told; and what is left of what comes. */
static bool comes_of(on_leaf *what, const struct leaf *leaf, const char *come, const char *expected,
                     const char *expected_told, const char *expected_left)
{
    char text[400];
    struct texts texts = {0};
    OWNED(buffer_free) struct buffer keys = {0}, left = {0};
    add_text(&texts.keys, come);
    texts.left = buffer_view(&texts.keys);
    struct key_source source = {.next = next_text, .led = note_before, .context = &texts};
    key_source_next(&source);
    bool said = what(leaf, &source, &keys);
    assert_string_equal(text_of(buffer_view(&keys), text), expected);
    assert_string_equal(text_of(buffer_view(&texts.before), text), expected_told);
    for (; source.any; key_source_next(&source))
        leaf_add(&left, source.key.key, source.key.usn);
    assert_string_equal(text_of(buffer_view(&left), text), expected_left);
    buffer_free(&texts.keys);
    buffer_free(&texts.before);
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
    add_text(&keys, "apple=3 fig=4 pear=7 plum=9");
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
    add_text(&keys, "b=1 d=2 f=3");
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
    add_text(&keys, "d=2 f=3");
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

static void add_many(struct buffer *keys, int count, int size)
{
    char key[400];
    for (int n = 0; n < count; n++)
        leaf_add(keys, bytes_of(key, (size_t)snprintf(key, sizeof key, "%0*d", size, n)),
                 (uint64_t)n + 1);
}

static void what_is_too_much_is_parted(void **state)
{
    (void)state;
    enum { SIZE = 30, EACH = SIZE + 10 };
    for (int count = 0; count < 1000; count += 7) {
        OWNED(buffer_free) struct buffer keys = {0};
        add_many(&keys, count, SIZE);
        for (int grows = 0; grows < 2; grows++) {
            struct bytes left = buffer_view(&keys);
            size_t parts = 0, least = SIZE_MAX, most = 0;
            const uint8_t *next = left.at;
            do {
                struct bytes part = leaf_part(&left, grows);
                assert_ptr_equal(part.at, next); /* nothing between them is left out */
                next += part.size;
                assert_int_equal(part.size % EACH, 0);
                least = left.size && part.size < least ? part.size : least;
                most = part.size > most ? part.size : most;
                parts++;
            } while (left.size);
            assert_int_equal(parts,
                             keys.size ? (keys.size + LEAF_KEYS_MAX - 1) / LEAF_KEYS_MAX : 1);
            assert_in_range(most, 0, LEAF_KEYS_MAX + EACH);
            if (parts > 1 && grows)
                assert_in_range(least, LEAF_KEYS_MAX - EACH, LEAF_KEYS_MAX);
            else if (parts > 1)
                assert_in_range(least, LEAF_KEYS_MAX / 2 - EACH, LEAF_KEYS_MAX);
        }
    }
}

/* A key that is larger than all others together still lies somewhere. */
static void a_part_has_a_key_at_least(void **state)
{
    (void)state;
    OWNED(buffer_free) struct buffer keys = {0};
    static const char long_key[2 * LEAF_KEYS_MAX] = "x";
    leaf_add(&keys, bytes_of(long_key, sizeof long_key), 1);
    leaf_add(&keys, bytes_of_text("y"), 2);
    for (int grows = 0; grows < 2; grows++) {
        struct bytes left = buffer_view(&keys);
        assert_true(leaf_part(&left, grows).size > sizeof long_key);
        assert_true(left.size < 20);
    }
}

static void what_was_not_written_is_not_believed(void **state)
{
    (void)state;
    OWNED(buffer_free) struct buffer keys = {0}, stored = {0};
    struct bytes low = bytes_of_text("d");
    struct leaf leaf, read;
    char text[400];
    add_text(&keys, "d=2 f=3");
    leaf = (struct leaf){MODULE, low, bytes_of_text("h"), false, buffer_view(&keys)};
    leaf_store(&leaf, &stored);
    assert_true(leaf_read(MODULE, low, buffer_view(&stored), &read));
    assert_true(bytes_equal(read.low, low) && bytes_equal(read.high, leaf.high) && !read.last);
    assert_string_equal(text_of(read.keys, text), "d=2 f=3");
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
        cmocka_unit_test(a_part_has_a_key_at_least),
        cmocka_unit_test(what_was_not_written_is_not_believed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
