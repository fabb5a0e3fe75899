/* What people type here that is understood elsewhere: in PowerShell, on a Unix shell, or by the
 * reader of a documentation. Each gets a sentence that says what to do instead. */
#ifndef POLLUX_CMDLET_LANGUAGE_FOREIGN_H
#define POLLUX_CMDLET_LANGUAGE_FOREIGN_H

#include <stdbool.h>

#include "cmdlet/language/reader.h"

/* Signs, where a value, a parameter or a command should begin. True: refused. */
bool refuse_foreign(struct reader *r);
/* Words, where a pipeline begins: if, foreach, function … */
bool refuse_keyword(struct reader *r);
/* Something stands here that can't: says what is foreign about it, or else `what`. */
void refuse_here(struct reader *r, const char *next, const char *what);

#endif
