/* Progress: one line on a terminal, a few plain ones elsewhere. */
#include "unit.h"

#include <locale.h>
#include <stdio.h>
#include <stdlib.h>

#include "cmdlet/answer/progress.h"

#define ERASED "\r\033[K"

static uint64_t time_ms;

static uint64_t now(void)
{
    return time_ms;
}

static struct {
    FILE *err;
    char *text;
    size_t size;
    size_t seen;
} screen;

static struct progress *begin(bool terminal, size_t width)
{
    time_ms = 5000;
    screen.seen = 0;
    screen.err = open_memstream(&screen.text, &screen.size);
    return progress_begin(screen.err, terminal, width, now);
}

/* What was written since it was asked last. */
static void expect(const char *text)
{
    fflush(screen.err);
    assert_string_equal(screen.text + screen.seen, text);
    screen.seen = screen.size;
}

static void end(struct progress *p, const char *text)
{
    progress_end(p);
    expect(text);
    fclose(screen.err);
    free(screen.text);
}

static void step(struct progress *p, const char *status, uint64_t done, uint64_t total)
{
    const struct progress_step s = {
        .activity = "Publishing the topology", .status = status, .done = done, .total = total};
    progress_step(p, &s);
}

static void complete(struct progress *p, const char *status)
{
    const struct progress_step s = {
        .activity = "Publishing the topology", .status = status, .completed = true};
    progress_step(p, &s);
}

static void a_terminal_has_one_line_that_is_written_over(void **state)
{
    (void)state;
    struct progress *p = begin(true, 80);
    step(p, "0 of 2 pools", 0, 2);
    expect("\rPublishing the topology [--------------------] 0 %  0 of 2 pools\033[K");
    time_ms += 1000;
    step(p, "1 of 2 pools", 1, 2);
    expect(
        "\rPublishing the topology [##########----------] 50 %  1 of 2 pools  0:01 elapsed\033[K");
    time_ms += 3599000;
    step(p, "2 of 2 pools", 2, 2);
    expect("\rPublishing the topology 100 %  2 of 2 pools  1:00:00 elapsed\033[K");
    complete(p, NULL);
    expect(ERASED);
    end(p, "");
}

static void a_line_that_is_left_standing_is_removed_at_the_end(void **state)
{
    (void)state;
    struct progress *p = begin(true, 80);
    step(p, NULL, 0, 0);
    expect("\rPublishing the topology\033[K");
    end(p, ERASED);
}

static void what_began_before_it_was_seen_is_as_old_as_it_is(void **state)
{
    (void)state;
    struct progress *p = begin(true, 80);
    const struct progress_step s = {.activity = "Failover", .elapsed_ms = 65000};
    progress_step(p, &s);
    expect("\rFailover  1:05 elapsed\033[K");
    time_ms += 2000;
    progress_tick(p);
    expect("\rFailover  1:07 elapsed\033[K");
    end(p, ERASED);
}

static void it_is_drawn_ten_times_a_second_at_most(void **state)
{
    (void)state;
    struct progress *p = begin(true, 80);
    step(p, "a", 0, 0);
    expect("\rPublishing the topology  a\033[K");
    time_ms += PROGRESS_DRAW_MS - 1;
    step(p, "b", 0, 0);
    expect("");
    time_ms += 1;
    progress_tick(p);
    expect("\rPublishing the topology  b\033[K");
    end(p, ERASED);
}

static void it_makes_way_and_comes_back(void **state)
{
    (void)state;
    struct progress *p = begin(true, 80);
    step(p, "a", 0, 0);
    expect("\rPublishing the topology  a\033[K");
    progress_hide(p);
    progress_hide(p);
    expect(ERASED);
    time_ms += PROGRESS_DRAW_MS;
    progress_tick(p);
    expect("\rPublishing the topology  a\033[K");
    end(p, ERASED);
}

static void another_activity_is_seen_at_once(void **state)
{
    (void)state;
    struct progress *p = begin(true, 80);
    step(p, "a", 1, 2);
    expect("\rPublishing the topology [##########----------] 50 %  a\033[K");
    const struct progress_step other = {.activity = "Waiting for the pools"};
    progress_step(p, &other);
    expect(ERASED "\rWaiting for the pools\033[K");
    end(p, ERASED);
}

static void a_narrow_terminal_has_no_bar_then_less_text(void **state)
{
    (void)state;
    struct progress *p = begin(true, 45);
    step(p, "1 of 2 pools", 1, 2);
    expect("\rPublishing the topology 50 %  1 of 2 pools\033[K");
    end(p, ERASED);
    p = begin(true, 40);
    step(p, "1 of 2 pools", 1, 2);
    expect("\rPublishing the topology 50 %  1 of 2 p…\033[K");
    time_ms += 61000;
    progress_tick(p);
    expect("\rPublishing the topology 50 %  1 …  1:01\033[K");
    end(p, ERASED);
    p = begin(true, 3);
    step(p, "1 of 2 pools", 1, 2);
    expect("\rPublishing the top…\033[K");
    end(p, ERASED);
}

static void more_done_than_there_was_is_all(void **state)
{
    (void)state;
    struct progress *p = begin(true, 80);
    step(p, "", UINT64_MAX, 2);
    expect("\rPublishing the topology [####################] 100 %\033[K");
    end(p, ERASED);
}

static void nothing_in_it_is_obeyed(void **state)
{
    (void)state;
    struct progress *p = begin(true, 80);
    step(p, "\033[2J\nZoë", 0, 0);
    expect("\rPublishing the topology  ?[2J Zoë\033[K");
    end(p, ERASED);
}

static void elsewhere_a_plain_line_comes_once_a_second(void **state)
{
    (void)state;
    struct progress *p = begin(false, 80);
    step(p, "0 of 9 pools", 0, 9);
    expect("");
    time_ms += PROGRESS_LINE_MS;
    step(p, "1 of 9 pools", 1, 9);
    expect("Publishing the topology: 1 of 9 pools.\n");
    time_ms += PROGRESS_LINE_MS - 1;
    step(p, "2 of 9 pools", 2, 9);
    expect("");
    time_ms += 1;
    step(p, "3 of 9 pools", 3, 9);
    expect("Publishing the topology: 3 of 9 pools.\n");
    time_ms += PROGRESS_LINE_MS;
    step(p, "3 of 9 pools", 4, 9);
    expect("");
    progress_hide(p);
    end(p, "");
}

static void the_last_plain_line_is_always_written(void **state)
{
    (void)state;
    struct progress *p = begin(false, 80);
    step(p, "0 of 2 pools", 0, 2);
    time_ms += PROGRESS_LINE_MS;
    step(p, "1 of 2 pools", 1, 2);
    step(p, "2 of 2 pools", 2, 2);
    expect("Publishing the topology: 1 of 2 pools.\n");
    complete(p, NULL);
    expect("Publishing the topology: 2 of 2 pools.\n");
    complete(p, NULL);
    end(p, "");

    p = begin(false, 80);
    step(p, NULL, 0, 0);
    time_ms += PROGRESS_LINE_MS;
    progress_tick(p);
    complete(p, "All have it!");
    expect("Publishing the topology.\nPublishing the topology: All have it!\n");
    end(p, "");
}

static void how_far_it_came_stands_above_an_error_and_not_below(void **state)
{
    (void)state;
    struct progress *p = begin(false, 80);
    step(p, "0 of 2 pools", 0, 2);
    progress_settle(p);
    expect("");
    time_ms += PROGRESS_LINE_MS;
    progress_tick(p);
    step(p, "1 of 2 pools", 1, 2);
    expect("Publishing the topology: 0 of 2 pools.\n");
    progress_settle(p);
    expect("Publishing the topology: 1 of 2 pools.\n");
    end(p, "");

    p = begin(true, 80);
    step(p, "a", 0, 0);
    expect("\rPublishing the topology  a\033[K");
    progress_settle(p);
    expect(ERASED);
    end(p, "");
}

static void elsewhere_what_is_done_at_once_is_not_told(void **state)
{
    (void)state;
    struct progress *p = begin(false, 80);
    step(p, "1 of 2 pools", 1, 2);
    step(p, "2 of 2 pools", 2, 2);
    complete(p, NULL);
    end(p, "");
}

int main(void)
{
    setlocale(LC_ALL, "C.UTF-8");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_terminal_has_one_line_that_is_written_over),
        cmocka_unit_test(a_line_that_is_left_standing_is_removed_at_the_end),
        cmocka_unit_test(what_began_before_it_was_seen_is_as_old_as_it_is),
        cmocka_unit_test(it_is_drawn_ten_times_a_second_at_most),
        cmocka_unit_test(it_makes_way_and_comes_back),
        cmocka_unit_test(another_activity_is_seen_at_once),
        cmocka_unit_test(a_narrow_terminal_has_no_bar_then_less_text),
        cmocka_unit_test(more_done_than_there_was_is_all),
        cmocka_unit_test(nothing_in_it_is_obeyed),
        cmocka_unit_test(elsewhere_a_plain_line_comes_once_a_second),
        cmocka_unit_test(the_last_plain_line_is_always_written),
        cmocka_unit_test(how_far_it_came_stands_above_an_error_and_not_below),
        cmocka_unit_test(elsewhere_what_is_done_at_once_is_not_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
