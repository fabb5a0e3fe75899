/* One question and its answer, line by line as it comes: to the daemon of this machine over its
 * Unix socket, or to another machine over HTTPS, where both ends show a certificate.
 *
 * Blocks until the answer is complete; any thread may ask. Knows nothing about what the lines
 * mean. (`client.h` is for many short calls at once, that nobody waits for.) */
#ifndef POLLUX_HTTP_ASK_H
#define POLLUX_HTTP_ASK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/error.h"
#include "http/failures.h"

enum {
    HTTP_LINE_BYTES_MAX = 16 << 20, /* a longer line of an answer is a failure */
    HTTP_ASK_LOOK_MS = 100,         /* so often is looked whether to go on: at once, to a person */
};

/* Whom to ask. Everything is lent until the answer is complete. */
struct http_place {
    const char *socket_path; /* a Unix socket, or … */
    const char *host;        /* … the name that the server's certificate must carry, */
    const char *address;     /* where to connect, numeric or a name (NULL: resolve the host), */
    uint16_t port;
    const char *certificate_file, *private_key_file, *authority_file; /* and who asks whom, PEM */
};

/* A line without its end, lent. An empty line keeps the connection alive and is not passed on. */
typedef void http_line(void *context, struct bytes line);

struct http_question {
    const char *method, *path; /* the path with query, encoded */
    struct bytes body;         /* JSON, or nothing */
    uint32_t silence_ms;       /* give up when nothing at all moved for so long; 0: never */
    http_line *each;
    bool (*go_on)(void *context); /* asked each HTTP_ASK_LOOK_MS or oftener; false ends it all.
                                     NULL: go on to the end */
    void *context;                /* of both */
    bool *sent;                   /* set once all of it was sent, before `go_on`; may be NULL */
};

/* `*status` is set before the first line is passed on; an answer of any status is an answer. A
 * failure may come after some lines: they were complete, but not all. Kinds of failure, besides
 * those of a bad certificate file:
 *   unreachable, denied, busy  nobody there, or no way to them: nothing was sent
 *   deadline     silence: whether it was done is unknown
 *   stopping     `go_on` said so: whether it was done is unknown
 *   foreign      one side does not believe the other's certificate, or it isn't TLS 1.3
 *   io           it broke off, or a line was too long: whether it was done is unknown */
enum failure http_ask(const struct http_place *where, const struct http_question *question,
                      unsigned *status, struct error *e);

#endif
