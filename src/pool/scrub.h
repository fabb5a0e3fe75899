/* The scrub: reads all that the store has, slowly, and compares it with its hashes and digests.
 *
 * What is damaged in a copy is taken away and fetched again by a comparison; what is damaged at a
 * holder is asked of its partner, by usn, and believed if everything adds up again. Where the file
 * itself is out of order, a new one is made of what can be read of it, and then read in turn. What
 * none of this mends is told, with what to do. */
#ifndef POLLUX_POOL_SCRUB_H
#define POLLUX_POOL_SCRUB_H

#include "pool/front_end.h"

struct scrub;

enum {
    SCRUB_LOOK_MS = 1000, /* how often it is looked whether one is due */
    /* Not at once: a machine that starts has other things to do. */
    SCRUB_AFTER_START_MS = 60000,
    /* So many rows, then a pause: at most some 100,000 rows a second. */
    SCRUB_ROWS = 500,
    SCRUB_PAUSE_MS = 5,
    /* With damage that somebody met; and at the start not before every home has settled. Where
     * nothing is found, twice as long each time, but so many times. */
    SCRUB_MET_S = 5,
    SCRUB_MET_TWICE_MAX = 10,
    /* With something that could not be mended: the partner may be back by then. */
    SCRUB_AGAIN_S = 600,
    SCRUB_HOMES_MAX = 16, /* those of the pool, and what is left of earlier pairings */
};

struct scrub *scrub_new(struct front_end *fe);
void scrub_start(struct scrub *scrub);
/* Ends what it is at; while the store is still there. */
void scrub_stop(struct scrub *scrub);
void scrub_free(struct scrub *scrub);

struct scrub_status {
    uint64_t done_s;      /* the wall clock's time, when everything was read last; 0: never */
    struct error trouble; /* what is damaged and not mended */
};
const struct scrub_status *scrub_status(const struct scrub *scrub);

#endif
