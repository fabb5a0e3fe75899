/* How an answer looks: the stream of messages that polluxd sends, for people and for programs.
 *
 * What was asked for goes to `out`, what is said beside it to `err`. It knows nothing about how
 * answers are fetched, and decides nothing by what they say. */
#ifndef POLLUX_CMDLET_ANSWER_RENDER_H
#define POLLUX_CMDLET_ANSWER_RENDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include <jansson.h>

#include "base/error.h"
#include "cmdlet/answer/notice.h"
#include "cmdlet/answer/progress.h"

enum render_form {
    RENDER_AUTO, /* objects with few properties as a table, others as a list */
    RENDER_LIST,
    RENDER_TABLE,
    RENDER_JSON, /* JSON Lines, for programs: each value as one line, nothing else on `out` */
};

enum { RENDER_TABLE_PROPERTIES_MAX = 4 }; /* with RENDER_AUTO: as many as fit side by side */

struct render_options {
    const char *command; /* stands before its errors */
    FILE *out, *err;     /* lent, as the command is */
    enum render_form form;
    bool out_is_terminal, err_is_terminal;
    size_t width;       /* of the terminal; 0: unknown */
    bool show[NOTICES]; /* of the sentences beside the answer */
    bool show_errors, show_progress;
    progress_clock *now; /* NULL: clock_ms */
};

struct render;

struct render *render_begin(const struct render_options *options);
/* One message of the stream. One that says nothing to people is passed over. */
void render_message(struct render *r, const json_t *message);
/* What messages consist of, for what the caller itself has to say. */
void render_value(struct render *r, const json_t *value);
void render_notice(struct render *r, enum notice kind, const char *text);
void render_what_if(struct render *r, const char *text);
void render_error(struct render *r, const struct error *e);
void render_progress(struct render *r, const struct progress_step *step);
/* From time to time while nothing comes, so that it is seen that time goes on. */
void render_tick(struct render *r);
/* Shows what is held back. The caller flushes `out`, to learn whether and why it could not be
 * written. */
void render_end(struct render *r);

#endif
