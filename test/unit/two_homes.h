/* One home at two pools, without anything around it: a wire that can be cut, records that are
 * stored or lost, a clock that only moves when told. After every step it is checked what must
 * always be true: nobody serves a term that another serves or served, or that it released, a term
 * is opened once, and whoever takes what was released has all of it.
 *
 * A story stands in its test; what several stories need stands here. */
#ifndef POLLUX_TEST_TWO_HOMES_H
#define POLLUX_TEST_TWO_HOMES_H

#include "unit.h"

#include "base/memory.h"
#include "core/home.h"

enum { FAILURE_DETECTION_MS = 30000, OPENED_MAX = 4096 };

extern const char *const names[SIDES];

struct pool_here {
    struct home *home; /* NULL: the process is down */
    struct hold disk;  /* revision 0: an empty store */
    uint64_t head;
    bool storing; /* a record is on its way */
    bool stopped; /* by an administrator; the daemon remembers it across starts */
};

/* What a pool said to the demand that it was given last. */
struct said {
    bool done; /* it said something, or refused */
    struct error error;
    struct home_standing standing;
};

struct world {
    struct pool_here pools[SIDES];
    struct hold backups[SIDES]; /* older copies of the disks */
    bool put_back;              /* a store was: then only the tag keeps terms apart (rule 2) */
    bool cut;                   /* the wire */
    bool hold_back;             /* records wait until told */
    bool copies;                /* the Backup Service works */
    uint64_t now, dice;
    struct term opened[OPENED_MAX];
    size_t opened_count;
    struct term released[SIDES]; /* the last term that this side gave away, … */
    uint64_t released_at;        /* … at which usn */
    unsigned taken[SIDES];       /* how often it took what was released to it */
    struct said said[SIDES];
    struct {
        bool asked;
        struct home_question question;
        bool answered;
        struct home_answer answer;
    } wire[SIDES]; /* to that side */
};

uint64_t roll(struct world *w);
struct world *world_new(uint64_t seed);
void world_free(struct world *w);
DEFINE_OWNED(struct world *, world_free)

/* What happens. */
enum failure step(struct world *w, enum side side, struct home_event event);
void stored(struct world *w, enum side side, bool success); /* or not: what is on its way */
void start(struct world *w, enum side side);
void stop(struct world *w, enum side side);
void restart(struct world *w, enum side side);
void heartbeat(struct world *w, enum side from);
void deliver(struct world *w, enum side to);
void pass(struct world *w, uint64_t ms);   /* both tick, talk, and what is under way arrives */
void freeze(struct world *w, uint64_t ms); /* neither runs */
void create(struct world *w);
void force(struct world *w, enum side side);
void stop_pool(struct world *w, enum side side, bool stopped);

/* A pool is told something by its partner: what it said is in `said`. */
enum failure demand(struct world *w, enum side holder, struct home_demanded demanded);
enum failure take(struct world *w, enum side side, struct term to, bool alone);
/* What a home with this head adds up to. */
struct home_point point_at(uint64_t head);

enum mode mode(const struct world *w, enum side side);
uint64_t number(const struct world *w, enum side side);

/* The home pool serves in term 2, its partner stands by. */
struct world *paired_world(void);

#endif
