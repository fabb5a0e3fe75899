/* A keeper reads a file, to make a manifest of it or to compare it with one. A large one takes a
 * minute, and others that were dropped in after it should not wait for that: it is read a turn at a
 * time, and goes on where it stopped. One at a time, and not where everything is scanned: then all
 * have to be read before anything is said. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "pool/content_inside.h"

enum {
    READ_BYTES = 1 << 20,
    READ_TURN_MS = 1000,    /* in one look; there is time for others in a keeper's turn */
    READ_LARGE = 256 << 20, /* of these a second one waits until the first is done */
};

struct reading {
    struct file_name name;
    struct file_stamp before;
    struct manifest_builder *builder;
    int fd;
};

static void reading_free(struct reading *r)
{
    close(r->fd);
    manifest_builder_free(r->builder);
    free(r);
}

void keeper_forget_reading(struct keeper *k)
{
    if (k->reading)
        reading_free(TAKE(k->reading));
}

static enum failure check_size(uint64_t size, struct error *e)
{
    if (size <= MANIFEST_FILE_MAX)
        return OK;
    fail(e, FAIL_INVALID, "The file is too large: it has %llu bytes, and %llu are the most.",
         (unsigned long long)size, MANIFEST_FILE_MAX);
    return e ? error_next(e, "Divide it into parts.") : FAIL_INVALID;
}

static enum failure begin(const struct keeper *k, const struct file_name *name,
                          struct reading **reading, struct error *e)
{
    struct reading r = {.name = *name};
    enum failure bad = file_store_open(k->content->files, name, &r.fd, &r.before, e);
    if (bad)
        return bad;
    bad = check_size(r.before.size, e);
    if (bad) {
        close(r.fd);
        return bad;
    }
    r.builder = manifest_builder_new();
    *reading = xmemdup(&r, sizeof r);
    return OK;
}

/* What the pool is to the home may be something else by now; then what was read is of no use to
 * anybody. */
static bool is_in_vain(struct keeper *k)
{
    pthread_mutex_lock(&k->lock);
    bool other = k->next_role != k->role;
    pthread_mutex_unlock(&k->lock);
    return other;
}

/* Not to its end, if that is in vain: the size tells. FAIL_BUSY: if the time is up. */
static enum failure read_on(struct keeper *k, const struct reading *r, uint64_t until_ms,
                            struct error *e)
{
    OWNED(free_memory) uint8_t *bytes = xmalloc(READ_BYTES);
    ssize_t got = 1;
    while (got > 0 && !is_in_vain(k)) {
        if (atomic_load(&k->content->stopping))
            return fail(e, FAIL_STOPPING, "This machine is stopping.");
        if (clock_ms() >= until_ms)
            return FAIL_BUSY;
        got = read(r->fd, bytes, READ_BYTES);
        if (got < 0)
            return fail(e, FAIL_IO, "A file of the home %s can't be read.", k->home);
        enum failure bad = manifest_builder_add(r->builder, bytes_of(bytes, (size_t)got), e);
        if (bad)
            return bad;
    }
    return OK;
}

static enum failure end(const struct keeper *k, const struct reading *r, struct manifest *manifest,
                        bool *stable, struct error *e)
{
    enum file_found found;
    struct file_stamp after;
    enum failure bad = file_store_look(k->content->files, &r->name, &found, &after, e);
    if (bad)
        return bad;
    manifest_builder_end(r->builder, manifest);
    *stable = found == FOUND_FILE && file_stamp_equal(r->before, after) &&
              manifest->stamp.size == r->before.size;
    manifest->stamp = r->before;
    return OK;
}

enum failure keeper_read_file(struct keeper *k, const struct file_name *name,
                              struct manifest *manifest, bool *stable, struct error *e)
{
    struct reading *r;
    *manifest = (struct manifest){0};
    enum failure bad = begin(k, name, &r, e);
    if (bad)
        return bad;
    bad = read_on(k, r, UINT64_MAX, e);
    if (!bad)
        bad = end(k, r, manifest, stable, e);
    reading_free(r);
    return bad;
}

/* The one that has begun is of no use once its file is another. */
static void forget_if_changed(struct keeper *k)
{
    enum file_found found;
    struct file_stamp now;
    bool same = k->reading &&
                !file_store_look(k->content->files, &k->reading->name, &found, &now, NULL) &&
                found == FOUND_FILE && file_stamp_equal(now, k->reading->before);
    if (!same)
        keeper_forget_reading(k);
}

static bool is_of(const struct reading *r, const struct file_name *name)
{
    return r && strcmp(r->name.file, name->file) == 0 &&
           strcmp(r->name.conference, name->conference) == 0;
}

enum failure keeper_read_in_turns(struct keeper *k, const struct file_name *name,
                                  struct manifest *manifest, bool *stable, struct error *e)
{
    struct reading *r = NULL;
    if (!k->scanned)
        return keeper_read_file(k, name, manifest, stable, e);
    *manifest = (struct manifest){0};
    forget_if_changed(k);
    if (is_of(k->reading, name))
        r = TAKE(k->reading);
    enum failure bad = r ? OK : begin(k, name, &r, e);
    if (bad)
        return bad;
    bool other = k->reading != NULL;
    if (other && r->before.size > READ_LARGE)
        bad = FAIL_BUSY;
    else
        bad = read_on(k, r, other ? UINT64_MAX : clock_ms() + READ_TURN_MS, e);
    if (!bad)
        bad = end(k, r, manifest, stable, e);
    if (bad == FAIL_BUSY && !other)
        k->reading = r;
    else
        reading_free(r);
    return bad;
}
