/* Checking a topology file without publishing it, for Test-CsTopology. Ends the call. */
#ifndef POLLUX_ADMIN_PUBLISH_H
#define POLLUX_ADMIN_PUBLISH_H

#include "admin/call.h"

void publish_test_file(struct call *call);

#endif
