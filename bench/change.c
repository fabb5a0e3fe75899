/* Users who change their presence, at a steady rate, so that little of the processors goes into
 * that: what is measured beside it is another's. The counterpart of PostgreSQL's pgbench.
 *
 *     change URL HOST:PORT:ADDRESS AUTHORITY-FILE RATE CONNECTIONS SECONDS < TOKENS
 *
 * Each change is made when it is due, with the time of its making as its note. Says how many there
 * were. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <curl/curl.h>

enum { TOKENS_MAX = 10000, TOKEN_SIZE = 512, CONNECTIONS_MAX = 64, NOTE_PADDING = 60 };

static char tokens[TOKENS_MAX][TOKEN_SIZE];
static size_t token_count;
static const char *url, *authority;
static struct curl_slist *addresses;
static double rate_each, end;
static size_t connections;

struct user {
    pthread_t thread;
    size_t number;
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

static size_t drop(char *at, size_t size, size_t count, void *context)
{
    (void)at, (void)context;
    return size * count;
}

static CURL *connection(void)
{
    CURL *curl = curl_easy_init();
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_RESOLVE, addresses);
    curl_easy_setopt(curl, CURLOPT_CAINFO, authority);
    curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, "PUT");
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, drop);
    return curl;
}

static void change_one(CURL *curl, const char *token)
{
    char head[TOKEN_SIZE + 32], body[160];
    long status = 0;
    snprintf(head, sizeof head, "Authorization: Bearer %s", token);
    snprintf(body, sizeof body, "{\"availability\": \"Busy\", \"note\": \"%.6f%*s\"}", now(),
             NOTE_PADDING, "");
    struct curl_slist *heads = curl_slist_append(NULL, head);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, heads);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body);
    CURLcode code = curl_easy_perform(curl);
    if (code != CURLE_OK)
        die("a change", curl_easy_strerror(code));
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    if (status != 200)
        die("a change was refused", body);
    curl_slist_free_all(heads);
}

static void *change(void *context)
{
    struct user *user = context;
    CURL *curl = connection();
    size_t next = user->number;
    double due = now();
    for (; due < end; due += 1 / rate_each, user->changes++) {
        sleep_until(due);
        change_one(curl, tokens[next]);
        next = next + connections < token_count ? next + connections : user->number;
    }
    curl_easy_cleanup(curl);
    return NULL;
}

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
    if (argc != 7)
        die("it takes", "URL HOST:PORT:ADDRESS AUTHORITY-FILE RATE CONNECTIONS SECONDS < TOKENS");
    curl_global_init(CURL_GLOBAL_DEFAULT);
    url = argv[1];
    addresses = curl_slist_append(NULL, argv[2]);
    authority = argv[3];
    connections = (size_t)atoi(argv[5]);
    read_tokens();
    if (connections < 1 || connections > CONNECTIONS_MAX || token_count < connections)
        die("connections", "one at least, and no more than there are tokens");
    rate_each = atof(argv[4]) / (double)connections;
    end = now() + atof(argv[6]);
    for (size_t i = 0; i < connections; i++) {
        users[i].number = i;
        pthread_create(&users[i].thread, NULL, change, &users[i]);
    }
    for (size_t i = 0; i < connections; i++) {
        pthread_join(users[i].thread, NULL);
        changes += users[i].changes;
    }
    printf("%lu\n", changes);
    curl_slist_free_all(addresses);
    curl_global_cleanup();
    return 0;
}
