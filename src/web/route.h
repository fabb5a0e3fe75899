/* What can be asked for: one table of paths and methods. */
#ifndef POLLUX_WEB_ROUTE_H
#define POLLUX_WEB_ROUTE_H

#include "web/visit.h"

/* Finds out what is asked for and by whom, and has it done. */
visit_handler route_visit;

#endif
