/* A file is removed in steps, so that whenever the power goes it is either gone with its manifest
 * or still there (file_store.h); what was left in the middle is put right at the start. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "content/file_store_inside.h"
#include "content/replaced.h"

/* Of names whose files are being removed or replaced: two that share a place do no harm, and are
 * rare. */
enum { REMOVAL_PLACES = 4096 };

/* How many are under way, by a hash of their names. */
struct removals {
    pthread_mutex_t lock;
    atomic_uint count[REMOVAL_PLACES];
};

struct removals *removals_new(void)
{
    struct removals *removals = xcalloc(1, sizeof *removals);
    pthread_mutex_init(&removals->lock, NULL);
    return removals;
}

void removals_free(struct removals *removals)
{
    pthread_mutex_destroy(&removals->lock);
    free(removals);
}

/* It holds no descriptors: a batch may remove thousands. */
struct file_removal {
    const struct file_store *fs;
    struct file_name name;
    bool moved;
    char aside[ASIDE_NAME_SIZE]; /* what it is called there; "": it is to be gone */
};

static atomic_uint *count_of(const struct file_store *fs, const struct file_name *name)
{
    uint32_t hash = 2166136261; /* FNV-1a */
    for (const char *c = name->conference; *c; c++)
        hash = (hash ^ (unsigned char)*c) * 16777619;
    for (const char *c = name->file; *c; c++)
        hash = (hash ^ (unsigned char)*c) * 16777619;
    return &fs->removals->count[(hash ^ hash >> 16) % REMOVAL_PLACES];
}

bool file_store_changes(const struct file_store *fs, const struct file_name *name)
{
    return atomic_load(count_of(fs, name)) > 0;
}

void file_store_change(const struct file_store *fs, const struct file_name *name, bool begins)
{
    atomic_fetch_add(count_of(fs, name), begins ? 1 : -1);
}

void file_store_hold(const struct file_store *fs)
{
    pthread_mutex_lock(&fs->removals->lock);
}

void file_store_release(const struct file_store *fs)
{
    pthread_mutex_unlock(&fs->removals->lock);
}

static enum failure move_away(const struct file_store *fs, int root, const struct file_name *name,
                              struct error *e)
{
    OWNED(close_fd) int from = -1;
    enum failure bad = folder_of(fs, name, false, &from, e);
    if (!bad) {
        OWNED(close_fd) int to = own_folder(root, FOLDER_REMOVED, name);
        if (to < 0 || renameat(from, name->file, to, name->file) != 0)
            bad = folder_failure("Removing", name->file, errno, e);
    }
    return bad;
}

static enum failure begin(const struct file_store *fs, const struct file_name *name,
                          const char *aside_why, struct file_removal **removal, struct error *e)
{
    OWNED(close_fd) int root = -1;
    char aside[ASIDE_NAME_SIZE] = "";
    *removal = NULL;
    enum failure bad = folder_root(fs, &root, e);
    if (bad)
        return bad;
    struct error why = {0};
    file_store_hold(fs);
    bad =
        aside_why ? move_aside(fs, name, aside_why, aside, &why) : move_away(fs, root, name, &why);
    /* The store is there, by its marker, and the file is not: that is what is wanted. */
    bool begun = !bad || bad == FAIL_NOT_FOUND;
    if (begun)
        file_store_change(fs, name, true);
    file_store_release(fs);
    if (!begun && e)
        *e = why;
    if (!begun)
        return bad;
    *removal = xmalloc(sizeof **removal);
    **removal = (struct file_removal){.fs = fs, .name = *name, .moved = !bad};
    if (!bad)
        memcpy((*removal)->aside, aside, sizeof aside);
    return OK;
}

enum failure file_removal_begin(const struct file_store *fs, const struct file_name *name,
                                struct file_removal **removal, struct error *e)
{
    return begin(fs, name, NULL, removal, e);
}

enum failure file_removal_begin_aside(const struct file_store *fs, const struct file_name *name,
                                      const char *why, struct file_removal **removal,
                                      struct error *e)
{
    return begin(fs, name, why, removal, e);
}

/* Where it lies meanwhile, and under which name. */
static int kept_in(const struct file_removal *r, int root, const char **as)
{
    *as = *r->aside ? r->aside : r->name.file;
    if (!*r->aside)
        return own_folder(root, FOLDER_REMOVED, &r->name);
    OWNED(close_fd) int folder = own_folder(root, FOLDER_ASIDE, &r->name);
    return below_open(folder, r->name.file, O_RDONLY | O_DIRECTORY, 0);
}

enum failure file_removal_settle(const struct file_removal *r, struct error *e)
{
    OWNED(close_fd) int root = -1, from = -1;
    const char *as;
    struct error why = {0};
    enum failure bad = folder_root(r->fs, &root, e);
    if (bad)
        return bad;
    bad = folder_of(r->fs, &r->name, false, &from, &why);
    if (bad == FAIL_NOT_FOUND)
        return OK; /* there was none of that conference */
    OWNED(close_fd) int to = bad ? -1 : kept_in(r, root, &as);
    if (!bad && (to < 0 || fsync(to) != 0 || fsync(from) != 0))
        bad = folder_failure("Removing", r->name.file, errno, &why);
    if (bad && e)
        *e = why;
    return bad;
}

static void put_back(const struct file_removal *r, int kept, const char *as)
{
    OWNED(close_fd) int back = -1;
    char shown[FILE_NAME_SHOWN_SIZE];
    if (folder_of(r->fs, &r->name, true, &back, NULL) ||
        renameat2(kept, as, back, r->name.file, RENAME_NOREPLACE) != 0)
        return;
    fsync(back);
    if (*r->aside)
        log_event(LOG_EVENT_NOTICE, "file-put-back", "%s of the home %s is in its place again.",
                  file_name_shown(&r->name, shown), r->name.home);
}

static void finish(const struct file_removal *r, bool durable)
{
    OWNED(close_fd) int root = -1;
    const char *as;
    if (folder_root(r->fs, &root, NULL))
        return; /* the next start tidies up */
    OWNED(close_fd) int kept = kept_in(r, root, &as);
    if (!durable)
        put_back(r, kept, as);
    else if (!*r->aside)
        unlinkat(kept, as, 0);
}

void file_removal_end(struct file_removal *r, bool durable)
{
    if (!r)
        return;
    if (r->moved)
        finish(r, durable);
    file_store_change(r->fs, &r->name, false);
    free(r);
}

/* --- tidying up at the start --- */

struct tidying {
    const struct file_store *fs;
    file_store_keeps *keeps;
    void *context;
    int removed; /* where we are below FOLDER_REMOVED */
    struct file_name name;
};

static bool put_back_file(const char *file, void *context)
{
    struct tidying *t = context;
    OWNED(close_fd) int to = -1;
    struct file_stamp unused;
    snprintf(t->name.file, sizeof t->name.file, "%s", file);
    file_store_hold(t->fs); /* nobody begins to change it meanwhile */
    enum file_meant meant = file_store_changes(t->fs, &t->name)
                                ? MEANT_UNKNOWN /* its users are about it right now */
                                : t->keeps(&t->name, &unused, t->context);
    bool taken = meant == MEANT && !folder_of(t->fs, &t->name, true, &to, NULL) &&
                 renameat2(t->removed, file, to, file, RENAME_NOREPLACE) != 0 && errno == EEXIST;
    if (meant == MEANT_GONE)
        unlinkat(t->removed, file, 0);
    else if (taken || meant == MEANT_NOT)
        move_left_aside(t->fs, t->removed, file, &t->name, "it was to be removed", NULL);
    file_store_release(t->fs);
    return true;
}

static bool tidy_below(struct tidying *t, const char *name, file_store_visit *visit)
{
    OWNED(close_fd) int above = t->removed;
    t->removed = below_open(above, name, O_RDONLY | O_DIRECTORY, 0);
    if (t->removed >= 0)
        walk_folder(dup(t->removed), false, visit, t, NULL);
    close_fd(t->removed);
    t->removed = above;
    above = -1;
    return true;
}

static bool put_back_conference(const char *conference, void *context)
{
    struct tidying *t = context;
    snprintf(t->name.conference, sizeof t->name.conference, "%s", conference);
    return tidy_below(t, conference, put_back_file);
}

static bool put_back_home(const char *home, void *context)
{
    struct tidying *t = context;
    snprintf(t->name.home, sizeof t->name.home, "%s", home);
    return tidy_below(t, home, put_back_conference);
}

enum failure file_store_tidy(const struct file_store *fs, file_store_keeps *keeps, void *context,
                             struct error *e)
{
    OWNED(close_fd) int root = -1;
    struct tidying t = {.fs = fs, .keeps = keeps, .context = context};
    enum failure bad = folder_root(fs, &root, e);
    if (bad)
        return bad;
    OWNED(close_fd) int incoming = below_make(root, FOLDER_INCOMING);
    OWNED(close_fd) int removed = below_make(root, FOLDER_REMOVED);
    if (incoming < 0 || removed < 0)
        return folder_failure("Making a folder in the file store", fs->path, errno, e);
    t.removed = removed;
    bad = walk_folder(dup(removed), true, put_back_home, &t, e);
    return bad ? bad : replaced_tidy(fs, incoming, keeps, context, e);
}
