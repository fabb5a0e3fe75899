#include "pool/replicas.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/count.h"
#include "base/log.h"
#include "core/gathering.h"
#include "pool/backup_service.h"

/* A pool with a replica. */
struct replica_row {
    char pool[FQDN_SIZE], machine[FQDN_SIZE];
    bool calling; /* it has still to answer */
    struct replica_standing standing;
    struct lineage *line; /* its own, owned */
};

struct replicas {
    struct front_end *fe;
    replicas_changed *changed;
    void *context;
    struct replica_row rows[TOPOLOGY_POOLS_MAX];
    size_t count, calling;
    uint64_t round; /* of questions: what comes of an earlier one counts no more */
    bool asked;     /* anybody, since the operation began */
    /* What is being brought, one batch after the other. */
    bool bringing;
    struct replica_row *from;
    uint64_t taken; /* up to there it is here, stored or not */
    char behind[REPLICAS_TEXT_SIZE];
    char brought_from[FQDN_SIZE];
    uint64_t began_at; /* where the copy here was before */
    uint64_t brought;
    char trouble[ERROR_TEXT_MAX];
};

static struct hosted_home *home_of(const struct replicas *r)
{
    return front_end_home(r->fe, HOME_CENTRAL);
}

static uint64_t own_usn(const struct replicas *r)
{
    struct home_point point;
    struct error e;
    bool whole;
    return hosted_home_point(home_of(r), &point, &whole, &e) ? 0 : point.usn;
}

/* --- who there is --- */

static void forget(struct replicas *r)
{
    for (size_t i = 0; i < r->count; i++)
        free(TAKE(r->rows[i].line));
    r->count = r->calling = 0;
    r->from = NULL;
    r->round++;
}

void replicas_begin(struct replicas *r)
{
    const struct topology *topology = front_end_config(r->fe)->topology;
    forget(r);
    r->bringing = r->asked = false;
    r->brought = 0;
    r->brought_from[0] = r->trouble[0] = r->behind[0] = '\0';
    for (size_t i = 0; i < topology->pool_count; i++) {
        if (!front_end_has_replica(r->fe, &topology->pools[i]))
            continue;
        struct replica_row *row = &r->rows[r->count++];
        *row = (struct replica_row){0};
        snprintf(row->pool, sizeof row->pool, "%s", topology->pools[i].fqdn);
    }
}

struct replicas *replicas_new(struct front_end *fe, replicas_changed *changed, void *context)
{
    struct replicas *r = xcalloc(1, sizeof *r);
    r->fe = fe;
    r->changed = changed;
    r->context = context;
    return r;
}

void replicas_free(struct replicas *r)
{
    if (!r)
        return;
    forget(r);
    free(r);
}

/* --- asking --- */

struct asked {
    struct replicas *r;
    size_t row;
    uint64_t round;
};

static void note_standing(const struct replicas *r, struct replica_row *row,
                          const struct sync_offer *offer)
{
    const struct lineage *ours = &home_hold(hosted_home_core(home_of(r)))->lineage;
    if (!row->line)
        row->line = xmalloc(sizeof *row->line);
    *row->line = offer->lineage;
    row->standing.usn = offer->head;
    row->standing.same = lineage_in_line(row->line, offer->head, ours, own_usn(r));
}

static void on_offer(const struct sync_offer *offer, const struct error *e, void *context)
{
    struct asked *asked = context;
    struct replicas *r = asked->r;
    bool current = asked->round == r->round;
    struct replica_row *row = current ? &r->rows[asked->row] : NULL;
    free(asked);
    if (!row)
        return;
    row->calling = false;
    r->calling--;
    row->standing.known = e == NULL;
    if (offer)
        note_standing(r, row, offer);
    if (r->calling == 0)
        r->changed(r->context);
}

static struct asked *asked_new(struct replicas *r, const struct replica_row *row)
{
    struct asked *asked = xmalloc(sizeof *asked);
    *asked = (struct asked){.r = r, .row = (size_t)(row - r->rows), .round = r->round};
    return asked;
}

void replicas_ask(struct replicas *r)
{
    struct link *link = front_end_link(r->fe);
    if (r->calling || !link)
        return;
    r->asked = true;
    for (size_t i = 0; i < r->count; i++) {
        struct replica_row *row = &r->rows[i];
        const struct machine *to = front_end_machine_of(r->fe, row->pool);
        row->calling = front_end_reaches(r->fe, row->pool);
        row->standing.known = row->standing.known && row->calling;
        if (!row->calling)
            continue;
        snprintf(row->machine, sizeof row->machine, "%s", to->fqdn);
        r->calling++;
        link_standing(link, to, HOME_CENTRAL, on_offer, asked_new(r, row));
    }
}

/* --- bringing --- */

static struct replica_row *most_advanced(struct replicas *r)
{
    struct replica_row *most = NULL;
    uint64_t usn = own_usn(r);
    for (size_t i = 0; i < r->count; i++) {
        struct replica_row *row = &r->rows[i];
        if (!gathering_has_more(&row->standing, usn))
            continue;
        most = row;
        usn = row->standing.usn;
    }
    return most;
}

/* Of whoever has more, and can't be gone on from, the reason is told; what may work in a moment is
 * tried again. */
static void end_bringing(struct replicas *r, const struct error *e)
{
    bool again = e && (e->kind == FAIL_BUSY || e->kind == FAIL_CONFLICT);
    r->bringing = false;
    r->from->standing.useless = e && !again;
    snprintf(r->trouble, sizeof r->trouble, "%s", e ? e->what : "");
    uint64_t own = own_usn(r);
    if (own > r->began_at) {
        r->brought = own - r->began_at;
        snprintf(r->brought_from, sizeof r->brought_from, "%s", r->from->machine);
        log_event(LOG_EVENT_NOTICE, "replica-brought",
                  "%s of the home %s %s brought from the replica at %s.",
                  COUNTED(r->brought, "change"), HOME_CENTRAL,
                  count_word(r->brought, "was", "were"), r->from->machine);
    }
    r->changed(r->context);
}

static void fetch(struct replicas *r);

/* Is what comes back still wanted? */
static struct replicas *comes_back(void *context)
{
    OWNED(free_memory) struct asked *asked = context;
    struct replicas *r = asked->r;
    bool current = asked->round == r->round && r->bringing && front_end_link(r->fe);
    return current ? r : NULL;
}

static void on_brought(const struct copy_answer *answer, const struct error *e, void *context)
{
    struct replicas *r = comes_back(context);
    struct error trouble;
    if (!r)
        return;
    uint64_t stands = 0;
    if (answer && answer->verdict == COPY_GO_ON)
        stands = answer->taken > answer->at.usn ? answer->taken : answer->at.usn;
    if (!e && stands <= r->taken) {
        fail(&trouble, answer->verdict == COPY_EARLY ? FAIL_BUSY : FAIL_REFUSED,
             "The copy here can't go on with what %s has (%s).", r->from->machine,
             copy_verdict_name(answer->verdict));
        e = &trouble;
    }
    if (!e)
        r->taken = stands;
    if (e || stands >= r->from->standing.usn)
        end_bringing(r, e);
    else
        fetch(r);
}

static void on_batch(const struct bytes *batch, const struct error *e, void *context)
{
    struct replicas *r = comes_back(context);
    if (!r)
        return;
    if (e)
        end_bringing(r, e);
    else
        importing_brought(backup_service_importing(front_end_backup_service(r->fe)), *batch,
                          on_brought, asked_new(r, r->from));
}

static void fetch(struct replicas *r)
{
    const struct machine *to = front_end_machine_of(r->fe, r->from->pool);
    struct items_wanted wanted = {.module = MODULE_CMS_MASTER, .after = r->taken};
    struct error e;
    snprintf(wanted.home, sizeof wanted.home, "%s", HOME_CENTRAL);
    if (to) {
        link_wanted(front_end_link(r->fe), to, &wanted, on_batch, asked_new(r, r->from));
        return;
    }
    fail(&e, FAIL_UNREACHABLE, "The topology knows no machine of %s.", r->from->pool);
    end_bringing(r, &e);
}

static void on_followed(const struct error *e, void *context)
{
    struct replicas *r = comes_back(context);
    if (!r)
        return;
    if (e)
        end_bringing(r, e);
    else
        fetch(r);
}

void replicas_bring(struct replicas *r)
{
    struct replica_row *most = r->calling || r->bringing ? NULL : most_advanced(r);
    if (!most || !front_end_link(r->fe)) {
        replicas_ask(r);
        return;
    }
    const struct lineage *ours = &home_hold(hosted_home_core(home_of(r)))->lineage;
    r->bringing = true;
    r->from = most;
    r->taken = own_usn(r);
    if (!r->brought)
        r->began_at = r->taken;
    if (lineage_last(ours).number >= lineage_last(most->line).number)
        fetch(r);
    else
        hosted_home_follow(home_of(r), most->line, NULL, NULL, on_followed, asked_new(r, most));
}

/* --- telling --- */

static void add_name(char *names, size_t size, const char *name)
{
    size_t used = strlen(names);
    snprintf(names + used, size - used, "%s%s", used ? ", " : "", name);
}

static void name_behind(const struct replicas *r, uint64_t goal, char *names, size_t size)
{
    names[0] = '\0';
    for (size_t i = 0; i < r->count; i++) {
        const struct replica_row *row = &r->rows[i];
        if (row->standing.known && (!row->standing.same || row->standing.usn < goal))
            add_name(names, size, row->machine);
    }
}

struct operation_replicas replicas_standing(struct replicas *r, uint64_t goal)
{
    uint64_t own = own_usn(r);
    struct operation_replicas standing = {
        .asked = r->calling == 0 && !r->bringing, .least = UINT64_MAX, .behind = r->behind};
    for (size_t i = 0; i < r->count; i++)
        gathering_add(&standing, &r->rows[i].standing, own);
    name_behind(r, goal, r->behind, sizeof r->behind);
    return standing;
}

static void name_ahead(const struct replicas *r, uint64_t goal, char *names, size_t size)
{
    char text[FQDN_SIZE + 64];
    for (size_t i = 0; i < r->count; i++) {
        const struct replica_row *row = &r->rows[i];
        if (!row->standing.known || row->standing.usn <= goal)
            continue;
        snprintf(text, sizeof text, "%s (%s)", row->machine,
                 COUNTED(row->standing.usn - goal, "change"));
        add_name(names, size, text);
    }
}

/* Those of a pool that don't answer. */
static void name_silent(const struct front_end *fe, const struct pool *pool, char *names,
                        size_t size)
{
    for (size_t i = 0; i < pool->machine_count; i++) {
        if (!front_end_answers(fe, &pool->machines[i]))
            add_name(names, size, pool->machines[i].fqdn);
    }
}

void replicas_away(const struct front_end *fe, char *names, size_t size)
{
    const struct topology *topology = front_end_config(fe)->topology;
    names[0] = '\0';
    for (size_t i = 0; i < topology->pool_count; i++) {
        const struct pool *pool = &topology->pools[i];
        if (front_end_has_replica(fe, pool) && !front_end_reaches(fe, pool->fqdn))
            name_silent(fe, pool, names, size);
    }
}

void replicas_say(const struct replicas *r, uint64_t goal, struct replicas_said *said)
{
    *said = (struct replicas_said){.brought = r->brought};
    snprintf(said->brought_from, sizeof said->brought_from, "%s", r->brought_from);
    snprintf(said->trouble, sizeof said->trouble, "%s", r->trouble);
    name_behind(r, goal, said->behind, sizeof said->behind);
    name_ahead(r, goal, said->ahead, sizeof said->ahead);
    if (!r->asked)
        replicas_away(r->fe, said->away, sizeof said->away);
    for (size_t i = 0; r->asked && i < r->count; i++) {
        const struct replica_row *row = &r->rows[i];
        const struct pool *pool = topology_pool(front_end_config(r->fe)->topology, row->pool);
        if (!row->standing.known && pool)
            add_name(said->away, sizeof said->away, pool->machines[0].fqdn);
    }
}
