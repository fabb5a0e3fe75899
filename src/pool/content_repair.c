/* What is missing or damaged is brought back: from what else is here, and from the other pool. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/count.h"
#include "base/log.h"
#include "pool/content_inside.h"

enum {
    REPAIR_FILES_MAX = 500, /* in one round */
    REPAIR_BYTES_MAX = 64 << 20,
    REPAIR_LATER_MS = 10000, /* the other pool has not got it either, or another version */
};

/* The next ones whose time has come; views into `names`. */
static size_t take_due(struct keeper *k, struct buffer *names)
{
    struct bytes key;
    struct key_note *note;
    size_t at = 0, count = 0;
    uint64_t bytes = 0, now = clock_ms();
    pthread_mutex_lock(&k->lock);
    while (count < REPAIR_FILES_MAX && bytes < REPAIR_BYTES_MAX &&
           keys_next(k->missing, &at, &key, &note)) {
        if (note->due_ms > now)
            continue;
        buffer_bytes(names, key);
        bytes += note->bytes;
        count++;
    }
    pthread_mutex_unlock(&k->lock);
    return count;
}

/* What they should be, by the store as it is now. */
static enum failure read_manifests(struct keeper *k, const struct buffer *names,
                                   struct fetch_file *list, size_t *count, struct error *e)
{
    OWNED(view_close) struct view *view = NULL;
    struct cursor in = cursor_over(buffer_view(names));
    enum failure bad = store_view(keeper_store(k), &view, e);
    *count = 0;
    while (!bad && in.left) {
        struct fetch_file *file = &list[*count];
        uint64_t usn;
        *file = (struct fetch_file){.key = cursor_bytes(&in, ITEM_KEY_MAX)};
        bad = keeper_manifest(view, k->home, file->key, &file->manifest, &usn, e);
        if (bad == FAIL_NOT_FOUND) {
            keeper_forget_missing(k, file->key); /* deleted meanwhile */
            bad = OK;
            continue;
        }
        if (!bad)
            bad = file_name_of_key(k->home, file->key, &file->name, e);
        int fd;
        file->aside = !bad && file_store_open_aside(k->content->files, &file->name,
                                                    file->manifest.stamp, &fd);
        if (file->aside)
            close(fd);
        file->had_stamp = true; /* damaged under its own stamp, if it is there at all */
        file->had = file->manifest.stamp;
        (*count)++;
    }
    return bad;
}

/* Is it wanted as it is, by the store as it is by now? And what somebody put there meanwhile, where
 * the home is served, is an upload or a change, which its manifest follows. */
static bool still_missing(const struct fetch_file *file, void *context)
{
    struct keeper *k = context;
    OWNED(view_close) struct view *view = NULL;
    OWNED(manifest_free) struct manifest now = {0};
    enum file_found found;
    struct file_stamp there;
    uint64_t usn;
    if (store_view(keeper_store(k), &view, NULL) ||
        keeper_manifest(view, k->home, file->key, &now, &usn, NULL) ||
        !file_stamp_equal(now.stamp, file->manifest.stamp))
        return false;
    return k->role != CONTENT_CHANGES ||
           file_store_look(k->content->files, &file->name, &found, &there, NULL) ||
           found != FOUND_FILE || there.time_ns <= now.stamp.time_ns;
}

static void note_results(struct keeper *k, struct fetch_file *list, size_t count, struct error *e)
{
    size_t absent = 0, placed = 0;
    for (size_t i = 0; i < count; i++) {
        if (list[i].state == FETCH_ABSENT && !still_missing(&list[i], k))
            list[i].state = FETCH_PASSED;
        if (list[i].state == FETCH_PLACED || list[i].state == FETCH_PASSED)
            keeper_forget_missing(k, list[i].key);
        if (list[i].state == FETCH_PASSED)
            keeper_note_dirty(k, list[i].key, clock_ms() + CONTENT_YOUNG_MS);
        if (list[i].state == FETCH_PLACED) {
            placed++;
        } else if (list[i].state == FETCH_ABSENT) {
            char shown[FILE_NAME_SHOWN_SIZE];
            pthread_mutex_lock(&k->lock);
            struct key_note *note = keys_find(k->missing, list[i].key);
            if (note)
                note->due_ms = clock_ms() + REPAIR_LATER_MS;
            pthread_mutex_unlock(&k->lock);
            if (!absent++) {
                fail(e, FAIL_NOT_FOUND,
                     "%s of the home %s is missing, and %s does not have it as its manifest says.",
                     file_name_shown(&list[i].name, shown), k->home,
                     k->fetch.pool[0] ? k->fetch.pool : "nobody");
                error_kept(e, "Its manifest stays.");
                error_next(e, CONTENT_LOST_NEXT);
            }
        }
    }
    pthread_mutex_lock(&k->lock);
    k->counts.fetched += placed;
    pthread_mutex_unlock(&k->lock);
    if (placed)
        log_event(LOG_EVENT_NOTICE, "files-restored",
                  "%s of the home %s %s missing or damaged, and %s back.", COUNTED(placed, "file"),
                  k->home, count_word(placed, "was", "were"), count_word(placed, "is", "are"));
}

static enum failure repair_some(struct keeper *k, uint64_t until_ms, size_t *done, struct error *e)
{
    OWNED(buffer_free) struct buffer names = {0};
    size_t count = take_due(k, &names);
    struct fetch_file *list = xcalloc(count + 1, sizeof *list);
    enum failure bad = count ? read_manifests(k, &names, list, &count, e) : OK;
    fetch_half_first(k->fetch.half[FETCH_FOR_REPAIR], list, count);
    if (!bad)
        bad = fetch_files(&k->fetch, FETCH_FOR_REPAIR, list, count, until_ms, e);
    enum failure placed = fetch_place(&k->fetch, list, count, still_missing, k, bad ? NULL : e);
    bad = bad ? bad : placed;
    note_results(k, list, count, bad ? NULL : e);
    *done = count;
    for (size_t i = 0; i < count; i++)
        fetch_file_clear(&list[i]);
    free(list);
    return bad;
}

/* What is half here of a file that nobody waits for any more (it is back, or was replaced) would
 * take its room for ever. */
static void let_go_of_halves(struct keeper *k)
{
    pthread_mutex_lock(&k->lock);
    bool missing = keys_count(k->missing) > 0, copying = k->role == CONTENT_FOLLOWS && !k->complete;
    pthread_mutex_unlock(&k->lock);
    if (!missing)
        fetch_let_go_of_half(&k->fetch, FETCH_FOR_REPAIR);
    if (!copying)
        fetch_let_go_of_half(&k->fetch, FETCH_FOR_BATCH);
}

void keeper_repair(struct keeper *k, uint64_t until_ms, struct error *e)
{
    enum failure bad = OK;
    size_t done = 1;
    let_go_of_halves(k);
    while (!bad && done && clock_ms() < until_ms && clock_ms() >= k->retry_ms &&
           !atomic_load(&k->content->stopping))
        bad = repair_some(k, until_ms, &done, e);
    if (bad)
        k->retry_ms = clock_ms() + CONTENT_RETRY_MS;
}
