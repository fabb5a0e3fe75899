/* Calls to other machines: HTTPS with mutual TLS 1.3, keep-alive, many at once on one thread.
 *
 * Each call has a deadline and a limit for its answer. The client knows nothing about what is
 * said. */
#ifndef POLLUX_HTTP_CLIENT_H
#define POLLUX_HTTP_CLIENT_H

#include <stdint.h>

#include "base/bytes.h"
#include "base/error.h"

struct http_client;

enum {
    HTTP_CALLS_MAX = 512, /* under way at once; one more is refused as busy */
};

struct http_client_options {
    const char *certificate_file; /* PEM; shown to every server */
    const char *private_key_file;
    const char *authority_file; /* who must have issued the server's certificate */
};

/* What came of a call. Lent to the callback. */
struct http_result {
    struct error error; /* kind OK: an answer came, whatever its status */
    unsigned status;
    struct bytes body;
    uint32_t elapsed_us;
};
typedef void http_done(const struct http_result *result, void *context);

struct http_call {
    const char *host;    /* the name that the server's certificate must carry */
    const char *address; /* where to connect; NULL: resolve the name */
    uint16_t port;
    const char *method; /* "GET", "POST", … */
    const char *path;   /* with query, encoded */
    const char *type;   /* of the body; NULL without one */
    struct bytes body;  /* copied */
    uint32_t deadline_ms;
    size_t answer_max; /* a longer answer is a failure */
    http_done *done;   /* called exactly once, on the client's thread; must not block */
    void *context;
};

struct http_client *http_client_start(const struct http_client_options *options, struct error *e);
/* Ends what is under way (FAIL_STOPPING), then the thread. */
void http_client_stop(struct http_client *client);
/* Use these files from the next new connection on; existing connections are closed once idle. */
void http_client_reload(struct http_client *client);

/* Any thread. On failure `done` is not called. */
enum failure http_client_call(struct http_client *client, const struct http_call *call,
                              struct error *e);

#endif
