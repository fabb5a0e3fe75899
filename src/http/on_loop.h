/* Requests for a handler that lives on a loop: taken on the server's threads, called on the loop's.
 *
 *     gate = on_loop_open(loop, handler, context);
 *     … .handler = on_loop_handler, .context = gate …
 *     http_server_stop(server); on_loop_close(gate);
 */
#ifndef POLLUX_HTTP_ON_LOOP_H
#define POLLUX_HTTP_ON_LOOP_H

#include "base/loop.h"
#include "http/server.h"

struct on_loop;

struct on_loop *on_loop_open(struct loop *loop, http_handler *handler, void *context);
/* On the loop's thread, after the server was stopped: the handler is not called any more, and what
 * still waits is answered that this process stops. NULL does nothing. */
void on_loop_close(struct on_loop *gate);

/* What the server calls; its context is the gate. */
http_handler on_loop_handler;

#endif
