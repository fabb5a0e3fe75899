#include "web/throttle.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/hmac.h>

#include "base/memory.h"
#include "base/random.h"

enum { GROUPS = THROTTLE_KEPT / THROTTLE_TOGETHER, KINDS = 3, NAME_MAX_BYTES = 640 };

/* Of a kind, so many at once, and one more after each `ms`. */
static const struct {
    uint64_t failures, ms;
} limits[KINDS] = {
    {THROTTLE_PAIR_FAILURES, THROTTLE_PAIR_MS},
    {THROTTLE_ADDRESS_FAILURES, THROTTLE_ADDRESS_MS},
    {THROTTLE_ACCOUNT_FAILURES, THROTTLE_ACCOUNT_MS},
};

/* All that is forgiven at `clear_ms`; each failure moves it on. */
struct debt {
    uint64_t name; /* a keyed hash of who it is; 0: nobody */
    uint64_t clear_ms;
};

struct throttle {
    uint64_t key[4];
    pthread_mutex_t lock;
    struct debt groups[GROUPS][THROTTLE_TOGETHER];
};

struct throttle *throttle_new(void)
{
    struct throttle *throttle = xcalloc(1, sizeof *throttle);
    for (size_t i = 0; i < COUNT_OF(throttle->key); i++)
        throttle->key[i] = random_u64();
    pthread_mutex_init(&throttle->lock, NULL);
    return throttle;
}

void throttle_free(struct throttle *throttle)
{
    if (!throttle)
        return;
    pthread_mutex_destroy(&throttle->lock);
    free(throttle);
}

/* Without the port; of IPv6 the network, because a host there has as many addresses as it likes. */
static void write_host(const char *address, char host[INET6_ADDRSTRLEN])
{
    const char *end = strrchr(address, ':');
    size_t length = end ? (size_t)(end - address) : strlen(address);
    struct in6_addr ip;
    if (address[0] == '[' && length > 2) {
        address++;
        length -= 2;
    }
    snprintf(host, INET6_ADDRSTRLEN, "%.*s", (int)length, address);
    if (inet_pton(AF_INET6, host, &ip) != 1 || IN6_IS_ADDR_V4MAPPED(&ip))
        return;
    memset(ip.s6_addr + 8, 0, 8);
    inet_ntop(AF_INET6, &ip, host, INET6_ADDRSTRLEN);
}

static uint64_t name_of(const struct throttle *throttle, int kind, const char *account,
                        const char *host)
{
    char text[NAME_MAX_BYTES];
    unsigned char mac[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    uint64_t name = 0;
    snprintf(text, sizeof text, "%d %s %s", kind, kind == 1 ? "" : account, kind == 2 ? "" : host);
    HMAC(EVP_sha256(), throttle->key, sizeof throttle->key, (const unsigned char *)text,
         strlen(text), mac, &size);
    memcpy(&name, mac, size >= sizeof name ? sizeof name : 0);
    return name ? name : 1;
}

/* With the lock held. `make`: one is made, in the place of whoever is forgiven first. */
static struct debt *find(struct throttle *throttle, uint64_t name, int make)
{
    struct debt *group = throttle->groups[name % GROUPS], *first = &group[0];
    for (size_t i = 0; i < THROTTLE_TOGETHER; i++) {
        if (group[i].name == name)
            return &group[i];
        if (group[i].clear_ms < first->clear_ms)
            first = &group[i];
    }
    if (!make)
        return NULL;
    *first = (struct debt){.name = name};
    return first;
}

uint64_t throttle_wait_ms(struct throttle *throttle, const char *account, const char *address,
                          uint64_t now_ms)
{
    char host[INET6_ADDRSTRLEN];
    uint64_t wait = 0;
    write_host(address, host);
    pthread_mutex_lock(&throttle->lock);
    for (int kind = 0; kind < KINDS; kind++) {
        const struct debt *debt = find(throttle, name_of(throttle, kind, account, host), 0);
        /* One more failure must not lie further ahead than all of them together may. */
        uint64_t room = now_ms + (limits[kind].failures - 1) * limits[kind].ms;
        if (debt && debt->clear_ms > room && debt->clear_ms - room > wait)
            wait = debt->clear_ms - room;
    }
    pthread_mutex_unlock(&throttle->lock);
    return wait;
}

void throttle_failed(struct throttle *throttle, const char *account, const char *address,
                     uint64_t now_ms)
{
    char host[INET6_ADDRSTRLEN];
    write_host(address, host);
    pthread_mutex_lock(&throttle->lock);
    for (int kind = 0; kind < KINDS; kind++) {
        struct debt *debt = find(throttle, name_of(throttle, kind, account, host), 1);
        if (debt->clear_ms < now_ms)
            debt->clear_ms = now_ms;
        debt->clear_ms += limits[kind].ms;
    }
    pthread_mutex_unlock(&throttle->lock);
}
