/* Looking at users: Get-CsUser, Get-CsUserPoolInfo. */
#include <stdio.h>
#include <string.h>

#include "admin/show.h"
#include "admin/user_filter.h"
#include "admin/user_lookup.h"

enum {
    /* Accounts that are looked at before the reader is waited for: no more than this is held in
     * memory for one that is slow, and no view is held open for it at all. */
    USERS_PAGE = 500,
};

/* --- Get-CsUser --- */

static bool show_if_it_fits(const struct user_work *work, const struct account *account)
{
    const struct filter *filter = work->state;
    json_t *object = account_to_object(account);
    bool fits = !filter || filter_fits(filter, object);
    if (fits)
        call_object(work->call, object);
    else
        json_decref(object);
    return fits;
}

static enum failure show_one(struct user_work *work, struct error *e)
{
    uint64_t usn;
    enum failure bad = user_meant(work, &usn, e);
    if (!bad)
        show_if_it_fits(work, &work->account);
    return bad;
}

struct page {
    struct user_work *work;
    char last[SIP_ADDRESS_SIZE]; /* that was looked at */
    size_t seen;                 /* on this page */
    json_int_t left;             /* to be shown yet */
};

static bool look(const struct account *account, void *context)
{
    struct page *page = context;
    snprintf(page->last, sizeof page->last, "%s", account->address);
    page->left -= show_if_it_fits(page->work, account);
    return ++page->seen < USERS_PAGE && page->left > 0;
}

static enum failure nobody_took(struct error *e)
{
    fail(e, FAIL_DEADLINE, "Nobody took the answer for %d seconds: the list is not whole.",
         CALL_READER_MS_MAX / 1000);
    return error_next(e, "Read it faster, or ask for less: -ResultSize, -Filter.");
}

static enum failure show_all(struct user_work *work, struct error *e)
{
    const json_t *most = call_value(work->call, "ResultSize");
    struct page page = {.work = work, .left = most ? json_integer_value(most) : INT64_MAX};
    do {
        OWNED(view_close) struct view *view = NULL;
        page.seen = 0;
        enum failure bad = user_view(work, &view, e);
        if (!bad)
            bad = account_walk(view, page.last, look, &page, e);
        if (bad)
            return bad;
        if (page.seen < USERS_PAGE || page.left <= 0)
            return OK;
    } while (call_flow(work->call));
    return nobody_took(e);
}

static void free_filter(void *filter)
{
    filter_free(filter);
}

void admin_get_user(struct call *call)
{
    struct filter *filter;
    struct error e;
    if (user_filter_read(call_text(call, "Filter"), &filter, &e)) {
        filter_free(filter);
        call_fail(call, &e);
        return;
    }
    user_work_begin_with(call, call_text(call, "Identity") ? show_one : show_all, NULL, filter,
                         free_filter);
}

/* --- Get-CsUserPoolInfo --- */

static enum failure find(struct user_work *work, struct error *e)
{
    uint64_t usn;
    return user_meant(work, &usn, e);
}

/* What the home is where it is held; NULL: nobody is known to hold it, or its pool does not say. */
static const char *mode_of(const struct front_end *fe, const struct pool *holder, const char *home)
{
    enum mode mode;
    return holder && front_end_mode_at(fe, holder, home, &mode) ? mode_name(mode) : NULL;
}

static void show_pools(struct user_work *work)
{
    const struct front_end *fe = call_front_end(work->call);
    const char *home = work->account.pool;
    const struct pool *primary = topology_pool(front_end_config(fe)->topology, home);
    const struct pool *backup = primary ? primary->backup : NULL;
    const struct pool *holder = front_end_holder(fe, home), *serving = front_end_server(fe, home);
    call_object(work->call, json_pack("{s:s, s:s, s:o, s:o, s:o}", "Identity",
                                      work->account.address, "PrimaryPoolFqdn", home,
                                      "BackupPoolFqdn", show_text(backup ? backup->fqdn : NULL),
                                      "ServingPoolFqdn", show_text(serving ? serving->fqdn : NULL),
                                      "ServingMode", show_text(mode_of(fe, holder, home))));
    if (!primary)
        call_warning(work->call, "The topology has no pool %s any more.", home);
}

void admin_get_user_pool_info(struct call *call)
{
    user_work_begin(call, find, show_pools);
}
