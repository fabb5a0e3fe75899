#include "http_scene.h"

#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/memory.h"

void scene_begin(struct scene *s)
{
    *s = (struct scene){0};
    struct rlimit files; /* a thousand connections have two thousand ends */
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    strcpy(s->folder, "/tmp/pollux-http-XXXXXX");
    assert_non_null(mkdtemp(s->folder));
    snprintf(s->socket, sizeof s->socket, "%s/socket", s->folder);
    pthread_mutex_init(&s->lock, NULL);
    pthread_cond_init(&s->changed, NULL);
}

const char *scene_file(const struct scene *s, const char *name)
{
    static char texts[8][128];
    static size_t at;
    char *text = texts[at++ % 8];
    snprintf(text, sizeof texts[0], "%s/%s", s->folder, name);
    return text;
}

void scene_certificate(const struct scene *s, const struct authority *a, const char *name,
                       const char *names, const char *purpose, long from, long until)
{
    char pem[32], key[32];
    snprintf(pem, sizeof pem, "%s.pem", name);
    snprintf(key, sizeof key, "%s.key", name);
    certificate_new(a, names, purpose, from, until, scene_file(s, pem), scene_file(s, key));
}

void scene_end(struct scene *s)
{
    http_server_stop(s->server);
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s", s->folder);
    assert_int_equal(system(command), 0);
    pthread_cond_destroy(&s->changed);
    pthread_mutex_destroy(&s->lock);
}

/* ---- the handler ---- */

static void echo(struct http_request *r)
{
    OWNED(buffer_free) struct buffer b = {0};
    const char *word = http_request_query(r, "word"), *header = http_request_header(r, "x-word");
    buffer_printf(&b, "%s %s %s %s ", http_request_method(r), http_request_path(r),
                  word ? word : "-", header ? header : "-");
    struct bytes body = http_request_body(r);
    buffer_raw(&b, body.at, body.size);
    http_answer(r, 200, "text/plain", buffer_view(&b), "X-One: 1\nX-Two: 2");
}

static void who(struct http_request *r)
{
    static const char *const words[] = {"none", "good", "expired", "foreign"};
    const struct http_peer *p = http_request_peer(r);
    OWNED(buffer_free) struct buffer b = {0};
    if (p->local)
        buffer_printf(&b, "local %u %u %d", p->uid, p->gid, p->pid);
    else
        buffer_printf(&b, "%s|%s|%s|", words[p->certificate], p->address, p->explanation);
    for (size_t i = 0; p->names[i]; i++)
        buffer_printf(&b, "%s ", p->names[i]);
    if (p->administrator)
        buffer_printf(&b, "administrator %s", p->administrator);
    http_answer(r, 200, NULL, buffer_view(&b), NULL);
}

static void *answer_done(void *request)
{
    http_answer(request, 200, NULL, bytes_of_text("done"), NULL);
    return NULL;
}

static void hold(struct scene *s, struct http_request *r)
{
    pthread_mutex_lock(&s->lock);
    assert_true(s->held_count < HELD_MAX);
    s->held[s->held_count++] = r;
    pthread_cond_broadcast(&s->changed);
    pthread_mutex_unlock(&s->lock);
}

static void fail_all_over(struct http_request *r)
{
    struct error e;
    fail(&e, FAIL_BUSY, "Everything is taken.");
    error_kept(&e, "Nothing was changed.");
    error_next(&e, "Try again, M\xc3\xbcller\xc3."); /* the last letter is cut in half */
    http_answer_error(r, &e);
}

static void large(struct http_request *r)
{
    size_t size = strtoul(http_request_query(r, "size"), NULL, 10);
    char *bytes = xcalloc(1, size);
    http_answer(r, 200, NULL, bytes_of(bytes, size), NULL);
    free_memory(bytes);
}

static void handle(struct http_request *r, void *context)
{
    const char *path = http_request_path(r);
    pthread_t other;
    if (strcmp(path, "/who") == 0) {
        who(r);
    } else if (strcmp(path, "/hold") == 0 || strcmp(path, "/upload") == 0) {
        hold(context, r);
    } else if (strcmp(path, "/fail") == 0) {
        fail_all_over(r);
    } else if (strcmp(path, "/large") == 0) {
        large(r);
    } else if (strcmp(path, "/before") == 0 || strcmp(path, "/soon") == 0) {
        bool first = path[1] == 'b'; /* the path is gone once the request is answered */
        assert_int_equal(pthread_create(&other, NULL, answer_done, r), 0);
        if (first)
            pthread_join(other, NULL);
        else
            pthread_detach(other);
    } else {
        echo(r);
    }
}

static bool is_upload(const struct http_request *r)
{
    return strcmp(http_request_path(r), "/upload") == 0;
}

void scene_serve_socket(struct scene *s)
{
    struct error e = {0};
    const struct http_server_options options = {.socket_path = s->socket,
                                                .streams = is_upload,
                                                .socket_mode = 0600,
                                                .socket_group = (gid_t)-1,
                                                .body_max = SCENE_BODY_MAX,
                                                .arriving_max = SCENE_ARRIVING_MAX,
                                                .handler = handle,
                                                .context = s};
    s->server = http_server_start(&options, &e);
    assert_string_equal(e.what, "");
    assert_non_null(s->server);
}

void scene_serve_tls(struct scene *s, const char *certificate, uint16_t port)
{
    struct error e = {0};
    char pem[32], key[32];
    snprintf(pem, sizeof pem, "%s.pem", certificate);
    snprintf(key, sizeof key, "%s.key", certificate);
    const struct http_server_options options = {.address = "127.0.0.1",
                                                .port = port,
                                                .certificate_file = scene_file(s, pem),
                                                .private_key_file = scene_file(s, key),
                                                .authority_file = scene_file(s, "ca.pem"),
                                                .body_max = SCENE_BODY_MAX,
                                                .stranger_body_max = SCENE_STRANGER_BODY_MAX,
                                                .handler = handle,
                                                .context = s};
    s->server = http_server_start(&options, &e);
    assert_string_equal(e.what, "");
    assert_non_null(s->server);
    assert_int_not_equal(http_server_port(s->server), 0);
}

/* ---- waiting ---- */

void scene_wait_held(struct scene *s, size_t count)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += PATIENCE_S;
    int waited = 0;
    pthread_mutex_lock(&s->lock);
    while (s->held_count < count && waited == 0)
        waited = pthread_cond_timedwait(&s->changed, &s->lock, &until);
    pthread_mutex_unlock(&s->lock);
    assert_int_equal(waited, 0);
}

struct http_request *scene_take_held(struct scene *s)
{
    scene_wait_held(s, 1);
    pthread_mutex_lock(&s->lock);
    struct http_request *r = s->held[0];
    s->held_count--;
    memmove(s->held, s->held + 1, s->held_count * sizeof(struct http_request *));
    pthread_mutex_unlock(&s->lock);
    return r;
}

/* ---- plain connections ---- */

int raw_connect(const struct scene *s)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    strcpy(at.sun_path, s->socket);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&at, sizeof at), 0);
    const struct timeval patience = {.tv_sec = PATIENCE_S};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    return fd;
}

void raw_send(int fd, const char *text)
{
    size_t size = strlen(text);
    while (size > 0) {
        ssize_t n = send(fd, text, size, MSG_NOSIGNAL);
        if (n <= 0)
            return; /* the test will see what came back */
        text += n;
        size -= (size_t)n;
    }
}

static char seen[1 << 20];

const char *raw_read_until(int fd, const char *text)
{
    size_t size = 0;
    seen[0] = '\0';
    while (!*text || !strstr(seen, text)) {
        assert_true(size + 1 < sizeof seen);
        ssize_t n = recv(fd, seen + size, *text ? 1 : sizeof seen - 1 - size, 0);
        if (n <= 0)
            return *text ? "" : seen;
        size += (size_t)n;
        seen[size] = '\0';
    }
    return seen;
}

const char *raw_read_to_end(int fd)
{
    return raw_read_until(fd, "");
}
