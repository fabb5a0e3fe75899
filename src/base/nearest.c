#include "base/nearest.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

static size_t least(size_t a, size_t b, size_t c)
{
    size_t ab = a < b ? a : b;
    return ab < c ? ab : c;
}

static bool same_letter(char a, char b)
{
    return tolower((unsigned char)a) == tolower((unsigned char)b);
}

/* How many letters both begin with, and end in. */
static size_t shared_ends(const char *a, size_t m, const char *b, size_t n)
{
    size_t front = 0, back = 0;
    while (front < m && front < n && same_letter(a[front], b[front]))
        front++;
    while (back + front < m && back + front < n && same_letter(a[m - 1 - back], b[n - 1 - back]))
        back++;
    return front + back;
}

/* By what is between the ends: names of one kind share those, and that makes no two of them one. */
static size_t tolerated(const char *a, size_t m, const char *b, size_t n)
{
    enum { TWO_LETTERS_SWAPPED = 2 };
    size_t shared = shared_ends(a, m, b, n), between = (m > n ? m : n) - shared;
    size_t slips = between / 3 + 1;
    return shared && slips < TWO_LETTERS_SWAPPED ? TWO_LETTERS_SWAPPED : slips;
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
            row[j] = least(above + 1, row[j - 1] + 1, corner + !same_letter(a[i - 1], b[j - 1]));
            corner = above;
        }
    }
    return row[n] <= tolerated(a, m, b, n) ? row[n] : NEAREST_NOT;
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
