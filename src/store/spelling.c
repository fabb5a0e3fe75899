/* How homes' rows and hold records are spelled in every engine: sealed with a checksum, because an
 * engine's own checks would pass a flipped byte inside a value. */
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <xxhash.h>

#include "store/engine.h"

enum { HOME_STATE_FORMAT = 1, SEAL_SIZE = 8 };

static void seal(struct buffer *out)
{
    buffer_u64(out, XXH3_64bits(out->at, out->size));
}

static bool unseal(struct bytes sealed, struct bytes *content)
{
    if (sealed.size < SEAL_SIZE)
        return false;
    *content = bytes_of(sealed.at, sealed.size - SEAL_SIZE);
    struct cursor tail = cursor_over(bytes_of(sealed.at + content->size, SEAL_SIZE));
    return cursor_u64(&tail) == XXH3_64bits(content->at, content->size);
}

void home_state_encode(const struct home_state *state, struct buffer *out)
{
    buffer_u8(out, HOME_STATE_FORMAT);
    buffer_varint(out, state->head);
    buffer_varint(out, state->horizon);
    for (int i = 0; i < MODULES; i++) {
        buffer_varint(out, state->modules[i].cookie.term);
        buffer_varint(out, state->modules[i].cookie.usn);
        digest_encode(&state->modules[i].digest, out);
    }
    seal(out);
}

enum failure home_state_decode(struct home_state *state, struct bytes encoded, struct error *e)
{
    struct bytes content;
    if (!unseal(encoded, &content))
        return fail(e, FAIL_DAMAGED, "The store's record of a home is damaged.");
    struct cursor in = cursor_over(content);
    uint8_t format = cursor_u8(&in);
    state->head = cursor_varint(&in);
    state->horizon = cursor_varint(&in);
    for (int i = 0; i < MODULES; i++) {
        state->modules[i].cookie.term = cursor_varint(&in);
        state->modules[i].cookie.usn = cursor_varint(&in);
        digest_decode(&state->modules[i].digest, &in);
    }
    if (format > HOME_STATE_FORMAT)
        return fail(e, FAIL_NEWER, "The store's record of a home has format %u, which is newer.",
                    format);
    if (!cursor_done(&in) || format != HOME_STATE_FORMAT)
        return fail(e, FAIL_DAMAGED, "The store's record of a home makes no sense.");
    return OK;
}

const char *hold_record_name(const char *home, char name[HOLD_RECORD_NAME_SIZE])
{
    snprintf(name, HOLD_RECORD_NAME_SIZE, "hold/%s", home);
    return name;
}

enum failure record_load(struct session *s, const char *name, struct buffer *value, struct error *e)
{
    enum failure bad = s->engine->ops->record_get(s, name, value, e);
    if (bad)
        return bad;
    struct bytes content;
    if (!unseal(buffer_view(value), &content))
        return fail(e, FAIL_DAMAGED, "The stored record %s is not what was written.", name);
    value->size = content.size;
    return OK;
}

enum failure record_save(struct session *s, const char *name, struct bytes value, struct error *e)
{
    OWNED(buffer_free) struct buffer sealed = {0};
    if (value.size) {
        buffer_raw(&sealed, value.at, value.size);
        seal(&sealed);
    }
    return s->engine->ops->record_put(s, name, buffer_view(&sealed), e);
}

enum failure hold_load(struct session *s, const char *home, struct hold *hold, struct error *e)
{
    char name[HOLD_RECORD_NAME_SIZE];
    OWNED(buffer_free) struct buffer encoded = {0};
    enum failure bad = record_load(s, hold_record_name(home, name), &encoded, e);
    if (!bad)
        bad = hold_decode(hold, buffer_view(&encoded), e);
    if (!bad && strcmp(hold->home, home) != 0)
        bad = fail(e, FAIL_DAMAGED, "The hold record of %s speaks of %s.", home, hold->home);
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
    if (e)
        error_kept(e, "It was not handed out, and nothing was changed.");
    return FAIL_DAMAGED;
}
