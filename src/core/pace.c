#include "core/pace.h"

#include <assert.h>

static uint32_t between(uint64_t least, uint64_t bytes, uint64_t most)
{
    return (uint32_t)(bytes < least ? least : bytes > most ? most : bytes);
}

void pace_begin(struct pace *pace, uint32_t most)
{
    assert(most >= PACE_FIRST_BYTES);
    *pace = (struct pace){.most = most, .bytes = PACE_FIRST_BYTES};
}

void pace_took(struct pace *pace, uint64_t bytes, uint64_t ms)
{
    if (bytes < pace->bytes / 2)
        return;
    uint64_t fits = bytes * PACE_AIM_MS / (ms ? ms : 1), twice = 2 * (uint64_t)pace->bytes;
    pace->rate = fits * 1000 / PACE_AIM_MS;
    pace->bytes = between(PACE_LEAST_BYTES, fits < twice ? fits : twice, pace->most);
}

void pace_failed(struct pace *pace)
{
    pace->bytes = between(PACE_LEAST_BYTES, pace->bytes / 4, pace->most);
    pace->rate = 0;
}

uint64_t pace_rate(const struct pace *pace, uint64_t waited_ms)
{
    uint64_t at_most = waited_ms > PACE_AIM_MS ? (uint64_t)pace->bytes * 1000 / waited_ms : 0;
    return at_most && (!pace->rate || at_most < pace->rate) ? at_most : pace->rate;
}
