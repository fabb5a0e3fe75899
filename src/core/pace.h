/* How much is sent at once over a link whose rate nobody has told us: as much as gets there in a
 * moment, by how long the last took. So a slow link is not filled for minutes with one batch,
 * behind which heartbeats and whoever waits for progress would have to queue; and a fast one costs
 * no round trips. */
#ifndef POLLUX_CORE_PACE_H
#define POLLUX_CORE_PACE_H

#include <stdint.h>

enum {
    /* What is sent is to be answered after so long: then heartbeats that have to queue behind it
     * still keep their deadlines, mostly, and the pause of a round trip between two counts little.
     */
    PACE_AIM_MS = 1000,
    /* While nothing is known: a second at 64 kB/s. It doubles each time that this was too careful.
     */
    PACE_FIRST_BYTES = 64 << 10,
    /* Less would cost more in round trips than it helps. One item, one chunk goes in any case. */
    PACE_LEAST_BYTES = 32 << 10,
};

struct pace {
    uint32_t most;  /* ever */
    uint32_t bytes; /* now */
    uint64_t rate;  /* bytes in a second, as the last that was large enough to tell; 0: unknown */
};

void pace_begin(struct pace *pace, uint32_t most);
/* So many bytes were answered after so long. Much less than was allowed says nothing. */
void pace_took(struct pace *pace, uint64_t bytes, uint64_t ms);
/* No answer came in time, or none at all. */
void pace_failed(struct pace *pace);
/* Bytes in a second; 0: not known. What is under way and has not been answered for so long (0:
 * nothing is) is no faster than that. */
uint64_t pace_rate(const struct pace *pace, uint64_t waited_ms);

#endif
