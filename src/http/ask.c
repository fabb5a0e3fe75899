#include "http/ask.h"

#include <assert.h>
#include <limits.h>
#include <string.h>
#include <sys/un.h>

#include "base/clock.h"
#include "base/memory.h"
#include "http/curl.h"
#include "http/identity.h"
#include "http/verdict.h"

enum end { END_BY_CURL, END_BY_SILENCE, END_BY_ASKER };

struct asking {
    const struct http_place *place;
    const struct http_question *question;
    unsigned *status;
    char where[CURL_WHERE_MAX]; /* for people */
    CURL *easy;
    CURLM *multi;
    struct identity *identity; /* lends libcurl its bytes */
    struct curl_slist *headers, *connect_list;
    struct buffer begun; /* a line of which the end is still missing */
    bool too_long;
    char detail[CURL_ERROR_SIZE];
};

static void owned_asking_end(struct asking *a)
{
    buffer_free(&a->begun);
    if (a->multi && a->easy)
        curl_multi_remove_handle(a->multi, a->easy);
    curl_easy_cleanup(a->easy);
    curl_multi_cleanup(a->multi);
    curl_slist_free_all(a->headers);
    curl_slist_free_all(a->connect_list);
    identity_release(a->identity);
}

/* --- what comes --- */

static void read_status(struct asking *a)
{
    long status = 0;
    curl_easy_getinfo(a->easy, CURLINFO_RESPONSE_CODE, &status);
    *a->status = (unsigned)status;
}

static void pass_on(struct asking *a)
{
    if (a->begun.size)
        a->question->each(a->question->context, buffer_view(&a->begun));
    buffer_clear(&a->begun);
}

static size_t take_answer(char *part, size_t one, size_t size, void *asking)
{
    (void)one;
    struct asking *a = asking;
    read_status(a);
    const char *end = part + size, *at = part, *stop;
    while ((stop = memchr(at, '\n', (size_t)(end - at)))) {
        buffer_raw(&a->begun, at, (size_t)(stop - at));
        pass_on(a);
        at = stop + 1;
    }
    buffer_raw(&a->begun, at, (size_t)(end - at));
    a->too_long = a->begun.size > HTTP_LINE_BYTES_MAX;
    return a->too_long ? 0 : size;
}

/* --- the conversation --- */

/* A number that changes with everything that happens: a connection made, a byte sent or heard. */
static curl_off_t moves(CURL *easy)
{
    long head = 0;
    curl_off_t ready = 0, up = 0, down = 0;
    curl_easy_getinfo(easy, CURLINFO_PRETRANSFER_TIME_T, &ready);
    curl_easy_getinfo(easy, CURLINFO_SIZE_UPLOAD_T, &up);
    curl_easy_getinfo(easy, CURLINFO_HEADER_SIZE, &head);
    curl_easy_getinfo(easy, CURLINFO_SIZE_DOWNLOAD_T, &down);
    return ready + up + head + down;
}

static bool was_sent(CURL *easy, const struct http_question *q)
{
    curl_off_t up = 0;
    curl_easy_getinfo(easy, CURLINFO_SIZE_UPLOAD_T, &up);
    return q->body.size && up == (curl_off_t)q->body.size;
}

static bool has_ended(CURLM *multi, CURLcode *code)
{
    int left;
    CURLMsg *message = curl_multi_info_read(multi, &left);
    if (message)
        *code = message->data.result;
    return message != NULL;
}

static enum end converse(struct asking *a, CURLcode *code)
{
    const struct http_question *q = a->question;
    uint64_t moved_ms = clock_ms();
    curl_off_t seen = 0;
    for (;;) {
        int running;
        curl_multi_perform(a->multi, &running);
        if (has_ended(a->multi, code))
            return END_BY_CURL;
        if (q->sent)
            *q->sent = *q->sent || was_sent(a->easy, q);
        if (q->go_on && !q->go_on(q->context))
            return END_BY_ASKER;
        /* Behind what was done with the lines: that took our time, and was no silence. */
        uint64_t now = clock_ms();
        curl_off_t moved = moves(a->easy);
        if (moved != seen)
            moved_ms = now;
        seen = moved;
        if (q->silence_ms && now - moved_ms >= q->silence_ms)
            return END_BY_SILENCE;
        /* A signal that no handler restarts ends the wait, too. */
        curl_multi_poll(a->multi, NULL, 0, HTTP_ASK_LOOK_MS, NULL);
    }
}

/* --- before and after --- */

static enum failure use_socket(struct asking *a, struct error *e)
{
    const char *path = a->place->socket_path;
    if (strlen(path) >= sizeof((struct sockaddr_un *)NULL)->sun_path)
        return fail(e, FAIL_INVALID, "The path of the socket, %s, is too long.", path);
    OWNED(free_memory) char *url = xasprintf("http://localhost%s", a->question->path);
    curl_set_manners(a->easy, "http");
    curl_easy_setopt(a->easy, CURLOPT_URL, url);
    curl_easy_setopt(a->easy, CURLOPT_UNIX_SOCKET_PATH, path);
    strcpy(a->where, "polluxd");
    return OK;
}

static enum failure use_machine(struct asking *a, struct error *e)
{
    const struct http_place *p = a->place;
    a->identity = identity_load(p->certificate_file, p->private_key_file, p->authority_file, e);
    if (!a->identity)
        return e->kind;
    curl_set_manners(a->easy, "https");
    curl_set_identity(a->easy, a->identity);
    a->connect_list = curl_set_server(a->easy, p->host, p->address, p->port, a->question->path);
    curl_where(p->host, p->address, p->port, a->where);
    /* Our own silence bounds it; 0 would be libcurl's own idea. */
    curl_easy_setopt(a->easy, CURLOPT_CONNECTTIMEOUT_MS, (long)INT_MAX);
    curl_easy_setopt(a->easy, CURLOPT_QUICK_EXIT, 1L); /* nor does a slow resolver hold us up */
    return OK;
}

static void prepare(struct asking *a)
{
    const struct http_question *q = a->question;
    a->headers =
        curl_set_request(a->easy, q->method, q->body.size ? "application/json" : NULL, q->body);
    curl_easy_setopt(a->easy, CURLOPT_WRITEFUNCTION, take_answer);
    curl_easy_setopt(a->easy, CURLOPT_WRITEDATA, a);
    curl_easy_setopt(a->easy, CURLOPT_ERRORBUFFER, a->detail);
    CURLMcode rc = curl_multi_add_handle(a->multi, a->easy);
    assert(rc == CURLM_OK);
}

static enum failure gave_up(const struct asking *a, enum end end, struct error *e)
{
    if (end == END_BY_ASKER) {
        fail(e, FAIL_STOPPING, "The answer of %s was not waited for any longer.", a->where);
        return error_kept(e, "Whether it did, or still does, what was asked is unknown.");
    }
    fail(e, FAIL_DEADLINE, "%s does not answer: nothing was heard from it for %g seconds.",
         a->where, a->question->silence_ms / 1000.0);
    error_kept(e, "Whether it did what was asked is unknown.");
    return error_next(e, "It may be stopped or overloaded: its log says more.");
}

static enum failure verdict(const struct asking *a, enum end end, CURLcode code, struct error *e)
{
    curl_off_t connected = 0;
    curl_easy_getinfo(a->easy, CURLINFO_PRETRANSFER_TIME_T, &connected);
    if (end == END_BY_SILENCE && !connected && a->place->host)
        code = CURLE_OPERATION_TIMEDOUT; /* then it is known that nothing was sent */
    else if (end != END_BY_CURL)
        return gave_up(a, end, e);
    if (a->too_long) {
        fail(e, FAIL_IO, "A line of the answer of %s is longer than %d bytes.", a->where,
             HTTP_LINE_BYTES_MAX);
        return error_kept(e, "Whether it did what was asked is unknown.");
    }
    if (a->place->socket_path)
        return verdict_of_socket(a->easy, code, a->place->socket_path, a->detail, e);
    return verdict_of(a->easy, code, a->place->host, a->where, a->detail, a->question->silence_ms,
                      e);
}

enum failure http_ask(const struct http_place *where, const struct http_question *question,
                      unsigned *status, struct error *e)
{
    struct error unwanted;
    e = e ? e : &unwanted;
    *status = 0;
    curl_begin();
    OWNED(asking_end)
    struct asking a = {.place = where, .question = question, .status = status};
    a.easy = curl_easy_init();
    a.multi = curl_multi_init();
    assert(a.easy && a.multi && (where->socket_path || where->host));
    enum failure bad = where->socket_path ? use_socket(&a, e) : use_machine(&a, e);
    if (bad)
        return bad;
    prepare(&a);
    CURLcode code = CURLE_OK;
    enum end end = converse(&a, &code);
    if (end != END_BY_CURL || code != CURLE_OK)
        return verdict(&a, end, code, e);
    read_status(&a);
    pass_on(&a); /* the last line may lack its end */
    return OK;
}
