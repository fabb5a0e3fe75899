/* Since when changes wait for a copy that does not come: kept, so that a restart does not make them
 * young. Written once a backlog is so old that it may last, and now and then while it does. */
#ifndef POLLUX_POOL_BACKLOG_H
#define POLLUX_POOL_BACKLOG_H

#include "core/export.h"
#include "pool/front_end.h"

enum {
    /* A partner that restarts, or is busy, is no reason to write. */
    BACKLOG_LASTS_MS = 5000,
    /* While it lasts, what is kept may be behind by so much. */
    BACKLOG_EACH_MS = 60000,
};

/* Whose it is. */
struct backlog_place {
    const char *home, *target;
    enum module module;
};

/* Is it time to keep it once more, after `kept_ms` (0: never)? */
bool backlog_is_due(const struct export_status *status, uint64_t kept_ms, uint64_t now_ms);
void backlog_keep(struct front_end *fe, const struct backlog_place *place,
                  const struct export_status *status);
/* All zero, if none is kept. */
struct export_backlog backlog_read(const struct front_end *fe, const struct backlog_place *place);

#endif
