#include "pool/publication.h"

#include <netdb.h>
#include <string.h>

#include "pool/central.h"

static const char in_general[] = "the topology";

/* --- names --- */

static void check_name(const struct machine *machine, struct faults *faults)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    int rc = getaddrinfo(machine->fqdn, NULL, &hints, &found);
    if (rc == 0)
        freeaddrinfo(found);
    else
        faults_add(faults, in_general, 0,
                   "The name %s of a machine of %s does not resolve (%s): give it an address, or "
                   "mend the name service.",
                   machine->fqdn, machine->pool->fqdn, gai_strerror(rc));
}

void publication_check_names(const struct topology *topology, struct faults *faults,
                             bool (*go_on)(void *context), void *context)
{
    for (size_t i = 0; i < topology->pool_count; i++) {
        const struct pool *pool = &topology->pools[i];
        for (size_t j = 0; j < pool->machine_count; j++) {
            if (pool->machines[j].address || !pool->machines[j].fqdn[0])
                continue;
            if (!go_on(context)) {
                faults_add(faults, in_general, 0, "Not all names were checked.");
                return;
            }
            check_name(&pool->machines[j], faults);
        }
    }
}

/* --- pairs --- */

static const char *backup_of(const struct topology *topology, const char *name)
{
    const struct pool *pool = topology_pool(topology, name);
    return pool && pool->backup ? pool->backup->fqdn : "";
}

/* The pool that holds a home now, by the pairs of before: those of the new file are what is asked
 * about. "" if nobody knows. */
static const char *holder_of(const struct front_end *fe, const char *home,
                             const struct pool *before)
{
    const struct hosted_home *here = front_end_home(fe, home);
    if (here && hold_holder(home_current(hosted_home_core(here)))[0])
        return hold_holder(home_current(hosted_home_core(here)));
    const struct heard_home *heard = heard_of(front_end_heard(fe), home);
    if (!heard || term_is_none(heard->term))
        return "";
    if (term_side(heard->term) == SIDE_HOME)
        return before->fqdn;
    return before->backup ? before->backup->fqdn : "";
}

/* Protocol, rule 12: who took a home keeps it until it is handed back, whatever a file says. */
static void check_pair(const struct front_end *fe, const struct pool *before,
                       const struct topology *topology, struct faults *faults)
{
    const char *backup = before->backup ? before->backup->fqdn : "";
    const char *holder = holder_of(fe, before->fqdn, before);
    if (!*holder || strcmp(holder, before->fqdn) == 0)
        return;
    const char *wanted = backup_of(topology, before->fqdn);
    if (strcmp(wanted, backup) != 0)
        faults_add(faults, in_general, 0,
                   "%s can't get another backup pool: it is failed over to %s. Fail it back "
                   "first: Invoke-CsPoolFailBack -PoolFqdn %s",
                   before->fqdn, holder, before->fqdn);
}

static void check_central(const struct front_end *fe, const struct topology *before,
                          const struct topology *topology, struct faults *faults)
{
    const char *was = before->central->fqdn, *shall = topology->central->fqdn;
    if (strcmp(was, shall) != 0)
        faults_add(faults, in_general, 0,
                   "central must stay %s: that is where the Central Management Store was created. "
                   "To move it: Invoke-CsManagementServerFailover",
                   was);
    const char *holder = holder_of(fe, HOME_CENTRAL, before->central);
    bool moved = *holder && strcmp(holder, was) != 0;
    if (moved && strcmp(backup_of(before, was), backup_of(topology, was)) != 0)
        faults_add(faults, in_general, 0,
                   "%s can't get another backup pool: the Central Management Store is failed over "
                   "to %s. Bring it back first: Invoke-CsManagementServerFailover",
                   was, holder);
}

/* --- databases --- */

/* What the machines of a pool keep their data in; "" if none of them said so. */
static const char *engine_of(const struct front_end *fe, const struct pool *pool)
{
    if (strcmp(pool->fqdn, front_end_pool(fe)) == 0)
        return config_engine(front_end_config(fe));
    for (size_t i = 0; i < pool->machine_count; i++) {
        const struct peer *peer = peers_find(front_end_peers(fe), pool->machines[i].fqdn);
        if (peer && peer->engine[0])
            return peer->engine;
    }
    return "";
}

static void check_mirror(const struct front_end *fe, const struct pool *pool, struct faults *faults)
{
    if (pool->mirror && pool->mirror[0] && strcmp(engine_of(fe, pool), ENGINE_SQLITE) == 0)
        faults_add(faults, in_general, 0,
                   "%s can't have the mirror %s: its database is a " ENGINE_SQLITE
                   " file, which has none. Its backup pool keeps the copy.",
                   pool->fqdn, pool->mirror);
}

static void check_machines(const struct front_end *fe, const struct pool *pool,
                           struct faults *faults)
{
    if (pool->machine_count > 1 && strcmp(engine_of(fe, pool), ENGINE_SQLITE) == 0)
        faults_add(faults, in_general, 0,
                   "%s can't have %zu machines: its database is a " ENGINE_SQLITE
                   " file, which one machine has. Leave one machine in it, or make each a pool.",
                   pool->fqdn, pool->machine_count);
}

void publication_check_databases(const struct front_end *fe, const struct topology *topology,
                                 struct faults *faults)
{
    for (size_t i = 0; i < topology->pool_count; i++) {
        check_mirror(fe, &topology->pools[i], faults);
        check_machines(fe, &topology->pools[i], faults);
    }
}

/* --- all --- */

enum failure publication_read(struct view *view, struct topology **topology, struct error *e)
{
    OWNED(faults_free) struct faults faults = {0};
    struct item item;
    enum failure bad =
        view_item(view, HOME_CENTRAL, MODULE_CMS_MASTER, bytes_of_text(CENTRAL_TOPOLOGY), &item, e);
    if (bad == FAIL_NOT_FOUND || (!bad && item.deleted)) {
        fail(e, FAIL_NOT_FOUND, "No topology was published yet, as far as is known here.");
        return error_next(e, "Publish one: Publish-CsTopology -FileName FILE");
    }
    if (bad)
        return bad;
    OWNED(free_memory)
    char *text = xasprintf("%.*s", (int)item.value.size, (const char *)item.value.at);
    *topology = topology_read(text, in_general, &faults);
    return *topology ? OK
                     : fail(e, FAIL_DAMAGED, "The published topology can't be understood: %s",
                            faults.list[0].sentence);
}

static void check_against(const struct front_end *fe, const struct topology *before,
                          const struct topology *topology, struct faults *faults)
{
    for (size_t i = 0; i < before->pool_count; i++)
        check_pair(fe, &before->pools[i], topology, faults);
    check_central(fe, before, topology, faults);
}

void publication_check(const struct front_end *fe, const struct topology *topology,
                       struct faults *faults)
{
    OWNED(view_close) struct view *view = NULL;
    OWNED(topology_free) struct topology *published = NULL;
    struct error e;
    const struct config *config = front_end_config(fe);
    enum failure bad = store_view(front_end_store(fe), &view, &e);
    if (!bad)
        bad = publication_read(view, &published, &e);
    if (bad && bad != FAIL_NOT_FOUND) /* then it is not known what must stay as it was */
        faults_add(faults, in_general, 0, "What was published before can't be read: %s", e.what);
    check_against(fe, published ? published : config->topology, topology, faults);
    publication_check_databases(fe, topology, faults);
    if (strcmp(topology->text, config->topology->text) != 0)
        faults_add(faults, in_general, 0,
                   "This is not the topology that %s runs by (%s). Put the file on each machine, "
                   "have each reload it (SIGHUP), then publish it.",
                   config->self->fqdn, config->topology_file);
}

/* What the records of homes here say otherwise (protocol, rule 12). */
static void doubt_pairs(const struct front_end *fe,
                        void (*tell)(const char *sentence, void *context), void *context)
{
    struct hosted_home *homes[HOSTED_HOMES_MAX];
    size_t count = front_end_homes(fe, homes);
    for (size_t i = 0; i < count; i++) {
        const struct home *core = hosted_home_core(homes[i]);
        struct error why;
        if (home_mode(core) != MODE_SERVING || !home_pairs_anew(core))
            continue;
        home_explain(core, &why);
        OWNED(free_memory) char *sentence = xasprintf("%s %s", why.what, why.next);
        tell(sentence, context);
    }
}

void publication_doubts(const struct front_end *fe, const struct topology *topology,
                        void (*tell)(const char *sentence, void *context), void *context)
{
    struct peers *peers = front_end_peers(fe);
    for (size_t i = 0; i < peers_count(peers); i++) {
        const struct peer *peer = peers_at(peers, i);
        OWNED(free_memory) char *sentence = NULL;
        if (!peer->reachable)
            sentence = xasprintf("%s does not answer: whether it runs by this topology is not "
                                 "known, and what it has to create it creates when it is back.",
                                 peer->machine);
        else if (peer->topology_warned)
            sentence = xasprintf("%s runs by another topology file. Put this one there, and "
                                 "restart or reload it (SIGHUP).",
                                 peer->machine);
        if (sentence)
            tell(sentence, context);
    }
    doubt_pairs(fe, tell, context);
    for (size_t i = 0; i < topology->pool_count; i++) {
        const struct pool *pool = &topology->pools[i];
        if (!pool->mirror || engine_of(fe, pool)[0])
            continue;
        OWNED(free_memory)
        char *sentence =
            xasprintf("Whether the database of %s can have a mirror is not known.", pool->fqdn);
        tell(sentence, context);
    }
}
