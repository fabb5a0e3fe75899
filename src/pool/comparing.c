#include "pool/comparing.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/random.h"
#include "pool/offer.h"

struct comparing {
    struct front_end *fe;
    struct workers *workers;
    struct store *store;
    char target[FQDN_SIZE];
    comparing_done *done;
    void *context;
    struct sync_offer offer; /* as it was when the comparison began: that is what it holds for */
    uint64_t items;
    /* The thread's while a part is made; the loop's otherwise. */
    struct comparison *core;
    struct bytes part;
    struct error error;
};

static void make_part(struct comparing *c);

static void give_up(struct comparing *c, const struct error *e)
{
    c->done(NULL, e, c->context);
}

static const struct machine *target_of(const struct comparing *c, struct error *e)
{
    const struct machine *to = front_end_machine_of(c->fe, c->target);
    if (!to)
        fail(e, FAIL_NOT_FOUND, "The topology has no machine of %s any more.", c->target);
    return to;
}

/* --- the end --- */

static void on_ended(const struct copy_answer *position, const struct error *e, void *context)
{
    const struct comparing *c = context;
    c->done(position, e, c->context);
}

static void end(struct comparing *c)
{
    struct error e = {0};
    const struct machine *to = target_of(c, &e);
    c->offer.purpose = OFFER_COMPARED;
    if (to)
        link_offer(front_end_link(c->fe), to, &c->offer, on_ended, c);
    else
        give_up(c, &e);
}

/* --- parts --- */

static void on_compared(const struct compared *compared, const struct error *e, void *context)
{
    struct comparing *c = context;
    struct error nonsense;
    if (!compared) {
        give_up(c, e);
    } else if (compared->position.verdict != COPY_COMPARE) {
        c->done(&compared->position, NULL, c->context);
    } else if (!comparison_answered(c->core, bytes_of(compared->differs, compared->size))) {
        fail(&nonsense, FAIL_INVALID, "%s gave no sensible answer to a part of a comparison.",
             c->target);
        give_up(c, &nonsense);
    } else if (comparison_step(c->core) == COMPARISON_END) {
        end(c);
    } else {
        make_part(c);
    }
}

static bool add_item(const struct item *item, struct item_hash hash, void *context)
{
    return comparison_add(context, item, hash);
}

/* On a thread. */
static void read_part(void *context)
{
    struct comparing *c = context;
    OWNED(view_close) struct view *view = NULL;
    struct home_state state;
    struct bytes after;
    c->error = (struct error){0};
    if (store_view(c->store, &view, &c->error) || view_home(view, c->offer.home, &state, &c->error))
        return;
    comparison_start_part(c->core, home_reach(&state));
    while (comparison_wants(c->core, &after)) {
        if (view_keys_after(view, c->offer.home, c->offer.module, BYTES_NONE, after, add_item,
                            c->core, &c->error))
            return;
        comparison_was_read(c->core);
    }
    c->part = comparison_finish_part(c->core);
}

/* What was read may be of the next term already, in which this pool follows. */
static bool is_over(const struct comparing *c)
{
    struct hosted_home *home = front_end_home(c->fe, c->offer.home);
    return !home || !term_equal(home_hold(hosted_home_core(home))->term, c->offer.term);
}

static void on_read(void *context)
{
    struct comparing *c = context;
    if (!front_end_link(c->fe))
        return; /* this machine is stopping */
    if (!c->error.kind && is_over(c))
        fail(&c->error, FAIL_REFUSED, "The term in which the home %s was compared is over.",
             c->offer.home);
    const struct machine *to = c->error.kind ? NULL : target_of(c, &c->error);
    c->items = comparison_items(c->core);
    if (to)
        link_part(front_end_link(c->fe), to, c->part, on_compared, c);
    else
        give_up(c, &c->error);
}

static void make_part(struct comparing *c)
{
    struct error e;
    if (workers_run(c->workers, read_part, on_read, c))
        return;
    fail(&e, FAIL_BUSY, "This machine has more to copy than it takes.");
    give_up(c, &e);
}

/* --- the beginning --- */

static void on_begun(const struct copy_answer *position, const struct error *e, void *context)
{
    struct comparing *c = context;
    if (!position || position->verdict != COPY_COMPARE) {
        c->done(position, e, c->context);
        return;
    }
    comparison_begun(c->core);
    make_part(c);
}

static struct comparison *core_for(const struct sync_offer *offer)
{
    struct compare_head head = {
        .module = offer->module, .term = offer->term, .id = offer->comparison};
    snprintf(head.home, sizeof head.home, "%s", offer->home);
    return comparison_new(&head);
}

struct comparing *comparing_start(struct front_end *fe, struct workers *workers, const char *home,
                                  enum module module, struct term term, const char *target,
                                  comparing_done *done, void *context, struct error *e)
{
    OWNED(comparing_free) struct comparing *c = xcalloc(1, sizeof *c);
    c->fe = fe;
    c->workers = workers;
    c->store = front_end_store(fe);
    c->done = done;
    c->context = context;
    snprintf(c->target, sizeof c->target, "%s", target);
    const struct machine *to = target_of(c, e);
    if (!to || offer_read(fe, home, module, term, target, &c->offer, e))
        return NULL;
    c->offer.purpose = OFFER_COMPARE;
    c->offer.comparison = random_u64();
    c->core = core_for(&c->offer);
    link_offer(front_end_link(fe), to, &c->offer, on_begun, c);
    return TAKE(c);
}

void comparing_free(struct comparing *c)
{
    if (!c)
        return;
    comparison_free(c->core);
    free(c);
}

uint64_t comparing_head(const struct comparing *c)
{
    return c->offer.head;
}

uint64_t comparing_items(const struct comparing *c)
{
    return c->items;
}
