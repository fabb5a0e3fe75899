/* Carrying out what was typed: pipes, statements, scripts. What goes wrong is shown here, so that
 * all that is returned is an exit status. */
#ifndef POLLUX_CMDLET_SHELL_RUN_H
#define POLLUX_CMDLET_SHELL_RUN_H

#include "base/bytes.h"
#include "cmdlet/language/syntax.h"
#include "cmdlet/shell/session.h"

/* The status, or a failure and a sentence on it if standard output could not be written. */
int run_check_output(int status);

/* `capture`: a list for what comes out; NULL: it is shown. */
int run_pipeline(struct session *s, const struct pipeline *pipeline, json_t *capture);
/* What a pipe in brackets, or behind "=", stands for: nothing, one value, or a list. A new
 * reference. */
json_t *run_result(const json_t *captured);

/* The statements of a block, for one object; what they give goes into `capture`. It ends where the
 * script around it ends, too. */
int run_block(struct session *s, const struct script *block, json_t *capture);
bool run_has_exit(const struct script *script);
/* What came of a script so far, and of one command more. STATUS_MISUSED and STATUS_NOT_PERMITTED
 * promise that nothing was done: a script of which another command was carried out can't. */
int run_status_of_both(int so_far, int one);

/* All statements, until one stops the script or is `exit`. The status of the first that failed, or
 * that of `exit`. */
int run_script(struct session *s, const struct script *script);
/* Read first, as a whole: a text with a mistake in it does nothing. */
int run_text(struct session *s, struct bytes text);
/* A file, or what comes on standard input: NULL. */
int run_file(struct session *s, const char *path);

#endif
