/* Says in time that a certificate of this machine is about to expire. */
#ifndef POLLUX_POOL_CERTIFICATES_H
#define POLLUX_POOL_CERTIFICATES_H

#include "pool/config.h"

/* A month in which to notice. */
enum { CERTIFICATE_WARN_DAYS = 30 };

/* An event for each of the configuration's certificates that has expired, or will soon. */
void certificates_check(const struct config *config);

#endif
