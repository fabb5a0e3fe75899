/* Every file is read against its hashes, slowly, on the scrub's thread. What is damaged under an
 * unchanged stamp is brought back like what is missing. */
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "pool/content_inside.h"

enum {
    /* A pause after each of these: at most some 100 MB a second, and others get the disk between.
     */
    SCRUB_BYTES = 1 << 20,
    SCRUB_BYTES_PAUSE_MS = 10,
    PAGE_BYTES = 1 << 20, /* manifests that are read in one view */
};

struct scrubbing {
    struct keeper *k;
    atomic_bool *stopping;
    uint64_t damaged;
    uint64_t read;
    struct buffer keys, values, last;
};

static bool note_manifest(const struct item *item, struct item_hash hash, void *context)
{
    struct scrubbing *s = context;
    (void)hash;
    buffer_bytes(&s->keys, item->key);
    buffer_bytes(&s->values, item->value);
    return s->values.size < PAGE_BYTES;
}

static void pause_after(struct scrubbing *s, size_t size)
{
    s->read += size;
    if (s->read < SCRUB_BYTES)
        return;
    s->read = 0;
    nanosleep(&(struct timespec){.tv_nsec = SCRUB_BYTES_PAUSE_MS * 1000000L}, NULL);
}

static bool read_chunk(int fd, struct buffer *into, uint32_t size)
{
    buffer_clear(into);
    buffer_reserve(into, size);
    while (into->size < size) {
        ssize_t got = read(fd, into->at + into->size, size - into->size);
        if (got <= 0)
            return false;
        into->size += (size_t)got;
    }
    return true;
}

static bool is_sound(struct scrubbing *s, int fd, const struct manifest *m)
{
    OWNED(buffer_free) struct buffer bytes = {0};
    uint8_t hash[CHUNK_HASH_SIZE];
    for (size_t i = 0; i < m->count && !atomic_load(s->stopping); i++) {
        if (!read_chunk(fd, &bytes, m->chunks[i].size))
            return false;
        chunk_hash(buffer_view(&bytes), hash);
        if (memcmp(hash, m->chunks[i].hash, sizeof hash) != 0)
            return false;
        pause_after(s, bytes.size);
    }
    return true;
}

static void note_damage(struct scrubbing *s, const struct file_name *name, struct bytes key,
                        uint64_t size)
{
    char shown[FILE_NAME_SHOWN_SIZE];
    s->damaged++;
    keeper_note_damaged(s->k, key, size);
    log_event(LOG_EVENT_WARNING, "file-damaged",
              "%s of the home %s is not what was written, under the same size and time; it is "
              "brought back.",
              file_name_shown(name, shown), s->k->home);
}

/* Of a file that changed, that is somebody else's business. */
static void scrub_file(struct scrubbing *s, struct bytes key, const struct manifest *m)
{
    const struct file_store *files = s->k->content->files;
    struct file_name name;
    struct file_stamp before, after;
    enum file_found found;
    int fd;
    if (file_name_of_key(s->k->home, key, &name, NULL) ||
        file_store_open(files, &name, &fd, &before, NULL))
        return;
    struct file_sight sight = {.manifest = true, .kept = m->stamp, .here = before};
    sight.found = FOUND_FILE;
    bool sound = !file_stamp_equal(before, m->stamp) || is_sound(s, fd, m);
    close(fd);
    bool still = !file_store_look(files, &name, &found, &after, NULL) && found == FOUND_FILE &&
                 file_stamp_equal(before, after);
    sight.bytes = sound ? BYTES_EQUAL : BYTES_DIFFER;
    if (!sound && still && file_judge(&sight) == FILE_LOST)
        note_damage(s, &name, key, m->stamp.size);
}

static enum failure scrub_page(struct scrubbing *s, struct error *e)
{
    struct cursor keys = cursor_over(buffer_view(&s->keys));
    struct cursor values = cursor_over(buffer_view(&s->values));
    enum failure bad = OK;
    while (!bad && keys.left && !atomic_load(s->stopping)) {
        OWNED(manifest_free) struct manifest m = {0};
        struct bytes key = cursor_bytes(&keys, ITEM_KEY_MAX);
        bad = manifest_decode(cursor_bytes(&values, ITEM_VALUE_MAX), &m, e);
        buffer_clear(&s->last);
        buffer_raw(&s->last, key.at, key.size);
        if (!bad)
            scrub_file(s, key, &m);
    }
    return bad;
}

static enum failure scrub_all(struct scrubbing *s, struct error *e)
{
    enum failure bad = OK;
    do {
        OWNED(view_close) struct view *view = NULL;
        buffer_clear(&s->keys);
        buffer_clear(&s->values);
        bad = store_view(keeper_store(s->k), &view, e);
        if (!bad)
            bad = view_keys_after(view, s->k->home, MODULE_DATA_CONF, BYTES_NONE,
                                  buffer_view(&s->last), note_manifest, s, e);
        view_close(TAKE(view));
        if (!bad)
            bad = scrub_page(s, e);
    } while (!bad && s->keys.size && !atomic_load(s->stopping));
    return bad;
}

enum failure content_scrub(struct content *content, const char *home, atomic_bool *stopping,
                           uint64_t *damaged, struct error *e)
{
    struct scrubbing s = {.k = content_keeper(content, home), .stopping = stopping};
    *damaged = 0;
    if (!s.k || !content->files)
        return OK;
    enum failure bad = file_store_check(content->files, e);
    if (!bad)
        bad = scrub_all(&s, e);
    *damaged = s.damaged;
    buffer_free(&s.keys);
    buffer_free(&s.values);
    buffer_free(&s.last);
    return bad;
}
