/* Time spans, as people write them in files and commands and as we show them. */
#ifndef POLLUX_BASE_TIMESPAN_H
#define POLLUX_BASE_TIMESPAN_H

#include <stdbool.h>
#include <stdint.h>

enum {
    TIME_SPAN_DAYS_MAX = 10675199, /* as in .NET, whose spans the commands were written for */
    TIME_SPAN_TEXT_MAX = 40
};

/* "hh:mm:ss" with one or two digits each, "d.hh:mm:ss", both with a fraction of up to seven digits
 * behind, or a bare number of seconds. Hours stay below 24, minutes and seconds below 60. What is
 * finer than a millisecond is rounded up, so that no span becomes zero by it. "hh:mm" is refused:
 * too many take it for minutes and seconds. */
bool time_span_ms(const char *text, uint64_t *ms);

/* "00:02:00", "1.02:03:04", "00:00:00.500"; returns `text`. */
const char *time_span_text(uint64_t ms, char text[TIME_SPAN_TEXT_MAX]);

/* As one says it of what nobody needs to the second: "0.3 s", "17 s", "5 minutes", "1.5 days";
 * returns `text`. */
const char *time_span_rough(uint64_t ms, char text[TIME_SPAN_TEXT_MAX]);
/* The same for the arguments of a sentence; it lasts as long as the block that it stands in. */
#define ROUGHLY(ms) time_span_rough((ms), (char[TIME_SPAN_TEXT_MAX]){0})

#endif
