/* Commands that bring homes into being and into service. */
#include <string.h>

#include "admin/call.h"
#include "pool/publisher.h"

static void end_with(const struct error *e, void *context)
{
    struct call *call = context;
    if (e)
        call_error(call, e);
    call_end(call);
}

static struct topology *read_topology(struct call *call)
{
    OWNED(faults_free) struct faults faults = {0};
    struct topology *topology = topology_read(call_text(call, "FileName"), "the topology", &faults);
    for (size_t i = 0; i < faults.count; i++) {
        struct error e;
        fail(&e, FAIL_INVALID, "Line %u: %s", faults.list[i].line, faults.list[i].sentence);
        if (i + 1 == faults.count)
            error_kept(&e, "Nothing was published.");
        call_error(call, &e);
    }
    return topology;
}

/* What is published here is what the others should run by. */
static void warn_of_differences(struct call *call)
{
    struct peers *peers = front_end_peers(call_front_end(call));
    for (size_t i = 0; i < peers_count(peers); i++) {
        if (peers_at(peers, i)->topology_warned)
            call_warning(call,
                         "%s runs by another topology file. Put this one there, and restart "
                         "or reload it (SIGHUP).",
                         peers_at(peers, i)->machine);
    }
}

void admin_publish_topology(struct call *call)
{
    struct topology *topology = read_topology(call);
    if (!topology) {
        call_end(call);
        return;
    }
    warn_of_differences(call);
    publisher_publish(front_end_publisher(call_front_end(call)), topology, end_with, call);
}

/* Start-CsPool: one after the other, the homes that wait here to be served again. */
struct start {
    struct call *call;
    struct hosted_home *waiting[HOSTED_HOMES_MAX];
    size_t count, next;
};

static void start_next(struct start *start);

static void on_forced(const struct error *e, void *context)
{
    struct start *start = context;
    if (e)
        call_error(start->call, e);
    if (e && e->kind == FAIL_STOPPING)
        start->count = start->next; /* the rest must not begin to serve now */
    start_next(start);
}

static void start_next(struct start *start)
{
    if (start->next == start->count) {
        call_end(start->call);
        free_memory(start);
        return;
    }
    hosted_home_force(start->waiting[start->next++], on_forced, start);
}

static void say_what_is_waited_for(struct call *call, const struct start *start)
{
    for (size_t i = 0; i < start->count; i++) {
        struct error why;
        home_explain(hosted_home_core(start->waiting[i]), &why);
        error_kept(&why, "Nothing was changed.");
        call_error(call, &why);
    }
}

/* The pool's own homes, and those that it was the last to hold. */
static bool waits_to_serve(const struct home *core)
{
    struct term term = home_hold(core)->term;
    bool held = !term_is_none(term) && term_side(term) == home_side(core);
    return home_mode(core) == MODE_REJOINING && (held || home_side(core) == SIDE_HOME);
}

void admin_start_pool(struct call *call)
{
    struct front_end *fe = call_front_end(call);
    const char *own = front_end_pool(fe);
    const char *pool = call_text(call, "PoolFqdn");
    if (strcmp(pool, own) != 0) {
        struct error e;
        fail(&e, FAIL_REFUSED, "This is a machine of %s, not of %s.", own, pool);
        error_kept(&e, "Nothing was changed.");
        if (topology_pool(front_end_config(fe)->topology, pool))
            error_next(&e, "Run the command on a machine of %s.", pool);
        else
            error_next(&e,
                       "The topology has no pool of that name; Get-CsComputer lists the pools.");
        call_error(call, &e);
        call_end(call);
        return;
    }
    struct start *start = xcalloc(1, sizeof *start);
    start->call = call;
    struct hosted_home *homes[HOSTED_HOMES_MAX];
    size_t count = front_end_homes(fe, homes);
    for (size_t i = 0; i < count; i++) {
        if (waits_to_serve(hosted_home_core(homes[i])))
            start->waiting[start->count++] = homes[i];
    }
    if (start->count == 0)
        call_warning(call, "%s is not waiting for anything: nothing was changed.", own);
    if (!call_switch(call, "Force")) {
        say_what_is_waited_for(call, start);
        start->count = 0;
    }
    start_next(start);
}
