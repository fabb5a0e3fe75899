#include "core/salvage.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MARKS "salvaged/"

enum { MARK_FORMAT = 1, CONFLICT_FORMAT = 1 };

/* --- the rules --- */

enum standing {
    NOTHING,   /* there is none */
    FORGOTTEN, /* there is none; whether one was deleted since is not known any more */
    UNTOUCHED, /* as both knew it when they parted */
    SAME,      /* changed since, and to the same; or the same change, or one behind it */
    TOUCHED,   /* changed since, to something else */
    STANDINGS,
};

/* What the holder has, against what the tail says: that the key has this value, or is deleted. */
static const struct {
    enum salvage_verdict put, delete;
} table[STANDINGS] = {
    [NOTHING] = {SALVAGE_APPLY, SALVAGE_NOTHING},
    [FORGOTTEN] = {SALVAGE_CONFLICT, SALVAGE_NOTHING}, /* it may have been deleted on purpose */
    [UNTOUCHED] = {SALVAGE_APPLY, SALVAGE_APPLY},
    [SAME] = {SALVAGE_NOTHING, SALVAGE_NOTHING},
    [TOUCHED] = {SALVAGE_CONFLICT, SALVAGE_CONFLICT},
};

static bool is_same(const struct item *a, const struct item *b)
{
    return a->deleted == b->deleted && bytes_equal(a->value, b->value);
}

/* Of its own tail, and nothing came since the home went back: what is missing was moved aside with
 * it. Else its holder may have deleted it, and a comparison forgot that. */
static bool is_only_aside(const struct salvage_question *q)
{
    return q->own && q->cookie <= q->base;
}

/* Has the holder changed it since? What it has of a term that the tail's pool was in, too, it did
 * not change itself; and of two changes of one term the later one counts. */
static bool is_touched(const struct salvage_question *q)
{
    const struct version here = q->here->version, entry = q->entry->version;
    if (here.usn <= q->base || here.term != q->known.term)
        return here.usn > q->base;
    return here.usn > q->known.usn && entry.term != here.term;
}

static bool is_later_of_one_term(const struct salvage_question *q)
{
    const struct version here = q->here->version, entry = q->entry->version;
    return here.term == q->known.term && here.term == entry.term && here.usn >= entry.usn;
}

static enum standing standing_of(const struct salvage_question *q)
{
    if (!q->here)
        return q->horizon > q->base && !is_only_aside(q) ? FORGOTTEN : NOTHING;
    if ((q->here->deleted && q->entry->deleted) || is_later_of_one_term(q))
        return SAME;
    if (!is_touched(q))
        return UNTOUCHED;
    return is_same(q->here, q->entry) ? SAME : TOUCHED;
}

static enum salvage_verdict verdict_of(const struct salvage_question *q)
{
    enum standing standing = standing_of(q);
    enum salvage_verdict verdict = q->entry->deleted ? table[standing].delete : table[standing].put;
    if (q->covered || q->entry->version.usn <= q->base)
        return SALVAGE_NOTHING; /* the holder has been there */
    /* It speaks of the history that it is an item of: in another one what it stands on may be on
     * its way, or be nowhere. */
    if (salvage_is_mark(q->entry->key))
        return SALVAGE_NOTHING;
    /* The copy moved everything of that key aside: that it was deleted stands nowhere else. */
    if (q->own && standing == NOTHING)
        return SALVAGE_APPLY;
    if (q->derived)
        return q->own && verdict == SALVAGE_APPLY ? verdict : SALVAGE_NOTHING;
    /* A conflict that was dismissed since, perhaps: to see it again harms nobody. */
    if (salvage_is_ours(q->entry->key))
        return verdict == SALVAGE_APPLY || standing == FORGOTTEN ? SALVAGE_APPLY : SALVAGE_NOTHING;
    if (q->stays && verdict == SALVAGE_APPLY)
        return q->here && is_same(q->here, q->entry) ? SALVAGE_NOTHING : SALVAGE_CONFLICT;
    return verdict;
}

struct salvage_ruling salvage_rule(const struct salvage_question *q)
{
    struct salvage_ruling ruling = {.verdict = verdict_of(q)};
    bool stays = ruling.verdict != SALVAGE_APPLY && q->here && !q->here->deleted;
    ruling.rewrite = stays && q->here->version.usn <= q->back_to;
    return ruling;
}

/* --- marks --- */

struct bytes salvage_mark_prefix(struct term term, char key[SALVAGE_KEY_SIZE])
{
    snprintf(key, SALVAGE_KEY_SIZE, MARKS "%016" PRIx64 "/", term.tag);
    return bytes_of_text(key);
}

struct bytes salvage_mark_key(const struct tail *tail, uint64_t end, char key[SALVAGE_KEY_SIZE])
{
    uint64_t tag = tail_term_of(tail, end).tag;
    if (tail->part)
        snprintf(key, SALVAGE_KEY_SIZE, MARKS "%016" PRIx64 "/%" PRIu64 "/%016" PRIx64, tag, end,
                 tail->id);
    else
        snprintf(key, SALVAGE_KEY_SIZE, MARKS "%016" PRIx64 "/%" PRIu64, tag, end);
    return bytes_of_text(key);
}

uint64_t salvage_mark_covers(struct bytes key, const struct salvage_mark *mark)
{
    uint64_t end = 0;
    size_t i = strlen(MARKS) + 16 + 1; /* behind the tag */
    for (; i < key.size && key.at[i] != '/'; i++)
        end = end * 10 + (uint64_t)(key.at[i] - '0');
    return i == key.size && mark->upto >= end ? end : 0;
}

bool salvage_mark_counts(uint64_t usn, uint64_t horizon)
{
    return usn > horizon;
}

void salvage_mark_encode(const struct salvage_mark *mark, struct buffer *out)
{
    buffer_u8(out, MARK_FORMAT);
    buffer_varint(out, mark->upto);
    buffer_varint(out, mark->carried);
    buffer_varint(out, mark->conflicts);
    buffer_varint(out, mark->same);
}

enum failure salvage_mark_decode(struct salvage_mark *mark, struct bytes value, struct error *e)
{
    struct cursor in = cursor_over(value);
    uint8_t format = cursor_u8(&in);
    mark->upto = cursor_varint(&in);
    mark->carried = cursor_varint(&in);
    mark->conflicts = cursor_varint(&in);
    mark->same = cursor_varint(&in);
    if (!in.bad && format > MARK_FORMAT)
        return fail(e, FAIL_NEWER, "How far a salvage came is written by a newer version.");
    if (!cursor_done(&in) || format != MARK_FORMAT)
        return fail(e, FAIL_DAMAGED, "How far a salvage came can't be read.");
    return OK;
}

bool salvage_is_mark(struct bytes key)
{
    return bytes_start_with(key, bytes_of_text(MARKS));
}

bool salvage_is_ours(struct bytes key)
{
    return salvage_is_mark(key) || bytes_start_with(key, bytes_of_text(SALVAGE_CONFLICTS));
}

/* --- conflicts --- */

struct bytes salvage_conflict_key(uint64_t tag, uint64_t usn, char key[SALVAGE_KEY_SIZE])
{
    snprintf(key, SALVAGE_KEY_SIZE, SALVAGE_CONFLICTS "%016" PRIx64 "/%" PRIu64, tag, usn);
    return bytes_of_text(key);
}

struct bytes salvage_value_key(uint64_t tag, uint64_t usn, char key[SALVAGE_KEY_SIZE])
{
    snprintf(key, SALVAGE_KEY_SIZE, SALVAGE_CONFLICTS "%016" PRIx64 "/%" PRIu64 "/value", tag, usn);
    return bytes_of_text(key);
}

bool salvage_is_conflict(struct bytes key)
{
    return bytes_start_with(key, bytes_of_text(SALVAGE_CONFLICTS)) &&
           key.at[key.size - 1] != 'e'; /* "…/value" */
}

void salvage_conflict_encode(const struct salvage_conflict *conflict, struct buffer *out)
{
    buffer_u8(out, CONFLICT_FORMAT);
    buffer_varint(out, conflict->version.term);
    buffer_varint(out, conflict->version.usn);
    buffer_u64(out, conflict->tag);
    buffer_u8(out, conflict->deleted);
    buffer_varint(out, conflict->salvaged_ms);
    buffer_text(out, conflict->accepted_by);
    buffer_bytes(out, conflict->key);
}

enum failure salvage_conflict_decode(struct salvage_conflict *conflict, struct bytes value,
                                     struct error *e)
{
    struct cursor in = cursor_over(value);
    *conflict = (struct salvage_conflict){0};
    uint8_t format = cursor_u8(&in);
    conflict->version.term = cursor_varint(&in);
    conflict->version.usn = cursor_varint(&in);
    conflict->tag = cursor_u64(&in);
    uint8_t deleted = cursor_u8(&in);
    conflict->deleted = deleted == 1;
    conflict->salvaged_ms = cursor_varint(&in);
    cursor_text(&in, conflict->accepted_by, sizeof conflict->accepted_by);
    conflict->key = cursor_bytes(&in, ITEM_KEY_MAX);
    if (!in.bad && format > CONFLICT_FORMAT)
        return fail(e, FAIL_NEWER, "A conflict is written by a newer version.");
    if (!cursor_done(&in) || format != CONFLICT_FORMAT || deleted > 1)
        return fail(e, FAIL_DAMAGED, "A conflict can't be read.");
    return OK;
}

const char *salvage_identity(uint64_t tag, uint64_t usn, char text[SALVAGE_IDENTITY_SIZE])
{
    snprintf(text, SALVAGE_IDENTITY_SIZE, "%016" PRIx64 "-%" PRIu64, tag, usn);
    return text;
}

bool salvage_identity_read(const char *text, uint64_t *tag, uint64_t *usn)
{
    char again[SALVAGE_IDENTITY_SIZE];
    const char *dash = strchr(text, '-');
    if (!dash)
        return false;
    *tag = strtoull(text, NULL, 16);
    *usn = strtoull(dash + 1, NULL, 10);
    return strcmp(salvage_identity(*tag, *usn, again), text) == 0;
}
