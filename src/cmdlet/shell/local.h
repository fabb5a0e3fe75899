/* The commands that `pollux` carries out itself: help, and what is done to the objects of a pipe.
 */
#ifndef POLLUX_CMDLET_SHELL_LOCAL_H
#define POLLUX_CMDLET_SHELL_LOCAL_H

#include "cmdlet/answer/render.h"
#include "cmdlet/shell/stage.h"

/* Do the parameters go together? Before anything is done. */
enum failure local_check(const struct binding *b, struct error *e);

void local_start(struct stage *stage);
void local_take(struct stage *stage, const json_t *object);
void local_end(struct stage *stage);

/* How the objects of this command are shown, unless -Output says otherwise. */
enum render_form local_form(const struct command *command);

#endif
