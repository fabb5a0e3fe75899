#include "pool/certificates.h"

#include <time.h>

#include "pki/pki.h"

static void check(const struct config *config, const char *file)
{
    struct pki_certificate certificate;
    struct error e;
    if (pki_read_certificate(file, &certificate, &e)) {
        log_error(LOG_EVENT_ERROR, "certificate-unreadable", &e, "A certificate can't be read.");
        return;
    }
    char until[PKI_TIME_TEXT_SIZE];
    long long left = (long long)certificate.not_after - (long long)time(NULL);
    pki_time_text(certificate.not_after, until);
    if (left <= 0)
        log_event(LOG_EVENT_ERROR, "certificate-expired",
                  "%s expired at %s: no other machine talks to %s any more. Type: pollux pki renew "
                  "%s, then reload (SIGHUP).",
                  file, until, config->machine, config->machine);
    else if (left < CERTIFICATE_WARN_DAYS * 86400LL)
        log_event(
            LOG_EVENT_WARNING, "certificate-expires",
            "%s expires at %s, in %lld days. Type: pollux pki renew %s, then reload (SIGHUP).",
            file, until, left / 86400, config->machine);
}

void certificates_check(const struct config *config)
{
    check(config, config->certificate);
    check(config, config->authority);
}
