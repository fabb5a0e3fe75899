/* Which version of a thing a client means: ETags (RFC 9110, 8.8.3 and 13.1). An ETag is the term
 * and the number of the change, so it is the same at both pools of a pair. */
#ifndef POLLUX_WEB_ETAG_H
#define POLLUX_WEB_ETAG_H

#include <stdbool.h>

#include "core/item.h"

enum { ETAG_SIZE = 48 }; /* two numbers of 20 figures, a hyphen, quotes */

/* Returns `text`, with its quotes. */
const char *etag_text(struct version version, char text[ETAG_SIZE]);

enum etag_verdict {
    ETAG_GO_ON,
    ETAG_FAILED,       /* 412: it is not the version that the client knows */
    ETAG_NOT_MODIFIED, /* 304: it is */
    ETAG_UNREADABLE    /* 400: nobody can tell what may not be overwritten */
};
/* What the two headers (or NULL) say of a thing that has this version; NULL: there is none. */
enum etag_verdict etag_judge(const char *if_match, const char *if_none_match,
                             const struct version *version, bool reads);

#endif
