/* Comparing two copies of a module by messages, where no cookie tells from where to go on.
 *
 * The exporter walks its items in the order of their keys and tells the sums of runs of them; the
 * copy says which runs differ from its own. Those are told again in finer runs, and in the end as
 * the items themselves: the copy makes its own equal. Only what differs travels. Both read their
 * items in views of their own time, because what changes meanwhile is sent by batches afterwards:
 * the comparison holds for the exporter's head as it was when it began.
 *
 * No I/O: both sides are handed their items by whoever reads them. */
#ifndef POLLUX_CORE_COMPARE_H
#define POLLUX_CORE_COMPARE_H

#include "core/digest.h"
#include "core/limits.h"
#include "core/term.h"

enum {
    /* A part is what travels at once. Reading what it speaks of takes a moment, and it is answered
     * by one bit for each run. */
    COMPARE_RUNS_MAX = 256,
    COMPARE_READ_MAX = 64 << 20, /* what one part makes both sides read */
    COMPARE_BYTES_MAX = 4 << 20, /* of items, uncompressed; always room for one largest */
    COMPARE_ANSWER_MAX = COMPARE_RUNS_MAX / 8,
    /* What a copy removes for one part; then it is told the rest again. */
    COMPARE_DROPS_MAX = 20000,
    COMPARE_REPEATS_MAX = 10000, /* of the same run: so much can be removed, one after the other */
};

/* What each part begins with. `id` tells comparisons apart: a part of an earlier one may still be
 * on its way, and must not be taken for one of this. */
struct compare_head {
    char home[HOME_NAME_SIZE];
    enum module module;
    struct term term; /* of the exporter */
    uint64_t id;
    uint64_t upto; /* the exporter's head when the part was read: no item has a higher usn */
};

/* Keys behind `after`, up to and with `upto`. */
struct key_range {
    struct bytes after, upto;
    bool open; /* no `upto`: to the end */
};
bool key_range_reaches(const struct key_range *range, struct bytes key);

/* --- the exporter's side --- */

struct comparison;
struct comparison *comparison_new(const struct compare_head *head);
void comparison_free(struct comparison *c);
DEFINE_OWNED(struct comparison *, comparison_free)

enum comparison_step { COMPARISON_BEGIN, COMPARISON_PART, COMPARISON_END };
enum comparison_step comparison_step(const struct comparison *c);
uint64_t comparison_items(const struct comparison *c); /* that were looked at so far */

/* The copy is ready for the parts. */
void comparison_begun(struct comparison *c);
/* A part is made by reading what it asks for:
 *
 *     comparison_start_part(c);
 *     while (comparison_wants(c, &after)) {
 *         … comparison_add() for each live item behind `after`, in key order, until it says false
 *         comparison_was_read(c);
 *     }
 *     bytes = comparison_finish_part(c);    valid until the next one
 *
 * `upto` is the head of the view that it is read from. */
void comparison_start_part(struct comparison *c, uint64_t upto);
bool comparison_wants(struct comparison *c, struct bytes *after);
bool comparison_add(struct comparison *c, const struct item *item, struct item_hash hash);
void comparison_was_read(struct comparison *c);
struct bytes comparison_finish_part(struct comparison *c);
/* A bit for each run of the last part. False if that is no answer to it. */
bool comparison_answered(struct comparison *c, struct bytes differs);

/* --- the copy's side --- */

/* What a part says of itself, before anything of it is checked: it may lie. */
enum failure compare_part_peek(struct bytes encoded, struct compare_head *head, struct error *e);

struct compare_part;
enum failure compare_part_open(struct bytes encoded, struct compare_part **part, struct error *e);
void compare_part_close(struct compare_part *part);
DEFINE_OWNED(struct compare_part *, compare_part_close)
const struct compare_head *compare_part_head(const struct compare_part *part);

/* The next run; false behind the last one. Then for each of the copy's own live items behind
 * `range.after`, in key order, compare_own() until it says false; then compare_run_end(). */
bool compare_next(struct compare_part *part, struct key_range *range);

/* What the copy must do to its own items. */
struct compare_sink {
    void (*place)(const struct item *item, void *context);
    void (*drop)(struct bytes key, void *context);
    void *context;
};
bool compare_own(struct compare_part *part, const struct item *item, struct item_hash hash,
                 const struct compare_sink *sink);
void compare_run_end(struct compare_part *part, const struct compare_sink *sink);
/* After the last run: which of them differ, to be answered; valid until the part is closed. */
struct bytes compare_differs(const struct compare_part *part);

#endif
