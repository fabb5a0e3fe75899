/* One question to the daemon of this machine, over its Unix socket, for programs that people type.
 *
 * Blocks until the answer is complete, and passes it on line by line as it comes. Knows nothing
 * about what the lines mean. */
#ifndef POLLUX_HTTP_LOCAL_H
#define POLLUX_HTTP_LOCAL_H

#include <stdint.h>

#include "base/bytes.h"
#include "base/error.h"
#include "http/failures.h"

enum { HTTP_LOCAL_LINE_BYTES_MAX = 16 << 20 }; /* a longer line of an answer is a failure */

/* A line without its end, lent. */
typedef void http_line(void *context, struct bytes line);

/* `*status` is set before the first line is passed on. `deadline_ms` is for everything; 0 waits for
 * as long as it takes. An answer of any status is an answer. A failure may come after some lines:
 * they were complete, but not all. */
enum failure http_local_ask(const char *socket_path, const char *method, const char *path,
                            struct bytes body, uint32_t deadline_ms, http_line *each, void *context,
                            unsigned *status, struct error *e);

#endif
