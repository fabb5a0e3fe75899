#include "http/request.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/memory.h"
#include "http/failures.h"
#include "http/head.h"
#include "http/inbox.h"

enum {
    /* So much of a body that is too long is read and thrown away, so that the caller gets to see
     * the 413 (a connection closed in the middle of an upload is reset, and the answer with it). */
    DISCARD_BYTES_MAX = 64 << 20,
    READER_BLOCK_BYTES = 16384,
    BACKLOG_ROOM_KEPT = 65536, /* an emptied backlog gives back more than this */
};

struct http_request {
    atomic_uint holders;
    struct request_links links;
    struct peer *peer;
    char *method, *path, *target;
    struct head_pairs headers, query; /* copied: the request may outlive its connection */
    struct buffer body;
    size_t body_max;
    uint64_t discarded; /* by the connection's thread alone, like `body` until it is handed over */
    struct arrivals *arrivals;
    size_t arriving; /* its part of those */
    uint64_t began_ms;
    bool crowded_out;
    bool handed_over;
    struct inbox *inbox; /* of one whose body is read while it arrives; else NULL */
    bool held;           /* nobody has said yet whether the body is wanted */

    pthread_mutex_t lock;
    pthread_cond_t drained;
    struct MHD_Connection *connection; /* NULL: the library is done */
    int fd;                            /* open as long as `connection` is there */
    bool suspended;
    bool accepted;               /* the body is wanted */
    bool settled;                /* an answer was decided on, by whomever */
    struct MHD_Response *answer; /* … and not yet given to the library */
    unsigned status;
    struct buffer backlog; /* of a stream; bytes before `sent` are gone */
    size_t sent;
    bool ended;
    bool cut; /* broken off: the reader must not believe that it saw the end */
};

static enum MHD_Result copy_pair(void *to, enum MHD_ValueKind kind, const char *name,
                                 const char *value)
{
    if (kind == MHD_HEADER_KIND)
        head_add_header(to, name, value ? value : "");
    else
        head_add(to, name, value ? value : "");
    return MHD_YES;
}

struct http_request *request_new(struct MHD_Connection *connection, const char *method,
                                 const char *path, const char *target, struct peer *peer,
                                 size_t body_max, struct arrivals *arrivals)
{
    struct http_request *r = xcalloc(1, sizeof *r);
    atomic_init(&r->holders, 1);
    pthread_mutex_init(&r->lock, NULL);
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&r->drained, &monotonic);
    pthread_condattr_destroy(&monotonic);
    r->connection = connection;
    r->fd = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
    r->peer = peer;
    r->method = xstrdup(method);
    r->path = xstrdup(head_origin_form(path));
    r->target = xstrdup(target);
    r->body_max = body_max;
    r->arrivals = arrivals;
    r->began_ms = clock_ms();
    MHD_get_connection_values(connection, MHD_HEADER_KIND, copy_pair, &r->headers);
    MHD_get_connection_values(connection, MHD_GET_ARGUMENT_KIND, copy_pair, &r->query);
    return r;
}

void request_share(struct http_request *r)
{
    atomic_fetch_add(&r->holders, 1);
}

void request_release(struct http_request *r)
{
    if (atomic_fetch_sub(&r->holders, 1) != 1)
        return;
    assert(!r->connection && !r->links.listed && !r->answer);
    peer_release(r->peer);
    free_memory(r->method);
    free_memory(r->path);
    free_memory(r->target);
    head_free(&r->headers);
    head_free(&r->query);
    buffer_free(&r->body);
    buffer_free(&r->backlog);
    inbox_free(r->inbox);
    pthread_cond_destroy(&r->drained);
    pthread_mutex_destroy(&r->lock);
    free_memory(r);
}

struct request_links *request_links(struct http_request *r)
{
    return &r->links;
}

/* ---- what comes in ---- */

unsigned request_head_refusal(const struct http_request *r, const char *version, struct error *e)
{
    return head_refusal(&r->headers, version, r->target, e);
}

enum request_room request_room_for(const struct http_request *r, uint64_t length)
{
    if (length <= r->body_max)
        return REQUEST_FITS;
    return length - r->body_max <= DISCARD_BYTES_MAX ? REQUEST_TOO_LONG : REQUEST_ENDLESS;
}

void request_arrived(struct http_request *r)
{
    atomic_fetch_sub(&r->arrivals->bytes, r->arriving);
    r->arriving = 0;
}

/* What is small always has: whoever fills the room keeps nobody from saying something. */
static bool has_room(const struct http_request *r, size_t size)
{
    return !r->arrivals->max || r->body.size + size <= HTTP_SMALL_BODY_BYTES ||
           atomic_load(&r->arrivals->bytes) + size <= r->arrivals->max;
}

/* Who may not fill the room may not keep it, either. */
static bool is_late(const struct http_request *r)
{
    return r->arrivals->max && clock_ms() - r->began_ms > HTTP_BODY_SECONDS_MAX * 1000;
}

static void keep_part(struct http_request *r, const char *part, size_t size)
{
    buffer_raw(&r->body, part, size);
    r->arriving += size;
    atomic_fetch_add(&r->arrivals->bytes, size);
}

static void discard_part(struct http_request *r, size_t size)
{
    r->discarded += r->body.size + size;
    buffer_free(&r->body);
    request_arrived(r);
}

enum request_room request_receive(struct http_request *r, const char *part, size_t size)
{
    enum request_room room = request_room_for(r, r->discarded + r->body.size + size);
    if (is_late(r))
        return REQUEST_ENDLESS;
    if (room == REQUEST_FITS && !r->discarded && !has_room(r, size))
        r->crowded_out = true;
    if (room == REQUEST_FITS && !r->crowded_out)
        keep_part(r, part, size);
    else
        discard_part(r, size);
    return room;
}

bool request_is_crowded_out(const struct http_request *r)
{
    return r->crowded_out;
}

bool request_is_too_long(const struct http_request *r)
{
    return r->discarded > 0;
}

const char *http_request_method(const struct http_request *r)
{
    return r->method;
}

const char *http_request_path(const struct http_request *r)
{
    return r->path;
}

const char *http_request_target(const struct http_request *r)
{
    return r->target;
}

const char *http_request_query(const struct http_request *r, const char *name)
{
    return head_parameter(&r->query, name);
}

const char *http_request_header(const struct http_request *r, const char *name)
{
    return head_header(&r->headers, name);
}

struct bytes http_request_body(const struct http_request *r)
{
    return buffer_view(&r->body);
}

const struct http_peer *http_request_peer(const struct http_request *r)
{
    return peer_facts(r->peer);
}

/* ---- the two owners ---- */

void request_hand_over(struct http_request *r)
{
    assert(!r->handed_over);
    r->handed_over = true;
    request_share(r);
}

bool request_is_handed_over(const struct http_request *r)
{
    return r->handed_over;
}

/* With the lock held: let the connection's thread look again. */
static void wake(struct http_request *r)
{
    if (!r->suspended)
        return;
    r->suspended = false;
    MHD_resume_connection(r->connection);
}

/* With the lock held: the connection's thread has nothing to do until somebody wakes it. */
static void sleep_until_woken(struct http_request *r)
{
    assert(r->connection && !r->suspended);
    r->suspended = true;
    MHD_suspend_connection(r->connection);
}

enum MHD_Result request_settle(struct http_request *r)
{
    pthread_mutex_lock(&r->lock);
    struct MHD_Response *answer = r->answer;
    r->answer = NULL;
    if (!answer)
        sleep_until_woken(r);
    pthread_mutex_unlock(&r->lock);
    if (!answer)
        return MHD_YES;
    enum MHD_Result queued = MHD_queue_response(r->connection, r->status, answer);
    MHD_destroy_response(answer);
    return queued;
}

void request_completed(struct http_request *r)
{
    pthread_mutex_lock(&r->lock);
    struct MHD_Response *unused = r->answer; /* a stream's holds the request, and would for ever */
    r->connection = NULL;
    r->answer = NULL;
    pthread_cond_broadcast(&r->drained);
    pthread_mutex_unlock(&r->lock);
    request_arrived(r);
    if (r->inbox)
        inbox_end(r->inbox, false);
    if (unused)
        MHD_destroy_response(unused);
    request_release(r);
}

/* Takes `answer`, and drops it if it comes too late. */
static bool settle_with(struct http_request *r, unsigned status, struct MHD_Response *answer)
{
    pthread_mutex_lock(&r->lock);
    bool in_time = r->connection && !r->settled;
    if (in_time) {
        r->settled = true;
        r->status = status;
        r->answer = answer;
        wake(r);
    }
    pthread_mutex_unlock(&r->lock);
    if (!in_time)
        MHD_destroy_response(answer);
    return in_time;
}

/* ---- a body that is read while it arrives ---- */

bool http_request_streams(const struct http_request *r)
{
    return r->inbox;
}

bool request_is_held(const struct http_request *r)
{
    return r->held;
}

static uint64_t length_of(const struct http_request *r)
{
    const char *length = http_request_header(r, MHD_HTTP_HEADER_CONTENT_LENGTH);
    return length ? strtoull(length, NULL, 10) : 0;
}

static bool is_chunked(const struct http_request *r)
{
    return http_request_header(r, MHD_HTTP_HEADER_TRANSFER_ENCODING);
}

bool request_stream(struct http_request *r)
{
    if (length_of(r) == 0 && !is_chunked(r))
        return false;
    r->inbox = inbox_new(HTTP_INBOX_BYTES);
    r->held = true;
    return true;
}

/* An answer that comes before the body: right away where the client waits for leave to send it, or
 * where it would take too long to swallow; the connection is closed then. */
static bool is_worth_swallowing(const struct http_request *r)
{
    return !http_request_header(r, MHD_HTTP_HEADER_EXPECT) && !is_chunked(r) &&
           length_of(r) <= DISCARD_BYTES_MAX;
}

enum MHD_Result request_hold(struct http_request *r)
{
    pthread_mutex_lock(&r->lock);
    bool refused = r->settled, decided = refused || r->accepted;
    if (!decided)
        sleep_until_woken(r);
    pthread_mutex_unlock(&r->lock);
    r->held = !decided;
    return refused && !is_worth_swallowing(r) ? request_settle(r) : MHD_YES;
}

/* Sleeps if there is no room for the rest, unless somebody has made some meanwhile. */
static bool sleeps_for_room(struct http_request *r)
{
    pthread_mutex_lock(&r->lock);
    bool full = !r->settled && inbox_is_full(r->inbox);
    if (full)
        sleep_until_woken(r);
    pthread_mutex_unlock(&r->lock);
    return full;
}

static bool is_settled(struct http_request *r)
{
    pthread_mutex_lock(&r->lock);
    bool settled = r->settled;
    pthread_mutex_unlock(&r->lock);
    return settled;
}

enum MHD_Result request_stream_part(struct http_request *r, const char *part, size_t *size)
{
    r->held = false;
    while (*size && !is_settled(r)) {
        size_t taken = inbox_put(r->inbox, part, *size);
        part += taken;
        *size -= taken;
        if (*size && sleeps_for_room(r))
            return MHD_YES;
    }
    r->discarded += *size;
    *size = 0;
    return r->discarded <= DISCARD_BYTES_MAX ? MHD_YES : MHD_NO;
}

void request_stream_end(struct http_request *r)
{
    if (r->inbox)
        inbox_end(r->inbox, true);
}

void http_body_accept(struct http_request *r)
{
    pthread_mutex_lock(&r->lock);
    r->accepted = true;
    if (r->connection)
        wake(r);
    pthread_mutex_unlock(&r->lock);
}

void http_body_give_up(struct http_request *r)
{
    pthread_mutex_lock(&r->lock);
    if (r->connection) {
        shutdown(r->fd, SHUT_RDWR);
        wake(r);
    }
    pthread_mutex_unlock(&r->lock);
}

enum http_body http_body_read(struct http_request *r, void *to, size_t max, uint32_t patience_ms,
                              size_t *got)
{
    bool freed;
    *got = 0;
    if (!r->inbox)
        return HTTP_BODY_END;
    enum http_body state = inbox_take(r->inbox, to, max, patience_ms, got, &freed);
    pthread_mutex_lock(&r->lock);
    if (freed && r->connection)
        wake(r);
    pthread_mutex_unlock(&r->lock);
    return state;
}

/* One that only has nothing more to say has not hung up. */
static bool has_hung_up(int fd)
{
    struct pollfd line = {.fd = fd};
    return poll(&line, 1, 0) == 1 && (line.revents & (POLLHUP | POLLERR));
}

bool http_request_is_awaited(struct http_request *r)
{
    pthread_mutex_lock(&r->lock);
    bool awaited = r->connection && !r->cut && !has_hung_up(r->fd);
    pthread_mutex_unlock(&r->lock);
    return awaited;
}

/* ---- answers ---- */

static void add_headers(struct MHD_Response *answer, const char *headers)
{
    char *copy = xstrdup(headers ? headers : ""), *rest = copy, *line;
    while ((line = strsep(&rest, "\n"))) {
        char *value = strchr(line, ':');
        if (!value)
            continue;
        *value++ = '\0';
        MHD_add_response_header(answer, line, value + strspn(value, " "));
    }
    free_memory(copy);
}

static struct MHD_Response *whole_answer(const char *type, struct bytes body)
{
    struct MHD_Response *answer = MHD_create_response_from_buffer(
        body.size, (void *)(uintptr_t)body.at, MHD_RESPMEM_MUST_COPY);
    assert(answer);
    if (type)
        MHD_add_response_header(answer, MHD_HTTP_HEADER_CONTENT_TYPE, type);
    return answer;
}

void http_answer(struct http_request *r, unsigned status, const char *type, struct bytes body,
                 const char *headers)
{
    assert(status >= 200 && status <= 599);
    struct MHD_Response *answer = whole_answer(type, body);
    add_headers(answer, headers);
    settle_with(r, status, answer);
    request_release(r);
}

void http_answer_file(struct http_request *r, unsigned status, const char *type, int fd,
                      uint64_t offset, uint64_t size, const char *headers)
{
    struct MHD_Response *answer = MHD_create_response_from_fd_at_offset64(size, fd, offset);
    assert(answer);
    MHD_add_response_header(answer, MHD_HTTP_HEADER_CONTENT_TYPE, type);
    add_headers(answer, headers);
    settle_with(r, status, answer);
    request_release(r);
}

static struct MHD_Response *error_answer(const struct error *e, bool closes)
{
    char *text = http_error_to_json(e);
    struct MHD_Response *answer = whole_answer("application/json", bytes_of_text(text));
    free_memory(text);
    MHD_add_response_header(answer, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
    if (http_worth_retrying(e->kind))
        MHD_add_response_header(answer, MHD_HTTP_HEADER_RETRY_AFTER, "1");
    if (closes)
        MHD_add_response_header(answer, MHD_HTTP_HEADER_CONNECTION, "close");
    return answer;
}

void http_answer_error(struct http_request *r, const struct error *e)
{
    settle_with(r, http_status_of(e->kind), error_answer(e, e->kind == FAIL_STOPPING));
    request_release(r);
}

void request_refuse(struct http_request *r, unsigned status, const struct error *e, bool closes)
{
    settle_with(r, status, error_answer(e, closes));
    if (r->inbox)
        inbox_end(r->inbox, false);
    pthread_mutex_lock(&r->lock);
    r->cut = !r->ended; /* means nothing to an answer that is not a stream */
    pthread_cond_broadcast(&r->drained);
    if (r->connection)
        wake(r);
    pthread_mutex_unlock(&r->lock);
}

/* ---- streams ---- */

static size_t backlog_size(const struct http_request *r)
{
    return r->backlog.size - r->sent;
}

static size_t backlog_take(struct http_request *r, char *to, size_t max)
{
    size_t n = backlog_size(r) < max ? backlog_size(r) : max;
    memcpy(to, r->backlog.at + r->sent, n);
    r->sent += n;
    if (backlog_size(r) == 0) {
        r->sent = 0;
        buffer_clear(&r->backlog);
        if (r->backlog.room > BACKLOG_ROOM_KEPT)
            buffer_free(&r->backlog);
    }
    if (backlog_size(r) <= HTTP_STREAM_BYTES_MAX / 2)
        pthread_cond_broadcast(&r->drained);
    return n;
}

static void backlog_add(struct http_request *r, struct bytes part)
{
    if (r->sent > r->backlog.size / 2) { /* each byte is moved at most once for each byte sent */
        r->backlog.size -= r->sent;
        memmove(r->backlog.at, r->backlog.at + r->sent, r->backlog.size);
        r->sent = 0;
    }
    buffer_raw(&r->backlog, part.at, part.size);
}

/* The library asks for more, on the connection's thread. */
static ssize_t stream_read(void *request, uint64_t position, char *to, size_t max)
{
    (void)position;
    struct http_request *r = request;
    ssize_t n = 0;
    pthread_mutex_lock(&r->lock);
    if (backlog_size(r) > 0)
        n = (ssize_t)backlog_take(r, to, max);
    else if (r->cut)
        n = MHD_CONTENT_READER_END_WITH_ERROR;
    else if (r->ended)
        n = MHD_CONTENT_READER_END_OF_STREAM;
    else
        sleep_until_woken(r);
    pthread_mutex_unlock(&r->lock);
    return n;
}

static void stream_released(void *request)
{
    request_release(request);
}

void http_stream_begin(struct http_request *r, unsigned status, const char *type)
{
    request_share(r); /* for the library's response, which may outlive the request's completion */
    struct MHD_Response *answer = MHD_create_response_from_callback(
        MHD_SIZE_UNKNOWN, READER_BLOCK_BYTES, stream_read, r, stream_released);
    assert(answer);
    if (type)
        MHD_add_response_header(answer, MHD_HTTP_HEADER_CONTENT_TYPE, type);
    if (!settle_with(r, status, answer)) {
        pthread_mutex_lock(&r->lock);
        r->cut = true;
        pthread_mutex_unlock(&r->lock);
    }
}

/* With the lock held. The reader may be stuck with a full window: no use waiting until the library
 * can write again, so the connection is taken down under it. */
static void cut_off(struct http_request *r)
{
    r->cut = true;
    r->sent = 0;
    buffer_free(&r->backlog);
    shutdown(r->fd, SHUT_RDWR);
    pthread_cond_broadcast(&r->drained);
    wake(r);
}

bool http_stream_write(struct http_request *r, struct bytes part)
{
    pthread_mutex_lock(&r->lock);
    assert(!r->ended);
    if (r->connection && !r->cut) {
        if (part.size > HTTP_STREAM_BYTES_MAX - backlog_size(r)) {
            cut_off(r);
        } else if (part.size) {
            backlog_add(r, part);
            wake(r);
        }
    }
    bool heard = r->connection && !r->cut;
    pthread_mutex_unlock(&r->lock);
    return heard;
}

bool http_stream_drain(struct http_request *r, uint32_t patience_ms)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += patience_ms / 1000;
    until.tv_nsec += (long)(patience_ms % 1000) * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    int waited = 0;
    pthread_mutex_lock(&r->lock);
    while (r->connection && !r->cut && backlog_size(r) > HTTP_STREAM_BYTES_MAX / 2 &&
           waited != ETIMEDOUT)
        waited = pthread_cond_timedwait(&r->drained, &r->lock, &until);
    bool room = r->connection && !r->cut && backlog_size(r) <= HTTP_STREAM_BYTES_MAX / 2;
    pthread_mutex_unlock(&r->lock);
    return room;
}

void http_stream_end(struct http_request *r)
{
    pthread_mutex_lock(&r->lock);
    r->ended = true;
    if (r->connection)
        wake(r);
    pthread_mutex_unlock(&r->lock);
    request_release(r);
}
