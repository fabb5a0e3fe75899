#include "world.h"

#include <stdio.h>
#include <stdlib.h>

#include "checks.h"
#include "client.h"
#include "core/batch.h"
#include "faults.h"
#include "network.h"
#include "operating.h"
#include "pool.h"
#include "scheduler.h"

enum {
    TROUBLE_MS = 60000,   /* how long things go wrong */
    AFTERWARDS_MS = 5000, /* how long clients go on then */
    /* In which everything must have settled: restarts, grants, refills and a few intervals. */
    SETTLED_MS = 180000,
    STEPS_MAX = 2000000,
    CLOCK_STARTS_MS = 100000,
};

uint64_t roll(struct world *w)
{
    w->dice ^= w->dice << 13;
    w->dice ^= w->dice >> 7;
    w->dice ^= w->dice << 17;
    return w->dice;
}

uint64_t pick(struct world *w, uint64_t n)
{
    return (roll(w) >> 11) % n;
}

bool chance(struct world *w, unsigned in_thousand)
{
    return pick(w, 1000) < in_thousand;
}

void say(struct world *w, const char *format, ...)
{
    if (!w->options.verbose)
        return;
    va_list arguments;
    va_start(arguments, format);
    printf("# %7.3f  ", (double)(w->now - CLOCK_STARTS_MS) / 1000);
    vprintf(format, arguments);
    putchar('\n');
    va_end(arguments);
}

void broken(struct world *w, const char *format, ...)
{
    va_list arguments;
    if (w->broken[0])
        return;
    va_start(arguments, format);
    vsnprintf(w->broken, sizeof w->broken, format, arguments);
    va_end(arguments);
    say(w, "BROKEN: %s", w->broken);
}

bool gives_up(const struct world *w)
{
    return w->options.forces || w->options.disasters;
}

bool is_used(const struct world *w, size_t home)
{
    return home == CENTRAL ? w->options.central : home < w->options.homes;
}

enum module module_of(size_t home, size_t number)
{
    static const enum module of_pools[SIM_MODULES] = {MODULE_PRESENCE_FOCUS, MODULE_DATA_CONF};
    return home == CENTRAL ? MODULE_CMS_MASTER : of_pools[number];
}

struct world *world_new(const struct options *options)
{
    struct world *w = xcalloc(1, sizeof *w);
    w->options = *options;
    w->now = CLOCK_STARTS_MS;
    w->dice = (options->seed + 1) * 0x9e3779b97f4a7c15u;
    w->dice = w->dice ? w->dice : 1;
    w->scheduler = scheduler_new();
    w->writer = batch_writer_new();
    w->homes = xcalloc(HOMES_MAX, sizeof *w->homes);
    for (size_t i = 0; i < options->pools; i++)
        pool_open(w, i);
    return w;
}

void world_free(struct world *w)
{
    for (size_t i = 0; i < w->options.pools; i++)
        pool_close(&w->pools[i]);
    for (size_t i = 0; i < HOMES_MAX; i++) {
        for (size_t m = 0; m < SIM_MODULES; m++) {
            for (size_t k = 0; k < KEYS; k++)
                free(w->homes[i].keys[m][k].deletions);
        }
    }
    scheduler_free(w->scheduler);
    commits_free(w);
    while (w->calls) {
        struct call *call = w->calls;
        w->calls = call->next;
        call_free(call);
    }
    batch_writer_free(w->writer);
    free(w->homes);
    free(w);
}

static void run_until(struct world *w, uint64_t end, bool until_settled)
{
    uint64_t look = w->now;
    while (w->now < end && !w->broken[0] && step_world(w)) {
        if (w->counts.steps > STEPS_MAX)
            broken(w, "it goes round in a circle");
        if (until_settled && w->now >= look) {
            look = w->now + HOME_TICK_MS;
            if (has_settled(w))
                return;
        }
    }
}

/* What nothing is in the way of must be done. */
static void hand_over_once_more(struct world *w)
{
    size_t taken = w->counts.taken, wanted = hand_everything_over(w);
    run_until(w, w->now + SETTLED_MS, true);
    if (w->counts.taken - taken != wanted)
        broken(w, "of %zu homes that were to be handed over in the end %zu were", wanted,
               w->counts.taken - taken);
    if (!w->broken[0])
        check_end(w);
}

bool world_run(struct world *w)
{
    for (size_t i = 0; i < w->options.pools; i++)
        pool_start(&w->pools[i]);
    clients_start(w);
    faults_start(w);
    operators_start(w);
    run_until(w, w->now + TROUBLE_MS, false);
    faults_end(w);
    run_until(w, w->now + AFTERWARDS_MS, false);
    w->clients_done = true;
    run_until(w, w->now + SETTLED_MS, true);
    if (!w->broken[0])
        check_end(w);
    if (!w->broken[0])
        hand_over_once_more(w);
    return !w->broken[0];
}
