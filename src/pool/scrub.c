#include "pool/scrub.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/workers.h"
#include "pool/backup_service.h"
#include "pool/commit.h"
#include "pool/content.h"
#include "pool/mending.h"
#include "pool/operating.h"

static const char record[] = "scrub";

/* What was found in one home, and who mends it. */
struct finding {
    struct scrub *scrub;
    char home[HOME_NAME_SIZE];
    struct damage damage;
    struct error error;
    struct mending *mending;
};

struct scrub {
    struct front_end *fe;
    struct workers *workers;
    struct store *store;
    struct scrub_status status;
    uint64_t began_ms;     /* of this process */
    bool running, reading; /* the thread reads; else what it found is mended, or waits */
    size_t mending;        /* homes */
    bool met;              /* by somebody: damage */
    unsigned in_vain;      /* how often in a row nothing was found of that */
    atomic_bool stopping;
    /* The thread's while it reads. */
    uint64_t rows;
    struct finding findings[SCRUB_HOMES_MAX];
    size_t count;
    struct error structure;
    bool torn;   /* the file itself is out of order */
    bool renews; /* and is left behind when polluxd begins anew; nothing else is done until then */
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

static bool scan_row(uint64_t usn, bool sound, void *context)
{
    struct finding *f = context;
    pause_now_and_then(f->scrub);
    if (!sound)
        damage_note(&f->damage, usn);
    return !f->damage.more && !atomic_load(&f->scrub->stopping);
}

static bool read_row(const struct item *item, struct item_hash hash, void *context)
{
    struct finding *f = context;
    (void)item;
    (void)hash;
    pause_now_and_then(f->scrub);
    return !atomic_load(&f->scrub->stopping);
}

/* In the order of the usns, and if all rows are sound, in that of the keys: then everything must
 * add up to the digests both ways. */
static void read_home(struct view *view, struct finding *f)
{
    enum failure bad = view_scan(view, f->home, scan_row, f, &f->error);
    damage_settle(&f->damage);
    bool sound = !damage_is_any(&f->damage);
    if (!bad && sound)
        bad = view_changes(view, f->home, 0, read_row, f, &f->error);
    for (int m = 0; !bad && sound && m < MODULES; m++) {
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
    scrub->torn = view_structure(view, goes_on, scrub, &scrub->structure) == FAIL_DAMAGED;
    if (!scrub->torn)
        return;
    scrub->renews = view_renew(view, &why) == OK;
    if (!scrub->renews)
        scrub->structure = why;
}

/* Each is checked on the way. */
static bool visit_record(const char *name, void *context)
{
    (void)name;
    struct scrub *scrub = context;
    return !atomic_load(&scrub->stopping);
}

/* Each home in a view of its own: one that stays open keeps the store from tidying up. */
static void read_all(void *context)
{
    struct scrub *scrub = context;
    struct view *view = NULL;
    scrub->structure = (struct error){0};
    scrub->torn = scrub->renews = false;
    if (!store_view(scrub->store, &view, &scrub->structure))
        view_homes(view, note_home, scrub, &scrub->structure);
    view_close(TAKE(view));
    for (size_t i = 0; i < scrub->count && !atomic_load(&scrub->stopping); i++) {
        if (!store_view(scrub->store, &view, &scrub->findings[i].error))
            read_home(view, &scrub->findings[i]);
        view_close(TAKE(view));
    }
    if (!scrub->structure.kind && !store_view(scrub->store, &view, &scrub->structure) &&
        !view_records(view, "", visit_record, scrub, &scrub->structure))
        read_structure(scrub, view);
    view_close(view);
    if (!scrub->renews)
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
    struct error unused;
    uint64_t term;
    return front_end_serves(f->scrub->fe, f->home, &term, &unused) == OK;
}

static void end_if_done(struct scrub *scrub);

static void on_mended(const struct error *why, void *context)
{
    struct scrub *scrub = context;
    if (atomic_load(&scrub->stopping) || !front_end_link(scrub->fe))
        return;
    if (why)
        note_trouble(scrub, why);
    scrub->mending--;
    end_if_done(scrub);
}

static void mend(struct finding *f)
{
    struct scrub *scrub = f->scrub;
    scrub->mending++;
    scrub->met |= f->damage.more || f->damage.keys; /* there may be more than could be seen */
    f->mending = mending_start(scrub->fe, scrub->workers, f->home, &f->damage, on_mended, scrub);
}

static void forget_findings(struct scrub *scrub)
{
    for (size_t i = 0; i < scrub->count; i++) {
        mending_free(scrub->findings[i].mending);
        damage_free(&scrub->findings[i].damage);
    }
    scrub->count = 0;
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

/* A pool that starts serves what it held when its partner says that it may: with one that is not
 * there it would wait, perhaps for a person. False, and what is to be waited for. */
static bool would_serve_again(const struct scrub *scrub, struct error *e)
{
    struct hosted_home *homes[HOSTED_HOMES_MAX];
    size_t count = front_end_homes(scrub->fe, homes);
    *e = (struct error){0};
    for (size_t i = 0; i < count && !e->kind; i++) {
        const struct home *core = hosted_home_core(homes[i]);
        const char *home = home_name(core), *partner = home_partner(core);
        const struct operation_report *r = operating_of(front_end_operating(scrub->fe), home);
        if (r && operating_is_under_way(r))
            fail(e, FAIL_BUSY, "the end of what is under way with the home %s", home);
        else if (mode_rights(home_mode(core))->holder && *partner &&
                 !front_end_reaches(scrub->fe, partner))
            fail(e, FAIL_UNREACHABLE, "%s to answer", partner);
    }
    return !e->kind;
}

/* Its rows are mended when they are in a file that can be trusted. */
static void begin_anew(struct scrub *scrub)
{
    struct error why;
    if (would_serve_again(scrub, &why) && front_end_can_begin_anew(scrub->fe, &why)) {
        log_event(LOG_EVENT_WARNING, "store-damaged",
                  "%s polluxd begins anew, and makes a new file of what can be read of it.",
                  scrub->structure.what);
        front_end_begin_anew(scrub->fe);
    } else if (!scrub->status.trouble.kind) {
        error_kept(&scrub->structure,
                   "A new file is made of what can be read of it when polluxd "
                   "begins anew, which waits for %s.",
                   why.what);
        error_next(&scrub->structure, "If it may stop serving meanwhile, restart polluxd now.");
        note_trouble(scrub, &scrub->structure);
    }
}

static void on_read(void *context)
{
    struct scrub *scrub = context;
    scrub->reading = false;
    if (atomic_load(&scrub->stopping) || !front_end_link(scrub->fe))
        return;
    bool was_met = scrub->met, found = scrub->structure.kind != OK;
    scrub->met = false;
    store_met_damage(scrub->store);
    scrub->status.trouble = (struct error){0};
    if (scrub->renews) {
        begin_anew(scrub); /* or look() does, when it can be */
        return;
    }
    scrub->mending = 1; /* this one */
    if (scrub->structure.kind)
        note_trouble(scrub, &scrub->structure);
    for (size_t i = 0; i < scrub->count && !scrub->torn; i++) {
        struct finding *f = &scrub->findings[i];
        found |= damage_is_any(&f->damage) || f->error.kind;
        if (damage_is_any(&f->damage) || (f->error.kind == FAIL_DAMAGED && !holds(f)))
            mend(f); /* of a copy, too, what does not add up, whatever it was that went */
        else if (f->error.kind)
            note_trouble(scrub, &f->error);
    }
    scrub->in_vain = was_met && !found ? scrub->in_vain + 1 : 0;
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
    uint64_t met_s = (uint64_t)SCRUB_MET_S << smaller(scrub->in_vain, SCRUB_MET_TWICE_MAX);
    return scrub->met ? smaller(each_s, met_s) : each_s;
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
    if (scrub->running && scrub->renews && !scrub->reading)
        begin_anew(scrub);
    if (scrub->running || atomic_load(&scrub->stopping))
        return;
    scrub->met |= store_met_damage(scrub->store);
    uint64_t each_s = pause_s(scrub), up_ms = clock_ms() - scrub->began_ms;
    uint64_t after_ms =
        scrub->met && all_settled(scrub) ? 0 : smaller(each_s * 1000, SCRUB_AFTER_START_MS);
    if (up_ms < after_ms || (uint64_t)time(NULL) - scrub->status.done_s < each_s)
        return;
    forget_findings(scrub);
    scrub->running = scrub->reading = workers_run(scrub->workers, read_all, on_read, scrub);
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
    forget_findings(scrub);
    free(scrub);
}
