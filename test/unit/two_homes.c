#include "two_homes.h"

#include <stdlib.h>
#include <string.h>

const char *const names[SIDES] = {"atl.example.com", "redmond.example.com"};

uint64_t roll(struct world *w)
{
    w->dice ^= w->dice << 13;
    w->dice ^= w->dice >> 7;
    w->dice ^= w->dice << 17;
    return w->dice;
}

struct world *world_new(uint64_t seed)
{
    struct world *w = xcalloc(1, sizeof *w);
    w->now = 1000;
    w->dice = seed * 2654435761u + 1;
    return w;
}

void world_free(struct world *w)
{
    for (int i = 0; i < SIDES; i++)
        home_free(w->pools[i].home);
    free(w);
}

struct home_point point_at(uint64_t head)
{
    struct home_point point = {.usn = head};
    for (int m = 0; m < MODULES; m++)
        point.digests[m].items = head;
    return point;
}

/* --- the store --- */

/* A release that names what was agreed is checked in the transaction that keeps it (rule 5). */
static bool is_refused(const struct pool_here *p)
{
    const struct home_demanded *release = home_releasing(p->home);
    struct home_point here = point_at(p->head);
    return release && release->whole && !home_point_equal(&release->point, &here);
}

static void note_opened(struct world *w, const struct hold *next)
{
    for (size_t i = 0; i < w->opened_count; i++)
        assert_true(w->opened[i].number != next->term.number ||
                    (w->put_back && w->opened[i].tag != next->term.tag));
    assert_true(w->opened_count < OPENED_MAX);
    w->opened[w->opened_count++] = next->term;
}

static void keep(struct world *w, enum side side)
{
    struct pool_here *p = &w->pools[side];
    struct hold next = *home_wanted(p->home);
    assert_int_equal(next.revision, p->disk.revision + 1);
    bool released = next.mode == MODE_RELEASED && p->disk.mode != MODE_RELEASED;
    if (hold_opens_term(p->disk.term, &next)) {
        /* Whoever takes from a pool that has released has all that it gave away. */
        const struct hold *other = &w->pools[side_other(side)].disk;
        bool given = !next.alone && other->mode == MODE_RELEASED && !w->put_back &&
                     p->disk.mode == MODE_STANDBY && term_equal(other->term, p->disk.term);
        assert_true(!given || p->head >= other->released);
        w->taken[side] += given;
        note_opened(w, &next);
        lineage_open(&next.lineage, next.term, p->head);
    }
    if (released) {
        w->released[side] = next.term;
        w->released_at = next.released;
    }
    p->disk = next;
}

void stored(struct world *w, enum side side, bool success)
{
    struct pool_here *p = &w->pools[side];
    if (!p->home || !p->storing)
        return;
    p->storing = false;
    success = success && !is_refused(p);
    if (success)
        keep(w, side);
    step(w, side,
         (struct home_event){.kind = success ? HOME_STORED : HOME_NOT_STORED, .began = p->head});
    if (success)
        assert_memory_equal(&home_hold(p->home)->lineage, &p->disk.lineage, sizeof p->disk.lineage);
}

/* --- a step, and what must be true after it --- */

static bool changes(const struct pool_here *p)
{
    return p->home && mode_rights(home_mode(p->home))->changes;
}

static void check(const struct world *w)
{
    const struct pool_here *a = &w->pools[SIDE_HOME], *b = &w->pools[SIDE_BACKUP];
    if (changes(a) && changes(b))
        assert_true(home_hold(a->home)->term.number != home_hold(b->home)->term.number);
    for (int i = 0; i < SIDES && !w->put_back; i++) {
        const struct pool_here *p = &w->pools[i];
        if (p->home && mode_rights(home_mode(p->home))->holder && w->released[i].number)
            assert_false(term_equal(home_hold(p->home)->term, w->released[i]));
    }
}

static void say(struct world *w, enum side side, bool durable)
{
    struct said *said = &w->said[side];
    const struct pool_here *p = &w->pools[side];
    const struct hold *hold = home_hold(p->home);
    said->done = true;
    said->standing = (struct home_standing){.mode = home_mode(p->home),
                                            .term = hold->term,
                                            .to = hold->to,
                                            .seen = home_seen(p->home),
                                            .durable = durable,
                                            .point = point_at(p->head)};
}

static void carry_out(struct world *w, enum side side, const struct home_action *a)
{
    struct pool_here *p = &w->pools[side];
    enum side other = side_other(side);
    if (a->kind == ACTION_PERSIST) {
        assert_false(p->storing);
        p->storing = true;
    } else if (a->kind == ACTION_ASK) {
        w->wire[other].asked = true;
        w->wire[other].question = a->question;
        if (term_is_none(a->question.to))
            w->wire[other].question.head = p->head;
    } else if (a->kind == ACTION_ANSWER) {
        w->wire[other].answered = true;
        w->wire[other].answer = a->answer;
    } else if (a->kind == ACTION_COMPLIED) {
        say(w, side, a->durable);
    }
}

enum failure step(struct world *w, enum side side, struct home_event event)
{
    struct pool_here *p = &w->pools[side];
    if (!p->home)
        return FAIL_UNREACHABLE;
    struct home_actions actions = {0};
    event.now_ms = w->now;
    event.dice = roll(w);
    enum failure promised = home_check_force(p->home, false, w->now, NULL);
    enum failure bad = home_step(p->home, &event, &actions, &w->said[side].error);
    if (event.kind == HOME_FORCE)
        assert_int_equal(bad, promised); /* what -WhatIf would have said */
    for (size_t i = 0; i < actions.count; i++)
        carry_out(w, side, &actions.list[i]);
    if (p->storing && !w->hold_back)
        stored(w, side, true);
    check(w);
    return bad;
}

enum failure demand(struct world *w, enum side holder, struct home_demanded demanded)
{
    w->said[holder] = (struct said){0};
    return step(w, holder,
                (struct home_event){
                    .kind = HOME_DEMANDED, .head = w->pools[holder].head, .demanded = demanded});
}

enum failure take(struct world *w, enum side side, struct term to, bool alone)
{
    return step(w, side,
                (struct home_event){.kind = HOME_TAKE, .take = {.to = to, .alone = alone}});
}

/* --- what happens --- */

void start(struct world *w, enum side side)
{
    struct pool_here *p = &w->pools[side];
    struct home_options options = {.name = names[SIDE_HOME],
                                   .pools = {names[0], names[1]},
                                   .side = side,
                                   .failure_detection_ms = FAILURE_DETECTION_MS,
                                   .stopped = p->stopped};
    p->home = home_new(&options, p->disk.revision ? &p->disk : NULL, w->now, roll(w));
}

void stop(struct world *w, enum side side)
{
    home_free(w->pools[side].home);
    w->pools[side].home = NULL;
    w->pools[side].storing = false;
}

void restart(struct world *w, enum side side)
{
    stop(w, side);
    start(w, side);
}

void heartbeat(struct world *w, enum side from)
{
    const struct home *speaker = w->pools[from].home;
    if (w->cut || !speaker)
        return;
    const struct hold *hold = home_hold(speaker);
    step(w, side_other(from),
         (struct home_event){.kind = HOME_HEARD,
                             .heard = {.pool = names[from],
                                       .term = hold->term,
                                       .seen = home_seen(speaker),
                                       .serves = mode_rights(home_mode(speaker))->holder}});
}

void deliver(struct world *w, enum side to)
{
    bool asked = w->wire[to].asked, answered = w->wire[to].answered;
    w->wire[to].asked = w->wire[to].answered = false;
    if (asked && (w->cut || !w->pools[to].home)) /* the call fails, and the asker knows it */
        step(w, side_other(to),
             (struct home_event){
                 .kind = HOME_ANSWERED,
                 .answered = {.nonce = w->wire[to].question.nonce, .verdict = VERDICT_WAIT}});
    if (w->cut)
        return;
    if (asked)
        step(w, to,
             (struct home_event){.kind = HOME_ASKED,
                                 .asked = {.question = w->wire[to].question,
                                           .own_head = w->pools[to].head,
                                           .own_upto = w->pools[to].head}});
    if (answered)
        step(w, to, (struct home_event){.kind = HOME_ANSWERED, .answered = w->wire[to].answer});
}

/* What one has and exports, the other gets. */
static void copy(struct world *w, enum side from)
{
    struct pool_here *a = &w->pools[from], *b = &w->pools[side_other(from)];
    if (w->cut || !w->copies || !a->home || !b->home)
        return;
    bool exports = !term_is_none(home_exports(a->home, false));
    bool follows = home_hold(b->home)->revision && !mode_rights(home_hold(b->home)->mode)->holder &&
                   term_equal(home_hold(a->home)->term, home_hold(b->home)->term);
    const struct lineage *theirs = &home_hold(a->home)->lineage;
    if (exports && follows && memcmp(&home_hold(b->home)->lineage, theirs, sizeof *theirs) != 0)
        step(w, side_other(from), (struct home_event){.kind = HOME_FOLLOW, .lineage = theirs});
    if (exports && follows && !home_deciding(b->home))
        b->head = a->head;
}

/* Time passes: both tick, talk, and what is under way arrives. */
void pass(struct world *w, uint64_t ms)
{
    for (uint64_t end = w->now + ms; w->now < end;) {
        w->now += HOME_TICK_MS;
        for (int i = 0; i < SIDES; i++)
            step(w, (enum side)i, (struct home_event){.kind = HOME_TICK});
        for (int i = 0; i < SIDES; i++)
            heartbeat(w, (enum side)i);
        for (int i = 0; i < SIDES * 2; i++)
            deliver(w, (enum side)(i % SIDES));
        for (int i = 0; i < SIDES; i++)
            copy(w, (enum side)i);
    }
}

enum mode mode(const struct world *w, enum side side)
{
    return home_mode(w->pools[side].home);
}

uint64_t number(const struct world *w, enum side side)
{
    return home_hold(w->pools[side].home)->term.number;
}

void create(struct world *w)
{
    step(w, SIDE_HOME, (struct home_event){.kind = HOME_CREATE});
}

struct world *paired_world(void)
{
    struct world *w = world_new(7);
    start(w, SIDE_HOME);
    start(w, SIDE_BACKUP);
    create(w);
    w->copies = true; /* so far */
    pass(w, 1000);
    w->copies = false;
    return w;
}

void freeze(struct world *w, uint64_t ms)
{
    w->now += ms;
    for (int i = 0; i < SIDES; i++)
        step(w, (enum side)i, (struct home_event){.kind = HOME_TICK});
}

void force(struct world *w, enum side side)
{
    step(w, side, (struct home_event){.kind = HOME_FORCE});
}

void stop_pool(struct world *w, enum side side, bool stopped)
{
    w->pools[side].stopped = stopped;
    step(w, side, (struct home_event){.kind = stopped ? HOME_STOP : HOME_START});
}
