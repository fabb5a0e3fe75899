#include "pool/credential.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include <jansson.h>
#include <openssl/evp.h>

#include "pool/central.h"

DEFINE_OWNED(json_t *, json_decref)

/* As RFC 7616 calls them, and as they are stored. */
static const char *const algorithms[CREDENTIAL_ALGORITHMS] = {
    [CREDENTIAL_MD5] = "MD5",
    [CREDENTIAL_SHA256] = "SHA-256",
};
static const char by_user[] = "User", by_address[] = "Address";

void credential_wipe(struct credential *credential)
{
    explicit_bzero(credential, sizeof *credential);
}

/* --- making --- */

/* Over the parts one after the other, so that no copy of the secret is made. */
static bool hash(const EVP_MD *md, const struct bytes *parts, size_t count,
                 unsigned char out[EVP_MAX_MD_SIZE], unsigned *size)
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool good = context && EVP_DigestInit_ex(context, md, NULL);
    for (size_t i = 0; good && i < count; i++)
        good = EVP_DigestUpdate(context, parts[i].at, parts[i].size);
    good = good && EVP_DigestFinal_ex(context, out, size);
    EVP_MD_CTX_free(context);
    return good;
}

static enum failure make(enum credential_algorithm algorithm, struct bytes user, struct bytes realm,
                         struct bytes secret, char ha1[HA1_SIZE], struct error *e)
{
    const struct bytes colon = bytes_of_text(":"), parts[] = {user, colon, realm, colon, secret};
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned size;
    EVP_MD *md = EVP_MD_fetch(NULL, algorithms[algorithm], NULL);
    bool good = md && hash(md, parts, COUNT_OF(parts), digest, &size);
    EVP_MD_free(md);
    if (!good) {
        fail(e, FAIL_IO, "This machine's OpenSSL computes no %s.", algorithms[algorithm]);
        error_kept(e, "Nothing was changed.");
        return error_next(e, "Digest authentication needs it: look whether OpenSSL's configuration "
                             "forbids it.");
    }
    assert(2 * size < HA1_SIZE);
    for (unsigned i = 0; i < size; i++)
        snprintf(ha1 + (size_t)2 * i, 3, "%02x", digest[i]);
    explicit_bzero(digest, sizeof digest);
    return OK;
}

enum failure credential_make(const char *address, const char *secret, struct credential *credential,
                             struct error *e)
{
    const char *at = strchr(address, '@');
    assert(at);
    struct bytes whole = bytes_of_text(address), user = bytes_of(address, (size_t)(at - address));
    struct bytes realm = bytes_of_text(at + 1), spoken = bytes_of_text(secret);
    for (int a = 0; a < CREDENTIAL_ALGORITHMS; a++) {
        enum failure bad = make(a, user, realm, spoken, credential->ha1[a].by_user, e);
        if (!bad)
            bad = make(a, whole, realm, spoken, credential->ha1[a].by_address, e);
        if (bad)
            return bad;
    }
    return OK;
}

/* --- in the store --- */

static struct bytes key_of(const char *address, struct buffer *key)
{
    buffer_printf(key, CENTRAL_CREDENTIALS "%s", address);
    return buffer_view(key);
}

static bool take_ha1(const json_t *both, const char *name, enum credential_algorithm algorithm,
                     char ha1[HA1_SIZE])
{
    const char *text = json_string_value(json_object_get(both, name));
    size_t size = algorithm == CREDENTIAL_MD5 ? 32 : 64;
    if (!text || strlen(text) != size || strspn(text, "0123456789abcdef") != size)
        return false;
    snprintf(ha1, HA1_SIZE, "%s", text);
    return true;
}

static bool take_all(const json_t *value, struct credential *credential)
{
    for (int a = 0; a < CREDENTIAL_ALGORITHMS; a++) {
        const json_t *both = json_object_get(value, algorithms[a]);
        if (!take_ha1(both, by_user, a, credential->ha1[a].by_user) ||
            !take_ha1(both, by_address, a, credential->ha1[a].by_address))
            return false;
    }
    return true;
}

/* FAIL_NOT_FOUND without words if there is none. Lent as in view_item. */
static enum failure find(struct view *view, const char *address, struct item *item, struct error *e)
{
    OWNED(buffer_free) struct buffer key = {0};
    enum failure bad =
        view_item(view, HOME_CENTRAL, MODULE_CMS_MASTER, key_of(address, &key), item, e);
    return !bad && item->deleted ? FAIL_NOT_FOUND : bad;
}

enum failure credential_read(struct view *view, const char *address, struct credential *credential,
                             struct error *e)
{
    struct item item;
    enum failure bad = find(view, address, &item, e);
    if (bad)
        return bad;
    OWNED(json_decref)
    json_t *value = json_loadb((const char *)item.value.at, item.value.size, 0, NULL);
    if (take_all(value, credential))
        return OK;
    fail(e, FAIL_DAMAGED,
         "What the Central Management Store has under " CENTRAL_CREDENTIALS "%s is no credential.",
         address);
    return error_next(e, "Set the secret anew: Set-CsClientPin -Identity %s", address);
}

enum failure credential_version(struct view *view, const char *address, struct version *version,
                                struct error *e)
{
    struct item item;
    enum failure bad = find(view, address, &item, e);
    *version = bad ? (struct version){0} : item.version;
    return bad == FAIL_NOT_FOUND ? OK : bad;
}

void credential_put(struct txn *txn, const char *address, const struct credential *credential)
{
    OWNED(buffer_free) struct buffer key = {0};
    OWNED(json_decref) json_t *value = json_object();
    for (int a = 0; a < CREDENTIAL_ALGORITHMS; a++)
        json_object_set_new(value, algorithms[a],
                            json_pack("{s:s, s:s}", by_user, credential->ha1[a].by_user, by_address,
                                      credential->ha1[a].by_address));
    OWNED(free_memory) char *text = json_dumps(value, JSON_COMPACT);
    txn_put(txn, MODULE_CMS_MASTER, key_of(address, &key), bytes_of_text(text));
}

void credential_remove(struct txn *txn, const char *address)
{
    OWNED(buffer_free) struct buffer key = {0};
    txn_delete(txn, MODULE_CMS_MASTER, key_of(address, &key));
}
