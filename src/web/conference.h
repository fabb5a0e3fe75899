/* /v1/conferences: who meets whom, and when.
 *
 * A conference is kept in its organiser's home, and for each participant, of whichever pool, an
 * item beside it says that he takes part. So whoever belongs to another pool asks there:
 * /v1/pools/POOL/conferences, at any machine; the list of his own pool names the paths. */
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
    conference_end, conference_show_elsewhere;

#endif
