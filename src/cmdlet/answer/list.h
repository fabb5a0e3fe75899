/* One object as a list, as PowerShell's Format-List: "Name : value", one below the other, the
 * colons aligned. Values are never cut. */
#ifndef POLLUX_CMDLET_ANSWER_LIST_H
#define POLLUX_CMDLET_ANSWER_LIST_H

#include <stdio.h>

#include <jansson.h>

void list_show(FILE *out, const json_t *object);

#endif
