/* /xcap/…: a user's own documents, his contact lists among them (RFC 4825, whole documents). */
#ifndef POLLUX_WEB_DOCUMENT_H
#define POLLUX_WEB_DOCUMENT_H

#include "web/visit.h"

/* As many contacts as a list can have in the original, each with all that can be said of it. */
enum { DOCUMENT_MAX = 256 << 10 };

visit_handler document_show, document_put, document_delete;

#endif
