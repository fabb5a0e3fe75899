/* One exporter: the changes of one module of a home, on their way to one copy.
 *
 * No I/O: export_step() takes an event and says what to do. One thing is under way at a time: an
 * offer, a batch or a comparison; what happens meanwhile waits for its answer, and shares the next
 * batch. Everything that is sent may be lost, doubled or late: the answer says where the copy
 * really stands, and that is where it goes on. In a long catch-up the copy has taken more than it
 * has stored, and the next batch follows on that; but only what is stored counts as copied. */
#ifndef POLLUX_CORE_EXPORT_H
#define POLLUX_CORE_EXPORT_H

#include "core/copy.h"

struct exporter;

struct export_options {
    /* The longest that a change may stay without a copy. */
    uint32_t interval_ms;
    bool continuous; /* a change is sent as soon as it is there; else once in an interval */
    /* Of one cycle. Whoever meets it is not steady, and goes on at the end of the interval, or at
     * once where somebody waits. */
    uint32_t batches_max;
    uint64_t content_max; /* bytes of files; 0: not bounded */
    /* A moved head is held back for so long at most. For modules that have few of a home's changes:
     * each would cost a batch that has nothing in it. 0: not at all. */
    uint32_t held_ms;
};

struct exporter *exporter_new(const struct export_options *options);
void exporter_free(struct exporter *x);
DEFINE_OWNED(struct exporter *, exporter_free)
void exporter_configure(struct exporter *x, const struct export_options *options);

enum {
    EXPORT_TICK_MS = 250,
    /* What an interval's cycle takes is not held against it: a tick, and a batch on its way. */
    EXPORT_GRACE_MS = 1000,
    /* A process that did not run for so long has been answered by somebody who may be another one
     * by now. */
    EXPORT_SLEPT_MS = 2000,
    /* So often a copy that has everything is asked where it stands, or each interval if that is
     * shorter: nothing else tells that it is still there, and the copy that it is still whole. */
    EXPORT_ASK_MS = 5000,
    EXPORT_RETRY_MS = 1000, /* after something went wrong, or the copy was not ready */
    /* After a comparison that failed, or did not help: it reads everything on both sides. */
    EXPORT_COMPARE_RETRY_MS = 10000,
    /* Moments of change that are remembered, for the age of what is not copied yet; beyond that,
     * neighbours share the older one's age. */
    EXPORT_MARKS_MAX = 64,
};

enum export_event_kind {
    EXPORT_TICK,        /* at least every EXPORT_TICK_MS */
    EXPORT_OPENED,      /* this pool exports from now on, in `term` */
    EXPORT_CLOSED,      /* … and no longer */
    EXPORT_CHANGED,     /* the home's head is `head` now: somebody may hold that back for a while */
    EXPORT_OWN_CHANGED, /* … and something of this module is among what moved it: nobody may */
    EXPORT_READ, /* what is being sent was read when the head was `head`: the news of that may still
                  * be on its way here, and that of what came after it, too */
    EXPORT_WANTED, /* somebody waits: now, and ask where the copy stands, even if nothing changed */
    EXPORT_WANTED_COMPARED, /* the same, and not to trust that the copy has what it was sent */
    EXPORT_LOOKED,   /* somebody wants to know where the copy stands, and nothing to be hurried */
    EXPORT_ANSWERED, /* to what was sent last */
    EXPORT_FAILED,   /* what was sent last got no answer, or a refusal */
    /* A batch of another module took the copy of this one along, to where it is now by `answer`. */
    EXPORT_CARRIED,
    EXPORT_ALONE, /* no other module has anything on its way that could take this one along */
};

/* Of changes that wait for a copy: what outlasts the term, and the process. */
struct export_backlog {
    uint64_t copied, head; /* where the copy stood by its last word, and the home; 0: not known */
    uint64_t oldest_ms;    /* when the oldest of them was made */
};

struct export_event {
    enum export_event_kind kind;
    uint64_t now_ms;
    struct term term;
    uint64_t head;
    struct export_backlog backlog; /* when a term is opened: as it was kept last */
    struct copy_answer answer;
    uint64_t content; /* how much of content came with what was answered */
    uint64_t bytes;   /* of items, uncompressed, in the batch that was answered */
};

enum export_action_kind {
    EXPORT_NOTHING,
    EXPORT_OFFER, /* ask where the copy stands */
    /* Send a batch of what follows `after`, as the store is when it is read: all of it, if that
     * fits, for then the copy stands at a point that existed. (Up to `goal` only, what was changed
     * once more since would be missing.) Tell EXPORT_READ before the answer to more than `goal`. */
    EXPORT_BATCH,
    EXPORT_COMPARE, /* compare all there is; the answer is where the copy stands then */
};

struct export_action {
    enum export_action_kind kind;
    uint64_t after;
    uint64_t goal;        /* with this the cycle is complete */
    uint64_t bytes_max;   /* of items, uncompressed, in this batch, by what the link can do; … */
    uint64_t content_max; /* … of files; at least one goes, however large */
    bool last;            /* no batch of this cycle follows, whatever is left */
};

/* Is something on its way into the home that is no change of it yet (protocol, rule 18)? Until it
 * is, the copy can have everything, and is not final. */
void exporter_expects(struct exporter *x, bool more);

/* What comes of an event; one action at most. */
struct export_action export_step(struct exporter *x, const struct export_event *event);

/* May a batch of another module take this one's copy along? If it is known where that stands, and
 * nothing that is on its way finds it elsewhere then. */
bool exporter_may_be_carried(const struct exporter *x);

/* Has it nothing on its way, nor to send? */
bool exporter_rests(const struct exporter *x);

/* Of content: what this pool's files lack. The copy's answers say the same of its own. */
void exporter_note_content(struct exporter *x, const struct content_left *here);

enum {
    /* Tombstones of the last changes are kept even if every copy has them: a copy that was put back
     * by less need not be compared. */
    TOMBSTONES_KEPT = 10000,
    TOMBSTONES_STEP = 1000,     /* it is not worth the while for less, … */
    TOMBSTONES_AT_ONCE = 10000, /* … and more would keep others from writing for too long */
};
/* Up to where a home's tombstones may go (protocol, rule 17), by its head and all its exporters:
 * what each copy has confirmed in this term, and so has nothing of its own beyond. `horizon` is
 * where they went last; the same again: nothing to do. */
uint64_t export_horizon(const struct exporter *const *list, size_t count, uint64_t head,
                        uint64_t horizon, uint64_t kept, uint64_t step);

/* The words of the original. */
enum export_word {
    WORD_NOT_INITIALIZED,
    WORD_FINAL,
    WORD_STEADY,
    WORD_NON_STEADY,
    WORD_ERROR,
};
enum { EXPORT_WORDS = WORD_ERROR + 1 };
const char *export_word_name(enum export_word word);
/* `term`: the one that the home is exported in by now; TERM_NONE: it is not. An exporter that waits
 * for an answer of an earlier one, and is to be opened or closed when that has come, says nothing.
 */
enum export_word export_word(const struct exporter *x, struct term term, uint64_t now_ms);

/* How often, since the exporter is there: what came after another thing is told by these, for much
 * happens within one millisecond. */
struct export_heard {
    uint64_t confirmed, failed;
};

struct export_status {
    bool open;
    struct export_heard heard;
    struct version copied; /* where the copy stands, by its own word */
    uint64_t head;
    uint64_t confirmed_ms; /* when it said so last; 0: never in this term */
    uint64_t changed_ms;   /* when the head moved last */
    uint64_t failed_ms;    /* when something went wrong last; 0: never in this term */
    uint64_t oldest_ms; /* when the oldest change was made that is not copied; 0: there is none */
    uint64_t consistent_ms; /* up to when the copy has everything; 0: nobody knows */
    uint64_t cycles;
    enum copy_verdict verdict;
    bool failing;
    bool tail;      /* the copy has changes aside that are not salvaged yet */
    bool comparing; /* a comparison is due, or under way */
    struct content_left here, there;
};
/* Bytes of items in a second, as they went last; 0: nothing has, that could tell. */
uint64_t export_rate(const struct exporter *x, uint64_t now_ms);
void export_status(const struct exporter *x, struct export_status *status);
/* In this term, and after what was heard before. */
bool export_confirmed_since(const struct export_status *s, struct export_heard before);
bool export_failed_since(const struct export_status *s, struct export_heard before);

#endif
