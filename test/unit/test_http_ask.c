/* Asking the daemon of this machine, and another machine: lines as they come, when to give up, and
 * what is said when nobody is there. */
#include "unit.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/memory.h"
#include "http/ask.h"
#include "http/listener.h"
#include "http_scene.h"

static int set_up(void **state)
{
    struct scene *s = *state = xcalloc(1, sizeof *s);
    scene_begin(s);
    return 0;
}

static int tear_down(void **state)
{
    scene_end(*state);
    free_memory(*state);
    return 0;
}

/* Each line is answered with the next one, so that it must have been passed on before. */
struct conversation {
    struct http_request *request;
    unsigned lines, *status;
    char last[64];
};

static void talk_back(void *context, struct bytes line)
{
    struct conversation *c = context;
    assert_int_equal(*c->status, 200);
    snprintf(c->last, sizeof c->last, "%.*s", (int)line.size, (const char *)line.at);
    c->lines++;
    if (c->lines < 20) {
        http_stream_write(c->request, bytes_of_text("half a "));
        http_stream_write(c->request, bytes_of_text("line\n"));
    } else if (c->lines == 20) {
        http_stream_write(c->request, bytes_of_text("\n\ntwo\n\nat once"));
        http_stream_end(c->request);
    }
}

static void *begin_stream(void *context)
{
    struct scene *s = context;
    struct http_request *r = scene_take_held(s);
    http_stream_begin(r, 200, NULL);
    return r;
}

static void *begin_talking(void *context)
{
    struct conversation *c = context;
    http_stream_write(c->request, bytes_of_text("first\n"));
    return NULL;
}

static void *hold_and_talk(void *pair)
{
    void **both = pair;
    struct conversation *c = both[1];
    c->request = begin_stream(both[0]);
    return begin_talking(c);
}

static void lines_are_passed_on_as_they_come(void **state)
{
    struct scene *s = *state;
    scene_serve_socket(s);
    unsigned status = 0;
    struct conversation c = {.status = &status};
    void *both[] = {s, &c};
    pthread_t other;
    assert_int_equal(pthread_create(&other, NULL, hold_and_talk, both), 0);
    struct error e = {0};
    const struct http_place here = {.socket_path = s->socket};
    const struct http_question q = {.method = "POST",
                                    .path = "/hold",
                                    .body = bytes_of_text("{}"),
                                    .each = talk_back,
                                    .context = &c};
    assert_int_equal(http_ask(&here, &q, &status, &e), OK);
    pthread_join(other, NULL);
    assert_int_equal(c.lines, 22);
    assert_string_equal(c.last, "at once"); /* without an end of its own */
}

static void keep(void *context, struct bytes line)
{
    snprintf(context, 256, "%.*s", (int)line.size, (const char *)line.at);
}

static enum failure ask_path(const struct http_place *place, const char *path, char line[256],
                             struct error *e)
{
    unsigned status;
    const struct http_question q = {.method = "GET", .path = path, .each = keep, .context = line};
    enum failure bad = http_ask(place, &q, &status, e);
    return bad || status == 200 ? bad : http_error_from_answer(status, bytes_of_text(line), e);
}

static void a_refusal_is_an_answer_too(void **state)
{
    struct scene *s = *state;
    scene_serve_socket(s);
    char line[256] = "";
    struct error e;
    const struct http_place here = {.socket_path = s->socket};
    assert_int_equal(ask_path(&here, "/fail", line, &e), FAIL_BUSY);
    assert_string_equal(e.what, "Everything is taken.");
}

static enum failure ask(const struct scene *s, struct error *e)
{
    char line[256];
    const struct http_place here = {.socket_path = s->socket};
    return ask_path(&here, "/hold", line, e);
}

static void no_socket_means_that_the_daemon_is_not_running(void **state)
{
    struct error e;
    assert_int_equal(ask(*state, &e), FAIL_UNREACHABLE);
    assert_non_null(strstr(e.what, "polluxd is not running here: there is no socket /tmp/"));
    assert_non_null(strstr(e.next, "polluxd --config FILE"));
}

static void a_stale_socket_means_that_it_left_it_behind(void **state)
{
    struct scene *s = *state;
    struct error e;
    close(listener_unix(s->socket, 0600, (gid_t)-1, &e));
    assert_int_equal(ask(s, &e), FAIL_UNREACHABLE);
    assert_non_null(strstr(e.what, "that it left behind"));
}

static void who_may_not_use_the_socket_is_told_so(void **state)
{
    struct scene *s = *state;
    struct error e = {0};
    int fd = listener_unix(s->socket, 0600, (gid_t)-1, &e);
    if (geteuid() != 0)
        chmod(s->socket, 0);
    else
        chmod(s->folder, 0755);
    pid_t child = fork();
    if (child == 0) { /* root may do everything; this one may not */
        if (geteuid() == 0 && (setgid(65534) || setuid(65534)))
            _exit(99);
        _exit(ask(s, &e) == FAIL_DENIED && strstr(e.what, "may not use the socket") ? 0 : 1);
    }
    int status = -1;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    close(fd);
}

/* --- when to give up --- */

/* What is asked for /hold of `place`, with `go_on` or until it is silent; the request is answered
 * too late. */
static enum failure ask_in_vain(struct scene *s, const struct http_place *place,
                                bool (*go_on)(void *context), struct error *e)
{
    unsigned status;
    const struct http_question q = {.method = "POST",
                                    .path = "/hold",
                                    .body = bytes_of_text("{}"),
                                    .silence_ms = go_on ? 0 : 1500,
                                    .each = keep,
                                    .go_on = go_on};
    enum failure bad = http_ask(place, &q, &status, e);
    http_answer(scene_take_held(s), 200, NULL, BYTES_NONE, NULL);
    return bad;
}

static void a_daemon_that_is_silent_is_given_up(void **state)
{
    struct scene *s = *state;
    struct error e;
    scene_serve_socket(s);
    const struct http_place here = {.socket_path = s->socket};
    assert_int_equal(ask_in_vain(s, &here, NULL, &e), FAIL_DEADLINE);
    assert_string_equal(e.what,
                        "polluxd does not answer: nothing was heard from it for 1.5 seconds.");
    assert_non_null(strstr(e.kept, "unknown"));
    assert_non_null(strstr(e.next, "stopped or overloaded"));
}

/* Longer than the silence that the asker bears, one empty line after the other. */
static void *think_aloud(void *scene)
{
    struct http_request *r = begin_stream(scene);
    for (int i = 0; i < 30; i++) {
        usleep(100 * 1000);
        http_stream_write(r, bytes_of_text("\n"));
    }
    http_stream_write(r, bytes_of_text("the end\n"));
    http_stream_end(r);
    return NULL;
}

static void empty_lines_keep_a_question_alive(void **state)
{
    struct scene *s = *state;
    scene_serve_socket(s);
    pthread_t other;
    assert_int_equal(pthread_create(&other, NULL, think_aloud, s), 0);
    char line[256] = "";
    unsigned status;
    struct error e = {0};
    const struct http_place here = {.socket_path = s->socket};
    const struct http_question q = {
        .method = "GET", .path = "/hold", .silence_ms = 2000, .each = keep, .context = line};
    assert_int_equal(http_ask(&here, &q, &status, &e), OK);
    pthread_join(other, NULL);
    assert_string_equal(line, "the end");
}

static volatile sig_atomic_t interrupted;

static void on_interrupt(int number)
{
    interrupted = number;
}

static bool not_interrupted(void *context)
{
    (void)context;
    return !interrupted;
}

static void *interrupt_when_held(void *scene)
{
    scene_wait_held(scene, 1);
    kill(getpid(), SIGINT);
    return NULL;
}

static void a_signal_ends_the_waiting(void **state)
{
    struct scene *s = *state;
    struct error e;
    struct sigaction before, action = {.sa_handler = on_interrupt};
    pthread_t other;
    scene_serve_socket(s);
    interrupted = 0;
    sigaction(SIGINT, &action, &before);
    assert_int_equal(pthread_create(&other, NULL, interrupt_when_held, s), 0);
    const struct http_place here = {.socket_path = s->socket};
    assert_int_equal(ask_in_vain(s, &here, not_interrupted, &e), FAIL_STOPPING);
    assert_non_null(strstr(e.kept, "unknown"));
    pthread_join(other, NULL);
    sigaction(SIGINT, &before, NULL);
}

static void *stop_in_the_middle(void *context)
{
    struct scene *s = context;
    struct http_request *r = begin_stream(s);
    http_stream_write(r, bytes_of_text("a line\nhalf"));
    http_server_stop(s->server);
    s->server = NULL;
    http_stream_end(r);
    return NULL;
}

static void a_daemon_that_stops_in_the_middle_is_noticed(void **state)
{
    struct scene *s = *state;
    scene_serve_socket(s);
    pthread_t other;
    assert_int_equal(pthread_create(&other, NULL, stop_in_the_middle, s), 0);
    char line[256] = "";
    struct error e;
    const struct http_place here = {.socket_path = s->socket};
    assert_int_equal(ask_path(&here, "/hold", line, &e), FAIL_IO);
    pthread_join(other, NULL);
    assert_non_null(strstr(e.what, "broke before its answer was complete"));
    assert_string_equal(line, "a line"); /* the half one was not passed on */
}

/* --- another machine --- */

enum { HOUR = 3600 };

static void make_certificates(const struct scene *s)
{
    const char *both = "serverAuth,clientAuth";
    struct authority ours = authority_new("our authority", scene_file(s, "ca.pem"));
    struct authority other = authority_new("another authority", scene_file(s, "other-ca.pem"));
    scene_certificate(s, &ours, "server", "DNS:server.test", both, -HOUR, HOUR);
    scene_certificate(s, &ours, "client", "DNS:client.test", both, -HOUR, HOUR);
    authority_free(&ours);
    authority_free(&other);
}

/* The scene's server, as the client of the scene sees it; the paths are lent by the scene. */
static struct http_place there(const struct scene *s, const char *authority)
{
    return (struct http_place){.host = "server.test",
                               .address = "127.0.0.1",
                               .port = http_server_port(s->server),
                               .certificate_file = scene_file(s, "client.pem"),
                               .private_key_file = scene_file(s, "client.key"),
                               .authority_file = scene_file(s, authority)};
}

static void another_machine_answers_over_https(void **state)
{
    struct scene *s = *state;
    make_certificates(s);
    scene_serve_tls(s, "server", 0);
    const struct http_place place = there(s, "ca.pem");
    char line[256] = "";
    struct error e = {0};
    assert_int_equal(ask_path(&place, "/who", line, &e), OK);
    assert_non_null(strstr(line, "good|127.0.0.1:"));
    assert_non_null(strstr(line, "client.test"));
}

static void a_machine_of_another_authority_is_not_asked(void **state)
{
    struct scene *s = *state;
    make_certificates(s);
    scene_serve_tls(s, "server", 0);
    const struct http_place place = there(s, "other-ca.pem");
    char line[256];
    struct error e;
    assert_int_equal(ask_path(&place, "/who", line, &e), FAIL_FOREIGN);
    assert_non_null(strstr(e.what, "not issued by our authority"));
    assert_string_equal(e.kept, "Nothing was sent.");
}

static void a_machine_of_another_name_is_not_asked(void **state)
{
    struct scene *s = *state;
    make_certificates(s);
    scene_serve_tls(s, "client", 0);
    const struct http_place place = there(s, "ca.pem");
    char line[256];
    struct error e;
    assert_int_equal(ask_path(&place, "/who", line, &e), FAIL_FOREIGN);
    assert_non_null(strstr(e.what, "is not for the name server.test"));
}

static void a_certificate_that_is_not_there_is_named(void **state)
{
    struct scene *s = *state;
    make_certificates(s);
    scene_serve_tls(s, "server", 0);
    struct http_place place = there(s, "ca.pem");
    place.certificate_file = scene_file(s, "nobody.pem");
    char line[256];
    struct error e;
    assert_int_equal(ask_path(&place, "/who", line, &e), FAIL_NOT_FOUND);
    assert_non_null(strstr(e.what, "nobody.pem can't be opened"));
}

static void a_machine_where_nobody_listens_is_told_from_one_that_is_silent(void **state)
{
    struct scene *s = *state;
    make_certificates(s);
    scene_serve_tls(s, "server", 0);
    const struct http_place place = there(s, "ca.pem");
    char line[256];
    struct error e;
    assert_int_equal(ask_in_vain(s, &place, NULL, &e), FAIL_DEADLINE);
    assert_non_null(strstr(e.what, "server.test (127.0.0.1:"));
    assert_non_null(strstr(e.what, "does not answer: nothing was heard from it for 1.5 seconds"));
    http_server_stop(s->server);
    s->server = NULL;
    assert_int_equal(ask_path(&place, "/hold", line, &e), FAIL_UNREACHABLE);
    assert_non_null(strstr(e.what, "Nothing listens at server.test (127.0.0.1:"));
}

/* Something accepts and says nothing: nothing was sent, and that is known. */
static void silence_before_the_handshake_is_no_connection(void **state)
{
    struct scene *s = *state;
    struct error e = {0};
    make_certificates(s);
    scene_serve_tls(s, "server", 0);
    struct http_place place = there(s, "ca.pem");
    int fd = listener_tcp("127.0.0.1", 0, &e);
    assert_true(fd >= 0);
    place.port = listener_tcp_port(fd);
    unsigned status;
    const struct http_question q = {
        .method = "GET", .path = "/who", .silence_ms = 200, .each = keep};
    assert_int_equal(http_ask(&place, &q, &status, &e), FAIL_UNREACHABLE);
    assert_non_null(strstr(e.what, "No connection to server.test"));
    assert_string_equal(e.kept, "Nothing was sent.");
    close(fd);
}

#define SCENE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCENE(lines_are_passed_on_as_they_come),
        SCENE(a_refusal_is_an_answer_too),
        SCENE(no_socket_means_that_the_daemon_is_not_running),
        SCENE(a_stale_socket_means_that_it_left_it_behind),
        SCENE(who_may_not_use_the_socket_is_told_so),
        SCENE(a_daemon_that_is_silent_is_given_up),
        SCENE(empty_lines_keep_a_question_alive),
        SCENE(a_signal_ends_the_waiting),
        SCENE(a_daemon_that_stops_in_the_middle_is_noticed),
        SCENE(another_machine_answers_over_https),
        SCENE(a_machine_of_another_authority_is_not_asked),
        SCENE(a_machine_of_another_name_is_not_asked),
        SCENE(a_certificate_that_is_not_there_is_named),
        SCENE(a_machine_where_nobody_listens_is_told_from_one_that_is_silent),
        SCENE(silence_before_the_handshake_is_no_connection),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
