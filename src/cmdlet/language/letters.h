/* Letters as they arrive from web pages and Word: which of Unicode's are a dash, a quote, a blank
 * for us, although a keyboard has others. Knows nothing of words and commands. */
#ifndef POLLUX_CMDLET_LANGUAGE_LETTERS_H
#define POLLUX_CMDLET_LANGUAGE_LETTERS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"

enum letter_kind {
    LETTER_OTHER,
    LETTER_LATIN, /* a to z, A to Z */
    LETTER_DIGIT, /* 0 to 9 */
    LETTER_DASH,
    LETTER_DOUBLE_QUOTE,
    LETTER_SINGLE_QUOTE,
    LETTER_BLANK,
    LETTER_LINE_END,
    LETTER_INVISIBLE, /* takes no room on a screen, so nobody who pastes it knows of it */
    LETTER_CONTROL,   /* NUL as well */
};

enum letter_kind letter_kind(uint32_t letter);

/* The letter that `text` begins with; returns how many bytes it takes, 0: it is not UTF-8. */
size_t letter_read(struct bytes text, uint32_t *letter);
void letter_write(struct buffer *out, uint32_t letter);

#endif
