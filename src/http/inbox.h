/* What arrives of a body that is too large to keep, between the connection's thread and whoever
 * reads it on another: so much and no more, then the sender waits. */
#ifndef POLLUX_HTTP_INBOX_H
#define POLLUX_HTTP_INBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "http/server.h"

struct inbox;
struct inbox *inbox_new(size_t room);
void inbox_free(struct inbox *inbox); /* NULL does nothing */

/* The connection's thread. Returns how much there was room for. */
size_t inbox_put(struct inbox *inbox, const char *part, size_t size);
bool inbox_is_full(struct inbox *inbox);
/* Nothing more comes: that was the whole body, or not. What was said first counts. */
void inbox_end(struct inbox *inbox, bool whole);

/* The reader's, which must not be a thread of the server: waits until there is something. `*freed`:
 * there was no room before. */
enum http_body inbox_take(struct inbox *inbox, void *to, size_t max, uint32_t patience_ms,
                          size_t *got, bool *freed);

#endif
