#include "http/client.h"

#include <assert.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <curl/curl.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/thread.h"
#include "http/curl.h"
#include "http/identity.h"
#include "http/verdict.h"

enum { POLL_MS_MAX = 1000 }; /* woken for calls and deadlines; this only bounds a mistake */

/* One call, from `http_client_call` to `done`. */
struct call {
    struct call *next; /* while it waits, and while it is under way */
    struct call **link;
    char *host, *address, *method, *path, *type;
    uint16_t port;
    char where[CURL_WHERE_MAX];
    struct buffer body, answer;
    uint64_t began_us;
    uint32_t deadline_ms;
    size_t answer_max;
    bool too_long;
    http_done *done;
    void *context;
    struct identity *identity; /* lends libcurl its bytes until the call is over */
    CURL *easy;
    struct curl_slist *headers, *connect_list;
    char detail[CURL_ERROR_SIZE];
};

struct http_client {
    pthread_t thread;
    CURLM *multi;           /* the thread's */
    struct call *under_way; /* the thread's */
    char *certificate_file, *private_key_file, *authority_file;

    pthread_mutex_t lock;
    struct call *first, **last; /* waiting for the thread, in order */
    size_t open;                /* waiting or under way: at most HTTP_CALLS_MAX */
    bool stopping;
    struct identity *identity; /* for calls from now on */
};

static void call_free(struct call *c)
{
    if (c->easy)
        curl_easy_cleanup(c->easy);
    curl_slist_free_all(c->headers);
    curl_slist_free_all(c->connect_list);
    identity_release(c->identity);
    free_memory(c->host);
    free_memory(c->address);
    free_memory(c->method);
    free_memory(c->path);
    free_memory(c->type);
    buffer_free(&c->body);
    buffer_free(&c->answer);
    free_memory(c);
}

static struct call *call_new(const struct http_call *o)
{
    struct call *c = xcalloc(1, sizeof *c);
    c->began_us = clock_us();
    c->host = xstrdup(o->host);
    c->address = o->address ? xstrdup(o->address) : NULL;
    c->port = o->port;
    curl_where(o->host, o->address, o->port, c->where);
    c->method = xstrdup(o->method);
    c->path = xstrdup(o->path);
    c->type = o->type ? xstrdup(o->type) : NULL;
    buffer_raw(&c->body, o->body.at, o->body.size);
    c->deadline_ms = o->deadline_ms;
    c->answer_max = o->answer_max;
    c->done = o->done;
    c->context = o->context;
    return c;
}

/* ---- the client's thread ---- */

static size_t take_answer(char *part, size_t one, size_t size, void *call)
{
    (void)one;
    struct call *c = call;
    if (size > c->answer_max - c->answer.size) {
        c->too_long = true;
        return 0;
    }
    buffer_raw(&c->answer, part, size);
    return size;
}

static uint32_t left_ms(const struct call *c)
{
    uint64_t gone = (clock_us() - c->began_us) / 1000;
    return gone < c->deadline_ms ? (uint32_t)(c->deadline_ms - gone) : 1; /* 0 would be for ever */
}

static void prepare(struct call *c)
{
    CURL *easy = c->easy = curl_easy_init();
    assert(easy);
    curl_set_manners(easy, "https");
    c->headers = curl_set_request(easy, c->method, c->type, buffer_view(&c->body));
    curl_set_identity(easy, c->identity);
    c->connect_list = curl_set_server(easy, c->host, c->address, c->port, c->path);
    curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L); /* a slow resolver holds up nobody else */
    curl_easy_setopt(easy, CURLOPT_MAXAGE_CONN, (long)HTTP_REUSE_SECONDS_MAX);
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)left_ms(c));
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)left_ms(c));
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_answer);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, c);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, c->detail);
    curl_easy_setopt(easy, CURLOPT_PRIVATE, c);
}

/* `done` may make the next call: the place of this one is free by then. */
static void finish(struct http_client *client, struct call *c, struct http_result *result)
{
    pthread_mutex_lock(&client->lock);
    client->open--;
    pthread_mutex_unlock(&client->lock);
    result->elapsed_us = (uint32_t)(clock_us() - c->began_us);
    c->done(result, c->context);
    call_free(c);
}

static void finish_stopping(struct http_client *client, struct call *c)
{
    struct http_result result = {0};
    fail(&result.error, FAIL_STOPPING, "The call to %s was given up: this process is stopping.",
         c->where);
    error_kept(&result.error, "Whether it was carried out there is unknown.");
    finish(client, c, &result);
}

static void finish_with(struct http_client *client, struct call *c, CURLcode code)
{
    struct http_result result = {0};
    long status = 0;
    curl_easy_getinfo(c->easy, CURLINFO_RESPONSE_CODE, &status);
    if (c->too_long) {
        fail(&result.error, FAIL_IO, "The answer of %s is longer than the %zu bytes allowed.",
             c->where, c->answer_max);
        error_kept(&result.error, "Whether it did what was asked is unknown.");
    } else if (code != CURLE_OK) {
        verdict_of(c->easy, code, c->host, c->where, c->detail, c->deadline_ms, &result.error);
    } else {
        result.status = (unsigned)status;
        result.body = buffer_view(&c->answer);
    }
    finish(client, c, &result);
}

static void leave(struct http_client *client, struct call *c)
{
    curl_multi_remove_handle(client->multi, c->easy);
    *c->link = c->next;
    if (c->next)
        c->next->link = c->link;
}

static void finish_ended(struct http_client *client)
{
    CURLMsg *message;
    int left;
    while ((message = curl_multi_info_read(client->multi, &left))) {
        CURLcode code = message->data.result; /* gone when the handle is removed */
        struct call *c = NULL;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &c);
        leave(client, c);
        finish_with(client, c, code);
    }
}

static void enter(struct http_client *client, struct call *c)
{
    prepare(c);
    c->next = client->under_way;
    c->link = &client->under_way;
    if (c->next)
        c->next->link = &c->next;
    client->under_way = c;
    CURLMcode rc = curl_multi_add_handle(client->multi, c->easy);
    assert(rc == CURLM_OK);
}

/* The calls that wait; false when it is time to go. */
static bool take_waiting(struct http_client *client, struct call **waiting)
{
    pthread_mutex_lock(&client->lock);
    *waiting = client->first;
    client->first = NULL;
    client->last = &client->first;
    bool on = !client->stopping;
    pthread_mutex_unlock(&client->lock);
    return on;
}

static void give_up_all(struct http_client *client, struct call *waiting)
{
    for (struct call *c; (c = waiting);) {
        waiting = c->next;
        finish_stopping(client, c);
    }
    for (struct call *c; (c = client->under_way);) {
        leave(client, c);
        finish_stopping(client, c);
    }
}

static void *run(void *argument)
{
    struct http_client *client = argument;
    struct call *waiting;
    while (take_waiting(client, &waiting)) {
        for (struct call *c; (c = waiting);) {
            waiting = c->next;
            enter(client, c);
        }
        int running;
        curl_multi_perform(client->multi, &running);
        finish_ended(client);
        curl_multi_poll(client->multi, NULL, 0, POLL_MS_MAX, NULL);
    }
    give_up_all(client, waiting);
    return NULL;
}

/* ---- any thread ---- */

static void client_free(struct http_client *client)
{
    if (client->multi)
        curl_multi_cleanup(client->multi);
    identity_release(client->identity);
    pthread_mutex_destroy(&client->lock);
    free_memory(client->certificate_file);
    free_memory(client->private_key_file);
    free_memory(client->authority_file);
    free_memory(client);
}

struct http_client *http_client_start(const struct http_client_options *o, struct error *e)
{
    curl_begin();
    struct http_client *client = xcalloc(1, sizeof *client);
    pthread_mutex_init(&client->lock, NULL);
    client->last = &client->first;
    client->certificate_file = xstrdup(o->certificate_file);
    client->private_key_file = xstrdup(o->private_key_file);
    client->authority_file = xstrdup(o->authority_file);
    client->identity =
        identity_load(o->certificate_file, o->private_key_file, o->authority_file, e);
    if (client->identity) {
        client->multi = curl_multi_init();
        assert(client->multi);
        curl_multi_setopt(client->multi, CURLMOPT_MAXCONNECTS, (long)HTTP_IDLE_CONNECTIONS_MAX);
        if (thread_start(&client->thread, "http-client", run, client))
            return client;
        fail(e, FAIL_IO, "The HTTP client can't start its thread.");
    }
    client_free(client);
    return NULL;
}

void http_client_stop(struct http_client *client)
{
    if (!client)
        return;
    pthread_mutex_lock(&client->lock);
    client->stopping = true;
    curl_multi_wakeup(client->multi);
    pthread_mutex_unlock(&client->lock);
    pthread_join(client->thread, NULL);
    client_free(client);
}

enum failure http_client_reload(struct http_client *client, struct error *e)
{
    struct error unwanted;
    e = e ? e : &unwanted;
    struct identity *fresh = identity_load(client->certificate_file, client->private_key_file,
                                           client->authority_file, e);
    if (!fresh)
        return error_kept(e, "Calls go on with the certificate that was loaded before.");
    pthread_mutex_lock(&client->lock);
    struct identity *old = client->identity;
    client->identity = fresh;
    pthread_mutex_unlock(&client->lock);
    identity_release(old);
    return OK;
}

enum failure http_client_call(struct http_client *client, const struct http_call *o,
                              struct error *e)
{
    assert(o->done && o->host && o->method && o->path && o->path[0] == '/');
    assert(o->deadline_ms > 0 && o->deadline_ms <= HTTP_CALL_DEADLINE_MS_MAX);
    struct call *c = call_new(o);
    enum failure f = OK;
    pthread_mutex_lock(&client->lock);
    if (client->stopping) {
        f = fail(e, FAIL_STOPPING, "The call to %s was not made: this process is stopping.",
                 c->where);
    } else if (client->open >= HTTP_CALLS_MAX) {
        f = fail(e, FAIL_BUSY, "The call to %s was not made: %d calls are under way already.",
                 c->where, HTTP_CALLS_MAX);
    } else {
        c->identity = identity_share(client->identity);
        *client->last = c;
        client->last = &c->next;
        client->open++;
        curl_multi_wakeup(client->multi);
    }
    pthread_mutex_unlock(&client->lock);
    if (f != OK)
        call_free(c);
    return f;
}
