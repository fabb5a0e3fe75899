/* What follows from a user's other items, when these are changed one by one by a salvage
 * (store/salvage.h) or an administrator: how much there is of them, and who is invited to what. */
#ifndef POLLUX_USER_DERIVED_H
#define POLLUX_USER_DERIVED_H

#include "store/salvage.h"

extern const struct salvage_derived user_derived;

#endif
