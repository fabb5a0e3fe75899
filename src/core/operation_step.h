/* The steps of an operation (core/operation.h), in the order in which it goes through them: one
 * table says what each is called, what is said to the holder in it, and from which there is no way
 * back. */
#ifndef POLLUX_CORE_OPERATION_STEP_H
#define POLLUX_CORE_OPERATION_STEP_H

#include "core/handover.h"

/* What it is to people: the steps are the same. */
enum operation_kind { OPERATION_FAIL_OVER, OPERATION_FAIL_BACK, OPERATION_MOVE_CENTRAL };
enum { OPERATION_KINDS = OPERATION_MOVE_CENTRAL + 1, OPERATION_NAME_SIZE = 64 };
const char *operation_kind_name(enum operation_kind kind); /* "Failover", … */
bool operation_kind_named(const char *name, enum operation_kind *kind);

enum operation_step {
    OPERATION_COPY,     /* while the holder serves on, until one batch is left */
    OPERATION_REPLICAS, /* … and until each replica that answers has it, if there are any */
    OPERATION_FLUSH,    /* the holder's storage queues, if that is wanted */
    OPERATION_CLOSE,    /* sessions have time to end, if that is wanted */
    OPERATION_DRAIN,    /* from here on changes are refused */
    OPERATION_REST,     /* the last of it is copied */
    OPERATION_VERIFY,   /* both copies add up to the same */
    OPERATION_RELEASE,  /* the holder gives it away: only forwards from here on */
    OPERATION_GATHER,   /* alone: what a replica has more than the copy here is brought */
    OPERATION_TAKE,     /* this pool serves */
    OPERATION_TURN,     /* the old holder stands by, and is copied to */
    OPERATION_CALL_OFF, /* the holder is told to serve on */
    OPERATION_DONE,
    OPERATION_FAILED,
};
enum { OPERATION_STEPS = OPERATION_FAILED + 1 };

enum {
    OPERATION_LOOK_MS = 200, /* so often the holder is asked, and … */
    /* … so often it is told again to go on waiting: several times in HANDOVER_HOLD_MS. */
    OPERATION_RENEW_MS = 1000,
};

struct operation_rule {
    const char *name;
    enum home_demand says; /* to the holder, again and again, … */
    uint32_t each_ms;      /* … so often; 0: nothing */
    bool kept;             /* … not before the journal has it that it is at this step */
    bool open;             /* it can be called off */
};
const struct operation_rule *operation_rule(enum operation_step step);

const char *operation_step_name(enum operation_step step); /* "Copying", … */
bool operation_step_named(const char *name, enum operation_step *step);
/* May it be called off there? */
bool operation_step_is_open(enum operation_step step);

#endif
