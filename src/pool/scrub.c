#include "pool/scrub.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/count.h"
#include "base/log.h"
#include "base/random.h"
#include "base/workers.h"
#include "pool/backup_service.h"
#include "pool/commit.h"
#include "pool/content.h"

static const char record[] = "scrub";

/* What was found in one home. */
struct finding {
    struct scrub *scrub;
    char home[HOME_NAME_SIZE];
    size_t count; /* rows that are not what was written */
    uint64_t usns[SCRUB_DAMAGED_MAX];
    struct error error;
    /* While it is mended from the partner: module after module. */
    int module;
    size_t mended; /* of the rows */
    struct txn *txn;
};

struct scrub {
    struct front_end *fe;
    struct workers *workers;
    struct store *store;
    struct scrub_status status;
    uint64_t began_ms; /* of this process */
    bool running;
    size_t mending; /* homes */
    bool met;       /* by somebody: damage */
    atomic_bool stopping;
    /* The thread's while it reads. */
    uint64_t rows;
    struct finding findings[SCRUB_HOMES_MAX];
    size_t count;
    struct error structure;
    bool renews; /* that can be left behind */
};

const struct scrub_status *scrub_status(const struct scrub *scrub)
{
    return &scrub->status;
}

/* --- reading, on a thread --- */

static void pause_now_and_then(struct scrub *scrub)
{
    if (++scrub->rows % SCRUB_ROWS == 0)
        nanosleep(&(struct timespec){.tv_nsec = SCRUB_PAUSE_MS * 1000000L}, NULL);
}

static bool goes_on(void *context)
{
    struct scrub *scrub = context;
    scrub->rows += SCRUB_ROWS - 1;
    pause_now_and_then(scrub);
    return !atomic_load(&scrub->stopping);
}

static bool is_noted(const struct finding *f, uint64_t usn)
{
    for (size_t i = 0; i < f->count; i++) {
        if (f->usns[i] == usn)
            return true;
    }
    return false;
}

static bool scan_row(uint64_t usn, bool sound, void *context)
{
    struct finding *f = context;
    pause_now_and_then(f->scrub);
    bool is_new = !sound && !is_noted(f, usn); /* a row and its key may both show it */
    if (is_new && f->count == SCRUB_DAMAGED_MAX)
        fail(&f->error, FAIL_DAMAGED, "More than %d items of the home %s are damaged.",
             SCRUB_DAMAGED_MAX, f->home);
    else if (is_new)
        f->usns[f->count++] = usn;
    return !f->error.kind && !atomic_load(&f->scrub->stopping);
}

static bool read_row(const struct item *item, struct item_hash hash, void *context)
{
    struct finding *f = context;
    (void)item;
    (void)hash;
    pause_now_and_then(f->scrub);
    return !atomic_load(&f->scrub->stopping);
}

static int by_number(const void *left, const void *right)
{
    const uint64_t *a = left, *b = right;
    return *a < *b ? -1 : *a > *b;
}

/* In the order of the usns, and if all rows are sound, in that of the keys: then everything must
 * add up to the digests both ways. */
static void read_home(struct view *view, struct finding *f)
{
    enum failure bad = view_scan(view, f->home, scan_row, f, &f->error);
    qsort(f->usns, f->count, sizeof f->usns[0], by_number);
    if (!bad && !f->count)
        bad = view_changes(view, f->home, 0, read_row, f, &f->error);
    for (int m = 0; !bad && !f->count && m < MODULES; m++) {
        if (module_belongs((enum module)m, f->home))
            bad = view_keys(view, f->home, (enum module)m, BYTES_NONE, read_row, f, &f->error);
    }
}

static bool note_home(const char *name, void *context)
{
    struct scrub *scrub = context;
    struct finding *f = &scrub->findings[scrub->count++];
    *f = (struct finding){.scrub = scrub};
    snprintf(f->home, sizeof f->home, "%s", name);
    return scrub->count < COUNT_OF(scrub->findings);
}

/* What is damaged there, its keeper brings back; that a file store can't be used, it tells as well.
 */
static void read_files(struct scrub *scrub)
{
    struct content *content = front_end_content(scrub->fe);
    struct error e;
    uint64_t damaged;
    for (size_t i = 0; i < scrub->count && !atomic_load(&scrub->stopping); i++)
        content_scrub(content, scrub->findings[i].home, &scrub->stopping, &damaged, &e);
}

static void read_structure(struct scrub *scrub, struct view *view)
{
    struct error why;
    if (view_structure(view, goes_on, scrub, &scrub->structure) != FAIL_DAMAGED)
        return;
    scrub->renews = view_renew(view, &why) == OK;
    if (!scrub->renews)
        scrub->structure = why;
}

/* Each home in a view of its own: one that stays open keeps the store from tidying up. */
static void read_all(void *context)
{
    struct scrub *scrub = context;
    struct view *view = NULL;
    scrub->count = 0;
    scrub->structure = (struct error){0};
    if (!store_view(scrub->store, &view, &scrub->structure))
        view_homes(view, note_home, scrub, &scrub->structure);
    view_close(TAKE(view));
    for (size_t i = 0; i < scrub->count && !atomic_load(&scrub->stopping); i++) {
        if (!store_view(scrub->store, &view, &scrub->findings[i].error))
            read_home(view, &scrub->findings[i]);
        view_close(TAKE(view));
    }
    if (!scrub->structure.kind && !store_view(scrub->store, &view, &scrub->structure))
        read_structure(scrub, view);
    view_close(view);
    read_files(scrub);
}

/* --- mending, on the loop --- */

static void note_trouble(struct scrub *scrub, const struct error *e)
{
    scrub->status.trouble = *e;
    log_error(LOG_EVENT_ERROR, "store-damaged", e, "The store of %s is damaged.",
              front_end_pool(scrub->fe));
}

static bool holds(const struct finding *f)
{
    const struct hosted_home *hosted = front_end_home(f->scrub->fe, f->home);
    return hosted && mode_rights(home_mode(hosted_home_core(hosted)))->changes;
}

static void end_if_done(struct scrub *scrub);

static void on_mended(const struct store_outcome *outcome, void *context)
{
    struct finding *f = context;
    struct error e = outcome->error;
    if (atomic_load(&f->scrub->stopping))
        return;
    if (e.kind && !f->count) {
        error_within(&e, "The copy of %s does not add up, and could not be mended: ", f->home);
        note_trouble(f->scrub, &e);
    } else if (e.kind) {
        error_within(&e, "%s of the home %s could not be mended: ", COUNTED(f->count, "item"),
                     f->home);
        note_trouble(f->scrub, &e);
    } else if (!f->count) {
        log_event(LOG_EVENT_WARNING, "damage-mended",
                  "The copy of the home %s in the store of %s did not add up. What it lacks or has "
                  "wrong comes again from its partner.",
                  f->home, front_end_pool(f->scrub->fe));
    } else {
        log_event(LOG_EVENT_WARNING, "damage-mended",
                  "%s of the home %s %s damaged in the store of %s, and %s mended from its "
                  "partner's.",
                  COUNTED(f->count, "item"), f->home, count_word(f->count, "was", "were"),
                  front_end_pool(f->scrub->fe), count_word(f->count, "is", "are"));
    }
    if (!e.kind && !holds(f))
        importing_note_loss(backup_service_importing(front_end_backup_service(f->scrub->fe)),
                            f->home);
    f->scrub->mending--;
    end_if_done(f->scrub);
}

static void not_mended(struct finding *f, const struct error *why)
{
    struct store_outcome outcome = {.error = *why};
    txn_free(TAKE(f->txn));
    on_mended(&outcome, f);
}

static void commit(struct finding *f)
{
    commit_on_loop(f->scrub->store, front_end_loop(f->scrub->fe), TAKE(f->txn), on_mended, f);
}

/* A copy's part: the comparison that the exporter is asked for brings what was taken away. */
static void mend_copy(struct finding *f, const struct hold *hold)
{
    OWNED(view_close) struct view *view = NULL;
    struct home_state state;
    struct error e;
    if (store_view(f->scrub->store, &view, &e) || view_home(view, f->home, &state, &e)) {
        not_mended(f, &e);
        return;
    }
    f->txn = txn_new(f->home);
    txn_as_copy(f->txn, hold->term.number);
    for (size_t i = 0; i < f->count; i++)
        txn_discard(f->txn, f->usns[i]);
    for (int m = 0; m < MODULES; m++) {
        if (!module_belongs((enum module)m, f->home))
            continue;
        txn_recount(f->txn, (enum module)m, NULL);
        if (backup_service_copies(f->home, (enum module)m))
            txn_compare(f->txn, (enum module)m, state.modules[m].comparing, random_u64(), 0);
    }
    commit(f);
}

static void ask_next(struct finding *f);

static void on_items(const struct bytes *bytes, const struct error *why, void *context)
{
    struct finding *f = context;
    OWNED(batch_close) struct batch *batch = NULL;
    struct item item;
    struct error e;
    if (why || batch_open(*bytes, &batch, &e)) {
        not_mended(f, why ? why : &e);
        return;
    }
    const struct batch_head *head = batch_head(batch);
    bool ours = strcmp(head->home, f->home) == 0 && (int)head->module == f->module;
    while (ours && batch_next(batch, &item)) {
        if (!is_noted(f, item.version.usn))
            continue;
        txn_repair(f->txn, &item);
        f->mended++;
    }
    f->module++;
    ask_next(f);
}

/* Which module a damaged row belongs to, nobody knows: each is asked for. */
static void ask_next(struct finding *f)
{
    const struct hosted_home *home = front_end_home(f->scrub->fe, f->home);
    const char *partner = home ? home_partner(hosted_home_core(home)) : "";
    const struct machine *to = front_end_machine_of(f->scrub->fe, partner);
    struct items_wanted wanted = {.count = f->count};
    struct error e;
    while (f->module < MODULES && !module_belongs((enum module)f->module, f->home))
        f->module++;
    if (f->module == MODULES && f->mended == f->count) {
        commit(f);
        return;
    }
    if (f->module == MODULES) {
        fail(&e, FAIL_DAMAGED, "%s has only %zu of them.", partner, f->mended);
        error_next(&e, "It is tried again when that has more. Or keep the store's files for "
                       "inspection and restore an intact copy.");
        not_mended(f, &e);
        return;
    }
    if (!to) {
        fail(&e, FAIL_DAMAGED, "The home %s has no copy that they could be fetched from.", f->home);
        error_next(&e, "Keep the store's files for inspection and restore an intact copy.");
        not_mended(f, &e);
        return;
    }
    wanted.module = (enum module)f->module;
    snprintf(wanted.home, sizeof wanted.home, "%s", f->home);
    memcpy(wanted.usns, f->usns, f->count * sizeof *f->usns);
    link_wanted(front_end_link(f->scrub->fe), to, &wanted, on_items, f);
}

static enum failure read_hold(struct scrub *scrub, const char *home, struct hold *hold,
                              struct error *e)
{
    OWNED(view_close) struct view *view = NULL;
    enum failure bad = store_view(scrub->store, &view, e);
    return bad ? bad : view_hold(view, home, hold, e);
}

static void mend(struct finding *f)
{
    OWNED(free_memory) struct hold *hold = xmalloc(sizeof *hold);
    struct error e;
    f->scrub->mending++;
    bool bad = read_hold(f->scrub, f->home, hold, &e) != OK;
    if (!bad && !hold->term.number)
        bad = fail(&e, FAIL_DAMAGED, "The home %s was never served.", f->home) != OK;
    if (bad) {
        not_mended(f, &e);
    } else if (holds(f)) {
        f->module = 0;
        f->mended = 0;
        f->txn = txn_new(f->home);
        txn_as_holder(f->txn, hold->term.number);
        ask_next(f);
    } else {
        mend_copy(f, hold);
    }
}

/* --- when --- */

static void on_noted(const struct store_outcome *outcome, void *context)
{
    (void)outcome; /* if it was not kept, the next one comes earlier */
    (void)context;
}

static void end_if_done(struct scrub *scrub)
{
    if (scrub->mending)
        return;
    OWNED(buffer_free) struct buffer value = {0};
    struct txn *txn = txn_new(front_end_pool(scrub->fe));
    scrub->running = false;
    scrub->status.done_s = (uint64_t)time(NULL);
    buffer_u64(&value, scrub->status.done_s);
    txn_record(txn, record, buffer_view(&value));
    commit_on_loop(scrub->store, front_end_loop(scrub->fe), txn, on_noted, NULL);
}

/* Its rows are mended when they are in a file that can be trusted. */
static void begin_anew(struct scrub *scrub)
{
    log_event(LOG_EVENT_WARNING, "store-damaged",
              "%s polluxd begins anew, and makes a new file of what can be read of it.",
              scrub->structure.what);
    front_end_begin_anew(scrub->fe);
}

static void on_read(void *context)
{
    struct scrub *scrub = context;
    if (atomic_load(&scrub->stopping) || !front_end_link(scrub->fe))
        return;
    scrub->met = false;
    store_met_damage(scrub->store);
    if (scrub->renews) {
        begin_anew(scrub);
        return;
    }
    scrub->status.trouble = (struct error){0};
    scrub->mending = 1; /* this one */
    if (scrub->structure.kind)
        note_trouble(scrub, &scrub->structure);
    for (size_t i = 0; i < scrub->count; i++) {
        struct finding *f = &scrub->findings[i];
        if (f->count || (f->error.kind == FAIL_DAMAGED && !holds(f)))
            mend(f); /* of a copy, too, what does not add up, whatever it was that went */
        else if (f->error.kind)
            note_trouble(scrub, &f->error);
    }
    scrub->mending--;
    end_if_done(scrub);
}

static uint64_t smaller(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* How long after the last one. */
static uint64_t pause_s(const struct scrub *scrub)
{
    uint64_t each_s = front_end_config(scrub->fe)->scrub_interval_s;
    if (scrub->status.trouble.kind)
        return smaller(each_s, SCRUB_AGAIN_S);
    return scrub->met ? smaller(each_s, SCRUB_MET_S) : each_s;
}

/* What is damaged in a home is mended otherwise once it is served here. */
static bool all_settled(const struct scrub *scrub)
{
    struct hosted_home *homes[HOSTED_HOMES_MAX];
    size_t count = front_end_homes(scrub->fe, homes);
    for (size_t i = 0; i < count; i++) {
        if (home_mode(hosted_home_core(homes[i])) == MODE_REJOINING)
            return false;
    }
    return true;
}

static void look(void *context)
{
    struct scrub *scrub = context;
    if (scrub->running || atomic_load(&scrub->stopping))
        return;
    scrub->met |= store_met_damage(scrub->store);
    uint64_t each_s = pause_s(scrub), up_ms = clock_ms() - scrub->began_ms;
    uint64_t after_ms =
        scrub->met && all_settled(scrub) ? 0 : smaller(each_s * 1000, SCRUB_AFTER_START_MS);
    if (up_ms < after_ms || (uint64_t)time(NULL) - scrub->status.done_s < each_s)
        return;
    scrub->running = workers_run(scrub->workers, read_all, on_read, scrub);
}

/* A clock that was put back must not keep it from beginning for years. */
static void read_last(struct scrub *scrub)
{
    OWNED(view_close) struct view *view = NULL;
    OWNED(buffer_free) struct buffer value = {0};
    if (store_view(scrub->store, &view, NULL) || view_record(view, record, &value, NULL))
        return;
    struct cursor in = cursor_over(buffer_view(&value));
    uint64_t done_s = cursor_u64(&in);
    if (!in.bad && done_s <= (uint64_t)time(NULL))
        scrub->status.done_s = done_s;
}

struct scrub *scrub_new(struct front_end *fe)
{
    struct scrub *scrub = xcalloc(1, sizeof *scrub);
    scrub->fe = fe;
    scrub->store = front_end_store(fe);
    scrub->workers = workers_new(front_end_loop(fe), "scrub", 1);
    scrub->began_ms = clock_ms();
    atomic_init(&scrub->stopping, false);
    return scrub;
}

void scrub_start(struct scrub *scrub)
{
    read_last(scrub);
    loop_every(front_end_loop(scrub->fe), SCRUB_LOOK_MS, look, scrub);
}

void scrub_stop(struct scrub *scrub)
{
    if (!scrub)
        return;
    atomic_store(&scrub->stopping, true);
    workers_free(TAKE(scrub->workers));
}

void scrub_free(struct scrub *scrub)
{
    if (!scrub)
        return;
    for (size_t i = 0; i < COUNT_OF(scrub->findings); i++)
        txn_free(scrub->findings[i].txn);
    free(scrub);
}
