/* An operation: this pool takes a home over, and has the holder give it away first.
 *
 * It runs at the pool that takes, be it a failover, a failback or a move of `central`: they are one
 * move. No I/O: operation_step() takes an event and returns actions. Which steps there are stands
 * in core/operation_step.h. The fences are elsewhere (core/home.h): whatever an operation believes,
 * the holder releases only what was agreed, and a term is opened only if the record allows it. */
#ifndef POLLUX_CORE_OPERATION_H
#define POLLUX_CORE_OPERATION_H

#include "core/operation_step.h"

enum {
    OPERATION_TICK_MS = 100,
    /* Without a -WaitTime: so long without progress. */
    OPERATION_PATIENCE_MS = 15000,
    /* A holder that does not answer for so long is not going to; a batch of heartbeats. */
    OPERATION_SILENCE_MS = 4000,
    /* … but one that is not heard for the failure-detection interval is given so long to say
     * something after all: a few round trips. */
    OPERATION_HELLO_MS = 500,
    /* One that has just come back gets its grant within a second or two, and one that still waits
     * for the word of an operation that is over serves on by itself. */
    OPERATION_SERVES_MS = HANDOVER_HOLD_MS + 2000,
    /* What a front end writes down when it is told to flush is a fraction of a second's work. */
    OPERATION_FLUSH_MS = 60000,
    /* Without progress: what a replica has is a call or two away, and each call has a deadline of
     * its own (link.h). Nobody serves meanwhile. */
    OPERATION_GATHER_MS = 5000,
    /* A process that did not run for so long was not answered because it did not listen. */
    OPERATION_SLEPT_MS = 2000,
    /* The old holder hears of it at once; it may be restarting. */
    OPERATION_TURN_MS = 5000,
    /* Whether a holder has released that says nothing any more: then this pool takes by itself when
     * it does, and nobody need wait for that. */
    OPERATION_DOUBT_MS = 30000,
    /* A store that does not keep it in this time has trouble that the log tells of. */
    OPERATION_STORE_MS = 60000,
};

struct operation_options {
    bool disaster; /* take alone what the holder can't give */
    bool skip_verification;
    bool flush;
    bool incomplete;      /* take a copy that is not whole, alone */
    bool replicas;        /* more pools than two keep a copy of it (protocol, rule 19) */
    uint32_t patience_ms; /* without progress */
    uint32_t close_ms;
    uint32_t store_ms; /* how long a store may take to keep what was decided */
};

/* What its errors speak of: who it is between, and commands as they are typed. */
struct operation_words {
    const char *home, *holder, *taker;
    const char *again; /* to begin it once more */
    const char *alone; /* to take the home without its holder */
    bool central;      /* which has commands of its own, with other parameters */
};

struct operation;
/* The words are lent for as long as it lives. */
struct operation *operation_new(const struct operation_options *options,
                                const struct operation_words *words, uint64_t now_ms);
void operation_free(struct operation *op);
DEFINE_OWNED(struct operation *, operation_free)

/* What the holder, or the way to it, said instead of an answer: is it the same as no answer? A
 * connection that breaks and a store that can't be read tell nothing of the home. */
static inline bool operation_is_silence(enum failure kind)
{
    return kind == FAIL_UNREACHABLE || kind == FAIL_DEADLINE || kind == FAIL_IO;
}
/* … or that it is to be asked again? Anything else is its word. */
static inline bool operation_is_passing(enum failure kind)
{
    return kind == FAIL_BUSY || kind == FAIL_STOPPING;
}

enum operation_event_kind {
    OPERATION_TICK,       /* each OPERATION_TICK_MS, at the beginning, and when the copy moved */
    OPERATION_SAID,       /* the holder's answer to the last demand */
    OPERATION_REFUSED,    /* it said no: `error` */
    OPERATION_UNANSWERED, /* it said nothing: `error` */
    OPERATION_FLUSHED,    /* the queues are empty; or `error` */
    OPERATION_KEPT,       /* the journal has it, durably, that it is at `step`; or `error` */
    OPERATION_TAKEN,      /* the term is opened, durably */
    OPERATION_NOT_TAKEN,  /* … or was not: `error` */
    OPERATION_CANCELLED,  /* somebody wants it called off */
};

/* What the replicas that answer have of the home's history, as they said last. */
struct operation_replicas {
    bool asked;         /* whoever was asked last has answered, or did not */
    uint64_t least;     /* how far the last of them is; UINT64_MAX: none answers */
    uint64_t most;      /* how far the first one is that more could be brought from; 0: none is */
    const char *behind; /* who is not so far as the first, for people; lent */
};

struct operation_event {
    enum operation_event_kind kind;
    uint64_t now_ms;
    struct term next;         /* which this pool would open now */
    struct home_point own;    /* the copy here */
    bool whole;               /* it stands at a point that existed */
    uint64_t files_left;      /* bytes of files that are on their way there, and still to come */
    bool serves;              /* this pool serves the home by now, however it came to that */
    bool silent;              /* the holder was not heard for the failure-detection interval */
    bool stopped;             /* this pool was, by an administrator: it would not take the home */
    enum operation_step step; /* which the journal was told of */
    const struct error *error;
    const struct error *trouble; /* what keeps the copy here from going on; NULL: nothing known */
    struct home_standing holder;
    struct operation_replicas replicas;
};

enum operation_action_kind {
    OPERATION_DEMAND, /* of the holder; one at a time */
    OPERATION_ASK_FLUSH,
    OPERATION_ASK_REPLICAS,   /* how far they are */
    OPERATION_BRING_REPLICAS, /* the same, and to have brought here what one of them has more */
    OPERATION_OPEN,           /* the term `to`: HOME_TAKE */
    OPERATION_TELL,           /* it is at another step: for the journal, too */
    OPERATION_ENDED,          /* it is Done or Failed */
};
struct operation_action {
    enum operation_action_kind kind;
    struct home_demanded demanded;
    struct term to;
    bool alone;
};
enum { OPERATION_ACTIONS_MAX = 4 };
struct operation_actions {
    struct operation_action list[OPERATION_ACTIONS_MAX];
    size_t count;
};

/* Fails only for OPERATION_CANCELLED, where there is no way back; then nothing is changed. */
enum failure operation_step(struct operation *op, const struct operation_event *event,
                            struct operation_actions *actions, struct error *e);

/* Whether OPERATION_CANCELLED would call it off now; or why not. */
enum failure operation_check_cancel(const struct operation *op, struct error *e);

/* What it came to, for people. Moments of the monotonic clock; 0: never. */
struct operation_status {
    enum operation_step step, failed_at;
    uint64_t began_ms, ended_ms;
    uint64_t step_ms[OPERATION_STEPS], step_end_ms[OPERATION_STEPS];
    uint64_t kept_ms; /* since when the journal has it that this is the step; 0: not yet */
    struct term to;
    uint64_t holder_usn, copied;          /* how far the copy is, of how much */
    uint64_t replicas_usn, replicas_goal; /* how far the last of the replicas is; 0: no goal yet */
    bool heard;                           /* the holder answered at least once */
    bool alone;                           /* taken without its release */
    bool verified;
    bool turned;             /* the old holder stands by */
    uint64_t refused_ms;     /* for how long changes were refused, as this pool saw it */
    struct home_point point; /* what was taken */
    struct error error;
};
void operation_status(const struct operation *op, struct operation_status *status);

#endif
