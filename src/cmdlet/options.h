/* Options as Unix tools take them: --name value, --name=value, and words by position.
 *
 * A table says which there are; what is misused is answered with the nearest right word. It knows
 * nothing about what the words mean. (The commands with PowerShell's names have a language of their
 * own; this is for the tools beside them.) */
#ifndef POLLUX_CMDLET_OPTIONS_H
#define POLLUX_CMDLET_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

enum {
    OPTIONS_MAX = 8, /* of one command */
    WORDS_MAX = 64,  /* by position, of one call */
};

struct option_row {
    const char *name;  /* "--dir" */
    const char *value; /* what stands behind it, for the help: "DIR" */
    const char *help;
};

struct options {
    const struct option_row *table;  /* ends with a row without a name */
    const char *values[OPTIONS_MAX]; /* in the table's order; NULL: not given */
    const char *words[WORDS_MAX];
    size_t word_count;
    bool help; /* --help or -h was given: nothing else counts */
};

/* Lends out what is in argv. FAIL_INVALID: misused; the error says what would be right. */
enum failure options_read(struct options *o, const struct option_row *table, int count,
                          char *const *words, struct error *e);
const char *options_value(const struct options *o, const char *name); /* or NULL */

#endif
