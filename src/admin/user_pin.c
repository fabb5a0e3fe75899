/* What a user signs on with: Set-CsClientPin, Lock-CsClientPin, Unlock-CsClientPin. */
#include <stdint.h>
#include <string.h>

#include "admin/user_lookup.h"
#include "pool/credential.h"

/* --- Set-CsClientPin --- */

/* A new one is not locked: it is set so that the user can sign on. */
static enum failure set_pin(struct user_work *work, struct error *e)
{
    OWNED(credential_wipe) struct credential credential = {0};
    struct account *account = &work->account;
    uint64_t usn;
    enum failure bad = user_meant(work, &usn, e);
    if (bad || call_what_if(work->call, "The secret of %s would be set.", account->address))
        return bad;
    bad = credential_make(account->address, call_text(work->call, "Pin"), &credential, e);
    if (bad)
        return bad;
    struct txn *txn = user_txn(work);
    bool unlocks = account->pin_locked;
    account->pin_locked = false;
    if (unlocks)
        account_put(txn, account, usn);
    else
        account_expect(txn, account->address, usn); /* no secret for somebody who has just gone */
    credential_put(txn, account->address, &credential);
    bad = user_commit(work, txn, e);
    if (!bad && unlocks)
        call_information(work->call, "The secret of %s was locked; the new one is not.",
                         account->address);
    return bad;
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

/* --- Lock-CsClientPin, Unlock-CsClientPin --- */

static enum failure set_lock(struct user_work *work, bool locks, struct error *e)
{
    struct account *account = &work->account;
    const char *word = locks ? "locked" : "unlocked";
    uint64_t usn;
    enum failure bad = user_meant(work, &usn, e);
    if (bad)
        return bad;
    if (account->pin_locked == locks) {
        call_warning(work->call, "The secret of %s was %s already.", account->address, word);
        return OK;
    }
    if (call_what_if(work->call, "The secret of %s would be %s.", account->address, word))
        return OK;
    account->pin_locked = locks;
    struct txn *txn = user_txn(work);
    account_put(txn, account, usn);
    return user_commit(work, txn, e);
}

static enum failure lock(struct user_work *work, struct error *e)
{
    return set_lock(work, true, e);
}

static enum failure unlock(struct user_work *work, struct error *e)
{
    return set_lock(work, false, e);
}

void admin_lock_client_pin(struct call *call)
{
    user_work_begin(call, lock, user_pass_through);
}

void admin_unlock_client_pin(struct call *call)
{
    user_work_begin(call, unlock, user_pass_through);
}
