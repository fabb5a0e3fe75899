/* The same language, from words that a Unix shell has already split and unquoted. What the shell
 * took away can't be known any more: a value is bare, whatever stood around it, and its commas stay
 * in it, since only the type of its parameter can tell whether they make a list. What the shell did
 * not know is read here: the quotes of Word around a whole word, which make it a text that is not
 * bare, and a table or list in a word of its own, whose places count from that word's beginning. */
#ifndef POLLUX_CMDLET_LANGUAGE_WORDS_H
#define POLLUX_CMDLET_LANGUAGE_WORDS_H

#include "base/error.h"
#include "cmdlet/language/syntax.h"

/* `name` is the command's, the words stand behind it; there may be ELEMENTS_MAX of them. */
enum failure parse_words(const char *name, int count, char *const *words,
                         struct invocation **invocation, struct error *e);

#endif
