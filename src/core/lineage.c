#include "core/lineage.h"

#include <assert.h>
#include <string.h>

static bool follows(const struct lineage_entry *later, const struct lineage_entry *earlier)
{
    return later->term.number > earlier->term.number && later->began >= earlier->began;
}

/* Rather one in which nothing was changed than the oldest: where a home rests, all that is kept
 * would be such ones one day, and nobody could tell by whom its last change was made. Not one of
 * the later half, which others may stand on. */
static void forget_one(struct lineage *l)
{
    size_t i = 0;
    while (i < LINEAGE_MAX / 2 && l->entries[i].began != l->entries[i + 1].began)
        i++;
    if (i == LINEAGE_MAX / 2)
        i = 0;
    memmove(l->entries + i, l->entries + i + 1, (l->count - i - 1) * sizeof *l->entries);
    l->count--;
    l->trimmed = true;
}

void lineage_open(struct lineage *l, struct term term, uint64_t head)
{
    assert(!term_is_none(term));
    struct lineage_entry entry = {.term = term, .began = head};
    while (l->count && l->entries[l->count - 1].began > head)
        l->count--; /* this copy heard of that term, but did not come as far */
    assert(l->count == 0 || follows(&entry, &l->entries[l->count - 1]));
    if (l->count == LINEAGE_MAX)
        forget_one(l);
    l->entries[l->count++] = entry;
}

struct term lineage_last(const struct lineage *l)
{
    return l->count ? l->entries[l->count - 1].term : TERM_NONE;
}

bool lineage_has(const struct lineage *l, struct term term)
{
    size_t i = 0;
    while (i < l->count && !term_equal(l->entries[i].term, term))
        i++;
    return i < l->count;
}

uint64_t lineage_term_of(const struct lineage *l, uint64_t usn)
{
    for (size_t i = l->count; i > 0; i--) {
        if (usn > l->entries[i - 1].began)
            return l->entries[i - 1].term.number;
    }
    return 0;
}

/* Entries of what a copy that stands at `head` went through: it may know of terms that began behind
 * it, because it follows its exporter's lineage as a whole. */
static size_t count_upto(const struct lineage *l, uint64_t head)
{
    size_t count = l->count;
    while (count > 0 && l->entries[count - 1].began > head)
        count--;
    return count;
}

/* Where entry i ends in a copy that stands at `head`. */
static uint64_t end_of(const struct lineage *l, size_t i, uint64_t head)
{
    return i + 1 < l->count && l->entries[i + 1].began < head ? l->entries[i + 1].began : head;
}

uint64_t lineage_end(const struct lineage *l, uint64_t number, uint64_t head)
{
    for (size_t i = count_upto(l, head); i > 0; i--) {
        if (l->entries[i - 1].term.number == number)
            return end_of(l, i - 1, head);
    }
    return 0;
}

bool lineage_common(const struct lineage *a, uint64_t a_head, const struct lineage *b,
                    uint64_t b_head, struct version *common)
{
    /* Both are sorted by number: walk both from the end, always stepping back on the higher one. */
    size_t i = count_upto(a, a_head), j = count_upto(b, b_head);
    while (i > 0 && j > 0) {
        const struct lineage_entry *x = &a->entries[i - 1], *y = &b->entries[j - 1];
        if (term_equal(x->term, y->term) && x->began == y->began) {
            uint64_t a_end = end_of(a, i - 1, a_head), b_end = end_of(b, j - 1, b_head);
            *common =
                (struct version){.term = x->term.number, .usn = a_end < b_end ? a_end : b_end};
            return true;
        }
        if (x->term.number >= y->term.number)
            i--;
        if (y->term.number >= x->term.number)
            j--;
    }
    return false;
}

bool lineage_known_upto(const struct lineage *a, uint64_t a_head, const struct lineage *b,
                        uint64_t b_head, uint64_t *upto)
{
    struct version common = {0};
    bool share = lineage_common(a, a_head, b, b_head, &common);
    *upto = common.usn;
    return share || (!a->trimmed && !b->trimmed);
}

bool lineage_covers(const struct lineage *a, uint64_t a_head, const struct lineage *b,
                    uint64_t b_head)
{
    struct version common = {0};
    lineage_common(a, a_head, b, b_head, &common);
    return common.usn >= b_head;
}

bool lineage_in_line(const struct lineage *a, uint64_t a_head, const struct lineage *b,
                     uint64_t b_head)
{
    return a_head >= b_head ? lineage_covers(a, a_head, b, b_head)
                            : lineage_covers(b, b_head, a, a_head);
}

void lineage_encode(const struct lineage *l, struct buffer *out)
{
    buffer_u8(out, l->trimmed);
    buffer_varint(out, l->count);
    for (size_t i = 0; i < l->count; i++) {
        buffer_varint(out, l->entries[i].term.number);
        buffer_u64(out, l->entries[i].term.tag);
        buffer_varint(out, l->entries[i].began);
    }
}

void lineage_decode(struct lineage *l, struct cursor *in)
{
    memset(l, 0, sizeof *l);
    uint8_t trimmed = cursor_u8(in);
    uint64_t count = cursor_varint(in);
    if (trimmed > 1 || count > LINEAGE_MAX) {
        in->bad = true;
        return;
    }
    l->trimmed = trimmed;
    for (; l->count < count && !in->bad; l->count++) {
        struct lineage_entry *entry = &l->entries[l->count];
        entry->term.number = cursor_varint(in);
        entry->term.tag = cursor_u64(in);
        entry->began = cursor_varint(in);
        if (entry->term.number == 0 || entry->term.tag == 0 ||
            (l->count && !follows(entry, entry - 1)))
            in->bad = true;
    }
}
