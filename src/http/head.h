/* A request's head: what was said in it, and whether that has one meaning only. Texts alone;
 * nothing here knows a connection. */
#ifndef POLLUX_HTTP_HEAD_H
#define POLLUX_HTTP_HEAD_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

enum {
    HTTP_TARGET_MAX = 8 << 10, /* bytes; an answer's headers repeat it, and need room, too */
};

struct head_pair {
    char *name, *value;
    unsigned lines; /* so many of this name were joined */
};

/* Headers or query parameters, in the order in which they came. */
struct head_pairs {
    struct head_pair *list;
    size_t count;
};

/* Copies both. */
void head_add(struct head_pairs *pairs, const char *name, const char *value);
/* The same for a header: what stands in several lines of one name is one list (RFC 9110, 5.2), and
 * blanks around a value are none of it. */
void head_add_header(struct head_pairs *headers, const char *name, const char *value);
void head_free(struct head_pairs *pairs);

/* NULL: there is none. Names of headers are found in any case, of parameters as they were written.
 */
const char *head_header(const struct head_pairs *headers, const char *name);
const char *head_parameter(const struct head_pairs *query, const char *name);

/* What stands behind "https://host:port" of a target or path in absolute form; else all of it. */
const char *head_origin_form(const char *target);

/* Is it one that we can answer as it was meant, and that means to everybody in between what it
 * means to us? If not, the status of the refusal; 0: it is. The connection must be closed behind a
 * refusal: where its body ends is not known. */
unsigned head_refusal(const struct head_pairs *headers, const char *version, const char *target,
                      struct error *e);

#endif
