#include "http/server.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <gnutls/abstract.h>
#include <microhttpd.h>

#include "base/memory.h"
#include "http/identity.h"
#include "http/listener.h"
#include "http/peer.h"
#include "http/request.h"

enum {
    TLS_THREADS = 2, /* handshakes are the work; more threads than cores of a small machine don't
                        help */
};

static const char tls_1_3_only[] = "NORMAL:-VERS-ALL:+VERS-TLS1.3";

struct http_server {
    struct MHD_Daemon *daemon;
    http_handler *handler;
    void *context;
    bool (*streams)(const struct http_request *request);
    size_t body_max, stranger_body_max;
    struct arrivals arrivals;
    unsigned connections_max, connections_of_one_max;
    uint16_t port;
    bool tls, asks_no_certificate;

    char *socket_path; /* NULL with TLS */
    struct stat socket_file;

    char *certificate_file, *private_key_file, *authority_file;
    pthread_mutex_t identity_lock;
    struct identity *identity; /* for connections from now on */

    pthread_mutex_t open_lock; /* taken before a request's own lock, never the other way round */
    pthread_cond_t none_open;
    struct http_request *open; /* handed over, and the library is not done with them */
    bool stopping;
};

/* What we know about a connection, from accept to close, on the connection's thread. */
struct connection {
    struct identity *identity;
    struct peer *peer; /* NULL until the first request: the handshake is done by then */
    char *target;      /* of the request under way, as it was written */
};

/* ---- connections ---- */

static struct identity *identity_now(struct http_server *s)
{
    pthread_mutex_lock(&s->identity_lock);
    struct identity *identity = identity_share(s->identity);
    pthread_mutex_unlock(&s->identity_lock);
    return identity;
}

/* The library took the credentials that it started with (none); the session gets those of now. */
static void present_identity(struct http_server *s, struct connection *c, gnutls_session_t session)
{
    c->identity = identity_now(s);
    gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, identity_credentials(c->identity));
    gnutls_certificate_server_set_request(session, s->asks_no_certificate ? GNUTLS_CERT_IGNORE
                                                                          : GNUTLS_CERT_REQUEST);
}

static void connection_begins_or_ends(void *server, struct MHD_Connection *connection,
                                      void **socket_context,
                                      enum MHD_ConnectionNotificationCode what)
{
    struct http_server *s = server;
    struct connection *c = *socket_context;
    if (what == MHD_CONNECTION_NOTIFY_STARTED) {
        *socket_context = c = xcalloc(1, sizeof *c);
        if (s->tls)
            present_identity(s, c,
                             MHD_get_connection_info(connection, MHD_CONNECTION_INFO_GNUTLS_SESSION)
                                 ->tls_session);
    } else if (c) {
        peer_release(c->peer);
        identity_release(c->identity);
        free_memory(c->target);
        free_memory(c);
        *socket_context = NULL;
    }
}

static struct peer *peer_of(const struct http_server *s, struct MHD_Connection *connection)
{
    if (!s->tls)
        return peer_of_socket(
            MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd);
    return peer_of_session(
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_GNUTLS_SESSION)->tls_session,
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS)->client_addr);
}

static struct connection *connection_of(struct MHD_Connection *connection)
{
    return MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;
}

/* The library tells it only here, before anything else of a request. */
static void *note_target(void *server, const char *target, struct MHD_Connection *connection)
{
    (void)server;
    struct connection *c = connection_of(connection);
    free_memory(c->target);
    c->target = xstrdup(target);
    return NULL;
}

/* Verifying takes five times as long as a small request: once for each connection. */
static struct peer *known_peer(const struct http_server *s, struct MHD_Connection *connection)
{
    struct connection *c = connection_of(connection);
    c->peer = c->peer ? peer_now(c->peer) : peer_of(s, connection);
    return peer_share(c->peer);
}

/* ---- the list of open requests ---- */

static bool list_open(struct http_server *s, struct http_request *r)
{
    pthread_mutex_lock(&s->open_lock);
    bool may = !s->stopping;
    if (may) {
        struct request_links *links = request_links(r);
        links->after = s->open;
        links->listed = true;
        if (s->open)
            request_links(s->open)->before = r;
        s->open = r;
    }
    pthread_mutex_unlock(&s->open_lock);
    return may;
}

static void unlist(struct http_server *s, struct http_request *r)
{
    struct request_links *links = request_links(r);
    pthread_mutex_lock(&s->open_lock);
    if (links->listed) {
        if (links->before)
            request_links(links->before)->after = links->after;
        else
            s->open = links->after;
        if (links->after)
            request_links(links->after)->before = links->before;
        *links = (struct request_links){0};
    }
    if (!s->open)
        pthread_cond_broadcast(&s->none_open);
    pthread_mutex_unlock(&s->open_lock);
}

/* ---- requests ---- */

static void refuse_stopping(struct http_request *r)
{
    struct error e;
    fail(&e, FAIL_STOPPING, "This server is being stopped.");
    error_next(&e, "Try again when it has started, or at the other pool.");
    request_refuse(r, http_status_of(e.kind), &e, true);
}

/* How long a body of this caller may be. */
static size_t body_max_of(const struct http_server *s, const struct http_peer *peer)
{
    bool stranger = !peer->local && peer->certificate != HTTP_CERTIFICATE_GOOD;
    return stranger && s->stranger_body_max ? s->stranger_body_max : s->body_max;
}

static void refuse_too_long(const struct http_server *s, struct http_request *r)
{
    struct error e;
    fail(&e, FAIL_INVALID, "The body of the request is longer than the %zu bytes allowed here.",
         body_max_of(s, http_request_peer(r)));
    error_kept(&e, "Nothing was done.");
    request_refuse(r, MHD_HTTP_CONTENT_TOO_LARGE, &e, false);
}

static void refuse_crowded(struct http_request *r)
{
    struct error e;
    fail(&e, FAIL_BUSY, "Too much is being sent to this machine at once.");
    error_kept(&e, "Nothing was done.");
    error_next(&e, "Send it again shortly.");
    request_refuse(r, http_status_of(e.kind), &e, false);
}

static void hand_over(struct http_server *s, struct http_request *r)
{
    request_arrived(r);
    if (request_is_crowded_out(r)) {
        refuse_crowded(r);
    } else if (request_is_too_long(r)) {
        refuse_too_long(s, r);
    } else if (!list_open(s, r)) {
        refuse_stopping(r);
    } else {
        request_hand_over(r);
        s->handler(r, s->context);
    }
}

/* Handed over with the head; whether the body is wanted, the handler says. */
static enum MHD_Result begin_stream(struct http_server *s, struct http_request *r)
{
    if (!request_stream(r))
        return MHD_YES; /* there is no body: handed over at its end, like others */
    hand_over(s, r);
    return request_hold(r);
}

static enum MHD_Result refuse_head(struct http_request *r, unsigned status, const struct error *e)
{
    request_refuse(r, status, e, true);
    return request_settle(r);
}

/* The head is there. A body that is too long is refused right away where the client waits for
 * leave to send it, or where it would take too long to swallow; the connection is closed then. */
static enum MHD_Result begin(struct http_server *s, struct MHD_Connection *connection,
                             const char *path, const char *method, const char *version,
                             void **context)
{
    struct error e;
    struct peer *peer = known_peer(s, connection);
    struct http_request *r =
        request_new(connection, method, path, connection_of(connection)->target, peer,
                    body_max_of(s, peer_facts(peer)), &s->arrivals);
    *context = r;
    unsigned refusal = request_head_refusal(r, version, &e);
    if (refusal)
        return refuse_head(r, refusal, &e);
    if (s->streams && s->streams(r))
        return begin_stream(s, r);
    const char *length = http_request_header(r, MHD_HTTP_HEADER_CONTENT_LENGTH);
    enum request_room room = request_room_for(r, length ? strtoull(length, NULL, 10) : 0);
    if (room == REQUEST_FITS ||
        (room == REQUEST_TOO_LONG && !http_request_header(r, MHD_HTTP_HEADER_EXPECT)))
        return MHD_YES;
    refuse_too_long(s, r);
    return request_settle(r);
}

/* The library calls this for the head, for each part of the body, for its end, and again whenever a
 * sleeping connection was woken. */
static enum MHD_Result access_request(void *server, struct MHD_Connection *connection,
                                      const char *path, const char *method, const char *version,
                                      const char *part, size_t *part_size, void **context)
{
    struct http_server *s = server;
    struct http_request *r = *context;
    if (!r)
        return begin(s, connection, path, method, version, context);
    if (request_is_held(r) && *part_size == 0)
        return request_hold(r);
    if (http_request_streams(r) && *part_size > 0)
        return request_stream_part(r, part, part_size);
    if (*part_size > 0) {
        enum request_room room = request_receive(r, part, *part_size);
        *part_size = 0; /* always taken: what is left would be offered again and again */
        return room == REQUEST_ENDLESS ? MHD_NO : MHD_YES;
    }
    if (!request_is_handed_over(r))
        hand_over(s, r);
    request_stream_end(r);
    return request_settle(r);
}

static void completed(void *server, struct MHD_Connection *connection, void **context,
                      enum MHD_RequestTerminationCode why)
{
    (void)connection;
    (void)why;
    struct http_request *r = *context;
    if (!r)
        return;
    *context = NULL;
    unlist(server, r);
    request_completed(r);
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* In place. A NUL would end the text early and make another path of it: it stays encoded. */
static size_t decode(void *unused, struct MHD_Connection *connection, char *text)
{
    (void)unused;
    (void)connection;
    char *to = text;
    for (const char *from = text; *from; from++, to++) {
        int high = from[0] == '%' ? hex_digit(from[1]) : -1;
        int low = high >= 0 ? hex_digit(from[2]) : -1;
        *to = *from;
        if (low >= 0 && high + low > 0) {
            *to = (char)(high << 4 | low);
            from += 2;
        }
    }
    *to = '\0';
    return (size_t)(to - text);
}

/* ---- start, reload, stop ---- */

/* Never asked: each session has its own credentials before the handshake begins. The library wants
 * to be given something, and this something fails closed. */
static int no_certificate(gnutls_session_t session, const gnutls_datum_t *authorities,
                          int authorities_count, const gnutls_pk_algorithm_t *algorithms,
                          int algorithms_count, gnutls_pcert_st **certificate, unsigned *length,
                          gnutls_privkey_t *key)
{
    (void)session, (void)authorities, (void)authorities_count, (void)algorithms;
    (void)algorithms_count, (void)certificate, (void)length, (void)key;
    return -1;
}

static struct MHD_Daemon *start_library(struct http_server *s, int fd)
{
    struct MHD_OptionItem options[] = {
        {MHD_OPTION_LISTEN_SOCKET, fd, NULL},
        {MHD_OPTION_CONNECTION_LIMIT, (intptr_t)s->connections_max, NULL},
        {MHD_OPTION_PER_IP_CONNECTION_LIMIT, (intptr_t)s->connections_of_one_max, NULL},
        {MHD_OPTION_CONNECTION_TIMEOUT, HTTP_IDLE_SECONDS_MAX, NULL},
        {MHD_OPTION_CONNECTION_MEMORY_LIMIT, HTTP_HEAD_BYTES_MAX, NULL},
        {MHD_OPTION_NOTIFY_CONNECTION, (intptr_t)connection_begins_or_ends, s},
        {MHD_OPTION_NOTIFY_COMPLETED, (intptr_t)completed, s},
        {MHD_OPTION_URI_LOG_CALLBACK, (intptr_t)note_target, NULL},
        {MHD_OPTION_UNESCAPE_CALLBACK, (intptr_t)decode, NULL},
        {MHD_OPTION_END, 0, NULL},
    };
    struct MHD_OptionItem tls[] = {
        {MHD_OPTION_HTTPS_CERT_CALLBACK, 0, (void *)(uintptr_t)no_certificate},
        {MHD_OPTION_HTTPS_PRIORITIES, 0, (void *)(uintptr_t)tls_1_3_only},
        {MHD_OPTION_THREAD_POOL_SIZE, TLS_THREADS, NULL},
        {MHD_OPTION_END, 0, NULL},
    };
    unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME;
    if (!s->tls)
        return MHD_start_daemon(flags, 0, NULL, NULL, access_request, s, MHD_OPTION_ARRAY, options,
                                MHD_OPTION_END);
    return MHD_start_daemon(flags | MHD_USE_TLS, 0, NULL, NULL, access_request, s, MHD_OPTION_ARRAY,
                            options, MHD_OPTION_ARRAY, tls, MHD_OPTION_END);
}

static struct http_server *server_new(const struct http_server_options *o)
{
    struct http_server *s = xcalloc(1, sizeof *s);
    s->handler = o->handler;
    s->context = o->context;
    s->streams = o->streams;
    s->body_max = o->body_max;
    s->stranger_body_max = o->stranger_body_max;
    s->arrivals.max = o->arriving_max;
    s->connections_max = o->connections_max ? o->connections_max : HTTP_CONNECTIONS_MAX;
    s->connections_of_one_max = o->connections_of_one_max;
    s->tls = !o->socket_path;
    s->asks_no_certificate = o->asks_no_certificate;
    pthread_mutex_init(&s->identity_lock, NULL);
    pthread_mutex_init(&s->open_lock, NULL);
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&s->none_open, &monotonic);
    pthread_condattr_destroy(&monotonic);
    return s;
}

static void server_free(struct http_server *s)
{
    identity_release(s->identity);
    pthread_cond_destroy(&s->none_open);
    pthread_mutex_destroy(&s->open_lock);
    pthread_mutex_destroy(&s->identity_lock);
    free_memory(s->socket_path);
    free_memory(s->certificate_file);
    free_memory(s->private_key_file);
    free_memory(s->authority_file);
    free_memory(s);
}

static int listen_on(struct http_server *s, const struct http_server_options *o, struct error *e)
{
    if (!s->tls) {
        int fd = listener_unix(o->socket_path, o->socket_mode, o->socket_group, e);
        s->socket_path = xstrdup(o->socket_path);
        if (fd >= 0 && lstat(o->socket_path, &s->socket_file) != 0)
            s->socket_file = (struct stat){0}; /* somebody removed it again: not ours to remove */
        return fd;
    }
    s->certificate_file = xstrdup(o->certificate_file);
    s->private_key_file = xstrdup(o->private_key_file);
    s->authority_file = xstrdup(o->authority_file);
    s->identity = identity_load(o->certificate_file, o->private_key_file, o->authority_file, e);
    int fd = s->identity ? listener_tcp(o->address, o->port, e) : -1;
    s->port = fd >= 0 ? listener_tcp_port(fd) : 0;
    return fd;
}

/* Unless somebody else has put a socket of their own there by now. */
static void remove_socket(const struct http_server *s)
{
    struct stat now;
    if (s->socket_path && lstat(s->socket_path, &now) == 0 && now.st_ino == s->socket_file.st_ino &&
        now.st_dev == s->socket_file.st_dev)
        unlink(s->socket_path);
}

struct http_server *http_server_start(const struct http_server_options *o, struct error *e)
{
    assert(o->handler && (o->socket_path || o->address));
    struct error unwanted;
    e = e ? e : &unwanted;
    struct http_server *s = server_new(o);
    int fd = listen_on(s, o, e);
    if (fd < 0) {
        server_free(s);
        return NULL;
    }
    s->daemon = start_library(s, fd); /* owns the socket from here on, even if it fails */
    if (!s->daemon) {
        fail(e, FAIL_IO, "The HTTP server can't be started: %s.", strerror(errno));
        error_next(e, "The limits on threads, memory and open files of this account may be low.");
        remove_socket(s);
        server_free(s);
        return NULL;
    }
    return s;
}

uint16_t http_server_port(const struct http_server *s)
{
    return s->port;
}

enum failure http_server_reload(struct http_server *s, struct error *e)
{
    struct error unwanted;
    e = e ? e : &unwanted;
    if (!s->tls)
        return OK;
    struct identity *fresh =
        identity_load(s->certificate_file, s->private_key_file, s->authority_file, e);
    if (!fresh)
        return error_kept(e, "Connections go on with the certificate that was loaded before.");
    pthread_mutex_lock(&s->identity_lock);
    struct identity *old = s->identity;
    s->identity = fresh;
    pthread_mutex_unlock(&s->identity_lock);
    identity_release(old);
    return OK;
}

/* Shares of all open requests, so that they can be refused without the list's lock. */
static struct http_request **open_requests(struct http_server *s, size_t *count)
{
    struct http_request **all = xcalloc(s->connections_max, sizeof(struct http_request *));
    *count = 0;
    pthread_mutex_lock(&s->open_lock);
    s->stopping = true;
    for (struct http_request *r = s->open; r; r = request_links(r)->after) {
        assert(*count < s->connections_max);
        request_share(r);
        all[(*count)++] = r;
    }
    pthread_mutex_unlock(&s->open_lock);
    return all;
}

static void wait_until_none_open(struct http_server *s)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += HTTP_STOP_MS_MAX / 1000;
    int waited = 0;
    pthread_mutex_lock(&s->open_lock);
    while (s->open && waited != ETIMEDOUT)
        waited = pthread_cond_timedwait(&s->none_open, &s->open_lock, &until);
    pthread_mutex_unlock(&s->open_lock);
}

/* The library aborts the process if it is stopped while a connection sleeps. None can fall asleep
 * once its request is refused, and no request gets open once `stopping` is set. */
void http_server_stop(struct http_server *s)
{
    if (!s)
        return;
    remove_socket(s);
    size_t count;
    struct http_request **all = open_requests(s, &count);
    for (size_t i = 0; i < count; i++) {
        refuse_stopping(all[i]);
        request_release(all[i]);
    }
    free_memory(all);
    wait_until_none_open(s);
    MHD_stop_daemon(s->daemon);
    assert(!s->open);
    server_free(s);
}
