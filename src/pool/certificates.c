#include "pool/certificates.h"

#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/count.h"
#include "base/memory.h"
#include "pki/pki.h"

enum state { STATE_UNTOLD, STATE_GOOD, STATE_SOON, STATE_EXPIRED, STATE_UNREADABLE };

static enum state look_at(const char *file, char until[PKI_TIME_TEXT_SIZE], long long *days,
                          struct error *e)
{
    struct pki_certificate certificate;
    if (pki_read_certificate(file, &certificate, e))
        return STATE_UNREADABLE;
    long long left = (long long)certificate.not_after - (long long)time(NULL);
    pki_time_text(certificate.not_after, until);
    *days = left / 86400;
    if (left <= 0)
        return STATE_EXPIRED;
    return left < CERTIFICATE_WARN_DAYS * 86400LL ? STATE_SOON : STATE_GOOD;
}

static const char way_out[] = "Renew it where the authority is (pollux pki renew), bring the new "
                              "files here, then reload (SIGHUP).";

static void check(const char *file, int *told_state, uint64_t *told_ms)
{
    struct error e;
    char until[PKI_TIME_TEXT_SIZE] = "";
    long long days = 0;
    enum state state = look_at(file, until, &days, &e);
    uint64_t now = clock_ms();
    if ((int)state == *told_state && now - *told_ms < CERTIFICATE_REMIND_MS)
        return;
    *told_state = (int)state;
    *told_ms = now;
    if (state == STATE_UNREADABLE)
        log_error(LOG_EVENT_ERROR, "certificate-unreadable", &e, "A certificate can't be read.");
    else if (state == STATE_EXPIRED)
        log_event(LOG_EVENT_ERROR, "certificate-expired",
                  "%s expired at %s: no other machine talks to this one any more. %s", file, until,
                  way_out);
    else if (state == STATE_SOON)
        log_event(LOG_EVENT_WARNING, "certificate-expires", "%s expires at %s, in %s. %s", file,
                  until, COUNTED((uint64_t)days, "day"), way_out);
}

void certificates_check(const struct config *config, struct certificate_watch *watch)
{
    check(config->certificate, &watch->files[0].state, &watch->files[0].told_ms);
    check(config->authority, &watch->files[1].state, &watch->files[1].told_ms);
}

static bool carries(const struct pki_certificate *certificate, const char *name)
{
    for (size_t i = 0; i < certificate->name_count; i++) {
        if (strcmp(certificate->names[i], name) == 0)
            return true;
    }
    return false;
}

void certificates_faults(const struct config *config, struct faults *faults)
{
    struct pki_certificate certificate;
    struct error e;
    const char *names[] = {config->machine, config->self->pool->fqdn};
    pki_check(config->certificate, config->private_key, config->authority, time(NULL), faults);
    if (pki_read_certificate(config->certificate, &certificate, &e))
        return; /* that is among the faults */
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        if (!carries(&certificate, names[i]) && (i == 0 || strcmp(names[0], names[1]) != 0))
            faults_add(faults, config->certificate, 0,
                       "It does not name %s. Issue the right one: pollux pki issue %s --pool %s",
                       names[i], names[0], names[1]);
    }
}

void certificates_explain(const struct config *config, const struct fault *fault, struct error *e)
{
    fail(e, FAIL_FOREIGN, "%s: %s", fault->file, fault->sentence);
    error_next(e,
               "Where the authority is, pollux pki renew %s makes new ones; bring them to that "
               "machine, and reload polluxd there.",
               config->self->fqdn);
}
