/* A keeper looks: at one file beside its manifest, or at all of them. What is to be done follows
 * from the table in core/content.c. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/count.h"
#include "base/log.h"
#include "pool/content_inside.h"

enum {
    /* Manifests that are read in one view: one that stays open keeps the store from tidying up. */
    PAGE_KEYS = 1000,
    /* Dirty names that are taken out of the table at once. */
    LOOK_AT_ONCE = 1000,
};

enum failure keeper_manifest(struct view *view, const char *home, struct bytes key,
                             struct manifest *manifest, uint64_t *usn, struct error *e)
{
    struct item item;
    struct error why = {0};
    *usn = 0;
    *manifest = (struct manifest){0};
    enum failure bad = view_item(view, home, MODULE_DATA_CONF, key, &item, &why);
    if (bad && bad != FAIL_NOT_FOUND && e)
        *e = why;
    if (bad)
        return bad;
    *usn = item.version.usn;
    return item.deleted ? FAIL_NOT_FOUND : manifest_decode(item.value, manifest, e);
}

/* --- one file --- */

struct looking {
    struct keeper *k;
    struct adoption *adoption;
    struct error *e;
    bool complete; /* of a copy: all that its exporter had is in the view */
};

/* It is asked first: what comes between the two makes the copy complete, and not this view. */
static enum failure open_view(struct looking *l, struct view **view)
{
    pthread_mutex_lock(&l->k->lock);
    l->complete = l->k->complete;
    pthread_mutex_unlock(&l->k->lock);
    return store_view(keeper_store(l->k), view, l->e);
}

/* Only its bytes can tell. Of a file that is being written, or is too large for one turn, that has
 * to wait; and one that no manifest can speak of has others. */
static bool read_bytes(struct keeper *k, const struct file_name *name,
                       const struct manifest *manifest, struct file_sight *sight)
{
    OWNED(manifest_free) struct manifest here = {0};
    bool stable;
    enum failure bad = keeper_read_in_turns(k, name, &here, &stable, NULL);
    if (bad != FAIL_INVALID && (bad || !stable))
        return false;
    sight->bytes = !bad && manifest_same_bytes(&here, manifest) ? BYTES_EQUAL : BYTES_DIFFER;
    return true;
}

static void tell_ignored(struct keeper *k, const struct file_name *name)
{
    char shown[FILE_NAME_SHOWN_SIZE];
    log_event(LOG_EVENT_WARNING, "file-ignored",
              "%s of the home %s is no file: conferences have nothing but files in one folder. It "
              "is left where it is, and not copied.",
              file_name_shown(name, shown), k->home);
}

static enum failure set_aside(struct keeper *k, const struct file_name *name, const char *why,
                              struct error *e)
{
    enum failure bad = file_store_set_aside(k->content->files, name, why, e);
    pthread_mutex_lock(&k->lock);
    k->counts.aside += !bad;
    pthread_mutex_unlock(&k->lock);
    return bad;
}

/* At a copy: what a batch is about has taken its place before the batch is applied, and whether one
 * was cut off there, by a crash, is not known before its exporter says that all has come. */
static bool is_too_early(const struct looking *l, enum file_verdict verdict)
{
    return l->k->role == CONTENT_FOLLOWS && !l->complete &&
           (verdict == FILE_FOREIGN || verdict == FILE_REPLACED);
}

static enum failure carry_out(struct looking *l, enum file_verdict verdict,
                              const struct file_name *name, struct bytes key,
                              const struct manifest *manifest)
{
    struct keeper *k = l->k;
    switch (verdict) {
    case FILE_SOUND: keeper_note_sound(k, key); return OK;
    case FILE_NONE: keeper_forget_missing(k, key); return OK;
    case FILE_CHANGED: keeper_forget_missing(k, key); return adoption_add(l->adoption, name, l->e);
    case FILE_TIME:
        return file_store_set_time(k->content->files, name, manifest->stamp.time_ns, l->e);
    case FILE_LOST:
    case FILE_REPLACED: keeper_note_missing(k, key, manifest->stamp.size); return OK;
    case FILE_FOREIGN:
        return set_aside(k, name, "it is not in the copy of the home that this pool keeps", l->e);
    case FILE_IGNORED: tell_ignored(k, name); return OK;
    case FILE_READ: break; /* later */
    }
    keeper_note_dirty(k, key, clock_ms() + CONTENT_QUIET_MS);
    return OK;
}

/* A symbolic link in the place of a conference's folder is nothing that we go through. */
static enum failure clear_way(struct looking *l, const struct file_name *name, bool needed)
{
    struct file_name folder = *name;
    folder.file[0] = 0;
    return needed ? set_aside(l->k, &folder, "a folder belongs there", l->e) : OK;
}

static enum failure look_at(struct looking *l, struct view *view, struct bytes key)
{
    struct keeper *k = l->k;
    OWNED(manifest_free) struct manifest manifest = {0};
    struct file_name name;
    uint64_t usn;
    struct file_sight sight = {.changes = k->role == CONTENT_CHANGES};
    if (file_name_of_key(k->home, key, &name, NULL))
        return OK; /* a manifest that no file can belong to */
    if (file_store_changes(k->content->files, &name)) {
        keeper_note_dirty(k, key, clock_ms() + CONTENT_YOUNG_MS);
        return OK;
    }
    enum failure bad = keeper_manifest(view, k->home, key, &manifest, &usn, l->e);
    if (bad && bad != FAIL_NOT_FOUND)
        return bad;
    sight.manifest = !bad;
    sight.kept = manifest.stamp;
    bad = file_store_look(k->content->files, &name, &sight.found, &sight.here, l->e);
    if (bad == FAIL_FOREIGN)
        *l->e = (struct error){0};
    if (bad == FAIL_FOREIGN)
        bad = clear_way(l, &name, sight.manifest);
    if (bad)
        return bad;
    enum file_verdict verdict = file_judge(&sight);
    if (verdict == FILE_READ && read_bytes(k, &name, &manifest, &sight))
        verdict = file_judge(&sight);
    if (is_too_early(l, verdict)) {
        keeper_note_dirty(k, key, clock_ms() + CONTENT_QUIET_MS);
        keeper_note_wrong(k, key, verdict == FILE_REPLACED);
        return OK;
    }
    if (verdict == FILE_SOUND && !k->scanned)
        seeds_add(k->fetch.seeds, key, &manifest);
    bad = carry_out(l, verdict, &name, key, &manifest);
    keeper_note_wrong(k, key, false); /* only now: it may be missing instead */
    return bad;
}

/* --- all of them --- */

struct page {
    struct buffer keys; /* one behind the other, each with its length */
    size_t count;
};

static bool note_key(const struct item *item, struct item_hash hash, void *context)
{
    struct page *page = context;
    (void)hash;
    buffer_bytes(&page->keys, item->key);
    return ++page->count < PAGE_KEYS;
}

static enum failure look_at_page(struct looking *l, struct view *view, const struct page *page,
                                 struct buffer *last)
{
    struct cursor in = cursor_over(buffer_view(&page->keys));
    enum failure bad = OK;
    while (!bad && in.left) {
        struct bytes key = cursor_bytes(&in, ITEM_KEY_MAX);
        buffer_clear(last);
        buffer_raw(last, key.at, key.size);
        bad = look_at(l, view, key);
    }
    return bad;
}

/* All manifests whose keys begin so, a page in each view. */
static enum failure look_at_manifests(struct looking *l, struct bytes prefix)
{
    OWNED(buffer_free) struct buffer last = {0};
    struct page page = {.count = PAGE_KEYS};
    enum failure bad = OK;
    buffer_raw(&last, prefix.at, prefix.size); /* no key is so short */
    while (!bad && page.count == PAGE_KEYS && !atomic_load(&l->k->content->stopping)) {
        OWNED(view_close) struct view *view = NULL;
        buffer_clear(&page.keys);
        page.count = 0;
        bad = open_view(l, &view);
        if (!bad)
            bad = view_keys_after(view, l->k->home, MODULE_DATA_CONF, prefix, buffer_view(&last),
                                  note_key, &page, l->e);
        if (!bad)
            bad = look_at_page(l, view, &page, &last);
    }
    buffer_free(&page.keys);
    if (bad == FAIL_NOT_FOUND) { /* no such home yet */
        *l->e = (struct error){0};
        bad = OK;
    }
    return bad;
}

/* What lies there: of what has a manifest, that was looked at already. */
struct walking {
    struct looking *l;
    struct view *view;
    struct file_name name;
    enum failure bad;
};

static bool visit_file(const char *file, void *context)
{
    struct walking *w = context;
    OWNED(buffer_free) struct buffer key = {0};
    struct item item;
    memcpy(w->name.file, file, strlen(file) + 1);
    file_name_key(&w->name, &key);
    enum failure none =
        view_item(w->view, w->l->k->home, MODULE_DATA_CONF, buffer_view(&key), &item, NULL);
    if (none || item.deleted)
        w->bad = look_at(w->l, w->view, buffer_view(&key));
    return !w->bad && !atomic_load(&w->l->k->content->stopping);
}

/* Where a folder belongs, that is another matter: look_at() sees to it. Not again and again while
 * somebody writes it. */
static void tell_no_folder(struct keeper *k, const char *conference)
{
    if (strcmp(k->no_folder, conference) == 0)
        return;
    snprintf(k->no_folder, sizeof k->no_folder, "%s", conference);
    char shown[FILE_NAME_SHOWN_SIZE];
    struct file_name name = {0};
    snprintf(name.conference, sizeof name.conference, "%s", conference);
    log_event(LOG_EVENT_WARNING, "file-ignored",
              "%s of the home %s is no folder: each conference has its files in one of its own. It "
              "is not copied.",
              file_name_shown(&name, shown), k->home);
}

static bool look_at_folder(struct walking *w, const char *conference)
{
    struct keeper *k = w->l->k;
    memcpy(w->name.conference, conference, strlen(conference) + 1);
    pthread_mutex_lock(&k->lock);
    struct watch *watch = k->watch;
    pthread_mutex_unlock(&k->lock);
    /* Before it is read: what comes later is told. */
    if (!watch || !watch_folder(watch, k->content->files, k->home, conference))
        k->blind = true;
    if (!open_view(w->l, &w->view))
        w->bad = file_store_files(k->content->files, k->home, conference, visit_file, w, w->l->e);
    else
        w->bad = w->l->e->kind;
    view_close(TAKE(w->view));
    if (!w->bad && file_store_no_folder(k->content->files, k->home, conference))
        tell_no_folder(k, conference);
    return !w->bad;
}

static bool visit_conference(const char *conference, void *context)
{
    return look_at_folder(context, conference);
}

static struct walking walk_of(struct looking *l)
{
    struct walking w = {.l = l};
    memcpy(w.name.home, l->k->home, sizeof w.name.home);
    return w;
}

static enum failure look_at_all(struct looking *l)
{
    struct keeper *k = l->k;
    struct walking w = walk_of(l);
    k->blind = !k->watch || !watch_folder(k->watch, k->content->files, k->home, "");
    enum failure bad =
        file_store_conferences(k->content->files, k->home, visit_conference, &w, l->e);
    if (!bad)
        bad = w.bad;
    return bad ? bad : look_at_manifests(l, BYTES_NONE);
}

void keeper_scan(struct keeper *k, struct error *e)
{
    struct looking l = {.k = k, .adoption = adoption_new(k), .e = e};
    keeper_forget_reading(k);
    uint64_t began_ms = clock_ms();
    pthread_mutex_lock(&k->lock);
    k->lost_sight = k->scanned = false;
    keys_clear(k->dirty);
    k->wrong = 0;
    keys_clear(k->missing);
    k->missing_bytes = 0;
    pthread_mutex_unlock(&k->lock);
    enum failure bad = look_at_all(&l);
    enum failure kept = adoption_end(l.adoption, bad ? NULL : e);
    if (bad || kept || atomic_load(&k->content->stopping))
        return;
    pthread_mutex_lock(&k->lock);
    k->scanned = true;
    k->scanned_as = k->role;
    size_t missing = keys_count(k->missing);
    pthread_mutex_unlock(&k->lock);
    k->scanned_ms = clock_ms();
    log_event(LOG_EVENT_INFO, "files-scanned",
              "The files of the home %s were looked at in %llu ms; %zu %s missing.%s", k->home,
              (unsigned long long)(k->scanned_ms - began_ms), missing,
              count_word(missing, "is", "are"),
              k->blind ? " The kernel watches no more folders (fs.inotify.max_user_watches), so "
                         "that is repeated now and then."
                       : "");
}

/* --- what was told --- */

/* Takes names whose time has come out of the table; those that are not to be looked at so soon
 * again stay, and cool down. */
static void take_due(struct keeper *k, struct page *page)
{
    struct bytes key;
    struct key_note *note;
    uint64_t now = clock_ms();
    size_t at = 0;
    OWNED(buffer_free) struct buffer cold = {0};
    pthread_mutex_lock(&k->lock);
    while (page->count < LOOK_AT_ONCE && keys_next(k->dirty, &at, &key, &note)) {
        if (note->waits && note->due_ms <= now) {
            buffer_bytes(&page->keys, key);
            page->count++;
            note->waits = false;
            note->cool_ms = now + CONTENT_QUIET_MS;
        } else if (!note->waits && note->cool_ms <= now) {
            buffer_bytes(&cold, key);
        }
    }
    k->in_hand = page->count;
    struct cursor in = cursor_over(buffer_view(&cold));
    while (in.left) {
        struct bytes name = cursor_bytes(&in, ITEM_KEY_MAX);
        k->wrong -= keys_find(k->dirty, name)->wrong;
        keys_remove(k->dirty, name);
    }
    pthread_mutex_unlock(&k->lock);
}

/* "<conference>/": the whole of it. */
static enum failure look_at_told(struct looking *l, struct bytes key)
{
    OWNED(view_close) struct view *view = NULL;
    char conference[CONTENT_NAME_SIZE];
    struct walking w = walk_of(l);
    if (key.at[key.size - 1] != '/') {
        enum failure bad = open_view(l, &view);
        return bad ? bad : look_at(l, view, key);
    }
    memcpy(conference, key.at, key.size - 1);
    conference[key.size - 1] = 0;
    look_at_folder(&w, conference);
    return w.bad ? w.bad : look_at_manifests(l, key);
}

void keeper_look_at_dirty(struct keeper *k, uint64_t until_ms, struct error *e)
{
    enum failure bad = OK;
    struct page page;
    do {
        struct looking l = {.k = k, .adoption = adoption_new(k), .e = e};
        page = (struct page){0};
        take_due(k, &page);
        struct cursor in = cursor_over(buffer_view(&page.keys));
        while (in.left) {
            struct bytes key = cursor_bytes(&in, ITEM_KEY_MAX);
            bool turn = !bad && clock_ms() < until_ms;
            if (turn)
                bad = look_at_told(&l, key);
            if (bad || !turn)
                keeper_note_dirty(k, key, clock_ms() + (turn ? CONTENT_RETRY_MS : 0));
        }
        enum failure kept = adoption_end(l.adoption, bad ? NULL : e);
        bad = bad ? bad : kept;
        pthread_mutex_lock(&k->lock);
        k->in_hand = 0;
        pthread_mutex_unlock(&k->lock);
        buffer_free(&page.keys);
    } while (!bad && page.count && clock_ms() < until_ms && !atomic_load(&k->content->stopping));
}
