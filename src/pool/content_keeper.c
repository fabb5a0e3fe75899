/* A keeper's turn, and what it remembers between turns (content_inside.h). */
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "pool/content_inside.h"

struct store *keeper_store(const struct keeper *k)
{
    return front_end_store(k->content->fe);
}

/* --- what is to be done --- */

void keeper_note_dirty(struct keeper *k, struct bytes key, uint64_t due_ms)
{
    pthread_mutex_lock(&k->lock);
    struct key_note *note = keys_put(k->dirty, key);
    if (!note) {
        k->lost_sight = true; /* more than can be remembered: a scan finds it */
    } else {
        /* Who is not done yet is not waited for again and again. */
        bool sooner = !note->waits || due_ms < note->due_ms;
        if (sooner)
            note->due_ms = due_ms > note->cool_ms ? due_ms : note->cool_ms;
        note->waits = true;
    }
    pthread_mutex_unlock(&k->lock);
}

void keeper_note_missing(struct keeper *k, struct bytes key, uint64_t bytes)
{
    pthread_mutex_lock(&k->lock);
    struct key_note *note = keys_put(k->missing, key);
    if (!note) {
        k->lost_sight = true;
    } else {
        k->missing_bytes += bytes - note->bytes;
        note->bytes = bytes;
    }
    pthread_mutex_unlock(&k->lock);
}

void keeper_note_damaged(struct keeper *k, struct bytes key, uint64_t bytes)
{
    keeper_note_missing(k, key, bytes);
    pthread_mutex_lock(&k->lock);
    struct key_note *note = keys_find(k->missing, key);
    if (note)
        note->damaged = true;
    pthread_mutex_unlock(&k->lock);
}

void keeper_note_sound(struct keeper *k, struct bytes key)
{
    pthread_mutex_lock(&k->lock);
    const struct key_note *note = keys_find(k->missing, key);
    bool damaged = note && note->damaged;
    pthread_mutex_unlock(&k->lock);
    if (!damaged)
        keeper_forget_missing(k, key);
}

void keeper_forget_missing(struct keeper *k, struct bytes key)
{
    pthread_mutex_lock(&k->lock);
    const struct key_note *note = keys_find(k->missing, key);
    if (note) {
        k->missing_bytes -= note->bytes;
        keys_remove(k->missing, key);
    }
    pthread_mutex_unlock(&k->lock);
}

/* Of what is in the table of what is to be looked at. */
void keeper_note_wrong(struct keeper *k, struct bytes key, bool wrong)
{
    pthread_mutex_lock(&k->lock);
    struct key_note *note = keys_find(k->dirty, key);
    if (note && note->wrong != wrong) {
        note->wrong = wrong;
        k->wrong += wrong ? 1 : -1;
    }
    pthread_mutex_unlock(&k->lock);
}

/* --- a turn --- */

/* By the store as it is by now: its users may be about it. */
static enum file_meant still_means(const struct file_name *name, struct file_stamp *stamp,
                                   void *context)
{
    const struct content *content = context;
    OWNED(view_close) struct view *view = NULL;
    OWNED(buffer_free) struct buffer key = {0};
    struct home_state state;
    struct item item;
    file_name_key(name, &key);
    if (store_view(front_end_store(content->fe), &view, NULL) ||
        view_home(view, name->home, &state, NULL) || !state.head)
        return MEANT_UNKNOWN; /* it is still to be refilled */
    enum failure bad =
        view_item(view, name->home, MODULE_DATA_CONF, buffer_view(&key), &item, NULL);
    if (bad == FAIL_NOT_FOUND)
        return MEANT_NOT;
    if (!bad && item.deleted)
        return MEANT_GONE;
    return bad || manifest_stamp(item.value, stamp, NULL) ? MEANT_UNKNOWN : MEANT;
}

/* Once for each file store, by whoever comes first: what lies there is not of one home alone. */
static enum failure tidy(struct content *content, uint64_t identity, struct error *e)
{
    enum failure bad = OK;
    pthread_mutex_lock(&content->tidying.turn);
    if (identity != content->tidied)
        bad = file_store_tidy(content->files, still_means, content, e);
    content->tidied = bad ? 0 : identity;
    pthread_mutex_unlock(&content->tidying.turn);
    return bad;
}

static void tidy_first(void *context)
{
    struct content *content = context;
    struct error unused; /* the keepers say what is wrong, and try again */
    if (!file_store_check(content->files, &unused))
        tidy(content, file_store_identity(content->files), &unused);
    pthread_mutex_lock(&content->tidying.lock);
    content->tidying.over = true;
    pthread_cond_broadcast(&content->tidying.changed);
    pthread_mutex_unlock(&content->tidying.lock);
}

static void on_tidied(void *context)
{
    (void)context; /* whoever waited was told before */
}

void content_tidy(struct content *content)
{
    struct timespec until;
    if (!content->files || !content->count ||
        !workers_run(content->keepers[0]->workers, tidy_first, on_tidied, content))
        return;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += CONTENT_TIDY_S;
    pthread_mutex_lock(&content->tidying.lock);
    int late = 0;
    while (!content->tidying.over && !late)
        late = pthread_cond_clockwait(&content->tidying.changed, &content->tidying.lock,
                                      CLOCK_MONOTONIC, &until);
    pthread_mutex_unlock(&content->tidying.lock);
}

static void tell_works(const struct keeper *k)
{
    log_event(LOG_EVENT_NOTICE, "content-works",
              "Nothing stands in the way of the files of the home %s any more.", k->home);
}

/* Another file store lies there now: nothing that was known of the one before is true of it. */
static enum failure meet_store(struct keeper *k, uint64_t identity, struct error *e)
{
    enum failure bad = tidy(k->content, identity, e);
    if (bad)
        return bad;
    pthread_mutex_lock(&k->lock);
    watch_free(k->watch);
    k->watch = watch_new();
    k->scanned = false;
    bool works = k->trouble.kind;
    k->trouble = (struct error){0};
    pthread_mutex_unlock(&k->lock);
    if (works)
        tell_works(k);
    seeds_free(k->fetch.seeds);
    k->fetch.seeds = seeds_new();
    fetch_clear(&k->fetch);
    k->identity = identity;
    k->retry_ms = 0;
    return OK;
}

static bool scan_is_due(struct keeper *k)
{
    pthread_mutex_lock(&k->lock);
    bool due = !k->scanned || k->lost_sight || k->scanned_as != k->role ||
               (k->blind && clock_ms() - k->scanned_ms >= CONTENT_BLIND_MS);
    pthread_mutex_unlock(&k->lock);
    return due;
}

static void work(struct keeper *k, struct error *e)
{
    uint64_t until_ms = clock_ms() + CONTENT_TURN_MS;
    uint64_t identity = file_store_identity(k->content->files);
    if (k->role == CONTENT_WAITS)
        return;
    if (file_store_check(k->content->files, e)) {
        k->identity = 0;
        return;
    }
    if (identity != k->identity && meet_store(k, identity, e))
        return;
    if (scan_is_due(k))
        keeper_scan(k, e);
    if (!e->kind)
        keeper_look_at_dirty(k, until_ms, e);
    if (!e->kind)
        keeper_repair(k, until_ms, e);
}

static bool same_trouble(const struct error *a, const struct error *b)
{
    return a->kind == b->kind && strcmp(a->what, b->what) == 0;
}

/* A turn that only waits for its next try says nothing new. */
static bool is_resting(const struct keeper *k, const struct error *e)
{
    return !e->kind && clock_ms() < k->retry_ms;
}

static void tell_trouble(const struct keeper *k, const struct error *e)
{
    if (e->kind)
        log_error(LOG_EVENT_WARNING, "content-trouble", e, "The files of the home %s:", k->home);
    else
        tell_works(k);
}

/* The home was paired anew while this process ran: what the one before did not have, this one may.
 * With the lock held. */
static void meet_partner(struct keeper *k)
{
    struct bytes key;
    struct key_note *note;
    size_t at = 0;
    memcpy(k->fetch.pool, k->next_partner, sizeof k->fetch.pool);
    k->retry_ms = 0;
    while (keys_next(k->missing, &at, &key, &note))
        note->due_ms = 0;
}

void keeper_begin(struct keeper *k)
{
    pthread_mutex_lock(&k->lock);
    k->role = k->next_role;
    k->term = k->next_term;
    if (strcmp(k->fetch.pool, k->next_partner) != 0)
        meet_partner(k);
    pthread_mutex_unlock(&k->lock);
}

void keeper_turn(struct keeper *k)
{
    struct error e = {0};
    keeper_begin(k);
    work(k, &e);
    if (e.kind == FAIL_STOPPING || is_resting(k, &e))
        return;
    pthread_mutex_lock(&k->lock);
    bool absent = !e.kind && k->trouble.kind == FAIL_NOT_FOUND && keys_count(k->missing);
    bool news = !absent && !same_trouble(&k->trouble, &e);
    if (news)
        k->trouble = e;
    if (!k->identity)
        k->scanned = false;
    pthread_mutex_unlock(&k->lock);
    if (news)
        tell_trouble(k, &e);
}
