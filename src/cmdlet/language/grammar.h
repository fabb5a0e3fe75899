/* What the parts of the parser know of each other. Each part reads one thing at the reader's
 * place, and returns NULL or false once the reader failed. */
#ifndef POLLUX_CMDLET_LANGUAGE_GRAMMAR_H
#define POLLUX_CMDLET_LANGUAGE_GRAMMAR_H

#include <stdbool.h>

#include "cmdlet/language/reader.h"
#include "cmdlet/language/syntax.h"

/* grammar.c: where things begin and end. */
bool at_word_end(struct reader *r);
bool at_command_end(struct reader *r);
bool at_separator(struct reader *r); /* the end of a line, or ; */
void skip_separators(struct reader *r);
/* A parameter begins here: how many letters stand before its name, 0: none begins. More than 1
 * means a gap: the dash, and blanks. */
size_t at_parameter(struct reader *r);
bool at_two_dashes(struct reader *r);
/* A name, which is empty if none stands here: of a command, a parameter or an entry, whose dashes
 * become those of a keyboard; and one without dashes, of a variable or a member. */
char *read_name(struct reader *r);
char *read_plain_name(struct reader *r);

/* word.c: words and quotes, with the variables in them. */
struct expression *read_word(struct reader *r);
struct expression *read_quoted(struct reader *r);
struct expression *read_variable(struct reader *r);
bool at_variable(struct reader *r);
bool at_quote(struct reader *r);
char *read_braces(struct reader *r); /* { … }: what stands between, unread */

/* value.c: a value, or several with commas between; and what has brackets. */
struct expression *read_value(struct reader *r);
struct expression *read_table(struct reader *r);
struct expression *read_list(struct reader *r);
struct expression *read_brackets(struct reader *r, unsigned size); /* "(" or "$(" */
/* .Name and [index] behind `x`, which it takes over. */
struct expression *read_members(struct reader *r, struct expression *x);

/* pipeline.c */
struct pipeline *read_pipeline(struct reader *r);

#endif
