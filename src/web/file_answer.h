/* How the file of a conference is answered: its type by its name, how a browser keeps it, which
 * part of it is wanted. Rules over texts; nothing here knows a store or a disk. */
#ifndef POLLUX_WEB_FILE_ANSWER_H
#define POLLUX_WEB_FILE_ANSWER_H

#include <stdbool.h>

#include "base/bytes.h"

/* What is known of the ending of its name; else octets. */
const char *file_type_of(const char *name);

/* For a path: everything but letters, figures and "-._~" as %XX; owned by the caller. */
char *file_url(const char *name);
/* "attachment; filename=…; filename*=…" (RFC 6266), the second with all of the name; owned by the
 * caller. */
char *file_disposition(const char *name);

/* May a client give a file this name? UTF-8 without control characters. (Other programs may; what
 * they named otherwise can be read and deleted.) */
bool file_name_writable(const char *name);

enum file_range {
    RANGE_ALL,  /* none was asked for, or several, or something that makes no sense */
    RANGE_PART, /* 206 */
    RANGE_NONE, /* 416: there is nothing of it */
};
/* Of a "Range" (or NULL) for so many bytes; RFC 9110, 14.2. */
enum file_range file_range_read(const char *range, uint64_t size, uint64_t *from, uint64_t *count);

#endif
