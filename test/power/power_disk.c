#include "power/power_disk.h"

#include <assert.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/memory.h"

struct disk_file {
    struct disk_file *next;
    char *path;
    unsigned handles;
    bool named;       /* its name is on the disk */
    bool removed;     /* no name leads to it any more; it goes with its last handle */
    bool ahead;       /* of the disk: something was changed since the last sync */
    uint64_t size;    /* on the disk */
    uint8_t **before; /* by sector: what the disk holds; NULL: the same as the file */
    size_t sectors;   /* room in `before` */
    size_t *changed;  /* the sectors which have a `before`, in the order of their first change */
    size_t changes;
    size_t room;
};

/* A file that was removed without syncing its directory, so that it may come back. There is at most
 * one for a name: a file leaves one if its name was on the disk, and what puts a name there lays
 * the ghost of that name. */
struct ghost {
    struct ghost *next;
    char *path;
    struct buffer content;
};

static struct disk_file *files;
static struct ghost *ghosts;
static uint64_t dice; /* only turns in `disk_restore` */

/* -- files and ghosts ------------------------------------------------------------------------- */

static struct disk_file **place_of(const char *path)
{
    struct disk_file **p = &files;
    while (*p && strcmp((*p)->path, path) != 0)
        p = &(*p)->next;
    return p;
}

static void forget_changes(struct disk_file *f)
{
    for (size_t i = 0; i < f->changes; i++) {
        free(f->before[f->changed[i]]);
        f->before[f->changed[i]] = NULL;
    }
    f->changes = 0;
    f->ahead = false;
}

static void free_file(struct disk_file *f)
{
    forget_changes(f);
    free(f->before);
    free(f->changed);
    free(f->path);
    free(f);
}

static void free_ghost(struct ghost *g)
{
    buffer_free(&g->content);
    free(g->path);
    free(g);
}

static bool same_name(const char *a, const char *b)
{
    return strcmp(a, b) == 0;
}

static bool same_directory(const char *a, const char *b)
{
    const char *a_end = strrchr(a, '/'), *b_end = strrchr(b, '/');
    return a_end && b_end && a_end - a == b_end - b && memcmp(a, b, (size_t)(a_end - a)) == 0;
}

static void lay_ghosts(const char *path, bool (*concerns)(const char *, const char *))
{
    for (struct ghost **p = &ghosts; *p;) {
        struct ghost *g = *p;
        if (concerns(g->path, path)) {
            *p = g->next;
            free_ghost(g);
        } else {
            p = &g->next;
        }
    }
}

struct disk_file *disk_open(const char *path, bool existed, uint64_t size)
{
    struct disk_file **p = place_of(path), *f = *p;
    if (!f) {
        f = *p = xcalloc(1, sizeof *f);
        f->path = xstrdup(path);
    } else if (f->handles || (f->ahead && existed)) {
        f->handles++;
        return f;
    }
    forget_changes(f);
    f->handles = 1;
    f->named = existed;
    f->ahead = !existed;
    f->size = existed ? size : 0;
    if (existed)
        lay_ghosts(path, same_name);
    return f;
}

void disk_close(struct disk_file *f)
{
    assert(f->handles > 0);
    f->handles--;
    if (f->removed && f->handles == 0)
        free_file(f);
}

/* -- what is changed -------------------------------------------------------------------------- */

static bool is_saved(const struct disk_file *f, size_t sector)
{
    return sector < f->sectors && f->before[sector];
}

static uint8_t *save(struct disk_file *f, size_t sector)
{
    if (sector >= f->sectors) {
        size_t sectors = 2 * sector + 64;
        f->before = xrealloc(f->before, sectors * sizeof(*f->before));
        memset(f->before + f->sectors, 0, (sectors - f->sectors) * sizeof(*f->before));
        f->sectors = sectors;
    }
    if (f->changes == f->room) {
        f->room = 2 * f->room + 64;
        f->changed = xrealloc(f->changed, f->room * sizeof *f->changed);
    }
    f->changed[f->changes++] = sector;
    return f->before[sector] = xcalloc(1, DISK_SECTOR);
}

void disk_will_write(struct disk_file *f, uint64_t from, uint64_t to, disk_read *read, void *handle)
{
    f->ahead = true;
    for (uint64_t at = from - from % DISK_SECTOR; at < to; at += DISK_SECTOR) {
        size_t sector = (size_t)(at / DISK_SECTOR);
        if (is_saved(f, sector))
            continue;
        uint8_t *content = save(f, sector);
        if (at < f->size)
            read(handle, at, content);
    }
}

void disk_will_resize(struct disk_file *f, uint64_t size, disk_read *read, void *handle)
{
    f->ahead = true;
    /* What is cut off must be there if the disk never hears of it. Behind its end there is nothing
     * to save: zeros, whatever was written there in between. */
    disk_will_write(f, size, f->size, read, handle);
}

void disk_synced(struct disk_file *f, uint64_t size)
{
    forget_changes(f);
    f->size = size;
    f->named = true;
    if (!f->removed)
        lay_ghosts(f->path, same_name);
}

void disk_directory_synced(const char *path)
{
    lay_ghosts(path, same_directory);
    for (struct disk_file *f = files; f; f = f->next)
        if (same_directory(f->path, path))
            f->named = true;
}

const char *disk_path(const struct disk_file *f)
{
    return f->path;
}

static void read_file(const char *path, struct buffer *content)
{
    uint8_t part[8192];
    ssize_t n;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    assert(fd >= 0);
    while ((n = read(fd, part, sizeof part)) > 0)
        buffer_raw(content, part, (size_t)n);
    assert(n == 0);
    close(fd);
}

/* To open the file here once more is allowed: SQLite only removes files without locks. */
static void leave_ghost(const char *path, const struct disk_file *f)
{
    struct ghost *g = xcalloc(1, sizeof *g);
    g->path = xstrdup(path);
    read_file(path, &g->content);
    if (f) {
        while (g->content.size < f->size)
            buffer_u8(&g->content, 0);
        g->content.size = f->size;
        for (size_t i = 0; i < f->changes; i++) {
            uint64_t at = (uint64_t)f->changed[i] * DISK_SECTOR;
            if (at < f->size)
                memcpy(g->content.at + at, f->before[f->changed[i]],
                       f->size - at < DISK_SECTOR ? f->size - at : DISK_SECTOR);
        }
    }
    g->next = ghosts;
    ghosts = g;
}

void disk_will_remove(const char *path, bool synced)
{
    struct disk_file **p = place_of(path), *f = *p;
    if (synced)
        disk_directory_synced(path);
    else if (!f || f->named)
        leave_ghost(path, f);
    if (!f)
        return;
    *p = f->next;
    f->removed = true;
    if (f->handles == 0)
        free_file(f);
}

/* -- the power comes back --------------------------------------------------------------------- */

/* A number below `sides`. Knuth's multiplier; only the high bits are worth anything. */
static uint64_t roll(uint64_t sides)
{
    dice = dice * 6364136223846793005u + 1442695040888963407u;
    return (dice >> 32) % sides;
}

static uint64_t some_size(uint64_t old, uint64_t new)
{
    switch (roll(3)) {
    case 0: return old;
    case 1: return new;
    default: return new > old ? old + roll(new - old) : new;
    }
}

static void write_all(int fd, const uint8_t *at, size_t size, uint64_t offset)
{
    ssize_t n = pwrite(fd, at, size, (off_t)offset);
    assert(n == (ssize_t)size);
}

static void restore_content(const struct disk_file *f, int fd, bool keeps_some)
{
    struct stat st;
    int rc = fstat(fd, &st);
    assert(rc == 0);
    uint64_t now = (uint64_t)st.st_size;
    uint64_t size = keeps_some ? some_size(f->size, now) : f->size;
    /* Sometimes nearly all arrived, sometimes nearly nothing: an even chance for each sector would
     * never show what happens if just one is missing. */
    uint64_t of_eight = 1 + roll(7);
    for (size_t i = 0; i < f->changes; i++) {
        uint64_t at = (uint64_t)f->changed[i] * DISK_SECTOR;
        bool cut_off = now < f->size && at + DISK_SECTOR > now; /* nothing new could arrive */
        if (keeps_some && !cut_off && roll(8) < of_eight)
            continue;
        write_all(fd, f->before[f->changed[i]], DISK_SECTOR, at);
    }
    rc = ftruncate(fd, (off_t)size);
    assert(rc == 0);
}

static void restore_file(const struct disk_file *f, bool keeps_some)
{
    if (!f->ahead)
        return;
    if (!f->named && (!keeps_some || roll(2))) {
        unlink(f->path);
        return;
    }
    int fd = open(f->path, O_RDWR | O_CLOEXEC);
    if (fd < 0) /* removed behind our back: then it stays so */
        return;
    restore_content(f, fd, keeps_some);
    close(fd);
}

/* A name that leads to a new file already does not lead back to the old one. */
static void restore_ghost(const struct ghost *g, bool keeps_some)
{
    if (keeps_some && roll(2))
        return;
    int fd = open(g->path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (fd < 0)
        return;
    write_all(fd, g->content.at, g->content.size, 0);
    close(fd);
}

static void remove_shared_memory(const struct disk_file *f)
{
    OWNED(free_memory) char *path = xasprintf("%s-shm", f->path);
    unlink(path);
}

void disk_restore(bool keeps_some, uint64_t seed)
{
    dice = seed;
    roll(2); /* so that small seeds don't begin alike */
    for (const struct disk_file *f = files; f; f = f->next) {
        restore_file(f, keeps_some);
        remove_shared_memory(f);
    }
    for (const struct ghost *g = ghosts; g; g = g->next)
        restore_ghost(g, keeps_some);
    disk_forget();
}

void disk_forget(void)
{
    while (files) {
        struct disk_file *f = files;
        assert(f->handles == 0);
        files = f->next;
        free_file(f);
    }
    while (ghosts) {
        struct ghost *g = ghosts;
        ghosts = g->next;
        free_ghost(g);
    }
}
