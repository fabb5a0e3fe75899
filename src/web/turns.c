#include "web/turns.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/memory.h"

struct lane {
    struct turn *first, **last; /* the first one is having its turn */
};

struct turns {
    struct lane lanes[TURNS_LANES];
};

struct turns *turns_new(void)
{
    struct turns *turns = xcalloc(1, sizeof *turns);
    for (size_t i = 0; i < TURNS_LANES; i++)
        turns->lanes[i].last = &turns->lanes[i].first;
    return turns;
}

void turns_free(struct turns *turns)
{
    free(turns);
}

/* Ids are random: any part of one will do. */
static struct lane *lane_of(struct turns *turns, const char *id)
{
    char figures[3];
    snprintf(figures, sizeof figures, "%s", id);
    return &turns->lanes[strtoul(figures, NULL, 16) % TURNS_LANES];
}

void turns_wait(struct turns *turns, const char *of, struct turn *turn, loop_call *go,
                void *context)
{
    assert(!turn->lane);
    *turn = (struct turn){.lane = lane_of(turns, of), .go = go, .context = context};
    *turn->lane->last = turn;
    turn->lane->last = &turn->next;
    if (turn->lane->first == turn)
        go(context);
}

bool turn_has_come(const struct turn *turn)
{
    return turn->lane && turn->lane->first == turn;
}

void turn_end(struct turn *turn)
{
    struct lane *lane = turn->lane;
    if (!lane)
        return;
    assert(lane->first == turn);
    lane->first = turn->next;
    if (!lane->first)
        lane->last = &lane->first;
    *turn = (struct turn){0};
    if (lane->first)
        lane->first->go(lane->first->context);
}
