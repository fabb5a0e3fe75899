#include "certificates.h"

#include <assert.h>
#include <stdio.h>

#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

enum { DAY = 24 * 3600 };

static void add_extension(X509 *certificate, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX context;
    X509V3_set_ctx(&context, issuer, certificate, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
    assert(extension);
    X509_add_ext(certificate, extension, -1);
    X509_EXTENSION_free(extension);
}

static X509 *begin(const char *name, EVP_PKEY *key, long from, long until)
{
    uint8_t serial[8];
    RAND_bytes(serial, sizeof serial);
    serial[0] = 0x40 | (serial[0] & 0x3f); /* positive, without zeros in front: DER is strict */
    X509 *c = X509_new();
    X509_set_version(c, X509_VERSION_3);
    ASN1_STRING_set(X509_get_serialNumber(c), serial, sizeof serial);
    X509_gmtime_adj(X509_getm_notBefore(c), from);
    X509_gmtime_adj(X509_getm_notAfter(c), until);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(c), "CN", MBSTRING_UTF8,
                               (const unsigned char *)name, -1, -1, 0);
    X509_set_pubkey(c, key);
    return c;
}

static void write_certificate(X509 *certificate, const char *path)
{
    FILE *f = fopen(path, "w");
    assert(f);
    PEM_write_X509(f, certificate);
    fclose(f);
}

struct authority authority_new(const char *name, const char *certificate_file)
{
    struct authority a = {.key = EVP_EC_gen("P-256")};
    a.certificate = begin(name, a.key, -DAY, 10 * DAY);
    X509_set_issuer_name(a.certificate, X509_get_subject_name(a.certificate));
    add_extension(a.certificate, a.certificate, NID_basic_constraints, "critical,CA:TRUE");
    add_extension(a.certificate, a.certificate, NID_subject_key_identifier, "hash");
    X509_sign(a.certificate, a.key, EVP_sha256());
    write_certificate(a.certificate, certificate_file);
    return a;
}

void authority_free(struct authority *a)
{
    X509_free(a->certificate);
    EVP_PKEY_free(a->key);
}

void certificate_new(const struct authority *a, const char *names, const char *purpose, long from,
                     long until, const char *certificate_file, const char *key_file)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *c = begin("test", key, from, until);
    X509_set_issuer_name(c, X509_get_subject_name(a->certificate));
    add_extension(c, a->certificate, NID_subject_alt_name, names);
    if (purpose)
        add_extension(c, a->certificate, NID_ext_key_usage, purpose);
    X509_sign(c, a->key, EVP_sha256());
    write_certificate(c, certificate_file);
    FILE *f = fopen(key_file, "w");
    assert(f);
    PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL);
    fclose(f);
    X509_free(c);
    EVP_PKEY_free(key);
}
