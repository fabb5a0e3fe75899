/* Commands that show the deployment: its topology, pools, machines and services. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "admin/call.h"
#include "admin/publish.h"
#include "admin/show.h"
#include "base/clock.h"
#include "base/count.h"
#include "base/timespan.h"
#include "pool/publication.h"

/* --- the topology --- */

/* What is published; or with -LocalStore what this machine runs by. Owned by the caller. */
static enum failure read_topology(struct call *call, struct topology **topology, struct error *e)
{
    struct front_end *fe = call_front_end(call);
    OWNED(view_close) struct view *view = NULL;
    OWNED(faults_free) struct faults faults = {0};
    if (call_switch(call, "LocalStore")) {
        *topology = topology_read(front_end_config(fe)->topology->text, "the topology", &faults);
        return OK;
    }
    enum failure bad = store_view(front_end_store(fe), &view, e);
    return bad ? bad : publication_read(view, topology, e);
}

static json_t *pool_names(const struct topology *topology)
{
    json_t *names = json_array();
    for (size_t i = 0; i < topology->pool_count; i++)
        json_array_append_new(names, json_string(topology->pools[i].fqdn));
    return names;
}

static json_t *describe_topology(struct call *call, const struct topology *topology)
{
    char span[TIME_SPAN_TEXT_MAX];
    const struct config *config = front_end_config(call_front_end(call));
    if (call_switch(call, "AsText"))
        return json_string(topology->text);
    return json_pack(
        "{s:s, s:s, s:s, s:s, s:o, s:i, s:s, s:b}", "Identity", "Global", "SipDomain",
        topology->sip_domain, "CentralManagementPool", topology->central->fqdn,
        "FailureDetectionInterval", time_span_text(topology->failure_detection_ms, span), "Pools",
        pool_names(topology), "Computers", (int)topology_machine_count(topology), "AnsweredBy",
        config->self->fqdn, "RunsByIt", strcmp(topology->text, config->topology->text) == 0);
}

void admin_get_topology(struct call *call)
{
    OWNED(topology_free) struct topology *topology = NULL;
    struct error e;
    if (read_topology(call, &topology, &e))
        call_error(call, &e);
    else
        call_object(call, describe_topology(call, topology));
    call_end(call);
}

/* Does this machine run by what is published, as far as its copy knows? */
static bool runs_by_published(const struct front_end *fe)
{
    OWNED(view_close) struct view *view = NULL;
    OWNED(topology_free) struct topology *published = NULL;
    struct error e;
    if (store_view(front_end_store(fe), &view, &e) || publication_read(view, &published, &e))
        return true; /* nothing is known that it could differ from */
    return strcmp(published->text, front_end_config(fe)->topology->text) == 0;
}

/* Says for one machine what keeps the deployment from being what the topology says. */
static bool test_machine(struct call *call, const struct machine *machine)
{
    struct front_end *fe = call_front_end(call);
    const struct peer *peer = peers_find(front_end_peers(fe), machine->fqdn);
    bool self = machine == front_end_config(fe)->self, answers = front_end_answers(fe, machine);
    bool same = self ? runs_by_published(fe) : peer && !peer->topology_warned;
    const char *detail = answers && !same   ? self ? "Its topology file is not the published one."
                                                   : "Another topology file."
                         : answers || !peer ? ""
                                            : peer->trouble.what;
    call_object(call,
                json_pack("{s:s, s:s, s:b, s:o, s:s}", "Identity", machine->fqdn, "Result",
                          answers && same ? "OK" : "Failed", "Reachable", answers, "SameTopology",
                          answers ? json_boolean(same) : json_null(), "Detail", detail));
    return answers && same;
}

static void warn_if_unserved(struct call *call, const struct home *core)
{
    struct front_end *fe = call_front_end(call);
    const struct pool *holder = front_end_holder(fe, home_name(core));
    struct error why;
    if (!holder || front_end_server(fe, home_name(core)))
        return;
    home_explain(core, &why);
    if (holder == front_end_config(fe)->self->pool)
        call_warning(call, "%s %s", why.what, why.next);
    else /* only there it is known why */
        call_warning(call,
                     "The home %s is not served. Get-CsPoolFailOverStatus, asked at %s, says what "
                     "it waits for.",
                     home_name(core), holder->fqdn);
}

/* What runs by the right file may be stopped all the same, or wait for its partner. */
static void warn_of_rest(struct call *call)
{
    struct front_end *fe = call_front_end(call);
    struct hosted_home *homes[HOSTED_HOMES_MAX];
    size_t count = front_end_homes(fe, homes);
    for (size_t i = 0; i < count; i++)
        warn_if_unserved(call, hosted_home_core(homes[i]));
}

static void test_deployment(struct call *call)
{
    const struct topology *topology = front_end_config(call_front_end(call))->topology;
    size_t wrong = 0;
    for (size_t i = 0; i < topology->pool_count; i++) {
        for (size_t j = 0; j < topology->pools[i].machine_count; j++)
            wrong += !test_machine(call, &topology->pools[i].machines[j]);
    }
    warn_of_rest(call);
    if (wrong) {
        struct error e;
        fail(
            &e, FAIL_REFUSED, "%zu of %s %s.", wrong,
            COUNTED(topology_machine_count(topology), "machine"),
            count_word(wrong, "is not as the topology has it", "are not as the topology has them"));
        error_next(&e, "Detail says what to mend; Get-CsComputer tells more.");
        call_error(call, &e);
    }
    call_end(call);
}

void admin_test_topology(struct call *call)
{
    if (call_text(call, "FileName"))
        publish_test_file(call);
    else
        test_deployment(call);
}

/* --- pools --- */

static json_t *describe_pool(const struct pool *pool)
{
    json_t *machines = json_array();
    for (size_t i = 0; i < pool->machine_count; i++)
        json_array_append_new(machines, json_string(pool->machines[i].fqdn));
    return json_pack("{s:s, s:s, s:o, s:o, s:o, s:s, s:o}", "Identity", pool->fqdn, "Fqdn",
                     pool->fqdn, "Site", show_text(pool->site), "Computers", machines, "BackupPool",
                     show_text(pool->backup ? pool->backup->fqdn : NULL), "Database",
                     pool->database, "Mirror", show_text(pool->mirror));
}

void admin_get_pool(struct call *call)
{
    const struct topology *topology = front_end_config(call_front_end(call))->topology;
    const char *only = call_text(call, "Identity"), *site = call_text(call, "Site");
    struct error e;
    if (only && show_find_pool(topology, only, NULL, &e))
        call_error(call, &e);
    for (size_t i = 0; i < topology->pool_count; i++) {
        const struct pool *pool = &topology->pools[i];
        bool there = !site || (pool->site && strcasecmp(site, pool->site) == 0);
        if (there && (!only || strcmp(only, pool->fqdn) == 0))
            call_object(call, describe_pool(pool));
    }
    call_end(call);
}

void admin_get_pool_backup_relationship(struct call *call)
{
    OWNED(topology_free) struct topology *topology = NULL;
    const struct pool *pool = NULL;
    struct error e;
    enum failure bad = read_topology(call, &topology, &e);
    if (!bad)
        bad = show_find_pool(topology, call_text(call, "PoolFqdn"), &pool, &e);
    if (bad) {
        call_fail(call, &e);
        return;
    }
    if (!pool->backup)
        call_caution(call, "%s has no backup pool: if it is lost, nobody can take its users.",
                     pool->fqdn);
    call_object(call,
                json_pack("{s:s, s:o, s:o}", "PoolFqdn", pool->fqdn, "BackupPoolFqdn",
                          show_text(pool->backup ? pool->backup->fqdn : NULL), "BackupPoolSite",
                          show_text(pool->backup ? pool->backup->site : NULL)));
    call_end(call);
}

/* --- machines --- */

static void show_machine(struct call *call, const struct machine *machine)
{
    struct front_end *fe = call_front_end(call);
    const struct peer *peer = peers_find(front_end_peers(fe), machine->fqdn);
    json_t *object =
        json_pack("{s:s, s:s, s:s, s:o, s:i, s:i, s:b}", "Identity", machine->fqdn, "Fqdn",
                  machine->fqdn, "Pool", machine->pool->fqdn, "Address",
                  show_text(machine->address), "LinkPort", (int)machine->link_port, "UsersPort",
                  (int)machine->users_port, "Reachable", front_end_answers(fe, machine));
    if (peer && peer->heard_ms)
        json_object_set_new(object, "LastHeardSeconds",
                            json_real((double)(clock_ms() - peer->heard_ms) / 1000));
    if (peer && peer->trouble.kind)
        json_object_set_new(object, "Trouble", json_string(peer->trouble.what));
    call_object(call, object);
}

void admin_get_computer(struct call *call)
{
    const struct config *config = front_end_config(call_front_end(call));
    const struct topology *topology = config->topology;
    const char *only = call_text(call, "Identity"), *pool = call_text(call, "Pool");
    struct error e;
    if (call_switch(call, "Local"))
        only = config->self->fqdn;
    if (only && !topology_machine(topology, only)) {
        fail(&e, FAIL_NOT_FOUND, "The topology has no machine %s.", only);
        error_next(&e, "Get-CsComputer without a name lists them.");
        call_error(call, &e);
    }
    if (pool && show_find_pool(topology, pool, NULL, &e))
        call_error(call, &e);
    for (size_t i = 0; i < topology->pool_count; i++) {
        const struct pool *p = &topology->pools[i];
        for (size_t j = 0; j < p->machine_count; j++) {
            if ((!only || strcmp(only, p->machines[j].fqdn) == 0) &&
                (!pool || strcmp(pool, p->fqdn) == 0))
                show_machine(call, &p->machines[j]);
        }
    }
    call_end(call);
}

/* --- services --- */

enum role { ROLE_CENTRAL_MANAGEMENT, ROLE_USER_SERVER, ROLE_REGISTRAR, SERVICE_ROLES };
static const char *const role_names[SERVICE_ROLES] = {"CentralManagement", "UserServer",
                                                      "Registrar"};

static bool offers(const struct front_end *fe, const struct pool *pool, enum role role)
{
    const struct pool *central = front_end_config(fe)->topology->central;
    return role != ROLE_CENTRAL_MANAGEMENT || pool == central || pool == central->backup ||
           pool == front_end_holder(fe, HOME_CENTRAL);
}

/* Whom its users turn to when it is gone; what of the Central Management Store is active. */
static json_t *describe_service(const struct front_end *fe, const struct pool *pool, enum role role)
{
    bool central = role == ROLE_CENTRAL_MANAGEMENT;
    const struct pool *server = front_end_server(fe, central ? HOME_CENTRAL : pool->fqdn);
    json_t *object =
        json_pack("{s:o, s:s, s:s, s:o, s:o, s:b}", "Identity",
                  json_sprintf("%s:%s", role_names[role], pool->fqdn), "Role", role_names[role],
                  "PoolFqdn", pool->fqdn, "SiteId", show_text(pool->site), "BackupPoolFqdn",
                  show_text(pool->backup ? pool->backup->fqdn : NULL), "Active", server == pool);
    if (role != ROLE_REGISTRAR)
        json_object_set_new(object, "Database", json_string(pool->database));
    return object;
}

static bool is_wanted(const struct call *call, const struct pool *pool, enum role role)
{
    const char *pool_name = call_text(call, "PoolFqdn"), *identity = call_text(call, "Identity");
    bool any = false;
    for (int i = 0; i < SERVICE_ROLES; i++)
        any = any || call_switch(call, role_names[i]);
    OWNED(free_memory) char *name = xasprintf("%s:%s", role_names[role], pool->fqdn);
    return (!any || call_switch(call, role_names[role])) &&
           (!pool_name || strcmp(pool_name, pool->fqdn) == 0) &&
           (!identity || strcasecmp(identity, name) == 0);
}

void admin_get_service(struct call *call)
{
    struct front_end *fe = call_front_end(call);
    const struct topology *topology = front_end_config(fe)->topology;
    const char *pool = call_text(call, "PoolFqdn");
    size_t shown = 0;
    struct error e;
    if (pool && show_find_pool(topology, pool, NULL, &e)) {
        call_fail(call, &e);
        return;
    }
    for (int role = 0; role < SERVICE_ROLES; role++) {
        for (size_t i = 0; i < topology->pool_count; i++) {
            const struct pool *p = &topology->pools[i];
            if (!offers(fe, p, (enum role)role) || !is_wanted(call, p, (enum role)role))
                continue;
            call_object(call, describe_service(fe, p, (enum role)role));
            shown++;
        }
    }
    if (shown == 0 && call_text(call, "Identity")) {
        fail(&e, FAIL_NOT_FOUND, "There is no service %s.", call_text(call, "Identity"));
        error_next(&e, "Get-CsService without a name lists them.");
        call_error(call, &e);
    }
    call_end(call);
}
