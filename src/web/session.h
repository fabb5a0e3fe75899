/* /v1/session: signing on, asking who one is, signing off. */
#ifndef POLLUX_WEB_SESSION_H
#define POLLUX_WEB_SESSION_H

#include "web/visit.h"

visit_handler session_open, session_show, session_end;

#endif
