/* A JSON value as a person reads it, or as a program does.
 *
 * For people as PowerShell shows it:
 *
 *     "North", 12, true, null    North, 12, True, and nothing
 *     ["a", "b"]                 {a, b}
 *     {"Name": "x", "A": 1, "B": 2}   x:[1,2]      its first property names it
 *     {"Add": "x"}               @{Add=x}          a lone property says nothing without its name
 *
 * Whatever the value says, a terminal has nothing to obey in it; see text.h. */
#ifndef POLLUX_CMDLET_ANSWER_VALUE_H
#define POLLUX_CMDLET_ANSWER_VALUE_H

#include <stdint.h>

#include <jansson.h>

enum {
    VALUE_DEPTH_MAX = 8, /* what is nested deeper can't be read in one line: it is "…" */
    VALUE_DIGITS = 15,   /* so many come back as they were written: 0.1 stays 0.1 */
};

/* For people, owned by the caller. Newlines inside of strings stay. */
char *value_text(const json_t *value);
/* For programs: JSON on one line, without the newline; owned by the caller. */
char *value_json(const json_t *value);

/* As json_object_foreach, for an object that is only lent. */
#define EACH_PROPERTY(object, name, value)                                                         \
    json_object_foreach((json_t *)(uintptr_t)(object), name, value)

#endif
