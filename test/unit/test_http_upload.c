/* Bodies that are read while they arrive, and files as answers. */
#include "unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/memory.h"
#include "http_scene.h"

enum { PATIENCE_MS = PATIENCE_S * 1000, LARGE = 8 << 20 };

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

static int begin(struct scene *s, const char *more)
{
    int fd = raw_connect(s);
    OWNED(free_memory)
    char *head = xasprintf("PUT /upload HTTP/1.1\r\nHost: x\r\n%s\r\n", more);
    raw_send(fd, head);
    return fd;
}

static void answer(struct http_request *r, unsigned status, const char *text)
{
    http_answer(r, status, "text/plain", bytes_of_text(text), NULL);
}

/* All that comes, added up; how it ends. */
static enum http_body read_body(struct http_request *r, uint64_t *size, uint64_t *sum)
{
    unsigned char part[10000];
    size_t got;
    enum http_body state;
    *size = *sum = 0;
    while ((state = http_body_read(r, part, sizeof part, PATIENCE_MS, &got)) == HTTP_BODY_PART) {
        for (size_t i = 0; i < got; i++)
            *sum = *sum * 31 + part[i];
        *size += got;
    }
    return state;
}

struct sending {
    int fd;
    size_t size;
    uint64_t sum;
};

static void *send_much(void *context)
{
    struct sending *s = context;
    char part[4096];
    for (size_t done = 0; done < s->size; done += sizeof part) {
        for (size_t i = 0; i < sizeof part; i++) {
            part[i] = (char)(done / 4096 + i * 7);
            s->sum = s->sum * 31 + (unsigned char)part[i];
        }
        for (size_t sent = 0; sent < sizeof part;) {
            ssize_t n = send(s->fd, part + sent, sizeof part - sent, MSG_NOSIGNAL);
            if (n <= 0)
                return NULL;
            sent += (size_t)n;
        }
    }
    return NULL;
}

static void a_large_body_is_read_while_it_arrives(void **state)
{
    struct scene *s = *state;
    OWNED(free_memory) char *length = xasprintf("Content-Length: %d\r\n", LARGE);
    struct sending sending = {.fd = begin(s, length), .size = LARGE};
    struct http_request *r = scene_take_held(s); /* before any of it was sent */
    pthread_t thread;
    uint64_t size, sum;
    assert_true(http_request_streams(r));
    http_body_accept(r);
    assert_int_equal(pthread_create(&thread, NULL, send_much, &sending), 0);
    assert_int_equal(read_body(r, &size, &sum), HTTP_BODY_END);
    pthread_join(thread, NULL);
    assert_int_equal(size, LARGE);
    assert_true(sum == sending.sum);
    answer(r, 201, "done");
    assert_string_not_equal(raw_read_until(sending.fd, "done"), "");
    raw_send(sending.fd, "GET /x HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_string_not_equal(raw_read_until(sending.fd, "GET /x"), "");
    close(sending.fd);
}

static void a_sender_waits_for_a_reader_that_is_slow(void **state)
{
    struct scene *s = *state;
    OWNED(free_memory) char *length = xasprintf("Content-Length: %d\r\n", LARGE);
    struct sending sending = {.fd = begin(s, length), .size = LARGE};
    struct http_request *r = scene_take_held(s);
    http_body_accept(r);
    /* As much as fits between the two; then a send would block. */
    char part[4096] = "";
    size_t sent = 0;
    for (int quiet = 0; quiet < 50;) {
        ssize_t n = send(sending.fd, part, sizeof part, MSG_DONTWAIT | MSG_NOSIGNAL);
        sent += n > 0 ? (size_t)n : 0;
        quiet = n > 0 ? 0 : quiet + 1;
        if (n <= 0)
            usleep(1000);
    }
    assert_true(sent < LARGE / 2);
    size_t got, read = 0;
    while (read < sent) {
        assert_int_equal(http_body_read(r, part, sizeof part, PATIENCE_MS, &got), HTTP_BODY_PART);
        read += got;
    }
    assert_int_equal(http_body_read(r, part, sizeof part, 1, &got), HTTP_BODY_LATE);
    shutdown(sending.fd, SHUT_RDWR);
    assert_int_equal(http_body_read(r, part, sizeof part, PATIENCE_MS, &got), HTTP_BODY_BROKEN);
    answer(r, 201, "nobody hears that");
    close(sending.fd);
}

static void a_client_that_asks_first_sends_only_what_is_wanted(void **state)
{
    struct scene *s = *state;
    int fd = begin(s, "Content-Length: 3\r\nExpect: 100-continue\r\n");
    struct http_request *r = scene_take_held(s);
    uint64_t size, sum;
    http_body_accept(r);
    assert_string_not_equal(raw_read_until(fd, "HTTP/1.1 100"), "");
    raw_send(fd, "abc");
    assert_int_equal(read_body(r, &size, &sum), HTTP_BODY_END);
    assert_int_equal(size, 3);
    answer(r, 201, "done");
    assert_string_not_equal(raw_read_until(fd, "done"), "");
    close(fd);
    fd = begin(s, "Content-Length: 3000000\r\nExpect: 100-continue\r\n");
    answer(scene_take_held(s), 403, "no");
    const char *all = raw_read_to_end(fd);
    assert_non_null(strstr(all, "HTTP/1.1 403"));
    assert_null(strstr(all, "100 Continue"));
    close(fd);
}

static void a_refusal_is_heard_by_a_client_that_does_not_ask(void **state)
{
    struct scene *s = *state;
    int fd = begin(s, "Content-Length: 300000\r\n");
    struct sending sending = {.fd = fd, .size = 290816};
    answer(scene_take_held(s), 403, "no");
    send_much(&sending);
    char rest[300000 - 290816 + 1];
    memset(rest, 'x', sizeof rest - 1);
    rest[sizeof rest - 1] = '\0';
    raw_send(fd, rest);
    assert_non_null(strstr(raw_read_until(fd, "no"), "HTTP/1.1 403"));
    raw_send(fd, "GET /x HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_string_not_equal(raw_read_until(fd, "GET /x"), "");
    close(fd);
    fd = begin(s, "Content-Length: 900000000\r\n"); /* too much to swallow */
    answer(scene_take_held(s), 403, "no");
    assert_non_null(strstr(raw_read_to_end(fd), "HTTP/1.1 403"));
    close(fd);
}

static void a_refusal_in_the_middle_of_a_body_is_heard_as_well(void **state)
{
    struct scene *s = *state;
    OWNED(free_memory) char *length = xasprintf("Content-Length: %d\r\n", LARGE);
    struct sending sending = {.fd = begin(s, length), .size = LARGE};
    struct http_request *r = scene_take_held(s);
    pthread_t thread;
    char part[1000];
    size_t got;
    http_body_accept(r);
    assert_int_equal(pthread_create(&thread, NULL, send_much, &sending), 0);
    assert_int_equal(http_body_read(r, part, sizeof part, PATIENCE_MS, &got), HTTP_BODY_PART);
    answer(r, 507, "full");
    pthread_join(thread, NULL);
    assert_non_null(strstr(raw_read_until(sending.fd, "full"), "HTTP/1.1 507"));
    close(sending.fd);
}

static void a_body_of_unknown_length_is_read_to_its_end(void **state)
{
    struct scene *s = *state;
    int fd = begin(s, "Transfer-Encoding: chunked\r\n");
    struct http_request *r = scene_take_held(s);
    uint64_t size, sum;
    http_body_accept(r);
    raw_send(fd, "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n");
    assert_int_equal(read_body(r, &size, &sum), HTTP_BODY_END);
    assert_int_equal(size, 5);
    answer(r, 201, "done");
    assert_string_not_equal(raw_read_until(fd, "done"), "");
    close(fd);
}

static void no_body_is_an_empty_one(void **state)
{
    struct scene *s = *state;
    int fd = begin(s, "Content-Length: 0\r\n");
    struct http_request *r = scene_take_held(s);
    uint64_t size, sum;
    http_body_accept(r);
    assert_int_equal(read_body(r, &size, &sum), HTTP_BODY_END);
    assert_int_equal(size, 0);
    answer(r, 201, "done");
    assert_string_not_equal(raw_read_until(fd, "done"), "");
    close(fd);
}

static void *read_whole(void *request)
{
    uint64_t size, sum;
    enum http_body state = read_body(request, &size, &sum);
    answer(request, 201, "done");
    return state == HTTP_BODY_BROKEN ? request : NULL;
}

static void a_stop_ends_who_reads_and_who_sends(void **state)
{
    struct scene *s = *state;
    int reading = begin(s, "Content-Length: 1000\r\n");
    struct http_request *r = scene_take_held(s);
    int waiting = begin(s, "Content-Length: 1000\r\n");
    struct http_request *held = scene_take_held(s);
    pthread_t thread;
    void *broken;
    http_body_accept(r);
    raw_send(reading, "abc");
    assert_int_equal(pthread_create(&thread, NULL, read_whole, r), 0);
    http_server_stop(s->server);
    s->server = NULL;
    pthread_join(thread, &broken);
    assert_ptr_equal(broken, r);
    answer(held, 201, "too late");
    close(reading);
    close(waiting);
}

static void a_part_of_a_file_is_an_answer(void **state)
{
    struct scene *s = *state;
    const char *path = scene_file(s, "text");
    FILE *file = fopen(path, "w");
    fputs("0123456789", file);
    fclose(file);
    int fd = begin(s, "Content-Length: 0\r\n");
    http_answer_file(scene_take_held(s), 206, "text/plain", open(path, O_RDONLY | O_CLOEXEC), 3, 4,
                     "Content-Range: bytes 3-6/10\n");
    const char *all = raw_read_until(fd, "\r\n\r\n3456");
    assert_non_null(strstr(all, "HTTP/1.1 206"));
    assert_non_null(strstr(all, "Content-Length: 4"));
    close(fd);
}

#define SERVED(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SERVED(a_large_body_is_read_while_it_arrives),
        SERVED(a_sender_waits_for_a_reader_that_is_slow),
        SERVED(a_client_that_asks_first_sends_only_what_is_wanted),
        SERVED(a_refusal_is_heard_by_a_client_that_does_not_ask),
        SERVED(a_refusal_in_the_middle_of_a_body_is_heard_as_well),
        SERVED(a_body_of_unknown_length_is_read_to_its_end),
        SERVED(no_body_is_an_empty_one),
        SERVED(a_stop_ends_who_reads_and_who_sends),
        SERVED(a_part_of_a_file_is_an_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
