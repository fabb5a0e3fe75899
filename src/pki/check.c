/* Whether a pair of certificate and key would do: everything that the other machines look at, and
 * what a daemon needs to start with it. The chain is judged by OpenSSL, as on a connection; here
 * its verdicts become sentences. */
#include "pki/pki.h"

#include <openssl/err.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "pki/certificate.h"

DEFINE_OWNED(X509_STORE *, X509_STORE_free)
DEFINE_OWNED(X509_STORE_CTX *, X509_STORE_CTX_free)

struct inspection {
    const char *certificate_file;
    const char *key_file;
    const char *authority_file;
    STACK_OF(X509) * chain; /* the machine's own first */
    time_t now;
    bool stranger; /* said already that the authority did not issue it */
    struct faults *faults;
};

const char *pki_time_text(time_t t, char text[PKI_TIME_TEXT_SIZE])
{
    struct tm utc;
    gmtime_r(&t, &utc);
    strftime(text, PKI_TIME_TEXT_SIZE, "%Y-%m-%d %H:%M:%S UTC", &utc);
    return text;
}

static X509 *own(const struct inspection *i)
{
    return sk_X509_value(i->chain, 0);
}

static void add_error(struct faults *faults, const char *file, const struct error *e)
{
    faults_add(faults, file, 0, "%s", e->what);
}

static void check_rights(const struct inspection *i)
{
    struct stat s;
    if (stat(i->key_file, &s) == 0 && S_ISREG(s.st_mode) && (s.st_mode & (S_IRWXG | S_IRWXO)))
        faults_add(i->faults, i->key_file, 0,
                   "Others than its owner have rights on the key. Type \"chmod 600 %s\"; if they "
                   "may have read it, renew.",
                   i->key_file);
}

static void check_key(const struct inspection *i)
{
    struct error e;
    OWNED(EVP_PKEY_free) EVP_PKEY *key = key_read(i->key_file, &e);
    if (!key) {
        add_error(i->faults, i->key_file, &e);
        return;
    }
    check_rights(i);
    if (!i->chain || certificate_has_key(own(i), key))
        return;
    OWNED(free_memory) char *staged = xasprintf("%s.new", i->certificate_file);
    if (access(staged, F_OK) == 0)
        faults_add(i->faults, i->key_file, 0,
                   "It is not the key of \"%s\": a renewal was interrupted. Renew again.",
                   i->certificate_file);
    else
        faults_add(i->faults, i->key_file, 0,
                   "It is not the key of \"%s\". Use the pair that belongs together, or renew.",
                   i->certificate_file);
}

static void check_names(const struct inspection *i, const struct pki_certificate *says)
{
    if (says->name_count == 0 && !says->administrator[0])
        faults_add(i->faults, i->certificate_file, 0,
                   "It names no machine and no pool (no DNS name among the subject's alternative "
                   "names), and no administrator either.");
    for (size_t n = 0; n < says->name_count; n++) {
        char lower[FQDN_SIZE];
        if (!fqdn_valid(says->names[n], lower))
            faults_add(i->faults, i->certificate_file, 0,
                       "\"%s\" is not the full name of a machine or pool.", says->names[n]);
    }
}

/* Machines call and are called; nobody calls a person. */
static void check_purposes(const struct inspection *i, const struct pki_certificate *says)
{
    if (X509_check_ca(own(i)) != 0)
        faults_add(i->faults, i->certificate_file, 0,
                   "It belongs to an authority, not to a machine.");
    if (!says->administrator[0] && X509_check_purpose(own(i), X509_PURPOSE_SSL_SERVER, 0) != 1)
        faults_add(
            i->faults, i->certificate_file, 0,
            "It may not answer calls: as a TLS server it needs the key usage digitalSignature and "
            "the extended one serverAuth.");
    if (X509_check_purpose(own(i), X509_PURPOSE_SSL_CLIENT, 0) != 1)
        faults_add(
            i->faults, i->certificate_file, 0,
            "It may not call others: as a TLS client it needs the key usage digitalSignature and "
            "the extended one clientAuth.");
}

/* One verdict about one certificate of the chain. `authority`: of those above the machine's. */
static void add_verdict(struct inspection *i, int verdict, X509 *about, bool authority)
{
    char when[PKI_TIME_TEXT_SIZE];
    const char *file = authority ? i->authority_file : i->certificate_file;
    const char *which = authority ? "The authority" : "It";
    switch (verdict) {
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_CERT_UNTRUSTED:
    case X509_V_ERR_CERT_SIGNATURE_FAILURE:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
        if (!i->stranger)
            faults_add(i->faults, i->certificate_file, 0,
                       "It was not issued by the authority in \"%s\".", i->authority_file);
        i->stranger = true;
        break;
    case X509_V_ERR_CERT_NOT_YET_VALID:
        faults_add(i->faults, file, 0, "%s is valid only from %s on. Is the clock right?", which,
                   pki_time_text(certificate_time(X509_get0_notBefore(about)), when));
        break;
    case X509_V_ERR_CERT_HAS_EXPIRED:
        faults_add(i->faults, file, 0, "%s expired on %s.", which,
                   pki_time_text(certificate_time(X509_get0_notAfter(about)), when));
        break;
    default:
        faults_add(i->faults, file, 0, "%s is not accepted: %s.", which,
                   X509_verify_cert_error_string(verdict));
    }
}

/* OpenSSL asks whether to go on after each verdict. Always: all of them are wanted. */
static int hear_verdict(int good, X509_STORE_CTX *context)
{
    if (!good)
        add_verdict(X509_STORE_CTX_get_app_data(context), X509_STORE_CTX_get_error(context),
                    X509_STORE_CTX_get_current_cert(context),
                    X509_STORE_CTX_get_error_depth(context) > 0);
    return 1;
}

static void check_chain(struct inspection *i)
{
    struct error e;
    OWNED(certificates_free) STACK_OF(X509) *authorities = certificates_read(i->authority_file, &e);
    if (!authorities) {
        add_error(i->faults, i->authority_file, &e);
        return;
    }
    if (!i->chain)
        return;
    OWNED(X509_STORE_free) X509_STORE *store = X509_STORE_new();
    for (int n = 0; n < sk_X509_num(authorities); n++)
        X509_STORE_add_cert(store, sk_X509_value(authorities, n));
    OWNED(X509_STORE_CTX_free) X509_STORE_CTX *context = X509_STORE_CTX_new();
    X509_STORE_CTX_init(context, store, own(i), i->chain);
    X509_STORE_CTX_set_app_data(context, i);
    X509_STORE_CTX_set_verify_cb(context, hear_verdict);
    X509_STORE_CTX_set_time(context, 0, i->now);
    if (X509_verify_cert(context) < 0)
        faults_add(i->faults, i->certificate_file, 0, "The OpenSSL library could not judge it.");
    ERR_clear_error();
}

void pki_check(const char *certificate_file, const char *key_file, const char *authority_file,
               time_t now, struct faults *faults)
{
    struct error e;
    OWNED(certificates_free) STACK_OF(X509) *chain = certificates_read(certificate_file, &e);
    struct inspection i = {
        .certificate_file = certificate_file,
        .key_file = key_file,
        .authority_file = authority_file,
        .chain = chain,
        .now = now,
        .faults = faults,
    };
    if (!chain)
        add_error(faults, certificate_file, &e);
    check_chain(&i);
    if (chain) {
        struct pki_certificate says;
        certificate_describe(own(&i), &says);
        check_purposes(&i, &says);
        check_names(&i, &says);
    }
    check_key(&i);
}
