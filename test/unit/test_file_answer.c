/* How files of conferences are answered, and how much room uploads take. */
#include "unit.h"

#include <stdlib.h>
#include <string.h>

#include "web/content_room.h"
#include "web/file_answer.h"

static void a_range_is_what_the_standard_says(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint64_t size;
        enum file_range range;
        uint64_t from, count;
    } cases[] = {
        {NULL, 10, RANGE_ALL, 0, 10},
        {"bytes=0-0", 10, RANGE_PART, 0, 1},
        {"bytes=2-5", 10, RANGE_PART, 2, 4},
        {"BYTES=2-", 10, RANGE_PART, 2, 8},
        {"bytes=-3", 10, RANGE_PART, 7, 3},
        {"bytes=-30", 10, RANGE_PART, 0, 10},
        {"bytes=9-400", 10, RANGE_PART, 9, 1},
        {"bytes=0-18446744073709551615", 10, RANGE_PART, 0, 10},
        {"bytes=10-", 10, RANGE_NONE, 0, 10},
        {"bytes=-0", 10, RANGE_NONE, 0, 0},
        {"bytes=0-", 0, RANGE_NONE, 0, 0},
        {"bytes=-1", 0, RANGE_NONE, 0, 0},
        /* What makes no sense, or is more than one, is all of it. */
        {"bytes=5-2", 10, RANGE_ALL, 0, 10},
        {"bytes=1-2,4-5", 10, RANGE_ALL, 0, 10},
        {"bytes=", 10, RANGE_ALL, 0, 10},
        {"bytes=-", 10, RANGE_ALL, 0, 10},
        {"bytes=--1", 10, RANGE_ALL, 0, 10},
        {"bytes=1-2x", 10, RANGE_ALL, 0, 10},
        {"bytes=+1-2", 10, RANGE_ALL, 0, 10},
        {"bytes= 1-2", 10, RANGE_ALL, 0, 10},
        {"bytes=99999999999999999999-", 10, RANGE_ALL, 0, 10},
        {"items=1-2", 10, RANGE_ALL, 0, 10},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        uint64_t from, count;
        enum file_range range = file_range_read(cases[i].text, cases[i].size, &from, &count);
        if (range != cases[i].range)
            fail_msg("\"%s\" of %d is %d", cases[i].text, (int)cases[i].size, range);
        if (range != RANGE_NONE && (from != cases[i].from || count != cases[i].count))
            fail_msg("\"%s\" is %d from %d", cases[i].text, (int)count, (int)from);
    }
}

static void a_name_ends_no_header_and_is_whole(void **state)
{
    (void)state;
    static const struct {
        const char *name, *disposition;
    } cases[] = {
        {"a.pdf", "attachment; filename=\"a.pdf\"; filename*=UTF-8''a.pdf"},
        {"a\"b\\c;d", "attachment; filename=\"a_b_c_d\"; filename*=UTF-8''a%22b%5Cc%3Bd"},
        {"ü", "attachment; filename=\"__\"; filename*=UTF-8''%C3%BC"},
        {"x\r\nSet-Cookie: a", "attachment; filename=\"x__Set-Cookie_ a\"; "
                               "filename*=UTF-8''x%0D%0ASet-Cookie%3A%20a"},
        {"100%", "attachment; filename=\"100_\"; filename*=UTF-8''100%25"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        OWNED(free_memory) char *disposition = file_disposition(cases[i].name);
        assert_string_equal(disposition, cases[i].disposition);
    }
    assert_true(file_name_writable("Über uns – 日本.txt"));
    assert_false(file_name_writable("a\nb") || file_name_writable("\x7f") ||
                 file_name_writable("\xff") || file_name_writable("\xc3"));
}

static void a_type_follows_from_the_name(void **state)
{
    (void)state;
    assert_string_equal(file_type_of("a.PDF"), "application/pdf");
    assert_string_equal(file_type_of("a.tar.gz"), "application/gzip");
    static const char *const unknown[] = {"pdf", "a.", "a.pdfx", "", ".", "a.pd"};
    for (size_t i = 0; i < COUNT_OF(unknown); i++)
        assert_string_equal(file_type_of(unknown[i]), "application/octet-stream");
}

/* --- room --- */

static const char ken[] = "00000000000000000000000000000001",
                  alice[] = "00000000000000000000000000000002",
                  budget[] = "10000000000000000000000000000000",
                  other[] = "20000000000000000000000000000000";

static void uploads_to_a_conference_share_its_room(void **state)
{
    (void)state;
    struct content_room *room = content_room_new();
    struct room_share *a = room_take(room, ken, budget, NULL),
                      *b = room_take(room, alice, budget, NULL),
                      *c = room_take(room, ken, other, NULL);
    assert_true(room_grow(a, 60, 100));
    assert_true(room_grow(c, 100, 100)); /* another conference's */
    assert_true(room_grow(b, 30, 100));
    assert_false(room_grow(b, 11, 100));
    assert_true(room_grow(a, 40, 100)); /* who was refused keeps nobody out */
    assert_false(room_grow(b, 1, 100));
    room_give_back(b);
    room_give_back(a);
    room_give_back(c);
    content_room_free(room);
}

/* Each has as much as the others when there is no more: two of them fit, so two come through. */
static void those_who_come_at_once_do_not_keep_each_other_out(void **state)
{
    (void)state;
    enum { COUNT = 8, PARTS = 20 };
    struct content_room *room = content_room_new();
    struct room_share *shares[COUNT];
    bool refused[COUNT] = {0}; /* and given back some time later */
    size_t through = 0;
    for (size_t i = 0; i < COUNT; i++)
        shares[i] = room_take(room, ken, budget, NULL);
    for (size_t part = 0; part < PARTS; part++) {
        for (size_t i = 0; i < COUNT; i++) {
            if (!refused[i])
                refused[i] = !room_grow(shares[i], 1, 5 * PARTS / 2);
        }
    }
    for (size_t i = 0; i < COUNT; i++) {
        through += !refused[i];
        room_give_back(shares[i]);
    }
    assert_int_equal(through, 2);
    content_room_free(room);
}

static void one_user_leaves_room_for_others(void **state)
{
    (void)state;
    struct content_room *room = content_room_new();
    struct room_share *shares[UPLOADS_MAX];
    struct error e;
    size_t count = 0;
    while (count < UPLOADS_MAX && (shares[count] = room_take(room, ken, budget, &e)))
        count++;
    assert_int_equal(count, UPLOADS_OF_ONE_MAX);
    assert_int_equal(e.kind, FAIL_REFUSED);
    while (count < UPLOADS_MAX && (shares[count] = room_take(room, alice, budget, &e)))
        count++;
    assert_int_equal(count, UPLOADS_MAX);
    assert_null(room_take(room, other, budget, &e));
    while (count)
        room_give_back(shares[--count]);
    struct room_share *again = room_take(room, other, budget, &e);
    assert_true(room_grow(again, 100, 100)); /* nothing of those before it is left */
    room_give_back(again);
    content_room_free(room);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_range_is_what_the_standard_says),
        cmocka_unit_test(a_name_ends_no_header_and_is_whole),
        cmocka_unit_test(a_type_follows_from_the_name),
        cmocka_unit_test(uploads_to_a_conference_share_its_room),
        cmocka_unit_test(those_who_come_at_once_do_not_keep_each_other_out),
        cmocka_unit_test(one_user_leaves_room_for_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
