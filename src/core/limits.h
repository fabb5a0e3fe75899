/* Every limit of the data has a name, and its reason stands beside it. */
#ifndef POLLUX_CORE_LIMITS_H
#define POLLUX_CORE_LIMITS_H

#include <stdint.h>

#include "base/fqdn.h"

enum {
    /* A home is named by its pool's FQDN, or "central". */
    HOME_NAME_SIZE = FQDN_SIZE,

    /* Keys carry a user's address (up to 254 bytes) and a document's name (up to 255). */
    ITEM_KEY_MAX = 768,
    /* One document: a contact list of some thousand entries, a topology of some hundred pools. */
    ITEM_VALUE_MAX = 1 << 20,

    /* Each start of serving adds an entry; a pool restarted daily keeps most of a year. What is
     * forgotten then only means that two copies that parted before it are compared by digests. */
    LINEAGE_MAX = 256,

    /* A batch is what travels at once: small enough that memory stays flat, large enough that a
     * round trip and a flush per batch don't count. */
    BATCH_ITEMS_MAX = 10000,
    BATCH_BYTES_MAX = 8 << 20, /* uncompressed; always room for one largest item */
};

/* A number so far above all that were seen is nonsense, and believing it would spoil the home for
 * ever: a pool that opened a term each second would need decades. */
#define HOME_LEAP_MAX ((uint64_t)1 << 32)

#endif
