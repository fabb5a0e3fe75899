#include "pool/salvaged.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "pool/backup_service.h"
#include "pool/central_judge.h"
#include "pool/content.h"

static enum failure commit(struct store *store, struct txn *txn, struct error *e)
{
    struct store_outcome outcome;
    if (store_commit_wait(store, txn, &outcome))
        *e = outcome.error;
    return outcome.error.kind;
}

static enum failure make(struct txn *txn, const struct salvage_place *place,
                         struct tail_packet *packet, uint64_t *upto, struct error *e)
{
    OWNED(salvage_free) struct salvage *s = salvage_begin(txn, place);
    enum failure bad = salvage_packet(s, packet, upto, e);
    return bad ? bad : salvage_end(s, e);
}

enum failure salvaged_take(struct store *store, const struct salvage_derived *derived,
                           uint64_t term, bool own, struct tail_packet *packet, uint64_t *upto,
                           struct error *e)
{
    OWNED(view_close) struct view *view = NULL;
    OWNED(free_memory) struct hold *hold = xmalloc(sizeof *hold);
    OWNED(txn_free) struct txn *txn = txn_new(tail_packet_home(packet));
    txn_as_holder(txn, term);
    enum failure bad = store_view(store, &view, e);
    if (!bad)
        bad = view_hold(view, tail_packet_home(packet), hold, e);
    if (bad)
        return bad;
    const struct salvage_place place = {.view = view,
                                        .hold = hold,
                                        .now_ms = clock_wall_ms(),
                                        .derived = derived,
                                        .judge = central_judge,
                                        .own = own};
    bad = make(txn, &place, packet, upto, e);
    view_close(TAKE(view));
    return bad ? bad : commit(store, TAKE(txn), e);
}

/* --- from the loop, and back to it --- */

struct told {
    struct store *store;
    const struct content *content;
    const struct salvage_derived *derived;
    struct link_reply *reply;
    struct bytes bytes; /* lent until the reply is given */
    struct term term;   /* in which the home is held here */
    struct copy_answer answer;
    struct error error;
};

static void work(void *context)
{
    struct told *told = context;
    OWNED(tail_packet_free) struct tail_packet *packet = NULL;
    enum failure bad = tail_packet_open(told->bytes, &packet, &told->error);
    if (bad)
        return;
    bad = salvaged_take(told->store, told->derived, told->term.number, false, packet,
                        &told->answer.at.usn, &told->error);
    if (!bad && batch_head(packet->batches[0])->module == MODULE_DATA_CONF)
        content_look(told->content, tail_packet_home(packet));
    told->answer.at.term = batch_head(packet->batches[0])->term.number;
    /* Somebody was faster, or it is not held here any more: it comes again. */
    bool again =
        bad == FAIL_CONFLICT || bad == FAIL_REFUSED || bad == FAIL_BUSY || bad == FAIL_DEADLINE;
    if (again)
        told->answer = (struct copy_answer){.verdict = COPY_EARLY, .term = told->term};
    if (!bad || again) /* a mark that is not there yet has left words that mean nothing */
        told->error = (struct error){0};
}

static void on_worked(void *context)
{
    struct told *told = context;
    if (told->error.kind)
        link_reply_error(told->reply, &told->error);
    else
        link_reply_position(told->reply, &told->answer);
    free(told);
}

/* Whoever may keep a copy may have a tail: the partner; of `central`, every pool. */
static enum failure check_sender(const struct front_end *fe, const struct machine *from,
                                 const char *name, struct error *e)
{
    enum side side;
    const struct hosted_home *home = front_end_home(fe, name);
    bool central = strcmp(name, HOME_CENTRAL) == 0;
    if (home && (central || hold_side(home_hold(hosted_home_core(home)), from->pool->fqdn, &side)))
        return OK;
    return fail(e, FAIL_REFUSED, "%s keeps no copy of the home %s of this pool.", from->pool->fqdn,
                name);
}

void salvaged_on_packet(const struct machine *from, struct bytes packet, struct link_reply *reply,
                        void *context)
{
    struct front_end *fe = context;
    char home[HOME_NAME_SIZE];
    struct error e;
    uint64_t term;
    if (tail_packet_peek(packet, home, &e) || check_sender(fe, from, home, &e)) {
        link_reply_error(reply, &e);
        return;
    }
    const struct home *core = hosted_home_core(front_end_home(fe, home));
    const struct copy_answer early = {.verdict = COPY_EARLY, .term = home_hold(core)->term};
    if (front_end_serves(fe, home, &term, &e)) {
        link_reply_position(reply, &early);
        return;
    }
    struct told *told = xcalloc(1, sizeof *told);
    *told = (struct told){.store = front_end_store(fe),
                          .content = front_end_content(fe),
                          .derived = front_end_derived(fe),
                          .reply = reply,
                          .bytes = packet,
                          .term = home_hold(core)->term,
                          .answer = {.verdict = COPY_GO_ON, .term = home_hold(core)->term}};
    if (workers_run(backup_service_workers(front_end_backup_service(fe)), work, on_worked, told))
        return;
    link_reply_position(reply, &early);
    free(told);
}
