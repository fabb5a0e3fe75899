/* Get-, Set- and Remove-CsManagementConnection: where the machine that is asked finds the Central
 * Management Store. By itself it goes by what it hears; what is set is where it looks first. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "admin/call.h"
#include "admin/show.h"
#include "pool/central_connection.h"

/* What the documents call any database server. */
static const char any_provider[] = "Sql";

static const char *engine_of(const struct front_end *fe, const struct pool *pool)
{
    const struct machine *machine = front_end_machine_of(fe, pool->fqdn);
    const struct peer *peer = peers_find(front_end_peers(fe), machine->fqdn);
    if (pool == front_end_config(fe)->self->pool)
        return config_engine(front_end_config(fe));
    return peer ? peer->engine : "";
}

void admin_get_management_connection(struct call *call)
{
    struct front_end *fe = call_front_end(call);
    const struct pool *holder = front_end_holder(fe, HOME_CENTRAL);
    struct central_connection set = {0};
    struct error e;
    bool is_set = central_connection_read(fe, &set);
    if (!holder) {
        fail(&e, FAIL_NOT_FOUND, "Nobody is known to hold the Central Management Store.");
        error_next(&e, "Get-CsComputer shows who answers. If it was never created: "
                       "Publish-CsTopology -FileName FILE");
        call_fail(call, &e);
        return;
    }
    const struct machine *machine = front_end_machine_of(fe, holder->fqdn);
    call_object(call, json_pack("{s:o, s:s, s:s, s:s, s:b, s:o, s:b}", "StoreProvider",
                                show_text(engine_of(fe, holder)), "Connection", holder->database,
                                "PoolFqdn", holder->fqdn, "Computer", machine->fqdn, "Reachable",
                                front_end_answers(fe, machine), "LooksFirstAt",
                                show_text(is_set ? set.database : NULL), "EnableCaching",
                                is_set && set.caching));
    call_end(call);
}

/* --- setting it --- */

static enum failure refuse_database(const struct call *call, const char *database, struct error *e)
{
    const struct front_end *fe = call_front_end(call);
    const struct topology *topology = front_end_config(fe)->topology;
    const struct pool *central = topology->central;
    const struct pool *owner = topology_pool_of_database(topology, database);
    if (owner)
        fail(e, FAIL_INVALID, "%s, the database of %s, can't hold the Central Management Store.",
             database, owner->fqdn);
    else
        fail(e, FAIL_NOT_FOUND, "The topology has no database %s.", database);
    error_kept(e, "Nothing was changed.");
    const struct pool *holder = front_end_holder(fe, HOME_CENTRAL);
    OWNED(free_memory)
    char *typed = call_typed(
        call, json_pack("{s:s}", "Connection", holder ? holder->database : central->database));
    return error_next(e, "%s%s%s can. Where it is%s: %s", central->database,
                      central->backup ? " and " : "",
                      central->backup ? central->backup->database : "",
                      holder ? " now" : ", as far as is known", typed);
}

static enum failure check_provider(const struct call *call, const struct pool *pool,
                                   const char *provider, struct error *e)
{
    const char *engine = engine_of(call_front_end(call), pool);
    if (strcasecmp(provider, any_provider) == 0 || strcasecmp(provider, engine) == 0)
        return OK;
    if (engine[0])
        fail(e, FAIL_INVALID, "%s is %s, and not %s.", pool->database, engine, provider);
    else
        fail(e, FAIL_INVALID, "What %s is, this machine has not heard yet.", pool->database);
    error_kept(e, "Nothing was changed.");
    OWNED(free_memory)
    char *typed = call_typed(call, json_pack("{s:s}", "StoreProvider", any_provider));
    return error_next(e, "For whatever it is: %s", typed);
}

static void on_changed(const struct error *e, void *context)
{
    struct call *call = context;
    if (e)
        call_error(call, e);
    call_end(call);
}

static enum failure read_wish(const struct call *call, struct central_connection *wish,
                              struct error *e)
{
    const struct front_end *fe = call_front_end(call);
    const char *database = call_text(call, "Connection");
    const char *provider = call_text(call, "StoreProvider");
    const struct pool *pool = central_connection_pool(fe, database);
    enum failure bad =
        pool ? check_provider(call, pool, provider, e) : refuse_database(call, database, e);
    if (bad)
        return bad;
    *wish = (struct central_connection){.caching = json_is_true(call_value(call, "EnableCaching"))};
    memcpy(wish->database, pool->database, strlen(pool->database) + 1);
    memcpy(wish->provider, provider, strlen(provider) + 1);
    return OK;
}

void admin_set_management_connection(struct call *call)
{
    struct front_end *fe = call_front_end(call);
    struct central_connection wish;
    struct error e;
    if (read_wish(call, &wish, &e))
        call_fail(call, &e);
    else if (call_what_if(call, "%s would look for the Central Management Store at %s first%s.",
                          front_end_config(fe)->self->fqdn, wish.database,
                          wish.caching ? ", and answer what only reads from its own replica" : ""))
        call_end(call);
    else
        central_connection_set(fe, &wish, on_changed, call);
}

void admin_remove_management_connection(struct call *call)
{
    struct front_end *fe = call_front_end(call);
    const char *self = front_end_config(fe)->self->fqdn;
    struct central_connection set;
    if (!central_connection_read(fe, &set)) {
        call_warning(call,
                     "%s has no connection of its own: it goes by what it hears. Nothing was "
                     "changed.",
                     self);
        call_end(call);
    } else if (call_what_if(call,
                            "%s would not look at %s first any more, but go by what it hears.",
                            self, set.database)) {
        call_end(call);
    } else {
        central_connection_set(fe, NULL, on_changed, call);
    }
}
