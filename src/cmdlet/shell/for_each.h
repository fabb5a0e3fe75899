/* ForEach-Object: a block of statements, or a property, for each object of a pipe. Within the block
 * the object is $_; what the block gives goes on through the pipe. */
#ifndef POLLUX_CMDLET_SHELL_FOR_EACH_H
#define POLLUX_CMDLET_SHELL_FOR_EACH_H

#include "cmdlet/shell/stage.h"

/* One block within another, and so on: what the stack has to bear. Nobody types as many. */
enum { BLOCKS_NESTED_MAX = 16 };

/* Before anything of the pipe is done: can what stands in the braces be understood? */
enum failure for_each_check(const struct binding *b, struct error *e);
void for_each_take(struct stage *stage, const json_t *object);
void for_each_end(struct stage *stage);

/* Passes a property of the object on; of a list each entry. */
void for_each_property(struct stage *stage, const json_t *object, const char *name);

#endif
