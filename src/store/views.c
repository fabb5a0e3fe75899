#include "store/views.h"

#include <assert.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/known.h"
#include "store/rewind.h"

struct views {
    struct engine *engine;
    pthread_mutex_t lock; /* over all that follows */
    pthread_cond_t free;
    struct session *readers[STORE_VIEWS_MAX]; /* idle ones */
    size_t idle, all;
    bool read; /* somebody did, since it was asked */
};

struct views *views_new(struct engine *engine)
{
    struct views *views = xcalloc(1, sizeof *views);
    views->engine = engine;
    pthread_mutex_init(&views->lock, NULL);
    pthread_cond_init(&views->free, NULL);
    return views;
}

void views_free(struct views *views)
{
    assert(views->idle == views->all); /* every view is closed */
    for (size_t i = 0; i < views->idle; i++)
        views->engine->ops->session_close(views->readers[i]);
    pthread_cond_destroy(&views->free);
    pthread_mutex_destroy(&views->lock);
    free(views);
}

struct view {
    struct views *views;
    struct session *s;
    uint64_t at;               /* it began behind that: known.h */
    char home[HOME_NAME_SIZE]; /* the last one that was asked for; "": none */
    struct home_row row;       /* of that: it does not change while the view lasts */
};

static bool all_are_lent(const struct views *views)
{
    return views->idle == 0 && views->all == STORE_VIEWS_MAX;
}

static enum failure borrow_reader(struct views *views, enum views_patience patience,
                                  struct session **s, struct error *e)
{
    enum failure bad = OK;
    pthread_mutex_lock(&views->lock);
    views->read = true;
    while (all_are_lent(views) && patience == VIEWS_WAIT)
        pthread_cond_wait(&views->free, &views->lock);
    if (views->idle == 0 && patience == VIEWS_REFUSE) {
        bad = fail(e, FAIL_BUSY, "Whoever reads in this store now has to wait.");
    } else if (views->idle) {
        *s = views->readers[--views->idle];
    } else {
        bad = views->engine->ops->session(views->engine, false, s, e);
        if (!bad)
            views->all++;
    }
    pthread_mutex_unlock(&views->lock);
    return bad;
}

static void return_reader(struct views *views, struct session *s)
{
    pthread_mutex_lock(&views->lock);
    views->readers[views->idle++] = s;
    pthread_cond_signal(&views->free);
    pthread_mutex_unlock(&views->lock);
}

bool views_rested(struct views *views)
{
    pthread_mutex_lock(&views->lock);
    bool rested = views->idle == views->all && !views->read;
    views->read = false;
    pthread_mutex_unlock(&views->lock);
    return rested;
}

enum failure views_open(struct views *views, enum views_patience patience, struct view **view,
                        struct error *e)
{
    *view = NULL;
    struct session *s;
    enum failure bad = borrow_reader(views, patience, &s, e);
    if (bad)
        return bad;
    uint64_t at = known_now(views->engine->known);
    bad = views->engine->ops->begin(s, e);
    if (bad) {
        return_reader(views, s);
        return bad;
    }
    *view = xcalloc(1, sizeof **view);
    **view = (struct view){.views = views, .s = s, .at = at};
    return OK;
}

void view_close(struct view *view)
{
    if (!view)
        return;
    view->views->engine->ops->rollback(view->s);
    return_reader(view->views, view->s);
    free(view);
}

static const struct engine_ops *ops_of(const struct view *view)
{
    return view->views->engine->ops;
}

static struct known *known_of(const struct view *view)
{
    return view->views->engine->known;
}

/* Whoever meets damage has it looked for everywhere, soon: store_met_damage(). */
static enum failure noted(const struct view *view, enum failure bad)
{
    if (bad == FAIL_DAMAGED)
        atomic_store(&view->views->engine->damaged, true);
    return bad;
}

static enum failure load_home(struct view *view, const char *home, struct error *e)
{
    struct known *known = known_of(view);
    if (known_row(known, view->at, home, &view->row))
        return OK;
    enum failure bad = ops_of(view)->home_load(view->s, home, &view->row, e);
    if (!bad)
        known_learn_row(known, view->at, home, &view->row);
    return noted(view, bad);
}

static enum failure find_home(struct view *view, const char *home, struct home_row *row,
                              struct error *e)
{
    if (!view->home[0] || strcmp(view->home, home) != 0) {
        enum failure bad = load_home(view, home, e);
        snprintf(view->home, sizeof view->home, "%s", bad ? "" : home);
        if (bad)
            return bad;
    }
    *row = view->row;
    return OK;
}

/* For what needs no more of the row. */
static enum failure find_id(struct view *view, const char *home, int64_t *id, struct error *e)
{
    struct home_row row;
    if (known_id(known_of(view), view->at, home, id))
        return OK;
    enum failure bad = find_home(view, home, &row, e);
    *id = bad ? 0 : row.id;
    return bad;
}

enum failure view_home(struct view *view, const char *home, struct home_state *state,
                       struct error *e)
{
    struct home_row row;
    enum failure bad = find_home(view, home, &row, e);
    if (!bad)
        *state = row.state;
    return bad;
}

enum failure view_hold(struct view *view, const char *home, struct hold *hold, struct error *e)
{
    if (known_hold(known_of(view), view->at, home, hold))
        return OK;
    enum failure bad = hold_load(view->s, home, hold, e);
    if (!bad)
        known_learn_hold(known_of(view), view->at, hold);
    return noted(view, bad);
}

uint64_t view_edition(struct view *view, const char *home)
{
    return known_edition(known_of(view), view->at, home);
}

enum failure view_item(struct view *view, const char *home, enum module module, struct bytes key,
                       struct item *item, struct error *e)
{
    int64_t id;
    enum failure bad = find_id(view, home, &id, e);
    return bad ? bad : noted(view, ops_of(view)->get(view->s, id, module, key, item, e));
}

enum failure view_record(struct view *view, const char *name, struct buffer *value, struct error *e)
{
    return noted(view, record_load(view->s, name, value, e));
}

uint64_t home_reach(const struct home_state *state)
{
    uint64_t reach = state->head;
    for (int m = 0; m < MODULES; m++) {
        uint64_t goal = state->modules[m].compare_goal;
        reach = goal > reach ? goal : reach;
    }
    return reach;
}

/* A walk over everything adds up what it hands out: damage in the structure of a file can make rows
 * disappear without making any of them wrong. */
struct whole_walk {
    view_visit *visit;
    void *context;
    struct digest digests[MODULES];
    bool stopped;
};

static bool add_up(const struct item *item, struct item_hash hash, void *context)
{
    struct whole_walk *w = context;
    digest_add(&w->digests[item->module], item, hash);
    w->stopped = !w->visit(item, hash, w->context);
    return !w->stopped;
}

static bool adds_up(const struct whole_walk *w, const struct home_row *row, enum module module)
{
    return w->stopped || digest_equal(&w->digests[module], &row->state.modules[module].digest);
}

enum failure view_changes(struct view *view, const char *home, uint64_t after, view_visit *visit,
                          void *context, struct error *e)
{
    struct home_row row;
    enum failure bad = find_home(view, home, &row, e);
    if (bad || after >= STORE_NUMBER_MAX) /* nothing is above; `after` may be a stranger's number */
        return bad;
    if (after)
        return noted(view, ops_of(view)->walk_usn(view->s, row.id, after, visit, context, e));
    struct whole_walk w = {.visit = visit, .context = context};
    bad = ops_of(view)->walk_usn(view->s, row.id, 0, add_up, &w, e);
    for (int m = 0; !bad && m < MODULES; m++) {
        if (!adds_up(&w, &row, (enum module)m))
            bad = rows_do_not_add_up(home, e);
    }
    return noted(view, bad);
}

/* Engines walk over tombstones as well. */
struct live {
    view_visit *visit;
    void *context;
};

static bool visit_live(const struct item *item, struct item_hash hash, void *context)
{
    const struct live *live = context;
    return item->deleted || live->visit(item, hash, live->context);
}

static enum failure walk_keys(struct view *view, int64_t home, enum module module,
                              struct bytes prefix, struct bytes from, view_visit *visit,
                              void *context, struct error *e)
{
    struct live live = {visit, context};
    return noted(
        view, ops_of(view)->walk_keys(view->s, home, module, prefix, from, visit_live, &live, e));
}

enum failure view_keys(struct view *view, const char *home, enum module module, struct bytes prefix,
                       view_visit *visit, void *context, struct error *e)
{
    struct home_row row;
    enum failure bad = find_home(view, home, &row, e);
    if (bad)
        return bad;
    if (prefix.size)
        return walk_keys(view, row.id, module, prefix, prefix, visit, context, e);
    struct whole_walk w = {.visit = visit, .context = context};
    bad = walk_keys(view, row.id, module, prefix, prefix, add_up, &w, e);
    if (!bad && !adds_up(&w, &row, module))
        bad = noted(view, rows_do_not_add_up(home, e));
    return bad;
}

enum failure view_keys_after(struct view *view, const char *home, enum module module,
                             struct bytes prefix, struct bytes after, view_visit *visit,
                             void *context, struct error *e)
{
    struct home_row row;
    enum failure bad = find_home(view, home, &row, e);
    if (bad)
        return bad;
    assert(bytes_start_with(after, prefix));
    OWNED(buffer_free) struct buffer from = {0};
    buffer_raw(&from, after.at, after.size);
    buffer_u8(&from, 0); /* no key lies between the two */
    return walk_keys(view, row.id, module, prefix, buffer_view(&from), visit, context, e);
}

static bool note_any(const struct item *item, struct item_hash hash, void *context)
{
    (void)item;
    (void)hash;
    *(bool *)context = true;
    return false;
}

enum failure view_has_any(struct view *view, const char *home, enum module module, bool *any,
                          struct error *e)
{
    struct home_row row;
    *any = false;
    enum failure bad = find_home(view, home, &row, e);
    return bad ? bad
               : noted(view, ops_of(view)->walk_keys(view->s, row.id, module, BYTES_NONE,
                                                     BYTES_NONE, note_any, any, e));
}

enum failure view_tails(struct view *view, const char *home, struct tails *tails, struct error *e)
{
    return noted(view, tails_load(view->s, home, tails, e));
}

enum failure view_tail(struct view *view, uint64_t id, uint64_t after, view_visit *visit,
                       void *context, struct error *e)
{
    char name[TAIL_NAME_SIZE];
    return view_changes(view, tail_name(id, name), after, visit, context, e);
}

enum failure view_newest(struct view *view, const char *home, uint32_t items, uint64_t *usn,
                         struct error *e)
{
    struct home_row row;
    enum failure bad = find_home(view, home, &row, e);
    return bad ? bad : noted(view, ops_of(view)->newest(view->s, row.id, items, usn, e));
}

enum failure view_scan(struct view *view, const char *home, view_scan_visit *visit, void *context,
                       struct error *e)
{
    struct home_row row;
    enum failure bad = find_home(view, home, &row, e);
    return bad ? bad : ops_of(view)->scan(view->s, row.id, visit, context, e);
}

enum failure view_structure(struct view *view, view_goes_on *goes_on, void *context,
                            struct error *e)
{
    return ops_of(view)->structure(view->s, goes_on, context, e);
}

enum failure view_renew(struct view *view, struct error *e)
{
    return ops_of(view)->renew ? ops_of(view)->renew(view->s, e)
                               : fail(e, FAIL_REFUSED, "This store has no file.");
}

struct present {
    view_visit_name *visit;
    void *context;
};

/* A dropped home is none any more, and a tail never was one. */
static bool visit_present(const char *name, void *context)
{
    const struct present *present = context;
    return strncmp(name, HOME_DROPPED, strlen(HOME_DROPPED)) == 0 ||
           strncmp(name, HOME_TAIL, strlen(HOME_TAIL)) == 0 ||
           present->visit(name, present->context);
}

enum failure view_homes(struct view *view, view_visit_name *visit, void *context, struct error *e)
{
    struct present present = {visit, context};
    return noted(view, ops_of(view)->homes(view->s, visit_present, &present, e));
}

static bool note_dropped(const char *name, void *context)
{
    bool *any = context;
    *any = strncmp(name, HOME_DROPPED, strlen(HOME_DROPPED)) == 0;
    return !*any;
}

enum failure view_unswept(struct view *view, bool *any, struct error *e)
{
    *any = false;
    return ops_of(view)->homes(view->s, note_dropped, any, e);
}

enum failure view_records(struct view *view, const char *prefix, view_visit_name *visit,
                          void *context, struct error *e)
{
    return noted(view, ops_of(view)->records(view->s, prefix, visit, context, e));
}
