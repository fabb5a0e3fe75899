/* The journal of operations: for each home the last one, as it was at its last step. It is what
 * people are told by after a restart; what is safe does not depend on it (core/home.h). */
#ifndef POLLUX_POOL_OPERATION_JOURNAL_H
#define POLLUX_POOL_OPERATION_JOURNAL_H

#include "pool/operating.h"

/* `e`: NULL when it is durable. */
typedef void operation_journal_done(const struct error *e, void *context);

/* `done` is called on the loop; the log tells what could not be kept. */
void operation_journal_keep(struct front_end *fe, const struct operation_report *report,
                            operation_journal_done *done, void *context);
/* False: there is none. One that had not ended is `interrupted`. */
bool operation_journal_read(struct front_end *fe, const char *home,
                            struct operation_report *report);

#endif
