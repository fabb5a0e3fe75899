/* Paths of XCAP (RFC 4825): which document of which user, for which application. Whole documents
 * only: what is inside of one, its reader knows. */
#ifndef POLLUX_WEB_XCAP_PATH_H
#define POLLUX_WEB_XCAP_PATH_H

#include "base/error.h"
#include "user/document.h"

enum { XCAP_USER_SIZE = 512 };

struct xcap_path {
    const struct document_application *application;
    char user[XCAP_USER_SIZE]; /* whose it is, as it was written */
    char name[DOCUMENT_NAME_MAX + 1];
};

/* "<auid>/users/<user>/<document>", decoded. FAIL_NOT_FOUND: there can be no such document;
 * FAIL_INVALID: this could be a path, but one that is not served here. */
enum failure xcap_path_read(const char *text, struct xcap_path *path, struct error *e);

#endif
