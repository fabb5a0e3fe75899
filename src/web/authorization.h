/* What a client says in the header Authorization: Basic (RFC 7617), Digest (RFC 7616) or Bearer
 * (RFC 6750). Read here, believed elsewhere. */
#ifndef POLLUX_WEB_AUTHORIZATION_H
#define POLLUX_WEB_AUTHORIZATION_H

#include <stdint.h>

#include "base/error.h"

enum {
    AUTHORIZATION_USER_SIZE = 512, /* an address with "sip:" before it, and room for mistakes */
    AUTHORIZATION_SECRET_SIZE = 1024,
    AUTHORIZATION_TOKEN_SIZE = 128,
    DIGEST_NONCE_SIZE = 128,  /* ours are half as long */
    DIGEST_CNONCE_SIZE = 256, /* no client that is known sends a quarter of it */
    DIGEST_URI_SIZE = 4096,   /* a path of ours, every byte of it encoded, and the host before it */
    DIGEST_RESPONSE_SIZE = 65,
};

enum authorization_scheme {
    AUTHORIZATION_OTHER, /* none of these */
    AUTHORIZATION_BASIC,
    AUTHORIZATION_DIGEST,
    AUTHORIZATION_BEARER,
};

enum digest_algorithm { DIGEST_MD5, DIGEST_SHA256, DIGEST_ALGORITHMS };

struct digest_answer {
    enum digest_algorithm algorithm;
    char realm[256];
    char nonce[DIGEST_NONCE_SIZE];
    char cnonce[DIGEST_CNONCE_SIZE];
    char count_text[9]; /* as it goes into the hash */
    uint32_t count;
    char uri[DIGEST_URI_SIZE];
    char response[DIGEST_RESPONSE_SIZE]; /* lower-case hexadecimal figures */
};

struct authorization {
    enum authorization_scheme scheme;
    char user[AUTHORIZATION_USER_SIZE];     /* Basic and Digest, as it was typed */
    char secret[AUTHORIZATION_SECRET_SIZE]; /* Basic */
    char token[AUTHORIZATION_TOKEN_SIZE];   /* Bearer */
    struct digest_answer digest;
};

/* FAIL_INVALID: one of these schemes, but not as its standard has it. */
enum failure authorization_read(const char *header, struct authorization *a, struct error *e);
/* Leaves no secret in memory. */
void authorization_wipe(struct authorization *a);
static inline void owned_authorization_wipe(struct authorization *a)
{
    authorization_wipe(a);
}

#endif
