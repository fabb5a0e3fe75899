/* Which polluxd a command is for, as the environment says it:
 *
 *     POLLUX_SERVER       the path of its socket (/run/pollux/admin.sock), or https://HOST[:PORT],
 *     POLLUX_CERTIFICATE  and then the person's certificate,
 *     POLLUX_KEY          its private key,
 *     POLLUX_AUTHORITY    whom both ends believe; all three are PEM files;
 *     POLLUX_ADDRESS      where to connect, if the name of the host does not resolve to it.
 *
 * Opens no file and talks to nobody. */
#ifndef POLLUX_CMDLET_SERVER_H
#define POLLUX_CMDLET_SERVER_H

#include "base/error.h"
#include "base/fqdn.h"
#include "http/ask.h"

/* What `place` points to is lent by the environment, and by `host`, where the name is written. */
enum failure server_from_environment(struct http_place *place, char host[FQDN_SIZE],
                                     struct error *e);

#endif
