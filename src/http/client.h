/* Calls to other machines: HTTPS with mutual TLS 1.3, keep-alive, many at once on one thread.
 *
 * Each call has a deadline and a limit for its answer. The client knows nothing about what is
 * said, and follows no redirect: an answer is an answer. */
#ifndef POLLUX_HTTP_CLIENT_H
#define POLLUX_HTTP_CLIENT_H

#include <stdint.h>

#include "base/bytes.h"
#include "base/error.h"
#include "http/failures.h"

struct http_client;

enum {
    HTTP_CALLS_MAX = 512, /* under way at once; one more is refused as busy */
    /* Kept open for later calls: to each machine of a large deployment, and some to the partner. */
    HTTP_IDLE_CONNECTIONS_MAX = 256,
    HTTP_REUSE_SECONDS_MAX = 50, /* less than our servers wait before they close */
    HTTP_CALL_DEADLINE_MS_MAX = 24 * 3600 * 1000,
};

struct http_client_options {
    const char *certificate_file; /* PEM; shown to every server */
    const char *private_key_file;
    const char *authority_file; /* who must have issued the server's certificate */
};

/* What came of a call. Lent to the callback. Kinds of failure:
 *   unreachable  nobody there, or no connection before the deadline: nothing was sent
 *   deadline     no answer before the deadline: whether it was done is unknown
 *   foreign      one side does not believe the other's certificate, or it isn't TLS 1.3
 *   io           the connection broke, or the answer was too long: whether it was done is unknown
 *   stopping     this client was stopped */
struct http_result {
    struct error error; /* kind OK: an answer came, whatever its status */
    unsigned status;
    struct bytes body;
    uint32_t elapsed_us;
};
typedef void http_done(const struct http_result *result, void *context);

/* A request may reach the server twice: if a connection that was kept open breaks before the first
 * byte of an answer, the call is made once more on a fresh one (the server may have closed it at
 * that moment, or have died after it did what was asked). What is said must bear that. */
struct http_call {
    const char *host;    /* the name that the server's certificate must carry */
    const char *address; /* where to connect, numeric or a name; NULL: resolve the host name */
    uint16_t port;
    const char *method;   /* "GET", "POST", … */
    const char *path;     /* with query, encoded */
    const char *type;     /* of the body; NULL without one */
    struct bytes body;    /* copied */
    uint32_t deadline_ms; /* for everything, connecting included; at least 1 */
    size_t answer_max;    /* a longer answer is a failure */
    http_done *done;      /* called exactly once, on the client's thread; must not block */
    void *context;
};

struct http_client *http_client_start(const struct http_client_options *options, struct error *e);
/* Ends what is under way (FAIL_STOPPING), then the thread. Not from `done`; no other thread may
 * call in any more. NULL does nothing. */
void http_client_stop(struct http_client *client);
/* Read the files anew, for calls from now on: they don't use connections that were opened with the
 * old ones. On failure the old ones stay. */
enum failure http_client_reload(struct http_client *client, struct error *e);

/* Any thread, also from `done`. On failure `done` is not called. */
enum failure http_client_call(struct http_client *client, const struct http_call *call,
                              struct error *e);

#endif
