/* Who holds what, and how far it is copied. */
#include <string.h>

#include "admin/aside.h"
#include "admin/call.h"
#include "admin/show.h"

/* A home that this pool is one of the two of. */
static void show_hosted(struct call *call, struct view *view, const struct home *core)
{
    const struct hold *hold = home_current(core);
    json_t *object = json_pack(
        "{s:s, s:o, s:o, s:o, s:I, s:s, s:s}", "Identity", home_name(core), "HomePool",
        show_text(hold->pools[SIDE_HOME]), "BackupPool", show_text(hold->pools[SIDE_BACKUP]),
        "Holder", show_text(hold_holder(hold)), "Term", (json_int_t)hold->term.number, "AskedPool",
        hold->pools[home_side(core)], "Mode", mode_name(home_mode(core)));
    aside_show(object, view, home_name(core));
    if (home_mode(core) == MODE_REJOINING) {
        struct error why;
        char line[2 * ERROR_TEXT_MAX];
        home_explain(core, &why);
        json_object_set_new(object, "Waiting", json_string(error_line(&why, line, sizeof line)));
    }
    if (home_mode(core) == MODE_RESILIENCY)
        json_object_set_new(
            object, "Waiting",
            json_sprintf("%s, which holds it, is not heard; its users get limited service here.",
                         hold_holder(hold)));
    call_object(call, object);
}

/* One that it only hears of. */
static void show_heard(struct call *call, const struct topology *topology,
                       const struct heard_home *heard)
{
    bool central = strcmp(heard->home, HOME_CENTRAL) == 0;
    const struct pool *pool = central ? topology->central : topology_pool(topology, heard->home);
    if (!pool || heard->term.number == 0)
        return;
    bool at_home = term_side(heard->term) == SIDE_HOME;
    const char *backup = pool->backup ? pool->backup->fqdn : NULL;
    call_object(call, json_pack("{s:s, s:s, s:o, s:o, s:I, s:n}", "Identity", heard->home,
                                "HomePool", pool->fqdn, "BackupPool", show_text(backup), "Holder",
                                show_text(at_home ? pool->fqdn : backup), "Term",
                                (json_int_t)heard->term.number, "Mode"));
}

void admin_get_pool_failover_status(struct call *call)
{
    struct front_end *fe = call_front_end(call);
    const struct topology *topology = front_end_config(fe)->topology;
    const char *only = call_text(call, "PoolFqdn");
    struct error e;
    if (only && strcmp(only, HOME_CENTRAL) != 0 && show_find_pool(topology, only, NULL, &e)) {
        call_fail(call, &e);
        return;
    }
    OWNED(view_close) struct view *view = NULL;
    if (store_view(front_end_store(fe), &view, &e)) {
        call_fail(call, &e);
        return;
    }
    struct hosted_home *homes[HOSTED_HOMES_MAX];
    size_t count = front_end_homes(fe, homes);
    for (size_t i = 0; i < count; i++) {
        const struct home *core = hosted_home_core(homes[i]);
        if (!only || strcmp(only, home_name(core)) == 0)
            show_hosted(call, view, core);
    }
    const struct heard *heard = front_end_heard(fe);
    for (size_t i = 0; i < heard->count; i++) {
        const char *name = heard->list[i].home;
        if (!front_end_home(fe, name) && (!only || strcmp(only, name) == 0))
            show_heard(call, topology, &heard->list[i]);
    }
    call_end(call);
}
