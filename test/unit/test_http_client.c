/* The client and the server over mutual TLS: who believes whom, what goes wrong and how it is told.
 */
#include "unit.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/memory.h"
#include "http/listener.h"
#include "http_scene.h"

enum { HOUR = 3600, LONG_MS = PATIENCE_S * 1000 };

/* ---- the scene with certificates ---- */

static int set_up(void **state)
{
    struct scene *s = *state = xcalloc(1, sizeof *s);
    scene_begin(s);
    struct authority ours = authority_new("our authority", scene_file(s, "ca.pem"));
    struct authority other = authority_new("another authority", scene_file(s, "other-ca.pem"));
    const char *both = "serverAuth,clientAuth";
    scene_certificate(s, &ours, "server", "DNS:server.test", both, -HOUR, HOUR);
    scene_certificate(s, &ours, "wrong-name", "DNS:elsewhere.test", both, -HOUR, HOUR);
    scene_certificate(s, &ours, "no-server", "DNS:server.test", "clientAuth", -HOUR, HOUR);
    scene_certificate(s, &ours, "client", "DNS:Pool-A.Test,DNS:fe1.pool-a.test", both, -HOUR, HOUR);
    scene_certificate(s, &ours, "person", "URI:pollux:administrator:ann.b", "clientAuth", -HOUR,
                      HOUR);
    scene_certificate(s, &ours, "expired", "DNS:server.test", both, -2 * HOUR, -HOUR);
    scene_certificate(s, &ours, "early", "DNS:server.test", both, HOUR, 2 * HOUR);
    scene_certificate(s, &ours, "no-client", "DNS:server.test", "serverAuth", -HOUR, HOUR);
    scene_certificate(s, &other, "foreign", "DNS:server.test", both, -HOUR, HOUR);
    authority_free(&ours);
    authority_free(&other);
    scene_serve_tls(s, "server", 0);
    return 0;
}

static int tear_down(void **state)
{
    scene_end(*state);
    free_memory(*state);
    return 0;
}

static void stop_server(struct scene *s)
{
    http_server_stop(s->server);
    s->server = NULL;
}

static struct http_client *client_with(const struct scene *s, const char *certificate)
{
    char pem[32], key[32];
    snprintf(pem, sizeof pem, "%s.pem", certificate);
    snprintf(key, sizeof key, "%s.key", certificate);
    struct error e = {0};
    const struct http_client_options options = {.certificate_file = scene_file(s, pem),
                                                .private_key_file = scene_file(s, key),
                                                .authority_file = scene_file(s, "ca.pem")};
    struct http_client *client = http_client_start(&options, &e);
    assert_string_equal(e.what, "");
    return client;
}

/* ---- calls, and waiting for them ---- */

struct reply {
    pthread_mutex_t lock;
    pthread_cond_t came;
    size_t count;
    struct error error; /* of the last one */
    unsigned status;
    char text[1024];
};
#define REPLY_NONE                                                                                 \
    ((struct reply){.lock = PTHREAD_MUTEX_INITIALIZER, .came = PTHREAD_COND_INITIALIZER})

static void take_reply(const struct http_result *result, void *context)
{
    struct reply *r = context;
    pthread_mutex_lock(&r->lock);
    r->error = result->error;
    r->status = result->status;
    snprintf(r->text, sizeof r->text, "%.*s", (int)result->body.size,
             result->body.size ? (const char *)result->body.at : "");
    r->count++;
    pthread_cond_broadcast(&r->came);
    pthread_mutex_unlock(&r->lock);
}

static void wait_replies(struct reply *r, size_t count)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += PATIENCE_S;
    int waited = 0;
    pthread_mutex_lock(&r->lock);
    while (r->count < count && waited == 0)
        waited = pthread_cond_timedwait(&r->came, &r->lock, &until);
    pthread_mutex_unlock(&r->lock);
    assert_int_equal(waited, 0);
}

static struct http_call call_to(uint16_t port, const char *path, struct reply *r)
{
    return (struct http_call){.host = "server.test",
                              .address = "127.0.0.1",
                              .port = port,
                              .method = "GET",
                              .path = path,
                              .deadline_ms = LONG_MS,
                              .answer_max = 1000,
                              .done = take_reply,
                              .context = r};
}

static struct reply ask_port(struct http_client *client, uint16_t port, const char *path)
{
    struct reply r = REPLY_NONE;
    struct http_call call = call_to(port, path, &r);
    assert_int_equal(http_client_call(client, &call, NULL), OK);
    wait_replies(&r, 1);
    return r;
}

static struct reply ask(struct scene *s, struct http_client *client, const char *path)
{
    return ask_port(client, http_server_port(s->server), path);
}

static struct reply ask_as(struct scene *s, const char *certificate, const char *path)
{
    struct http_client *client = client_with(s, certificate);
    struct reply r = ask(s, client, path);
    http_client_stop(client);
    return r;
}

#define assert_says(text, part)                                                                    \
    do {                                                                                           \
        if (!strstr(text, part))                                                                   \
            fail_msg("\"%s\" does not say \"%s\"", text, part);                                    \
    } while (0)

/* ---- what goes right ---- */

static void a_call_brings_the_answer(void **state)
{
    struct scene *s = *state;
    struct http_client *client = client_with(s, "client");
    struct reply r = REPLY_NONE;
    struct http_call call = call_to(http_server_port(s->server), "/a%20b?word=w", &r);
    call.method = "PUT";
    call.type = "text/plain";
    call.body = bytes_of_text("hello");
    assert_int_equal(http_client_call(client, &call, NULL), OK);
    wait_replies(&r, 1);
    assert_int_equal(r.error.kind, OK);
    assert_int_equal(r.status, 200);
    assert_string_equal(r.text, "PUT /a b w - hello");
    http_client_stop(client);
}

static void a_connection_is_used_again(void **state)
{
    struct scene *s = *state;
    struct http_client *client = client_with(s, "client");
    struct reply first = ask(s, client, "/who");
    for (int i = 0; i < 20; i++) {
        struct reply next = ask(s, client, "/who");
        assert_string_equal(next.text, first.text); /* the client's port is in it */
    }
    http_client_stop(client);
}

static void a_connection_that_the_server_closed_meanwhile_is_made_anew(void **state)
{
    struct scene *s = *state;
    struct http_client *client = client_with(s, "client");
    for (int i = 0; i < 5; i++) {
        struct reply r = ask(s, client, "/who");
        assert_string_equal(r.error.what, "");
        assert_int_equal(r.status, 200);
        uint16_t port = http_server_port(s->server);
        stop_server(s);
        scene_serve_tls(s, "server", port);
    }
    http_client_stop(client);
}

static void an_error_status_is_an_answer(void **state)
{
    struct reply r = ask_as(*state, "client", "/fail");
    assert_int_equal(r.error.kind, OK);
    assert_int_equal(r.status, 503);
    struct error e;
    assert_int_equal(http_error_from_answer(r.status, bytes_of_text(r.text), &e), FAIL_BUSY);
}

static void a_stream_arrives_whole(void **state)
{
    struct scene *s = *state;
    struct http_client *client = client_with(s, "client");
    struct reply r = REPLY_NONE;
    struct http_call call = call_to(http_server_port(s->server), "/hold", &r);
    assert_int_equal(http_client_call(client, &call, NULL), OK);
    struct http_request *request = scene_take_held(s);
    http_stream_begin(request, 200, NULL);
    assert_true(http_stream_write(request, bytes_of_text("one\n")));
    assert_true(http_stream_write(request, bytes_of_text("two\n")));
    http_stream_end(request);
    wait_replies(&r, 1);
    assert_string_equal(r.text, "one\ntwo\n");
    http_client_stop(client);
}

static void a_stream_broken_off_is_a_failure(void **state)
{
    struct scene *s = *state;
    struct http_client *client = client_with(s, "client");
    struct reply r = REPLY_NONE;
    struct http_call call = call_to(http_server_port(s->server), "/hold", &r);
    assert_int_equal(http_client_call(client, &call, NULL), OK);
    struct http_request *request = scene_take_held(s);
    http_stream_begin(request, 200, NULL);
    assert_true(http_stream_write(request, bytes_of_text("one\n")));
    stop_server(s);
    http_stream_end(request);
    wait_replies(&r, 1);
    assert_int_equal(r.error.kind, FAIL_IO);
    assert_says(r.error.what, "broke before the answer was complete");
    http_client_stop(client);
}

static void a_thousand_calls_can_be_open_at_once(void **state)
{
    enum { EACH = 500 };
    struct scene *s = *state;
    struct http_client *one = client_with(s, "client"), *two = client_with(s, "client");
    struct reply r = REPLY_NONE;
    struct http_call call = call_to(http_server_port(s->server), "/hold", &r);
    for (int i = 0; i < EACH; i++) {
        assert_int_equal(http_client_call(one, &call, NULL), OK);
        assert_int_equal(http_client_call(two, &call, NULL), OK);
    }
    scene_wait_held(s, 2 * EACH);
    for (int i = 0; i < 2 * EACH; i++)
        http_answer(scene_take_held(s), 200, NULL, bytes_of_text("done"), NULL);
    wait_replies(&r, 2 * EACH);
    assert_int_equal(r.error.kind, OK);
    http_client_stop(one);
    http_client_stop(two);
}

/* ---- whom the server believes ---- */

static void a_good_certificate_tells_its_names(void **state)
{
    struct reply r = ask_as(*state, "client", "/who");
    assert_string_equal(r.error.what, "");
    assert_says(r.text, "good|127.0.0.1:");
    assert_says(r.text, "||pool-a.test fe1.pool-a.test ");
}

static void a_person_is_told_from_a_machine(void **state)
{
    struct reply r = ask_as(*state, "person", "/who");
    assert_string_equal(r.error.what, "");
    assert_says(r.text, "good|127.0.0.1:");
    assert_says(r.text, "||administrator ann.b");
    r = ask_as(*state, "client", "/who");
    assert_null(strstr(r.text, "administrator"));
}

/* A name that is none, two of them, one that is also a machine's: no administrator. */
static void who_is_not_clearly_a_person_is_none(void **state)
{
    static const char *const names[] = {
        "DNS:server.test,URI:pollux:administrator:ann",
        "URI:pollux:administrator:ann,URI:pollux:administrator:bob",
        "URI:pollux:administrator:",
        "URI:pollux:administrator:-ann",
        "URI:pollux:administrator:0",
        "URI:pollux:administrator:ann/bob",
        "URI:pollux:administrator:a23456789012345678901234567890123",
        "URI:POLLUX:administrator:ann",
        "URI:https://example.test/pollux:administrator:ann",
        "email:pollux:administrator:ann",
    };
    struct scene *s = *state;
    struct authority a = authority_new("a new authority", scene_file(s, "ca.pem"));
    scene_certificate(s, &a, "server", "DNS:server.test", "serverAuth", -HOUR, HOUR);
    assert_int_equal(http_server_reload(s->server, NULL), OK);
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        scene_certificate(s, &a, "nobody", names[i], "clientAuth", -HOUR, HOUR);
        struct reply r = ask_as(s, "nobody", "/who");
        assert_says(r.text, "good|127.0.0.1:");
        assert_null(strstr(r.text, "|administrator "));
        assert_null(strstr(r.text, " administrator "));
    }
    authority_free(&a);
}

static void a_certificate_that_is_no_good_is_explained(void **state)
{
    static const struct {
        const char *certificate, *word, *sentence;
    } cases[] = {
        {"expired", "expired|", "The client's certificate for server.test expired on 20"},
        {"early", "expired|", "The client's certificate for server.test is not valid before 20"},
        {"foreign", "foreign|", "was issued by CN=another authority, which is not the authority"},
        {"no-client", "foreign|", "The client's certificate for server.test is not meant for"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct reply r = ask_as(*state, cases[i].certificate, "/who");
        assert_string_equal(r.error.what, "");
        assert_says(r.text, cases[i].word);
        assert_says(r.text, cases[i].sentence);
        assert_null(strstr(r.text, "|server.test")); /* the name is not believed */
    }
}

static void run_curl(struct scene *s, const char *options, char *output, size_t size)
{
    char command[1024];
    snprintf(command, sizeof command,
             "curl -sS --cacert %s/ca.pem --connect-to server.test::127.0.0.1: %s "
             "https://server.test:%u/who 2>&1",
             s->folder, options, http_server_port(s->server));
    FILE *f = popen(command, "r");
    size_t n = fread(output, 1, size - 1, f);
    output[n] = '\0';
    pclose(f);
}

static void no_certificate_is_told_too(void **state)
{
    char output[512];
    run_curl(*state, "", output, sizeof output);
    assert_says(output, "none|127.0.0.1:");
    assert_says(output, "The client showed no certificate.");
}

static void what_strangers_send_is_not_kept(void **state)
{
    struct scene *s = *state;
    char known[256], options[512], output[512], path[128];
    snprintf(known, sizeof known, "--cert %s/client.pem --key %s/client.key", s->folder, s->folder);
    snprintf(path, sizeof path, "%s/body", s->folder);
    const struct {
        int size;
        const char *who, *status;
    } cases[] = {
        {SCENE_STRANGER_BODY_MAX, "", "200"},
        {SCENE_STRANGER_BODY_MAX + 1, "", "413"},
        {SCENE_STRANGER_BODY_MAX + 1, known, "200"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        FILE *f = fopen(path, "w");
        fprintf(f, "%*d", cases[i].size, 0);
        fclose(f);
        snprintf(options, sizeof options, "-o /dev/null -w '%%{http_code}' -d @%s %s", path,
                 cases[i].who);
        run_curl(s, options, output, sizeof output);
        assert_string_equal(output, cases[i].status);
    }
}

static void nothing_older_than_tls_1_3_is_spoken(void **state)
{
    char output[512];
    run_curl(*state, "--tls-max 1.2", output, sizeof output);
    assert_null(strstr(output, "none|"));
    assert_says(output, "curl: (35)");
}

/* ---- whom the client believes ---- */

static void a_server_that_is_not_believed_is_explained(void **state)
{
    static const struct {
        const char *certificate, *sentence;
    } cases[] = {
        {"expired", "has expired"},
        {"early", "is not valid yet"},
        {"foreign", "was not issued by our authority"},
        {"wrong-name", "is not for the name server.test"},
        {"no-server", "is not meant for servers"},
    };
    struct scene *s = *state;
    struct http_client *client = client_with(s, "client");
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        stop_server(s);
        scene_serve_tls(s, cases[i].certificate, 0);
        struct reply r = ask(s, client, "/who");
        char where[64];
        snprintf(where, sizeof where, "server.test (127.0.0.1:%u)", http_server_port(s->server));
        assert_int_equal(r.error.kind, FAIL_FOREIGN);
        assert_says(r.error.what, cases[i].sentence);
        assert_says(r.error.what, where);
        assert_string_not_equal(r.error.next, "");
    }
    http_client_stop(client);
}

/* A server of another make, that insists on a certificate that it can believe. */
static pid_t start_openssl(const struct scene *s, uint16_t port)
{
    char accept[32];
    snprintf(accept, sizeof accept, "127.0.0.1:%u", port);
    const char *certificate = scene_file(s, "server.pem"), *key = scene_file(s, "server.key");
    const char *authority = scene_file(s, "ca.pem");
    pid_t child = fork();
    if (child == 0) {
        if (!freopen("/dev/null", "w", stderr))
            _exit(99);
        execlp("openssl", "openssl", "s_server", "-quiet", "-www", "-accept", accept, "-cert",
               certificate, "-key", key, "-CAfile", authority, "-Verify", "1",
               "-verify_return_error", NULL);
        _exit(99);
    }
    return child;
}

static void a_server_that_does_not_believe_us_is_explained(void **state)
{
    struct scene *s = *state;
    uint16_t port = http_server_port(s->server);
    stop_server(s);
    pid_t server = start_openssl(s, port);
    struct http_client *client = client_with(s, "foreign");
    struct reply r;
    do { /* until it listens, and until its alert outruns the reset of the connection */
        assert_int_equal(waitpid(server, NULL, WNOHANG), 0);
        r = ask_port(client, port, "/");
        if (r.error.kind == FAIL_IO)
            assert_says(r.error.next, "whether the server accepts this machine's certificate");
    } while (r.error.kind == FAIL_UNREACHABLE || r.error.kind == FAIL_IO);
    kill(server, SIGKILL);
    waitpid(server, NULL, 0);
    assert_int_equal(r.error.kind, FAIL_FOREIGN);
    assert_says(r.error.what, "does not accept our certificate");
    http_client_stop(client);
}

/* ---- what goes wrong on the way ---- */

static void a_port_where_nobody_listens_is_unreachable(void **state)
{
    struct scene *s = *state;
    uint16_t port = http_server_port(s->server);
    stop_server(s);
    struct http_client *client = client_with(s, "client");
    struct reply r = ask_port(client, port, "/");
    assert_int_equal(r.error.kind, FAIL_UNREACHABLE);
    assert_says(r.error.what, "the connection was refused");
    assert_says(r.error.kept, "Nothing was sent.");
    http_client_stop(client);
}

static void no_answer_before_the_deadline_is_told(void **state)
{
    struct scene *s = *state;
    struct http_client *client = client_with(s, "client");
    ask(s, client, "/who"); /* a connection is there */
    struct reply r = REPLY_NONE;
    struct http_call call = call_to(http_server_port(s->server), "/hold", &r);
    call.deadline_ms = 50;
    assert_int_equal(http_client_call(client, &call, NULL), OK);
    wait_replies(&r, 1);
    assert_int_equal(r.error.kind, FAIL_DEADLINE);
    assert_says(r.error.what, "did not answer within 50 ms");
    http_answer(scene_take_held(s), 200, NULL, BYTES_NONE, NULL);
    http_client_stop(client);
}

static void no_handshake_before_the_deadline_is_unreachable(void **state)
{
    struct scene *s = *state;
    struct error e;
    int mute = listener_tcp("127.0.0.1", 0, &e); /* the kernel accepts, nobody talks */
    struct http_client *client = client_with(s, "client");
    struct reply r = REPLY_NONE;
    struct http_call call = call_to(listener_tcp_port(mute), "/", &r);
    call.deadline_ms = 50;
    assert_int_equal(http_client_call(client, &call, NULL), OK);
    wait_replies(&r, 1);
    assert_int_equal(r.error.kind, FAIL_UNREACHABLE);
    assert_says(r.error.what, "No connection to server.test (127.0.0.1:");
    http_client_stop(client);
    close(mute);
}

static void an_answer_that_is_too_long_is_a_failure(void **state)
{
    struct reply r = ask_as(*state, "client", "/large?size=1001");
    assert_int_equal(r.error.kind, FAIL_IO);
    assert_says(r.error.what, "longer than the 1000 bytes allowed");
    r = ask_as(*state, "client", "/large?size=1000");
    assert_int_equal(r.error.kind, OK);
}

static void one_call_more_than_the_limit_is_busy_and_a_stop_ends_all(void **state)
{
    struct scene *s = *state;
    struct error e;
    struct http_client *client = client_with(s, "client");
    int mute = listener_tcp("127.0.0.1", 0, &e);
    struct reply r = REPLY_NONE;
    struct http_call call = call_to(listener_tcp_port(mute), "/", &r);
    for (int i = 0; i < HTTP_CALLS_MAX; i++)
        assert_int_equal(http_client_call(client, &call, &e), OK);
    assert_int_equal(http_client_call(client, &call, &e), FAIL_BUSY);
    http_client_stop(client);
    assert_int_equal(r.count, HTTP_CALLS_MAX);
    assert_int_equal(r.error.kind, FAIL_STOPPING);
    close(mute);
}

/* ---- other certificates while it runs ---- */

static void copy_file(const struct scene *s, const char *from, const char *to)
{
    char command[256];
    snprintf(command, sizeof command, "cp %s/%s %s/%s", s->folder, from, s->folder, to);
    assert_int_equal(system(command), 0);
}

static void a_server_shows_its_new_certificate_after_a_reload(void **state)
{
    struct scene *s = *state;
    struct http_client *old = client_with(s, "client");
    struct reply before = ask(s, old, "/who");
    copy_file(s, "wrong-name.pem", "server.pem");
    struct error e;
    assert_int_equal(http_server_reload(s->server, &e), FAIL_INVALID); /* not the key's */
    assert_says(e.what, "don't belong together");
    assert_says(e.kept, "go on with the certificate that was loaded before");
    assert_int_equal(ask_as(s, "client", "/who").status, 200);

    copy_file(s, "wrong-name.key", "server.key");
    assert_int_equal(http_server_reload(s->server, &e), OK);
    struct reply fresh = ask_as(s, "client", "/who");
    assert_says(fresh.error.what, "is not for the name server.test");
    struct reply after = ask(s, old, "/who"); /* an open connection goes on */
    assert_string_equal(after.text, before.text);
    http_client_stop(old);
}

static void a_server_believes_another_authority_after_a_reload(void **state)
{
    struct scene *s = *state;
    struct http_client *old = client_with(s, "client"), *other = client_with(s, "foreign");
    copy_file(s, "other-ca.pem", "ca.pem");
    assert_int_equal(http_server_reload(s->server, NULL), OK);
    assert_says(ask(s, old, "/who").text, "foreign|");
    assert_says(ask(s, other, "/who").text, "good|");
    http_client_stop(old);
    http_client_stop(other);
}

static void a_client_shows_its_new_certificate_after_a_reload(void **state)
{
    struct scene *s = *state;
    struct error e;
    struct http_client *client = client_with(s, "client");
    assert_says(ask(s, client, "/who").text, "pool-a.test");
    copy_file(s, "server.pem", "client.pem");
    assert_int_equal(http_client_reload(client, &e), FAIL_INVALID);
    assert_says(ask(s, client, "/who").text, "pool-a.test");
    copy_file(s, "server.key", "client.key");
    assert_int_equal(http_client_reload(client, &e), OK);
    assert_says(ask(s, client, "/who").text, "||server.test");
    http_client_stop(client);
}

static void reloading_under_load_disturbs_nobody(void **state)
{
    enum { CALLS = 300 };
    struct scene *s = *state;
    struct http_client *client = client_with(s, "client");
    struct reply r = REPLY_NONE;
    struct http_call call = call_to(http_server_port(s->server), "/soon", &r);
    for (size_t i = 0; i < CALLS; i++) {
        assert_int_equal(http_client_call(client, &call, NULL), OK);
        if (i % 20 == 0) {
            assert_int_equal(http_server_reload(s->server, NULL), OK);
            assert_int_equal(http_client_reload(client, NULL), OK);
            wait_replies(&r, i);
        }
    }
    wait_replies(&r, CALLS);
    assert_string_equal(r.error.what, "");
    assert_string_equal(r.text, "done");
    http_client_stop(client);
}

static void files_that_cannot_be_used_are_explained(void **state)
{
    struct scene *s = *state;
    struct error e;
    struct http_client_options options = {.certificate_file = scene_file(s, "missing.pem"),
                                          .private_key_file = scene_file(s, "client.key"),
                                          .authority_file = scene_file(s, "ca.pem")};
    assert_null(http_client_start(&options, &e));
    assert_says(e.what, "missing.pem can't be opened: No such file");
    options.certificate_file = scene_file(s, "client.pem");
    options.authority_file = scene_file(s, "client.key");
    assert_null(http_client_start(&options, &e));
    assert_says(e.what, "no usable certificate in the authority file");
}

#define SCENE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCENE(a_call_brings_the_answer),
        SCENE(a_connection_is_used_again),
        SCENE(a_connection_that_the_server_closed_meanwhile_is_made_anew),
        SCENE(an_error_status_is_an_answer),
        SCENE(a_stream_arrives_whole),
        SCENE(a_stream_broken_off_is_a_failure),
        SCENE(a_thousand_calls_can_be_open_at_once),
        SCENE(a_good_certificate_tells_its_names),
        SCENE(a_person_is_told_from_a_machine),
        SCENE(who_is_not_clearly_a_person_is_none),
        SCENE(a_certificate_that_is_no_good_is_explained),
        SCENE(no_certificate_is_told_too),
        SCENE(what_strangers_send_is_not_kept),
        SCENE(nothing_older_than_tls_1_3_is_spoken),
        SCENE(a_server_that_is_not_believed_is_explained),
        SCENE(a_server_that_does_not_believe_us_is_explained),
        SCENE(a_port_where_nobody_listens_is_unreachable),
        SCENE(no_answer_before_the_deadline_is_told),
        SCENE(no_handshake_before_the_deadline_is_unreachable),
        SCENE(an_answer_that_is_too_long_is_a_failure),
        SCENE(one_call_more_than_the_limit_is_busy_and_a_stop_ends_all),
        SCENE(a_server_shows_its_new_certificate_after_a_reload),
        SCENE(a_server_believes_another_authority_after_a_reload),
        SCENE(a_client_shows_its_new_certificate_after_a_reload),
        SCENE(reloading_under_load_disturbs_nobody),
        SCENE(files_that_cannot_be_used_are_explained),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
