/* Fills a pool's home with items, as a holder would: fill [--in-order] DATABASE POOL COUNT
 * or `central` with accounts of that pool: fill DATABASE POOL COUNT SIP-DOMAIN
 * or changes one item again and again: fill --one DATABASE POOL COUNT
 *
 * Items have the same keys each time, in no order unless it is asked for, and other values each
 * time: the second run changes what the first one wrote.
 *
 * The pool must be stopped, and must have been the holder of that home. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "pool/account.h"

enum { VALUE_BYTES = 150, ITEMS_EACH = 10000, NOTE_WORDS = 6 };

#define GOLDEN 0x9e3779b97f4a7c15ul /* its multiples are spread evenly, and all different */

/* Digits that are no gift to who compresses: splitmix64. */
static unsigned long scatter(unsigned long x)
{
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ul;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebul;
    return x ^ (x >> 31);
}

static bool in_order, one;

static void put(struct txn *txn, unsigned long i, unsigned long seed)
{
    char key[64], note[NOTE_WORDS * 16 + 1], value[VALUE_BYTES + 1];
    for (size_t n = 0; n < NOTE_WORDS; n++)
        snprintf(note + 16 * n, sizeof note - 16 * n, "%016lx",
                 scatter(seed + (i * NOTE_WORDS + n) * GOLDEN));
    snprintf(key, sizeof key, "user/%016lx/presence", one ? 0 : in_order ? i : i * GOLDEN);
    snprintf(value, sizeof value, "{\"availability\":\"Busy\",\"note\":\"%s\"}", note);
    txn_put(txn, MODULE_PRESENCE_FOCUS, bytes_of_text(key), bytes_of_text(value));
}

static void put_account(struct txn *txn, const char *pool, const char *sip_domain, unsigned long i)
{
    struct account account;
    char address[SIP_ADDRESS_SIZE];
    snprintf(address, sizeof address, "user%06lu@%s", i, sip_domain);
    account_begin(&account, address);
    snprintf(account.display_name, sizeof account.display_name, "User %lu", i);
    snprintf(account.pool, sizeof account.pool, "%s", pool);
    account_put(txn, &account, 0);
}

static enum failure fill(struct store *store, const char *pool, unsigned long count,
                         const char *sip_domain, struct error *e)
{
    const char *home = sip_domain ? HOME_CENTRAL : pool;
    OWNED(view_close) struct view *view = NULL;
    struct hold hold;
    unsigned long seed = random_u64();
    enum failure bad = store_view(store, &view, e);
    if (!bad)
        bad = view_hold(view, home, &hold, e);
    store_lease(store, home, UINT64_MAX);
    for (unsigned long i = 0; !bad && i < count;) {
        struct txn *txn = txn_new(home);
        struct store_outcome outcome;
        txn_as_holder(txn, hold.term.number);
        for (unsigned long end = i + ITEMS_EACH; i < end && i < count; i++) {
            if (sip_domain)
                put_account(txn, pool, sip_domain, i);
            else
                put(txn, i, seed);
        }
        bad = store_commit_wait(store, txn, &outcome);
        if (bad)
            *e = outcome.error;
    }
    return bad;
}

int main(int argc, char **argv)
{
    struct engine *engine;
    struct store *store;
    struct error e = {0};
    char line[2 * ERROR_TEXT_MAX];
    in_order = argc > 1 && strcmp(argv[1], "--in-order") == 0;
    one = argc > 1 && strcmp(argv[1], "--one") == 0;
    argc -= in_order || one;
    argv += in_order || one;
    if (argc != 4 && argc != 5)
        return 2;
    if (!sqlite_engine_open(argv[1], argv[2], &engine, &e) && !store_open(engine, &store, &e)) {
        fill(store, argv[2], strtoul(argv[3], NULL, 10), argc > 4 ? argv[4] : NULL, &e);
        store_close(store);
    }
    if (e.kind)
        fprintf(stderr, "fill: %s\n", error_line(&e, line, sizeof line));
    return e.kind != OK;
}
