#include "web/account_cache.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct cached {
    uint64_t edition; /* of `central`, when it was read; 0: nothing is here */
    struct known_account known;
};

struct account_cache {
    pthread_mutex_t lock;
    struct cached places[ACCOUNTS_CACHED];
};

struct account_cache *account_cache_new(void)
{
    struct account_cache *cache = xcalloc(1, sizeof *cache);
    pthread_mutex_init(&cache->lock, NULL);
    return cache;
}

void account_cache_free(struct account_cache *cache)
{
    if (!cache)
        return;
    pthread_mutex_destroy(&cache->lock);
    free(cache);
}

/* Whoever chooses addresses that share a place gains nothing but that they are read. */
static struct cached *place_of(struct account_cache *cache, const char *address)
{
    uint32_t number = 0;
    for (const char *c = address; *c; c++)
        number = number * 31 + (unsigned char)*c;
    number *= 0x9e3779b1; /* so that all of it counts for its upper bits */
    return &cache->places[number >> (32 - ACCOUNTS_CACHED_BITS)];
}

static bool find(struct account_cache *cache, const char *address, uint64_t edition,
                 struct known_account *known)
{
    pthread_mutex_lock(&cache->lock);
    const struct cached *place = place_of(cache, address);
    bool found = place->edition == edition && strcmp(place->known.account.address, address) == 0;
    if (found)
        *known = place->known;
    pthread_mutex_unlock(&cache->lock);
    return found;
}

static void keep(struct account_cache *cache, uint64_t edition, const struct known_account *known)
{
    pthread_mutex_lock(&cache->lock);
    *place_of(cache, known->account.address) = (struct cached){edition, *known};
    pthread_mutex_unlock(&cache->lock);
}

enum failure account_cache_read(struct account_cache *cache, struct view *view, const char *address,
                                struct known_account *known, struct error *e)
{
    uint64_t usn, edition = view_edition(view, HOME_CENTRAL);
    if (edition && find(cache, address, edition, known))
        return OK;
    enum failure bad = account_read(view, address, &known->account, &usn, e);
    if (!bad)
        bad = credential_version(view, address, &known->secret, e);
    if (!bad && edition)
        keep(cache, edition, known);
    return bad;
}
