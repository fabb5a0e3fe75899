/* Who is at the other end of a connection, found out once and shared by all its requests.
 *
 * A peer never changes once it is known. Knows nothing about what a caller may do. */
#ifndef POLLUX_HTTP_PEER_H
#define POLLUX_HTTP_PEER_H

#include <sys/socket.h>

#include <gnutls/gnutls.h>

#include "http/server.h"

struct peer;

struct peer *peer_of_socket(int fd); /* a Unix socket: what the kernel says */
/* After the handshake. The session's own credentials say which authority is believed. */
struct peer *peer_of_session(gnutls_session_t session, const struct sockaddr *from);
/* The peer as it is now: `peer` itself or, if its certificate expired while the connection was
 * open, another that says so. Takes the caller's share of `peer`, returns one. */
struct peer *peer_now(struct peer *peer);

struct peer *peer_share(struct peer *peer);
void peer_release(struct peer *peer);
const struct http_peer *peer_facts(const struct peer *peer);

#endif
