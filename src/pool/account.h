/* The accounts of users: one item of `central` each. Whatever else a user has is filed under the
 * account's Id, which never changes; the address may. */
#ifndef POLLUX_POOL_ACCOUNT_H
#define POLLUX_POOL_ACCOUNT_H

#include <stdbool.h>

#include <jansson.h>

#include "base/clock.h"
#include "store/store.h"

enum {
    SIP_USER_MAX = 64,     /* the part before the @; the same as in e-mail */
    SIP_ADDRESS_MAX = 254, /* bytes in all; the same */
    SIP_ADDRESS_SIZE = SIP_ADDRESS_MAX + 1,
    ACCOUNT_ID_SIZE = 33,   /* 128 bits in hexadecimal figures */
    DISPLAY_NAME_MAX = 256, /* characters, of up to four bytes each */
    DISPLAY_NAME_SIZE = DISPLAY_NAME_MAX * 4 + 1,
};

struct account {
    char id[ACCOUNT_ID_SIZE];
    char address[SIP_ADDRESS_SIZE]; /* "kenmyer@litwareinc.com", in lower case */
    char display_name[DISPLAY_NAME_SIZE];
    char pool[FQDN_SIZE];
    bool enabled;
    bool pin_locked; /* the secret is not taken, whatever it is */
    char created[CLOCK_TEXT_MAX];
};

/* "sip:alice@litwareinc.com", "alice@litwareinc.com" or "alice", in any case. Addresses of other
 * domains are refused. */
enum failure sip_address_read(const char *text, const char *sip_domain,
                              char address[SIP_ADDRESS_SIZE], struct error *e);
/* Can this be nothing but an address, right or wrong? */
bool sip_address_meant(const char *text);

/* With an Id of its own; enabled from now on. */
void account_begin(struct account *account, const char *address);

/* What commands show; owned by the caller. */
json_t *account_to_object(const struct account *account);

/* FAIL_NOT_FOUND without words if there is none. `*usn` is that of the item: for the two below. */
enum failure account_read(struct view *view, const char *address, struct account *account,
                          uint64_t *usn, struct error *e);
enum failure account_decode(const struct item *item, struct account *account, struct error *e);

/* Calls for each account behind the one with this address ("": from the first), in the order of
 * addresses, until it returns false. */
typedef bool account_visit(const struct account *account, void *context);
enum failure account_walk(struct view *view, const char *after, account_visit *visit, void *context,
                          struct error *e);

/* Each is refused if the account has changed since; 0: if there is one. */
void account_put(struct txn *txn, const struct account *account, uint64_t usn);
void account_remove(struct txn *txn, const char *address, uint64_t usn);
/* Nothing is done to it; the rest of the transaction relies on it. */
void account_expect(struct txn *txn, const char *address, uint64_t usn);

#endif
