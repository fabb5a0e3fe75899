/* A moment, as clients and we ourselves write it: 2026-11-21T09:00:00Z. */
#ifndef POLLUX_USER_MOMENT_H
#define POLLUX_USER_MOMENT_H

#include <stdbool.h>
#include <time.h>

#include <jansson.h>

/* Only whole seconds; with `exact`, only with three digits of milliseconds, as clock_wall_text()
 * has them. */
bool moment_read(const json_t *value, bool exact, time_t *at);

#endif
