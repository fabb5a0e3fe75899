/* /v1/conferences: who meets whom, and when. */
#ifndef POLLUX_WEB_CONFERENCE_H
#define POLLUX_WEB_CONFERENCE_H

#include "user/conference.h"
#include "web/visit.h"

enum {
    CONFERENCE_LISTED_MAX = 1000, /* in one answer; it says if there are more */
};

/* What stands up to the next '/' of a path; what is too long for one is none. Returns `id`. */
const char *conference_id_of(const char *rest, char id[CONFERENCE_ID_SIZE]);
/* Does the caller take part in it? If not, it is not there for him. */
enum failure conference_check_part(struct visit *v, const char *id, struct error *e);

visit_handler conference_list, conference_create, conference_show, conference_change,
    conference_end;

#endif
