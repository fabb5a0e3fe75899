/* Accounts come, change and go: Enable-CsUser, Set-CsUser, Disable-CsUser. */
#include <stdio.h>
#include <string.h>

#include "admin/show.h"
#include "admin/user_lookup.h"
#include "pool/credential.h"
#include "pool/departed.h"

static enum failure exists(const struct account *account, struct error *e)
{
    char shown[USER_TEXT_SHOWN_SIZE];
    fail(e, FAIL_REFUSED, "The address %s belongs to a user already: \"%s\" of %s.",
         account->address, user_text_shown(account->display_name, shown), account->pool);
    error_kept(e, "Nothing was done.");
    return error_next(e, "Choose another address, or change that user: Set-CsUser -Identity %s",
                      account->address);
}

static enum failure must_be_free(struct view *view, const char *address, struct error *e)
{
    struct account other;
    uint64_t usn;
    enum failure bad = account_read(view, address, &other, &usn, e);
    if (!bad)
        return exists(&other, e);
    return bad == FAIL_NOT_FOUND ? OK : bad;
}

static void take_name(struct account *account, const char *name)
{
    snprintf(account->display_name, sizeof account->display_name, "%s", name);
}

/* --- Enable-CsUser --- */

static enum failure name_without_address(const struct user_work *work, const char *name,
                                         struct error *e)
{
    char shown[USER_TEXT_SHOWN_SIZE];
    fail(e, FAIL_INVALID, "\"%s\" is a name, and it is not said which address the user gets.",
         user_text_shown(name, shown));
    error_kept(e, "Nothing was done.");
    return error_next(e, "Add the address: -SipAddress sip:kenmyer@%s", work->sip_domain);
}

static enum failure two_addresses(const char *one, const char *other, struct error *e)
{
    fail(e, FAIL_INVALID, "-Identity is the address %s, -SipAddress is %s.", one, other);
    error_kept(e, "Nothing was done.");
    return error_next(e, "Give the same one, or leave one of them out.");
}

/* The Identity is an address or a name; -SipAddress goes with a name. */
static enum failure choose_address(const struct user_work *work, char address[SIP_ADDRESS_SIZE],
                                   struct error *e)
{
    const char *identity = call_text(work->call, "Identity");
    const char *given = call_text(work->call, "SipAddress");
    bool meant = sip_address_meant(identity);
    if (!given) {
        enum failure bad = sip_address_read(identity, work->sip_domain, address, e);
        return bad && !meant ? name_without_address(work, identity, e) : bad;
    }
    char same[SIP_ADDRESS_SIZE];
    enum failure bad = sip_address_read(given, work->sip_domain, address, e);
    if (!bad && meant)
        bad = sip_address_read(identity, work->sip_domain, same, e);
    return !bad && meant && strcmp(address, same) != 0 ? two_addresses(same, address, e) : bad;
}

static size_t count_characters(const char *text)
{
    size_t n = 0;
    for (; *text; text++)
        n += ((unsigned char)*text & 0xc0) != 0x80;
    return n;
}

static enum failure name_too_long(const char *name, struct error *e)
{
    char shown[USER_TEXT_SHOWN_SIZE];
    fail(e, FAIL_INVALID, "\"%s\" has %zu characters: a display name has at most %d.",
         user_text_shown(name, shown), count_characters(name), DISPLAY_NAME_MAX);
    error_kept(e, "Nothing was done.");
    return error_next(e, "Give a shorter one.");
}

/* An Identity may be longer than a name: it may be an address. */
static enum failure choose_name(const struct user_work *work, struct account *account,
                                struct error *e)
{
    const char *identity = call_text(work->call, "Identity");
    const char *given = call_text(work->call, "DisplayName");
    const char *name = given ? given : identity;
    if (given || !sip_address_meant(identity)) {
        if (count_characters(name) > DISPLAY_NAME_MAX)
            return name_too_long(name, e);
        take_name(account, name);
    } else {
        snprintf(account->display_name, sizeof account->display_name, "%.*s",
                 (int)strcspn(account->address, "@"), account->address);
    }
    return OK;
}

static enum failure enable(struct user_work *work, struct error *e)
{
    OWNED(view_close) struct view *view = NULL;
    struct account *account = &work->account;
    char address[SIP_ADDRESS_SIZE];
    enum failure bad = choose_address(work, address, e);
    if (!bad)
        bad = user_view(work, &view, e);
    if (!bad)
        bad = must_be_free(view, address, e);
    if (bad)
        return bad;
    account_begin(account, address);
    bad = choose_name(work, account, e);
    if (bad)
        return bad;
    snprintf(account->pool, sizeof account->pool, "%s", call_text(work->call, "RegistrarPool"));
    if (call_what_if(work->call, "The account %s would be made, in %s.", address, account->pool))
        return OK;
    view_close(TAKE(view));
    struct txn *txn = user_txn(work);
    account_put(txn, account, 0);
    credential_remove(txn, address); /* nobody begins with what another signed on with */
    return user_commit(work, txn, e);
}

static void enabled(struct user_work *work)
{
    if (!call_switch(work->call, "WhatIf"))
        call_information(work->call, "To sign on, %s needs a secret: Set-CsClientPin -Identity %s",
                         work->account.address, work->account.address);
    user_pass_through(work);
}

void admin_enable_user(struct call *call)
{
    struct error e;
    const struct topology *topology = front_end_config(call_front_end(call))->topology;
    if (show_find_pool(topology, call_text(call, "RegistrarPool"), NULL, &e))
        call_fail(call, &e);
    else
        user_work_begin(call, enable, enabled);
}

/* --- Set-CsUser --- */

static enum failure change(struct user_work *work, const struct account *before,
                           struct account *after, struct error *e)
{
    const char *address = call_text(work->call, "SipAddress");
    const char *name = call_text(work->call, "DisplayName");
    const json_t *enabled_or_not = call_value(work->call, "Enabled");
    *after = *before;
    if (name)
        take_name(after, name);
    if (enabled_or_not)
        after->enabled = json_is_true(enabled_or_not);
    return address ? sip_address_read(address, work->sip_domain, after->address, e) : OK;
}

/* Is there anything to do? Says so if not, and with -WhatIf what would be. */
static bool to_be_done(struct user_work *work, const struct account *before,
                       const struct account *after)
{
    struct call *call = work->call;
    char shown[USER_TEXT_SHOWN_SIZE];
    bool moves = strcmp(before->address, after->address) != 0;
    bool renames = strcmp(before->display_name, after->display_name) != 0;
    bool switches = before->enabled != after->enabled;
    if (!call_text(call, "SipAddress") && !call_text(call, "DisplayName") &&
        !call_value(call, "Enabled"))
        call_warning(call,
                     "Nothing of %s was to change: give -SipAddress, -DisplayName or "
                     "-Enabled.",
                     before->address);
    else if (!moves && !renames && !switches)
        call_warning(call, "Nothing of %s was to change: all was so already.", before->address);
    if (moves)
        call_what_if(call, "The address would change from %s to %s, and the secret would be gone.",
                     before->address, after->address);
    if (renames)
        call_what_if(call, "The display name of %s would become \"%s\".", before->address,
                     user_text_shown(after->display_name, shown));
    if (switches)
        call_what_if(call, "%s %s be able to sign on.", before->address,
                     after->enabled ? "would" : "would no longer");
    return (moves || renames || switches) && !call_switch(call, "WhatIf");
}

static enum failure keep_change(struct user_work *work, const struct account *before, uint64_t usn,
                                const struct account *after, struct error *e)
{
    bool moves = strcmp(before->address, after->address) != 0;
    struct txn *txn = user_txn(work);
    account_put(txn, after, moves ? 0 : usn);
    if (moves) {
        account_remove(txn, before->address, usn);
        credential_remove(txn, before->address); /* its hashes have the old address in them */
        credential_remove(txn, after->address);
    }
    enum failure bad = user_commit(work, txn, e);
    if (!bad && moves)
        call_warning(work->call,
                     "The secret belonged to the old address. Set it anew: Set-CsClientPin "
                     "-Identity %s",
                     after->address);
    return bad;
}

static enum failure set(struct user_work *work, struct error *e)
{
    OWNED(view_close) struct view *view = NULL;
    struct account before, *after = &work->account;
    uint64_t usn;
    enum failure bad = user_view(work, &view, e);
    if (!bad)
        bad = user_find(work, view, call_text(work->call, "Identity"), &before, &usn, e);
    if (!bad)
        bad = change(work, &before, after, e);
    if (!bad && strcmp(before.address, after->address) != 0)
        bad = must_be_free(view, after->address, e);
    if (bad || !to_be_done(work, &before, after))
        return bad;
    view_close(TAKE(view));
    return keep_change(work, &before, usn, after, e);
}

void admin_set_user(struct call *call)
{
    user_work_begin(call, set, user_pass_through);
}

/* --- Disable-CsUser --- */

static enum failure disable(struct user_work *work, struct error *e)
{
    const struct account *account = &work->account;
    uint64_t usn;
    enum failure bad = user_meant(work, &usn, e);
    if (bad || call_what_if(work->call,
                            "The account %s and its secret would be removed, and all that the user "
                            "has in %s.",
                            account->address, account->pool))
        return bad;
    struct txn *txn = user_txn(work);
    account_remove(txn, account->address, usn);
    credential_remove(txn, account->address);
    departed_put(txn, account);
    return user_commit(work, txn, e);
}

static void disabled(struct user_work *work)
{
    if (!call_switch(work->call, "WhatIf"))
        call_information(work->call,
                         "What the user has in %s is removed as soon as that is served.",
                         work->account.pool);
    user_pass_through(work);
}

void admin_disable_user(struct call *call)
{
    user_work_begin(call, disable, disabled);
}
