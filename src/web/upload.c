#include "web/upload.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "http/server.h"

enum upload_state { UPLOAD_NEW, UPLOAD_RECEIVED, UPLOAD_PLACED, UPLOAD_KEPT };

struct upload {
    const struct file_store *files;
    struct file_name name;
    struct room_share *share;
    struct upload_limits limits;
    struct file_writer *writer;
    struct manifest manifest;
    enum upload_state state;
    bool replaces;
};

struct upload *upload_new(const struct file_store *files, const struct file_name *name,
                          struct room_share *share, const struct upload_limits *limits)
{
    struct upload *u = xcalloc(1, sizeof *u);
    *u = (struct upload){.files = files, .name = *name, .share = share, .limits = *limits};
    return u;
}

void upload_free(struct upload *u)
{
    if (!u)
        return;
    file_writer_free(u->writer);
    manifest_free(&u->manifest);
    room_give_back(u->share);
    free(u);
}

/* --- receiving --- */

static enum failure too_large(const struct upload *u, struct error *e)
{
    fail(e, FAIL_FULL, "A file of a conference can have %" PRIu64 " MB.", u->limits.file_max_mb);
    error_kept(e, "Nothing was changed.");
    return error_next(e, "Make it smaller, or ask an administrator for more.");
}

static enum failure no_room(const struct upload *u, struct error *e)
{
    fail(e, FAIL_FULL, "The files of a conference can have %" PRIu64 " MB in all.",
         u->limits.conference_max_mb);
    error_kept(e, "Nothing was changed.");
    return error_next(e, "Delete what is no longer needed.");
}

static enum failure add(struct upload *u, struct bytes part, struct error *e)
{
    if (file_writer_size(u->writer) + part.size > u->limits.file_max)
        return too_large(u, e);
    if (!room_grow(u->share, part.size, u->limits.conference_max))
        return no_room(u, e);
    return file_writer_add(u->writer, part, e);
}

static enum failure came_to_nothing(enum http_body state, struct error *e)
{
    if (state == HTTP_BODY_LATE)
        fail(e, FAIL_DEADLINE, "Less than %d KiB of the file came in %d seconds.",
             UPLOAD_SPELL_BYTES_MIN >> 10, UPLOAD_SPELL_MS / 1000);
    else
        fail(e, FAIL_STOPPING, "The file did not arrive whole.");
    error_kept(e, "Nothing was changed.");
    return error_next(e, "Send it again.");
}

/* How long somebody has for the next UPLOAD_SPELL_BYTES_MIN, of the time that he is waited for:
 * that the disk is slow is not his fault. */
struct spell {
    uint64_t left_ms;
    size_t bytes;
};

static void begin_spell(struct spell *spell)
{
    *spell = (struct spell){.left_ms = UPLOAD_SPELL_MS};
}

/* The next part, as http_body_read(); who drips is late like who is silent. */
static enum http_body read_part(struct http_request *request, struct spell *spell, uint8_t *part,
                                size_t *got)
{
    uint64_t began_ms = clock_ms();
    enum http_body state =
        http_body_read(request, part, UPLOAD_PART, (uint32_t)spell->left_ms, got);
    uint64_t waited_ms = clock_ms() - began_ms;
    spell->left_ms -= waited_ms < spell->left_ms ? waited_ms : spell->left_ms;
    spell->bytes += *got;
    if (spell->bytes >= UPLOAD_SPELL_BYTES_MIN)
        begin_spell(spell);
    else if (state == HTTP_BODY_PART && !spell->left_ms)
        return HTTP_BODY_LATE;
    return state;
}

enum failure upload_receive(struct upload *u, struct http_request *request, struct error *e)
{
    OWNED(free_memory) uint8_t *part = xmalloc(UPLOAD_PART);
    struct spell spell;
    enum http_body state;
    size_t got;
    enum failure bad = file_writer_new(u->files, &u->writer, e);
    if (bad)
        return bad;
    http_body_accept(request);
    begin_spell(&spell);
    while (!bad && (state = read_part(request, &spell, part, &got)) == HTTP_BODY_PART)
        bad = add(u, bytes_of(part, got), e);
    if (!bad && state == HTTP_BODY_LATE)
        http_body_give_up(request);
    if (!bad && state != HTTP_BODY_END)
        bad = came_to_nothing(state, e);
    if (!bad) /* here, where others do not wait for it */
        bad = file_writer_sync(u->writer, e);
    u->state = bad ? UPLOAD_NEW : UPLOAD_RECEIVED;
    return bad;
}

bool upload_is_received(const struct upload *u)
{
    return u->state != UPLOAD_NEW;
}

void upload_has_its_turn(struct upload *u)
{
    room_give_back(TAKE(u->share));
}

uint64_t upload_size(const struct upload *u)
{
    return file_writer_size(u->writer);
}

/* --- placing --- */

static enum failure gone(struct error *e)
{
    fail(e, FAIL_CONFLICT, "Somebody else changed or removed this file at the same moment.");
    return error_next(e, "Look what is there now.");
}

enum failure upload_place(struct upload *u, int64_t newer_than_ns, const struct manifest **manifest,
                          struct error *e)
{
    enum file_found found = FOUND_FILE;
    struct file_stamp stamp;
    enum failure bad = OK;
    *manifest = &u->manifest;
    if (u->state == UPLOAD_RECEIVED) {
        bad = file_writer_place(u->writer, &u->name, newer_than_ns, &u->manifest, e);
        u->state = bad ? UPLOAD_RECEIVED : UPLOAD_PLACED;
        u->replaces = newer_than_ns != 0;
        return bad;
    }
    bad = file_store_look(u->files, &u->name, &found, &stamp, e);
    if (!bad && (found != FOUND_FILE || !file_stamp_equal(stamp, u->manifest.stamp)))
        bad = gone(e);
    return bad;
}

bool upload_is_own(const struct upload *u, const struct manifest *manifest)
{
    return u->state == UPLOAD_PLACED && file_stamp_equal(u->manifest.stamp, manifest->stamp) &&
           manifest_same_bytes(&u->manifest, manifest);
}

bool upload_replaces(const struct upload *u)
{
    return u->replaces;
}

void upload_keep(struct upload *u)
{
    u->state = UPLOAD_KEPT;
    file_writer_keep(u->writer);
}
