/* Certificates for tests, made on the spot in a folder of their own that goes away at the end. */
#ifndef POLLUX_TEST_CERTIFICATES_H
#define POLLUX_TEST_CERTIFICATES_H

#include <openssl/evp.h>
#include <openssl/x509.h>

struct authority {
    X509 *certificate;
    EVP_PKEY *key;
};

struct authority authority_new(const char *name, const char *certificate_file);
void authority_free(struct authority *authority);

/* From and until in seconds from now; `names` as OpenSSL's subjectAltName wants them; `purpose` as
 * its extendedKeyUsage does, or NULL. */
void certificate_new(const struct authority *authority, const char *names, const char *purpose,
                     long from, long until, const char *certificate_file, const char *key_file);

#endif
