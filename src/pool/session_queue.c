#include "pool/session_queue.h"

#include <assert.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"

static const char prefix[] = "queued/";
enum { NAME_SIZE = 32, OWNER_SIZE = FQDN_SIZE + 32 };

/* A record that waits: on the disk, under its number. */
struct entry {
    uint64_t number, at_ms;
};

struct lane {
    char home[HOME_NAME_SIZE];
    struct entry *entries; /* a ring */
    size_t first, count, room;
    size_t coming; /* put, and not yet on the disk */
};

/* On its way to the disk; or, without a record, somebody who waits for those before it. */
struct put {
    struct put *next;
    struct lane *lane;
    uint64_t number;
    struct buffer value;
    session_queue_settled *settled;
    void *context;
};

struct session_queue {
    struct store *store;
    char owner[OWNER_SIZE];
    session_queue_trouble *trouble;
    void *context;

    pthread_mutex_t lock;
    pthread_cond_t idle; /* nothing is written */
    struct lane lanes[SESSION_QUEUE_HOMES_MAX];
    size_t lane_count;
    struct put *first, **last;
    bool writing;
    bool refusing; /* and that was told */
    uint64_t next_number;
};

struct group {
    struct session_queue *queue;
    struct put *first;
};

static const char *name_of(uint64_t number, char name[NAME_SIZE])
{
    snprintf(name, NAME_SIZE, "%s%020" PRIu64, prefix, number);
    return name;
}

/* --- lanes; with the lock held --- */

static struct lane *lane_of(struct session_queue *q, const char *home, bool make)
{
    for (size_t i = 0; i < q->lane_count; i++) {
        if (strcmp(q->lanes[i].home, home) == 0)
            return &q->lanes[i];
    }
    if (!make || q->lane_count == SESSION_QUEUE_HOMES_MAX)
        return NULL;
    struct lane *lane = &q->lanes[q->lane_count++];
    snprintf(lane->home, sizeof lane->home, "%s", home);
    return lane;
}

static struct entry *entry_at(const struct lane *lane, size_t i)
{
    return &lane->entries[(lane->first + i) % lane->room];
}

static void lane_add(struct lane *lane, struct entry entry)
{
    if (lane->count == lane->room) {
        size_t room = lane->room ? 2 * lane->room : 64;
        struct entry *entries = xmalloc(room * sizeof *entries);
        for (size_t i = 0; i < lane->count; i++)
            entries[i] = *entry_at(lane, i);
        free(lane->entries);
        lane->entries = entries;
        lane->first = 0;
        lane->room = room;
    }
    lane->count++;
    *entry_at(lane, lane->count - 1) = entry;
}

static size_t lane_count_to(const struct lane *lane, uint64_t last)
{
    size_t low = 0, high = lane->count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (entry_at(lane, middle)->number <= last)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* --- putting --- */

static void put_free(struct put *put)
{
    buffer_free(&put->value);
    free(put);
}

/* Told outside of the lock, but in order: only one group is under way. */
static void tell_trouble(struct session_queue *q, const struct error *e)
{
    pthread_mutex_lock(&q->lock);
    bool news = q->refusing != (e != NULL);
    q->refusing = e != NULL;
    pthread_mutex_unlock(&q->lock);
    if (news)
        q->trouble(e, q->context);
}

/* With the lock held: what is written next; NULL: nothing. */
static struct put *take_group(struct session_queue *q)
{
    struct put *first = q->first, **end = &q->first;
    for (size_t n = 0; *end && n < SESSION_QUEUE_GROUP_MAX; n++)
        end = &(*end)->next;
    q->first = *end;
    if (!q->first)
        q->last = &q->first;
    *end = NULL;
    q->writing = first != NULL;
    if (!q->writing)
        pthread_cond_broadcast(&q->idle);
    return first;
}

static void write_group(struct session_queue *q, struct put *first);

/* And what comes after it. */
static void end_group(struct session_queue *q, struct put *first)
{
    while (first) {
        struct put *put = first;
        first = put->next;
        if (put->settled)
            put->settled(put->context);
        put_free(put);
    }
    pthread_mutex_lock(&q->lock);
    struct put *next = take_group(q);
    pthread_mutex_unlock(&q->lock);
    if (next)
        write_group(q, next);
}

static void on_written(const struct store_outcome *outcome, void *context)
{
    struct group *group = context;
    struct session_queue *q = group->queue;
    const struct error *e = outcome->error.kind ? &outcome->error : NULL;
    uint64_t now_ms = clock_ms();
    bool any = false;
    pthread_mutex_lock(&q->lock);
    for (const struct put *put = group->first; put; put = put->next) {
        if (!put->lane)
            continue;
        any = true;
        put->lane->coming--;
        if (!e)
            lane_add(put->lane, (struct entry){put->number, now_ms});
    }
    pthread_mutex_unlock(&q->lock);
    if (any)
        tell_trouble(q, e);
    struct put *first = group->first;
    free(group);
    end_group(q, first);
}

static bool has_records(const struct put *put)
{
    while (put && !put->lane)
        put = put->next;
    return put;
}

static void write_group(struct session_queue *q, struct put *first)
{
    if (!has_records(first)) { /* what they waited for is over */
        end_group(q, first);
        return;
    }
    struct group *group = xmalloc(sizeof *group);
    struct txn *txn = txn_new(q->owner);
    char name[NAME_SIZE];
    *group = (struct group){q, first};
    for (const struct put *put = first; put; put = put->next) {
        if (put->lane)
            txn_record(txn, name_of(put->number, name), buffer_view(&put->value));
    }
    store_commit(q->store, txn, on_written, group);
}

/* With the lock held. Whoever is returned a group writes it, without the lock. */
static struct put *append(struct session_queue *q, struct put *put)
{
    *q->last = put;
    q->last = &put->next;
    return q->writing ? NULL : take_group(q);
}

static enum failure too_many(const char *home, struct error *e)
{
    fail(e, FAIL_BUSY, "%d session records of the home %s wait already.", SESSION_QUEUE_MAX, home);
    error_kept(e, "Sessions go on; what they do is not noted.");
    return error_next(e, "They wait for the pool that serves it: Get-CsPoolFailOverStatus.");
}

void session_queue_put(struct session_queue *q, const struct session_record *record)
{
    struct put *put = xcalloc(1, sizeof *put), *group = NULL;
    session_record_encode(record, &put->value);
    pthread_mutex_lock(&q->lock);
    put->lane = lane_of(q, record->home, true);
    bool room = put->lane && put->lane->count + put->lane->coming < SESSION_QUEUE_MAX;
    if (room) {
        put->lane->coming++;
        put->number = q->next_number++;
        group = append(q, put);
    }
    pthread_mutex_unlock(&q->lock);
    if (group)
        write_group(q, group);
    if (room)
        return;
    struct error e;
    too_many(record->home, &e);
    tell_trouble(q, &e);
    put_free(put);
}

void session_queue_settle(struct session_queue *q, session_queue_settled *settled, void *context)
{
    pthread_mutex_lock(&q->lock);
    bool at_once = !q->writing;
    if (!at_once) {
        struct put *put = xcalloc(1, sizeof *put);
        put->settled = settled;
        put->context = context;
        append(q, put);
    }
    pthread_mutex_unlock(&q->lock);
    if (at_once)
        settled(context);
}

/* --- what waits --- */

size_t session_queue_count(struct session_queue *q, const char *home)
{
    size_t count = 0;
    pthread_mutex_lock(&q->lock);
    for (size_t i = 0; i < q->lane_count; i++) {
        if (!home || strcmp(q->lanes[i].home, home) == 0)
            count += q->lanes[i].count + q->lanes[i].coming;
    }
    pthread_mutex_unlock(&q->lock);
    return count;
}

static struct entry entry_of(struct session_queue *q, const char *home, bool oldest)
{
    struct entry entry = {0};
    pthread_mutex_lock(&q->lock);
    const struct lane *lane = lane_of(q, home, false);
    if (lane && lane->count)
        entry = *entry_at(lane, oldest ? 0 : lane->count - 1);
    pthread_mutex_unlock(&q->lock);
    return entry;
}

uint64_t session_queue_oldest_ms(struct session_queue *q, const char *home)
{
    return entry_of(q, home, true).at_ms;
}

uint64_t session_queue_last(struct session_queue *q, const char *home)
{
    return entry_of(q, home, false).number;
}

size_t session_queue_count_to(struct session_queue *q, const char *home, uint64_t last)
{
    pthread_mutex_lock(&q->lock);
    const struct lane *lane = lane_of(q, home, false);
    size_t count = lane && lane->count ? lane_count_to(lane, last) : 0;
    pthread_mutex_unlock(&q->lock);
    return count;
}

bool session_queue_failed(struct session_queue *q)
{
    return store_failed(q->store, NULL);
}

/* --- reading and removing --- */

/* The numbers of the oldest; owned by the caller. */
static uint64_t *oldest(struct session_queue *q, const char *home, size_t max, size_t *count)
{
    pthread_mutex_lock(&q->lock);
    const struct lane *lane = lane_of(q, home, false);
    *count = !lane ? 0 : lane->count < max ? lane->count : max;
    uint64_t *numbers = xcalloc(*count + 1, sizeof *numbers);
    for (size_t i = 0; i < *count; i++)
        numbers[i] = entry_at(lane, i)->number;
    pthread_mutex_unlock(&q->lock);
    return numbers;
}

static enum failure read_one(struct view *view, uint64_t number, struct session_record *record,
                             struct error *e)
{
    OWNED(buffer_free) struct buffer value = {0};
    char name[NAME_SIZE];
    enum failure bad = view_record(view, name_of(number, name), &value, e);
    if (bad)
        return bad;
    struct cursor in = cursor_over(buffer_view(&value));
    if (session_record_decode(&in, record) && cursor_done(&in))
        return OK;
    return fail(e, FAIL_DAMAGED, "The session record number %" PRIu64 " makes no sense.", number);
}

static void tell_damage(const struct error *e)
{
    log_error(LOG_EVENT_ERROR, "session-record-damaged", e,
              "A session record that was queued can't be read; it is left out.");
}

struct session_record *session_queue_read(struct session_queue *q, const char *home, size_t max,
                                          size_t *count, uint64_t *last, struct error *e)
{
    OWNED(view_close) struct view *view = NULL;
    size_t wanted;
    OWNED(free_memory) uint64_t *numbers = oldest(q, home, max, &wanted);
    *count = 0;
    *last = wanted ? numbers[wanted - 1] : 0;
    if (store_view(q->store, &view, e))
        return NULL;
    OWNED(free_memory)
    struct session_record *records = xcalloc(wanted + 1, sizeof *records);
    for (size_t i = 0; i < wanted; i++) {
        enum failure bad = read_one(view, numbers[i], &records[*count], e);
        if (bad && bad != FAIL_DAMAGED)
            return NULL;
        if (bad)
            tell_damage(e);
        else
            ++*count;
    }
    return TAKE(records);
}

static void forget(struct session_queue *q, const char *home, size_t count)
{
    pthread_mutex_lock(&q->lock);
    struct lane *lane = lane_of(q, home, false);
    assert(lane && lane->count >= count);
    lane->first = (lane->first + count) % lane->room;
    lane->count -= count;
    if (lane->count == 0) {
        free(TAKE(lane->entries));
        lane->first = lane->room = 0;
    }
    pthread_mutex_unlock(&q->lock);
}

enum failure session_queue_remove(struct session_queue *q, const char *home, uint64_t last,
                                  struct error *e)
{
    size_t count = session_queue_count_to(q, home, last), same;
    if (!count)
        return OK;
    OWNED(free_memory) uint64_t *numbers = oldest(q, home, count, &same);
    struct txn *txn = txn_new(q->owner);
    struct store_outcome outcome;
    char name[NAME_SIZE];
    for (size_t i = 0; i < same; i++)
        txn_record(txn, name_of(numbers[i], name), BYTES_NONE);
    enum failure bad = store_commit_wait(q->store, txn, &outcome);
    if (!bad)
        forget(q, home, same);
    else if (e)
        *e = outcome.error;
    return bad;
}

/* --- opening and closing --- */

struct found {
    uint64_t *numbers; /* ascending: so are the names */
    size_t count, room;
};

static bool note_number(const char *name, void *context)
{
    struct found *found = context;
    if (found->count == found->room) {
        found->room = found->room ? 2 * found->room : 1024;
        found->numbers = xrealloc(found->numbers, found->room * sizeof *found->numbers);
    }
    found->numbers[found->count++] = strtoull(name + strlen(prefix), NULL, 10);
    return true;
}

static enum failure read_entries(struct session_queue *q, struct found *found, struct error *e)
{
    OWNED(view_close) struct view *view = NULL;
    struct session_record record;
    enum failure bad = store_view(q->store, &view, e);
    if (!bad)
        bad = view_records(view, prefix, note_number, found, e);
    for (size_t i = 0; !bad && i < found->count; i++) {
        bad = read_one(view, found->numbers[i], &record, e);
        struct lane *lane = bad ? NULL : lane_of(q, record.home, true);
        if (lane)
            lane_add(lane, (struct entry){.number = found->numbers[i]});
    }
    if (found->count)
        q->next_number = found->numbers[found->count - 1] + 1;
    return bad;
}

struct session_queue *session_queue_open(const char *path, const char *machine,
                                         session_queue_trouble *trouble, void *context,
                                         struct error *e)
{
    struct session_queue *q = xcalloc(1, sizeof *q);
    struct engine *engine;
    struct found found = {0};
    snprintf(q->owner, sizeof q->owner, "%s", machine);
    q->trouble = trouble;
    q->context = context;
    q->last = &q->first;
    q->next_number = 1;
    pthread_mutex_init(&q->lock, NULL);
    pthread_cond_init(&q->idle, NULL);
    char pool[OWNER_SIZE + 32];
    snprintf(pool, sizeof pool, "session records of %s", q->owner);
    enum failure bad = sqlite_engine_open(path, pool, &engine, e);
    if (!bad)
        bad = store_open(engine, &q->store, e);
    if (!bad)
        bad = read_entries(q, &found, e);
    free(found.numbers);
    if (!bad)
        return q;
    session_queue_close(q);
    return NULL;
}

void session_queue_close(struct session_queue *q)
{
    if (!q)
        return;
    pthread_mutex_lock(&q->lock);
    while (q->writing)
        pthread_cond_wait(&q->idle, &q->lock);
    pthread_mutex_unlock(&q->lock);
    store_close(q->store);
    for (size_t i = 0; i < q->lane_count; i++)
        free(q->lanes[i].entries);
    pthread_cond_destroy(&q->idle);
    pthread_mutex_destroy(&q->lock);
    free(q);
}
