/* One command of a pipe: takes objects from the one before, passes objects on to the one behind,
 * and shows its warnings and errors as it was told to.
 *
 * Objects go through one by one, as they come: a command that is fed by a pipe is carried out once
 * for each of them. */
#ifndef POLLUX_CMDLET_SHELL_STAGE_H
#define POLLUX_CMDLET_SHELL_STAGE_H

#include "cmdlet/bind.h"
#include "cmdlet/language/syntax.h"
#include "cmdlet/shell/session.h"

struct stage;

/* What the stages of one pipe share. */
struct pipe {
    struct session *session;
    struct stage **stages;
    size_t count;
    json_t *capture; /* where the last one's objects go; NULL: they are shown */
    int status;      /* of the first that failed */
    bool did;        /* something was carried out, and not only read */
    bool stop;       /* nothing more goes through */
    size_t over;     /* so many stages in front have nothing more to do */
    bool anew;       /* a -PipelineVariable: what stands behind is read for each object */
};

/* NULL: it can't be carried out as it was typed; nothing was done. `place` is where it stands. */
struct stage *stage_new(struct pipe *pipe, size_t place, bool piped, const struct invocation *typed,
                        struct error *e);
void stage_free(struct stage *stage);

void stage_start(struct stage *stage);                      /* the first of its pipe */
void stage_take(struct stage *stage, const json_t *object); /* from the one before */
void stage_end(struct stage *stage);                        /* nothing more comes */

/* For the commands that are carried out here (local.h). */
const struct binding *stage_binding(const struct stage *stage);
struct session *stage_session(const struct stage *stage);
void stage_emit(struct stage *stage, const json_t *object);
void stage_fail(struct stage *stage, const struct error *e);
void stage_note_status(struct stage *stage, int status); /* of what it had done */
void stage_stop(struct stage *stage);                    /* nothing more goes through the pipe */
void stage_enough(struct stage *stage);                  /* it needs no more from those in front */
void **stage_state(struct stage *stage); /* the command's own; it frees it at its end */

#endif
