/* Salvage: what becomes of each change of a tail (core/tail.h) at the pool that holds the home.
 *
 * What nobody has touched there since the two histories parted is carried over, as a change like
 * any other. Where both changed the same, the holder's stays and the other is kept as a conflict,
 * for people to read, to put in its place, or to dismiss. Nothing is dropped.
 *
 * How far that has come of each term is an item of the home, too, written in the same transaction:
 * it travels to the copy, which learns from its own data that its tail is safe, and sending the
 * same again does nothing. No I/O. */
#ifndef POLLUX_CORE_SALVAGE_H
#define POLLUX_CORE_SALVAGE_H

#include "core/tail.h"

enum salvage_verdict {
    SALVAGE_NOTHING,  /* it is so already, or it is part of the holder's own history */
    SALVAGE_APPLY,    /* it becomes a change */
    SALVAGE_CONFLICT, /* the holder's stays, and it is kept beside */
};

struct salvage_question {
    const struct item *entry; /* as it stands in the tail */
    const struct item
        *here;     /* what the holder has of its key; NULL: nothing, no tombstone either */
    uint64_t base; /* up to there both histories are one */
    /* Both know the term in which they parted, and the tail's pool all of it up to here: what the
     * holder has of that beyond the base is older than the parting. (A pool that takes alone counts
     * itself complete only as far as the module that had come least far.) */
    struct version known;
    uint64_t back_to; /* where the copy that has the tail goes on from */
    uint64_t horizon; /* of the holder: what was deleted before is not known any more */
    bool covered;     /* a tail that goes further in that term is salvaged as a whole */
    bool own;         /* the holder's own tail, … */
    uint64_t cookie;  /* … and how far this module of it came, when it was a copy */
    /* What it is valid with is not carried over, or not known whole: then it isn't either, and a
     * person puts both histories together (protocol, rule 19; core/salvage_group.h). */
    bool stays;
    bool derived; /* it follows from other items: whoever writes those writes it, too */
};

struct salvage_ruling {
    enum salvage_verdict verdict;
    /* What stays must be written once more: the copy moved its own aside, and goes on from a point
     * behind it. So after the salvage each key of a tail has a version that batches bring. */
    bool rewrite;
};
struct salvage_ruling salvage_rule(const struct salvage_question *question);

/* --- how far it has come: "salvaged/<tag>/<end>", of a part "salvaged/<tag>/<end>/<tail>" --- */

/* Copies may have come differently far in a term: a tail that goes less far than another one has,
 * of the same key, an older change. So each `end` has a mark of its own; and where one is salvaged
 * as a whole, nothing up to there is needed of any other. */
struct salvage_mark {
    uint64_t upto; /* changes of that term up to here are salvaged */
    uint64_t carried, conflicts, same;
};
enum { SALVAGE_KEY_SIZE = 64 };
/* Of the term that this tail ends at `end`. A part of a tail has one for itself. */
struct bytes salvage_mark_key(const struct tail *tail, uint64_t end, char key[SALVAGE_KEY_SIZE]);
/* What the keys of a term's marks begin with; and up to where all of it is salvaged by this one. */
struct bytes salvage_mark_prefix(struct term term, char key[SALVAGE_KEY_SIZE]);
uint64_t salvage_mark_covers(struct bytes key, const struct salvage_mark *mark);
/* Whoever took the home without all of it raised its horizon behind everything (rule 10): what came
 * of a tail that was salvaged before may be among what is missing. */
bool salvage_mark_counts(uint64_t usn, uint64_t horizon);
void salvage_mark_encode(const struct salvage_mark *mark, struct buffer *out);
enum failure salvage_mark_decode(struct salvage_mark *mark, struct bytes value, struct error *e);

/* --- conflicts: "conflict/<tag>/<usn>", and the value, if there is one, under "…/value" --- */

#define SALVAGE_CONFLICTS "conflict/"

struct salvage_conflict {
    struct version
        version;          /* of the change that was not carried over: its term's number, its usn */
    uint64_t tag;         /* of that term */
    bool deleted;         /* it was a deletion */
    uint64_t salvaged_ms; /* since 1970 */
    char accepted_by[FQDN_SIZE]; /* the pool that had accepted it */
    struct bytes key;            /* what it is about */
};
void salvage_conflict_encode(const struct salvage_conflict *conflict, struct buffer *out);
/* `key` is lent from `value`. */
enum failure salvage_conflict_decode(struct salvage_conflict *conflict, struct bytes value,
                                     struct error *e);
/* Of the conflict itself, and of the value. */
struct bytes salvage_conflict_key(uint64_t tag, uint64_t usn, char key[SALVAGE_KEY_SIZE]);
struct bytes salvage_value_key(uint64_t tag, uint64_t usn, char key[SALVAGE_KEY_SIZE]);
/* Is it a conflict's own key, and not that of its value? */
bool salvage_is_conflict(struct bytes key);

/* What people call it: "<tag>-<usn>"; returns `text`. And back. */
enum { SALVAGE_IDENTITY_SIZE = 48 };
const char *salvage_identity(uint64_t tag, uint64_t usn, char text[SALVAGE_IDENTITY_SIZE]);
bool salvage_identity_read(const char *text, uint64_t *tag, uint64_t *usn);

/* What the salvage itself keeps in a home. Where such items meet, there is no conflict of
 * conflicts. */
bool salvage_is_ours(struct bytes key);
bool salvage_is_mark(struct bytes key);

#endif
