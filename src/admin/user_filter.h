/* Which users are meant: -Filter of Get-CsUser, -UserFilter of the commands that move users' data.
 */
#ifndef POLLUX_ADMIN_USER_FILTER_H
#define POLLUX_ADMIN_USER_FILTER_H

#include "cmdlet/filter.h"
#include "pool/account.h"

/* `text` NULL: all, and the filter is NULL. A property that users don't have is refused. */
enum failure user_filter_read(const char *text, struct filter **filter, struct error *e);
/* The same; an address, in any spelling, is that user. */
enum failure user_filter_read_users(const char *text, const char *sip_domain,
                                    struct filter **filter, struct error *e);

bool user_filter_fits(const struct filter *filter, const struct account *account);

#endif
