/* Of a stage, for its own files: stage.c takes objects and passes them on, stage_deed.c carries
 * out, stage_said.c tells what comes of it. */
#ifndef POLLUX_CMDLET_SHELL_STAGE_INSIDE_H
#define POLLUX_CMDLET_SHELL_STAGE_INSIDE_H

#include "cmdlet/answer/render.h"
#include "cmdlet/shell/stage.h"

/* The variables that a command can fill. */
enum kept_kind { KEPT_ERRORS, KEPT_WARNINGS, KEPT_INFORMATION, KEPT_OBJECTS, KEPT_KINDS };
extern const char *const stage_kept_parameters[KEPT_KINDS];

struct stage {
    struct pipe *pipe;
    size_t place;
    bool piped;
    const struct invocation *typed;
    struct binding b;
    enum action actions[NOTICES], on_error;
    struct render *render;    /* NULL: nothing was shown yet */
    bool settled;             /* its words were bound, at least once */
    bool rehearses;           /* a run with -WhatIf, before the deed */
    bool would_do;            /* and that something would be done came of it */
    bool troubled;            /* something went wrong since it began */
    bool denied;              /* polluxd did not permit it */
    json_t *heard;            /* warnings of that run: the deed gives them again */
    json_t *rehearsed;        /* its report, which is the command's if it failed there */
    json_t *held;             /* until OutBuffer is full */
    json_t *kept[KEPT_KINDS]; /* what goes into the variables that were named */
    char *report;             /* where the report of this run goes; NULL: none is wanted */
    char *left_to;            /* … and is going to be, written by who stayed for it */
    bool report_is_kept;      /* nobody asked for it */
    unsigned reports;         /* so many runs had one */
    uint64_t began_wall_ms;
    bool is_behind;            /* this process stayed for the report alone */
    char *follow, *cancel;     /* how a long command is followed and ended, as polluxd said last */
    struct transfer *transfer; /* of the file that it is about, while it runs */
    void *state;
};

/* --- stage_said.c --- */

/* Begun when there is something to show: by then it is known what it was told. */
struct render *stage_render(struct stage *stage);
/* For the variable that was named for such. */
void stage_keep(struct stage *stage, enum kept_kind kind, const json_t *value);
void stage_notice(struct stage *stage, enum notice kind, const json_t *text);
void stage_report(struct stage *stage, const json_t *facts);
/* Of what polluxd does not tell any more. */
void stage_report_broken(struct stage *stage, const struct error *e);
bool stage_is_over(const struct stage *stage);
bool stage_is_asked(const struct binding *b); /* whether to do it */
bool stage_stops_at_warnings(const struct stage *stage);
/* For remote_run(). */
void stage_message(const json_t *message, void *stage);
void stage_wait(void *stage);
bool stage_leave(void *stage);

/* --- stage_deed.c --- */

/* By polluxd, with what is bound. */
void stage_carry_out(struct stage *stage);

#endif
