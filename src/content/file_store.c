#include "content/file_store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "content/folders.h"

enum {
    NS = 1000000000,
    ASIDE_NAME_SIZE = 80,    /* a moment, and a little more */
    ASIDE_LOOKED_MAX = 1000, /* versions of one file; nobody has so many */
    /* Of names whose files are being removed: two that share a place do no harm, and are rare. */
    REMOVAL_PLACES = 4096,
};

/* How many are under way, by a hash of their names. */
struct removals {
    pthread_mutex_t lock;
    atomic_uint count[REMOVAL_PLACES];
};

struct file_store {
    char *path;
    char *pool;
    struct removals *removals;
};

struct file_store *file_store_new(const char *path, const char *pool)
{
    struct file_store *fs = xmalloc(sizeof *fs);
    *fs = (struct file_store){xstrdup(path), xstrdup(pool), xcalloc(1, sizeof *fs->removals)};
    pthread_mutex_init(&fs->removals->lock, NULL);
    return fs;
}

void file_store_free(struct file_store *fs)
{
    if (!fs)
        return;
    free(fs->path);
    free(fs->pool);
    pthread_mutex_destroy(&fs->removals->lock);
    free(fs->removals);
    free(fs);
}

const char *file_store_path(const struct file_store *fs)
{
    return fs->path;
}

const char *file_store_pool(const struct file_store *fs)
{
    return fs->pool;
}

/* --- the store as a whole --- */

enum failure file_store_check(const struct file_store *fs, struct error *e)
{
    OWNED(close_fd) int root = -1;
    return folder_root(fs, &root, e);
}

static enum failure write_marker(const struct file_store *fs, int root, struct error *e)
{
    OWNED(free_memory) char *line = xasprintf("%s\n", fs->pool);
    OWNED(close_fd)
    int fd = below_open(root, FILE_STORE_MARKER, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0640);
    ssize_t size = (ssize_t)strlen(line);
    if (fd >= 0 && write(fd, line, (size_t)size) == size && fsync(fd) == 0 && fsync(root) == 0)
        return OK;
    return folder_failure("Marking the file store", fs->path, errno, e);
}

enum failure file_store_mark(const struct file_store *fs, struct error *e)
{
    OWNED(close_fd) int root = open(fs->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (root < 0)
        return folder_failure("Opening the file store", fs->path, errno, e);
    struct stat st;
    if (fstatat(root, FILE_STORE_MARKER, &st, AT_SYMLINK_NOFOLLOW) == 0)
        return file_store_check(fs, e);
    return write_marker(fs, root, e);
}

uint64_t file_store_identity(const struct file_store *fs)
{
    struct stat st;
    if (stat(fs->path, &st) != 0)
        return 0;
    return ((uint64_t)st.st_dev << 32 ^ (uint64_t)st.st_ino) | 1;
}

enum failure file_store_sync(const struct file_store *fs, struct error *e)
{
    OWNED(close_fd) int root = -1;
    enum failure bad = folder_root(fs, &root, e);
    if (!bad && syncfs(root) != 0)
        bad = folder_failure("Making durable what is in the file store", fs->path, errno, e);
    return bad;
}

/* --- one file --- */

static struct file_stamp stamp_of(const struct stat *st)
{
    return (struct file_stamp){.size = (uint64_t)st->st_size,
                               .time_ns = (int64_t)st->st_mtim.tv_sec * NS + st->st_mtim.tv_nsec};
}

enum failure file_store_look(const struct file_store *fs, const struct file_name *name,
                             enum file_found *found, struct file_stamp *stamp, struct error *e)
{
    OWNED(close_fd) int folder = -1;
    struct stat st;
    *stamp = (struct file_stamp){0};
    *found = FOUND_NOTHING;
    enum failure bad = file_store_check(fs, e); /* a folder that is not there is another matter */
    if (bad)
        return bad;
    struct error why = {0};
    bad = folder_of(fs, name, false, &folder, &why);
    if (bad == FAIL_NOT_FOUND)
        return OK;
    if (bad && e)
        *e = why;
    if (bad)
        return bad;
    if (fstatat(folder, name->file, &st, AT_SYMLINK_NOFOLLOW) != 0)
        return errno == ENOENT ? OK : folder_failure("Looking at", name->file, errno, e);
    *found = S_ISREG(st.st_mode) ? FOUND_FILE : FOUND_OTHER;
    *stamp = stamp_of(&st);
    return OK;
}

enum failure file_store_open(const struct file_store *fs, const struct file_name *name, int *fd,
                             struct file_stamp *stamp, struct error *e)
{
    char shown[FILE_NAME_SHOWN_SIZE];
    OWNED(close_fd) int folder = -1;
    struct stat st;
    *fd = -1;
    enum failure bad = folder_of(fs, name, false, &folder, e);
    if (bad)
        return bad;
    /* Nothing that could wait, like a pipe, is waited for. */
    OWNED(close_fd) int file = below_open(folder, name->file, O_RDONLY | O_NONBLOCK, 0);
    if (file < 0 || fstat(file, &st) != 0)
        return folder_failure("Opening", file_name_shown(name, shown), errno, e);
    if (!S_ISREG(st.st_mode))
        return fail(e, FAIL_FOREIGN, "%s is no file.", file_name_shown(name, shown));
    *stamp = stamp_of(&st);
    *fd = file;
    file = -1;
    return OK;
}

enum failure file_store_set_time(const struct file_store *fs, const struct file_name *name,
                                 int64_t time_ns, struct error *e)
{
    const struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, {time_ns / NS, time_ns % NS}};
    struct file_stamp stamp;
    OWNED(close_fd) int fd = -1;
    enum failure bad = file_store_open(fs, name, &fd, &stamp, e);
    if (!bad && futimens(fd, times) != 0)
        bad = folder_failure("Setting the time of", name->file, errno, e);
    return bad;
}

/* --- setting aside --- */

/* <own folder>/<home>/<conference>, made. */
static int own_folder(int root, const char *own, const struct file_name *name)
{
    char path[2 * CONTENT_NAME_SIZE + HOME_NAME_SIZE];
    snprintf(path, sizeof path, "%s/%s/%s", own, name->home, name->conference);
    return below_make(root, path);
}

static void tell_aside(const struct file_store *fs, const struct file_name *name, const char *as,
                       const char *why)
{
    char shown[FILE_NAME_SHOWN_SIZE];
    log_event(LOG_EVENT_WARNING, "file-set-aside",
              "%s of the home %s was set aside: %s. It is %s/%s/%s/%s%s%s now.",
              file_name_shown(name, shown), name->home, why, fs->path, FOLDER_ASIDE, name->home,
              shown, name->file[0] ? "/" : "", as);
}

/* Each version keeps its name as a folder and gets the moment for its own: readable, and however
 * often it happens, nothing is written over. */
static enum failure move_aside(const struct file_store *fs, const struct file_name *name,
                               const char *why, char as[ASIDE_NAME_SIZE], struct error *e)
{
    char shown[FILE_NAME_SHOWN_SIZE], moment[CLOCK_TEXT_MAX], random[32];
    bool whole = !name->file[0]; /* a conference's folder */
    const char *last = whole ? name->conference : name->file;
    OWNED(close_fd) int root = -1;
    enum failure bad = folder_root(fs, &root, e);
    if (bad)
        return bad;
    OWNED(close_fd) int above = below_open(root, name->home, O_RDONLY | O_DIRECTORY, 0);
    OWNED(close_fd)
    int from = whole ? dup(above) : below_open(above, name->conference, O_RDONLY | O_DIRECTORY, 0);
    OWNED(close_fd) int aside = from < 0 ? -1 : own_folder(root, FOLDER_ASIDE, name);
    OWNED(close_fd) int to = aside < 0 ? -1 : whole ? dup(aside) : below_make(aside, last);
    folder_random_name(random);
    snprintf(as, ASIDE_NAME_SIZE, "%s-%.4s", clock_wall_text(clock_wall_ms(), moment), random);
    if (to < 0 || renameat2(from, last, to, as, RENAME_NOREPLACE) != 0)
        return folder_failure("Setting aside", file_name_shown(name, shown), errno, e);
    tell_aside(fs, name, as, why);
    return OK;
}

enum failure file_store_set_aside(const struct file_store *fs, const struct file_name *name,
                                  const char *why, struct error *e)
{
    char as[ASIDE_NAME_SIZE];
    return move_aside(fs, name, why, as, e);
}

static int open_with_stamp(int folder, const char *name, struct file_stamp stamp)
{
    struct stat st;
    int fd = below_open(folder, name, O_RDONLY | O_NONBLOCK, 0);
    if (fd < 0 ||
        (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && file_stamp_equal(stamp_of(&st), stamp)))
        return fd;
    close(fd);
    return -1;
}

bool file_store_open_aside(const struct file_store *fs, const struct file_name *name,
                           struct file_stamp stamp, int *fd)
{
    char path[3 * CONTENT_NAME_SIZE + HOME_NAME_SIZE];
    OWNED(close_fd) int root = -1;
    const struct dirent *entry;
    *fd = -1;
    snprintf(path, sizeof path, "%s/%s/%s/%s", FOLDER_ASIDE, name->home, name->conference,
             name->file);
    if (folder_root(fs, &root, NULL))
        return false;
    int folder = below_open(root, path, O_RDONLY | O_DIRECTORY, 0);
    DIR *dir = folder < 0 ? NULL : fdopendir(folder);
    if (!dir) {
        close_fd(folder);
        return false;
    }
    for (size_t i = 0; *fd < 0 && i < ASIDE_LOOKED_MAX && (entry = readdir(dir)); i++) {
        if (entry->d_name[0] != '.')
            *fd = open_with_stamp(folder, entry->d_name, stamp);
    }
    closedir(dir);
    return *fd >= 0;
}

/* --- removing --- */

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

bool file_store_removes(const struct file_store *fs, const struct file_name *name)
{
    return atomic_load(count_of(fs, name)) > 0;
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
        atomic_fetch_add(count_of(fs, name), 1);
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
    atomic_fetch_sub(count_of(r->fs, &r->name), 1);
    free(r);
}

/* --- walking --- */

/* The names in a folder, which is closed. */
static enum failure walk(int folder, bool folders_only, file_store_visit *visit, void *context,
                         struct error *e)
{
    DIR *dir = fdopendir(folder);
    const struct dirent *entry;
    if (!dir) {
        close_fd(folder);
        return folder_failure("Reading", "a folder of the file store", errno, e);
    }
    errno = 0;
    bool more = true;
    while (more && (entry = readdir(dir))) {
        struct stat st;
        bool fits = content_name_valid(bytes_of_text(entry->d_name));
        if (fits && folders_only)
            fits = fstatat(dirfd(dir), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
                   S_ISDIR(st.st_mode);
        more = !fits || visit(entry->d_name, context);
        errno = 0;
    }
    enum failure bad =
        errno ? folder_failure("Reading", "a folder of the file store", errno, e) : OK;
    closedir(dir);
    return bad;
}

static enum failure walk_path(const struct file_store *fs, const char *path, bool folders_only,
                              file_store_visit *visit, void *context, struct error *e)
{
    OWNED(close_fd) int root = -1;
    enum failure bad = folder_root(fs, &root, e);
    if (bad)
        return bad;
    int folder = below_open(root, path, O_RDONLY | O_DIRECTORY, 0);
    if (folder < 0)
        return errno == ENOENT || errno == ENOTDIR || errno == ELOOP
                   ? OK
                   : folder_failure("Reading", path, errno, e);
    return walk(folder, folders_only, visit, context, e);
}

enum failure file_store_conferences(const struct file_store *fs, const char *home,
                                    file_store_visit *visit, void *context, struct error *e)
{
    return walk_path(fs, home, true, visit, context, e);
}

enum failure file_store_files(const struct file_store *fs, const char *home, const char *conference,
                              file_store_visit *visit, void *context, struct error *e)
{
    char path[HOME_NAME_SIZE + CONTENT_NAME_SIZE];
    snprintf(path, sizeof path, "%s/%s", home, conference);
    return walk_path(fs, path, false, visit, context, e);
}

/* --- tidying up at the start --- */

struct tidying {
    const struct file_store *fs;
    file_store_keeps *keeps;
    void *context;
    int removed; /* where we are below FOLDER_REMOVED */
    struct file_name name;
};

static bool forget_incoming(const char *name, void *context)
{
    const struct tidying *t = context;
    unlinkat(t->removed, name, 0);
    return true;
}

static bool put_back_file(const char *file, void *context)
{
    struct tidying *t = context;
    OWNED(close_fd) int to = -1;
    snprintf(t->name.file, sizeof t->name.file, "%s", file);
    if (!t->keeps(&t->name, t->context))
        unlinkat(t->removed, file, 0);
    else if (!folder_of(t->fs, &t->name, true, &to, NULL) &&
             renameat2(t->removed, file, to, file, RENAME_NOREPLACE) != 0)
        unlinkat(t->removed, file, 0); /* something else lies there by now */
    return true;
}

static bool tidy_below(struct tidying *t, const char *name, file_store_visit *visit)
{
    OWNED(close_fd) int above = t->removed;
    t->removed = below_open(above, name, O_RDONLY | O_DIRECTORY, 0);
    if (t->removed >= 0)
        walk(dup(t->removed), false, visit, t, NULL);
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
    t.removed = incoming;
    bad = walk(dup(incoming), false, forget_incoming, &t, e);
    t.removed = removed;
    return bad ? bad : walk(dup(removed), true, put_back_home, &t, e);
}
