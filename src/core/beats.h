/* How often machines call each other that have no part in each other's homes. What all of a
 * deployment's cost together must not grow with the square of their number, nor, while news goes
 * round, with its cube: so at one beat each calls a few of them. */
#ifndef POLLUX_CORE_BEATS_H
#define POLLUX_CORE_BEATS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    /* Each of them at each third beat, more than once in a failure-detection interval, … */
    BEATS_FAR = 3,
    /* … unless there are more than so many at a beat: then at as many beats as it takes. */
    BEATS_FAR_PEERS_MAX = 4,
};

/* At how many beats each of so many is called. Machines that may hold `central` call all at each
 * third one: what is new anywhere is theirs at once, and everybody's at his next word with them. */
uint64_t beats_between(size_t peers, bool may_hold_central);

#endif
