/* /v1/conferences: who meets whom, and when.
 *
 * A conference is an item of its organiser; for each participant an item of his own says whose it
 * is, written in the same transaction, so that nobody has to look through everybody's conferences
 * to find his. Participants are known by their accounts' Ids; what is shown are their addresses as
 * they were when the organiser wrote them. */
#ifndef POLLUX_WEB_CONFERENCE_H
#define POLLUX_WEB_CONFERENCE_H

#include "web/visit.h"

enum {
    CONFERENCE_PARTICIPANTS_MAX = 250, /* as in the original */
    CONFERENCE_SUBJECT_MAX = 512,      /* bytes */
    CONFERENCE_LISTED_MAX = 1000,      /* in one answer; it says if there are more */
};

visit_handler conference_list, conference_create, conference_show, conference_change,
    conference_end;

#endif
