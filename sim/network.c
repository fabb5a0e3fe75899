#include "network.h"

#include <stdlib.h>

#include "pool.h"
#include "scheduler.h"

enum {
    DELAY_MS = 60,
    LOST_IN_THOUSAND = 30,
    DOUBLED_IN_THOUSAND = 30,
    LATE_IN_THOUSAND = 30, /* up to the longest that anything is on its way */
};

static bool is_cut(struct world *w, const struct pool *a, const struct pool *b)
{
    return w->cut[a->number][b->number];
}

static uint64_t delay(struct world *w, uint64_t longest_ms)
{
    if (!w->quiet && chance(w, LATE_IN_THOUSAND))
        return pick(w, longest_ms);
    return 1 + pick(w, DELAY_MS);
}

static unsigned copies(struct world *w, const struct pool *from, const struct pool *to)
{
    if (from == to)
        return 1;
    if (is_cut(w, from, to) || (!w->quiet && chance(w, LOST_IN_THOUSAND)))
        return 0;
    return !w->quiet && chance(w, DOUBLED_IN_THOUSAND) ? 2 : 1;
}

/* --- calls --- */

struct call *call_new(struct pool *from, struct pool *to, enum call_kind kind, size_t home)
{
    struct call *call = xcalloc(1, sizeof *call);
    call->kind = kind;
    call->from = from;
    call->to = to;
    call->life = from->life;
    call->home = home;
    call->next = from->world->calls;
    from->world->calls = call;
    return call;
}

void call_free(struct call *call)
{
    free(call->lineage);
    buffer_free(&call->batch);
    buffer_free(&call->differs);
    free(call);
}

struct arrival {
    struct call *call;
    bool has_answer, has_position;
    struct home_answer answer;
    struct copy_answer position;
    bool has_standing;
    struct home_standing standing;
    enum failure failure;
};

static void request_arrives(void *context)
{
    struct arrival *a = context;
    pool_called(a->call->to, a->call);
}

static void answer_arrives(void *context)
{
    struct arrival *a = context;
    if (a->call->ended)
        return;
    a->call->ended = true;
    if (a->call->kind == CALL_DEMAND) {
        pool_stands(a->call->from, a->call, a->has_standing ? &a->standing : NULL, a->failure);
        return;
    }
    pool_answered(a->call->from, a->call, a->has_answer ? &a->answer : NULL,
                  a->has_position ? &a->position : NULL);
}

void call_send(struct call *call, uint64_t deadline_ms)
{
    struct world *w = call->from->world;
    for (unsigned n = copies(w, call->from, call->to); n > 0; n--) {
        struct arrival *a = xcalloc(1, sizeof *a);
        a->call = call;
        plan_at(call->to, delay(w, 2 * deadline_ms), request_arrives, a);
    }
    struct arrival *none = xcalloc(1, sizeof *none);
    /* A machine whose process is down says so, if it can be reached. */
    bool refused = !call->to->up && !is_cut(w, call->from, call->to);
    none->call = call;
    none->failure = refused ? FAIL_UNREACHABLE : FAIL_DEADLINE;
    plan_at(call->from, refused ? delay(w, DELAY_MS) : deadline_ms, answer_arrives, none);
}

static void send_back(struct call *call, const struct arrival *answer)
{
    struct world *w = call->to->world;
    if (call->ended || call->from->life != call->life)
        return;
    for (unsigned n = copies(w, call->to, call->from); n > 0; n--)
        plan_at(call->from, delay(w, 2 * CALL_DEADLINE_MS), answer_arrives,
                xmemdup(answer, sizeof *answer));
}

void call_answer(struct call *call, const struct home_answer *answer,
                 const struct copy_answer *position)
{
    struct arrival a = {
        .call = call, .has_answer = answer != NULL, .has_position = position != NULL};
    if (answer)
        a.answer = *answer;
    if (position)
        a.position = *position;
    send_back(call, &a);
}

void call_say(struct call *call, const struct home_standing *standing, enum failure failure)
{
    struct arrival a = {.call = call, .has_standing = standing != NULL, .failure = failure};
    if (standing)
        a.standing = *standing;
    send_back(call, &a);
}

/* --- heartbeats --- */

struct beat {
    struct pool *from, *to;
    size_t home;
    struct term term;
    uint64_t seen;
    bool serves;
};

static void beat_arrives(void *context)
{
    const struct beat *b = context;
    pool_heard(b->to, b->from->name, b->home, b->term, b->seen, b->serves);
}

void heartbeat(struct pool *from)
{
    struct world *w = from->world;
    for (size_t to = 0; to < w->options.pools; to++) {
        for (size_t i = 0; i < from->hosts && to != from->number; i++) {
            const struct hosted *h = &from->hosted[i];
            const struct beat beat = {.from = from,
                                      .to = &w->pools[to],
                                      .home = h->home,
                                      .term = home_current(h->core)->term,
                                      .seen = home_seen(h->core),
                                      .serves = mode_rights(home_mode(h->core))->holder};
            for (unsigned n = copies(w, from, beat.to); n > 0; n--)
                plan_at(beat.to, delay(w, CALL_DEADLINE_MS), beat_arrives,
                        xmemdup(&beat, sizeof beat));
        }
    }
}
