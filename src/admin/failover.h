/* Taking a home over, for the commands that do it: of a pool, and of the Central Management Store.
 */
#ifndef POLLUX_ADMIN_FAILOVER_H
#define POLLUX_ADMIN_FAILOVER_H

#include "admin/call.h"
#include "pool/operating.h"

/* The whole command: looks whether it can be done, does it, and tells how it goes. Ends the call.
 */
void failover_run(struct call *call, enum operation_kind kind, const char *home);

#endif
