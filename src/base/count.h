/* How many of something, as people say it: "1 change", "2 changes". */
#ifndef POLLUX_BASE_COUNT_H
#define POLLUX_BASE_COUNT_H

#include <stdint.h>

enum { COUNT_TEXT_MAX = 64 }; /* the longest number and a few words */

/* `one` is the singular, whose plural is made with an s. Returns `text`. */
const char *count_text(uint64_t n, const char *one, char text[COUNT_TEXT_MAX]);

/* The same for the arguments of a sentence; it lasts as long as the block that it stands in. */
#define COUNTED(n, one) count_text((n), (one), (char[COUNT_TEXT_MAX]){0})

/* Which of both goes with it: "is" or "are", "it" or "them". */
const char *count_word(uint64_t n, const char *one, const char *more);

#endif
