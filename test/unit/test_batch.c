/* Batches: what goes in comes out, and nothing else does. */
#include "unit.h"

#include <stdlib.h>
#include <string.h>

#include "core/batch.h"

static struct batch_head head(uint64_t after, uint64_t upto)
{
    return (struct batch_head){.home = "atl.example.com",
                               .module = MODULE_PRESENCE_FOCUS,
                               .term = {.number = 4, .tag = 99},
                               .after = after,
                               .head = upto,
                               .horizon = 3};
}

static struct item numbered(uint64_t usn, const char *key, const char *value)
{
    return (struct item){.module = MODULE_PRESENCE_FOCUS,
                         .version = {.term = 2, .usn = usn},
                         .key = bytes_of_text(key),
                         .value = bytes_of_text(value)};
}

static void what_goes_in_comes_out(void **state)
{
    (void)state;
    OWNED(batch_writer_free) struct batch_writer *w = batch_writer_new();
    struct batch_head h = head(10, 30);
    h.read_ms = 1700000000000;
    batch_begin(w, &h);
    struct item a = numbered(11, "a", "first"), b = numbered(15, "b", "");
    b.deleted = true;
    b.version.term = 4;
    assert_true(batch_add(w, &a));
    assert_true(batch_add(w, &b));
    struct bytes encoded = batch_finish(w, 30, true);

    OWNED(batch_close) struct batch *batch = NULL;
    assert_int_equal(batch_open(encoded, &batch, NULL), OK);
    const struct batch_head *got = batch_head(batch);
    assert_string_equal(got->home, "atl.example.com");
    assert_true(term_equal(got->term, h.term));
    assert_true(got->after == 10 && got->upto == 30 && got->head == 30 && got->horizon == 3);
    assert_int_equal(got->read_ms, h.read_ms);
    assert_true(got->more);
    assert_int_equal(got->others_upto, 30); /* of other modules it says nothing, … */
    assert_int_equal(batch_count(batch), 2);
    struct item x;
    assert_true(batch_next(batch, &x));
    assert_true(item_hash_equal(item_hash(&x), item_hash(&a)));
    assert_true(batch_next(batch, &x));
    assert_true(item_hash_equal(item_hash(&x), item_hash(&b)));
    assert_false(batch_next(batch, &x));
}

static void what_it_says_of_other_modules_comes_out(void **state)
{
    (void)state;
    OWNED(batch_writer_free) struct batch_writer *w = batch_writer_new();
    for (uint64_t others = 10; others <= 40; others += 10) {
        OWNED(batch_close) struct batch *batch = NULL;
        struct batch_head h = head(10, 40);
        batch_begin(w, &h);
        batch_others_upto(w, others);
        assert_int_equal(batch_open(batch_finish(w, 30, false), &batch, NULL), OK);
        assert_int_equal(batch_head(batch)->others_upto, others < 30 ? others : 30);
    }
}

static void batches_that_follow_on_each_other_are_as_good_as_one(void **state)
{
    (void)state;
    struct batch_head all = head(10, 30), next = head(30, 50);
    all.more = true;
    all.upto = 30;
    next.upto = 50;
    next.head = 70;
    next.horizon = 5;
    all.read_ms = 1000;
    next.read_ms = 2000;
    batch_join(&all, &next);
    assert_true(all.after == 10 && all.upto == 50 && all.head == 70 && all.horizon == 5);
    assert_false(all.more);
    assert_int_equal(all.read_ms, 2000);
}

static void a_batch_without_items_moves_the_cookie_alone(void **state)
{
    (void)state;
    OWNED(batch_writer_free) struct batch_writer *w = batch_writer_new();
    struct batch_head h = head(10, 30);
    batch_begin(w, &h);
    OWNED(batch_close) struct batch *batch = NULL;
    assert_int_equal(batch_open(batch_finish(w, 30, true), &batch, NULL), OK);
    assert_int_equal(batch_count(batch), 0);
}

static void a_full_batch_takes_no_more_and_still_has_room_for_the_largest_item(void **state)
{
    (void)state;
    OWNED(batch_writer_free) struct batch_writer *w = batch_writer_new();
    struct batch_head h = head(0, 1000);
    batch_begin(w, &h);
    char *large = xmalloc(ITEM_VALUE_MAX);
    for (size_t i = 0; i < ITEM_VALUE_MAX; i++)
        large[i] = (char)(i * 2654435761u >> 13);
    struct item it = numbered(0, "key", "");
    it.value = bytes_of(large, ITEM_VALUE_MAX);
    size_t taken = 0;
    for (it.version.usn = 1; batch_add(w, &it); it.version.usn++)
        taken++;
    assert_true(taken >= BATCH_BYTES_MAX / ITEM_VALUE_MAX);
    assert_true(taken <= BATCH_BYTES_MAX / ITEM_VALUE_MAX + 1);
    OWNED(batch_close) struct batch *batch = NULL;
    assert_int_equal(batch_open(batch_finish(w, it.version.usn - 1, false), &batch, NULL), OK);
    assert_int_equal(batch_count(batch), taken);
    free(large);
}

static struct buffer some_batch(void)
{
    OWNED(batch_writer_free) struct batch_writer *w = batch_writer_new();
    struct batch_head h = head(10, 30);
    batch_begin(w, &h);
    struct item a = numbered(11, "a", "first"), b = numbered(15, "b", "second");
    batch_add(w, &a);
    batch_add(w, &b);
    struct bytes encoded = batch_finish(w, 30, true);
    struct buffer copy = {0};
    buffer_raw(&copy, encoded.at, encoded.size);
    return copy;
}

/* Every byte is somebody else's, and none is read that is not there. */
static void what_a_batch_says_of_itself_can_be_seen_before_it_is_opened(void **state)
{
    (void)state;
    OWNED(buffer_free) struct buffer b = some_batch();
    struct batch_head seen;
    assert_int_equal(batch_peek(buffer_view(&b), &seen, NULL), OK);
    assert_string_equal(seen.home, "atl.example.com");
    assert_true(seen.term.number == 4 && seen.term.tag == 99 && seen.upto == 30);
    size_t least = 0;
    while (batch_peek(bytes_of(b.at, least), &seen, NULL))
        least++;
    assert_in_range(least, 40, b.size - 1);
    b.at[0] ^= 1;
    assert_int_equal(batch_peek(buffer_view(&b), &seen, NULL), FAIL_DAMAGED);
}

static void random_value(char *value, size_t size, size_t seed)
{
    uint32_t number = (uint32_t)seed + 1;
    for (size_t i = 0; i < size; i++) {
        number = number * 1664525 + 1013904223;
        value[i] = (char)(number >> 24);
    }
}

/* Written with values of `of` bytes each, and read again; says how many bytes it takes. */
static size_t size_of_batch(size_t items, size_t of, bool random)
{
    OWNED(batch_writer_free) struct batch_writer *w = batch_writer_new();
    struct batch_head h = head(10, 10 + items);
    char value[200] = "";
    assert_true(of <= sizeof value);
    batch_begin(w, &h);
    for (size_t i = 0; i < items; i++) {
        struct item item = numbered(11 + i, "key", "");
        if (random)
            random_value(value, of, i);
        item.value = bytes_of(value, of);
        assert_true(batch_add(w, &item));
    }
    struct bytes encoded = batch_finish(w, 10 + items, false);
    OWNED(batch_close) struct batch *batch = NULL;
    struct item read;
    assert_int_equal(batch_open(encoded, &batch, NULL), OK);
    for (size_t i = 0; i < items; i++) {
        if (random)
            random_value(value, of, i);
        assert_true(batch_next(batch, &read));
        assert_true(bytes_equal(read.value, bytes_of(value, of)));
    }
    assert_false(batch_next(batch, &read));
    return encoded.size;
}

static void what_is_large_travels_smaller_if_it_can_be(void **state)
{
    (void)state;
    size_t few = size_of_batch(4, 200, false), few_random = size_of_batch(4, 200, true);
    assert_true(few == few_random && few > 4 * 200); /* as it is: it is hardly worth a thought */
    assert_true(size_of_batch(50, 200, false) < 50 * 200 / 10);
    size_t random = size_of_batch(50, 200, true);
    assert_true(random >= 50 * 200 && random < 50 * 220);
    for (size_t items = 0; items < 40; items++) /* around the size where that begins */
        size_of_batch(items, 60, items % 2);
}

static void every_flipped_bit_is_noticed(void **state)
{
    (void)state;
    OWNED(buffer_free) struct buffer b = some_batch();
    for (size_t i = 0; i < b.size * 8; i++) {
        b.at[i / 8] ^= (uint8_t)(1 << i % 8);
        struct batch *batch = NULL;
        struct error e;
        enum failure bad = batch_open(buffer_view(&b), &batch, &e);
        assert_true(bad == FAIL_DAMAGED || (bad == FAIL_NEWER && i / 8 == 3));
        assert_null(batch);
        b.at[i / 8] ^= (uint8_t)(1 << i % 8);
    }
}

static void every_cut_is_noticed(void **state)
{
    (void)state;
    OWNED(buffer_free) struct buffer b = some_batch();
    for (size_t n = 0; n < b.size; n++) {
        struct batch *batch = NULL;
        assert_int_equal(batch_open(bytes_of(b.at, n), &batch, NULL), FAIL_DAMAGED);
    }
    buffer_u8(&b, 0);
    struct batch *batch = NULL;
    assert_int_equal(batch_open(buffer_view(&b), &batch, NULL), FAIL_DAMAGED);
}

/* Its checksum is right: nothing else would tell. */
static void what_is_written_in_the_format_of_another_version_is_refused_and_says_so(void **state)
{
    (void)state;
    OWNED(buffer_free) struct buffer b = some_batch();
    struct batch *batch = NULL;
    struct batch_head seen;
    struct error e;
    assert_memory_equal(b.at, "PXB3", 4);
    b.at[3] = '1';
    assert_int_equal(batch_open(buffer_view(&b), &batch, &e), FAIL_NEWER);
    assert_null(batch);
    assert_non_null(strstr(e.what, "the format 1 of another version"));
    assert_non_null(strstr(e.next, "same version"));
    assert_int_equal(batch_peek(buffer_view(&b), &seen, NULL), FAIL_NEWER);
    memcpy(b.at, "PXT3", 4); /* a part of a tail is no batch */
    assert_int_equal(batch_open(buffer_view(&b), &batch, &e), FAIL_DAMAGED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_goes_in_comes_out),
        cmocka_unit_test(what_it_says_of_other_modules_comes_out),
        cmocka_unit_test(batches_that_follow_on_each_other_are_as_good_as_one),
        cmocka_unit_test(a_batch_without_items_moves_the_cookie_alone),
        cmocka_unit_test(a_full_batch_takes_no_more_and_still_has_room_for_the_largest_item),
        cmocka_unit_test(what_a_batch_says_of_itself_can_be_seen_before_it_is_opened),
        cmocka_unit_test(what_is_written_in_the_format_of_another_version_is_refused_and_says_so),
        cmocka_unit_test(what_is_large_travels_smaller_if_it_can_be),
        cmocka_unit_test(every_flipped_bit_is_noticed),
        cmocka_unit_test(every_cut_is_noticed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
