#include "pool/content.h"
#include "content/chunk_message.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "pool/backup_service.h"
#include "pool/content_inside.h"

const struct file_store *content_files(const struct content *content)
{
    return content->files;
}

struct content *front_end_content(const struct front_end *fe)
{
    return backup_service_content(front_end_backup_service(fe));
}

struct keeper *content_keeper(const struct content *content, const char *home)
{
    for (size_t i = 0; i < content->count; i++) {
        if (strcmp(content->keepers[i]->home, home) == 0)
            return content->keepers[i];
    }
    return NULL;
}

/* --- turns --- */

static enum content_role role_in(const struct home *core)
{
    switch (home_mode(core)) {
    case MODE_SERVING:
    case MODE_CLOSING: return CONTENT_CHANGES;
    case MODE_STANDBY:
    case MODE_RESILIENCY: return CONTENT_FOLLOWS;
    case MODE_DRAINING:
    case MODE_RELEASED:
    case MODE_REJOINING: break;
    }
    return CONTENT_WAITS;
}

static void on_news(const char *conference, const char *file, enum watch_news news, void *context)
{
    struct keeper *k = context;
    OWNED(buffer_free) struct buffer key = {0};
    buffer_printf(&key, "%s/%s", conference, file);
    uint64_t wait = news == WATCH_WRITTEN ? CONTENT_QUIET_MS : CONTENT_YOUNG_MS;
    keeper_note_dirty(k, buffer_view(&key), clock_ms() + wait);
}

/* What the kernel has to tell until now. */
static void read_news(struct keeper *k)
{
    pthread_mutex_lock(&k->lock);
    struct watch *watch = k->watch;
    pthread_mutex_unlock(&k->lock);
    if (!watch || watch_read(watch, on_news, k))
        return;
    pthread_mutex_lock(&k->lock);
    k->lost_sight = true;
    pthread_mutex_unlock(&k->lock);
}

static bool something_is_due(struct keeper *k)
{
    struct bytes key;
    struct key_note *note;
    size_t at = 0;
    uint64_t now = clock_ms();
    if (now - k->worked_ms >= CONTENT_CHECK_MS)
        return true;
    pthread_mutex_lock(&k->lock);
    bool due = k->lost_sight || !k->scanned || k->scanned_as != k->next_role;
    while (!due && keys_next(k->dirty, &at, &key, &note))
        due = note->waits && note->due_ms <= now;
    pthread_mutex_unlock(&k->lock);
    return due;
}

static void turn(void *context)
{
    keeper_turn(context);
}

static void on_turned(void *context)
{
    struct keeper *k = context;
    k->working = false;
    k->worked_ms = clock_ms();
}

void keeper_note_role(struct keeper *k)
{
    if (k->retired)
        return;
    const struct home *core = hosted_home_core(front_end_home(k->content->fe, k->home));
    pthread_mutex_lock(&k->lock);
    k->next_role = role_in(core);
    k->next_term = home_hold(core)->term.number;
    snprintf(k->next_partner, sizeof k->next_partner, "%s", home_partner(core));
    pthread_mutex_unlock(&k->lock);
}

static void look_after(struct keeper *k)
{
    keeper_note_role(k);
    if (k->retired || !k->content->files || k->working)
        return;
    read_news(k);
    if (something_is_due(k))
        k->working = workers_run(k->workers, turn, on_turned, k);
}

static void on_tick(void *context)
{
    const struct content *content = context;
    for (size_t i = 0; i < content->count && !atomic_load(&content->stopping); i++)
        look_after(content->keepers[i]);
}

/* --- for others --- */

struct changed {
    struct content *content;
    char home[HOME_NAME_SIZE];
};

static void on_changed(void *context)
{
    struct changed *changed = context;
    if (!atomic_load(&changed->content->stopping))
        backup_service_content_changed(front_end_backup_service(changed->content->fe),
                                       changed->home);
    free(changed);
}

void content_changed(struct content *content, const char *home)
{
    struct changed *changed = xmalloc(sizeof *changed);
    changed->content = content;
    snprintf(changed->home, sizeof changed->home, "%s", home);
    loop_post_surely(front_end_loop(content->fe), on_changed, changed);
}

void content_look(const struct content *content, const char *home)
{
    struct keeper *k = content_keeper(content, home);
    if (!k)
        return;
    pthread_mutex_lock(&k->lock);
    k->lost_sight = true;
    pthread_mutex_unlock(&k->lock);
}

void content_create(const struct content *content)
{
    struct error e;
    if (content->files && file_store_mark(content->files, &e))
        log_error(LOG_EVENT_WARNING, "file-store-not-marked", &e,
                  "The file store %s was not made this pool's.", file_store_path(content->files));
}

bool content_retire(const struct content *content, const char *home)
{
    struct keeper *k = content_keeper(content, home);
    if (!k)
        return true;
    if (k->working)
        return false;
    pthread_mutex_lock(&k->lock);
    k->retired = true;
    k->trouble = (struct error){0};
    watch_free(TAKE(k->watch));
    pthread_mutex_unlock(&k->lock);
    return true;
}

void content_complete(const struct content *content, const char *home, bool complete)
{
    struct keeper *k = content_keeper(content, home);
    if (!k)
        return;
    pthread_mutex_lock(&k->lock);
    k->complete = complete;
    if (complete)
        k->batch_bytes = 0;
    pthread_mutex_unlock(&k->lock);
}

static size_t waiting(const struct keys *dirty)
{
    struct bytes key;
    struct key_note *note;
    size_t at = 0, count = 0;
    while (keys_next(dirty, &at, &key, &note))
        count += note->waits;
    return count;
}

static void add_left(struct keeper *k, struct content_left *left)
{
    if (k->retired)
        return;
    read_news(k);
    pthread_mutex_lock(&k->lock);
    bool waits = k->next_role == CONTENT_WAITS;
    left->files += keys_count(k->missing) + waiting(k->dirty) + k->in_hand;
    left->bytes += k->missing_bytes + (k->next_role == CONTENT_FOLLOWS ? k->batch_bytes : 0);
    left->unsure |= !k->scanned || k->lost_sight || (!waits && k->scanned_as != k->next_role);
    left->broken |= k->trouble.kind && !k->scanned;
    pthread_mutex_unlock(&k->lock);
}

struct content_left content_left(struct content *content, const char *home)
{
    struct content_left left = {0};
    for (size_t i = 0; content->files && i < content->count; i++) {
        if (!home || strcmp(home, content->keepers[i]->home) == 0)
            add_left(content->keepers[i], &left);
    }
    return left;
}

/* What was only touched is looked at, and as a rule is right. */
uint64_t content_missing(const struct content *content, const char *home)
{
    struct keeper *k = content->files ? content_keeper(content, home) : NULL;
    if (!k || k->retired)
        return 0;
    pthread_mutex_lock(&k->lock);
    bool unsure = !k->scanned || k->lost_sight || k->scanned_as != k->next_role;
    uint64_t missing = unsure ? CONTENT_UNKNOWN : keys_count(k->missing) + k->wrong;
    pthread_mutex_unlock(&k->lock);
    return missing;
}

bool content_may_export(struct content *content, const char *home)
{
    struct keeper *k = content_keeper(content, home);
    if (!k || !content->files)
        return true;
    pthread_mutex_lock(&k->lock);
    bool may = (k->scanned && k->scanned_as == k->next_role) || k->trouble.kind ||
               k->next_role == CONTENT_WAITS;
    pthread_mutex_unlock(&k->lock);
    return may;
}

struct error content_trouble(struct content *content, const char *home)
{
    struct error e = {0};
    for (size_t i = 0; !e.kind && i < content->count; i++) {
        struct keeper *k = content->keepers[i];
        pthread_mutex_lock(&k->lock);
        if (!home || strcmp(home, k->home) == 0)
            e = k->trouble;
        pthread_mutex_unlock(&k->lock);
    }
    return e;
}

struct content_counts content_counts(const struct content *content, const char *home)
{
    struct keeper *k = content_keeper(content, home);
    struct content_counts counts = {0};
    if (!k)
        return counts;
    pthread_mutex_lock(&k->lock);
    counts = k->counts;
    pthread_mutex_unlock(&k->lock);
    counts.bytes_fetched = atomic_load(&k->bytes_fetched);
    counts.bytes_found = atomic_load(&k->bytes_found);
    return counts;
}

void content_configure(struct content *content, size_t calls_max)
{
    content->lending_max = calls_max;
}

/* --- begin and end --- */

static struct keeper *keeper_new(struct content *content, const struct home *core)
{
    struct keeper *k = xcalloc(1, sizeof *k);
    k->content = content;
    snprintf(k->home, sizeof k->home, "%s", home_name(core));
    snprintf(k->next_partner, sizeof k->next_partner, "%s", home_partner(core));
    k->workers = workers_new(front_end_loop(content->fe), "files", 1);
    pthread_mutex_init(&k->lock, NULL);
    k->dirty = keys_new(CONTENT_KEYS_MAX);
    k->missing = keys_new(CONTENT_KEYS_MAX);
    k->fetch = (struct fetch){.files = content->files,
                              .calls = content->calls,
                              .seeds = seeds_new(),
                              .stopping = &content->stopping,
                              .bytes_fetched = &k->bytes_fetched,
                              .bytes_found = &k->bytes_found};
    memcpy(k->fetch.home, k->home, sizeof k->home);
    pace_begin(&k->fetch.pace, CHUNK_CALL_BYTES);
    memcpy(k->fetch.pool, k->next_partner, sizeof k->next_partner);
    return k;
}

static void keeper_free(struct keeper *k)
{
    keeper_forget_reading(k);
    fetch_clear(&k->fetch);
    seeds_free(k->fetch.seeds);
    keys_free(k->dirty);
    keys_free(k->missing);
    watch_free(k->watch);
    pthread_mutex_destroy(&k->lock);
    free(k);
}

struct content *content_new(struct front_end *fe)
{
    struct content *content = xcalloc(1, sizeof *content);
    content->fe = fe;
    pthread_mutex_init(&content->tidying.turn, NULL);
    pthread_mutex_init(&content->tidying.lock, NULL);
    pthread_cond_init(&content->tidying.changed, NULL);
    content->files = front_end_files(fe);
    content->lenders = workers_new(front_end_loop(fe), "lending", CONTENT_LENDERS_MAX);
    content->calls = content_calls_new(fe);
    content->lending_max = SIZE_MAX; /* until the configuration was read */
    return content;
}

void content_start(struct content *content)
{
    struct hosted_home *homes[HOSTED_HOMES_MAX];
    size_t count = front_end_homes(content->fe, homes);
    for (size_t i = 0; i < count; i++) {
        const struct home *core = hosted_home_core(homes[i]);
        if (module_belongs(MODULE_DATA_CONF, home_name(core)))
            content->keepers[content->count++] = keeper_new(content, core);
    }
    for (size_t i = 0; i < content->count; i++)
        keeper_note_role(content->keepers[i]);
    content_tidy(content);
    loop_every(front_end_loop(content->fe), CONTENT_TICK_MS, on_tick, content);
}

void content_stop(struct content *content)
{
    if (!content)
        return;
    atomic_store(&content->stopping, true);
    content_calls_stop(content->calls);
    for (size_t i = 0; i < content->count; i++)
        workers_free(TAKE(content->keepers[i]->workers));
    workers_free(TAKE(content->lenders));
    loop_settle(front_end_loop(content->fe)); /* what its threads had still to say */
}

void content_free(struct content *content)
{
    if (!content)
        return;
    for (size_t i = 0; i < content->count; i++)
        keeper_free(content->keepers[i]);
    content_calls_free(content->calls);
    pthread_cond_destroy(&content->tidying.changed);
    pthread_mutex_destroy(&content->tidying.lock);
    pthread_mutex_destroy(&content->tidying.turn);
    free(content);
}
