/* A session: what the commands that one person or script gives have in common. The terminals, the
 * variables, what an error shall do, and whether somebody typed Ctrl-C. */
#ifndef POLLUX_CMDLET_SHELL_SESSION_H
#define POLLUX_CMDLET_SHELL_SESSION_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include <jansson.h>

#include "base/error.h"
#include "base/memory.h"

/* What the exit status of every command means. */
enum {
    STATUS_DONE = 0,
    STATUS_FAILED = 1,
    STATUS_MISUSED = 2,
    STATUS_NOT_PERMITTED = 3,
    STATUS_INTERRUPTED = 130, /* by Ctrl-C, as every shell has it */
};

enum { VARIABLES_MAX = 1000 };

/* What an error, a warning or a remark does. */
enum action { ACTION_CONTINUE, ACTION_STOP, ACTION_SILENT, ACTION_IGNORE, ACTION_INQUIRE };
enum { ACTIONS = ACTION_INQUIRE + 1 };

struct session {
    bool in_shell; /* there are variables and pipes */
    bool out_is_terminal, err_is_terminal;
    json_t *variables; /* lower-case name -> value */
    bool stop;         /* -ErrorAction Stop: nothing more of this script */
    bool leaves;       /* `exit` was typed */
    unsigned blocks;   /* of ForEach-Object that are under way, one within the other */
};

void session_begin(struct session *s, bool in_shell);
void session_end(struct session *s);
size_t session_width(const struct session *s); /* of the terminal; 0: there is none */

/* By somebody who wants us to be gone: there is nobody to read another line from. */
bool session_ended(void);
/* Ctrl-C was typed since the last session_rearm(), or that. */
bool session_interrupted(void);
void session_rearm(void);
/* Until something can be read there. False: Ctrl-C was typed, whenever that was. */
bool session_wait_input(int fd);
/* So long, or until somebody types Ctrl-C. */
void session_sleep(uint64_t ms);

/* Lent; NULL: there is no such variable. $true, $false and $null are always there. */
const json_t *session_get(const struct session *s, const char *name);
/* Takes the value over. The variables that say what commands do by default take only what makes
 * sense there. */
enum failure session_set(struct session *s, const char *name, json_t *value, struct error *e);
void session_unset(struct session *s, const char *name);
/* Can there be a variable of this name? Asked before what it shall hold is done. */
enum failure session_may_set(const struct session *s, const char *name, struct error *e);
const char *session_nearest(const struct session *s, const char *name);

/* "SilentlyContinue" … */
enum action action_named(const char *name);
/* What the variable says, $ErrorActionPreference and the like, or else `usual`. */
enum action session_preference(const struct session *s, const char *variable, enum action usual);

int status_of_failure(enum failure kind);

#endif
