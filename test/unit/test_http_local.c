/* Asking the daemon of this machine: lines as they come, and what it says when nobody is there. */
#include "unit.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/memory.h"
#include "http/listener.h"
#include "http/local.h"
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

static void go_on(void *context, struct bytes line)
{
    struct conversation *c = context;
    assert_int_equal(*c->status, 200);
    snprintf(c->last, sizeof c->last, "%.*s", (int)line.size, (const char *)line.at);
    c->lines++;
    if (c->lines < 20) {
        http_stream_write(c->request, bytes_of_text("half a "));
        http_stream_write(c->request, bytes_of_text("line\n"));
    } else if (c->lines == 20) {
        http_stream_write(c->request, bytes_of_text("two\nat once"));
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
    assert_int_equal(
        http_local_ask(s->socket, "POST", "/hold", bytes_of_text("{}"), 0, go_on, &c, &status, &e),
        OK);
    pthread_join(other, NULL);
    assert_int_equal(c.lines, 22);
    assert_string_equal(c.last, "at once"); /* without an end of its own */
}

static void keep(void *context, struct bytes line)
{
    snprintf(context, 256, "%.*s", (int)line.size, (const char *)line.at);
}

static void a_refusal_is_an_answer_too(void **state)
{
    struct scene *s = *state;
    scene_serve_socket(s);
    char line[256] = "";
    unsigned status;
    struct error e;
    assert_int_equal(
        http_local_ask(s->socket, "GET", "/fail", BYTES_NONE, 0, keep, line, &status, &e), OK);
    assert_int_equal(status, 503);
    assert_int_equal(http_error_from_answer(status, bytes_of_text(line), &e), FAIL_BUSY);
}

static enum failure ask(const struct scene *s, uint32_t deadline_ms, struct error *e)
{
    char line[256];
    unsigned status;
    return http_local_ask(s->socket, "GET", "/hold", BYTES_NONE, deadline_ms, keep, line, &status,
                          e);
}

static void no_socket_means_that_the_daemon_is_not_running(void **state)
{
    struct error e;
    assert_int_equal(ask(*state, 0, &e), FAIL_UNREACHABLE);
    assert_non_null(strstr(e.what, "polluxd is not running here: there is no socket /tmp/"));
    assert_non_null(strstr(e.next, "polluxd --config FILE"));
}

static void a_stale_socket_means_that_it_left_it_behind(void **state)
{
    struct scene *s = *state;
    struct error e;
    close(listener_unix(s->socket, 0600, (gid_t)-1, &e));
    assert_int_equal(ask(s, 0, &e), FAIL_UNREACHABLE);
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
        _exit(ask(s, 0, &e) == FAIL_DENIED && strstr(e.what, "may not use the socket") ? 0 : 1);
    }
    int status = -1;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    close(fd);
}

static void a_deadline_is_kept(void **state)
{
    struct scene *s = *state;
    struct error e;
    scene_serve_socket(s);
    assert_int_equal(ask(s, 50, &e), FAIL_DEADLINE);
    assert_non_null(strstr(e.what, "within 50 ms"));
    http_answer(scene_take_held(s), 200, NULL, BYTES_NONE, NULL);
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
    unsigned status;
    struct error e;
    assert_int_equal(
        http_local_ask(s->socket, "GET", "/hold", BYTES_NONE, 0, keep, line, &status, &e), FAIL_IO);
    pthread_join(other, NULL);
    assert_non_null(strstr(e.what, "broke before its answer was complete"));
    assert_string_equal(line, "a line"); /* the half one was not passed on */
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
        SCENE(a_deadline_is_kept),
        SCENE(a_daemon_that_stops_in_the_middle_is_noticed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
