/* What is noted of users' sessions, for the storage service: that they signed on or off, joined or
 * left a conference. And what they are shown of it: GET /v1/history. */
#ifndef POLLUX_WEB_REMEMBER_H
#define POLLUX_WEB_REMEMBER_H

#include "web/visit.h"

/* Of the session of this visit, whose answer goes out when it is kept. `conference` may be NULL. */
void remember_event(struct visit *v, enum session_event event, const struct session_facts *facts,
                    const char *conference);
/* For sessions_on_ended(), with the storage service as its context. */
sessions_ended remember_end;

visit_handler history_show;

#endif
