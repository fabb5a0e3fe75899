/* What the store costs, beside plain SQLite calls at their best doing the same: one run, one disk,
 * the same rows, so that the ratios mean something wherever it runs.
 *
 *     store [SECONDS-PER-MEASUREMENT [ROWS]]
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sqlite3.h>

#include "base/clock.h"
#include "store/store.h"

enum {
    VALUE_SIZE = 200,
    KEY_SIZE = 64,
    TXN_ROWS = 10000,
    WRITERS_MAX = 64,
    /* Ours and theirs take turns, so that a disk which is slow for a while is slow for both; of the
     * rounds, the one with the median ratio is told. */
    ROUNDS = 7,
};

static const char home[] = "atl-cs-001.litwareinc.com";
static char folder[] = "bench-store-XXXXXX";
static double seconds_each = 3;
static uint64_t rows = 500000;
static uint8_t value[VALUE_SIZE + 64];

static void die(const char *what, const struct error *e)
{
    fprintf(stderr, "bench: %s: %s\n", what, e ? e->what : "");
    exit(1);
}

static struct bytes key_of(uint64_t n, char text[KEY_SIZE])
{
    int size =
        snprintf(text, KEY_SIZE, "user%08llu@litwareinc.com/presence", (unsigned long long)n);
    return bytes_of(text, (size_t)size);
}

static struct bytes value_of(uint64_t n)
{
    return bytes_of(value + n % 64, VALUE_SIZE);
}

/* A permutation without a table: n -> n * odd mod 2^k, skipping what is beyond the end. */
static uint64_t shuffled(uint64_t *state)
{
    uint64_t mask = 1;
    while (mask < rows)
        mask <<= 1;
    do
        *state = (*state * 1664525 + 1013904223) & (mask - 1);
    while (*state >= rows);
    return *state;
}

/* --- the peer: plain SQLite --- */

struct plain {
    sqlite3 *db;
    sqlite3_stmt *put, *begin, *commit;
    uint64_t usn;
};

static void sql(sqlite3 *db, const char *text)
{
    if (sqlite3_exec(db, text, NULL, NULL, NULL) != SQLITE_OK) {
        fprintf(stderr, "bench: %s: %s\n", text, sqlite3_errmsg(db));
        exit(1);
    }
}

static struct plain plain_open(const char *name)
{
    char path[128];
    struct plain p = {0};
    snprintf(path, sizeof path, "%s/%s", folder, name);
    if (sqlite3_open_v2(path, &p.db,
                        SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX,
                        NULL) != SQLITE_OK)
        die("plain SQLite", NULL);
    sql(p.db, "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA cache_size = -16384;"
              "CREATE TABLE IF NOT EXISTS item (usn INTEGER PRIMARY KEY, module INTEGER NOT NULL,"
              " deleted INTEGER NOT NULL, term INTEGER NOT NULL, key BLOB NOT NULL,"
              " value BLOB NOT NULL);"
              "CREATE UNIQUE INDEX IF NOT EXISTS item_key ON item (module, key);");
    sqlite3_prepare_v2(p.db, "REPLACE INTO item VALUES (?1, 0, 0, 2, ?2, ?3)", -1, &p.put, NULL);
    sqlite3_prepare_v2(p.db, "BEGIN", -1, &p.begin, NULL);
    sqlite3_prepare_v2(p.db, "COMMIT", -1, &p.commit, NULL);
    return p;
}

static void plain_step(struct plain *p, sqlite3_stmt *stmt)
{
    if (sqlite3_step(stmt) != SQLITE_DONE)
        die(sqlite3_errmsg(p->db), NULL);
    sqlite3_reset(stmt);
}

static void plain_put(struct plain *p, uint64_t n)
{
    char text[KEY_SIZE];
    struct bytes key = key_of(n, text), v = value_of(n + p->usn);
    sqlite3_bind_int64(p->put, 1, (sqlite3_int64)++p->usn);
    sqlite3_bind_blob(p->put, 2, key.at, (int)key.size, SQLITE_STATIC);
    sqlite3_bind_blob(p->put, 3, v.at, (int)v.size, SQLITE_STATIC);
    plain_step(p, p->put);
}

static void plain_close(struct plain *p)
{
    sqlite3_finalize(p->put);
    sqlite3_finalize(p->begin);
    sqlite3_finalize(p->commit);
    sqlite3_close(p->db);
}

/* Durable changes per second, `together` in each transaction. */
static double plain_changes(struct plain *p, unsigned together)
{
    uint64_t state = p->usn + 1, count = 0, start = clock_us();
    double spent;
    do {
        plain_step(p, p->begin);
        for (unsigned i = 0; i < together; i++)
            plain_put(p, shuffled(&state));
        plain_step(p, p->commit);
        count += together;
        spent = (double)(clock_us() - start) / 1e6;
    } while (spent < seconds_each / ROUNDS);
    return (double)count / spent;
}

/* One round's share of the rows: new ones, or the same again. */
static double plain_bulk(struct plain *p, bool random)
{
    uint64_t state = p->usn + 1, start = clock_us(), count = rows / ROUNDS;
    for (uint64_t n = 0; n < count;) {
        plain_step(p, p->begin);
        for (unsigned i = 0; i < TXN_ROWS && n < count; i++, n++)
            plain_put(p, random ? shuffled(&state) : p->usn % rows);
        plain_step(p, p->commit);
    }
    return (double)count / ((double)(clock_us() - start) / 1e6);
}

static double plain_read(struct plain *p)
{
    sqlite3_stmt *stmt;
    uint64_t start = clock_us(), count = 0, sum = 0;
    sqlite3_prepare_v2(p->db, "SELECT * FROM item WHERE usn > 0 ORDER BY usn", -1, &stmt, NULL);
    while (sqlite3_step(stmt) == SQLITE_ROW) {
        for (int i = 0; i < 4; i++)
            sum += (uint64_t)sqlite3_column_int64(stmt, i);
        for (int i = 4; i < 6; i++)
            sum +=
                ((const uint8_t *)sqlite3_column_blob(stmt, i))[sqlite3_column_bytes(stmt, i) - 1];
        count++;
    }
    sqlite3_finalize(stmt);
    return sum ? (double)count / ((double)(clock_us() - start) / 1e6) : 0;
}

/* --- ours --- */

static struct store *ours_open(const char *name, enum mode mode)
{
    char path[128];
    struct error e = {0};
    struct engine *engine;
    struct store *store;
    snprintf(path, sizeof path, "%s/%s", folder, name);
    if (sqlite_engine_open(path, home, &engine, &e) || store_open(engine, &store, &e))
        die("our store", &e);
    struct hold hold = {.mode = mode, .term = {.number = 2, .tag = 1}, .seen = 2, .revision = 1};
    strcpy(hold.home, home);
    strcpy(hold.pools[SIDE_HOME], home);
    strcpy(hold.pools[SIDE_BACKUP], "redmond-cs-001.litwareinc.com");
    struct txn *txn = txn_new(home);
    struct store_outcome outcome;
    txn_hold(txn, &hold);
    if (store_commit_wait(store, txn, &outcome))
        die("our store", &outcome.error);
    store_lease(store, home, UINT64_MAX);
    return store;
}

static struct txn *next_change(uint64_t *state)
{
    char text[KEY_SIZE];
    uint64_t n = shuffled(state);
    struct txn *txn = txn_new(home);
    txn_as_holder(txn, 2);
    txn_put(txn, MODULE_PRESENCE_FOCUS, key_of(n, text), value_of(*state));
    return txn;
}

/* Writers as polluxd has them: clients with one change under way each, whose answers come back to
 * one thread that waits for events. */
struct clients {
    struct store *store;
    pthread_mutex_t lock;
    pthread_cond_t arrived;
    unsigned answered;
};

static void on_answer(const struct store_outcome *outcome, void *context)
{
    struct clients *c = context;
    if (outcome->error.kind)
        die("a change", &outcome->error);
    pthread_mutex_lock(&c->lock);
    if (c->answered++ == 0)
        pthread_cond_signal(&c->arrived);
    pthread_mutex_unlock(&c->lock);
}

static unsigned wait_for_answers(struct clients *c)
{
    pthread_mutex_lock(&c->lock);
    while (c->answered == 0)
        pthread_cond_wait(&c->arrived, &c->lock);
    unsigned answered = c->answered;
    c->answered = 0;
    pthread_mutex_unlock(&c->lock);
    return answered;
}

static double our_changes(struct store *store, unsigned writers)
{
    struct clients c = {store, PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0};
    uint64_t start = clock_us(), state = start, count = 0;
    uint64_t until = start + (uint64_t)(seconds_each / ROUNDS * 1e6);
    for (unsigned i = 0; i < writers; i++)
        store_commit(store, next_change(&state), on_answer, &c);
    for (unsigned under_way = writers; under_way > 0;) {
        unsigned answered = wait_for_answers(&c);
        count += answered;
        bool more = clock_us() < until;
        for (unsigned i = 0; more && i < answered; i++)
            store_commit(store, next_change(&state), on_answer, &c);
        under_way -= more ? 0 : answered;
    }
    return (double)count / ((double)(clock_us() - start) / 1e6);
}

/* And writers that are threads, each waiting for its change. */
struct writer {
    struct store *store;
    uint64_t state, count, until_us;
};

static void *write_changes(void *context)
{
    struct writer *w = context;
    for (; clock_us() < w->until_us; w->count++) {
        struct store_outcome outcome;
        if (store_commit_wait(w->store, next_change(&w->state), &outcome))
            die("a change", &outcome.error);
    }
    return NULL;
}

static double our_changes_by_threads(struct store *store, unsigned writers)
{
    pthread_t threads[WRITERS_MAX];
    struct writer w[WRITERS_MAX];
    uint64_t start = clock_us(), count = 0;
    for (unsigned i = 0; i < writers; i++) {
        w[i] = (struct writer){.store = store,
                               .state = start + i * 7919,
                               .until_us = start + (uint64_t)(seconds_each / ROUNDS * 1e6)};
        pthread_create(&threads[i], NULL, write_changes, &w[i]);
    }
    for (unsigned i = 0; i < writers; i++) {
        pthread_join(threads[i], NULL);
        count += w[i].count;
    }
    return (double)count / ((double)(clock_us() - start) / 1e6);
}

/* As an importer does it: one transaction on its way while the next is made ready. */
struct flight {
    pthread_mutex_t lock;
    pthread_cond_t landed;
    unsigned in_the_air;
};

static void land(const struct store_outcome *outcome, void *context)
{
    struct flight *f = context;
    if (outcome->error.kind)
        die("an import", &outcome->error);
    pthread_mutex_lock(&f->lock);
    f->in_the_air--;
    pthread_cond_signal(&f->landed);
    pthread_mutex_unlock(&f->lock);
}

static void wait_until(struct flight *f, unsigned at_most)
{
    while (f->in_the_air > at_most)
        pthread_cond_wait(&f->landed, &f->lock);
}

static double our_bulk(struct store *store, bool random, uint64_t *last_usn)
{
    struct flight f = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0};
    uint64_t usn = *last_usn, state = usn + 1, start = clock_us(), count = rows / ROUNDS;
    for (uint64_t n = 0; n < count;) {
        struct txn *txn = txn_new(home);
        txn_as_copy(txn, 2);
        uint64_t from = usn;
        for (unsigned i = 0; i < TXN_ROWS && n < count; i++, n++) {
            char text[KEY_SIZE];
            uint64_t which = random ? shuffled(&state) : usn % rows;
            struct item item = {.module = MODULE_PRESENCE_FOCUS,
                                .version = {.term = 2, .usn = ++usn},
                                .key = key_of(which, text),
                                .value = value_of(which + usn)};
            txn_apply(txn, &item);
        }
        txn_cookie(txn, MODULE_PRESENCE_FOCUS, (struct version){.term = from ? 2 : 0, .usn = from},
                   (struct version){.term = 2, .usn = usn});
        pthread_mutex_lock(&f.lock);
        wait_until(&f, 1);
        f.in_the_air++;
        pthread_mutex_unlock(&f.lock);
        store_commit(store, txn, land, &f);
    }
    pthread_mutex_lock(&f.lock);
    wait_until(&f, 0);
    pthread_mutex_unlock(&f.lock);
    *last_usn = usn;
    return (double)count / ((double)(clock_us() - start) / 1e6);
}

static bool count_item(const struct item *item, struct item_hash hash, void *context)
{
    (void)hash;
    *(uint64_t *)context += item->value.size > 0;
    return true;
}

static double our_read(struct store *store)
{
    struct view *view;
    struct error e = {0};
    uint64_t start = clock_us(), count = 0;
    if (store_view(store, &view, &e) || view_changes(view, home, 0, count_item, &count, &e))
        die("reading", &e);
    view_close(view);
    return (double)count / ((double)(clock_us() - start) / 1e6);
}

/* --- the table --- */

struct round {
    double ours, plain;
};

static int by_ratio(const void *a, const void *b)
{
    const struct round *x = a, *y = b;
    double r = x->ours / x->plain, q = y->ours / y->plain;
    return (r > q) - (r < q);
}

static void row(const char *what, struct round *rounds)
{
    qsort(rounds, ROUNDS, sizeof *rounds, by_ratio);
    struct round m = rounds[ROUNDS / 2];
    printf("%-48s %10.0f %12.0f %7.2f   %.2f-%.2f\n", what, m.ours, m.plain, m.ours / m.plain,
           rounds[0].ours / rounds[0].plain, rounds[ROUNDS - 1].ours / rounds[ROUNDS - 1].plain);
    fflush(stdout);
}

static void measure_changes(unsigned writers, bool threads)
{
    char what[80], name[16];
    struct round rounds[ROUNDS];
    snprintf(name, sizeof name, "plain%u%d", writers, threads);
    struct plain p = plain_open(name);
    snprintf(name, sizeof name, "ours%u%d", writers, threads);
    struct store *store = ours_open(name, MODE_SERVING);
    for (int i = 0; i < ROUNDS; i++) {
        rounds[i].plain = plain_changes(&p, writers);
        rounds[i].ours =
            threads ? our_changes_by_threads(store, writers) : our_changes(store, writers);
    }
    store_close(store);
    plain_close(&p);
    snprintf(what, sizeof what, "durable changes, %u %s%s (plain: %u at once)", writers,
             threads ? "thread" : "writer", writers == 1 ? "" : "s", writers);
    row(what, rounds);
}

static void measure_bulk(void)
{
    struct round rounds[ROUNDS];
    struct plain p = plain_open("plain");
    struct store *store = ours_open("ours", MODE_STANDBY);
    uint64_t usn = 0;
    rows -= rows % ROUNDS;
    for (int i = 0; i < ROUNDS; i++)
        rounds[i] =
            (struct round){.plain = plain_bulk(&p, false), .ours = our_bulk(store, false, &usn)};
    row("bulk import, new keys", rounds);
    for (int i = 0; i < ROUNDS; i++)
        rounds[i] = (struct round){.plain = plain_read(&p), .ours = our_read(store)};
    row("reading in usn order", rounds);
    for (int i = 0; i < ROUNDS; i++)
        rounds[i] =
            (struct round){.plain = plain_bulk(&p, false), .ours = our_bulk(store, false, &usn)};
    row("rewriting existing keys, in order", rounds);
    for (int i = 0; i < ROUNDS; i++)
        rounds[i] =
            (struct round){.plain = plain_bulk(&p, true), .ours = our_bulk(store, true, &usn)};
    row("rewriting existing keys, in random order", rounds);
    store_close(store);
    plain_close(&p);
}

static void remove_folder(void)
{
    char command[64];
    snprintf(command, sizeof command, "rm -rf %s", folder);
    if (system(command) != 0)
        fprintf(stderr, "bench: %s is left behind\n", folder);
}

int main(int argc, char **argv)
{
    if (argc > 1)
        seconds_each = atof(argv[1]);
    if (argc > 2)
        rows = strtoull(argv[2], NULL, 10);
    for (size_t i = 0; i < sizeof value; i++)
        value[i] = (uint8_t)(i * 167 + 13);
    if (!mkdtemp(folder))
        die("a folder for the files", NULL);
    atexit(remove_folder);

    printf("rows of %d bytes, keys of %zu; per second; %llu rows in bulk, %d in a transaction\n\n",
           VALUE_SIZE, key_of(0, (char[KEY_SIZE]){0}).size, (unsigned long long)rows, TXN_ROWS);
    printf("%-48s %10s %12s %7s   %s\n", "", "Pollux", "plain SQLite", "ratio", "of all rounds");
    measure_changes(1, false);
    measure_changes(16, false);
    measure_changes(64, false);
    measure_changes(64, true);
    measure_bulk();
    return 0;
}
