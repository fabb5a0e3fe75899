/* Publish-CsTopology, and Test-CsTopology with a file: the same checks, and then publishing. */
#include "admin/publish.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/count.h"
#include "core/creation.h"
#include "pool/publication.h"
#include "pool/publisher.h"

enum {
    /* Reachable pools create their homes within a second or two; a loaded machine gets longer, and
     * whoever stays silent is told of. */
    HOMES_WAIT_MS_MAX = 30000,
};

struct publishing {
    struct topology *topology; /* to be published */
    struct topology *watched;  /* the same, for what comes after */
    struct faults faults;
    uint64_t began_ms;
};

static void publishing_free(struct publishing *p)
{
    topology_free(p->topology);
    topology_free(p->watched);
    faults_free(&p->faults);
    free(p);
}

static void publishing_end(struct call *call)
{
    publishing_free(call_kept(call));
    call_end(call);
}

/* --- checking --- */

static void tell_faults(struct call *call, const struct faults *faults)
{
    const char *kept = command_changes(call_command(call)) ? "Nothing was published." : "";
    for (size_t i = 0; i < faults->count; i++) {
        const struct fault *fault = &faults->list[i];
        struct error e;
        if (fault->line)
            fail(&e, FAIL_INVALID, "Line %u: %s", fault->line, fault->sentence);
        else
            fail(&e, FAIL_INVALID, "%s", fault->sentence);
        if (i + 1 == faults_total(faults))
            error_kept(&e, "%s", kept);
        call_error(call, &e);
    }
    if (faults->left_out) {
        struct error e;
        fail(&e, FAIL_INVALID, "%s %s not shown.", COUNTED(faults->left_out, "more fault"),
             count_word(faults->left_out, "is", "are"));
        error_kept(&e, "%s", kept);
        call_error(call, &e);
    }
}

static void tell_doubt(const char *sentence, void *context)
{
    call_warning(context, "%s", sentence);
}

static bool is_wanted(void *call)
{
    return !call_is_unwanted(call);
}

static void check_names(void *context)
{
    struct publishing *p = call_kept(context);
    if (p->topology)
        publication_check_names(p->topology, &p->faults, is_wanted, context);
}

static void begin(struct call *call, loop_call *checked)
{
    struct publishing *p = xcalloc(1, sizeof *p);
    const char *text = call_text(call, "FileName");
    p->topology = topology_draft(text, "the topology", &p->faults);
    if (p->topology && p->faults.count == 0) {
        p->watched = topology_read(text, "the topology", &p->faults);
        publication_check(call_front_end(call), p->topology, &p->faults);
    } else if (p->topology) { /* what can be said of it besides, is said at once */
        publication_check_databases(call_front_end(call), p->topology, &p->faults);
    }
    call_keep(call, p);
    if (!call_on_thread(call, check_names, checked))
        publishing_free(p);
}

/* True if there is nothing wrong with it. Finding the names may have taken minutes: what was right
 * before is looked at again. */
static bool tell_verdict(struct call *call)
{
    struct publishing *p = call_kept(call);
    if (p->topology && p->faults.count == 0)
        publication_check(call_front_end(call), p->topology, &p->faults);
    tell_faults(call, &p->faults);
    if (p->watched)
        publication_doubts(call_front_end(call), p->topology, tell_doubt, call);
    return p->faults.count == 0;
}

static void on_tested(void *context)
{
    struct call *call = context;
    if (tell_verdict(call))
        call_object(call, json_pack("{s:s, s:s}", "Check", "Topology file", "Result", "OK"));
    publishing_end(call);
}

void publish_test_file(struct call *call)
{
    begin(call, on_tested);
}

/* --- publishing --- */

static size_t count_homes(const struct front_end *fe, const struct topology *topology)
{
    size_t count = 0;
    for (size_t i = 0; i < topology->pool_count; i++)
        count += publisher_has_home(fe, topology->pools[i].fqdn);
    return count;
}

/* A pool that can be reached and has no home yet is about to create it. */
static bool is_awaited(const struct front_end *fe, const struct pool *pool)
{
    bool here = strcmp(pool->fqdn, front_end_pool(fe)) == 0;
    return !publisher_has_home(fe, pool->fqdn) && (here || front_end_reaches(fe, pool->fqdn));
}

static void look_for_homes(void *context)
{
    struct call *call = context;
    struct front_end *fe = call_front_end(call);
    const struct publishing *p = call_kept(call);
    const struct topology *topology = p->watched;
    size_t awaited = 0, there = count_homes(fe, topology);
    for (size_t i = 0; i < topology->pool_count; i++)
        awaited += is_awaited(fe, &topology->pools[i]);
    bool patient = !call_is_unwanted(call) && clock_ms() - p->began_ms < HOMES_WAIT_MS_MAX;
    if (awaited && patient) {
        OWNED(free_memory)
        char *status = xasprintf("%zu of %s %s", there, COUNTED(topology->pool_count, "pool"),
                                 count_word(there, "has its homes", "have their homes"));
        call_progress(call, &(struct call_progress){.activity = "Creating homes",
                                                    .status = status,
                                                    .done = there,
                                                    .total = topology->pool_count,
                                                    .follow = "Get-CsPoolFailOverStatus"});
        return;
    }
    if (awaited)
        call_warning(call,
                     "%s %s homes yet. It goes on by itself; Get-CsPoolFailOverStatus shows it.",
                     COUNTED(awaited, "pool"),
                     count_word(awaited, "has not created its", "have not created their"));
    publishing_end(call);
}

static void on_published(const struct error *e, void *context)
{
    struct call *call = context;
    struct publishing *p = call_kept(call);
    if (e) {
        call_error(call, e);
        publishing_end(call);
        return;
    }
    call_verbose(call, "The topology is published.");
    p->began_ms = clock_ms();
    call_each_tick(call, look_for_homes);
    look_for_homes(call);
}

static bool may_be_the_first(struct call *call)
{
    const struct front_end *fe = call_front_end(call);
    const struct hosted_home *central = front_end_home(fe, HOME_CENTRAL);
    const struct home *core = central ? hosted_home_core(central) : NULL;
    if (creation_may_begin(core, core && front_end_reaches(fe, home_partner(core))))
        return true;
    struct error e;
    fail(
        &e, FAIL_REFUSED,
        "This store knows no Central Management Store, and %s, which may know it, does not answer.",
        home_partner(core));
    error_kept(&e, "Nothing was published: it could be a second one.");
    error_next(&e, "Start polluxd there, then publish again.");
    call_error(call, &e);
    return false;
}

static void on_checked(void *context)
{
    struct call *call = context;
    struct publishing *p = call_kept(call);
    struct error e;
    if (call_check_wanted(call, &e)) {
        call_error(call, &e);
        publishing_end(call);
    } else if (!tell_verdict(call) || !may_be_the_first(call) ||
               call_what_if(call, "The topology with %s and %s would be published.",
                            COUNTED(p->topology->pool_count, "pool"),
                            COUNTED(topology_machine_count(p->topology), "machine")))
        publishing_end(call);
    else
        publisher_publish(front_end_publisher(call_front_end(call)), TAKE(p->topology),
                          on_published, call);
}

void admin_publish_topology(struct call *call)
{
    begin(call, on_checked);
}
