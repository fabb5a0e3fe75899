#include "gathering.h"

#include <stdlib.h>
#include <string.h>

#include "copying.h"
#include "operating.h"
#include "pool.h"

void gathering_forget(struct hosted *h)
{
    uint64_t round = h->gathering.round + 1;
    free(TAKE(h->gathering.lineage));
    memset(&h->gathering, 0, sizeof h->gathering);
    h->gathering.round = round;
}

static uint64_t own_usn(struct hosted *h)
{
    return complete_upto(h);
}

/* --- the pool that takes --- */

static void send(struct hosted *h, enum call_kind kind, uint64_t after, struct bytes batch)
{
    struct pool *to =
        kind == CALL_BROUGHT ? h->pool : &h->pool->world->pools[REPLICA]; /* by the copy here */
    struct call *call = call_new(h->pool, to, kind, h->home);
    call->after = after;
    call->round = h->gathering.round;
    buffer_raw(&call->batch, batch.at, batch.size);
    call_send(call, kind == CALL_BROUGHT ? BATCH_DEADLINE_MS : CALL_DEADLINE_MS);
}

void gathering_ask(struct hosted *h)
{
    if (h->gathering.calling)
        return;
    h->gathering.calling = true;
    send(h, CALL_STANDING, 0, BYTES_NONE);
}

static void fetch(struct hosted *h)
{
    send(h, CALL_WANTED, h->gathering.taken, BYTES_NONE);
}

void gathering_bring(struct hosted *h)
{
    if (h->gathering.calling || h->gathering.bringing ||
        !gathering_has_more(&h->gathering.standing, own_usn(h))) {
        gathering_ask(h);
        return;
    }
    const struct lineage *ours = &home_hold(h->core)->lineage, *theirs = h->gathering.lineage;
    h->gathering.taken = own_usn(h);
    if (lineage_last(ours).number < lineage_last(theirs).number &&
        step_home(h, (struct home_event){.kind = HOME_FOLLOW, .lineage = theirs}))
        return; /* something else is being decided: it is tried again */
    h->gathering.bringing = true;
    fetch(h);
}

static void end_bringing(struct hosted *h, bool useless)
{
    h->gathering.bringing = false;
    h->gathering.standing.useless = useless;
    operating_look(h);
}

static void on_standing(struct hosted *h, struct call *call, const struct copy_answer *position)
{
    h->gathering.calling = false;
    h->gathering.standing.known = position != NULL;
    if (position) {
        free(h->gathering.lineage);
        h->gathering.lineage = xmemdup(call->lineage, sizeof *call->lineage);
        h->gathering.standing.usn = call->offer.head;
        h->gathering.standing.same = lineage_in_line(call->lineage, call->offer.head,
                                                     &home_hold(h->core)->lineage, own_usn(h));
    }
    operating_look(h);
}

static void on_brought(struct hosted *h, const struct copy_answer *position)
{
    uint64_t stands = 0;
    if (position && position->verdict == COPY_GO_ON)
        stands = position->taken > position->at.usn ? position->taken : position->at.usn;
    bool further = stands > h->gathering.taken;
    if (further) {
        h->pool->world->counts.brought += stands - h->gathering.taken;
        h->gathering.taken = stands;
    }
    if (!further)
        end_bringing(h, position && position->verdict != COPY_EARLY);
    else if (stands >= h->gathering.standing.usn)
        end_bringing(h, false);
    else
        fetch(h);
}

void gathering_answered(struct hosted *h, struct call *call, const struct copy_answer *position)
{
    if (!h || call->round != h->gathering.round || !h->operation)
        return;
    if (call->kind == CALL_STANDING) {
        on_standing(h, call, position);
    } else if (call->kind == CALL_BROUGHT) {
        on_brought(h, position);
    } else if (!position) {
        end_bringing(h, false);
    } else {
        say(h->pool->world, "%s brings what the replica has behind %llu", h->pool->name,
            (unsigned long long)call->after);
        send(h, CALL_BROUGHT, 0, buffer_view(&call->differs));
    }
}

struct operation_replicas gathering_standing(struct hosted *h)
{
    struct operation_replicas standing = {.asked = !h->gathering.calling && !h->gathering.bringing,
                                          .least = UINT64_MAX,
                                          .behind = "the replica"};
    gathering_add(&standing, &h->gathering.standing, own_usn(h));
    return standing;
}

/* --- the replica --- */

static uint64_t whole_upto(const struct copy_state *copy)
{
    return copy_head(copy) == copy->head ? copy_upto(copy->hold, copy->cookie) : 0;
}

void gathering_called(struct hosted *replica, struct call *call)
{
    const struct copy_answer yes = {.verdict = COPY_GO_ON};
    struct hold hold;
    struct home_state state;
    read_hold(replica->pool, home_of(replica), &hold);
    read_state(replica->pool, home_of(replica), &state);
    const struct copy_state copy = copying_copy_of(replica, &hold, call->module, &state);
    uint64_t upto = whole_upto(&copy);
    bool more = call->kind == CALL_WANTED && upto > call->after;
    bool again = call->lineage || call->differs.size; /* the first answer is on its way */
    if (call->kind == CALL_STANDING && !again && hold.revision) {
        call->lineage = xmemdup(&hold.lineage, sizeof hold.lineage);
        call->offer.head = upto;
    } else if (more && !again) {
        struct batch_head head = {.module = module_of(replica->home, 0),
                                  .term = hold.term,
                                  .after = call->after,
                                  .head = upto,
                                  .horizon = copy_horizon(&copy, state.horizon)};
        copying_pack(replica, &head, &call->differs);
    } else if (!again) {
        call_answer(call, NULL, NULL);
        return;
    }
    call_answer(call, NULL, &yes);
}
