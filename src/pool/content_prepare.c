/* The gate in front of a batch of manifests (protocol, rule 15): their files are brought here, made
 * durable and set in their places, and the cookie goes as far as that is so. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "pool/content_inside.h"

enum {
    /* What keeps failing for so long is told; before, whoever writes the file may just not be done.
     */
    ABSENT_TOLD_MS = 10000,
};

struct preparing {
    struct keeper *k;
    struct bytes bytes;
    content_ready *done;
    void *context;
    uint64_t upto;
    struct error error;
};

/* What the batch needs. */
struct needs {
    struct fetch_file *list;
    uint64_t *usns;
    size_t count, room;
};

static void needs_free(struct needs *n)
{
    for (size_t i = 0; i < n->count; i++)
        fetch_file_clear(&n->list[i]);
    free(n->list);
    free(n->usns);
}

/* It lies there already, put there by a try before that did not get as far as the cookie. */
static bool is_there(struct keeper *k, const struct fetch_file *file)
{
    OWNED(manifest_free) struct manifest here = {0};
    enum file_found found;
    struct file_stamp stamp;
    bool stable;
    if (file_store_look(k->content->files, &file->name, &found, &stamp, NULL) ||
        found != FOUND_FILE || !file_stamp_equal(stamp, file->manifest.stamp))
        return false;
    return !keeper_read_file(k, &file->name, &here, &stable, NULL) && stable &&
           manifest_same_bytes(&here, &file->manifest);
}

static enum failure add_need(struct keeper *k, struct view *view, const struct item *item,
                             struct needs *n, struct error *e)
{
    OWNED(manifest_free) struct manifest before = {0};
    struct fetch_file file = {.key = item->key};
    uint64_t usn;
    if (file_name_of_key(k->home, item->key, &file.name, NULL))
        return OK; /* no file can belong to it */
    enum failure bad = keeper_manifest(view, k->home, item->key, &before, &usn, e);
    if (bad && bad != FAIL_NOT_FOUND)
        return bad;
    file.had_stamp = !bad;
    file.had = before.stamp;
    bad = manifest_decode(item->value, &file.manifest, e);
    if (bad)
        return bad;
    if (k->content->files && is_there(k, &file)) {
        fetch_file_clear(&file);
        return OK;
    }
    if (n->count == n->room) {
        n->room = n->room ? 2 * n->room : 64;
        n->list = xrealloc(n->list, n->room * sizeof *n->list);
        n->usns = xrealloc(n->usns, n->room * sizeof *n->usns);
    }
    n->list[n->count] = file;
    n->usns[n->count++] = item->version.usn;
    return OK;
}

static enum failure find_needs(struct keeper *k, struct batch *batch, struct needs *n,
                               struct error *e)
{
    OWNED(view_close) struct view *view = NULL;
    struct item item;
    enum failure bad = store_view(keeper_store(k), &view, e);
    while (!bad && batch_next(batch, &item)) {
        if (!item.deleted)
            bad = add_need(k, view, &item, n, e);
    }
    return bad;
}

/* Up to the first that is not in its place. */
static uint64_t reached(const struct needs *n)
{
    for (size_t i = 0; i < n->count; i++) {
        if (n->list[i].state != FETCH_PLACED)
            return n->usns[i] - 1;
    }
    return UINT64_MAX;
}

/* What came, and how much is still to come: a large file takes many turns, and shows how it goes.
 */
static void note_fetched(struct keeper *k, const struct needs *n)
{
    size_t placed = 0;
    uint64_t left = 0, here = fetch_half_bytes(&k->fetch, FETCH_FOR_BATCH);
    for (size_t i = 0; i < n->count; i++) {
        placed += n->list[i].state == FETCH_PLACED;
        left += n->list[i].state == FETCH_PLACED ? 0 : n->list[i].manifest.stamp.size;
    }
    pthread_mutex_lock(&k->lock);
    k->counts.fetched += placed;
    k->batch_bytes = left > here ? left - here : 0;
    pthread_mutex_unlock(&k->lock);
}

static enum failure bring(struct keeper *k, struct needs *n, uint64_t until_ms, struct error *e)
{
    enum failure bad = OK;
    for (size_t at = 0; !bad && at < n->count && clock_ms() < until_ms;) {
        size_t some = n->count - at < FETCH_FILES_MAX ? n->count - at : FETCH_FILES_MAX;
        bad = fetch_files(&k->fetch, FETCH_FOR_BATCH, n->list + at, some, until_ms, e);
        enum failure placed =
            fetch_place(&k->fetch, n->list + at, some, NULL, NULL, bad ? NULL : e);
        bad = bad ? bad : placed;
        at += some;
    }
    note_fetched(k, n);
    return bad;
}

static enum failure no_files(const struct keeper *k, struct error *e)
{
    fail(e, FAIL_NOT_FOUND, "%s has no file store for the files of the home %s.",
         front_end_pool(k->content->fe), k->home);
    error_kept(e, "Nothing of them is copied.");
    return error_next(e, "Name one in its configuration: file_store = \"…\"");
}

/* The first file that could not be brought may just be changing: then another version follows. If
 * that does not come, somebody should know. */
static enum failure tell_absent(struct keeper *k, const struct needs *n, uint64_t upto,
                                struct error *e)
{
    size_t i = 0;
    char shown[FILE_NAME_SHOWN_SIZE];
    while (i < n->count && n->list[i].state == FETCH_PLACED)
        i++;
    bool absent = i < n->count && n->list[i].state == FETCH_ABSENT;
    if (!absent || k->absent_upto != upto) {
        k->absent_upto = absent ? upto : 0;
        k->absent_ms = clock_ms();
        return OK;
    }
    if (clock_ms() - k->absent_ms < ABSENT_TOLD_MS)
        return OK;
    fail(e, FAIL_NOT_FOUND, "%s of the home %s is not at %s as its manifest says.",
         file_name_shown(&n->list[i].name, shown), k->home, k->fetch.pool);
    error_kept(e, "It is not copied, and neither is what was changed after it.");
    return error_next(e, CONTENT_LOST_NEXT);
}

/* A pool that is refilled before it serves again takes the manifests: it must not stay away because
 * of files, which its partner has, and it fetches them when it serves. */
static bool is_refilled(const struct keeper *k)
{
    return k->role != CONTENT_FOLLOWS;
}

static void prepare(void *context)
{
    struct preparing *p = context;
    struct keeper *k = p->k;
    OWNED(batch_close) struct batch *batch = NULL;
    struct needs needs = {0};
    keeper_begin(k);
    p->upto = 0;
    if (batch_open(p->bytes, &batch, &p->error))
        return;
    p->upto = UINT64_MAX;
    if (is_refilled(k) || batch_count(batch) == 0)
        return;
    enum failure bad = find_needs(k, batch, &needs, &p->error);
    if (needs.count)
        content_complete(k->content, k->home, false);
    if (!bad && needs.count && !k->content->files)
        bad = no_files(k, &p->error);
    if (!bad && needs.count)
        bad = file_store_check(k->content->files, &p->error);
    if (!bad)
        bad = bring(k, &needs, clock_ms() + CONTENT_TURN_MS, &p->error);
    p->upto = bad && !needs.count ? 0 : reached(&needs);
    if (!bad)
        tell_absent(k, &needs, p->upto, &p->error);
    needs_free(&needs);
}

static void on_prepared(void *context)
{
    struct preparing *p = context;
    p->done(p->upto, &p->error, p->context);
    free(p);
}

void content_prepare(struct content *content, const char *home, struct bytes batch,
                     content_ready *done, void *context)
{
    struct keeper *k = content_keeper(content, home);
    struct error e = {0};
    if (!k) { /* whoever applies it says why it has no part in that home */
        done(UINT64_MAX, &e, context);
        return;
    }
    keeper_note_role(k);
    struct preparing *p = xmalloc(sizeof *p);
    *p = (struct preparing){.k = k, .bytes = batch, .done = done, .context = context};
    if (workers_run(k->workers, prepare, on_prepared, p))
        return;
    free(p);
    fail(&e, FAIL_BUSY, "%s has more files to bring than it can.", front_end_pool(content->fe));
    done(0, &e, context);
}
