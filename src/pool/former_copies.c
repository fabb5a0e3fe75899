#include "pool/former_copies.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "pool/taking_part.h"

struct former_copy {
    struct former_copies *copies;
    char home[HOME_NAME_SIZE];
    bool calling;
    /* By whom it was looked at last: in which term, and since which start. */
    struct term term;
    uint64_t started;
};

struct former_copies {
    struct front_end *fe;
    size_t count;
    struct former_copy list[TOPOLOGY_POOLS_MAX];
};

/* --- what the answer means --- */

static enum failure tell_more(const struct front_end *fe, const char *home, uint64_t head,
                              uint64_t upto, struct error *e)
{
    const struct pool *holder = front_end_holder(fe, home);
    fail(
        e, FAIL_REFUSED,
        "The copy of the home %s here goes up to change %llu. Of that, %s, which has it now, knows "
        "what came up to change %llu.",
        home, (unsigned long long)head, holder ? holder->fqdn : "the pool",
        (unsigned long long)upto);
    return error_next(e,
                      "To have the rest carried over, make %s the backup pool of %s once more: by "
                      "the topology file on every machine, and start polluxd again where that "
                      "changes the pair. When tail-salvaged is logged here, pair them as you like.",
                      front_end_pool(fe), home);
}

enum failure former_copy_check(const struct front_end *fe, const struct sync_offer *offer,
                               struct error *e)
{
    OWNED(view_close) struct view *view = NULL;
    OWNED(free_memory) struct hold *hold = xmalloc(sizeof *hold);
    struct home_state state;
    uint64_t upto;
    enum failure bad = store_view(front_end_store(fe), &view, e);
    if (!bad)
        bad = view_hold(view, offer->home, hold, e);
    if (!bad)
        bad = view_home(view, offer->home, &state, e);
    if (bad)
        return bad == FAIL_NOT_FOUND ? OK : bad;
    uint64_t head = home_reach(&state);
    bool known = lineage_known_upto(&offer->lineage, offer->head, &hold->lineage, head, &upto);
    return known && upto < head ? tell_more(fe, offer->home, head, upto, e) : OK;
}

/* --- asking --- */

static void on_standing(const struct sync_offer *offer, const struct error *e, void *context)
{
    struct former_copy *copy = context;
    const struct front_end *fe = copy->copies->fe;
    struct error more;
    (void)e; /* that nobody answers, others say */
    copy->calling = false;
    if (!offer)
        copy->term = TERM_NONE; /* again at the next look */
    else if (former_copy_check(fe, offer, &more))
        log_error(LOG_EVENT_WARNING, "copy-has-more", &more,
                  "This pool has changes of the home %s that its holder lacks.", copy->home);
}

static struct former_copy *copy_of(struct former_copies *copies, const char *home)
{
    size_t i = 0;
    while (i < copies->count && strcmp(copies->list[i].home, home) != 0)
        i++;
    if (i == TOPOLOGY_POOLS_MAX)
        return NULL;
    struct former_copy *copy = &copies->list[i];
    if (i == copies->count) {
        copies->count++;
        *copy = (struct former_copy){.copies = copies};
        snprintf(copy->home, sizeof copy->home, "%s", home);
    }
    return copy;
}

/* Of `central` every pool has a copy, which follows whoever holds it. A pool that still has its
 * part by its record may be about to send what is missing. */
static const struct machine *holder_to_ask(const struct front_end *fe, const char *home)
{
    const struct config *config = front_end_config(fe);
    bool open = front_end_home(fe, home) != NULL;
    const struct pool *holder = open ? front_end_server(fe, home) : front_end_holder(fe, home);
    bool former = strcmp(home, HOME_CENTRAL) != 0 && topology_pool(config->topology, home) &&
                  !taking_part_is_assigned(config, home);
    if (!former || !holder || holder == config->self->pool || !front_end_reaches(fe, holder->fqdn))
        return NULL;
    return front_end_machine_of(fe, holder->fqdn);
}

static bool look_at(const char *home, void *context)
{
    struct former_copies *copies = context;
    struct front_end *fe = copies->fe;
    const struct machine *to = holder_to_ask(fe, home);
    const struct heard_home *heard = heard_of(front_end_heard(fe), home);
    const struct peer *peer = to ? peers_find(front_end_peers(fe), to->fqdn) : NULL;
    struct former_copy *copy = peer && heard ? copy_of(copies, home) : NULL;
    if (!copy || copy->calling ||
        (term_equal(copy->term, heard->term) && copy->started == peer->started))
        return true;
    copy->calling = true;
    copy->term = heard->term;
    copy->started = peer->started;
    link_standing(front_end_link(fe), to, home, on_standing, copy);
    return true;
}

void former_copies_look(void *context)
{
    struct former_copies *copies = context;
    OWNED(view_close) struct view *view = NULL;
    struct error e;
    if (front_end_link(copies->fe) && !store_view(front_end_store(copies->fe), &view, &e))
        view_homes(view, look_at, copies, &e);
}

struct former_copies *former_copies_new(struct front_end *fe)
{
    struct former_copies *copies = xcalloc(1, sizeof *copies);
    copies->fe = fe;
    return copies;
}

void former_copies_free(struct former_copies *copies)
{
    free(copies);
}
