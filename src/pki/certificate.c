#include "pki/certificate.h"

#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "pki/folder.h"

enum {
    SERIAL_BITS = 128,
    COMMON_NAME_MAX = 64, /* X.520's upper bound; OpenSSL refuses more */
};

DEFINE_OWNED(ASN1_INTEGER *, ASN1_INTEGER_free)
DEFINE_OWNED(BIGNUM *, BN_free)
DEFINE_OWNED(GENERAL_NAMES *, GENERAL_NAMES_free)
DEFINE_OWNED(X509_EXTENSION *, X509_EXTENSION_free)

static enum failure fail_openssl(struct error *e, const char *doing)
{
    char why[256];
    ERR_error_string_n(ERR_peek_last_error(), why, sizeof why);
    ERR_clear_error();
    return fail(e, FAIL_IO, "%s failed in the OpenSSL library: %s.", doing, why);
}

/* A key that needs a passphrase is no key for a daemon that must start by itself; without this,
 * OpenSSL would stop and ask on the terminal. */
static int no_passphrase(char *text, int size, int writing, void *context)
{
    (void)text, (void)size, (void)writing, (void)context;
    return -1;
}

EVP_PKEY *key_make(struct error *e)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    if (!key)
        fail_openssl(e, "Making a key");
    return key;
}

static BIO *open_text(const struct buffer *content)
{
    /* A file has at most a megabyte, so its size fits. */
    return BIO_new_mem_buf(content->at, (int)content->size);
}

EVP_PKEY *key_read(const char *file, struct error *e)
{
    OWNED(secret_free) struct buffer content = {0};
    if (file_read(file, &content, e) != OK)
        return NULL;
    OWNED(BIO_free_all) BIO *bio = open_text(&content);
    EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, NULL);
    ERR_clear_error();
    if (!key)
        fail(e, FAIL_FOREIGN, "\"%s\" holds no private key that can be read without a passphrase.",
             file);
    return key;
}

static enum failure take_text(BIO *bio, struct buffer *pem)
{
    char *text;
    long size = BIO_get_mem_data(bio, &text);
    buffer_raw(pem, text, (size_t)size);
    return OK;
}

enum failure key_text(EVP_PKEY *key, struct buffer *pem, struct error *e)
{
    OWNED(BIO_free_all) BIO *bio = BIO_new(BIO_s_mem()); /* wiped when it is freed */
    if (!bio || !PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL))
        return fail_openssl(e, "Writing a key");
    return take_text(bio, pem);
}

enum failure certificate_text(X509 *certificate, struct buffer *pem, struct error *e)
{
    OWNED(BIO_free_all) BIO *bio = BIO_new(BIO_s_mem());
    if (!bio || !PEM_write_bio_X509(bio, certificate))
        return fail_openssl(e, "Writing a certificate");
    return take_text(bio, pem);
}

/* ---- making ---- */

static bool set_serial(X509 *c)
{
    OWNED(BN_free) BIGNUM *number = BN_new();
    OWNED(ASN1_INTEGER_free) ASN1_INTEGER *serial = NULL;
    return number && BN_rand(number, SERIAL_BITS, BN_RAND_TOP_ANY, BN_RAND_BOTTOM_ANY) &&
           (serial = BN_to_ASN1_INTEGER(number, NULL)) && X509_set_serialNumber(c, serial);
}

static bool set_validity(X509 *c, struct pki_validity valid)
{
    return ASN1_TIME_set(X509_getm_notBefore(c), valid.not_before) &&
           ASN1_TIME_set(X509_getm_notAfter(c), valid.not_after);
}

static bool set_subject(X509 *c, const struct certificate_order *order)
{
    const char *name = order->common_name;
    /* Only the limit for machines is of concern here: their names are ASCII, a byte a character. */
    if (!name || (order->name_count && strlen(name) > COMMON_NAME_MAX))
        return true;
    return X509_NAME_add_entry_by_NID(X509_get_subject_name(c), NID_commonName, MBSTRING_UTF8,
                                      (const unsigned char *)name, -1, -1, 0);
}

static bool add_extension(X509 *c, X509V3_CTX *context, int which, const char *value)
{
    OWNED(X509_EXTENSION_free)
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, context, which, value);
    return extension && X509_add_ext(c, extension, -1);
}

static bool add_names(X509 *c, X509V3_CTX *context, const struct certificate_order *order)
{
    /* Names are valid FQDNs or accounts: nothing in them can end an entry or begin another. */
    OWNED(buffer_free) struct buffer list = {0};
    /* RFC 5280, 4.2.1.6: critical when nothing else says whose certificate it is. */
    if (X509_NAME_entry_count(X509_get_subject_name(c)) == 0)
        buffer_printf(&list, "critical,");
    for (size_t i = 0; i < order->name_count; i++)
        buffer_printf(&list, "%sDNS:%s", i ? "," : "", order->names[i]);
    if (order->administrator)
        buffer_printf(&list, "URI:" PERSON_URI_START "%s", order->administrator);
    OWNED(free_memory) char *text = buffer_take_text(&list);
    return add_extension(c, context, NID_subject_alt_name, text);
}

static bool add_rights(X509 *c, X509V3_CTX *context, const struct certificate_order *order)
{
    if (order->name_count == 0 && !order->administrator)
        return add_extension(c, context, NID_basic_constraints, "critical,CA:TRUE,pathlen:0") &&
               add_extension(c, context, NID_key_usage, "critical,keyCertSign,cRLSign");
    return add_extension(c, context, NID_basic_constraints, "critical,CA:FALSE") &&
           add_extension(c, context, NID_key_usage, "critical,digitalSignature") &&
           add_extension(c, context, NID_ext_key_usage,
                         order->administrator ? "clientAuth" : "serverAuth,clientAuth") &&
           add_names(c, context, order);
}

static bool fill(X509 *c, const struct certificate_order *order, EVP_PKEY *key, X509 *issuer)
{
    X509V3_CTX context;
    X509V3_set_ctx(&context, issuer, c, NULL, NULL, 0);
    X509V3_set_ctx_nodb(&context);
    return X509_set_version(c, X509_VERSION_3) && set_serial(c) && set_validity(c, order->valid) &&
           set_subject(c, order) && X509_set_issuer_name(c, X509_get_subject_name(issuer)) &&
           X509_set_pubkey(c, key) && add_rights(c, &context, order) &&
           /* In this order: an authority's own "who signed me" is copied from its "who am I". */
           add_extension(c, &context, NID_subject_key_identifier, "hash") &&
           add_extension(c, &context, NID_authority_key_identifier, "keyid:always");
}

X509 *certificate_make(const struct certificate_order *order, EVP_PKEY *key, X509 *issuer,
                       EVP_PKEY *issuer_key, struct error *e)
{
    OWNED(X509_free) X509 *c = X509_new();
    if (!c || !fill(c, order, key, issuer ? issuer : c) ||
        !X509_sign(c, issuer ? issuer_key : key, EVP_sha256())) {
        fail_openssl(e, "Making a certificate");
        return NULL;
    }
    return TAKE(c);
}

/* ---- reading ---- */

STACK_OF(X509) * certificates_read(const char *file, struct error *e)
{
    OWNED(secret_free) struct buffer content = {0};
    if (file_read(file, &content, e) != OK)
        return NULL;
    OWNED(BIO_free_all) BIO *bio = open_text(&content);
    OWNED(certificates_free) STACK_OF(X509) *list = sk_X509_new_null();
    X509 *one;
    while ((one = PEM_read_bio_X509(bio, NULL, no_passphrase, NULL)))
        sk_X509_push(list, one);
    bool to_the_end = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
    ERR_clear_error();
    if (!to_the_end) {
        fail(e, FAIL_DAMAGED, "A certificate in \"%s\" is damaged.", file);
        return NULL;
    }
    if (sk_X509_num(list) == 0) {
        fail(e, FAIL_FOREIGN, "\"%s\" holds no certificate in PEM form.", file);
        return NULL;
    }
    return TAKE(list);
}

X509 *certificate_read(const char *file, struct error *e)
{
    OWNED(certificates_free) STACK_OF(X509) *list = certificates_read(file, e);
    return list ? sk_X509_shift(list) : NULL;
}

bool certificate_has_key(X509 *certificate, EVP_PKEY *key)
{
    EVP_PKEY *public_key = X509_get0_pubkey(certificate);
    bool same = public_key && EVP_PKEY_eq(public_key, key) == 1;
    ERR_clear_error();
    return same;
}

time_t certificate_time(const ASN1_TIME *t)
{
    struct tm utc;
    /* Only a certificate that breaks the standard has no readable time; then it is long past. */
    return ASN1_TIME_to_tm(t, &utc) ? timegm(&utc) : 0;
}

static void describe_name(const ASN1_STRING *from, char name[FQDN_SIZE])
{
    const unsigned char *at = ASN1_STRING_get0_data(from);
    size_t size = (size_t)ASN1_STRING_length(from), n = 0;
    for (; n < size && n < FQDN_SIZE - 1; n++) {
        char c = at[n] > ' ' && at[n] < 0x7f ? (char)at[n] : '?';
        name[n] = c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
    }
    name[n] = '\0';
}

static void describe_administrator(const ASN1_STRING *uri, char name[PERSON_NAME_SIZE])
{
    size_t size = (size_t)ASN1_STRING_length(uri);
    OWNED(free_memory) char *text = xcalloc(1, size + 1);
    memcpy(text, ASN1_STRING_get0_data(uri), size);
    const char *found = strlen(text) == size ? person_of_uri(text) : NULL;
    if (found)
        memcpy(name, found, strlen(found) + 1);
}

static void describe_names(X509 *certificate, struct pki_certificate *out)
{
    OWNED(GENERAL_NAMES_free)
    GENERAL_NAMES *list = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
    size_t uris = 0;
    for (int i = 0; i < sk_GENERAL_NAME_num(list); i++) {
        const GENERAL_NAME *one = sk_GENERAL_NAME_value(list, i);
        if (one->type == GEN_DNS && out->name_count < PKI_NAMES_MAX)
            describe_name(one->d.dNSName, out->names[out->name_count++]);
        if (one->type == GEN_URI && uris++ == 0)
            describe_administrator(one->d.uniformResourceIdentifier, out->administrator);
    }
    /* Who could be two, or a machine as well, is nobody. */
    if (out->name_count || uris > 1)
        out->administrator[0] = '\0';
}

static void describe_party(const X509_NAME *party, char text[PKI_DISTINGUISHED_NAME_SIZE])
{
    OWNED(BIO_free_all) BIO *bio = BIO_new(BIO_s_mem());
    /* Control characters escaped, letters of other scripts as they are. */
    const unsigned long flags = XN_FLAG_RFC2253 & ~(unsigned long)ASN1_STRFLGS_ESC_MSB;
    text[0] = '\0';
    if (!bio || X509_NAME_print_ex(bio, party, 0, flags) < 0)
        return;
    int n = BIO_read(bio, text, PKI_DISTINGUISHED_NAME_SIZE - 1);
    text[n > 0 ? n : 0] = '\0';
}

static void describe_fingerprint(X509 *certificate, char text[PKI_FINGERPRINT_SIZE])
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    text[0] = '\0';
    if (!X509_digest(certificate, EVP_sha256(), digest, &size))
        return;
    for (size_t i = 0; i < size; i++)
        snprintf(text + 3 * i, PKI_FINGERPRINT_SIZE - 3 * i, i + 1 < size ? "%02X:" : "%02X",
                 digest[i]);
}

void certificate_describe(X509 *certificate, struct pki_certificate *out)
{
    *out = (struct pki_certificate){
        .authority = X509_check_ca(certificate) == 1,
        .not_before = certificate_time(X509_get0_notBefore(certificate)),
        .not_after = certificate_time(X509_get0_notAfter(certificate)),
    };
    describe_names(certificate, out);
    describe_party(X509_get_subject_name(certificate), out->subject);
    describe_party(X509_get_issuer_name(certificate), out->issuer);
    describe_fingerprint(certificate, out->fingerprint);
    ERR_clear_error();
}
