#include "admin/backup_copy.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/count.h"

struct copying {
    struct backup_goal goal;
    struct backup_wait *wait;
    struct exporting_counts before[BACKUP_EXPORTS_MAX];
    unsigned retries[BACKUP_EXPORTS_MAX]; /* that are left */
    uint64_t done, compared, moved_ms;    /* how far it is, and since when */
    bool copied;                          /* what was there is; a state is still waited for */
};

static void copying_end(struct call *call)
{
    struct copying *copying = call_kept(call);
    free(copying->wait);
    free(copying);
    call_end(call);
}

/* --- what came of it --- */

static void tell_copied(struct call *call, size_t i)
{
    const struct copying *copying = call_kept(call);
    const struct exporting *x = copying->wait->list[i];
    struct exporting_counts now = exporting_counts(x), before = copying->before[i];
    const char *module = module_name(exporting_module(x)), *home = exporting_home(x);
    uint64_t compared = now.compared - before.compared;
    call_verbose(call, "%s of the home %s: %s, %s, %.3f s.", module, home,
                 COUNTED(now.items - before.items, "item"),
                 COUNTED(now.bytes - before.bytes, "byte"), (double)call_elapsed_ms(call) / 1000);
    if (compared)
        call_verbose(call, "%s of the home %s: %s %s compared.", module, home,
                     COUNTED(compared, "item"), count_word(compared, "was", "were"));
    call_figure(call, json_integer((json_int_t)(now.items - before.items)),
                "Items sent, %s of the home %s", module, home);
    call_figure(call, json_integer((json_int_t)(now.bytes - before.bytes)),
                "Bytes sent, %s of the home %s", module, home);
    call_figure(call, json_string(export_word_name(exporting_word(x))), "State, %s of the home %s",
                module, home);
}

static void tell_trouble(struct call *call, size_t i, bool copied)
{
    const struct copying *copying = call_kept(call);
    const struct exporting *x = copying->wait->list[i];
    const char *module = module_name(exporting_module(x)), *home = exporting_home(x);
    enum export_word word = exporting_word(x);
    struct error e = *exporting_trouble(x);
    struct export_status s;
    export_status(exporting_core(x), &s);
    if (!s.open)
        fail(&e, FAIL_REFUSED, "%s does not hold it any more.",
             front_end_pool(call_front_end(call)));
    else if (!e.kind && !copied)
        fail(&e, FAIL_DEADLINE, "Nothing more was copied for %.0f s.",
             (double)copying->goal.patience_ms / 1000);
    else if (!e.kind)
        fail(&e, FAIL_DEADLINE,
             "What there was at the beginning is copied, but it did not get to %s within %.0f s.",
             backup_until_name(copying->goal.until), (double)copying->goal.patience_ms / 1000);
    if (copied)
        error_within(&e, "%s of the home %s is in %s: ", module, home, export_word_name(word));
    else
        error_within(&e, "%s of the home %s is not copied: ", module, home);
    if (copied && copying->goal.until == BACKUP_FINAL && !e.next[0])
        error_next(&e, "FinalState takes a whole sync interval without changes "
                       "(Get-CsBackupServiceConfiguration): -WaitTime has it waited for longer.");
    if (!e.next[0])
        error_next(&e, "It is tried again by itself; Get-CsBackupServiceStatus shows it.");
    call_error(call, &e);
}

/* Manifests are copied also where files can't be brought. */
static void tell_of_files(struct call *call, const struct exporting *x)
{
    char line[3 * ERROR_TEXT_MAX];
    struct error e = exporting_files_trouble(x);
    if (e.kind)
        call_caution(call,
                     "It is copied, but not all files of the home %s are where they belong: %s",
                     exporting_home(x), error_line(&e, line, sizeof line));
}

static void tell_result(struct call *call)
{
    const struct copying *copying = call_kept(call);
    for (size_t i = 0; i < copying->wait->count; i++) {
        struct export_status s;
        export_status(exporting_core(copying->wait->list[i]), &s);
        bool copied = s.copied.usn >= copying->wait->goals[i] && !s.failing;
        if (copied)
            tell_copied(call, i);
        if (!copied || !backup_wait_reached(copying->wait, i, copying->goal.until))
            tell_trouble(call, i, copied);
        else
            tell_of_files(call, copying->wait->list[i]);
    }
}

/* --- waiting --- */

/* Where one failed, and may be tried again, it is waited for as before: what is wanted, an exporter
 * tries again by itself. */
static bool is_over(struct call *call, size_t i)
{
    struct copying *copying = call_kept(call);
    struct exporting *x = copying->wait->list[i];
    struct export_status s;
    export_status(exporting_core(x), &s);
    /* It may be on its way again, and not there yet. */
    bool failed = export_failed_since(&s, copying->wait->before[i]) &&
                  !backup_wait_reached(copying->wait, i, copying->goal.until);
    if (s.open && failed && copying->retries[i]) {
        if (s.failing && clock_ms() - s.failed_ms < BACKUP_RETRY_PAUSE_MS)
            return false;
        call_verbose(call, "%s of the home %s failed, and is tried again: %s",
                     module_name(exporting_module(x)), exporting_home(x),
                     exporting_trouble(x)->what);
        copying->retries[i]--;
        copying->wait->before[i].failed = s.heard.failed; /* that one counts no more */
        return false;
    }
    return backup_wait_is_over(copying->wait, i, copying->goal.until);
}

/* What was there is copied, and the state does not come because of what came behind it. */
static void hurry(const struct copying *copying, size_t i)
{
    struct exporting *x = copying->wait->list[i];
    if (copying->goal.until > BACKUP_COPIED &&
        backup_wait_reached(copying->wait, i, BACKUP_COPIED) &&
        exporting_word(x) == WORD_NON_STEADY)
        exporting_wanted(x);
}

static bool all_over(struct call *call)
{
    const struct copying *copying = call_kept(call);
    bool over = true;
    for (size_t i = 0; i < copying->wait->count; i++) {
        over = is_over(call, i) && over;
        hurry(copying, i);
    }
    return over;
}

static void tell_progress(struct call *call, uint64_t done, uint64_t total)
{
    struct copying *copying = call_kept(call);
    if (done == total && copying->goal.until != BACKUP_COPIED && !copying->copied)
        call_step(call, "Waiting for %s", backup_until_name(copying->goal.until));
    copying->copied = copying->copied || done == total;
    OWNED(free_memory)
    char *status =
        copying->compared
            ? xasprintf("%llu of %s, %s compared", (unsigned long long)done,
                        COUNTED(total, "change"), COUNTED(copying->compared, "item"))
            : xasprintf("%llu of %s", (unsigned long long)done, COUNTED(total, "change"));
    call_progress(call, &(struct call_progress){.activity = "Copying",
                                                .status = status,
                                                .done = done,
                                                .total = total,
                                                .follow = "Get-CsBackupServiceStatus"});
}

static uint64_t items_compared(const struct copying *copying)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < copying->wait->count; i++)
        sum += exporting_counts(copying->wait->list[i]).compared - copying->before[i].compared;
    return sum;
}

static void look(void *context)
{
    struct call *call = context;
    struct copying *copying = call_kept(call);
    uint64_t done, total, now_ms = clock_ms();
    backup_wait_progress(copying->wait, &done, &total);
    uint64_t compared = items_compared(copying);
    if (done != copying->done || compared != copying->compared)
        copying->moved_ms = now_ms;
    copying->done = done;
    copying->compared = compared;
    bool patient =
        !call_is_unwanted(call) && now_ms - copying->moved_ms < copying->goal.patience_ms;
    if (!all_over(call) && patient) {
        tell_progress(call, done, total);
        return;
    }
    tell_result(call);
    copying_end(call);
}

/* --- -WhatIf: the copies are asked, and nothing is hurried --- */

/* By what is so now; what comes in the meantime, nobody knows. */
static void tell_would_fail(struct call *call, const struct exporting *x)
{
    struct error e = *exporting_trouble(x);
    if (!e.kind)
        fail(&e, FAIL_UNREACHABLE, "It did not answer.");
    error_within(&e, "%s does not take anything now: ", exporting_target(x));
    error_kept(&e, "Nothing was copied.");
    if (!e.next[0])
        error_next(&e, "See what it says of itself: Get-CsPoolFailOverStatus -PoolFqdn %s",
                   exporting_target(x));
    call_error(call, &e);
}

static void tell_plan(struct call *call)
{
    const struct copying *copying = call_kept(call);
    for (size_t i = 0; i < copying->wait->count; i++) {
        const struct exporting *x = copying->wait->list[i];
        struct export_status s;
        export_status(exporting_core(x), &s);
        const char *module = module_name(exporting_module(x));
        uint64_t left = s.head > s.copied.usn ? s.head - s.copied.usn : 0;
        if (!backup_wait_reached(copying->wait, i, BACKUP_ASKED))
            tell_would_fail(call, x);
        else if (s.failing) /* it answers, and may take something again by now */
            call_warning(call, "%s took nothing when it was last sent something: %s",
                         exporting_target(x), exporting_trouble(x)->what);
        call_what_if(call, "%s of the home %s would be copied to %s: %s.", module,
                     exporting_home(x), exporting_target(x), COUNTED(left, "change"));
        call_figure(call, json_integer((json_int_t)left), "Changes to copy, %s of the home %s",
                    module, exporting_home(x));
    }
    if (copying->wait->count)
        call_what_if(call, "What fails would be tried again, %s.",
                     COUNTED(copying->goal.retries, "time"));
    if (copying->goal.until != BACKUP_COPIED)
        call_what_if(call, "Then it would be waited for %s, up to %.0f s without progress.",
                     backup_until_name(copying->goal.until),
                     (double)copying->goal.patience_ms / 1000);
}

static void look_only(void *context)
{
    struct call *call = context;
    struct copying *copying = call_kept(call);
    bool patient =
        !call_is_unwanted(call) && clock_ms() - copying->moved_ms < copying->goal.patience_ms;
    for (size_t i = 0; i < copying->wait->count && patient; i++) {
        if (!backup_wait_is_over(copying->wait, i, BACKUP_ASKED))
            return;
    }
    tell_plan(call);
    copying_end(call);
}

/* --- begin --- */

/* Of the homes that this pool holds, its partner's. */
static void keep_failed_over(struct call *call, struct backup_wait *wait)
{
    const char *pool = front_end_pool(call_front_end(call));
    size_t count = wait->count;
    wait->count = 0;
    for (size_t i = 0; i < count; i++) {
        const char *home = exporting_home(wait->list[i]);
        if (strcmp(home, pool) != 0 && strcmp(home, HOME_CENTRAL) != 0)
            backup_wait_move(wait, i, wait->count++);
    }
}

/* What was asked for, and is copied from elsewhere, or from nowhere: nobody shall take the rest for
 * all of it. */
static bool tell_not_held(struct call *call)
{
    const struct front_end *fe = call_front_end(call);
    const char *pool = front_end_pool(fe);
    const struct pool *holder = front_end_holder(fe, pool);
    bool wanted = false;
    for (int m = 0; m < MODULES; m++)
        wanted |=
            module_belongs((enum module)m, pool) && backup_module_wanted(call, (enum module)m);
    if (!wanted || holder == front_end_config(fe)->self->pool)
        return false;
    if (!holder) {
        call_caution(call,
                     "%s does not serve its users now: what they have is not copied. "
                     "Get-CsPoolFailOverStatus -PoolFqdn %s shows why.",
                     pool, pool);
        return true;
    }
    OWNED(free_memory) char *typed = call_typed(call, json_pack("{s:s}", "PoolFqdn", holder->fqdn));
    call_caution(call,
                 "The users of %s are served by %s: what they have is copied from there, and not "
                 "by this command. For that: %s",
                 pool, holder->fqdn, typed);
    return true;
}

void backup_copy(struct call *call, const struct backup_goal *goal)
{
    const struct config *config = front_end_config(call_front_end(call));
    bool only_look = call_switch(call, "WhatIf");
    struct copying *copying = xcalloc(1, sizeof *copying);
    copying->goal = *goal;
    copying->wait = backup_wait_new(call);
    copying->moved_ms = clock_ms();
    call_keep(call, copying);
    if (goal->failed_over_only)
        keep_failed_over(call, copying->wait);
    if (!config->self->pool->backup) {
        struct error e;
        fail(&e, FAIL_REFUSED, "%s has no backup pool to copy to.", config->self->pool->fqdn);
        error_kept(&e, "Nothing was copied.");
        error_next(&e, "Pairs are made in the topology: Get-CsPoolBackupRelationship");
        call_error(call, &e);
        copying_end(call);
        return;
    }
    for (size_t i = 0; i < copying->wait->count; i++) {
        copying->before[i] = exporting_counts(copying->wait->list[i]);
        copying->retries[i] = goal->retries;
    }
    backup_wait_begin(copying->wait, only_look       ? WISH_LOOK
                                     : goal->compare ? WISH_COMPARE
                                                     : WISH_COPY);
    bool told = !goal->failed_over_only && tell_not_held(call);
    if (copying->wait->count == 0 && !told)
        call_caution(
            call,
            goal->failed_over_only
                ? "%s holds no home that was failed over to it, so there is nothing to copy."
                : "%s holds nothing of these modules, so there is nothing to copy.",
            config->self->pool->fqdn);
    call_step(call, only_look ? "Asking the copies" : "Copying");
    call_each_tick(call, only_look ? look_only : look);
    call_tick(call);
}
