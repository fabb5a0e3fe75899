/* What a small call costs: POSTs of 200 bytes over mutual TLS with keep-alive, from a client in
 * one process to a server in another, and the server's CPU time for each; then large ones. */
#include <assert.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../test/unit/certificates.h"
#include "base/clock.h"
#include "base/memory.h"
#include "http/client.h"
#include "http/server.h"

enum { HOUR = 3600, LARGE = 8 << 20 };

static char folder[] = "/tmp/pollux-bench-XXXXXX";

static char *in_folder(const char *name)
{
    return xasprintf("%s/%s", folder, name);
}

static uint64_t cpu_us(void)
{
    struct rusage used;
    getrusage(RUSAGE_SELF, &used);
    return (uint64_t)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1000000 +
           (uint64_t)(used.ru_utime.tv_usec + used.ru_stime.tv_usec);
}

/* Any path: "ok". /cpu: the CPU time used so far. */
static void handle(struct http_request *r, void *context)
{
    (void)context;
    char text[32] = "ok";
    if (strcmp(http_request_path(r), "/cpu") == 0)
        snprintf(text, sizeof text, "%llu", (unsigned long long)cpu_us());
    assert(http_request_peer(r)->certificate == HTTP_CERTIFICATE_GOOD);
    http_answer(r, 200, "text/plain", bytes_of_text(text), NULL);
}

static void serve(int port_to, int end_from)
{
    const struct http_server_options options = {.address = "127.0.0.1",
                                                .certificate_file = in_folder("bench.pem"),
                                                .private_key_file = in_folder("bench.key"),
                                                .authority_file = in_folder("ca.pem"),
                                                .body_max = 2 * LARGE,
                                                .handler = handle};
    struct http_server *server = http_server_start(&options, NULL);
    assert(server);
    uint16_t port = http_server_port(server);
    assert(write(port_to, &port, sizeof port) == sizeof port);
    char end;
    assert(read(end_from, &end, 1) == 0);
    http_server_stop(server);
}

/* A run: `left` calls to make, `at_once` of them under way. */
struct run {
    struct http_client *client;
    struct http_call call;
    pthread_mutex_t lock;
    pthread_cond_t over;
    size_t left, under_way;
    uint64_t value;
};

static void call_again(const struct http_result *result, void *context)
{
    struct run *run = context;
    assert(result->status == 200);
    if (result->body.size)
        run->value = strtoull((const char *)result->body.at, NULL, 10);
    pthread_mutex_lock(&run->lock);
    bool more = run->left > 0;
    if (more)
        run->left--;
    else if (--run->under_way == 0)
        pthread_cond_signal(&run->over);
    pthread_mutex_unlock(&run->lock);
    if (more && http_client_call(run->client, &run->call, NULL) != OK)
        abort();
}

static uint64_t make_calls(struct run *run, const char *path, struct bytes body, size_t count,
                           size_t at_once)
{
    run->call.path = path;
    run->call.body = body;
    run->left = count - at_once;
    run->under_way = at_once;
    for (size_t i = 0; i < at_once; i++) {
        if (http_client_call(run->client, &run->call, NULL) != OK)
            abort();
    }
    pthread_mutex_lock(&run->lock);
    while (run->under_way > 0)
        pthread_cond_wait(&run->over, &run->lock);
    pthread_mutex_unlock(&run->lock);
    return run->value;
}

static void measure(struct run *run, const char *name, size_t size, size_t count, size_t at_once)
{
    char *body = xcalloc(1, size);
    make_calls(run, "/x", bytes_of(body, size), at_once, at_once); /* connections are there */
    uint64_t cpu = make_calls(run, "/cpu", BYTES_NONE, 1, 1), began = clock_us();
    make_calls(run, "/x", bytes_of(body, size), count, at_once);
    double seconds = (double)(clock_us() - began) / 1e6;
    cpu = make_calls(run, "/cpu", BYTES_NONE, 1, 1) - cpu;
    printf("%-28s %8.0f calls/s %8.1f MB/s %8.1f us of server CPU each\n", name,
           (double)count / seconds, (double)(count * size) / seconds / 1e6,
           (double)cpu / (double)count);
    free_memory(body);
}

static void call_all(uint16_t port)
{
    const struct http_client_options options = {.certificate_file = in_folder("bench.pem"),
                                                .private_key_file = in_folder("bench.key"),
                                                .authority_file = in_folder("ca.pem")};
    struct run run = {.client = http_client_start(&options, NULL),
                      .lock = PTHREAD_MUTEX_INITIALIZER,
                      .over = PTHREAD_COND_INITIALIZER,
                      .call = {.host = "bench.test",
                               .address = "127.0.0.1",
                               .port = port,
                               .method = "POST",
                               .type = "application/octet-stream",
                               .deadline_ms = 60000,
                               .answer_max = 100,
                               .done = call_again,
                               .context = &run}};
    assert(run.client);
    measure(&run, "200 bytes, one at a time", 200, 10000, 1);
    measure(&run, "200 bytes, 16 at once", 200, 20000, 16);
    measure(&run, "8 MB, one at a time", LARGE, 100, 1);
    http_client_stop(run.client);
}

int main(void)
{
    assert(mkdtemp(folder));
    struct authority a = authority_new("bench", in_folder("ca.pem"));
    certificate_new(&a, "DNS:bench.test", "serverAuth,clientAuth", -HOUR, HOUR,
                    in_folder("bench.pem"), in_folder("bench.key"));
    authority_free(&a);
    int ports[2], ends[2];
    assert(pipe(ports) == 0 && pipe(ends) == 0);
    pid_t server = fork();
    if (server == 0) {
        close(ends[1]);
        serve(ports[1], ends[0]);
        _exit(0);
    }
    uint16_t port;
    assert(read(ports[0], &port, sizeof port) == sizeof port);
    call_all(port);
    close(ends[1]);
    waitpid(server, NULL, 0);
    char *command = xasprintf("rm -rf %s", folder);
    int rc = system(command);
    free_memory(command);
    return rc;
}
