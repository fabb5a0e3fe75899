/* How homes' rows and hold records are spelled in every engine: sealed with a checksum, because an
 * engine's own checks would pass a flipped byte inside a value. */
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <xxhash.h>

#include "store/engine.h"

/* Format 1 did not know where a copy is whole, and of no comparisons; format 2 of no tails. */
enum { HOME_STATE_FORMAT = 4, SEAL_SIZE = 8 };

static const char is_changed[] = "is not what was written", is_nonsense[] = "makes no sense";

/* The same two sentences wherever a stored byte is not what was written. */
static enum failure add_way_out(struct error *e)
{
    if (e) {
        error_kept(e, "It was not handed out; nothing was changed or repaired by this.");
        error_next(e, STORE_DAMAGED_NEXT);
    }
    return FAIL_DAMAGED;
}

static enum failure damaged(struct error *e, const char *thing, const char *name, const char *wrong)
{
    fail(e, FAIL_DAMAGED, "The stored %s %s %s.", thing, name, wrong);
    return add_way_out(e);
}

static enum failure newer(struct error *e, const char *home, unsigned format)
{
    fail(e, FAIL_NEWER,
         "The stored state of the home %s has format %u; this version knows up to %d.", home,
         format, HOME_STATE_FORMAT);
    if (e) {
        error_kept(e, "It was left as it is.");
        error_next(e, "Install the newer version again.");
    }
    return FAIL_NEWER;
}

/* The seal also covers what the content belongs to: the right content of another name is wrong. */
static uint64_t sum(struct bytes content, const char *name, int64_t id)
{
    return XXH3_64bits_withSeed(content.at, content.size,
                                XXH3_64bits_withSeed(name, strlen(name), (uint64_t)id));
}

/* Seals what `out` has from `from` on. */
static void seal(struct buffer *out, size_t from, const char *name, int64_t id)
{
    buffer_u64(out, sum(bytes_of(out->at + from, out->size - from), name, id));
}

static bool unseal(struct bytes sealed, const char *name, int64_t id, struct bytes *content)
{
    if (sealed.size < SEAL_SIZE)
        return false;
    *content = bytes_of(sealed.at, sealed.size - SEAL_SIZE);
    struct cursor tail = cursor_over(bytes_of(sealed.at + content->size, SEAL_SIZE));
    return cursor_u64(&tail) == sum(*content, name, id);
}

void home_row_encode(const char *home, const struct home_row *row, struct buffer *out)
{
    const struct home_state *state = &row->state;
    size_t from = out->size;
    buffer_u8(out, HOME_STATE_FORMAT);
    buffer_varint(out, state->head);
    buffer_varint(out, state->horizon);
    for (int i = 0; i < MODULES; i++) {
        buffer_varint(out, state->modules[i].cookie.term);
        buffer_varint(out, state->modules[i].cookie.usn);
        buffer_varint(out, state->modules[i].whole_at.term);
        buffer_varint(out, state->modules[i].whole_at.usn);
        digest_encode(&state->modules[i].digest, out);
        buffer_u64(out, state->modules[i].comparing);
        buffer_varint(out, state->modules[i].compare_goal);
    }
    buffer_varint(out, state->tails);
    buffer_u8(out, state->going_back);
    seal(out, from, home, row->id);
}

enum failure home_row_decode(const char *home, struct home_row *row, struct bytes encoded,
                             struct error *e)
{
    struct home_state *state = &row->state;
    struct bytes content;
    if (!unseal(encoded, home, row->id, &content))
        return damaged(e, "state of the home", home, is_changed);
    struct cursor in = cursor_over(content);
    uint8_t format = cursor_u8(&in);
    state->head = cursor_varint(&in);
    state->horizon = cursor_varint(&in);
    for (int i = 0; i < MODULES; i++) {
        state->modules[i].cookie.term = cursor_varint(&in);
        state->modules[i].cookie.usn = cursor_varint(&in);
        state->modules[i].whole_at = state->modules[i].cookie;
        if (format > 1) {
            state->modules[i].whole_at.term = cursor_varint(&in);
            state->modules[i].whole_at.usn = cursor_varint(&in);
        }
        digest_decode(&state->modules[i].digest, &in);
        state->modules[i].comparing = format > 1 ? cursor_u64(&in) : 0;
        state->modules[i].compare_goal = format > 1 ? cursor_varint(&in) : 0;
    }
    state->tails = format > 2 ? (uint32_t)cursor_varint(&in) : 0;
    state->going_back = format > 3 && cursor_u8(&in);
    if (format > HOME_STATE_FORMAT)
        return newer(e, home, format);
    if (!cursor_done(&in) || format == 0)
        return damaged(e, "state of the home", home, is_nonsense);
    return OK;
}

const char *hold_record_name(const char *home, char name[HOLD_RECORD_NAME_SIZE])
{
    snprintf(name, HOLD_RECORD_NAME_SIZE, "hold/%s", home);
    return name;
}

enum failure record_check(const char *name, struct bytes sealed, struct error *e)
{
    struct bytes content;
    return unseal(sealed, name, 0, &content) ? OK : damaged(e, "record", name, is_changed);
}

enum failure record_load(struct session *s, const char *name, struct buffer *value, struct error *e)
{
    enum failure bad = s->engine->ops->record_get(s, name, value, e);
    if (bad)
        return bad;
    bad = record_check(name, buffer_view(value), e);
    if (!bad)
        value->size -= SEAL_SIZE;
    return bad;
}

enum failure record_save(struct session *s, const char *name, struct bytes value, struct error *e)
{
    OWNED(buffer_free) struct buffer sealed = {0};
    if (value.size) {
        buffer_raw(&sealed, value.at, value.size);
        seal(&sealed, 0, name, 0);
    }
    return s->engine->ops->record_put(s, name, buffer_view(&sealed), e);
}

enum failure hold_load(struct session *s, const char *home, struct hold *hold, struct error *e)
{
    char name[HOLD_RECORD_NAME_SIZE];
    OWNED(buffer_free) struct buffer encoded = {0};
    enum failure bad = record_load(s, hold_record_name(home, name), &encoded, e);
    if (bad)
        return bad;
    bad = hold_decode(hold, buffer_view(&encoded), e);
    if (bad == FAIL_DAMAGED || (!bad && strcmp(hold->home, home) != 0))
        return damaged(e, "hold record of the home", home, is_nonsense);
    return bad;
}

enum failure hold_save(struct session *s, const struct hold *hold, struct error *e)
{
    char name[HOLD_RECORD_NAME_SIZE];
    OWNED(buffer_free) struct buffer encoded = {0};
    hold_encode(hold, &encoded);
    return record_save(s, hold_record_name(hold->home, name), buffer_view(&encoded), e);
}

enum failure row_check(const struct item *item, struct item_hash stored, struct error *e)
{
    if (item_check(item, NULL) == OK && item_hash_equal(item_hash(item), stored))
        return OK;
    fail(e, FAIL_DAMAGED,
         "The stored item with usn %" PRIu64 " of module %s is not what was written.",
         item->version.usn, (unsigned)item->module < MODULES ? module_name(item->module) : "?");
    return add_way_out(e);
}

enum failure usn_is_taken(uint64_t usn, struct error *e)
{
    fail(e, FAIL_DAMAGED, "The usn %" PRIu64 " belongs to another item here.", usn);
    if (e) {
        error_kept(e, "Nothing was changed.");
        error_next(e, "What is damaged is looked for now, and mended; then compare the copies: "
                      "Invoke-CsBackupServiceSync -BypassDualWrite $true.");
    }
    return FAIL_DAMAGED;
}

enum failure rows_do_not_add_up(const char *home, struct error *e)
{
    return damaged(e, "list of items of the home", home, "does not add up to its digest");
}
