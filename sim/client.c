#include "client.h"

#include <stdio.h>
#include <stdlib.h>

#include "checks.h"
#include "copying.h"
#include "pool.h"
#include "scheduler.h"

enum { PAUSE_MS = 250 };

struct bytes client_key(unsigned key, char text[16])
{
    snprintf(text, 16, "key%u", key);
    return bytes_of_text(text);
}

uint64_t client_attempt(struct bytes value)
{
    uint64_t number = 0;
    for (size_t i = 0; i < value.size; i++)
        number = 10 * number + (value.at[i] - '0');
    return number;
}

uint64_t client_deletion_after(const struct known_key *key)
{
    uint64_t last = key->deletion_count ? key->deletions[key->deletion_count - 1] : 0;
    return last >= key->acked ? last : 0;
}

struct attempt {
    struct hosted *h;
    struct known_key *key;
    size_t module;
    unsigned key_number;
    uint64_t number;
};

static void done(struct pool *pool, const struct store_outcome *outcome, void *context)
{
    const struct attempt *attempt = context;
    if (outcome->error.kind)
        return;
    /* To delete what is not there leaves no trace: what comes back from a tail can't know of it. */
    bool tails = gives_up(pool->world) || pool->world->homes[attempt->h->home].put_back;
    pool->world->counts.acked++;
    if (outcome->first_usn && is_superseded(attempt->h))
        note_given_up(attempt->h, attempt->module, attempt->key_number, attempt->number);
    else if (outcome->first_usn || !tails)
        attempt->key->acked = attempt->number;
    copying_changed(attempt->h, outcome->head);
}

static void try_change(struct hosted *h)
{
    struct world *w = h->pool->world;
    size_t module = h->home == CENTRAL ? 0 : pick(w, SIM_MODULES);
    unsigned k = (unsigned)pick(w, KEYS);
    struct known_key *known = &w->homes[h->home].keys[module][k];
    struct attempt attempt = {
        .h = h, .key = known, .module = module, .key_number = k, .number = ++w->attempts};
    char key[16], value[24];
    struct txn *txn = txn_new(home_of(h));
    w->made_in[attempt.number % HISTORY_MAX] = home_hold(h->core)->term.tag;
    txn_as_holder(txn, home_hold(h->core)->term.number);
    if (chance(w, 250)) {
        known->deletions =
            xrealloc(known->deletions, (known->deletion_count + 1) * sizeof *known->deletions);
        known->deletions[known->deletion_count++] = attempt.number;
        txn_delete(txn, module_of(h->home, module), client_key(k, key));
    } else {
        snprintf(value, sizeof value, "%llu", (unsigned long long)attempt.number);
        txn_put(txn, module_of(h->home, module), client_key(k, key), bytes_of_text(value));
    }
    w->counts.changes++;
    commit(h->pool, txn, done, xmemdup(&attempt, sizeof attempt));
}

static void act(void *context)
{
    struct world *w = *(struct world **)context;
    if (w->clients_done)
        return;
    size_t home = pick(w, w->options.homes + w->options.central);
    home = home == w->options.homes ? CENTRAL : home;
    for (size_t i = 0; i < w->options.pools; i++) {
        struct hosted *h = hosted_of(&w->pools[i], home);
        if (h && serves(h) && w->pools[i].paused_until <= w->now) {
            for (uint64_t n = 1 + (chance(w, 30) ? pick(w, 40) : 0); n > 0; n--)
                try_change(h);
        }
    }
    uint64_t pause = chance(w, 10) ? 20 * PAUSE_MS : PAUSE_MS;
    plan(w, 1 + pick(w, pause), act, xmemdup(&w, sizeof w));
}

void clients_start(struct world *w)
{
    plan(w, 1, act, xmemdup(&w, sizeof w));
}
