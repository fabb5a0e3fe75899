/* /v1/conferences: who meets whom, and when. */
#ifndef POLLUX_WEB_CONFERENCE_H
#define POLLUX_WEB_CONFERENCE_H

#include "web/visit.h"

enum {
    CONFERENCE_LISTED_MAX = 1000, /* in one answer; it says if there are more */
};

visit_handler conference_list, conference_create, conference_show, conference_change,
    conference_end;

#endif
