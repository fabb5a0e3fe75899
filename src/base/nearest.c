#include "base/nearest.h"

#include <ctype.h>
#include <string.h>

static size_t least(size_t a, size_t b, size_t c)
{
    size_t ab = a < b ? a : b;
    return ab < c ? ab : c;
}

size_t nearest_distance(const char *a, const char *b)
{
    size_t m = strlen(a), n = strlen(b);
    if (m > NEAREST_WORD_MAX || n > NEAREST_WORD_MAX)
        return NEAREST_NOT;
    /* One row of the table: from the first i letters of `a` to the first j of `b`. */
    size_t row[NEAREST_WORD_MAX + 1];
    for (size_t j = 0; j <= n; j++)
        row[j] = j;
    for (size_t i = 1; i <= m; i++) {
        size_t corner = row[0];
        row[0] = i;
        for (size_t j = 1; j <= n; j++) {
            size_t above = row[j];
            size_t same = tolower((unsigned char)a[i - 1]) == tolower((unsigned char)b[j - 1]);
            row[j] = least(above + 1, row[j - 1] + 1, corner + !same);
            corner = above;
        }
    }
    size_t tolerated = (m > n ? m : n) / 3 + 1;
    return row[n] <= tolerated ? row[n] : NEAREST_NOT;
}

const char *nearest_word(const char *word, const char *const *candidates, size_t count)
{
    const char *best = NULL;
    size_t least_distance = NEAREST_NOT;
    for (size_t i = 0; i < count; i++) {
        size_t distance = nearest_distance(word, candidates[i]);
        if (distance < least_distance) {
            least_distance = distance;
            best = candidates[i];
        }
    }
    return best;
}
