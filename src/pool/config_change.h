/* What of a machine's configuration can't change while it runs. */
#ifndef POLLUX_POOL_CONFIG_CHANGE_H
#define POLLUX_POOL_CONFIG_CHANGE_H

#include "pool/config.h"

/* By name, for a sentence; NULL if nothing of that differs. */
const char *config_fixed_change(const struct config *a, const struct config *b);

#endif
