#include "http/local.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "base/memory.h"
#include "http/curl.h"

struct question {
    CURL *easy;
    http_line *each;
    void *context;
    unsigned *status;
    struct buffer begun; /* a line of which the end is still missing */
    bool too_long;
    char detail[CURL_ERROR_SIZE];
};

static void read_status(struct question *q)
{
    long status = 0;
    curl_easy_getinfo(q->easy, CURLINFO_RESPONSE_CODE, &status);
    *q->status = (unsigned)status;
}

static size_t take_answer(char *part, size_t one, size_t size, void *question)
{
    (void)one;
    struct question *q = question;
    read_status(q);
    const char *end = part + size, *at = part, *stop;
    while ((stop = memchr(at, '\n', (size_t)(end - at)))) {
        buffer_raw(&q->begun, at, (size_t)(stop - at));
        q->each(q->context, buffer_view(&q->begun));
        buffer_clear(&q->begun);
        at = stop + 1;
    }
    buffer_raw(&q->begun, at, (size_t)(end - at));
    q->too_long = q->begun.size > HTTP_LOCAL_LINE_BYTES_MAX;
    return q->too_long ? 0 : size;
}

static enum failure not_connected(long why, const char *socket_path, struct error *e)
{
    struct stat st;
    switch (why) {
    case ENOENT:
    case ENOTDIR:
        fail(e, FAIL_UNREACHABLE, "polluxd is not running here: there is no socket %s.",
             socket_path);
        return error_next(e,
                          "Start it (polluxd --config FILE), or set POLLUX_SERVER to the socket of "
                          "the one that runs.");
    case EACCES:
    case EPERM:
        fail(e, FAIL_DENIED, "This account may not use the socket %s.", socket_path);
        return error_next(e, "Whoever may is in the group that owns it: `ls -l %s`.", socket_path);
    case ECONNREFUSED:
        if (stat(socket_path, &st) == 0 && !S_ISSOCK(st.st_mode))
            return fail(e, FAIL_INVALID, "%s is not a socket.", socket_path);
        fail(e, FAIL_UNREACHABLE,
             "polluxd is not running here: nobody listens on the socket %s that it left behind.",
             socket_path);
        return error_next(e, "Its log says why it ended. Start it again: polluxd --config FILE");
    case EAGAIN: return fail(e, FAIL_BUSY, "Too many callers wait on the socket %s.", socket_path);
    default:
        return fail(e, FAIL_IO, "Can't connect to the socket %s: %s.", socket_path,
                    why ? strerror((int)why) : "no connection");
    }
}

static enum failure verdict(struct question *q, CURLcode code, const char *socket_path,
                            uint32_t deadline_ms, struct error *e)
{
    long why = 0;
    curl_easy_getinfo(q->easy, CURLINFO_OS_ERRNO, &why);
    if (code == CURLE_COULDNT_CONNECT)
        return not_connected(why, socket_path, e);
    if (code == CURLE_OPERATION_TIMEDOUT) {
        fail(e, FAIL_DEADLINE, "polluxd did not finish its answer within %u ms.", deadline_ms);
        return error_kept(e, "Whether it did what was asked is unknown.");
    }
    if (q->too_long)
        return fail(e, FAIL_IO, "A line of polluxd's answer is longer than %d bytes.",
                    HTTP_LOCAL_LINE_BYTES_MAX);
    fail(e, FAIL_IO, "The connection to polluxd broke before its answer was complete: %s.",
         q->detail[0] ? q->detail : curl_easy_strerror(code));
    error_kept(e, "Whether it did what was asked is unknown.");
    return error_next(e, "It may have been stopped: its log says more.");
}

enum failure http_local_ask(const char *socket_path, const char *method, const char *path,
                            struct bytes body, uint32_t deadline_ms, http_line *each, void *context,
                            unsigned *status, struct error *e)
{
    struct error unwanted;
    e = e ? e : &unwanted;
    *status = 0;
    if (strlen(socket_path) >= sizeof((struct sockaddr_un *)NULL)->sun_path)
        return fail(e, FAIL_INVALID, "The path of the socket, %s, is too long.", socket_path);
    curl_begin();
    struct question q = {
        .easy = curl_easy_init(), .each = each, .context = context, .status = status};
    assert(q.easy);
    char *url = xasprintf("http://localhost%s", path);
    curl_set_manners(q.easy, "http");
    struct curl_slist *headers =
        curl_set_request(q.easy, method, body.size ? "application/json" : NULL, body);
    curl_easy_setopt(q.easy, CURLOPT_URL, url);
    curl_easy_setopt(q.easy, CURLOPT_UNIX_SOCKET_PATH, socket_path);
    curl_easy_setopt(q.easy, CURLOPT_TIMEOUT_MS, (long)deadline_ms);
    curl_easy_setopt(q.easy, CURLOPT_WRITEFUNCTION, take_answer);
    curl_easy_setopt(q.easy, CURLOPT_WRITEDATA, &q);
    curl_easy_setopt(q.easy, CURLOPT_ERRORBUFFER, q.detail);

    CURLcode code = curl_easy_perform(q.easy);
    enum failure f = OK;
    if (code != CURLE_OK) {
        f = verdict(&q, code, socket_path, deadline_ms, e);
    } else {
        read_status(&q);
        if (q.begun.size)
            each(context, buffer_view(&q.begun));
    }
    buffer_free(&q.begun);
    curl_slist_free_all(headers);
    curl_easy_cleanup(q.easy);
    free_memory(url);
    return f;
}
