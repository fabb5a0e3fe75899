/* /xcap/…: a user's own documents, his contact lists among them (RFC 4825, whole documents). */
#ifndef POLLUX_WEB_DOCUMENT_H
#define POLLUX_WEB_DOCUMENT_H

#include "web/visit.h"

visit_handler document_show, document_put, document_delete;

#endif
