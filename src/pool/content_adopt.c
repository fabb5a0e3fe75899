/* What somebody changed in the file store of the pool that serves a home becomes a change of the
 * home: a new manifest. Many files share a transaction. */
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "pool/content_inside.h"

enum {
    /* In one transaction: enough to share a flush, little enough to be read in a moment. */
    ADOPT_FILES_MAX = 500,
    ADOPT_BYTES_MAX = 256 << 20,
    ADOPT_MANIFESTS_MAX = 4 << 20,
    MS = 1000000,
};

struct adoption {
    struct keeper *k;
    struct txn *txn;
    struct keys *names; /* that are in it */
    uint64_t bytes, manifests;
};

struct adoption *adoption_new(struct keeper *k)
{
    struct adoption *a = xcalloc(1, sizeof *a);
    a->k = k;
    a->names = keys_new(ADOPT_FILES_MAX);
    return a;
}

/* Whatever became of it: those files are to be looked at again. */
static void look_again(struct adoption *a)
{
    struct bytes key;
    struct key_note *note;
    size_t at = 0;
    while (keys_next(a->names, &at, &key, &note))
        keeper_note_dirty(a->k, key, clock_ms() + CONTENT_QUIET_MS);
}

static enum failure commit(struct adoption *a, struct error *e)
{
    struct keeper *k = a->k;
    struct store_outcome outcome = {0};
    size_t count = keys_count(a->names);
    if (!count)
        return OK;
    enum failure bad = store_commit_wait(keeper_store(k), TAKE(a->txn), &outcome);
    if (bad) {
        look_again(a);
        if (e)
            *e = outcome.error;
    } else {
        pthread_mutex_lock(&k->lock);
        k->counts.taken_up += count;
        pthread_mutex_unlock(&k->lock);
        content_changed(k->content, k->home);
    }
    keys_clear(a->names);
    a->bytes = a->manifests = 0;
    /* Somebody was faster, or it is no longer ours to change: the next look tells. */
    if (e && (bad == FAIL_CONFLICT || bad == FAIL_REFUSED))
        *e = (struct error){0};
    return bad == FAIL_CONFLICT || bad == FAIL_REFUSED ? OK : bad;
}

/* Whoever writes a file that changed a moment ago may change it again under the same time: then
 * that would look like damage. */
static bool is_young(struct file_stamp stamp)
{
    int64_t age_ms = (int64_t)clock_wall_ms() - stamp.time_ns / MS;
    return age_ms >= 0 && age_ms < CONTENT_YOUNG_MS;
}

static void put(struct adoption *a, const struct manifest *manifest, struct bytes key, uint64_t usn)
{
    OWNED(buffer_free) struct buffer value = {0};
    manifest_encode(manifest, &value);
    if (!a->txn) {
        a->txn = txn_new(a->k->home);
        txn_as_holder(a->txn, a->k->term);
    }
    txn_expect(a->txn, MODULE_DATA_CONF, key, usn);
    txn_put(a->txn, MODULE_DATA_CONF, key, buffer_view(&value));
    keys_put(a->names, key);
    a->bytes += manifest->stamp.size;
    a->manifests += value.size;
}

static void tell_refused(struct keeper *k, const struct file_name *name, const struct error *e)
{
    char shown[FILE_NAME_SHOWN_SIZE];
    log_error(LOG_EVENT_WARNING, "file-not-taken", e,
              "%s of the home %s was not taken up, and is not copied.",
              file_name_shown(name, shown), k->home);
}

/* The manifest of what lies there now, if it holds still. */
static enum failure read_still(struct adoption *a, const struct file_name *name, struct bytes key,
                               struct manifest *manifest, bool *stable, struct error *e)
{
    struct error why = {0};
    enum failure bad = keeper_read_in_turns(a->k, name, manifest, stable, &why);
    if (bad == FAIL_NOT_FOUND || bad == FAIL_FOREIGN || bad == FAIL_BUSY || (!bad && !*stable)) {
        *stable = false; /* changed again meanwhile, or not read to its end yet */
        keeper_note_dirty(a->k, key, clock_ms() + CONTENT_QUIET_MS);
        return OK;
    }
    if (bad == FAIL_INVALID) {
        tell_refused(a->k, name, &why);
        *stable = false;
        return OK;
    }
    if (bad)
        *e = why;
    if (!bad && is_young(manifest->stamp)) {
        *stable = false;
        keeper_note_dirty(a->k, key, clock_ms() + CONTENT_YOUNG_MS);
    }
    return bad;
}

/* The usn first: what is committed between that and the file's being read makes this one fail. */
static enum failure read_usn(struct adoption *a, struct bytes key, uint64_t *usn,
                             struct manifest *before, struct error *e)
{
    OWNED(view_close) struct view *view = NULL;
    enum failure bad = store_view(keeper_store(a->k), &view, e);
    if (!bad)
        bad = keeper_manifest(view, a->k->home, key, before, usn, e);
    return bad == FAIL_NOT_FOUND ? OK : bad;
}

/* What its users are just putting there, or have put there in vain, is no change of the tree. */
static bool lies_there_for_good(const struct adoption *a, const struct file_name *name,
                                struct file_stamp stamp)
{
    const struct file_store *files = a->k->content->files;
    enum file_found found;
    struct file_stamp now;
    return !file_store_changes(files, name) && !file_store_look(files, name, &found, &now, NULL) &&
           found == FOUND_FILE && file_stamp_equal(now, stamp);
}

enum failure adoption_add(struct adoption *a, const struct file_name *name, struct error *e)
{
    OWNED(buffer_free) struct buffer key = {0};
    OWNED(manifest_free) struct manifest now = {0}, before = {0};
    uint64_t usn = 0;
    bool stable = false;
    file_name_key(name, &key);
    if (keys_find(a->names, buffer_view(&key)))
        return OK;
    enum failure bad = read_usn(a, buffer_view(&key), &usn, &before, e);
    if (!bad)
        bad = read_still(a, name, buffer_view(&key), &now, &stable, e);
    if (bad || !stable || file_stamp_equal(before.stamp, now.stamp))
        return bad;
    if (!lies_there_for_good(a, name, now.stamp)) {
        keeper_note_dirty(a->k, buffer_view(&key), clock_ms() + CONTENT_QUIET_MS);
        return OK;
    }
    put(a, &now, buffer_view(&key), usn);
    seeds_add(a->k->fetch.seeds, buffer_view(&key), &now);
    bool full = keys_count(a->names) == ADOPT_FILES_MAX || a->bytes >= ADOPT_BYTES_MAX ||
                a->manifests >= ADOPT_MANIFESTS_MAX;
    return full ? commit(a, e) : OK;
}

enum failure adoption_end(struct adoption *a, struct error *e)
{
    struct error mine = {0};
    enum failure bad = commit(a, e ? e : &mine);
    txn_free(a->txn);
    keys_free(a->names);
    free(a);
    return bad;
}
