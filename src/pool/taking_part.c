#include "pool/taking_part.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "core/copy.h"
#include "pool/hosted_home.h"

enum { FORMER_HOMES_MAX = HOSTED_HOMES_MAX - 3 };

enum failure taking_part_check_copy(const struct hold *hold, enum side side,
                                    const struct home_state *state, struct error *e)
{
    uint64_t last = 0;
    for (int m = 0; m < MODULES; m++)
        last = state->modules[m].cookie.usn > last ? state->modules[m].cookie.usn : last;
    if (copy_is_known_elsewhere(hold, side, state->head, last, state->tails > 0))
        return OK;
    return fail(e, FAIL_REFUSED,
                "The home %s has changes here that were made while this pool held it; whether its "
                "own pool has them is not known.",
                hold->home);
}

/* --- by the topology --- */

static const struct pool *pool_of(const struct config *config, const char *home)
{
    bool central = strcmp(home, HOME_CENTRAL) == 0;
    return central ? config->topology->central : topology_pool(config->topology, home);
}

bool taking_part_is_assigned(const struct config *config, const char *home)
{
    const struct pool *pool = pool_of(config, home), *self = config->self->pool;
    return pool && (pool == self || pool->backup == self);
}

/* --- former partners' homes --- */

struct former {
    const struct config *config;
    struct view *view;
    struct error *e;
    enum failure bad;
    bool more; /* which wait for a later start: whoever is not open can't take */
    size_t count;
    char homes[FORMER_HOMES_MAX][HOME_NAME_SIZE];
};

static bool names_us(const struct hold *hold, const struct config *config)
{
    return strcmp(hold->pools[SIDE_BACKUP], config->self->pool->fqdn) == 0;
}

static bool note_former(const char *home, void *context)
{
    struct former *f = context;
    OWNED(free_memory) struct hold *hold = xmalloc(sizeof *hold);
    if (taking_part_is_assigned(f->config, home) || !pool_of(f->config, home))
        return true;
    enum failure bad = view_hold(f->view, home, hold, f->e);
    if (bad == FAIL_NOT_FOUND || (!bad && !names_us(hold, f->config)))
        return true;
    f->bad = bad;
    f->more = f->count == FORMER_HOMES_MAX;
    if (!bad && !f->more)
        snprintf(f->homes[f->count++], HOME_NAME_SIZE, "%s", home);
    return !bad && !f->more;
}

/* Of homes whose pool is in the topology: nobody else asks for them. */
static enum failure find_former(const struct config *config, struct view *view,
                                struct former *former, struct error *e)
{
    *former = (struct former){.config = config, .view = view, .e = e};
    enum failure bad = view_homes(view, note_former, former, e);
    return bad ? bad : former->bad;
}

static enum failure check_former(const struct hold *hold, const struct home_state *state,
                                 struct error *e)
{
    if (!hold_may_be_given_up(hold))
        return fail(e, FAIL_REFUSED, "This pool was the last to hold the home %s.", hold->home);
    return taking_part_check_copy(hold, SIDE_BACKUP, state, e);
}

static void tell_given_up(const char *home, const char *self)
{
    log_event(LOG_EVENT_NOTICE, "part-given-up",
              "This pool is not the backup pool of the home %s any more, and will not take it. Its "
              "copy stays until it is removed: Remove-CsUserStoreBackupData -PoolFqdn %s",
              home, self);
}

static enum failure give_up(struct store *store, struct hold *hold, struct error *e)
{
    char self[FQDN_SIZE];
    memcpy(self, hold->pools[SIDE_BACKUP], sizeof self);
    struct txn *txn = txn_new(hold->home);
    struct store_outcome outcome;
    hold_give_up(hold);
    hold->revision++;
    txn_hold(txn, hold);
    if (store_commit_wait(store, txn, &outcome)) {
        *e = outcome.error;
        return e->kind;
    }
    tell_given_up(hold->home, self);
    return OK;
}

static enum failure settle(struct store *store, const char *home, struct error *e)
{
    OWNED(view_close) struct view *view = NULL;
    OWNED(free_memory) struct hold *hold = xmalloc(sizeof *hold);
    struct home_state state;
    struct error why;
    enum failure bad = store_view(store, &view, e);
    if (!bad)
        bad = view_hold(view, home, hold, e);
    if (!bad)
        bad = view_home(view, home, &state, e);
    if (bad)
        return bad;
    if (check_former(hold, &state, &why)) {
        error_kept(&why, "Until that is over it stays its backup pool, by its own record.");
        log_error(
            LOG_EVENT_WARNING, "part-kept", &why,
            "%s is not given up, though the topology has another backup pool for it, or none.",
            home);
        return OK;
    }
    view_close(TAKE(view));
    return give_up(store, hold, e);
}

enum failure taking_part_settle(const struct config *config, struct store *store, struct error *e)
{
    OWNED(view_close) struct view *view = NULL;
    struct former former;
    enum failure bad = store_view(store, &view, e);
    if (!bad)
        bad = find_former(config, view, &former, e);
    if (bad)
        return bad;
    view_close(TAKE(view));
    for (size_t i = 0; !bad && i < former.count; i++)
        bad = settle(store, former.homes[i], e);
    if (!bad && former.more)
        log_event(
            LOG_EVENT_WARNING, "part-kept",
            "There are more than %d homes that this pool was the backup pool of. Start polluxd "
            "again when these are given up.",
            FORMER_HOMES_MAX);
    return bad;
}

/* --- later, while it is open --- */

/* Else at the next look. */
static void on_parted(const struct error *e, void *context)
{
    (void)e;
    (void)context;
}

static void part_from(struct front_end *fe, struct hosted_home *home)
{
    const struct home *core = hosted_home_core(home);
    OWNED(view_close) struct view *view = NULL;
    struct home_state state;
    struct error e;
    if (!store_view(front_end_store(fe), &view, &e) &&
        !view_home(view, home_name(core), &state, &e) && !check_former(home_hold(core), &state, &e))
        hosted_home_part(home, on_parted, NULL);
}

/* Then it is as after another start: of the Central Management Store this machine has a replica. */
static void close_home(struct front_end *fe, struct hosted_home *home)
{
    char name[HOME_NAME_SIZE];
    snprintf(name, sizeof name, "%s", home_name(hosted_home_core(home)));
    if (front_end_close_home(fe, home))
        tell_given_up(name, front_end_pool(fe));
}

static void look_at(struct front_end *fe, struct hosted_home *home)
{
    const struct home *core = hosted_home_core(home);
    if (home_mode(core) != MODE_STANDBY || home_deciding(core))
        return;
    if (home_is_named(core))
        part_from(fe, home);
    else
        close_home(fe, home);
}

void taking_part_look(void *context)
{
    struct front_end *fe = context;
    struct hosted_home *homes[HOSTED_HOMES_MAX];
    size_t count = front_end_homes(fe, homes);
    for (size_t i = 0; i < count; i++) {
        if (!taking_part_is_assigned(front_end_config(fe), home_name(hosted_home_core(homes[i]))))
            look_at(fe, homes[i]);
    }
}

/* --- all of them --- */

static enum failure visit_one(const struct config *config, struct view *view, const char *name,
                              taking_part_visit *visit, void *context, struct error *e)
{
    const struct pool *pool = pool_of(config, name), *self = config->self->pool;
    OWNED(free_memory) struct hold *hold = xmalloc(sizeof *hold);
    struct taking_part part = {.options = {.name = name}};
    enum failure bad = view_hold(view, name, hold, e);
    if (bad && bad != FAIL_NOT_FOUND)
        return bad;
    part.hold = bad ? NULL : hold;
    part.options.side = pool == self ? SIDE_HOME : SIDE_BACKUP;
    part.options.pools[SIDE_HOME] = pool->fqdn;
    part.options.pools[SIDE_BACKUP] = pool != self   ? self->fqdn
                                      : pool->backup ? pool->backup->fqdn
                                                     : NULL;
    if (part.hold && strcmp(hold->pools[SIDE_HOME], pool->fqdn) != 0) {
        fail(e, FAIL_REFUSED, "The store's record of the home %s names %s as its own pool, not %s.",
             name, hold->pools[SIDE_HOME], pool->fqdn);
        return error_next(e, "Check which store the configuration names for this pool.");
    }
    return visit(&part, context, e);
}

enum failure taking_part_each(const struct config *config, struct store *store,
                              taking_part_visit *visit, void *context, struct error *e)
{
    const struct pool *self = config->self->pool;
    OWNED(view_close) struct view *view = NULL;
    struct former former;
    enum failure bad = store_view(store, &view, e);
    if (!bad)
        bad = find_former(config, view, &former, e);
    if (!bad)
        bad = visit_one(config, view, self->fqdn, visit, context, e);
    if (!bad && self->backup)
        bad = visit_one(config, view, self->backup->fqdn, visit, context, e);
    if (!bad && taking_part_is_assigned(config, HOME_CENTRAL))
        bad = visit_one(config, view, HOME_CENTRAL, visit, context, e);
    for (size_t i = 0; !bad && i < former.count; i++)
        bad = visit_one(config, view, former.homes[i], visit, context, e);
    return bad;
}

/* --- asked for one that is not among them --- */

enum failure taking_part_answer(const struct front_end *fe, const char *home,
                                const struct home_question *question, struct home_answer *answer,
                                struct error *e)
{
    OWNED(view_close) struct view *view = NULL;
    OWNED(free_memory) struct hold *hold = xmalloc(sizeof *hold);
    struct home_state state = {0};
    enum failure bad = store_view(front_end_store(fe), &view, e);
    if (!bad)
        bad = view_hold(view, home, hold, e);
    bool known = !bad;
    if (known)
        bad = view_home(view, home, &state, e);
    if (bad && bad != FAIL_NOT_FOUND)
        return bad;
    *answer =
        home_parted_answer(front_end_pool(fe), known ? hold : NULL, home_reach(&state), question);
    return OK;
}
