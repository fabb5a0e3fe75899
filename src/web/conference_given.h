/* A conference as its organiser's client writes it, and what is kept of that. */
#ifndef POLLUX_WEB_CONFERENCE_GIVEN_H
#define POLLUX_WEB_CONFERENCE_GIVEN_H

#include "web/visit.h"

/* Members of what is kept: participants by the addresses that are shown, and, in the same order, by
 * the Ids that count. */
#define CONFERENCE_PARTICIPANTS "participants"
#define CONFERENCE_IDS          "ids"

/* The request's body, made into what is kept of it; owned by the caller. NULL: it is none. */
json_t *conference_take(struct visit *v, const char *id, struct error *e);

/* Is this account's Id in the list (which may be NULL)? */
bool conference_has(const json_t *ids, const char *id);

#endif
