#include "web/digest.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "base/memory.h"

/* H(part ":" part …), in hexadecimal figures. */
static void hash(enum digest_algorithm algorithm, const char *const *parts, size_t count,
                 char out[DIGEST_RESPONSE_SIZE])
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool good =
        context &&
        EVP_DigestInit_ex(context, algorithm == DIGEST_SHA256 ? EVP_sha256() : EVP_md5(), NULL);
    for (size_t i = 0; good && i < count; i++)
        good = (i == 0 || EVP_DigestUpdate(context, ":", 1)) &&
               EVP_DigestUpdate(context, parts[i], strlen(parts[i]));
    good = good && EVP_DigestFinal_ex(context, digest, &size);
    EVP_MD_CTX_free(context);
    /* Where OpenSSL is not allowed to compute MD5, an answer that fits no response. */
    out[0] = '\0';
    for (unsigned i = 0; good && i < size; i++)
        snprintf(out + (size_t)2 * i, 3, "%02x", digest[i]);
}

void digest_response(const struct digest_answer *d, const char *ha1, const char *method,
                     char response[DIGEST_RESPONSE_SIZE])
{
    char ha2[DIGEST_RESPONSE_SIZE];
    hash(d->algorithm, (const char *const[]){method, d->uri}, 2, ha2);
    hash(d->algorithm, (const char *const[]){ha1, d->nonce, d->count_text, d->cnonce, "auth", ha2},
         6, response);
}

bool digest_fits(const struct digest_answer *d, const char *ha1, const char *method)
{
    char expected[DIGEST_RESPONSE_SIZE];
    digest_response(d, ha1, method, expected);
    size_t size = strlen(expected);
    return size > 0 && strlen(d->response) == size &&
           CRYPTO_memcmp(expected, d->response, size) == 0;
}

bool digest_is_about(const struct digest_answer *d, const char *target)
{
    const char *uri = d->uri;
    if (strncasecmp(uri, "https://", 8) == 0)
        uri += 8 + strcspn(uri + 8, "/");
    if (strncasecmp(target, "https://", 8) == 0)
        target += 8 + strcspn(target + 8, "/");
    return strcmp(uri, target) == 0;
}
