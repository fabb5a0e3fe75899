/* /v1/conferences/ID/attendance: who is in a conference now, by his session. */
#ifndef POLLUX_WEB_ATTENDANCE_H
#define POLLUX_WEB_ATTENDANCE_H

#include "web/visit.h"

visit_handler conference_join, conference_leave;

#endif
