#include "user/leavers.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/workers.h"
#include "user/ended.h"

static_assert((int)SERVED_HOMES_MAX == (int)HOSTED_HOMES_MAX, "all that is hosted may be served");

struct leavers {
    struct front_end *fe;
    struct loop *loop;
    struct workers *workers;
    bool working;
    atomic_bool stopping;
    uint64_t seen;             /* up to this change of `central`, all are removed that … */
    struct served seen_as;     /* … belonged to these */
    uint64_t again_ms;         /* not before, because something was wrong */
    uint64_t all_ms;           /* when all of them were looked at last; 0: never */
    char told[ERROR_TEXT_MAX]; /* the last trouble: told once */
    uint64_t goal;             /* of the pass under way: the head of `central` when it began */
    struct leaving pass;
    struct error error;
};

static void work(void *context)
{
    struct leavers *l = context;
    l->error = (struct error){0};
    leaving_carry_out(&l->pass, &l->error);
}

static void on_worked(void *context)
{
    struct leavers *l = context;
    const struct leaving *p = &l->pass;
    l->working = false;
    if (atomic_load(&l->stopping))
        return;
    if (l->error.kind) {
        l->again_ms = clock_ms() + LEAVERS_AGAIN_MS;
        if (strcmp(l->told, l->error.what) != 0)
            log_error(LOG_EVENT_WARNING, "user-data-not-removed", &l->error,
                      "What users had who have left, or files of conferences that ended, could not "
                      "be removed; it is tried again.");
        snprintf(l->told, sizeof l->told, "%s", l->error.what);
        return;
    }
    l->told[0] = '\0';
    l->seen = l->goal;
    l->seen_as = p->served;
    if (p->all)
        l->all_ms = clock_ms();
}

/* --- when --- */

static void look_what_is_served(const struct front_end *fe, struct served *served)
{
    struct hosted_home *homes[HOSTED_HOMES_MAX];
    size_t count = front_end_homes(fe, homes);
    *served = (struct served){0};
    for (size_t i = 0; i < count; i++) {
        const char *name = home_name(hosted_home_core(homes[i]));
        uint64_t term;
        struct error why;
        if (front_end_serves(fe, name, &term, &why))
            continue;
        snprintf(served->list[served->count].home, HOME_NAME_SIZE, "%s", name);
        served->list[served->count++].term = term;
    }
}

static bool is_same(const struct served *a, const struct served *b)
{
    bool same = a->count == b->count;
    for (size_t i = 0; same && i < a->count; i++)
        same = a->list[i].term == b->list[i].term && strcmp(a->list[i].home, b->list[i].home) == 0;
    return same;
}

static bool head_of_central(const struct front_end *fe, uint64_t *head)
{
    OWNED(view_close) struct view *view = NULL;
    struct home_state state;
    if (store_view(front_end_store(fe), &view, NULL) || view_home(view, HOME_CENTRAL, &state, NULL))
        return false; /* a store that can't be read is told elsewhere */
    *head = state.head;
    return true;
}

static void on_look(void *context)
{
    struct leavers *l = context;
    struct served served;
    uint64_t head;
    if (l->working || atomic_load(&l->stopping) || clock_ms() < l->again_ms)
        return;
    look_what_is_served(l->fe, &served);
    if (!served.count || !head_of_central(l->fe, &head))
        return;
    bool all = !l->all_ms || head < l->seen || clock_ms() - l->all_ms >= LEAVERS_ALL_MS ||
               !is_same(&served, &l->seen_as);
    if (!all && head == l->seen && !ended_any(front_end_store(l->fe), &served))
        return;
    l->pass = (struct leaving){.store = front_end_store(l->fe),
                               .files = front_end_files(l->fe),
                               .served = served,
                               .all = all,
                               .after = l->seen,
                               .stopping = &l->stopping};
    l->goal = head;
    l->working = workers_run(l->workers, work, on_worked, l);
}

struct leavers *leavers_start(struct front_end *fe, struct loop *loop)
{
    struct leavers *l = xcalloc(1, sizeof *l);
    l->fe = fe;
    l->loop = loop;
    l->workers = workers_new(loop, "leavers", 1);
    atomic_init(&l->stopping, false);
    loop_every(loop, LEAVERS_LOOK_MS, on_look, l);
    return l;
}

void leavers_stop(struct leavers *l)
{
    if (!l)
        return;
    atomic_store(&l->stopping, true);
    workers_free(l->workers);
    loop_settle(l->loop); /* what it had still to say */
    free(l);
}
