/* What a user signs on with: hashes of the secret, never the secret. One item of `central` for each
 * address, apart from the account, so that whoever reads accounts does not come across it.
 *
 * A hash is the HA1 of digest authentication (RFC 7616), H(user ":" realm ":" secret) in lower-case
 * hexadecimal figures. The realm is the SIP domain, the same at both pools of a pair. Clients
 * differ in what they take for the user: the part before the @, or the whole address; so both are
 * kept, for both algorithms. Whoever has a hash can sign on with it: it is to be guarded like the
 * secret. */
#ifndef POLLUX_POOL_CREDENTIAL_H
#define POLLUX_POOL_CREDENTIAL_H

#include "store/store.h"

enum credential_algorithm { CREDENTIAL_MD5, CREDENTIAL_SHA256, CREDENTIAL_ALGORITHMS };
enum { HA1_SIZE = 65 }; /* 256 bits in hexadecimal figures */

struct credential {
    struct {
        char by_user[HA1_SIZE];    /* "kenmyer" */
        char by_address[HA1_SIZE]; /* "kenmyer@litwareinc.com" */
    } ha1[CREDENTIAL_ALGORITHMS];
};

/* `address` as in an account. */
enum failure credential_make(const char *address, const char *secret, struct credential *credential,
                             struct error *e);
/* Leaves nothing of it in memory. */
void credential_wipe(struct credential *credential);
static inline void owned_credential_wipe(struct credential *credential)
{
    credential_wipe(credential);
}

/* FAIL_NOT_FOUND without words if no secret was set. */
enum failure credential_read(struct view *view, const char *address, struct credential *credential,
                             struct error *e);
/* Which one is set: another one than before has another version. {0, 0}: none is. */
enum failure credential_version(struct view *view, const char *address, struct version *version,
                                struct error *e);
void credential_put(struct txn *txn, const char *address, const struct credential *credential);
/* If there is one. */
void credential_remove(struct txn *txn, const char *address);

#endif
