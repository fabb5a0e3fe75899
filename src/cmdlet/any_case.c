#include "cmdlet/any_case.h"

#include <locale.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <wctype.h>

#include "cmdlet/language/letters.h"

enum { BAD_BYTES = 0x110000 }; /* behind all letters */

/* The C library always knows it, and its table of letters is that of Unicode. */
static locale_t unicode;
static pthread_once_t unicode_once = PTHREAD_ONCE_INIT;

static void load_unicode(void)
{
    unicode = newlocale(LC_CTYPE_MASK, "C.UTF-8", NULL);
    if (!unicode)
        abort();
}

static struct bytes begin(const char *text)
{
    pthread_once(&unicode_once, load_unicode);
    return bytes_of_text(text);
}

/* The first letter in lower case, 0 at the end; a bad byte is a letter of its own. */
static uint32_t next(struct bytes *text)
{
    uint32_t letter = 0;
    if (!text->size)
        return 0;
    size_t size = letter_read(*text, &letter);
    if (!size)
        letter = BAD_BYTES + text->at[0];
    else if (letter_kind(letter) == LETTER_LATIN)
        letter |= 0x20;
    else if (letter >= 0x80)
        letter = (uint32_t)towlower_l((wint_t)letter, unicode);
    size = size ? size : 1;
    *text = bytes_of(text->at + size, text->size - size);
    return letter;
}

int any_case_compare(const char *one, const char *other)
{
    struct bytes a = begin(one), b = begin(other);
    for (;;) {
        uint32_t in_a = next(&a), in_b = next(&b);
        if (in_a != in_b)
            return in_a < in_b ? -1 : 1;
        if (in_a == 0)
            return 0;
    }
}

/* Only the last '*' need ever be tried again: an earlier one that took more would not help. */
bool any_case_fits(const char *pattern, const char *text)
{
    struct bytes left = begin(text), wanted = begin(pattern);
    struct bytes star = BYTES_NONE, star_left = BYTES_NONE; /* behind it, and what it left over */
    bool starred = false;
    while (left.size) {
        struct bytes p = wanted, t = left;
        uint32_t sign = next(&p), letter = next(&t);
        if (sign == '*') {
            starred = true;
            star = wanted = p;
            star_left = left;
        } else if (sign == letter || sign == '?') {
            wanted = p;
            left = t;
        } else if (starred) {
            next(&star_left);
            wanted = star;
            left = star_left;
        } else {
            return false;
        }
    }
    while (wanted.size && wanted.at[0] == '*')
        next(&wanted);
    return !wanted.size;
}
