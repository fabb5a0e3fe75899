/* Export-CsUserData: what the users of a pool have, as the lines of a file.
 *
 * Users are gone through page by page, each page in views of its own, so that no view is held open
 * for a slow reader, and no more than a page is in memory. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "admin/user_file.h"
#include "admin/user_filter.h"
#include "admin/user_work.h"
#include "base/count.h"

DEFINE_OWNED(json_t *, json_decref)

enum {
    EXPORT_ACCOUNTS_PAGE = 500,    /* read at once */
    EXPORT_BYTES_PAGE = 512 << 10, /* written before the reader is waited for */
};

struct user_export {
    struct call *call;
    char home[FQDN_SIZE];
    struct filter *filter;
    struct account *page;
    size_t count, looked_at;
    char last[SIP_ADDRESS_SIZE]; /* that was looked at */

    uint64_t total, users, items, unknown;
    /* Of the user under way. */
    const struct account *user;
    size_t prefix, bytes; /* of the keys; written since the reader was waited for */
    struct buffer key;    /* the last */
    bool more, some;
};

static void export_free(void *state)
{
    struct user_export *x = state;
    filter_free(x->filter);
    buffer_free(&x->key);
    free(x->page);
    free(x);
}

/* --- who --- */

static bool look_at_account(const struct account *account, void *context)
{
    struct user_export *x = context;
    snprintf(x->last, sizeof x->last, "%s", account->address);
    if (strcmp(account->pool, x->home) == 0 && user_filter_fits(x->filter, account))
        x->page[x->count++] = *account;
    return ++x->looked_at < EXPORT_ACCOUNTS_PAGE;
}

/* `*end`: there are no more. */
static enum failure next_page(struct user_work *work, bool *end, struct error *e)
{
    OWNED(view_close) struct view *view = NULL;
    struct user_export *x = work->state;
    x->count = x->looked_at = 0;
    enum failure bad = user_view(work, &view, e);
    if (!bad)
        bad = account_walk(view, x->last, look_at_account, x, e);
    *end = x->looked_at < EXPORT_ACCOUNTS_PAGE;
    return bad;
}

static enum failure count_users(struct user_work *work, struct error *e)
{
    struct user_export *x = work->state;
    bool end = false;
    x->last[0] = '\0';
    while (!end) {
        enum failure bad = next_page(work, &end, e);
        if (!bad)
            bad = call_check_wanted(work->call, e);
        if (bad)
            return bad;
        x->total += x->count;
    }
    x->last[0] = '\0';
    return OK;
}

/* --- what --- */

static bool write_item(const struct item *item, struct item_hash hash, void *context)
{
    (void)hash;
    struct user_export *x = context;
    bool derived;
    struct bytes rest = bytes_of(item->key.at + x->prefix, item->key.size - x->prefix);
    json_t *line = user_file_line(x->user->address, rest, item->value, &derived);
    buffer_clear(&x->key);
    buffer_raw(&x->key, item->key.at, item->key.size);
    x->unknown += !line && !derived;
    x->items += line != NULL;
    x->some = x->some || line;
    x->bytes += item->key.size + item->value.size;
    if (line)
        call_record(x->call, line);
    x->more = x->bytes >= EXPORT_BYTES_PAGE;
    return !x->more;
}

static enum failure nobody_took(struct error *e)
{
    fail(e, FAIL_DEADLINE, "Nobody took the answer for %d seconds: it is not whole.",
         CALL_READER_MS_MAX / 1000);
    return error_next(e, "Write to a faster disk, or export fewer users at once: -UserFilter.");
}

static enum failure write_user(struct user_work *work, const struct account *user, struct error *e)
{
    struct user_export *x = work->state;
    char prefix[USER_KEY_SIZE];
    user_key(user->id, "", NULL, prefix);
    x->user = user;
    x->prefix = strlen(prefix);
    x->some = false;
    buffer_clear(&x->key);
    buffer_raw(&x->key, prefix, x->prefix);
    do {
        OWNED(view_close) struct view *view = NULL;
        x->more = false;
        enum failure bad = store_view(work->store, &view, e);
        if (!bad)
            bad = view_keys_after(view, x->home, MODULE_PRESENCE_FOCUS, bytes_of_text(prefix),
                                  buffer_view(&x->key), write_item, x, e);
        view_close(TAKE(view));
        if (bad)
            return bad;
        if (x->more && !call_flow(work->call))
            return nobody_took(e);
        x->bytes = x->more ? 0 : x->bytes;
    } while (x->more);
    x->users += x->some;
    return OK;
}

static enum failure write_page(struct user_work *work, struct error *e)
{
    struct user_export *x = work->state;
    for (size_t i = 0; i < x->count; i++) {
        enum failure bad = write_user(work, &x->page[i], e);
        if (bad)
            return bad;
    }
    return call_check_wanted(work->call, e);
}

static void tell_progress(const struct user_export *x, uint64_t done)
{
    OWNED(free_memory)
    char *status = xasprintf("%llu of %s", (unsigned long long)done, COUNTED(x->total, "user"));
    call_progress(x->call, &(struct call_progress){.activity = "Exporting users",
                                                   .status = status,
                                                   .done = done,
                                                   .total = x->total});
}

/* --- from the beginning to the end --- */

static enum failure nobody_fits(const struct user_export *x, struct error *e)
{
    fail(e, FAIL_NOT_FOUND, "No user of %s fits -UserFilter.", x->home);
    error_kept(e, "Nothing was written.");
    return error_next(e, "Get-CsUser -Filter '{RegistrarPool -eq \"%s\"}' lists them.", x->home);
}

static enum failure write_all(struct user_work *work, struct error *e)
{
    struct user_export *x = work->state;
    uint64_t done = 0;
    bool end = false;
    enum failure bad = count_users(work, e);
    if (!bad && x->filter && x->total == 0)
        bad = nobody_fits(x, e);
    if (bad)
        return bad;
    if (call_what_if(work->call,
                     "The data of %s of %s would be written; whoever has none is not in the file.",
                     COUNTED(x->total, "user"), x->home))
        return OK;
    call_record(work->call, user_file_head(x->home));
    while (!bad && !end) {
        tell_progress(x, done);
        bad = next_page(work, &end, e);
        if (!bad)
            bad = write_page(work, e);
        done += x->count;
        if (!bad && !call_flow(work->call))
            bad = nobody_took(e);
    }
    if (!bad)
        call_record(work->call, user_file_end(x->users, x->items));
    return bad;
}

static void tell_result(struct user_work *work)
{
    const struct user_export *x = work->state;
    if (call_switch(work->call, "WhatIf"))
        return;
    if (x->unknown)
        call_warning(work->call,
                     "%s %s not of a kind that this version can write, and %s not in the file.",
                     COUNTED(x->unknown, "item"), count_word(x->unknown, "is", "are"),
                     count_word(x->unknown, "is", "are"));
    call_object(work->call, json_pack("{s:s, s:I, s:I}", "PoolFqdn", x->home, "Users",
                                      (json_int_t)x->users, "Items", (json_int_t)x->items));
}

/* Limited service is no time to copy everybody's data: who knows whether it is the last. */
static enum failure check_holds(struct front_end *fe, const char *home, struct error *e)
{
    const struct hosted_home *here = front_end_home(fe, home);
    uint64_t term;
    if (here && mode_rights(home_mode(hosted_home_core(here)))->holder &&
        mode_rights(home_mode(hosted_home_core(here)))->reads)
        return OK;
    return front_end_serves(fe, home, &term, e);
}

void admin_export_user_data(struct call *call)
{
    struct front_end *fe = call_front_end(call);
    struct error e;
    struct user_export *x = xcalloc(1, sizeof *x);
    x->call = call;
    x->page = xcalloc(EXPORT_ACCOUNTS_PAGE, sizeof *x->page);
    snprintf(x->home, sizeof x->home, "%s", call_text(call, "PoolFqdn"));
    if (check_holds(fe, x->home, &e) ||
        user_filter_read_users(call_text(call, "UserFilter"),
                               front_end_config(fe)->topology->sip_domain, &x->filter, &e)) {
        export_free(x);
        call_fail(call, &e);
    } else {
        user_work_begin_with(call, write_all, tell_result, x, export_free);
    }
}
