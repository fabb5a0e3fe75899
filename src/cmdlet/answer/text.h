/* Texts on a screen: what may be shown, how many columns it takes, where a line ends.
 *
 * Texts are UTF-8, whatever the locale is; what is none is shown as '?'. It knows nothing about
 * where a text comes from, and trusts none. */
#ifndef POLLUX_CMDLET_ANSWER_TEXT_H
#define POLLUX_CMDLET_ANSWER_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* The first character of a text. */
struct letter {
    uint32_t code; /* LETTER_BAD for a byte that is not part of UTF-8 */
    size_t size;   /* in bytes, at least 1 */
};
#define LETTER_BAD UINT32_MAX
struct letter text_letter(const char *text);

/* Would a terminal obey this character instead of showing it? Escape sequences, and what turns the
 * direction of writing round: a display name must not be able to rewrite what stands beside it.
 * All of these are below U+10000. */
bool text_is_obeyed(uint32_t code);
/* The text with '?' for each of these and for bad bytes, and a blank for a tab; newlines stay.
 * Owned by the caller. */
char *text_harmless(const char *text);
/* The same with blanks for newlines. */
char *text_one_line(const char *text);

size_t text_columns(const char *text);
/* The text, or as much of it as fits in so many columns with '…' behind; owned by the caller. */
char *text_cut(const char *text, size_t columns);

/* These take harmless texts. Writes the text and a newline; further lines of it are indented. */
void text_put_lines(FILE *out, const char *text, size_t indent);
/* Each line of the text is a paragraph, indented and broken between words so that it ends before
 * column `width`. A line that begins with a blank is an example: it is indented, never broken. */
void text_put_wrapped(FILE *out, const char *text, size_t indent, size_t width);

#endif
