/* Buffers and cursors: what was written is read, and nothing past the end. And blocks. */
#include "unit.h"

#include <string.h>

#include "base/blocks.h"

static void what_was_written_is_read(void **state)
{
    (void)state;
    OWNED(buffer_free) struct buffer b = {0};
    buffer_u8(&b, 7);
    buffer_u32(&b, 0xdeadbeef);
    buffer_u64(&b, UINT64_MAX - 1);
    buffer_text(&b, "redmond");

    struct cursor c = cursor_over(buffer_view(&b));
    char text[16];
    assert_int_equal(cursor_u8(&c), 7);
    assert_int_equal(cursor_u32(&c), 0xdeadbeef);
    assert_true(cursor_u64(&c) == UINT64_MAX - 1);
    cursor_text(&c, text, sizeof text);
    assert_string_equal(text, "redmond");
    assert_true(cursor_done(&c));
}

static void every_varint_comes_back(void **state)
{
    (void)state;
    for (int shift = 0; shift < 64; shift++) {
        for (int d = -1; d <= 1; d++) {
            uint64_t v = ((uint64_t)1 << shift) + (uint64_t)d;
            OWNED(buffer_free) struct buffer b = {0};
            buffer_varint(&b, v);
            struct cursor c = cursor_over(buffer_view(&b));
            assert_true(cursor_varint(&c) == v);
            assert_true(cursor_done(&c));
        }
    }
}

static void a_varint_has_one_spelling(void **state)
{
    (void)state;
    const char *const wrong[] = {"\x80\x00", "\xff\x00", "\x80\x80\x00"};
    const size_t sizes[] = {2, 2, 3};
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        struct cursor c = cursor_over(bytes_of(wrong[i], sizes[i]));
        cursor_varint(&c);
        assert_true(c.bad);
    }
}

static void a_varint_of_more_than_64_bits_is_bad(void **state)
{
    (void)state;
    struct cursor c = cursor_over(bytes_of("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", 10));
    cursor_varint(&c);
    assert_true(c.bad);
}

static void a_cursor_stops_at_the_end_and_stays_bad(void **state)
{
    (void)state;
    struct cursor c = cursor_over(bytes_of("\x01\x02", 2));
    assert_int_equal(cursor_u32(&c), 0);
    assert_true(c.bad);
    assert_int_equal(cursor_u8(&c), 0); /* even what would have fitted */
    assert_false(cursor_done(&c));
}

static void a_length_beyond_the_limit_is_bad(void **state)
{
    (void)state;
    OWNED(buffer_free) struct buffer b = {0};
    buffer_text(&b, "12345");
    struct cursor c = cursor_over(buffer_view(&b));
    cursor_bytes(&c, 4);
    assert_true(c.bad);
}

static void a_text_with_a_nul_inside_is_bad(void **state)
{
    (void)state;
    OWNED(buffer_free) struct buffer b = {0};
    buffer_bytes(&b, bytes_of("a\0b", 3));
    struct cursor c = cursor_over(buffer_view(&b));
    char text[8];
    cursor_text(&c, text, sizeof text);
    assert_true(c.bad);
    assert_string_equal(text, "");
}

static void bytes_are_ordered_like_memcmp_with_the_shorter_first(void **state)
{
    (void)state;
    assert_true(bytes_compare(bytes_of_text("a"), bytes_of_text("ab")) < 0);
    assert_true(bytes_compare(bytes_of_text("b"), bytes_of_text("ab")) > 0);
    assert_true(bytes_compare(bytes_of_text(""), bytes_of_text("")) == 0);
    assert_true(bytes_start_with(bytes_of_text("abc"), bytes_of_text("ab")));
    assert_false(bytes_start_with(bytes_of_text("a"), bytes_of_text("ab")));
}

/* Pieces of all sizes, and what was taken over between them. */
static void what_lies_in_blocks_stays_where_it_is(void **state)
{
    (void)state;
    enum { PIECES = 2000, TAKEN_EACH = 100, LARGEST = 200000 };
    static uint8_t *pieces[PIECES];
    static size_t sizes[PIECES];
    struct blocks blocks = {0};
    for (size_t i = 0; i < PIECES; i++) {
        sizes[i] = i * 7919 % (i % 50 ? 300 : LARGEST);
        if (i % TAKEN_EACH == 0) {
            struct buffer memory = {0};
            buffer_reserve(&memory, sizes[i]);
            pieces[i] = memory.at;
            blocks_take_over(&blocks, &memory);
            assert_null(memory.at);
        } else {
            pieces[i] = blocks_room(&blocks, sizes[i]);
        }
        if (sizes[i])
            memset(pieces[i], (int)(i % 251), sizes[i]);
    }
    size_t sum = 0;
    for (size_t i = 0; i < PIECES; i++) {
        sum += sizes[i];
        for (size_t n = 0; n < sizes[i]; n++)
            assert_int_equal(pieces[i][n], i % 251);
    }
    assert_in_range(blocks.size, sum, 2 * sum);
    blocks_free(&blocks);
    assert_int_equal(blocks.size, 0);
}

/* So small that a change costs no more than it has. */
static void little_in_blocks_takes_little(void **state)
{
    (void)state;
    struct blocks blocks = {0};
    struct buffer none = {0};
    blocks_take_over(&blocks, &none);
    uint8_t *first = blocks_room(&blocks, 10), *second = blocks_room(&blocks, 10);
    assert_ptr_equal(second, first + 10);
    assert_in_range(blocks.size, 20, 512);
    blocks_free(&blocks);
    blocks_free(&blocks);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_written_is_read),
        cmocka_unit_test(every_varint_comes_back),
        cmocka_unit_test(a_varint_has_one_spelling),
        cmocka_unit_test(a_varint_of_more_than_64_bits_is_bad),
        cmocka_unit_test(a_cursor_stops_at_the_end_and_stays_bad),
        cmocka_unit_test(a_length_beyond_the_limit_is_bad),
        cmocka_unit_test(a_text_with_a_nul_inside_is_bad),
        cmocka_unit_test(bytes_are_ordered_like_memcmp_with_the_shorter_first),
        cmocka_unit_test(what_lies_in_blocks_stays_where_it_is),
        cmocka_unit_test(little_in_blocks_takes_little),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
