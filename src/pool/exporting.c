#include "pool/exporting.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "core/batch.h"

struct exporting {
    struct front_end *fe;
    struct workers *workers;
    char home[HOME_NAME_SIZE];
    char target[FQDN_SIZE];
    enum module module;
    struct exporter *core;
    bool open;
    struct term term;
    bool in_flight; /* a job or a call is under way: its end comes here before anything else begins
                     */
    enum export_word word; /* as it was told last */
    struct error trouble;
    struct exporting_counts counts;

    /* The batch that is being packed or on its way; the thread's while that works. */
    struct {
        struct batch_writer *writer;
        struct store *store;
        struct batch_head head;
        struct bytes bytes;
        uint64_t items;
        bool full;
        struct error error;
    } batch;
};

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
    return x->counts;
}

const struct error *exporting_trouble(const struct exporting *x)
{
    return &x->trouble;
}

/* --- events --- */

static void carry_out(struct exporting *x, const struct export_action *action);

/* What people are alerted by: an error or a backlog begins, or ends. */
static void tell_word(struct exporting *x, uint64_t now_ms)
{
    enum export_word word = export_word(x->core, now_ms), before = x->word;
    bool bad = word == WORD_ERROR || word == WORD_NON_STEADY;
    bool was = before == WORD_ERROR || before == WORD_NON_STEADY;
    x->word = word;
    if (word == before || (!bad && !was))
        return;
    if (word == WORD_ERROR)
        log_error(LOG_EVENT_WARNING, "backup-state", &x->trouble, "%s of the home %s to %s: %s.",
                  module_name(x->module), x->home, x->target, export_word_name(word));
    else
        log_event(bad ? LOG_EVENT_WARNING : LOG_EVENT_NOTICE, "backup-state",
                  "%s of the home %s to %s: %s, after %s.", module_name(x->module), x->home,
                  x->target, export_word_name(word), export_word_name(before));
}

static void step(struct exporting *x, struct export_event event)
{
    event.now_ms = clock_ms();
    struct export_action action = export_step(x->core, &event);
    tell_word(x, event.now_ms);
    carry_out(x, &action);
}

static void fail_with(struct exporting *x, const struct error *e)
{
    x->trouble = *e;
    x->in_flight = false;
    step(x, (struct export_event){.kind = EXPORT_FAILED});
}

/* In words, what keeps a copy from going on. */
static void explain(const struct exporting *x, const struct copy_answer *at, struct error *e)
{
    switch (at->verdict) {
    case COPY_GO_ON:
    case COPY_EARLY: *e = (struct error){0}; break;
    case COPY_COMPARE:
        fail(e, FAIL_REFUSED, "The copy at %s has no point in common with this one any more.",
             x->target);
        break;
    case COPY_FORKED:
        fail(e, FAIL_REFUSED,
             "The copy at %s has changes of its own behind change %llu, which are not known here.",
             x->target, (unsigned long long)at->at.usn);
        error_kept(e, "Nothing is copied over them.");
        break;
    case COPY_LATE:
        fail(e, FAIL_REFUSED, "%s follows another term of the home %s.", x->target, x->home);
        break;
    case COPY_HOLDS:
        fail(e, FAIL_REFUSED, "%s holds the home %s itself.", x->target, x->home);
        break;
    }
}

static bool open_or_close(struct exporting *x);

static void on_position(const struct copy_answer *position, const struct error *e, void *context)
{
    struct exporting *x = context;
    if (!position) {
        fail_with(x, e);
        return;
    }
    explain(x, position, &x->trouble);
    x->in_flight = false;
    if (open_or_close(x))
        return; /* that was an answer to another term */
    step(x, (struct export_event){.kind = EXPORT_ANSWERED, .answer = *position});
}

static void on_batch_position(const struct copy_answer *position, const struct error *e,
                              void *context)
{
    struct exporting *x = context;
    if (position && position->verdict == COPY_GO_ON && position->at.usn >= x->batch.head.upto) {
        x->counts.items += x->batch.items;
        x->counts.bytes += x->batch.bytes.size;
    }
    step(x, (struct export_event){.kind = EXPORT_CHANGED, .head = x->batch.head.head});
    on_position(position, e, context);
}

/* --- packing a batch, on a thread --- */

static bool pack_item(const struct item *item, struct item_hash hash, void *context)
{
    (void)hash;
    struct exporting *x = context;
    if (item->version.usn > x->batch.head.head)
        return false;
    if (item->module == x->module) {
        x->batch.full = !batch_add(x->batch.writer, item);
        if (x->batch.full)
            return false;
        x->batch.items++;
    }
    x->batch.head.upto = item->version.usn;
    return true;
}

static void pack(void *context)
{
    struct exporting *x = context;
    OWNED(view_close) struct view *view = NULL;
    struct error *e = &x->batch.error;
    *e = (struct error){0};
    x->batch.items = 0;
    x->batch.full = false;
    x->batch.head.upto = x->batch.head.after;
    struct home_state state;
    if (store_view(x->batch.store, &view, e) || view_home(view, x->home, &state, e))
        return;
    x->batch.head.head = state.head; /* all that there is by now: core/export.h says why */
    x->batch.head.horizon = state.horizon;
    batch_begin(x->batch.writer, &x->batch.head);
    if (!view_changes(view, x->home, x->batch.head.after, pack_item, x, e)) {
        uint64_t upto = x->batch.full ? x->batch.head.upto : x->batch.head.head;
        x->batch.bytes = batch_finish(x->batch.writer, upto);
        x->batch.head.upto = upto;
    }
}

static void on_packed(void *context)
{
    struct exporting *x = context;
    const struct machine *to = front_end_machine_of(x->fe, x->target);
    if (!front_end_link(x->fe))
        return; /* this machine is stopping */
    if (x->batch.error.kind || !to)
        fail_with(x, &x->batch.error);
    else
        link_batch(front_end_link(x->fe), to, x->batch.bytes, on_batch_position, x);
}

/* --- carrying out --- */

static enum failure read_home(const struct exporting *x, struct home_state *state, struct error *e)
{
    OWNED(view_close) struct view *view = NULL;
    enum failure bad = store_view(front_end_store(x->fe), &view, e);
    return bad ? bad : view_home(view, x->home, state, e);
}

static void offer(struct exporting *x)
{
    const struct machine *to = front_end_machine_of(x->fe, x->target);
    const struct home *core = core_of(x);
    OWNED(free_memory) struct sync_offer *offer = xcalloc(1, sizeof *offer);
    struct home_state state;
    struct error e = {0};
    if (!to || !core || read_home(x, &state, &e)) {
        fail_with(x, &e);
        return;
    }
    snprintf(offer->home, sizeof offer->home, "%s", x->home);
    offer->module = x->module;
    offer->term = x->term;
    offer->head = state.head;
    offer->horizon = state.horizon;
    offer->lineage = home_hold(core)->lineage;
    link_offer(front_end_link(x->fe), to, offer, on_position, x);
}

static void send_batch(struct exporting *x, const struct export_action *action)
{
    struct error e;
    x->batch.store = front_end_store(x->fe);
    x->batch.head =
        (struct batch_head){.module = x->module, .term = x->term, .after = action->after.usn};
    snprintf(x->batch.head.home, sizeof x->batch.head.home, "%s", x->home);
    if (workers_run(x->workers, pack, on_packed, x))
        return;
    fail(&e, FAIL_BUSY, "This machine has more to copy than it takes.");
    fail_with(x, &e);
}

static void carry_out(struct exporting *x, const struct export_action *action)
{
    struct error e;
    if (action->kind == EXPORT_NOTHING)
        return;
    x->in_flight = true;
    switch (action->kind) {
    case EXPORT_NOTHING: break;
    case EXPORT_OFFER: offer(x); break;
    case EXPORT_BATCH: send_batch(x, action); break;
    case EXPORT_COMPARE:
        fail(&e, FAIL_REFUSED,
             "The copy of %s at %s can't go on from where it stands, and comparing whole copies is "
             "not possible yet.",
             x->home, x->target);
        fail_with(x, &e);
        break;
    }
}

/* --- from outside --- */

/* Whoever holds a home exports it; and whoever refills a holder that lost something. */
static bool exports(const struct home *core)
{
    return core && (mode_rights(home_mode(core))->holder || home_refills(core));
}

/* True if something changed: then what was under way belongs to another term. */
static bool open_or_close(struct exporting *x)
{
    const struct home *core = core_of(x);
    bool open = exports(core);
    struct home_state state;
    struct error e;
    if (open && (!x->open || !term_equal(x->term, home_hold(core)->term))) {
        if (read_home(x, &state, &e))
            return false; /* again at the next tick */
        x->open = true;
        x->term = home_hold(core)->term;
        x->trouble = (struct error){0};
        step(x, (struct export_event){.kind = EXPORT_OPENED, .term = x->term, .head = state.head});
        return true;
    }
    if (!open && x->open) {
        x->open = false;
        step(x, (struct export_event){.kind = EXPORT_CLOSED});
        return true;
    }
    return false;
}

void exporting_tick(struct exporting *x)
{
    if (!x->in_flight)
        open_or_close(x);
    step(x, (struct export_event){.kind = EXPORT_TICK});
}

void exporting_changed(struct exporting *x, uint64_t head)
{
    step(x, (struct export_event){.kind = EXPORT_CHANGED, .head = head});
}

void exporting_wanted(struct exporting *x)
{
    step(x, (struct export_event){.kind = EXPORT_WANTED});
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
    x->batch.writer = batch_writer_new();
    return x;
}

void exporting_free(struct exporting *x)
{
    if (!x)
        return;
    exporter_free(x->core);
    batch_writer_free(x->batch.writer);
    free(x);
}
