#include "admin/user_work.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- on the thread --- */

enum failure user_view(struct user_work *work, struct view **view, struct error *e)
{
    struct home_state state;
    enum failure bad = store_view(work->store, view, e);
    if (!bad)
        bad = view_home(*view, HOME_CENTRAL, &state, e);
    if (bad != FAIL_NOT_FOUND)
        return bad;
    fail(e, FAIL_NOT_FOUND, "There is no Central Management Store yet, so there are no users.");
    error_kept(e, "Nothing was done.");
    return error_next(e, "Create it: Publish-CsTopology -FileName topology.conf");
}

struct txn *user_txn(const struct user_work *work)
{
    struct txn *txn = txn_new(HOME_CENTRAL);
    txn_as_holder(txn, work->term);
    return txn;
}

enum failure user_commit(struct user_work *work, struct txn *txn, struct error *e)
{
    struct store_outcome outcome;
    enum failure bad = store_commit_wait(work->store, txn, &outcome);
    if (bad)
        *e = outcome.error;
    else
        call_verbose(work->call,
                     "It is kept as change %llu of the Central Management Store, in "
                     "term %llu.",
                     (unsigned long long)outcome.first_usn, (unsigned long long)work->term);
    return bad;
}

const char *user_text_shown(const char *text, char out[USER_TEXT_SHOWN_SIZE])
{
    size_t size = strnlen(text, USER_TEXT_SHOWN_MAX + 1);
    bool cut = size > USER_TEXT_SHOWN_MAX;
    size = cut ? USER_TEXT_SHOWN_MAX : size;
    while (cut && size > 0 && ((unsigned char)text[size] & 0xc0) == 0x80)
        size--;
    snprintf(out, USER_TEXT_SHOWN_SIZE, "%.*s%s", (int)size, text, cut ? "…" : "");
    return out;
}

static enum failure never_first(struct error *e)
{
    fail(e, FAIL_BUSY, "Other commands changed the same user each time, %d times.", USER_TRIES_MAX);
    error_kept(e, "Nothing was changed.");
    return error_next(e, "Look what they have made of it, then try again.");
}

static void on_thread(void *context)
{
    struct user_work *work = call_kept(context);
    struct error e = {0};
    enum failure bad = call_check_wanted(context, &e);
    bad = bad ? bad : FAIL_CONFLICT;
    for (unsigned tries = 0; bad == FAIL_CONFLICT && tries < USER_TRIES_MAX; tries++)
        bad = work->step(work, &e);
    if (bad == FAIL_CONFLICT)
        never_first(&e);
    if (bad)
        work->error = e;
}

/* --- on the loop --- */

static void work_free(struct user_work *work)
{
    if (work->release)
        work->release(work->state);
    free(work);
}

static void on_done(void *context)
{
    struct call *call = context;
    struct user_work *work = call_kept(call);
    if (work->error.kind)
        call_error(call, &work->error);
    else if (work->finish)
        work->finish(work);
    work_free(work);
    call_end(call);
}

void user_work_begin_with(struct call *call, user_step *step, user_finish *finish, void *state,
                          void (*release)(void *state))
{
    struct front_end *fe = call_front_end(call);
    struct user_work *work = xcalloc(1, sizeof *work);
    *work = (struct user_work){.call = call,
                               .step = step,
                               .finish = finish,
                               .store = front_end_store(fe),
                               .state = state,
                               .release = release};
    snprintf(work->sip_domain, sizeof work->sip_domain, "%s",
             front_end_config(fe)->topology->sip_domain);
    struct error e;
    const struct command *command = call_command(call);
    if (command_changes(command) && command->place == AT_CENTRAL &&
        front_end_serves(fe, HOME_CENTRAL, &work->term, &e)) {
        work_free(work);
        call_fail(call, &e);
        return;
    }
    call_keep(call, work);
    if (!call_on_thread(call, on_thread, on_done))
        work_free(work);
}

void user_work_begin(struct call *call, user_step *step, user_finish *finish)
{
    user_work_begin_with(call, step, finish, NULL, NULL);
}

void user_pass_through(struct user_work *work)
{
    if (call_switch(work->call, "PassThru") && !call_switch(work->call, "WhatIf"))
        call_object(work->call, account_to_object(&work->account));
}
