/* Get-Member: which properties the objects of a pipe have. */
#ifndef POLLUX_CMDLET_SHELL_MEMBER_H
#define POLLUX_CMDLET_SHELL_MEMBER_H

#include "cmdlet/shell/stage.h"

/* The properties of this object. `*told` is a list of the kinds of objects that were told of
 * already, made here; the caller releases it at the end. */
void member_tell(struct stage *stage, const json_t *object, json_t **told);

#endif
