/* Which steps an operation goes through, for people who watch it: what is behind is known, what is
 * ahead follows from what was asked for. */
#ifndef POLLUX_CORE_OPERATION_PLAN_H
#define POLLUX_CORE_OPERATION_PLAN_H

#include "core/operation.h"

struct operation_plan {
    unsigned step,
        steps; /* the one that it is at, from 1, and how many there are; 0: it has none */
};
struct operation_plan operation_plan(const struct operation_options *options,
                                     const struct operation_status *status);

#endif
