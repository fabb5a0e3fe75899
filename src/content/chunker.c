#include "content/chunker.h"

#include <pthread.h>

/* One random number for each byte. Both pools must have the same, or nothing would be found again:
 * they are made from nothing but this. */
static uint64_t gears[256];
static pthread_once_t gears_once = PTHREAD_ONCE_INIT;

/* SplitMix64: what is nearest to random among what fits into three lines. */
static void make_gears(void)
{
    uint64_t state = 0;
    for (int i = 0; i < 256; i++) {
        uint64_t z = (state += 0x9e3779b97f4a7c15);
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
        z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
        gears[i] = z ^ (z >> 31);
    }
}

static unsigned aim_shift(uint32_t index)
{
    unsigned shift = index / CHUNKS_EACH_AIM;
    return shift < CHUNK_AIMS ? shift : CHUNK_AIMS - 1;
}

size_t chunker_take(struct chunker *chunker, struct bytes more, bool *ends)
{
    pthread_once(&gears_once, make_gears);
    unsigned shift = aim_shift(chunker->index);
    const uint32_t aim = (uint32_t)CHUNK_AIM << shift, least = aim / 4, most = aim * 2;
    const uint64_t mask = ~(uint64_t)0 << (64 - 16 - shift); /* 2^16 is CHUNK_AIM */
    uint64_t gear = chunker->gear;
    size_t at = 0, until = more.size;
    if (chunker->size < least) /* no cut can be there: that far nothing need be looked at */
        at = least - chunker->size < until ? least - chunker->size : until;
    if (most - chunker->size < until)
        until = most - chunker->size;
    *ends = false;
    while (at < until && !*ends) {
        gear = (gear << 1) + gears[more.at[at++]];
        *ends = (gear & mask) == 0;
    }
    chunker->gear = gear;
    chunker->size += (uint32_t)at;
    *ends |= chunker->size == most;
    if (*ends)
        *chunker = (struct chunker){.index = chunker->index + 1};
    return at;
}
