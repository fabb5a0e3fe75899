/* One command under way: its parameters, and the answer that grows line by line.
 *
 * Everything may be called on the loop; what says something to the caller, also on the thread of
 * call_on_thread(). */
#ifndef POLLUX_ADMIN_CALL_H
#define POLLUX_ADMIN_CALL_H

#include <jansson.h>

#include "admin/caller.h"
#include "base/workers.h"
#include "cmdlet/commands.h"
#include "http/server.h"
#include "pool/front_end.h"

struct call;

enum {
    CALL_TICK_MS = 100,         /* so often is looked whether what is waited for is there */
    CALL_PROGRESS_MS = 50,      /* no news of progress sooner than that: nobody reads so fast */
    CALL_KEEP_ALIVE_MS = 1000,  /* an empty line so often: whoever hears nothing knows why */
    CALL_READER_MS_MAX = 60000, /* a reader that takes nothing for so long is given up */
};

/* Lent until the call ends. */
struct front_end *call_front_end(const struct call *call);
const struct command *call_command(const struct call *call);
const struct caller *call_caller(const struct call *call);

/* The parameters, checked and in their one form. */
const json_t *call_parameters(const struct call *call);
const json_t *call_value(const struct call *call, const char *parameter); /* or NULL */
const char *call_text(const struct call *call, const char *parameter);    /* or NULL */
bool call_switch(const struct call *call, const char *parameter);
/* The command as it can be typed again, with these values instead of what was given; null: without.
 * Takes them over; its answer is owned by the caller. */
char *call_typed(const struct call *call, json_t *instead);

/* Takes the object over. */
void call_object(struct call *call, json_t *object);
void call_warning(struct call *call, const char *sentence, ...)
    __attribute__((format(printf, 2, 3)));
/* A warning that -Force hides. */
void call_caution(struct call *call, const char *sentence, ...)
    __attribute__((format(printf, 2, 3)));
void call_information(struct call *call, const char *sentence, ...)
    __attribute__((format(printf, 2, 3)));
void call_verbose(struct call *call, const char *sentence, ...)
    __attribute__((format(printf, 2, 3)));
/* With -WhatIf: says what would be done, and returns true; then it must not be done. */
bool call_what_if(struct call *call, const char *sentence, ...)
    __attribute__((format(printf, 2, 3)));
/* For -Report, if it was given (admin/report.h): a step of the work begins; and what was counted or
 * found. Warnings, errors and what -WhatIf says are in the report by themselves. */
void call_step(struct call *call, const char *name, ...) __attribute__((format(printf, 2, 3)));
/* One that was measured where it was done, by clock_ms(). */
struct report_step;
void call_measured(struct call *call, const struct report_step *step);
/* Takes the value over: a number, or a text. */
void call_figure(struct call *call, json_t *value, const char *name, ...)
    __attribute__((format(printf, 3, 4)));
/* Else what is only for it need not be gathered. */
bool call_has_report(struct call *call);
/* What an object shows, each as a figure of `whose`. */
void call_figures(struct call *call, json_t *object, const char *whose);
/* `total` 0: unknown. `follow` is the command that shows how it goes on when the caller has gone;
 * `cancel` the one that ends it; both may be NULL. */
struct call_progress {
    const char *activity;
    const char *status;
    uint64_t done, total;
    uint64_t began_ms; /* by clock_ms(), of what had begun before it was watched; 0: it has not */
    const char *follow, *cancel;
};
void call_progress(struct call *call, const struct call_progress *progress);
void call_error(struct call *call, const struct error *e);
/* What the caller keeps in a file. Takes it over. */
void call_record(struct call *call, json_t *record);
/* The next part of the caller's file; it comes as a call of its own, which says call_be_part(). */
void call_want_part(struct call *call, const char *transfer, uint64_t number);
void call_be_part(struct call *call); /* the other's entry in the audit log stands for it */
bool call_is_part(const struct call *call);
/* A line of another machine's answer, as it came; if that has a report, it is the command's. */
void call_relay(struct call *call, struct bytes line);
/* For what was queued, before it begins: FAIL_STOPPING if its asker has gone meanwhile. */
enum failure call_check_wanted(const struct call *call, struct error *e);
/* Nobody reads any more, or this machine is stopping. */
bool call_is_unwanted(const struct call *call);
/* The same because this machine stops: who waits for the answer is still told. */
bool call_is_abandoned(const struct call *call);
/* On its thread: waits until the reader has caught up. False: it does not. */
bool call_flow(struct call *call);

/* Ends it; "failed" if there was an error. Only on the loop; the call must not be touched
 * afterwards. */
void call_end(struct call *call);
/* The usual end of a command that went wrong. */
void call_fail(struct call *call, const struct error *e);

/* What a command needs while it is under way, for the command alone. */
void call_keep(struct call *call, void *state);
void *call_kept(const struct call *call);
/* `work` on a thread of its own, then `done` on the loop; both are given the call. If there are too
 * many already: false, and the call was ended with that error; what it kept is still the caller's.
 */
bool call_on_thread(struct call *call, loop_call *work, loop_call *done);

/* Called on the loop each CALL_TICK_MS from now on, and when loop_stir() says that something has
 * come about, until the call ends: for what is waited for. It ends the call as well when nobody
 * wants to know any more. */
void call_each_tick(struct call *call, loop_call *tick); /* NULL: no more */

/* For the admin room. */
struct call_options {
    struct front_end *fe;
    struct http_request *request; /* taken over */
    const struct command *command;
    json_t *parameters;      /* taken over */
    struct caller *caller;   /* the same */
    struct workers *workers; /* whose threads call_on_thread() takes */
    bool passed_on;          /* another machine carries it out, and writes the audit log */
    /* It is over: `result` is "done" or "failed". The caller hears of it afterwards. */
    void (*ended)(struct call *call, const char *result, void *context);
    void *context;
};
/* The same as call_check_wanted(), for what is no call yet. */
enum failure call_check_awaited(struct http_request *request, struct error *e);
struct call *call_new(const struct call_options *options);
bool call_is_passed_on(const struct call *call);
/* It was to be passed on, and is carried out here after all. */
void call_take_back(struct call *call, struct workers *workers);
void *call_context(const struct call *call); /* of its options */
void call_tick(struct call *call);           /* may end it */
/* This machine is stopping: the answer goes nowhere any more. */
void call_abandon(struct call *call);
uint64_t call_elapsed_ms(const struct call *call);

/* What carries each command of the table out; each ends its call, at once or later. */
typedef void command_run(struct call *call);
#define COMMAND(id, name, effect, right, place, synopsis, description) command_run admin_##id;
#include "cmdlet/commands.def"

#endif
