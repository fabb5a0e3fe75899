#include "pool/operating.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/random.h"
#include "pool/backup_service.h"
#include "pool/content.h"
#include "pool/flush.h"
#include "pool/operation_journal.h"
#include "pool/storage_service.h"

/* The place of one home's operation: the last one's, until the next one begins. */
struct operating_place {
    struct operating *operating;
    struct operation *core; /* NULL: none is under way */
    struct operation_report report;
    uint64_t ended_wall_ms; /* 0: not yet; the report has it when the journal does */
    bool keeps_again;       /* its step, which the journal was too busy for */
    bool used;
};

struct operating {
    struct front_end *fe;
    struct operating_place places[HOSTED_HOMES_MAX];
    struct reply *replies; /* that are waited for */
    struct replicas *replicas;
    struct operating_wait *waits; /* commands that look before they begin */
    uint64_t last_id;
};

bool operating_is_under_way(const struct operation_report *report)
{
    return report->ended_wall_ms == 0 && !report->interrupted;
}

struct heartbeat_operation operating_summary(const struct operation_report *report)
{
    const struct operation_status *s = &report->status;
    return (struct heartbeat_operation){
        .began_wall_ms = report->began_wall_ms,
        .ended_wall_ms = report->ended_wall_ms,
        .kind = report->wish.kind,
        .step = s->step,
        .counted = operating_is_under_way(report) && (s->heard || s->alone),
        .left = s->holder_usn > s->copied ? s->holder_usn - s->copied : 0};
}

static struct operating_place *place_of(struct operating *operating, const char *home)
{
    struct operating_place *free_one = NULL;
    for (size_t i = 0; i < HOSTED_HOMES_MAX; i++) {
        struct operating_place *place = &operating->places[i];
        if (place->used && strcmp(place->report.wish.home, home) == 0)
            return place;
        if (!place->used && !free_one)
            free_one = place;
    }
    return free_one;
}

static const struct operating_place *find(const struct operating *operating, const char *home)
{
    for (size_t i = 0; i < HOSTED_HOMES_MAX; i++) {
        const struct operating_place *place = &operating->places[i];
        if (place->used && strcmp(place->report.wish.home, home) == 0)
            return place;
    }
    return NULL;
}

const struct operation_report *operating_of(const struct operating *operating, const char *home)
{
    const struct operating_place *place = find(operating, home);
    return place ? &place->report : NULL;
}

static struct hosted_home *home_of(const struct operating_place *place)
{
    return front_end_home(place->operating->fe, place->report.wish.home);
}

/* --- telling --- */

static void tell_begin(const struct operation_report *r)
{
    log_event(LOG_EVENT_NOTICE, "operation-began", "%s of the home %s from %s%s: begun by %s.",
              operation_kind_name(r->wish.kind), r->wish.home, r->from,
              r->wish.options.disaster ? " (disaster mode)" : "", r->wish.by);
}

static void tell_end(const struct operation_report *r)
{
    const struct operation_status *s = &r->status;
    if (s->step == OPERATION_FAILED)
        log_error(LOG_EVENT_ERROR, "operation-failed", &s->error,
                  "%s of the home %s from %s ended at \"%s\".", operation_kind_name(r->wish.kind),
                  r->wish.home, r->from, operation_step_name(s->failed_at));
    else if (s->alone) /* nobody knows since when changes were refused */
        log_event(LOG_EVENT_NOTICE, "operation-done",
                  "%s of the home %s from %s: taken without its release at change %" PRIu64 ".",
                  operation_kind_name(r->wish.kind), r->wish.home, r->from, s->point.usn);
    else
        log_event(LOG_EVENT_NOTICE, "operation-done",
                  "%s of the home %s from %s: taken at change %" PRIu64
                  "; changes were refused for %" PRIu64 " ms.",
                  operation_kind_name(r->wish.kind), r->wish.home, r->from, s->point.usn,
                  s->refused_ms);
}

/* --- events --- */

static void carry_out(struct operating_place *place, const struct operation_action *action);

/* For people; of a home that was taken alone, against what was taken. */
static void note_replicas(struct operating_place *place)
{
    const struct operation_status *s = &place->report.status;
    if (place->report.wish.options.replicas)
        replicas_say(place->operating->replicas, s->alone ? s->point.usn : s->replicas_goal,
                     &place->report.replicas);
}

static const struct error *trouble_of(const struct operating_place *place)
{
    struct backup_service *service = front_end_backup_service(place->operating->fe);
    return importing_trouble(backup_service_importing(service), place->report.wish.home);
}

static enum failure step(struct operating_place *place, struct operation_event event,
                         struct error *e)
{
    struct operation_actions actions;
    struct hosted_home *home = home_of(place);
    const struct home *core = hosted_home_core(home);
    struct error trouble;
    event.now_ms = clock_ms();
    event.next = home_next_term(core, random_u64());
    event.serves = home_mode(core) == MODE_SERVING;
    event.silent = home_mode(core) == MODE_RESILIENCY;
    event.stopped = home_stopped(core);
    event.trouble = trouble_of(place);
    if (hosted_home_point(home, &event.own, &event.whole, &trouble))
        event.whole = false; /* nothing is taken from a store that can't be read */
    event.files_left =
        content_left(front_end_content(place->operating->fe), place->report.wish.home).bytes;
    if (place->report.wish.options.replicas)
        event.replicas =
            replicas_standing(place->operating->replicas, place->report.status.replicas_goal);
    enum failure bad = operation_step(place->core, &event, &actions, e);
    operation_status(place->core, &place->report.status);
    note_replicas(place);
    for (size_t i = 0; i < actions.count; i++)
        carry_out(place, &actions.list[i]);
    return bad;
}

/* What a call or a commit comes back to: by then its operation may be over. */
struct reply {
    struct operating_place *place;
    uint64_t id;
    struct flush *flush;      /* what is waited for, if it is that */
    enum operation_step step; /* at which it was asked for */
    struct reply *next;
};

static struct reply *reply_new(struct operating_place *place)
{
    struct reply *reply = xmalloc(sizeof *reply);
    *reply = (struct reply){.place = place,
                            .id = place->report.id,
                            .step = place->report.status.step,
                            .next = place->operating->replies};
    place->operating->replies = reply;
    return reply;
}

static void reply_free(struct reply *reply)
{
    flush_free(reply->flush);
    free(reply);
}

/* NULL: nobody waits for it any more. */
static struct operating_place *reply_take(struct reply *reply)
{
    struct operating_place *place = reply->place;
    struct reply **at = &place->operating->replies;
    bool current = place->core && place->report.id == reply->id;
    while (*at != reply)
        at = &(*at)->next;
    *at = reply->next;
    reply_free(reply);
    return current ? place : NULL;
}

static void on_standing(const struct home_standing *standing, const struct error *e, void *context)
{
    struct operating_place *place = reply_take(context);
    if (!place)
        return;
    struct operation_event event = {.kind = OPERATION_SAID, .error = e};
    if (standing)
        event.holder = *standing;
    else if (operation_is_silence(e->kind))
        event.kind = OPERATION_UNANSWERED;
    else
        event.kind = OPERATION_REFUSED;
    step(place, event, NULL);
}

static void on_taken(const struct error *e, void *context)
{
    struct operating_place *place = reply_take(context);
    if (place)
        step(
            place,
            (struct operation_event){.kind = e ? OPERATION_NOT_TAKEN : OPERATION_TAKEN, .error = e},
            NULL);
}

static void on_flushed(const struct error *e, void *context)
{
    struct operating_place *place = reply_take(context);
    if (place)
        step(place, (struct operation_event){.kind = OPERATION_FLUSHED, .error = e}, NULL);
}

static void on_step_kept(const struct error *e, void *context)
{
    enum operation_step at = ((struct reply *)context)->step;
    struct operating_place *place = reply_take(context);
    if (!place)
        return;
    const struct operation_report *r = &place->report;
    bool waits = e && e->kind == FAIL_BUSY && r->status.step == at && operation_rule(at)->kept;
    if (waits) /* somebody has it locked: as long as the operation waits, at the next tick */
        place->keeps_again = true;
    else
        step(place, (struct operation_event){.kind = OPERATION_KEPT, .step = at, .error = e}, NULL);
}

/* --- carrying out --- */

static void demand(struct operating_place *place, const struct home_demanded *demanded)
{
    struct front_end *fe = place->operating->fe;
    const struct machine *to = front_end_machine_of(fe, place->report.from);
    struct link *link = front_end_link(fe);
    struct reply *reply = reply_new(place);
    if (to) {
        link_demand(link, to, place->report.wish.home, demanded, on_standing, NULL, reply);
        return;
    }
    struct error e;
    fail(&e, FAIL_UNREACHABLE, "The topology knows no machine of %s.", place->report.from);
    on_standing(NULL, &e, reply);
}

static void flush(struct operating_place *place)
{
    struct reply *reply = reply_new(place);
    reply->flush = flush_new(on_flushed, reply);
    flush_pool(reply->flush, place->operating->fe, place->report.from, place->report.wish.home);
}

static void on_replicas_changed(void *context)
{
    operating_look(context, HOME_CENTRAL);
}

/* From when the holder is told to stop until it is known who serves, it gets no grant. */
static bool intends(enum operation_step step)
{
    return step >= OPERATION_CLOSE && step <= OPERATION_TAKE;
}

/* What people want to know of a home that is taken so. */
static void note_alone(const struct front_end *fe, struct operation_report *r)
{
    front_end_witnesses(fe, r->wish.home, r->witnesses, sizeof r->witnesses);
    r->complete_wall_ms = backup_service_complete_ms(front_end_backup_service(fe), r->wish.home);
    r->files_missing = content_missing(front_end_content(fe), r->wish.home);
}

static void tell_step(struct operating_place *place)
{
    const struct operation_report *r = &place->report;
    log_event(LOG_EVENT_INFO, "operation-step", "%s of the home %s from %s: %s.",
              operation_kind_name(r->wish.kind), r->wish.home, r->from,
              operation_step_name(r->status.step));
    hosted_home_intend(home_of(place), intends(r->status.step));
    if (r->status.step == OPERATION_TAKE && r->status.alone)
        note_alone(place->operating->fe, &place->report);
    if (!r->status.ended_ms) /* else end() does, with the moment */
        operation_journal_keep(place->operating->fe, r, on_step_kept, reply_new(place));
}

/* Nobody was told of the end before: what is told, a power failure does not undo. */
static void on_end_kept(const struct error *e, void *context)
{
    (void)e; /* the log has it */
    struct operating *operating = ((struct reply *)context)->place->operating;
    struct operating_place *place = reply_take(context);
    if (!place)
        return; /* this machine stops */
    place->report.ended_wall_ms = place->ended_wall_ms;
    operation_free(TAKE(place->core));
    front_end_tell(operating->fe);
    loop_stir(front_end_loop(operating->fe));
}

static void end(struct operating_place *place)
{
    struct operation_report ended = place->report;
    ended.ended_wall_ms = place->ended_wall_ms = clock_wall_ms();
    tell_end(&ended);
    operation_journal_keep(place->operating->fe, &ended, on_end_kept, reply_new(place));
}

static void carry_out(struct operating_place *place, const struct operation_action *action)
{
    switch (action->kind) {
    case OPERATION_DEMAND: demand(place, &action->demanded); break;
    case OPERATION_ASK_FLUSH: flush(place); break;
    case OPERATION_ASK_REPLICAS: replicas_ask(place->operating->replicas); break;
    case OPERATION_BRING_REPLICAS: replicas_bring(place->operating->replicas); break;
    case OPERATION_OPEN:
        hosted_home_take(home_of(place), action->to, action->alone, NULL, NULL, on_taken,
                         reply_new(place));
        break;
    case OPERATION_TELL: tell_step(place); break;
    case OPERATION_ENDED: end(place); break;
    }
}

/* --- from outside --- */

static bool is_open(const struct operating_place *place)
{
    return place->core && !place->ended_wall_ms;
}

static struct operation *core_of(const struct operation_report *r)
{
    const struct operation_words words = {.home = r->wish.home,
                                          .holder = r->from,
                                          .taker = r->to,
                                          .again = r->wish.again,
                                          .alone = r->wish.alone,
                                          .central = strcmp(r->wish.home, HOME_CENTRAL) == 0};
    return operation_new(&r->wish.options, &words, clock_ms());
}

enum failure operating_begin(struct operating *operating, const struct operation_wish *wish,
                             uint64_t *id, struct error *e)
{
    struct operating_place *place = place_of(operating, wish->home);
    struct hosted_home *home = front_end_home(operating->fe, wish->home);
    if (!home || !place)
        return fail(e, FAIL_NOT_FOUND, "%s has no part in the home %s.",
                    front_end_pool(operating->fe), wish->home);
    if (place->core) {
        fail(e, FAIL_BUSY, "Another operation with the home %s is under way.", wish->home);
        error_kept(e, "That one goes on.");
        return error_next(e, "Get-CsPoolFailOverStatus -PoolFqdn %s shows how far it is.",
                          wish->home);
    }
    const struct home *core = hosted_home_core(home);
    *place = (struct operating_place){.operating = operating, .used = true};
    place->report.id = *id = ++operating->last_id;
    place->report.wish = *wish;
    place->report.began_wall_ms = clock_wall_ms();
    place->report.held = home_hold(core)->term;
    snprintf(place->report.from, sizeof place->report.from, "%s", home_partner(core));
    snprintf(place->report.to, sizeof place->report.to, "%s", front_end_pool(operating->fe));
    place->core = core_of(&place->report);
    operation_status(place->core, &place->report.status);
    if (wish->options.replicas)
        replicas_begin(operating->replicas);
    storage_service_rest(front_end_storage_service(operating->fe), wish->home);
    tell_begin(&place->report);
    operation_journal_keep(operating->fe, &place->report, on_step_kept, reply_new(place));
    step(place, (struct operation_event){.kind = OPERATION_TICK}, NULL);
    front_end_tell(operating->fe);
    return OK;
}

void operating_wait(struct operating *operating, struct operating_wait *wait)
{
    wait->next = operating->waits;
    operating->waits = wait;
}

void operating_wait_end(struct operating *operating, const struct operating_wait *wait)
{
    struct operating_wait **at = &operating->waits;
    while (*at && *at != wait)
        at = &(*at)->next;
    if (*at)
        *at = wait->next;
}

/* Is there one, and if `now`, from now on it is called off. */
static bool call_off_waits(const struct operating *operating, const char *home, bool now)
{
    bool any = false;
    for (struct operating_wait *wait = operating->waits; wait; wait = wait->next) {
        if (strcmp(wait->home, home) != 0)
            continue;
        any = true;
        wait->called_off |= now;
    }
    return any;
}

static enum failure nothing_to_cancel(const struct operating *operating, const char *home,
                                      struct error *e)
{
    fail(e, FAIL_NOT_FOUND, "No operation with the home %s is under way at %s.", home,
         front_end_pool(operating->fe));
    error_kept(e, "Nothing was changed.");
    return error_next(e,
                      "Get-CsPoolFailOverStatus -PoolFqdn %s shows who holds it, and what became "
                      "of the last one.",
                      home);
}

enum failure operating_check_cancel(const struct operating *operating, const char *home,
                                    struct error *e)
{
    const struct operating_place *place = find(operating, home);
    if (place && is_open(place))
        return operation_check_cancel(place->core, e);
    return call_off_waits(operating, home, false) ? OK : nothing_to_cancel(operating, home, e);
}

enum failure operating_cancel(struct operating *operating, const char *home, struct error *e)
{
    struct operating_place *place = place_of(operating, home);
    if (!place || !place->used || !is_open(place))
        return call_off_waits(operating, home, true) ? OK : nothing_to_cancel(operating, home, e);
    return step(place, (struct operation_event){.kind = OPERATION_CANCELLED}, e);
}

void operating_look(struct operating *operating, const char *home)
{
    struct operating_place *place = place_of(operating, home);
    if (place && place->core)
        step(place, (struct operation_event){.kind = OPERATION_TICK}, NULL);
}

static void on_tick(void *context)
{
    struct operating *operating = context;
    for (size_t i = 0; i < HOSTED_HOMES_MAX; i++) {
        struct operating_place *place = &operating->places[i];
        if (place->core)
            step(place, (struct operation_event){.kind = OPERATION_TICK}, NULL);
        if (place->core && TAKE(place->keeps_again) &&
            operation_rule(place->report.status.step)->kept)
            operation_journal_keep(operating->fe, &place->report, on_step_kept, reply_new(place));
    }
}

/* What was under way when the process ended is not gone on with: up to the release the holder
 * serves on by itself, and from there this pool takes, whoever asked for it (protocol, rule 6). */
static void recall(struct operating *operating, struct hosted_home *home)
{
    struct operation_report report;
    const char *name = home_name(hosted_home_core(home));
    struct operating_place *place = place_of(operating, name);
    if (!place || !operation_journal_read(operating->fe, name, &report))
        return;
    *place = (struct operating_place){.operating = operating, .used = true, .report = report};
    if (!report.interrupted)
        return;
    log_event(LOG_EVENT_WARNING, "operation-interrupted",
              "%s of the home %s from %s was at \"%s\" when this machine stopped. If the home was "
              "released by then, it is taken now; else it is served where it was.",
              operation_kind_name(report.wish.kind), name, report.from,
              operation_step_name(report.status.step));
}

struct operating *operating_new(struct front_end *fe)
{
    struct operating *operating = xcalloc(1, sizeof *operating);
    operating->fe = fe;
    operating->replicas = replicas_new(fe, on_replicas_changed, operating);
    return operating;
}

void operating_start(struct operating *operating)
{
    struct hosted_home *homes[HOSTED_HOMES_MAX];
    size_t count = front_end_homes(operating->fe, homes);
    for (size_t i = 0; i < count; i++)
        recall(operating, homes[i]);
    loop_every(front_end_loop(operating->fe), OPERATION_TICK_MS, on_tick, operating);
}

void operating_stop(struct operating *operating)
{
    for (size_t i = 0; i < HOSTED_HOMES_MAX; i++)
        operation_free(TAKE(operating->places[i].core));
}

void operating_free(struct operating *operating)
{
    if (!operating)
        return;
    while (operating->replies) { /* the link tells nothing any more */
        struct reply *next = operating->replies->next;
        reply_free(operating->replies);
        operating->replies = next;
    }
    replicas_free(operating->replicas);
    free(operating);
}
