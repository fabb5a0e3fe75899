/* What could stand at the end of a line that is being typed: commands, parameters, the values that
 * a parameter takes, names of pools and machines, variables. */
#ifndef POLLUX_CMDLET_SHELL_COMPLETE_H
#define POLLUX_CMDLET_SHELL_COMPLETE_H

#include <stddef.h>

#include "cmdlet/shell/session.h"

enum { COMPLETIONS_MAX = 500 };

/* Where names that only polluxd knows come from: a list of texts, owned by the caller; NULL: it
 * could not be asked. `what` is "pool" or "machine". */
typedef json_t *complete_names(const char *what, void *context);

struct completion {
    size_t begun;                /* bytes at the end of the line that the candidates replace */
    char *list[COMPLETIONS_MAX]; /* sorted */
    size_t count;
};

void complete(const struct session *s, const char *line, complete_names *names, void *context,
              struct completion *c);
void completion_clear(struct completion *c);
/* How many letters all candidates begin with. */
size_t completion_common(const struct completion *c);

#endif
