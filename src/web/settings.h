/* /v1/settings: what a user's clients want to remember, one JSON object. */
#ifndef POLLUX_WEB_SETTINGS_H
#define POLLUX_WEB_SETTINGS_H

#include "web/visit.h"

visit_handler settings_show, settings_set;

#endif
