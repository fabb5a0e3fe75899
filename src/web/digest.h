/* Is this the answer of somebody who knows the secret? The arithmetic of digest authentication
 * (RFC 7616, qop=auth) over the hashes that are kept instead of secrets. */
#ifndef POLLUX_WEB_DIGEST_H
#define POLLUX_WEB_DIGEST_H

#include <stdbool.h>

#include "web/authorization.h"

/* What a client with this HA1 would answer. */
void digest_response(const struct digest_answer *d, const char *ha1, const char *method,
                     char response[DIGEST_RESPONSE_SIZE]);
/* Compares in constant time. */
bool digest_fits(const struct digest_answer *d, const char *ha1, const char *method);

/* Does the answer's uri name what is asked for? It may have scheme and host before it. */
bool digest_is_about(const struct digest_answer *d, const char *target);

#endif
