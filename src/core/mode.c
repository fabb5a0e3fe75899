#include "core/mode.h"

#include <assert.h>

#include "base/memory.h"

/* clang-format off */
static const struct mode_rights rights[MODES] = {
    /*                    name          sessions            reads  changes holder */
    [MODE_SERVING]    = {"Serving",    SESSIONS_OPEN,      true,  true,   true },
    [MODE_CLOSING]    = {"Closing",    SESSIONS_KEPT,      true,  true,   true },
    [MODE_DRAINING]   = {"Draining",   SESSIONS_KEPT,      true,  false,  true },
    [MODE_RELEASED]   = {"Released",   SESSIONS_ELSEWHERE, false, false,  false},
    [MODE_STANDBY]    = {"Standby",    SESSIONS_ELSEWHERE, false, false,  false},
    [MODE_RESILIENCY] = {"Resiliency", SESSIONS_LIMITED,   true,  false,  false},
    [MODE_REJOINING]  = {"Rejoining",  SESSIONS_LIMITED,   true,  false,  false},
};

static const char *const causes[CAUSES] = {
    [CAUSE_CREATED]      = "created",
    [CAUSE_RESTARTED]    = "restarted",
    [CAUSE_GRANTED]      = "granted",
    [CAUSE_FORCED]       = "forced",
    [CAUSE_PAIRED]       = "paired",
    [CAUSE_UNPAIRED]     = "unpaired",
    [CAUSE_ALONE]        = "alone",
    [CAUSE_CLOSED]       = "closed",
    [CAUSE_DRAINED]      = "drained",
    [CAUSE_ROLLED_BACK]  = "rolled-back",
    [CAUSE_RELEASED]     = "released",
    [CAUSE_TAKEN]        = "taken",
    [CAUSE_DECLINED]     = "declined",
    [CAUSE_TAKES]        = "takes",
    [CAUSE_SUPERSEDED]   = "superseded",
    [CAUSE_SILENCE]      = "silence",
    [CAUSE_HEARD]        = "heard",
    [CAUSE_MET]          = "met",
    [CAUSE_FORGOTTEN]    = "forgotten",
    [CAUSE_NOT_STORED]   = "not-stored",
    [CAUSE_STORE_FAILED] = "store-failed",
    [CAUSE_STOPPED]      = "stopped",
};

/* A home that a store knows nothing about is Rejoining: an empty store never serves by itself. */
static const struct mode_transition transitions[] = {
    /* The life of a holder. Every way into Serving, but for a hand-over called off, opens a term. */
    {MODE_REJOINING,  CAUSE_CREATED,      MODE_SERVING,    "The first publication of the topology creates the home, once."},
    {MODE_REJOINING,  CAUSE_GRANTED,      MODE_SERVING,    "The partner says that it has not taken the home."},
    {MODE_REJOINING,  CAUSE_UNPAIRED,     MODE_SERVING,    "Nobody else can have taken the home."},
    {MODE_REJOINING,  CAUSE_PAIRED,       MODE_SERVING,    "The other pool has no part in it, and has not taken it."},
    {MODE_SERVING,    CAUSE_PAIRED,       MODE_SERVING,    "The same; the new term names the new one."},
    {MODE_REJOINING,  CAUSE_ALONE,        MODE_SERVING,    "It was the last to take, and the partner has been silent for the failure-detection interval."},
    {MODE_REJOINING,  CAUSE_FORCED,       MODE_SERVING,    "An administrator vouches that nobody else serves it."},
    {MODE_SERVING,    CAUSE_MET,          MODE_SERVING,    "Of two that took alone, the one that serves keeps the home, in a higher term."},
    {MODE_SERVING,    CAUSE_RESTARTED,    MODE_REJOINING,  "It may have been superseded while it did not run."},
    {MODE_CLOSING,    CAUSE_RESTARTED,    MODE_REJOINING,  "The same."},
    {MODE_DRAINING,   CAUSE_RESTARTED,    MODE_REJOINING,  "The same; the hand-over is called off."},
    {MODE_REJOINING,  CAUSE_RESTARTED,    MODE_REJOINING,  "Still waiting for an answer."},
    {MODE_SERVING,    CAUSE_STORE_FAILED, MODE_REJOINING,  "What can't be kept must not be acknowledged."},
    {MODE_CLOSING,    CAUSE_STORE_FAILED, MODE_REJOINING,  "The same."},
    {MODE_DRAINING,   CAUSE_STORE_FAILED, MODE_REJOINING,  "The same."},
    {MODE_SERVING,    CAUSE_STOPPED,      MODE_REJOINING,  "An administrator stopped the pool; it asks before it serves again."},
    {MODE_CLOSING,    CAUSE_STOPPED,      MODE_REJOINING,  "The same; the hand-over is called off."},
    {MODE_DRAINING,   CAUSE_STOPPED,      MODE_REJOINING,  "The same."},
    {MODE_SERVING,    CAUSE_FORGOTTEN,    MODE_REJOINING,  "Its store is older than what others know of it: it asks before it goes on."},
    {MODE_CLOSING,    CAUSE_FORGOTTEN,    MODE_REJOINING,  "The same."},
    {MODE_DRAINING,   CAUSE_FORGOTTEN,    MODE_REJOINING,  "The same."},
    {MODE_STANDBY,    CAUSE_FORGOTTEN,    MODE_REJOINING,  "It was the last holder, so nobody else can serve: it asks."},
    {MODE_RESILIENCY, CAUSE_FORGOTTEN,    MODE_REJOINING,  "The same."},
    {MODE_STANDBY,    CAUSE_NOT_STORED,   MODE_REJOINING,  "Its record still says that it holds the home."},

    /* Handing over. Forwards only, once it is released. */
    {MODE_SERVING,    CAUSE_CLOSED,       MODE_CLOSING,    "Sessions leave before changes stop."},
    {MODE_SERVING,    CAUSE_DRAINED,      MODE_DRAINING,   "The same, where nobody is given time to leave."},
    {MODE_CLOSING,    CAUSE_DRAINED,      MODE_DRAINING,   "From here on nothing can be acknowledged that is not copied."},
    {MODE_CLOSING,    CAUSE_ROLLED_BACK,  MODE_SERVING,    "Called off: it never stopped being the holder."},
    {MODE_DRAINING,   CAUSE_ROLLED_BACK,  MODE_SERVING,    "The same."},
    {MODE_DRAINING,   CAUSE_RELEASED,     MODE_RELEASED,   "Everything is copied and verified; the term is given away."},
    {MODE_RELEASED,   CAUSE_TAKEN,        MODE_STANDBY,    "The partner serves; sync turns round."},
    {MODE_RELEASED,   CAUSE_DECLINED,     MODE_SERVING,    "The partner durably declined, so a new term may be opened."},
    {MODE_RELEASED,   CAUSE_PAIRED,       MODE_SERVING,    "The partner gave its part up instead of taking, so nobody else can."},
    {MODE_RELEASED,   CAUSE_TAKES,        MODE_SERVING,    "Taken back alone: the partner was lost before it took."},
    {MODE_RELEASED,   CAUSE_RESTARTED,    MODE_RELEASED,   "Repeated until it is answered."},
    {MODE_RELEASED,   CAUSE_FORGOTTEN,    MODE_REJOINING,  "Its store is older than the answer that it was given: it asks."},

    /* The other pool. */
    {MODE_STANDBY,    CAUSE_TAKES,        MODE_SERVING,    "Released to it, or the holder is lost."},
    {MODE_RESILIENCY, CAUSE_TAKES,        MODE_SERVING,    "The same."},
    {MODE_STANDBY,    CAUSE_SILENCE,      MODE_RESILIENCY, "Users get limited service until somebody fails the home over."},
    {MODE_RESILIENCY, CAUSE_HEARD,        MODE_STANDBY,    "The holder is back."},
    {MODE_STANDBY,    CAUSE_RESTARTED,    MODE_STANDBY,    "It was not the holder, so it can't have lost that."},
    {MODE_RESILIENCY, CAUSE_RESTARTED,    MODE_STANDBY,    "Silence is counted anew."},

    /* Whoever hears of a higher term steps down, whatever it was. */
    {MODE_SERVING,    CAUSE_SUPERSEDED,   MODE_STANDBY,    "Never two masters: the lower term yields at the first word."},
    {MODE_CLOSING,    CAUSE_SUPERSEDED,   MODE_STANDBY,    "The same."},
    {MODE_DRAINING,   CAUSE_SUPERSEDED,   MODE_STANDBY,    "The same."},
    {MODE_RELEASED,   CAUSE_SUPERSEDED,   MODE_STANDBY,    "The same."},
    {MODE_REJOINING,  CAUSE_SUPERSEDED,   MODE_STANDBY,    "The same."},
    {MODE_RESILIENCY, CAUSE_SUPERSEDED,   MODE_STANDBY,    "There is a new holder."},
    {MODE_STANDBY,    CAUSE_SUPERSEDED,   MODE_STANDBY,    "The same."},
};
/* clang-format on */

const struct mode_rights *mode_rights(enum mode mode)
{
    assert((unsigned)mode < MODES);
    return &rights[mode];
}

const char *mode_name(enum mode mode)
{
    return mode_rights(mode)->name;
}

const char *cause_name(enum cause cause)
{
    assert((unsigned)cause < CAUSES);
    return causes[cause];
}

bool mode_after(enum mode from, enum cause cause, enum mode *to)
{
    for (size_t i = 0; i < COUNT_OF(transitions); i++) {
        if (transitions[i].from == from && transitions[i].cause == cause) {
            *to = transitions[i].to;
            return true;
        }
    }
    return false;
}

const struct mode_transition *mode_transitions(size_t *count)
{
    *count = COUNT_OF(transitions);
    return transitions;
}
