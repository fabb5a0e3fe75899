/* The journal of operations: for each home the last one, as it was at its last step. It is what
 * people are told by after a restart; what is safe does not depend on it (core/home.h). */
#ifndef POLLUX_POOL_OPERATION_JOURNAL_H
#define POLLUX_POOL_OPERATION_JOURNAL_H

#include "pool/operating.h"

typedef void operation_journal_done(void *context);

/* `done`, if any, is called on the loop when it is durable, or could not be kept: the log tells. */
void operation_journal_keep(struct front_end *fe, const struct operation_report *report,
                            operation_journal_done *done, void *context);
/* False: there is none. One that had not ended is `interrupted`. */
bool operation_journal_read(struct front_end *fe, const char *home,
                            struct operation_report *report);

#endif
