/* "Did you mean …?": how far two words are apart. */
#ifndef POLLUX_BASE_NEAREST_H
#define POLLUX_BASE_NEAREST_H

#include <stddef.h>

/* Words that are longer are not compared: nobody mistypes that much by accident. */
enum { NEAREST_WORD_MAX = 64, NEAREST_NOT = 1000 };

/* How many letters must be changed, added or taken away to get from one to the other, in any case;
 * NEAREST_NOT if that is so many that the one can't have been meant. */
size_t nearest_distance(const char *a, const char *b);

/* The candidate that `word` was probably meant to be, or NULL if none is near. */
const char *nearest_word(const char *word, const char *const *candidates, size_t count);

#endif
