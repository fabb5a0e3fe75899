#include "admin/user_lookup.h"

#include <stdio.h>
#include <string.h>

#include "base/nearest.h"
#include "cmdlet/any_case.h"

/* --- nobody --- */

struct neighbours {
    const char *address;
    size_t met, distance;
    char nearest[SIP_ADDRESS_SIZE];
};

/* The part before the @ alone: all of them share what is behind it. */
static size_t user_distance(const char *one, const char *other)
{
    char a[SIP_USER_MAX + 1], b[SIP_USER_MAX + 1];
    snprintf(a, sizeof a, "%.*s", (int)strcspn(one, "@"), one);
    snprintf(b, sizeof b, "%.*s", (int)strcspn(other, "@"), other);
    return nearest_distance(a, b);
}

static bool look_at_neighbour(const struct account *account, void *context)
{
    struct neighbours *n = context;
    if (strncmp(account->address, n->address, LOOKUP_BEGINNING) != 0)
        return false;
    size_t distance = user_distance(account->address, n->address);
    if (distance < n->distance) {
        n->distance = distance;
        snprintf(n->nearest, sizeof n->nearest, "%s", account->address);
    }
    return ++n->met < LOOKUP_NEIGHBOURS_MAX;
}

static enum failure no_such_address(struct view *view, const char *address, struct error *e)
{
    struct neighbours n = {.address = address, .distance = NEAREST_NOT};
    char beginning[LOOKUP_BEGINNING + 1];
    snprintf(beginning, sizeof beginning, "%.*s", LOOKUP_BEGINNING, address);
    struct error no_hint; /* is what follows if it fails */
    account_walk(view, beginning, look_at_neighbour, &n, &no_hint);
    fail(e, FAIL_NOT_FOUND, "There is no user %s.", address);
    error_kept(e, "Nothing was done.");
    return n.nearest[0]
               ? error_next(e, "Was %s meant?", n.nearest)
               : error_next(e, "Get-CsUser -Filter '%s*' lists those that begin alike.", beginning);
}

/* --- by display name --- */

struct namesakes {
    const struct user_work *work;
    const char *name;
    size_t count;
    struct account first;
    struct buffer addresses; /* of the first few, with commas */
};

static bool look_at_name(const struct account *account, void *context)
{
    struct namesakes *n = context;
    if (any_case_compare(account->display_name, n->name) == 0) {
        if (n->count == 0)
            n->first = *account;
        if (n->count < LOOKUP_NAMESAKES_SHOWN)
            buffer_printf(&n->addresses, "%s%s", n->count ? ", " : "", account->address);
        n->count++;
    }
    return !call_is_unwanted(n->work->call);
}

static enum failure no_such_name(const char *name, struct error *e)
{
    char shown[USER_TEXT_SHOWN_SIZE];
    fail(e, FAIL_NOT_FOUND, "No user has the address or the display name \"%s\".",
         user_text_shown(name, shown));
    error_kept(e, "Nothing was done.");
    return error_next(e, "Get-CsUser -Filter '{DisplayName -like \"Ken*\"}' lists users whose name "
                         "begins so.");
}

static enum failure several(const struct namesakes *n, struct error *e)
{
    char shown[USER_TEXT_SHOWN_SIZE];
    fail(e, FAIL_INVALID, "%zu users have the display name \"%s\".", n->count,
         user_text_shown(n->name, shown));
    error_kept(e, "Nothing was done.");
    return error_next(e, "Give the address of one of them: %.*s%s", (int)n->addresses.size,
                      (const char *)n->addresses.at,
                      n->count > LOOKUP_NAMESAKES_SHOWN ? ", …" : "");
}

static enum failure find_by_name(struct user_work *work, struct view *view, const char *name,
                                 struct account *account, uint64_t *usn, struct error *e)
{
    struct namesakes n = {.work = work, .name = name};
    enum failure bad = account_walk(view, "", look_at_name, &n, e);
    if (!bad)
        bad = call_check_wanted(work->call, e);
    if (!bad && n.count == 0)
        bad = no_such_name(name, e);
    else if (!bad && n.count > 1)
        bad = several(&n, e);
    buffer_free(&n.addresses);
    return bad ? bad : account_read(view, n.first.address, account, usn, e);
}

/* --- either --- */

enum failure user_find(struct user_work *work, struct view *view, const char *identity,
                       struct account *account, uint64_t *usn, struct error *e)
{
    char address[SIP_ADDRESS_SIZE];
    bool meant = sip_address_meant(identity);
    enum failure bad = sip_address_read(identity, work->sip_domain, address, e);
    if (bad)
        return meant ? bad : find_by_name(work, view, identity, account, usn, e);
    bad = account_read(view, address, account, usn, e);
    if (bad == FAIL_NOT_FOUND && !meant)
        bad = find_by_name(work, view, identity, account, usn, e);
    return bad == FAIL_NOT_FOUND ? no_such_address(view, address, e) : bad;
}

enum failure user_meant(struct user_work *work, uint64_t *usn, struct error *e)
{
    OWNED(view_close) struct view *view = NULL;
    enum failure bad = user_view(work, &view, e);
    return bad ? bad
               : user_find(work, view, call_text(work->call, "Identity"), &work->account, usn, e);
}
