/* What the files of an operation share: its state, and how it goes from step to step. operation.c
 * has what comes in and what is said to the holder, operation_waiting.c what each step waits for.
 */
#ifndef POLLUX_CORE_OPERATION_INSIDE_H
#define POLLUX_CORE_OPERATION_INSIDE_H

#include "core/operation.h"
#include "core/progress.h"

struct operation {
    struct operation_options options;
    struct operation_words words;
    struct operation_status status;
    struct home_standing holder; /* as it said last */
    uint64_t said_ms;            /* when it was told something last; 0: not at this step */
    bool asked;                  /* … and has not answered yet */
    uint64_t answered_ms;        /* when it last did; or the beginning */
    struct progress progress;
    uint64_t goal;    /* where the holder was when it was first heard to serve */
    uint64_t idle_ms; /* since when the holder answers and does not serve; 0: it does */
    uint64_t stepped_ms;
    bool began_again;    /* after a refusal, in a disaster: once is enough */
    struct term told;    /* for which the holder was told to stop something; none: it was not */
    uint64_t drained_ms; /* from then on changes were refused */
    bool opening;
    uint64_t replicas_asked_ms; /* when the replicas were asked last; 0: not at this step */
    struct error trouble;       /* why it did not answer last */
};

/* --- going from step to step --- */

struct operation_action *operation_act(struct operation_actions *actions,
                                       enum operation_action_kind kind);
void operation_go_to(struct operation *op, enum operation_step step, uint64_t now_ms,
                     struct operation_actions *actions);
void operation_end(struct operation *op, enum operation_step step, uint64_t now_ms,
                   struct operation_actions *actions);
/* The home is served by somebody again, or was all the time. */
void operation_changes_go_on(struct operation *op, uint64_t now_ms);
/* With `op->status.error` filled in. */
void operation_call_off(struct operation *op, uint64_t now_ms, struct operation_actions *actions);
void operation_take_alone(struct operation *op, const struct operation_event *event,
                          struct operation_actions *actions);

/* --- what each step waits for --- */

/* Goes on if it has come. */
void operation_look(struct operation *op, const struct operation_event *event,
                    struct operation_actions *actions);
void operation_on_flushed(struct operation *op, const struct operation_event *event,
                          struct operation_actions *actions);
void operation_on_kept(struct operation *op, const struct operation_event *event,
                       struct operation_actions *actions);
/* This pool serves: what was wanted, whoever brought it about. */
void operation_on_served(struct operation *op, const struct operation_event *event,
                         struct operation_actions *actions);
/* Whether it was released is not known any more. */
void operation_leave_in_doubt(struct operation *op, uint64_t now_ms,
                              struct operation_actions *actions);
uint64_t operation_left(const struct operation *op, const struct operation_event *event);

#endif
