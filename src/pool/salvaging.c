#include "pool/salvaging.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/count.h"
#include "base/log.h"
#include "core/limits.h"
#include "pool/backup_service.h"
#include "pool/central_judge.h"
#include "pool/content.h"
#include "pool/salvaged.h"
#include "pool/sweep.h"
#include "store/last_tail.h"
#include "store/tail_reader.h"

/* One home. */
struct salvage_job {
    struct front_end *fe;
    struct workers *workers;
    char home[HOME_NAME_SIZE];
    bool maybe; /* there is a tail, or was when it was looked for last; at first nobody knows */
    bool busy;  /* on a thread, or on its way */
    uint64_t not_before_ms;
    uint64_t waits_since_ms; /* 0: it does not wait */
    struct error trouble;    /* as it was told */
    struct tail taken; /* by a transaction that opens a term, if that comes about; id 0: none */

    /* The thread's while it works; the loop's otherwise. */
    struct store *store;
    const struct salvage_derived *derived;
    struct tail_reader *reader;
    uint64_t own_term; /* in which it is held here; 0: it is a copy */
    enum tail_step step;
    struct bytes packet;
    struct salvage_mark sum;
    struct tail tail;      /* that it reads, or that is gone; id 0: none */
    struct last_tail *own; /* one that went when the home was taken; owned */
    struct error error;
};

enum { JOBS_MAX = HOSTED_HOMES_MAX + 1 };

struct salvaging {
    struct salvage_job list[JOBS_MAX];
    size_t count;
    struct front_end *fe;
    struct workers *workers;
};

/* --- on a thread --- */

static enum failure take_own(struct salvage_job *job, struct error *e)
{
    OWNED(tail_packet_free) struct tail_packet *packet = NULL;
    uint64_t upto = 0;
    enum failure bad = tail_packet_open(job->packet, &packet, e);
    if (!bad)
        bad = salvaged_take(job->store, job->derived, job->own_term, true, packet, &upto, e);
    if (!bad && batch_head(packet->batches[0])->module == MODULE_DATA_CONF)
        content_look(front_end_content(job->fe), job->home);
    if (!bad)
        tail_reader_told(job->reader, upto);
    return bad;
}

static enum failure forget(struct salvage_job *job, struct view *view, struct error *e)
{
    OWNED(txn_free) struct txn *txn = txn_new(job->home);
    struct store_outcome outcome;
    enum failure bad = tail_reader_forget(job->reader, view, txn, clock_wall_ms(), &job->sum, e);
    if (bad)
        return bad;
    if (store_commit_wait(job->store, TAKE(txn), &outcome))
        *e = outcome.error;
    return outcome.error.kind;
}

/* Another one is read now, or there is none: the last packets of the one before may have been
 * salvaged in the transaction that opened a term here. One that is open is not read, and there. */
static void note_tail(struct salvage_job *job, struct view *view)
{
    const struct tail *now = tail_reader_tail(job->reader);
    OWNED(free_memory) struct last_tail *last = xmalloc(sizeof *last);
    bool other = job->step == TAIL_NONE || (now && now->id != job->tail.id);
    bool gone = job->tail.id && other;
    if (gone && !last_tail_read(view, job->home, last, NULL) && last->tail.id == job->tail.id) {
        free(job->own);
        job->own = TAKE(last);
    }
    if (gone)
        job->tail.id = 0;
    if (now)
        job->tail = *now;
}

static enum failure go_on(struct salvage_job *job, struct error *e)
{
    OWNED(view_close) struct view *view = NULL;
    enum failure bad = store_view(job->store, &view, e);
    if (!bad)
        bad = tail_reader_step(job->reader, view, TAIL_TOGETHER_MAX, &job->step, &job->packet, e);
    if (!bad)
        note_tail(job, view);
    if (!bad && job->step == TAIL_SAFE)
        bad = forget(job, view, e);
    view_close(TAKE(view));
    if (!bad && job->step == TAIL_TELL && job->own_term)
        bad = take_own(job, e);
    return bad;
}

/* What was looked for in vain on the way, and need not be there, has left words that mean nothing.
 */
static void work(void *context)
{
    struct salvage_job *job = context;
    if (!go_on(job, &job->error))
        job->error = (struct error){0};
}

/* --- on the loop --- */

static void look(struct salvage_job *job);

static void put_off(struct salvage_job *job, uint32_t ms)
{
    job->not_before_ms = clock_ms() + ms;
}

static void tell_trouble(struct salvage_job *job, const struct error *e)
{
    bool usual = e->kind == FAIL_UNREACHABLE || e->kind == FAIL_DEADLINE ||
                 e->kind == FAIL_CONFLICT || e->kind == FAIL_BUSY ||
                 (job->own_term && e->kind == FAIL_REFUSED); /* not held any more */
    if (!usual && strcmp(job->trouble.what, e->what) != 0) {
        log_error(LOG_EVENT_WARNING, "salvage-failed", e,
                  "What was changed here of the home %s, and its holder does not know, can't be "
                  "carried over now. It is kept, and tried again.",
                  job->home);
        job->trouble = *e;
    }
    put_off(job, SALVAGING_RETRY_MS);
}

static void tell_salvaged(struct salvage_job *job, const struct tail *tail,
                          const struct salvage_mark *sum)
{
    job->trouble = (struct error){0};
    log_event(
        sum->conflicts ? LOG_EVENT_WARNING : LOG_EVENT_NOTICE, "tail-salvaged",
        "Of the home %s, what was changed here beyond change %llu and its holder did not know "
        "is salvaged: %s %s carried over, %llu %s the same, and %llu %s: "
        "Get-CsBackupServiceConflict -PoolFqdn %s",
        job->home, (unsigned long long)tail->base.usn, COUNTED(sum->carried, "change"),
        count_word(sum->carried, "was", "were"), (unsigned long long)sum->same,
        count_word(sum->same, "was", "were"), (unsigned long long)sum->conflicts,
        count_word(sum->conflicts, "is kept as a conflict", "are kept as conflicts"), job->home);
    if (job->taken.id == tail->id)
        job->taken.id = 0;
    if (job->tail.id == tail->id)
        job->tail.id = 0;
    sweep_begin(job->fe, NULL, NULL);
    /* The exporter asks where the copy stands, and hears that there is no tail any more. */
    importing_note_loss(backup_service_importing(front_end_backup_service(job->fe)), job->home);
}

static void tell_own(struct salvage_job *job)
{
    OWNED(free_memory) struct last_tail *own = TAKE(job->own);
    if (own)
        tell_salvaged(job, &own->tail, &own->sum);
}

static void on_told(const struct copy_answer *position, const struct error *e, void *context)
{
    struct salvage_job *job = context;
    job->busy = false;
    if (!position) {
        tell_trouble(job, e);
    } else if (position->verdict == COPY_GO_ON) {
        tail_reader_told(job->reader, position->at.usn);
        look(job);
    } else {
        put_off(job, SALVAGING_RETRY_MS);
    }
}

static const struct machine *holder_of(const struct salvage_job *job)
{
    const struct pool *holder = front_end_holder(job->fe, job->home);
    bool other = holder && strcmp(holder->fqdn, front_end_pool(job->fe)) != 0;
    return other && front_end_reaches(job->fe, holder->fqdn)
               ? front_end_machine_of(job->fe, holder->fqdn)
               : NULL;
}

static void tell(struct salvage_job *job)
{
    const struct machine *to = holder_of(job);
    if (!to) {
        put_off(job, SALVAGING_RETRY_MS);
        return;
    }
    job->busy = true;
    link_salvage(front_end_link(job->fe), to, job->packet, on_told, job);
}

/* It is told once more if nothing comes of it. */
static void wait(struct salvage_job *job)
{
    uint64_t now_ms = clock_ms();
    if (!job->waits_since_ms)
        job->waits_since_ms = now_ms;
    if (now_ms - job->waits_since_ms >= SALVAGING_REPEAT_MS) {
        tail_reader_again(job->reader);
        job->waits_since_ms = 0;
    }
    put_off(job, SALVAGING_LOOK_MS);
}

static void on_worked(void *context)
{
    struct salvage_job *job = context;
    job->busy = false;
    if (!front_end_link(job->fe))
        return; /* this machine is stopping */
    tell_own(job);
    if (job->error.kind) {
        tell_trouble(job, &job->error);
        return;
    }
    if (job->step != TAIL_WAIT)
        job->waits_since_ms = 0;
    switch (job->step) {
    case TAIL_NONE: job->maybe = false; break;
    case TAIL_TELL: job->own_term ? look(job) : tell(job); break;
    case TAIL_WAIT: wait(job); break;
    case TAIL_SAFE:
        tell_salvaged(job, &job->tail, &job->sum);
        look(job);
        break;
    }
}

/* A pool that holds the home takes its own; a copy tells the holder; anybody else waits. */
static bool find_part(struct salvage_job *job)
{
    const struct hosted_home *home = front_end_home(job->fe, job->home);
    const struct home *core = home ? hosted_home_core(home) : NULL;
    job->own_term = 0;
    if (core && mode_rights(home_mode(core))->changes)
        job->own_term = home_hold(core)->term.number;
    return job->own_term || !core || !mode_rights(home_mode(core))->holder;
}

/* Nobody else need have looked at it: it may have been going aside still. */
static void note_taken(struct salvage_job *job)
{
    if (!job->tail.id)
        job->tail = job->taken;
    job->taken.id = 0;
}

static void look(struct salvage_job *job)
{
    if (!job->maybe || job->busy || clock_ms() < job->not_before_ms || !find_part(job))
        return;
    note_taken(job);
    job->store = front_end_store(job->fe);
    job->derived = front_end_derived(job->fe);
    job->busy = workers_run(job->workers, work, on_worked, job);
}

/* --- from outside --- */

static void add(struct salvaging *salvaging, const char *home)
{
    struct salvage_job *job = &salvaging->list[salvaging->count++];
    *job = (struct salvage_job){.fe = salvaging->fe, .workers = salvaging->workers, .maybe = true};
    snprintf(job->home, sizeof job->home, "%s", home);
    job->reader = tail_reader_new(home);
}

static struct salvage_job *job_of(struct salvaging *salvaging, const char *home)
{
    for (size_t i = 0; i < salvaging->count; i++) {
        if (strcmp(salvaging->list[i].home, home) == 0)
            return &salvaging->list[i];
    }
    return NULL;
}

/* Once the homes are open; and `central`, of which every pool may have a copy. */
static void fill(struct salvaging *salvaging)
{
    if (salvaging->count)
        return;
    struct hosted_home *homes[HOSTED_HOMES_MAX];
    size_t count = front_end_homes(salvaging->fe, homes);
    for (size_t i = 0; i < count; i++)
        add(salvaging, home_name(hosted_home_core(homes[i])));
    if (!job_of(salvaging, HOME_CENTRAL))
        add(salvaging, HOME_CENTRAL);
}

void salvaging_tick(struct salvaging *salvaging)
{
    fill(salvaging);
    for (size_t i = 0; i < salvaging->count; i++)
        look(&salvaging->list[i]);
}

static enum failure read_tails(const struct front_end *fe, const char *home, struct tails *tails)
{
    OWNED(view_close) struct view *view = NULL;
    struct error e;
    tails->count = 0;
    enum failure bad = store_view(front_end_store(fe), &view, &e);
    return bad ? bad : view_tails(view, home, tails, &e);
}

void salvaging_begin(struct salvaging *salvaging, const char *home)
{
    OWNED(free_memory) struct tails *tails = xmalloc(sizeof *tails);
    fill(salvaging);
    struct salvage_job *job = job_of(salvaging, home);
    if (!job)
        return;
    job->maybe = true;
    if (read_tails(job->fe, home, tails) || tails->count == 0 || tails_open(tails))
        return; /* nothing, or not all of it */
    const struct tail *tail = &tails->list[tails->count - 1];
    log_event(
        LOG_EVENT_WARNING, "tail-made",
        "%s of the home %s beyond change %llu %s known here and not to its holder. %s set aside, "
        "and carried over now; what was changed there, too, is kept as a conflict.",
        COUNTED(tail->items, "change"), home, (unsigned long long)tail->base.usn,
        count_word(tail->items, "is", "are"), count_word(tail->items, "It is", "They are"));
    look(job);
}

struct salvaging *salvaging_new(struct front_end *fe, struct workers *workers)
{
    struct salvaging *salvaging = xcalloc(1, sizeof *salvaging);
    salvaging->fe = fe;
    salvaging->workers = workers;
    return salvaging;
}

void salvaging_free(struct salvaging *salvaging)
{
    if (!salvaging)
        return;
    for (size_t i = 0; i < salvaging->count; i++) {
        tail_reader_free(salvaging->list[i].reader);
        free(salvaging->list[i].own);
    }
    free(salvaging);
}

/* The first of them is the one that goes with it. */
static void note_taking(const struct front_end *fe, struct view *view, const char *home)
{
    OWNED(free_memory) struct tails *tails = xmalloc(sizeof *tails);
    struct salvaging *salvaging = backup_service_salvaging(front_end_backup_service(fe));
    fill(salvaging);
    struct salvage_job *job = job_of(salvaging, home);
    if (!job || view_tails(view, home, tails, NULL) || !tails->count)
        return;
    job->maybe = true;
    job->taken = tails->list[0];
}

static enum failure own_first(struct front_end *fe, struct txn *txn, const struct hold *hold,
                              struct error *e)
{
    OWNED(view_close) struct view *view = NULL;
    struct home_state state;
    enum failure bad = store_view(front_end_store(fe), &view, e);
    if (!bad)
        bad = view_home(view, hold->home, &state, e);
    if (bad || state.tails == 0)
        return bad == FAIL_NOT_FOUND ? OK : bad;
    const struct salvage_place place = {.view = view,
                                        .hold = hold,
                                        .now_ms = clock_wall_ms(),
                                        .derived = front_end_derived(fe),
                                        .judge = central_judge,
                                        .own = true};
    txn_as_holder(txn, hold->term.number);
    note_taking(fe, view, hold->home);
    return salvage_own(txn, &place, e);
}

void salvaging_own_first(struct front_end *fe, struct txn *txn, const struct hold *hold)
{
    struct error e = {0};
    if (own_first(fe, txn, hold, &e))
        log_error(LOG_EVENT_WARNING, "salvage-failed", &e,
                  "What was set aside of the home %s could not be read when its term was opened.",
                  hold->home);
}
