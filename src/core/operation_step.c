#include "core/operation_step.h"

#include <string.h>

/* clang-format off */
static const struct operation_rule rules[OPERATION_STEPS] = {
    /*                      name                      says            each_ms             kept   open */
    [OPERATION_COPY]     = {"Copying",                DEMAND_LOOK,    OPERATION_LOOK_MS,  false, true },
    [OPERATION_REPLICAS] = {"Waiting for the replicas", DEMAND_LOOK,  OPERATION_LOOK_MS,  false, true },
    [OPERATION_FLUSH]    = {"Flushing",               DEMAND_LOOK,    OPERATION_RENEW_MS, false, true },
    [OPERATION_CLOSE]    = {"Letting sessions end",   DEMAND_CLOSE,   OPERATION_RENEW_MS, true,  true },
    [OPERATION_DRAIN]    = {"Stopping changes",       DEMAND_DRAIN,   OPERATION_LOOK_MS,  true,  true },
    [OPERATION_REST]     = {"Copying the rest",       DEMAND_DRAIN,   OPERATION_RENEW_MS, false, true },
    [OPERATION_VERIFY]   = {"Verifying",              DEMAND_DRAIN,   OPERATION_RENEW_MS, false, true },
    [OPERATION_RELEASE]  = {"Releasing",              DEMAND_RELEASE, OPERATION_LOOK_MS,  false, false},
    [OPERATION_GATHER]   = {"Asking the replicas",    DEMAND_LOOK,    0,                  false, false},
    [OPERATION_TAKE]     = {"Taking",                 DEMAND_LOOK,    0,                  false, false},
    [OPERATION_TURN]     = {"Turning the copy round", DEMAND_LOOK,    OPERATION_LOOK_MS,  false, false},
    [OPERATION_CALL_OFF] = {"Calling it off",         DEMAND_CANCEL,  OPERATION_LOOK_MS,  false, false},
    [OPERATION_DONE]     = {"Done",                   DEMAND_LOOK,    0,                  false, false},
    [OPERATION_FAILED]   = {"Failed",                 DEMAND_LOOK,    0,                  false, false},
};
/* clang-format on */

static const char *const kinds[OPERATION_KINDS] = {
    [OPERATION_FAIL_OVER] = "Failover",
    [OPERATION_FAIL_BACK] = "Failback",
    [OPERATION_MOVE_CENTRAL] = "Central Management Store failover",
};

const struct operation_rule *operation_rule(enum operation_step step)
{
    return &rules[step];
}

const char *operation_step_name(enum operation_step step)
{
    return rules[step].name;
}

bool operation_step_is_open(enum operation_step step)
{
    return rules[step].open;
}

bool operation_step_named(const char *name, enum operation_step *step)
{
    for (int i = 0; i < OPERATION_STEPS; i++) {
        if (strcmp(name, rules[i].name) == 0) {
            *step = (enum operation_step)i;
            return true;
        }
    }
    return false;
}

const char *operation_kind_name(enum operation_kind kind)
{
    return kinds[kind];
}

bool operation_kind_named(const char *name, enum operation_kind *kind)
{
    for (int i = 0; i < OPERATION_KINDS; i++) {
        if (strcmp(name, kinds[i]) == 0) {
            *kind = (enum operation_kind)i;
            return true;
        }
    }
    return false;
}
