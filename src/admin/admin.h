/* Administrators: the commands as the daemon carries them out. They come over its Unix socket, over
 * the link's port from whoever shows an administrator's certificate, and from other machines that
 * pass them on.
 *
 *     POST /admin/v1/commands/<Name>   {"<Parameter>": value, …}
 *     GET  /admin/v1/commands          what there is, with parameters and limits
 *
 * The answer to a command is a stream of JSON lines: {"object": …}, {"progress": {…}}, {"warning":
 * "…"}, {"information": "…"}, {"verbose": "…"}, {"whatif": "…"}, {"error": {…}}, {"report": {…}};
 * of a command that is about a file, {"record": …} and {"part": {…}} (transfer.h); and at its end
 * {"status": "done"} or {"status": "failed"}. An empty line says that it goes on. */
#ifndef POLLUX_ADMIN_ADMIN_H
#define POLLUX_ADMIN_ADMIN_H

#include "pool/front_end.h"

enum {
    ADMIN_BODY_MAX = 1 << 20,
    ADMIN_CALLS_MAX = 256, /* under way at once; one more is refused as busy */
    /* Of each kind: those that may block on a disk or a slow reader, those that wait for another
     * machine, and those that ask a name service who somebody is. */
    ADMIN_THREADS_MAX = 32,
};

struct admin;
struct admin *admin_start(struct front_end *fe, struct loop *loop, struct error *e);
/* Takes no further commands, closes the socket, and is gone. What is under way goes on in the front
 * end; its answer finds nobody. */
void admin_stop(struct admin *admin);
#endif
