/* Set-CsClientPin: what a user signs on with. */
#include <stdint.h>
#include <string.h>

#include "admin/user_lookup.h"
#include "pool/credential.h"

static enum failure set_pin(struct user_work *work, struct error *e)
{
    OWNED(view_close) struct view *view = NULL;
    OWNED(credential_wipe) struct credential credential = {0};
    struct account *account = &work->account;
    uint64_t usn;
    enum failure bad = user_view(work, &view, e);
    if (!bad)
        bad = user_find(work, view, call_text(work->call, "Identity"), account, &usn, e);
    if (bad || call_what_if(work->call, "The secret of %s would be set.", account->address))
        return bad;
    bad = credential_make(account->address, call_text(work->call, "Pin"), &credential, e);
    if (bad)
        return bad;
    view_close(TAKE(view));
    struct txn *txn = user_txn(work);
    account_expect(txn, account->address, usn); /* no secret for somebody who has just gone */
    credential_put(txn, account->address, &credential);
    return user_commit(work, txn, e);
}

/* Whoever reads the memory of this process later finds no secret among what it let go. */
static void forget(void *parameter)
{
    json_t *pin = parameter;
    explicit_bzero((char *)(uintptr_t)json_string_value(pin), json_string_length(pin));
    json_decref(pin);
}

void admin_set_client_pin(struct call *call)
{
    const json_t *pin = call_value(call, "Pin");
    if (pin) {
        user_work_begin_with(call, set_pin, NULL, json_incref((json_t *)(uintptr_t)pin), forget);
        return;
    }
    if (call_switch(call, "WhatIf")) { /* then nobody is asked for it */
        user_work_begin(call, set_pin, NULL);
        return;
    }
    struct error e;
    fail(&e, FAIL_INVALID, "The parameter -Pin is missing.");
    error_kept(&e, "Nothing was done.");
    error_next(&e, "The command line asks for it; a program gives it as the parameter Pin.");
    call_fail(call, &e);
}
