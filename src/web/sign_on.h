/* Who asks? By a session's token, or by the user's secret: Digest (RFC 7616) or, inside TLS, Basic
 * (RFC 7617). Whether a user does not exist, has no secret, or gave a wrong one, nobody is told. */
#ifndef POLLUX_WEB_SIGN_ON_H
#define POLLUX_WEB_SIGN_ON_H

#include "web/visit.h"

/* OK, and an answer is prepared already: nobody, or nobody who may come in. OK without one: the
 * visit's account, home and session are filled in. */
enum failure sign_on(struct visit *v, struct error *e);

#endif
