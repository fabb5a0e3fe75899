#include "core/hold.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

/* 2: hand-overs. */
enum { HOLD_FORMAT = 2 };

const char *hold_holder(const struct hold *hold)
{
    return hold->term.number ? hold->pools[term_side(hold->term)] : "";
}

bool hold_side(const struct hold *hold, const char *pool, enum side *side)
{
    for (int i = 0; i < SIDES; i++) {
        if (hold->pools[i][0] && strcmp(hold->pools[i], pool) == 0) {
            *side = (enum side)i;
            return true;
        }
    }
    return false;
}

enum failure hold_check_change(const struct hold *hold, uint64_t term_number, struct error *e)
{
    if (mode_rights(hold->mode)->changes && hold->term.number == term_number)
        return OK;
    fail(e, FAIL_REFUSED,
         "The home %s does not accept changes of term %" PRIu64 " here: it is %s in term %" PRIu64
         ".",
         hold->home, term_number, mode_name(hold->mode), hold->term.number);
    if (e)
        error_kept(e, "Nothing was changed.");
    return FAIL_REFUSED;
}

bool hold_opens_term(struct term before, const struct hold *next)
{
    return mode_rights(next->mode)->holder && !term_equal(before, next->term);
}

bool hold_is_handed_over(const struct hold *hold)
{
    return hold->mode == MODE_CLOSING || hold->mode == MODE_DRAINING || hold->mode == MODE_RELEASED;
}

static bool valid(const struct hold *hold)
{
    bool has_term = hold->term.number != 0, has_to = hold->to.number != 0;
    return hold->home[0] && hold->pools[SIDE_HOME][0] && has_term == (hold->term.tag != 0) &&
           hold->seen >= hold->term.number && (unsigned)hold->mode < MODES &&
           (has_term || !mode_rights(hold->mode)->holder) && has_to == (hold->to.tag != 0) &&
           hold_is_handed_over(hold) == has_to && hold->seen >= hold->to.number;
}

void hold_encode(const struct hold *hold, struct buffer *out)
{
    assert(valid(hold));
    buffer_u8(out, HOLD_FORMAT);
    buffer_text(out, hold->home);
    buffer_text(out, hold->pools[SIDE_HOME]);
    buffer_text(out, hold->pools[SIDE_BACKUP]);
    buffer_u8(out, (uint8_t)hold->mode);
    buffer_varint(out, hold->term.number);
    buffer_u64(out, hold->term.tag);
    buffer_varint(out, hold->seen);
    buffer_u8(out, hold->alone);
    buffer_varint(out, hold->to.number);
    buffer_u64(out, hold->to.tag);
    buffer_varint(out, hold->released);
    buffer_varint(out, hold->revision);
    lineage_encode(&hold->lineage, out);
}

enum failure hold_decode(struct hold *hold, struct bytes encoded, struct error *e)
{
    struct cursor in = cursor_over(encoded);
    memset(hold, 0, sizeof *hold);
    uint8_t format = cursor_u8(&in);
    if (!in.bad && format > HOLD_FORMAT)
        return fail(e, FAIL_NEWER, "A hold record has format %u; this version knows up to %d.",
                    format, HOLD_FORMAT);
    cursor_text(&in, hold->home, sizeof hold->home);
    cursor_text(&in, hold->pools[SIDE_HOME], sizeof hold->pools[SIDE_HOME]);
    cursor_text(&in, hold->pools[SIDE_BACKUP], sizeof hold->pools[SIDE_BACKUP]);
    hold->mode = (enum mode)cursor_u8(&in);
    hold->term.number = cursor_varint(&in);
    hold->term.tag = cursor_u64(&in);
    hold->seen = cursor_varint(&in);
    uint8_t alone = cursor_u8(&in);
    hold->alone = alone == 1;
    if (format >= 2) {
        hold->to.number = cursor_varint(&in);
        hold->to.tag = cursor_u64(&in);
        hold->released = cursor_varint(&in);
    }
    hold->revision = cursor_varint(&in);
    lineage_decode(&hold->lineage, &in);
    if (!cursor_done(&in) || format == 0 || alone > 1 || !valid(hold))
        return fail(e, FAIL_DAMAGED, "A hold record is damaged.");
    return OK;
}
