/* /v1/conferences/ID/files: what those who take part share. */
#ifndef POLLUX_WEB_CONTENT_H
#define POLLUX_WEB_CONTENT_H

#include "user/conference.h"
#include "web/visit.h"

enum {
    CONTENT_FILES_MAX = 1000, /* of a conference, and listed */
    CONTENT_RANGE_TEXT = 80,
};

/* Is this a request whose body is a file? Asked on the connection's thread. */
bool content_streams(const struct http_request *request);
/* Those that change files of the same conference do so one after the other, and each knows what
 * there is and how much room: the conference's Id for turns.h; false: this is no such request. */
bool content_turn(const struct http_request *request, char id[CONFERENCE_ID_SIZE]);

visit_handler content_list, content_show, content_put, content_delete;

#endif
