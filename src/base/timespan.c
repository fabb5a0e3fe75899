#include "base/timespan.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>

#define SECOND_MS UINT64_C(1000)
#define MINUTE_MS (60 * SECOND_MS)
#define HOUR_MS   (60 * MINUTE_MS)
#define DAY_MS    (24 * HOUR_MS)

/* Takes a number of 1 to `digits` digits from the front of `*at`. */
static bool take_number(const char **at, size_t digits, uint64_t *number)
{
    *number = 0;
    size_t n = 0;
    for (; (*at)[n] >= '0' && (*at)[n] <= '9'; n++) {
        if (n == digits)
            return false;
        *number = *number * 10 + (uint64_t)((*at)[n] - '0');
    }
    *at += n;
    return n > 0;
}

static bool take_char(const char **at, char c)
{
    if (**at != c)
        return false;
    (*at)++;
    return true;
}

static bool take_part(const char **at, uint64_t below, uint64_t unit, uint64_t *ms)
{
    uint64_t number;
    if (!take_number(at, 2, &number) || number >= below)
        return false;
    *ms += number * unit;
    return true;
}

static bool take_fraction(const char **at, uint64_t *ms)
{
    const char *start = *at;
    uint64_t ticks; /* of 100 ns, once it has seven digits */
    if (!take_number(at, 7, &ticks))
        return false;
    for (ptrdiff_t n = *at - start; n < 7; n++)
        ticks *= 10;
    *ms += (ticks + 9999) / 10000;
    return true;
}

bool time_span_ms(const char *text, uint64_t *ms)
{
    const char *at = text;
    uint64_t number, sum = 0;
    *ms = 0;
    if (!take_number(&at, 12, &number))
        return false;
    if (!*at) {
        if (number > TIME_SPAN_DAYS_MAX * DAY_MS / SECOND_MS)
            return false;
        *ms = number * SECOND_MS;
        return true;
    }
    if (take_char(&at, '.')) {
        if (number > TIME_SPAN_DAYS_MAX)
            return false;
        sum = number * DAY_MS;
    } else {
        at = text;
    }
    if (!take_part(&at, 24, HOUR_MS, &sum) || !take_char(&at, ':') ||
        !take_part(&at, 60, MINUTE_MS, &sum) || !take_char(&at, ':') ||
        !take_part(&at, 60, SECOND_MS, &sum))
        return false;
    if (take_char(&at, '.') && !take_fraction(&at, &sum))
        return false;
    if (*at)
        return false;
    *ms = sum;
    return true;
}

const char *time_span_text(uint64_t ms, char text[TIME_SPAN_TEXT_MAX])
{
    char days[24] = "", fraction[8] = "";
    if (ms >= DAY_MS)
        snprintf(days, sizeof days, "%" PRIu64 ".", ms / DAY_MS);
    if (ms % SECOND_MS)
        snprintf(fraction, sizeof fraction, ".%03u", (unsigned)(ms % SECOND_MS));
    snprintf(text, TIME_SPAN_TEXT_MAX, "%s%02u:%02u:%02u%s", days,
             (unsigned)(ms % DAY_MS / HOUR_MS), (unsigned)(ms % HOUR_MS / MINUTE_MS),
             (unsigned)(ms % MINUTE_MS / SECOND_MS), fraction);
    return text;
}

/* The largest unit of which there are about as many as people count. */
static const struct unit {
    uint64_t below_ms, ms;
    const char *name;
} units[] = {
    {100 * SECOND_MS, SECOND_MS, "s"},
    {100 * MINUTE_MS, MINUTE_MS, "minute"},
    {DAY_MS, HOUR_MS, "hour"},
    {UINT64_MAX, DAY_MS, "day"},
};

const char *time_span_rough(uint64_t ms, char text[TIME_SPAN_TEXT_MAX])
{
    const struct unit *unit = units;
    while (ms >= unit->below_ms)
        unit++;
    uint64_t tenths = (ms + unit->ms / 20) / (unit->ms / 10);
    bool many = tenths >= 100, fine = !many && (tenths % 10 || unit == units);
    const char *more = unit == units || tenths == 10 ? "" : "s";
    if (fine)
        snprintf(text, TIME_SPAN_TEXT_MAX, "%" PRIu64 ".%" PRIu64 " %s%s", tenths / 10, tenths % 10,
                 unit->name, more);
    else
        snprintf(text, TIME_SPAN_TEXT_MAX, "%" PRIu64 " %s%s", (tenths + 5) / 10, unit->name, more);
    return text;
}
