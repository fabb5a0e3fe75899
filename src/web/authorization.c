#include "web/authorization.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <openssl/evp.h>

#include "base/memory.h"

/* RFC 9110, token. */
static const char token_letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                    "!#$%&'*+-.^_`|~";
static const char hex_figures[] = "0123456789abcdef";

static enum failure wrong(const char *scheme, const char *why, struct error *e)
{
    fail(e, FAIL_INVALID, "The header Authorization is no %s authorization: %s.", scheme, why);
    error_kept(e, "Nothing was done.");
    return error_next(e, "Use a client that keeps to RFC 7616, 7617 or 6750.");
}

static const char *skip_blanks(const char *at)
{
    return at + strspn(at, " \t");
}

/* --- Basic --- */

enum { BASE64_MAX = (AUTHORIZATION_USER_SIZE + AUTHORIZATION_SECRET_SIZE) / 3 * 4 };

static bool split_basic(const char *text, size_t size, struct authorization *a)
{
    const char *colon = memchr(text, ':', size);
    if (!colon || strnlen(text, size) != size)
        return false;
    size_t user = (size_t)(colon - text), secret = size - user - 1;
    if (user == 0 || user >= sizeof a->user || secret >= sizeof a->secret)
        return false;
    memcpy(a->user, text, user);
    memcpy(a->secret, colon + 1, secret);
    return true;
}

static enum failure read_basic(const char *text, struct authorization *a, struct error *e)
{
    unsigned char plain[BASE64_MAX];
    size_t size = strlen(text), letters = strcspn(text, "=");
    if (size == 0 || size > BASE64_MAX || size % 4 || size - letters > 2 ||
        strspn(text + letters, "=") != size - letters)
        return wrong("Basic", "it is not base64", e);
    int length = EVP_DecodeBlock(plain, (const unsigned char *)text, (int)size);
    length -= (int)(size - letters);
    bool good = length > 0 && split_basic((const char *)plain, (size_t)length, a);
    explicit_bzero(plain, sizeof plain);
    return good ? OK : wrong("Basic", "it is not user, colon and secret", e);
}

/* --- Digest --- */

/* The parameters that mean something to us, as they were given; NULL: not given. */
enum { USERNAME, REALM, NONCE, URI, RESPONSE, ALGORITHM, CNONCE, COUNT, QOP, PARAMETERS };
static const char *const names[PARAMETERS] = {
    [USERNAME] = "username", [REALM] = "realm",       [NONCE] = "nonce",
    [URI] = "uri",           [RESPONSE] = "response", [ALGORITHM] = "algorithm",
    [CNONCE] = "cnonce",     [COUNT] = "nc",          [QOP] = "qop",
};

struct parameters {
    char *text;           /* all of them, cut up in place */
    char *at[PARAMETERS]; /* into it */
};

/* A quoted string, unquoted in place. Returns what is behind it; NULL: it has no end. */
static char *unquote(char *at, char **value)
{
    char *to = *value = at;
    for (; *at && *at != '"'; at++) {
        if (*at == '\\' && *++at == '\0')
            return NULL;
        *to++ = *at;
    }
    if (*at != '"')
        return NULL;
    *to = '\0';
    return at + 1;
}

/* One "name=value"; returns what is behind it, or NULL. */
static char *read_parameter(char *at, struct parameters *p)
{
    size_t length = strspn(at, token_letters);
    char *name = at, *value;
    at = (char *)(uintptr_t)skip_blanks(at + length);
    if (length == 0 || *at != '=')
        return NULL;
    at = (char *)(uintptr_t)skip_blanks(at + 1);
    bool quoted = *at == '"';
    char *end = at + strspn(at, token_letters);
    if (quoted)
        end = unquote(at + 1, &value);
    else
        value = at;
    if (!end || (!quoted && end == value))
        return NULL;
    at = (char *)(uintptr_t)skip_blanks(end);
    bool last = *at == '\0';
    if (!last && *at != ',')
        return NULL;
    *end = quoted ? *end : '\0';
    for (int i = 0; i < PARAMETERS; i++) {
        if (strlen(names[i]) != length || strncasecmp(names[i], name, length) != 0)
            continue;
        if (p->at[i])
            return NULL; /* twice: who else reads this header may take the other one */
        p->at[i] = value;
    }
    return last ? at : at + 1;
}

static bool read_parameters(struct parameters *p)
{
    char *at = p->text;
    for (;;) {
        at += strspn(at, " \t,");
        if (!*at)
            return true;
        at = read_parameter(at, p);
        if (!at)
            return false;
    }
}

static bool take(const struct parameters *p, int which, char *out, size_t size)
{
    const char *value = p->at[which];
    if (!value || !value[0] || strlen(value) >= size)
        return false;
    snprintf(out, size, "%s", value);
    return true;
}

static bool take_algorithm(const struct parameters *p, enum digest_algorithm *algorithm)
{
    const char *name = p->at[ALGORITHM] ? p->at[ALGORITHM] : "MD5";
    *algorithm = strcasecmp(name, "SHA-256") == 0 ? DIGEST_SHA256 : DIGEST_MD5;
    return *algorithm == DIGEST_SHA256 || strcasecmp(name, "MD5") == 0;
}

static bool take_response(const struct parameters *p, struct digest_answer *d)
{
    size_t figures = d->algorithm == DIGEST_SHA256 ? 64 : 32;
    return take(p, RESPONSE, d->response, sizeof d->response) && strlen(d->response) == figures &&
           strspn(d->response, hex_figures) == figures;
}

static bool take_count(const struct parameters *p, struct digest_answer *d)
{
    if (!take(p, COUNT, d->count_text, sizeof d->count_text) || strlen(d->count_text) != 8 ||
        strspn(d->count_text, "0123456789abcdefABCDEF") != 8)
        return false;
    d->count = (uint32_t)strtoul(d->count_text, NULL, 16);
    return d->count > 0;
}

static enum failure take_digest(const struct parameters *p, struct authorization *a,
                                struct error *e)
{
    struct digest_answer *d = &a->digest;
    if (!take(p, USERNAME, a->user, sizeof a->user) || !take(p, REALM, d->realm, sizeof d->realm) ||
        !take(p, NONCE, d->nonce, sizeof d->nonce) || !take(p, URI, d->uri, sizeof d->uri))
        return wrong("Digest", "username, realm, nonce or uri is missing, or too long", e);
    if (!take_algorithm(p, &d->algorithm))
        return wrong("Digest", "its algorithm is neither SHA-256 nor MD5", e);
    if (!take_response(p, d))
        return wrong("Digest", "its response is no hash of that algorithm", e);
    if (!p->at[QOP] || strcasecmp(p->at[QOP], "auth") != 0)
        return wrong("Digest", "its qop is not auth", e);
    if (!take(p, CNONCE, d->cnonce, sizeof d->cnonce) || !take_count(p, d))
        return wrong("Digest", "cnonce or nc is missing, or not as it should be", e);
    return OK;
}

static enum failure read_digest(const char *text, struct authorization *a, struct error *e)
{
    OWNED(free_memory) char *copy = xstrdup(text);
    struct parameters p = {.text = copy};
    if (!read_parameters(&p))
        return wrong("Digest", "it is no list of parameters, each given once", e);
    return take_digest(&p, a, e);
}

/* --- Bearer --- */

static enum failure read_bearer(const char *text, struct authorization *a, struct error *e)
{
    size_t size = strlen(text);
    if (size == 0 || size >= sizeof a->token || strspn(text, token_letters) != size)
        return wrong("Bearer", "a session's token is expected", e);
    memcpy(a->token, text, size + 1);
    return OK;
}

/* --- all --- */

static const struct {
    const char *name;
    enum failure (*read)(const char *text, struct authorization *a, struct error *e);
} schemes[] = {
    [AUTHORIZATION_BASIC] = {"Basic", read_basic},
    [AUTHORIZATION_DIGEST] = {"Digest", read_digest},
    [AUTHORIZATION_BEARER] = {"Bearer", read_bearer},
};

enum failure authorization_read(const char *header, struct authorization *a, struct error *e)
{
    *a = (struct authorization){.scheme = AUTHORIZATION_OTHER};
    header = skip_blanks(header);
    size_t length = strcspn(header, " \t");
    for (size_t i = AUTHORIZATION_BASIC; i < COUNT_OF(schemes); i++) {
        if (strlen(schemes[i].name) != length || strncasecmp(schemes[i].name, header, length) != 0)
            continue;
        a->scheme = (enum authorization_scheme)i;
        return schemes[i].read(skip_blanks(header + length), a, e);
    }
    return OK;
}

void authorization_wipe(struct authorization *a)
{
    explicit_bzero(a, sizeof *a);
}
