/* Modes: what a home can be at a pool, what each allows, and every legal way from one to another.
 *
 * Both tables stand in mode.c, on one page. Nothing else in the product decides what a mode
 * allows. */
#ifndef POLLUX_CORE_MODE_H
#define POLLUX_CORE_MODE_H

#include <stdbool.h>
#include <stddef.h>

/* The numbers are stored: never reuse one. */
enum mode {
    MODE_SERVING = 0,
    MODE_CLOSING = 1,
    MODE_DRAINING = 2,
    MODE_RELEASED = 3,
    MODE_STANDBY = 4,
    MODE_RESILIENCY = 5,
    MODE_REJOINING = 6,
};
enum { MODES = 7 };

/* What makes a mode change. */
enum cause {
    CAUSE_CREATED,   /* first publication of the topology */
    CAUSE_RESTARTED, /* the process starts, or finds that it did not run for too long */
    CAUSE_GRANTED,   /* the partner granted a new term to the pool that was holder */
    CAUSE_FORCED,    /* an administrator vouches for it: Start-CsPool -Force */
    CAUSE_PAIRED,    /* the other pool has no part in it, and the term names that of the topology */
    CAUSE_UNPAIRED,  /* it was holder, and there is no partner that could have taken */
    CAUSE_ALONE,     /* it had taken alone, and the partner is still not to be reached */
    CAUSE_CLOSED,    /* hand-over: no new sessions from here on */
    CAUSE_DRAINED,   /* hand-over: no more changes from here on */
    CAUSE_ROLLED_BACK,  /* hand-over called off, or its coordinator is gone */
    CAUSE_RELEASED,     /* hand-over: the term is given away */
    CAUSE_TAKEN,        /* hand-over: the partner has taken */
    CAUSE_DECLINED,     /* hand-over: the partner durably declined what was released */
    CAUSE_TAKES,        /* this pool takes: the partner released, or is lost */
    CAUSE_SUPERSEDED,   /* somebody opened a higher term */
    CAUSE_SILENCE,      /* the holder has not been heard for the failure-detection interval */
    CAUSE_HEARD,        /* the holder is heard again */
    CAUSE_MET,          /* two that both took alone meet, and only this one serves */
    CAUSE_FORGOTTEN,    /* others know a term that this pool opened, and its store does not */
    CAUSE_NOT_STORED,   /* it stepped down, and the store did not keep that */
    CAUSE_STORE_FAILED, /* the store can't keep what would be acknowledged */
    CAUSE_STOPPED,      /* an administrator: Stop-CsPool */
};
enum { CAUSES = CAUSE_STOPPED + 1 };

/* A session is a user signed on. */
enum session_rule {
    SESSIONS_OPEN,      /* sign-on as usual */
    SESSIONS_KEPT,      /* those signed on stay; new ones go to the other pool or wait */
    SESSIONS_LIMITED,   /* sign-on, but nothing that changes stored data */
    SESSIONS_ELSEWHERE, /* redirect to the holder */
};

struct mode_rights {
    const char *name;
    enum session_rule sessions;
    bool reads;
    bool changes;
    bool holder; /* its term may not be opened by anybody else meanwhile */
};

const struct mode_rights *mode_rights(enum mode mode);
const char *mode_name(enum mode mode);
const char *cause_name(enum cause cause);

/* The mode after `cause` in `from`. False if the table has no such line: then it must not happen.
 */
bool mode_after(enum mode from, enum cause cause, enum mode *to);

/* The whole table, for tests and documentation. */
struct mode_transition {
    enum mode from;
    enum cause cause;
    enum mode to;
    const char *why;
};
const struct mode_transition *mode_transitions(size_t *count);

#endif
