/* The accounts of those who asked last, for as long as nothing changes in `central`: each request
 * of a session asks for its user's. Any thread. */
#ifndef POLLUX_WEB_ACCOUNT_CACHE_H
#define POLLUX_WEB_ACCOUNT_CACHE_H

#include "pool/account.h"
#include "pool/credential.h"

enum {
    ACCOUNTS_CACHED_BITS = 12,
    ACCOUNTS_CACHED = 1 << ACCOUNTS_CACHED_BITS, /* of about 1.6 kB; who asks next takes a place */
};

struct account_cache;
struct account_cache *account_cache_new(void);
void account_cache_free(struct account_cache *cache);

struct known_account {
    struct account account;
    struct version secret; /* as credential_version() has it */
};

/* As account_read(), of this view. */
enum failure account_cache_read(struct account_cache *cache, struct view *view, const char *address,
                                struct known_account *known, struct error *e);

#endif
