/* What a user's document may be: of which application, under which name, how long. Whatever is well
 * formed is kept byte for byte. */
#ifndef POLLUX_USER_DOCUMENT_H
#define POLLUX_USER_DOCUMENT_H

#include <stdbool.h>

#include "user/xml.h"

enum {
    /* As many contacts as a list can have in the original, each with all that can be said of it. */
    DOCUMENT_MAX = 256 << 10,
    DOCUMENT_NAME_MAX = 255,
};

struct document_application {
    const char *auid; /* "resource-lists" */
    const char *type; /* of its documents, by the RFC that defines it */
};

#define DOCUMENT_APPLICATIONS "resource-lists, rls-services and pres-rules"

const struct document_application *document_application(const char *auid); /* or NULL */
/* A name that is a name and nothing else, wherever it is shown or kept. */
bool document_name_valid(const char *name);

#endif
