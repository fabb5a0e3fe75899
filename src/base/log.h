/* Events for whoever runs the machine: to the journal with fields when under systemd, as lines on
 * stderr otherwise. An event has a name that alerts can be built on and a sentence for people.
 *
 *     log_event(LOG_EVENT_WARNING, "certificate-expires", "The certificate of … expires in …");
 */
#ifndef POLLUX_BASE_LOG_H
#define POLLUX_BASE_LOG_H

#include <stdbool.h>

#include "base/error.h"

enum log_level {
    LOG_EVENT_DEBUG,
    LOG_EVENT_INFO,
    LOG_EVENT_NOTICE,
    LOG_EVENT_WARNING,
    LOG_EVENT_ERROR
};

/* Events below `level` are left out (the start value is LOG_EVENT_INFO). Any thread. */
void log_set_level(enum log_level level);
bool log_level_from_text(const char *text, enum log_level *level); /* "debug" … "error" */

void log_event(enum log_level level, const char *name, const char *sentence, ...)
    __attribute__((format(printf, 3, 4)));
/* The same with the sentences of an error behind the given one. */
void log_error(enum log_level level, const char *name, const struct error *e, const char *sentence,
               ...) __attribute__((format(printf, 4, 5)));

#endif
