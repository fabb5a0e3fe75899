#include "core/operation_ending.h"

#include <inttypes.h>

/* What is kept where nothing was given away. */
static const char serves_on[] = "The home is served where it was.";

/* What to type to take it without its holder. */
static const char *alone(bool central)
{
    return central ? "-BackupSqlServerFqdn, -BackupSqlInstanceName and -Force" : "-DisasterMode";
}

void ending_refused(struct error *e, const struct error *why)
{
    *e = *why;
    if (!e->kept[0])
        error_kept(e, "%s", serves_on);
}

void ending_not_served(struct error *e, bool central, enum mode mode)
{
    fail(e, FAIL_REFUSED, "The holder answers, but does not serve the home: it is %s there.",
         mode_name(mode));
    error_kept(e, "Nothing was changed.");
    error_next(e,
               "Get-CsPoolFailOverStatus, asked there, says what it waits for. If it can't "
               "serve any more: %s",
               alone(central));
}

void ending_stuck(struct error *e, bool central, uint32_t patience_ms, uint64_t left,
                  const struct error *why)
{
    fail(e, FAIL_DEADLINE,
         "Copying made no progress for %.0f s: %" PRIu64 " changes are not copied yet%s%s",
         patience_ms / 1000.0, left, why ? ": " : ".", why ? why->what : "");
    error_kept(e, "%s", serves_on);
    error_next(e, "Get-CsBackupServiceStatus -Detailed says what keeps copying.%s",
               central ? "" : " A longer -WaitTime waits longer.");
}

void ending_full(struct error *e, uint64_t left, const struct error *why)
{
    fail(e, FAIL_FULL, "Copying does not go on: %" PRIu64 " changes are not copied yet: %s", left,
         why->what);
    error_kept(e, "%s", serves_on);
    error_next(e, "%s", why->next);
}

void ending_replicas_behind(struct error *e, const char *names, uint32_t patience_ms, uint64_t left)
{
    fail(e, FAIL_DEADLINE,
         "The replicas made no progress for %.0f s: %" PRIu64 " changes are not there yet: %s.",
         patience_ms / 1000.0, left, names && *names ? names : "nobody says where");
    error_kept(e, "%s", serves_on);
    error_next(e, "Get-CsManagementStoreReplicationStatus says more. Whoever is stopped is not "
                  "waited for, and catches up when it is started again.");
}

void ending_not_flushed(struct error *e, uint32_t waited_ms)
{
    fail(e, FAIL_DEADLINE, "The storage queues of the holder were not empty after %.0f s.",
         waited_ms / 1000.0);
    error_kept(e, "%s", serves_on);
    error_next(e, "Its log says what keeps them. To go on without: leave out -FlushStorageService");
}

void ending_called_off(struct error *e)
{
    fail(e, FAIL_REFUSED, "The operation was called off by an administrator.");
    error_kept(e, "%s", serves_on);
}

enum failure ending_too_late(struct error *e, const char *step)
{
    fail(e, FAIL_REFUSED,
         "The operation is past the point where it can be called off: it is at \"%s\".", step);
    if (e)
        error_kept(e, "It goes on.");
    return FAIL_REFUSED;
}

void ending_silent(struct error *e, bool central, const struct error *trouble)
{
    fail(e, FAIL_UNREACHABLE, "The holder does not answer%s%s", trouble->kind ? ": " : ".",
         trouble->kind ? trouble->what : "");
    error_kept(e, "Nothing was taken over.");
    error_next(e, "If it is lost, take the home without it: %s", alone(central));
}

void ending_not_stopped(struct error *e, bool central, uint32_t waited_ms)
{
    fail(e, FAIL_DEADLINE, "The holder's store has not kept in %.0f s that changes stop.",
         waited_ms / 1000.0);
    error_kept(e, "%s", serves_on);
    error_next(e, "Its log says what is wrong with it%s",
               central ? "." : "; -DatabaseCommandTimeoutInSeconds waits longer.");
}

void ending_store_full(struct error *e, bool central)
{
    fail(e, FAIL_FULL, "The holder's store keeps nothing, so it can't release the home.");
    error_kept(e, "%s", serves_on);
    error_next(e, "Its log says what is wrong with it. To take over all the same: %s",
               alone(central));
}

void ending_unequal(struct error *e, bool central)
{
    fail(e, FAIL_DAMAGED, "The copy has everything, and is not equal to what the holder has.");
    error_kept(e, "%s", serves_on);
    error_next(e,
               "Have them compared, and try again: Invoke-CsBackupServiceSync "
               "-BypassDualWrite $true.%s",
               central ? "" : " Or take it as it is: -SkipDataVerification");
}

void ending_not_released(struct error *e, uint32_t waited_ms)
{
    fail(e, FAIL_DEADLINE, "The holder has not kept in %.0f s that it gives the home away.",
         waited_ms / 1000.0);
    error_kept(e, "%s", serves_on);
    error_next(e, "Its log says what is wrong with its store, or what was changed meanwhile.");
}

void ending_in_doubt(struct error *e, bool central)
{
    fail(e, FAIL_UNREACHABLE, "The holder does not say whether it has released the home.");
    error_kept(e, "If it has, this pool takes the home by itself as soon as it hears so; else it "
                  "is served where it was.");
    error_next(e, "Get-CsPoolFailOverStatus shows which. If the holder is lost: %s",
               alone(central));
}

void ending_not_whole(struct error *e, bool central)
{
    fail(e, FAIL_REFUSED,
         "The copy here is in the middle of a long catch-up: it stands at no "
         "point that existed.");
    error_kept(e, "Nothing was taken over.");
    error_next(e, "%s",
               central
                   ? "It goes on when the holder is heard, or a replica that has all of it. If "
                     "nobody has any more, take it as it is: with -SkipDataVerification besides."
                   : "Wait until it is complete, or take it as it is: -SkipDataVerification.");
}

void ending_late(struct error *e, bool ready, uint32_t waited_ms)
{
    fail(e, FAIL_DEADLINE,
         ready ? "The store has not kept it in %.0f s."
               : "The copy here is compared, and that has not come to its end in %.0f s.",
         waited_ms / 1000.0);
}

void ending_not_taken(struct error *e, bool alone)
{
    if (alone)
        error_kept(e, "Nothing was taken over.");
    else
        error_kept(e, "The holder has given the home away, and asks this pool until it takes it or "
                      "declines.");
}
