#include "core/term.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

bool term_is_none(struct term t)
{
    assert((t.number == 0) == (t.tag == 0));
    return t.number == 0;
}

bool term_equal(struct term a, struct term b)
{
    return a.number == b.number && a.tag == b.tag;
}

enum side term_side(struct term t)
{
    assert(t.number != 0);
    return t.number % 2 == 0 ? SIDE_HOME : SIDE_BACKUP;
}

enum side side_other(enum side side)
{
    return side == SIDE_HOME ? SIDE_BACKUP : SIDE_HOME;
}

uint64_t term_number_above(enum side side, uint64_t seen)
{
    assert(seen < UINT64_MAX - 2);
    uint64_t number = seen + 1;
    if (number % 2 != (side == SIDE_HOME ? 0 : 1))
        number++;
    assert(number > seen);
    return number;
}

const char *term_text(struct term t, char text[TERM_TEXT_SIZE])
{
    snprintf(text, TERM_TEXT_SIZE, "%" PRIu64 "#%016" PRIx64, t.number, t.tag);
    return text;
}
