/* Keys and certificates in memory: made, written as PEM, read, described. Private to this room.
 *
 * Hides how OpenSSL is talked to. Knows nothing about folders, about which file is whose, or about
 * the time: it is told. */
#ifndef POLLUX_PKI_CERTIFICATE_H
#define POLLUX_PKI_CERTIFICATE_H

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "base/bytes.h"
#include "base/error.h"
#include "pki/pki.h"

DEFINE_OWNED(BIO *, BIO_free_all)
DEFINE_OWNED(EVP_PKEY *, EVP_PKEY_free)
DEFINE_OWNED(X509 *, X509_free)

static inline void certificates_free(STACK_OF(X509) * list)
{
    sk_X509_pop_free(list, X509_free);
}
DEFINE_OWNED(STACK_OF(X509) *, certificates_free)

/* What a new certificate is to say. Names are valid FQDNs. */
struct certificate_order {
    const char *common_name; /* UTF-8; NULL, or too long for the field: none */
    const char *const *names;
    size_t name_count;
    const char *administrator; /* instead of names; NULL and no names: an authority, which may issue
                                  certificates and nothing else */
    struct pki_validity valid;
};

EVP_PKEY *key_make(struct error *e);
EVP_PKEY *key_read(const char *file, struct error *e);
enum failure key_text(EVP_PKEY *key, struct buffer *pem, struct error *e);

/* Signed by `issuer` with its key; without an issuer, by itself. */
X509 *certificate_make(const struct certificate_order *order, EVP_PKEY *key, X509 *issuer,
                       EVP_PKEY *issuer_key, struct error *e);
X509 *certificate_read(const char *file, struct error *e);             /* the first in the file */
STACK_OF(X509) * certificates_read(const char *file, struct error *e); /* all, at least one */
enum failure certificate_text(X509 *certificate, struct buffer *pem, struct error *e);
void certificate_describe(X509 *certificate, struct pki_certificate *out);
bool certificate_has_key(X509 *certificate, EVP_PKEY *key);
time_t certificate_time(const ASN1_TIME *t);

#endif
