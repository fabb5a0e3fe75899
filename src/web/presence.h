/* /v1/presence: what users say of themselves, and what others of the same pool see of it. */
#ifndef POLLUX_WEB_PRESENCE_H
#define POLLUX_WEB_PRESENCE_H

#include "web/visit.h"

visit_handler presence_show, presence_set, presence_clear, presence_show_other;

#endif
