/* Sockets that listen: TCP with TCP_NODELAY, or a Unix socket with an owner and a mode.
 *
 * Knows nothing about what is spoken on them. */
#ifndef POLLUX_HTTP_LISTENER_H
#define POLLUX_HTTP_LISTENER_H

#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"

/* Both return a listening socket that does not block, or -1. */

/* `address` is numeric; port 0 takes any free one. The connections inherit TCP_NODELAY. */
int listener_tcp(const char *address, uint16_t port, struct error *e);
uint16_t listener_tcp_port(int fd);

/* A socket that nobody listens on any more is replaced; a live one, and anything else that has this
 * name, is an error. Group (gid_t)-1: as the process creates it. */
int listener_unix(const char *path, mode_t mode, gid_t group, struct error *e);

#endif
