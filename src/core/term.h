/* Terms: a number that grows each time somebody starts serving a home, and a random tag.
 *
 * Even numbers belong to the home pool, odd ones to its backup, so no two pools can open the same
 * one; the tag tells apart what a restored store might open twice (protocol, rules 1 and 2). */
#ifndef POLLUX_CORE_TERM_H
#define POLLUX_CORE_TERM_H

#include <stdbool.h>
#include <stdint.h>

/* The two pools that a home knows: the one it is named after, and that pool's backup. */
enum side { SIDE_HOME = 0, SIDE_BACKUP = 1 };
enum { SIDES = 2 };

struct term {
    uint64_t number; /* 0: no term at all */
    uint64_t tag;    /* never 0 in a term */
};

#define TERM_NONE ((struct term){0, 0})

bool term_is_none(struct term t);
bool term_equal(struct term a, struct term b); /* number and tag */
enum side term_side(struct term t);            /* who opened it; not for TERM_NONE */
enum side side_other(enum side side);

/* The smallest number of this side above every number seen: never simply the next one. */
uint64_t term_number_above(enum side side, uint64_t seen);

enum { TERM_TEXT_SIZE = 40 };
/* "6#00c0ffee00c0ffee"; returns `text`. */
const char *term_text(struct term t, char text[TERM_TEXT_SIZE]);

#endif
