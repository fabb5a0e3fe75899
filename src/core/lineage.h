/* Lineage: the terms that a copy of a home went through, each with the usn where it began.
 *
 * Two copies compare at their last common point; what either changed after it is what it did
 * without the other (protocol, rule 3). */
#ifndef POLLUX_CORE_LINEAGE_H
#define POLLUX_CORE_LINEAGE_H

#include <stddef.h>

#include "base/bytes.h"
#include "core/item.h"
#include "core/limits.h"
#include "core/term.h"

struct lineage_entry {
    struct term term;
    uint64_t began; /* the head when the term was opened: its changes have higher usns */
};

struct lineage {
    size_t count;
    bool trimmed; /* older entries were forgotten */
    struct lineage_entry entries[LINEAGE_MAX];
};

/* Opens a term at this head. Its number must be above the last entry's. Terms that began behind the
 * head are dropped: a copy follows its exporter's whole lineage before it has all that belongs to
 * it, and may be opened where it stands. */
void lineage_open(struct lineage *l, struct term term, uint64_t head);

/* The last term, or TERM_NONE. */
struct term lineage_last(const struct lineage *l);

bool lineage_has(const struct lineage *l, struct term term);

/* The number of the term in which the change with this usn was made; 0 if that is not known. */
uint64_t lineage_term_of(const struct lineage *l, uint64_t usn);

/* The last change that a copy which stands at `head` has of the term with this number; 0: it has
 * none such. */
uint64_t lineage_end(const struct lineage *l, uint64_t number, uint64_t head);

/* The last point that both copies went through, given where each of them ends now. False if they
 * share no term: then only digests can compare them. */
bool lineage_common(const struct lineage *a, uint64_t a_head, const struct lineage *b,
                    uint64_t b_head, struct version *common);

/* Up to which change the first copy has what is in the second one. False if that can't be told:
 * they share no term any more that both remember. */
bool lineage_known_upto(const struct lineage *a, uint64_t a_head, const struct lineage *b,
                        uint64_t b_head, uint64_t *upto);

/* Has the first copy everything that the second one has? Heads alone don't tell: two that parted
 * may have come equally far. */
bool lineage_covers(const struct lineage *a, uint64_t a_head, const struct lineage *b,
                    uint64_t b_head);

/* Has one of the two everything that the other one has? */
bool lineage_in_line(const struct lineage *a, uint64_t a_head, const struct lineage *b,
                     uint64_t b_head);

void lineage_encode(const struct lineage *l, struct buffer *out);
/* Turns the cursor bad unless numbers and usns grow as they must. */
void lineage_decode(struct lineage *l, struct cursor *in);

#endif
