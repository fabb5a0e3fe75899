#include "core/operation_plan.h"

/* Without its holder, what that would do is left out. */
static bool is_ahead(enum operation_step step, const struct operation_options *o, bool alone)
{
    switch (step) {
    case OPERATION_COPY:
    case OPERATION_DRAIN:
    case OPERATION_REST:
    case OPERATION_RELEASE:
    case OPERATION_TAKE: return true;
    case OPERATION_REPLICAS: return o->replicas && !o->disaster;
    case OPERATION_FLUSH: return o->flush;
    case OPERATION_CLOSE: return o->close_ms;
    case OPERATION_VERIFY: return !o->skip_verification;
    case OPERATION_TURN: return !alone;
    case OPERATION_GATHER: /* only where the holder is silent after all */
    case OPERATION_CALL_OFF:
    case OPERATION_DONE:
    case OPERATION_FAILED: return false;
    }
    return false;
}

struct operation_plan operation_plan(const struct operation_options *options,
                                     const struct operation_status *status)
{
    struct operation_plan plan = {0};
    bool alone = status->alone || status->step == OPERATION_GATHER;
    if (status->step > OPERATION_TURN)
        return plan;
    for (int i = 0; i <= OPERATION_TURN; i++) {
        enum operation_step step = (enum operation_step)i;
        bool behind = step < status->step && status->step_ms[step];
        bool ahead = step > status->step && is_ahead(step, options, alone);
        bool now = step == status->step;
        plan.steps += behind || now || ahead;
        plan.step += behind || now;
    }
    return plan;
}
