#include "web/nonce.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/hmac.h>

#include "base/memory.h"
#include "base/random.h"

enum { FIGURES = 16, MAC_FIGURES = 32, GROUPS = NONCES_KEPT / NONCES_TOGETHER };

struct used {
    uint64_t issued_ms, number; /* number 0: nothing here */
    uint64_t seen;              /* bit i: the count `highest` - i was used */
    uint32_t highest;
};

struct group {
    struct used list[NONCES_TOGETHER];
    uint64_t given_up_ms; /* the youngest that had to make room: what is not in the list and not
                             younger may have been used */
};

struct nonces {
    uint64_t key[4];
    pthread_mutex_t lock;
    struct group groups[GROUPS];
};

struct nonces *nonces_new(void)
{
    struct nonces *nonces = xcalloc(1, sizeof *nonces);
    for (size_t i = 0; i < COUNT_OF(nonces->key); i++)
        nonces->key[i] = random_u64();
    pthread_mutex_init(&nonces->lock, NULL);
    return nonces;
}

void nonces_free(struct nonces *nonces)
{
    if (!nonces)
        return;
    explicit_bzero(nonces->key, sizeof nonces->key);
    pthread_mutex_destroy(&nonces->lock);
    free(nonces);
}

static void write_text(const struct nonces *nonces, uint64_t issued_ms, uint64_t number,
                       char text[NONCE_SIZE])
{
    unsigned char mac[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    snprintf(text, NONCE_SIZE, "%016" PRIx64 "%016" PRIx64, issued_ms, number);
    HMAC(EVP_sha256(), nonces->key, sizeof nonces->key, (const unsigned char *)text, 2 * FIGURES,
         mac, &size);
    for (unsigned i = 0; i < MAC_FIGURES / 2; i++)
        snprintf(text + 2 * FIGURES + (size_t)2 * i, 3, "%02x", mac[i]);
}

void nonces_issue(struct nonces *nonces, uint64_t now_ms, char text[NONCE_SIZE])
{
    write_text(nonces, now_ms, random_u64(), text);
}

static bool read_number(const char *text, uint64_t *number)
{
    char figures[FIGURES + 1];
    memcpy(figures, text, FIGURES);
    figures[FIGURES] = '\0';
    *number = strtoull(figures, NULL, 16);
    return strspn(figures, "0123456789abcdef") == FIGURES;
}

static bool is_ours(const struct nonces *nonces, const char *text, uint64_t *issued_ms,
                    uint64_t *number)
{
    char expected[NONCE_SIZE];
    if (strlen(text) != NONCE_SIZE - 1 || !read_number(text, issued_ms) ||
        !read_number(text + FIGURES, number) || *number == 0)
        return false;
    write_text(nonces, *issued_ms, *number, expected);
    return CRYPTO_memcmp(expected, text, NONCE_SIZE - 1) == 0;
}

/* The entry of this nonce, a new one if it needs one; NULL: it may have been used and given up. */
static struct used *find(struct group *group, uint64_t issued_ms, uint64_t number)
{
    struct used *oldest = &group->list[0];
    for (size_t i = 0; i < NONCES_TOGETHER; i++) {
        struct used *one = &group->list[i];
        if (one->number == number && one->issued_ms == issued_ms)
            return one;
        if (one->number == 0 || (oldest->number && one->issued_ms < oldest->issued_ms))
            oldest = one;
    }
    if (issued_ms <= group->given_up_ms)
        return NULL;
    if (oldest->number && oldest->issued_ms > group->given_up_ms)
        group->given_up_ms = oldest->issued_ms;
    *oldest = (struct used){.issued_ms = issued_ms, .number = number};
    return oldest;
}

static bool count(struct used *one, uint32_t number)
{
    if (number > one->highest) {
        uint32_t ahead = number - one->highest;
        one->seen = ahead < NONCE_COUNTS_KEPT ? one->seen << ahead : 0;
        one->seen |= 1;
        one->highest = number;
        return true;
    }
    uint32_t behind = one->highest - number;
    if (behind >= NONCE_COUNTS_KEPT || (one->seen >> behind & 1))
        return false;
    one->seen |= (uint64_t)1 << behind;
    return true;
}

enum nonce_verdict nonces_use(struct nonces *nonces, const char *text, uint32_t number_of_use,
                              uint64_t now_ms)
{
    uint64_t issued_ms, number;
    if (!is_ours(nonces, text, &issued_ms, &number) || now_ms - issued_ms > NONCE_LIFETIME_MS)
        return NONCE_STALE;
    pthread_mutex_lock(&nonces->lock);
    struct used *one = find(&nonces->groups[number % GROUPS], issued_ms, number);
    enum nonce_verdict verdict = !one                        ? NONCE_STALE
                                 : count(one, number_of_use) ? NONCE_GOOD
                                                             : NONCE_REPEATED;
    pthread_mutex_unlock(&nonces->lock);
    return verdict;
}
