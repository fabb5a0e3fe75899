/* Who this machine is on the network, and whom it believes: certificate, private key, authority.
 *
 * The three files are read whole, so that a file that changes later changes nothing here, and
 * checked together, so that a mistake is found when they are loaded and not at the next handshake.
 * An identity is shared by counting; it never changes once it is loaded. Knows nothing about HTTP.
 */
#ifndef POLLUX_HTTP_IDENTITY_H
#define POLLUX_HTTP_IDENTITY_H

#include <gnutls/gnutls.h>

#include "base/bytes.h"
#include "base/error.h"

struct identity;

enum { IDENTITY_FILE_BYTES_MAX = 1 << 20 }; /* a bundle of every public authority has 220 kB */

struct identity *identity_load(const char *certificate_file, const char *private_key_file,
                               const char *authority_file, struct error *e);
struct identity *identity_share(struct identity *identity);
void identity_release(struct identity *identity); /* NULL does nothing */

/* All lent for as long as the identity is held. */
struct bytes identity_certificate(const struct identity *identity); /* PEM, as in the file */
struct bytes identity_private_key(const struct identity *identity);
struct bytes identity_authority(const struct identity *identity);
gnutls_certificate_credentials_t identity_credentials(const struct identity *identity);

#endif
