/* The server, over its Unix socket: whole requests, answers from anywhere, streams, ends. */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/memory.h"
#include "http/listener.h"
#include "http_scene.h"

static int set_up(void **state)
{
    struct scene *s = *state = xcalloc(1, sizeof *s);
    scene_begin(s);
    scene_serve_socket(s);
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

#define GET(path) "GET " path " HTTP/1.1\r\nHost: x\r\n\r\n"

static void a_request_is_handed_over_whole(void **state)
{
    int fd = raw_connect(*state);
    raw_send(fd, "POST /a%20b%2fc?word=d%26e&more HTTP/1.1\r\nHost: x\r\nX-Word: f\r\n"
                 "Content-Length: 5\r\n\r\nhe");
    raw_send(fd, "llo");
    const char *answer = raw_read_until(fd, "hello");
    assert_non_null(strstr(answer, "HTTP/1.1 200"));
    assert_non_null(strstr(answer, "X-One: 1\r\n"));
    assert_non_null(strstr(answer, "X-Two: 2\r\n"));
    assert_non_null(strstr(answer, "POST /a b/c d&e f hello"));
    close(fd);
}

static void an_encoded_nul_does_not_shorten_a_path(void **state)
{
    int fd = raw_connect(*state);
    raw_send(fd, GET("/secret%00.txt"));
    assert_string_not_equal(raw_read_until(fd, "GET /secret%00.txt"), "");
    close(fd);
}

static void a_connection_is_used_again(void **state)
{
    int fd = raw_connect(*state);
    for (int i = 0; i < 100; i++) {
        raw_send(fd, GET("/x"));
        assert_string_not_equal(raw_read_until(fd, "GET /x - - "), "");
    }
    close(fd);
}

static void send_head(int fd, size_t size)
{
    char head[128];
    snprintf(head, sizeof head, "POST /p HTTP/1.1\r\nHost: x\r\nContent-Length: %zu\r\n\r\n", size);
    raw_send(fd, head);
}

static void send_text(int fd, size_t size)
{
    char *body = xcalloc(1, size + 1);
    memset(body, 'x', size);
    raw_send(fd, body);
    free_memory(body);
}

static void send_body(int fd, size_t size)
{
    send_head(fd, size);
    send_text(fd, size);
}

static void a_body_up_to_the_limit_is_taken_and_one_more_byte_is_413(void **state)
{
    int fd = raw_connect(*state);
    send_body(fd, SCENE_BODY_MAX);
    assert_string_not_equal(raw_read_until(fd, "POST /p - - xxx"), "");
    close(fd);
    fd = raw_connect(*state);
    send_body(fd, SCENE_BODY_MAX + 1);
    const char *answer = raw_read_until(fd, "\"next\":\"\"}");
    assert_non_null(strstr(answer, "HTTP/1.1 413"));
    assert_non_null(strstr(answer, "longer than the 100000 bytes"));
    raw_send(fd, GET("/x")); /* and the connection is as good as before */
    assert_string_not_equal(raw_read_until(fd, "GET /x - - "), "");
    close(fd);
}

static void a_body_of_unknown_length_is_413_when_it_gets_too_long(void **state)
{
    char chunk[1100] = "400\r\n";
    memset(chunk + 5, 'y', 1024);
    strcpy(chunk + 5 + 1024, "\r\n");
    int fd = raw_connect(*state);
    raw_send(fd, "POST /p HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n");
    for (int i = 0; i < 200; i++)
        raw_send(fd, chunk);
    raw_send(fd, "0\r\n\r\n");
    assert_non_null(strstr(raw_read_until(fd, "\"next\":\"\"}"), "HTTP/1.1 413"));
    raw_send(fd, GET("/x"));
    assert_string_not_equal(raw_read_until(fd, "GET /x - - "), "");
    close(fd);
}

static void a_client_that_asks_first_is_told_413_before_it_sends(void **state)
{
    int fd = raw_connect(*state);
    raw_send(fd, "POST /p HTTP/1.1\r\nHost: x\r\nContent-Length: 200000\r\n"
                 "Expect: 100-continue\r\n\r\n");
    assert_non_null(strstr(raw_read_to_end(fd), "HTTP/1.1 413"));
    close(fd);
}

static void a_body_not_worth_swallowing_is_413_at_once(void **state)
{
    int fd = raw_connect(*state);
    raw_send(fd, "POST /p HTTP/1.1\r\nHost: x\r\nContent-Length: 99000000000\r\n\r\n");
    assert_non_null(strstr(raw_read_to_end(fd), "HTTP/1.1 413"));
    close(fd);
}

/* What a request with so long a body is answered with. */
static int status_of(struct scene *scene, size_t size)
{
    char head[128];
    int fd = raw_connect(scene), status = 0;
    snprintf(head, sizeof head,
             "POST /p HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: %zu\r\n\r\n",
             size);
    raw_send(fd, head);
    send_text(fd, size);
    sscanf(raw_read_to_end(fd), "HTTP/1.1 %d", &status);
    close(fd);
    return status;
}

enum { SLOW = 3, SLOW_SIZE = SCENE_ARRIVING_MAX / SLOW, FILL_TRIES_MAX = 100 };

/* Bodies that stop in front of their last byte, and leave no room for another one. While they are
 * read, one that is sent may take what they would need: then it is begun anew. */
static void fill_room(struct scene *scene, int slow[SLOW])
{
    enum { LOOKS = 1000 };
    for (int i = 0; i < FILL_TRIES_MAX; i++) {
        for (int k = 0; k < SLOW; k++) {
            slow[k] = raw_connect(scene);
            send_head(slow[k], SLOW_SIZE + 1);
            send_text(slow[k], SLOW_SIZE);
        }
        for (int look = 0; look < LOOKS; look++) {
            if (status_of(scene, SLOW_SIZE) == 503)
                return;
        }
        for (int k = 0; k < SLOW; k++)
            close(slow[k]);
    }
    fail_msg("there is always room");
}

static void bodies_that_arrive_have_so_much_room_together(void **state)
{
    int slow[SLOW];
    fill_room(*state, slow);
    raw_send(slow[0], "x");
    assert_string_not_equal(raw_read_until(slow[0], "HTTP/1.1 200"), "");
    for (int k = 0; k < SLOW; k++)
        close(slow[k]);
    fill_room(*state, slow);
    assert_int_equal(status_of(*state, HTTP_SMALL_BODY_BYTES), 200);
    close(slow[1]);
    while (status_of(*state, SLOW_SIZE) != 200) /* until it is noticed that nobody waits there */
        ;
    close(slow[0]);
    close(slow[2]);
}

/* Each is followed by a request that somebody in between may have taken for its body. */
static void a_head_with_two_meanings_is_refused_and_the_connection_closed(void **state)
{
    static const struct {
        const char *head, *status;
    } cases[] = {
        {"POST /p HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nContent-Length: 4\r\n", "400"},
        {"POST /p HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n",
         "400"},
        {"POST /p HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n", "501"},
        {"POST /p HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n", "501"},
        {"POST /upload HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n", "501"},
        {"POST /p HTTP/1.1\r\nHost: x\r\nContent-Length : 2\r\n", "400"},
        {"GET /x HTTP/1.1\r\n", "400"},
        {"PUT /upload HTTP/1.1\r\nHost: x\r\nContent-Range: bytes 1-2/3\r\nContent-Length: 2\r\n",
         "400"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        int fd = raw_connect(*state);
        raw_send(fd, cases[i].head);
        raw_send(fd, "\r\n");
        const char *answer = raw_read_to_end(fd);
        if (strncmp(answer, "HTTP/1.1 ", 9) != 0 || strncmp(answer + 9, cases[i].status, 3) != 0 ||
            !strstr(answer, "Connection: close") || strstr(answer, "\nHTTP/1.1 "))
            fail_msg("%zu: %s", i, answer);
        close(fd);
    }
}

static void a_head_that_is_too_long_is_431(void **state)
{
    char *word = xcalloc(1, HTTP_HEAD_BYTES_MAX + 1);
    memset(word, 'z', HTTP_HEAD_BYTES_MAX);
    int fd = raw_connect(*state);
    raw_send(fd, "GET /x HTTP/1.1\r\nHost: x\r\nX-Word: ");
    raw_send(fd, word);
    raw_send(fd, "\r\n\r\n");
    const char *answer = raw_read_to_end(fd);
    assert_true(strstr(answer, "HTTP/1.1 431") || !*answer); /* or reset while we still sent */
    close(fd);
    free_memory(word);
}

static void an_answer_may_come_before_the_handler_returns(void **state)
{
    int fd = raw_connect(*state);
    raw_send(fd, GET("/before"));
    assert_string_not_equal(raw_read_until(fd, "done"), "");
    close(fd);
}

/* The server has one thread for its socket: when it answers another request, the handler of the
 * first has returned and its connection sleeps. */
static void wait_until_it_sleeps(struct scene *s)
{
    int fd = raw_connect(s);
    raw_send(fd, GET("/x"));
    assert_string_not_equal(raw_read_until(fd, "GET /x"), "");
    close(fd);
}

static void an_answer_may_come_long_after(void **state)
{
    struct scene *s = *state;
    int fd = raw_connect(s);
    raw_send(fd, GET("/hold"));
    struct http_request *r = scene_take_held(s);
    wait_until_it_sleeps(s);
    http_answer(r, 200, NULL, bytes_of_text("at last"), NULL);
    assert_string_not_equal(raw_read_until(fd, "at last"), "");
    raw_send(fd, GET("/x"));
    assert_string_not_equal(raw_read_until(fd, "GET /x"), "");
    close(fd);
}

static void an_answer_may_come_just_when_the_connection_falls_asleep(void **state)
{
    int fd = raw_connect(*state);
    for (int i = 0; i < 2000; i++) {
        raw_send(fd, GET("/soon"));
        assert_string_not_equal(raw_read_until(fd, "done"), "");
    }
    close(fd);
}

static void a_thousand_requests_can_be_open_at_once(void **state)
{
    enum { MANY = 1000 };
    struct scene *s = *state;
    int fds[MANY];
    for (int i = 0; i < MANY; i++) {
        fds[i] = raw_connect(s);
        raw_send(fds[i], GET("/hold"));
    }
    scene_wait_held(s, MANY);
    for (int i = 0; i < MANY; i++)
        http_answer(scene_take_held(s), 200, NULL, bytes_of_text("done"), NULL);
    for (int i = 0; i < MANY; i++) {
        assert_string_not_equal(raw_read_until(fds[i], "done"), "");
        close(fds[i]);
    }
}

static void a_stream_is_sent_piece_by_piece(void **state)
{
    struct scene *s = *state;
    int fd = raw_connect(s);
    raw_send(fd, GET("/hold"));
    struct http_request *r = scene_take_held(s);
    http_stream_begin(r, 200, "application/jsonl");
    assert_non_null(strstr(raw_read_until(fd, "\r\n\r\n"), "application/jsonl"));
    for (int i = 0; i < 50; i++) {
        char line[32];
        int n = snprintf(line, sizeof line, "line %d\n", i);
        assert_true(http_stream_write(r, bytes_of(line, (size_t)n)));
        assert_string_not_equal(raw_read_until(fd, line), ""); /* before the next one is written */
    }
    http_stream_end(r);
    assert_string_not_equal(raw_read_until(fd, "\r\n0\r\n\r\n"), "");
    raw_send(fd, GET("/x"));
    assert_string_not_equal(raw_read_until(fd, "GET /x"), "");
    close(fd);
}

static void a_stream_that_ends_at_once_is_whole(void **state)
{
    struct scene *s = *state;
    int fd = raw_connect(s);
    for (int i = 0; i < 300; i++) {
        raw_send(fd, GET("/hold"));
        struct http_request *r = scene_take_held(s);
        http_stream_begin(r, 200, NULL);
        assert_true(http_stream_write(r, bytes_of_text("one\n")));
        http_stream_end(r);
        assert_non_null(strstr(raw_read_until(fd, "\r\n0\r\n\r\n"), "one\n"));
    }
    close(fd);
}

static char part[64 << 10]; /* of zeros */

static void a_reader_that_does_not_read_is_cut(void **state)
{
    struct scene *s = *state;
    int fd = raw_connect(s);
    raw_send(fd, GET("/hold"));
    struct http_request *r = scene_take_held(s);
    http_stream_begin(r, 200, NULL);
    size_t written = 0;
    while (http_stream_write(r, bytes_of(part, sizeof part))) {
        written += sizeof part;
        assert_true(written < 4 * (size_t)HTTP_STREAM_BYTES_MAX);
    }
    assert_true(written >= HTTP_STREAM_BYTES_MAX);
    assert_false(http_stream_write(r, bytes_of_text("more")));
    assert_false(http_stream_drain(r, 1));
    http_stream_end(r);
    while (recv(fd, part, sizeof part, 0) > 0) { /* what was on its way; then the end */
    }
    memset(part, 0, sizeof part);
    close(fd);
}

static void *read_all(void *fd)
{
    size_t size = 0;
    ssize_t n;
    char *room = xmalloc(sizeof part);
    while ((n = recv(*(int *)fd, room, sizeof part, 0)) > 0) {
        size += (size_t)n;
        if (n >= 5 && memcmp(room + n - 5, "0\r\n\r\n", 5) == 0)
            break;
    }
    free_memory(room);
    return (void *)size;
}

static void a_writer_that_waits_can_stream_any_amount(void **state)
{
    enum { PARTS = 400 }; /* six times what may be in the backlog */
    struct scene *s = *state;
    int fd = raw_connect(s);
    raw_send(fd, GET("/hold"));
    struct http_request *r = scene_take_held(s);
    http_stream_begin(r, 200, NULL);
    pthread_t reader;
    void *size;
    assert_int_equal(pthread_create(&reader, NULL, read_all, &fd), 0);
    for (int i = 0; i < PARTS; i++) {
        assert_true(http_stream_drain(r, PATIENCE_S * 1000));
        assert_true(http_stream_write(r, bytes_of(part, sizeof part)));
    }
    http_stream_end(r);
    pthread_join(reader, &size);
    assert_true((size_t)size > PARTS * sizeof part);
    close(fd);
}

static void answering_a_client_that_went_away_does_nothing(void **state)
{
    struct scene *s = *state;
    int fd = raw_connect(s);
    raw_send(fd, GET("/hold"));
    struct http_request *r = scene_take_held(s);
    close(fd);
    assert_string_equal(http_request_path(r), "/hold");
    http_answer(r, 200, NULL, bytes_of_text("hello?"), NULL);
    wait_until_it_sleeps(s);
}

static void a_request_knows_whether_its_client_still_waits(void **state)
{
    struct scene *s = *state;
    int fd = raw_connect(s);
    raw_send(fd, GET("/hold"));
    struct http_request *r = scene_take_held(s);
    assert_true(http_request_is_awaited(r));
    assert_int_equal(shutdown(fd, SHUT_WR), 0); /* all is said, and the answer waited for */
    assert_true(http_request_is_awaited(r));
    close(fd);
    assert_false(http_request_is_awaited(r));
    http_answer(r, 200, NULL, bytes_of_text("hello?"), NULL);
    wait_until_it_sleeps(s);
}

static void a_stream_says_that_its_reader_went_away(void **state)
{
    struct scene *s = *state;
    int fd = raw_connect(s);
    raw_send(fd, GET("/hold"));
    struct http_request *r = scene_take_held(s);
    http_stream_begin(r, 200, NULL);
    assert_string_not_equal(raw_read_until(fd, "\r\n\r\n"), "");
    close(fd);
    while (http_stream_write(r, bytes_of_text("x"))) /* until the server has noticed */
        usleep(1000);
    http_stream_end(r);
}

static void a_stop_answers_503_and_later_answers_do_nothing(void **state)
{
    struct scene *s = *state;
    int fd = raw_connect(s);
    raw_send(fd, "POST /hold HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc");
    struct http_request *r = scene_take_held(s);
    stop_server(s);
    const char *answer = raw_read_to_end(fd);
    assert_non_null(strstr(answer, "HTTP/1.1 503"));
    assert_non_null(strstr(answer, "Retry-After: 1"));
    assert_non_null(strstr(answer, "Cache-Control: no-store")); /* it holds for now */
    assert_non_null(strstr(answer, "\"error\":\"stopping\""));
    assert_true(bytes_equal(http_request_body(r), bytes_of_text("abc")));
    assert_int_equal(http_request_peer(r)->pid, getpid());
    http_answer(r, 200, NULL, bytes_of_text("too late"), NULL);
    close(fd);
}

static void a_stop_breaks_streams_off_behind_what_was_written(void **state)
{
    struct scene *s = *state;
    int asleep = raw_connect(s), begun_late = raw_connect(s);
    raw_send(asleep, GET("/hold"));
    struct http_request *a = scene_take_held(s);
    raw_send(begun_late, GET("/hold"));
    struct http_request *b = scene_take_held(s);
    http_stream_begin(a, 200, NULL);
    http_stream_write(a, bytes_of_text("a line\n"));
    stop_server(s);
    const char *answer = raw_read_to_end(asleep);
    assert_non_null(strstr(answer, "a line\n"));
    assert_null(strstr(answer, "\r\n0\r\n")); /* the reader sees that it isn't whole */
    assert_false(http_stream_write(a, bytes_of_text("another\n")));
    http_stream_end(a);
    assert_non_null(strstr(raw_read_to_end(begun_late), "HTTP/1.1 503"));
    http_stream_begin(b, 200, NULL);
    assert_false(http_stream_write(b, bytes_of_text("never seen\n")));
    assert_false(http_stream_drain(b, 1000));
    http_stream_end(b);
    close(asleep);
    close(begun_late);
}

static void a_stop_does_not_wait_for_readers_that_do_not_read(void **state)
{
    struct scene *s = *state;
    int fd = raw_connect(s);
    raw_send(fd, GET("/hold"));
    struct http_request *r = scene_take_held(s);
    http_stream_begin(r, 200, NULL);
    for (int i = 0; i < 40; i++)
        http_stream_write(r, bytes_of(part, sizeof part));
    stop_server(s);
    http_stream_end(r);
    close(fd);
}

static void *answer_all(void *scene)
{
    for (int i = 0; i < 200; i++)
        http_answer(scene_take_held(scene), 200, NULL, bytes_of_text("done"), NULL);
    return NULL;
}

static void a_stop_may_meet_answers_on_their_way(void **state)
{
    struct scene *s = *state;
    int fds[200];
    for (int i = 0; i < 200; i++) {
        fds[i] = raw_connect(s);
        raw_send(fds[i], GET("/hold"));
    }
    scene_wait_held(s, 200);
    pthread_t answering;
    assert_int_equal(pthread_create(&answering, NULL, answer_all, s), 0);
    stop_server(s);
    pthread_join(answering, NULL);
    for (int i = 0; i < 200; i++) {
        assert_non_null(strstr(raw_read_until(fds[i], "\r\n\r\n"), "HTTP/1.1 "));
        close(fds[i]);
    }
}

static void an_error_travels_with_all_its_sentences(void **state)
{
    int fd = raw_connect(*state);
    raw_send(fd, GET("/fail"));
    const char *answer = raw_read_until(fd, "}");
    assert_non_null(strstr(answer, "HTTP/1.1 503"));
    assert_non_null(strstr(answer, "Retry-After: 1"));
    struct error e = {0};
    assert_int_equal(http_error_from_answer(503, bytes_of_text(strchr(answer, '{')), &e),
                     FAIL_BUSY);
    assert_string_equal(e.what, "Everything is taken.");
    assert_string_equal(e.kept, "Nothing was changed.");
    assert_string_equal(e.next,
                        "Try again, M??ller?."); /* not UTF-8, and it travels all the same */
    close(fd);
}

static void every_failure_has_a_status_and_comes_back_as_itself(void **state)
{
    (void)state;
    for (int kind = OK + 1; kind < FAILURES; kind++) {
        struct error e, back = {0};
        fail(&e, (enum failure)kind, "What M\xc3\xbcller did.");
        char *text = http_error_to_json(&e);
        assert_true(http_status_of(e.kind) >= 400);
        assert_int_equal(http_error_from_answer(500, bytes_of_text(text), &back), kind);
        assert_string_equal(back.what, e.what);
        free_memory(text);
    }
    struct error e;
    assert_int_equal(http_error_from_answer(502, bytes_of_text("<h1>Bad</h1>"), &e),
                     FAIL_UNREACHABLE);
    assert_non_null(strstr(e.what, "502"));
    assert_int_equal(http_error_from_answer(418, BYTES_NONE, &e), FAIL_IO);
}

static void the_kernel_says_who_calls(void **state)
{
    char expected[64];
    snprintf(expected, sizeof expected, "local %u %u %d", getuid(), getgid(), getpid());
    int fd = raw_connect(*state);
    raw_send(fd, GET("/who"));
    assert_string_not_equal(raw_read_until(fd, expected), "");
    close(fd);
}

static void the_socket_has_its_mode_and_goes_away_with_the_server(void **state)
{
    struct scene *s = *state;
    struct stat st;
    assert_int_equal(stat(s->socket, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    stop_server(s);
    assert_int_equal(stat(s->socket, &st), -1);
}

static void a_live_socket_is_an_error_and_stays(void **state)
{
    struct scene *s = *state;
    struct error e;
    assert_int_equal(listener_unix(s->socket, 0600, (gid_t)-1, &e), -1);
    assert_int_equal(e.kind, FAIL_REFUSED);
    assert_non_null(strstr(e.what, "Another process already listens"));
    wait_until_it_sleeps(s);
}

static void a_stale_socket_is_replaced(void **state)
{
    struct scene *s = *state;
    stop_server(s);
    struct error e;
    int fd = listener_unix(s->socket, 0600, getgid(), &e);
    assert_true(fd >= 0);
    close(fd); /* as after a kill: the name is still there and nobody listens */
    scene_serve_socket(s);
    wait_until_it_sleeps(s);
}

static void a_file_in_the_place_of_the_socket_is_left_alone(void **state)
{
    struct scene *s = *state;
    struct error e;
    const char *path = scene_file(s, "precious");
    close(open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
    assert_int_equal(listener_unix(path, 0600, (gid_t)-1, &e), -1);
    assert_int_equal(e.kind, FAIL_FOREIGN);
    assert_int_equal(access(path, F_OK), 0);
}

#define SCENE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCENE(a_request_is_handed_over_whole),
        SCENE(an_encoded_nul_does_not_shorten_a_path),
        SCENE(a_connection_is_used_again),
        SCENE(a_body_up_to_the_limit_is_taken_and_one_more_byte_is_413),
        SCENE(a_body_of_unknown_length_is_413_when_it_gets_too_long),
        SCENE(a_client_that_asks_first_is_told_413_before_it_sends),
        SCENE(a_body_not_worth_swallowing_is_413_at_once),
        SCENE(bodies_that_arrive_have_so_much_room_together),
        SCENE(a_head_with_two_meanings_is_refused_and_the_connection_closed),
        SCENE(a_head_that_is_too_long_is_431),
        SCENE(an_answer_may_come_before_the_handler_returns),
        SCENE(an_answer_may_come_long_after),
        SCENE(an_answer_may_come_just_when_the_connection_falls_asleep),
        SCENE(a_thousand_requests_can_be_open_at_once),
        SCENE(a_stream_is_sent_piece_by_piece),
        SCENE(a_stream_that_ends_at_once_is_whole),
        SCENE(a_reader_that_does_not_read_is_cut),
        SCENE(a_writer_that_waits_can_stream_any_amount),
        SCENE(answering_a_client_that_went_away_does_nothing),
        SCENE(a_request_knows_whether_its_client_still_waits),
        SCENE(a_stream_says_that_its_reader_went_away),
        SCENE(a_stop_answers_503_and_later_answers_do_nothing),
        SCENE(a_stop_breaks_streams_off_behind_what_was_written),
        SCENE(a_stop_does_not_wait_for_readers_that_do_not_read),
        SCENE(a_stop_may_meet_answers_on_their_way),
        SCENE(an_error_travels_with_all_its_sentences),
        cmocka_unit_test(every_failure_has_a_status_and_comes_back_as_itself),
        SCENE(the_kernel_says_who_calls),
        SCENE(the_socket_has_its_mode_and_goes_away_with_the_server),
        SCENE(a_live_socket_is_an_error_and_stays),
        SCENE(a_stale_socket_is_replaced),
        SCENE(a_file_in_the_place_of_the_socket_is_left_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
