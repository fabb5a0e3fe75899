/* /v1/conferences: who meets whom, and when.
 *
 * A conference is kept in its organiser's home, and for each participant, of whichever pool, an
 * item beside it says that he takes part. So whoever belongs to another pool asks there:
 * /v1/pools/POOL/conferences, at any machine; the list of his own pool names the paths. */
#ifndef POLLUX_WEB_CONFERENCE_H
#define POLLUX_WEB_CONFERENCE_H

#include "web/visit.h"

enum {
    CONFERENCE_LISTED_MAX = 1000, /* in one answer; it says if there are more */
};

visit_handler conference_list, conference_create, conference_show, conference_change,
    conference_end, conference_show_elsewhere;

#endif
