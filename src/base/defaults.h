/* Where a polluxd is found unless somebody says otherwise: what those who serve and those who ask
 * must agree on without ever having met. */
#ifndef POLLUX_BASE_DEFAULTS_H
#define POLLUX_BASE_DEFAULTS_H

#define DEFAULT_ADMIN_SOCKET "/run/pollux/admin.sock"

enum { DEFAULT_LINK_PORT = 7443, DEFAULT_USERS_PORT = 8443 };

#endif
