#include "admin/preflight.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>

#include "admin/central_copy.h"
#include "base/clock.h"
#include "base/count.h"
#include "base/faults.h"
#include "base/timespan.h"
#include "core/operation_ending.h"
#include "pool/backup_service.h"
#include "pool/certificates.h"
#include "pool/content.h"

/* What the checks look at. */
struct look {
    struct call *call;
    struct front_end *fe;
    const struct operation_wish *wish;
    const struct home *core; /* NULL: this pool has no part in the home */
    const char *self, *partner;
};

static bool wrong(const struct look *l, struct error *e)
{
    error_kept(e, "Nothing was changed.");
    call_error(l->call, e);
    return false;
}

static bool has_backup(const struct look *l)
{
    struct error e;
    if (l->core && l->partner[0])
        return true;
    if (l->wish->kind == OPERATION_MOVE_CENTRAL)
        fail(&e, FAIL_REFUSED,
             "The pool of the Central Management Store has no backup pool that "
             "could take it.");
    else if (l->wish->kind == OPERATION_FAIL_BACK)
        fail(&e, FAIL_REFUSED, "%s has no backup pool, so it is never failed over.", l->wish->home);
    else
        fail(&e, FAIL_REFUSED, "%s has no backup pool, so nobody can take over its users.",
             l->wish->home);
    error_next(&e, "Pairs are made in the topology. Who backs whom up: Get-CsPool");
    return wrong(l, &e);
}

/* Somebody asked for the pool that has the users, instead of the pool whose they are. */
static void name_the_other(const struct look *l, struct error *e)
{
    const struct hosted_home *other = front_end_home(l->fe, l->partner);
    if (other && mode_rights(home_mode(hosted_home_core(other)))->holder)
        error_next(e,
                   "It is %s that is failed over, to %s. To give it back: Invoke-CsPoolFailBack "
                   "-PoolFqdn %s",
                   l->partner, l->self, l->partner);
    else
        error_next(e, "Who holds which home: Get-CsPoolFailOverStatus");
}

static bool is_held_elsewhere(const struct look *l)
{
    struct error e;
    bool silent = front_end_is_silent(l->fe, l->partner, NULL);
    enum mode mode = home_mode(l->core);
    if (mode == MODE_STANDBY || mode == MODE_RESILIENCY)
        return true;
    if (mode == MODE_REJOINING || mode == MODE_RELEASED) {
        home_explain(l->core, &e);
        return wrong(l, &e);
    }
    if (mode == MODE_DRAINING || mode == MODE_CLOSING) {
        fail(&e, FAIL_BUSY, "%s is handing the home %s over to %s right now.", l->self,
             l->wish->home, l->partner);
        error_next(&e,
                   "Get-CsPoolFailOverStatus -PoolFqdn %s shows how far it is. To call it off: "
                   "Stop-CsPoolFailOver -PoolFqdn %s",
                   l->wish->home, l->wish->home);
    } else if (l->wish->kind == OPERATION_MOVE_CENTRAL) {
        fail(&e, FAIL_REFUSED, "%s holds the Central Management Store already, since term %llu.",
             l->self, (unsigned long long)home_hold(l->core)->term.number);
        if (l->wish->options.disaster)
            error_next(&e, "Get-CsManagementConnection shows where it is, on any machine.");
        else
            error_next(&e,
                       "To move it to %s, on a machine of %s: Invoke-CsManagementServerFailover",
                       l->partner, l->partner);
    } else if (l->wish->kind == OPERATION_FAIL_BACK) {
        fail(&e, FAIL_REFUSED, "%s is not failed over: it serves its own users.", l->wish->home);
        name_the_other(l, &e);
    } else {
        fail(&e, FAIL_REFUSED, "%s is failed over already: %s has held its home since term %llu.",
             l->wish->home, l->self, (unsigned long long)home_hold(l->core)->term.number);
        error_next(&e, "To give it back%s%s%s: Invoke-CsPoolFailBack -PoolFqdn %s",
                   silent ? ", once " : "", silent ? l->partner : "", silent ? " answers" : "",
                   l->wish->home);
    }
    return wrong(l, &e);
}

static bool is_started(const struct look *l)
{
    struct error e;
    if (!home_stopped(l->core))
        return true;
    fail(&e, FAIL_REFUSED, "%s, which would take over, was stopped by an administrator.", l->self);
    error_next(&e, "Start-CsPool -PoolFqdn %s starts it. Then again: %s", l->self, l->wish->again);
    return wrong(l, &e);
}

/* Another kind of operation; the same kind is joined. */
static bool is_free(const struct look *l)
{
    struct error e;
    const struct operation_report *r = operating_of(front_end_operating(l->fe), l->wish->home);
    if (!r || !operating_is_under_way(r) || r->wish.kind == l->wish->kind)
        return true;
    fail(&e, FAIL_BUSY, "Another operation with this home is under way: %s, begun by %s.",
         operation_kind_name(r->wish.kind), r->wish.by);
    error_next(&e, "Wait for its end, or call it off: Stop-CsPoolFailOver -PoolFqdn %s",
               l->wish->home);
    return wrong(l, &e);
}

static bool has_good_certificates(const struct look *l)
{
    OWNED(faults_free) struct faults faults = {0};
    certificates_faults(front_end_config(l->fe), &faults);
    return faults.count == 0;
}

/* It is not lost: taken without it, it would serve on beside us, and could not hear that. */
static bool is_there(const struct look *l, const struct error *why)
{
    struct error e;
    if (why->kind == FAIL_FOREIGN && !has_good_certificates(l))
        return false; /* it is ours to mend: certificates_are_good() says so */
    fail(&e, why->kind, "%s, which holds the home, is there, and can't be asked: %s", l->partner,
         why->what);
    error_next(&e,
               "%s%sIf that can't be done, stop what answers there, and take over without it: %s",
               why->next, why->next[0] ? " " : "", l->wish->alone);
    return wrong(l, &e);
}

/* The Central Management Store is where the users are taken from. */
static void warn_that_central_stays(const struct look *l)
{
    OWNED(free_memory)
    char *takeover = central_copy_takeover(front_end_config(l->fe)->self->pool);
    bool lost = l->wish->options.disaster && front_end_is_silent(l->fe, l->partner, NULL);
    if (lost)
        call_caution(
            l->call,
            "The Central Management Store was held by %s, too: accounts and settings can't "
            "be changed until it is taken over as well: %s",
            l->partner, takeover);
    else
        call_caution(l->call,
                     "The Central Management Store is held by %s and stays there. To move it, too, "
                     "on a machine of %s: Invoke-CsManagementServerFailover",
                     l->partner, l->self);
}

static bool holder_answers(const struct look *l)
{
    struct error e;
    const struct error *why;
    if (!front_end_is_silent(l->fe, l->partner, &why))
        return true;
    if (!operation_is_silence(why->kind) && !operation_is_passing(why->kind))
        return is_there(l, why);
    if (l->wish->options.disaster)
        return true;
    fail(&e, FAIL_UNREACHABLE, "%s, which holds the home, does not answer: %s", l->partner,
         why->what);
    error_next(&e, "Mend that, or take over without it: %s", l->wish->alone);
    return wrong(l, &e);
}

/* Where nobody else serves it, a small home may find what it needs. */
static bool has_room_at(const struct look *l, const char *path, uint64_t bytes)
{
    struct statvfs fs;
    struct error e;
    if (statvfs(path, &fs) != 0)
        return true; /* what is gone is somebody else's to say: the store's, or has_files()'s */
    uint64_t free_mb = (uint64_t)fs.f_bavail * fs.f_frsize >> 20;
    uint64_t needed_mb = PREFLIGHT_ROOM_MB + (bytes >> 20);
    if (free_mb >= needed_mb)
        return true;
    fail(&e, FAIL_FULL,
         "The disk of %s under %s has %" PRIu64 " MB left; taking a home over needs %" PRIu64 ".",
         l->self, path, free_mb, needed_mb);
    if (l->wish->options.disaster && front_end_is_silent(l->fe, l->partner, NULL)) {
        call_warning(l->call, "%s Make room there.", e.what);
        return true;
    }
    error_next(&e, "Make room there, and then: %s", l->wish->again);
    return wrong(l, &e);
}

static bool has_room_for(const struct look *l, uint64_t uncopied)
{
    return has_room_at(l, front_end_config(l->fe)->database_path, 2 * uncopied);
}

static bool has_room(const struct look *l)
{
    const struct config *config = front_end_config(l->fe);
    uint64_t coming = content_left(front_end_content(l->fe), l->wish->home).bytes;
    bool good = has_room_for(l, 0); /* what is to be copied its holder says */
    bool files = config->file_store && l->wish->kind != OPERATION_MOVE_CENTRAL;
    return (!files || has_room_at(l, config->file_store, coming)) && good;
}

/* Where this pool's file store is not mounted, users would be served without what belongs to their
 * conferences. After a disaster that is better than nothing. */
static bool has_files(const struct look *l)
{
    const struct file_store *files = content_files(front_end_content(l->fe));
    struct error e;
    if (!files || l->wish->kind == OPERATION_MOVE_CENTRAL || !file_store_check(files, &e))
        return true;
    if (!l->wish->options.disaster)
        return wrong(l, &e);
    call_warning(l->call, "The files of conferences are not served until this is mended: %s %s",
                 e.what, e.next);
    return true;
}

static bool certificates_are_good(const struct look *l)
{
    const struct config *config = front_end_config(l->fe);
    OWNED(faults_free) struct faults faults = {0};
    certificates_faults(config, &faults);
    for (size_t i = 0; i < faults.count; i++) {
        struct error why;
        certificates_explain(config, &faults.list[i], &why);
        struct error e = why;
        error_next(&e, "%s Then: %s", why.next, l->wish->again);
        wrong(l, &e);
    }
    return faults.count == 0;
}

/* --- what does not keep it from being done --- */

/* Nobody is kept from a failover by a machine that is down. */
static void warn_of_replicas(const struct look *l)
{
    char away[REPLICAS_TEXT_SIZE];
    replicas_away(l->fe, away, sizeof away);
    if (away[0])
        call_caution(l->call,
                     "These machines have a replica and don't answer: %s. They are not waited for, "
                     "and catch up at their first contact.",
                     away);
}

static void warn(const struct look *l)
{
    const struct machine *machine = front_end_machine_of(l->fe, l->partner);
    const struct peer *peer = machine ? peers_find(front_end_peers(l->fe), machine->fqdn) : NULL;
    const struct pool *central = front_end_holder(l->fe, HOME_CENTRAL);
    if (peer && peer_clock_differs(peer))
        call_caution(l->call, "The clocks of %s and %s differ; only times in logs depend on it.",
                     l->self, l->partner);
    if (peer && peer->topology_warned)
        call_caution(l->call, "%s runs by another topology file than %s.", l->partner, l->self);
    if (l->wish->options.replicas)
        warn_of_replicas(l);
    if (l->wish->kind == OPERATION_FAIL_OVER && central && strcmp(central->fqdn, l->partner) == 0)
        warn_that_central_stays(l);
}

static struct look look_at(struct call *call, const struct operation_wish *wish)
{
    struct front_end *fe = call_front_end(call);
    struct hosted_home *home = front_end_home(fe, wish->home);
    const struct home *core = home ? hosted_home_core(home) : NULL;
    return (struct look){.call = call,
                         .fe = fe,
                         .wish = wish,
                         .core = core,
                         .self = front_end_pool(fe),
                         .partner = core ? home_partner(core) : ""};
}

bool preflight_check(struct call *call, const struct operation_wish *wish)
{
    static bool (*const all[])(const struct look *l) = {
        is_started, is_free, holder_answers, has_room, has_files, certificates_are_good,
    };
    const struct look l = look_at(call, wish);
    if (!has_backup(&l) || !is_held_elsewhere(&l))
        return false; /* the rest would speak of a holder that is none */
    bool good = true;
    for (size_t i = 0; i < COUNT_OF(all); i++)
        good = all[i](&l) && good;
    if (good)
        warn(&l);
    return good;
}

bool preflight_has_room(struct call *call, const struct operation_wish *wish, uint64_t uncopied)
{
    const struct look l = look_at(call, wish);
    return has_room_for(&l, uncopied);
}

/* --- a rehearsal --- */

struct preflight_look {
    struct front_end *fe;
    char home[HOME_NAME_SIZE];
    struct preflight found;
    preflight_done *done;
    void *context;
    struct preflight_look **known_as; /* NULL: nobody waits for it any more */
};

/* The copy after its holder: what it gets meanwhile is not missing. */
static void look_at_copy(struct preflight_look *looking)
{
    struct backup_service *service = front_end_backup_service(looking->fe);
    struct hosted_home *hosted = front_end_home(looking->fe, looking->home);
    struct error e;
    if (hosted)
        hosted_home_point(hosted, &looking->found.own, &looking->found.whole, &e);
    looking->found.complete_wall_ms = backup_service_complete_ms(service, looking->home);
    looking->found.files_missing = content_missing(front_end_content(looking->fe), looking->home);
    looking->found.trouble = importing_trouble(backup_service_importing(service), looking->home);
    front_end_witnesses(looking->fe, looking->home, looking->found.witnesses,
                        sizeof looking->found.witnesses);
}

static void on_standing(const struct home_standing *standing, const struct error *e, void *context)
{
    OWNED(free_memory) struct preflight_look *looking = context;
    if (!looking->known_as)
        return;
    look_at_copy(looking);
    looking->found.answered = e == NULL;
    if (e)
        looking->found.why = *e;
    if (standing) {
        looking->found.mode = standing->mode;
        looking->found.stopped = home_waits_for_start(standing);
        looking->found.head = standing->point.usn;
        looking->found.keeps = standing->durable && !looking->found.late;
        looking->found.outlook = standing->outlook;
    }
    *looking->known_as = NULL;
    looking->done(&looking->found, looking->context);
}

/* This process is stopping: nobody is told. */
static void drop(void *context)
{
    struct preflight_look *looking = context;
    if (looking->known_as)
        *looking->known_as = NULL;
    free(looking);
}

static void ask(struct preflight_look *looking, enum home_demand how, link_standing_done *done)
{
    const struct machine *to = front_end_machine_of(looking->fe, looking->found.from);
    const struct home_demanded demanded = {.demand = how};
    struct error e;
    if (to) {
        link_demand(front_end_link(looking->fe), to, looking->home, &demanded, done, drop, looking);
        return;
    }
    fail(&e, FAIL_UNREACHABLE, "The topology knows no machine of %s.", looking->found.from);
    done(NULL, &e, looking);
}

/* Where a holder that is heard does not say in time whether its store keeps anything, it is its
 * store that is late. */
static void on_rehearsed(const struct home_standing *standing, const struct error *e, void *context)
{
    struct preflight_look *looking = context;
    looking->found.late = looking->known_as && e && e->kind == FAIL_DEADLINE &&
                          front_end_reaches(looking->fe, looking->found.from);
    if (looking->found.late)
        ask(looking, DEMAND_LOOK, on_standing);
    else
        on_standing(standing, e, looking);
}

void preflight_look(struct front_end *fe, const char *home, preflight_done *done, void *context,
                    struct preflight_look **look)
{
    struct hosted_home *hosted = front_end_home(fe, home);
    const char *from = hosted ? home_partner(hosted_home_core(hosted)) : "nobody";
    struct preflight_look *looking = xcalloc(1, sizeof *looking);
    looking->fe = fe;
    snprintf(looking->home, sizeof looking->home, "%s", home);
    looking->done = done;
    looking->context = context;
    looking->known_as = look;
    *look = looking;
    snprintf(looking->found.from, sizeof looking->found.from, "%s", from);
    ask(looking, DEMAND_REHEARSE, on_rehearsed);
}

void preflight_leave(struct preflight_look *looking)
{
    if (looking)
        looking->known_as = NULL;
}

bool preflight_gives(const struct preflight *found)
{
    return found->answered && found->mode == MODE_SERVING && !found->late;
}

uint64_t preflight_uncopied(const struct preflight *found)
{
    return found->head > found->own.usn ? found->head - found->own.usn : 0;
}

/* As a sentence; what is a command alone is shown where that trouble is. */
static const char *way_out_of(const struct error *trouble)
{
    size_t size = strlen(trouble->next);
    return size && trouble->next[size - 1] == '.' ? trouble->next : "Mend that.";
}

enum failure preflight_judge_copy(const struct preflight *found, const char *self, const char *home,
                                  const char *again, struct error *e)
{
    uint64_t uncopied = preflight_uncopied(found);
    uint64_t copy_ms;
    bool known = handover_copy_ms(&found->outlook, &copy_ms) && found->outlook.uncopied_bytes;
    bool stuck = found->trouble && uncopied;
    if (!stuck && uncopied <= PREFLIGHT_CHANGES_MAX)
        return OK;
    if (stuck)
        fail(e, FAIL_REFUSED, "The copy at %s does not go on: %s of %s %s not there yet: %s", self,
             COUNTED(uncopied, "change"), home, count_word(uncopied, "is", "are"),
             found->trouble->what);
    else
        fail(e, FAIL_REFUSED,
             "The copy at %s is in a long catch-up: %" PRIu64
             " changes of %s are not there yet; %s%s.",
             self, uncopied, home,
             known ? "copying them takes about " : "how long copying them takes is not known",
             known ? ROUGHLY(copy_ms) : "");
    error_kept(e, "Nothing was changed.");
    return error_next(e,
                      "%s Get-CsBackupServiceStatus -PoolFqdn %s -Detailed shows how far it is. "
                      "To have the command wait as long as it makes progress: %s -WaitTime "
                      "00:00:15",
                      stuck ? way_out_of(found->trouble) : "Wait for its end.", self, again);
}

static struct operation_words words_of(const struct preflight *found,
                                       const struct operation_wish *wish, const char *self)
{
    return (struct operation_words){.home = wish->home,
                                    .holder = found->from,
                                    .taker = self,
                                    .again = wish->again,
                                    .alone = wish->alone,
                                    .central = wish->kind == OPERATION_MOVE_CENTRAL};
}

enum failure preflight_judge_holder(const struct preflight *found,
                                    const struct operation_wish *wish, const char *self,
                                    struct error *e)
{
    const struct operation_words words = words_of(found, wish, self);
    if (!found->stopped || wish->options.disaster)
        return OK;
    ending_holder_stopped(e, &words);
    return e->kind;
}

enum failure preflight_judge_store(const struct preflight *found, const struct operation_wish *wish,
                                   bool rehearsed, const char *self, struct error *e)
{
    const struct operation_words words = words_of(found, wish, self);
    if (!found->answered || found->keeps || found->mode != MODE_SERVING)
        return OK;
    if (!found->late || !rehearsed) {
        if (found->late)
            ending_not_stopped(e, &words, wish->options.store_ms);
        else
            ending_store_full(e, &words);
        return e->kind;
    }
    fail(e, FAIL_DEADLINE, "The store of %s has kept nothing for %.0f s.", found->from,
         LINK_DEADLINE_MS / 1000.0);
    error_kept(e, "Nothing was changed.");
    return error_next(e,
                      "The log of %s says what is wrong with it. Without -WhatIf it would be "
                      "waited for %.0f s until it does: %s",
                      found->from, wish->options.store_ms / 1000.0, wish->again);
}

enum failure preflight_judge_own_store(struct error *e, const struct operation_wish *wish,
                                       const char *self)
{
    if (!e->kind)
        return OK;
    error_within(e, "The store of %s, which would take the home, keeps nothing: ", self);
    error_kept(e, "Nothing was changed.");
    if (!e->next[0])
        error_next(e,
                   "The log of %s says what is wrong with it. Without -WhatIf it would be waited "
                   "for %.0f s until it does: %s",
                   self, wish->options.store_ms / 1000.0, wish->again);
    return e->kind;
}

const char *preflight_catch_up(const struct preflight *found,
                               const struct operation_options *options)
{
    if (found->whole)
        return NULL;
    if (options->incomplete)
        return "That copy is in the middle of catching up, and would be taken as it is.";
    if (options->replicas)
        return "That copy is in the middle of catching up: it would be taken only if a replica "
               "brings the rest, or with -SkipDataVerification.";
    return "That copy is in the middle of catching up: it would not be taken without "
           "-SkipDataVerification.";
}

char *preflight_age(uint64_t complete_wall_ms, uint64_t taken_wall_ms)
{
    char moment[CLOCK_TEXT_MAX];
    uint64_t age_ms = taken_wall_ms > complete_wall_ms ? taken_wall_ms - complete_wall_ms : 0;
    if (!complete_wall_ms)
        return xstrdup("not known");
    return xasprintf("%s; it had everything until %s", ROUGHLY(age_ms),
                     clock_wall_text(complete_wall_ms, moment));
}

char *preflight_files_away(uint64_t missing, const char *self, const char *holder)
{
    if (missing == CONTENT_UNKNOWN)
        return xasprintf("Which files of conferences are not at %s is not known: they were not "
                         "looked at yet. They come when %s is back.",
                         self, holder);
    if (!missing)
        return NULL;
    return xasprintf("%s of conferences %s not at %s: whoever wants one is told to come again, "
                     "until %s is back and has it brought.",
                     COUNTED(missing, "file"), count_word(missing, "is", "are"), self, holder);
}

bool preflight_ms(const struct preflight *found, const struct operation_options *options,
                  uint64_t *ms)
{
    uint64_t copy_ms = 0;
    *ms = PREFLIGHT_STEPS_MS;
    if (!preflight_gives(found))
        return true;
    bool known = handover_copy_ms(&found->outlook, &copy_ms);
    *ms += options->close_ms + (known ? copy_ms : 0);
    return known;
}
