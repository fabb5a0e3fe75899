/* Users who change their presence at a rate, each change with the time of its making as its note:
 * the counterpart of PostgreSQL's pgbench, and with changes as far apart by chance as there: who
 * keeps time meets the others again and again, or never. What is measured beside it is another's,
 * so it has to take little of the processors: a few bytes of HTTP over OpenSSL, and no more of
 * either than polluxd is known to answer.
 *
 *     change HOST PORT ADDRESS PATH AUTHORITY-FILE RATE CONNECTIONS SECONDS < TOKENS
 *
 * Says how many changes there were. */
#include <arpa/inet.h>
#include <math.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

enum {
    TOKENS_MAX = 10000,
    TOKEN_SIZE = 512,
    CONNECTIONS_MAX = 64,
    NOTE_PADDING = 60,
    ANSWER_MAX = 16384,
};

static char tokens[TOKENS_MAX][TOKEN_SIZE];
static size_t token_count;
static const char *host, *port, *address, *path;
static SSL_CTX *tls;
static double rate_each, end;
static size_t connections;

struct user {
    pthread_t thread;
    size_t number;
    unsigned short chance[3]; /* for erand48() */
    unsigned long changes;
};

static void die(const char *what, const char *why)
{
    fprintf(stderr, "change: %s: %s\n", what, why);
    exit(1);
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void sleep_until(double due)
{
    double whole = (double)(time_t)due;
    struct timespec t = {.tv_sec = (time_t)due, .tv_nsec = (long)((due - whole) * 1e9)};
    clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &t, NULL);
}

/* --- a connection --- */

static int connect_to(void)
{
    int yes = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port))};
    if (fd < 0 || inet_pton(AF_INET, address, &to.sin_addr) != 1 ||
        connect(fd, (struct sockaddr *)&to, sizeof to) != 0)
        die("connecting", address);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    return fd;
}

static SSL *open_connection(void)
{
    SSL *ssl = SSL_new(tls);
    SSL_set_fd(ssl, connect_to());
    SSL_set_tlsext_host_name(ssl, host);
    SSL_set1_host(ssl, host);
    if (SSL_connect(ssl) != 1)
        die("TLS", ERR_reason_error_string(ERR_peek_last_error()));
    return ssl;
}

static void close_connection(SSL *ssl)
{
    int fd = SSL_get_fd(ssl);
    SSL_shutdown(ssl);
    SSL_free(ssl);
    close(fd);
}

/* How long the answer is as a whole; 0: its head is not there yet. */
static size_t answer_size(const char *answer)
{
    const char *body = strstr(answer, "\r\n\r\n"),
               *size = strcasestr(answer, "\r\nContent-Length:");
    if (!body)
        return 0;
    if (!size || size > body)
        die("an answer without its size", answer);
    return (size_t)(body + 4 - answer) + (size_t)atol(size + 17);
}

static void must_be_done(SSL *ssl)
{
    char answer[ANSWER_MAX + 1];
    size_t there = 0, size = 0;
    while (!size || there < size) {
        int n = SSL_read(ssl, answer + there, (int)(ANSWER_MAX - there));
        if (n <= 0)
            die("a change", "no answer came, or too long a one");
        there += (size_t)n;
        answer[there] = '\0';
        size = answer_size(answer);
    }
    if (strncmp(answer, "HTTP/1.1 200 ", 13) != 0)
        die("a change was refused", answer);
}

static void change_one(SSL *ssl, const char *token)
{
    char request[TOKEN_SIZE + 1024], body[160];
    int body_size =
        snprintf(body, sizeof body, "{\"availability\": \"Busy\", \"note\": \"%.6f%*s\"}", now(),
                 NOTE_PADDING, "");
    int size = snprintf(request, sizeof request,
                        "PUT %s HTTP/1.1\r\nHost: %s:%s\r\nAuthorization: Bearer %s\r\n"
                        "Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%s",
                        path, host, port, token, body_size, body);
    if (SSL_write(ssl, request, size) != size)
        die("a change", "it could not be sent");
    must_be_done(ssl);
}

/* Until the next change: Poisson's arrivals. */
static double gap(struct user *user)
{
    return -log(1 - erand48(user->chance)) / rate_each;
}

static void *change(void *context)
{
    struct user *user = context;
    SSL *ssl = open_connection();
    size_t next = user->number;
    for (double due = now() + gap(user); due < end; due += gap(user), user->changes++) {
        sleep_until(due);
        change_one(ssl, tokens[next]);
        next = next + connections < token_count ? next + connections : user->number;
    }
    close_connection(ssl);
    return NULL;
}

/* --- all of them --- */

static void read_tokens(void)
{
    while (token_count < TOKENS_MAX && fgets(tokens[token_count], TOKEN_SIZE, stdin)) {
        tokens[token_count][strcspn(tokens[token_count], "\n")] = '\0';
        token_count++;
    }
}

int main(int argc, char **argv)
{
    static struct user users[CONNECTIONS_MAX];
    unsigned long changes = 0;
    if (argc != 9)
        die("it takes", "HOST PORT ADDRESS PATH AUTHORITY-FILE RATE CONNECTIONS SECONDS < TOKENS");
    host = argv[1], port = argv[2], address = argv[3], path = argv[4];
    tls = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_verify(tls, SSL_VERIFY_PEER, NULL);
    if (SSL_CTX_load_verify_locations(tls, argv[5], NULL) != 1)
        die("the authority", argv[5]);
    connections = (size_t)atoi(argv[7]);
    read_tokens();
    if (connections < 1 || connections > CONNECTIONS_MAX || token_count < connections)
        die("connections", "one at least, and no more than there are tokens");
    rate_each = atof(argv[6]) / (double)connections;
    end = now() + atof(argv[8]);
    for (size_t i = 0; i < connections; i++) {
        users[i].number = i;
        users[i].chance[0] = (unsigned short)i;
        pthread_create(&users[i].thread, NULL, change, &users[i]);
    }
    for (size_t i = 0; i < connections; i++) {
        pthread_join(users[i].thread, NULL);
        changes += users[i].changes;
    }
    printf("%lu\n", changes);
    SSL_CTX_free(tls);
    return 0;
}
