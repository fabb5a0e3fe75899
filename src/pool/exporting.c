#include "pool/exporting.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/count.h"
#include "base/log.h"
#include "pool/backlog.h"
#include "pool/carrying.h"
#include "pool/comparing.h"
#include "pool/content.h"
#include "pool/offer.h"
#include "pool/packing.h"
#include "pool/storage_service.h"

/* Enough for one to be given up each few seconds until the first one meets its deadline. */
enum { BATCH_CALLS_MAX = LINK_BATCH_DEADLINE_MS / EXPORTING_SILENCE_MS };

struct exporting {
    struct front_end *fe;
    struct workers *workers;
    char home[HOME_NAME_SIZE];
    char target[FQDN_SIZE];
    enum module module;
    struct exporter *core;
    bool open, retired;
    unsigned holders; /* exporting_hold() */
    struct term term;
    /* A job or a call is under way: its end comes here before anything else begins. */
    enum { FLIGHT_NONE, FLIGHT_OFFER, FLIGHT_PACKING, FLIGHT_BATCH, FLIGHT_COMPARE } in_flight;
    struct comparing *comparing;
    /* Calls that were given up end some time, too; what comes of them then is nobody's business. */
    struct batch_call {
        struct exporting *x;
        bool out;
    } calls[BATCH_CALLS_MAX];
    const struct batch_call *waited;
    uint64_t target_started;
    uint64_t backlog_kept_ms; /* 0: not in this backlog */
    bool has_files;           /* the home has manifests */
    enum export_word word;    /* as it was told last */
    struct error trouble;
    char files_there[ERROR_TEXT_MAX]; /* what stands in their way, by the copy's own word */
    struct exporting_counts counts;

    struct packing *packing;
    const struct packed *batch; /* that is on its way, or was last; NULL: none was yet */
    uint64_t content;           /* bytes of files that come with it; 0: it was answered */
};

struct front_end *exporting_front_end(const struct exporting *x)
{
    return x->fe;
}

const char *exporting_home(const struct exporting *x)
{
    return x->home;
}

const char *exporting_target(const struct exporting *x)
{
    return x->target;
}

enum module exporting_module(const struct exporting *x)
{
    return x->module;
}

const struct exporter *exporting_core(const struct exporting *x)
{
    return x->core;
}

static const struct home *core_of(const struct exporting *x)
{
    struct hosted_home *home = front_end_home(x->fe, x->home);
    return home ? hosted_home_core(home) : NULL;
}

bool exporting_is_to_replica(const struct exporting *x)
{
    const struct home *core = core_of(x);
    return core && strcmp(home_partner(core), x->target) != 0;
}

struct exporting_counts exporting_counts(const struct exporting *x)
{
    struct exporting_counts counts = x->counts;
    counts.compared += x->comparing ? comparing_items(x->comparing) : 0;
    return counts;
}

const struct error *exporting_trouble(const struct exporting *x)
{
    return &x->trouble;
}

struct error exporting_files_trouble(const struct exporting *x)
{
    struct error e = {0};
    struct export_status s;
    if (x->module != MODULE_DATA_CONF)
        return e;
    export_status(x->core, &s);
    e = content_trouble(front_end_content(x->fe), x->home);
    if (!e.kind && s.here.broken) /* where it was found first, of all homes in that file store */
        e = content_trouble(front_end_content(x->fe), NULL);
    if (e.kind)
        return e;
    if (x->files_there[0])
        fail(&e, FAIL_NOT_FOUND, "At %s: %s", x->target, x->files_there);
    else if (s.there.broken)
        fail(&e, FAIL_NOT_FOUND, "The file store of %s can't be used.", x->target);
    if (e.kind)
        error_next(&e, "What to do there: Get-CsBackupServiceStatus -PoolFqdn %s", x->target);
    return e;
}

/* --- events --- */

static void carry_out(struct exporting *x, const struct export_action *action);

/* What people are alerted by: an error or a backlog begins, or ends. */
static void tell_word(struct exporting *x)
{
    enum export_word word = exporting_word(x), before = x->word;
    bool bad = word == WORD_ERROR || word == WORD_NON_STEADY;
    bool was = before == WORD_ERROR || before == WORD_NON_STEADY;
    x->word = word;
    if (word == before || (!bad && !was))
        return;
    struct error files = exporting_files_trouble(x);
    if (word == WORD_ERROR)
        log_error(LOG_EVENT_WARNING, "backup-state", x->trouble.kind ? &x->trouble : &files,
                  "%s of the home %s to %s: %s.", module_name(x->module), x->home, x->target,
                  export_word_name(word));
    else
        log_event(bad ? LOG_EVENT_WARNING : LOG_EVENT_NOTICE, "backup-state",
                  "%s of the home %s to %s: %s, after %s.", module_name(x->module), x->home,
                  x->target, export_word_name(word), export_word_name(before));
}

static void step(struct exporting *x, struct export_event event)
{
    event.now_ms = clock_ms();
    struct export_action action = export_step(x->core, &event);
    tell_word(x);
    carry_out(x, &action);
}

/* In which it exports, or should. */
static struct term term_now(const struct exporting *x)
{
    const struct home *core = core_of(x);
    return x->retired || !core ? TERM_NONE : home_exports(core, exporting_is_to_replica(x));
}

/* What comes back from a term that ended says nothing about the one that is now. */
static bool term_is_over(const struct exporting *x)
{
    return !term_equal(x->term, term_now(x));
}

/* What is under way comes to its end some time, or has. */
static void wait_no_more(struct exporting *x)
{
    x->in_flight = FLIGHT_NONE;
    x->waited = NULL;
    x->content = 0;
    packing_forget_ahead(x->packing);
}

static void fail_with(struct exporting *x, const struct error *e)
{
    wait_no_more(x);
    if (term_is_over(x)) {
        exporting_tick(x);
        return;
    }
    x->trouble = *e;
    step(x, (struct export_event){.kind = EXPORT_FAILED});
    loop_stir(front_end_loop(x->fe));
}

static void forget_trouble(struct exporting *x)
{
    struct export_status s;
    export_status(x->core, &s);
    if (!s.failing)
        x->trouble = (struct error){0};
}

/* Of files, whoever brings them takes the time, and keeps to a pace of its own. */
static uint64_t paced_bytes(const struct exporting *x)
{
    return x->module == MODULE_DATA_CONF || !x->batch ? 0 : x->batch->filled;
}

static void on_position(const struct copy_answer *position, const struct error *e, void *context)
{
    struct exporting *x = context;
    if (!position) {
        fail_with(x, e);
        return;
    }
    x->in_flight = FLIGHT_NONE;
    if (term_is_over(x)) {
        exporting_tick(x);
        return;
    }
    struct error trouble = {0};
    snprintf(x->files_there, sizeof x->files_there, "%s", position->why);
    offer_explain(position, x->home, x->target, &trouble);
    if (trouble.kind)
        x->trouble = trouble;
    uint64_t content = position->verdict == COPY_GO_ON ? x->content : 0;
    x->content = 0;
    /* Before the next batch says what others may have behind it. */
    if (position->verdict == COPY_GO_ON && position->carried)
        carrying_tell(x, position->at);
    step(x, (struct export_event){.kind = EXPORT_ANSWERED,
                                  .answer = *position,
                                  .content = content,
                                  .bytes = paced_bytes(x)});
    if (x->in_flight != FLIGHT_PACKING && x->in_flight != FLIGHT_BATCH)
        packing_forget_ahead(x->packing);
    carrying_answered(x);
    forget_trouble(x);
    loop_stir(front_end_loop(x->fe));
}

static void on_batch_position(const struct copy_answer *position, const struct error *e,
                              void *context)
{
    struct batch_call *call = context;
    struct exporting *x = call->x;
    call->out = false;
    if (x->waited != call)
        return;
    x->waited = NULL;
    uint64_t taken = position && position->verdict == COPY_GO_ON ? position->taken : 0;
    if (position && position->verdict == COPY_GO_ON && position->at.usn > taken)
        taken = position->at.usn;
    if (taken >= x->batch->head.upto) {
        x->has_files |= x->batch->items > 0;
        x->counts.items += x->batch->items;
        x->counts.bytes += x->batch->bytes.size;
    }
    on_position(position, e, x);
}

/* --- sending a batch --- */

static struct batch_call *free_call(struct exporting *x)
{
    size_t i = 0;
    while (i < BATCH_CALLS_MAX && x->calls[i].out)
        i++;
    return i < BATCH_CALLS_MAX ? &x->calls[i] : NULL;
}

static void on_packed(const struct packed *batch, void *context)
{
    struct exporting *x = context;
    const struct machine *to = front_end_machine_of(x->fe, x->target);
    struct link *link = front_end_link(x->fe);
    struct error e = batch->error;
    x->batch = batch;
    if (!link)
        return; /* this machine is stopping */
    if (e.kind || !to || term_is_over(x)) {
        fail_with(x, &e);
        return;
    }
    struct batch_call *call = free_call(x);
    if (!call) {
        fail(&e, FAIL_BUSY, "Too many batches to %s wait for their deadlines.", x->target);
        fail_with(x, &e);
        return;
    }
    *call = (struct batch_call){.x = x, .out = true};
    x->waited = call;
    x->in_flight = FLIGHT_BATCH;
    x->content = batch->content;
    step(x, (struct export_event){.kind = EXPORT_READ, .head = batch->read_at});
    if (batch->tells_others)
        carrying_read(x, batch->read_at);
    link_batch(link, to, batch->bytes, on_batch_position, call);
    packing_go_ahead(x->packing, front_end_store(x->fe), front_end_clock_of(x->fe, x->target));
}

static void send_batch(struct exporting *x, const struct export_action *action)
{
    struct error e;
    struct packing_order order = {.head = {.module = x->module,
                                           .term = x->term,
                                           .after = action->after,
                                           .read_ms = front_end_clock_of(x->fe, x->target)},
                                  .goal = action->goal,
                                  .bytes_max = action->bytes_max,
                                  .content_max = action->content_max < CONTENT_BATCH_BYTES
                                                     ? action->content_max
                                                     : CONTENT_BATCH_BYTES,
                                  .tells_others = carrying_may(x),
                                  .last = action->last};
    snprintf(order.head.home, sizeof order.head.home, "%s", x->home);
    x->in_flight = FLIGHT_PACKING; /* first: it may be there already */
    if (packing_order(x->packing, front_end_store(x->fe), &order))
        return;
    fail(&e, FAIL_BUSY, "This machine has more to copy than it takes.");
    fail_with(x, &e);
}

/* --- carrying out --- */

static void offer(struct exporting *x)
{
    const struct machine *to = front_end_machine_of(x->fe, x->target);
    OWNED(free_memory) struct sync_offer *offer = xcalloc(1, sizeof *offer);
    struct error e = {0};
    x->in_flight = FLIGHT_OFFER;
    if (!to || offer_read(x->fe, x->home, x->module, x->term, x->target, offer, &e))
        fail_with(x, &e);
    else
        link_offer(front_end_link(x->fe), to, offer, on_position, x);
}

static void on_comparison_done(const struct copy_answer *position, const struct error *e,
                               void *context)
{
    struct exporting *x = context;
    x->counts.compared += comparing_items(x->comparing);
    step(x, (struct export_event){.kind = EXPORT_READ, .head = comparing_head(x->comparing)});
    if (position && position->verdict == COPY_GO_ON)
        log_event(LOG_EVENT_NOTICE, "copy-compared",
                  "%s of the home %s at %s was compared: %s, and the copy is equal.",
                  module_name(x->module), x->home, x->target,
                  COUNTED(comparing_items(x->comparing), "item"));
    comparing_free(TAKE(x->comparing));
    on_position(position, e, x);
}

static void compare(struct exporting *x)
{
    struct error e;
    x->in_flight = FLIGHT_COMPARE;
    x->comparing = comparing_start(x->fe, x->workers, x->home, x->module, x->term, x->target,
                                   on_comparison_done, x, &e);
    if (!x->comparing)
        fail_with(x, &e);
}

static void carry_out(struct exporting *x, const struct export_action *action)
{
    switch (action->kind) {
    case EXPORT_NOTHING: break;
    case EXPORT_OFFER: offer(x); break;
    case EXPORT_BATCH: send_batch(x, action); break;
    case EXPORT_COMPARE: compare(x); break;
    }
}

/* --- from outside --- */

/* A scan finishes before the head of content is declared (protocol, rule 16). What is open already
 * stays so: what was declared is not taken back. */
static bool may_speak(const struct exporting *x)
{
    return x->module != MODULE_DATA_CONF || x->open ||
           content_may_export(front_end_content(x->fe), x->home);
}

static void note_content(struct exporting *x)
{
    if (x->module != MODULE_DATA_CONF)
        return;
    const struct content_left left = content_left(front_end_content(x->fe), NULL);
    exporter_note_content(x->core, &left);
}

static struct backlog_place backlog_place_of(const struct exporting *x)
{
    return (struct backlog_place){.home = x->home, .target = x->target, .module = x->module};
}

static void keep_backlog(struct exporting *x)
{
    struct export_status s;
    uint64_t now_ms = clock_ms();
    export_status(x->core, &s);
    if (!s.oldest_ms)
        x->backlog_kept_ms = 0;
    if (!x->open || exporting_has_nothing(x) || !backlog_is_due(&s, x->backlog_kept_ms, now_ms))
        return;
    const struct backlog_place place = backlog_place_of(x);
    x->backlog_kept_ms = now_ms;
    backlog_keep(x->fe, &place, &s);
}

static void open_or_close(struct exporting *x)
{
    const struct term term = term_now(x);
    bool open = !term_is_none(term) && may_speak(x);
    struct sync_offer offer;
    struct error e;
    if (open && (!x->open || !term_equal(x->term, term))) {
        if (offer_read(x->fe, x->home, x->module, term, x->target, &offer, &e))
            return; /* again at the next tick */
        x->open = true;
        x->term = term;
        x->has_files = offer.digest.items > 0;
        x->trouble = (struct error){0};
        const struct backlog_place place = backlog_place_of(x);
        step(x, (struct export_event){.kind = EXPORT_OPENED,
                                      .term = term,
                                      .head = offer.head,
                                      .backlog = backlog_read(x->fe, &place)});
    } else if (!open && x->open) {
        x->open = false;
        step(x, (struct export_event){.kind = EXPORT_CLOSED});
    }
}

static const struct peer *peer_of(const struct exporting *x)
{
    const struct machine *to = front_end_machine_of(x->fe, x->target);
    return to ? peers_find(front_end_peers(x->fe), to->fqdn) : NULL;
}

/* A batch has a long deadline. Whoever stopped working need not be waited for until then. */
static void give_up_on_silence(struct exporting *x, const struct peer *peer)
{
    struct error e;
    if (x->in_flight != FLIGHT_BATCH || clock_ms() - peer->heard_ms < EXPORTING_SILENCE_MS)
        return;
    fail(&e, FAIL_DEADLINE, "%s says nothing any more while a batch is under way to it.",
         x->target);
    fail_with(x, &e);
}

/* It can be asked at last; and its store may be another one now. */
static void ask_after_start(struct exporting *x, const struct peer *peer)
{
    if (peer->started == x->target_started)
        return;
    x->target_started = peer->started;
    exporting_looked(x);
}

/* Session records that wait are users' data, too. */
static void look_at_queue(struct exporting *x)
{
    bool usable;
    struct storage_service *storage = front_end_storage_service(x->fe);
    if (x->module == MODULE_PRESENCE_FOCUS)
        exporter_expects(x->core, storage_service_queued(storage, x->home, &usable) || !usable);
}

void exporting_tick(struct exporting *x)
{
    look_at_queue(x);
    const struct peer *peer = peer_of(x);
    if (!x->in_flight)
        open_or_close(x);
    if (peer && peer->heard_ms) {
        give_up_on_silence(x, peer);
        ask_after_start(x, peer);
    }
    note_content(x);
    step(x, (struct export_event){.kind = EXPORT_TICK});
    keep_backlog(x);
}

void exporting_retire(struct exporting *x)
{
    x->retired = true;
    if (x->in_flight == FLIGHT_BATCH) /* of long deadline: whoever waits here is told at once */
        wait_no_more(x);
    if (!x->in_flight) /* else when that has come to its end */
        exporting_tick(x);
}

bool exporting_is_retired(const struct exporting *x)
{
    return x->retired;
}

void exporting_hold(struct exporting *x)
{
    x->holders++;
}

void exporting_let_go(struct exporting *x)
{
    assert(x->holders > 0);
    x->holders--;
}

bool exporting_is_idle(const struct exporting *x)
{
    bool calls = false;
    for (size_t i = 0; i < BATCH_CALLS_MAX; i++)
        calls = calls || x->calls[i].out;
    return !x->in_flight && packing_is_idle(x->packing) && !calls && !x->holders;
}

void exporting_changed(struct exporting *x, uint64_t head)
{
    if (!x->in_flight) /* it may be of a term that has just begun */
        open_or_close(x);
    step(x, (struct export_event){.kind = EXPORT_CHANGED, .head = head});
}

void exporting_own_changed(struct exporting *x)
{
    step(x, (struct export_event){.kind = EXPORT_OWN_CHANGED});
}

bool exporting_has_nothing(const struct exporting *x)
{
    return x->module == MODULE_DATA_CONF && !x->has_files &&
           !content_files(front_end_content(x->fe));
}

enum export_word exporting_word(const struct exporting *x)
{
    return exporting_has_nothing(x) ? WORD_NOT_INITIALIZED
                                    : export_word(x->core, term_now(x), clock_ms());
}

void exporting_wanted(struct exporting *x)
{
    note_content(x);
    step(x, (struct export_event){.kind = EXPORT_WANTED});
}

void exporting_wanted_compared(struct exporting *x)
{
    note_content(x);
    step(x, (struct export_event){.kind = EXPORT_WANTED_COMPARED});
}

void exporting_heard(struct exporting *x, struct term term)
{
    struct export_status s;
    export_status(x->core, &s);
    if (s.verdict == COPY_EARLY && x->open && term_equal(term, x->term))
        exporting_looked(x);
}

void exporting_carried(struct exporting *x, struct version at)
{
    if (!x->open || term_is_over(x))
        return;
    step(x, (struct export_event){.kind = EXPORT_CARRIED, .answer.at = at});
    forget_trouble(x);
}

void exporting_alone(struct exporting *x)
{
    if (x->open && !term_is_over(x))
        step(x, (struct export_event){.kind = EXPORT_ALONE});
}

void exporting_looked(struct exporting *x)
{
    note_content(x);
    step(x, (struct export_event){.kind = EXPORT_LOOKED});
}

void exporting_configure(struct exporting *x, const struct export_options *options)
{
    exporter_configure(x->core, options);
}

struct exporting *exporting_new(struct front_end *fe, struct workers *workers, const char *home,
                                enum module module, const char *target,
                                const struct export_options *options)
{
    struct exporting *x = xcalloc(1, sizeof *x);
    x->fe = fe;
    x->workers = workers;
    x->module = module;
    snprintf(x->home, sizeof x->home, "%s", home);
    snprintf(x->target, sizeof x->target, "%s", target);
    x->core = exporter_new(options);
    x->packing = packing_new(workers, on_packed, x);
    return x;
}

void exporting_free(struct exporting *x)
{
    if (!x)
        return;
    exporter_free(x->core);
    comparing_free(x->comparing);
    packing_free(x->packing);
    free(x);
}
