/* Says in time that a certificate of this machine is about to expire, and at once what else is
 * wrong with its certificates. */
#ifndef POLLUX_POOL_CERTIFICATES_H
#define POLLUX_POOL_CERTIFICATES_H

#include "pool/config.h"

enum {
    CERTIFICATE_WARN_DAYS = 30,           /* a month in which to notice */
    CERTIFICATE_CHECK_MS = 60 * 1000,     /* so expiry is told within a minute */
    CERTIFICATE_REMIND_MS = 86400 * 1000, /* and what goes on is told again each day */
};

/* What was told of each file already; zero at the start and after a reload. */
struct certificate_watch {
    struct {
        int state;
        uint64_t told_ms;
    } files[2];
};

/* An event for each of the configuration's certificates that has expired, or will soon. */
void certificates_check(const struct config *config, struct certificate_watch *watch);

/* Would other machines accept what this configuration names? All that is wrong, at once; that a
 * certificate is expired among it. */
void certificates_faults(const struct config *config, struct faults *faults);
/* Such a fault as an error, with what is to be done about it. */
void certificates_explain(const struct config *config, const struct fault *fault, struct error *e);

#endif
