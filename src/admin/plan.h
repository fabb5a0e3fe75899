/* What -WhatIf says of taking a home over: each step, as things are now. */
#ifndef POLLUX_ADMIN_PLAN_H
#define POLLUX_ADMIN_PLAN_H

#include "admin/preflight.h"

void plan_tell(struct call *call, const struct operation_wish *wish, const struct preflight *found);

#endif
