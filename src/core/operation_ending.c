#include "core/operation_ending.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/count.h"
#include "base/memory.h"
#include "base/timespan.h"
#include "core/home.h"

static const char without_flush[] = " -FlushStorageService";

/* What is kept where nothing was given away. */
static const char serves_on[] = "The home is served where it was.";

/* How long the commands can be told to wait (commands.def). */
enum { WAIT_MS_MAX = 24 * 60 * 60 * 1000, STORE_WAIT_MS_MAX = 60 * 60 * 1000 };

static uint64_t twice(uint32_t ms, uint64_t max_ms)
{
    uint64_t longer_ms = 2 * (uint64_t)ms;
    return longer_ms < max_ms ? longer_ms : max_ms;
}

/* The command with another value of this option (" -WaitTime"), whether it was given or not; NULL:
 * without it. Owned by the caller. */
static char *again_with(const struct operation_words *w, const char *option, const char *value)
{
    struct buffer line = {0};
    size_t length = strlen(option), size;
    for (const char *at = w->again; *at; at += size) {
        const char *next = strstr(at + 1, " -");
        size = next ? (size_t)(next - at) : strlen(at);
        bool same = strncmp(at, option, length) == 0 && (at[length] == ' ' || !at[length]);
        if (!same)
            buffer_printf(&line, "%.*s", (int)size, at);
    }
    if (value)
        buffer_printf(&line, "%s %s", option, value);
    return buffer_take_text(&line);
}

/* --- while the holder serves on --- */

void ending_refused(struct error *e, const struct operation_words *w, const struct error *why)
{
    *e = *why;
    if (!e->kept[0])
        error_kept(e, "%s", serves_on);
    if (!e->next[0])
        error_next(e, "Get-CsPoolFailOverStatus -PoolFqdn %s shows what it is now. Then again: %s",
                   w->home, w->again);
}

void ending_not_served(struct error *e, const struct operation_words *w, enum mode mode)
{
    fail(e, FAIL_REFUSED, "%s answers, but does not serve the home %s: it is %s there.", w->holder,
         w->home, mode_name(mode));
    error_kept(e, "Nothing was changed.");
    error_next(
        e,
        "Get-CsPoolFailOverStatus -PoolFqdn %s, typed at a machine of %s, says what it waits "
        "for. If it can't serve any more: %s",
        w->home, w->holder, w->alone);
}

void ending_holder_stopped(struct error *e, const struct operation_words *w)
{
    home_explain_stopped(e, w->home, w->holder);
    error_kept(e, "Nothing was changed.");
    error_next(e,
               "Start-CsPool -PoolFqdn %s starts it, and then the same again. Only if it can't be "
               "started: %s",
               w->holder, w->alone);
}

void ending_stuck(struct error *e, const struct operation_words *w, uint32_t patience_ms,
                  uint64_t left, const struct error *why)
{
    char longer[TIME_SPAN_TEXT_MAX];
    fail(e, FAIL_DEADLINE, "Copying made no progress for %.0f s: %s %s not copied yet%s%s",
         patience_ms / 1000.0, COUNTED(left, "change"), count_word(left, "is", "are"),
         why ? ": " : ".", why ? why->what : "");
    error_kept(e, "%s", serves_on);
    time_span_text(twice(patience_ms, WAIT_MS_MAX), longer);
    OWNED(free_memory)
    char *again = w->central ? xstrdup(w->again) : again_with(w, " -WaitTime", longer);
    error_next(
        e, "%s%sGet-CsBackupServiceStatus -PoolFqdn %s -Detailed says what keeps copying. %s: %s",
        why ? why->next : "", why && why->next[0] ? " " : "", w->taker,
        w->central ? "Then again" : "To wait longer", again);
}

void ending_full(struct error *e, const struct operation_words *w, uint64_t left,
                 const struct error *why)
{
    fail(e, FAIL_FULL, "Copying does not go on: %s %s not copied yet: %s", COUNTED(left, "change"),
         count_word(left, "is", "are"), why->what);
    error_kept(e, "%s", serves_on);
    error_next(e, "%s%sThen again: %s", why->next, why->next[0] ? " " : "", w->again);
}

void ending_replicas_behind(struct error *e, const struct operation_words *w, const char *names,
                            uint32_t patience_ms, uint64_t left)
{
    fail(e, FAIL_DEADLINE, "The replicas made no progress for %.0f s: %s %s not there yet: %s.",
         patience_ms / 1000.0, COUNTED(left, "change"), count_word(left, "is", "are"),
         names && *names ? names : "nobody says where");
    error_kept(e, "%s", serves_on);
    error_next(e,
               "Get-CsManagementStoreReplicationStatus says more. Whoever is stopped is not waited "
               "for, and catches up when it is started again. Then again: %s",
               w->again);
}

void ending_not_flushed(struct error *e, const struct operation_words *w, const struct error *why)
{
    *e = *why;
    error_kept(e, "%s", serves_on);
    OWNED(free_memory) char *again = again_with(w, without_flush, NULL);
    error_next(e, "%s%sTo go on without that: %s", why->next, why->next[0] ? " " : "", again);
}

void ending_flush_late(struct error *e, const struct operation_words *w, uint32_t waited_ms)
{
    fail(e, FAIL_DEADLINE, "The storage queues of %s were not empty after %.0f s.", w->holder,
         waited_ms / 1000.0);
    error_kept(e, "%s", serves_on);
    OWNED(free_memory) char *again = again_with(w, without_flush, NULL);
    error_next(e, "The log of %s says what keeps them. To go on without that: %s", w->holder,
               again);
}

void ending_called_off(struct error *e, const struct operation_words *w)
{
    fail(e, FAIL_REFUSED, "The operation was called off by an administrator.");
    error_kept(e, "%s", serves_on);
    error_next(e, "To begin anew: %s", w->again);
}

void ending_taker_stopped(struct error *e, const struct operation_words *w)
{
    fail(e, FAIL_REFUSED, "An administrator stopped %s, which was to take the home %s over.",
         w->taker, w->home);
    error_kept(e, "%s", serves_on);
    error_next(e, "Start-CsPool -PoolFqdn %s starts it. Then again: %s", w->taker, w->again);
}

enum failure ending_too_late(struct error *e, const struct operation_words *w, const char *step)
{
    fail(e, FAIL_REFUSED,
         "The operation is past the point where it can be called off: it is at \"%s\".", step);
    if (e) {
        error_kept(e, "It goes on.");
        error_next(e, "Get-CsPoolFailOverStatus -PoolFqdn %s shows how far it is.", w->home);
    }
    return FAIL_REFUSED;
}

void ending_silent(struct error *e, const struct operation_words *w, const struct error *trouble)
{
    fail(e, FAIL_UNREACHABLE, "%s, which holds the home, does not answer%s%s", w->holder,
         trouble->kind ? ": " : ".", trouble->kind ? trouble->what : "");
    error_kept(e, "Nothing was taken over.");
    error_next(e, "Mend that, or take over without it: %s", w->alone);
}

/* `who` has a store that is late with what is to be kept. */
static void late_store(struct error *e, const struct operation_words *w, const char *who,
                       const char *what, uint32_t waited_ms)
{
    fail(e, FAIL_DEADLINE, "The store of %s has not kept in %.0f s %s.", who, waited_ms / 1000.0,
         what);
    error_kept(e, "%s", serves_on);
    OWNED(free_memory)
    char *longer = xasprintf("%.0f", (double)twice(waited_ms, STORE_WAIT_MS_MAX) / 1000);
    OWNED(free_memory)
    char *again =
        w->central ? xstrdup(w->again) : again_with(w, " -DatabaseCommandTimeoutInSeconds", longer);
    error_next(e, "The log of %s says what is wrong with it. %s: %s", who,
               w->central ? "Then again" : "To wait longer", again);
}

void ending_late_here(struct error *e, const struct operation_words *w, uint32_t waited_ms)
{
    late_store(e, w, w->taker, "that it is going to take the home", waited_ms);
}

void ending_not_kept_here(struct error *e, const struct operation_words *w, const struct error *why)
{
    fail(e, why->kind, "The store of %s does not keep that it is going to take the home: %s",
         w->taker, why->what);
    error_kept(e, "%s", serves_on);
    error_next(e, "%s%sThen again: %s", why->next, why->next[0] ? " " : "", w->again);
}

/* --- while it refuses changes --- */

void ending_not_stopped(struct error *e, const struct operation_words *w, uint32_t waited_ms)
{
    late_store(e, w, w->holder, "that changes stop", waited_ms);
}

void ending_store_full(struct error *e, const struct operation_words *w)
{
    fail(e, FAIL_FULL, "The store of %s keeps nothing, so it can't release the home.", w->holder);
    error_kept(e, "%s", serves_on);
    error_next(e, "The log of %s says what is wrong with it. To take over all the same: %s",
               w->holder, w->alone);
}

void ending_unequal(struct error *e, const struct operation_words *w)
{
    fail(e, FAIL_DAMAGED, "The copy has everything, and is not equal to what %s has.", w->holder);
    error_kept(e, "%s", serves_on);
    error_next(e,
               "Have them compared: Invoke-CsBackupServiceSync -PoolFqdn %s -BypassDualWrite true. "
               "Then again: %s%s%s%s",
               w->holder, w->again,
               w->central ? "" : ". Or take it as it is: ", w->central ? "" : w->again,
               w->central ? "" : " -SkipDataVerification");
}

void ending_not_released(struct error *e, const struct operation_words *w, uint32_t waited_ms)
{
    fail(e, FAIL_DEADLINE, "%s has not kept in %.0f s that it gives the home away.", w->holder,
         waited_ms / 1000.0);
    error_kept(e, "%s", serves_on);
    error_next(e,
               "The log of %s says what is wrong with its store, or what was changed meanwhile. "
               "Then again: %s",
               w->holder, w->again);
}

void ending_in_doubt(struct error *e, const struct operation_words *w)
{
    fail(e, FAIL_UNREACHABLE, "%s does not say whether it has released the home.", w->holder);
    error_kept(e,
               "If it has, %s takes the home by itself as soon as it hears so; else it is served "
               "where it was.",
               w->taker);
    error_next(e, "Get-CsPoolFailOverStatus -PoolFqdn %s shows which. If %s is lost: %s", w->home,
               w->holder, w->alone);
}

/* --- when this pool takes --- */

void ending_not_whole(struct error *e, const struct operation_words *w)
{
    fail(e, FAIL_REFUSED,
         "The copy at %s is in the middle of catching up: it stands at no point that existed.",
         w->taker);
    error_kept(e, "Nothing was taken over.");
    if (w->central)
        error_next(
            e,
            "It goes on when the holder is heard, or a replica that has all of it. If nobody "
            "has any more, take it as it is: %s -SkipDataVerification",
            w->alone);
    else
        error_next(e,
                   "Get-CsBackupServiceStatus -PoolFqdn %s -Detailed shows how far it is. To take "
                   "it as it is: %s -SkipDataVerification",
                   w->taker, w->alone);
}

void ending_late(struct error *e, bool ready, uint32_t waited_ms)
{
    fail(e, FAIL_DEADLINE,
         ready ? "The store has not kept it in %.0f s."
               : "The copy here is compared, and that has not come to its end in %.0f s.",
         waited_ms / 1000.0);
}

void ending_not_taken(struct error *e, const struct operation_words *w, bool alone)
{
    if (alone)
        error_kept(e, "Nothing was taken over.");
    else
        error_kept(e, "%s has given the home away, and asks %s until it takes it or declines.",
                   w->holder, w->taker);
    if (e->next[0])
        return;
    if (alone)
        error_next(e, "The log of %s says more. Then again: %s", w->taker, w->again);
    else
        error_next(
            e,
            "The log of %s says more. Get-CsPoolFailOverStatus -PoolFqdn %s shows whether it "
            "has taken it.",
            w->taker, w->home);
}
