/* From a text to its tree. The language is PowerShell's, as far as people type commands in it; a
 * text is forgiven what web pages and Word do to it (letters.h). What is not understood is refused
 * with its place and with what to type instead. Nothing is evaluated, and which commands there are
 * is not known here. */
#ifndef POLLUX_CMDLET_LANGUAGE_PARSE_H
#define POLLUX_CMDLET_LANGUAGE_PARSE_H

#include "base/bytes.h"
#include "base/error.h"
#include "cmdlet/language/syntax.h"

/* `unfinished` (which may be NULL): it failed because the text ends in the middle, in an open
 * quote or bracket, behind a | or a comma. Whoever reads from a terminal may ask for another line;
 * the error says what is open and where it began. */
enum failure parse_script(struct bytes text, struct script **script, bool *unfinished,
                          struct error *e);

#endif
