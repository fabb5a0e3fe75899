/* A text that is being read: where we are in it, what is open, what went wrong first.
 *
 * The text is checked as a whole before anything of it is read, so that no part of the parser
 * meets a letter that it can't show. Like a cursor, a reader that failed stays so, and the first
 * sentence counts: a part that can't go on may simply return. It knows nothing of the language but
 * what stands between words: blanks, comments, lines that go on. */
#ifndef POLLUX_CMDLET_LANGUAGE_READER_H
#define POLLUX_CMDLET_LANGUAGE_READER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/error.h"
#include "cmdlet/language/letters.h"

struct place {
    const uint32_t *at;
    const uint32_t *line_start;
    unsigned line;
};

/* A bracket that is open. */
struct opening {
    struct place place;
    bool open;
    bool free_lines; /* the end of a line is a blank here */
};

struct reader {
    uint32_t *letters;  /* all, with a 0 behind; every end of a line is '\n' */
    struct place place; /* the next letter */
    struct opening innermost;
    unsigned depth; /* how many are open */
    bool discreet;  /* a sentence on it shows nothing of it, nor where: it may be a secret */
    bool failed;
    bool unfinished; /* it failed for want of more text */
    struct error error;
};

/* Fails if the text is too long, is not UTF-8 or has control characters in it. */
bool reader_open(struct reader *r, struct bytes text);
void reader_close(struct reader *r);
static inline void owned_reader_close(struct reader *r)
{
    reader_close(r);
}

/* The next letter outside of quotes; 0: the end. Steps over invisible ones: whoever pastes a
 * zero-width space does not mean it. Within quotes everything is meant: `reader_raw`. */
uint32_t reader_peek(struct reader *r);
uint32_t reader_raw(const struct reader *r);
uint32_t reader_next(struct reader *r); /* the same letter, and goes on behind it */
bool reader_take(struct reader *r, uint32_t letter);
bool reader_at(struct reader *r, const char *ascii); /* does this stand here? */
/* The letter `n` behind the next one, or the end if that comes first. */
uint32_t reader_ahead(const struct reader *r, size_t n);

/* Blanks, comments, and the end of a line where it doesn't count. */
void reader_skip_blanks(struct reader *r);
void reader_skip_lines(struct reader *r); /* and the end of a line where it does */
/* A backtick at the end of the line: the command goes on in the next one. */
bool reader_at_continuation(const struct reader *r);

/* What an open bracket changes, and back. `size` is that of the sign: "(" or "@(". */
struct opening reader_open_bracket(struct reader *r, unsigned size, bool free_lines);
bool reader_close_bracket(struct reader *r, struct opening outer, uint32_t sign);

unsigned place_column(struct place p);
/* "Line 3, column 7, at “…”: what." + "Nothing was done." + next. */
void reader_fail(struct reader *r, struct place p, const char *next, const char *what, ...)
    __attribute__((format(printf, 4, 5)));
/* The same where the text ended too early: more of it might mend it. */
void reader_fail_open(struct reader *r, struct place p, const char *next, const char *what, ...)
    __attribute__((format(printf, 4, 5)));
void reader_fail_limit(struct reader *r, struct place p, const char *of_what, int limit);

#endif
