#include "base/clock.h"

#include <stdio.h>
#include <time.h>

static uint64_t read_us(clockid_t id)
{
    struct timespec t;
    clock_gettime(id, &t);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

uint64_t clock_us(void)
{
    return read_us(CLOCK_BOOTTIME);
}

/* A hundred years. */
static const uint64_t before_start_ms = 100ULL * 365 * 24 * 60 * 60 * 1000;

uint64_t clock_ms(void)
{
    return before_start_ms + clock_us() / 1000;
}

uint64_t clock_wall_ms(void)
{
    return read_us(CLOCK_REALTIME) / 1000;
}

const char *clock_wall_text(uint64_t wall_ms, char text[CLOCK_TEXT_MAX])
{
    time_t seconds = (time_t)(wall_ms / 1000);
    struct tm utc;
    gmtime_r(&seconds, &utc);
    size_t n = strftime(text, CLOCK_TEXT_MAX, "%Y-%m-%dT%H:%M:%S", &utc);
    snprintf(text + n, CLOCK_TEXT_MAX - n, ".%03uZ", (unsigned)(wall_ms % 1000));
    return text;
}
