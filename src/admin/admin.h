/* Administrators: the commands as the daemon carries them out, over its Unix socket.
 *
 *     POST /admin/v1/commands/<Name>   {"<Parameter>": value, …}
 *
 * The answer is a stream of JSON lines: {"object": {…}}, {"warning": "…"}, {"error": {…}}, and at
 * its end {"status": "done"} or {"status": "failed"}. */
#ifndef POLLUX_ADMIN_ADMIN_H
#define POLLUX_ADMIN_ADMIN_H

#include "pool/front_end.h"

enum { ADMIN_BODY_MAX = 1 << 20 };

struct admin;
struct admin *admin_start(struct front_end *fe, struct loop *loop, struct error *e);
/* Takes no further commands, closes the socket, and is gone. What is under way goes on in the front
 * end; its answer finds nobody. */
void admin_stop(struct admin *admin);
#endif
