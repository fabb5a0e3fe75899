#include "admin/plan.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/count.h"
#include "base/timespan.h"
#include "pool/content.h"

/* What every step is told with. */
struct plan {
    struct call *call;
    const struct operation_wish *wish;
    const struct operation_options *options;
    const struct preflight *found;
    const char *self;
};

static void tell_replicas(const struct plan *p)
{
    if (!p->options->replicas)
        return;
    if (!p->found->answered)
        call_what_if(p->call, "The replicas that answer would be asked whether they have more, and "
                              "that be brought first.");
    else if (!p->options->disaster)
        call_what_if(p->call, "It would wait until each replica that answers is up to date, as "
                              "long as they make progress.");
}

static void tell_copying(const struct plan *p)
{
    uint64_t files = content_left(front_end_content(call_front_end(p->call)), p->wish->home).bytes;
    call_what_if(p->call,
                 "%s of %s would be copied to %s while %s serves on; for that it would wait until "
                 "nothing moves for %.0f s.",
                 COUNTED(preflight_uncopied(p->found), "change"), p->wish->home, p->self,
                 p->found->from, p->options->patience_ms / 1000.0);
    if (files)
        call_what_if(p->call, "%s of files %s to %s; what that takes comes to what is said below.",
                     COUNTED(files, "byte"), count_word(files, "is on its way", "are on their way"),
                     p->self);
}

/* Changes stop there, and what it has is copied, whether or not it can write that down. */
static void tell_release(const struct plan *p)
{
    const char *compared = p->options->skip_verification
                               ? " without a look whether both copies are equal"
                               : " and both copies compared by their digests";
    if (p->found->keeps)
        call_what_if(p->call,
                     "%s would refuse changes, the rest would be copied%s, and the home released "
                     "at its last change.",
                     p->found->from, compared);
    else
        call_what_if(p->call,
                     "%s would refuse changes, and the rest would be copied%s. Its store keeps "
                     "nothing, so it can't release the home: that would be taken without it.",
                     p->found->from, compared);
}

static void tell_with_holder(const struct plan *p)
{
    const char *from = p->found->from;
    if (p->options->disaster && p->found->keeps)
        call_what_if(p->call, "Disaster mode would not be needed: %s answers.", from);
    tell_copying(p);
    if (p->options->flush)
        call_what_if(p->call, "The storage queues of %s would be flushed into the store.", from);
    if (p->options->close_ms)
        call_what_if(p->call, "Sessions would have %s to end; new ones would wait for %s.",
                     ROUGHLY(p->options->close_ms), p->self);
    tell_release(p);
}

/* It may serve again in a moment: nobody knows that now. */
static void tell_idle_holder(const struct plan *p)
{
    if (p->found->stopped) {
        call_what_if(p->call,
                     "%s answers, but does not serve the home %s: an administrator stopped it. It "
                     "would not be waited for. To serve it there again: Start-CsPool -PoolFqdn %s",
                     p->found->from, p->wish->home, p->found->from);
        return;
    }
    call_what_if(p->call,
                 "%s answers, but does not serve the home %s: it is %s there. It would be waited "
                 "for %.0f s until it does.%s",
                 p->found->from, p->wish->home, mode_name(p->found->mode),
                 OPERATION_SERVES_MS / 1000.0,
                 p->options->disaster ? "" : " Unless it does, nothing would be taken over.");
}

/* So is one whose store does not keep in time that changes stop. */
static void tell_late_holder(const struct plan *p)
{
    call_what_if(p->call,
                 "%s answers, but its store has kept nothing for %.0f s. It would be waited for "
                 "%.0f s until it does.",
                 p->found->from, LINK_DEADLINE_MS / 1000.0, p->options->store_ms / 1000.0);
}

static bool anybody_answers(const struct front_end *fe)
{
    struct peers *peers = front_end_peers(fe);
    for (size_t i = 0; i < peers_count(peers); i++) {
        if (peers_at(peers, i)->reachable)
            return true;
    }
    return false;
}

/* It may be this pool that is cut off. */
static void tell_witnesses(const struct plan *p)
{
    if (p->found->answered)
        return;
    if (p->found->witnesses[0])
        call_what_if(p->call,
                     "%s is heard by others than %s: %s. It would step down as soon as they tell "
                     "it.",
                     p->found->from, p->self, p->found->witnesses);
    else if (anybody_answers(call_front_end(p->call)))
        call_what_if(p->call, "No other machine that answers %s hears %s, either.", p->self,
                     p->found->from);
    else
        call_what_if(p->call, "No other machine answers %s, which may be cut off itself.", p->self);
}

static void tell_alone(const struct plan *p)
{
    const char *catch_up = preflight_catch_up(p->found, p->options);
    OWNED(free_memory)
    char *silent = xasprintf("%s does not answer: ", p->found->from);
    const char *unless = p->found->stopped ? "Without its release, " : "Unless it does, ";
    OWNED(free_memory) char *age = preflight_age(p->found->complete_wall_ms, clock_wall_ms());
    call_what_if(p->call,
                 "%sthe home %s would be taken as the copy at %s has it, up to change %" PRIu64
                 ". Age of that copy: %s.",
                 p->found->answered ? unless : silent, p->wish->home, p->self, p->found->own.usn,
                 age);
    OWNED(free_memory)
    char *files = preflight_files_away(p->found->files_missing, p->self, p->found->from);
    if (files)
        call_what_if(p->call, "%s", files);
    tell_witnesses(p);
    if (catch_up)
        call_what_if(p->call, "%s", catch_up);
}

static void tell_new_term(const struct plan *p)
{
    if (p->wish->kind == OPERATION_MOVE_CENTRAL)
        call_what_if(p->call,
                     "%s would hold the Central Management Store in a new term, and every machine "
                     "hear of it.",
                     p->self);
    else
        call_what_if(p->call,
                     "%s would serve the home %s in a new term, and its users would sign on there.",
                     p->self, p->wish->home);
}

/* Where nobody serves, no changes are accepted anyhow. */
static void tell_time(const struct plan *p)
{
    uint64_t ms;
    bool known = preflight_ms(p->found, p->options, &ms);
    bool served = p->found->answered && p->found->mode == MODE_SERVING;
    if (known && !served)
        call_what_if(p->call, "That would take about %s.", ROUGHLY(ms));
    else if (known)
        call_what_if(p->call,
                     "That would take about %s, and changes would be refused for less than a "
                     "second of it.",
                     ROUGHLY(ms));
    else
        call_what_if(p->call,
                     "How long copying takes is not known: nothing has gone to %s lately that "
                     "could tell. The rest would take about %s, and changes would be refused for "
                     "less than a second of it.",
                     p->self, ROUGHLY(ms));
}

/* That is what it is asked for, with -WhatIf, in many a runbook. */
static void tell_where_central_is(const struct plan *p)
{
    const struct config *config = front_end_config(call_front_end(p->call));
    const struct pool *holder = topology_pool(config->topology, p->found->from);
    if (p->wish->kind == OPERATION_MOVE_CENTRAL && holder)
        call_what_if(p->call, "The Central Management Store is held by %s, in %s.", holder->fqdn,
                     holder->database);
}

/* False: nothing comes of it, unless the holder is another one by then. */
static bool tell_who_gives(const struct plan *p)
{
    bool idle = p->found->answered && p->found->mode != MODE_SERVING;
    if (idle)
        tell_idle_holder(p);
    else if (p->found->late)
        tell_late_holder(p);
    if (idle && !p->options->disaster)
        return false;
    tell_replicas(p);
    if (preflight_gives(p->found))
        tell_with_holder(p);
    else
        tell_alone(p);
    return true;
}

void plan_tell(struct call *call, const struct operation_wish *wish, const struct preflight *found)
{
    const struct plan p = {.call = call,
                           .wish = wish,
                           .options = &wish->options,
                           .found = found,
                           .self = front_end_pool(call_front_end(call))};
    tell_where_central_is(&p);
    if (!tell_who_gives(&p))
        return;
    tell_new_term(&p);
    tell_time(&p);
}
