/* The facts of one command, for -Report: what was done in which steps, how long each took, what was
 * counted and found, what went wrong. They travel in the answer's stream, {"report": {…}}, and the
 * caller's program makes a page for people of them (cmdlet/answer/report.h); nothing is written
 * here. Knows nothing of threads: call.c sees to it that one at a time uses it. */
#ifndef POLLUX_ADMIN_REPORT_H
#define POLLUX_ADMIN_REPORT_H

#include <stdarg.h>
#include <stdint.h>

#include "admin/caller.h"
#include "cmdlet/commands.h"

struct report;

enum {
    REPORT_FORMAT = 1,       /* grows when a reader must know of it */
    REPORT_LINES_MAX = 1000, /* of one kind; more are only counted */
};

struct report *report_new(const struct command *command, const json_t *parameters,
                          const struct caller *caller, const char *machine, const char *pool);
void report_free(struct report *report);

/* A step begins, and the one before it is over. */
void report_step(struct report *report, const char *name);
/* One that was measured where it was done, by clock_ms(); the one before it ended when it began. */
struct report_step {
    const char *name;
    uint64_t began_ms, ended_ms;
    bool failed;
};
void report_measured(struct report *report, const struct report_step *step);
/* What was counted (a number), or found (a text): takes `value` over. */
void report_figure(struct report *report, const char *name, json_t *value);
enum report_list { REPORT_WHAT_IF, REPORT_WARNINGS, REPORT_ERRORS, REPORT_LISTS };
/* Takes `value` over; an error also fails the step, unless it is known which one failed. */
void report_add(struct report *report, enum report_list list, json_t *value);

/* Everything, once it is over: `result` is "done" or "failed". Owned by the caller. */
json_t *report_facts(struct report *report, const char *result);

#endif
