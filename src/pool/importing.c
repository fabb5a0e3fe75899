/* Offers, and how importing goes; batches are in importing_batch.c. */
#include "pool/importing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/random.h"
#include "pool/backup_service.h"
#include "pool/compared.h"
#include "pool/content.h"
#include "pool/copy_mark.h"
#include "pool/importing_inside.h"
#include "pool/offer.h"
#include "pool/recounting.h"
#include "pool/replica.h"
#include "pool/salvaging.h"

static const struct import_row *row_of(const struct importing *importing, const char *home)
{
    for (size_t i = 0; i < importing->row_count; i++) {
        if (strcmp(importing->rows[i].home, home) == 0)
            return &importing->rows[i];
    }
    return NULL;
}

/* The home's row, made if there is room for one. */
static struct import_row *row_for(struct importing *importing, const char *home)
{
    const struct import_row *there = row_of(importing, home);
    if (there)
        return &importing->rows[there - importing->rows];
    if (importing->row_count == HOSTED_HOMES_MAX)
        return NULL;
    struct import_row *row = &importing->rows[importing->row_count++];
    snprintf(row->home, sizeof row->home, "%s", home);
    return row;
}

static struct import_status *status_of(struct importing *importing, const char *home,
                                       enum module module)
{
    struct import_row *row = row_for(importing, home);
    return row ? &row->modules[module] : NULL;
}

const struct import_status *importing_status(const struct importing *importing, const char *home,
                                             enum module module)
{
    static const struct import_status never;
    const struct import_row *row = row_of(importing, home);
    return row ? &row->modules[module] : &never;
}

const struct error *importing_trouble(const struct importing *importing, const char *home)
{
    for (int m = 0; m < MODULES; m++) {
        const struct import_status *status = importing_status(importing, home, (enum module)m);
        if (status->trouble.kind)
            return &status->trouble;
    }
    return NULL;
}

void importing_note_loss(struct importing *importing, const char *home)
{
    struct import_row *row = row_for(importing, home);
    if (row)
        row->lacks = true;
}

bool importing_lacks(const struct importing *importing, const char *home)
{
    const struct import_row *row = row_of(importing, home);
    return row && row->lacks;
}

static void note_asked(struct importing *importing, const char *home)
{
    if (importing_lacks(importing, home))
        row_for(importing, home)->lacks = false;
}

static void note_works(struct import_status *status, const char *home, enum module module)
{
    if (status->trouble.kind)
        log_event(LOG_EVENT_NOTICE, "import-works", "%s of the home %s is imported again.",
                  module_name(module), home);
    status->trouble = (struct error){0};
}

void importing_note(struct importing *importing, const char *home, enum module module,
                    const struct error *e)
{
    struct import_status *status = status_of(importing, home, module);
    if (!status)
        return;
    if (e && strcmp(status->trouble.what, e->what) != 0)
        log_error(LOG_EVENT_WARNING, "import-failed", e,
                  "What was sent of %s of the home %s could not be kept.", module_name(module),
                  home);
    if (e) {
        status->trouble = *e;
        return;
    }
    note_works(status, home, module);
    status->imported_ms = clock_ms();
}

void importing_note_complete(struct importing *importing, const char *home, enum module module,
                             uint64_t read_ms)
{
    struct import_status *status = status_of(importing, home, module);
    if (!status)
        return;
    if (module == MODULE_DATA_CONF)
        content_complete(front_end_content(importing->fe), home, true);
    if (module != MODULE_DATA_CONF || !content_missing(front_end_content(importing->fe), home))
        copy_marks_note(backup_service_marks(front_end_backup_service(importing->fe)), home, module,
                        read_ms);
    note_works(status, home, module); /* whatever went wrong is over, without another batch */
}

struct hosted_home *importing_home_for(const struct importing *importing,
                                       const struct machine *from, const char *name,
                                       struct error *e)
{
    struct hosted_home *home = front_end_home(importing->fe, name);
    if (home && strcmp(home_partner(hosted_home_core(home)), from->pool->fqdn) == 0)
        return home;
    fail(e, FAIL_REFUSED, "%s keeps no copy of the home %s for %s.", front_end_pool(importing->fe),
         name, from->pool->fqdn);
    error_next(e, "Use the same topology file on both.");
    return NULL;
}

void importing_configure(struct importing *importing, size_t calls_max)
{
    importing->calls_max = calls_max;
}

bool importing_put_off(const struct importing *importing, struct link_reply *reply)
{
    if (importing->calls < importing->calls_max)
        return false;
    link_reply_position(reply, &(struct copy_answer){.verdict = COPY_EARLY});
    return true;
}

void importing_say_busy(const struct importing *importing, struct error *e)
{
    fail(e, FAIL_BUSY, "%s has more to import than it takes.", front_end_pool(importing->fe));
    error_next(e, "It is tried again by itself.");
}

/* What is still to be done for the files here, and why it is not. */
static void say_of_files(const struct importing *importing, struct copy_answer *answer)
{
    struct content *content = front_end_content(importing->fe);
    const struct error trouble = content_trouble(content, NULL);
    answer->content = content_left(content, NULL);
    if (trouble.kind && !content_is_settled(&answer->content))
        snprintf(answer->why, sizeof answer->why, "%s", trouble.what);
}

void importing_say(const struct importing *importing, enum module module, struct link_reply *reply,
                   struct copy_answer answer)
{
    if (module == MODULE_DATA_CONF)
        say_of_files(importing, &answer);
    link_reply_position(reply, &answer);
}

/* --- offers --- */

enum {
    /* A copy that goes back does so step by step for that long, before whoever offers is answered
     * that it is not ready yet, and asks again. */
    GOING_BACK_MS = 2000,
};

/* An offer that is answered when what it brings is durable. */
struct offered {
    struct importing *importing;
    struct link_reply *reply;
    struct copy_answer answer;
    struct sync_offer offer;
    struct home_state state;
    struct recount recount; /* at the end of a comparison, if that is known */
    bool recounted;
    /* What it has of its own moves aside: the copy is asked again when that is done. */
    bool goes_back;
    struct tail tail;
    uint64_t until_ms;
};

static bool goes_on_back(struct offered *offered);

static void on_kept(const struct error *e, void *context)
{
    struct offered *offered = context;
    bool later = e && (e->kind == FAIL_BUSY || e->kind == FAIL_REFUSED || e->kind == FAIL_CONFLICT);
    if (later)
        offered->answer.verdict = COPY_EARLY; /* again shortly */
    if (!e && offered->goes_back && goes_on_back(offered))
        return;
    if (!e && offered->goes_back)
        salvaging_begin(backup_service_salvaging(front_end_backup_service(offered->importing->fe)),
                        offered->offer.home);
    if (!e || later)
        importing_say(offered->importing, offered->offer.module, offered->reply, offered->answer);
    else
        link_reply_error(offered->reply, e);
    free(offered);
}

static bool same_lineage(const struct lineage *a, const struct lineage *b)
{
    OWNED(buffer_free) struct buffer x = {0};
    OWNED(buffer_free) struct buffer y = {0};
    lineage_encode(a, &x);
    lineage_encode(b, &y);
    return bytes_equal(buffer_view(&x), buffer_view(&y));
}

/* The lineage goes into the record; and with it, where a comparison has come to its end, what that
 * makes of the copy. */
static void end_comparison(struct txn *txn, uint64_t term_number, void *context)
{
    (void)term_number;
    struct offered *offered = context;
    compared_end(txn, &offered->offer, &offered->state, offered->answer.at,
                 offered->recounted ? &offered->recount : NULL);
}

/* The same at its beginning: what comes is of that lineage already. */
static void begin_comparison(struct txn *txn, uint64_t term_number, void *context)
{
    (void)term_number;
    const struct offered *offered = context;
    compared_begin(txn, &offered->offer, &offered->state);
}

static void go_back(struct txn *txn, uint64_t term_number, void *context)
{
    (void)term_number;
    const struct offered *offered = context;
    txn_as_copy(txn, offered->offer.term.number);
    txn_rewind(txn, &offered->tail);
}

static enum failure read_state(const struct importing *importing, const char *home,
                               struct home_state *state, struct error *e)
{
    OWNED(view_close) struct view *view = NULL;
    *state = (struct home_state){0};
    enum failure bad = store_view(front_end_store(importing->fe), &view, e);
    if (!bad)
        bad = view_home(view, home, state, e);
    return bad == FAIL_NOT_FOUND ? OK : bad;
}

/* A step of it: no further than others wait for gladly. */
static enum failure shorten(const struct importing *importing, const char *home, struct tail *tail,
                            struct error *e)
{
    OWNED(view_close) struct view *view = NULL;
    enum failure bad = store_view(front_end_store(importing->fe), &view, e);
    return bad ? bad : offer_shorten(view, home, tail, e);
}

/* --- offers to a replica: beside the loop, because its record is kept by nobody else --- */

struct replica_offer {
    struct importing *importing;
    struct store *store;
    struct link_reply *reply;
    struct sync_offer offer;
    char pools[SIDES][FQDN_SIZE];
    struct copy_answer answer;
    struct error error;
};

static void work_on_replica(void *context)
{
    struct replica_offer *o = context;
    const char *const pools[SIDES] = {o->pools[SIDE_HOME], o->pools[SIDE_BACKUP]};
    if (!replica_offered(o->store, &o->offer, pools, &o->answer, &o->error))
        o->error = (struct error){0}; /* that there is nothing of it yet left words */
}

static void on_replica_worked(void *context)
{
    struct replica_offer *o = context;
    o->importing->calls--;
    if (o->error.kind)
        link_reply_error(o->reply, &o->error);
    else
        link_reply_position(o->reply, &o->answer);
    if (!o->error.kind && o->answer.verdict == COPY_EARLY && o->answer.tail)
        salvaging_begin(backup_service_salvaging(front_end_backup_service(o->importing->fe)),
                        HOME_CENTRAL);
    if (!o->error.kind && o->answer.verdict == COPY_GO_ON && !o->answer.tail &&
        o->answer.at.usn == o->offer.head)
        importing_note_complete(o->importing, HOME_CENTRAL, MODULE_CMS_MASTER, o->offer.read_ms);
    free(o);
}

/* Only the two pools that may hold `central` write to its replicas, and a former one that has it
 * still. */
static bool is_for_replica(const struct importing *importing, const struct machine *from,
                           const char *home)
{
    const struct pool *central = front_end_config(importing->fe)->topology->central;
    return strcmp(home, HOME_CENTRAL) == 0 && !front_end_home(importing->fe, home) &&
           (from->pool == central || from->pool == central->backup ||
            from->pool == front_end_holder(importing->fe, home));
}

static void offer_to_replica(struct importing *importing, const struct machine *from,
                             const struct sync_offer *offer, struct link_reply *reply)
{
    const struct pool *central = front_end_config(importing->fe)->topology->central;
    const struct pool *backup = from->pool == central ? central->backup : from->pool;
    if (importing_put_off(importing, reply))
        return;
    struct replica_offer *o = xcalloc(1, sizeof *o);
    o->importing = importing;
    o->store = front_end_store(importing->fe);
    o->reply = reply;
    o->offer = *offer;
    snprintf(o->pools[SIDE_HOME], FQDN_SIZE, "%s", central->fqdn);
    snprintf(o->pools[SIDE_BACKUP], FQDN_SIZE, "%s", backup ? backup->fqdn : "");
    if (workers_run(importing->workers, work_on_replica, on_replica_worked, o)) {
        importing->calls++;
        return;
    }
    struct error e;
    importing_say_busy(importing, &e);
    link_reply_error(reply, &e);
    free(o);
}

/* What becomes of the copy, by what the offer is for. NULL: nothing but the exporter's lineage. */
struct reaction {
    bool follows, begins, ends, goes_back;
    struct tail tail;
};

static hosted_home_enrich *enrich_of(const struct reaction *r)
{
    return r->begins ? begin_comparison : r->ends ? end_comparison : r->goes_back ? go_back : NULL;
}

/* Only then it is the exporter's history that is followed. */
static const struct lineage *lineage_after(const struct reaction *r, const struct hold *hold,
                                           const struct sync_offer *offer)
{
    return r->goes_back && r->tail.open ? &hold->lineage : &offer->lineage;
}

static enum failure react(const struct importing *importing, const struct home *core,
                          const struct sync_offer *offer, const struct home_state *state,
                          const struct copy_answer *answer, struct reaction *r, struct error *e)
{
    bool takes = home_takes(core, offer->term), compares = answer->verdict == COPY_COMPARE;
    *r = (struct reaction){.follows = answer->verdict == COPY_GO_ON};
    r->begins = offer->purpose == OFFER_COMPARE && (r->follows || compares);
    r->ends = offer->purpose == OFFER_COMPARED && compares && compared_is_current(offer, state);
    r->goes_back =
        takes && offer_goes_back(home_hold(core), state, offer, answer, random_u64(), &r->tail);
    return r->goes_back ? shorten(importing, offer->home, &r->tail, e) : OK;
}

static recounting_done on_recounted;

static void consider(struct importing *importing, struct hosted_home *home,
                     const struct sync_offer *offer, uint64_t until_ms,
                     const struct recount *recount, struct link_reply *reply)
{
    struct error e = {0};
    struct home_state state;
    struct reaction r;
    const struct home *core = hosted_home_core(home);
    const struct hold *hold = home_hold(core);
    if (read_state(importing, offer->home, &state, &e)) {
        link_reply_error(reply, &e);
        return;
    }
    struct copy_answer answer = offer_judge(hold, &state, offer);
    bool writes = answer.verdict == COPY_GO_ON || answer.verdict == COPY_COMPARE;
    if (writes && !home_takes(core, offer->term))
        answer.verdict = COPY_LATE;
    if (home_deciding(core)) /* the store may have gone on already */
        answer.verdict = COPY_EARLY;
    if (react(importing, core, offer, &state, &answer, &r, &e)) {
        link_reply_error(reply, &e);
        return;
    }
    if (offer->purpose == OFFER_ASK && r.follows && offer->whole && !answer.tail &&
        answer.at.usn == offer->head)
        importing_note_complete(importing, offer->home, offer->module, offer->read_ms);
    if (!enrich_of(&r) && (!r.follows || same_lineage(&hold->lineage, &offer->lineage))) {
        importing_say(importing, offer->module, reply, answer);
        return;
    }
    if (r.ends && !recount && recounting_is_due(&state, offer)) {
        recounting_start(importing->fe, importing->workers, offer, on_recounted, importing, reply);
        return;
    }
    struct offered *offered = xmalloc(sizeof *offered);
    *offered = (struct offered){.importing = importing,
                                .reply = reply,
                                .answer = answer,
                                .offer = *offer,
                                .state = state,
                                .goes_back = r.goes_back,
                                .tail = r.tail,
                                .until_ms = until_ms};
    offered->recounted = recount != NULL;
    if (recount)
        offered->recount = *recount;
    if (r.ends)
        offered->answer.at = offer_compared_at(hold, &state, offer);
    offered->answer.verdict = r.begins ? COPY_COMPARE : r.goes_back ? COPY_EARLY : COPY_GO_ON;
    hosted_home_follow(home, lineage_after(&r, hold, offer), enrich_of(&r), offered, on_kept,
                       offered);
}

/* The next step of it, if there is one and it is not for later: what it was asked then, it is asked
 * again, as it stands now. */
static bool goes_on_back(struct offered *offered)
{
    struct front_end *fe = offered->importing->fe;
    struct hosted_home *home = front_end_home(fe, offered->offer.home);
    bool stopping = !front_end_link(fe);
    if (!offered->tail.open || !home || stopping || clock_ms() >= offered->until_ms)
        return false;
    consider(offered->importing, home, &offered->offer, offered->until_ms, NULL, offered->reply);
    free(offered);
    return true;
}

/* By what is so then: its term may be over, or another comparison have begun. */
static void on_recounted(const struct recount *recount, const struct sync_offer *offer,
                         struct link_reply *reply, void *context)
{
    struct importing *importing = context;
    consider(importing, front_end_home(importing->fe, offer->home), offer, 0, recount, reply);
}

void importing_offered(struct importing *importing, const struct machine *from,
                       const struct sync_offer *offer, struct link_reply *reply)
{
    struct error e = {0};
    if (is_for_replica(importing, from, offer->home)) {
        offer_to_replica(importing, from, offer, reply);
        return;
    }
    struct hosted_home *home = importing_home_for(importing, from, offer->home, &e);
    if (!home) {
        link_reply_error(reply, &e);
        return;
    }
    note_asked(importing, offer->home);
    consider(importing, home, offer, clock_ms() + GOING_BACK_MS, NULL, reply);
}

struct importing *importing_new(struct front_end *fe, struct workers *workers)
{
    struct importing *importing = xcalloc(1, sizeof *importing);
    importing->fe = fe;
    importing->workers = workers;
    importing->applying = applying_new();
    importing->calls_max = SIZE_MAX; /* until the configuration was read */
    return importing;
}

void importing_tick(struct importing *importing)
{
    applying_tick(importing->applying);
}

void importing_free(struct importing *importing)
{
    applying_free(importing->applying);
    free(importing);
}
