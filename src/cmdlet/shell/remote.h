/* One command, carried out by polluxd: sends what was bound, and passes the messages of the answer
 * on as they come. */
#ifndef POLLUX_CMDLET_SHELL_REMOTE_H
#define POLLUX_CMDLET_SHELL_REMOTE_H

#include "cmdlet/bind.h"

enum {
    /* polluxd says something each second while a command is under way. */
    REMOTE_SILENCE_MS = 10000,
    /* An answer that refuses a command is one error; more of it is not for us. */
    REFUSAL_BYTES_MAX = 64 << 10,
};

struct remote_options {
    const json_t *hidden; /* what is said beside what was typed; may be NULL */
    const bool *enough;   /* true: no more is wanted; may be NULL */
    bool what_if;         /* as if -WhatIf had been given */
    void (*message)(const json_t *message, void *context); /* object, warning, error, … */
    void (*wait)(void *context); /* several times a second, while nothing comes; may be NULL */
    /* Somebody typed Ctrl-C; true: it goes on all the same. Only once all was sent, and where
     * another process can take the connection over; may be NULL. */
    bool (*left)(void *context);
    void *context;
};

/* OK: polluxd told all of it to its end, errors of the command included. FAIL_STOPPING: somebody
 * typed Ctrl-C, or it is enough; what was begun goes on. */
enum failure remote_run(const struct binding *binding, const struct remote_options *options,
                        struct error *e);

#endif
