/* How answers look to people: objects as lists, warnings and errors on stderr. */
#ifndef POLLUX_CMDLET_RENDER_H
#define POLLUX_CMDLET_RENDER_H

#include <stdio.h>

#include <jansson.h>

#include "base/error.h"

/* "Name : value", one below the other, the colons aligned, as PowerShell's Format-List. */
void render_object(const json_t *object, FILE *out);
/* What happened; then, indented, what was left unchanged and what to do next. */
void render_error(const char *command, const struct error *e, FILE *out);

#endif
