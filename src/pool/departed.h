/* Users who have left. Whoever takes an account away leaves one of these in its place, in the same
 * transaction: by it the holder of the user's home learns that what the user had there is to be
 * removed (user/leavers.h). That no account has an Id says nothing by itself: it may be one that
 * this copy has not heard of yet. */
#ifndef POLLUX_POOL_DEPARTED_H
#define POLLUX_POOL_DEPARTED_H

#include "pool/account.h"

struct departed {
    char id[ACCOUNT_ID_SIZE];
    char address[SIP_ADDRESS_SIZE]; /* as it was last: for people */
    char pool[FQDN_SIZE];
    char when[CLOCK_TEXT_MAX];
};

void departed_put(struct txn *txn, const struct account *account);
void departed_remove(struct txn *txn, const char *id);

/* False: it is none, or a deletion, or can't be read. */
bool departed_decode(const struct item *item, struct departed *departed);

/* Has the account with this Id been taken away? */
enum failure departed_known(struct view *view, const char *id, bool *known, struct error *e);

/* Behind a change of `central`, in the order of the changes; or all of them behind an Id ("": from
 * the first), in the order of their Ids. Until `visit` returns false. What can't be read is left
 * out. */
typedef bool departed_visit(const struct departed *departed, uint64_t usn, void *context);
enum failure departed_since(struct view *view, uint64_t usn, departed_visit *visit, void *context,
                            struct error *e);
enum failure departed_walk(struct view *view, const char *after, departed_visit *visit,
                           void *context, struct error *e);

#endif
