/* Names of pools, machines and domains, as we accept them. Resolves nothing. */
#ifndef POLLUX_BASE_FQDN_H
#define POLLUX_BASE_FQDN_H

#include <stdbool.h>

/* A FQDN has at most 253 characters; one more for the NUL, rounded up. */
enum { FQDN_SIZE = 256 };

/* Letters, digits and hyphens in labels of 1 to 63 that neither start nor end with a hyphen, at
 * least two labels, at most 253 characters in all. Writes the lower-case form to `lower`, which is
 * empty if the name is not valid. */
bool fqdn_valid(const char *text, char lower[FQDN_SIZE]);

#endif
