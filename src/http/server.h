/* HTTP for those above: the link between pools, administrators, and later the users.
 *
 * A few event-driven threads take requests and hand each, complete with its body, to a handler.
 * The handler runs on such a thread and must not block; it answers at once or later, from any
 * thread. The server knows nothing about what a request means or who may send it: it only tells who
 * the caller is. */
#ifndef POLLUX_HTTP_SERVER_H
#define POLLUX_HTTP_SERVER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/bytes.h"
#include "base/error.h"
#include "http/failures.h"

struct http_server;
struct http_request;

enum {
    HTTP_CONNECTIONS_MAX = 1024,     /* of one server, unless it is told another number; further
                                        ones wait in the kernel. The process must be allowed that
                                        many open files and more */
    HTTP_HEAD_BYTES_MAX = 32 << 10,  /* request line and headers; more is answered 431 */
    HTTP_IDLE_SECONDS_MAX = 60,      /* a silent connection is closed */
    HTTP_SMALL_BODY_BYTES = 8 << 10, /* for so much of a body there is always room */
    HTTP_BODY_SECONDS_MAX = 120,     /* for a whole one, where there is arriving_max */
    HTTP_STOP_MS_MAX = 2000,         /* a stop waits so long for readers of the last answers */
    HTTP_STREAM_BYTES_MAX = 4 << 20, /* a stream whose reader is further behind is cut */
    HTTP_NAMES_MAX = 16,             /* names looked at in a client's certificate */
    /* Of a body that is read while it arrives; enough that both ends work at the same time. */
    HTTP_INBOX_BYTES = 256 << 10,
};

/* What a client's certificate says. Checked once for each connection. */
enum http_certificate {
    HTTP_CERTIFICATE_NONE,    /* none was shown */
    HTTP_CERTIFICATE_GOOD,    /* issued by the authority, valid now */
    HTTP_CERTIFICATE_EXPIRED, /* or not valid yet */
    HTTP_CERTIFICATE_FOREIGN, /* not issued by the authority, not for a client, or worse */
};

struct http_peer {
    bool local; /* over the Unix socket: uid, gid and pid are what the kernel says */
    uid_t uid;
    gid_t gid;
    pid_t pid;
    enum http_certificate certificate;
    /* Of a GOOD one: its DNS names, lower case, NULL behind the last; or the one person that it
     * names instead, else NULL. */
    char *names[HTTP_NAMES_MAX];
    char *administrator;
    char explanation[256]; /* why it is not GOOD, as a sentence for people */
    char address[64];      /* where it comes from, for logs: "127.0.0.1:4711" or "local" */
};

/* Called once for each request. The request stays valid until it is answered, even if the client
 * goes away or the server is stopped in the meantime; the answer then goes nowhere. */
typedef void http_handler(struct http_request *request, void *context);

struct http_server_options {
    /* Either a Unix socket (created with this mode, and group if it isn't (gid_t)-1; a stale one is
     * replaced, one on which somebody still listens is an error) … */
    const char *socket_path;
    mode_t socket_mode;
    gid_t socket_group;
    /* … or TLS 1.3 on an address and port (0: any free one), client certificates asked for. */
    const char *address;
    uint16_t port;
    const char *certificate_file; /* PEM */
    const char *private_key_file;
    const char *authority_file;
    bool asks_no_certificate; /* of clients: a browser would bother its user with the question */

    /* Connections at once: 0: HTTP_CONNECTIONS_MAX; and of these from one address; 0: all. */
    unsigned connections_max, connections_of_one_max;

    size_t body_max; /* a larger one is answered 413 without being kept */
    /* The same for callers over TLS without a good certificate: what they send is kept before it is
     * clear that nobody wants it. 0: like everybody else. */
    size_t stranger_body_max;
    /* What is kept of bodies that are not whole yet, of all callers together and besides what is
     * small; who would need more is answered 503. 0: as much as body_max and connections_max allow.
     */
    size_t arriving_max;
    http_handler *handler;
    void *context;
    /* Which requests are handed over with their head, to be read with http_body_read(): asked on
     * the connection's thread. NULL: none. A body of 0 bytes is always there as a whole. */
    bool (*streams)(const struct http_request *request);
};

struct http_server *http_server_start(const struct http_server_options *options, struct error *e);
/* Answers what is still open with 503, breaks off streams behind what was written, closes, ends the
 * threads, removes the socket; takes little more than HTTP_STOP_MS_MAX, whatever others do. Whoever
 * still holds a request must end it all the same, at any later time. NULL does nothing. */
void http_server_stop(struct http_server *server);
uint16_t http_server_port(const struct http_server *server);
/* Read certificate, key and authority anew, for connections from now on. On failure the old ones
 * stay. */
enum failure http_server_reload(struct http_server *server, struct error *e);

const char *http_request_method(const struct http_request *request);
/* Decoded, without query. An encoded NUL stays as it was written, "%00". */
const char *http_request_path(const struct http_request *request);
/* As the client wrote it, path and query, still encoded: what some ways to prove who one is cover.
 */
const char *http_request_target(const struct http_request *request);
const char *http_request_query(const struct http_request *request, const char *name);  /* or NULL */
const char *http_request_header(const struct http_request *request, const char *name); /* or NULL */
struct bytes http_request_body(const struct http_request *request);
/* The body of one that `streams`: whoever answers it without accepting it need not read it, and a
 * client that asked before sending it does not send it. */
bool http_request_streams(const struct http_request *request);
void http_body_accept(struct http_request *request);
/* The rest of it is not waited for. Who still sends can't be answered any more (RFC 9112, 9.6): the
 * connection ends, and whatever else there is to say goes to nobody. */
void http_body_give_up(struct http_request *request);
enum http_body {
    HTTP_BODY_PART,
    HTTP_BODY_END,    /* it is all there */
    HTTP_BODY_BROKEN, /* the rest of it does not come any more */
    HTTP_BODY_LATE,   /* nothing came for so long */
};
/* Not on a thread of the server: waits for the next part, of `max` bytes at most. */
enum http_body http_body_read(struct http_request *request, void *to, size_t max,
                              uint32_t patience_ms, size_t *got);

const struct http_peer *http_request_peer(const struct http_request *request);

/* Is somebody there yet who waits for the answer? For a request that was queued. Who has left over
 * the network may be noticed only once something was written. */
bool http_request_is_awaited(struct http_request *request);

/* One of these ends the request; it must not be touched afterwards. The body is copied. `headers`
 * is "Name: value\n…" or NULL. */
void http_answer(struct http_request *request, unsigned status, const char *type, struct bytes body,
                 const char *headers);
/* With a part of a file as its body, read while it is sent. The descriptor is taken over. A file
 * that ends too early breaks the connection off. */
void http_answer_file(struct http_request *request, unsigned status, const char *type, int fd,
                      uint64_t offset, uint64_t size, const char *headers);
/* With the JSON and the status of `failures.h`. */
void http_answer_error(struct http_request *request, const struct error *e);

/* Or a stream: begin, write any number of times, end; from any thread, but not from two at once. A
 * write is sent at once. Returns false when the reader is gone or was cut for being too far behind;
 * the stream must still be ended. A reader that went away is noticed at the next write. */
void http_stream_begin(struct http_request *request, unsigned status, const char *type);
bool http_stream_write(struct http_request *request, struct bytes part);
/* For a writer that has much to say and a thread of its own: waits until the reader is no more than
 * half of HTTP_STREAM_BYTES_MAX behind. False if it is gone or did not get there in time. Never on
 * a thread of the server. */
bool http_stream_drain(struct http_request *request, uint32_t patience_ms);
void http_stream_end(struct http_request *request);

#endif
