/* Time spans: every spelling that is accepted, and none that could be taken for another. */
#include "unit.h"

#include "base/memory.h"
#include "base/timespan.h"

static void each_spelling_means_what_it_says(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint64_t ms;
    } spans[] = {
        {"00:00:30", 30000},
        {"00:02:00", 120000},
        {"1:2:3", 3723000},
        {"23:59:59", 86399000},
        {"1.02:03:04", 93784000},
        {"0.00:00:00", 0},
        {"00:00:00.5", 500},
        {"00:00:00.0000001", 1}, /* rounded up, never down to nothing */
        {"00:00:00.1230000", 123},
        {"1.00:00:00.25", 86400250},
        {"0", 0},
        {"90", 90000},
        {"10675199.23:59:59", 922337279999000},
        {"922337193600", 922337193600000},
    };
    for (size_t i = 0; i < COUNT_OF(spans); i++) {
        uint64_t ms = 77;
        assert_true(time_span_ms(spans[i].text, &ms));
        assert_true(ms == spans[i].ms);
    }
}

static void roughly_it_is_so_many_of_what_people_count(void **state)
{
    (void)state;
    static const struct {
        uint64_t ms;
        const char *text;
    } spans[] = {
        {0, "0.0 s"},
        {100, "0.1 s"},
        {3449, "3.4 s"},
        {17400, "17 s"},
        {99999, "100 s"},
        {100000, "1.7 minutes"},
        {120100, "2 minutes"},
        {99 * 60000, "99 minutes"},
        {5400000 + 600000, "1.7 hours"},
        {86400100, "1 day"},
        {36 * 3600000, "1.5 days"},
        {UINT64_C(90) * 86400000, "90 days"},
    };
    for (size_t i = 0; i < COUNT_OF(spans); i++)
        assert_string_equal(ROUGHLY(spans[i].ms), spans[i].text);
}

static void what_is_no_span_is_refused(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "",
        ":",
        "00:30",
        "1.5",
        "1.",
        "1.2:3",
        "24:00:00",
        "00:60:00",
        "00:00:60",
        "-1",
        "+1",
        " 1",
        "1 ",
        "001:00:00",
        "00:000:00",
        "00:00:00.",
        "00:00:00.12345678",
        "1.24:00:00",
        "1.2.3:4:5",
        "00:00:00:00",
        "1.02:03",
        "5m",
        "00:00:1x",
        "10675200.00:00:00",
        "999999999999",
        "99999999999999999999",
    };
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        uint64_t ms = 77;
        assert_false(time_span_ms(wrong[i], &ms));
        assert_true(ms == 0);
    }
}

static void a_span_is_shown_as_it_is_written(void **state)
{
    (void)state;
    char text[TIME_SPAN_TEXT_MAX];
    assert_string_equal(time_span_text(0, text), "00:00:00");
    assert_string_equal(time_span_text(120000, text), "00:02:00");
    assert_string_equal(time_span_text(93784000, text), "1.02:03:04");
    assert_string_equal(time_span_text(500, text), "00:00:00.500");
    assert_string_equal(time_span_text(86400001, text), "1.00:00:00.001");
    time_span_text(UINT64_MAX, text); /* whatever it is, it fits */
}

static void what_is_shown_can_be_read(void **state)
{
    (void)state;
    for (uint64_t ms = 0; ms < 400000000; ms += 7777777) {
        char text[TIME_SPAN_TEXT_MAX];
        uint64_t back;
        assert_true(time_span_ms(time_span_text(ms, text), &back));
        assert_true(back == ms);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_spelling_means_what_it_says),
        cmocka_unit_test(roughly_it_is_so_many_of_what_people_count),
        cmocka_unit_test(what_is_no_span_is_refused),
        cmocka_unit_test(a_span_is_shown_as_it_is_written),
        cmocka_unit_test(what_is_shown_can_be_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
